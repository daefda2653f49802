"""From a folder of photos to an index: one table with one row for each photo.

Any folder with one sub-folder for each class enters the course here, so a learner's own photos
travel the same way as the solar cells.
"""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib.data.labels import class_names
from course_lib.data.photo import IMAGE_ENDINGS
from course_lib.data.walk import is_hidden, walk
from course_lib.errors import CourseError
from course_lib.paths import shorten


def index_folder(folder: str | os.PathLike) -> pd.DataFrame:
    """Index a folder that has one sub-folder for each class.

    Files are listed by name, never opened: `course_lib.checks.folder` finds the ones that
    cannot be read. Hidden files and files without an image ending are left out.

    Args:
        folder: the photo folder. If it holds an ``index.csv`` with a column ``path``, the
            further columns of that table are added to the photos found (and its row
            order is kept).

    Returns:
        One row for each photo: ``path`` (text, relative to the folder, with ``/``),
        ``label`` (text, name of the sub-folder) and any further columns of ``index.csv``.
        ``index.attrs["folder"]`` remembers the folder.

    Raises:
        CourseError: no such folder, one that may not be listed, fewer than two classes, a class
            without photos, or an ``index.csv`` that cannot be used.

    Example:
        >>> from course_lib.data import solar_cells
        >>> index = index_folder(solar_cells())
        >>> index.shape
        (2624, 5)
        >>> index["label"].value_counts().to_dict()
        {'functional': 1803, 'defective': 821}
    """
    folder = Path(folder)
    if not os.path.isdir(folder):
        reason = "is a file" if os.path.exists(folder) else "does not exist"
        raise CourseError(
            f"The photo folder {shorten(folder)} {reason}; PHOTOS must name a folder that holds "
            "one sub-folder for each class."
        )
    labels = class_folders(folder)
    if len(labels) < 2:
        found = f"only the class '{labels[0]}'" if labels else "no sub-folder at all"
        raise CourseError(
            f"The photo folder {shorten(folder)} holds {found}, but a classifier needs at least two "
            "classes; put the photos of each class into a sub-folder of its own."
        )
    rows = [(path, label) for label in labels for path in _photos_in(folder, label)]
    index = pd.DataFrame(rows, columns=["path", "label"])
    empty = sorted(set(labels) - set(index["label"]))
    if empty:
        endings = {Path(path).suffix.lower() for path in _files_in(folder, empty[0])} - {""}
        seen = f", only files that end in {', '.join(sorted(endings)[:5])}" if endings else ""
        cure = "save them as PNG or JPEG, add photos" if endings else "add photos to it"
        raise CourseError(
            f"The class folder {shorten(folder / empty[0])} holds no photo "
            f"({', '.join(IMAGE_ENDINGS)}){seen}; {cure} or remove the folder."
        )
    index = _add_columns(index, folder / "index.csv")
    index.attrs["folder"] = str(folder)
    return index


def class_folders(folder: str | os.PathLike) -> list[str]:
    """The names of the sub-folders that stand for classes.

    A link to another folder counts, but not one that leads in a circle to this folder.

    Raises:
        CourseError: the folder may not be listed.
    """
    folder = Path(folder)
    try:
        return sorted(
            entry.name
            for entry in folder.iterdir()
            if os.path.isdir(entry)
            and entry.name[0] != "_"
            and not is_hidden(f"{entry.name}/")
            and not folder.resolve().is_relative_to(entry.resolve())
        )
    except OSError as error:
        raise CourseError(
            f"The folder {shorten(folder)} may not be listed ({error.strerror}); ask for the right to read it."
        ) from error


def _files_in(folder: Path, label: str) -> list[str]:
    """All files of a class, below the photo folder."""
    found = walk(folder / label)
    for place, why in found.passed_over.items():
        if why.startswith("may not be listed"):
            raise CourseError(
                f"The folder {shorten(folder / label / place)} {why}; ask for the right to read it, or move it out of "
                "the photo folder."
            )
    return [f"{label}/{path}" for path in found.files]


def _photos_in(folder: Path, label: str) -> list[str]:
    return [path for path in _files_in(folder, label) if Path(path).suffix.lower() in IMAGE_ENDINGS]


