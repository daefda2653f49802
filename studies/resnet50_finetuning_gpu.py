"""How fast is ResNet50 fine-tuned at 224 pixels on a GPU, and how busy is the GPU?

    python studies/resnet50_finetuning_gpu.py [--data FOLDER] [--batch 128] [--repetitions 5]

Wanted: half precision at least twice as fast as float32, with the GPU at work at least 90 % of the time.
Status: not measured on a GPU yet. On a CPU it only runs as a trial of its logic (--limit 4 --size 32
--batch 4 --repetitions 1), and no figure comes from that.

All layers of torchvision's ResNet50 are trained with `fit`; nothing is downloaded: where its weights are
not on this machine they are random, which does not change the speed. The photos are decoded once and
mirrored and turned a whole batch at a time. In each repetition three ways take turns:

- float32: matrices and convolutions in full float32;
- float32, TF32 convolutions: PyTorch's default. On NVIDIA GPUs since 2020 its convolutions round what
  they multiply to TF32 (10 bits instead of 23), so it is no plain float32. A further row, not wanted;
- half precision, channels last: autocast to bfloat16, or to float16 where a GPU only imitates bfloat16.

An epoch to warm up is not counted. A ratio belongs to one repetition. When all speeds are there, another
epoch of each way runs under PyTorch's profiler; busy is the share of its time that is covered by kernels
(copies do not count). The profiler costs time of its own, so the share is rather too low.

Time: a few minutes on a large GPU. Each repetition is saved; started again, the study goes on there.
Results: studies/results/resnet50_finetuning_gpu.csv, studies/results/resnet50_finetuning_gpu_busy.csv
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from math import inf
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from study_tools import arguments, median_and_range, photo_index, run
from study_tools.kept_rows import KeptRows
from torch.profiler import ProfilerActivity, profile

from course_lib import data, datasets, device, models
from course_lib.errors import CourseError
from course_lib.paths import data_folder, shorten
from course_lib.training import fit
from course_lib.transforms import flips_and_quarter_turns

PLAIN, DEFAULT, FAST = "float32", "float32, TF32 convolutions", "half precision, channels last"
WAYS = (PLAIN, DEFAULT, FAST)
FASTER, BUSY = 2, 0.9  # wanted of FAST: times as fast as PLAIN; share of the time


def main(given: argparse.Namespace) -> None:
    """Measure what is not in the results yet, print medians and ranges."""
    cuda = device.choose().type == "cuda"
    if not cuda and not given.limit:
        print("This study needs an NVIDIA GPU; try its logic with --limit 4 --size 32 --batch 4.", file=sys.stderr)
        sys.exit(77)
    if min(given.repetitions, given.epochs, given.batch, given.photos) < 1:
        raise CourseError("Nothing is measured without photos; give numbers from 1.")
    device.seed_everything(given.seed)
    index = photo_index(given.data, given.limit)
    batch = min(given.batch, given.photos, len(index))
    photos = min(given.photos, len(index)) // batch * batch  # only whole batches
    index = index.iloc[np.random.default_rng(given.seed).permutation(len(index))[:photos]]
    model, weights = network(index["label"].nunique())
    loader = datasets.BatchLoader(
        datasets.pixels(index, given.size, channels=3, progress=False),
        data.label_numbers(index), batch_size=batch, shuffle=True, seed=given.seed,
        augment=flips_and_quarter_turns, mean=model.backbone.mean, std=model.backbone.std,
    )  # fmt: skip
    imitated = device.precisions()["bfloat16"] == "imitated"
    half = "float16" if cuda and imitated else "bfloat16"
    facts = {"size": given.size, "batch": batch, "photos": photos, "half precision": half}
    facts |= {"weights": weights, "computed on": device.describe()}
    print(", ".join(f"{name}: {fact}" for name, fact in facts.items()), flush=True)

    def measured(rows: KeptRows, measure: Callable[[str], float]) -> pd.DataFrame:
        for repetition in range(1, given.repetitions + 1):
            row = {"repetition": repetition, **facts}
            if row not in rows:
                rows.add(row | {way: measure(way) for way in WAYS})
                print(rows.table.tail(1).drop(columns=[*facts]).to_string(index=False), flush=True)
        return rows.table[(rows.table[[*facts]] == pd.Series(facts)).all(axis=1)]

    def photos_per_second(way: str) -> float:
        seconds = train(model, loader, way, half, epochs=1 + given.epochs)["seconds"]
        return photos * given.epochs / seconds.iloc[1:].sum()

    speeds, shares = (
        KeptRows(f"resnet50_finetuning_gpu{end}", ["repetition", *facts], given.limit) for end in ("", "_busy")
    )
    print("\nPhotos per second")
    print("\n" + summary(measured(speeds, photos_per_second)).to_string(index=False))
    # Last, because what the profiler leaves behind in the process could slow what comes after it.
    print("\nShare of the time in which the GPU works")
    found = measured(shares, lambda way: busy(model, loader, way, half))
    for way in WAYS:
        wanted = f"; wanted: at least {BUSY}" if way == FAST else ""
        print(f"{way}: {median_and_range(found[way], 3)}{wanted}")
    print(f"Saved in {shorten(speeds.file)} and {shorten(shares.file)}")


def network(classes: int) -> tuple[models.Classifier, str]:
    """ResNet50 with a new head, all of it trainable, and which weights it has."""
    file = weights_at_hand("resnet50")
    if file is None:
        return models.Classifier(models.untrained_backbone("resnet50"), classes), "random"
    return models.Classifier(models.load_backbone("resnet50", weights=file), classes), file.name


def weights_at_hand(name: str) -> Path | None:
    """A file of these weights in ``data/weights`` or in torch's cache; None where there is none."""
    folders = data_folder() / "weights", Path(torch.hub.get_dir()) / "checkpoints"
    return next((file for folder in folders for file in sorted(folder.glob(f"{name}[.-]*"))), None)


