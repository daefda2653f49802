"""Features are computed once for each photo, in the order of the index, and never stale."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from course_lib import data, features
from course_lib.errors import CourseError
from course_lib.models import Backbone, load_backbone
from course_lib.transforms import to_float

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def backbone() -> Backbone:
    return load_backbone()


@pytest.fixture
def computed(backbone: Backbone) -> list[int]:
    """How many photos each pass through the backbone had; the black one of the count is left out."""
    counts: list[int] = []

    def note(_module, inputs: tuple) -> None:
        if inputs[0].any():
            counts.append(len(inputs[0]))

    backbone.stages[0].register_forward_pre_hook(note)
    return counts


def extract(index: pd.DataFrame, backbone: Backbone, **settings) -> np.ndarray:
    return features.extract(index, backbone, **{"size": 64, "progress": False} | settings)


def test_features_are_those_of_the_backbone(
    index: pd.DataFrame, backbone: Backbone, work: Path
) -> None:
    found = extract(index, backbone)

    pixels = np.stack([data.read_pixels(data.photo_path(index, row), 64, 3) for row in range(20)])
    images = to_float(torch.from_numpy(pixels), backbone.mean, backbone.std)
    with torch.no_grad():
        expected = backbone.cpu().stage_features(images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(extract(index, backbone, stages="last"), found[:, -1280:])


def test_the_second_time_nothing_is_computed(
    index: pd.DataFrame, backbone: Backbone, work: Path, computed: list[int]
) -> None:
    first = extract(index, backbone, batch_size=8)
    assert computed == [8, 8, 4]
    np.testing.assert_array_equal(extract(index, backbone), first)
    assert computed == [8, 8, 4]


def test_a_changed_photo_is_computed_alone(
    index: pd.DataFrame, backbone: Backbone, work: Path, photos: Path, computed: list[int]
) -> None:
    first = extract(index, backbone)
    Image.new("L", (40, 40), 200).save(photos / index["path"].iloc[3])
    computed.clear()
    second = extract(index, backbone)

    assert computed == [1]
    changed = np.flatnonzero((first != second).any(axis=1))
    assert changed.tolist() == [3]


def test_the_order_follows_the_index(index: pd.DataFrame, backbone: Backbone, work: Path) -> None:
    first = extract(index, backbone)
    turned = index.iloc[::-1]
    turned.attrs = index.attrs
    np.testing.assert_array_equal(extract(turned, backbone), first[::-1])


@pytest.mark.parametrize("damage", ["empty", "text", "half", "other width"])
def test_a_damaged_cache_is_built_again(
    index: pd.DataFrame, backbone: Backbone, work: Path, damage: str
) -> None:
    first = extract(index, backbone)
    (cache,) = (work / "features").iterdir()
    if damage == "other width":
        with np.load(cache) as kept:
            hashes = kept["hashes"]
        np.savez(cache, hashes=hashes, features=np.zeros((20, 7), np.float32))
    else:
        content = cache.read_bytes()
        damaged = {"empty": b"", "text": b"text", "half": content[: len(content) // 2]}
        cache.write_bytes(damaged[damage])

    np.testing.assert_allclose(extract(index, backbone), first, rtol=1e-4, atol=1e-5)


def test_a_trained_backbone_does_not_get_the_features_of_the_untrained(
    index: pd.DataFrame, backbone: Backbone, work: Path
) -> None:
    first = extract(index, backbone, stages="last")
    with torch.no_grad():
        backbone.stages[-1][1].bias += 1
    assert not np.allclose(extract(index, backbone, stages="last"), first)


@pytest.mark.filterwarnings("ignore:std")
def test_photos_too_small_for_the_backbone_are_refused(
    index: pd.DataFrame, backbone: Backbone, work: Path
) -> None:
    with pytest.raises(CourseError, match="32 × 32 pixels are too small"):
        extract(index, backbone, size=32)
    assert not list(work.rglob("*.npz"))


def test_an_unreadable_photo_is_named(
    index: pd.DataFrame, backbone: Backbone, work: Path, photos: Path
) -> None:
    (photos / "functional" / "9.png").write_bytes(b"text")
    with pytest.raises(CourseError, match=r"functional/9\.png is not an image"):
        extract(index, backbone)


def test_a_removed_photo_is_named(
    index: pd.DataFrame, backbone: Backbone, work: Path, photos: Path
) -> None:
    (photos / "functional" / "9.png").unlink()
    with pytest.raises(CourseError, match=r"functional/9\.png of the index cannot be read"):
        extract(index, backbone)


def test_unknown_stages_and_no_photos_are_refused(
    index: pd.DataFrame, backbone: Backbone, work: Path
) -> None:
    with pytest.raises(CourseError, match="stages 'first' are unknown"):
        extract(index, backbone, stages="first")
    with pytest.raises(CourseError, match="no photos"):
        extract(index.iloc[:0], backbone)


def test_the_probe_separates_bright_spots(
    index: pd.DataFrame, backbone: Backbone, work: Path
) -> None:
    labels = data.label_numbers(index)
    found = extract(index, backbone)
    probe = features.linear_probe().fit(found[::2], labels[::2])
    assert probe.score(found[1::2], labels[1::2]) == 1.0
