"""The playground: its code lines are what it runs, its pictures repeat, wrong choices are refused."""

import io
import json

import albumentations
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from course_lib import transforms
from course_lib.errors import CourseError
from course_lib.widgets import AugmentationPlayground, playground
from course_lib.widgets.catalogue import AUGMENTATIONS, code_line, describe, meaning, offered, results

pytestmark = pytest.mark.usefixtures("one_thread")

RANDOM = np.random.default_rng(0)
PHOTO, OTHER = RANDOM.integers(0, 256, (2, 1, 48, 48), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (3, 40, 40), dtype=np.uint8)
each_augmentation = pytest.mark.parametrize("name", AUGMENTATIONS)


def changes(view: AugmentationPlayground, **state) -> dict:
    """What the page gets after it has sent ``state``."""
    view.set_state(state)
    return view.shown


@each_augmentation
@pytest.mark.parametrize(("strength", "probability"), [(0.0, 1.0), (0.35, 0.5), (1.0, 1.0)])
def test_the_code_line_gives_the_pixels_that_are_shown(name, strength, probability):
    shown = results(PHOTO, name, strength, probability, other=OTHER, seed=3)
    made = eval(code_line(name, strength, probability), {"transforms": transforms, "A": albumentations, "v2": v2})
    if AUGMENTATIONS[name].mixes:  # a loop over batches calls it with images and labels
        pair = torch.from_numpy(np.stack([PHOTO, OTHER])).float()
        torch.manual_seed(3)
        expected = [made(pair, torch.tensor([0, 1]))[0][0].round().byte() for _ in range(16)]
        assert np.array_equal(shown, torch.stack(expected))
    else:
        sixteen = torch.from_numpy(np.stack([PHOTO] * 16))
        change = transforms.as_batch_transform(made)  # as a loader does with ``augment``
        assert np.array_equal(shown, change(sixteen, torch.Generator().manual_seed(3)))


@each_augmentation
@pytest.mark.parametrize("photo", [PHOTO, PHOTO[0], COLOUR], ids=["1HW", "HW", "3HW"])
def test_every_kind_of_photo_is_changed_and_repeats_by_seed(name, photo):
    given, other = photo.copy(), photo[..., ::-1].copy()
    first, again, later = (results(photo, name, other=other, seed=seed) for seed in (0, 0, 1))
    assert first.shape == (16, len(photo) if photo.ndim == 3 else 1, *photo.shape[-2:])
    assert first.dtype == np.uint8 and np.array_equal(photo, given)
    assert np.array_equal(first, again) and not np.array_equal(first, later)
    assert (first != photo).any()


@pytest.mark.parametrize("name", ["brightness and contrast", "noise", "grid shuffle"])
def test_strength_zero_changes_nothing(name):
    assert (results(PHOTO, name, strength=0.0) == PHOTO).all()


def test_more_strength_changes_more():
    for name in set(AUGMENTATIONS) - {"flips", "flips and quarter turns", "TrivialAugment"}:
        weak, strong = (results(PHOTO, name, strength, other=OTHER) for strength in (0.1, 0.9))
        weak, strong = (np.abs(changed - PHOTO.astype(float)).mean() for changed in (weak, strong))
        assert AUGMENTATIONS[name].mixes or weak < strong, name
        assert meaning(name, 0.1) != meaning(name, 0.9)


def test_the_words_state_the_numbers_of_the_code():
    assert code_line("blur", 0.5) == "A.GaussianBlur(blur_limit=0, sigma_limit=(0.1, 2.1), p=1)"
    assert describe("blur", 0.5, 0.25) == "blur, standard deviation up to 2.1 pixels, probability 25 %"
    assert code_line("MixUp", 0.0, 0.1) == "v2.MixUp(alpha=0.1, num_classes=2)"


def test_the_page_gets_a_new_picture_with_every_choice():
    view = AugmentationPlayground(PHOTO, OTHER)
    seen = [view.shown["picture"]]
    for state in (
        {"name": "noise"}, {"strength": 1.0}, {"probability": 0.3}, {"draw": 1}, {"name": "MixUp"},
    ):  # fmt: skip
        seen.append(changes(view, **state)["picture"])
    assert len(set(seen)) == len(seen)
    again = changes(AugmentationPlayground(PHOTO, OTHER), name="noise", strength=1.0)
    assert again["picture"] == seen[2]


