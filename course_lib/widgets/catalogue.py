"""The augmentations to choose from: their code, what a strength means, what they make of a photo (lesson 10).

`course_lib.widgets.playground` shows them. The transforms are those of `course_lib.transforms`, Albumentations
and torchvision, and the line of code that is shown is the one that runs.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from course_lib import transforms
from course_lib.errors import CourseError

COUNT = 16  # results of one photo
SMALLEST_PHOTO = 32  # pixels; of a smaller one an augmentation leaves little to see


class Augmentation(NamedTuple):
    """One entry of the playground.

    Attributes:
        code: what makes the transform, with {0}, {1} … for the numbers of a strength; "A" is
            Albumentations, "v2" is ``torchvision.transforms.v2``.
        words: what the numbers mean.
        numbers: the numbers of a strength 0…1.
    """

    code: str
    words: str
    numbers: Callable[[float], tuple[float, ...]] = lambda strength: ()

    @property
    def mixes(self) -> bool:
        """Whether it needs a second photo."""
        return self.code.startswith(("v2.MixUp", "v2.CutMix"))

    @property
    def has_strength(self) -> bool:
        """Whether the strength changes anything."""
        return self.numbers(0) != self.numbers(1)


def _rounded(least: float, most: float, times: float = 1, digits: int = 2) -> Callable[[float], tuple[float, float]]:
    """For a strength a number between two, and ``times`` this number for the words."""
    return lambda strength: (number := round(least + (most - least) * strength, digits), times * number)


SQUARES = "hole_height_range=({0}, {0}), hole_width_range=({0}, {0})"
ONE_SQUARE = f"A.CoarseDropout(num_holes_range=(1, 1), {SQUARES}, fill=128, p=1)"
FOUR_SQUARES = f"A.CoarseDropout(num_holes_range=(4, 4), {SQUARES}, fill=0, p=1)"
LIGHT = "contrast times {1:.2f} to {2:.2f}, up to {3:.0f} grey levels brighter or darker"
ALPHA = "alpha {0} (small: usually one photo, 1: any share), the label"
NO_STRENGTH = "there is no strength to choose"
# At strength 0.5 each is about as strong as people use it, at 1 clearly too strong.
_ENTRIES: dict[str, tuple] = {
    "flips": ("transforms.flips", f"left to right, top to bottom, both or neither; {NO_STRENGTH}"),
    "flips and quarter turns": ("transforms.flips_and_quarter_turns", f"one of eight orientations; {NO_STRENGTH}"),
    "brightness and contrast": (
        "transforms.brightness_and_contrast(strength={0})",
        LIGHT,
        lambda strength: (x := round(0.6 * strength, 2), 1 - x, 1 + x, 127.5 * x),
    ),
    "blur": (
        "A.GaussianBlur(blur_limit=0, sigma_limit=(0.1, {0}), p=1)",
        "standard deviation up to {0} pixels",
        _rounded(0.1, 4.1, digits=1),
    ),
    "noise": (
        "A.GaussNoise(std_range=(0, {0}), p=1)",
        "standard deviation up to {1:.0f} grey levels",
        _rounded(0, 0.2, 255),
    ),
    "random resized crop": (
        "transforms.random_resized_crop(smallest={0})",
        "keeps {1:.0f} % to 100 % of the area",
        _rounded(1, 0.2, 100),
    ),
    "grid shuffle": ("A.RandomGridShuffle(grid=({0}, {0}), p=1)", "{0} × {0} tiles", lambda s: (1 + round(4 * s),)),
    # Albumentations refuses squares without a width.
    "cut-out": (ONE_SQUARE, "a grey square of {1:.0f} % of the photo's width", _rounded(0.01, 0.59, 100)),
    "CoarseDropout": (FOUR_SQUARES, "four black squares of {1:.0f} % of the width", _rounded(0.04, 0.36, 100)),
    "TrivialAugment": ("v2.TrivialAugmentWide()", "one of fourteen changes; it draws the strength itself"),
    "MixUp": ("v2.MixUp(alpha={0}, num_classes=2)", f"{ALPHA} is mixed alike", _rounded(0.1, 1)),
    "CutMix": ("v2.CutMix(alpha={0}, num_classes=2)", f"{ALPHA} follows the areas", _rounded(0.1, 1)),
}
AUGMENTATIONS = {name: Augmentation(*entry) for name, entry in _ENTRIES.items()}


def code_line(name: str, strength: float = 0.5, probability: float = 1.0) -> str:
    """The code of an augmentation, to be copied into lesson 10.

    It needs ``from course_lib import transforms``, ``import albumentations as A`` and
    ``from torchvision.transforms import v2``. MixUp and CutMix take a batch and its labels:
    ``images, labels = v2.MixUp(…)(images, labels)``.

    Args:
        name: one of ``AUGMENTATIONS``.
        strength: 0…1.
        probability: how likely each photo is changed, 0…1; MixUp and CutMix mix every batch.

    Raises:
        CourseError: an unknown name.

    Example:
        >>> code_line("noise", strength=0.25, probability=0.5)
        'transforms.random_apply(A.GaussNoise(std_range=(0, 0.05), p=1), 0.5)'
    """
    augmentation = _named(name)
    code = augmentation.code.format(*augmentation.numbers(strength))
    return code if probability == 1 or augmentation.mixes else f"transforms.random_apply({code}, {probability:g})"


def meaning(name: str, strength: float = 0.5) -> str:
    """What a strength 0…1 stands for, in words.

    Example:
        >>> meaning("noise", 0.25)
        'standard deviation up to 13 grey levels'
    """
    augmentation = _named(name)
    return augmentation.words.format(*augmentation.numbers(strength))


def describe(name: str, strength: float = 0.5, probability: float = 1.0) -> str:
    """Augmentation, strength and probability in one phrase.

    Example:
        >>> describe("cut-out", strength=0.5, probability=0.25)
        "cut-out, a grey square of 30 % of the photo's width, probability 25 %"
    """
    phrase = f"{name}, {meaning(name, strength)}"
    return phrase if AUGMENTATIONS[name].mixes else f"{phrase}, probability {100 * probability:.0f} %"


def results(
    photo: np.ndarray,
    name: str,
    strength: float = 0.5,
    probability: float = 1.0,
    *,
    other: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Augment one photo sixteen times, as the train loader would.

    Args:
        photo: uint8, (C, H, W) or (H, W), square, C is 1 or 3.
        name: one of ``AUGMENTATIONS``.
        strength: 0…1; `meaning` says what it stands for.
        probability: how likely each photo is changed, 0…1; MixUp and CutMix mix every batch.
        other: the second photo for MixUp and CutMix, of the same shape.
        seed: the same seed gives the same results.

    Returns:
        uint8, (16, C, H, W).

    Raises:
        CourseError: an unknown name, or a photo of another kind.

    Example:
        >>> photo = np.full((32, 32), 128, np.uint8)
        >>> results(photo, "noise", probability=0.0).shape
        (16, 1, 32, 32)
    """
    import albumentations
    from torchvision.transforms import v2

    pixels, code = as_pixels(photo), code_line(name, strength, probability)
    # A line of this catalogue, nothing that somebody typed.
    made = eval(code, {"transforms": transforms, "A": albumentations, "v2": v2})
    if not AUGMENTATIONS[name].mixes:
        images = torch.from_numpy(np.repeat(pixels[None], COUNT, axis=0))
        return transforms.compose(made)(images, torch.Generator().manual_seed(seed)).numpy()
    pair = torch.from_numpy(np.stack([pixels, as_pixels(other)])).float()
    with transforms.seeded(seed):  # batches of two; each is mixed in another proportion
        mixed = torch.stack([made(pair, torch.tensor([0, 1]))[0][0] for _ in range(COUNT)])
    return mixed.round().to(torch.uint8).numpy()


def offered(other: np.ndarray | None) -> list[str]:
    """Names of the augmentations that are possible with or without a second photo."""
    return [name for name, choice in AUGMENTATIONS.items() if other is not None or not choice.mixes]


def _named(name: str) -> Augmentation:
    if name not in AUGMENTATIONS:
        raise CourseError(f"The augmentation '{name}' is unknown; choose one of {', '.join(AUGMENTATIONS)}.")
    return AUGMENTATIONS[name]


def as_pixels(photo: np.ndarray | None) -> np.ndarray:
    """The photo as (C, H, W), if it can be augmented; else a `CourseError`."""
    pixels = np.asarray(photo)
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    channels, height, width = pixels.shape if pixels.ndim == 3 else (0, 0, 0)
    if pixels.dtype != np.uint8 or channels not in (1, 3) or height != width or width < SMALLEST_PHOTO:
        raise CourseError(
            f"A photo has the shape {np.asarray(photo).shape} and type {pixels.dtype}; give a square grey or colour photo of "
            f"{SMALLEST_PHOTO} pixels or more and of type uint8, as data.read_pixels(path, 160) reads it; MixUp and "
            "CutMix need a second one as other=…."
        )
    return pixels
