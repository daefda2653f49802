"""What happens to photos before the model sees them, on whole batches at once.

Introduced in lesson 5 (resizing, normalising) and lesson 10 (augmentation). Every
function takes and returns a batch of shape (N, C, H, W). An augmentation is given to the
train loader alone: ``loaders(index, augment=in_turn(flips_and_quarter_turns, noise(0.05)))``.
There a transform of Albumentations or torchvision will do as well, see `as_batch_transform`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor

from course_lib.errors import CourseError

BatchTransform = Callable[[Tensor, torch.Generator], Tensor]
FLIPS = (0, 2, 4, 6)  # the orientations without a quarter turn


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
    # One copy, changed in place: large pictures are limited by how fast memory is read and written.
    return images.to(torch.float32, copy=True).sub_(mean_255).div_(std_255)


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
    return _drawn(images, range(8), generator)


def flips(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each photo left to right, top to bottom, both or not at all, drawn at random (lesson 10).

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
    if images.device.type == "cpu":
        result = torch.empty_like(images)
        for target, image, number in zip(result, images, choice.tolist(), strict=True):
            target.copy_(_orientation(image, orientations[number]))
        return result
    return _in_large_steps(images, orientations, choice.to(images.device))


def _in_large_steps(images: Tensor, orientations: Sequence[int], choice: Tensor) -> Tensor:
    """The same for a GPU, which likes few large steps, and none for which the program must wait."""
    result = images
    for number, orientation_number in enumerate(orientations):
        chosen = (choice == number)[:, None, None, None]
        result = torch.where(chosen, _orientation(images, orientation_number), result)
    return result


def four_views(images: Tensor) -> Tensor:
    """Each photo as it is and mirrored in all ways (lesson 10): shape (4, N, C, H, W).

    Example:
        >>> four_views(torch.zeros(2, 1, 4, 6)).shape
        torch.Size([4, 2, 1, 4, 6])
    """
    return torch.stack([_orientation(images, number) for number in FLIPS])


def eight_views(images: Tensor) -> Tensor:
    """All eight orientations of each photo (lesson 7): shape (8, N, C, H, W), square photos.

    Example:
        >>> eight_views(torch.zeros(2, 1, 4, 4)).shape
        torch.Size([8, 2, 1, 4, 4])
    """
    return torch.stack([_orientation(images, number) for number in range(8)])


# By how many views of a photo an inspector looks at.
VIEWS: dict[int, Callable[[Tensor], Tensor]] = {
    1: lambda images: images[None],
    4: four_views,
    8: eight_views,
}


def orientation(number: int) -> BatchTransform:
    """Make a transform that shows all photos in the same one of the eight orientations (lesson 10).

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

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        return _orientation(images, number)

    return transform


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


def in_turn(*transforms: Callable) -> BatchTransform:
    """Join several transforms into one that applies them in the given order (lesson 10).

    Args:
        transforms: of this module, Albumentations or torchvision, as `as_batch_transform` takes them.

    Example:
        >>> import albumentations
        >>> both = in_turn(flips, albumentations.InvertImg(p=1))
        >>> both(torch.zeros(1, 1, 2, 2, dtype=torch.uint8), torch.Generator()).tolist()
        [[[[255, 255], [255, 255]]]]
    """
    steps = [_step(transform) for transform in transforms]

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        for step in steps:
            images = step(images, generator)
        return images

    return transform


def noise(strength: float = 0.05) -> BatchTransform:
    """Make a transform that adds noise, as a camera does in poor light (lesson 10).

    Args:
        strength: the largest standard deviation, as a share of 255; each photo draws its own.

    Example:
        >>> grey = torch.full((1, 1, 2, 2), 128, dtype=torch.uint8)
        >>> bool((noise(0.2)(grey, torch.Generator().manual_seed(0)) != grey).any())
        True
    """

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        spread = torch.rand(len(images), 1, 1, 1, generator=generator) * strength * 255
        added = torch.randn(images.shape, generator=generator) * spread
        return (images + added.to(images.device)).round().clamp(0, 255).to(torch.uint8)

    return transform


