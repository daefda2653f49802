"""Any folder with one sub-folder for each class becomes an index; anything else, one sentence."""

import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import pytest
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
    assert data.index_folder(photos)["label"].value_counts().to_dict() == {"defective": 10, "functional": 10}


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


def test_a_table_in_an_encoding_of_another_country_says_why(photos: Path) -> None:
    (photos / "index.csv").write_bytes("path,lot\na,良品\n".encode("cp932"))
    with pytest.raises(CourseError, match=r"CSV in UTF-8, which .*mend it"):
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


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\xff\xfe", b"picture of,lot\na,b\n", b"path\ndefective/0.png\ndefective/0.png\n", b'path\n"a\n'],
)
def test_an_unusable_index_csv_is_named(photos: Path, content: bytes) -> None:
    (photos / "index.csv").write_bytes(content)
    with pytest.raises(CourseError, match=r"index\.csv .* mend it"):
        data.index_folder(photos)


def test_joined_tables_that_lost_their_folder_get_one_sentence() -> None:
    with pytest.raises(CourseError, match="does not know its photo folder"):
        data.photo_path(pd.DataFrame({"path": ["a/0.png"]}), 0)
