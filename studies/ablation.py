"""Which steps help the fine-tuning of lesson 10, and which do not? Three seeds, measured on validation photos.

    python studies/ablation.py [--data FOLDER] [--seeds 3] [--size 160] [--epochs 12] [--steps …]

Lesson 10 shows the table. Each row with "+" adds one step to the rows above it, from a plain fine-tuning of the
last two stages and a new head to the recipe of the lesson, and then to the mean over four views and the mean of
two networks. The rows that begin with "…" add one step to the row "+ mirrored photos" and stand for themselves. A
seed decides the split, in which photos of one part stay together, the head's first weights and the order of the
photos. The test photos are not used. Early stopping reads the validation loss, so from that row on the accuracy on
the same photos flatters a little, in each of these rows alike.

The frozen stages never change, so the maps that they make of the photos are computed once and kept in the work
folder: of the photo as it is, of its three mirror images, and of as many views of each random change. So an epoch
costs the trained stages alone. MixUp mixes two photos' maps, not the photos.

Time on one core: one or two minutes for the maps of each random change, half a minute to a minute and a half for each
row and seed, about 40 minutes in all. Each finished row is saved; started again, the study goes on where it stopped.
Results: studies/results/ablation.csv
"""

import argparse
from collections.abc import Iterator
from time import perf_counter

import albumentations as A
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import log_loss
from study_tools import arguments, photo_index, run
from study_tools.kept_rows import KeptRows

from course_lib import checks, data, datasets, device, evaluation, features, lesson, models, splits, training
from course_lib.errors import CourseError
from course_lib.transforms import FLIPS, BatchTransform, compose, flips, orientation, random_resized_crop, seeded

TRAINED = 2  # stages; what the frozen ones before them make of each photo is kept
BASE = "+ mirrored photos"  # the row that the side trials add to
FOUR_VIEWS, NETWORKS = "+ four views", "+ two networks"
# What each step changes: in the head, in the photos, or in the call of `fit`.
PLAIN = {"schedule": None, "learning_rate": 1e-3}
SMALLER = PLAIN | {"learning_rate": 2e-4}
HEAD_FIRST = SMALLER | {"head_first": True}
COSINE = HEAD_FIRST | {"schedule": "cosine"}
STOPPED = COSINE | {"patience": 3}
MIRRORED = STOPPED | {"augment": flips}
QUARTER = (0.25, 0.25)
HIDE = A.CoarseDropout(num_holes_range=(1, 1), hole_height_range=QUARTER, hole_width_range=QUARTER, fill=128, p=1)
STEPS: dict[str, dict] = {
    "fine-tuned": PLAIN,
    "+ smaller learning rate": SMALLER,
    "+ head first": HEAD_FIRST,
    "+ cosine schedule": COSINE,
    "+ early stopping": STOPPED,
    BASE: MIRRORED,
    "… and random crop": MIRRORED | {"augment": compose(flips, random_resized_crop(0.5))},
    "… and cut-out": MIRRORED | {"augment": compose(flips, HIDE)},
    "… and grid shuffle": MIRRORED | {"augment": compose(flips, A.RandomGridShuffle((3, 3), p=1))},
    "… and MixUp": MIRRORED | {"mixed": True},
    "… and experts' probabilities": MIRRORED | {"soft_labels": True},
    "… and label smoothing": MIRRORED | {"label_smoothing": 0.1},
    "… and averaged weights": MIRRORED | {"average_weights": 0.98},
    "… with SGD": MIRRORED | {"optimizer": "sgd", "learning_rate": 1e-2},
}
PROBES = "probes"
RUN = ["step", "seed", "photos in all", "size", "epochs"]  # what tells one row from another


