"""What a class handed in: answer files in folders, in zips and in zips within them, whatever their encoding.

For instructors. The files come from other people's computers: nothing of them is executed, nothing is
unpacked to the disk, and what is far too large, or lies outside of its folder, is refused.
"""

import codecs
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

MOST_IN_A_FILE = 20_000_000  # bytes; a learner who solved everything ten times hands in one million
MOST_IN_A_ZIP = 200_000_000  # bytes when unpacked, the zips within it included
MOST_FILES = 20_000  # in one zip
DEEPEST = 3  # zips within zips; a learning platform makes two of them
# As learners send it: an editor adds .txt, a browser (1), and a mail program changes the ending.
ANSWERS = re.compile(r"\.jsonl\b|^answers-[^/]*\.(txt|json)$", re.IGNORECASE)
OTHER_ARCHIVE = re.compile(r"\.(7z|rar|tar|tgz|gz|bz2|xz)$", re.IGNORECASE)


@dataclass(frozen=True)
class HandedIn:
    """One file: its lines in UTF-8, or why it was not read ("" for what is no answer file at all)."""

    name: str
    lines: tuple[bytes, ...] = ()
    fault: str | None = None


def handed_in(folder: Path) -> Iterator[HandedIn]:
    """Every file in a folder, in its sub-folders and in zips; or those of one zip, or one file."""
    base = folder if folder.is_dir() else folder.parent
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        name = path.relative_to(base).as_posix()
        try:
            if path.is_symlink() and not path.resolve().is_relative_to(base.resolve()):
                yield HandedIn(_printable(name), fault="is a link that leaves the folder; copy the file here")
            elif path.is_dir():
                os.scandir(path).close()  # a folder that may not be read is not passed over in silence
            elif path.is_file():
                with path.open("rb") as file:
                    yield from _read(name, file, [MOST_IN_A_ZIP], 0)
        except (OSError, RuntimeError) as error:  # Python 3.11 and 3.12 call a link in a circle a RuntimeError
            yield HandedIn(_printable(name), fault=f"cannot be read ({getattr(error, 'strerror', error)})")


def _read(name: str, file: IO[bytes], left: list[int], depth: int) -> Iterator[HandedIn]:
    """A file, or those of a zip; ``left`` has the bytes that may still be unpacked."""
    shown, last = _printable(name), name.rpartition("/")[2]
    if last.startswith("._") or "__MACOSX/" in name:
        return  # macOS puts these beside each file
    if last.lower().endswith(".zip"):
        yield from _read_zip(name, file, left, depth)
    elif OTHER_ARCHIVE.search(last):
        yield HandedIn(shown, fault="is an archive of a kind that is not read; unpack it, or make a zip of it")
    elif not ANSWERS.search(last):
        yield HandedIn(shown, fault="")
    else:
        content = file.read(MOST_IN_A_FILE + 1)
        left[0] -= len(content) if depth else 0
        if len(content) > MOST_IN_A_FILE:
            yield HandedIn(shown, fault=f"is larger than {MOST_IN_A_FILE // 10**6} MB")
        else:
            yield HandedIn(shown, tuple(_lines(content)))


def _read_zip(name: str, file: IO[bytes], left: list[int], depth: int) -> Iterator[HandedIn]:
    shown = _printable(name)
    if depth == DEEPEST:
        yield HandedIn(shown, fault="is a zip in a zip in a zip in a zip; unpack it")
        return
    too_much = HandedIn(shown, fault=f"unpacks to more than {MOST_IN_A_ZIP // 10**6} MB; take out what is no answer")
    if depth:  # whole into the memory, because searching in it would unpack it again and again
        file = BytesIO(file.read(left[0] + 1))
        left[0] -= file.getbuffer().nbytes
    if left[0] < 0:
        yield too_much
        return
    try:
        archive = ZipFile(file)
    except Exception as error:  # a spoilt zip fails in many ways
        yield HandedIn(shown, fault=f"is no sound zip ({type(error).__name__})")
        return
    for number, entry in enumerate(archive.infolist()):
        inside = f"{name}/{entry.filename}".replace("\\", "/")
        if left[0] < 0 or number == MOST_FILES:
            yield too_much
            return
        if entry.is_dir():
            continue
        if fault := _refused(entry):
            yield HandedIn(_printable(inside), fault=fault)
            continue
        try:
            with archive.open(entry) as stream:
                yield from _read(inside, stream, left, depth + 1)
        except Exception as error:  # and a spoilt file in it must not cost the others
            yield HandedIn(_printable(inside), fault=f"cannot be unpacked ({type(error).__name__})")


def _refused(entry: ZipInfo) -> str:
    path = entry.filename.replace("\\", "/")
    if path.startswith("/") or ".." in path.split("/") or re.match("[A-Za-z]:", path):
        return "has a path that leaves the folder"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link"
    if entry.flag_bits & 1:
        return "is locked with a password"
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return "is packed in a way that is not read; unpack it"
    return ""


def _lines(content: bytes) -> list[bytes]:
    """The lines of a file in UTF-8: also from UTF-16, as editors on Windows write it."""
    start = content[:200]
    if 3 * start.count(0) > len(start):  # every second byte of English text in UTF-16 is 0
        marked = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "utf-16" if marked else "utf-16-le" if start[0] else "utf-16-be"
        content = content.decode(encoding, "replace").encode()
    return content.split(b"\n" if b"\n" in content else b"\r")


def _printable(name: str) -> str:
    """A file name that fits into any table and terminal, without half letters and control characters."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", name.encode(errors="backslashreplace").decode())
