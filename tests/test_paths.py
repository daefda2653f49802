"""Files are written whole or not at all, and folders that cannot be used are named."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from course_lib import paths
from course_lib.errors import CourseError


def test_an_error_while_writing_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "model.pt"
    target.write_text("old")

    with pytest.raises(KeyboardInterrupt), paths.write_atomically(target) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt

    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_writing_makes_the_folder_and_replaces_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "new" / "notes.txt"
    for text in ("first", "second"):
        with paths.write_atomically(target) as temporary:
            temporary.write_text(text)

    assert target.read_text() == "second"


def test_the_temporary_name_keeps_the_ending(tmp_path: Path) -> None:
    with paths.write_atomically(tmp_path / "pixels.npy") as temporary:
        assert temporary.suffix == ".npy" and temporary.parent == tmp_path
        temporary.touch()


def test_no_write_permission_is_one_sentence_with_the_way_out(protected_folder: Path) -> None:
    with (
        pytest.raises(CourseError, match=r"write-protected.*COURSE_WORK"),
        paths.write_atomically(protected_folder / "old.txt"),
    ):
        pass

    assert (protected_folder / "old.txt").read_text() == "old"


def test_no_permission_to_make_a_folder_is_one_sentence(protected_folder: Path) -> None:
    with pytest.raises(CourseError, match=r"cannot be made \(Permission denied\)"):
        paths.make_folder(protected_folder / "work")


def test_a_file_in_the_way_of_a_folder_is_named_and_stays(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("mine")

    with pytest.raises(CourseError, match=r"work.* cannot be made"):
        paths.make_folder(tmp_path / "work" / "pixels")

    assert (tmp_path / "work").read_text() == "mine"


def test_variables_move_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "w"))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "d"))

    assert paths.work_folder() == tmp_path / "w"
    assert paths.data_folder() == tmp_path / "d"
    assert paths.shorten(tmp_path / "w" / "a.pt") == "work/a.pt"
    assert paths.shorten(tmp_path / "d" / "cells") == "data/cells"


def test_a_path_outside_the_course_is_shown_in_full(tmp_path: Path) -> None:
    assert paths.shorten(tmp_path / "photo.png") == (tmp_path / "photo.png").as_posix()


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "no room left for notes.txt"),
        (errno.EDQUOT, "no room left for notes.txt"),
        (errno.EACCES, "cannot be replaced"),
    ],
)
def test_a_full_disk_and_a_file_in_use_are_one_sentence(
    number: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("old")

    def fails(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.replace" if number == errno.EACCES else "pathlib.Path.write_text", fails)
    with pytest.raises(CourseError, match=sentence), paths.write_atomically(target) as temporary:
        temporary.write_bytes(b"new") if number == errno.EACCES else temporary.write_text("new")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_two_folders_of_one_name_share_nothing(tmp_path: Path, work: Path, photos: Path) -> None:
    other = tmp_path / "elsewhere" / photos.name
    shutil.copytree(photos, other)
    assert paths.kept_folder(photos) != paths.kept_folder(other)


def test_records_of_a_log_are_read_as_they_were_written(tmp_path: Path) -> None:
    log = tmp_path / "new" / "log.jsonl"
    assert paths.read_json_lines(log) == []
    records = [{"name": "ひび\u2028", "numbers": [1, 2.5]}, {"name": "a\udc80"}]
    for record in records:
        paths.append_json_line(log, record)
    assert paths.read_json_lines(log) == records


def test_a_broken_line_spoils_no_other(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"n": 1}\n7\n\xff\n{"n": \n')
    paths.append_json_line(log, {"n": 2})
    assert paths.read_json_lines(log) == [{"n": 1}, {"n": 2}]


def test_a_log_without_write_permission_is_one_sentence(protected_folder: Path) -> None:
    with pytest.raises(CourseError, match=r"log\.jsonl cannot be written to"):
        paths.append_json_line(protected_folder / "log.jsonl", {})


def test_values_of_the_libraries_become_plain_ones() -> None:
    given = {
        1: np.float32(0.5), "rows": pd.Series([1, 2]), "labels": torch.tensor([1]), "when": pd.Timestamp(0),
        "folder": Path("a"), "loss": np.array([np.nan, 1.0]), "fine": np.True_,
    }  # fmt: skip
    assert paths.plain(given) == {
        "1": 0.5, "rows": [1, 2], "labels": [1], "when": "1970-01-01 00:00:00", "folder": "a", "loss": [None, 1.0],
        "fine": True,
    }  # fmt: skip
