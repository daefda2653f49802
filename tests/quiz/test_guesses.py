"""Guesses: put on record, shown beside the result, and nothing told before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from course_lib import quiz
from course_lib.quiz.tasks import content, guesses
from course_lib.quiz.tasks.content import Guess
from course_lib.quiz.tasks.overview import Overview

Run = Callable[[str], Any]
pytestmark = pytest.mark.usefixtures("course")


def test_a_guess_is_kept_and_found_again(course: Path) -> None:
    control = quiz.guess("02-darker")
    control.guess = "sound"
    assert json.loads((course / "answers" / "guesses.json").read_text("utf-8")) == {"02-darker": "sound"}
    assert quiz.guess("02-darker").guess == "sound"


def test_the_control_tells_the_question_and_no_result() -> None:
    control = quiz.guess("02-darker")
    bundle, _ = control._repr_mimebundle_()
    assert bundle["text/plain"] == "Your guess: Which cells are darker? (Run this cell to make it.)"
    assert "<li>the functional ones</li>" in bundle["text/html"] and "暗いのはどちらですか" in bundle["text/html"]
    see = content.find("02-darker", Guess).see["en"]
    assert see not in json.dumps(bundle) and see not in json.dumps(control.content)


def shown(shell: InteractiveShell, cell: str) -> tuple[str, list[dict[str, Any]]]:
    """What a cell prints and displays."""
    with capture_output() as captured:
        shell.run_cell(cell).raise_error()
    return captured.stdout, [output.data for output in captured.outputs]


def test_the_result_stands_beside_the_guess(shell: InteractiveShell) -> None:
    quiz.guess("02-darker").guess = "sound"
    printed, (table,) = shown(shell, "quiz.compare('02-darker')")
    assert printed == "Your guess beside the result:\n"
    assert table["text/plain"] == (
        "Which cells are darker? the functional ones → the defective ones\nDefective cells carry less current."
    )
    assert "✓" not in table["text/html"]
    assert "✓" in shown(shell, "quiz.compare('02-darker', 'sound')")[1][0]["text/html"]


def test_without_a_guess_the_first_line_is_the_same(shell: InteractiveShell) -> None:
    printed, (table,) = shown(shell, "quiz.compare('02-share', 12.3456)")
    assert printed == "Your guess beside the result:\n"
    assert table["text/plain"].startswith("How many of 100 photos are unusable? no guess on record → 12.35 %\n")


def test_after_the_result_a_guess_cannot_be_changed(shell: InteractiveShell) -> None:
    control = quiz.guess("02-share")
    control.guess = 30
    shown(shell, "quiz.compare('02-share', 12)")
    assert control.locked
    control.guess = 12
    assert guesses.kept_guesses() == {"02-share": 30}
    assert not quiz.guess("02-share").locked


def test_all_guesses_of_a_lesson_stand_side_by_side(shell: InteractiveShell) -> None:
    quiz.guess("02-share").guess = 30
    shown(shell, "quiz.compare('02-share', 12)")
    printed, (table,) = shown(shell, "quiz.guesses(2)")
    assert printed == "Your guess beside the result:\n"
    assert table["text/plain"].splitlines() == [
        "Which cells are darker? no guess on record → –",
        "How many of 100 photos are unusable? 30 % → 12 %",
    ]


def test_guesses_speak_japanese(shell: InteractiveShell) -> None:
    quiz.language("ja")
    assert quiz.guess("02-share").language == "ja"
    printed, (table,) = shown(shell, "quiz.compare('02-darker', 'sound')")
    assert printed == "予想と結果：\n" and "良品" in table["text/plain"]


@pytest.mark.parametrize("damaged", ["{", "[1]", '"x"'])
def test_a_damaged_file_holds_no_guess_and_is_replaced(course: Path, damaged: str) -> None:
    (course / "answers").mkdir()
    (course / "answers" / "guesses.json").write_text(damaged)
    quiz.guess("02-share").guess = 5
    assert guesses.kept_guesses() == {"02-share": 5}


@pytest.mark.slow
def test_progress_over_all_lessons_stands_in_one_place(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from course_lib.quiz import bank
    from course_lib.quiz.tasks import overview

    monkeypatch.setattr(overview, "load_banks", lambda: bank.load_banks(Path(bank.__file__).parents[2] / "quizzes"))
    task = content.find("02-brightest", content.Task)
    run(f"{task.solution}\n\nquiz.check('02-brightest', brightest)")
    quiz.guess("02-share").guess = 30
    rows = Overview().rows
    assert len(rows) == 10
    assert [rows[1][2][0], rows[1][2][2]] == [(1, 3), (1, 2)]
    assert rows[1][2][1][0] == 0 < rows[1][2][1][1]
    assert repr(Overview()) == "1 of 3 tasks solved."
    assert '<td style="text-align: left">1 / 3</td>' in Overview()._repr_html_()


@pytest.mark.parametrize(("typed", "guess"), [("12,5 %", 12.5), ("３０", 30), ("1,500", None), ("a third", None)])
def test_a_typed_number_is_read_as_the_quiz_reads_it_or_refused(typed: str, guess: float | None) -> None:
    widget = quiz.guess("02-share")
    widget.typed = [typed, 1]
    assert widget.guess == guess
    assert widget.unread == (guess is None)
