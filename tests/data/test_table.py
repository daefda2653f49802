"""Tables are read forgivingly, and nothing of them is ignored in silence."""

import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from course_lib.checks import check_folder
from course_lib.data import index_folder, match_photos, read_table
from course_lib.errors import CourseError


def told(photos: Path, text: str | bytes) -> tuple[pd.DataFrame, str]:
    """The index with a table beside the photos, and what was said."""
    content = text if isinstance(text, bytes) else text.encode()
    (photos / "index.csv").write_bytes(content)
    said: list[str] = []
    return index_folder(photos, said.append).set_index("path"), " ".join(said)


LOTS = {"defective/1.png": "L1", "functional/2.png": "L2"}


@pytest.mark.parametrize(
    "text",
    [
        "path,lot\n{0},{1}\n{2},{3}\n", "Path,Lot\n{0},{1}\n{2},{3}\n", " path , lot \n{0},{1}\n{2},{3}\n",
        "filename,LOT\n{0},{1}\n{2},{3}\n", "File Name,Batch\n{0},{1}\n{2},{3}\n", "image,lot_no\n{0},{1}\n{2},{3}\n",
        "\ufeffpath,lot\n{0},{1}\n{2},{3}\n", "path;lot\n{0};{1}\n{2};{3}\n", "path\tlot\n{0}\t{1}\n{2}\t{3}\n",
        "ファイル名,ロット\n{0},{1}\n{2},{3}\n", "ＰＡＴＨ,Ｌｏｔ\n{0},{1}\n{2},{3}\n",
        '"path","lot"\r\n"{0}","{1}"\r\n"{2}","{3}"\r\n', "\n\npath,lot,\n{0},{1},\n{2},{3},\n",
    ],
)  # fmt: skip
def test_headings_may_be_written_in_many_ways(photos: Path, text: str) -> None:
    (first, one), (second, two) = LOTS.items()
    index, _ = told(photos, text.format(first, one, second, two))
    assert index["lot"].dropna().to_dict() == LOTS


@pytest.mark.parametrize(
    "form",
    ["{label}/{name}", "./{label}/{name}", "{label}\\{name}", "/home/aki/photos/{label}/{name}",
     "C:\\Photos\\2024\\{label}\\{name}", "photos/{label}/{name}", "{label}/{name} ", "{LABEL}/{NAME}"],
)  # fmt: skip
def test_paths_may_be_written_in_many_ways(photos: Path, form: str) -> None:
    rows = ["path,lot"]
    for path, lot in LOTS.items():
        label, name = path.split("/")
        rows.append(form.format(label=label, name=name, LABEL=label.upper(), NAME=name.upper()) + f",{lot}")
    index, said = told(photos, "\n".join(rows))
    assert index["lot"].dropna().to_dict() == LOTS and "name no photo" not in said


def test_names_alone_are_enough_where_they_are_unique() -> None:
    nfd = unicodedata.normalize("NFD", "ü.png")
    photos = ["good/1.png", "bad/1.png", "bad/lot 7/2.png", f"good/{nfd}", "good/A.png"]
    wanted = {
        "2.png": "bad/lot 7/2.png", "lot 7/2.png": "bad/lot 7/2.png", "ü.png": f"good/{nfd}", "1.png": "",
        "good/3.png": "", "ugly/1.png": "", "a.png": "good/A.png", "D:/x/good/1.png": "good/1.png",
    }  # fmt: skip
    assert dict(zip(wanted, match_photos(wanted, photos), strict=True)) == wanted


def test_what_a_table_names_in_vain_is_said(photos: Path) -> None:
    _, said = told(photos, "path,lot\ndefective/1.png,a\ngone.png,b\n1.png,c\n")
    assert "2 rows name no photo of a class, or several (the first is gone.png)" in said
    assert "19 photos have no row" in said


def test_labels_that_differ_from_the_folders_are_counted(photos: Path) -> None:
    index, said = told(photos, "path,Label\ndefective/1.png,Defective\ndefective/2.png,functional\nfunctional/2.png,\n")
    assert "1 labels differ from the folders (the first is defective/2.png: 'functional'" in said
    assert index.loc["defective/2.png", "label"] == "defective"


@pytest.mark.parametrize(
    "words", [("train", "validation", "test"), ("Training", "VAL", "testing"), ("学習用", "検証", "テスト")]
)
def test_a_split_of_ones_own_is_kept_and_named(photos: Path, words: tuple[str, str, str]) -> None:
    rows = [
        f"{label}/{number}.png,{words[number % 3]}" for label in ("functional", "defective") for number in range(10)
    ]
    index, said = told(photos, "\n".join(["path,Split", *rows]))
    assert index["split"].value_counts().to_dict() == {"train": 8, "validation": 6, "test": 6}
    assert "brings a split of its own (train 8, validation 6, test 6)" in said


