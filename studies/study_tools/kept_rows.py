"""A results table that is saved after each row, so that a stopped study goes on where it was."""

from collections.abc import Sequence

import pandas as pd

from course_lib.errors import CourseError
from course_lib.paths import shorten, write_atomically
from study_tools import results_folder


class KeptRows:
    """The rows of one study, on the disk after each of them.

    Args:
        name: of the results; they lie in NAME.csv.
        keys: the columns that together tell one row from another.
        limit: as for `study_tools.results_folder`; a short trial has a table of its own.

    Raises:
        CourseError: the file that is there holds another table.
    """

    def __init__(self, name: str, keys: Sequence[str], limit: int | None = None):
        self.file, self.keys = results_folder(limit) / f"{name}.csv", list(keys)
        self.table = pd.read_csv(self.file) if self.file.exists() else pd.DataFrame()
        missing = [key for key in keys if key not in self.table]
        if len(self.table) and missing:
            raise CourseError(
                f"The results {shorten(self.file)} have no column '{missing[0]}', so they come from "
                "another version of this study; move them away to measure anew."
            )

    def __contains__(self, row: dict) -> bool:
        return bool(self._same(row).any())

    def add(self, row: dict) -> None:
        """Add a row, or put it in the place of the one with the same keys; save the table."""
        kept = self.table[~self._same(row)] if len(self.table) else self.table
        self.table = pd.concat([kept, pd.DataFrame([row]).round(4)], ignore_index=True)
        with write_atomically(self.file) as temporary:
            self.table.to_csv(temporary, index=False, lineterminator="\n")

    def _same(self, row: dict) -> pd.Series:
        """For each row of the table, whether it has these keys."""
        if self.table.empty:
            return pd.Series(dtype=bool)
        return (self.table[self.keys] == pd.Series(row)[self.keys]).all(axis=1)
