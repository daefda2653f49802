"""How fast do batches come, and how long does training wait for them?

    python studies/data_path.py [--data FOLDER] [--sizes 128 224] [--repetitions 5]

Four ways from the same photos to the same kind of batch (32 colour photos, mirrored and turned at random,
normalised), in images per second after the first epoch:

- BatchLoader: pixels decoded once, a whole batch mirrored, turned and normalised in one step;
- BatchLoader, Albumentations: the same pixels, but each photo is changed on its own by Albumentations;
- ImageFolder, 0 workers: each photo opened with Pillow, made smaller and changed by torchvision, in each
  epoch, in the process that trains;
- ImageFolder, 2 workers: the same in two further processes.

In each repetition the four follow each other, so that what slows the machine for a while slows all;
a ratio belongs to one repetition. Wanted: BatchLoader at least 10 times as fast as ImageFolder at 128
pixels, 3 times at 224, whatever its workers. Then the last six stages of efficientnet_lite0 are trained
for a few steps with `fit`, and what part of the time goes into waiting for the next batch is measured;
wanted for BatchLoader: at most 10 %. On a GPU the wait is what the same training takes less with
batches that lie there already.

Time on two cores: about 7 minutes. Each repetition is saved; started
again, the study goes on there.
Results: studies/results/data_path.csv, studies/results/data_path_waiting.csv
"""

import argparse
from collections.abc import Iterable, Iterator
from itertools import islice
from time import perf_counter

import albumentations
import numpy as np
import pandas as pd
import torch
from study_tools import arguments, fresh_work_folder, median_and_range, photo_index, run
from study_tools.kept_rows import KeptRows
from study_tools.plain_way import image_folder
from torch.utils.data import DataLoader
from torchvision import transforms

from course_lib import data, datasets, device, models
from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.training import fit
from course_lib.transforms import flips_and_quarter_turns

BATCH = 32
MEAN = STD = (0.5, 0.5, 0.5)
OURS = "BatchLoader"
WANTED = {128: 10, 224: 3}  # times as fast as ImageFolder
WAITING = 0.10  # of the time of training
WORKERS = (0, 2)


def main(given: argparse.Namespace) -> None:
    """Measure what is not in the results yet, print medians and ranges."""
    if given.repetitions < 1 or given.steps < 1:
        raise CourseError("Nothing is measured without repetitions and steps; choose 1 or more.")
    index = photo_index(given.data, given.limit)
    classes = index["label"].nunique()
    facts = {"photos": len(index), "computed on": device.describe()}
    print(f"{len(index)} photos; {facts['computed on']}")
    names = ["repetition", "size", *facts]
    speeds = KeptRows("data_path", names, given.limit)
    waits = KeptRows("data_path_waiting", names, given.limit)
    for size in given.sizes:
        repetitions = [{"repetition": number, "size": size, **facts} for number in range(1, given.repetitions + 1)]
        if all(row in speeds and row in waits for row in repetitions):
            continue
        with fresh_work_folder():
            start = perf_counter()
            pixels = datasets.pixels(index, size, channels=3, progress=False)
            decoding = perf_counter() - start
            ways = loaders(index, pixels, given.seed)
            for loader in ways.values():  # the first epoch: files come into the disk's cache
                images_per_second(loader)
            for row in repetitions:
                if row not in speeds:
                    found = {name: images_per_second(loader) for name, loader in ways.items()}
                    speeds.add(row | found | {"decoding once (s)": decoding})
                    print(speeds.table.tail(1).round(1).to_string(index=False), flush=True)
                if row not in waits:
                    pair = {name: ways[name] for name in (OURS, f"ImageFolder, {WORKERS[-1]} workers")}
                    found = {name: waiting(loader, classes, given) for name, loader in pair.items()}
                    waits.add(row | found)
                    print(waits.table.tail(1).round(3).to_string(index=False), flush=True)
            del ways, pixels
    print("\nImages per second, and how many times as fast BatchLoader is")
    print(summary(speeds.table).to_string(index=False))
    print("\nPart of the training that waits for the next batch")
    for (size, _, where), rows in waits.table.groupby(names[1:], sort=False):
        for name in rows.columns.drop(names):
            print(f"{size} px, {name}, {where}: {median_and_range(rows[name], 3)}")
    print(f"wanted for {OURS}: at most {WAITING}")
    print(f"Saved in {shorten(speeds.file)} and {shorten(waits.file)}")