def grid_shuffle(cells: int = 3) -> BatchTransform:
    """Make a transform that cuts each photo into a grid and mixes up its tiles (lesson 10).

    It keeps textures and destroys every shape that is larger than a tile. Where the size is no
    multiple of ``cells``, the strip at the right and at the bottom stays where it is.

    Args:
        cells: tiles in each row and in each column.

    Example:
        >>> images = torch.arange(9, dtype=torch.uint8).view(1, 1, 3, 3)
        >>> mixed = grid_shuffle(3)(images, torch.Generator().manual_seed(0))
        >>> sorted(mixed.flatten().tolist()) == list(range(9)), torch.equal(mixed, images)
        (True, False)
    """

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        count, channels, height, width = images.shape
        high, wide = height // cells, width // cells
        inside = images[:, :, : high * cells, : wide * cells]
        grid = inside.reshape(count, channels, cells, high, cells, wide)
        tiles = grid.permute(0, 2, 4, 1, 3, 5).reshape(count, cells**2, channels, high, wide)
        order = torch.rand(count, cells**2, generator=generator).argsort(dim=1).to(images.device)
        tiles = tiles[torch.arange(count, device=images.device)[:, None], order]
        grid = tiles.reshape(count, cells, cells, channels, high, wide).permute(0, 3, 1, 4, 2, 5)
        result = images.clone()
        result[:, :, : high * cells, : wide * cells] = grid.reshape(inside.shape)
        return result

    return transform


def cut_out(share: float = 0.25) -> BatchTransform:
    """Make a transform that hides one square of each photo behind grey (lesson 10).

    Source: DeVries and Taylor 2017, Improved regularization of convolutional neural networks
    with cutout. The square may reach over the edge, so less than ``share`` may be hidden.

    Args:
        share: width of the square, as a share of the photo's width.

    Example:
        >>> white = torch.full((1, 1, 8, 8), 255, dtype=torch.uint8)
        >>> bool((cut_out(0.5)(white, torch.Generator().manual_seed(0)) == 128).any())
        True
    """

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        height, width = images.shape[-2:]
        middle = torch.rand(2, len(images), 1, 1, 1, generator=generator)
        rows = (torch.arange(height).view(-1, 1) - middle[0] * height).abs() <= share * height / 2
        columns = (torch.arange(width).view(1, -1) - middle[1] * width).abs() <= share * width / 2
        return images.masked_fill((rows & columns).to(images.device), 128)

    return transform


def blur(strength: float = 1.5) -> BatchTransform:
    """Make a transform that blurs each photo, by another amount each time (lesson 10).

    Args:
        strength: the largest standard deviation of the Gaussian blur, in pixels.
    """
    from torchvision.transforms import v2

    width = 2 * round(2 * strength) + 3  # odd, and wide enough for the strongest blur
    return one_by_one(v2.GaussianBlur(width, sigma=(0.1, max(0.1, strength))))


def random_resized_crop(smallest: float = 0.6) -> BatchTransform:
    """Make a transform that enlarges a part of each photo to the full size (lesson 10).

    A crop can cut a defect away; the label stays all the same. Look before you use it.

    Args:
        smallest: the smallest share of the area that is kept; the width to height ratio changes
            by up to a tenth.
    """
    from torchvision.transforms import v2

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        crop = v2.RandomResizedCrop(tuple(images.shape[-2:]), scale=(smallest, 1.0), ratio=(0.9, 1.1), antialias=True)
        return one_by_one(crop)(images, generator)

    return transform


def trivial_augment() -> BatchTransform:
    """Make a transform that changes each photo in one way, drawn with its strength (lesson 10).

    Source: Müller and Hutter 2021, TrivialAugment. Its fourteen ways come from photos of
    everyday things; some of them (posterise, solarise) can hide a defect.
    """
    from torchvision.transforms import v2

    return one_by_one(v2.TrivialAugmentWide())


