"""Any folder with one sub-folder for each class becomes an index; anything else, one sentence."""

import os
import shutil
import struct
import tempfile
import unicodedata
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from course_lib import data
from course_lib.errors import CourseError

# index_folder


def test_the_index_lists_each_photo_with_its_class(photos: Path) -> None:
    index = data.index_folder(photos)

    assert index["label"].value_counts().to_dict() == {"defective": 10, "functional": 10}
    assert index["path"].iloc[0] == "defective/0.png"
    assert data.photo_path(index, 0) == photos / "defective" / "0.png"


def test_the_index_does_not_change_the_folder(photos: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in photos.rglob("*")}
    data.index_folder(photos)
    assert before == {file: file.stat().st_mtime_ns for file in photos.rglob("*")}


def test_hidden_files_other_files_and_folders_are_no_photos(photos: Path) -> None:
    for name in (".hidden.png", ".ipynb_checkpoints/1.png", "notes.txt", "album.png/readme"):
        path = photos / "defective" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()

    assert len(data.index_folder(photos)) == 20


def test_folders_of_the_system_are_no_classes_and_hold_no_photos(photos: Path) -> None:
    for name in ("@eaDir/1.png", "#recycle/1.png", "defective/@eaDir/1.png", "$RECYCLE.BIN/1.png"):
        (photos / name).parent.mkdir(exist_ok=True)
        shutil.copy(photos / "defective" / "1.png", photos / name)
    (photos / "System Volume Information").mkdir()
    (photos / "defective" / "#2").mkdir()
    shutil.copy(photos / "defective" / "1.png", photos / "defective" / "#2" / "@1.png")

    index = data.index_folder(photos)
    assert len(index) == 21 and "defective/#2/@1.png" in set(index["path"])
    assert set(index["label"]) == {"defective", "functional"}


@pytest.mark.skipif(os.name == "nt", reason="on Windows links need special rights")
def test_a_class_may_be_a_link_but_no_circle(photos: Path, tmp_path: Path) -> None:
    (photos / "defective").rename(tmp_path / "elsewhere")
    (photos / "defective").symlink_to(tmp_path / "elsewhere")
    (photos / "circle").symlink_to(photos)
    assert data.index_folder(photos)["label"].value_counts().to_dict() == {
        "defective": 10,
        "functional": 10,
    }


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such rights")
@pytest.mark.parametrize("closed", [".", "good", "good/deeper"])
def test_a_folder_that_may_not_be_listed_is_named(protected_folder: Path, closed: str) -> None:
    with tempfile.TemporaryDirectory() as name:  # of the user that has given up the rights of root
        for folder in ("good/deeper", "bad"):
            (Path(name) / folder).mkdir(parents=True)
            Image.new("L", (9, 9)).save(Path(name) / folder / "1.png")
        (Path(name) / closed).chmod(0o100)
        with pytest.raises(CourseError, match=r"may not be listed .*right to read it"):
            data.index_folder(name)
        (Path(name) / closed).chmod(0o700)


def test_photos_in_deeper_folders_and_with_capital_endings_count(photos: Path) -> None:
    (photos / "defective" / "line 2").mkdir()
    shutil.copy(photos / "defective" / "0.png", photos / "defective" / "line 2" / "Ä.PNG")

    assert "defective/line 2/Ä.PNG" in set(data.index_folder(photos)["path"])


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="phots does not exist; PHOTOS must name"):
        data.index_folder(tmp_path / "phots")


def test_a_file_is_no_photo_folder(photos: Path) -> None:
    with pytest.raises(CourseError, match=r"0\.png is a file"):
        data.index_folder(photos / "defective" / "0.png")


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no sub-folder at all"):
        data.index_folder(tmp_path)


def test_a_single_class_is_named(photos: Path) -> None:
    shutil.rmtree(photos / "functional")
    with pytest.raises(CourseError, match=r"only the class 'defective'.*at least two"):
        data.index_folder(photos)


def test_an_empty_class_is_named(photos: Path) -> None:
    (photos / "scratched").mkdir()
    with pytest.raises(CourseError, match="scratched holds no photo"):
        data.index_folder(photos)


