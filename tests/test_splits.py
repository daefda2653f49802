"""Splits: each photo in one, each class in all, the same again tomorrow, and no leak unnoticed."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from course_lib import lesson, paths, splits
from course_lib.errors import CourseError

# From seven photos on, each stratum has at least one in 15 %.
STRATUM_SIZES = st.tuples(*[st.integers(7, 60)] * 4)
SEEDS = st.integers(0, 10_000)
quick = settings(max_examples=50, deadline=None)


def table_of(sizes: tuple[int, ...]) -> pd.DataFrame:
    """An index with two labels × two cell types, of these sizes."""
    strata = [(label, kind) for label in ("good", "bad") for kind in ("mono", "poly")]
    rows = [
        (f"{label}/{kind}{number}.png", label, kind)
        for (label, kind), size in zip(strata, sizes, strict=True)
        for number in range(size)
    ]
    return pd.DataFrame(rows, columns=["path", "label", "cell_type"])


@quick
@given(STRATUM_SIZES, SEEDS)
def test_a_random_split_keeps_every_photo_once(sizes: tuple, seed: int) -> None:
    index = table_of(sizes)
    result = splits.random_split(index, seed)

    pd.testing.assert_frame_equal(result.drop(columns="split"), index)
    assert set(result["split"]) == set(splits.SPLITS)


@quick
@given(STRATUM_SIZES, SEEDS, st.floats(0.15, 0.3), st.floats(0.15, 0.4))
def test_a_random_split_has_its_share_of_each_stratum_within_one_photo(
    sizes: tuple, seed: int, validation: float, test: float
) -> None:
    result = splits.random_split(table_of(sizes), seed, validation, test)
    counts = pd.crosstab([result["label"], result["cell_type"]], result["split"])
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}

    for split, share in shares.items():
        assert ((counts[split] - share * counts.sum(axis=1)).abs() <= 1).all()


@quick
@given(STRATUM_SIZES, SEEDS)
def test_the_order_of_the_rows_does_not_change_a_random_split(sizes: tuple, seed: int) -> None:
    index = table_of(sizes)
    plain = splits.random_split(index, seed).set_index("path")["split"]
    shuffled = splits.random_split(index.sample(frac=1, random_state=seed), seed)

    assert shuffled.set_index("path")["split"].sort_index().equals(plain.sort_index())


def test_another_seed_gives_another_random_split() -> None:
    index = table_of((20, 20, 20, 20))
    assert not splits.random_split(index, 0).equals(splits.random_split(index, 1))


def test_joined_tables_with_the_same_row_names_can_be_split() -> None:
    first = table_of((10, 10, 10, 10))
    second = first.assign(path="more/" + first["path"])
    assert splits.random_split(pd.concat([first, second]))["split"].notna().sum() == 80


def lot_table(sizes: list[int]) -> pd.DataFrame:
    rows = [
        (f"{lot:02}/{number}.png", "bad" if number % 3 == 0 else "good", f"lot {lot}")
        for lot, size in enumerate(sizes)
        for number in range(size)
    ]
    return pd.DataFrame(rows, columns=["path", "label", "lot"])


@quick
@given(st.lists(st.integers(8, 20), min_size=8, max_size=20), SEEDS)
def test_a_lot_split_keeps_every_photo_once_and_no_lot_is_in_two_splits(sizes: list[int], seed: int) -> None:
    index = lot_table(sizes)
    result = splits.lot_split(index, seed)

    pd.testing.assert_frame_equal(result[index.columns], index)
    assert set(result["split"]) == set(splits.SPLITS)
    assert (result.groupby("lot")["split"].nunique() == 1).all()


@pytest.mark.slow
@quick
@given(st.lists(st.integers(8, 20), min_size=8, max_size=20), SEEDS)
def test_the_order_of_the_rows_does_not_change_a_lot_split(sizes: list[int], seed: int) -> None:
    index = lot_table(sizes)
    plain = splits.lot_split(index, seed).set_index("path")["split"]
    shuffled = splits.lot_split(index.sample(frac=1, random_state=seed), seed)

    assert shuffled.set_index("path")["split"].sort_index().equals(plain.sort_index())


def test_lots_are_blocks_of_neighbours_of_one_cell_type() -> None:
    index = table_of((3, 2, 0, 0)).assign(position=[4, 0, 2, 1, 3])
    assert splits.lots(index, size=2).tolist() == ["mono-01", "mono-00", "mono-00", "poly-00", "poly-00"]


def test_folds_share_no_lot_and_cover_all_photos() -> None:
    index = lot_table([10] * 12)
    folds = splits.lot_folds(index, folds=4)

    assert sorted(folds.unique()) == [0, 1, 2, 3]
    assert (folds.groupby(index["lot"]).nunique() == 1).all()


# what cannot be split


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.2, 0), (-0.1, 0.5), (0, 1), (float("nan"), 0.2)])
def test_impossible_shares_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(CourseError, match="leave nothing for training"):
        splits.random_split(table_of((9, 9, 9, 9)), 0, *shares)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_class_too_small_for_every_split_is_named(count: int) -> None:
    with pytest.raises(CourseError, match="'bad' has no photo in the"):
        splits.random_split(table_of((40, 0, count, 0)))


def test_a_split_that_nobody_is_in_is_not_forgotten() -> None:
    with pytest.raises(CourseError, match="no photo in the validation split"):
        splits.random_split(table_of((3, 0, 3, 0)))


def test_a_split_without_validation_can_be_asked_for() -> None:
    result = splits.random_split(table_of((8, 0, 8, 0)), validation=0)
    assert result["split"].value_counts().to_dict() == {"train": 12, "test": 4}


def test_two_lots_are_too_few() -> None:
    with pytest.raises(CourseError, match="only 2 lots"):
        splits.lot_split(lot_table([10, 10]))


def test_lots_that_leave_a_split_empty_are_refused() -> None:
    with pytest.raises(CourseError, match="no photo in the"):
        splits.lot_split(lot_table([90, 3, 3]))


def test_photos_without_lot_and_position_are_refused() -> None:
    with pytest.raises(CourseError, match="lots are unknown"):
        splits.lots(table_of((2, 2, 2, 2)))


def test_a_new_photo_that_the_table_does_not_know_is_named() -> None:
    index = table_of((2, 2, 2, 2)).assign(position=[0, 1, 2, None, 4, 5, 6, 7])
    with pytest.raises(CourseError, match=r"good/poly1\.png has no position"):
        splits.lots(index)


def test_a_lot_of_no_photos_is_refused() -> None:
    with pytest.raises(CourseError, match="A lot cannot hold 0 photos"):
        splits.lots(table_of((2, 2, 2, 2)).assign(position=range(8)), size=0)


# photos of one part


@quick
@given(STRATUM_SIZES, SEEDS, st.integers(2, 4))
def test_photos_of_one_part_are_in_one_split_in_every_order_of_the_rows(sizes: tuple, seed: int, views: int) -> None:
    index = table_of(tuple(views * size for size in sizes))
    index["part"] = (index.index // views).astype(str)  # each part was photographed from several sides
    result = splits.random_split(index, seed)
    again = splits.random_split(index.sample(frac=1, random_state=seed), seed)

    assert (result.groupby("part")["split"].nunique() == 1).all()
    assert again["split"].sort_index().equals(result["split"])


def test_few_photos_change_their_split_because_of_one_pair() -> None:
    index = table_of((40, 40, 40, 40))
    pair = index.assign(part=index["path"].replace("good/mono7.png", "good/mono8.png"))
    before, after = (splits.random_split(table)["split"] for table in (index, pair))
    assert after[7] == after[8] and (before != after).sum() <= 3


def test_a_photo_of_an_unknown_part_stands_alone() -> None:
    index = table_of((20, 20, 20, 20))
    assert splits.random_split(index.assign(part=None))["split"].equals(splits.random_split(index)["split"])


def test_lots_that_share_a_part_are_one_also_through_a_third() -> None:
    index = lot_table([3, 3, 3, 3]).assign(part=[*"abc", "a", *"de", *"fg", "e", *"hij"])
    assert splits.lots(index).unique().tolist() == ["lot 0+lot 1+lot 2", "lot 3"]
    merged = index.assign(lot=splits.lots(index))
    assert splits.lots(merged).equals(merged["lot"])


def test_neither_a_split_by_lot_nor_its_folds_separate_a_part() -> None:
    index = lot_table([10] * 12)
    index["part"] = index["path"].where(index.index % 60 != 5, "one part")
    for numbers in (splits.lot_split(index)["split"], splits.lot_folds(index)):
        assert (numbers.groupby(index["part"]).nunique() == 1).all()


# the check for leaks


def leaks(index: pd.DataFrame) -> dict:
    return splits.check_for_leaks(index).set_index("check")["leaks"].to_dict()


def test_a_clean_split_has_no_leak(index: pd.DataFrame) -> None:
    found = splits.check_for_leaks(splits.random_split(index))
    assert found["check"].tolist() == ["same path", "same bytes", "near duplicate"]
    assert set(found["leaks"]) == {0} and set(found["example"]) == {""}


def test_a_copied_photo_under_another_name_is_a_leak(index: pd.DataFrame, photos: Path) -> None:
    split = splits.random_split(index)
    train, test = (split["path"][split["split"] == name].iloc[0] for name in ("train", "test"))
    shutil.copy(photos / train, photos / test)

    found = splits.check_for_leaks(split).set_index("check")
    assert found["leaks"].tolist() == [0, 1, 1]
    assert found["example"]["same bytes"] in (train, test)


def test_a_photo_saved_again_brighter_is_a_leak(index: pd.DataFrame, photos: Path) -> None:
    split = splits.random_split(index)
    train, test = (split["path"][split["split"] == name].iloc[0] for name in ("train", "test"))
    brighter = Image.open(photos / train).point(lambda value: min(255, value * 1.1 + 3))
    brighter.save(photos / test)

    assert leaks(split) == {"same path": 0, "same bytes": 0, "near duplicate": 1}


def test_a_row_that_stands_twice_is_a_leak(index: pd.DataFrame) -> None:
    split = splits.random_split(index)
    twice = pd.concat([split, split.assign(split="test")])
    twice.attrs = split.attrs
    assert leaks(twice)["same path"] == (split["split"] != "test").sum()


def test_a_lot_or_a_part_in_two_splits_is_a_leak(index: pd.DataFrame) -> None:
    split = splits.random_split(index).assign(lot="one", part="one")
    assert leaks(split) == {"same path": 0, "same bytes": 0, "near duplicate": 0, "same part": 1, "same lot": 1}


def test_a_check_over_a_missing_photo_is_one_sentence(index: pd.DataFrame, photos: Path) -> None:
    (photos / "defective" / "0.png").unlink()
    with pytest.raises(CourseError, match=r"defective/0\.png of the index cannot be found"):
        splits.check_for_leaks(splits.random_split(index))


# keeping a split


def test_a_saved_split_is_loaded_as_it_was(index: pd.DataFrame, photos: Path, tmp_path: Path) -> None:
    split = splits.random_split(index)
    splits.save_split(split, tmp_path / "split.csv")
    loaded = splits.load_split(tmp_path / "split.csv", photos)

    pd.testing.assert_frame_equal(loaded, split, check_dtype=False)
    assert loaded.attrs["folder"] == str(photos)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "There is no table"),
        (b"", "cannot be read"),
        (b"\x89PNG\xff", "cannot be read"),
        (b"path,label\na,b\n", "needs the columns"),
        (b"path,label,split\na,b,tset\n", "needs the columns"),
        (b"path,label,split\ngone.png,b,test\n", r"the first is gone\.png.*delete the table"),
    ],
)
def test_an_unusable_split_table_is_named(tmp_path: Path, photos: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "split.csv").write_bytes(content)
    with pytest.raises(CourseError, match=sentence):
        splits.load_split(tmp_path / "split.csv", photos)


@pytest.mark.parametrize(("way", "defective"), [("leave out", (19, 10)), ("defective", (20, 11))])
def test_a_split_obeys_the_decision_and_refuses_one_of_another_decision(
    index: pd.DataFrame, photos: Path, work: Path, way: str, defective: tuple[int, int]
) -> None:
    bad = index["label"] == "defective"
    doubtful = bad.idxmin()  # the first functional one
    index.assign(defect_probability=bad.astype(float).mask(bad.index == doubtful, 1 / 3)).to_csv(
        photos / "index.csv", index=False
    )
    lesson.split_index(photos)
    lesson.save_decision(photos, doubtful_photos=way)
    with pytest.raises(CourseError, match="run lesson 5 again"):
        lesson.split_index(photos)
    (paths.kept_folder(photos) / "split_random.csv").unlink()
    for _ in ("made", "loaded"):
        split = lesson.split_index(photos)
        assert (len(split), (split["label"] == "defective").sum()) == defective