def main(given: argparse.Namespace) -> None:
    """Measure what is not in the results file yet, then print the summary."""
    if given.epochs < 1 or given.seeds < 1:
        raise CourseError("An ablation needs at least one seed and one epoch; choose 1 or more.")
    index = checks.find_parts(photo_index(given.data, given.limit))
    facts = {"photos in all": len(index), "size": given.size, "epochs": given.epochs}
    rows = KeptRows("ablation", RUN, given.limit)
    print(f"{len(index)} photos; {device.describe()}", flush=True)
    # Step by step, not seed by seed: a study that is stopped has whole rows of its table.
    for step in given.steps or [PROBES, *STEPS]:
        for seed in range(given.seeds):
            last = {PROBES: "probe, all stages", BASE: NETWORKS}.get(step, step)
            if {"step": last, "seed": seed, **facts} in rows:
                continue
            split = splits.random_split(index, seed)
            measured = probes(split, given) if step == PROBES else fine_tuned(split, step, seed, given)
            for row in measured:
                rows.add({"seed": seed, **row, **facts})
                print(f"seed {seed}: {row['step']} {row['accuracy']:.3f}", flush=True)
    mine = rows.table[(rows.table[list(facts)] == pd.Series(facts)).all(axis=1)]
    print("\n" + summary(mine).round(3).to_string(index=False))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Each step over all seeds: mean, 95 % interval, and what it gained on each seed.

    The gain is that over the row before, or over `BASE` for side trials, each seed with itself: mean,
    lowest and highest. The interval is that of all seeds' photos together. Some photos are in the
    validation part of two seeds, so in truth it is a little wider.
    """
    by_seed = table.pivot(index="seed", columns="step", values="accuracy")
    order = [step for step in ORDER if step in by_seed]
    rows, before = [], None
    for step in order:
        part = table[table["step"] == step]
        low, high = evaluation.wilson_interval(part["right"].sum(), part["photos"].sum())
        base = BASE if step.startswith("…") else before
        gain = by_seed[step] - by_seed[base] if base in by_seed else pd.Series([float("nan")])
        rows.append({
            "step": step, "seeds": len(part), "accuracy": part["accuracy"].mean(), "from": low, "to": high,
            "loss": part["loss"].mean(), "gain": gain.mean(), "lowest gain": gain.min(), "highest gain": gain.max(),
            "baseline": part["baseline"].mean(), "seconds": part["seconds"].median(),
            "seconds for 1000 photos": part["seconds for 1000 photos"].median(),
        })  # fmt: skip
        before = before if step.startswith("…") else step
    return pd.DataFrame(rows)


def probes(index: pd.DataFrame, given: argparse.Namespace) -> list[dict]:
    """Linear classifiers on frozen features; the time is that of the classifier alone."""
    train, validation = (index["split"] == part for part in ("train", "validation"))
    backbone, labels = models.load_backbone(), data.label_numbers(index)
    rows = []
    for stages in ("last", "all"):
        inputs = features.extract(index, backbone, stages=stages, size=given.size)
        start = perf_counter()
        probe = features.linear_probe().fit(inputs[train], labels[train])
        seconds = perf_counter() - start
        answers = probe.predict_proba(inputs[validation])
        name = "probe, last stage" if stages == "last" else "probe, all stages"
        rows.append(described(name, labels[validation], answers, seconds))
    return rows


def kept_maps(index: pd.DataFrame, augment: BatchTransform | None, size: int) -> list[np.ndarray]:
    """What the frozen stages make of each photo, once for each view that the training shows."""
    backbone = models.load_backbone()
    settings = {"stages": len(backbone.stages) - 1 - TRAINED, "maps": True, "size": size}
    if augment is None or augment is flips:
        views = FLIPS if augment else FLIPS[:1]
        return [features.extract(index, backbone, augment=orientation(view), **settings)[0] for view in views]
    return list(features.extract(index, backbone, augment=augment, views=len(FLIPS), **settings))


class Mixed:
    """A loader whose batches are mixed by MixUp; how depends on the loader's seed and epoch only."""

    def __init__(self, loader: datasets.FeatureLoader, classes: int):
        from torchvision.transforms import v2

        self.loader, self.labels = loader, loader.labels
        self.mix = v2.MixUp(alpha=0.2, num_classes=classes)

    @property
    def epoch(self) -> int:
        """Which epoch comes next; a resumed training sets it."""
        return self.loader.epoch

    @epoch.setter
    def epoch(self, number: int) -> None:
        self.loader.epoch = number

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        generator = torch.Generator().manual_seed(self.loader.seed * 100_003 + self.loader.epoch)
        for images, labels in self.loader:
            with seeded(int(torch.randint(2**31, (), generator=generator))):
                mixed = self.mix(images, labels)
            yield mixed


