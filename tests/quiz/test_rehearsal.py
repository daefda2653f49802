"""`pytest --nbval` tries stub, solution and wrong answers of a task in the kernel of its lesson."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from sample_tasks import Brightest
from test_strict_nbval import run_nbval

from course_lib.quiz.tasks.rehearsal import rehearse

pytestmark = pytest.mark.slow

NAMES = "[name for name in globals() if not name.startswith('_')], len(In)"


def test_a_lesson_is_run_with_all_answers_and_nothing_changes(course: Path) -> None:
    cells = [
        "from course_lib import quiz\nkept = 1",
        Brightest.stub + '\n\nquiz.check("02-brightest", brightest)',
        NAMES,
    ]
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    NotebookClient(notebook).execute()
    nbformat.write(notebook, course / "lesson.ipynb")
    results, _ = run_nbval(course)
    assert [cell.outcome for cell in results["lesson"]] == ["passed"] * 3

    file = course / "lessons" / "tasks" / "02.py"
    file.write_text(file.read_text("utf-8").replace('return image.max()"', 'return kept + undefined"', 1), "utf-8")
    results, _ = run_nbval(course)
    assert [cell.outcome for cell in results["lesson"]] == ["passed", "failed", "passed"]
    message = results["lesson"][1].message
    assert "The task 02-brightest fails in its lesson" in message
    assert "name 'undefined' is not defined" in message


@pytest.mark.parametrize(
    ("wanted", "instead", "told"),
    [
        ('return image.min()"', 'return image.max()"', "NotYet 'a black photo with one pixel of 7' was expected"),
        ("gave None each time", "another message", "NotYet 'another message' was expected"),
        ('return image.max()"', 'return 3"', "Right '' was expected"),
    ],
)
def test_an_answer_with_another_outcome_is_named(course: Path, wanted: str, instead: str, told: str) -> None:
    file = course / "lessons" / "tasks" / "02.py"
    file.write_text(file.read_text("utf-8").replace(wanted, instead, 1), "utf-8")
    with pytest.raises(AssertionError, match=told):
        rehearse("02-brightest", {})
