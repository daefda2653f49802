"""The language of quizzes, tasks and guesses: chosen once, kept beside the answers.

Introduced in lesson 1. The text of a lesson is English; whoever chooses Japanese reads every prompt,
outcome and hint in it.
"""

from course_lib.errors import CourseError
from course_lib.paths import write_atomically
from course_lib.quiz.progress import answers_folder
from course_lib.quiz.texts import LANGUAGES

FILE = "language.txt"


def language(choice: str | None = None) -> str:
    """Choose the language, or say which one is chosen.

    Args:
        choice: ``"en"`` or ``"ja"``; when left out, nothing changes.

    Raises:
        CourseError: another language, or the choice cannot be kept.

    Example:
        >>> language("fr")
        Traceback (most recent call last):
        course_lib.errors.CourseError: There is no language 'fr'; choose 'en' or 'ja'.
    """
    path = answers_folder() / FILE
    if choice is None:
        try:
            kept = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            kept = ""
        return kept if kept in LANGUAGES else "en"
    if choice not in LANGUAGES:
        raise CourseError(f"There is no language {choice!r}; choose 'en' or 'ja'.")
    with write_atomically(path) as temporary:
        temporary.write_text(choice + "\n", encoding="utf-8")
    return choice
