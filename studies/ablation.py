"""Which step of lesson 10 helps, and which does not? Three seeds, measured on validation photos.

    python studies/ablation.py [--data FOLDER] [--seeds 3] [--size 112] [--epochs 3]

Each row adds one step to the row above, from a probe to the fine-tuned model with eight views; the rows
that begin with "…" add one step to the row "averaged weights" and stand for themselves. A seed
decides the split, the head's first weights and the order of the photos. The pictures are small and the
epochs few, so that all rows together take about 20 minutes on two cores. The test photos are not used.
Each finished row is saved; started again, the study goes on where it stopped.
Results: studies/results/ablation.csv
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from course_lib import data, datasets, device, evaluation, features, models, splits, training
from course_lib.inference import Inspector, InspectorSettings
from course_lib.paths import project_folder, write_atomically
from course_lib.transforms import Mixed, cut_out, flips_and_quarter_turns, grid_shuffle, in_turn

RESULTS = project_folder() / "studies" / "results" / "ablation.csv"
# What each step changes in the call of `fit` or in the train loader.
PLAIN = {"augment": None, "soft_labels": False, "average_weights": None}
TURNED = PLAIN | {"augment": flips_and_quarter_turns}
SOFT = TURNED | {"soft_labels": True}
AVERAGED = SOFT | {"average_weights": 0.98}
STEPS: dict[str, dict] = {
    "fine-tuned": PLAIN,
    "+ flips and turns": TURNED,
    "+ experts' probabilities": SOFT,
    "+ averaged weights": AVERAGED,
    "… and cut-out": AVERAGED | {"augment": in_turn(flips_and_quarter_turns, cut_out(0.25))},
    "… and grid shuffle": AVERAGED | {"augment": in_turn(flips_and_quarter_turns, grid_shuffle(3))},
    "… and MixUp": AVERAGED | {"mixed": True},
    "… with SGD": AVERAGED | {"optimizer": "sgd", "learning_rate": 1e-2},
}
BASE = "+ averaged weights"  # the row that the side trials add to


def main() -> None:
    """Measure what is not in the results file yet, then print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=None, help="photo folder; default: the solar cells")
    parser.add_argument("--seeds", type=int, default=3, help="how often each row is measured")
    parser.add_argument("--size", type=int, default=112, help="width of the pictures in pixels")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of each fine-tuning")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the table goes")
    arguments = parser.parse_args()
    folder = arguments.data or data.solar_cells()
    rows = pd.read_csv(arguments.results).to_dict("records") if arguments.results.exists() else []
    done = {(row["step"], row["seed"]) for row in rows}
    for seed in range(arguments.seeds):
        index = splits.random_split(data.index_folder(folder), seed)
        parts: dict[str, Callable[[], list[dict]]] = {
            "probe": lambda index=index: probes(index, arguments.size)
        }
        for step, settings in STEPS.items():
            parts[step] = lambda index=index, seed=seed, step=step, settings=settings: fine_tuned(
                index, seed, step, settings, arguments.size, arguments.epochs
            )
        for name, measure in parts.items():
            if any(step.startswith(name) and number == seed for step, number in done):
                continue
            rows += [{"seed": seed, **row} for row in measure()]
            with write_atomically(arguments.results) as file:
                pd.DataFrame(rows).round(4).to_csv(file, index=False, lineterminator="\n")
            print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False, header=False), flush=True)
    print("\n" + summary(pd.DataFrame(rows)).round(3).to_string(index=False))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Each step over all seeds: mean, range, 95 % interval, gain over the row before or over `BASE`.

    The interval is that of all seeds' photos together. Some photos are in the validation part of two
    seeds, so in truth it is a little wider.
    """
    rows, before = [], float("nan")
    base = table.loc[table["step"] == BASE, "accuracy"].mean()
    for step, part in table.groupby("step", sort=False):
        right, photos = part["right"].sum(), part["photos"].sum()
        low, high = evaluation.wilson_interval(right, photos)
        mean = part["accuracy"].mean()
        rows.append({
            "step": step, "accuracy": mean, "from": low, "to": high,
            "lowest seed": part["accuracy"].min(), "highest seed": part["accuracy"].max(),
            "gain": mean - (base if step.startswith("…") else before),
            "baseline": part["baseline"].mean(), "seconds": part["seconds"].median(),
        })  # fmt: skip
        before = mean
    return pd.DataFrame(rows)


def probes(index: pd.DataFrame, size: int) -> list[dict]:
    """Linear classifiers on frozen features; the time is that of the classifier alone."""
    train, validation = (index["split"] == part for part in ("train", "validation"))
    backbone, labels = models.load_backbone(), data.label_numbers(index)
    rows = []
    for stages in ("last", "all"):
        inputs = features.extract(index, backbone, stages=stages, size=size, progress=False)
        start = perf_counter()
        probe = features.linear_probe().fit(inputs[train], labels[train])
        seconds = perf_counter() - start
        answers = probe.predict(inputs[validation])
        rows.append(described(f"probe, {stages} stages", labels[validation], answers, seconds))
    return rows


def fine_tuned(
    index: pd.DataFrame, seed: int, step: str, settings: dict, size: int, epochs: int
) -> list[dict]:
    """The last five stages trained from ImageNet's weights."""
    device.seed_everything(seed)
    model = models.Classifier(models.load_backbone(), classes=index["label"].nunique())
    models.freeze(model)
    models.unfreeze(model, last=5)
    settings = {"learning_rate": 1e-3, "optimizer": "adamw"} | settings
    backbone = model.backbone
    loaders = datasets.loaders(
        index,
        size=size,
        channels=3,
        batch_size=32,
        augment=settings.pop("augment"),
        soft_labels=settings.pop("soft_labels"),
        mean=backbone.mean,
        std=backbone.std,
        seed=seed,
        progress=False,
    )
    train, validation = loaders["train"], loaders["validation"]
    if settings.pop("mixed", False):
        train = Mixed(train, classes=index["label"].nunique())
    start = perf_counter()
    training.fit(model, train, epochs=epochs, progress=False, **settings)
    seconds = perf_counter() - start
    rows = []
    for views in (1, 8) if step == BASE else (1,):
        inspector = Inspector(
            model,
            InspectorSettings(
                data.class_names(index), size, 3, backbone.mean, backbone.std, views=views
            ),
        )
        answers = inspector.probabilities(validation.images.numpy()).argmax(axis=1)
        name = step if views == 1 else "+ eight views"
        rows.append(described(name, validation.labels.numpy(), answers, seconds))
    return rows


def described(step: str, labels: np.ndarray, answers: np.ndarray, seconds: float) -> dict:
    """One row: how many photos were answered right, and the time of training."""
    right = int((labels == answers).sum())
    return {
        "step": step,
        "right": right,
        "photos": len(labels),
        "accuracy": right / len(labels),
        "baseline": np.bincount(labels).max() / len(labels),
        "seconds": seconds,
    }


if __name__ == "__main__":
    main()
