"""The augmentations to choose from: their code, what a strength means, what they make of a photo.

Introduced in lesson 10. `course_lib.widgets.playground_page` shows them; the transforms themselves are those of
`course_lib.transforms`, so you see what the train loader would get.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from course_lib import transforms
from course_lib.datasets import BatchLoader
from course_lib.errors import CourseError

SMALLEST_PHOTO = 32  # pixels; the widest blur must fit into the photo


class Augmentation(NamedTuple):
    """One entry of the playground (lesson 10).

    Attributes:
        function: what makes the transform, as it is called in a lesson; "A." is Albumentations.
        settings: its arguments for a strength 0…1; None if the function is the transform itself.
        meaning: these arguments in words.
    """

    function: str
    settings: Callable[[float], dict[str, Any]] | None
    meaning: Callable[..., str]

    @property
    def mixes(self) -> bool:
        """Whether it needs a second photo."""
        return self.function == "transforms.Mixed"

    @property
    def has_strength(self) -> bool:
        """Whether the strength changes anything."""
        return self.settings is not None and self.settings(0) != self.settings(1)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


# At strength 0.5 each is about as strong as people use it, at 1 clearly too strong.
AUGMENTATIONS = {
    "flips": Augmentation(
        "transforms.flips",
        None,
        lambda: "left to right, top to bottom, both or neither; there is no strength to choose",
    ),
    "flips and quarter turns": Augmentation(
        "transforms.flips_and_quarter_turns",
        None,
        lambda: "one of eight orientations; there is no strength to choose",
    ),
    "brightness and contrast": Augmentation(
        "transforms.brightness_and_contrast",
        lambda strength: {"strength": round(0.6 * strength, 2)},
        lambda strength: (
            f"contrast times {1 - strength:.2f} to {1 + strength:.2f}, "
            f"up to {127.5 * strength:.0f} grey levels brighter or darker"
        ),
    ),
    "blur": Augmentation(
        "transforms.blur",
        lambda strength: {"strength": round(4 * strength, 1)},
        lambda strength: f"standard deviation up to {max(0.1, strength):.1f} pixels",
    ),
    "noise": Augmentation(
        "transforms.noise",
        lambda strength: {"strength": round(0.2 * strength, 2)},
        lambda strength: f"standard deviation up to {255 * strength:.0f} grey levels",
    ),
    "random resized crop": Augmentation(
        "transforms.random_resized_crop",
        lambda strength: {"smallest": round(1 - 0.8 * strength, 2)},
        lambda smallest: f"keeps {_percent(smallest)} to 100 % of the area",
    ),
    "grid shuffle": Augmentation(
        "transforms.grid_shuffle",
        lambda strength: {"cells": 1 + round(4 * strength)},
        lambda cells: f"{cells} × {cells} tiles",
    ),
    "cut-out": Augmentation(
        "transforms.cut_out",
        lambda strength: {"share": round(0.6 * strength, 2)},
        lambda share: f"a grey square of {_percent(share)} of the photo's width",
    ),
    "TrivialAugment": Augmentation(
        "transforms.trivial_augment",
        lambda strength: {},
        lambda: "one of fourteen changes; it draws the strength itself",
    ),
    "RandomGridShuffle": Augmentation(
        "A.RandomGridShuffle",
        lambda strength: {"grid": (1 + round(4 * strength),) * 2, "p": 1},
        lambda grid, p: f"{grid[0]} × {grid[1]} tiles, by Albumentations",
    ),
    "CoarseDropout": Augmentation(
        "A.CoarseDropout",
        lambda strength: {
            "num_holes_range": (4, 4),
            "hole_height_range": (round(0.04 + 0.32 * strength, 2),) * 2,
            "hole_width_range": (round(0.04 + 0.32 * strength, 2),) * 2,
            "fill": 0,
            "p": 1,
        },
        lambda hole_width_range, **rest: (
            f"four black squares of {_percent(hole_width_range[0])} of the width, by Albumentations"
        ),
    ),
    "MixUp": Augmentation(
        "transforms.Mixed",
        lambda strength: {"way": "mixup", "strength": round(0.1 + 0.9 * strength, 2)},
        lambda way, strength: f"alpha {strength:g} (small: mostly one photo, 1: any share), the label is mixed alike",
    ),
    "CutMix": Augmentation(
        "transforms.Mixed",
        lambda strength: {"way": "cutmix", "strength": round(0.1 + 0.9 * strength, 2)},
        lambda way, strength: (
            f"alpha {strength:g} (small: mostly one photo, 1: any share), the label follows the areas"
        ),
    ),
}


def code_line(name: str, strength: float = 0.5, probability: float = 1.0) -> str:
    """The code of an augmentation, to be copied into lesson 10.

    It needs ``from course_lib import transforms`` and ``import albumentations as A``.

    Args:
        name: one of ``AUGMENTATIONS``.
        strength: 0…1.
        probability: how likely each photo is changed, 0…1; MixUp and CutMix mix every batch.

    Raises:
        CourseError: an unknown name, or a number outside of 0…1.

    Example:
        >>> code_line("noise", strength=0.25, probability=0.5)
        'transforms.sometimes(transforms.noise(strength=0.05), 0.5)'
    """
    augmentation, settings = _checked(name, strength, probability)
    words = [f"{key}={value!r}".replace("'", '"') for key, value in settings.items()]
    if augmentation.mixes:
        words = ['loaders["train"]', "classes=2", *words]
    code = augmentation.function
    if augmentation.settings is not None:
        code += f"({', '.join(words)})"
    if probability < 1 and not augmentation.mixes:
        code = f"transforms.sometimes({code}, {probability:g})"
    return code


def meaning(name: str, strength: float = 0.5) -> str:
    """What a strength 0…1 stands for, in words (lesson 10).

    Example:
        >>> meaning("noise", 0.25)
        'standard deviation up to 13 grey levels'
    """
    augmentation, settings = _checked(name, strength)
    return augmentation.meaning(**settings)


def describe(name: str, strength: float = 0.5, probability: float = 1.0) -> str:
    """Augmentation, strength and probability in one phrase (lesson 10).

    Example:
        >>> describe("cut-out", strength=0.5, probability=0.25)
        "cut-out, a grey square of 30 % of the photo's width, probability 25 %"
    """
    phrase = f"{name}, {meaning(name, strength)}"
    return phrase if AUGMENTATIONS[name].mixes else f"{phrase}, probability {_percent(probability)}"


def results(
    photo: np.ndarray, name: str, strength: float = 0.5, probability: float = 1.0, *,
    other: np.ndarray | None = None, seed: int = 0, count: int = 16,
) -> np.ndarray:  # fmt: skip
    """Augment one photo several times, as the train loader would (lesson 10).

    Args:
        photo: uint8, (C, H, W) or (H, W), square, C is 1 or 3.
        name: one of ``AUGMENTATIONS``.
        strength: 0…1; `meaning` says what it stands for.
        probability: how likely each photo is changed, 0…1; MixUp and CutMix mix every batch.
        other: the second photo for MixUp and CutMix, of the same shape.
        seed: the same seed gives the same results.
        count: how many results.

    Returns:
        uint8, (count, C, H, W).

    Raises:
        CourseError: an unknown name, a number outside of 0…1, a photo of another kind, or no
            second photo where one is needed.

    Example:
        >>> photo = np.full((32, 32), 128, np.uint8)
        >>> results(photo, "noise", probability=0.0).shape
        (16, 1, 32, 32)
    """
    augmentation, settings = _checked(name, strength, probability)
    pixels = as_pixels(photo)
    if augmentation.mixes:
        return _mixed(pixels, as_second(other, pixels, name), settings, seed, count)
    change = _made(augmentation, settings)
    if probability < 1:  # as in the code line; `sometimes` would draw random numbers of its own
        change = transforms.sometimes(change, probability)
    images = torch.from_numpy(np.repeat(pixels[None], count, axis=0))
    return change(images, torch.Generator().manual_seed(seed)).numpy()


def _made(augmentation: Augmentation, settings: dict[str, Any]) -> transforms.BatchTransform:
    """The batch transform that `code_line` spells out."""
    library, function = augmentation.function.split(".")
    if library == "A":
        import albumentations

        return transforms.as_batch_transform(getattr(albumentations, function)(**settings))
    made = getattr(transforms, function)
    return made if augmentation.settings is None else made(**settings)


def _mixed(photo: np.ndarray, other: np.ndarray, settings: dict[str, Any], seed: int, count: int) -> np.ndarray:
    """The photo in ``count`` batches of two; each batch is mixed in another proportion."""
    images, labels = np.stack([photo, other] * count), [0, 1] * count
    loader = BatchLoader(images, labels, batch_size=2, seed=seed, mean=[0], std=[1])
    batches = transforms.Mixed(loader, classes=2, **settings)
    mixed = torch.stack([images[0] for images, probabilities in batches])
    return (mixed * 255).round().to(torch.uint8).numpy()


def offered(other: np.ndarray | None) -> list[str]:
    """Names of the augmentations that are possible with or without a second photo (lesson 10)."""
    return [name for name, choice in AUGMENTATIONS.items() if other is not None or not choice.mixes]


def _checked(name: str, strength: float, probability: float = 1.0) -> tuple[Augmentation, dict[str, Any]]:
    """The augmentation and its settings, if the choice is a possible one."""
    if name not in AUGMENTATIONS:
        raise CourseError(f"The augmentation '{name}' is unknown; choose one of {', '.join(AUGMENTATIONS)}.")
    for word, value in (("strength", strength), ("probability", probability)):
        if not 0 <= value <= 1:
            raise CourseError(f"The {word} {value} is impossible; choose a number from 0 to 1.")
    augmentation = AUGMENTATIONS[name]
    return augmentation, augmentation.settings(strength) if augmentation.settings else {}


def as_pixels(photo: np.ndarray) -> np.ndarray:
    """The photo as (C, H, W), if it can be augmented (lesson 10); else a `CourseError`."""
    pixels = np.asarray(photo)
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    channels, height, width = pixels.shape if pixels.ndim == 3 else (0, 0, 0)
    if pixels.dtype != np.uint8 or channels not in (1, 3) or height != width:
        raise CourseError(
            f"The photo has the shape {np.shape(photo)} and type {pixels.dtype}; give a square grey or "
            "colour photo of type uint8, as data.read_pixels(path, 160) reads it."
        )
    if width < SMALLEST_PHOTO:
        raise CourseError(f"The photo is only {width} pixels wide; give one of {SMALLEST_PHOTO} pixels or more.")
    return pixels


def as_second(other: np.ndarray | None, photo: np.ndarray, name: str = "MixUp or CutMix") -> np.ndarray:
    """The other photo as (C, H, W), if it can be mixed with the first (lesson 10)."""
    if other is None:
        raise CourseError(f"{name} mixes two photos; give the second one as other=….")
    pixels = as_pixels(other)
    if pixels.shape != photo.shape:
        raise CourseError(
            f"The two photos have the shapes {photo.shape} and {pixels.shape}, so they cannot be "
            "mixed; give both in the same size and colours."
        )
    return pixels
