"""Which processor computes, what it can do, and how far results repeat.

Introduced in lesson 1.
"""

import os
import random

import numpy as np
import pandas as pd
import torch

from course_lib.errors import CourseError

KINDS = ("cuda", "mps", "xpu", "cpu")


def choose(wanted: str | None = None) -> torch.device:
    """Choose where to compute: a GPU if this machine has a usable one, else the CPU (lesson 1).

    Args:
        wanted: "cpu", "cuda", "mps" or "xpu"; by default the variable ``COURSE_DEVICE``,
            and where that is not set either, the best that is there.

    Raises:
        CourseError: the wanted kind is unknown, or this machine does not have it.

    Example:
        >>> choose("cpu")
        device(type='cpu')
    """
    wanted = wanted or os.environ.get("COURSE_DEVICE")
    if wanted is None:
        return torch.device(next(kind for kind in KINDS if _is_there(kind)))
    kind = wanted.split(":")[0]
    if kind not in KINDS:
        raise CourseError(f"The device '{wanted}' is unknown; choose one of {', '.join(KINDS)}.")
    if not _is_there(kind):
        raise CourseError(
            f"The device '{wanted}' is not there on this machine; choose 'cpu', or leave the choice out."
        )
    return torch.device(wanted)


def _is_there(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_available()
    if kind == "mps":
        return torch.backends.mps.is_available()
    if kind == "xpu":
        return hasattr(torch, "xpu") and torch.xpu.is_available()
    return True


def describe(device: torch.device | None = None) -> str:
    """One line about the device, for the head of a lesson (lesson 1)."""
    device = device or choose()
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"GPU {properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if device.type in ("mps", "xpu"):
        return f"GPU ({device.type})"
    line = f"CPU, {torch.get_num_threads()} threads"
    if "COLAB_RELEASE_TAG" in os.environ:
        line += " (a GPU is offered here: menu Runtime > Change runtime type > T4 GPU)"
    return line


def table() -> pd.DataFrame:
    """What each kind of processor is, whether it is here, and how much memory it has (lesson 1).

    Returns:
        One row for each kind: ``device``, ``what it is``, ``here`` ("yes" or "no"), ``memory``.
    """
    meaning = {
        "cuda": "NVIDIA (or AMD) graphics card",
        "mps": "graphics part of an Apple processor",
        "xpu": "Intel graphics card",
        "cpu": "the ordinary processor, in every computer",
    }
    rows = []
    for kind in KINDS:
        here = _is_there(kind)
        memory = "shared with the computer"
        if kind == "cuda":
            memory = "–"
            if here:
                memory = f"{torch.cuda.get_device_properties(0).total_memory / 2**30:.0f} GiB"
        rows.append((kind, meaning[kind], "yes" if here else "no", memory if here else "–"))
    return pd.DataFrame(rows, columns=["device", "what it is", "here", "memory"])


def seed_everything(seed: int = 0) -> None:
    """Start all random number generators from one number, so that a run repeats (lesson 1).

    On one machine's CPU the same seed gives the same result again. On another processor,
    another version of PyTorch, or a GPU, sums are added in another order, so the last
    digits differ, and after training the accuracy may differ by a point.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
