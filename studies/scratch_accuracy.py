"""How accurate is the network of lesson 7, trained from random weights?

    python studies/scratch_accuracy.py [--seeds 5] [--data FOLDER]

The settings of `course_lib.lesson.SCRATCH_SETTINGS`, trained from several random starts on the
random split and on the lot split, each of about 60 % training, 15 % validation and 25 % test photos.
One view of each photo, and the mean of eight. Nothing is chosen here: the settings were chosen on
validation. 11 to 22 s of training for each start and split on two cores.
Results: studies/results/scratch_accuracy.csv
"""

import argparse
from time import perf_counter

import pandas as pd

from course_lib import data, evaluation, lesson
from course_lib.paths import project_folder, write_atomically
from course_lib.transforms import eight_views

RESULTS = project_folder() / "studies" / "results"


def main() -> None:
    """Train, test, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=None, help="photo folder; default: the solar cells")
    parser.add_argument("--seeds", type=int, default=5, help="how many random starts")
    arguments = parser.parse_args()
    photos = arguments.data or data.solar_cells()
    rows = []
    for seed in range(arguments.seeds):
        for kind in ("random", "lot"):
            index = lesson.split_index(photos, kind)
            start = perf_counter()
            model, batches, _ = lesson.train_scratch(index, seed=seed, progress=False)
            seconds = perf_counter() - start
            for part in ("validation", "test"):
                for views, make in ((1, None), (8, eight_views)):
                    logits, labels = evaluation.predict_logits(model, batches[part], views=make)
                    row = evaluation.accuracy_row(kind, labels, logits.argmax(axis=1))
                    rows.append({"seed": seed, "part": part, "views": views, **row, "seconds": seconds})
            print(pd.DataFrame(rows[-4:]).round(3).to_string(index=False, header=False), flush=True)
            table = pd.DataFrame(rows).rename(columns={"model": "split"})
            # After each training, so that an interrupted study keeps what it has.
            with write_atomically(RESULTS / "scratch_accuracy.csv") as file:
                table.round(4).to_csv(file, index=False, lineterminator="\n")
    summary = table.groupby(["split", "part", "views"])[["accuracy", "baseline", "seconds"]]
    print("\n" + summary.agg(["mean", "min", "max"]).round(3).to_string())


if __name__ == "__main__":
    main()
