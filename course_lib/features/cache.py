"""Rows of numbers kept in one file, found again by a code that says what they were computed from (lesson 9)."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import numpy as np

from course_lib.datasets import write_rows
from course_lib.paths import file_hash, write_atomically


class FeatureCache:
    """Features by code: one file of rows, and beside it ``kept.json`` with its name and its hash.

    A file that is missing, damaged or half replaced counts as none. A new file gets a new name, because
    Windows does not replace one that is mapped. Two processes at once compute the same twice, and the
    later one's file stays.

    Args:
        folder: where the file lies; it is made with the first rows.

    Example:
        >>> import tempfile
        >>> cache = FeatureCache(tempfile.mkdtemp())
        >>> cache.add(["b", "a"], [(["a", "b"], np.array([[1, 2], [3, 4]]))])
        >>> cache.missing(["a", "c"]), cache.table(["b", "a"]).tolist()
        (['c'], [[3, 4], [1, 2]])
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._path: Path | None = None
        self._place: dict[bytes, int] = {}
        with suppress(OSError, EOFError, ValueError, KeyError, TypeError):  # none, or damaged
            kept = json.loads((self.folder / "kept.json").read_text(encoding="utf-8"))
            self._path = self.folder / Path(kept["file"]).name  # nothing elsewhere is ever removed
            if file_hash(self._path) == kept["sha256"]:
                self._open(self._path)

    def _open(self, path: Path) -> None:
        self._path, self._rows = path, np.load(path, mmap_mode="r")
        self._place = {code: number for number, code in enumerate(self._rows["code"].tolist())}

    def missing(self, codes: Sequence[str]) -> list[str]:
        """The codes of which nothing is kept, each once."""
        return [code for code in dict.fromkeys(codes) if code.encode() not in self._place]

    def add(self, order: Sequence[str], batches: Iterable[tuple[Sequence[str], np.ndarray]]) -> None:
        """Keep what the batches give: codes and their rows.

        Args:
            order: the codes whose rows stand first in the file, in this order.
        """
        found: dict[bytes, np.ndarray] = {}
        try:
            for codes, rows in batches:
                found |= {code.encode(): row for code, row in zip(codes, rows, strict=True)}
        finally:  # a run that is stopped keeps what it had
            if found:
                self._write([code.encode() for code in order], found)

    def _write(self, order: list[bytes], found: dict[bytes, np.ndarray]) -> None:
        codes = [code for code in dict.fromkeys([*order, *self._place]) if code in found or code in self._place]
        first, old = next(iter(found.values())), self._path
        path = self.folder / f"{uuid4().hex}.npy"
        row = np.zeros(1, [("code", "S32"), ("features", first.dtype, first.shape)])

        def rows() -> Iterator[np.ndarray]:
            for code in codes:
                row["code"] = code
                row["features"] = found[code] if code in found else self._rows["features"][self._place[code]]
                yield row

        write_rows(path, row.dtype, (len(codes),), rows())
        with write_atomically(self.folder / "kept.json") as temporary:
            temporary.write_text(json.dumps({"file": path.name, "sha256": file_hash(path)}), encoding="utf-8")
        self._open(path)
        if old is not None:
            with suppress(OSError):  # mapped on Windows
                old.unlink()

    def table(self, codes: Sequence[str]) -> np.ndarray:
        """The rows of these codes, (N, …): a read-only map where they stand in this order, else a copy."""
        places = [self._place[code.encode()] for code in codes]
        start = places[0]
        in_order = places == list(range(start, start + len(places)))
        return self._rows["features"][slice(start, start + len(places)) if in_order else places]
