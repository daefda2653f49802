"""The quiz at the end of every lesson, tasks and guesses within it, and what an instructor needs for a class.

Introduced in lesson 1. A bank (``quizzes/NN_name.yaml``) holds the questions, `bank` reads it,
`grading` judges an answer, `widget` shows it, `progress` keeps what was answered; `collect`,
`stats`, `export` and `release` are for the instructor. Tasks and guesses have their
rooms in `tasks`; `memo` keeps the learner's own figures and findings.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.quiz.chosen_language import language
    from course_lib.quiz.memo import Memo
    from course_lib.quiz.progress import answers_folder
    from course_lib.quiz.tasks.checking import check, hint, solution, yours
    from course_lib.quiz.tasks.content import Guess, Task
    from course_lib.quiz.tasks.guesses import compare, guess, guesses
    from course_lib.quiz.tasks.outcomes import NotAttempted, NotYet, Right, shown
    from course_lib.quiz.tasks.overview import overview
    from course_lib.quiz.widget import QuizWidget

# In which room a name of this door is; the room is entered when the name is first used.
ROOMS = {
    "chosen_language": ("language",),
    "memo": ("Memo",),
    "progress": ("answers_folder",),
    "tasks.checking": ("check", "hint", "solution", "yours"),
    "tasks.content": ("Guess", "Task"),
    "tasks.guesses": ("compare", "guess", "guesses"),
    "tasks.outcomes": ("NotAttempted", "NotYet", "Right", "shown"),
    "tasks.overview": ("overview",),
}


def __getattr__(name: str) -> Any:
    for room, names in ROOMS.items():
        if name in names:
            return getattr(import_module(f"course_lib.quiz.{room}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def show(number: int, bank_folder: str | Path | None = None, language: str | None = None) -> "QuizWidget":
    """The quiz of one lesson, to be answered in the notebook (every lesson ends with it).

    Args:
        number: the lesson, 1 to 10.
        bank_folder: where the banks lie; the course's own ``quizzes/`` when left out.
        language: ``"en"`` or ``"ja"``; the one chosen before when left out. The switch in the quiz chooses
            it for tasks and guesses as well.

    Raises:
        CourseError: there is no bank for this lesson, or the bank has a fault.

    Example:
        >>> show(1)
        Quiz 1: ... questions
        Run this cell to answer; English and 日本語.
    """
    from course_lib.quiz import chosen_language
    from course_lib.quiz.bank import find_bank, load_bank
    from course_lib.quiz.progress import Progress
    from course_lib.quiz.widget import QuizWidget

    bank = load_bank(find_bank(number, bank_folder))
    return QuizWidget(bank, Progress(), language or bank.language or chosen_language.language())


__all__ = [
    "Guess",
    "NotAttempted",
    "NotYet",
    "Right",
    "Task",
    "answers_folder",
    "check",
    "compare",
    "guess",
    "guesses",
    "hint",
    "language",
    "overview",
    "show",
    "shown",
    "solution",
    "yours",
]
