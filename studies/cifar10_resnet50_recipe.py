"""CIFAR-10 with ResNet50 from random weights: what does each part of a recipe bring?

    python studies/cifar10_resnet50_recipe.py --data FOLDER [--minutes 5] [--network resnet18]

FOLDER is the one torchvision makes of CIFAR-10 (with --download it is fetched into FOLDER first), or any
with the parts train and test and one sub-folder for each class. An article trained ResNet50 with SGD
(momentum 0.9, weight decay, cosine schedule) and reported 79.39 % on the test photos without
augmentation after 5 epochs, 83.34 % with TrivialAugment after 20. Next it wanted to try more epochs,
test-time augmentation (here: the mean over the photo and its mirror image), and a first layer made for
small pictures (3 × 3, stride 1, no max-pool).

Each step is trained once with `fit`, the test photos are looked at once, at its end, and nothing is
chosen by them. --minutes is the time for a step: a few batches are measured, then it is said how many
epochs fit; where there is time left, the photos are enlarged, and where there is not enough for one
epoch, fewer of them are used. All steps with the same first layer get the same photos, size and epochs,
but for the one that is there to have twice the epochs.
TrivialAugment draws one change for eight photos at a time, because one for each photo would keep a
GPU waiting.

Time: nine times --minutes for all steps (two of them take twice as long). ResNet50 learns little on two
cores: there --network resnet18 is the better choice. Each finished row is saved and each
epoch kept, so a study that was stopped goes on when it is started again.
Results: studies/results/cifar10_resnet50_recipe.csv
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torchvision
from study_tools import arguments, photo_index, run, test_rows
from study_tools.crops import random_crops
from study_tools.kept_rows import KeptRows
from torch import Tensor, nn
from torchvision.transforms import v2

from course_lib import data, datasets, device, evaluation
from course_lib.errors import CourseError
from course_lib.paths import make_folder, shorten, work_folder, write_atomically
from course_lib.training import fit
from course_lib.transforms import BatchTransform, compose, per_image

ARTICLE = 0.8334  # TrivialAugment, 20 epochs
NETWORKS = ("resnet50", "resnet34", "resnet18")
SIDE = 32  # pixels of the photos
SIZES = (32, 64, 96, 128)  # to which the photos may be enlarged
ENOUGH = 20  # epochs that must fit before photos are enlarged: as many as the article had
MOST = 200  # epochs
BATCH = 128
SHOWN = ["step", "views", "accuracy", "from", "to", "train accuracy", "epochs", "seconds"]
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of CIFAR-10's training photos


def crop_and_mirror(images: Tensor, generator: torch.Generator) -> Tensor:
    """Move each photo by up to an eighth of its width, with a black margin, and mirror half of them."""
    size = images.shape[-1]
    images = random_crops(nn.functional.pad(images, [size // 8] * 4), size, generator)
    mirrored = (torch.rand(len(images), generator=generator) < 0.5).to(images.device)
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


def trivial_in_groups(images: Tensor, generator: torch.Generator) -> Tensor:
    """TrivialAugment with one draw for eight photos; they change places in each epoch."""
    change = per_image(v2.TrivialAugmentWide())
    whole = len(images) // 8
    groups = [images[: 8 * whole].unflatten(0, (whole, 8)), images[8 * whole :][None]]
    return torch.cat([change(group, generator).flatten(0, 1) for group in groups if group.numel()])


@dataclass(frozen=True)
class Step:
    """One training of the study."""

    name: str
    augment: BatchTransform | None = None
    label_smoothing: float = 0.0
    small_stem: bool = False
    longer: int = 1  # times as many minutes


BOTH = compose(crop_and_mirror, trivial_in_groups)
STEPS = {
    "none": Step("no augmentation"),
    "crop": Step("random crop and mirror", crop_and_mirror),
    "trivial": Step("TrivialAugment", trivial_in_groups),
    "both": Step("crop, mirror and TrivialAugment", BOTH),
    "smoothing": Step("both, label smoothing 0.1", BOTH, 0.1),
    "longer": Step("the same, twice the epochs", BOTH, 0.1, longer=2),
    "stem": Step("the same, small-image stem, twice the time", BOTH, 0.1, small_stem=True, longer=2),
}


@dataclass(frozen=True)
class Plan:
    """What fits into the time: how many training photos, how large, how often each is seen."""

    photos: int
    size: int
    epochs: int


@dataclass(frozen=True)
class Photos:
    """All photos of the study, decoded."""

    pixels: np.ndarray
    labels: np.ndarray
    test: np.ndarray

    def loader(self, rows: np.ndarray, step: Step | None = None, seed: int = 0):
        """Batches for the training of a step, or without one for the test."""
        return datasets.BatchLoader(
            self.pixels[rows], self.labels[rows], batch_size=BATCH, shuffle=step is not None,
            seed=seed, augment=step.augment if step else None, mean=MEAN, std=STD,
            device=device.choose(),
        )  # fmt: skip

    def training_rows(self, count: int, seed: int) -> np.ndarray:
        """As many training photos as asked for, drawn at random."""
        return np.random.default_rng(seed).permutation(np.flatnonzero(~self.test))[:count]


class FirstBatches:
    """The first few batches of a loader, for a measurement."""

    def __init__(self, loader: datasets.BatchLoader, count: int):
        self.loader, self.count = loader, min(count, len(loader))

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return islice(iter(self.loader), self.count)


def main(given: argparse.Namespace) -> None:
    """Train the steps that are not in the results yet, print what each brought."""
    if given.minutes <= 0:
        raise CourseError(f"{given.minutes} minutes are no time to train in; choose 1 or more.")
    if given.download:
        print(f"Fetching CIFAR-10 (170 MB, from its makers' page) into {shorten(given.data)}.")
        torchvision.datasets.CIFAR10(given.data, download=True)  # it checks the hash
    index = photo_index(given.data, given.limit)
    pixels = datasets.pixels(index, SIDE, channels=3)
    photos = Photos(pixels, data.label_numbers(index), test_rows(index, given.seed))
    print(f"{len(index)} photos, {photos.test.sum()} of them for the test; {device.describe()}")
    facts = {"network": given.network, "minutes": given.minutes, "seed": given.seed}
    facts |= {"learning rate": given.learning_rate, "precision": given.precision}
    facts |= {"data": Path(given.data).resolve().name, "photos in all": len(index)}
    facts |= {"computed on": device.describe()}
    rows = KeptRows("cifar10_resnet50_recipe", ["step", "views", *facts], given.limit)
    for key in given.steps or STEPS:
        if {"step": STEPS[key].name, "views": 2, **facts} in rows:
            continue
        for found in train_and_test(key, photos, given, facts):
            rows.add(found | facts)
            print(rows.table[SHOWN].tail(1).to_string(index=False, header=False), flush=True)
    table = rows.table
    print("\n" + table[["network", *SHOWN]].to_string(index=False))
    best = table.loc[table["accuracy"].idxmax()]
    print(
        f"The most: {100 * best['accuracy']:.2f} % ({best['step']}, {best['views']} views), "
        f"{100 * (best['accuracy'] - ARTICLE):+.2f} points beside the article's {100 * ARTICLE:.2f} %. "
        f"Saved in {shorten(rows.file)}"
    )


def train_and_test(key: str, photos: Photos, given: argparse.Namespace, facts: dict) -> Iterator[dict]:
    """Train a step in its time; one row for plain answers, one for the mean with the mirror image."""
    step = STEPS[key]
    folder = make_folder(work_folder() / "studies" / "cifar10_resnet50_recipe")
    name = "-".join(str(value) for value in facts.values())
    name = "".join(letter if letter.isalnum() else "_" for letter in name)
    plan = kept_plan(folder / f"{name}-{step.small_stem}.json", step, photos, given)
    epochs = plan.epochs if step.small_stem else plan.epochs * step.longer
    print(f"{step.name}: {plan.photos} photos of {plan.size} pixels, {epochs} epochs", flush=True)
    checkpoint = folder / f"{name}-{key}.pt"
    model = network(given.network, len(np.unique(photos.labels)), plan.size, step, given.seed)
    loader = photos.loader(photos.training_rows(plan.photos, given.seed), step, given.seed)
    history = train(model, loader, step, epochs, given, checkpoint)
    if len(history) < epochs:  # fit ends quietly when it is interrupted
        raise CourseError("Interrupted; start the study again to go on from this epoch.")
    for views, show in ((1, None), (2, with_mirror_image)):
        logits, labels = evaluation.predict_logits(model, photos.loader(photos.test), views=show)
        row = evaluation.accuracy_row(step.name, labels, logits.argmax(axis=1))
        row |= {"train accuracy": history["train_accuracy"].iloc[-1], "views": views}
        row |= {"training photos": plan.photos, "size": plan.size, "epochs": epochs}
        row["seconds"] = history["seconds"].sum()
        yield {"step": row.pop("model"), **row}
    checkpoint.unlink(missing_ok=True)


def train(
    model: nn.Module, loader, step: Step, epochs: int, given: argparse.Namespace, checkpoint: Path | None = None
) -> pd.DataFrame:
    """The article's optimizer and schedule; returns the history."""
    return fit(
        model, loader, epochs=epochs, optimizer="sgd", weight_decay=5e-4,
        schedule="cosine", learning_rate=given.learning_rate, label_smoothing=step.label_smoothing,
        precision=given.precision, checkpoint=checkpoint, progress=False,
    )  # fmt: skip


