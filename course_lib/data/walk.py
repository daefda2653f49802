"""The one walk through a photo folder: index, check and inspection see the same files (lesson 2)."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

# What systems keep beside photos, such as thumbnails and deleted files; "#2" may well be a lot.
HIDDEN = re.compile(
    r"(^|/)(\.|(@eaDir|@tmp|@Recycle|@Recently-Snapshot|@__thumb|#recycle|#snapshot|\$RECYCLE\.BIN|"
    r"__MACOSX|lost\+found|System Volume Information)/)",
    re.IGNORECASE,
)


@dataclass
class Walk:
    """What lies below a folder.

    Attributes:
        files: paths relative to the folder, with "/", sorted. Whatever their ending.
        passed_over: hidden files, and folders (they end with "/") that were not entered; with the reason.
    """

    files: list[str] = field(default_factory=list)
    passed_over: dict[str, str] = field(default_factory=dict)


def walk(folder: str | os.PathLike, leave_out: str | os.PathLike | None = None) -> Walk:
    """All files below a folder; nothing is opened and nothing raises.

    A link to a folder is followed, but not in a circle, and not to what is searched anyway.

    Args:
        folder: where to begin.
        leave_out: a folder that is not entered, such as one for results.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("b.png", ".hidden.png", "a.txt"):
        ...     (folder / name).touch()
        >>> walk(folder)
        Walk(files=['a.txt', 'b.png'], passed_over={'.hidden.png': 'hidden'})
    """
    folder, found = Path(folder), Walk()
    entered: set[str] = set()
    waiting = [folder]  # what really lies here comes first, then the links that were met on the way

    def report(error: OSError) -> None:
        found.passed_over[_place(folder, error.filename)] = f"may not be listed ({error.strerror})"

    def why_not(path: Path) -> str:
        if is_hidden(_place(folder, path)):
            return "hidden"
        real = os.path.realpath(path)
        if leave_out is not None and real == os.path.realpath(leave_out):
            return "left out"
        above = os.path.join(os.path.realpath(folder), "").startswith(os.path.join(real, ""))
        return "a link to a folder that is searched anyway" if above or real in entered else ""

    while waiting:
        top = waiting.pop(0)
        if top != folder and (why := why_not(top)):
            found.passed_over[_place(folder, top)] = why
            continue
        for parent, folders, files in os.walk(top, onerror=report):
            entered.add(os.path.realpath(parent))
            paths = [Path(parent, name) for name in sorted(folders)]
            links = [path for path in paths if path.is_symlink()]
            waiting += links
            reasons = {path: why_not(path) for path in paths if path not in links}
            found.passed_over |= {_place(folder, path): why for path, why in reasons.items() if why}
            folders[:] = [path.name for path, why in reasons.items() if not why]
            for name in (_place(folder, Path(parent, name))[:-1] for name in files):
                if is_hidden(name):
                    found.passed_over[name] = "hidden"
                else:
                    found.files.append(name)
    found.files.sort()
    return found


def _place(folder: Path, path: str | os.PathLike) -> str:
    """A folder as `Walk` names it: relative, with "/" between and at the end."""
    return f"{Path(path).relative_to(folder).as_posix()}/"


def is_hidden(path: str) -> bool:
    """Whether a file is hidden, or lies in a folder of the system and not of the learner.

    Args:
        path: below the photo folder, with ``/``; that of a folder ends with ``/``.

    Example:
        >>> [is_hidden(path) for path in ("good/.a.png", "good/@eaDir/a.png", "$RECYCLE.BIN/")]
        [True, True, True]
        >>> is_hidden("good/#2/@a.png")
        False
    """
    return bool(HIDDEN.search(path))
