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
        files: paths relative to the folder, with "/", sorted. Whatever their ending, but no hidden ones.
        passed_over: folders that were not entered (they end with "/"), with the reason.
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
        Walk(files=['a.txt', 'b.png'], passed_over={})
    """
    folder, found = Path(folder), Walk()
    searched = [folder.resolve()]  # and what links have led to

    def report(error: OSError) -> None:
        found.passed_over[f"{below(error.filename)}/"] = f"may not be listed ({error.strerror})"

    def below(path: str | os.PathLike) -> str:
        return Path(path).relative_to(folder).as_posix()

    def why_not(path: Path) -> str:
        if is_hidden(f"{below(path)}/"):
            return "hidden"
        real = path.resolve()
        if leave_out is not None and real == Path(leave_out).resolve():
            return "left out"
        if path.is_symlink():
            if any(real.is_relative_to(top) or top.is_relative_to(real) for top in searched):
                return "a link to a folder that is searched anyway"
            searched.append(real)
        return ""

    for parent, folders, files in os.walk(folder, onerror=report, followlinks=True):
        reasons = {name: why_not(Path(parent, name)) for name in sorted(folders)}
        found.passed_over |= {f"{below(Path(parent, name))}/": why for name, why in reasons.items() if why}
        folders[:] = [name for name, why in reasons.items() if not why]
        paths = (below(Path(parent, name)) for name in files)
        found.files += [path for path in paths if not is_hidden(path)]
    found.files.sort()
    return found


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
