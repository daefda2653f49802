"""The structure of a folder is judged before it is trusted, and whatever is left out has a name."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from course_lib.checks import check_folder
from course_lib.data import index_folder, look_through
from course_lib.errors import CourseError


def photo(seed: int, side: int = 40) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(30, 220, (side, side), dtype=np.uint8))


def mask(seed: int, side: int = 40) -> Image.Image:
    picture = Image.new("L", (side, side))
    ImageDraw.Draw(picture).ellipse((5, 5, 12 + seed, 20 + seed), fill=255)
    return picture


def fill(folder: Path, count: int = 4, picture=photo, name: str = "{}.png", **options) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    first = sum(str(folder).encode())
    for number in range(count):
        picture(number if picture is mask else first + number).save(folder / name.format(number), **options)


def told(folder: Path) -> tuple[list[str], str]:
    """Paths of the index, and what is said about the rest."""
    said: list[str] = []
    index = index_folder(folder, said.append)
    return list(index["path"]), " ".join(said)


# masks


@pytest.mark.parametrize(
    ("of_photo", "of_mask", "options"),
    [
        ("{}.jpg", "{}.png", {}),
        ("{}.png", "{}_mask.png", {}),
        ("{}.png", "{}-GT.png", {}),
        ("{}.png", "{}_label.bmp", {}),
        ("IMG_{}.png", "IMG_{}_ground_truth.tif", {}),
        ("{}.png", "{}_seg.jpg", {"quality": 60}),
        ("{}.png", "mask_{}.png", {}),
        ("{}.jpg", "gt_{}.png", {}),
        ("{}.jpg", "{}_mask_001.png", {}),
        ("{}.jpg", "{}_labelIds.png", {}),
        ("{}.png", "{}.anno.png", {}),
    ],
)
def test_masks_beside_photos_are_left_out_and_named(tmp_path: Path, of_photo: str, of_mask: str, options: dict) -> None:
    fill(tmp_path / "good")
    fill(tmp_path / "defective", name=of_photo)
    fill(tmp_path / "defective", picture=mask, name=of_mask, **options)
    paths, said = told(tmp_path)
    assert len(paths) == 8 and f"defective/{of_mask.format(0)}" not in paths
    assert "4 files" in said and "mask" in said
    found = check_folder(tmp_path, progress=False)
    assert (found["problem"] == "mask").sum() == 4 and set(found["problem"]) <= {"mask", "told by the file"}


@pytest.mark.parametrize(
    "name",
    ["mask", "masks", "Masks", "ground_truth", "GroundTruth", "gt", "annotations", "labels", "label", "defect_masks",
     "binary masks", "segmentation", "mask_images", "マスク", "labels_png", "SegmentationClass", "GT_masks", "masks_v2",
     "defect_map"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["{}", "defective/{}"])
def test_a_folder_of_masks_is_not_a_class(tmp_path: Path, name: str, place: str) -> None:
    fill(tmp_path / "good")
    fill(tmp_path / "defective")
    fill(tmp_path / place.format(name), picture=mask)
    paths, said = told(tmp_path)
    assert len(paths) == 8 and {path.split("/")[0] for path in paths} == {"good", "defective"}
    assert name in said and "mask" in said


def coloured(seed: int) -> Image.Image:
    picture = mask(seed).convert("RGB")
    ImageDraw.Draw(picture).rectangle((30, 30, 38, 38), fill=(255, 80, 0))
    return picture


MASKS = {
    "colours": coloured,
    "palette": lambda seed: coloured(seed).quantize(4),
    "numbers of classes": lambda seed: mask(seed).point(lambda value: value // 100),
    "some without a defect": lambda seed: mask(seed) if seed % 2 else Image.new("L", (40, 40)),
}


@pytest.mark.parametrize("kind", MASKS)
def test_masks_in_a_folder_of_their_name_may_be_drawn_in_many_ways(tmp_path: Path, kind: str) -> None:
    fill(tmp_path / "good")
    fill(tmp_path / "defective")
    (tmp_path / "ground_truth").mkdir()
    for number in range(4):
        MASKS[kind](number).save(tmp_path / "ground_truth" / f"{number}.png")
    paths, said = told(tmp_path)
    assert len(paths) == 8 and "ground_truth (4 masks, not photos)" in said


def test_a_folder_of_masks_needs_no_name(tmp_path: Path) -> None:
    for name in ("good", "defective"):
        fill(tmp_path / name)
    fill(tmp_path / "pixelwise", picture=mask)
    paths, said = told(tmp_path)
    assert len(paths) == 8 and "pixelwise (4 masks, not photos)" in said


def test_images_and_masks_alone_are_not_two_classes(tmp_path: Path) -> None:
    fill(tmp_path / "images")
    fill(tmp_path / "masks", picture=mask)
    with pytest.raises(CourseError, match=r"only the class 'images' beside what is left out \(masks/\)"):
        index_folder(tmp_path)


def test_a_folder_of_annotation_files_is_left_out(tmp_path: Path) -> None:
    for name in ("good", "defective"):
        fill(tmp_path / name)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "0.xml").write_text("<annotation/>")
    paths, said = told(tmp_path)
    assert len(paths) == 8 and "annotations (labels or masks, not photos)" in said


def test_what_only_looks_like_masks_stays(tmp_path: Path) -> None:
    fill(tmp_path / "with_mask")  # faces
    fill(tmp_path / "mask")
    fill(tmp_path / "without_mask")
    assert len(told(tmp_path)[0]) == 12
    drawings = tmp_path / "drawings"
    fill(drawings / "good", picture=mask)
    fill(drawings / "defective", picture=mask)
    assert len(told(drawings)[0]) == 8, "where all are two-valued, none is the mask of another"
    deep = tmp_path / "deep"
    fill(deep / "good")
    fill(deep / "defective", picture=lambda seed: Image.fromarray(np.asarray(photo(seed)).astype(np.uint16) * 256))
    assert len(told(deep)[0]) == 8, "photos of 16 bit"
    plain = tmp_path / "plain"
    fill(plain / "good", picture=lambda _: Image.new("L", (40, 40), 120))
    fill(plain / "defective", picture=mask)
    assert len(told(plain)[0]) == 8, "a spot on plain ground"


# splits and products


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("train", "test"), ("Training", "Testing"), ("training_set", "test_set"), ("seg_train", "seg_test"),
        ("train_data", "test_data"), ("train1", "test1"), ("TrainSet", "TestSet"), ("train-images", "val-images"),
        ("Training Data", "Validation Data"), ("学習用", "テスト用"), ("訓練データ", "検証データ"), ("dev", "holdout"),
        ("trainingset", "validationset"), ("dataset_train", "dataset_valid"),
        ("trainA", "testA"), ("trainval", "test"), ("x_train", "x_test"),
        ("train_images", "public_test"), ("train_good", "test_good"), ("Train (1)", "Test (1)"),
    ],
)  # fmt: skip
def test_splits_are_not_classes(tmp_path: Path, first: str, second: str) -> None:
    for part in (first, second):
        for label in ("good", "defective"):
            fill(tmp_path / part / label)
    with pytest.raises(CourseError, match=r"holds .* no class; train on the folder") as error:
        index_folder(tmp_path)
    assert first in str(error.value) and second in str(error.value)
    assert "folder" in set(check_folder(tmp_path, progress=False)["problem"])
    assert len(told(tmp_path / first)[0]) == 8


@pytest.mark.parametrize("names", [("train", "val", "test"), ("train_ok", "train_ng", "test_ok", "test_ng")])
def test_splits_without_classes_are_not_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        fill(tmp_path / name)
    with pytest.raises(CourseError, match="no class; give each class a folder of its own, and keep the others for"):
        index_folder(tmp_path)


def test_a_split_beside_classes_is_no_class(tmp_path: Path) -> None:
    for name in ("good", "bad", "test"):
        fill(tmp_path / name)
    with pytest.raises(CourseError, match="holds test, by the name a split"):
        index_folder(tmp_path)


def test_one_word_in_all_names_is_no_split(tmp_path: Path) -> None:
    for name in ("pass_test", "fail_test"):
        fill(tmp_path / name)
    assert len(told(tmp_path)[0]) == 8


@pytest.mark.parametrize(("label", "below"), [("good", "_rejected"), ("OK", "NG"), ("不良", "良品")])
def test_a_folder_of_the_other_class_below_a_class_is_named(tmp_path: Path, label: str, below: str) -> None:
    for place in (label, f"{label}/{below}", "other"):
        fill(tmp_path / place)
    with pytest.raises(CourseError, match=f"{label} holds a folder {below} of the other class"):
        index_folder(tmp_path)


def test_a_loose_photo_does_not_hide_that_folders_are_products(tmp_path: Path) -> None:
    for place in ("bottle", "bottle/good", "bottle/bad", "cable/good", "cable/bad"):
        fill(tmp_path / place)
    with pytest.raises(CourseError, match="products and not classes"):
        index_folder(tmp_path)


def test_a_collection_with_good_parts_only_for_training_names_the_folder_with_both(tmp_path: Path) -> None:
    fill(tmp_path / "train" / "good")
    for label in ("good", "crack"):
        fill(tmp_path / "test" / label)
    fill(tmp_path / "ground_truth" / "crack", picture=mask, name="{}_mask.png")
    with pytest.raises(CourseError, match=rf"train on the folder .*{tmp_path.name}/test"):
        index_folder(tmp_path)


@pytest.mark.parametrize(
    ("below", "others"),
    [
        (("good", "defective"), ("good", "defective")), (("good", "broken"), ("good", "bent")),
        (("train", "test"), ("train", "test")), (("OK", "NG"), ("OK", "NG")), (("良品", "不良品"), ("良品", "不良品")),
    ],
)  # fmt: skip
def test_products_are_not_classes(tmp_path: Path, below: tuple, others: tuple) -> None:
    for product, labels in (("bottle", below), ("cable", others)):
        for label in labels:
            fill(tmp_path / product / label)
    with pytest.raises(
        CourseError, match=r"bottle, cable .*products and not classes; use one of them, such as .*bottle"
    ):
        index_folder(tmp_path)


@pytest.mark.parametrize("lots", [("lot1", "lot2"), ("2024-05-01", "2024-05-02"), ("left", "right")])
def test_classes_above_lots_or_cameras_are_classes(tmp_path: Path, lots: tuple[str, str]) -> None:
    for label in ("good", "defective"):
        for lot in lots:
            fill(tmp_path / label / lot)
    assert len(told(tmp_path)[0]) == 16


def test_a_folder_in_a_folder_is_named(tmp_path: Path) -> None:
    for label in ("good", "defective"):
        fill(tmp_path / "archive" / label)
    with pytest.raises(CourseError, match=rf"only the class 'archive'.*, or use .*{tmp_path.name}/archive"):
        index_folder(tmp_path)


# what is left out has a name


def test_left_out_folders_and_loose_photos_are_named(tmp_path: Path) -> None:
    for label in ("good", "dent", "_scratch", "_empty", ".hidden", "@eaDir"):
        fill(tmp_path / label, count=0 if label == "_empty" else 4)
    fill(tmp_path, count=3)
    paths, said = told(tmp_path)
    assert {path.split("/")[0] for path in paths} == {"good", "dent"}
    for words in ("_scratch (its name begins with '_'; 4 photos; rename it", "_empty"):
        assert words in said
    assert "3 files, the first is 0.png (beside the folders" in said
    found = check_folder(tmp_path, progress=False)
    assert {"_scratch", "."} <= set(found.loc[found["problem"] == "left out", "path"])


def test_of_a_plain_folder_nothing_is_said(tmp_path: Path) -> None:
    for label in ("good", "defective"):
        fill(tmp_path / label)
    (tmp_path / ".git").mkdir()
    (tmp_path / "LICENCE.txt").write_text("mine")
    assert told(tmp_path)[1] == "" and look_through(tmp_path).left_out == {}
    shutil.rmtree(tmp_path / "good")
    assert check_folder(tmp_path / "defective", progress=False).empty, "photos without any class"


def test_masks_of_a_folder_of_one_class_are_named_by_the_check(tmp_path: Path) -> None:
    fill(tmp_path / "bottle" / "test")
    fill(tmp_path / "bottle" / "ground_truth", picture=mask, name="{}_mask.png")
    found = check_folder(tmp_path, progress=False)
    assert found.loc[found["problem"] == "mask", "path"].tolist() == [
        f"bottle/ground_truth/{number}_mask.png" for number in range(4)
    ]
