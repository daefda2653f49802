"""Several processes that train one model together, each on its part of every batch.

Introduced in lesson 10, for the computer with several GPUs that may come after the course. In a terminal
``torchrun --nproc-per-node 2 -m course_lib train …`` starts the same program twice; in a notebook
`course_lib.training.launching` does. Each process takes every second photo of a batch, PyTorch's
DistributedDataParallel averages their gradients, and so both take the step that one process would
have taken. Alone, a process does nothing of this.
"""

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.training.whole_batch import WholeBatch

T = TypeVar("T")
# The others wait while the first one prepares. One that dies is noticed at once, not by waiting.
LONGEST_WAIT = timedelta(days=1)


class _SaidByFirst(CourseError):
    """In the other processes: the first one says what is wrong, once is enough."""


@dataclass
class Group:
    """The processes that train together, seen from one of them (lesson 10).

    By default it is a group of one, in which every method gives back what it got.

    Attributes:
        rank: the number of this process, from 0.
        count: how many processes there are.
        interrupted: whether this process was interrupted (Ctrl+C) and the others shall hear of it.

    Example:
        >>> group = Group()
        >>> group.is_first, group.total(3, 4), group.first_does(lambda: "done")
        (True, (3, 4), 'done')
    """

    rank: int = 0
    count: int = 1
    interrupted: bool = False

    @property
    def is_first(self) -> bool:
        """Whether this is the one process that shows progress and writes files."""
        return self.rank == 0

    def from_first(self, value: T) -> T:
        """The value of the first process, in all of them."""
        if self.count == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def first_does(self, work: Callable[[], T]) -> T:
        """Let the first process work while the others wait; all get its result.

        Raises:
            CourseError, KeyboardInterrupt: in all processes, if the work of the first one ends so.
        """
        if self.count == 1:
            return work()
        result = error = None
        if self.is_first:
            try:
                result = work()
            except (CourseError, KeyboardInterrupt) as problem:
                error = problem
        result, error = self.from_first((result, error))
        if isinstance(error, CourseError) and not self.is_first:
            raise _SaidByFirst(str(error))
        if error is not None:
            raise error
        return result

    def parts(self, loader: Iterable) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Of each batch the photos of this process: images, labels, and the labels of the whole batch.

        The photos go round: the first of two processes has those with even numbers. Of a last
        batch with fewer photos than processes, some have none.
        """
        own = slice(self.rank, None, self.count)
        if self.count == 1:
            for images, labels in loader:
                yield images, labels, labels
        elif hasattr(loader, "parts"):
            yield from loader.parts(own)  # it spares itself what the others do
        else:
            for images, labels in loader:
                yield images[own], labels[own], labels

    def total(self, *values: float | Tensor) -> tuple:
        """Numbers added up over all processes; in several processes float64 tensors.

        Raises:
            KeyboardInterrupt: in all processes, if one of them was interrupted.
        """
        if self.count == 1:
            return values
        numbers = torch.stack([torch.as_tensor(value, dtype=torch.float64) for value in values])
        numbers = torch.cat([numbers, numbers.new_tensor([self.interrupted])])
        dist.all_reduce(numbers)
        *totals, interrupted = numbers
        if interrupted > 0:
            raise KeyboardInterrupt
        return tuple(totals)

    def replicate(self, model: nn.Module) -> nn.Module:
        """The same weights in all processes, those of the first, with gradients averaged over all.

        Returns:
            What computes the logits; its parameters are those of ``model``.
        """
        if self.count == 1:
            return model
        return nn.parallel.DistributedDataParallel(model)

    def as_one(self, network: nn.Module, photos: int, last: bool) -> AbstractContextManager:
        """Within it, a forward pass of the parts gives what one process would get from all photos.

        Args:
            network: from `replicate`.
            photos: how many photos all processes have together.
            last: whether this is the last forward pass before the step; only then are the gradients
                averaged.
        """
        return nullcontext() if self.count == 1 else self._as_one(network, photos, last)

    @contextmanager
    def _as_one(self, network: nn.Module, photos: int, last: bool) -> Iterator[None]:
        with (
            nullcontext() if last else network.no_sync(),
            WholeBatch(self.rank, self.count, photos),
        ):
            yield

    @contextmanager
    def interrupted_together(self) -> Iterator[None]:
        """Within it, an interrupt of one process ends all of them at their next `total`.

        Else the others would wait for ever in the middle of a step.
        """
        if self.count == 1 or threading.current_thread() is not threading.main_thread():
            yield
            return

        def remember(*_: object) -> None:
            self.interrupted = True

        before = signal.signal(signal.SIGINT, remember)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def current_group() -> Group:
    """The group that this process has `joined`, or a group of one (lesson 10)."""
    if dist.is_available() and dist.is_initialized():
        return Group(dist.get_rank(), dist.get_world_size())
    return Group()


@contextmanager
def joined() -> Iterator[Group]:
    """Join the processes that ``torchrun`` has started; without it, nothing happens (lesson 10).

    They talk through NCCL on NVIDIA GPUs, each process on its own GPU, and through Gloo on CPUs.
    ``COURSE_DEVICE=cuda:0`` puts all on one GPU, which is good for trying out only. `torchrun`
    gives each process one CPU thread; set ``OMP_NUM_THREADS`` before it to give more.

    Raises:
        CourseError: fewer GPUs than processes, another kind of GPU, or another process has died.

    Example:
        >>> with joined() as group:
        ...     group.count
        1
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or "LOCAL_WORLD_SIZE" not in os.environ:
        yield Group()
        return
    # Loaded later, this module would keep the group in its default arguments; then Gloo's threads
    # would outlive `destroy_process_group`, and now and then abort the process at its very end.
    import_module("torch.distributed.nn")
    dist.init_process_group(_backend(), timeout=LONGEST_WAIT)
    try:
        yield current_group()
    except _SaidByFirst:
        sys.exit(2)
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error).lower():
            raise
        raise CourseError(
            "Another process has ended, so this one ends too; the same command, with any number of "
            "processes, goes on after the last complete epoch."
        ) from error
    finally:
        gc.collect()  # networks that still hold the group
        with suppress(RuntimeError):  # the others may be gone
            dist.destroy_process_group()


def _backend() -> str:
    """Choose how the processes talk, and on which GPU this one computes."""
    device = devices.choose()
    here, local = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["LOCAL_RANK"])
    problem = None
    if device.type not in ("cpu", "cuda"):
        problem = f"Several processes cannot compute on '{device.type}'; set COURSE_DEVICE=cpu, or start one."
    elif device.type == "cuda" and device.index is None and torch.cuda.device_count() < here:
        problem = (
            f"There are {torch.cuda.device_count()} GPUs for {here} processes; start one process for "
            "each GPU, or set COURSE_DEVICE=cpu."
        )
    if problem and os.environ["RANK"] != "0":
        sys.exit(2)  # the first one says it
    if problem:
        raise CourseError(problem)
    if here == int(os.environ["WORLD_SIZE"]):
        # One computer talks to itself: no other network can disturb it.
        loopback = [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]
        for name in loopback:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
    if device.type == "cpu" or device.index is not None:
        return "gloo"
    torch.cuda.set_device(local)
    return "cpu:gloo,cuda:nccl"
