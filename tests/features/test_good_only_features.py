"""Good photos alone: distances on made numbers whose answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_lib.features import cross_fitted, distance, fit, fit_places, limit_of, place_distance

TINY: object = SimpleNamespace(widths=[1, 1, 1, 2], stages=[None] * 4)  # stages 1 and 2 describe: two features each


def numbers(count: int, seed: int = 0) -> np.ndarray:
    """Features of good photos: normal, the second of each pair half a copy of the first; the last two are not used."""
    drawn = np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32)
    drawn[:, [1, 3]] = 0.5 * drawn[:, [0, 2]] + np.sqrt(0.75) * drawn[:, [1, 3]]
    return drawn * [1, 10, 1, 1, 1, 1] + 5


def test_the_distances_of_the_stages_in_spreads_of_good_photos_are_added() -> None:
    facts = fit(numbers(20_000).astype(np.float32), TINY)
    middle, away = np.full(6, 5.0), np.full(6, 5.0)
    away[:4] = [5 + 1, 5 + 10 * 0.5, 5, 5 + 2]
    found = distance(torch.tensor(np.stack([middle, away]), dtype=torch.float32), facts)
    # (1, 0.5) lies where the second follows the first, so it is 1 away; (0, 2) is 2 / sqrt(0.75) away.
    assert found.tolist() == pytest.approx([0, 1 + 2 / 0.75**0.5], abs=0.1)


def test_what_the_last_stage_sees_does_not_count_and_a_feature_that_never_changes_is_no_fault() -> None:
    good = numbers(50).astype(np.float32)
    good[:, 0] = 3
    other = good.copy()
    other[:, 4:] += 100
    facts = fit(good, TINY)
    assert torch.equal(distance(torch.from_numpy(other), facts), distance(torch.from_numpy(good), facts))


def test_a_photo_is_judged_by_others_and_never_by_its_lot() -> None:
    good, all_good = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32), np.full(40, True)
    good[:4] += 8  # a lot of its own, in which the photos are alike
    alone = cross_fitted(good, all_good, np.arange(40), TINY)
    together = cross_fitted(good, all_good, np.repeat(np.arange(10), 4), TINY)
    assert together[:4].min() > 2 * alone[:4].max(), "photos of the lot vouched for each other"
    assert cross_fitted(good, all_good, np.zeros(40), TINY).tolist() == alone.tolist(), "one lot cannot be parted"


def test_a_defective_photo_is_judged_without_its_lot_too_and_is_never_fitted() -> None:
    photos = np.random.default_rng(0).normal(size=(41, 6)).astype(np.float32)
    photos[:4] += 8
    photos[40] = photos[0]  # defective, but it looks like the good ones of its lot
    is_good, lots = np.arange(41) < 40, np.append(np.repeat(np.arange(10), 4), 0)
    found = cross_fitted(photos, is_good, lots, TINY)
    assert found[40] == pytest.approx(float(found[0])), "good and defective photos of a lot are judged alike"
    photos[40] += 1000
    assert cross_fitted(photos, is_good, lots, TINY)[:40].tolist() == found[:40].tolist()
    lots[40] = 99  # of a lot that has no good photo
    assert cross_fitted(photos, is_good, lots, TINY)[40] > found.max()


def test_the_limit_leaves_the_wanted_share_of_good_photos_beyond_and_a_few_defects_do_not_move_the_scale() -> None:
    distances = torch.from_numpy(np.random.default_rng(0).normal(size=1000)).exp()
    limit, spread = limit_of(distances, overkill=0.05)["limit"].tolist()
    assert (distances.log() > limit).float().mean() == pytest.approx(0.05, abs=0.001) and spread == pytest.approx(
        1, abs=0.1
    )
    distances[:50] *= 1000  # one in twenty is no good part
    assert limit_of(distances, overkill=0.05)["limit"][1] == pytest.approx(1, abs=0.15)
    assert limit_of(torch.ones(20), 0.05)["limit"].tolist() == pytest.approx([0, 1e-3]), "photos that are all alike"


def test_a_place_that_differs_stands_out_where_it_is() -> None:
    maps = np.random.default_rng(0).normal(size=(80, 3, 4, 4)).astype(np.float16)
    facts = fit_places(maps)
    odd = np.zeros((1, 3, 4, 4), np.float32)
    odd[0, :, 1, 2] = 6
    found = place_distance(torch.from_numpy(odd), facts)[0]
    assert found.argmax() == 1 * 4 + 2 and found.max() > 2 * facts["place_limit"]
    assert found[1, 2] == pytest.approx(6 * 3**0.5, rel=0.25), "each channel is 6 spreads away"
    beyond = place_distance(torch.from_numpy(maps).float(), facts) > facts["place_limit"]
    assert beyond.float().mean() < 0.02
