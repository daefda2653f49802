"""The one reader of tables: forgiving in headings and forms of paths, strict in what it ignores (lesson 2)."""

import os
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import pandas as pd

from course_lib.data.labels import same_name
from course_lib.errors import CourseError
from course_lib.paths import shorten

# What the columns of the course are also called, the surest name first.
HEADINGS = {
    "path": "path filepath imagepath photopath filename file image imagename img photo picture name ファイル名 画像 画像名",
    "label": "label class classname target category groundtruth ラベル クラス 分類 判定",
    "lot": "lot lotid lotno lotnumber lotname batch batchid batchno batchnumber ロット ロット番号",
    "part": "part partid partno partnumber piece pieceid serial serialno serialnumber 部品 部品番号 ワーク",
    "split": "split subset partition 分割",
    "defect_probability": "defectprobability",
    "cell_type": "celltype",
    "position": "position",
}
TEXT = ("path", "label", "lot", "part", "split")  # a lot "007" or a class "None" stays as it is written
SPLIT_WORDS = {
    "tra": "train",
    "学習": "train",
    "訓練": "train",
    "val": "validation",
    "検証": "validation",
    "dev": "validation",
    "tes": "test",
    "テスト": "test",
    "評価": "test",
}
NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def read_table(path: str | os.PathLike) -> pd.DataFrame:
    """A CSV table with its known columns under the names of the course; other columns stay as they are.

    Text stays text, also "None", "NA" and "01". Other columns become numbers where every cell is one.

    Raises:
        CourseError: it cannot be read, has no column with photo names, or two that mean the same.
    """
    name = shorten(path)
    if not os.path.exists(path):
        raise CourseError(f"There is no table {name}; check its path.")
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        separator = max(",;\t", key=text.lstrip().partition("\n")[0].count)
        with warnings.catch_warnings(action="error"):  # of cells that stand below no heading
            table = pd.read_csv(StringIO(text), sep=separator, dtype=str, keep_default_na=False, index_col=False)
            table = table.fillna("")  # of rows that end early
    except (OSError, ValueError, Warning) as error:
        raise unusable(name, f"cannot be read as CSV in UTF-8, which Excel calls 'CSV UTF-8' ({error})") from error
    written = {re.sub(r"[\W_]", "", same_name(column)): column for column in table}
    if len(written) < len(table.columns):
        raise unusable(name, f"has two columns that mean the same (found: {', '.join(table)})")
    for known, words in HEADINGS.items():
        found = [written[word] for word in words.split() if word in written]
        table = table.rename(columns=dict.fromkeys(found[:1], known))
    if "path" not in table:
        raise unusable(name, f"needs a column 'path' with the names of the photos (found: {', '.join(table)})")
    table["path"] = table["path"].map(clean_path)
    return table[table["path"] != ""].reset_index(drop=True).apply(_typed)


def find_table(folder: str | os.PathLike) -> Path | None:
    """The table that lies beside the photos: index.csv or else labels.csv, in capitals or not; or None."""
    there = {same_name(path.name): path for path in sorted(Path(folder).glob("*.[cC][sS][vV]"))}
    return there.get("index.csv", there.get("labels.csv"))


def unusable(name: str, why: str) -> CourseError:
    """That a table cannot be used, why, and what to do."""
    return CourseError(
        f"The table {name} {why}; mend it, or go on without it (if it lies in the photo folder, move it out)."
    )


def clean_path(path: str) -> str:
    """A photo's name as the index writes it.

    Example:
        >>> clean_path(" .\\\\good\\\\1.png")
        'good/1.png'
    """
    return path.strip().replace("\\", "/").removeprefix("./")


def _typed(cells: pd.Series) -> pd.Series:
    """Numbers where all cells are numbers, otherwise text; empty cells are missing."""
    cells = cells.astype(object).map(str.strip)
    filled, cells = cells[cells != ""], cells.where(cells != "", None)
    is_number = len(filled) > 0 and all(NUMBER.fullmatch(cell) for cell in filled)
    return pd.to_numeric(cells) if is_number and cells.name not in TEXT else cells


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
        parts = _plain(name).split("/")
        for end in ("/".join(parts[start:]) for start in range(len(parts))):
            found = ends.get(end, [])
            # Without all of the row's name it must be all of the photo's path: else it is another photo of that name.
            if len(found) > 1 or end != "/".join(parts):
                found = [photo for photo in found if _plain(photo) == end]
            if len(found) == 1:
                return found[0]
        return ""

    return [match(name) for name in names]


def _plain(path: str) -> str:
    return same_name(clean_path(path))


def split_names(values: pd.Series, name: str) -> pd.Series:
    """The column ``split`` of a table with the words of the course.

    Raises:
        CourseError: a word that is not known, or none.

    Example:
        >>> split_names(pd.Series(["Training", "val", "TEST"]), "index.csv").tolist()
        ['train', 'validation', 'test']
    """
    words = values.fillna("nothing").map(same_name)
    found = words.map(
        lambda word: next((split for start, split in SPLIT_WORDS.items() if word.startswith(start)), None)
    )
    if found.isna().any():
        odd = sorted(set(words[found.isna()]))
        raise CourseError(
            f"The column split of {name} needs train, validation or test for each photo (found: {', '.join(odd[:3])}); "
            "mend it, or call the column something else."
        )
    return found
