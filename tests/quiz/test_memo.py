"""The memo: kept beside the answers, one page, empty slots say what is missing."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from notebook_samples import REAL_PROJECT
from PIL import Image

from course_lib import lesson, quiz
from course_lib.errors import CourseError
from course_lib.quiz.memo import WIDEST, as_png


@pytest.fixture(autouse=True)
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("COURSE_QUIZ", raising=False)
    return tmp_path / "work" / "quiz"


def test_an_empty_memo_says_what_is_missing_and_is_written(answers: Path) -> None:
    whole = lesson.show_memo()
    assert repr(whole) == "Memo: 0 of 10 lessons have a figure and a finding."
    assert whole._repr_html_().count("Still missing: a figure and a finding.") == 10
    page = answers / "memo" / "solar_cells" / "memo.html"
    assert whole.page == page and "Still missing" in page.read_text("utf-8")


def test_a_filled_slot_is_on_the_page_and_stays(answers: Path) -> None:
    slot = lesson.memo(2)
    figure = Figure()
    figure.subplots().plot([1, 2])
    slot.figure("A <dark> photo", figure).finding("One photo in eight shows nothing.")
    assert slot.missing(2) == [] and slot.missing(3) == ["figure", "finding"]
    shown = slot._repr_html_()
    assert '<img style="' in shown and "&lt;img" not in shown and "A &lt;dark&gt; photo" in shown
    page = lesson.show_memo().page.read_text("utf-8")
    assert "data:image/png;base64," in page and "A &lt;dark&gt; photo" in page and "One photo in eight" in page
    assert page.count("Still missing") == 9
    assert repr(lesson.memo(5)) == "Memo: 1 of 10 lessons have a figure and a finding."
    lesson.memo(2).finding("Another finding.")
    assert "Another finding." in lesson.show_memo().page.read_text("utf-8")
    assert "A &lt;dark&gt; photo" in lesson.show_memo()._repr_html_()


def test_own_photos_have_a_memo_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "castings").mkdir()
    slot = lesson.memo(2, tmp_path / "castings").finding("Porous.")
    assert slot.about.startswith("castings-")
    assert lesson.memo(2).missing(2) == ["figure", "finding"]


@pytest.mark.parametrize(
    "picture", [np.zeros((20, 3000), np.uint8), np.zeros((8, 8, 3), np.uint8), Image.new("L", (9, 9))]
)
def test_photos_become_png_no_wider_than_a_page(picture: object, tmp_path: Path) -> None:
    content = as_png(picture)
    (tmp_path / "kept.png").write_bytes(content)
    assert max(Image.open(tmp_path / "kept.png").size) <= WIDEST
    assert as_png(tmp_path / "kept.png").startswith(b"\x89PNG")


@pytest.mark.parametrize("picture", [None, "no such file.png", np.zeros(3), "text"])
def test_what_cannot_be_shown_is_refused(picture: object) -> None:
    with pytest.raises(CourseError, match=r"The memo cannot show this .* give a matplotlib figure"):
        lesson.memo(2).figure("", picture)


def test_a_damaged_note_counts_as_missing(answers: Path) -> None:
    lesson.memo(2).finding("Something.")
    (answers / "memo" / "solar_cells" / "02.json").write_text("{")
    assert lesson.memo(2).missing(2) == ["figure", "finding"]
    assert lesson.show_memo()


def test_a_mistake_is_named() -> None:
    with pytest.raises(CourseError, match="The finding of the memo is int"):
        lesson.memo(1).finding(3)  # type: ignore[arg-type]


def test_the_memo_speaks_japanese() -> None:
    quiz.language("ja")
    assert "未記入：図と発見" in lesson.show_memo()._repr_html_()


def test_make_clean_spares_the_memo_and_nothing_else_of_work(tmp_path: Path) -> None:
    for name in ("quiz", "solar_cells", ".venv"):
        folder = tmp_path / ("work" if name != ".venv" else "") / name
        folder.mkdir(parents=True)
        (folder / "kept.txt").write_text("")
    for _ in range(2):
        subprocess.run(["make", "-f", REAL_PROJECT / "Makefile", "clean"], cwd=tmp_path, check=True)
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == [
        "work", "work/quiz", "work/quiz/kept.txt",
    ]  # fmt: skip
