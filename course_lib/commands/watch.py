"""``predict inspector --watch FOLDER``: judge each photo once, when it has arrived (lesson 10)."""

import csv
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pandas as pd

from course_lib.errors import CourseError
from course_lib.inspection import PhotoInspector, list_photos, photos_at_once
from course_lib.paths import append_csv, csv_text, safe_cell, say, shorten

SECONDS = 1.0  # between two looks; a photo that was written to in between waits for the next one


def watch(inspector: PhotoInspector, folder: str, file: str | None = None, heat_maps: str | None = None) -> int:
    """Judge what lies in a folder and what arrives there, until Ctrl+C.

    A photo that changes later is judged again. A second watch with the same file goes on where the first one ended.

    Args:
        inspector: what judges.
        folder: it may be empty, and change at any time.
        file: a CSV file that takes the rows, whole ones only; without it they are printed.
        heat_maps: as for `PhotoInspector.inspect`.

    Returns:
        The exit status: 1 if a photo could not be inspected, otherwise 0.

    Raises:
        CourseError: no such folder, or a file with other columns.
    """
    if not os.path.isdir(folder):
        raise CourseError(f"There is no folder {shorten(folder)} to watch; make it, or check the path.")
    columns = inspector.columns(heat_maps is not None)
    known, judged, problems = _written(file, columns), 0, 0
    if file is None:
        say(csv_text(pd.DataFrame(columns=columns)).rstrip())
    print(f"Watching {shorten(folder)}; Ctrl+C ends it.", file=sys.stderr)
    try:
        for paths in _arrivals(folder, heat_maps, known, photos_at_once(inspector.settings.size)):
            table = inspector.inspect(paths, progress=False, heat_maps=heat_maps)
            while not _handed_on(table, file):
                time.sleep(SECONDS)
            judged, problems = judged + len(table), problems + int((table["problem"] != "").sum())
    except KeyboardInterrupt:
        print(f"\nEnded: {judged} photos judged, {problems} of them could not be inspected.", file=sys.stderr)
    return int(problems > 0)


def _written(file: str | None, columns: list[str]) -> set[str]:
    """The photos that have a row in the file already."""
    if file is None or not os.path.exists(file):
        return set()
    with open(file, encoding="utf-8-sig", errors="replace", newline="") as opened:
        rows = csv.DictReader(opened)
        if rows.fieldnames != columns:
            raise CourseError(
                f"The file {shorten(file)} has other columns than {', '.join(columns)}; name another one."
            )
        return {row["path"] for row in rows}


def _arrivals(folder: str, heat_maps: str | None, known: set[str], count: int) -> Iterator[list[str]]:
    """The photos that have arrived, at most so many at once; it never ends."""
    before: dict[str, tuple] = {}
    judged: dict[str, tuple] = {}
    while True:
        now = {}
        with suppress(CourseError):  # no photo there, or no folder at the moment
            for path in map(str, list_photos(folder, heat_maps).photos):
                with suppress(OSError):  # gone again
                    state = os.stat(path)
                    now[path] = state.st_size, state.st_mtime_ns
        judged |= {path: now[path] for path in now.keys() - judged.keys() if safe_cell(shorten(path)) in known}
        arrived = [path for path in now if before.get(path) == now[path] != judged.get(path)]
        for start in range(0, len(arrived), count):
            yield arrived[start : start + count]
        judged |= {path: now[path] for path in arrived}
        before = now
        time.sleep(SECONDS)


def _handed_on(rows: pd.DataFrame, file: str | None) -> bool:
    """Print rows, or add them to the file, unless that cannot be written to now."""
    if file is None:
        say(csv_text(rows, header=False).rstrip())
        return True
    try:
        append_csv(rows, file)
    except CourseError as error:  # Excel has it open
        print(f"{error} The rows wait.", file=sys.stderr)
        return False
    return True
