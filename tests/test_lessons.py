"""The ten lessons, and those beside them, as they are stored: complete, tidy, and made from their sources.

That their outputs are right is tested by `pytest --nbval`.
"""

import build
import lint
import pytest

BESIDE = ["deploying", "good_photos_only", "plain_pytorch", "speed_and_memory", "tuning"]
NUMBERS = [*(f"{number:02}" for number in range(1, 11)), *BESIDE]


def test_there_are_ten_lessons_and_five_beside_them() -> None:
    assert [build.lesson_number(source) for source in build.sources()] == NUMBERS


def test_every_notebook_comes_from_its_source() -> None:
    assert list(build.differences()) == []


@pytest.mark.parametrize("number", NUMBERS)
def test_a_lesson_has_no_lint(number: str) -> None:
    (source,) = build.sources([number])
    assert lint.findings(build.notebook_path(source)) == []


@pytest.mark.parametrize("number", NUMBERS)
def test_a_lesson_was_measured(number: str) -> None:
    measured = build.read_times().get(number, {})
    assert measured.get("cpu_seconds", 0) > 0
    assert measured.get("verified")


def test_the_readme_has_the_table_of_lessons() -> None:
    text = build.README.read_text("utf-8")
    assert build.readme_with_table(text) == text