def test_a_class_of_a_foreign_format_says_which(photos: Path) -> None:
    for file in (photos / "defective").glob("*.png"):
        file.rename(file.with_suffix(".HEIC"))
    with pytest.raises(CourseError, match=r"only files that end in \.heic; save them as PNG"):
        data.index_folder(photos)


def test_paths_of_index_csv_may_be_written_as_on_windows(photos: Path) -> None:
    rows = "path,lot\ndefective\\1.png,a\n ./functional/2.png ,b\n,\n,\n"
    (photos / "index.csv").write_text(rows)
    lots = data.index_folder(photos).set_index("path")["lot"]
    assert lots[["defective/1.png", "functional/2.png"]].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "cause"),
    [("path;lot\ndefective/1.png;a\n", "separated by ';'"), ("path,lot\na,良品\n", "CSV in UTF-8")],
)
def test_a_table_of_excel_that_cannot_be_used_says_why(photos: Path, content: str, cause: str) -> None:
    (photos / "index.csv").write_bytes(content.encode("cp932"))
    with pytest.raises(CourseError, match=f"{cause}.*mend it"):
        data.index_folder(photos)


def test_further_columns_of_index_csv_are_added_in_its_order(photos: Path) -> None:
    table = pd.DataFrame({"path": ["functional/3.png", "defective/7.png"], "lot": ["a", "b"]})
    table.assign(label="wrong", position=[0, 1]).to_csv(photos / "index.csv", index=False)

    index = data.index_folder(photos)

    assert len(index) == 20
    assert index["path"].tolist()[:2] == ["functional/3.png", "defective/7.png"]
    assert index["label"].tolist()[:2] == ["functional", "defective"]
    assert index["lot"].tolist()[:2] == ["a", "b"]


def test_a_table_whose_paths_are_numbers_does_not_matter(photos: Path) -> None:
    (photos / "index.csv").write_text("path,lot\n1,a\n2,b\n")
    assert data.index_folder(photos)["lot"].isna().all()


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\xff\xfe", b"photo,lot\na,b\n", b"path\na\na\n", b'path\n"a\n'])
def test_an_unusable_index_csv_is_named(photos: Path, content: bytes) -> None:
    (photos / "index.csv").write_bytes(content)
    with pytest.raises(CourseError, match=r"index\.csv .* mend it"):
        data.index_folder(photos)


def test_joined_tables_that_lost_their_folder_get_one_sentence() -> None:
    with pytest.raises(CourseError, match="does not know its photo folder"):
        data.photo_path(pd.DataFrame({"path": ["a/0.png"]}), 0)


# class names and numbers


def test_the_positive_class_has_the_last_number() -> None:
    index = pd.DataFrame({"label": ["scratch", "defective", "functional", "defective"]})
    assert data.class_names(index) == ["functional", "scratch", "defective"]
    assert data.label_numbers(index).tolist() == [1, 2, 0, 2]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("ok", "ng"), ("ok", "crack"), ("good", "bad"), ("good", "broken"), ("OK", "NG"), ("Good", "Defective"),
        ("合格", "不合格"), ("normal", "anomaly"), ("良品", "不良品"), ("good", "scratch"), ("ＯＫ", "ＮＧ"), ("OK品", "NG品"),
        ("no_defect", "defect"), ("defect-free", "scratched"), ("i.O.", "n.i.O."), ("Gut", "Schlecht"), ("ok", "not_ok"),
        ("ok_front", "def_front"), ("grade1_good", "grade2_defective"), ("正常", "异常"), ("양품", "불량"), ("PASS", "FAIL"),
        ("None", "Scratch"), ("Negative", "Positive"),
    ],
)  # fmt: skip
def test_the_usual_names_tell_the_defect_in_either_order(good: str, bad: str) -> None:
    assert data.positive_class([good, bad]) == data.positive_class([bad, good]) == bad
    assert data.class_names(pd.DataFrame({"label": [bad, good]})) == [good, bad]


