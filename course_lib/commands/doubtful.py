"""``check --doubtful``: which labels are wrong? Photos whose label is doubted by probes that never saw them (lesson 10).

A probe can only doubt. A person looks at the pictures and corrects the table, and ``train --labels`` takes
its labels; photos are never moved.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from course_lib import plots
from course_lib.checks import UNREADABLE
from course_lib.data import class_names, index_folder, label_numbers, photo_folder, read_image
from course_lib.errors import CourseError
from course_lib.features import extract, linear_probe
from course_lib.models import load_backbone
from course_lib.paths import say, shorten, write_atomically, write_csv
from course_lib.splits import parts

FOLDS, REPEATS = 5, 3
MOST = 200  # pictures; more, and nobody looks at them all


def list_doubtful(findings: pd.DataFrame, file: str | os.PathLike) -> pd.DataFrame:
    """Write the doubtful labels of a folder as a table, and as a page with pictures beside it.

    Photos of one lot, or of one part, are never on both sides of a fold, so they cannot confirm each other.

    Args:
        findings: of `course_lib.checks.check_folder`; photos that cannot be read are left out.
        file: the table; the page has the same name and the ending .html.

    Returns:
        The most doubtful first: ``path``, ``label``, ``looks_like`` and ``probability`` (of the label).

    Raises:
        CourseError: no folder of classes, or a class of one photo.
    """
    index = index_folder(photo_folder(findings), lambda _: None)
    unreadable = findings.loc[findings["problem"].isin(UNREADABLE), "path"]
    index = index[~index["path"].isin(unreadable)].reset_index(drop=True)
    chances, names = _out_of_fold(index), np.array(class_names(index))
    table = index[["path", "label"]].assign(
        looks_like=names[chances.argmax(axis=1)],
        probability=chances[np.arange(len(index)), label_numbers(index)].astype(float).round(3),
    )
    table = table[table["label"] != table["looks_like"]].sort_values("probability", kind="stable").head(MOST)
    write_csv(table, file)
    _write_page(table, Path(file).with_suffix(".html"))
    say(
        f"{len(table)} of {len(index)} labels are doubtful: {shorten(file)}, with pictures in the .html beside it. "
        f"Correct the column 'label' where it is wrong, then: train … --labels {shorten(file)}"
    )
    return table


def _out_of_fold(index: pd.DataFrame) -> np.ndarray:
    """The probability of each class for each photo, the mean of several probes that did not see the photo."""
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict  # slow to start

    together = index["lot"].fillna(index["path"]) if "lot" in index else parts(index)
    if together.nunique() < 2 * FOLDS:  # so few lots that a fold would miss a class
        together = parts(index)
    folds = min(FOLDS, index["label"].value_counts().min())
    if folds < 2:
        raise CourseError("A class of one photo cannot be doubted; add photos of it.")
    features, labels = extract(index, load_backbone("efficientnet_lite0")), label_numbers(index)
    found = []
    for seed in range(REPEATS):
        dealt = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        how = {"cv": dealt, "groups": together, "method": "predict_proba"}
        found.append(cross_val_predict(linear_probe(), features, labels, **how))
    return np.mean(found, axis=0)


def _write_page(table: pd.DataFrame, file: Path) -> None:
    photos = []
    for row in table.itertuples():
        photo = Image.fromarray(read_image(photo_folder(table) / row.path, "RGB"))
        photo.thumbnail((240, 240))
        words = f"{row.path}: labelled {row.label}, looks like {row.looks_like} (probability of the label: {row.probability:.2f})"
        photos.append(plots.picture(plots.photo_png(photo), "", words))
    gallery = plots.html('<div class="photos">{{ photos }}</div>', photos=plots.join(*photos))
    what = "Probes that never saw these photos doubt their labels. Whether a label is wrong, you decide."
    with write_atomically(file) as temporary:
        text = plots.page("Doubtful labels", what, gallery)
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
