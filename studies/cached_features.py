"""What do kept features cost? One plain pass, the first extraction, ten epochs of a head, the second time.

    python studies/cached_features.py [--data FOLDER] [--copies 1 2 4]

The course promises: extraction and ten epochs of head training cost at most 1.15 times one plain pass
of the backbone over the photos; a second run on the same photos at most 0.02 of the first. To see how
this grows, the photos are also taken two and four times: as copies with other bytes and the same pixels,
so that each is computed. Each row runs in a process of its own, which also reports its peak memory.
Results: studies/results/cached_features.csv
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from study_tools import arguments, fresh_work_folder, photo_index, print_and_save, run

from course_lib import data, datasets, device, features, models
from course_lib.errors import CourseError
from course_lib.training import fit
from course_lib.transforms import to_float

EPOCHS = 10


def main(given: argparse.Namespace) -> None:
    """Measure each number of copies in a process of its own, print and save the table."""
    if given.one:
        print(json.dumps(measure(photo_index(given.one), given)))
        return
    index = photo_index(given.data, given.limit)
    count = given.photos or len(index)
    # Spread over the folder, so that each class is there.
    rows = np.linspace(0, len(index) - 1, min(count, len(index))).astype(int)
    table = []
    for copies in given.copies:
        with tempfile.TemporaryDirectory(prefix="study-") as folder:
            copy_photos(index, rows, copies, Path(folder))
            table.append(in_own_process(folder, given))
        # After each row, so that a run that is stopped keeps what it has measured.
        print_and_save(pd.DataFrame(table), "cached_features", given.limit)


def copy_photos(index: pd.DataFrame, rows: np.ndarray, copies: int, folder: Path) -> None:
    """Copies of the photos with a few more bytes at the end, which no decoder looks at."""
    for row in rows:
        source = data.photo_path(index, row)
        for copy in range(copies):
            name = f"{row:06d}-{copy}{source.suffix}"
            target = folder / index["label"].iloc[row] / name
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, target)
            with open(target, "ab") as file:
                file.write(copy.to_bytes(4, "big"))


def in_own_process(folder: str, given: argparse.Namespace) -> dict:
    """One row of the table, measured by this script in a new process."""
    command = [sys.executable, __file__, "--one", folder, "--backbone", given.backbone]
    command += ["--seed", str(given.seed)]
    command += ["--weights", given.weights] if given.weights else []
    command += ["--size", str(given.size)] if given.size else []
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    if result.returncode:
        raise CourseError(f"The measurement failed: {result.stderr.strip().splitlines()[-1]}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def measure(index: pd.DataFrame, given: argparse.Namespace) -> dict:
    """Times in seconds, and the most memory that this process needed in MiB."""
    backbone = models.load_backbone(given.backbone, given.weights)
    size, labels = given.size or backbone.size, data.label_numbers(index)
    with fresh_work_folder():
        extract = {"stages": "last", "size": size, "progress": False}
        # The first batches are slower than all others, so they are left out of every time.
        plain_pass(index.head(64), index.attrs["folder"], backbone, size)
        plain = timed(lambda: plain_pass(index, index.attrs["folder"], backbone, size))
        memory_before = peak_memory()
        first = timed(lambda: features.extract(index, backbone, **extract))
        memory = peak_memory() - memory_before
        inputs = features.extract(index, backbone, **extract)

        def train() -> None:
            device.seed_everything(given.seed)
            head = torch.nn.Linear(inputs.shape[1], len(data.class_names(index)))
            loader = datasets.FeatureLoader(inputs, labels, shuffle=True, seed=given.seed)
            fit(head, loader, epochs=EPOCHS, channels_last=False, progress=False)

        epochs = timed(train)
        second = timed(lambda: np.asarray(features.extract(index, backbone, **extract)).sum())
    return {
        "photos": len(index),
        "backbone": backbone.name,
        "size": size,
        "plain pass (s)": round(plain, 2),
        "first extraction (s)": round(first, 2),
        f"{EPOCHS} epochs of the head (s)": round(epochs, 2),
        "first + epochs / plain": round((first + epochs) / plain, 3),
        "second extraction (s)": round(second, 3),
        "second / first": round(second / first, 4),
        "memory added by extraction (MiB)": round(memory),
        "seed": given.seed,
    }


@torch.no_grad()
def plain_pass(index: pd.DataFrame, folder: str, backbone: models.Backbone, size: int, batch: int = 32) -> None:
    """What every epoch costs if nothing is kept: read, prepare, compute."""
    place = device.choose()
    backbone.to(place, memory_format=torch.channels_last).eval()
    for start in range(0, len(index), batch):
        paths = [Path(folder) / path for path in index["path"].iloc[start : start + batch]]
        pixels = np.stack([data.read_pixels(path, size, 3) for path in paths])
        images = to_float(torch.from_numpy(pixels).to(place), backbone.mean, backbone.std)
        backbone(images.contiguous(memory_format=torch.channels_last)).cpu()


def timed(work) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def peak_memory() -> float:
    """Most memory that this process has had so far, in MiB; 0 on Windows, which does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="efficientnet_lite0", help="any of load_backbone")
    parser.add_argument("--weights", help="file or folder with the weights of the backbone")
    parser.add_argument("--size", type=int, help="pixels; default: the backbone's own")
    parser.add_argument("--photos", type=int, default=656, help="photos before they are copied")
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    run(main, parser)
