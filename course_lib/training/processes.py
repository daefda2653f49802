"""Several processes that train one model together, each with its share of every batch (lesson 10).

PyTorch's own ``torchrun`` starts the same program several times, one process for each GPU:
``torchrun --nproc-per-node 2 -m course_lib train …``. PyTorch's DistributedDataParallel averages the
gradients of all processes, so each takes the same step. An error in one process ends all of them.

What differs from one process with the whole batch: on CPUs batch normalisation sees only the share of
its process, whose mean and variance wander more (on GPUs SyncBatchNorm looks at the whole batch, but
PyTorch has it for GPUs only); dropout draws other numbers; and a batch that cannot be shared evenly
shows some photos twice. So the results are alike, not equal.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from course_lib import device as devices
from course_lib.errors import CourseError

T = TypeVar("T")
LONGEST_WAIT = timedelta(days=1)  # the others wait while the first prepares; torchrun notices one that dies


@dataclass(frozen=True)
class Group:
    """The processes that train together, seen from one of them; by default a group of one.

    Attributes:
        rank: the number of this process, from 0.
        count: how many processes there are.

    Example:
        >>> group = Group()
        >>> group.is_first, group.total(torch.tensor(3)).item(), group.first_does(lambda: "done")
        (True, 3, 'done')
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one process that shows progress and writes files."""
        return self.rank == 0

    def first_does(self, work: Callable[..., T], *arguments: Any) -> T:
        """Let the first process work while the others wait; all get its result."""
        box: list[Any] = [work(*arguments) if self.is_first else None]
        if self.count > 1:
            dist.broadcast_object_list(box, src=0)
        return box[0]

    def shares(self, loader: Iterable) -> Iterator[tuple[Tensor, Tensor]]:
        """Of each batch the photos of this process, as many as the others have."""
        for images, labels in loader:
            photos = len(labels)
            own = torch.arange(self.rank, -(-photos // self.count) * self.count, self.count) % photos
            yield (images, labels) if self.count == 1 else (images[own], labels[own])

    def total(self, numbers: Tensor) -> Tensor:
        """Numbers added up over all processes."""
        if self.count > 1:
            dist.all_reduce(numbers)
        return numbers

    def replicate(self, model: nn.Module) -> nn.Module:
        """What computes the logits: it begins with the first process's weights, and averages gradients.

        Its parameters are those of ``model``; batch normalisation on GPUs becomes SyncBatchNorm.
        """
        if self.count == 1:
            return model
        if next(model.parameters()).is_cuda:
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return nn.parallel.DistributedDataParallel(model)


def current_group() -> Group:
    """The group that this process has `joined`, or a group of one."""
    if dist.is_available() and dist.is_initialized():
        return Group(dist.get_rank(), dist.get_world_size())
    return Group()


@contextmanager
def joined() -> Iterator[Group]:
    """Join the processes that ``torchrun`` has started; without it, nothing happens.

    They talk through NCCL on NVIDIA GPUs, each process on its own GPU, and through Gloo on CPUs.
    `torchrun` gives each process one CPU thread; set ``OMP_NUM_THREADS`` before it to give more.

    Raises:
        CourseError: fewer GPUs than processes, or another kind of GPU.

    Example:
        >>> with joined() as group:
        ...     group.count
        1
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or "LOCAL_WORLD_SIZE" not in os.environ:
        yield Group()
        return
    _choose_gpu()
    # Loaded later, this module would keep the group in its default arguments; then Gloo's threads
    # would outlive `destroy_process_group`, and now and then abort the process at its very end.
    import torch.distributed.nn  # noqa: F401

    dist.init_process_group(timeout=LONGEST_WAIT)
    try:
        yield current_group()
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error).lower():
            sys.exit("Another process has ended, so this one ends too; the same command goes on after the last epoch.")
        raise
    finally:
        gc.collect()  # networks that still hold the group
        with suppress(RuntimeError):  # the others may be gone
            dist.destroy_process_group()


def _choose_gpu() -> None:
    """Each process computes on a GPU of its own, or all on the CPU."""
    device, here = devices.choose(), int(os.environ["LOCAL_WORLD_SIZE"])
    own_gpus = device.type == "cuda" and device.index is None and torch.cuda.device_count() >= here
    if device.type != "cpu" and not own_gpus:
        raise CourseError(
            f"{here} processes need {here} NVIDIA GPUs, and '{device}' is not that; start fewer, or set "
            "COURSE_DEVICE=cpu."
        )
    if own_gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
