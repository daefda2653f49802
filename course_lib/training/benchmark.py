"""How long a step takes: for the plan of a training, and for whoever compares two ways of computing (lesson 7)."""

import logging
from collections.abc import Callable
from typing import Any

import torch


def timer(step: Callable[[], object]) -> Any:
    """PyTorch's own timer of a step on all threads (`torch.utils.benchmark.Timer`); it waits for a GPU.

    Example:
        >>> timer(lambda: torch.ones(2) + 1).timeit(3).mean < 1
        True
    """
    # It looks for a compiler that nothing here needs, and says so where there is none.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    from torch.utils.benchmark import Timer

    return Timer("step()", globals={"step": step}, num_threads=torch.get_num_threads())
