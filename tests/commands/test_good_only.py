"""Good photos alone: one folder is enough, what cannot be known is said, and a bad folder is survived."""

from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_lib.__main__ import main
from course_lib.commands import good_only
from course_lib.commands.good_only import Scores, train_good_only
from course_lib.commands.prepare import TrainingOptions
from course_lib.data import good_class
from course_lib.errors import CourseError
from course_lib.inference import Inspector

pytestmark = pytest.mark.usefixtures("work", "one_thread")
OPTIONS = TrainingOptions(good_only=True)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small photos, and no ONNX program, which takes half a minute to make."""

    def refuse(*_: object) -> None:
        raise CourseError("no program")

    monkeypatch.setattr(good_only, "SIZES", (64,))
    monkeypatch.setattr(good_only, "checked_program", refuse)


def make_parts(folder: Path, label: str, count: int, spot: bool = False, size: int = 40) -> Path:
    """Noise that every photo has anew; on a defective part lies a bright spot."""
    generator = np.random.default_rng(len(label))
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image = generator.integers(0, 120, (size + number % 3, size), dtype=np.uint8)
        if spot:
            image[10:30, 10:30] += 120
        Image.fromarray(image).save(folder / label / f"{'spot' if spot else 'part'} lot{number // 4}.{number}.png")
    return folder


def quiet(folder: Path, out: Path, options: TrainingOptions = OPTIONS) -> tuple[Inspector, Scores, list[str]]:
    said: list[str] = []
    inspector, scores = train_good_only(folder, out / "made.safetensors", options, progress=False, tell=said.append)
    return inspector, scores, said


@pytest.mark.slow
def test_one_folder_of_good_photos_gives_an_inspector_that_rejects_a_defect_and_shows_where(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    photos, out = make_parts(tmp_path / "photos", "good", 40), tmp_path / "inspector"
    assert main(["train", str(photos), "--out", str(out)]) == 2
    assert "--good-only" in capsys.readouterr().err
    assert main(["train", str(photos), "--out", str(out), "--good-only", "--lot-pattern", r"lot(\d+)"]) == 0
    assert "cannot be known without photos of defective parts" in capsys.readouterr().out
    page = out.with_suffix(".html").read_text(encoding="utf-8")
    assert "How many defects are missed cannot be known" in page and "missed defects" not in page

    make_parts(tmp_path / "new", "mixed", 10)
    make_parts(tmp_path / "new", "mixed", 10, spot=True)
    assert main(["predict", str(out), str(tmp_path / "new"), "--csv", "--heatmaps", str(tmp_path / "maps")]) == 0
    table = pd.read_csv(StringIO(capsys.readouterr().out.split("\n", 0)[-1]))
    spotted = table["path"].str.contains("spot")
    assert (table["decision"][spotted] == "defective").all() and (table["decision"][~spotted] == "good").mean() >= 0.7
    inspector = Inspector.load(out)
    image = np.full((1, 3, 64, 64), 60, np.uint8)
    image[:, :, 16:32, 32:48] = 240
    heat = inspector.heat_maps(image, [1])[0]
    assert heat.shape == (4, 4) and heat.min() >= 0 and heat.max() <= 1


@pytest.mark.slow
def test_defective_photos_judge_and_change_nothing(tmp_path: Path) -> None:
    photos = make_parts(tmp_path / "photos", "good", 30)
    alone, _, _ = quiet(photos, tmp_path)
    make_parts(photos, "scratch", 5, spot=True)
    make_parts(photos, "dent", 6, spot=True)
    judged, scores, said = quiet(photos, tmp_path)
    image = np.random.default_rng(1).integers(0, 255, (2, 3, 64, 64), dtype=np.uint8)
    np.testing.assert_array_equal(judged.logits(image), alone.logits(image))
    assert len(scores.defective) == 11 and (scores.defective > 0).all() and (scores.good >= 0).sum() == 2
    measured = scores.measured().set_index("measure")
    assert measured.loc["missed defects", "value"] == 0 and measured.loc["area under ROC", "value"] == 1
    assert "nothing is learned" in "".join(said)
    page = (tmp_path / "made.html").read_text(encoding="utf-8")
    assert "have only judged" in page and "Defective photos that pass" in page


@pytest.mark.slow
def test_defects_among_the_good_photos_are_told_and_survived(tmp_path: Path) -> None:
    photos = make_parts(tmp_path / "photos", "good", 38)
    make_parts(photos, "good", 2, spot=True)
    _, scores, said = quiet(photos, tmp_path)
    assert len(scores.far) == 2 and "2 good photos lie far from the others" in " ".join(said)
    assert "spot" in said[-2] and "take those out" in (tmp_path / "made.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("photos", ["one", "all equal"])
def test_photos_that_do_not_show_how_good_parts_differ_are_refused(photos: str, tmp_path: Path) -> None:
    (tmp_path / "photos" / "good").mkdir(parents=True)
    for number in range(1 if photos == "one" else 30):
        Image.linear_gradient("L").save(tmp_path / "photos" / "good" / f"{number}.png")
    with pytest.raises(CourseError, match="'good' has 1 usable photos that differ, but only 10 and more"):
        quiet(tmp_path / "photos", tmp_path)


def test_the_interval_follows_the_lots() -> None:
    generator, none = np.random.default_rng(0), np.zeros(0)
    good = generator.normal(size=10).repeat(10) + 0.1 * generator.normal(size=100)  # ten lots of ten that are alike
    widths = []
    for lots in (np.arange(100), np.arange(10).repeat(10)):
        row = Scores(good - np.quantile(good, 0.8), none, lots, 0.2).measured().iloc[0]
        widths.append(row["to"] - row["from"])
    assert widths[1] > widths[0] > 0


@pytest.mark.parametrize(
    ("names", "positive", "good"),
    [
        (["screws"], None, "screws"),
        (["good", "scratch", "dent"], None, "good"),
        (["NG", "parts"], None, "parts"),
        (["rose", "tulip"], "rose", "tulip"),
        (["OK", "odd"], "OK", "odd"),
    ],
)
def test_the_good_class_is_the_one_that_is_not_looked_for(names: list[str], positive: str | None, good: str) -> None:
    assert good_class(names, positive) == good


@pytest.mark.parametrize("names", [["defective"], ["rose", "tulip"], ["bad", "a", "b"]])
def test_names_that_tell_no_good_class_are_refused(names: list[str]) -> None:
    with pytest.raises(CourseError, match="good"):
        good_class(names)


def test_what_cannot_be_aimed_at_is_refused() -> None:
    with pytest.raises(CourseError, match=r"0\.05"):
        TrainingOptions(good_only=True, overkill=5)
    with pytest.raises(CourseError, match="--overkill"):
        TrainingOptions(good_only=True, cost_missed=10)
