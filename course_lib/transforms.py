"""What happens to photos before the model sees them, on whole batches at once.

Introduced in lesson 5 (resizing, normalising) and lesson 10 (augmentation). Every
function takes and returns a batch of shape (N, C, H, W).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

BatchTransform = Callable[[Tensor, torch.Generator], Tensor]


def to_float(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Turn whole numbers 0…255 into the small decimals a network wants (lesson 5).

    Args:
        images: uint8, (N, C, H, W).
        mean, std: one number for each channel, on the scale 0…1.

    Returns:
        float32, (N, C, H, W): ``(images / 255 − mean) / std``.

    Example:
        >>> to_float(torch.tensor([[[[0, 255]]]], dtype=torch.uint8), [0.5], [0.5]).tolist()
        [[[[-1.0, 1.0]]]]
    """
    shape = (1, -1, 1, 1)
    # The type is said, because NumPy's float64 numbers would make the whole batch float64.
    mean_255 = torch.tensor(mean, dtype=torch.float32, device=images.device).view(shape) * 255
    std_255 = torch.tensor(std, dtype=torch.float32, device=images.device).view(shape) * 255
    return (images.float() - mean_255) / std_255


def flips_and_quarter_turns(images: Tensor, generator: torch.Generator) -> Tensor:
    """Show each photo in one of its eight orientations, drawn at random (lessons 7 and 10).

    A square photo has eight: four quarter turns, each plain or mirrored. A cell that is
    turned or mirrored is still the same cell with the same defect, so the label stays.

    Example:
        >>> images = torch.arange(4).view(1, 1, 2, 2)
        >>> turned = flips_and_quarter_turns(images, torch.Generator().manual_seed(0))
        >>> sorted(turned.flatten().tolist())
        [0, 1, 2, 3]
    """
    choice = torch.randint(8, (len(images),), generator=generator)
    result = images.clone()
    for number in range(1, 8):
        chosen = (choice == number).to(images.device)
        result[chosen] = _orientation(images[chosen], number)
    return result


def eight_views(images: Tensor) -> Tensor:
    """All eight orientations of each photo (lesson 10): shape (8, N, C, H, W), square photos.

    Example:
        >>> eight_views(torch.zeros(2, 1, 4, 4)).shape
        torch.Size([8, 2, 1, 4, 4])
    """
    return torch.stack([_orientation(images, number) for number in range(8)])


def _orientation(images: Tensor, number: int) -> Tensor:
    """Orientation 0…7: quarter turns, and from 4 on also mirrored."""
    if number >= 4:
        images = images.flip(-1)
    return images.rot90(number % 4, dims=(-2, -1))


def brightness_and_contrast(strength: float = 0.2) -> BatchTransform:
    """Make a transform that changes brightness and contrast of uint8 photos (lesson 10).

    Args:
        strength: largest relative change; 0.2 multiplies contrast by 0.8…1.2 and shifts
            brightness by up to 0.2 · 255 / 2 steps.
    """

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        draw = torch.rand(2, len(images), 1, 1, 1, generator=generator) * 2 - 1
        factor, shift = (1 + strength * draw[0]), strength * draw[1] * 127.5
        values = images.float()
        middle = values.mean(dim=(1, 2, 3), keepdim=True)
        changed = (values - middle) * factor.to(images.device) + middle + shift.to(images.device)
        return changed.round().clamp(0, 255).to(torch.uint8)

    return transform


def in_turn(*transforms: BatchTransform) -> BatchTransform:
    """Join several batch transforms into one that applies them in the given order (lesson 10)."""

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        for step in transforms:
            images = step(images, generator)
        return images

    return transform
