"""Rows of numbers kept on the disk, found again by a code that says what they were computed from.

It works for `course_lib.features.extraction` (lesson 9). A folder holds *parts*: files that are written under a
temporary name, renamed when complete, and never changed after that. So several processes can
read and add parts at once without a lock, and a killed one leaves nothing that others wait for.
"""

import time
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import numpy as np

from course_lib.paths import write_atomically

BLOCK = 1024  # rows handled at a time, so that memory does not grow with the number of photos
ABANDONED = 3600  # seconds after which a temporary file belongs to a process that was killed


class FeatureCache:
    """Features by code, in a folder that several processes may use at once (lesson 9).

    Args:
        folder: where the parts lie; it is made when the first one is written.
        width: numbers in a row. Parts of another width are ignored.
        kind: float32, or float16 for half the space.

    Example:
        >>> import tempfile
        >>> with FeatureCache(tempfile.mkdtemp(), width=2) as cache:
        ...     cache.add(["a", "b"], np.array([[1, 2], [3, 4]]))
        ...     "b" in cache, cache.table(["b", "a"]).tolist()
        (True, [[3.0, 4.0], [1.0, 2.0]])
    """

    def __init__(self, folder: str | Path, width: int, kind: type = np.float32):
        self.folder = Path(folder)
        self.kind = np.dtype(kind).newbyteorder("<")
        self.dtype = np.dtype([("code", "S32"), ("checksum", "<u4"), ("features", self.kind, (width,))])
        self._parts: dict[Path, _Part] = {}
        self._damaged: set[Path] = set()
        self._place: dict[bytes, tuple[_Part, int]] = {}
        self.refresh()

    def __contains__(self, code: str) -> bool:
        return code.encode() in self._place

    def __enter__(self) -> "FeatureCache":
        return self

    def __exit__(self, *error: object) -> None:
        """Close the files; tables that were handed out stay readable."""
        for part in self._parts.values():
            part.close()

    def refresh(self) -> None:
        """Take in the parts that other processes have added since."""
        for path in self.folder.glob("[!.]*.npy"):
            if path in self._parts or path in self._damaged:
                continue
            try:
                self._take_in(_Part(path, self.dtype))
            except (OSError, ValueError) as error:
                self._damaged.add(path)  # its rows are made again
                if isinstance(error, FileNotFoundError):
                    # Another process has merged it into a new part in this moment: look again.
                    return self.refresh()

    def _take_in(self, part: "_Part") -> None:
        self._parts[part.path] = part
        # Backwards, so that of two rows with one code the first is found.
        self._place |= {code: (part, row) for row, code in reversed(part.sound_rows())}

    def add(self, codes: Sequence[str], features: np.ndarray) -> None:
        """Keep rows, (N, width), under their codes, (N,)."""
        rows = np.zeros(len(codes), self.dtype)
        rows["code"], rows["features"] = codes, features
        rows["checksum"] = [_checksum(row) for row in rows]
        self._write([rows], len(rows))

    def _write(self, blocks: Iterable[np.ndarray], count: int) -> "_Part":
        path = self.folder / f"{uuid4().hex}.npy"
        with write_atomically(path) as temporary, open(temporary, "wb") as file:
            header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False}
            np.lib.format.write_array_header_1_0(file, header | {"shape": (count,)})
            for block in blocks:
                block.tofile(file)
        part = _Part(path, self.dtype)
        self._take_in(part)
        return part

    def merge(self, codes: Sequence[str]) -> None:
        """Write one part with the rows in this order, then the other rows; remove the old parts."""
        wanted = [code.encode() for code in codes]
        first = set(wanted)
        others = [code for code in self._place if code not in first]
        order, old = [*wanted, *others], list(self._parts.values())
        self._write((self._read(order[at : at + BLOCK]) for at in range(0, len(order), BLOCK)), len(order))
        for part in old:
            del self._parts[part.path]
            part.close()
        for path in [*(part.path for part in old), *self._damaged]:
            _remove(path)
        self._damaged.clear()
        for file in self.folder.glob(".*.npy"):
            with suppress(FileNotFoundError):  # its process is alive and has renamed it
                if time.time() - file.stat().st_mtime > ABANDONED:
                    _remove(file)

    def table(self, codes: Sequence[str]) -> np.ndarray:
        """The features of these codes, (N, width), read-only where it is a map of the file.

        Rows that lie in this order in one part are mapped: the disk is read as they are used.
        Others are copied into memory.
        """
        wanted = [code.encode() for code in codes]
        part, start = self._place[wanted[0]]
        if part.holds(wanted, start):
            return part.map(start, len(wanted))["features"]
        features = np.empty((len(wanted), *self.dtype["features"].shape), self.kind)
        for at in range(0, len(wanted), BLOCK):
            features[at : at + BLOCK] = self._read(wanted[at : at + BLOCK])["features"]
        return features

    def _read(self, codes: list[bytes]) -> np.ndarray:
        """A copy of the rows with these codes, from whatever parts they lie in."""
        rows = np.empty(len(codes), self.dtype)
        places = [self._place[code] for code in codes]
        for part in {id(part): part for part, _ in places}.values():
            here = [number for number, (other, _) in enumerate(places) if other is part]
            rows[here] = part.map()[[places[number][1] for number in here]]
        return rows


class _Part:
    """One complete file of rows. It stays open, so it can be read even after its name is gone."""

    def __init__(self, path: Path, dtype: np.dtype):
        self.path, self.dtype = path, dtype
        self._file = open(path, "rb")  # noqa: SIM115
        try:
            np.lib.format.read_magic(self._file)
            (count,), _, found = np.lib.format.read_array_header_1_0(self._file)
            self._offset = self._file.tell()
            if found != dtype or path.stat().st_size != self._offset + count * dtype.itemsize:
                raise ValueError(f"{path} has another layout")
        except BaseException:
            self._file.close()
            raise
        self.count = count
        self._codes = np.zeros(count, "S32")

    def sound_rows(self) -> list[tuple[int, bytes]]:
        """Number and code of each row whose checksum is right; read in blocks, not mapped."""
        sound = []
        for start in range(0, self.count, BLOCK):
            rows = np.fromfile(self._file, self.dtype, min(BLOCK, self.count - start))
            for number, row in enumerate(rows, start):
                if row["checksum"] == _checksum(row):
                    self._codes[number] = row["code"]
                    sound.append((number, bytes(row["code"])))
        return sound

    def holds(self, codes: list[bytes], start: int) -> bool:
        """Whether these codes stand here one after the other."""
        return np.array_equal(self._codes[start : start + len(codes)], np.array(codes, "S32"))

    def map(self, start: int = 0, count: int | None = None) -> np.memmap:
        """Rows of the file, read from the disk when they are used."""
        count = self.count if count is None else count
        offset = self._offset + start * self.dtype.itemsize
        return np.memmap(self._file, self.dtype, "r", offset, (count,))

    def close(self) -> None:
        self._file.close()


def _remove(path: Path) -> None:
    # Windows does not remove a file that is mapped; then it stays until the next merge.
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _checksum(row: np.void) -> int:
    return zlib.crc32(row["features"].tobytes(), zlib.crc32(row["code"]))
