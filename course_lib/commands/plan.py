"""What fits into the time: measure a few batches, then choose photo sizes and epochs.

Introduced in lesson 10; `course_lib.commands.train` uses it.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch

from course_lib import device, features, training
from course_lib.commands.belief import ENOUGH
from course_lib.commands.prepare import TrainingOptions
from course_lib.data import photo_path, read_image, to_pixels
from course_lib.inspection import photos_at_once
from course_lib.models import Backbone, Classifier, freeze, unfreeze
from course_lib.paths import write_atomically

SIZES = (224, 192, 160, 128, 96, 64)  # pixels, from the size of the pretrained weights downwards
LARGER = (320, 448, 640)  # each is tried where the photos are larger than the one before
TRIED = 500  # photos that choose among sizes
DEFECT = 20  # pixels: an example of what shrinking does
TRAINED = 2 / 3  # of the stages; the first ones know edges and spots, which are the same everywhere
PROBE_SHARE, LARGE_SHARE = 0.35, 0.5  # of the time: what the probe may take, and on large photos
# ONNX Runtime's share of the time that PyTorch takes (studies/cached_features.py), and its seconds to begin
QUICKER, BEGINNING = 0.5, 8
MANY = 5000  # photos from which on one epoch teaches something
LATE = 1.1  # times the allowed time: an epoch that would end after that is not begun
LARGEST = 2e9  # bytes of pixels or features held in memory at once


@dataclass(frozen=True)
class Plan:
    """What fits into the time: decided before the training, kept for a resumed one.

    Attributes:
        photos: how many photos are used.
        probe_sizes: of the photos in pixels; the probe tries them all.
        size: of the photos for fine-tuning.
        epochs: of fine-tuning; 0 if there is no time for one.
        batch_size: of fine-tuning.
        probe_seconds, seconds: how long the two will take.
        own_size: the smaller side of most photos as they are.
        precision: of fine-tuning, see `course_lib.device.quick_precision`; a resumed training keeps it.
    """

    photos: int
    probe_sizes: list[int]
    size: int
    epochs: int
    batch_size: int
    probe_seconds: float
    seconds: float
    own_size: int = 0
    precision: str = "float32"


def make_plan(
    index: pd.DataFrame, classes: int, backbone: Backbone, options: TrainingOptions, work: Path, processes: int = 1
) -> Plan:
    """Measure a few batches, then choose sizes and epochs that fit into the time.

    Args:
        index: the photos, with the column ``split``.
        classes: how many classes there are.
        backbone: the network that is probed and fine-tuned.
        options: how long probe and fine-tuning may take together, and a size if one is wished.
        work: a folder, in which the plan is kept; a plan that is there already is taken.
        processes: how many fine-tune together. The first one measures, and makes the probe, alone.
    """
    file = work / "plan.json"
    # A plan that is damaged or of an older release is made anew.
    with suppress(OSError, ValueError, TypeError):
        return Plan(**json.loads(file.read_text(encoding="utf-8")))
    budget = options.minutes * 60
    reading, own = look_at_photos(index)
    precision = device.quick_precision()
    looking, learning = _seconds_per_pixel(backbone, classes, precision)

    def probe_seconds(size: int, photos: int) -> float:
        quick = features.many(photos, size) and device.choose().type == "cpu"
        computing = photos * looking * size**2
        return photos * reading + (min(computing, BEGINNING + QUICKER * computing) if quick else computing)

    def trying(sizes: list[int]) -> float:
        """Seconds to choose a size on some photos, and for a probe on all of them at the largest."""
        return sum(probe_seconds(size, min(photos, TRIED)) for size in sizes[:-1]) + probe_seconds(sizes[-1], photos)

    larger = [size for size, before in zip(LARGER, (SIZES[0], *LARGER), strict=False) if own > before]
    sizes = [options.size] if options.size else [*larger[::-1], *SIZES]
    probe_budget = (LARGE_SHARE if larger else PROBE_SHARE) * budget
    width = backbone.count_features("all")
    photos = min(len(index), int(LARGEST / (4 * 4 * width)))
    first = next((s for s in sizes if s <= SIZES[0] and probe_seconds(s, photos) < probe_budget), sizes[-1])
    more = larger if first == SIZES[0] and not options.size else []
    wishes = [[first, *more[:count]] for count in range(len(more), -1, -1)]
    probe_sizes = next((wish for wish in wishes if trying(wish) < probe_budget), [first])
    in_time = int(probe_budget / probe_seconds(first, photos) * photos)
    photos = min(photos, max(in_time, ENOUGH * classes))
    before = trying(probe_sizes)
    share = index["split"].value_counts(normalize=True) * photos
    left = 0.85 * (budget - before) - photos * reading  # a margin for a busy computer

    at_once = _at_once(processes)

    def epoch_seconds(size: int) -> float:
        return (share["train"] * learning + share["validation"] * looking) * size**2 / at_once

    # One epoch at 64 pixels left 180 flowers far below the probe (61 and 89 %); many photos learn more.
    # Photos above the size of the pretrained weights are worth it only where many epochs are left.
    size, epochs = sizes[-1], 0
    for fewest, smallest, largest in ((12, SIZES[0] + 1, np.inf), (6, 128, SIZES[0]), (3, 96, 127), (1, 64, 95)):
        held = [s for s in sizes if smallest <= s <= largest and photos * 3 * s**2 < LARGEST]
        fitting = [s for s in held if left > fewest * epoch_seconds(s)]
        if fitting and (fewest > 1 or photos > MANY):
            size, epochs = fitting[0], int(min(30, left / epoch_seconds(fitting[0])))
            break
    batch_size = int(np.clip(share["train"] // 16, 4, max(4, photos_at_once(size))))
    plan = Plan(photos, probe_sizes, size, epochs, batch_size, before, epochs * epoch_seconds(size), own, precision)
    with write_atomically(file) as temporary:
        temporary.write_text(json.dumps(asdict(plan)), encoding="utf-8")
    return plan


class TimeLimit:
    """Ends a training before an epoch that would end clearly too late.

    The plan is made at the beginning; a computer that becomes busy afterwards would not keep to it.
    The time runs from when it is made, and it goes to ``on_epoch_end`` of `course_lib.training.fit`.

    Args:
        minutes: the time that is allowed.

    Raises:
        StopTraining: when it is called after an epoch, and another one as long would end too late.

    Example:
        >>> limit = TimeLimit(minutes=1)
        >>> limit({"epoch": 1, "seconds": 10.0})
        >>> limit({"epoch": 2, "seconds": 100.0})
        Traceback (most recent call last):
            ...
        course_lib.training.loop.StopTraining
    """

    def __init__(self, minutes: float) -> None:
        self.end = perf_counter() + LATE * 60 * minutes

    def __call__(self, row: dict) -> None:
        if perf_counter() + row["seconds"] > self.end:
            raise training.StopTraining


def _at_once(processes: int) -> int:
    """How many of the processes compute at full speed: all on GPUs, those with cores of their own on a CPU."""
    on_cpu = device.choose().type == "cpu"
    return max(1, min(processes, device.cores() // torch.get_num_threads())) if on_cpu else processes


def look_at_photos(index: pd.DataFrame) -> tuple[float, int]:
    """Seconds to read one photo, and the smaller side of most, measured on up to 16 of them."""
    rows = np.linspace(0, len(index) - 1, min(16, len(index))).astype(int)
    start, sides = perf_counter(), []
    for row in rows:
        image = read_image(photo_path(index, row), "RGB")
        sides.append(min(image.shape[:2]))
        to_pixels(image, SIZES[0])
    return (perf_counter() - start) / len(rows), int(np.median(sides))


def _seconds_per_pixel(backbone: Backbone, classes: int, precision: str) -> tuple[float, float]:
    """Seconds for looking at one pixel, and for learning from it, measured on small batches."""
    size, count = 128, 16
    model = fresh_classifier(backbone, classes)
    where = device.choose()
    layout = device.layout(where)
    model.to(where).to(memory_format=layout)
    images = torch.rand(count, 3, size, size, device=where).contiguous(memory_format=layout)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def look() -> None:
        with torch.no_grad():
            backbone.stage_features(images).cpu()

    def learn() -> None:
        training.set_training_mode(model)
        with device.autocast(where, precision):
            answers = model(images)
        answers.sum().backward()
        model.zero_grad()

    # The timer calls each twice before it measures, and waits for a GPU.
    seconds = [training.timer(step).timeit(2).mean for step in (look, learn)]
    model.load_state_dict(state)  # the running means of the backbone have moved
    model.eval()
    return seconds[0] / (count * size**2), seconds[1] / (count * size**2)


def announcement(plan: Plan) -> list[str]:
    """What will be done, how long it takes, and what shrinking does to a small defect.

    Example:
        >>> plan = Plan(20, [224, 448], 64, epochs=0, batch_size=4, probe_seconds=9, seconds=0, own_size=1024)
        >>> lines = announcement(plan)
        >>> print(*lines, sep="\\n")
        Plan: a probe at 224 or 448 pixels, about 9 s; then no fine-tuning, because ... goes on from there.
        Your photos have 1024 pixels: a defect of 20 pixels has 4 of them left at 224, 9 at 448.
    """
    then = "no fine-tuning, because the time does not allow it (--minutes)."
    if plan.epochs:
        then = f"fine-tuning at {plan.size} pixels for {plan.epochs} epochs, about {_duration(plan.seconds)}."
    largest, (*some, last) = max(plan.probe_sizes), map(str, plan.probe_sizes)
    sizes = f"{', '.join(some)} or {last}" if some else last
    lines = [
        f"Plan: a probe at {sizes} pixels, about {_duration(plan.probe_seconds)}; then {then} "
        "Interrupt it when you like (Ctrl+C): the same command goes on from there."
    ]
    if plan.own_size > min(plan.probe_sizes):
        left = [f"{min(1, size / plan.own_size) * DEFECT:.0f} at {size}" for size in plan.probe_sizes]
        left[0] = left[0].replace(" at", " of them left at")
        lines.append(f"Your photos have {plan.own_size} pixels: a defect of {DEFECT} pixels has {', '.join(left)}.")
    elif 0 < plan.own_size < largest and largest > SIZES[0]:
        lines.append(
            f"Your photos have {plan.own_size} pixels: at {last} they are made larger, which adds nothing but time."
        )
    return lines


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def fresh_classifier(backbone: Backbone, classes: int) -> Classifier:
    """A backbone with a new head; its later stages may be trained, the early ones are frozen."""
    model = Classifier(backbone, classes)
    freeze(model)
    unfreeze(model, last=round(TRAINED * len(backbone.stages)))
    return model
