"""GIFT, as described in the Moodle documentation, "GIFT format".

For instructors (``python -m course_lib quiz export --to gift``).
"""

import re
from collections.abc import Callable, Iterator

from course_lib.quiz.kinds.choice import ChoiceQuestion, Single
from course_lib.quiz.kinds.number import Numeric
from course_lib.quiz.kinds.ordering import Ordering
from course_lib.quiz.questions import Bank, Question
from course_lib.quiz.systems.common import NOT_CARRIED, UNIT_IN_PROMPT, points_in_per_cent
from course_lib.quiz.texts import Text


def write(bank: Bank, questions: list[Question], language: str) -> bytes:
    """A text file to import into Moodle and its relatives."""
    blocks = [f"$CATEGORY: $course$/{bank.path.stem}"]
    for question in questions:
        opening, answers = WRITERS[question.type]
        prompt = _said(question.whole_prompt(), language)
        if question.picture:  # a GIFT file is text alone, so the picture stands in it
            prompt += _escaped(question.picture.html(language))
        body = "\n".join(answers(question, language))
        blocks.append(f"::{question.id}::[html]{prompt} {opening}\n{body}\n}}")
    return ("\n\n".join(blocks) + "\n").encode()


def losses(question: Question) -> list[str]:
    """What GIFT does not keep of a question."""
    lost = [NOT_CARRIED]
    if isinstance(question, Ordering):
        lost.append("becomes a matching of steps to their numbers")
    if isinstance(question, Numeric) and question.number.unit:
        lost.append(UNIT_IN_PROMPT)
    return lost


def _said(text: Text, language: str) -> str:
    return _escaped(text.html(language))


def _escaped(page: str) -> str:
    return re.sub(r"([\\~=#{}:])", r"\\\1", page).replace("\n", "\\n")


def _choices(question: ChoiceQuestion, language: str) -> Iterator[str]:
    for option, points in zip(question.options, points_in_per_cent(question), strict=True):
        sign = f"~%{points:.5f}%".replace(".00000", "")
        if isinstance(question, Single):
            sign = "=" if option.right else "~"
        yield f"{sign}{_said(option.text, language)}#{_said(option.reason, language)}"


def _number(question: Numeric, language: str) -> Iterator[str]:
    number = question.number
    yield f"=%100%{number.value!r}:{number.tolerance!r}#{_said(number.reason, language)}"
    for mistake in number.mistakes:
        yield f"=%0%{mistake.value!r}:{number.tolerance!r}#{_said(mistake.reason, language)}"


def _steps(question: Ordering, language: str) -> Iterator[str]:
    for place, position in enumerate(question.right_answer(), start=1):
        yield f"={_said(question.options[position].text, language)} -> {place}"


# The type in the bank: how its answers open, and the function that gives their lines.
WRITERS: dict[str, tuple[str, Callable[..., Iterator[str]]]] = {
    "single": ("{", _choices),
    "multiple": ("{", _choices),
    "numeric": ("{#", _number),
    "ordering": ("{", _steps),
}
