"""Learning management systems: what each can carry, what it loses, and its writer.

For instructors. `course_lib.quiz.export` chooses one. A kind of question that a system can carry
has an entry in the table at the end of that system's file.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from course_lib.quiz.questions import Bank, Question
from course_lib.quiz.systems import gift, moodle, qti


@dataclass(frozen=True)
class System:
    """One format: the ending of its files, the types it carries, and its two functions."""

    ending: str
    carries: Collection[str]
    write: Callable[[Bank, list[Question], str], bytes]
    losses: Callable[[Question], list[str]]


SYSTEMS = {
    "moodle": System("xml", moodle.WRITERS, moodle.write, moodle.losses),
    "gift": System("gift.txt", gift.WRITERS, gift.write, gift.losses),
    "qti": System("zip", qti.WRITERS, qti.write, qti.losses),
}
