"""From a folder of photos to an index: one table with one row for each photo.

Introduced in lesson 2. Any folder with one sub-folder for each class enters the course
here, so a learner's own photos travel the same way as the solar cells.
"""

import os
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageOps, UnidentifiedImageError

from course_lib.errors import CourseError
from course_lib.paths import data_folder, make_folder, shorten, write_atomically

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif")
# What systems keep beside photos, such as thumbnails and deleted files; "#2" may well be a lot.
HIDDEN = re.compile(
    r"(^|/)(\.|(@eaDir|@tmp|@Recycle|@Recently-Snapshot|@__thumb|#recycle|#snapshot|\$RECYCLE\.BIN|"
    r"lost\+found|System Volume Information)/)",
    re.IGNORECASE,
)

SOLAR_CELL_CREDITS = (
    "Photos: ELPV dataset, 2,624 electroluminescence photos of solar cells, licence CC BY-NC-SA 4.0 "
    "(share with the authors' names, no commercial use, same licence).\n"
    "Please cite: Buerhop-Lutz et al. 2018, A Benchmark for Visual Identification of Defective Solar "
    "Cells in Electroluminescence Imagery; Deitsch et al. 2019, Automatic classification of defective "
    "photovoltaic module cells in electroluminescence images; Deitsch et al. 2021, Segmentation of "
    "photovoltaic module cells in uncalibrated electroluminescence images."
)


def solar_cells() -> Path:
    """Lay out the solar-cell photos as ``data/solar_cells/{functional,defective}`` (lesson 1).

    The photos come from the installed package ``elpv-dataset``; nothing is downloaded.
    A photo counts as defective if the experts gave it a defect probability of 0.5 or
    more. The folder also gets ``index.csv`` and ``LICENCE.txt``. A complete folder is
    left as it is; a missing photo is put back.

    Returns:
        The folder.

    Raises:
        CourseError: the package is missing or incomplete, or the folder cannot be written.
    """
    folder = data_folder() / "solar_cells"
    spec = find_spec("elpv_dataset")
    if spec is None:
        raise CourseError(
            "The solar-cell photos are missing because the package elpv-dataset is not "
            "installed; run: pip install elpv-dataset"
        )
    source = Path(spec.submodule_search_locations[0]) / "data"
    table = _solar_cell_table(source)
    for label in ("functional", "defective"):
        make_folder(folder / label)
    for file_name, path in zip(table["source"], table["path"], strict=True):
        target = folder / path
        if not target.exists() or target.stat().st_size == 0:
            with write_atomically(target) as temporary:
                shutil.copyfile(source / file_name, temporary)
    text = table.drop(columns="source").to_csv(index=False, lineterminator="\n")
    _write_if_missing(folder / "index.csv", text)
    _write_if_missing(folder / "LICENCE.txt", SOLAR_CELL_CREDITS + "\n")
    return folder


def _solar_cell_table(source: Path) -> pd.DataFrame:
    """The package's label file as an index table, in the order of the modules."""
    label_file = source / "labels.csv"
    if not label_file.exists():
        raise CourseError(
            "The package elpv-dataset has no labels.csv, so it was not installed completely; "
            "run: pip install --force-reinstall elpv-dataset"
        )
    table = pd.read_csv(label_file, sep=r"\s+", names=["source", "defect_probability", "cell_type"])
    # The file gives thirds in decimals (0.3333333333333333); three of them are one.
    label = np.where(table["defect_probability"] >= 0.5, "defective", "functional")
    names = table["source"].str.rsplit("/", n=1).str[-1]
    return pd.DataFrame(
        {
            "path": [f"{folder}/{name}" for folder, name in zip(label, names, strict=True)],
            "label": label,
            "defect_probability": table["defect_probability"],
            "cell_type": table["cell_type"],
            "position": np.arange(len(table)),
            "source": table["source"],
        }
    )


