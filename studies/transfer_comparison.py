"""Lesson 9 with three seeds: what do a probe, a new head, fine-tuning and training from scratch answer?

    python studies/transfer_comparison.py [--data FOLDER] [--seeds 3] [--folds 1]

The models are those of lesson 9, made by its own functions and settings, at its photo size. Splits: the
course's random split, whose validation photos are judged; and folds of whole lots among the same photos,
where a quarter of the lots is judged and the models learn from the others. No test photo takes part.

A seed decides the first weights and the order of the photos; the probe has no such luck, so it is the
same for each seed. From scratch: the small network of lesson 6, as lesson 9 trains it.

Time: features and maps a minute once; then about two minutes for each split and seed on one core. What is
finished is saved; started again, the study goes on where it stopped.
Results: studies/results/transfer_comparison.csv, the probability of a defect that each model gives each photo.
"""

import argparse

import numpy as np
import pandas as pd
from study_tools import arguments, photo_index, results_folder, run

from course_lib import checks, datasets, device, evaluation, lesson, models, splits, training, transforms
from course_lib.paths import write_atomically

SCRATCH = {"epochs": 6, "learning_rate": 5e-3, "average_weights": 0.98}  # as lesson 9 trains it
ROUTES = ("probe", "new head", "fine-tuned", "from scratch")


def main(given: argparse.Namespace) -> None:
    """Train what is not in the results file yet, then print accuracies and paired differences."""
    index = splits.random_split(checks.find_parts(photo_index(given.data, given.limit)))
    index = index[index["split"] != "test"].reset_index(drop=True)
    file = results_folder(given.limit) / "transfer_comparison.csv"
    done = [pd.read_csv(file)] if file.exists() else []
    known = {pair for part in done for pair in zip(part["split"], part["seed"], strict=True)}
    for name, table in tables_of(index, given.folds).items():
        for seed in range(given.seeds):
            if (name, seed) in known:
                continue
            done.append(answers(table, seed).assign(split=name, seed=seed))
            with write_atomically(file) as temporary:
                pd.concat(done).to_csv(temporary, index=False, lineterminator="\n")
    print(summary(pd.concat(done, ignore_index=True)).to_string())


def tables_of(index: pd.DataFrame, folds: int) -> dict[str, pd.DataFrame]:
    """The same photos with the course's split, and with whole lots as validation photos, where lots are known."""
    tables = {"random": index}
    if "lot" in index or "position" in index:
        fold = splits.lot_folds(index)
        for number in range(folds):
            tables[f"lots {number}"] = index.assign(split=np.where(fold == number, "validation", "train"))
    return tables


def answers(index: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The probability of a defect for each validation photo, a column for each route."""
    backbone = models.load_backbone(lesson.TRANSFER_SETTINGS["backbone"])
    shape = {"size": lesson.TRANSFER_SETTINGS["size"], "progress": False}
    colour = datasets.loaders(index, channels=3, mean=backbone.mean, std=backbone.std, **shape)
    found = index.loc[index["split"] == "validation", ["path", "label"]].reset_index(drop=True)
    for route in ROUTES[:3]:
        found[route] = probability(lesson.transfer_network(index, route, seed, progress=False), colour["validation"])
    turns = {"batch_size": 32, "augment": transforms.flips_and_quarter_turns}
    grey = datasets.loaders(index, **shape, **turns, seed=seed)
    device.seed_everything(seed)
    scratch = models.ScratchCNN(classes=index["label"].nunique())
    training.fit(scratch, grey["train"], **SCRATCH, progress=False)
    found["from scratch"] = probability(scratch, grey["validation"])
    return found.round(4)


def probability(model: models.Classifier | models.ScratchCNN, loader: datasets.BatchLoader) -> np.ndarray:
    """What a model says of the last class, (N,)."""
    return evaluation.softmax(evaluation.predict_logits(model, loader)[0])[:, -1].astype(float)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each route, and by how much fine-tuning is ahead of the probe, photo by photo."""
    positive = sorted(table["label"].unique(), key=lambda label: label == "defective")[-1]
    right = (table[list(ROUTES)] > 0.5).eq(table["label"] == positive, axis=0)
    groups = right.assign(gain=right["fine-tuned"].astype(int) - right["probe"]).groupby(
        [table["split"], table["seed"]]
    )
    half = 1.96 * groups["gain"].std(ddof=0) / np.sqrt(groups.size())
    return groups.mean().assign(**{"from": groups["gain"].mean() - half, "to": groups["gain"].mean() + half}).round(3)


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds")
    parser.add_argument("--folds", type=int, default=1, help="how many of the four lot folds")
    run(main, parser)
