"""Every file that is given is inspected, or named with the reason."""

import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from small_inspector import scratch_inspector

from course_lib.errors import CourseError
from course_lib.inspection import list_photos

pytestmark = pytest.mark.usefixtures("one_thread")


def test_nothing_to_inspect_is_one_sentence(tmp_path: Path) -> None:
    for nothing in ([], tmp_path):
        with pytest.raises(CourseError, match="no photo"):
            scratch_inspector().inspect(nothing, progress=False)


def test_folders_and_photos_may_be_mixed_and_each_photo_comes_once(photos: Path) -> None:
    paths = [photos / "defective" / "3.png", photos / "defective", "gone.png"]
    found = list_photos(paths).photos
    assert len(found) == 11 and found[0].name == "3.png" and found[-1].name == "gone.png"


def test_what_the_course_cannot_read_is_reported_and_not_passed_over(photos: Path) -> None:
    folder = photos / "defective"
    for name in ("a.HEIC", "b.cr2", "c.jp2"):
        (folder / name).touch()
    Image.effect_noise((50, 50), 50).save(folder / "d.jfif", format="JPEG")
    (folder / "index.csv").touch()
    table = scratch_inspector().inspect(folder, progress=False)
    bad = table[table["decision"] == "not inspected"]
    assert len(table) == 14 and len(bad) == 3  # Pillow reads .jfif
    assert bad["problem"].str.contains("cannot be read: ").all()


