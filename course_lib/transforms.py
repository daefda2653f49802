"""What happens to photos before the model sees them, on whole batches at once (lessons 5, 7 and 10).

Every function takes and returns a batch of shape (N, C, H, W). An augmentation is given to the
train loader alone: ``loaders(index, augment=compose(flips, brightness_and_contrast(0.2)))``.
There a transform of Albumentations or torchvision will do as well, see `as_batch_transform`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.errors import CourseError

BatchTransform = Callable[[Tensor, torch.Generator], Tensor]
FLIPS = (0, 2, 4, 6)  # the orientations without a quarter turn


def to_float(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Turn whole numbers 0…255 into the small decimals a network wants.

    Args:
        images: uint8, (N, C, H, W).
        mean, std: one number for each channel, on the scale 0…1.

    Returns:
        float32, (N, C, H, W): ``(images / 255 − mean) / std``.

    Example:
        >>> to_float(torch.tensor([[[[0, 255]]]], dtype=torch.uint8), [0.5], [0.5]).tolist()
        [[[[-1.0, 1.0]]]]
    """
    # The type is said, because NumPy's float64 numbers would make the whole batch float64.
    mean_255, std_255 = (
        torch.tensor(numbers, dtype=torch.float32, device=images.device).view(1, -1, 1, 1) * 255
        for numbers in (mean, std)
    )
    # One copy, changed in place: large pictures are limited by how fast memory is read and written.
    return images.to(torch.float32, copy=True).sub_(mean_255).div_(std_255)


# Orientations


def flips_and_quarter_turns(images: Tensor, generator: torch.Generator) -> Tensor:
    """Show each photo in one of its eight orientations, drawn at random.

    A square photo has eight: four quarter turns, each plain or mirrored. A cell that is
    turned or mirrored is still the same cell with the same defect, so the label stays.

    Example:
        >>> images = torch.arange(4).view(1, 1, 2, 2)
        >>> turned = flips_and_quarter_turns(images, torch.Generator().manual_seed(0))
        >>> sorted(turned.flatten().tolist())
        [0, 1, 2, 3]
    """
    return _drawn(images, range(8), generator)


