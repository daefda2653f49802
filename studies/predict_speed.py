"""How fast is `predict` with the ONNX program in the inspector's file, beside PyTorch?

    python studies/predict_speed.py [--photos 300] [--repeats 3] [--data FOLDER]

The same network at 224 pixels is saved with and without its program, and the command inspects one photo and many,
in turn, each time as on its first day. Processor seconds are what does not depend on other work of the
machine; photos a second are from the wall clock, without the start. Not on Windows.
Results: studies/results/predict_speed.csv
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from study_tools import arguments, fresh_work_folder, photo_index, print_and_save, run

from course_lib import data, datasets, models
from course_lib.inference import Inspector, InspectorSettings, checked_program
from course_lib.paths import project_folder


def main(given: argparse.Namespace) -> None:
    """Save both, inspect in turn, print and save."""
    index = photo_index(given.data, given.limit or given.photos // 2)
    photos = [str(data.photo_path(index, row)) for row in range(len(index))]
    rows = []
    with fresh_work_folder() as folder:
        backbone = models.load_backbone()
        settings = InspectorSettings(["good", "defective"], 224, 3, list(backbone.mean), list(backbone.std))
        inspector = Inspector(models.Classifier(backbone, stages="all"), settings)
        program = checked_program(inspector, np.array(datasets.pixels(index[:8], 224, 3, progress=False)))
        ways = {"ONNX program": inspector.save(folder / "with", program), "PyTorch": inspector.save(folder / "without")}
        for repeat in range(given.repeats):
            for way, file in ways.items():
                for count in (1, len(photos)):
                    seconds, used = command(file, photos[:count], folder / f"{way} {count} {repeat}")
                    rows.append({"computed by": way, "photos": count, "seconds": seconds, "processor seconds": used})
    table = pd.DataFrame(rows).groupby(["computed by", "photos"], sort=False, as_index=False).median()
    start = table.groupby("computed by")[["seconds", "processor seconds"]].transform("first")
    table["photos a second"] = (table["photos"] - 1) / (table["seconds"] - start["seconds"])
    table["processor ms a photo"] = (
        1000 * (table["processor seconds"] - start["processor seconds"]) / (table["photos"] - 1)
    )
    print_and_save(table, "predict_speed", given.limit)


def command(inspector: Path, photos: list[str], work: Path) -> tuple[float, float]:
    """Seconds and processor seconds of ``predict``, from its start to its end."""
    words = [sys.executable, "-m", "course_lib", "predict", str(inspector), *photos, "--csv"]
    start = perf_counter()
    process = subprocess.Popen(
        words, cwd=project_folder(), env=os.environ | {"COURSE_WORK": str(work)}, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"predict ended with status {process.returncode}")
    return perf_counter() - start, used.ru_utime + used.ru_stime


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=300, help="of both classes together")
    parser.add_argument("--repeats", type=int, default=3, help="of each command")
    run(main, parser)
