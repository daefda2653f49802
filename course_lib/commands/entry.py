"""The commands ``train`` and ``predict``: the way of the course for your own photos (lesson 10)."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence

import pandas as pd

from course_lib.paths import work_folder

INTERRUPTED = 130  # what a shell gives for Ctrl+C


def train(arguments: Sequence[str]) -> int:
    """``python -m course_lib train FOLDER --out inspector`` (lesson 10).

    Started by ``torchrun --nproc-per-node N -m course_lib train …``, it trains in N processes, see
    `course_lib.training.processes`.

    Returns:
        The exit status: 0 good, 2 wrong use (such as photos that cannot be read), 130 interrupted.

    Raises:
        CourseError: as `course_lib.commands.workflow.train`.
    """
    parser = argparse.ArgumentParser(
        prog="python -m course_lib train",
        description="Train an inspector on a folder with one sub-folder for each class.",
        epilog="Your photos are only read. Exit status: 0 good, 2 wrong use, 130 interrupted. For N GPUs: "
        "torchrun --nproc-per-node N -m course_lib train …",
    )
    add = parser.add_argument
    add("folder", help="photos, one sub-folder for each class")
    add("--out", required=True, metavar="FILE", help="the inspector; the report lies beside it")
    add("--minutes", type=float, default=5.0, help="for probe and fine-tuning (default: 5)")
    add("--seed", type=int, default=0, help="another seed, another split (default: 0)")
    add("--set-aside", action="store_true", help="leave out photos that cannot be read")
    add("--lot-pattern", metavar="REGEX", help=r'finds the lot in a path, such as "lot(\d+)"')
    add("--positive", metavar="CLASS", help="the class that is looked for, such as defective")
    add(
        "--cost-missed", type=float, default=1.0, metavar="COST",
        help="what a missed defect costs if overkill costs 1 (default: 1)",
    )  # fmt: skip
    add(
        "--upright", action="store_true",
        help="the photos have a top and a bottom: never turn or mirror them",
    )  # fmt: skip
    add("--replace", action="store_true", help="replace an inspector and its report of that name")
    options = _parse(parser, arguments)
    if isinstance(options, int):
        return options
    from course_lib import training
    from course_lib.commands import workflow

    wishes = vars(options)
    folder, out, replace = (wishes.pop(name) for name in ("folder", "out", "replace"))

    def work() -> int:
        workflow.train(folder, out, workflow.TrainingOptions(**wishes), replace=replace)
        return 0

    with training.joined() as group:
        return _interruptible(work, tell=group.is_first)


def predict(arguments: Sequence[str]) -> int:
    """``python -m course_lib predict inspector PATHS…`` (lesson 10).

    Returns:
        The exit status: 0 if all photos were inspected, 1 if one could not be read, 2 on
        wrong use, 130 interrupted.

    Raises:
        CourseError: no inspector, no photo, or a folder or file that cannot be written to.
    """
    parser = argparse.ArgumentParser(
        prog="python -m course_lib predict",
        description="Inspect photos: one row for each, on standard output.",
        epilog="Exit status: 0 all inspected, 1 a photo could not be read, 2 wrong use, 130 interrupted.",
    )
    parser.add_argument("inspector", help="the file that train has written")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="photos, and folders of photos")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="rows as JSON")
    form.add_argument("--csv", action="store_true", help="rows as CSV")
    form.add_argument("--csv-file", metavar="FILE", help="write the rows into a CSV file for Excel, not here")
    parser.add_argument("--heatmaps", metavar="DIR", help="also draw where each photo speaks for it")
    options = _parse(parser, arguments)
    if isinstance(options, int):
        return options
    from course_lib.inference import Inspector, list_photos

    inspector = Inspector.load(options.inspector)
    keep = work_folder() / "predictions" / f"{inspector.code()}.jsonl"

    def work() -> int:
        photos, size = list_photos(options.paths, options.heatmaps), inspector.settings.size
        # Measured: Python with its libraries, and what 32 photos in the network need.
        memory = 1e9 + 32 * size**2 * 350
        print(
            f"{len(photos)} photos, seen at {size} × {size} pixels; it needs up to about "
            f"{memory / 1e9:.1f} GB of memory.",
            file=sys.stderr,
        )
        if len(classes := inspector.settings.classes) == 2:
            threshold = f"{inspector.settings.threshold:.3g}"
            print(f"probability of '{classes[1]}'; rejected from {threshold} on", file=sys.stderr)
        table = inspector.inspect(photos, heat_maps=options.heatmaps, keep=keep)
        if options.csv_file:
            _write(table, options.csv_file)
        else:
            _print(table, "json" if options.json else "csv" if options.csv else "text")
        unread = table[table["decision"] == "not inspected"]
        for problem in unread["problem"]:
            print(problem, file=sys.stderr)
        return int(len(unread) > 0)

    return _interruptible(work)


def _parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace | int:
    try:
        return parser.parse_args(arguments)
    except SystemExit as stop:  # argparse has printed what is wrong
        return int(stop.code or 0)


def _interruptible(work: Callable[[], int], tell: bool = True) -> int:
    try:
        return work()
    except KeyboardInterrupt:
        if tell:
            print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return INTERRUPTED


def _write(table: pd.DataFrame, file: str) -> None:
    """The rows as a file that Excel shows rightly: Japanese too, and no cell as a formula."""
    from course_lib.quiz.collect import write_csv

    write_csv(table.astype(object).where(table.notna(), ""), file, excel=True)
    print(f"Written: {file}", file=sys.stderr)


def _print(table: pd.DataFrame, form: str) -> None:
    """The rows on standard output."""
    from course_lib.checks import say

    if form == "json":
        # NaN is no JSON; a photo that was not inspected has the probability null.
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        # \u3042 is JSON everywhere; a letter that the terminal does not know could become \xe9, which is not.
        text = json.dumps(rows, indent=1)
    elif form == "csv":
        text = table.to_csv(index=False, lineterminator="\n").rstrip("\n")
    else:
        text = table.drop(columns="problem").to_string(index=False, float_format="{:.3f}".format)
    say(text)
