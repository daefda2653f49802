"""What a bank is made of: plain tables of text, options and keys.

Introduced in lesson 1. `course_lib.quiz.schema` fills them from YAML and refuses what is wrong.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.paths import shorten

LANGUAGES = ("en", "ja")
TYPES = ("single", "multiple", "numeric", "ordering", "hotspot", "code")


@dataclass(frozen=True)
class Text:
    """One sentence in both languages."""

    en: str
    ja: str

    def as_dict(self) -> dict[str, str]:
        return {"en": self.en, "ja": self.ja}


@dataclass(frozen=True)
class Objective:
    """What a learner is able to do after the lesson."""

    id: str
    text: Text


@dataclass(frozen=True)
class Option:
    """One choice, or one step of an ordering (then ``place`` counts from 1).

    In a released bank ``right``, ``reason`` and ``place`` are None: the instructor has them.
    """

    text: Text
    right: bool | None = None
    reason: Text | None = None
    place: int | None = None


@dataclass(frozen=True)
class Mistake:
    """A wrong number that learners typically arrive at, and how."""

    value: float
    reason: Text


@dataclass(frozen=True)
class Number:
    """The answer of a numeric question: right within ``value`` ± ``tolerance``."""

    unit: str
    accepted_units: tuple[str, ...]
    value: float | None = None
    tolerance: float | None = None
    reason: Text | None = None
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True)
class Region:
    """Squares of the photo's grid (row, column from 1) that share one reason."""

    squares: tuple[tuple[int, int], ...]
    right: bool
    reason: Text


@dataclass(frozen=True)
class Photo:
    """A real photo under a grid of squares; the learner chooses one square.

    ``credit`` names source and licence; it is shown below the photo.
    """

    file: str
    credit: str
    description: Text
    rows: int
    columns: int
    regions: tuple[Region, ...] = ()
    elsewhere: Text | None = None


@dataclass(frozen=True)
class Case:
    """One call of the learner's function, or the value of the learner's variable."""

    arguments: tuple[Any, ...]
    result: Any = None
    reason: Text | None = None


@dataclass(frozen=True)
class CodeMistake:
    """A typical wrong answer as code; the tests run it, the course never does."""

    code: str
    reason: Text


@dataclass(frozen=True)
class Code:
    """What the learner is to write: a name in the notebook, and what it must give."""

    name: str
    kind: str
    cases: tuple[Case, ...]
    arrays: str = ""  # the NumPy type in which lists among the arguments are given
    tolerance: float = 0.0
    solution: str = ""
    mistakes: tuple[CodeMistake, ...] = ()


@dataclass(frozen=True)
class Question:
    """One item of a bank; which of the last four fields is filled depends on ``type``."""

    id: str
    type: str
    objective: str
    difficulty: int
    prompt: Text
    hash: str
    options: tuple[Option, ...] = ()
    number: Number | None = None
    photo: Photo | None = None
    code: Code | None = None
    fact: str | None = None


@dataclass(frozen=True)
class Bank:
    """The questions of one lesson. ``released`` banks have no key (graded use)."""

    path: Path
    lesson: int
    title: Text
    objectives: tuple[Objective, ...]
    questions: tuple[Question, ...]
    retired: tuple[str, ...] = ()
    released: bool = False

    def question(self, identifier: str) -> Question:
        """The question with this id; a CourseError where the bank has none."""
        for question in self.questions:
            if question.id == identifier:
                return question
        raise CourseError(
            f"The bank {shorten(self.path)} has no question {identifier!r}; "
            "check the id or use the bank that the answer belongs to."
        )