def loaders(index: pd.DataFrame, pixels: np.ndarray, seed: int) -> dict[str, Iterable]:
    """The four ways; all give float32 batches (32, 3, size, size) with class numbers."""
    labels, size = data.label_numbers(index), pixels.shape[-1]
    common = {"batch_size": BATCH, "shuffle": True, "seed": seed, "mean": MEAN, "std": STD}
    common |= {"device": device.choose()}
    changes = albumentations.Compose([
        albumentations.HorizontalFlip(),
        albumentations.VerticalFlip(),
        albumentations.RandomRotate90(),
    ])  # fmt: skip
    plain = transforms.Compose([
        transforms.Resize((size, size)),
        transforms.RandomHorizontalFlip(),
        transforms.RandomVerticalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(MEAN, STD),
    ])  # fmt: skip
    photos = image_folder(index, np.ones(len(index), bool), plain)
    ways = {
        OURS: datasets.BatchLoader(pixels, labels, augment=flips_and_quarter_turns, **common),
        f"{OURS}, Albumentations": datasets.BatchLoader(pixels, labels, augment=changes, **common),
    }
    for workers in WORKERS:
        ways[f"ImageFolder, {workers} workers"] = DataLoader(
            photos, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
        )
    return ways


def images_per_second(loader: Iterable) -> float:
    """One epoch of nothing but batches."""
    start = perf_counter()
    count = sum(len(labels) for _, labels in loader)
    wait_for_gpu()
    return count / (perf_counter() - start)


def wait_for_gpu() -> None:
    """A GPU takes orders and works later; a time is right only when it is done."""
    if device.choose().type == "cuda":
        torch.cuda.synchronize()


class Watched:
    """The first batches of a loader; it notes how long who asks for them waits in all."""

    def __init__(self, loader: Iterable, steps: int):
        self.loader, self.steps = loader, min(steps, len(loader))
        self.waited = 0.0

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        self.waited = 0.0  # of this epoch
        start = perf_counter()
        for batch in islice(iter(self.loader), self.steps):
            self.waited += perf_counter() - start
            yield batch
            start = perf_counter()


def waiting(loader: Iterable, classes: int, given: argparse.Namespace) -> float:
    """Which part of a short training waits for batches, 0…1.

    On a CPU `fit` asks for a batch when it needs it, so the time until it comes is the wait. A GPU still
    computes while the next batch is made; so there the same training follows with batches that lie on
    the GPU already, and what it takes less is the wait. By chance that can be a little below 0.
    """
    watched, place = Watched(loader, given.steps), device.choose()
    seconds = training_seconds(watched, classes, given)
    if place.type == "cpu":
        return watched.waited / seconds
    resident = [(images.to(place), labels.to(place)) for images, labels in watched]
    return 1 - training_seconds(resident, classes, given) / seconds


def training_seconds(batches: Iterable, classes: int, given: argparse.Namespace) -> float:
    """How long an epoch of training takes; the one before it prepares what it uses."""
    device.seed_everything(given.seed)
    model = models.Classifier(models.load_backbone(), classes)
    models.freeze(model)
    models.unfreeze(model, last=6)
    return fit(model, batches, epochs=2, progress=False)["seconds"].iloc[-1]


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Median and range of each way, and of the ratio to BatchLoader in the same repetition."""
    found = []
    for (size, photos, where), rows in table.groupby(["size", "photos", "computed on"], sort=False):
        ways = [name for name in rows if name.startswith((OURS, "ImageFolder"))]
        for name in ways:
            found.append({
                "size": size,
                "way": name,
                "images per second": median_and_range(rows[name], 0),
                "BatchLoader is faster by": median_and_range(rows[OURS] / rows[name], 2),
                "wanted": WANTED.get(size, "") if name.startswith("ImageFolder") else "",
                "photos": photos,
                "computed on": where,
            })  # fmt: skip
    return pd.DataFrame(found)


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 224], help="pixels")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="of training, for the waiting")
    run(main, parser)
