"""Random crops of a whole batch in one step, on the CPU or a GPU."""

import torch
from torch import Tensor


def random_crops(padded: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Cut a window of its own out of each photo, where the random numbers say.

    Args:
        padded: (N, C, H, W), with a margin around the photo that the window may reach into.
        size: width and height of the window in pixels.
        generator: on the CPU, or where the photos are.

    Returns:
        (N, C, size, size), of the same type.
    """
    count, place = len(padded), padded.device
    # All windows there are, (N, C, down, right, size, size): a view, nothing is copied yet.
    windows = padded.unfold(2, size, 1).unfold(3, size, 1)
    down, right = (
        torch.randint(choices, (count,), generator=generator, device=generator.device).to(place)
        for choices in windows.shape[2:4]
    )
    return windows[torch.arange(count, device=place), :, down, right]
