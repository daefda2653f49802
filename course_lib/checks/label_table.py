"""Compare a table of labels with the photos that are there (lesson 2)."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from course_lib.checks.together import Finding
from course_lib.data import find_table, match_photos, read_table, same_name
from course_lib.errors import CourseError


def find_label_table(folder: Path, labels: str | os.PathLike | None, findings: list[Finding]) -> pd.DataFrame | None:
    """The label table given, or the one that lies in the folder, as `read_table` gives it; or None.

    Raises:
        CourseError: the table given cannot be read. One that only lies in the folder
            becomes a finding instead.
    """
    if labels is not None:
        return read_table(labels)
    if (file := find_table(folder)) is not None:
        try:
            return read_table(file)
        except CourseError as error:
            findings.append((file.name, "label table", str(error)))
    return None


def labels_of_table(table: pd.DataFrame | None, files: Sequence[str]) -> dict[str, str]:
    """The label of each file that the table names."""
    if table is None or "label" not in table:
        return {}
    return dict(zip(match_photos(table["path"], files), table["label"].fillna(""), strict=True))


def check_labels(table: pd.DataFrame, files: Sequence[str]) -> Iterator[Finding]:
    """Rows without a file, files without a row, and labels that contradict each other.

    Args:
        table: from `find_label_table`.
        files: relative to the photo folder, with "/".

    Example:
        >>> table = pd.DataFrame({"path": ["a.png", "b.png"]})
        >>> list(check_labels(table, ["a.png", "c.png"]))
        [('b.png', 'row without file', 'the table names it'),
         ('c.png', 'file without row', 'the table does not name it')]
    """
    labels = table["label"].fillna("") if "label" in table else pd.Series("", table.index)
    rows = pd.DataFrame({"path": table["path"], "file": match_photos(table["path"], files), "label": labels})
    for path in rows.loc[rows["file"] == "", "path"]:
        yield path, "row without file", "the table names it"
    labels_of = rows.groupby("file")["label"].agg(list).to_dict()
    folders = {same_name(file.split("/")[0]) for file in files if "/" in file}
    for file in files:
        folder, found = file.split("/")[0] if "/" in file else "", labels_of.get(file, [])
        if not found:
            yield file, "file without row", "the table does not name it"
        elif len(found) > 1:
            yield file, "label table", f"{len(found)} rows name it ({', '.join(found)})"
        elif same_name(found[0]) in folders - {same_name(folder)}:
            yield file, "label differs from folder", f"'{found[0]}' in the table, '{folder}' as folder"