@pytest.mark.parametrize(
    "names",
    [("daisy", "rose"), ("good", "ok"), ("bad", "ng"), ("ok", "without scratches"), ("0", "1"),
     ("good", "good_with_defect"), ("ok", "no screw"),
     ("good", "scratch", "dent")],
)  # fmt: skip
def test_names_that_do_not_tell_the_defect_are_asked_about(names: tuple[str, ...]) -> None:
    with pytest.raises(CourseError, match=r"Nothing in the class names .* tells which .*--positive") as error:
        data.positive_class(names)
    assert all(name in str(error.value) for name in names)
    assert data.class_names(pd.DataFrame({"label": names})) == sorted(names), "numbers need an order all the same"


def test_the_wanted_class_may_be_typed_another_way() -> None:
    apart = unicodedata.normalize("NFD", "バリ")
    assert data.positive_class(["良品", apart], wanted="バリ") == apart
    assert data.positive_class(["ok", "Crack"], wanted="CRACK") == "Crack"
    assert data.positive_class(["A", "a"], wanted="a") == "a"
    for wrong in ("broken", "Ａ"):
        with pytest.raises(CourseError, match="is not there; the classes are A, a"):
            data.positive_class(["A", "a"], wanted=wrong)


def test_numbers_follow_the_order_of_the_classes() -> None:
    index = pd.DataFrame({"label": ["b", "a"]})
    assert data.label_numbers(index, ["b", "a"]).tolist() == [0, 1]
    with pytest.raises(CourseError, match="'b' is not one of the classes a"):
        data.label_numbers(index, ["a"])


# read_image


def save(image: Image.Image, **settings) -> BytesIO:
    buffer = BytesIO()
    image.save(buffer, **settings)
    buffer.seek(0)
    return buffer


def test_16_bit_photos_keep_their_range(tmp_path: Path) -> None:
    wide = np.array([[0, 256, 32768, 65535]], dtype=np.uint16)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert data.read_image(tmp_path / "wide.png").tolist() == [[0, 1, 128, 255]]


def test_a_photo_lying_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    Image.new("L", (30, 20)).save(tmp_path / "side.jpg", exif=exif)
    assert data.read_image(tmp_path / "side.jpg").shape == (30, 20)


@pytest.mark.parametrize("width", [struct.pack("<HHIf", 256, 11, 1, 30.0), struct.pack("<HHIi", 256, 9, 1, -30)])
def test_a_photo_whose_exif_note_cannot_be_is_one_sentence(tmp_path: Path, width: bytes) -> None:
    turned = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    note = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + width + turned + bytes(4)
    Image.new("L", (30, 20)).save(tmp_path / "odd.jpg", exif=note)
    with pytest.raises(CourseError, match=r"odd\.jpg cannot be read .*set it aside"):
        data.read_image(tmp_path / "odd.jpg")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_photos_of_every_kind_become_grey_or_colour(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "photo.tif"
    Image.new(mode, (7, 5)).save(path)
    assert data.read_image(path).shape == (5, 7)
    assert data.read_image(path, "RGB").shape == (5, 7, 3)


def test_a_missing_photo_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"There is no photo .*gone\.png"):
        data.read_image(tmp_path / "gone.png")


@pytest.mark.parametrize("content", [b"", b"This is a letter.", b"<html>404</html>", bytes(99)])
def test_a_file_that_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "fake.png").write_bytes(content)
    with pytest.raises(CourseError, match=r"fake\.png is not an image"):
        data.read_image(tmp_path / "fake.png")


FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(FORMATS),
    places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    kept=st.floats(0, 1),
)
@pytest.mark.filterwarnings("ignore")
def test_whatever_bytes_a_photo_holds_it_is_read_or_refused_in_one_sentence(
    tmp_path: Path, kind: str, places: list, kept: float
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (9, 11, 3), dtype=np.uint8)
    content = bytearray(save(Image.fromarray(noise), format=kind).getvalue())
    for place, value in places:
        content[int(place * (len(content) - 1))] = value
    path = tmp_path / f"photo.{kind.lower()}"
    path.write_bytes(content[: int(kept * len(content))] if kept < 0.5 else content)

    try:
        image = data.read_image(path)
    except CourseError:
        return
    assert image.dtype == np.uint8 and image.ndim == 2