def network(name: str, classes: int, size: int, step: Step, seed: int) -> nn.Sequential:
    """A network of torchvision with random weights, behind what enlarges the photos."""
    device.seed_everything(seed)
    model = torchvision.models.get_model(name, weights=None, num_classes=classes)
    if step.small_stem:
        width = model.conv1.out_channels
        model.conv1 = nn.Conv2d(3, width, kernel_size=3, padding=1, bias=False)
        model.maxpool = nn.Identity()
    # Enlarged inside of the model, so that the augmentation costs no more for larger photos.
    enlarge = nn.Upsample(size=(size, size), mode="bilinear") if size != SIDE else nn.Identity()
    return nn.Sequential(enlarge, model)


def kept_plan(file: Path, step: Step, photos: Photos, given: argparse.Namespace) -> Plan:
    """The plan of all steps with this first layer: made once, so that a resumed study keeps to it."""
    if file.exists():
        return Plan(**json.loads(file.read_text(encoding="utf-8")))
    # The dearest augmentation is measured, so that every step fits.
    dearest = STEPS["stem" if step.small_stem else "smoothing"]
    count = int((~photos.test).sum())
    batches = 2 if device.choose().type == "cpu" else 20

    def seconds(size: int) -> float:
        model = network(given.network, len(np.unique(photos.labels)), size, dearest, given.seed)
        few = FirstBatches(photos.loader(photos.training_rows(count, 0), dearest), batches)
        history = train(model, few, dearest, 2, given)
        # The first epoch prepares what the second uses.
        return history["seconds"].iloc[-1] / min(count, len(few) * BATCH)

    sizes = SIZES[:1] if step.small_stem else SIZES
    plan = make_plan(seconds, count, given.minutes * 60 * dearest.longer, sizes)
    with write_atomically(file) as temporary:
        temporary.write_text(json.dumps(asdict(plan)), encoding="utf-8")
    return plan


