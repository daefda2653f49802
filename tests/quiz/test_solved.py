"""`make solved`: a notebook with its tasks solved; what changes besides is found."""

from pathlib import Path

import pytest
import solved
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sample_tasks import Brightest

pytestmark = pytest.mark.usefixtures("course")
CHECK = 'quiz.check("02-brightest", brightest)'
LATER = "import numpy as np\nlargest = quiz.yours('02-brightest', brightest)\nprint(largest(np.array([3, 5])))"


def executed(notebook: NotebookNode) -> NotebookNode:
    NotebookClient(notebook).execute()
    return notebook


@pytest.fixture
def stored() -> NotebookNode:
    cells = [new_markdown_cell("**Task 1**"), new_code_cell("from course_lib import quiz")]
    return executed(new_notebook(cells=[*cells, *map(new_code_cell, [f"{Brightest.stub}\n\n{CHECK}", LATER])]))


def test_nothing_but_the_task_and_the_line_of_yours_changes(stored: NotebookNode) -> None:
    fresh = executed(solved.with_solutions(stored))
    assert "the course's" in stored.cells[3].outputs[0].text and "your brightest" in fresh.cells[3].outputs[0].text
    assert list(solved.changes(stored, fresh)) == []


def test_another_result_and_a_solution_that_is_not_right_are_found(stored: NotebookNode, course: Path) -> None:
    file = course / "lessons" / "tasks" / "02.py"
    file.write_text(file.read_text("utf-8").replace('return image.max()"', 'return image.min()"', 1), "utf-8")
    fresh = executed(solved.with_solutions(stored))
    fresh.cells[3].outputs[0].text = fresh.cells[3].outputs[0].text.replace("5", "3")
    not_right, changed = solved.changes(stored, fresh)
    assert not_right.startswith("cell 2: the solution of 02-brightest is told: Not yet. For a black photo")
    assert changed.startswith("cell 3: output 1") and "-5" in changed
