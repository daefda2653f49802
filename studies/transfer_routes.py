"""What do a probe and fine-tuning bring, on random splits and on new lots? Photo by photo.

    python studies/transfer_routes.py [--data FOLDER] [--seeds 5] [--folds 4] [--networks 2]

Split: stratified random, 75 % for training and 25 % for the test, as in Deitsch et al. 2019 (82.4 %
with an SVM on hand-made features, 88.4 % with VGG-19 fine-tuned); and four folds of whole lots. Photos
of one part stay together. A seed fixes the split, the head's first weights and the order of the photos.

Probe: logistic regression on the features of the middle and late stages, at the backbone's own size.

Fine-tuning: the first four stages stay frozen, so their maps of all eight orientations are computed once
(about 1 GB in the work folder) and kept; the last five stages and a new head see one orientation of
each photo in each epoch, twelve epochs, and learn from the labels. The answer is the mean over eight
orientations. The second network differs in the start of its head and in the order of the photos; the
mean of both decides. The settings were fixed before anything was measured on these splits. They come
from trials on an older random split 0, in which its test photos were seen, and most of these are test
photos of random split 0 here too: that row may flatter a little.

Time: the maps two minutes once; one network takes about nine minutes for each split on one core. What is
finished is saved; started again, the study goes on where it stopped.
Results: studies/results/transfer_routes.csv (accuracies) and transfer_predictions.csv (the probability of
a defect for each test photo of each split, which lessons 9 and 10 read).
"""

import argparse
from time import perf_counter

import numpy as np
import pandas as pd
from study_tools import arguments, photo_index, results_folder, run
from study_tools.kept_rows import KeptRows

from course_lib import checks, data, datasets, device, evaluation, features, models, splits, training
from course_lib.errors import Interrupted
from course_lib.paths import write_atomically
from course_lib.transforms import orientation

SIZE = 192  # pixels for fine-tuning; the probe sees the backbone's own size
FROZEN = 3  # the last frozen stage; its maps are kept
EPOCHS, VIEWS = 12, 8
FINE_TUNING = {"learning_rate": 1e-3, "label_smoothing": 0.05, "average_weights": 0.98}
SECOND_NETWORK = 100  # is added to the seed, for another start of the head and another order
PROBE, FIRST, SECOND, BOTH = "probe", "fine-tuned", "second network", "two fine-tuned"


def main(given: argparse.Namespace) -> None:
    """Measure what is not in the results files yet, then print the summary."""
    index = checks.find_parts(photo_index(given.data, given.limit))
    rows = KeptRows("transfer_routes", ["split", "route"], given.limit)
    predictions = Predictions(given.limit)
    # One network on all splits first: a study that is stopped has whole columns.
    for route in [PROBE, FIRST, SECOND][: 1 + given.networks]:
        for split, test in tests_of(index, given.seeds, given.folds):
            if {"split": split, "route": route} in rows:
                continue
            seed = int(split.split()[-1]) if split.startswith("random") else 0
            start = perf_counter()
            if route == PROBE:
                answers = probe(index, test)
            else:
                answers = fine_tuned(index, test, seed + (SECOND_NETWORK if route == SECOND else 0))
            predictions.add(split, index[test], route, answers)
            found = {route: answers}
            if route == SECOND:
                found[BOTH] = (answers + predictions.of(split, FIRST)) / 2
            for name, probability in found.items():
                row = judged(split, name, data.label_numbers(index)[test], probability)
                rows.add(row | {"seconds": perf_counter() - start})
                print(f"{split}: {name} {row['accuracy']:.3f}", flush=True)
    print("\n" + summary(rows.table).to_string())


