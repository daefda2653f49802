"""What does it cost when the photos become more: 500, 2,000, 8,000, 50,000?

    python studies/growth.py [--data FOLDER] [--counts 500 2000 8000 50000]

The photos are made, seeded, in a temporary folder: each is a mix of two solar cells with the noise of a
camera, so that no two are alike; JPEG, 96 pixels, about 3 kB. They are indexed, checked, split and
decoded, and then one epoch of batches is drawn from them, in a process of its own for each count. It
says how long each step took and how much memory it needed:

- peak: the most that the process held at one time (the system counts pages of the kept pixels that are
  read from the disk, too, although it can take them back at any time);
- own: what it holds after a step without such pages. This is what has to fit into the memory.

Wanted: seconds for each photo that do not rise, memory that does not grow. (On macOS and Windows only the
peak is known, or nothing.)

Time: about 2 minutes on two cores, most of it for 50,000 photos, and 700 MB on the disk for the while.
Each finished row is saved; started again, the study goes on there.
Results: studies/results/growth.csv
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from PIL import Image
from study_tools import arguments, fresh_work_folder, photo_index, run
from study_tools.kept_rows import KeptRows

from course_lib import checks, data, datasets, splits
from course_lib.errors import CourseError
from course_lib.paths import shorten

SIZE = 96  # pixels
STEPS = ("index", "checks", "split", "pixels", "loaders", "epoch")
MIB = 2**20


def main(given: argparse.Namespace) -> None:
    """Make ever more photos, measure what is not in the results yet, print how the cost grows."""
    if given.one:
        print(json.dumps(measure(Path(given.one))))
        return
    if min(given.counts) < 20:
        raise CourseError("A split needs photos of each class; choose --counts of 20 and more.")
    index = photo_index(given.data, given.limit)
    rows = KeptRows("growth", ["photos", "seed"], given.limit)
    pixels = datasets.pixels(index, SIZE, channels=1, progress=False)
    made = 0
    with tempfile.TemporaryDirectory(prefix="study-", ignore_cleanup_errors=True) as folder:
        for count in sorted(given.counts):
            if {"photos": count, "seed": given.seed} in rows:
                continue
            make_photos(Path(folder), pixels, index["label"], range(made, count), given.seed)
            made = count
            rows.add(in_own_process(folder) | {"seed": given.seed})
            print(f"{count} photos: {rows.table['seconds in all'].iloc[-1]:.1f} s", flush=True)
    print("\n" + summary(rows.table).to_string())
    print(f"Saved in {shorten(rows.file)}")


def make_photos(folder: Path, pixels: np.ndarray, labels: pd.Series, numbers: range, seed: int) -> None:
    """Mixes of two photos each; the label is that of the one that shows more.

    Args:
        folder: gets one sub-folder for each label.
        pixels: uint8, (N, 1, size, size).
        labels: of the N photos.
        numbers: which photos to make; a photo depends on its number and the seed alone.
    """
    rows_of = [np.flatnonzero(labels == label) for label in labels.unique()]
    for label in labels.unique():
        (folder / label).mkdir(exist_ok=True)
    for number in numbers:
        generator = np.random.default_rng([seed, number])
        # The labels take turns, so that each has photos.
        more = generator.choice(rows_of[number % len(rows_of)])
        less = generator.integers(len(pixels))
        share = generator.uniform(0.55, 0.75)
        mixed = share * pixels[more, 0] + (1 - share) * pixels[less, 0, ::-1]
        mixed += generator.normal(0, 4, mixed.shape)
        photo = Image.fromarray(mixed.clip(0, 255).astype(np.uint8))
        photo.save(folder / labels.iloc[more] / f"{number:06}.jpg", quality=85)


def in_own_process(folder: str) -> dict:
    """One row of the table, measured by this script in a new process."""
    command = [sys.executable, __file__, "--one", folder]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    if done.returncode:
        raise CourseError(f"The measurement failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(folder: Path) -> dict:
    """Seconds of each step, and the memory of this process in MiB after some of them."""
    import torch  # noqa: F401  its memory belongs to the start, not to the photos

    row = {f"{kind} at the start (MiB)": size for kind, size in memory().items()}

    def timed(step: str, work: Callable):
        start = perf_counter()
        result = work()
        row[f"{step} (s)"] = perf_counter() - start
        row.update({f"{kind} after {step} (MiB)": size for kind, size in memory().items()})
        return result

    with fresh_work_folder():
        index = timed("index", lambda: data.index_folder(folder))
        findings = timed("checks", lambda: checks.check_folder(folder, progress=False))
        index = timed("split", lambda: splits.random_split(index))
        timed("pixels", lambda: datasets.pixels(index, SIZE, progress=False))
        batches = timed("loaders", lambda: datasets.loaders(index, size=SIZE, progress=False))
        timed("epoch", lambda: sum(len(labels) for _, labels in batches["train"]))
    row["seconds in all"] = sum(row[f"{step} (s)"] for step in STEPS)
    return {"photos": len(index), "findings": len(findings), **row}


def memory() -> dict[str, float]:
    """The peak so far, and what is held now without pages of files, in MiB; unknown: NaN."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux
        found = dict(re.findall(r"(VmHWM|RssAnon):\s+(\d+) kB", status.read_text()))
        return {"peak": int(found["VmHWM"]) / 1024, "own": int(found["RssAnon"]) / 1024}
    try:
        import resource
    except ImportError:  # Windows
        return {"peak": float("nan"), "own": float("nan")}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts bytes
    return {"peak": peak / MIB, "own": float("nan")}


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One column for each count: seconds for 1,000 photos, and memory for each photo more than before."""
    table = table.sort_values(["seed", "photos"])
    found = table[["photos"]].copy()
    for column in (*(f"{step} (s)" for step in STEPS), "seconds in all"):
        step = column.removesuffix(" (s)").removeprefix("seconds ")
        found[f"{step}: s for 1,000 photos"] = 1000 * table[column] / table["photos"]
    groups = table.groupby("seed")
    for column in ("peak after checks", "own after checks", "peak after epoch", "own after epoch"):
        found[f"{column}: MiB"] = table[f"{column} (MiB)"]
        growth = 1024 * groups[f"{column} (MiB)"].diff() / groups["photos"].diff()
        found[f"{column}: KiB for each added photo"] = growth
    return found.round(2).set_index("photos").T


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[500, 2000, 8000, 50000])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    run(main, parser)