def as_batch_transform(transform: Callable | None) -> BatchTransform | None:
    """What loaders, `in_turn` and `sometimes` take, as a function that changes a whole batch (lesson 10).

    Args:
        transform: a batch transform of this module or of your own, which stays as it is, or a
            transform of Albumentations or torchvision, which `one_by_one` makes work on a batch.
            None stays None.

    Raises:
        CourseError: something that cannot be called, or a class instead of a transform made from it.

    Example:
        >>> import albumentations
        >>> mirror = as_batch_transform(albumentations.HorizontalFlip(p=1))
        >>> images = torch.arange(4, dtype=torch.uint8).view(1, 1, 2, 2)
        >>> mirror(images, torch.Generator()).tolist()
        [[[[1, 0], [3, 2]]]]
    """
    if transform is not None and (not callable(transform) or isinstance(transform, type)):
        shown = getattr(transform, "__name__", repr(transform))
        raise CourseError(
            f"{shown:.60} is no transform; give one of course_lib.transforms, "
            "Albumentations or torchvision, such as transforms.flips or A.HorizontalFlip()."
        )
    libraries = ("albumentations", "torchvision.transforms")
    others = any(comes_from(transform, library) for library in libraries)
    return one_by_one(transform) if others else transform


def _step(transform: Callable) -> BatchTransform:
    """A transform inside of another one; there, None would only fail later."""
    change = as_batch_transform(transform)
    if change is None:
        raise CourseError("None is no transform; leave it out.")
    return change


def comes_from(transform: object, library: str) -> bool:
    """Whether a transform is of a library, or derived from one of its classes (lesson 5).

    Example:
        >>> import albumentations
        >>> comes_from(albumentations.HorizontalFlip(), "albumentations")
        True
    """
    return any(kind.__module__.startswith(library) for kind in type(transform).__mro__)


def one_by_one(transform: Callable) -> BatchTransform:
    """Apply a transform of torchvision or Albumentations to each photo of a batch (lesson 10).

    The library's own random numbers are seeded from the batch's generator, so a run repeats.
    ``augment`` of a loader, `in_turn` and `sometimes` do this by themselves.

    Args:
        transform: from ``torchvision.transforms.v2`` (a tensor (C, H, W) in and out) or from
            Albumentations (called with ``image=`` an array (H, W, C); it may end in ``ToTensorV2``).
            It must give all photos the same size, and keep the whole numbers 0…255: the loader
            scales them afterwards, so leave out ``Normalize`` and ``ToDtype``.

    Example:
        >>> import albumentations
        >>> mirror = one_by_one(albumentations.HorizontalFlip(p=1))
        >>> images = torch.arange(4, dtype=torch.uint8).view(1, 1, 2, 2)
        >>> mirror(images, torch.Generator()).tolist()
        [[[[1, 0], [3, 2]]]]
    """
    own_way = comes_from(transform, "albumentations")
    apply = _with_albumentations if own_way else _with_torchvision
    # Unlike a function made in here, this can be pickled, and with it the loader.
    return partial(_each, partial(apply, transform))


def _each(change: Callable, images: Tensor, generator: torch.Generator) -> Tensor:
    """Every photo of the batch changed by ``change(photo, seed)``."""
    seeds = torch.randint(2**31, (len(images),), generator=generator).tolist()
    return torch.stack([change(image, seed) for image, seed in zip(images, seeds, strict=True)])


