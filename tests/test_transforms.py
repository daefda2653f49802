"""Batch transforms: they keep shape and kind, move pixels and nothing else, and repeat by seed."""

from collections.abc import Callable

import albumentations
import numpy as np
import pandas as pd
import pytest
import torch
from albumentations.pytorch import ToTensorV2
from torch import Tensor
from torchvision.transforms import v2

from course_lib import datasets, transforms
from course_lib.errors import CourseError


def photos(count: int = 6) -> Tensor:
    return torch.randint(0, 256, (count, 3, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_to_float_is_what_torchvision_computes() -> None:
    from torchvision.transforms.v2.functional import normalize, to_dtype

    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    expected = normalize(to_dtype(photos(), torch.float32, scale=True), mean, std)
    torch.testing.assert_close(transforms.to_float(photos(), mean, std), expected)


def test_the_eight_views_are_all_different_and_start_with_the_photo() -> None:
    views = transforms.eight_views(photos(1))
    assert torch.equal(views[0], photos(1))
    assert len({view.numpy().tobytes() for view in views}) == 8


def test_the_four_views_are_the_photo_and_its_mirror_images() -> None:
    photo = photos(1)
    expected = [photo, photo.flip(-1), photo.flip(-2), photo.flip(-1, -2)]
    views = transforms.four_views(photo)
    assert len(views) == 4
    assert all(any(torch.equal(view, one) for view in views) for one in expected)


def test_a_gpu_turns_photos_as_a_processor_does() -> None:
    images = photos(40)
    choice = torch.randint(8, (40,), generator=seeded())
    turned = transforms._chosen_view(images, range(8), choice)
    assert torch.equal(turned, transforms._drawn(images, range(8), seeded()))


@pytest.mark.parametrize(
    ("change", "all_views"),
    [(transforms.flips_and_quarter_turns, transforms.eight_views), (transforms.flips, transforms.four_views)],
)
def test_a_turned_photo_is_one_of_its_views(change: Callable, all_views: Callable) -> None:
    images = photos(40)
    turned, views = change(images, seeded()), all_views(images)

    matches = (views == turned).flatten(2).all(dim=2)
    assert (matches.sum(dim=0) == 1).all()
    assert matches.any(dim=1).all(), "each of the orientations should be drawn"


def test_turning_leaves_the_given_photos_alone() -> None:
    images = photos()
    transforms.flips_and_quarter_turns(images, seeded())
    assert torch.equal(images, photos())


def test_the_same_seed_repeats_and_another_does_not() -> None:
    change = transforms.compose(transforms.flips_and_quarter_turns, transforms.brightness_and_contrast(0.3))
    first, again, other = (change(photos(), seeded(seed)) for seed in (1, 1, 2))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_brightness_stays_within_0_and_255_and_keeps_kind_and_shape() -> None:
    extreme = torch.tensor([0, 255], dtype=torch.uint8).repeat(10, 1, 4, 4)
    changed = transforms.brightness_and_contrast(1.0)(extreme, seeded())
    assert changed.dtype == torch.uint8 and changed.shape == extreme.shape
    assert len(np.unique(changed)) > 2


def test_brightness_of_strength_zero_changes_nothing() -> None:
    assert torch.equal(transforms.brightness_and_contrast(0)(photos(), seeded()), photos())


def test_compose_applies_the_transforms_in_their_order() -> None:
    def double(images: Tensor, _: torch.Generator) -> Tensor:
        return images * 2

    def add_one(images: Tensor, _: torch.Generator) -> Tensor:
        return images + 1

    assert transforms.compose(double, add_one)(torch.tensor(3), seeded()) == 7
    assert transforms.compose(add_one, double)(torch.tensor(3), seeded()) == 8


# every augmentation

AUGMENTATIONS = {
    "flips and quarter turns": transforms.flips_and_quarter_turns,
    "flips": transforms.flips,
    "brightness and contrast": transforms.brightness_and_contrast(0.3),
    "random resized crop": transforms.random_resized_crop(0.5),
    "random apply": transforms.random_apply(transforms.brightness_and_contrast(0.3), 0.9),
    "Albumentations": transforms.per_image(albumentations.Compose([albumentations.RandomGridShuffle((2, 2), p=1)])),
    "ToTensorV2": transforms.per_image(
        albumentations.Compose([albumentations.RandomGridShuffle((2, 2), p=1), ToTensorV2()])
    ),
    "torchvision": transforms.per_image(v2.RandomSolarize(128, p=0.5)),
}
each_augmentation = pytest.mark.parametrize("augment", AUGMENTATIONS.values(), ids=AUGMENTATIONS.keys())


@each_augmentation
def test_an_augmentation_keeps_the_form_and_repeats_by_seed(augment) -> None:
    images = photos(12)
    state = torch.get_rng_state()
    first, again, other = (augment(images, seeded(seed)) for seed in (1, 1, 2))

    assert first.shape == images.shape and first.dtype == torch.uint8
    assert torch.equal(images, photos(12)), "the photos given were changed"
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state), "the common random numbers moved"


@each_augmentation
def test_an_augmentation_reaches_the_training_photos_alone(augment, index: pd.DataFrame, work) -> None:
    index = index.assign(split=(["train"] * 6 + ["validation"] * 2 + ["test"] * 2) * 2)
    augmented, plain = (datasets.loaders(index, size=16, augment=choice, progress=False) for choice in (augment, None))
    for name in ("validation", "test"):
        for (images, _), (expected, _) in zip(augmented[name], plain[name], strict=True):
            assert torch.equal(images, expected)
    changed, unchanged = (next(iter(loaders["train"]))[0] for loaders in (augmented, plain))
    assert not torch.equal(changed, unchanged)


def test_transforms_of_other_libraries_can_be_joined_without_wrapping() -> None:
    solarize, shuffle = v2.RandomSolarize(128, p=1), albumentations.RandomGridShuffle((2, 2), p=1)
    joined = transforms.compose(transforms.flips, transforms.random_apply(solarize, 0.7), shuffle)
    wrapped = transforms.compose(
        transforms.flips, transforms.random_apply(transforms.per_image(solarize), 0.7), transforms.per_image(shuffle)
    )
    found = joined(photos(12), seeded())
    assert torch.equal(found, wrapped(photos(12), seeded())) and not torch.equal(found, photos(12))
    for wrong in (
        lambda: transforms.compose(transforms.flips, None),
        lambda: transforms.random_apply(albumentations.HorizontalFlip),
    ):
        with pytest.raises(CourseError, match=r"^(None|HorizontalFlip) is not a transform; "):
            wrong()


def test_decimals_of_another_library_do_not_end_in_a_crash() -> None:
    normalize = albumentations.Normalize(mean=[0.5] * 3, std=[0.5] * 3, p=0.5)
    for change in (normalize, albumentations.Compose([normalize, ToTensorV2()])):
        assert transforms.per_image(change)(photos(), seeded()).shape == photos().shape


def test_probability_is_the_share_of_changed_photos() -> None:
    images = photos(400)
    changed = transforms.random_apply(v2.RandomInvert(p=1), 0.25)(images, seeded())
    share = (changed != images).flatten(1).any(dim=1).float().mean()
    assert 0.18 < share < 0.32
