"""What do healthy and sick trainings look like, and what would early stopping have kept of each?

    python studies/learning_curves.py [--data FOLDER] [--epochs 40] [--seeds 3]

The network of lesson 7 is trained in four ways: with and without turned photos, and with a learning rate that
is far too small or too large. A fifth of the training photos is set aside, and no training
sees it. So the epoch can be chosen by the validation loss, as early stopping does, and judged on photos
that had no part in the choice; the test photos stay closed.

The rows are the epochs of all trainings. Lesson 7 draws some of these curves. Nothing is chosen here.
Time: about four minutes on one core. Started again, the study goes on after the last whole training.
Results: studies/results/learning_curves.csv
"""

import argparse

import numpy as np
import pandas as pd
from study_tools import arguments, run
from study_tools.kept_rows import KeptRows

from course_lib import data, datasets, device, lesson, models, splits, training, transforms
from course_lib.paths import shorten

RUNS = {"no turns": (False, 1e-3), "turns": (True, 1e-3), "small rate": (True, 1e-6), "large rate": (True, 0.3)}
COMPARED = ("no turns", "turns")  # from several random starts; of the wrong rates one shows the shape
ASIDE = 0.2  # share of the training photos
PATIENCE = 5


def main(given: argparse.Namespace) -> None:
    """Train in each way from each random start, keep every epoch, print what early stopping keeps."""
    index = lesson.split_index(given.data or data.solar_cells())
    if given.limit:
        index = index.groupby(["label", "split"]).head(given.limit).reset_index(drop=True)
    pixels = datasets.pixels(index, lesson.SCRATCH_SETTINGS["size"], progress=False)
    rows = KeptRows("learning_curves", ["run", "seed", "epoch"], given.limit)
    for name in RUNS:
        for seed in range(given.seed, given.seed + (given.seeds if name in COMPARED else 1)):
            if {"run": name, "seed": seed, "epoch": given.epochs} in rows:
                continue
            for row in history(index, pixels, name, seed, given.epochs):
                rows.add({"run": name, "seed": seed, **row})
            print(f"{name}, seed {seed}: {rows.table.iloc[-1].to_dict()}", flush=True)
    print("\n" + early_stopping(rows.table, PATIENCE).round(3).to_string(index=False))
    print(f"Saved in {shorten(rows.file)}")


def history(index: pd.DataFrame, pixels: np.ndarray, name: str, seed: int, epochs: int) -> list[dict]:
    """One training: a row for each epoch, with loss and accuracy on the photos set aside."""
    turned, rate = RUNS[name]
    part, learned = splits.parts(index), index["split"] == "train"
    order = np.random.default_rng(seed).permutation(part[learned].unique())  # photos of one part stay together
    aside = learned & part.isin(order[: round(ASIDE * len(order))])
    rows = {"train": learned & ~aside, "validation": index["split"] == "validation", "aside": aside}
    labels = data.label_numbers(index)
    loaders = {
        part: datasets.BatchLoader(
            pixels,
            labels,
            rows=chosen.to_numpy(),
            batch_size=lesson.SCRATCH_SETTINGS["batch_size"],
            shuffle=part == "train",
            augment=transforms.flips_and_quarter_turns if turned and part == "train" else None,
            seed=seed,
        )
        for part, chosen in rows.items()
    }
    device.seed_everything(seed)
    model = models.ScratchCNN(classes=index["label"].nunique())
    aside = []
    table = training.fit(
        model,
        loaders["train"],
        loaders["validation"],
        epochs=epochs,
        learning_rate=rate,
        schedule=None,
        progress=False,
        on_epoch_end=[lambda _: aside.append(training.evaluate(model, loaders["aside"]))],
    )
    table[["aside_loss", "aside_accuracy"]] = aside
    return table.drop(columns=["learning_rate", "seconds"]).to_dict("records")


def early_stopping(table: pd.DataFrame, patience: int) -> pd.DataFrame:
    """For each training: when it stops, which epoch it keeps, and what that is worth beside the last one.

    Args:
        table: the rows of this study.
        patience: how many epochs without a lower validation loss are waited for.
    """
    found = []
    for (name, seed), epochs in table.groupby(["run", "seed"], sort=False):
        epochs = epochs.reset_index(drop=True)
        kept = 0
        for epoch, loss in enumerate(epochs["validation_loss"]):
            if loss < epochs["validation_loss"][kept]:
                kept = epoch
            elif epoch - kept >= patience:
                break
        row = {"run": name, "seed": seed, "stops after": epoch + 1, "keeps": kept + 1}
        for quantity in ("aside_loss", "aside_accuracy"):
            row |= {f"kept, {quantity}": epochs[quantity][kept], f"last, {quantity}": epochs[quantity].iloc[-1]}
        found.append(row)
    return pd.DataFrame(found)


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40, help="of each training")
    parser.add_argument("--seeds", type=int, default=3, help="how many random starts")
    run(main, parser)
