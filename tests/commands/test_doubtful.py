"""Doubtful labels are listed for a person, and the corrected table is what train learns from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_lib.__main__ import main
from course_lib.commands import doubtful
from course_lib.commands.prepare import TrainingOptions, prepare
from course_lib.data import photo_path, read_image
from course_lib.errors import CourseError

WRONG = {"good/03.png": "scratched", "good/11.png": "scratched", "scratched/07.png": "good"}


def light_and_contrast(index: pd.DataFrame, _: object) -> np.ndarray:
    """In place of a network: it tells bright from dark, by as many numbers as a network gives."""
    photos = [read_image(photo_path(index, row)) for row in range(len(index))]
    return np.array([(photo.mean(), photo.std()) for photo in photos]).repeat(500, axis=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Bright photos are good and dark ones are scratched, but three lie in the wrong folder."""
    monkeypatch.setattr(doubtful, "extract", light_and_contrast)
    for label in ("good", "scratched"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(16):
            path = f"{label}/{number:02}.png"
            light = 170 if WRONG.get(path, label) == "good" else 80
            pixels = np.random.default_rng(100 * len(label) + number).normal(light, 20, (40, 40)).clip(0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photos" / path)
    (tmp_path / "photos" / "good" / "broken.png").write_bytes(b"no photo")
    return tmp_path / "photos"


def test_doubtful_labels_are_listed_corrected_and_trained_on(folder: Path, capsys: pytest.CaptureFixture) -> None:
    file = folder.parent / "doubtful.csv"
    assert main(["check", str(folder), "--doubtful", str(file)]) == 1, "one photo cannot be read"
    assert "3 of 32 labels are doubtful" in capsys.readouterr().out
    table = pd.read_csv(file)
    assert dict(zip(table["path"], table["looks_like"], strict=True)) == WRONG
    page = file.with_suffix(".html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 3 and "good/03.png: labelled good, looks like scratched" in page
    table.assign(label=table["looks_like"].str.upper()).to_csv(file, index=False)  # what a person writes
    told: list[str] = []
    options = TrainingOptions(set_aside=True, labels=str(file))
    index = prepare(folder, options, progress=False, tell=told.append).index.set_index("path")
    assert index.loc[list(WRONG), "label"].to_dict() == WRONG and (folder / "good" / "03.png").exists()
    assert index["label"].value_counts().to_dict() == {"scratched": 17, "good": 15}
    assert any(words.startswith("3 labels are others than those of the folders") for words in told)
    corrected = file.read_bytes()
    assert main(["check", str(folder), "--doubtful", str(file)]) == 2 and file.read_bytes() == corrected
    assert "doubtful.csv is there already, perhaps with your corrections" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("good/03.png,good", r"mine\.csv changes no label; save your corrections"),
        ("good/30.png,scratched", r"The row good/30\.png of .*mine\.csv names no photo"),
        (None, r"There is no table .*mine\.csv; check its path"),
    ],
)
def test_a_table_that_corrects_nothing_is_refused(folder: Path, rows: str | None, said: str) -> None:
    file = folder.parent / "mine.csv"
    file.unlink(missing_ok=True)
    if rows is not None:
        file.write_text(f"path,label\n{rows}\n")
    with pytest.raises(CourseError, match=said):
        prepare(folder, TrainingOptions(set_aside=True, labels=str(file)), progress=False, tell=lambda _: None)


@pytest.mark.parametrize("label", ["bent", ""])
def test_a_label_that_is_no_class_is_refused(folder: Path, label: str) -> None:
    file = folder.parent / "mine.csv"
    file.write_text(f"path,label\ngood/03.png,{label}\n")
    with pytest.raises(CourseError, match=r"mine\.csv has no label of a class for good/03\.png"):
        prepare(folder, TrainingOptions(set_aside=True, labels=str(file)), progress=False, tell=lambda _: None)


def test_photos_of_one_part_do_not_confirm_each_other(folder: Path) -> None:
    (folder / "good" / "broken.png").unlink()
    rows = [f"{label}/{number:02}.png,{label}{number // 2}" for label in ("good", "scratched") for number in range(16)]
    (folder / "index.csv").write_text("\n".join(["path,part", *rows]) + "\n")
    file = folder.parent / "doubtful.csv"
    assert main(["check", str(folder), "--doubtful", str(file)]) == 0
    assert set(pd.read_csv(file)["path"]) == set(WRONG)
