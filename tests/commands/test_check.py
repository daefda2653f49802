"""The command check: a line for each finding, and a status that tells whether all files can be read."""

from pathlib import Path

import pytest
from PIL import Image

from course_lib.__main__ import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three photos: one is good, one is broken off, one has the ending of another format."""
    for name in ("good.png", "broken.png"):
        Image.effect_noise((64, 64), 50).save(tmp_path / name)
    whole = (tmp_path / "broken.png").read_bytes()
    (tmp_path / "broken.png").write_bytes(whole[:-100])
    Image.effect_noise((64, 64), 50).save(tmp_path / "named.jpg", "PNG")
    return tmp_path


def test_findings_are_printed_and_drawn(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    sheet = tmp_path / "sheet.html"
    assert main(["check", str(folder), "--sheet", str(sheet), "--size", "64x64"]) == 1
    said = capsys.readouterr().out
    assert "broken.png  truncated" in said and "3 files checked, 2 findings" in said
    page = sheet.read_text(encoding="utf-8")
    assert "truncated" in page and "data:image/png;base64," in page and "http:" not in page and "https:" not in page


def test_the_status_is_0_where_every_file_can_be_read(folder: Path) -> None:
    (folder / "broken.png").unlink()
    assert main(["check", str(folder), "--size", "32x32"]) == 0


@pytest.mark.parametrize("arguments", [["--size", "big", "."], []])
def test_wrong_use_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["check", *arguments])


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["check", str(tmp_path / "nowhere")]) == 2
    assert "There is no folder" in capsys.readouterr().err