@contextmanager
def full_float32(convolutions: bool) -> Iterator[None]:
    """Within it float32 matrices are multiplied without TF32, and convolutions if asked for."""
    matrices, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matrices.allow_tf32, cudnn.allow_tf32
    matrices.allow_tf32, cudnn.allow_tf32 = False, not convolutions
    try:
        yield
    finally:
        matrices.allow_tf32, cudnn.allow_tf32 = before


def train(
    model: models.Classifier,
    loader: datasets.BatchLoader,
    way: str,
    half: str,
    epochs: int,
    hooks: Iterable[Callable[[dict], None]] = (),
) -> pd.DataFrame:
    """Fine-tune a copy of the model in one of the `WAYS`; gives the history."""
    with full_float32(convolutions=way == PLAIN):
        return fit(
            deepcopy(model), loader, epochs=epochs, learning_rate=1e-4, on_epoch_end=hooks,
            precision=half if way == FAST else "float32", channels_last=way == FAST, progress=False,
        )  # fmt: skip


def busy(model: models.Classifier, loader: datasets.BatchLoader, way: str, half: str) -> float:
    """In which part of its second epoch a training had the GPU at work, 0…1."""
    cuda = device.choose().type == "cuda"
    profiler = profile(activities=[ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU])
    clock = []

    def watch(row: dict) -> None:
        if cuda:
            torch.cuda.synchronize()  # what was ordered in this epoch belongs to it
        if row["epoch"] == 1:
            profiler.start()
        clock.append(perf_counter())

    train(model, loader, way, half, epochs=2, hooks=[watch])
    profiler.stop()
    with tempfile.TemporaryDirectory(prefix="study-") as folder:
        trace = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(trace))
        worked = seconds_at_work(trace, "kernel" if cuda else "cpu_op")
    return worked / (clock[1] - clock[0])


def seconds_at_work(trace: Path, kind: str) -> float:
    """How long at least one event of a kind was going on, from a profiler's trace.

    The kind matters: the trace also has marks that span a whole step, with pauses in it.

    Raises:
        CourseError: the profiler saw nothing.
    """
    events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    spans = [(e["ts"], e["ts"] + e["dur"]) for e in events if e.get("cat") == kind]
    if not spans:
        raise CourseError(
            "PyTorch's profiler saw no work of the GPU, so how busy it was stays unknown; run the study "
            "where NVIDIA's CUPTI may be used, without another profiler around it."
        )
    return covered(spans) / 1e6  # microseconds


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The length that spans cover together; where they overlap, it counts once."""
    length, until = 0.0, -inf
    for start, end in sorted(spans):
        length += max(0.0, end - max(start, until))
        until = max(until, end)
    return length


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Median and range of each way, and of its ratio to plain float32 in the same repetition."""
    return pd.DataFrame([
        {
            "way": way,
            "photos per second": median_and_range(table[way], 0),
            "times as fast as float32": median_and_range(table[way] / table[PLAIN], 2),
            "wanted": f"at least {FASTER}" if way == FAST else "",
        }
        for way in WAYS
    ])  # fmt: skip


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=224, help="pixels")
    parser.add_argument("--batch", type=int, default=128, help="photos in a batch")
    parser.add_argument("--photos", type=int, default=2560, help="in an epoch, at most")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2, help="measured in each repetition")
    run(main, parser)
