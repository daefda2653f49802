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
    turned = transforms._in_large_steps(images, range(8), choice)
    assert torch.equal(turned, transforms._drawn(images, range(8), seeded()))


@pytest.mark.parametrize(
    ("change", "all_views"),
    [
        (transforms.flips_and_quarter_turns, transforms.eight_views),
        (transforms.flips, transforms.four_views),
    ],
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
    change = transforms.in_turn(transforms.flips_and_quarter_turns, transforms.brightness_and_contrast(0.3))
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


def test_in_turn_applies_the_transforms_in_their_order() -> None:
    def double(images: Tensor, _: torch.Generator) -> Tensor:
        return images * 2

    def add_one(images: Tensor, _: torch.Generator) -> Tensor:
        return images + 1

    assert transforms.in_turn(double, add_one)(torch.tensor(3), seeded()) == 7
    assert transforms.in_turn(add_one, double)(torch.tensor(3), seeded()) == 8


# every augmentation

AUGMENTATIONS = {
    "flips and quarter turns": transforms.flips_and_quarter_turns,
    "flips": transforms.flips,
    "brightness and contrast": transforms.brightness_and_contrast(0.3),
    "noise": transforms.noise(0.1),
    "blur": transforms.blur(2.0),
    "random resized crop": transforms.random_resized_crop(0.5),
    "grid shuffle": transforms.grid_shuffle(2),
    "cut-out": transforms.cut_out(0.5),
    "TrivialAugment": transforms.trivial_augment(),
    "sometimes": transforms.sometimes(transforms.noise(0.1), 0.9),
    "Albumentations": transforms.one_by_one(albumentations.Compose([albumentations.RandomGridShuffle((2, 2), p=1)])),
    "ToTensorV2": transforms.one_by_one(
        albumentations.Compose([albumentations.RandomGridShuffle((2, 2), p=1), ToTensorV2()])
    ),
    "torchvision": transforms.one_by_one(v2.RandomSolarize(128, p=0.5)),
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
    joined = transforms.in_turn(transforms.flips, transforms.sometimes(solarize, 0.7), shuffle)
    wrapped = transforms.in_turn(
        transforms.flips,
        transforms.sometimes(transforms.one_by_one(solarize), 0.7),
        transforms.one_by_one(shuffle),
    )
    found = joined(photos(12), seeded())
    assert torch.equal(found, wrapped(photos(12), seeded())) and not torch.equal(found, photos(12))
    for wrong in (
        lambda: transforms.in_turn(transforms.flips, None),
        lambda: transforms.sometimes(albumentations.HorizontalFlip),
    ):
        with pytest.raises(CourseError, match=r"^(None|HorizontalFlip) is no transform; "):
            wrong()


def test_decimals_of_another_library_do_not_end_in_a_crash() -> None:
    normalize = albumentations.Normalize(mean=[0.5] * 3, std=[0.5] * 3, p=0.5)
    for change in (normalize, albumentations.Compose([normalize, ToTensorV2()])):
        assert transforms.one_by_one(change)(photos(), seeded()).shape == photos().shape


def test_a_grid_shuffle_moves_whole_tiles_and_leaves_the_rest() -> None:
    images = torch.arange(2 * 49, dtype=torch.uint8).view(2, 1, 7, 7)
    mixed = transforms.grid_shuffle(3)(images, seeded())

    def tiles(photo: Tensor) -> set:
        cut = photo[0, :6, :6].unfold(0, 2, 2).unfold(1, 2, 2).reshape(9, 4)
        return {tuple(tile.tolist()) for tile in cut}

    assert [tiles(photo) for photo in mixed] == [tiles(photo) for photo in images]
    assert torch.equal(mixed[:, :, 6], images[:, :, 6]), "the strip at the bottom stays"


def test_cut_out_hides_no_more_than_its_share() -> None:
    white = torch.full((50, 1, 20, 20), 255, dtype=torch.uint8)
    hidden = (transforms.cut_out(0.5)(white, seeded()) == 128).float().mean(dim=(1, 2, 3))
    assert hidden.min() > 0 and hidden.max() <= 0.31


def test_probability_is_the_share_of_changed_photos() -> None:
    images = photos(400)
    changed = transforms.sometimes(transforms.noise(0.5), 0.25)(images, seeded())
    share = (changed != images).flatten(1).any(dim=1).float().mean()
    assert 0.18 < share < 0.32


# mixing two photos


def mixed_loader(way: str, epoch: int = 0) -> transforms.Mixed:
    images = torch.stack([torch.full((1, 8, 8), value) for value in (0, 255)] * 4).byte().numpy()
    loader = datasets.BatchLoader(images, [0, 1] * 4, batch_size=8, shuffle=True, mean=[0], std=[1])
    mixed = transforms.Mixed(loader, classes=2, way=way, strength=1.0)
    mixed.epoch = epoch
    return mixed


@pytest.mark.parametrize("way", ["mixup", "cutmix"])
def test_the_label_says_how_much_of_each_class_is_in_the_photo(way: str) -> None:
    images, probabilities = next(iter(mixed_loader(way, epoch=1)))
    # Class 1 is white, class 0 black, so the mean of a photo is its share of class 1.
    torch.testing.assert_close(probabilities[:, 1], images.mean(dim=(1, 2, 3)))
    assert ((probabilities > 0.01) & (probabilities < 0.99)).any(), "nothing was mixed"


def test_mixing_repeats_and_differs_between_epochs() -> None:
    first, again, later = (next(iter(mixed_loader("mixup", epoch)))[1] for epoch in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, later)


def test_mixing_differs_between_epochs_where_the_loader_itself_stays_alike() -> None:
    def mixed(epoch: int) -> transforms.Mixed:
        loader = datasets.BatchLoader(photos().numpy(), [0, 1] * 3, mean=[0] * 3, std=[1] * 3)
        result = transforms.Mixed(loader, classes=2)
        result.epoch = epoch
        return result

    whole, resumed = mixed(0), mixed(2)
    epochs = [next(iter(whole))[1] for _ in range(3)]
    assert whole.epoch == 3 and not torch.equal(epochs[0], epochs[1])
    assert torch.equal(next(iter(resumed))[1], epochs[2]), "a resumed training sees the same"


def test_an_unknown_way_to_mix_is_one_sentence() -> None:
    with pytest.raises(CourseError, match="choose mixup or cutmix"):
        mixed_loader("blend")
