"""What can be used of a folder, which class is the defect, and a split that nothing leaks through."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_lib import data
from course_lib.commands import prepare as preparation
from course_lib.commands.prepare import Prepared, TrainingOptions, prepare
from course_lib.errors import CourseError


def quiet(photos: Path, **options) -> Prepared:
    return prepare(photos, TrainingOptions(**options), progress=False, tell=lambda _: None)


def remarks(photos: Path, **options) -> str:
    """All that is told about a folder."""
    told: list[str] = []
    prepare(photos, TrainingOptions(**options), progress=False, tell=told.append)
    return "\n".join(told)


def test_unreadable_photos_stop_the_training_with_their_names(photos: Path) -> None:
    (photos / "defective" / "3.png").write_bytes(b"no photo")
    with pytest.raises(CourseError, match=r"1 photos cannot be used: defective/3\.png .*set-aside"):
        quiet(photos)
    prepared = quiet(photos, set_aside=True)
    assert "defective/3.png" not in set(prepared.index["path"]) and len(prepared.index) == 19
    assert list(prepared.left_out) == ["defective/3.png"]
    assert (photos / "defective" / "3.png").exists(), "it is left out, not moved"


def test_of_equal_photos_one_is_used_and_none_if_their_labels_differ(photos: Path) -> None:
    shutil.copy(photos / "defective" / "1.png", photos / "defective" / "1_copy.png")
    shutil.copy(photos / "defective" / "2.png", photos / "functional" / "two.png")
    used = set(quiet(photos).index["path"])
    assert len(used & {"defective/1.png", "defective/1_copy.png"}) == 1
    assert not used & {"defective/2.png", "functional/two.png"}


@pytest.mark.parametrize("place", [".", "_all"])
def test_copies_outside_the_classes_do_not_matter(photos: Path, place: str) -> None:
    (photos / place).mkdir(exist_ok=True)
    for label in ("defective", "functional"):
        for file in (photos / label).glob("*.png"):
            shutil.copy(file, photos / place / f"{label[0]}{file.name}")
    prepared = quiet(photos)
    assert len(prepared.index) == 20 and not prepared.left_out
    assert "photo of another class" not in remarks(photos)


def test_copies_of_a_file_that_is_no_photo_of_the_index_are_one_photo(photos: Path) -> None:
    for name in ("1.jfif", "1_copy.png"):
        shutil.copy(photos / "defective" / "1.png", photos / "defective" / name)
    left_out = quiet(photos).left_out
    assert left_out == {"defective/1_copy.png": "the same photo as defective/1.png"}
    (photos / "defective" / "1.png").unlink()
    assert not quiet(photos).left_out


@pytest.mark.skipif(os.name == "nt", reason="on Windows links need special rights")
def test_a_class_that_is_a_link_is_checked(photos: Path, tmp_path: Path) -> None:
    (photos / "defective").rename(tmp_path / "elsewhere")
    (photos / "defective").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "3.png").write_bytes(b"no photo")
    with pytest.raises(CourseError, match=r"1 photos cannot be used: defective/3\.png"):
        quiet(photos)


def test_photos_with_more_than_8_bit_and_of_foreign_formats_are_counted(photos: Path) -> None:
    for number in range(3):
        values = np.random.default_rng(number).integers(0, 4096, (40, 40), dtype=np.uint16)
        Image.fromarray(values).save(photos / "defective" / f"{number}.png")
    (photos / "defective" / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (photos / "defective" / "b.cr2").write_bytes(b"II*\0" + bytes(100))
    told = remarks(photos)
    assert "3 have more than 8 bit, and their brightness" in told
    assert "2 files of another format or ending, the first is defective/a.heic" in told


def test_nearly_equal_photos_and_photos_of_one_part_stay_in_one_split() -> None:
    index = pd.DataFrame({"path": [f"{label}{number}" for label in "xy" for number in range(20)]})
    index["label"] = index["path"].str[0]
    index["part"] = index["path"].replace({"x1": "x0", "y9": "y8"})
    copies = [("x5", "x1"), ("y3", "y2"), ("x9", "y5")]  # the last two have two labels
    for seed in range(8):
        options = preparation.TrainingOptions(seed=seed)
        split = preparation._split_at_random(index, copies, options, 0.2).set_index("path")["split"]
        assert split["x0"] == split["x1"] == split["x5"] and split["y2"] == split["y3"] and split["y8"] == split["y9"]


def test_a_part_that_the_table_splits_is_refused(photos: Path) -> None:
    paths = data.index_folder(photos)["path"]
    split = ["train", "validation", "test", *["train"] * 7] * 2
    pd.DataFrame({"path": paths, "split": split, "part": ["a", "a", *paths[2:]]}).to_csv(photos / "index.csv")
    with pytest.raises(CourseError, match="The part a is in two splits"):
        quiet(photos)


def test_lots_that_share_a_part_are_one_lot(photos: Path) -> None:
    index = data.index_folder(photos)
    lot = [str(number % 6) for number in range(20)]
    pd.DataFrame({"path": index["path"], "lot": lot, "part": ["a", "a", *index["path"][2:]]}).to_csv(
        photos / "index.csv"
    )
    prepared = quiet(photos).index
    assert "0+1" in set(prepared["lot"]) and prepared["lot"].nunique() == 5


def test_photos_that_are_all_alike_are_split_and_reported(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    part = generator.integers(0, 200, (64, 64), dtype=np.uint8)
    for label, light in (("good", 0), ("bad", 20)):
        (tmp_path / label).mkdir()
        for number in range(12):
            Image.fromarray(part + np.uint8(light + number)).save(tmp_path / label / f"{number}.png")
    assert quiet(tmp_path).index.groupby("label")["split"].nunique().tolist() == [3, 3]
    assert " times in two parts. The test knows some photos nearly" in remarks(tmp_path)


def test_photos_of_one_lot_stay_together(photos: Path) -> None:
    for file in photos.glob("*/*.png"):
        file.rename(file.with_name(f"lot{int(file.stem) % 5}_{file.name}"))
    index = quiet(photos, lot_pattern=r"lot(\d+)_").index
    assert sorted(index["lot"].unique()) == list("01234")
    assert (index.groupby("lot")["split"].nunique() == 1).all()
    with pytest.raises(CourseError, match="finds nothing in"):
        quiet(photos, lot_pattern=r"batch\d")


def test_a_pattern_with_alternatives_finds_every_lot() -> None:
    paths = pd.Series(["lot1.png", "charge2.png", "lot_.png"])
    found = preparation._lots_from_names(paths, r"lot(\d+)|charge(\d+)|lot_")
    assert found.tolist() == ["1", "2", "lot_"]


def test_lots_of_one_class_each_say_what_to_do(photos: Path) -> None:
    for file in photos.glob("*/*.png"):
        file.rename(file.with_name(f"lot{file.parent.name[0]}{int(file.stem) % 2}_{file.name}"))
    with pytest.raises(CourseError, match=r"has no photo in .* another --seed, .*leave out --lot-pattern"):
        quiet(photos, lot_pattern=r"lot(..)_")


def test_a_lot_column_is_used_and_must_be_complete(photos: Path) -> None:
    paths = sorted(path.relative_to(photos).as_posix() for path in photos.glob("*/*.png"))
    table = pd.DataFrame({"path": paths, "lot": [f"L{n % 5}" for n in range(len(paths))]})
    table.to_csv(photos / "index.csv", index=False)
    assert (quiet(photos).index.groupby("lot")["split"].nunique() == 1).all()
    table.iloc[1:].to_csv(photos / "index.csv", index=False)
    with pytest.raises(CourseError, match=r"has no lot in index\.csv"):
        quiet(photos)


def test_a_class_that_is_too_small_is_named(photos: Path) -> None:
    for number in range(7):
        (photos / "defective" / f"{number}.png").unlink()
    with pytest.raises(CourseError, match=r"class 'defective' has 3 usable photos.* at least 4"):
        prepare(photos, TrainingOptions(), tell=lambda text: pytest.fail(f"too late: {text}"))


@pytest.mark.parametrize("count", [4, 5, 6, 7, 8, 9])
def test_a_tiny_class_is_in_every_split(photos: Path, count: int) -> None:
    for number in range(count, 10):
        (photos / "defective" / f"{number}.png").unlink()
    assert quiet(photos).index.groupby("label")["split"].nunique().tolist() == [3, 3]


def test_folders_of_splits_are_not_taken_for_classes(photos: Path) -> None:
    (photos / "defective").rename(photos / "train")
    (photos / "functional").rename(photos / "Test")
    with pytest.raises(CourseError, match="no class; give each class a folder of its own"):
        quiet(photos)


def test_of_folders_of_splits_the_one_with_classes_is_named(photos: Path, tmp_path: Path) -> None:
    collection = tmp_path / "collection"  # as those of MVTec
    shutil.copytree(photos, collection / "test")
    shutil.copytree(photos / "functional", collection / "train" / "good")
    shutil.copytree(photos / "defective", collection / "ground_truth" / "broken")
    with pytest.raises(CourseError, match=r"holds test and train, .*collection/test, and keep"):
        quiet(collection)


@pytest.mark.parametrize(
    ("names", "wanted", "classes"),
    [
        (["good", "bad"], None, ["good", "bad"]),
        (["NG", "良品"], None, ["良品", "NG"]),
        (["rose", "tulip"], "rose", ["tulip", "rose"]),
    ],
)
def test_the_positive_class_comes_last_and_is_named(names: list[str], wanted: str | None, classes: list[str]) -> None:
    found, told = preparation._classes(pd.DataFrame({"label": names}), TrainingOptions(positive=wanted))
    assert found == classes and told[0] == f"The positive class is '{classes[-1]}'."


def test_a_positive_class_that_the_names_do_not_tell_is_asked_for() -> None:
    with pytest.raises(CourseError, match=r"rose, tulip tells which of them is the defect; say it with --positive"):
        preparation._classes(pd.DataFrame({"label": ["rose", "tulip"]}), TrainingOptions())


def test_more_than_two_classes_need_no_positive_one() -> None:
    index = pd.DataFrame({"label": ["good", "dent", "scratch"]})
    assert preparation._classes(index, TrainingOptions()) == (["dent", "good", "scratch"], [])


def test_a_cost_needs_two_classes_of_which_one_is_known_as_the_defect(photos: Path) -> None:
    (photos / "functional").rename(photos / "rose")
    (photos / "defective").rename(photos / "tulip")
    with pytest.raises(CourseError, match=r"rose, tulip tells which of them is the defect; .*--positive"):
        quiet(photos, cost_missed=10)
    assert quiet(photos, cost_missed=10, positive="rose").classes == ["tulip", "rose"]
    shutil.copytree(photos / "rose", photos / "daisy")
    with pytest.raises(CourseError, match=r"only where there are two classes.*--cost-missed"):
        quiet(photos, cost_missed=10, positive="rose")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"minutes": 0}, "nothing can be trained"),
        ({"minutes": float("nan")}, "nothing can be trained"),
        ({"minutes": -1}, "nothing can be trained"),
        ({"cost_missed": -1}, "cannot cost -1"),
        ({"seed": -1}, "The seed -1 cannot start"),
        ({"seed": 2**32}, "The seed 4294967296 cannot start"),
        ({"lot_pattern": "("}, "not a regular expression"),
    ],
)
def test_an_impossible_option_is_one_sentence(options: dict, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        TrainingOptions(**options)


def test_a_positive_class_that_is_not_there_is_named(photos: Path) -> None:
    with pytest.raises(CourseError, match="the classes are defective, functional"):
        quiet(photos, positive="broken")


def test_a_lot_is_found_below_the_class_folder(photos: Path) -> None:
    for label, name in (("functional", "lot1_good"), ("defective", "lot2_bad")):
        for file in (photos / label).iterdir():
            file.rename(file.with_name(f"lot{int(file.stem) % 5 + 3}_{file.name}"))
        (photos / label).rename(photos / name)
    index = quiet(photos, lot_pattern=r"lot(\d)").index
    assert sorted(index["lot"].unique()) == list("34567")


def test_the_split_of_the_table_is_used_or_refused(photos: Path) -> None:
    paths = sorted(path.relative_to(photos).as_posix() for path in photos.glob("*/*.png"))
    own = ["Training"] * 5 + ["val"] * 2 + ["test"] * 3
    table = pd.DataFrame({"path": paths, "split": own * 2})
    table.to_csv(photos / "index.csv", index=False)
    index = quiet(photos).index.set_index("path")
    assert index["split"].reindex(paths).tolist() == (["train"] * 5 + ["validation"] * 2 + ["test"] * 3) * 2
    assert "The split of index.csv is used." in remarks(photos)
    table.assign(lot=["A", *[None] * 19]).to_csv(photos / "index.csv", index=False)
    assert "lot" not in quiet(photos).index, "nothing is said of lots that most photos do not name"
    table.assign(split="train").to_csv(photos / "index.csv", index=False)
    with pytest.raises(CourseError, match=r"column 'split' of index\.csv cannot be used"):
        quiet(photos)


def test_labels_of_the_table_that_differ_from_the_folders_are_counted(photos: Path) -> None:
    paths = sorted(path.relative_to(photos).as_posix() for path in photos.glob("*/*.png"))
    labels = ["functional"] * 3 + [path.split("/")[0] for path in paths[3:]]
    pd.DataFrame({"path": paths, "label": labels}).to_csv(photos / "index.csv", index=False)
    assert "3 labels differ from the folders" in remarks(photos)


def test_what_many_photos_show_is_usual(photos: Path) -> None:
    assert quiet(photos).usual == []
    for file in photos.glob("*/[0-3].png"):
        dark = np.asarray(Image.open(file)) // 16
        dark[:2, int(file.stem)] = 255  # dark field: a bright speck on black
        Image.fromarray(dark).save(file)
    assert quiet(photos).usual == ["nearly black"]


def test_a_sample_keeps_every_class_in_every_split(photos: Path) -> None:
    smaller = preparation.sample(quiet(photos).index, 8, seed=0)
    assert 8 <= len(smaller) <= 12
    assert smaller.groupby("label")["split"].nunique().tolist() == [3, 3]


def test_an_empty_photo_that_is_used_is_named(photos: Path) -> None:
    Image.new("L", (40, 40)).save(photos / "functional" / "lamp.png")
    assert "1 show nothing but black, grey or white, such as functional/lamp.png" in remarks(photos)