def flips(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each photo left to right, top to bottom, both or not at all, drawn at random.

    What runs across the photo stays so. That fits parts that always lie the same way in front of
    the camera: a quarter turn would show the model what no camera there can see.

    Example:
        >>> images = torch.arange(4).view(1, 1, 2, 2)
        >>> flips(images, torch.Generator().manual_seed(0)).flatten().tolist()
        [0, 1, 2, 3]
    """
    return _drawn(images, FLIPS, generator)


def _drawn(images: Tensor, orientations: Sequence[int], generator: torch.Generator) -> Tensor:
    """Each photo in one of these orientations."""
    choice = torch.randint(len(orientations), (len(images),), generator=generator)
    if images.device.type != "cpu":
        return _chosen_view(images, orientations, choice)
    result = torch.empty_like(images)
    for target, image, number in zip(result, images, choice.tolist(), strict=True):
        target.copy_(_orientation(image, orientations[number]))
    return result


def _chosen_view(images: Tensor, orientations: Sequence[int], choice: Tensor) -> Tensor:
    """The same for a GPU, which likes few large steps: all views, of which one is taken for each photo."""
    views = torch.stack([_orientation(images, number) for number in orientations])
    return views[choice.to(images.device), torch.arange(len(images), device=images.device)]


def four_views(images: Tensor) -> Tensor:
    """Each photo as it is and mirrored in all ways: shape (4, N, C, H, W).

    Example:
        >>> four_views(torch.zeros(2, 1, 4, 6)).shape
        torch.Size([4, 2, 1, 4, 6])
    """
    return torch.stack([_orientation(images, number) for number in FLIPS])


def eight_views(images: Tensor) -> Tensor:
    """All eight orientations of each photo: shape (8, N, C, H, W), square photos.

    Example:
        >>> eight_views(torch.zeros(2, 1, 4, 4)).shape
        torch.Size([8, 2, 1, 4, 4])
    """
    return torch.stack([_orientation(images, number) for number in range(8)])


# By how many views of a photo an inspector looks at.
VIEWS: dict[int, Callable[[Tensor], Tensor]] = {1: lambda images: images[None], 4: four_views, 8: eight_views}


def orientation(number: int) -> BatchTransform:
    """Make a transform that shows all photos in the same one of the eight orientations.

    For features that are kept: one view of every photo for each orientation.

    Args:
        number: 0…7, as in `eight_views`; 0 leaves the photos as they are.

    Raises:
        CourseError: another number.

    Example:
        >>> images = torch.arange(4).view(1, 1, 2, 2)
        >>> orientation(2)(images, torch.Generator()).tolist()
        [[[[3, 2], [1, 0]]]]
    """
    if number not in range(8):
        raise CourseError(f"There is no orientation {number}; choose 0 to 7.")
    return lambda images, generator: _orientation(images, number)


def _orientation(images: Tensor, number: int) -> Tensor:
    """Orientation 0…7: quarter turns, and from 4 on also mirrored."""
    if number >= 4:
        images = images.flip(-1)
    return images.rot90(number % 4, dims=(-2, -1))


# Other changes


def brightness_and_contrast(strength: float = 0.2) -> BatchTransform:
    """Make a transform that changes brightness and contrast of uint8 photos.

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


def random_resized_crop(smallest: float = 0.6) -> BatchTransform:
    """Make a transform that enlarges a part of each photo to the full size, whatever that is.

    A crop can cut a defect away; the label stays all the same. Look before you use it.

    Args:
        smallest: the smallest share of the area that is kept; the width to height ratio changes
            by up to a tenth.
    """
    from torchvision.transforms import v2

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        crop = v2.RandomResizedCrop(tuple(images.shape[-2:]), scale=(smallest, 1.0), ratio=(0.9, 1.1), antialias=True)
        return per_image(crop)(images, generator)

    return transform


def compose(*transforms: Callable) -> BatchTransform:
    """Join several transforms into one that applies them in the given order.

    Args:
        transforms: of this module, Albumentations or torchvision, as `as_batch_transform` takes them.

    Example:
        >>> import albumentations
        >>> both = compose(flips, albumentations.InvertImg(p=1))
        >>> both(torch.zeros(1, 1, 2, 2, dtype=torch.uint8), torch.Generator()).tolist()
        [[[[255, 255], [255, 255]]]]
    """
    steps = [as_batch_transform(transform) for transform in transforms]

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        for step in steps:
            images = step(images, generator)
        return images

    return transform


def random_apply(transform: Callable, probability: float = 0.5) -> BatchTransform:
    """Apply a transform to some of the photos only, drawn at random.

    Args:
        transform: of this module, Albumentations or torchvision; it keeps the size.
        probability: how likely each photo is changed, 0…1.

    Example:
        >>> never = random_apply(brightness_and_contrast(0.5), probability=0.0)
        >>> images = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
        >>> torch.equal(never(images, torch.Generator()), images)
        True
    """
    change = as_batch_transform(transform)

    def transform_some(images: Tensor, generator: torch.Generator) -> Tensor:
        chosen = (torch.rand(len(images), generator=generator) < probability).to(images.device)
        result = images.clone()
        if chosen.any():
            result[chosen] = change(images[chosen], generator)
        return result

    return transform_some


# Transforms of other libraries


def as_batch_transform(transform: Any) -> BatchTransform:
    """What loaders, `compose` and `random_apply` take, as a function that changes a whole batch.

    Args:
        transform: a batch transform of this module or of your own, which stays as it is, or a
            transform of Albumentations or torchvision, which `per_image` makes work on a batch.

    Raises:
        CourseError: something that cannot be called, or a class instead of a transform made from it.

    Example:
        >>> import albumentations
        >>> mirror = as_batch_transform(albumentations.HorizontalFlip(p=1))
        >>> images = torch.arange(4, dtype=torch.uint8).view(1, 1, 2, 2)
        >>> mirror(images, torch.Generator()).tolist()
        [[[[1, 0], [3, 2]]]]
    """
    if not callable(transform) or isinstance(transform, type):
        shown = getattr(transform, "__name__", repr(transform))
        raise CourseError(
            f"{shown:.60} is not a transform; give one of course_lib.transforms, "
            "Albumentations or torchvision, such as transforms.flips or A.HorizontalFlip()."
        )
    others = any(comes_from(transform, library) for library in ("albumentations", "torchvision.transforms"))
    return per_image(transform) if others else transform


def comes_from(transform: object, library: str) -> bool:
    """Whether a transform is of a library, or derived from one of its classes.

    Example:
        >>> import albumentations
        >>> comes_from(albumentations.HorizontalFlip(), "albumentations")
        True
    """
    return any(kind.__module__.startswith(library) for kind in type(transform).__mro__)


def per_image(transform: Callable) -> BatchTransform:
    """Apply a transform of torchvision or Albumentations to each photo of a batch.

    The library's own random numbers are seeded from the batch's generator, so a run repeats.
    ``augment`` of a loader, `compose` and `random_apply` do this by themselves.

    Args:
        transform: from ``torchvision.transforms.v2`` (a tensor (C, H, W) in and out) or from
            Albumentations (called with ``image=`` an array (H, W, C); it may end in ``ToTensorV2``).
            It must give all photos the same size, and keep the whole numbers 0…255: the loader
            scales them afterwards, so leave out ``Normalize`` and ``ToDtype``.

    Example:
        >>> import albumentations
        >>> mirror = per_image(albumentations.HorizontalFlip(p=1))
        >>> images = torch.arange(4, dtype=torch.uint8).view(1, 1, 2, 2)
        >>> mirror(images, torch.Generator()).tolist()
        [[[[1, 0], [3, 2]]]]
    """
    # Unlike a function made in here, this can be pickled, and with it the loader.
    return partial(_each, transform)


def _each(transform: Any, images: Tensor, generator: torch.Generator) -> Tensor:
    """Every photo of the batch changed with a seed of its own."""
    seeds = torch.randint(2**31, (len(images),), generator=generator).tolist()
    return torch.stack([_changed(transform, image, seed) for image, seed in zip(images, seeds, strict=True)])


def _changed(transform: Any, image: Tensor, seed: int) -> Tensor:
    """One photo, (C, H, W), changed with this seed."""
    if not comes_from(transform, "albumentations"):
        with seeded(seed):
            return transform(image)
    transform.set_random_seed(seed)
    array = image.cpu().permute(1, 2, 0).contiguous().numpy()
    changed = transform(image=array)["image"]
    if isinstance(changed, np.ndarray):  # else it is a tensor already, by a final ToTensorV2
        changed = torch.from_numpy(changed.copy()).reshape(*changed.shape[:2], -1).permute(2, 0, 1)
    return changed.to(image.device)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed PyTorch's own generator, from which torchvision draws, and put it back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        yield
