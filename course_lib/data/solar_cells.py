"""The photos that come with the course: solar cells, and a few everyday photos (lesson 1)."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib.errors import CourseError
from course_lib.paths import data_folder, make_folder, shorten, write_atomically

SOLAR_CELL_CREDITS = (
    "Photos: ELPV dataset, 2,624 electroluminescence photos of solar cells, licence CC BY-NC-SA 4.0 "
    "(share with the authors' names, no commercial use, same licence).\n"
    "Please cite: Buerhop-Lutz et al. 2018, A Benchmark for Visual Identification of Defective Solar "
    "Cells in Electroluminescence Imagery; Deitsch et al. 2019, Automatic classification of defective "
    "photovoltaic module cells in electroluminescence images; Deitsch et al. 2021, Segmentation of "
    "photovoltaic module cells in uncalibrated electroluminescence images."
)


def solar_cells() -> Path:
    """Lay out the solar-cell photos as ``data/solar_cells/{functional,defective}``.

    The photos come from the installed package ``elpv-dataset``; nothing is downloaded.
    A photo counts as defective if the experts gave it a defect probability of 0.5 or
    more. The folder also gets ``index.csv`` and ``LICENCE.txt``. A complete folder is
    left as it is; a missing photo is put back.

    Returns:
        The folder.

    Raises:
        CourseError: the package is missing, or the folder cannot be written.
    """
    folder = data_folder() / "solar_cells"
    spec = find_spec("elpv_dataset")
    if spec is None or not spec.submodule_search_locations:
        raise CourseError(
            "The solar-cell photos are missing because the package elpv-dataset is not "
            "installed; run: pip install elpv-dataset"
        )
    source = Path(spec.submodule_search_locations[0]) / "data"
    table = _solar_cell_table(source)
    for label in ("functional", "defective"):
        make_folder(folder / label)
    for file_name, path in zip(table["source"], table["path"], strict=True):
        _put_back(folder / path, (source / file_name).read_bytes)
    text = table.drop(columns="source").to_csv(index=False, lineterminator="\n")
    _put_back(folder / "index.csv", text.encode)
    _put_back(folder / "LICENCE.txt", f"{SOLAR_CELL_CREDITS}\n".encode)
    return folder


def _solar_cell_table(source: Path) -> pd.DataFrame:
    """The package's label file as an index table, in the order of the modules."""
    table = pd.read_csv(source / "labels.csv", sep=r"\s+", names=["source", "defect_probability", "cell_type"])
    # The file gives thirds in decimals (0.3333333333333333); three of them are one.
    table["label"] = np.where(table["defect_probability"] >= 0.5, "defective", "functional")
    table["path"] = table["label"] + "/" + table["source"].str.rsplit("/", n=1).str[-1]
    table["position"] = np.arange(len(table))
    return table[["path", "label", "defect_probability", "cell_type", "position", "source"]]


def _put_back(path: Path, content: Callable[[], bytes]) -> None:
    """Write a file that is missing or empty; what is there stays, for a learner may have added columns to the table."""
    if not path.exists() or path.stat().st_size == 0:
        with write_atomically(path) as temporary:
            temporary.write_bytes(content())


def credits(folder: str | os.PathLike) -> str:
    """Licence and citation of the photos in a folder: the text of its ``LICENCE.txt``."""
    file = Path(folder) / "LICENCE.txt"
    if file.exists():
        return file.read_text(encoding="utf-8", errors="replace").strip()
    return f"The folder {shorten(folder)} has no LICENCE.txt; ask its owner before you share photos."


def everyday_photos() -> dict[str, Path]:
    """A few everyday photos that installed packages carry, by name.

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
    portrait = Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")
    photos = {"flower": scikit_learn / "flower.jpg", "palace": scikit_learn / "china.jpg", "portrait": portrait}
    return {name: path for name, path in photos.items() if path.exists()}
