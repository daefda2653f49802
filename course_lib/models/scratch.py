"""The small network that is built layer by layer and trained from random weights (lesson 6)."""

from itertools import pairwise

from torch import Tensor, nn


class ScratchCNN(nn.Module):
    """Four blocks of convolution, batch normalisation and ReLU, the average over the picture, one linear layer.

    The first block looks through a window of 7×7 pixels, moves it by two and pools, so it leaves a
    quarter of width and height; the others move by two, which halves them, and double the channels.

    Args:
        classes: number of logits.
        channels: 1 for grey photos, 3 for colour.
        width: channels after the first block.

    Example:
        >>> import torch
        >>> ScratchCNN()(torch.zeros(2, 1, 96, 96)).shape
        torch.Size([2, 2])
    """

    def __init__(self, classes: int = 2, channels: int = 1, width: int = 16):
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        first = scratch_block(channels, width, kernel_size=7)
        first.append(nn.MaxPool2d(kernel_size=3, stride=2, padding=1))
        others = (scratch_block(before, after) for before, after in pairwise(widths))
        self.blocks = nn.Sequential(first, *others)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(widths[-1], classes))

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, classes)."""
        return self.head(self.blocks(images).mean(dim=(2, 3)))


def scratch_block(channels_in: int, channels_out: int, kernel_size: int = 3) -> nn.Sequential:
    """One block of the scratch network: convolution, normalisation, ReLU, half the size.

    Args:
        channels_in, channels_out: of the maps before and after.
        kernel_size: width of the convolution's window in pixels, an odd number.
    """
    padding = kernel_size // 2
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel_size, stride=2, padding=padding, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )
