"""Where files go, and how they get there without ever being half written.

Introduced in lesson 1, which prints these folders.
"""

import errno
import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from course_lib.errors import CourseError

if TYPE_CHECKING:  # this door is entered by everybody, also where pandas is not needed
    import pandas as pd


def project_folder() -> Path:
    """The folder of the course: the one that holds ``lessons/`` and ``course_lib/``.

    Usually that is where this file lies. A package in ``site-packages`` lies outside of the course;
    then it is the course around the current folder and, where there is none, the current folder
    itself: nothing is ever written beside an installed package. The variable ``COURSE_PROJECT``
    overrides all this.
    """
    if chosen := os.environ.get("COURSE_PROJECT"):
        return Path(chosen)
    here = Path.cwd()
    around = (Path(__file__).resolve().parents[1], here, *here.parents)
    return next((folder for folder in around if _is_course(folder)), here)


def course_is_here() -> bool:
    """Whether the whole course is here, or only the package ``course_lib`` with its commands."""
    return _is_course(project_folder())


def _is_course(folder: Path) -> bool:
    return (folder / "lessons").is_dir() and (folder / "course_lib").is_dir()


def data_folder() -> Path:
    """Where photos are laid out: ``data/`` in the course, or ``COURSE_DATA``."""
    return Path(os.environ.get("COURSE_DATA", project_folder() / "data"))


def work_folder() -> Path:
    """Where lessons keep what they made (checkpoints, features, reports).

    It is ``work/`` in the course, or ``COURSE_WORK``. Everything in it can be
    deleted, because the lessons make it again; only ``quiz`` holds what is the learner's own.
    """
    return Path(os.environ.get("COURSE_WORK", project_folder() / "work"))


def kept_folder(photos: str | os.PathLike) -> Path:
    """Where the results of one photo folder are kept: its split, its models, its reports.

    For the solar cells it is ``work/solar_cells``; for another folder its name is followed by a
    short hash of its place, so that two folders of the same name never share a split or a model.
    """
    folder = Path(photos).resolve()
    if folder.parent == data_folder().resolve():
        return make_folder(work_folder() / folder.name)
    place = hashlib.sha256(str(folder).encode(errors="surrogateescape")).hexdigest()[:6]
    return make_folder(work_folder() / f"{folder.name}-{place}")


def shorten(path: str | os.PathLike) -> str:
    """A path as a lesson prints it: relative to the course where it lies inside it.

    Example:
        >>> shorten(project_folder() / "lessons" / "01_introduction.ipynb")
        'lessons/01_introduction.ipynb'
    """
    path = Path(path)
    for base, name in ((work_folder(), "work"), (data_folder(), "data"), (project_folder(), "")):
        if path.is_relative_to(base):
            return (Path(name) / path.relative_to(base)).as_posix()
    return path.as_posix()


