"""The test photos know who has seen them, also from before the log was one of JSON lines."""

from pathlib import Path

import pytest

from course_lib import evaluation
from course_lib.errors import CourseError
from course_lib.paths import kept_folder


def test_the_test_photos_know_who_has_seen_them_and_when(work: Path, photos: Path) -> None:
    assert evaluation.test_openings(photos).empty
    counts = [evaluation.record_test_opening(photos, name) for name in ("first", "ひび, 2", "first")]
    assert counts == [1, 2, 2]
    table = evaluation.test_openings(photos)
    assert table["model"].tolist() == ["first", "ひび, 2"]
    assert table["when"].str.match(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC").all()


def test_an_earlier_record_counts(work: Path, photos: Path) -> None:
    earlier = "when,model\n2025-01-01 10:00 UTC,NA\n2025-01-02 10:00 UTC,second\n"
    (kept_folder(photos) / "test_openings.csv").write_text(earlier)
    assert evaluation.record_test_opening(photos, "second") == 2
    assert evaluation.record_test_opening(photos, "third") == 3
    assert evaluation.test_openings(photos)["model"].tolist() == ["NA", "second", "third"]
    assert (kept_folder(photos) / "test_openings.csv").read_text() == earlier


def test_a_damaged_earlier_record_is_named(work: Path, photos: Path) -> None:
    (kept_folder(photos) / "test_openings.csv").write_text("nonsense\n1\n")
    with pytest.raises(CourseError, match=r"test_openings\.csv cannot be read"):
        evaluation.record_test_opening(photos, "any")
