"""What do the routes of transfer learning bring? Random splits and lot folds, one table.

    python studies/transfer_routes.py [--data FOLDER] [--seeds 5] [--folds 4] [--routes …]

Split: stratified random, 75 % for training and 25 % for the test, as in Deitsch et al. 2019 (82.4 %
with an SVM on hand-made features, 88.4 % with VGG-19 fine-tuned); and four folds of whole lots. A
seed fixes the split, the head's first weights and the order of the photos. The settings of fine-tuning are a
first choice from a few trials on validation photos, not the result of a search.

Time on two cores: probes 2 minutes altogether, fine-tuning about 5 minutes for each split, from scratch
the same. Each finished row is saved; started again, the study goes on where it stopped.
Results: studies/results/transfer_routes.csv
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
from course_lib.transforms import flips_and_quarter_turns

SIZE = 160  # pixels for fine-tuning; the probes see the backbone's own size
EPOCHS = 7
FINE_TUNING = {
    "learning_rate": 1e-3,
    "label_smoothing": 0.05,
    "average_weights": 0.98,
    "epochs": EPOCHS,
}
RESULTS = project_folder() / "studies" / "results" / "transfer_routes.csv"


def main() -> None:
    """Measure what is not in the results file yet, then print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=None, help="photo folder; default: the solar cells")
    parser.add_argument("--seeds", type=int, default=5, help="how many random splits")
    parser.add_argument("--folds", type=int, default=4, help="how many of the four lot folds")
    parser.add_argument("--routes", nargs="+", default=list(ROUTES), choices=list(ROUTES))
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the table goes")
    arguments = parser.parse_args()
    index = data.index_folder(arguments.data or data.solar_cells())
    rows = pd.read_csv(arguments.results).to_dict("records") if arguments.results.exists() else []
    done = {(row["route"], row["split"]) for row in rows}
    for split, test in tests_of(index, arguments.seeds, arguments.folds):
        for route in arguments.routes:
            if (route, split) in done:
                continue
            seed = int(split.split()[-1]) if split.startswith("random") else 0
            rows += [{"split": split, **row} for row in ROUTES[route](index, test, seed)]
            table = pd.DataFrame(rows).round(4)
            with write_atomically(arguments.results) as file:
                table.to_csv(file, index=False, lineterminator="\n")
            print(table.iloc[-1:].to_string(index=False, header=len(rows) == 1), flush=True)
    print("\n" + summary(pd.DataFrame(rows)).to_string())


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Mean, lowest and highest accuracy of each route, random splits beside lot folds."""
    kind = table["split"].str.split().str[0]
    accuracy = table.groupby(["route", kind], sort=False)["accuracy"].agg(["mean", "min", "max"])
    seconds = table.groupby("route", sort=False)["seconds"].median().rename("seconds (median)")
    return accuracy.unstack().round(3).join(seconds.round(0))


def tests_of(index: pd.DataFrame, seeds: int, folds: int) -> list[tuple[str, np.ndarray]]:
    """The test photos of each random split and, where lots are known, of each lot fold."""
    tests = [
        (f"random {seed}", (splits.random_split(index, seed)["split"] == "test").to_numpy())
        for seed in range(seeds)
    ]
    if "lot" in index or "position" in index:
        fold = splits.lot_folds(index)
        tests += [(f"lots {number}", (fold == number).to_numpy()) for number in range(folds)]
    return tests


def probe(index: pd.DataFrame, test: np.ndarray, seed: int, stages: str) -> list[dict]:
    """A linear classifier on frozen features; the time includes the features, kept or not."""
    backbone, labels = models.load_backbone(), data.label_numbers(index)
    inputs = features.extract(index, backbone, stages=stages)
    start = perf_counter()
    classifier = features.linear_probe().fit(inputs[~test], labels[~test])
    seconds = perf_counter() - start
    row = evaluation.accuracy_row("", labels[test], classifier.predict(inputs[test]))
    return [described(f"probe, {stages} stages", row, seconds, inputs.shape[1] + 1)]


def fine_tuned(index: pd.DataFrame, test: np.ndarray, seed: int) -> list[dict]:
    """The last six stages trained from ImageNet's weights, with and without eight views."""
    device.seed_everything(seed)
    model = models.Classifier(models.load_backbone(), classes=index["label"].nunique())
    models.freeze(model)
    models.unfreeze(model, last=6)
    return train_and_test("fine-tuned", model, index, test, seed, views=(1, 8))


def from_scratch(index: pd.DataFrame, test: np.ndarray, seed: int) -> list[dict]:
    """The same network, all of it from random weights, trained as long."""
    device.seed_everything(seed)
    backbone = models.untrained_backbone("efficientnet_lite0")
    model = models.Classifier(backbone, classes=index["label"].nunique())
    return train_and_test("from scratch, same network", model, index, test, seed, views=(1,))


def train_and_test(
    route: str,
    model: models.Classifier,
    index: pd.DataFrame,
    test: np.ndarray,
    seed: int,
    views: tuple[int, ...],
) -> list[dict]:
    """Train on all photos outside of the test part, then judge the test part."""
    backbone, labels = model.backbone, data.label_numbers(index)
    pixels = datasets.pixels(index, SIZE, channels=3)
    loader = datasets.BatchLoader(
        pixels[~test],
        data.label_probabilities(index)[~test],
        batch_size=32,
        shuffle=True,
        augment=flips_and_quarter_turns,
        mean=backbone.mean,
        std=backbone.std,
        seed=seed,
    )
    trained = models.trainable_parameters(model)["trainable"].iloc[-1]
    start = perf_counter()
    training.fit(model, loader, **FINE_TUNING)
    seconds = perf_counter() - start
    rows = []
    for count in views:
        settings = InspectorSettings(
            data.class_names(index), SIZE, 3, backbone.mean, backbone.std, views=count
        )
        start = perf_counter()
        answers = Inspector(model, settings).probabilities(pixels[test]).argmax(axis=1)
        speed = test.sum() / (perf_counter() - start)
        row = evaluation.accuracy_row("", labels[test], answers)
        name = route if count == 1 else f"{route}, {count} views"
        rows.append(described(name, row, seconds, trained, speed))
    return rows


def described(
    route: str, row: dict, seconds: float, trained: int, speed: float = float("nan")
) -> dict:
    """A row of the results: accuracy with interval and baseline, and what it cost."""
    row.pop("model")
    return {
        "route": route,
        **row,
        "seconds": seconds,
        "trained weights": trained,
        "images per second": speed,
    }


ROUTES: dict[str, Callable[[pd.DataFrame, np.ndarray, int], list[dict]]] = {
    "probe, last stages": lambda *arguments: probe(*arguments, stages="last"),
    "probe, all stages": lambda *arguments: probe(*arguments, stages="all"),
    "fine-tuned": fine_tuned,
    "from scratch, same network": from_scratch,
}


if __name__ == "__main__":
    main()
