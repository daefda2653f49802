"""The size of the photos is chosen by photos that the probe has not seen, and a larger one has to bring something."""

import numpy as np
import pandas as pd
import pytest

from course_lib import features
from course_lib.commands.candidates import try_sizes

CLASSES = ["functional", "defective"]


def photos(count: int = 120) -> pd.DataFrame:
    """An index whose photos alternate between the classes; every sixth is for the test."""
    labels = [CLASSES[row % 2] for row in range(count)]
    split = ["test" if row % 6 > 4 else "train" for row in range(count)]
    return pd.DataFrame({"path": [f"{row}.png" for row in range(count)], "label": labels, "split": split})


def see(monkeypatch: pytest.MonkeyPatch, visible: dict[int, float]) -> list[int]:
    """How well a defect can be seen at each size, in place of a network; the list grows with each look."""
    looks: list[int] = []

    def extract(index: pd.DataFrame, _: object, *, size: int, progress: bool) -> np.ndarray:
        looks.append(len(index))
        assert "test" not in set(index["split"]), "the test photos stay closed"
        noise = np.random.default_rng(0).normal(size=(len(index), 30)).astype(np.float32)
        return noise + visible[size] * (index["label"] == "defective").to_numpy()[:, None] * np.eye(30)[0]

    monkeypatch.setattr(features, "extract", extract)
    return looks


def chosen(index: pd.DataFrame, sizes: list[int]) -> pd.Series:
    table = try_sizes(index, CLASSES, None, sizes, seed=0, progress=False)
    assert table["chosen"].sum() == 1
    return table[table["chosen"]].iloc[0]


def test_the_size_at_which_the_defect_is_seen_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    see(monkeypatch, {224: 0.0, 320: 1.0, 448: 4.0, 640: 2.0})
    best = chosen(photos(), [224, 320, 448, 640])
    assert best["size"] == 448 and best["accuracy"] > 0.9


def test_a_larger_size_that_brings_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    see(monkeypatch, {224: 3.0, 320: 3.0})
    assert chosen(photos(), [224, 320])["size"] == 224


def test_of_many_photos_some_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = see(monkeypatch, {224: 3.0, 320: 3.0})
    chosen(photos(1200), [224, 320])
    assert looks == [500, 500]


def test_photos_of_one_lot_judge_together(monkeypatch: pytest.MonkeyPatch) -> None:
    index = photos(60)
    # Each lot has one class and a look of its own, by which a probe that has seen the lot knows the class.
    index["lot"] = [f"lot {row % 2}-{row % 5}" for row in range(60)]
    looks = {lot: np.eye(10)[number] for number, lot in enumerate(sorted(index["lot"].unique()))}
    monkeypatch.setattr(features, "extract", lambda given, *_, **__: np.stack([looks[lot] for lot in given["lot"]]))
    assert chosen(index, [224])["accuracy"] < 0.7
    looks |= {str(row): looks[lot] for row, lot in enumerate(index["lot"])}
    assert chosen(index.assign(lot=[str(row) for row in range(60)]), [224])["accuracy"] == 1.0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("lots", [1, 2])
def test_where_no_fold_can_learn_both_classes_the_smallest_size_is_taken(
    monkeypatch: pytest.MonkeyPatch, lots: int
) -> None:
    see(monkeypatch, {224: 0.0, 320: 0.0})
    index = photos(12)
    index["lot"] = index["label"] if lots == 2 else "all"
    best = chosen(index, [224, 320])
    assert best["size"] == 224 and np.isnan(best["loss"])