def _with_torchvision(transform: Callable, image: Tensor, seed: int) -> Tensor:
    with _seeded(seed):
        return transform(image)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """torchvision draws from PyTorch's own generator: seed it, and put it back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        yield


def _with_albumentations(transform: Callable, image: Tensor, seed: int) -> Tensor:
    transform.set_random_seed(seed)
    array = image.cpu().permute(1, 2, 0).contiguous().numpy()
    return as_photo_tensor(transform(image=array)["image"]).to(image.device)


def as_photo_tensor(result: np.ndarray | Tensor) -> Tensor:
    """What an Albumentations transform gave, as a tensor (C, H, W) (lesson 5).

    Args:
        result: an array (H, W) or (H, W, C), or the tensor (C, H, W) of a final ``ToTensorV2``.

    Example:
        >>> as_photo_tensor(np.zeros((4, 6, 3), np.uint8)).shape
        torch.Size([3, 4, 6])
        >>> as_photo_tensor(torch.zeros(3, 4, 6)).shape
        torch.Size([3, 4, 6])
    """
    if isinstance(result, Tensor):
        return result
    return torch.from_numpy(result.copy()).reshape(*result.shape[:2], -1).permute(2, 0, 1)


def sometimes(transform: Callable, probability: float = 0.5) -> BatchTransform:
    """Apply a transform to some of the photos only, drawn at random (lesson 10).

    Args:
        transform: of this module, Albumentations or torchvision; it keeps the size.
        probability: how likely each photo is changed, 0…1.

    Example:
        >>> never = sometimes(noise(0.5), probability=0.0)
        >>> images = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
        >>> torch.equal(never(images, torch.Generator()), images)
        True
    """

    change = _step(transform)

    def transform_some(images: Tensor, generator: torch.Generator) -> Tensor:
        chosen = torch.rand(len(images), generator=generator) < probability
        chosen = chosen.to(images.device)
        result = images.clone()
        if chosen.any():
            result[chosen] = change(images[chosen], generator)
        return result

    return transform_some


class Mixed:
    """A loader of training photos in which each photo is mixed with another one (lesson 10).

    MixUp adds two photos with weights such as 0.3 and 0.7 (Zhang et al. 2018); CutMix pastes a
    rectangle of one into the other (Yun et al. 2019). The label becomes a probability for each
    class, in the same proportion, so the loss asks for "30 % defective".

    Args:
        loader: the train loader, such as a `BatchLoader`.
        classes: how many classes there are.
        way: "mixup" or "cutmix".
        strength: alpha of both articles: 0.2 mixes little, 1.0 anything between none and half.

    Iterating gives ``(images, probabilities)``: float32 (B, C, H, W) and float32 (B, classes). Each
    epoch mixes in another way, which depends on the loader's ``seed`` and ``epoch`` only.

    Raises:
        CourseError: an unknown way.

    Example:
        >>> from course_lib.datasets import BatchLoader
        >>> import numpy as np
        >>> loader = BatchLoader(np.zeros((4, 1, 8, 8), np.uint8), [0, 1, 0, 1])
        >>> images, probabilities = next(iter(Mixed(loader, classes=2)))
        >>> probabilities.shape, probabilities.sum(dim=1).tolist()
        (torch.Size([4, 2]), [1.0, 1.0, 1.0, 1.0])
    """

    def __init__(self, loader, classes: int, way: str = "mixup", strength: float = 0.2):
        from torchvision.transforms import v2

        ways = {"mixup": v2.MixUp, "cutmix": v2.CutMix}
        if way not in ways:
            raise CourseError(f"The way '{way}' to mix photos is unknown; choose mixup or cutmix.")
        self.loader, self.labels = loader, loader.labels
        self.mix = ways[way](alpha=strength, num_classes=classes)

    @property
    def epoch(self) -> int:
        """Which epoch comes next; a resumed training sets it."""
        return self.loader.epoch

    @epoch.setter
    def epoch(self, number: int) -> None:
        self.loader.epoch = number

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        epoch = self.loader.epoch
        generator = torch.Generator().manual_seed(self.loader.seed * 100_003 + epoch)
        for images, labels in self.loader:
            if self.loader.epoch == epoch:
                # A loader that neither shuffles nor augments does not count its epochs itself.
                self.loader.epoch += 1
            seed = int(torch.randint(2**31, (), generator=generator))
            with _seeded(seed):
                mixed = self.mix(images, labels)
            yield mixed
