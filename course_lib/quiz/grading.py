"""Judge an answer: right, wrong, or not attempted, with a reason for what was chosen.

Introduced in lesson 1. Pure functions: the same question and answer give the same judgement
in the notebook, in the tests and when an instructor collects the answers of a class.
"""

from typing import Any

from course_lib.errors import CourseError
from course_lib.quiz.questions import NOT_ATTEMPTED, Judgement, Question, Remark


def grade(question: Question, answer: Any) -> Judgement:
    """Judge ``answer`` by the key of ``question`` (used at the end of every lesson).

    Args:
        answer: single: an option's position in the bank, from 0; multiple: a list of them;
            ordering: all positions, first step first; numeric: the text as typed; hotspot:
            ``[row, column]`` from 1; code: the list of results, one for each case.

    Each kind of question has its rule for partial credit; the outcome is "right" at a score of 1.

    Raises:
        CourseError: the question is of a released bank, which has no key.

    Example:
        >>> from course_lib.quiz.bank import find_bank, load_bank
        >>> question = load_bank(find_bank(1)).questions[0]
        >>> grade(question, right_answer(question)).outcome, grade(question, None).outcome
        ('right', 'not attempted')
    """
    _has_a_key(question)
    return Judgement(NOT_ATTEMPTED, 0.0) if is_empty(answer) else question.judge(answer)


def is_empty(answer: Any) -> bool:
    """Whether nothing was answered.

    Example:
        >>> is_empty(" "), is_empty([]), is_empty(0)
        (True, True, False)
    """
    return answer is None or answer == [] or (isinstance(answer, str) and not answer.strip())


def reveal(question: Question) -> tuple[Remark, ...]:
    """Every reason of a question, for a learner who asks to see the answer."""
    _has_a_key(question)
    return question.reasons()


def right_answer(question: Question) -> Any:
    """An answer that `grade` calls right; for code it is the list of results."""
    _has_a_key(question)
    return question.right_answer()


def _has_a_key(question: Question) -> None:
    if question.released:
        raise CourseError(
            f"The question {question.id!r} is of a released bank, which has no key; "
            "use the instructor's bank of the release."
        )
