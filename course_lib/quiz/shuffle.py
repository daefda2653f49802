"""In which order a learner sees the options: mixed, yet the same after a restart.

Introduced in lesson 1. The order follows from learner, question and attempt, so neighbours see
different orders. A test run or a build of the lessons keeps the order of the bank.
"""

import hashlib
import os

from course_lib.quiz.questions import Question


def fixed_order() -> bool:
    """Whether options keep the order of the bank (``COURSE_FIXED_ORDER=1``, or under CI)."""
    return os.environ.get("COURSE_FIXED_ORDER") == "1" or bool(os.environ.get("CI"))


def option_order(question: Question, learner: str, attempt: int) -> list[int]:
    """Positions of the options in the bank, in the order in which they are shown.

    ``attempt`` counts from 1; a new attempt is mixed anew. Each option is sorted by the
    SHA-256 of learner, question, attempt and position, so nothing has to be stored.

    Example:
        >>> from course_lib.quiz.bank import find_bank, load_bank
        >>> question = load_bank(find_bank(1)).questions[0]
        >>> first = option_order(question, "learner", 1)
        >>> first == option_order(question, "learner", 1), sorted(first)
        (True, [0, 1, 2, 3])
    """
    if fixed_order():
        return list(question.positions())

    def ticket(position: int) -> str:
        parts = (learner, question.id, attempt, position)
        return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()

    order = sorted(question.positions(), key=ticket)
    if question.is_solved_by(order):
        order.reverse()  # chance mixed the steps into their right order
    return order
