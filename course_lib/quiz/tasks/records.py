"""A task among the answers: kept in the same file as those of the quiz, and seen by an instructor beside them.

Introduced in lesson 2. Nobody runs code from a file of answers: what counts is what the check said when
the learner ran it.
"""

import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from course_lib.errors import CourseError
from course_lib.quiz.place import Place, Table
from course_lib.quiz.progress import Progress
from course_lib.quiz.questions import NOT_ATTEMPTED, RIGHT, Bank, Judgement, Public, Question, Remark
from course_lib.quiz.shapes import Shape
from course_lib.quiz.tasks.content import Task, of_lesson
from course_lib.quiz.texts import Text

MOST_KEPT = 10_000  # characters of code; the file of answers must stay small


@dataclass(frozen=True)
class TaskQuestion(Question):
    """A task as a file of answers knows it; its answer is ``{"code": "…", "right": True}``."""

    type: ClassVar[str] = "task"
    shape: ClassVar[Mapping[str, Shape]] = {}
    public: ClassVar[Public] = {}

    why: Text
    solution: str

    @classmethod
    def of(cls, task: Task) -> "TaskQuestion":
        """The question that a task is; another stub makes it another question."""
        fingerprint = hashlib.sha256(task.stub.strip().encode()).hexdigest()[:12]
        prompt = Text(f"Write {task.defines}.", task.prompt_ja)
        return cls(task.id, task.objective, 2, prompt, fingerprint, why=Text(**task.why), solution=task.solution)

    @classmethod
    def read(cls, item: Table, here: Place, released: bool) -> dict[str, Any]:
        raise CourseError("Write tasks in lessons/tasks, because a bank holds no code to run.")

    def judge(self, answer: Any) -> Judgement:
        if not isinstance(answer, dict) or not isinstance(answer.get("right"), bool):
            return Judgement(NOT_ATTEMPTED, 0.0)
        return Judgement.of(float(answer["right"]), *self.reasons() * answer["right"])

    def right_answer(self) -> dict[str, Any]:
        return {"code": self.solution, "right": True}

    def wrong_answer(self, generator: np.random.Generator) -> dict[str, Any]:
        return {"code": "", "right": False}

    def reasons(self) -> tuple[Remark, ...]:
        return (Remark(self.why, True),)

    def key_html(self, language: str) -> str:
        return f"<pre>{html.escape(self.solution)}</pre>"


def with_tasks(bank: Bank) -> Bank:
    """A bank with the tasks of its lesson beside its questions, for whoever reads the answers of a class."""
    return replace(bank, tasks=tuple(TaskQuestion.of(task) for task in of_lesson(bank.lesson, Task)))


def keep(task: Task, progress: Progress, code: str, right: bool, seconds: float) -> None:
    """Add one attempt to the learner's answers, unless it is the latest one over again.

    Raises:
        CourseError: it cannot be written.
    """
    question = TaskQuestion.of(task)
    chosen = {"code": code[:MOST_KEPT], "right": right}
    latest = progress.latest(question)
    if latest is None or latest["chosen"] != chosen:
        progress.add(question, task.lesson, chosen, question.judge(chosen), seconds)


def solved_before(task: Task, progress: Progress) -> str:
    """The code of the learner's last right attempt; "" where there is none."""
    question = TaskQuestion.of(task)
    for answer in reversed(progress.answers()):
        if (answer["question"], answer["hash"], answer["outcome"]) == (question.id, question.hash, RIGHT):
            return str(answer["chosen"]["code"])
    return ""