# read_pixels


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_square_with_the_channels_first(photos: Path, channels: int) -> None:
    pixels = data.read_pixels(photos / "defective" / "0.png", 16, channels)
    assert pixels.shape == (channels, 16, 16) and pixels.dtype == np.uint8


def test_a_photo_of_one_grey_keeps_it(tmp_path: Path) -> None:
    Image.new("L", (50, 30), 77).save(tmp_path / "grey.png")
    assert (data.read_pixels(tmp_path / "grey.png", 8) == 77).all()


@pytest.mark.parametrize(("size", "channels"), [(16, 2), (0, 1), (-4, 3)])
def test_impossible_sizes_and_channels_are_named(photos: Path, size: int, channels: int) -> None:
    with pytest.raises(CourseError, match=rf"{channels if size > 0 else size}"):
        data.read_pixels(photos / "defective" / "0.png", size, channels)


# the solar cells


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The solar cells, laid out in a data folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", str(tmp_path_factory.mktemp("data")))
        return data.solar_cells()


@pytest.fixture
def cells(laid_out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_DATA", str(laid_out.parent))
    return laid_out


def test_the_solar_cells_are_those_of_the_publication(cells: Path) -> None:
    index = data.index_folder(cells)
    counts = index["defect_probability"].round(2).value_counts().to_dict()

    assert counts == {0.0: 1508, 0.33: 295, 0.67: 106, 1.0: 715}
    assert index["cell_type"].value_counts().to_dict() == {"poly": 1550, "mono": 1074}
    assert index["position"].tolist() == list(range(2624))
    assert ((index["defect_probability"] > 0.5) == (index["label"] == "defective")).all()


def test_a_removed_photo_is_put_back_and_the_others_are_left_alone(cells: Path) -> None:
    one, other = sorted(cells.glob("defective/*.png"))[:2]
    content, time = one.read_bytes(), other.stat().st_mtime_ns
    one.unlink()

    data.solar_cells()

    assert one.read_bytes() == content
    assert other.stat().st_mtime_ns == time


def test_a_column_added_to_the_table_of_the_cells_stays(cells: Path) -> None:
    table = pd.read_csv(cells / "index.csv").assign(inspector="Aki")
    table.to_csv(cells / "index.csv", index=False)

    data.solar_cells()

    assert set(data.index_folder(cells)["inspector"]) == {"Aki"}


def test_a_file_in_the_way_of_the_cells_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    (tmp_path / "solar_cells").write_text("mine")
    with pytest.raises(CourseError, match=r"data/solar_cells.* cannot be made"):
        data.solar_cells()


def test_licence_and_citation_are_told(cells: Path) -> None:
    text = data.credits(cells)
    assert "CC BY-NC-SA 4.0" in text and "Buerhop-Lutz et al. 2018" in text


def test_a_folder_without_licence_says_so(photos: Path) -> None:
    assert "has no LICENCE.txt" in data.credits(photos)


def test_everyday_photos_are_there_without_a_network() -> None:
    for path in data.everyday_photos().values():
        assert os.path.getsize(path) > 10_000


def test_doubt_that_is_no_probability_is_refused() -> None:
    index = pd.DataFrame({"label": ["functional", "defective"]})
    for wrong in (["high", "low"], [0, 75], [-0.1, 1]):
        with pytest.raises(CourseError, match="needs numbers from 0 to 1"):
            data.label_probabilities(index.assign(defect_probability=wrong))
    left_open = data.label_probabilities(index.assign(defect_probability=[0.25, None]))
    np.testing.assert_array_equal(left_open, [[0.75, 0.25], [0, 1]])


def test_a_licence_in_another_encoding_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "LICENCE.txt").write_bytes("© A. Author".encode("cp1252"))
    assert data.credits(tmp_path).endswith("A. Author")
