"""Every task and guess of every lesson: complete, in both languages, and as the lesson has it.

That each works among the names of its lesson is tested when `pytest --nbval` runs the notebook.
"""

import re
from collections.abc import Iterator

import build
import pytest
from notebook_samples import REAL_PROJECT

from course_lib.quiz.tasks import written
from course_lib.quiz.tasks.content import Asked, Guess, Task, of_lesson
from course_lib.quiz.tasks.rehearsal import rehearse

NUMBERS = sorted(int(path.stem) for path in (REAL_PROJECT / "lessons" / "tasks").glob("[0-9][0-9].py"))
TASKS = [task for number in NUMBERS for task in of_lesson(number, Task)]
GUESSES = [guess for number in NUMBERS for guess in of_lesson(number, Guess)]
JAPANESE = re.compile(r"[぀-ヿ一-鿿]")


def said(asked: Asked) -> Iterator[dict[str, str]]:
    """Every text of a task or guess that has two languages."""
    if isinstance(asked, Task):
        yield from [asked.why, *asked.hints]
    if isinstance(asked, Guess):
        yield from [asked.ask, asked.see, *asked.choices.values()]


def cells(lesson: int, call: str) -> list[str]:
    """The code cells of a lesson's source that hold a call."""
    (source,) = build.sources([f"{lesson:02}"])
    return [cell.source for cell in build.render(source).cells if cell.cell_type == "code" and call in cell.source]


def test_every_file_belongs_to_a_lesson_and_no_id_stands_twice() -> None:
    ids = [asked.id for asked in (*TASKS, *GUESSES)]
    assert len(ids) == len(set(ids))
    for number in NUMBERS:
        assert {asked.lesson for kind in (Task, Guess) for asked in of_lesson(number, kind)} == {number}


@pytest.mark.parametrize("asked", [*TASKS, *GUESSES], ids=lambda asked: asked.id)
def test_texts_are_there_in_both_languages(asked: Asked) -> None:
    assert re.fullmatch(r"\d\d(-[a-z0-9]+)+", asked.id)
    for text in said(asked):
        assert set(text) == {"en", "ja"} and text["en"].strip()
        assert not JAPANESE.search(text["en"])
        # A choice may be a word of code or a number, which has no Japanese.
        assert JAPANESE.search(text["ja"]) or text["ja"] == text["en"]
        assert text["en"].count("`") % 2 == text["ja"].count("`") % 2 == 0


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_a_task_is_complete(task: Task) -> None:
    assert JAPANESE.search(task.prompt_ja)
    assert len(task.hints) >= 2
    assert len({told for _, told in task.wrong}) >= 3, "typical mistakes have messages of their own"
    assert written.definition(task.stub, task.defines)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_the_cell_of_the_lesson_has_the_stub(task: Task) -> None:
    (cell,) = cells(task.lesson, f'quiz.check("{task.id}"')
    assert written.replaced(cell, task.defines, task.stub).strip() == cell.strip()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_stub_solution_and_wrong_answers_have_their_outcomes(task: Task) -> None:
    names: dict[str, object] = {}
    exec(task.given, names)
    rehearse(task.id, names)


@pytest.mark.parametrize("guess", GUESSES, ids=lambda guess: guess.id)
def test_a_guess_is_asked_and_compared_once(guess: Guess) -> None:
    assert len(cells(guess.lesson, f'quiz.guess("{guess.id}"')) == 1
    (cell,) = cells(guess.lesson, f'quiz.compare("{guess.id}"')
    computed = f'quiz.compare("{guess.id}")' not in cell
    assert computed == (guess.answer is None), "the result is computed in the cell, or stands in the Guess"
    assert computed or not guess.choices or guess.answer in guess.choices


@pytest.mark.parametrize("number", range(1, 11))
def test_whatever_a_lesson_asks_is_in_its_file(number: int) -> None:
    asked = {asked.id for kind in (Task, Guess) for asked in of_lesson(number, kind)}
    called = re.findall(r'quiz\.(?:check|guess|compare|yours)\("([\w-]+)"', "\n".join(cells(number, "quiz.")))
    assert set(called) == asked
