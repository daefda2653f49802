"""Set photos aside so that nothing is lost and every step can be undone.

Introduced in lesson 2.
"""

import os
import shutil
from pathlib import Path

import pandas as pd

from course_lib.data import photo_folder
from course_lib.errors import CourseError
from course_lib.paths import append_json_line, make_folder, read_json_lines, shorten

LOG = "quarantine_log.jsonl"
COLUMNS = ["original", "kept", "problems"]


def quarantine(findings: pd.DataFrame, folder: str | os.PathLike) -> pd.DataFrame:
    """Move the photos of findings into a folder and write down where they came from.

    Args:
        findings: rows of the table of `check_folder` that you chose. Those about files that are not there,
            such as a row of the label table without a photo, are passed over.
        folder: where to; outside the photo folder, or the next check would find the photos again.

    Returns:
        What was moved: ``original`` and ``kept`` (full paths), ``problems``.

    Raises:
        CourseError: the quarantine lies inside the photo folder. Nothing was moved then.

    Example:
        >>> import tempfile
        >>> from course_lib.checks import check_folder
        >>> base = Path(tempfile.mkdtemp())
        >>> _ = make_folder(base / "photos")
        >>> (base / "photos" / "cell.png").touch()
        >>> _ = quarantine(check_folder(base / "photos", progress=False), base / "set_aside")
        >>> (base / "photos" / "cell.png").exists(), (base / "set_aside" / "cell.png").exists()
        (False, True)
        >>> _ = undo_quarantine(base / "set_aside")
        >>> (base / "photos" / "cell.png").exists()
        True
    """
    source, folder = Path(os.path.abspath(photo_folder(findings))), Path(os.path.abspath(folder))
    if folder.is_relative_to(source):
        raise CourseError(
            f"The quarantine {shorten(folder)} lies inside the photo folder, where the next check "
            "would find the photos again; choose a folder beside it."
        )
    moved = []
    for name, problems in findings.groupby("path")["problem"].unique().items():
        original, kept = Path(os.path.abspath(source / name)), folder / name
        if original.is_relative_to(source) and (original.is_file() or original.is_symlink()):
            while os.path.lexists(kept):  # a photo of this name was set aside before
                kept = kept.with_stem(f"{kept.stem}_again")
            row = {"original": str(original), "kept": str(kept), "problems": "; ".join(sorted(problems))}
            # The log comes first: whatever interrupts the moving, undo knows the way back.
            append_json_line(folder / LOG, row)
            make_folder(kept.parent)
            shutil.move(original, kept)
            moved.append(row)
    return pd.DataFrame(moved, columns=COLUMNS)


def undo_quarantine(folder: str | os.PathLike) -> pd.DataFrame:
    """Put all photos of a quarantine back where they were.

    A place that is taken by now is not overwritten: that photo stays in quarantine.

    Returns:
        The photos that came back: ``original``, ``kept``, ``problems``.

    Raises:
        CourseError: the folder has no quarantine log.
    """
    rows = read_json_lines(Path(folder) / LOG)
    if not rows:
        raise CourseError(f"{shorten(folder)} has no {LOG}, so there is nothing to put back.")
    restored = []
    for row in rows:
        if os.path.lexists(row["kept"]) and not os.path.lexists(row["original"]):
            make_folder(Path(row["original"]).parent)
            shutil.move(row["kept"], row["original"])
            restored.append(row)
    return pd.DataFrame(restored, columns=COLUMNS)
