"""Is what lesson 2 says about its photos true?

The learner's functions are taken from the solutions of its tasks, so these are also tried on real files.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_lib import checks, data
from course_lib.quiz.tasks.content import Task, of_lesson


@pytest.fixture(scope="module")
def solved() -> dict:
    """What a learner has who solved every task: name → function or value."""
    names: dict = {}
    for task in of_lesson(2, Task):
        exec(task.given + "\n" + task.solution, names)
    return names


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checks.make_messy_folder(tmp_path_factory.mktemp("lesson") / "messy")


@pytest.fixture(scope="module")
def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*"))


@pytest.fixture(scope="module")
def read(solved: dict, files: list[Path]) -> tuple[dict[Path, np.ndarray], list[Path]]:
    return solved["read_all"](files)


@pytest.fixture(scope="module")
def findings(folder: Path) -> pd.DataFrame:
    return checks.check_folder(folder, progress=False)


def test_reading_to_the_end_finds_more_broken_files_than_opening(read, files):
    def opens(path: Path) -> bool:
        try:
            Image.open(path)
        except Exception:
            return False
        return True

    _, broken = read
    cannot_be_opened = {path for path in files if not opens(path)}
    assert cannot_be_opened < set(broken)
    assert len(files) == 124
    assert len(broken) == 8
    assert (files[0].parents[1] / "defective" / "cell0448.png") in set(broken) - cannot_be_opened


def test_the_finders_of_a_learner_find_12_of_28_faults_without_a_false_alarm(solved, read, files, findings, folder):
    images, broken = read
    suspects = {
        "read_all": broken,
        "is_black": [path for path, image in images.items() if solved["is_black"](image)],
        "has_wrong_size": [path for path, image in images.items() if solved["has_wrong_size"](image, 300, 300)],
        "exact_copies": solved["exact_copies"](files),
        "check_folder": [folder / path for path in findings["path"]],
    }
    suspects["all but the last"] = [path for name in list(suspects)[:-1] for path in suspects[name]]
    score = checks.score_hunt(suspects).set_index("finder")
    assert score["faults found"].tolist() == [8, 1, 1, 2, 28, 12]
    assert (score["false alarms"] == 0).all()


def test_only_scaling_gives_a_photo_of_12_bits_back():
    image = data.read_image(data.solar_cells() / "defective" / "cell0001.png")
    wide = image.astype(np.uint16) * 16
    assert np.abs((wide * (255 / 4095)).astype(int) - image).max() <= 1
    assert np.asarray(Image.fromarray(wide).convert("L")).mean() > 2 * image.mean()
    cut = wide.astype(np.uint8).astype(int)
    assert np.abs(np.diff(cut, axis=1)).mean() > 5 * np.abs(np.diff(image.astype(int), axis=1)).mean()


def test_the_average_hash_misses_the_turned_copy_and_suspects_photos_that_are_none(read):
    images, _ = read

    def average_hash(image: np.ndarray) -> np.ndarray:
        small = np.asarray(Image.fromarray(image).resize((8, 8)))
        return (small > np.median(small)).ravel()

    hashes = {path.stem: average_hash(image) for path, image in images.items()}
    close = [pair for pair in combinations(hashes, 2) if (hashes[pair[0]] != hashes[pair[1]]).sum() <= 4]
    copies = [pair for pair in close if pair[1].startswith(pair[0])]
    assert (len(close), len(copies)) == (9, 4)
    assert not any("turned" in name for pair in close for name in pair)


def test_decisions_and_quarantine_can_be_undone(solved, findings, folder, files, tmp_path):
    left_out = [problem for problem, decision in solved["decisions"].items() if decision == "leave out"]
    problems = [*checks.UNREADABLE, "exact duplicate", "near duplicate", *left_out]
    log = checks.quarantine(findings[findings["problem"].isin(problems)], tmp_path / "quarantine")
    assert len(sorted(folder.glob("*/*"))) == len(files) - len(log)
    checks.undo_quarantine(tmp_path / "quarantine")
    assert sorted(folder.glob("*/*")) == files


@pytest.mark.slow
def test_the_photos_of_the_course_can_all_be_read():
    real = checks.check_folder(data.solar_cells(), progress=False)
    assert not real["problem"].isin(checks.UNREADABLE).any()
    assert real["problem"].value_counts().to_dict() == {"blurred": 5, "near duplicate": 2}


def test_a_dark_photo_of_12_bits_is_taken_for_one_of_10_and_comes_out_too_bright(tmp_path):
    for name, brightest in (("usual", 3600), ("dark", 900)):
        Image.fromarray(np.full((9, 9), brightest, np.uint16)).save(tmp_path / f"{name}.png")
    assert data.read_image(tmp_path / "usual.png").max() == 225
    assert data.read_image(tmp_path / "dark.png").max() == 225
