"""Which processor computes, what it can do, and how far results repeat.

Introduced in lesson 1.
"""

import os
import random
from contextlib import suppress
from importlib.util import find_spec
from numbers import Integral
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from course_lib.errors import CourseError

KINDS = ("cuda", "mps", "xpu", "cpu")
# How errors name a full memory: of graphics cards, of the libraries that compute on them, of
# computers with Linux or macOS, with Windows.
FULL = ("out of memory", "out_of_device_memory", "status_alloc_failed", "can't allocate memory",
        "not enough memory")  # fmt: skip
# Where Linux says how much memory a container may take, how much it takes, and what for: its newer
# and its older way.
CONTAINER_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)


def choose(wanted: torch.device | str | None = None) -> torch.device:
    """Choose where to compute: a GPU if this machine has a usable one, else the CPU (lesson 1).

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
        return torch.device(next(kind for kind in KINDS if _is_there(kind)))
    name, device = str(wanted), None
    with suppress(RuntimeError):
        device = torch.device(name)
    # PyTorch reads "cuda:300" as "cuda:44".
    if device is None or str(device) != name or device.type not in KINDS:
        raise CourseError(f"The device '{name}' is unknown; choose one of {', '.join(KINDS)}.")
    missing = device.index is not None and device.index >= _count(device.type)
    if missing or not _is_there(device.type):
        raise CourseError(f"The device '{name}' is not there on this machine; choose 'cpu', or leave the choice out.")
    return device


def _is_there(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_available()
    if kind == "mps":
        return torch.backends.mps.is_available()
    if kind == "xpu":
        return hasattr(torch, "xpu") and torch.xpu.is_available()
    return True


def _count(kind: str) -> int:
    return getattr(torch, kind).device_count() if kind in ("cuda", "xpu") else 1


def describe(device: torch.device | None = None) -> str:
    """One line about the device, for the head of a lesson (lesson 1)."""
    device = device or choose()
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory / 2**30
        return f"GPU {torch.cuda.get_device_name(device)}, {memory:.0f} GiB, {_capability(device)}"
    if device.type in ("mps", "xpu"):
        return f"GPU ({device.type})"
    line = f"CPU, {torch.get_num_threads()} threads"
    if "COLAB_RELEASE_TAG" in os.environ:
        line += " (a GPU is offered here: menu Runtime > Change runtime type > T4 GPU)"
    return line


def table() -> pd.DataFrame:
    """What each kind of processor is, whether it is here, and what it can do (lesson 1).

    Returns:
        One row for each kind: ``device``, ``what it is``, ``here`` ("yes" or "no"), ``memory``,
        ``free`` memory at this moment, ``capability`` (the version number of an NVIDIA card's
        abilities, or the widest instructions that PyTorch uses on a CPU), ``precision`` (what
        it can do without imitating it, see `precisions`).
    """
    meaning = {
        "cuda": "NVIDIA (or AMD) graphics card",
        "mps": "graphics part of an Apple processor",
        "xpu": "Intel graphics card",
        "cpu": "the ordinary processor, in every computer",
    }
    rows = []
    for kind in KINDS:
        if not _is_there(kind):
            rows.append((kind, meaning[kind], "no", *4 * "–"))
            continue
        device = torch.device(kind)
        memory, free = "shared with the computer", available_memory(device)
        if kind in ("cuda", "xpu"):
            memory = f"{getattr(torch, kind).get_device_properties().total_memory / 2**30:.0f} GiB"
        own = [p for p, how in precisions(device).items() if how in ("own instructions", "possible")]
        rows.append(
            (kind, meaning[kind], "yes", memory, "–" if free is None else f"{free / 2**30:.1f} GiB",
             _capability(device), ", ".join(own))
        )  # fmt: skip
    columns = ["device", "what it is", "here", "memory", "free", "capability", "precision"]
    return pd.DataFrame(rows, columns=columns)


def precisions(device: torch.device | None = None) -> dict[str, str]:
    """What a device can do with each precision that ``fit(precision=…)`` knows (lesson 1).

    Own instructions mostly make a precision fast. An imitated one gives the same numbers, but can
    be hundreds of times slower than float32: `course_lib.training.fastest_settings` measures it.

    Returns:
        For float32, bfloat16 and float16: "own instructions", "imitated", "possible" (PyTorch
        does not tell how) or "not possible".

    Example:
        >>> precisions(torch.device("cpu"))["float32"]
        'own instructions'
    """
    device = device or choose()
    words = {True: "own instructions", False: "imitated"}
    if device.type == "cuda":
        bfloat16 = words[torch.cuda.is_bf16_supported(including_emulation=False)]
        float16 = words[torch.cuda.get_device_capability(device) >= (5, 3)]
    else:
        bfloat16 = words[_cpu_has_bfloat16()] if device.type == "cpu" else "possible"
        # Its small gradients become 0; `fit` guards them on NVIDIA cards only.
        float16 = "not possible"
    return {"float32": words[True], "bfloat16": bfloat16, "float16": float16}


def _cpu_has_bfloat16() -> bool:
    """Whether this processor has bfloat16 instructions, and PyTorch's library for CPUs uses them."""
    if hasattr(torch.cpu, "get_capabilities"):
        can = torch.cpu.get_capabilities()
        has = any(can.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))
    else:  # older releases of PyTorch
        names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        has = any(getattr(torch.cpu, name)() for name in names if hasattr(torch.cpu, name))
    uses = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return has and (uses is None or uses())


