"""A series that was photographed twice is found, in whatever order; what is only alike is not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course_lib import checks, data, splits

SERIES = 20


def made(count: int = 300) -> np.ndarray:
    return np.random.default_rng(0).integers(40, 200, (count, 64, 64)).astype(np.uint8)


def twice(count: int = 300, distance: int = 150) -> np.ndarray:
    """Photos of which twenty were taken a second time, a little darker."""
    photos = made(count)
    photos[30 + distance : 30 + distance + SERIES] = photos[30 : 30 + SERIES] * 0.8
    return photos


def test_a_series_that_was_photographed_twice_is_found() -> None:
    pairs = checks.photographed_twice(twice(), np.arange(300))
    assert pairs.tolist() == [[place, place + 150] for place in range(30, 30 + SERIES)]


def test_the_places_count_and_not_the_rows() -> None:
    order = np.random.default_rng(1).permutation(300)
    pairs = checks.photographed_twice(twice()[order], order)
    assert sorted(map(sorted, order[pairs].tolist())) == [[place, place + 150] for place in range(30, 30 + SERIES)]


def test_photos_left_out_hide_no_pair_of_the_others() -> None:
    kept = np.delete(np.arange(300), [5, 33, 34, 120, 195])
    assert len(checks.photographed_twice(twice()[kept], kept)) == SERIES - 3


@pytest.mark.parametrize("photos", [made(), made(3), twice(distance=50), np.tile(made(1), (300, 1, 1))])
def test_no_series_is_invented(photos: np.ndarray) -> None:
    """Strangers, few photos, neighbours, and a folder in which every photo is like every other."""
    assert checks.photographed_twice(photos, np.arange(len(photos))).shape == (0, 2)


@pytest.mark.slow
def test_fifty_solar_cells_were_photographed_twice() -> None:
    index = checks.find_parts(data.index_folder(data.solar_cells()))
    twins = index.groupby("part")["position"].agg(["size", np.ptp]).query("size > 1")
    assert len(twins) == 50 and set(twins["size"]) == {2} and set(twins["ptp"]) == {542}
    sizes = splits.lots(index).value_counts()
    assert len(sizes) == 42 and sizes.iloc[0] == 180
    for table in (splits.random_split(index), splits.lot_split(index)):
        assert (table.groupby("part")["split"].nunique() == 1).all()


def test_own_photos_have_parts_of_their_own_unless_the_table_knows_better(index: pd.DataFrame, photos: Path) -> None:
    assert checks.find_parts(index)["part"].tolist() == index["path"].tolist()
    known = pd.DataFrame({"path": index["path"], "part": ["7", "7", *map(str, range(10, 28))]})
    known.to_csv(photos / "index.csv", index=False)
    assert checks.find_parts(data.index_folder(photos))["part"].value_counts().iloc[0] == 2


def test_a_photo_without_a_place_has_no_twin(index: pd.DataFrame) -> None:
    found = checks.find_parts(index.assign(position=[np.nan, *range(19)]))
    assert found["part"].tolist() == index["path"].tolist()
