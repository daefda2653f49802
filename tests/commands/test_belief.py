"""What the report says about how far its result can be believed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_lib.commands.prepare import TrainingOptions, prepare


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of twelve photos of noise, in four lots."""
    random = np.random.default_rng(0)
    for label in ("good", "bad"):
        (tmp_path / label).mkdir()
        for number in range(12):
            pixels = random.integers(0, 255, (40, 40), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"lot{number % 4}_{number}.png")
    return tmp_path


def answers(folder: Path, **options) -> pd.Series:
    """What was found for each question."""
    prepared = prepare(folder, TrainingOptions(**options), progress=False, tell=lambda _: None)
    return prepared.believed.set_index("looked at")["found"]


def test_a_clean_folder_has_few_photos_and_nothing_else(folder: Path) -> None:
    said = answers(folder)
    assert said["Photos per class"] == "good: 12 (3 of them for the test); bad: 12 (3 of them for the test)"
    assert said["Lots"] == "no lots are known" and said["Left out"] == "nothing"
    assert said["Near duplicates between parts"] == said["Photos that need a look"] == "none"
    assert said["Facts of the files, and light"] == "they tell no classes apart"


def test_lots_are_counted(folder: Path) -> None:
    assert answers(folder, lot_pattern=r"lot(\d+)")["Lots"].startswith("4 lots are known, such as 0 (6 photos), ")


def test_five_faults_at_once_are_all_told(folder: Path) -> None:
    for path in (folder / "bad").iterdir():  # a camera of its own
        Image.open(path).resize((48, 48)).save(path)
    Image.new("L", (40, 40)).save(folder / "good" / "lamp.png")
    (folder / "good" / "letter.png").write_text("Dear all")
    (folder / "_scratch").mkdir()
    (folder / "good" / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    Image.open(folder / "good" / "lot0_0.png").convert("RGB").save(folder / "bad" / "again.png")
    said = answers(folder, set_aside=True)
    assert "size, colour mode, format, loss and camera alone find" in said["Facts of the files, and light"]
    assert "1 show nothing but black, grey or white, such as good/lamp.png" in said["Photos that need a look"]
    assert "2 look like a photo of another class" in said["Photos that need a look"]
    assert "1 photos, the first is good/letter.png" in said["Left out"] and "_scratch" in said["Left out"]
    assert "the first is good/phone.heic" in said["Left out"]
