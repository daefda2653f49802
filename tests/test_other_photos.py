"""The run of lessons with other photos, tried on a lesson of a few lines; `make elsewhere` does it with real ones."""

from pathlib import Path
from types import ModuleType

import build
import other_photos
import pytest
from notebook_samples import make_course

pytestmark = pytest.mark.slow

LESSON = """\
# %% [markdown]
# # Lesson 9: a sample
# **At the end you have:** a number.

# %%
import os
PHOTOS = data.solar_cells()
BACKBONE = "efficientnet_lite0"

# %%
labels = sorted(os.listdir(PHOTOS))
assert labels == ["the", "solar", "cells"]
print(labels, BACKBONE)
WORK = os.environ["COURSE_WORK"]
# how they are shown
print(*SHOWN, (1, 512), sep="\\n")

# %%
open(WORK + "/inspector.safetensors", "w").close()

# %% tags=["raises-exception"]
assert "solar" in labels
"""


def course(folder: Path, shown: str) -> ModuleType:
    """Two small lessons, which show these texts."""
    lesson = LESSON.replace("*SHOWN", shown)
    return make_course(folder / "course", {"09_sample": lesson, "10_sample": lesson})


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lessons that show what they must, in place of the real ones; the folder of their sources."""
    shown = f"*{(*other_photos.ROUTES, 'no_such_photo.png')!r}"
    sources = course(tmp_path, shown).SOURCES
    monkeypatch.setattr(build, "SOURCES", sources)
    lessons = {number: other_photos.LESSONS[number] for number in ("09", "10")}
    monkeypatch.setattr(other_photos, "LESSONS", lessons)
    return sources


def test_lessons_run_with_other_photos_and_another_network(sample: Path, capsys: pytest.CaptureFixture) -> None:
    assert other_photos.main([]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "09_sample with other photos: runs",
        "10_sample with other photos: runs",
    ]


def test_what_a_lesson_does_not_show_and_where_it_stops_is_named(sample: Path, capsys: pytest.CaptureFixture) -> None:
    for number, old, new in (("09", "probe", "no"), ("10", "open(WORK", "open(NOWHERE")):
        source = sample / f"{number}_sample.py"
        source.write_text(source.read_text("utf-8").replace(old, new), "utf-8")
    assert other_photos.main([]) == 1
    told = capsys.readouterr().out
    assert "09_sample with other photos: does not show probe\n" in told
    assert "10_sample with other photos: Lesson 10 stopped in code cell 3" in told and "NOWHERE" in told


def test_the_lines_that_are_changed_stand_in_the_lessons() -> None:
    texts = {build.lesson_number(source): source.read_text("utf-8") for source in build.sources(other_photos.LESSONS)}
    assert texts["09"].count(other_photos.PHOTOS) == texts["09"].count(other_photos.BACKBONE) == 1
    assert texts["10"].count(other_photos.PHOTOS) == 1
    assert [texts["plain_pytorch"].count(text) for text in (other_photos.PHOTOS, other_photos.NETWORK)] == [1, 1]
    for name, text in {"speed_and_memory": "turns=20", "tuning": "epochs=5", "deploying": "(1, 4, 16)"}.items():
        assert texts[name].count(other_photos.PHOTOS) == texts[name].count(text) == 1