def clean_paths(paths: pd.Series) -> pd.Series:
    """Photo names of a table as the index writes them, empty ones left out.

    Example:
        >>> clean_paths(pd.Series(["good\\\\1.png", " ./good/2.png", None])).tolist()
        ['good/1.png', 'good/2.png']
    """
    paths = paths.dropna().astype(str).str.strip().str.replace("\\", "/")
    return paths.str.removeprefix("./")


def same_letters(names: pd.Series, files: Iterable[str]) -> pd.Series:
    """Names spelled as the files are, where only the code of an accent differs.

    macOS keeps "ü" as "u" with two dots behind it, where a table keeps it as one letter.

    Example:
        >>> same_letters(pd.Series(["\\u00fc.png"]), ["u\\u0308.png"])[0] == "u\\u0308.png"
        True
    """
    files = set(files)
    there = {unicodedata.normalize("NFC", file): file for file in files}
    return names.map(lambda name: name if name in files else there.get(unicodedata.normalize("NFC", name), name))


def _add_columns(index: pd.DataFrame, table_file: Path) -> pd.DataFrame:
    """Add the further columns of ``index.csv``; the label stays the name of the sub-folder."""
    if not table_file.exists():
        return index
    try:
        table = pd.read_csv(table_file, dtype={"path": str})
    except (OSError, ValueError) as error:
        raise CourseError(
            f"The table {shorten(table_file)} cannot be read as CSV in UTF-8 ({error}); mend it, or "
            "move it out of the photo folder to go on without it."
        ) from error
    if "path" in table:
        table = table.assign(path=clean_paths(table["path"])).dropna(subset="path")
    elif ";" in str(table.columns[0]):
        raise CourseError(
            f"The columns of {shorten(table_file)} are separated by ';'; mend it with commas, or move "
            "it out of the photo folder to go on without it."
        )
    if "path" in table:
        table = table.assign(path=same_letters(table["path"], index["path"]))
    if "path" not in table or table["path"].duplicated().any():
        raise CourseError(
            f"The table {shorten(table_file)} needs a column 'path' with each photo once; mend it, "
            "or move it out of the photo folder to go on without it."
        )
    known = table.drop(columns="label", errors="ignore")
    merged = known.merge(index, on="path", how="right")
    if "position" in merged:
        merged = merged.sort_values("position", kind="stable", ignore_index=True)
    return merged[["path", "label", *known.columns.drop("path")]]


def complete(index: pd.DataFrame) -> pd.DataFrame:
    """Fill in the columns that only the solar cells have, so that lessons 3 to 5 run.

    What nobody wrote into ``index.csv`` gets a stand-in: one type of part, the experts sure
    of each label, places in the order of the names, and each photo a lot of its own.

    Returns:
        The index with ``defect_probability``, ``cell_type``, ``position`` and, if there was no
        position, ``lot``. One printed sentence names the columns that were filled in.

    Example:
        >>> complete(pd.DataFrame({"path": ["a/1.png"], "label": ["a"]}))["lot"].tolist()
        Your index.csv has no defect_probability, cell_type, position: stand-ins are used, \
and what a section says about them holds for the solar cells only.
        ['a/1.png']
    """
    stand_ins = {
        "defect_probability": (index["label"] == class_names(index)[-1]).astype(float),
        "cell_type": "part",
        "position": np.arange(len(index)),
    }
    missing = [name for name in stand_ins if name not in index or index[name].isna().any()]
    if missing:
        print(
            f"Your index.csv has no {', '.join(missing)}: stand-ins are used, and what a section "
            "says about them holds for the solar cells only."
        )
    completed = index.assign(**{name: stand_ins[name] for name in missing})
    if "position" in missing and "lot" not in index:
        completed["lot"] = completed["path"]
    return completed


def photo_path(index: pd.DataFrame, row: int) -> Path:
    """The full path of one photo, given its row number in the index.

    Raises:
        CourseError: the index does not know its folder; joining two tables loses it.
    """
    if "folder" not in index.attrs:
        raise CourseError(
            "The index does not know its photo folder, so no photo can be found; set "
            "index.attrs['folder'], or make the index again with index_folder."
        )
    return Path(index.attrs["folder"]) / index["path"].iloc[row]