def _capability(device: torch.device) -> str:
    """A GPU's version of abilities, or a CPU's instruction set, as PyTorch names them."""
    if device.type == "cuda":
        return "compute capability {}.{}".format(*torch.cuda.get_device_capability(device))
    return torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else "–"


def available_memory(device: torch.device | None = None) -> int | None:
    """Bytes that a network may still take: of a graphics card, or of the computer (lesson 1).

    In a container it is what the container is still allowed; copies of files that Linux keeps
    there until the memory is needed count as free. An Apple GPU shares the computer's memory, up to
    a limit of its own. None where the system does not tell: many Intel GPUs that are part of the
    processor, or a Python without the package ``psutil``.
    """
    device = device or choose()
    if device.type in ("cuda", "xpu"):
        # What PyTorch keeps for its next tensors is free as well.
        card = getattr(torch, device.type)
        kept = card.memory_reserved(device) - card.memory_allocated(device)
        with suppress(RuntimeError):
            return card.mem_get_info(device)[0] + kept
        return None
    free = _computers_memory()
    if device.type == "mps" and free is not None:
        limit = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        return max(min(limit, free), 0)
    return free


def _computers_memory() -> int | None:
    if find_spec("psutil") is None:
        return None
    import psutil

    available = psutil.virtual_memory().available
    for limit, used, uses in CONTAINER_FILES:  # a number each, or the word "max"; a table
        with suppress(OSError, ValueError):
            left = int(Path(limit).read_text("utf-8")) - int(Path(used).read_text("utf-8")) + _reclaimable(uses)
            available = min(available, max(left, 0))
    return available


def _reclaimable(uses: str | os.PathLike) -> int:
    """Bytes of files that nobody has read for a while: Linux gives them up as soon as it must."""
    try:
        numbers = dict(line.split() for line in Path(uses).read_text("utf-8").splitlines())
        # The older way counts inner containers only in the total.
        return int(numbers.get("total_inactive_file") or numbers.get("inactive_file") or 0)
    except (OSError, ValueError):
        return 0


def layout(device: torch.device) -> torch.memory_format:
    """How training should keep photos in memory: mostly with the channels of a pixel side by side (lesson 7).

    On Apple GPUs older releases of PyTorch compute wrong gradients that way (pytorch issue 175189).

    Example:
        >>> layout(torch.device("cpu"))
        torch.channels_last
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def empty_cache(device: torch.device) -> None:
    """Give back what PyTorch keeps on a GPU for its next tensors; a CPU has nothing to give (lesson 7).

    Example:
        >>> empty_cache(torch.device("cpu"))
    """
    if device.type != "cpu":
        getattr(torch, device.type).empty_cache()


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that the memory of a GPU or of the computer is too small (lesson 7).

    PyTorch has a class of its own for some of these errors only, so their words decide.

    Example:
        >>> is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"))
        True
    """
    return any(words in str(error).lower() for words in FULL)


def random_states(device: torch.device) -> list[Tensor]:
    """Where PyTorch's random numbers stand: the CPU's, then those of a GPU that is used (lesson 7).

    Example:
        >>> states = random_states(torch.device("cpu"))
        >>> first = torch.rand(1)
        >>> set_random_states(states, torch.device("cpu"))
        >>> torch.rand(1) == first
        tensor([True])
    """
    states = [torch.get_rng_state()]
    if device.type != "cpu":
        where = () if device.type == "mps" else (device,)
        states.append(getattr(torch, device.type).get_rng_state(*where))
    return states


def set_random_states(states: list[Tensor], device: torch.device) -> None:
    """Go on where `random_states` stood (lesson 7).

    A GPU's state of another length comes from another kind of device and is left out.
    """
    torch.set_rng_state(states[0])
    if device.type == "cpu" or len(states) == 1:
        return
    processor, where = getattr(torch, device.type), () if device.type == "mps" else (device,)
    if len(states[1]) == len(processor.get_rng_state(*where)):
        processor.set_rng_state(states[1], *where)


def check_seed(seed: int) -> int:
    """The same seed, or an error where NumPy could not start from it (lesson 1).

    Raises:
        CourseError: the seed is no whole number from 0 to 4294967295.

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
    """Start all random number generators from one number, so that a run repeats (lesson 1).

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