def _write_if_missing(path: Path, text: str) -> None:
    # A learner may have added columns to the table, so what is there stays.
    if not path.exists() or path.stat().st_size == 0:
        with write_atomically(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")


def credits(folder: str | os.PathLike) -> str:
    """Licence and citation of the photos in a folder: the text of its ``LICENCE.txt`` (lesson 1)."""
    file = Path(folder) / "LICENCE.txt"
    if file.exists():
        return file.read_text(encoding="utf-8", errors="replace").strip()
    return f"The folder {shorten(folder)} has no LICENCE.txt; ask its owner before you share photos."


def index_folder(folder: str | os.PathLike) -> pd.DataFrame:
    """Index a folder that has one sub-folder for each class (lesson 2).

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


def is_hidden(path: str) -> bool:
    """Whether a file is hidden, or lies in a folder of the system and not of the learner (lesson 2).

    Args:
        path: below the photo folder, with ``/``; that of a folder ends with ``/``.

    Example:
        >>> [is_hidden(path) for path in ("good/.a.png", "good/@eaDir/a.png", "$RECYCLE.BIN/")]
        [True, True, True]
        >>> is_hidden("good/#2/@a.png")
        False
    """
    return bool(HIDDEN.search(path))


def class_folders(folder: str | os.PathLike) -> list[str]:
    """The names of the sub-folders that stand for classes (lesson 2).

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
        raise _may_not_be_listed(error) from error


def _may_not_be_listed(error: OSError) -> CourseError:
    return CourseError(
        f"The folder {shorten(error.filename)} may not be listed ({error.strerror}); ask for the right "
        "to read it, or move it out of the photo folder."
    )


def _files_in(folder: Path, label: str) -> Iterator[str]:
    """All files of a class, below the photo folder; links to folders inside it are not followed."""

    def stop(error: OSError) -> None:
        raise _may_not_be_listed(error) from error

    for parent, folders, files in os.walk(folder / label, onerror=stop):
        place = Path(parent).relative_to(folder).as_posix()
        folders[:] = [name for name in folders if not is_hidden(f"{place}/{name}/")]
        yield from (f"{place}/{name}" for name in files if not is_hidden(f"{place}/{name}"))


def _photos_in(folder: Path, label: str) -> list[str]:
    files = _files_in(folder, label)
    return sorted(path for path in files if Path(path).suffix.lower() in IMAGE_ENDINGS)


def clean_paths(paths: pd.Series) -> pd.Series:
    """Photo names of a table with "/" between the parts, empty ones left out (lesson 2).

    Example:
        >>> clean_paths(pd.Series(["good\\\\1.png", " ./good/2.png", None])).tolist()
        ['good/1.png', 'good/2.png']
    """
    paths = paths.dropna().astype(str).str.strip().str.replace("\\", "/")
    return paths.str.removeprefix("./")


def same_letters(names: pd.Series, files: Iterable[str]) -> pd.Series:
    """Names spelled as the files are, where only the code of an accent differs (lesson 2).

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
    """Fill in the columns that only the solar cells have, so that lessons 3 to 5 run (lesson 3).

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


def class_names(index: pd.DataFrame) -> list[str]:
    """The classes in the order of their numbers; the positive class comes last (lesson 2).

    The positive class is what the inspector looks for: ``defective`` where there is such
    a class, otherwise the last name in the alphabet.

    Example:
        >>> class_names(pd.DataFrame({"label": ["defective", "functional"]}))
        ['functional', 'defective']
    """
    names = sorted(index["label"].unique())
    if "defective" in names:
        names.remove("defective")
        names.append("defective")
    return names


def label_numbers(index: pd.DataFrame) -> np.ndarray:
    """Labels as numbers, for a model (lesson 2): shape (N,), int64, 1 for defective.

    Example:
        >>> label_numbers(pd.DataFrame({"label": ["functional", "defective"]}))
        array([0, 1])
    """
    number_of = {name: number for number, name in enumerate(class_names(index))}
    return index["label"].map(number_of).to_numpy(dtype=np.int64)


def label_probabilities(index: pd.DataFrame) -> np.ndarray:
    """How probable each class is for each photo: float32 (N, classes), rows sum to 1 (lesson 7).

    Where experts gave ``defect_probability``, their doubt is kept: a cell that two of three call
    defective counts two thirds for "defective". Elsewhere the label has probability 1.

    Example:
        >>> index = pd.DataFrame({"label": ["functional", "defective"]})
        >>> label_probabilities(index)
        array([[1., 0.],
               [0., 1.]], dtype=float32)
        >>> label_probabilities(index.assign(defect_probability=[0.25, 1.0]))
        array([[0.75, 0.25],
               [0.  , 1.  ]], dtype=float32)
    """
    classes = class_names(index)
    if "defect_probability" in index and classes == ["functional", "defective"]:
        stated = pd.to_numeric(index["defect_probability"], errors="coerce")
        if (index["defect_probability"].notna() & ~stated.between(0, 1)).any():
            raise CourseError(
                "The column defect_probability of index.csv needs numbers from 0 to 1; mend it, or remove the column."
            )
        defective = stated.to_numpy(dtype=np.float32)
        # A photo that came without an expert's probability keeps its label.
        defective = np.where(np.isnan(defective), label_numbers(index), defective)
        return np.stack([1 - defective, defective], axis=1).astype(np.float32)
    return np.eye(len(classes), dtype=np.float32)[label_numbers(index)]


def photo_path(index: pd.DataFrame, row: int) -> Path:
    """The full path of one photo, given its row number in the index (lesson 2).

    Raises:
        CourseError: the index does not know its folder; joining two tables loses it.
    """
    if "folder" not in index.attrs:
        raise CourseError(
            "The index does not know its photo folder, so no photo can be found; set "
            "index.attrs['folder'], or make the index again with index_folder."
        )
    return Path(index.attrs["folder"]) / index["path"].iloc[row]


def read_image(path: str | os.PathLike, mode: str = "L") -> np.ndarray:
    """Read one photo as an array of whole numbers from 0 (black) to 255 (white) (lesson 2).

    The photo is turned upright if its EXIF note says so, and 16-bit photos are scaled to
    8 bit by their type's full range.

    Args:
        path: the photo.
        mode: ``"L"`` for grey, shape (height, width); ``"RGB"`` for colour,
            shape (height, width, 3).

    Raises:
        CourseError: the file is missing, no image, or broken off.

    Example:
        >>> image = read_image(solar_cells() / "functional" / "cell0004.png")
        >>> image.shape, image.dtype
        ((300, 300), dtype('uint8'))
    """
    path = Path(path)
    try:
        with Image.open(path) as photo:
            photo = ImageOps.exif_transpose(photo)
            if photo.mode.startswith("I;16"):
                wide = np.asarray(photo, dtype=np.uint16)
                photo = Image.fromarray((wide >> 8).astype(np.uint8))
            return np.array(photo.convert(mode))
    except FileNotFoundError as error:
        raise CourseError(f"There is no photo {shorten(path)}; check the path.") from error
    except UnidentifiedImageError as error:
        raise CourseError(
            f"The file {shorten(path)} is not an image, whatever its name says; set it aside (lesson 2 shows how)."
        ) from error
    except Exception as error:  # a decoder that meets foreign bytes may raise anything
        raise CourseError(
            f"The photo {shorten(path)} cannot be read ({str(error) or type(error).__name__}); "
            "set it aside (lesson 2 shows how)."
        ) from error


def read_pixels(path: str | os.PathLike, size: int, channels: int = 1) -> np.ndarray:
    """Read one photo and resize it to a square, in the layout that networks want (lesson 5).

    Args:
        path: the photo.
        size: width and height of the result in pixels.
        channels: 1 for grey, 3 for colour.

    Returns:
        uint8, (channels, size, size).

    Raises:
        CourseError: the photo cannot be read, ``channels`` is neither 1 nor 3, or ``size``
            is below 1.

    Example:
        >>> read_pixels(solar_cells() / "functional" / "cell0004.png", size=64, channels=3).shape
        (3, 64, 64)
    """
    if channels not in (1, 3):
        raise CourseError(f"Photos have 1 (grey) or 3 (colour) channels, not {channels}; choose one.")
    if size < 1:
        raise CourseError(f"A photo cannot be {size} pixels wide; choose a size of 1 or more.")
    photo = Image.fromarray(read_image(path, "L" if channels == 1 else "RGB"))
    resized = photo.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3)
    return np.asarray(resized).reshape(size, size, channels).transpose(2, 0, 1)


def everyday_photos() -> dict[str, Path]:
    """A few everyday photos that installed packages carry, by name (lesson 1).

    They need no network. The flower (by vultilion) and the palace (by danielbuechele) come
    with scikit-learn under CC BY 2.0; the portrait of Grace Hopper comes with matplotlib
    and is in the public domain.

    Example:
        >>> sorted(everyday_photos())
        ['flower', 'palace', 'portrait']
    """
    import matplotlib
    import sklearn.datasets

    scikit_learn = Path(sklearn.datasets.__file__).parent / "images"
    samples = Path(matplotlib.get_data_path()) / "sample_data"
    photos = {
        "flower": scikit_learn / "flower.jpg",
        "palace": scikit_learn / "china.jpg",
        "portrait": samples / "grace_hopper.jpg",
    }
    return {name: path for name, path in photos.items() if path.exists()}
