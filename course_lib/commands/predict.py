"""``python -m course_lib predict inspector PATHS…``: inspect photos with a saved inspector (lesson 10)."""

import argparse
import json
import sys
from collections.abc import Sequence

import pandas as pd

from course_lib.commands.watch import watch
from course_lib.errors import CourseError
from course_lib.inspection import NoProgram, PhotoInspector, Program, list_photos
from course_lib.paths import say, shorten, write_csv


def main(arguments: Sequence[str]) -> int:
    """Inspect photos and print one row for each.

    Returns:
        The exit status: 0 if all photos were inspected, 1 if one could not be inspected, 3 if one is unlike
        those of the training and that was asked for.

    Raises:
        CourseError: no inspector, no photo, or a folder or file that cannot be written to.
        SystemExit: wrong use (2), or help was asked for (0).
    """
    parser = argparse.ArgumentParser(
        prog="python -m course_lib predict",
        description="Inspect photos: one row for each, on standard output.",
        epilog="Exit status: 0 all inspected, 1 a photo could not be inspected, 2 wrong use, 3 a photo is unlike those of "
        "the training (only with --warn-unlike), 130 interrupted.",
    )
    parser.add_argument("inspector", help="the file that train has written")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="photos, and folders of photos")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="rows as JSON")
    form.add_argument("--csv", action="store_true", help="rows as CSV")
    form.add_argument("--csv-file", metavar="FILE", help="write the rows into a CSV file for Excel, not here")
    parser.add_argument("--heatmaps", metavar="DIR", help="also draw where each photo speaks for it")
    parser.add_argument("--watch", metavar="FOLDER", help="judge what arrives in a folder, as CSV, until Ctrl+C")
    parser.add_argument("--warn-unlike", action="store_true", help="exit status 3 if a photo is unlike the training's")
    options = parser.parse_args(arguments)
    if bool(options.watch) == bool(options.paths) or (options.watch and options.json):
        parser.error("name photos, or a folder to watch with --watch (its rows are CSV)")
    inspector = _opened(options.inspector, options.heatmaps)
    if options.warn_unlike and "unlike" not in inspector.measures:
        raise CourseError("This inspector does not know what it was trained on; train it again for --warn-unlike.")
    if options.watch:
        return watch(inspector, options.watch, options.csv_file, options.heatmaps)
    return _predict(inspector, options)


def _opened(path: str, heat_maps: str | None) -> PhotoInspector:
    """The inspector, computed by its ONNX program; by PyTorch, which starts slowly, only where it must be."""
    if heat_maps is None:
        try:
            return Program.load(path)
        except NoProgram as reason:
            print(reason, file=sys.stderr)
    from course_lib.inference import Inspector

    return Inspector.load(path)


def _predict(inspector: PhotoInspector, options: argparse.Namespace) -> int:
    listed, size = list_photos(options.paths, options.heatmaps), inspector.settings.size
    print(f"{len(listed.photos)} photos, seen at {size} × {size} pixels.", file=sys.stderr)
    if len(classes := inspector.settings.classes) == 2:
        threshold = f"{inspector.settings.threshold:.3g}"
        told = inspector.settings.notes.get("tells", "probability")
        print(f"{told} of '{classes[1]}'; rejected from {threshold} on", file=sys.stderr)
    table = inspector.inspect(listed.photos, heat_maps=options.heatmaps)
    if options.csv_file:
        write_csv(table, options.csv_file, excel=True)
        print(f"Written: {options.csv_file}", file=sys.stderr)
    else:
        say(_as_text(table, "json" if options.json else "csv" if options.csv else "text"))
    problems = table["problem"][table["decision"] == "not inspected"]
    for problem in problems:
        print(problem, file=sys.stderr)
    if listed.others:
        names = [f"{shorten(path)} ({kind})" for path, kind in listed.others.items()]
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        print(f"Not inspected: {', '.join(names[:20])}{more}", file=sys.stderr)
    unlike = table["path"][table["unlike"] > 1].tolist() if "unlike" in table else []
    if unlike:
        some = f"{len(unlike)} of {len(table)} photos are unlike those of the training (unlike above 1)"
        print(f"{some}, so look at them yourself; the first is {unlike[0]}.", file=sys.stderr)
    unseen = any(kind.startswith("may not be listed") for kind in listed.others.values())
    return 1 if len(problems) or unseen else 3 * (bool(unlike) and options.warn_unlike)


def _as_text(table: pd.DataFrame, form: str) -> str:
    """The rows as they are printed."""
    if form == "json":
        # JSON knows no NaN; a photo that was not inspected has the probability null.
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        # \u3042 is JSON everywhere; a letter that the terminal does not know could become \xe9, which is not.
        return json.dumps(rows, indent=1)
    if form == "csv":
        return table.to_csv(index=False, lineterminator="\n").rstrip("\n")
    return table.drop(columns="problem").to_string(index=False, float_format="{:.3f}".format)