def fine_tuned(index: pd.DataFrame, step: str, seed: int, given: argparse.Namespace) -> list[dict]:
    """The last stages trained from ImageNet's weights, behind kept maps; judged on validation."""
    settings = dict(STEPS[step])
    maps, plain_views = kept_maps(index, settings.pop("augment", None), given.size), kept_maps(index, flips, given.size)
    labels = data.label_numbers(index)
    targets = data.label_probabilities(index) if settings.pop("soft_labels", False) else labels
    rows = {part: np.flatnonzero(index["split"] == part) for part in ("train", "validation")}
    loader = datasets.FeatureLoader(
        maps, targets, rows=rows["train"], views=len(maps), batch_size=32, shuffle=True, seed=seed
    )
    if settings.pop("mixed", False):
        loader = Mixed(loader, classes=index["label"].nunique())
    to_judge = datasets.FeatureLoader(plain_views[0], labels, rows=rows["validation"])
    truth, head_first = labels[rows["validation"]], settings.pop("head_first", False)

    def train(head_seed: int) -> tuple[models.AfterStage, float]:
        device.seed_everything(head_seed)
        model = models.Classifier(models.load_backbone(), classes=index["label"].nunique())
        models.freeze(model.backbone)
        if head_first:
            pooled = features.extract(index, model.backbone, stages="last", size=given.size)
            batches = {"batch_size": 32, "shuffle": True, "seed": head_seed}
            head_loader = datasets.FeatureLoader(pooled, labels, rows=rows["train"], **batches)
            training.fit(model.head, head_loader, **lesson.TRANSFER_SETTINGS["head"], progress=False)
        models.unfreeze(model, last=TRAINED)
        later = models.AfterStage(model, len(model.backbone.stages) - 1 - TRAINED)
        start = perf_counter()
        training.fit(later, loader, to_judge, epochs=given.epochs, progress=False, **settings)
        return later, perf_counter() - start

    def answers(later: models.AfterStage, views: list[np.ndarray]) -> tuple[np.ndarray, float]:
        start = perf_counter()
        found = np.mean([probabilities(later, view, rows["validation"]) for view in views], axis=0)
        return found, (perf_counter() - start) / len(truth) * 1000

    first, seconds = train(seed)
    one_view, answer_seconds = answers(first, plain_views[:1])
    measured = [described(step, truth, one_view, seconds, answer_seconds)]
    if step == BASE:
        four_views, four_seconds = answers(first, plain_views)
        measured.append(described(FOUR_VIEWS, truth, four_views, seconds, four_seconds))
        second, more = train(seed + 1000)  # another head at the start, the same split
        others, other_seconds = answers(second, plain_views)
        both = (four_views + others) / 2
        measured.append(described(NETWORKS, truth, both, seconds + more, four_seconds + other_seconds))
    return measured


def probabilities(later: models.AfterStage, maps: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """What the later stages say to the kept maps of some photos, (N, classes)."""
    loader = datasets.FeatureLoader(maps, np.zeros(len(maps), int), rows=rows)
    return evaluation.softmax(evaluation.predict_logits(later, loader)[0])


def described(
    step: str, labels: np.ndarray, said: np.ndarray, seconds: float, answer_seconds: float = float("nan")
) -> dict:
    """One row: how many photos were answered right, the loss, and the time of training and of answers."""
    right = int((labels == said.argmax(axis=1)).sum())
    return {
        "step": step,
        "right": right,
        "photos": len(labels),
        "accuracy": right / len(labels),
        "loss": log_loss(labels, said, labels=range(said.shape[1])),
        "baseline": np.bincount(labels).max() / len(labels),
        "seconds": seconds,
        "seconds for 1000 photos": answer_seconds,
    }


# In which order the table shows the rows.
SIDE = [step for step in STEPS if step.startswith("…")]
ORDER = ["probe, last stage", "probe, all stages", *[s for s in STEPS if s not in SIDE], FOUR_VIEWS, NETWORKS, *SIDE]


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="how often each row is measured")
    parser.add_argument("--size", type=int, default=160, help="width of the pictures in pixels")
    parser.add_argument("--epochs", type=int, default=12, help="epochs of each fine-tuning")
    parser.add_argument("--steps", nargs="+", choices=[PROBES, *STEPS], help="only these")
    run(main, parser)
