"""The studies read any photo folder, and say in one sentence what is wrong with it."""

import argparse
import shutil
import sys
from pathlib import Path

import pytest

from course_lib.errors import CourseError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "studies"))

import study_tools


@pytest.fixture
def parted(photos: Path, tmp_path: Path) -> Path:
    """The photos of the fixture as the parts train and test."""
    for part in ("train", "test"):
        shutil.copytree(photos, tmp_path / "parted" / part)
    return tmp_path / "parted"


def test_parts_become_the_column_split(parted: Path) -> None:
    index = study_tools.photo_index(parted, limit=4)
    assert index.groupby(["split", "label"]).size().to_dict() == {
        (part, label): 4 for part in ("test", "train") for label in ("defective", "functional")
    }
    assert all((parted / path).is_file() for path in index["path"])
    assert study_tools.test_rows(index, seed=0).tolist() == (index["split"] == "test").tolist()


def test_without_parts_a_stratified_quarter_is_for_the_test(photos: Path) -> None:
    index = study_tools.photo_index(photos)
    test = study_tools.test_rows(index, seed=0)
    assert index["label"][test].value_counts().tolist() == [2, 2]
    assert (study_tools.test_rows(index, seed=1) != test).any()


def test_parts_with_other_classes_are_refused(parted: Path) -> None:
    shutil.copytree(parted / "test" / "defective", parted / "test" / "dusty")
    with pytest.raises(CourseError, match=r"different classes \(dusty\)"):
        study_tools.photo_index(parted)


def test_a_damaged_cifar10_is_refused(tmp_path: Path, work: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    for folder in (tmp_path, tmp_path / "cifar-10-batches-py"):
        with pytest.raises(CourseError, match="incomplete or damaged; fetch CIFAR-10 again"):
            study_tools.photo_index(folder)


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ([], 77, "This study needs --data: a folder of flowers."),
        (["--data", "gone"], 2, "The photo folder gone does not exist"),
        (["--data", "gone", "--limit", "1"], 2, "--limit 1 is too small"),
        (["--data", ".", "--device", "abacus"], 2, "The device 'abacus' is unknown"),
    ],
)
def test_what_is_wrong_is_one_line(
    words: list[str], status: int, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(sys, "argv", ["study.py", *words])
    monkeypatch.setenv("COURSE_DEVICE", "cpu")  # put back after the test
    parser = study_tools.arguments("A study.", "a folder of flowers")

    def main(given: argparse.Namespace) -> None:
        study_tools.photo_index(given.data)

    with pytest.raises(SystemExit) as stopped:
        study_tools.run(main, parser)
    assert stopped.value.code == status
    said = capsys.readouterr().err
    assert said.startswith(sentence) and said.count("\n") == 1


def test_a_fresh_work_folder_is_empty_and_goes_away(work: Path) -> None:
    from course_lib.paths import work_folder

    with study_tools.fresh_work_folder() as folder:
        assert work_folder() == folder and not list(folder.iterdir())
    assert work_folder() == work and not folder.exists()
