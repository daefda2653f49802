"""What several studies share: their photos, their tables, a work folder without old results."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib import data
from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.paths import project_folder, shorten, work_folder, write_atomically

CIFAR10_FOLDER = "cifar-10-batches-py"


def arguments(description: str, data_needed: str | None = None) -> argparse.ArgumentParser:
    """A parser with what every study understands.

    Args:
        description: first line of the help.
        data_needed: which photos ``--data`` must name; None if the course ships some.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", help=data_needed or "photo folder; default: the solar cells of the course")
    parser.set_defaults(data_needed=data_needed)
    parser.add_argument("--device", help="cpu, cuda, mps or xpu; default: the best there is")
    parser.add_argument("--seed", type=int, default=0, help="start of all random numbers")
    parser.add_argument("--limit", type=int, help="photos of each class, for a short trial")
    return parser


def run(main: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> None:
    """Read the arguments and run; what is wrong is said in one sentence, exit status 2.

    Without photos that the course does not ship there is nothing to measure: exit status 77, which
    usually stands for a skipped test.
    """
    given = parser.parse_args()
    if given.data_needed and not given.data:
        print(f"This study needs --data: {given.data_needed}.", file=sys.stderr)
        sys.exit(77)
    try:
        if given.limit is not None and given.limit < 4:
            raise CourseError(f"--limit {given.limit} is too small; choose 4 or more of each class.")
        if given.device:
            os.environ["COURSE_DEVICE"] = str(devices.choose(given.device))
        main(given)
    except CourseError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def photo_index(folder: str | os.PathLike | None, limit: int | None = None) -> pd.DataFrame:
    """The photos of a folder; where it has the parts train and test, the column ``split`` says which.

    Args:
        folder: one sub-folder for each class; or ``train`` and ``test`` with these sub-folders; or
            the folder that torchvision makes of CIFAR-10. None for the solar cells.
        limit: take at most this many photos of each class, from each part.
    """
    root = data.solar_cells() if folder is None else Path(folder)
    if root.name == CIFAR10_FOLDER:
        root = root.parent
    if (root / CIFAR10_FOLDER).is_dir():
        root = _lay_out_cifar10(root)
    if all((root / part).is_dir() for part in ("train", "test")):
        parts = []
        for part in ("train", "test"):
            index = data.index_folder(root / part)
            parts.append(index.assign(path=f"{part}/" + index["path"], split=part))
        names = [set(part["label"]) for part in parts]
        if names[0] != names[1]:
            raise CourseError(
                f"The folders train and test in {shorten(root)} have different classes "
                f"({', '.join(sorted(names[0] ^ names[1]))}); give both the same sub-folders."
            )
        index = pd.concat(parts, ignore_index=True)
    else:
        index = data.index_folder(root)
    if limit:
        groups = ["label", "split"] if "split" in index else ["label"]
        index = index.groupby(groups).head(limit).reset_index(drop=True)
    index.attrs["folder"] = str(root)
    return index


def _lay_out_cifar10(root: Path) -> Path:
    """CIFAR-10 as torchvision keeps it, as a tree of PNG files (once, about two minutes)."""
    from PIL import Image
    from torchvision.datasets import CIFAR10

    folder = work_folder() / "studies" / "cifar10"
    for part in ("train", "test"):
        try:
            # torchvision checks the hash of each file before it opens it.
            photos = CIFAR10(root, train=part == "train", download=False)
        except RuntimeError as error:
            raise CourseError(
                f"The folder {shorten(root / CIFAR10_FOLDER)} is incomplete or damaged; fetch CIFAR-10 again."
            ) from error
        for number, (pixels, label) in enumerate(zip(photos.data, photos.targets, strict=True)):
            path = folder / part / photos.classes[label] / f"{number:05d}.png"
            if not path.exists():
                with write_atomically(path) as temporary:
                    Image.fromarray(pixels).save(temporary)
    return folder


def test_rows(index: pd.DataFrame, seed: int, share: float = 0.25) -> np.ndarray:
    """Which rows are for the test: the part ``test`` of the folder, else a stratified draw."""
    if "split" in index:
        return (index["split"] == "test").to_numpy()
    from course_lib.splits import random_split

    return (random_split(index, seed, validation=0, test=share)["split"] == "test").to_numpy()


@contextmanager
def fresh_work_folder() -> Iterator[Path]:
    """An empty work folder for a while, so that times are those of a first run."""
    before = os.environ.get("COURSE_WORK")
    with tempfile.TemporaryDirectory(prefix="study-", ignore_cleanup_errors=True) as folder:
        os.environ["COURSE_WORK"] = folder
        try:
            yield Path(folder)
        finally:
            os.environ.pop("COURSE_WORK")
            if before is not None:
                os.environ["COURSE_WORK"] = before


def results_folder(limit: int | None) -> Path:
    """``studies/results``; for a short trial a folder in ``work`` instead."""
    return work_folder() / "studies" if limit else project_folder() / "studies" / "results"


def median_and_range(values: pd.Series, digits: int) -> str:
    """Such as "0.54 (0.51 to 0.57)"."""
    low, middle, high = (f"{end:.{digits}f}" for end in (values.min(), values.median(), values.max()))
    return f"{middle} ({low} to {high})"


def print_and_save(table: pd.DataFrame, name: str, limit: int | None) -> None:
    """Print a table and keep it as NAME.csv beside the other results."""
    table = table.round(4)
    print("\n" + table.to_string(index=False))
    file = results_folder(limit) / f"{name}.csv"
    with write_atomically(file) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    print(f"saved in {shorten(file)}")
