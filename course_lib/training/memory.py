"""How many photos fit into the memory at once, and what is in use of it.

Introduced in lesson 7.
"""

import ctypes
import gc
import weakref
from contextlib import suppress
from importlib.util import find_spec
from time import perf_counter

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.training.rehearsal import Rehearsal, Settings, random_state_kept

GPU_SHARE = 0.9  # of a graphics card's free memory; the rest is for what cannot be foreseen
COMPUTER_SHARE = 0.5  # of the computer's; a computer without free memory comes to a standstill
UNKNOWN = 2 * 2**30  # bytes taken as free where the system does not tell


def largest_batch(
    model: nn.Module,
    sample: Tensor,
    training: bool = True,
    limit: int = 1024,
    *,
    settings: Settings | None = None,
    seconds: float = 10.0,
    device: torch.device | str | None = None,
) -> int:
    """The largest batch that fits into the memory with room to spare: 1, 2, 4, 8, … photos (lesson 7).

    The batch is doubled as long as the next one is expected to fit, there is time left and no
    step ends out of memory. What a step needs is measured: on a graphics card by PyTorch, elsewhere
    by adding up the tensors that are alive. It grows in a straight line with the photos, so sizes
    for which there was no time are calculated. A batch may take 90 % of the free memory of a
    graphics card, but only half of that of the computer, which has other work too, or of an Apple
    GPU, which shares it; where the free memory is unknown, 2 GiB are assumed. In training two
    numbers are added for each weight, for the optimizer. The network stays as it is; what was
    cached is freed.

    Args:
        model: images (N, C, H, W) to logits (N, classes).
        sample: float32 (N, C, H, W), prepared photos; they are repeated for larger batches.
        training: a step forward and backward, of 2 photos or more; otherwise prediction.
        limit: no more than this.
        settings: how the network computes; plain float32 by default.
        seconds: no batch is tried that would end after this time.
        device: where to compute, by default `course_lib.device.choose`.

    Raises:
        CourseError: not even the smallest batch fits, the sample is no batch of images, or the limit
            is below 1.

    Example:
        >>> largest_batch(nn.Conv2d(3, 8, 3), torch.rand(1, 3, 16, 16), limit=100)
        64
    """
    if limit < 1:
        raise CourseError(f"A batch of at most {limit} photos is not possible; choose 1 or more.")
    device = devices.choose(device)
    settings = settings or Settings()
    trial = Rehearsal(model, sample, training, device)
    trial.network(settings)  # the copy's weights are there before the room is measured
    room = _room(model, training, device)
    needed: dict[int, int] = {}  # bytes, by number of photos
    size, too_many, deadline = min(2 if training else 1, limit), limit + 1, perf_counter() + seconds
    with random_state_kept(device):
        while size < too_many:
            start = perf_counter()
            found = _bytes_of_step(trial, settings, size)
            if found is None:
                too_many = size
                break
            needed[size] = found
            now = perf_counter()
            if _expected_bytes(needed, 2 * size) > room or now + 2 * (now - start) > deadline:
                break
            size *= 2
    del trial
    _empty_cache(device)
    if not (fitting := [size for size in needed if needed[size] <= room]):
        raise CourseError(
            "The memory is too small for the smallest batch; use smaller photos or a smaller model, or "
            "close other notebooks."
        )
    size = max(fitting)
    while 2 * size < too_many and _expected_bytes(needed, 2 * size) <= room:
        size *= 2
    return size


def _room(model: nn.Module, training: bool, device: torch.device) -> float:
    """Bytes that one step may take."""
    free = devices.available_memory(device)
    free = UNKNOWN if free is None else free
    share = COMPUTER_SHARE if device.type in ("cpu", "mps") else GPU_SHARE
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    return share * free - 2 * 4 * trained * training


def _expected_bytes(needed: dict[int, int], photos: int) -> float:
    """On the straight line through the last two measured sizes, or through one and the origin."""
    *_, (fewer, before), (more, after) = [(0, 0), *needed.items()]
    return after + (after - before) / (more - fewer) * (photos - more)


def _bytes_of_step(trial: Rehearsal, settings: Settings, photos: int) -> int | None:
    """What one step takes at its height, beside the weights; None if the memory is too small."""
    try:
        if trial.device.type in ("cuda", "xpu"):
            card = getattr(torch, trial.device.type)
            card.reset_peak_memory_stats(trial.device)
            before = card.memory_allocated(trial.device)
            trial.timed_step(settings, photos)  # it waits until the card is done
            return card.max_memory_allocated(trial.device) - before
        with _LivingTensors() as tensors:
            trial.timed_step(settings, photos)
        return tensors.peak
    except RuntimeError as error:
        if not devices.is_out_of_memory(error):
            raise
    # Only here is the error forgotten, and with it the tensors it kept alive.
    trial.network(settings).zero_grad()
    _empty_cache(trial.device)
    return None


class _LivingTensors(TorchDispatchMode):
    """Adds up the bytes of all tensors that were made inside the ``with`` block and still live.

    The memory of the whole process would tell less: it keeps what was freed for the next tensors.
    """

    def __init__(self):
        super().__init__()
        self.living: dict[int, int] = {}
        self.now = self.peak = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        there = {storage._cdata for storage in _storages((args, kwargs))}
        for storage in _storages(result):
            # A view of a tensor that was there before takes no memory.
            if storage._cdata not in there:
                self._count(storage)
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata in self.living:
            return
        self.living[storage._cdata] = storage.nbytes()
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, storage._cdata)

    def _forget(self, name: int) -> None:
        self.now -= self.living.pop(name)


def _storages(nested: object) -> list[torch.UntypedStorage]:
    """Where the bytes of all tensors in nested lists and dictionaries lie."""
    return [leaf.untyped_storage() for leaf in tree_leaves(nested) if isinstance(leaf, Tensor)]


def free_memory(device: torch.device | str | None = None) -> pd.DataFrame:
    """Give back what Python and PyTorch keep without using it, and say what is in use (lesson 7).

    A tensor that a variable still names stays: write ``del model`` first.

    Args:
        device: by default `course_lib.device.choose`.

    Returns:
        Two rows, before and after, in MiB: ``in use`` (on a GPU by tensors, on a CPU by this
        notebook's process), ``kept`` by PyTorch on the GPU for its next tensors, ``free``.

    Example:
        >>> free_memory("cpu")["when"].tolist()
        ['before', 'after']
    """
    device = devices.choose(device)
    before = _usage(device)
    gc.collect()
    _empty_cache(device)
    rows = [("before", *before), ("after", *_usage(device))]
    table = pd.DataFrame(rows, columns=["when", "in use", "kept", "free"])
    return table.astype({"in use": float, "kept": float, "free": float}).round(1)


def _usage(device: torch.device) -> list[float | None]:
    """MiB in use, kept and free."""
    used, kept = None, 0
    if device.type == "mps":
        used = torch.mps.current_allocated_memory()
        kept = torch.mps.driver_allocated_memory() - used
    elif device.type != "cpu":
        card = getattr(torch, device.type)
        used = card.memory_allocated(device)
        kept = card.memory_reserved(device) - used
    elif find_spec("psutil"):
        import psutil

        used = psutil.Process().memory_info().rss
    free = devices.available_memory(device)
    return [None if number is None else number / 2**20 for number in (used, kept, free)]


def _empty_cache(device: torch.device) -> None:
    devices.empty_cache(device)
    # Linux keeps freed memory for the process until it is asked; other systems have no such call.
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
