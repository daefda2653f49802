"""From a folder of photos to an index: one table with one row for each photo.

Any folder with one sub-folder for each class enters the course here, so a learner's own photos
travel the same way as the solar cells.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib.data.labels import class_names, same_name
from course_lib.data.layout import look_through
from course_lib.data.photo import IMAGE_ENDINGS
from course_lib.data.table import HEADINGS, find_table, match_photos, read_table, split_names, unusable
from course_lib.data.walk import walk
from course_lib.errors import CourseError
from course_lib.paths import shorten

TABLES = (".csv", ".tsv", ".xls", ".xlsx", ".ods", ".json", ".xml")  # endings of what may hold labels, lots or splits


def index_folder(folder: str | os.PathLike, tell: Callable[[str], None] = print, fewest: int = 2) -> pd.DataFrame:
    """Index a folder that has one sub-folder for each class.

    Photos are found by their ending; `course_lib.checks.check_folder` finds the ones that cannot be read.
    Masks, hidden files and folders whose names begin with "_" are left out.

    Args:
        folder: the photo folder. If it holds an ``index.csv`` with a column ``path``, the further columns of
            that table are added to the photos found; by its column ``position`` the rows are ordered.
        tell: takes a sentence about each thing that is left out or not used.
        fewest: classes that there must be; one is enough for good photos only.

    Returns:
        One row for each photo: ``path`` (text, relative to the folder, with ``/``),
        ``label`` (text, name of the sub-folder) and any further columns of ``index.csv``.
        The folder is remembered, see `photo_folder`.

    Raises:
        CourseError: no such folder, one that may not be listed, fewer than two classes, splits or products
            instead of classes, a class without photos, or an ``index.csv`` that cannot be used.

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
    layout = look_through(folder)
    if layout.fault:
        raise CourseError(layout.fault)
    for sentence in layout.said():
        tell(sentence)
    labels = list(layout.classes)
    if len(labels) < fewest:
        found = f"only the class '{labels[0]}'" if labels else "no sub-folder at all"
        if layout.left_out:
            found += f" beside what is left out ({', '.join(list(layout.left_out)[:3])})"
        good_only = ", or train on good photos alone with --good-only" if labels else ""
        raise CourseError(
            f"The photo folder {shorten(folder)} holds {found}, but a classifier needs at least two "
            f"classes; put the photos of each class into a sub-folder of its own{_deeper(folder, labels)}{good_only}."
        )
    empty = next((label for label, paths in layout.classes.items() if not paths), None)
    if empty is not None:
        endings = sorted({Path(path).suffix.lower() for path in walk(folder / empty).files} - {""})
        seen = f", only files that end in {', '.join(endings[:5])}" if endings else ""
        cure = "save them as PNG or JPEG, add photos" if endings else "add photos to it"
        raise CourseError(
            f"The class folder {shorten(folder / empty)} holds no photo "
            f"({', '.join(IMAGE_ENDINGS)}){seen}; {cure} or remove the folder."
        )
    rows = [(path, label) for label, paths in layout.classes.items() for path in paths]
    index = _joined(pd.DataFrame(rows, columns=["path", "label"]), folder, tell)
    index.attrs["folder"] = str(folder)
    return index


def _deeper(folder: Path, labels: list[str]) -> str:
    """A way out where a folder lies in another one, as in an unpacked archive."""
    holds_classes = len(labels) == 1 and len(look_through(folder / labels[0]).classes) > 1
    return f", or use {shorten(folder / labels[0])}" if holds_classes else ""


def _joined(index: pd.DataFrame, folder: Path, tell: Callable[[str], None]) -> pd.DataFrame:
    """Add the further columns of ``index.csv``, and say what of it is not used."""
    file = find_table(folder)
    others = [path.name for path in sorted(folder.iterdir()) if path != file and path.suffix.lower() in TABLES]
    if others:
        tell(f"Not read: {', '.join(others[:5])}; what lies beside the classes is read where it is called index.csv.")
    if file is None:
        return index
    table, name = read_table(file), shorten(file)
    photos = match_photos(table["path"], index["path"])
    unknown = [path for path, photo in zip(table["path"], photos, strict=True) if not photo]
    if unknown:
        tell(
            f"{name}: {len(unknown)} rows name no photo of a class, or several (the first is {unknown[0]}); they are not used."
        )
    table = table.assign(path=photos).query("path != ''")
    if (twice := table["path"].duplicated()).any():
        raise unusable(name, f"has several rows for the photo {table['path'][twice].iloc[0]}")
    if missing := len(index) - len(table):
        tell(f"{name}: {missing} photos have no row in it.")
    if "label" in table:
        known, label = table[table["label"].notna()], index.set_index("path")["label"]
        differs = known[known["label"].map(same_name) != known["path"].map(label).map(same_name)]
        if len(differs):
            first = differs.iloc[0]
            tell(
                f"{name}: {len(differs)} labels differ from the folders (the first is {first['path']}: '{first['label']}' "
                "in the table); the folders count, so move the photos if the table is right."
            )
    if further := [column for column in table if column not in HEADINGS and not column.startswith("Unnamed: ")]:
        tell(f"{name}: nothing is done with {', '.join(further)}; the course knows the columns {', '.join(HEADINGS)}.")
    merged = table.drop(columns="label", errors="ignore").merge(index, on="path", how="right")
    if "split" in merged:
        merged["split"] = split_names(merged["split"], name)
        counts = ", ".join(f"{split} {count}" for split, count in merged["split"].value_counts().items())
        tell(f"{name} brings a split of its own ({counts}): train keeps to it, the lessons split anew.")
    if "position" in merged:
        merged = merged.sort_values("position", kind="stable", ignore_index=True)
    return merged[["path", "label", *(column for column in merged if column not in ("path", "label"))]]


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
    lot = {"lot": index["path"]} if "position" in missing and "lot" not in index else {}
    return index.assign(**{name: stand_ins[name] for name in missing}, **lot)


def photo_folder(table: pd.DataFrame) -> Path:
    """The folder of the photos that an index, or a table of findings, is about.

    It is kept in ``table.attrs["folder"]`` and not in a column, because a column would put this computer's paths
    into every table that a lesson shows, a learner saves, or an inspector carries along.

    Raises:
        CourseError: the table does not know its folder; joining two tables loses it.
    """
    if "folder" not in table.attrs:
        raise CourseError(
            "The table does not know its photo folder, so no photo can be found; set its "
            "attrs['folder'], or make it again with index_folder or check_folder."
        )
    return Path(table.attrs["folder"])


def photo_path(index: pd.DataFrame, row: int) -> Path:
    """The full path of one photo, given its row number in the index.

    Raises:
        CourseError: as `photo_folder`.
    """
    return photo_folder(index) / index["path"].iloc[row]
