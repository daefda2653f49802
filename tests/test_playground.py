"""The playground: its code lines are what it runs, its pictures repeat, wrong choices are refused."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import transforms
from course_lib.datasets import BatchLoader
from course_lib.errors import CourseError
from course_lib.widgets import (
    AUGMENTATIONS,
    AugmentationPlayground,
    code_line,
    describe,
    meaning,
    offered,
    results,
)
from course_lib.widgets import playground_page as playground

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
    import albumentations  # after the package, which keeps it from asking for its newest version

    pair = np.stack([PHOTO, OTHER] * 16)
    train = BatchLoader(pair, [0, 1] * 16, batch_size=2, seed=3, mean=[0], std=[1])
    known = {"transforms": transforms, "A": albumentations, "loaders": {"train": train}}
    made = eval(code_line(name, strength, probability), known)
    if AUGMENTATIONS[name].mixes:
        expected = [(images[0] * 255).round().byte() for images, _ in made]
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
    assert code_line("blur", 0.5) == "transforms.blur(strength=2.0)"
    assert describe("blur", 0.5, 0.25) == ("blur, standard deviation up to 2.0 pixels, probability 25 %")
    assert code_line("MixUp", 0.0, 0.1) == ('transforms.Mixed(loaders["train"], classes=2, way="mixup", strength=0.1)')


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


def test_the_picture_holds_the_photo_and_sixteen_results():
    size, gap = 48, playground.GAP  # as large as the photo, so that nothing is resized
    view = AugmentationPlayground(PHOTO, name="noise", size=size)
    picture = np.asarray(Image.open(io.BytesIO(view.shown["picture"])))
    side = 4 * size + 3 * gap
    assert picture.shape == (side, 2 * side + 2 * gap)
    changed = results(PHOTO, "noise")
    for number in range(16):
        top, left = (place * (size + gap) for place in divmod(number, 4))
        left += side + 2 * gap
        assert np.array_equal(picture[top : top + size, left : left + size], changed[number, 0])
    assert abs(picture[:, :side].mean() - PHOTO.mean()) < 2


def test_mixing_shows_both_photos_and_colour_stays_colour():
    view = AugmentationPlayground(COLOUR, 255 - COLOUR, name="CutMix", size=40)
    picture = Image.open(io.BytesIO(view.shown["picture"]))
    height = (picture.height - playground.GAP) // 2
    pixels = np.asarray(picture)
    side = picture.height
    upper, lower = (part[:, side - height : side] for part in (pixels[:height], pixels[-height:]))
    assert picture.mode == "RGB"
    assert np.abs(upper.astype(int) + lower - 255).max() <= 2  # each is resized in two rounded steps


def test_words_for_those_who_do_not_see_the_picture():
    view = AugmentationPlayground(PHOTO, OTHER, name="noise", strength=0.25, probability=0.0)
    assert view.shown["words"] == (
        "Left the photo, right sixteen results: noise, standard deviation up to 13 grey levels, "
        "probability 0 %. 0 of 16 differ from the photo."
    )
    assert view.shown["has_strength"] and view.shown["has_probability"]
    assert "16 of 16 differ" in changes(view, probability=1.0)["words"]
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
    assert "way=&quot;mixup&quot;" in bundles[0]["text/html"]
    assert bundles[0]["text/plain"].startswith("Augmentation playground: noise, standard")


def test_without_a_second_photo_nothing_is_mixed():
    view = AugmentationPlayground(PHOTO)
    assert view.names == offered(None) == [name for name in AUGMENTATIONS if "Mix" not in name]
    assert "MixUp" not in view._repr_mimebundle_()[0]["text/html"]


@pytest.mark.parametrize("other", [None, OTHER], ids=["one photo", "two photos"])
def test_the_overview_draws_every_augmentation(monkeypatch, other):
    shown = []
    monkeypatch.setattr(playground.plots, "show", lambda *figure: shown.extend(figure))
    playground.overview(PHOTO, other)
    figure, alt = shown
    used = [axis for axis in figure.axes if axis.images]  # the last row may be half empty
    assert len(figure.axes) - len(used) in (0, 5)
    titles = [axis.get_title() for axis in used]
    pictures = [np.asarray(axis.images[0].get_array()) for axis in used]
    assert [title for title in titles if title in AUGMENTATIONS] == offered(other)
    assert ", ".join(offered(other)) in alt
    for start, name in zip(range(0, len(titles), 5), offered(other), strict=True):
        assert titles[start] == "original" and name in titles[start : start + 5]
        assert np.array_equal(pictures[start], PHOTO[0])
        group, mixes = pictures[start + 1 : start + 5], AUGMENTATIONS[name].mixes
        if mixes:
            assert np.array_equal(group[0], OTHER[0])
        expected = results(PHOTO, name, other=other, count=4)[: 4 - mixes, 0]
        assert np.array_equal(group[mixes:], expected)


def test_state_for_the_page_is_small_and_plain():
    view = AugmentationPlayground(PHOTO, OTHER)
    shown = dict(view.get_state()["shown"])
    assert len(shown.pop("picture")) < 1_000_000
    json.dumps(shown)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: AugmentationPlayground(PHOTO, name="nois"),
        lambda: AugmentationPlayground(PHOTO, strength=1.2),
        lambda: AugmentationPlayground(PHOTO, probability=-0.1),
        lambda: AugmentationPlayground(PHOTO, strength=float("nan")),
        lambda: AugmentationPlayground(PHOTO, size=5000),
        lambda: AugmentationPlayground(PHOTO, name="MixUp"),
        lambda: AugmentationPlayground(PHOTO, OTHER[:, :40, :40]),
        lambda: AugmentationPlayground(PHOTO, COLOUR),
        lambda: AugmentationPlayground(PHOTO.astype(float)),
        lambda: AugmentationPlayground(PHOTO[:, :40]),
        lambda: AugmentationPlayground(PHOTO[:, :16, :16]),
        lambda: AugmentationPlayground(COLOUR.transpose(1, 2, 0)),
        lambda: AugmentationPlayground("photo.png"),
        lambda: results(PHOTO, "CutMix"),
        lambda: code_line("nois"),
        lambda: meaning("noise", 2),
        lambda: playground.overview(np.zeros((0, 0), np.uint8)),
    ],
)
def test_a_wrong_choice_is_refused_in_one_sentence(wrong):
    with pytest.raises(CourseError, match=r"; (choose|give)") as refusal:
        wrong()
    assert str(refusal.value).count(". ") == 0


def test_a_wrong_choice_from_python_is_refused_too():
    view = AugmentationPlayground(PHOTO)
    with pytest.raises(CourseError, match="choose a number"):
        view.strength = 3.0