def test_the_picture_holds_the_photo_and_sixteen_results(monkeypatch):
    size, gap = 48, playground.GAP  # as large as the photo, so that nothing is resized
    monkeypatch.setattr(playground, "SIZE", size)
    view = AugmentationPlayground(PHOTO, name="noise")
    picture = np.asarray(Image.open(io.BytesIO(view.shown["picture"])))
    side = 4 * (size + gap)
    assert picture.shape == (side, 2 * side)
    changed = results(PHOTO, "noise")
    for number in range(16):
        top, left = (gap // 2 + place * (size + gap) for place in divmod(number, 4))
        assert np.array_equal(picture[top : top + size, side + left : side + left + size], changed[number, 0])
    assert abs(picture[gap:-gap, gap : side - gap].mean() - PHOTO.mean()) < 2


def test_mixing_shows_both_photos_and_colour_stays_colour():
    view = AugmentationPlayground(COLOUR, 255 - COLOUR, name="CutMix")
    pixels = np.asarray(Image.open(io.BytesIO(view.shown["picture"]))).astype(int)
    gap, half = playground.GAP // 2, len(pixels) // 2
    upper, lower = (part[gap : half - gap, gap : half - gap] for part in (pixels[:half], pixels[half:]))
    assert np.abs(upper + lower - 255).max() <= 2  # each is resized in two rounded steps
    assert (upper[..., 0] != upper[..., 1]).any()


def test_words_for_those_who_do_not_see_the_picture():
    view = AugmentationPlayground(PHOTO, OTHER, name="noise")
    changes(view, strength=0.25, probability=0.0)
    assert view.shown["words"] == (
        "Left the photo, right sixteen results: noise, standard deviation up to 13 grey levels, "
        "probability 0 %. 0 of 16 differ from the photo."
    )
    assert view.shown["has_strength"] and view.shown["has_probability"]
    assert " 0 of 16 differ" not in changes(view, probability=1.0)["words"]
    assert not changes(view, name="TrivialAugment")["has_strength"]
    mixing = changes(view, name="MixUp")
    assert "above the other one" in mixing["words"] and not mixing["has_probability"]
    assert mixing["probability"] == "every batch is mixed"


def test_a_saved_notebook_shows_a_table_that_no_processor_changes():
    bundles = [
        AugmentationPlayground(photo, other, name="noise")._repr_mimebundle_()[0]
        for photo, other in ((PHOTO, OTHER), (COLOUR, COLOUR))
    ]
    assert bundles[0]["text/html"] == bundles[1]["text/html"]
    assert "<img" not in bundles[0]["text/html"]
    for name in AUGMENTATIONS:
        assert f">{name}</th>" in bundles[0]["text/html"]
    assert "<code>v2.MixUp(alpha=0.55, num_classes=2)</code>" in bundles[0]["text/html"]
    assert bundles[0]["text/plain"].startswith("Augmentation playground: noise, standard")


def test_without_a_second_photo_nothing_is_mixed():
    view = AugmentationPlayground(PHOTO)
    assert view.names == offered(None) == [name for name in AUGMENTATIONS if "Mix" not in name]
    assert "MixUp" not in view._repr_mimebundle_()[0]["text/html"]


def test_state_for_the_page_is_small_and_plain():
    view = AugmentationPlayground(PHOTO, OTHER)
    shown = dict(view.get_state()["shown"])
    assert len(shown.pop("picture")) < 1_000_000
    json.dumps(shown)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: AugmentationPlayground(PHOTO, name="nois"),
        lambda: AugmentationPlayground(PHOTO, name="MixUp"),
        lambda: AugmentationPlayground(PHOTO.astype(float)),
        lambda: AugmentationPlayground(PHOTO[:, :40]),
        lambda: AugmentationPlayground(PHOTO[:, :16, :16]),
        lambda: AugmentationPlayground(COLOUR.transpose(1, 2, 0)),
        lambda: AugmentationPlayground("photo.png"),
        lambda: results(PHOTO, "CutMix"),
        lambda: code_line("nois"),
    ],
)
def test_a_wrong_choice_is_refused_in_one_sentence(wrong):
    with pytest.raises(CourseError, match=r"; (choose|give)") as refusal:
        wrong()
    assert str(refusal.value).count(". ") == 0