def make_plan(seconds: Callable[[int], float], photos: int, budget: float, sizes: tuple[int, ...]) -> Plan:
    """The largest size at which enough epochs fit; at the smallest any number, or fewer photos.

    Args:
        seconds: measures how long a photo of a given size takes in training.
        photos: how many there are for training.
        budget: seconds.
        sizes: in rising order.
    """
    each = seconds(sizes[0])
    epochs = int(min(MOST, budget / (each * photos)))
    plan = Plan(photos, sizes[0], epochs)
    if epochs < 1:
        # At least one batch: the last resort of a very slow machine.
        plan = Plan(min(photos, max(BATCH, int(budget / each))), sizes[0], 1)
    for size in sizes[1:]:
        if epochs < ENOUGH:
            break
        epochs = int(min(MOST, budget / (seconds(size) * photos)))
        plan = Plan(photos, size, epochs) if epochs >= ENOUGH else plan
    # Batch normalisation cannot work on a last batch of one photo.
    return Plan(plan.photos - (plan.photos % BATCH == 1), plan.size, plan.epochs)


def with_mirror_image(images: Tensor) -> Tensor:
    """Each photo and its mirror image: (2, N, C, H, W)."""
    return torch.stack([images, images.flip(-1)])


if __name__ == "__main__":
    parser = arguments(
        __doc__.splitlines()[0],
        "a folder with CIFAR-10, or with the parts train and test and a sub-folder for each class",
    )
    parser.add_argument("--download", action="store_true", help="fetch CIFAR-10 into --data first")
    parser.add_argument("--network", default="resnet50", choices=NETWORKS)
    parser.add_argument("--minutes", type=float, default=5, help="for a step; two take twice that")
    parser.add_argument("--steps", nargs="+", choices=STEPS, help="only these")
    parser.add_argument("--learning-rate", type=float, default=0.05, help="at the start")
    parser.add_argument("--precision", default="float32", help="bfloat16 is much faster on newer GPUs")
    run(main, parser)
