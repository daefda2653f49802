"""Which processor computes, what it can do, and how far results repeat (lesson 1)."""

import os
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from numbers import Integral

import numpy as np
import pandas as pd
import psutil
import torch

from course_lib.errors import CourseError

KINDS = {
    "cuda": "NVIDIA (or AMD) graphics card",
    "mps": "graphics part of an Apple processor",
    "xpu": "Intel graphics card",
    "cpu": "the ordinary processor, in every computer",
}
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# How errors name a full memory: of graphics cards, of the libraries that compute on them, of
# computers with Linux or macOS, with Windows.
FULL = re.compile("out of memory|out_of_device_memory|status_alloc_failed|can't allocate memory|not enough memory")


def choose(wanted: torch.device | str | None = None) -> torch.device:
    """Choose where to compute: a GPU if this machine has a usable one, else the CPU.

    Args:
        wanted: "cpu", "cuda", "mps" or "xpu", or one of several such as "cuda:1"; by default the
            variable ``COURSE_DEVICE``, and where that is not set either, the best that is there.

    Raises:
        CourseError: the wanted device is unknown, or this machine does not have it.

    Example:
        >>> choose("cpu")
        device(type='cpu')
    """
    wanted = wanted or os.environ.get("COURSE_DEVICE")
    if not wanted:
        return torch.device(next(kind for kind in KINDS if _count(kind)))
    name, device = str(wanted), None
    with suppress(RuntimeError):
        device = torch.device(name)
    # PyTorch reads "cuda:300" as "cuda:44".
    if device is None or str(device) != name or device.type not in KINDS:
        raise CourseError(f"The device '{name}' is unknown; choose one of {', '.join(KINDS)}.")
    if (device.index or 0) >= _count(device.type):
        raise CourseError(f"The device '{name}' is not there on this machine; choose 'cpu', or leave the choice out.")
    return device


def _count(kind: str) -> int:
    """How many devices of a kind this machine has."""
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    if kind == "cpu":
        return 1
    module = getattr(torch, kind)
    return module.device_count() if module.is_available() else 0


def cores() -> int:
    """How many processor cores this process may use.

    Example:
        >>> cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):  # a container may have fewer than the computer
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 2


def describe(device: torch.device | None = None) -> str:
    """One line about the device, for the head of a lesson."""
    device = device or choose()
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory / 2**30
        return f"GPU {torch.cuda.get_device_name(device)}, {memory:.0f} GiB, {_capability(device)}"
    if device.type in ("mps", "xpu"):
        return f"GPU ({device.type})"
    threads = torch.get_num_threads()
    line = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    if "COLAB_RELEASE_TAG" in os.environ:
        line += " (a GPU is offered here: menu Runtime > Change runtime type > T4 GPU)"
    return line


def table() -> pd.DataFrame:
    """What each kind of processor is, whether it is here, and what it can do.

    Returns:
        One row for each kind: ``device``, ``what it is``, ``here`` ("yes" or "no"), ``memory``,
        ``free`` memory at this moment, ``capability`` (the version number of an NVIDIA card's
        abilities, or the widest instructions that PyTorch uses on a CPU), ``precision`` (what
        it can do without imitating it, see `precisions`).
    """
    rows = []
    for kind, meaning in KINDS.items():
        if not _count(kind):
            rows.append((kind, meaning, "no", *4 * "–"))
            continue
        device = torch.device(kind)
        memory = "shared with the computer"
        if kind in ("cuda", "xpu"):
            memory = f"{getattr(torch, kind).get_device_properties().total_memory / 2**30:.0f} GiB"
        own = [name for name, how in precisions(device).items() if how in ("own instructions", "possible")]
        free = f"{available_memory(device) / 2**30:.1f} GiB"
        rows.append((kind, meaning, "yes", memory, free, _capability(device), ", ".join(own)))
    return pd.DataFrame(rows, columns=["device", "what it is", "here", "memory", "free", "capability", "precision"])


def _capability(device: torch.device) -> str:
    """A GPU's version of abilities, or a CPU's instruction set, as PyTorch names them."""
    if device.type == "cuda":
        return "compute capability {}.{}".format(*torch.cuda.get_device_capability(device))
    return torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else "–"


def precisions(device: torch.device | None = None) -> dict[str, str]:
    """What a device can do with each precision that ``fit(precision=…)`` knows.

    Own instructions usually make a precision fast. An imitated one gives the same numbers, but can
    be hundreds of times slower than float32.

    Returns:
        For float32, bfloat16 and float16: "own instructions", "imitated", "possible" (PyTorch
        does not tell how) or "not possible".

    Example:
        >>> precisions(torch.device("cpu"))["float32"]
        'own instructions'
    """
    device = device or choose()
    words = {True: "own instructions", False: "imitated"}
    bfloat16, float16 = "possible", "not possible"  # small float16 gradients become 0; only NVIDIA cards are guarded
    if device.type == "cuda":
        bfloat16 = words[torch.cuda.is_bf16_supported(including_emulation=False)]
        float16 = words[torch.cuda.get_device_capability(device) >= (5, 3)]
    elif device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # not in older releases of PyTorch
        can = torch.cpu.get_capabilities()
        bfloat16 = words[any(can.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))]
    return {"float32": words[True], "bfloat16": bfloat16, "float16": float16}


def quick_precision(device: torch.device | None = None) -> str:
    """The precision to train with where speed counts: half as long numbers on a GPU that has instructions for them.

    On a CPU half as long numbers make one network faster and another one slower, so float32 stays.

    Example:
        >>> quick_precision(torch.device("cpu"))
        'float32'
    """
    device = device or choose()
    halves = [name for name in ("bfloat16", "float16") if precisions(device)[name] == "own instructions"]
    return halves[0] if halves and device.type != "cpu" else "float32"


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Within it a network computes in this precision where rounding does little harm.

    Example:
        >>> with autocast(torch.device("cpu"), "bfloat16"):
        ...     (torch.ones(1, 1) @ torch.ones(1, 1)).dtype
        torch.bfloat16
    """
    return torch.autocast(device.type, dtype=PRECISIONS[precision], enabled=precision != "float32")


