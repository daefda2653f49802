"""The one reader of tables: forgiving in headings and forms of paths, strict in what it ignores (lesson 2)."""

import os
import re
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import pandas as pd

from course_lib.data.labels import same_name, words_of
from course_lib.errors import CourseError
from course_lib.paths import shorten

# What the columns of the course are also called, the surest name first.
HEADINGS = {
    "path": "path filepath imagepath photopath filename file image imagename img photo picture name ファイル名 画像 画像名",
    "label": "label class classname target category groundtruth klasse kategorie classe ラベル クラス 分類 判定",
    "lot": "lot lotid lotno lotnumber lotname batch batchid batchno batchnumber charge ロット ロット番号",
    "part": "part partid partno partnumber piece pieceid serial serialno serialnumber 部品 部品番号 ワーク",
    "split": "split subset partition 分割",
    "defect_probability": "defectprobability",
    "cell_type": "celltype",
    "position": "position",
}
TEXT = ("path", "label", "lot", "part", "split")  # a lot "007" or a class "None" stays as it is written
SPLIT_WORDS = {
    "train": "train training tr 学習 訓練",
    "validation": "validation valid val dev 検証",
    "test": "test testing te 評価 テスト",
}
NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)?(\.\d*)?([eE][+-]?\d+)?")


def read_table(path: str | os.PathLike) -> pd.DataFrame:
    """A CSV table with its known columns under the names of the course; other columns stay as they are.

    Text stays text, also "None", "NA" and "01". Other columns become numbers where every cell is one.

    Raises:
        CourseError: it cannot be read, has no column with photo names, or two that mean the same.
    """
    try:
        data = Path(path).read_bytes()
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        text = re.sub(r"\Asep=.\r?\n", "", text)  # for Excel alone
        first = text.lstrip().partition("\n")[0]
        separator = max(",;\t|", key=first.count)
        with warnings.catch_warnings(action="error"):  # of cells that stand below no heading
            table = pd.read_csv(StringIO(text), sep=separator, dtype=str, keep_default_na=False, index_col=False)
    except (OSError, ValueError, Warning) as error:
        raise unusable(shorten(path), f"cannot be read as CSV in UTF-8 ({error})") from error
    return tidy_table(table, shorten(path))


def find_table(folder: str | os.PathLike) -> Path | None:
    """The table that lies beside the photos: index.csv or else labels.csv, in capitals or not; or None."""
    there = {same_name(path.name): path for path in sorted(Path(folder).glob("*.[cC][sS][vV]"))}
    return there.get("index.csv", there.get("labels.csv"))


def unusable(name: str, why: str) -> CourseError:
    """That a table cannot be used, why, and what to do."""
    return CourseError(f"The table {name} {why}; mend it, or move it out of the photo folder to go on without it.")


def tidy_table(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """`read_table` for a table that is in memory.

    Example:
        >>> table = pd.DataFrame({" File": ["good\\\\1.png"], "LOT": ["007"], "width": ["40"]})
        >>> tidy_table(table, "the table").to_dict("records")
        [{'path': 'good/1.png', 'lot': '007', 'width': 40}]
    """
    written = {str(column): re.sub(r"[\W_]", "", same_name(column)) for column in table.columns}
    names: dict[str, str] = {}
    for known, words in HEADINGS.items():
        found = [column for word in words.split() for column, squeezed in written.items() if squeezed == word]
        same = [column for column in found if written[column] == written[found[0]]]
        if len(same) > 1:
            raise CourseError(f"The columns {' and '.join(same)} of {name} mean the same; mend it and keep one.")
        names |= {column: known for column in same}
    if "path" not in names.values():
        raise unusable(name, f"needs a column 'path' with the names of the photos (found: {', '.join(written)})")
    table = table.rename(columns=str).rename(columns=names)
    table = table.assign(path=table["path"].map(clean_path))
    table = table[table["path"] != ""].reset_index(drop=True)
    return table.assign(**{column: _typed(table[column], column in TEXT) for column in table})


def clean_path(path: str) -> str:
    """A photo's name as the index writes it.

    Example:
        >>> clean_path(" .\\\\good\\\\1.png")
        'good/1.png'
    """
    return "" if pd.isna(path) else str(path).strip().replace("\\", "/").removeprefix("./")


def _typed(cells: pd.Series, is_text: bool) -> pd.Series:
    """Numbers where all cells are numbers, otherwise text; empty cells of other columns are missing."""
    if not pd.api.types.is_string_dtype(cells):
        return cells.astype(str) if is_text else cells
    cells = cells.astype(object).where(cells.notna(), "").map(str.strip)
    filled = cells[cells != ""]
    if not is_text and len(filled) and filled.map(lambda cell: bool(NUMBER.fullmatch(cell))).all():
        return pd.to_numeric(cells.where(cells != "", None))
    return cells.where(cells != "", None)


def match_photos(names: Iterable[str], photos: Iterable[str]) -> list[str]:
    """Which photo each row of a table means; "" where that is not clear.

    A row may name the path below the folder, more of the path, or less of it if that is enough. Accents
    stored apart (macOS), capitals and backslashes do not matter.

    Args:
        names: as the table writes them.
        photos: paths in the folder, with "/".

    Example:
        >>> photos = ["good/1.png", "good/2.png", "bad/2.png"]
        >>> match_photos(["1.PNG", "2.png", "C:\\\\photos\\\\bad\\\\2.png", "bad/1.png"], photos)
        ['good/1.png', '', 'bad/2.png', '']
    """
    ends: dict[str, list[str]] = defaultdict(list)
    for photo in photos:
        parts = _plain(photo).split("/")
        for start in range(len(parts)):
            ends["/".join(parts[start:])].append(photo)

    def match(name: str) -> str:
        parts = clean_path(name).split("/")
        for start in range(len(parts)):
            end = "/".join(parts[start:])
            # All of the row's name, or all of the photo's path: else it is another photo of that name.
            found = [photo for photo in ends.get(_plain(end), []) if start == 0 or _plain(photo) == _plain(end)]
            if len(found) > 1:  # the one that lies there, or else is written so
                found = [photo for photo in found if _plain(photo) == _plain(end)] or found
                found = [photo for photo in found if f"/{_written(photo)}".endswith(f"/{_written(end)}")]
            if found:
                return found[0] if len(found) == 1 else ""
        return ""

    return [match(name) for name in names]


def _plain(path: str) -> str:
    return _written(path).casefold()


def _written(path: str) -> str:
    return unicodedata.normalize("NFC", clean_path(path))


def split_names(values: pd.Series, name: str) -> pd.Series:
    """The column ``split`` of a table with the words of the course.

    Raises:
        CourseError: a word that is not known, or none.

    Example:
        >>> split_names(pd.Series(["Training", "val", "TEST"]), "index.csv").tolist()
        ['train', 'validation', 'test']
    """
    words = {word: split for split, known in SPLIT_WORDS.items() for word in known.split()}
    found = values.map(lambda value: words.get("".join(words_of(value)) if isinstance(value, str) else ""))
    if found.isna().any():
        odd = sorted({str(value) for value in values[found.isna()].fillna("nothing")})
        raise CourseError(
            f"The column split of {name} needs train, validation or test for each photo (found: {', '.join(odd[:3])}); "
            "mend it, or call the column something else."
        )
    return found