@pytest.mark.parametrize("word", ["holdout", "1", ""])
def test_a_split_that_cannot_be_understood_is_refused(photos: Path, word: str) -> None:
    with pytest.raises(CourseError, match=r"column split of .*index\.csv needs train, validation or test for each"):
        told(photos, f"path,split\ndefective/1.png,train\ndefective/2.png,{word}\n")


@pytest.mark.parametrize("name", ["None", "NA", "null", "nan", "01", "0", "1e5", "True", "-", "#N/A", "1_000"])
def test_text_stays_text(tmp_path: Path, name: str) -> None:
    (tmp_path / "table.csv").write_text(f"path,label,lot,note\na/1.png,{name},{name},{name}\nb/1.png,x,y,text\n")
    table = read_table(tmp_path / "table.csv")
    assert table.loc[0, ["label", "lot", "note"]].tolist() == [name] * 3


def test_numbers_become_numbers_where_all_are(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("path,share,count,code,gap\na,0.3333333333333333,7,007,\nb,1e-3,-2,8,4\n")
    table = read_table(tmp_path / "table.csv")
    assert table["share"].tolist() == [0.3333333333333333, 0.001] and table["count"].tolist() == [7, -2]
    assert table["code"].tolist() == ["007", "8"] and table["gap"].isna().tolist() == [True, False]


@pytest.mark.parametrize("sign", ["-", "+", "."])
def test_a_column_of_signs_is_text(tmp_path: Path, sign: str) -> None:
    (tmp_path / "table.csv").write_text(f"path,note\na,{sign}\nb,{sign}\n")
    assert read_table(tmp_path / "table.csv")["note"].tolist() == [sign, sign]


def test_two_headings_for_one_thing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("path,Lot,lot \na,1,2\n")
    with pytest.raises(CourseError, match="has two columns that mean the same"):
        read_table(tmp_path / "table.csv")


@pytest.mark.parametrize("heading", ["part", "Part", "part_id", "Serial Number", "piece", "部品番号"])
def test_photos_of_one_part_are_known_by_many_headings(photos: Path, heading: str) -> None:
    index, said = told(photos, f"path,{heading}\ndefective/1.png,007\ndefective/2.png,007\n")
    assert index["part"].dropna().tolist() == ["007", "007"] and "nothing is done" not in said


@pytest.mark.parametrize("name", ["Index.csv", "INDEX.CSV", "labels.csv"])
def test_the_table_of_the_check_is_the_table_of_the_training(photos: Path, name: str) -> None:
    (photos / name).write_text("path,label\n" + "".join(f"defective/{n}.png,functional\n" for n in range(10)))
    said: list[str] = []
    index_folder(photos, said.append)
    assert f"{name}: 10 labels differ" in "".join(said)
    assert (check_folder(photos, progress=False)["problem"] == "label differs from folder").sum() == 10


@pytest.mark.parametrize("name", ["lots.csv", "index.xlsx", "index.tsv", "_annotations.coco.json"])
def test_a_table_that_nobody_reads_is_named(photos: Path, name: str) -> None:
    (photos / name).write_text("path,lot\n")
    assert f"Not read: {name}; " in told(photos, "path,lot\ndefective/1.png,a\n")[1]


def test_columns_that_mean_nothing_here_are_named(photos: Path) -> None:
    _, said = told(photos, "path,Day,lot,fold\ndefective/1.png,Monday,a,1\n")
    assert "index.csv: nothing is done with Day, fold; the course knows the columns path, label, lot, part" in said


def test_a_table_of_headings_alone_names_no_photo(photos: Path) -> None:
    index, said = told(photos, "path,lot\n")
    assert len(index) == 20 and "20 photos have no row in it" in said


def test_cells_below_no_heading_are_not_dropped_in_silence(photos: Path) -> None:
    with pytest.raises(CourseError, match="cannot be read as CSV"):
        told(photos, "path,lot\ndefective/1.png,a,b\n")


def test_a_row_that_ends_early_has_empty_cells(photos: Path) -> None:
    index, _ = told(photos, "lot,path,part\nL1,defective/1.png\nL2\n")
    assert index["lot"].dropna().to_dict() == {"defective/1.png": "L1"} and index["part"].isna().all()
