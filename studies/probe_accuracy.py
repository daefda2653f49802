"""How accurate is a linear probe on frozen features? Five random splits, and four lot folds.

    python studies/probe_accuracy.py [--seeds 5] [--size 224]

Split: stratified random, 75 % for the fit and 25 % for the test, as in Deitsch et al. 2019 (82.4 %
with an SVM on hand-made features, 88.4 % with VGG-19 fine-tuned). The probe's only setting, C = 0.01,
is that of `course_lib.features.linear_probe`. Features: about half a minute once on two cores; then a minute.
Results: studies/results/probe_accuracy.csv
"""

import argparse

import numpy as np
import pandas as pd

from course_lib import data, evaluation, features, models, splits
from course_lib.paths import project_folder, write_atomically


def main() -> None:
    """Fit, test, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=None, help="photo folder; default: the solar cells")
    parser.add_argument("--seeds", type=int, default=5, help="how many random splits")
    parser.add_argument("--size", type=int, default=None, help="pixels; default: the backbone's own")
    arguments = parser.parse_args()
    index = data.index_folder(arguments.data or data.solar_cells())
    labels = data.label_numbers(index)
    backbone = models.load_backbone()
    rows = []
    for stages in ("last", "all"):
        inputs = features.extract(index, backbone, stages=stages, size=arguments.size)
        for name, test in tests_of(index, arguments.seeds):
            probe = features.linear_probe().fit(inputs[~test], labels[~test])
            row = evaluation.accuracy_row(name, labels[test], probe.predict(inputs[test]))
            rows.append({"stages": stages, **row})
    table = pd.DataFrame(rows).rename(columns={"model": "split"})
    print(table.round(4).to_string(index=False))
    table["kind"] = table["split"].str.split().str[0]
    summary = table.groupby(["stages", "kind"])["accuracy"].agg(["mean", "min", "max"])
    print("\n" + summary.round(4).to_string())
    with write_atomically(project_folder() / "studies" / "results" / "probe_accuracy.csv") as file:
        table.round(4).to_csv(file, index=False, lineterminator="\n")


def tests_of(index: pd.DataFrame, seeds: int) -> list[tuple[str, np.ndarray]]:
    """The test rows of each random split and, where lots are known, of each lot fold."""
    tests = [
        (f"random seed {seed}", (splits.random_split(index, seed)["split"] == "test").to_numpy())
        for seed in range(seeds)
    ]
    if "lot" in index or "position" in index:
        folds = splits.lot_folds(index)
        tests += [(f"lot fold {fold}", (folds == fold).to_numpy()) for fold in range(4)]
    return tests


if __name__ == "__main__":
    main()
