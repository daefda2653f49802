"""Batch transforms: they keep shape and kind, move pixels and nothing else, and repeat by seed."""

import numpy as np
import torch
from torch import Tensor

from course_lib import transforms


def photos(count: int = 6) -> Tensor:
    return torch.randint(0, 256, (count, 3, 8, 8), generator=torch.Generator().manual_seed(0)).to(
        torch.uint8
    )


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


def test_a_turned_photo_is_one_of_its_eight_views() -> None:
    images = photos(40)
    turned = transforms.flips_and_quarter_turns(images, seeded())
    views = transforms.eight_views(images)

    matches = (views == turned).flatten(2).all(dim=2)
    assert (matches.sum(dim=0) == 1).all()
    assert matches.any(dim=1).all(), "each of the eight orientations should be drawn"


def test_turning_leaves_the_given_photos_alone() -> None:
    images = photos()
    transforms.flips_and_quarter_turns(images, seeded())
    assert torch.equal(images, photos())


def test_the_same_seed_repeats_and_another_does_not() -> None:
    change = transforms.in_turn(
        transforms.flips_and_quarter_turns, transforms.brightness_and_contrast(0.3)
    )
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
