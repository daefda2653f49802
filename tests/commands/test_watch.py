"""predict --watch judges each photo once, when it has arrived, whatever happens to the folder."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from course_lib.__main__ import main
from course_lib.commands import watch as watching
from course_lib.errors import CourseError
from course_lib.inference import Inspector, InspectorSettings
from course_lib.models import ScratchCNN

pytestmark = pytest.mark.usefixtures("work", "one_thread")


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Watch the folder "line"; between two looks one step after the other happens, then Ctrl+C."""
    torch.manual_seed(0)
    settings = InspectorSettings(["functional", "defective"], 32, 1, [0.5], [0.25])
    saved = str(Inspector(ScratchCNN(width=4), settings).save(tmp_path / "inspector"))

    def run(*steps: Callable[[], object], words: tuple[str, ...] = ("--csv-file", str(tmp_path / "rows.csv"))) -> int:
        waiting = iter(steps)

        def next_step(_: float) -> None:
            step = next(waiting, None)
            if step is None:
                raise KeyboardInterrupt
            step()

        monkeypatch.setattr(watching.time, "sleep", next_step)
        return main(["predict", saved, "--watch", str(tmp_path / "line"), *words])

    return run


@pytest.fixture
def line(tmp_path: Path) -> Path:
    (tmp_path / "line").mkdir()
    return tmp_path / "line"


def nothing() -> None:
    """Only time passes."""


def photo(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 40), dtype=np.uint8)).save(path)
    return path


def rows(tmp_path: Path) -> list[str]:
    return [Path(path).name for path in pd.read_csv(tmp_path / "rows.csv")["path"]]


def test_what_lies_there_and_what_arrives_is_judged_once(
    watch: Callable[..., int], line: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    photo(line / "first.png")
    status = watch(
        nothing,
        nothing,
        lambda: photo(line / "second.png", 1),
        lambda: photo(line / "in a folder" / "third.png", 2),
        lambda: (line / "notes.txt").write_text("not a photo"),
        nothing,
    )
    assert status == 0 and rows(tmp_path) == ["first.png", "second.png", "third.png"]
    table = pd.read_csv(tmp_path / "rows.csv")
    assert list(table) == ["path", "probability", "decision", "problem"] and table["probability"].between(0, 1).all()
    assert "Ended: 3 photos judged, 0 of them could not be inspected." in capsys.readouterr().err


def test_a_photo_that_is_still_written_waits_and_a_broken_one_is_reported(
    watch: Callable[..., int], line: Path, tmp_path: Path
) -> None:
    whole = photo(tmp_path / "whole.png").read_bytes()
    parts = [lambda end=end: (line / "slow.png").write_bytes(whole[:end]) for end in (300, 600, len(whole))]
    assert watch(*parts, nothing, lambda: (line / "broken.png").write_bytes(whole[:500]), nothing) == 1
    table = pd.read_csv(tmp_path / "rows.csv")
    assert rows(tmp_path) == ["slow.png", "broken.png"]
    assert table["decision"][1] == "not inspected" and "truncated" in table["problem"][1]


def test_a_photo_of_the_same_name_is_another_photo(watch: Callable[..., int], line: Path, tmp_path: Path) -> None:
    latest = line / "latest.png"
    watch(lambda: photo(latest, 1), nothing, nothing, lambda: photo(latest, 2), nothing, nothing)
    assert rows(tmp_path) == ["latest.png", "latest.png"]


def test_a_second_watch_goes_on_where_the_first_ended(watch: Callable[..., int], line: Path, tmp_path: Path) -> None:
    photo(line / "first.png")
    watch(nothing)
    watch(lambda: photo(line / "second.png", 1), nothing)
    assert rows(tmp_path) == ["first.png", "second.png"]
    assert (tmp_path / "rows.csv").read_bytes().count(b"path,") == 1


def test_a_folder_that_goes_and_comes_back_is_watched_on(watch: Callable[..., int], line: Path, tmp_path: Path) -> None:
    photo(line / "first.png")
    back = [lambda: shutil.rmtree(line), nothing, lambda: photo(line / "second.png", 1), nothing]
    assert watch(nothing, *back) == 0
    assert rows(tmp_path) == ["first.png", "second.png"]


def test_rows_wait_for_a_file_that_cannot_be_written_to(
    watch: Callable[..., int],
    line: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    append, shut = watching.append_csv, [True]

    def refuse(table: pd.DataFrame, path: str) -> None:
        if shut:
            raise CourseError("The file cannot be written to; close Excel.")
        append(table, path)

    monkeypatch.setattr(watching, "append_csv", refuse)
    photo(line / "first.png")
    watch(nothing, lambda: photo(line / "second.png", 1), nothing, shut.clear, nothing, nothing)
    assert rows(tmp_path) == ["first.png", "second.png"]
    assert "close Excel. The rows wait." in capsys.readouterr().err


def test_without_a_file_the_rows_are_printed_as_csv(
    watch: Callable[..., int], line: Path, capsys: pytest.CaptureFixture
) -> None:
    photo(line / "first.png")
    assert watch(nothing, words=()) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head == "path,probability,decision,problem" and "first.png,0." in row


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda base: None, ()),
        (lambda base: (base / "line").touch(), ()),
        (lambda base: (base / "line").mkdir(), ("--json",)),
        (lambda base: (base / "line").mkdir(), ("--heatmaps", "maps", "photo.png")),
    ],
    ids=["no folder", "a file", "JSON", "photos beside it"],
)
def test_what_cannot_be_watched_is_said_at_once(
    watch: Callable[..., int], tmp_path: Path, prepare: Callable, words: tuple[str, ...]
) -> None:
    prepare(tmp_path)
    try:
        assert watch(words=words) == 2
    except SystemExit as stop:
        assert stop.code == 2


def test_a_file_with_other_columns_is_left_alone(watch: Callable[..., int], line: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("part,weight\n1,2\n")
    assert watch(nothing) == 2
    assert (tmp_path / "rows.csv").read_text() == "part,weight\n1,2\n"