def make_folder(folder: str | os.PathLike) -> Path:
    """Make a folder with its parents and return it.

    Raises:
        CourseError: the folder cannot be made, with the reason and the way out.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(
            f"The folder {shorten(folder)} cannot be made ({error.strerror}); free the name or "
            "the permission, or set COURSE_WORK and COURSE_DATA to folders you may write to."
        ) from error
    return folder


@contextmanager
def write_atomically(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write to; rename it when all is written.

    Whoever reads ``path`` sees the old file or the new one, never half of one, and an
    error or an interrupt in between leaves the old file as it was.

    Raises:
        CourseError: the folder of ``path`` cannot be written to, the disk (or one's share of it)
            is full.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "notes.txt"
        >>> with write_atomically(target) as temporary:
        ...     _ = temporary.write_text("done")
        >>> target.read_text()
        'done'
    """
    path = Path(path)
    make_folder(path.parent)
    if not os.access(path.parent, os.W_OK):
        raise _write_protected(path)
    # The ending stays, because some writers choose the format by it.
    temporary = path.with_name(f".{path.stem}-{uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        try:
            _replace(temporary, path)
        except OSError as error:
            raise CourseError(
                f"The file {shorten(path)} cannot be replaced ({error.strerror}); close the program that "
                "has it open, or allow writing there."
            ) from error
    except OSError as error:
        # Windows tells only now that a folder belongs to others.
        if isinstance(error, PermissionError) and error.filename == str(temporary):
            raise _write_protected(path) from error
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise CourseError(
            f"There is no room left for {path.name} in {shorten(path.parent)}; make room, or set "
            "COURSE_WORK to a folder on another disk."
        ) from error
    finally:
        with suppress(OSError):  # what cannot be removed must not hide what went wrong
            temporary.unlink(missing_ok=True)


def file_hash(path: str | os.PathLike) -> str:
    """SHA-256 of a file's bytes: another hash, another file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_protected(path: Path) -> CourseError:
    return CourseError(
        f"The folder {shorten(path.parent)} is write-protected, so {path.name} cannot be saved; allow "
        "writing there, or set COURSE_DATA and COURSE_WORK to other folders."
    )


def _replace(temporary: Path, path: Path) -> None:
    """Rename; on Windows a virus scanner that looks at a file forbids it for a moment."""
    for seconds in (0.05, 0.2, 0.8):
        with suppress(PermissionError):
            return os.replace(temporary, path)
        time.sleep(seconds)
    return os.replace(temporary, path)


def say(text: str) -> None:
    """Print a text wherever it goes: a letter that a terminal does not know is written as a code.

    A program without a terminal, such as a service of Windows, prints nothing.

    Example:
        >>> say("3 files checked")
        3 files checked
    """
    if sys.stdout is not None:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def write_csv(table: "pd.DataFrame", path: str | os.PathLike, excel: bool = False) -> Path:
    """Write a table as CSV in UTF-8, in which no cell is taken for a formula.

    Args:
        table: what to write, without its index.
        path: the file.
        excel: add the mark that Excel needs for Japanese.

    Raises:
        CourseError: as `write_atomically`.
    """
    path = Path(path)
    text = csv_text(table)
    with write_atomically(path) as temporary:
        # Half a letter in a cell must not stop the table.
        temporary.write_bytes(text.encode("utf-8-sig" if excel else "utf-8", "backslashreplace"))
    return path


def append_csv(table: "pd.DataFrame", path: str | os.PathLike) -> None:
    """Add rows to a CSV file for Excel, all in one step; a new file begins with the names of the columns.

    Raises:
        CourseError: the file cannot be written to.
    """
    if not os.path.exists(path):
        write_csv(table, path, excel=True)
    elif len(table):
        _append(Path(path), csv_text(table, header=False))


def csv_text(table: "pd.DataFrame", header: bool = True) -> str:
    """A table as lines of CSV, in which no cell is taken for a formula and what is not a number is empty.

    Example:
        >>> import pandas as pd
        >>> csv_text(pd.DataFrame({"path": ["a, b.png", "=c.png"], "share": [0.5, math.nan]})).splitlines()
        ['path,share', '"a, b.png",0.5', "'=c.png,"]
    """
    return table.map(safe_cell).rename(columns=safe_cell).to_csv(index=False, header=header, lineterminator="\r\n")


def safe_cell(value: Any) -> Any:
    """A cell that a spreadsheet shows as text and never runs as a formula.

    Text that begins with one of ``= + - @`` or a tab gets an apostrophe in front (OWASP, "CSV
    Injection").

    Example:
        >>> safe_cell("=1+1"), safe_cell("five"), safe_cell(-3)
        ("'=1+1", 'five', -3)
    """
    if isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "＝")):
        return "'" + value
    return value


def plain(value: object) -> Any:
    """A value as JSON knows it: numbers of NumPy, pandas and PyTorch as Python's, what is not a number as None.

    Example:
        >>> plain({"folder": Path("data"), "shares": (0.5, math.nan)})
        {'folder': 'data', 'shares': [0.5, None]}
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def append_json_line(path: str | os.PathLike, record: dict) -> None:
    """Add one record to a log: a text file with one JSON object in each line.

    Args:
        path: the log; it is made with its folder where it is not there yet.
        record: texts, numbers, lists and dicts as JSON knows them.

    Raises:
        CourseError: the log cannot be written to.
    """
    _append(Path(path), json.dumps(record, ensure_ascii=False) + "\n")


def _append(path: Path, lines: str) -> None:
    """Add whole lines to a file in one step."""
    make_folder(path.parent)
    try:
        with path.open("ab+") as log:
            if log.seek(0, os.SEEK_END):
                log.seek(-1, os.SEEK_END)
                # A line that was broken off must not spoil this one.
                lines = lines if log.read(1) == b"\n" else "\n" + lines
            log.write(lines.encode(errors="backslashreplace"))
    except OSError as error:
        raise CourseError(
            f"The file {shorten(path)} cannot be written to ({error.strerror}); close the program that has it open, "
            "allow writing there, or make room on the disk."
        ) from error


def read_json_lines(path: str | os.PathLike) -> list[dict]:
    """All records of a log, the oldest first; a line that was broken off is passed over.

    Raises:
        CourseError: the log may not be read.
    """
    records = []
    try:
        lines = Path(path).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CourseError(f"The log {shorten(path)} may not be read ({error.strerror}); allow reading it.") from error
    for line in lines:
        with suppress(ValueError, RecursionError):
            records.append(json.loads(line.decode(errors="replace")))
    return [record for record in records if isinstance(record, dict)]
