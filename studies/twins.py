"""What did 50 cells that were photographed twice do to the figures of a probe?

    python studies/twins.py [--seeds 5]

The old splits know nothing of these pairs, the new ones keep both photos together: lots that share a
cell are one lot, and of two photos of a cell one is drawn and the other follows it. The probe on
frozen features (last stage) learns from the train part, or from the other three folds of lots. Nothing
is chosen here. Features: about half a minute once on two cores; then two minutes.
Results: studies/results/twins.csv
"""

import argparse

import numpy as np
import pandas as pd
from study_tools import print_and_save

from course_lib import checks, data, evaluation, features, models, splits


def main() -> None:
    """Split in both ways, fit, test, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=None, help="photo folder; default: the solar cells")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds of each split")
    arguments = parser.parse_args()
    old = data.index_folder(arguments.data or data.solar_cells())
    new = checks.find_parts(old)
    for name, index in {"old": old, "new": new}.items():
        sizes = splits.lots(index).value_counts()
        print(f"{name}: {len(sizes)} lots, the largest holds {sizes.max()} photos ({sizes.max() / len(index):.1%})")
    labels, inputs = data.label_numbers(old), features.extract(old, models.load_backbone(), stages="last")
    rows = []
    for seed in range(arguments.seeds):
        for name, index in {"old": old, "new": new}.items():
            for kind, train, test in ways_to_test(index, seed):
                probe = features.linear_probe().fit(inputs[train], labels[train])
                row = evaluation.accuracy_row(name, labels[test], probe.predict(inputs[test]))
                apart = new["part"][test].isin(new["part"][train]).sum()
                rows.append({"split": kind, "seed": seed, **row, "twins apart": apart})
    table = pd.DataFrame(rows).rename(columns={"model": "way"})
    summary = table.groupby(["split", "way"])[["accuracy", "baseline", "twins apart"]].agg(["mean", "min", "max"])
    print("\n" + summary.round(4).to_string())
    print_and_save(table, "twins", None)


def ways_to_test(index: pd.DataFrame, seed: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """The train and the test rows of a random split, a split by lot, and each of four folds of lots."""
    ways = []
    for kind, table in {"random": splits.random_split(index, seed), "by lot": splits.lot_split(index, seed)}.items():
        ways.append((kind, *((table["split"] == part).to_numpy() for part in ("train", "test"))))
    folds = splits.lot_folds(index, seed=seed).to_numpy()
    return ways + [("folds by lot", folds != fold, folds == fold) for fold in range(4)]


if __name__ == "__main__":
    main()
