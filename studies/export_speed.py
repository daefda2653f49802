"""Does the exported inspector decide like the notebook's, and how much faster is it?

    python studies/export_speed.py [--inspector FILE] [--repeats 50]

Without a file the inspector of lesson 10 is used or, where it was not made yet, a linear probe on the
frozen backbone is trained on the same photos (about a minute): the network inside is the same
size. Decisions are compared on all test photos of the random split; the speed is that of one photo
at a time, PyTorch and ONNX Runtime in turn, first on one thread, then on all cores.
Results: studies/results/export_speed.csv
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from course_lib import data, datasets, features, inference, lesson, models, paths
from course_lib.inference import Inspector, InspectorSettings
from course_lib.paths import project_folder, shorten, work_folder, write_atomically


def main() -> None:
    """Export, compare, measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inspector", default=None, help="a saved inspector of the solar cells")
    parser.add_argument("--repeats", type=int, default=50, help="calls measured of each kind")
    arguments = parser.parse_args()
    photos = data.solar_cells()
    index = lesson.split_index(photos)
    path = Path(arguments.inspector or paths.kept_folder(photos) / "inspector.safetensors")
    inspector = Inspector.load(path) if path.exists() else probe_inspector(index)
    test = index[index["split"] == "test"]
    images = datasets.pixels(test, inspector.settings.size, inspector.settings.channels)
    file = inference.export_onnx(inspector, work_folder() / "inspector.onnx")
    parity = inference.compare(inspector, file, images)
    print(f"{shorten(file)}: {parity}")
    tables = [
        inference.latency(inspector, file, images[:1], threads, arguments.repeats)
        for threads in sorted({1, os.cpu_count() or 1})
    ]
    table = pd.concat(tables, ignore_index=True)
    table = table.assign(size=inspector.settings.size, **parity)
    print(table.round(3).to_string(index=False))
    with write_atomically(project_folder() / "studies" / "results" / "export_speed.csv") as target:
        table.round(6).to_csv(target, index=False, lineterminator="\n")


def probe_inspector(index) -> Inspector:
    """A linear probe on the last stage, in a network like the fine-tuned one."""
    backbone = models.load_backbone()
    rows = np.flatnonzero(index["split"] == "train")
    inputs = features.extract(index, backbone, stages="last")
    probe = features.linear_probe().fit(inputs[rows], data.label_numbers(index)[rows])
    torch.manual_seed(0)
    model = models.Classifier(backbone, classes=2)
    models.head_from_probe(model, probe)
    mean, std = list(backbone.mean), list(backbone.std)
    return Inspector(model, InspectorSettings(data.class_names(index), backbone.size, 3, mean, std))


if __name__ == "__main__":
    main()
