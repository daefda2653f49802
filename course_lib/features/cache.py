"""Rows of numbers kept in files, found again by a code that says what they were computed from (lesson 9)."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np

from course_lib.paths import write_atomically


class FeatureCache:
    """Features by code: one file for each batch, so a run that is stopped keeps what it had.

    A file that is damaged counts as none.

    Args:
        folder: where the files lie; it is made with the first rows.

    Example:
        >>> import tempfile
        >>> cache = FeatureCache(tempfile.mkdtemp())
        >>> cache.add(["a", "b"], np.array([[1, 2], [3, 4]]))
        >>> cache.missing(["a", "c"]), cache.table(["b", "a"]).tolist()
        (['c'], [[3, 4], [1, 2]])
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._rows: dict[str, np.ndarray] = {}
        for path in self.folder.glob("*.npz"):
            with suppress(OSError, EOFError, ValueError, KeyError, BadZipFile), np.load(path) as kept:
                self._rows |= zip(kept["codes"].tolist(), kept["rows"], strict=True)

    def missing(self, codes: Sequence[str]) -> list[str]:
        """The codes of which nothing is kept, each once."""
        return [code for code in dict.fromkeys(codes) if code not in self._rows]

    def add(self, codes: Sequence[str], rows: np.ndarray) -> None:
        """Keep the rows of these codes."""
        with write_atomically(self.folder / f"{uuid4().hex}.npz") as temporary:
            np.savez(temporary, codes=np.array(codes), rows=rows)
        self._rows |= zip(codes, rows, strict=True)

    def table(self, codes: Sequence[str]) -> np.ndarray:
        """The rows of these codes, (N, …)."""
        return np.stack([self._rows[code] for code in codes])
