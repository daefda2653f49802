"""The quiz at the end of every lesson, and what an instructor needs to run it with a class.

Introduced in lesson 1. A bank (``quizzes/NN_name.yaml``) holds the questions, `bank` reads it,
`grading` judges an answer, `widget` shows it, `progress` keeps what was answered; `collect`,
`stats`, `export` and `release` are for the instructor.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.quiz.widget import QuizWidget


def show(number: int, bank_folder: str | Path | None = None, language: str = "en") -> "QuizWidget":
    """The quiz of one lesson, to be answered in the notebook (every lesson ends with it).

    Args:
        number: the lesson, 1 to 10.
        bank_folder: where the banks lie; the course's own ``quizzes/`` when left out.
        language: ``"en"`` or ``"ja"``; the switch in the quiz changes it at any time.

    Raises:
        CourseError: there is no bank for this lesson, or the bank has a fault.

    Example:
        >>> show(1)
        Quiz 1: ... questions
        Run this cell to answer; English and 日本語.
    """
    from course_lib.quiz.bank import find_bank, load_bank
    from course_lib.quiz.progress import Progress
    from course_lib.quiz.widget import QuizWidget

    return QuizWidget(load_bank(find_bank(number, bank_folder)), Progress(), language)


__all__ = ["show"]
