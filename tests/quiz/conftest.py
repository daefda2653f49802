"""A course with the sample tasks, and a notebook without a page, for the tests of tasks and guesses."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_lib.quiz.tasks import checking, guesses

Run = Callable[[str], Any]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course whose lesson 2 has the sample tasks; answers go to a folder of the test."""
    (tmp_path / "lessons" / "tasks").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("sample_tasks.py"), tmp_path / "lessons" / "tasks" / "02.py")
    monkeypatch.setenv("COURSE_PROJECT", str(tmp_path))
    monkeypatch.setenv("COURSE_QUIZ", str(tmp_path / "answers"))
    monkeypatch.setattr(checking, "session", checking._Session())
    monkeypatch.setattr(guesses, "results", {})
    monkeypatch.setattr(guesses, "widgets", {})
    return tmp_path


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A notebook without a page."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_cell("from course_lib import quiz", store_history=True)
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def run(shell: InteractiveShell) -> Run:
    """Runs a cell; gives what it shows last."""

    def run_cell(cell: str) -> Any:
        done = shell.run_cell(cell, store_history=True)
        done.raise_error()
        return done.result

    return run_cell