class Predictions:
    """One row for each test photo of each split, one column for each route; on the disk after each route."""

    def __init__(self, limit: int | None = None):
        self.file = results_folder(limit) / "transfer_predictions.csv"
        self.table = pd.read_csv(self.file) if self.file.exists() else pd.DataFrame(columns=["split", "path", "label"])

    def add(self, split: str, tested: pd.DataFrame, route: str, probability: np.ndarray) -> None:
        """Keep what a route said of these photos, three digits each."""
        if split not in set(self.table["split"]):
            new = tested[["path", "label"]].assign(split=split)
            self.table = pd.concat([self.table, new], ignore_index=True)
        self.table.loc[self.table["split"] == split, route] = probability.round(4)
        with write_atomically(self.file) as temporary:
            self.table.to_csv(temporary, index=False, lineterminator="\n")

    def of(self, split: str, route: str) -> np.ndarray:
        """What a route said of the test photos of a split."""
        return self.table.loc[self.table["split"] == split, route].to_numpy(float)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Mean, lowest and highest accuracy of each route, random splits beside lot folds."""
    kind = table["split"].str.split().str[0]
    accuracy = table.groupby(["route", kind], sort=False)["accuracy"].agg(["mean", "min", "max"])
    seconds = table.groupby("route", sort=False)["seconds"].median().rename("seconds (median)")
    accuracy = accuracy.unstack().round(4)
    accuracy.columns = [f"{split} {figure}" for figure, split in accuracy.columns]
    return accuracy.join(seconds.round(0))


def tests_of(index: pd.DataFrame, seeds: int, folds: int) -> list[tuple[str, np.ndarray]]:
    """The test photos of each random split and, where lots are known, of each lot fold."""
    tests = [
        (f"random {seed}", (splits.random_split(index, seed)["split"] == "test").to_numpy()) for seed in range(seeds)
    ]
    if folds and ("lot" in index or "position" in index):
        fold = splits.lot_folds(index)
        tests += [(f"lots {number}", (fold == number).to_numpy()) for number in range(folds)]
    return tests


def probe(index: pd.DataFrame, test: np.ndarray) -> np.ndarray:
    """A linear classifier on frozen features; the probability of the last class, for each test photo."""
    labels, inputs = data.label_numbers(index), features.extract(index, models.load_backbone(), stages="all")
    return features.linear_probe().fit(inputs[~test], labels[~test]).predict_proba(inputs[test])[:, -1]


def kept_maps(index: pd.DataFrame) -> list[np.ndarray]:
    """The frozen stages' maps of all eight orientations."""
    backbone, settings = models.load_backbone(), {"stages": FROZEN, "maps": True, "size": SIZE}
    return [features.extract(index, backbone, augment=orientation(view), **settings)[0] for view in range(VIEWS)]


def fine_tuned(index: pd.DataFrame, test: np.ndarray, seed: int) -> np.ndarray:
    """The last five stages trained from ImageNet's weights, behind kept maps; as `probe` answers."""
    maps, labels = kept_maps(index), data.label_numbers(index)
    device.seed_everything(seed)
    model = models.Classifier(models.load_backbone(), classes=index["label"].nunique())
    models.freeze(model)
    models.unfreeze(model, last=len(model.backbone.stages) - 1 - FROZEN)
    later = models.AfterStage(model, FROZEN)
    loader = datasets.FeatureLoader(
        maps, labels, rows=np.flatnonzero(~test), views=VIEWS, batch_size=32, shuffle=True, seed=seed
    )
    if training.fit(later, loader, epochs=EPOCHS, **FINE_TUNING).attrs["interrupted"]:
        raise Interrupted("The training was interrupted; the same command goes on with this row.")
    views = [datasets.FeatureLoader(kept, labels, rows=np.flatnonzero(test)) for kept in maps]
    answers = [evaluation.softmax(evaluation.predict_logits(later, view)[0])[:, -1] for view in views]
    return np.mean(answers, axis=0)


def judged(split: str, route: str, labels: np.ndarray, probability: np.ndarray) -> dict:
    """A row of the results: accuracy at 0.5 with interval and baseline, and area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    row = evaluation.accuracy_row(route, labels, (probability > 0.5).astype(int))
    row.pop("model")
    return {"split": split, "route": route, **row, "area under ROC": roc_auc_score(labels, probability)}


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many random splits")
    parser.add_argument("--folds", type=int, default=4, help="how many of the four lot folds")
    parser.add_argument("--networks", type=int, default=2, choices=(0, 1, 2), help="0: the probe alone")
    run(main, parser)
