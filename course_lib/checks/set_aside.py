"""Set photos aside so that nothing is lost and every step can be undone.

Introduced in lesson 2.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from course_lib.data import photo_folder
from course_lib.errors import CourseError
from course_lib.paths import make_folder, shorten, write_atomically

LOG = "quarantine_log.csv"
COLUMNS = ["original", "kept", "problems"]


def quarantine(
    findings_or_paths: pd.DataFrame | Iterable[str | os.PathLike], folder: str | os.PathLike
) -> pd.DataFrame:
    """Move the chosen photos into a folder and write down where they came from.

    Args:
        findings_or_paths: rows of the table of `check_folder` that you chose, or paths.
            Findings about files that are not there are passed over.
        folder: where to; outside the photo folder, or the next check would find them again.

    Returns:
        The log: ``original`` (full path), ``kept`` (relative to the folder), ``problems``.

    Raises:
        CourseError: a photo is missing or lies outside the photo folder, or the
            quarantine lies inside it. Nothing was moved then.

    Example:
        >>> import tempfile
        >>> base = Path(tempfile.mkdtemp())
        >>> photo = base / "cell.png"
        >>> photo.touch()
        >>> _ = quarantine([photo], base / "set_aside")
        >>> photo.exists(), (base / "set_aside" / "cell.png").exists()
        (False, True)
        >>> _ = undo_quarantine(base / "set_aside")
        >>> photo.exists()
        True
    """
    folder = Path(os.path.abspath(folder))
    moves = _planned(findings_or_paths, folder)
    make_folder(folder)
    log = _read_log(folder)
    already = len(log)
    taken = {row["kept"] for row in log}
    for original, wanted, problems in moves:
        kept = _free_name(folder, wanted, taken)
        taken.add(kept)
        log.append({"original": str(original), "kept": kept, "problems": problems})
    # The log comes first: whatever interrupts the moving, undo knows the way back.
    _write_log(folder, log)
    for row in log[already:]:
        target = folder / row["kept"]
        make_folder(target.parent)
        shutil.move(row["original"], target)
    return pd.DataFrame(log, columns=COLUMNS)


def _planned(chosen: pd.DataFrame | Iterable[str | os.PathLike], folder: Path) -> list[tuple[Path, Path, str]]:
    """(original, wanted name in the quarantine, problems), each photo once."""
    if not isinstance(chosen, pd.DataFrame):
        if isinstance(chosen, str | os.PathLike):
            chosen = [chosen]
        originals = dict.fromkeys(Path(os.path.abspath(path)) for path in chosen)
        if gone := [original for original in originals if not os.path.lexists(original)]:
            raise CourseError(f"There is no photo {shorten(gone[0])}; nothing was moved.")
        return [(original, Path(original.name), "") for original in originals]
    source = Path(os.path.abspath(photo_folder(chosen)))
    if folder.is_relative_to(source):
        raise CourseError(
            f"The quarantine {shorten(folder)} lies inside the photo folder, where the next check "
            "would find the photos again; choose a folder beside it."
        )
    moves = []
    for name, rows in chosen.groupby("path", sort=True):
        original = Path(os.path.abspath(source / name))
        if not original.is_relative_to(source):
            raise CourseError(f"{name} lies outside the photo folder; nothing was moved.")
        # A row of a label table may name a file that is not there, or a folder.
        if os.path.lexists(original) and (original.is_symlink() or not original.is_dir()):
            problems = "; ".join(sorted(set(rows["problem"])))
            moves.append((original, original.relative_to(source), problems))
    return moves


def _free_name(folder: Path, wanted: Path, taken: set[str]) -> str:
    kept, number = wanted, 2
    while kept.as_posix() in taken or os.path.lexists(folder / kept) or kept.name == LOG:
        kept = wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
        number += 1
    return kept.as_posix()


def undo_quarantine(folder: str | os.PathLike) -> pd.DataFrame:
    """Put all photos of a quarantine back where they were.

    A place that is taken by now is not overwritten: that photo stays in quarantine and in
    the log.

    Returns:
        The photos that came back: ``original``, ``kept``, ``problems``.

    Raises:
        CourseError: the folder has no quarantine log.
    """
    folder = Path(os.path.abspath(folder))
    if not (folder / LOG).exists():
        raise CourseError(f"{shorten(folder)} has no {LOG}, so there is nothing to put back.")
    restored, remaining = [], []
    for row in _read_log(folder):
        original, kept = Path(row["original"]), folder / row["kept"]
        if not os.path.lexists(kept):
            continue
        if os.path.lexists(original):
            remaining.append(row)
            continue
        make_folder(original.parent)
        shutil.move(kept, original)
        restored.append(row)
    _write_log(folder, remaining)
    if not remaining:
        (folder / LOG).unlink()
    return pd.DataFrame(restored, columns=COLUMNS)


def _read_log(folder: Path) -> list[dict[str, str]]:
    if not (folder / LOG).exists():
        return []
    table = pd.read_csv(folder / LOG, dtype=str, keep_default_na=False, encoding_errors="surrogateescape")
    return table.to_dict("records")


def _write_log(folder: Path, rows: list[dict[str, str]]) -> None:
    with write_atomically(folder / LOG) as temporary:
        table = pd.DataFrame(rows, columns=COLUMNS)
        table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8", errors="surrogateescape")
