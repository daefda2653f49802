"""The kinds of questions: one file for each, and the register by which a bank names them.

Introduced in lesson 1. A new kind is a class below `course_lib.quiz.questions.Question` in a file
of its own, registered here, and an entry in ``widget_kinds.js``, which shows it. Where another
system knows such a question, its file in `course_lib.quiz.systems` gets a writer.
"""

from typing import TypeVar

from course_lib.quiz.kinds.choice import Multiple, Single
from course_lib.quiz.kinds.code import CodeQuestion
from course_lib.quiz.kinds.hotspot import Hotspot
from course_lib.quiz.kinds.number import Numeric
from course_lib.quiz.kinds.ordering import Ordering
from course_lib.quiz.questions import Question

KINDS: dict[str, type[Question]] = {}
Kind = TypeVar("Kind", bound=type[Question])


def register(kind: Kind) -> Kind:
    """Let banks use a kind of question by the name in its ``type`` (a decorator of its class)."""
    KINDS[kind.type] = kind
    return kind


for built_in in (Single, Multiple, Numeric, Ordering, Hotspot, CodeQuestion):
    register(built_in)
