"""A train loader in which something happens, for tests of what interrupts a training."""

from collections.abc import Callable, Iterator

from torch import Tensor

from course_lib.datasets import BatchLoader


class EventLoader:
    """Calls a function before it gives one of its batches, counted from 1 over all epochs."""

    def __init__(self, inner: BatchLoader, at: int, happens: Callable[[], None]):
        self.inner, self.at, self.happens, self.count = inner, at, happens, 0

    def __len__(self) -> int:
        return len(self.inner)

    @property
    def epoch(self) -> int:
        return self.inner.epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self.inner.epoch = value

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self.inner:
            self.count += 1
            if self.count == self.at:
                self.happens()
            yield batch
