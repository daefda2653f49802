"""A task among the answers: kept in the same file as the answers of the quiz.

Introduced in lesson 2. Nobody runs code from a file of answers: an instructor sees what the check
said when the learner ran it.
"""

import hashlib
from typing import Any

from course_lib.quiz.progress import Progress
from course_lib.quiz.questions import RIGHT, WRONG, Judgement
from course_lib.quiz.tasks.content import Task

MOST_KEPT = 10_000  # characters of code; the file of answers must stay small


def keep(task: Task, progress: Progress, code: str, right: bool, seconds: float) -> None:
    """Add one attempt to the learner's answers, unless it is the latest one over again."""
    question: Any = _AsQuestion(task)
    chosen = {"code": code[:MOST_KEPT], "right": right}
    latest = progress.latest(question)
    if latest is None or latest["chosen"] != chosen:
        progress.add(question, task.lesson, chosen, Judgement(RIGHT if right else WRONG, float(right)), seconds)


def solved_before(task: Task, progress: Progress) -> str:
    """The code of the learner's last right attempt; "" where there is none."""
    wanted = _AsQuestion(task)
    for answer in reversed(progress.answers()):
        if (answer.get("question"), answer.get("hash"), answer.get("outcome")) == (wanted.id, wanted.hash, RIGHT):
            return str(answer["chosen"]["code"])
    return ""


class _AsQuestion:
    """What a record says of a task: its id, and a hash of what is asked."""

    def __init__(self, task: Task) -> None:
        self.id = task.id
        self.hash = hashlib.sha256(task.stub.encode()).hexdigest()[:12]
