"""Does the check find every fault, give no false alarm, and leave every photo as it is?"""

import hashlib
import os
import random
import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from course_lib.checks import folder as checks
from course_lib.checks import look_at, make_messy_folder, messy_answers, quarantine, undo_quarantine
from course_lib.data import solar_cells
from course_lib.errors import CourseError

FORMATS = {"PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp", "TIFF": ".tif", "GIF": ".gif"}


def check(folder, **options) -> pd.DataFrame:
    return checks.check_folder(folder, progress=False, **options)


def problems(findings: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(findings["path"], findings["problem"], strict=True))


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def textured(seed: int, side: int = 120) -> Image.Image:
    """A photo with detail of its own."""
    coarse = np.random.default_rng(seed).integers(20, 230, (12, 12)).astype(np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def encoded(kind: str, seed: int = 0) -> bytes:
    buffer = BytesIO()
    textured(seed).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def messy(tmp_path_factory) -> Path:
    return make_messy_folder(tmp_path_factory.mktemp("messy") / "photos")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_planted_fault_is_found_and_nothing_else(tmp_path, seed):
    folder = make_messy_folder(tmp_path / "photos", seed)
    answers = messy_answers(seed)
    found = problems(check(folder))
    planted = problems(answers)
    # Slight blur cannot be told from a soft photo; everything else must be found.
    assert {pair for pair in planted - found if pair[1] != "blurred"} == set()
    involved = set(answers["path"]) | set(answers["made_from"])
    assert {path for path, _ in found} <= involved


def test_the_messy_folder_is_the_same_for_the_same_seed(tmp_path, messy):
    assert fingerprint(make_messy_folder(tmp_path / "again")) == fingerprint(messy)


def test_a_folder_in_use_is_not_cleared_for_the_messy_one(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"precious")
    with pytest.raises(CourseError, match="in use"):
        make_messy_folder(tmp_path)
    assert (tmp_path / "holiday.jpg").read_bytes() == b"precious"


def test_checking_changes_no_file(messy):
    before = fingerprint(messy)
    check(messy)
    assert fingerprint(messy) == before


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_unreadable(tmp_path, kind, share):
    data = encoded(kind)
    name = "cell" + FORMATS[kind]
    (tmp_path / name).write_bytes(data[: int(len(data) * share)])
    assert set(check(tmp_path)["problem"]) & set(checks.UNREADABLE)
    (tmp_path / name).write_bytes(data)
    assert not set(check(tmp_path)["problem"]) & set(checks.UNREADABLE)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_foreign_bytes_in_the_middle_are_found(tmp_path, kind):
    data = bytearray(encoded(kind))
    middle = len(data) // 2
    data[middle : middle + 700] = random.Random(0).randbytes(700)
    (tmp_path / ("cell" + FORMATS[kind])).write_bytes(data)
    assert set(check(tmp_path)["problem"]) & set(checks.UNREADABLE)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@settings(max_examples=150, deadline=None)
@given(
    soup=st.binary(max_size=400),
    start=st.sampled_from([b"", *(encoded(kind)[:60] for kind in FORMATS), b"RIFF\0\1\0\0WEBPVP8 "]),
    ending=st.sampled_from([".png", ".jpg", ".tif", ".webp", ".csv", ""]),
)
def test_no_bytes_crash_the_check(tmp_path_factory, soup, start, ending):
    path = tmp_path_factory.mktemp("soup") / f"cell{ending}"
    path.write_bytes(start + soup)
    facts = look_at(path, path.name)
    assert not facts.is_photo or facts.thumbnail.shape == (64, 64)
    assert path.read_bytes() == start + soup


def test_wrong_endings_and_foreign_formats(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded("PNG", 1))
    (tmp_path / "b.txt").write_bytes(encoded("PNG", 2))
    (tmp_path / "c.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (tmp_path / "d.png").write_bytes(bytes(500))
    (tmp_path / "e.cr3").write_bytes(b"\0\0\0\x18ftypcrx " + bytes(100))
    (tmp_path / "f.jxl").write_bytes(b"\xff\x0a" + bytes(100))
    textured(3).save(tmp_path / "h.tga")
    (tmp_path / "notes.txt").write_text("These are my photos.")
    assert problems(check(tmp_path)) == {
        ("a.jpg", "wrong ending"),
        ("b.txt", "wrong ending"),
        ("c.heic", "unsupported format"),
        ("d.png", "zero bytes"),
        ("e.cr3", "unsupported format"),
        ("f.jxl", "unsupported format"),
        ("h.tga", "not an image"),
    }


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such links and rights")
def test_links_and_pipes(tmp_path):
    os.symlink("nowhere.png", tmp_path / "link.png")
    os.mkfifo(tmp_path / "pipe.png")
    assert problems(check(tmp_path)) == {("link.png", "broken link"), ("pipe.png", "not a file")}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such rights")
def test_a_photo_that_may_not_be_read_is_a_finding(protected_folder):
    with tempfile.TemporaryDirectory() as name:  # of the user that has given up the rights of root
        photo = Path(name) / "secret.png"
        photo.write_bytes(encoded("PNG"))
        photo.chmod(0)
        assert problems(check(name)) == {("secret.png", "no permission")}


@pytest.mark.skipif(sys.platform == "win32", reason="on Windows links need special rights")
def test_the_folder_of_a_class_may_be_a_link(tmp_path):
    for name in ("elsewhere", "photos/good"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.png").write_bytes(b"no photo")
    photos = tmp_path / "photos"
    (photos / "bad").symlink_to(tmp_path / "elsewhere")
    (photos / "circle").symlink_to(photos)
    (photos / "good" / "circle").symlink_to(photos)
    faults = {("good/1.png", "not an image"), ("bad/1.png", "not an image")}
    assert problems(check(photos)) == faults | {("circle", "left out"), ("good/circle", "left out")}
    assert problems(check(photos, classes=["bad"])) == {("bad/1.png", "not an image")}


def test_what_a_system_keeps_beside_photos_is_not_checked(tmp_path):
    for name in ("@eaDir", "good/@eaDir", "$RECYCLE.BIN"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.png").write_bytes(b"no photo")
    assert check(tmp_path).attrs["files"] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot make such names")
def test_names_that_break_elsewhere(tmp_path):
    names = ["A.png", "a.png", "con.png", "x:y.png", "end .png", "trail.png "]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(encoded("PNG", number))
    found = {path for path, problem in problems(check(tmp_path)) if problem == "name"}
    assert found == {"a.png", "con.png", "x:y.png", "trail.png "}


def test_size_by_majority_and_as_expected(tmp_path):
    for number in range(9):
        textured(number).save(tmp_path / f"{number}.png")
    textured(9, side=100).save(tmp_path / "9.png")
    assert problems(check(tmp_path)) == {("9.png", "odd size")}
    odd = check(tmp_path, expected_size=(100, 100))
    assert set(odd["path"]) == {f"{number}.png" for number in range(9)}


def test_label_table(tmp_path):
    for folder, number in (("good", 1), ("good", 2), ("bad", 3), ("bad", 4)):
        (tmp_path / folder).mkdir(exist_ok=True)
        textured(number).save(tmp_path / folder / f"{number}.png")
    table = pd.DataFrame(
        {"file": ["good/1.png", "good\\2.png", "bad/3.png", "bad/5.png"], "class": ["good", "bad", "bad", "bad"]}
    )
    wanted = {
        ("good/2.png", "label differs from folder"),
        ("bad/4.png", "file without row"),
        ("bad/5.png", "row without file"),
    }
    table.to_csv(tmp_path / "labels.csv", index=False)
    assert problems(check(tmp_path)) == wanted
    table.drop(columns="file").to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(CourseError, match="needs a column 'path'"):
        check(tmp_path, labels=tmp_path / "other.csv")


def test_black_photos_are_no_copies_of_each_other(tmp_path):
    for value in (3, 4, 5):
        Image.new("L", (60, 60), value).save(tmp_path / f"{value}.png")
    assert set(check(tmp_path)["problem"]) == {"constant"}


def _recompressed(image: Image.Image) -> Image.Image:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer)


EDITS = {
    "left": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "mirror": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "jpeg": _recompressed,
    "bright": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.4),
    "half": lambda image: image.resize((150, 150), Image.Resampling.LANCZOS),
}


@pytest.mark.slow
def test_copies_of_solar_cells_are_found_and_strangers_are_not(tmp_path):
    paths = sorted(solar_cells().glob("*/*.png"))[::8]
    for path in paths:
        shutil.copyfile(path, tmp_path / path.name)
    copies = set()
    for path, (edit, change) in zip(paths[::5], list(EDITS.items()) * 20, strict=False):
        name = f"{path.stem}_{edit}_copy.png"
        change(Image.open(path)).save(tmp_path / name)
        copies.add(name)
    findings = check(tmp_path)
    found = set(findings.loc[findings["problem"] == "near duplicate", "path"])
    assert len(copies) > 60
    assert len(found & copies) >= 0.97 * len(copies)
    assert len(found - copies) < 0.01 * len(paths)


def test_many_copies_in_a_small_folder_of_small_photos_are_found(tmp_path):
    copies = set()
    for number in range(20):
        textured(number, side=64).save(tmp_path / f"{number}.png")
    changes = ["left", "mirror", "jpeg", "bright", "contrast"]
    for number, name in enumerate(changes * 2):
        EDITS[name](textured(number, side=64)).save(tmp_path / f"{number}_copy.png")
        copies.add((f"{number}_copy.png", "near duplicate"))
    found = {pair for pair in problems(check(tmp_path)) if pair[1] == "near duplicate"}
    assert found == copies


def test_a_large_photo_and_its_copy_in_another_format_match(tmp_path):
    for number in range(6):
        textured(number, side=500).convert("RGB").save(tmp_path / f"{number}.png")
    textured(3, side=500).convert("RGB").save(tmp_path / "copy.jpg", quality=85)
    assert problems(check(tmp_path)) == {("copy.jpg", "near duplicate")}


def test_quarantine_and_back(messy, tmp_path):
    before = fingerprint(messy)
    findings = check(messy)
    unreadable = findings[findings["problem"].isin(checks.UNREADABLE)]
    log = quarantine(unreadable, tmp_path / "aside")
    assert {Path(kept).relative_to(tmp_path / "aside").as_posix() for kept in log["kept"]} == set(unreadable["path"])
    assert not check(messy)["problem"].isin(checks.UNREADABLE).any()
    assert quarantine(unreadable, tmp_path / "aside").empty, "they have been set aside already"
    assert len(undo_quarantine(tmp_path / "aside")) == len(log)
    assert fingerprint(messy) == before


def test_quarantine_overwrites_nothing(tmp_path):
    photo, aside = tmp_path / "photos" / "cell.png", tmp_path / "aside"
    photo.parent.mkdir()
    for text in ("1", "2"):
        photo.write_text(text)
        quarantine(check(photo.parent), aside)
    assert (aside / "cell.png").read_text() == "1" and (aside / "cell_again.png").read_text() == "2"
    photo.write_text("a new photo")  # the place is taken when the old ones come back
    assert undo_quarantine(aside).empty
    assert photo.read_text() == "a new photo"
    photo.unlink()
    assert len(undo_quarantine(aside)) == 1 and photo.read_text() == "1"


def test_quarantine_moves_nothing_to_or_from_a_wrong_place(messy, tmp_path):
    findings = check(messy)
    with pytest.raises(CourseError, match="inside the photo folder"):
        quarantine(findings, messy / "aside")
    (messy.parent / "elsewhere.png").touch()  # a label table may name anything
    assert quarantine(findings.head(1).assign(path="../elsewhere.png"), tmp_path / "aside").empty
    assert (messy.parent / "elsewhere.png").exists()
    with pytest.raises(CourseError, match="nothing to put back"):
        undo_quarantine(tmp_path / "aside")


def test_a_small_class_does_not_hide_that_files_tell_the_others_apart(tmp_path):
    random_pixels = np.random.default_rng(0)
    for label, side, count in (("good", 40, 12), ("scratch", 48, 12), ("maybe", 40, 1)):
        (tmp_path / label).mkdir()
        for number in range(count):
            pixels = random_pixels.integers(0, 255, (side, side), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{number}.png")
    assert (".", "told by the file") in problems(check(tmp_path))


def test_a_copy_in_two_splits_has_two_labels_only_if_its_class_differs(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (2, 40, 40), dtype=np.uint8)
    for place in ("Training/good/1", "Training/bad/1", "Testing/good/2", "Training/good/2"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[int(place[-1]) - 1]).save(tmp_path / f"{place}.png")
    found = check(tmp_path)
    assert set(found.loc[found["problem"] == "two labels", "path"]) == {"Training/good/1.png", "Training/bad/1.png"}


def test_one_large_photo_among_small_ones_is_named_with_the_defect_that_vanishes(tmp_path):
    for number, side in enumerate((40, 40, 40, 2240)):
        Image.effect_noise((side, side), 60).save(tmp_path / f"{number}.png")
    found = check(tmp_path)
    detail = found.loc[found["problem"] == "large photos", "detail"].item()
    assert detail.startswith("1 of 4 photos, such as 3.png: ") and "less than about 20 or 7 pixels" in detail