def available_memory(device: torch.device) -> int:
    """Bytes that a network may still take: of an NVIDIA card, or of the computer."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


@contextmanager
def enough_memory() -> Iterator[None]:
    """Within it a full memory becomes one sentence that says what to do.

    Raises:
        CourseError: the memory of the GPU or of the computer is too small.

    Example:
        >>> with enough_memory():
        ...     raise RuntimeError("CUDA out of memory.")
        Traceback (most recent call last):
        course_lib.errors.CourseError: The memory is too small for a batch; give the loader a smaller batch_size...
    """
    try:
        yield
    except RuntimeError as error:
        # PyTorch has a class of its own for some of these errors only, so their words decide.
        if not FULL.search(str(error).lower()):
            raise
        raise CourseError(
            "The memory is too small for a batch; give the loader a smaller batch_size, or use smaller photos."
        ) from error


def layout(device: torch.device) -> torch.memory_format:
    """How training should keep photos in memory: usually with the channels of a pixel side by side.

    On Apple GPUs older releases of PyTorch compute wrong gradients that way (pytorch issue 175189).

    Example:
        >>> layout(torch.device("cpu"))
        torch.channels_last
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def check_seed(seed: int) -> int:
    """The same seed, or an error where NumPy could not start from it.

    Raises:
        CourseError: the seed is not a whole number from 0 to 4294967295.

    Example:
        >>> check_seed(7)
        7
    """
    if not isinstance(seed, Integral) or not 0 <= seed < 2**32:
        raise CourseError(
            f"The seed {seed!r} cannot start the random numbers; choose a whole number from 0 to {2**32 - 1}."
        )
    return int(seed)


def seed_everything(seed: int = 0) -> None:
    """Start all random number generators from one number, so that a run repeats.

    On one machine's CPU the same seed gives the same result again. On another processor,
    another version of PyTorch, or a GPU, sums are added in another order, so the last
    digits differ, and after training the accuracy may differ by a point.

    Raises:
        CourseError: a seed that `check_seed` refuses.

    Example:
        >>> seed_everything(7)
    """
    seed = check_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