def test_a_folder_that_may_not_be_listed_is_named(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def refuse(path: Path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    (photos / "locked").mkdir()
    monkeypatch.setattr("os.scandir", refuse)
    listing = list_photos(photos)
    assert len(listing.photos) == 20 and "may not be listed" in listing.others[photos / "locked"]


def test_a_link_that_is_not_followed_is_named(photos: Path) -> None:
    (photos / "again").symlink_to(photos, target_is_directory=True)
    listing = list_photos(photos)
    assert len(listing.photos) == 20 and "searched anyway" in listing.others[photos / "again"]


def test_damage_that_decoders_do_not_notice_is_reported(photos: Path) -> None:
    path = photos / "half.jpg"
    Image.effect_noise((40, 40), 50).save(path)
    data = path.read_bytes()
    middle = len(data) - 300
    path.write_bytes(data[:middle] + b"\xff\x01" + data[middle + 2 :])
    table = scratch_inspector().inspect(path, progress=False)
    assert table["decision"][0] == "not inspected" and "damaged (foreign bytes" in table["problem"][0]


@pytest.mark.parametrize("kind", ["tif", "gif", "webp"])
def test_a_file_of_several_pictures_is_not_judged_by_its_first(tmp_path: Path, kind: str) -> None:
    pages = [Image.effect_noise((60, 60), 50 + page).convert("RGB") for page in range(3)]
    for name in (f"pages.{kind}", "phone.jpg"):  # in a JPEG the second picture is a preview
        pages[0].save(
            tmp_path / name, save_all=True, append_images=pages[1:], format="MPO" if "phone" in name else None
        )
    table = scratch_inspector().inspect(tmp_path, progress=False)
    assert (table["decision"] == "not inspected").tolist() == [True, False]
    assert "holds several pictures" in table["problem"].iloc[0]


def test_notes_that_pillow_refuses_stop_no_inspection(tmp_path: Path) -> None:
    notes = PngInfo()
    notes.add(b"zTXt", b"log\0\0" + zlib.compress(b"x" * 3_000_000))
    Image.effect_noise((60, 60), 50).save(tmp_path / "scanned.png", pnginfo=notes)
    assert scratch_inspector().inspect(tmp_path, progress=False)["problem"].tolist() == [""]


def test_an_empty_folder_is_reported_and_the_rest_goes_on(photos: Path) -> None:
    (photos / "empty").mkdir()
    paths = [photos / "empty", photos / "defective" / "0.png"]
    table = scratch_inspector().inspect(paths, progress=False)
    assert "holds no photo" in table["problem"][0] and table["decision"][1] != "not inspected"


def test_patterns_are_expanded(photos: Path) -> None:
    (photos / "defective" / "[1]*.png").touch()
    assert len(list_photos(str(photos / "*" / "[12].png")).photos) == 4
    assert len(list_photos(photos / "defective" / "[1]*.png").photos) == 1
    paths = [photos / "*.tif", photos / "defective" / "0.png"]
    problem = scratch_inspector().inspect(paths, progress=False)["problem"][0]
    assert "There is no photo" in problem and "*.tif" in problem


def test_hidden_files_are_not_inspected(photos: Path) -> None:
    (photos / ".trash").mkdir()
    (photos / ".trash" / "old.png").touch()
    (photos / "@eaDir").mkdir()  # thumbnails that a Synology storage makes
    (photos / "@eaDir" / "0.png").touch()
    assert len(list_photos(photos).photos) == 20


@pytest.mark.skipif(os.name == "nt", reason="on Windows links need special rights")
def test_linked_folders_are_searched_but_not_in_a_circle(photos: Path, tmp_path: Path) -> None:
    (photos / "defective").rename(tmp_path / "other_disk")
    (photos / "camera 2").symlink_to(tmp_path / "other_disk")
    (photos / "functional" / "round").symlink_to(photos)
    (tmp_path / "other_disk" / "back").symlink_to(tmp_path / "other_disk")
    found = list_photos(photos).photos
    assert len(found) == 20 and photos / "camera 2" / "3.png" in found


def test_files_without_a_photos_ending_are_told_apart_by_their_content(photos: Path) -> None:
    (photos / "defective" / "0.png").rename(photos / "defective" / "0000017")
    (photos / "defective" / "1.png").rename(photos / "defective" / "1.png.part")
    (photos / "defective" / "zeros").write_bytes(bytes(1000))
    (photos / "defective" / "heic.bak").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (photos / "notes.txt").write_text("The lamp was changed on Monday.")
    (photos / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(100))
    listing = list_photos(photos)
    assert {path.name: kind for path, kind in listing.others.items()} == {
        "notes.txt": "text",
        "Thumbs.db": "unknown bytes",
    }
    table = scratch_inspector().inspect(photos, progress=False)
    bad = table.loc[table["decision"] == "not inspected", "path"]
    assert len(table) == 22 and sorted(Path(path).name for path in bad) == ["heic.bak", "zeros"]
    named = scratch_inspector().inspect([photos / "notes.txt"], progress=False)
    assert "notes.txt is not an image" in named["problem"][0], "what is named has a row, whatever it is"


@pytest.mark.parametrize(("value", "problem"), [(128, "constant"), (2, "nearly black"), (250, "nearly white")])
def test_a_photo_that_shows_nothing_is_not_inspected_unless_that_is_usual(
    tmp_path: Path, value: int, problem: str
) -> None:
    pixels = np.full((40, 40), value, np.uint8)
    if problem != "constant":
        pixels[::2] += 4
    Image.fromarray(pixels).save(tmp_path / "a.png")
    row = scratch_inspector().inspect(tmp_path, progress=False).iloc[0]
    assert row["decision"] == "not inspected" and problem in row["problem"]
    dark_field = scratch_inspector(usual=["nearly black", "nearly white", "constant"])
    assert dark_field.inspect(tmp_path, progress=False)["problem"][0] == ""


@pytest.mark.parametrize("name", ["検査" * 41, "x" * 250, "a b'c%d"])
def test_a_long_or_strange_name_does_not_stop_the_heat_maps(tmp_path: Path, name: str) -> None:
    new = tmp_path / "new"
    new.mkdir()
    for stem in ("1", name):
        Image.effect_noise((40, 40), 50).save(new / f"{stem}.png")
    table = scratch_inspector().inspect(new, progress=False, heat_maps=tmp_path / "maps")
    assert (table["problem"] == "").all() and table["heat_map"].nunique() == 2
    assert len(list((tmp_path / "maps").iterdir())) == 2
