"""Photos unlike those of the training: the distance is right, and travels with the inspector."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_inspector import noise, scratch_inspector

from course_lib.inference import Inspector
from course_lib.inference.familiar import Familiar

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_limit_holds_for_99_of_100_photos_that_were_held_back() -> None:
    generator = np.random.default_rng(0)
    draw = lambda count: generator.normal(size=(count, 8)).astype(np.float32)  # noqa: E731
    familiar = Familiar.of(draw(500), draw(500))
    assert (familiar.unlike(torch.from_numpy(draw(2000))) > 1).float().mean() == pytest.approx(0.01, abs=0.01)
    assert (familiar.unlike(torch.from_numpy(draw(200) + 4)) > 1).all(), "a photo of another kind lies beyond"


def test_the_nearest_photo_counts_in_spreads_of_each_feature() -> None:
    known = np.array([[0, 0], [0, 20], [2, 0], [2, 20]], np.float32)  # spreads 1 and 10
    familiar = Familiar.of(known, known[:0])
    away = familiar.distances(torch.tensor([[5.0, 0.0], [0.0, 50.0]])).amin(dim=1)
    assert away.tolist() == pytest.approx([3, 3]) and familiar.limit == pytest.approx(2)


def test_features_that_never_change_and_photos_that_are_all_equal_are_no_fault() -> None:
    familiar = Familiar.of(np.ones((3, 4), np.float32), np.ones((2, 4), np.float32))
    assert familiar.unlike(torch.ones(1, 4)) == 0 and familiar.unlike(torch.zeros(1, 4)) > 1


def test_what_it_knows_travels_with_the_inspector(tmp_path: Path) -> None:
    inspector = scratch_inspector(views=4)
    knowing = inspector.familiar_with(noise()[:3], noise()[3:])
    photos = np.concatenate([noise(), noise() // 4])
    expected = knowing._computed(photos, 32)[2]
    loaded = Inspector.load(knowing.save(tmp_path / "inspector"))
    np.testing.assert_array_equal(loaded._computed(photos, 32)[2], expected)
    assert expected[:3] == pytest.approx(0, abs=0.02) and expected[3:5].max() <= 1
