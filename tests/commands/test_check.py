"""The command check: a line for each finding, and a status that tells whether all files can be read."""

import re
from pathlib import Path

import numpy as np
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


def test_every_fault_of_a_folder_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for label in ("good", "scratched", "ground_truth", "_unclear", ".cache"):
        (tmp_path / label).mkdir()
    for number in range(20):  # each class has a camera of its own
        photo = Image.effect_noise((60, 60), 60)
        photo.save(tmp_path / "good" / f"{number:02}.png")
        Image.effect_noise((80, 60), 60).convert("RGB").save(tmp_path / "scratched" / f"{number:02}.jpg", quality=90)
        mask = Image.new("L", (80, 60))
        mask.paste(255, (10, 10, 20 + number, 40))
        mask.save(tmp_path / "ground_truth" / f"{number:02}_mask.png")
    photo.rotate(90).save(tmp_path / "good" / "turned.png")
    whole = (tmp_path / "scratched" / "07.jpg").read_bytes()
    (tmp_path / "scratched" / "07.jpg").write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    (tmp_path / "good" / "copy.jpg").write_bytes((tmp_path / "scratched" / "03.jpg").read_bytes())
    with Image.open(tmp_path / "good" / "11.png") as photo:
        Image.fromarray(np.asarray(photo).astype(np.uint16) * 16).save(tmp_path / "good" / "11.png")
    photo.save(tmp_path / "_unclear" / "1.png")
    rows = [f"D:\\photos\\scratched\\{number:02}.JPG;{'good' if number < 2 else 'scratched'}" for number in range(20)]
    (tmp_path / "index.csv").write_text("\n".join(["Filename;Label", *rows]), encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 1
    said = re.sub(" +", " ", capsys.readouterr().out)
    for fault in (
        ". told by the file",
        "ground_truth left out 20 masks, not photos",
        "_unclear left out its name begins with '_'; 1 photos",
        "scratched/07.jpg truncated",
        "scratched/03.jpg exact duplicate the same bytes as good/copy.jpg",
        "good/copy.jpg two labels",
        "good/turned.png near duplicate fits good/19.png",
        "good/11.png odd mode 16 bit or more",
        "scratched/00.jpg label differs from folder 'good' in the table",
        "good/00.png file without row",
    ):
        assert fault in said, fault


@pytest.mark.parametrize("arguments", [["--size", "big", "."], []])
def test_wrong_use_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["check", *arguments])


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["check", str(tmp_path / "nowhere")]) == 2
    assert "There is no folder" in capsys.readouterr().err
