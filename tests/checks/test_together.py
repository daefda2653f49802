"""What only shows when photos are compared: files that tell the class, bits that differ, defects too small."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_lib.checks import FOLDER, check_folder


def part(seed: int, size: tuple[int, int] = (60, 60), light: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).normal(120 + light, 60, size[::-1]).clip(0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def about_the_folder(folder: Path) -> dict[str, str]:
    found = check_folder(folder, progress=False)
    found = found[found["path"] == FOLDER]
    return dict(zip(found["problem"], found["detail"], strict=True))


def two_classes(folder: Path, second, count: int = 15, ending: str = ".png", **options) -> Path:
    for label in ("good", "defective"):
        (folder / label).mkdir()
        for number in range(count):
            if label == "good":
                part(number).save(folder / label / f"{number}.png")
            else:
                second(1000 + number).save(folder / label / f"{number}{ending}", **options)
    return folder


FILES = {
    "another size": (lambda seed: part(seed, (80, 60)), ".png"),
    "another format": (part, ".jpg"),
    "colour": (lambda seed: part(seed).convert("RGB"), ".png"),
    "palette": (lambda seed: part(seed).convert("P"), ".png"),
    "16 bit": (lambda seed: Image.fromarray(np.asarray(part(seed)).astype(np.uint16) * 256), ".png"),
    "nearly all of another size": (lambda seed: part(seed, (80, 60) if seed % 10 else (60, 60)), ".png"),
}


@pytest.mark.parametrize("name", FILES)
def test_classes_that_the_files_tell_apart_are_announced_with_their_accuracy(tmp_path: Path, name: str) -> None:
    second, ending = FILES[name]
    said = about_the_folder(two_classes(tmp_path, second, ending=ending))
    words = said["told by the file"]
    assert int(words.split("find ")[1].split("%")[0]) >= 85 and "guessing: 50%" in words and "camera" in words


def taken_with(camera: str) -> Image.Exif:
    notes = Image.Exif()
    notes[0x0110] = camera
    return notes


@pytest.mark.parametrize("count", [6, 15])
@pytest.mark.parametrize("options", [{"quality": 60}, {"exif": taken_with("B")}], ids=["more loss", "another camera"])
def test_classes_that_were_saved_in_two_ways_are_announced(tmp_path: Path, options: dict, count: int) -> None:
    for label, how in (("good", {"exif": taken_with("A")}), ("defective", options)):
        (tmp_path / label).mkdir()
        for number in range(count):
            part(number + len(label)).save(tmp_path / label / f"{number}.jpg", **how)
    assert "loss and camera alone find 100%" in about_the_folder(tmp_path)["told by the file"]


@pytest.mark.parametrize(
    "second",
    [
        lambda seed: part(seed, light=90),
        lambda seed: part(seed, (30, 30)).resize((60, 60)),
        lambda seed: part(seed, light=-80),
    ],
)
def test_classes_that_the_light_tells_apart_are_announced(tmp_path: Path, second) -> None:
    assert (
        "brightness and sharpness alone find 100%"
        in about_the_folder(two_classes(tmp_path, second))["told by the light"]
    )


def test_three_classes_of_which_one_has_another_camera(tmp_path: Path) -> None:
    two_classes(tmp_path, part)
    (tmp_path / "dent").mkdir()
    for number in range(15):
        part(2000 + number, (90, 60)).save(tmp_path / "dent" / f"{number}.png")
    assert "guessing: 33%" in about_the_folder(tmp_path)["told by the file"]


@pytest.mark.parametrize("count", [15, 40])
def test_classes_of_one_camera_are_no_finding(tmp_path: Path, count: int) -> None:
    assert about_the_folder(two_classes(tmp_path, part, count)) == {}


def test_a_mixture_of_cameras_in_both_classes_is_no_finding(tmp_path: Path) -> None:
    two_classes(tmp_path, part, count=20)
    for file in [*tmp_path.glob("*/[0-9].png")]:
        with Image.open(file) as photo:
            photo.convert("RGB").resize((80, 60)).save(file.with_suffix(".jpg"))
        file.unlink()
    assert about_the_folder(tmp_path) == {}


def test_a_handful_of_photos_says_nothing(tmp_path: Path) -> None:
    assert about_the_folder(two_classes(tmp_path, FILES["another size"][0], count=5)) == {}


@pytest.mark.parametrize(("size", "found"), [((2400, 1800), True), ((1800, 2400), True), ((600, 400), False)])
def test_large_photos_are_measured_in_their_own_pixels(tmp_path: Path, size: tuple[int, int], found: bool) -> None:
    part(0, size).save(tmp_path / "1.jpg")
    part(1, size).save(tmp_path / "2.jpg")
    said = about_the_folder(tmp_path)
    assert ("large photos" in said) is found
    if found:
        assert f"{size[0]} × {size[1]} pixels are shrunk 10.7 times" in said["large photos"]
        assert "less than about 21 or 8 pixels" in said["large photos"]


def test_photos_read_with_other_bits_than_their_neighbours_are_named(tmp_path: Path) -> None:
    for number in range(6):
        values = np.asarray(part(number)).astype(np.uint16) * (16 if number else 4)
        Image.fromarray(values).save(tmp_path / f"{number}.png")
    found = check_folder(tmp_path, progress=False)
    other = found[found["detail"].str.contains("most others as 12")]
    assert other["path"].tolist() == ["0.png"] and "read as 10 bit" in other["detail"].iloc[0]


def test_copies_name_their_original_and_their_view_in_columns(tmp_path: Path) -> None:
    for number in range(8):
        part(number).save(tmp_path / f"{number}.png")
    part(3).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned_3.png")
    (tmp_path / "copy_of_5.png").write_bytes((tmp_path / "5.png").read_bytes())
    found = check_folder(tmp_path, progress=False).set_index("path")
    assert found.loc["copy_of_5.png", ["problem", "original", "view"]].tolist() == [
        "exact duplicate",
        "5.png",
        "not turned",
    ]
    assert found.loc["turned_3.png", ["original", "view"]].tolist() == ["3.png", "turned right by 90°"]
