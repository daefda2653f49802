"""What a bank is made of, and what every question can do, whatever its kind.

Introduced in lesson 1. The kinds of questions, a file for each, are in `course_lib.quiz.kinds`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.quiz.picture import Picture
from course_lib.quiz.place import Place, Table
from course_lib.quiz.shapes import Shape
from course_lib.quiz.texts import NOTHING, Text

RIGHT, WRONG, NOT_ATTEMPTED = "right", "wrong", "not attempted"
SAVED = "saved"  # the outcome in a released quiz, whose key the instructor has

# The keys of a table in a bank file that a learner may see before answering: each leads to True
# (all that stands below it) or to such a table again. Whatever is not named stays with the key.
Public: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Remark:
    """A reason; ``position`` is the option's place in the bank, None for the whole answer."""

    text: Text
    right: bool
    position: int | None = None


@dataclass(frozen=True)
class Judgement:
    """What came out: ``score`` is 0 to 1, where 1 is a fully right answer."""

    outcome: str
    score: float
    remarks: tuple[Remark, ...] = ()

    @classmethod
    def of(cls, score: float, *remarks: Remark) -> "Judgement":
        """The judgement of an attempt: right at a score of 1 only."""
        return cls(RIGHT if score >= 1 else WRONG, score, remarks)


@dataclass(frozen=True)
class Question(ABC):
    """One item of a bank; each kind of question is a class of its own.

    A new kind fills the class variables and the abstract methods, and is registered
    (`course_lib.quiz.kinds.register`). In a released bank, which has no key, the fields of the key
    are empty and nothing may ask for them (`course_lib.quiz.grading`).
    """

    type: ClassVar[str]
    shape: ClassVar[Mapping[str, Shape]]  # of the keys that it has in a bank file, beside those of all kinds
    public: ClassVar[Public]  # what a learner may see of these
    paper_loses: ClassVar[str] = ""  # what a page or a sheet of paper cannot do
    paper_hint: ClassVar[Text] = NOTHING  # what to do there, below the prompt

    id: str
    objective: str
    difficulty: int
    prompt: Text
    hash: str
    fact: str | None = field(default=None, kw_only=True)
    picture: Picture | None = field(default=None, kw_only=True)
    released: bool = field(default=False, kw_only=True)

    # ---- from the bank file ---------------------------------------------------------------

    @classmethod
    @abstractmethod
    def read(cls, item: Table, here: Place, released: bool) -> dict[str, Any]:
        """The fields that this kind adds; ``here`` notes what is wrong with them."""

    @classmethod
    def mixed(cls, item: Table) -> Table:
        """The item with its options in an order that tells nothing about the key."""
        return item

    def trial(self) -> Iterator[str]:
        """What only trying the question out shows: a picture that is missing, a solution that fails."""
        try:
            _ = self.picture and self.picture.content()
        except CourseError as error:
            yield f"shows no picture. {str(error).rstrip('.')}"

    def own_files(self) -> list[Path]:
        """Files in the folder of the bank that the question shows."""
        return [self.picture.path] if self.picture else []

    # ---- judging --------------------------------------------------------------------------

    @abstractmethod
    def judge(self, answer: Any) -> Judgement:
        """Judge an answer that is not empty; a malformed one is no attempt."""

    @abstractmethod
    def right_answer(self) -> Any:
        """An answer that `judge` calls right."""

    @abstractmethod
    def wrong_answer(self, generator: np.random.Generator) -> Any:
        """A wrong answer as a learner may give it, for a simulated class."""

    @abstractmethod
    def reasons(self) -> tuple[Remark, ...]:
        """Every reason of the key, for a learner who asks to see the answer."""

    # ---- showing --------------------------------------------------------------------------

    def shown(self) -> dict[str, Any]:
        """What the page gets beside the prompt before an answer: nothing of the key."""
        return {}

    def positions(self) -> range:
        """The positions of what is shown in mixed order; none where nothing is mixed."""
        return range(0)

    def is_solved_by(self, order: Sequence[int]) -> bool:
        """Whether showing the options in this order would give the answer away."""
        return False

    def still_html(self, language: str) -> str:
        """What a viewer that runs no code shows below the prompt."""
        return ""

    def whole_prompt(self) -> Text:
        """The prompt with what the page says beside it, such as a unit."""
        return self.prompt

    def paper_html(self, language: str) -> str:
        """What stands below the prompt on a page to print."""
        return "<p>________________</p>"

    @abstractmethod
    def key_html(self, language: str) -> str:
        """The answer with its reasons, for the sheet of answers."""


@dataclass(frozen=True)
class Objective:
    """What a learner is able to do after the lesson."""

    id: str
    text: Text


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
    language: str = ""  # of a bank that has only one
    tasks: tuple[Question, ...] = ()  # of the lesson; they are shown there, and counted apart

    def question(self, identifier: str) -> Question:
        """The question with this id; a CourseError where the bank has none."""
        for question in self.questions:
            if question.id == identifier:
                return question
        raise CourseError(
            f"The bank {shorten(self.path)} has no question {identifier!r}; "
            "check the id or use the bank that the answer belongs to."
        )
