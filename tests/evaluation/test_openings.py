"""The test photos know who has seen them."""

from pathlib import Path

from course_lib import evaluation


def test_the_test_photos_know_who_has_seen_them_and_when(work: Path, photos: Path) -> None:
    assert evaluation.test_openings(photos).empty
    counts = [evaluation.record_test_opening(photos, name) for name in ("first", "ひび, 2", "first")]
    assert counts == [1, 2, 2]
    table = evaluation.test_openings(photos)
    assert table["model"].tolist() == ["first", "ひび, 2"]
    assert table["when"].str.match(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC").all()
