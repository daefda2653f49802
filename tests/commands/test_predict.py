"""The commands train and predict: rows on standard output, faults on the other, a status that tells."""

import json
import os
import subprocess
import sys
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from course_lib.__main__ import main
from course_lib.data import read_pixels
from course_lib.inference import Inspector, InspectorSettings
from course_lib.models import ScratchCNN
from course_lib.paths import project_folder

pytestmark = pytest.mark.usefixtures("work", "one_thread")


def status_of(arguments: list[str]) -> int:
    """The exit status as a terminal sees it; argparse ends the program by itself."""
    try:
        return main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.fixture
def saved(tmp_path: Path) -> str:
    torch.manual_seed(0)
    settings = InspectorSettings(["functional", "defective"], 32, 1, [0.5], [0.25])
    return str(Inspector(ScratchCNN(width=4), settings).save(tmp_path / "inspector"))


def test_each_photo_is_a_row_of_json(saved: str, photos: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", saved.removesuffix(".safetensors"), str(photos), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 20 and set(rows[0]) == {"path", "probability", "decision", "problem"}


def test_json_stays_json_on_a_terminal_that_lacks_a_letter(
    saved: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "defective" / "3.png").rename(photos / "defective" / "é あ.png")
    terminal = TextIOWrapper(BytesIO(), "cp932")
    monkeypatch.setattr("sys.stdout", terminal)
    assert main(["predict", saved, str(photos / "defective"), "--json"]) == 0
    rows = json.loads(terminal.buffer.getvalue().decode("cp932"))
    assert any(row["path"].endswith("é あ.png") for row in rows)


def test_an_unreadable_photo_is_reported_and_sets_the_status(
    saved: str, photos: Path, capsys: pytest.CaptureFixture
) -> None:
    (photos / "defective" / "3.png").write_bytes(b"no photo")
    paths = [str(photos / "defective"), str(photos / "functional" / "0.png"), "gone.png"]
    assert main(["predict", saved, *paths, "--csv"]) == 1
    out, err = capsys.readouterr()
    table = pd.read_csv(StringIO(out))
    assert len(table) == 12 and (table["decision"] == "not inspected").sum() == 2
    assert "3.png is not an image" in err and "no photo gone.png" in err
    assert main(["predict", saved, *paths, "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["probability"] for row in rows].count(None) == 2


def test_a_folder_that_may_not_be_listed_is_reported_and_sets_the_status(
    saved: str, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    real = os.scandir

    def refuse(path: str):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    (photos / "locked").mkdir()
    monkeypatch.setattr("os.scandir", refuse)
    assert main(["predict", saved, str(photos), "--csv"]) == 1
    said = capsys.readouterr()
    assert said.out.count(".png") == 20 and "locked (may not be listed" in said.err


def test_heat_maps_are_drawn_also_for_photos_of_one_name(
    saved: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    paths = [str(photos / label / "0.png") for label in ("functional", "defective")]
    assert main(["predict", saved, *paths]) == 0
    assert main(["predict", saved, *paths, "--csv", "--heatmaps", str(tmp_path / "maps")]) == 0
    table = pd.read_csv(StringIO(capsys.readouterr().out.split("\n", 3)[3]))
    pictures = [np.asarray(Image.open(file)) for file in table["heat_map"]]
    assert len(pictures) == 2 and pictures[0].shape == (32, 32, 3)
    assert any((picture[..., 0] != picture[..., 2]).any() for picture in pictures)


def test_a_csv_file_is_for_excel(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    settings = InspectorSettings(["-NG", "良品"], 32, 1, [0.5], [0.25], threshold=2.0)
    saved = str(Inspector(ScratchCNN(width=4), settings).save(tmp_path / "inspector"))
    Image.effect_noise((40, 40), 50).save(tmp_path / "a.png")
    (tmp_path / "b.png").touch()
    paths, file = [str(tmp_path / name) for name in ("a.png", "b.png")], tmp_path / "rows.csv"
    assert main(["predict", saved, *paths, "--csv-file", str(file)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "probability of '良品'; rejected from 2 on" in err
    assert file.read_bytes().startswith(b"\xef\xbb\xbfpath,")
    table = pd.read_csv(file)
    assert table["decision"].tolist() == ["'-NG", "not inspected"]
    assert table["probability"].isna().tolist() == [False, True]


def test_a_photo_unlike_those_of_the_training_is_told_and_sets_the_status_if_that_is_asked_for(
    saved: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    images = np.stack([read_pixels(path, 32, 1) for path in sorted((photos / "functional").iterdir())])
    Inspector.load(saved).familiar_with(images[:7], images[7:]).save(tmp_path / "knowing")
    Image.linear_gradient("L").save(tmp_path / "foreign.png")
    paths = [str(tmp_path / "foreign.png"), str(photos / "functional")]
    assert main(["predict", str(tmp_path / "knowing"), *paths, "--csv"]) == 0
    out, err = capsys.readouterr()
    unlike = pd.read_csv(StringIO(out))["unlike"]
    assert unlike[0] > 1 and (unlike[1:] <= 1).all(), "the limit is that of the own photos"
    assert "1 of 11 photos are unlike those of the training" in err and "foreign.png" in err
    assert main(["predict", str(tmp_path / "knowing"), *paths, "--warn-unlike"]) == 3
    assert main(["predict", str(tmp_path / "knowing"), *paths[1:], "--warn-unlike"]) == 0
    assert main(["predict", saved, *paths, "--warn-unlike"]) == 2
    assert "train it again" in capsys.readouterr().err


def test_an_interrupt_anywhere_is_no_traceback(
    saved: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("course_lib.commands.check.check_folder", interrupt)
    monkeypatch.setattr(Inspector, "load", interrupt)
    for arguments in (["check", "."], ["predict", saved, "."]):
        assert main(arguments) == 130
        assert "Interrupted." in capsys.readouterr().err


@pytest.mark.slow
def test_a_reader_who_has_seen_enough_is_no_traceback() -> None:
    command = [sys.executable, "-m", "course_lib", "quiz", "check"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=project_folder(), **pipes) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "gone", "photo.png"],
        ["predict", "gone"],
        ["train", "no-such-folder", "--out", "x"],
        ["train", "."],
        ["train", ".", "--out", "x", "--minutes", "soon"],
        ["predict", "x", "y", "--csv", "--json"],
        ["predict", "x", "y", "--csv", "--csv-file", "z"],
    ],
)
def test_wrong_use_is_status_2_without_a_traceback(
    arguments: list[str], capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status_of(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_train_stops_with_the_names_of_unreadable_photos(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (photos / "defective" / "3.png").write_bytes(b"no photo")
    assert main(["train", str(photos), "--out", str(tmp_path / "out")]) == 2
    assert "defective/3.png" in capsys.readouterr().err


def test_files_that_are_no_photos_are_named_and_do_not_set_the_status(
    saved: str, photos: Path, capsys: pytest.CaptureFixture
) -> None:
    (photos / "notes.txt").write_text("The lamp was changed on Monday.")
    assert main(["predict", saved, str(photos), "--csv"]) == 0
    out, err = capsys.readouterr()
    assert "notes.txt (text)" in err and len(out.splitlines()) == 21
    (photos / "lamp.png").write_bytes(b"")
    assert main(["predict", saved, str(photos), "--csv"]) == 1


@pytest.mark.parametrize("missing", [["stdout"], ["stderr"], ["stdout", "stderr"]])
def test_a_program_without_a_console_still_inspects(
    saved: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: list[str]
) -> None:
    for name in missing:  # as in pythonw, and in a service
        monkeypatch.setattr(sys, name, None)
    file = tmp_path / "rows.csv"
    assert main(["predict", saved, str(photos), "--csv-file", str(file)]) == 0
    assert len(pd.read_csv(file)) == 20
    assert main(["check", str(photos)]) == 0


@pytest.mark.parametrize("encoding", ["cp932", "cp1252", "latin-1", "ascii"])
@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_a_letter_that_the_terminal_does_not_know_is_no_traceback(
    saved: str, photos: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, form: list[str]
) -> None:
    (photos / "defective" / "3.png").rename(photos / "defective" / "é あ 🔩.png")
    (photos / "defective" / "ü検.png").write_bytes(b"no photo")
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, TextIOWrapper(BytesIO(), encoding))
    assert main(["predict", saved, str(photos / "defective"), *form]) == 1
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--help"])


@pytest.mark.slow
def test_a_backend_of_the_surroundings_that_matplotlib_does_not_know_stops_no_command(saved: str, photos: Path) -> None:
    words = [sys.executable, "-m", "course_lib", "predict", saved, str(photos / "defective" / "0.png")]
    done = subprocess.run(words, env=os.environ | {"MPLBACKEND": "Qt4Agg"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "CUDA" not in done.stderr
