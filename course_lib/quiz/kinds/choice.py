"""Choices: one right option ("single"), or a set of them ("multiple").

Introduced in lesson 1.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from course_lib.quiz.kinds.options import Option, WithOptions, letter
from course_lib.quiz.place import Place, Table
from course_lib.quiz.questions import NOT_ATTEMPTED, Judgement, Remark
from course_lib.quiz.shapes import TEXT, YES_OR_NO, Shape, several, table
from course_lib.quiz.texts import NOTHING, Text


@dataclass(frozen=True)
class Choice(Option):
    """One option, whether it is right, and why."""

    right: bool


@dataclass(frozen=True)
class ChoiceQuestion(WithOptions):
    """What both choices share."""

    shape: ClassVar[Mapping[str, Shape]] = {"options": several(table(text=TEXT, right=YES_OR_NO, reason=TEXT), 3)}

    options: tuple[Choice, ...]

    @classmethod
    def read(cls, item: Table, here: Place, released: bool) -> dict[str, Any]:
        options = tuple(
            Choice(text, NOTHING, False)
            if released
            else Choice(text, there.text(entry, "reason"), there.yes_or_no(entry, "right", repr(text.en)))
            for entry, there, text in cls.read_texts(item, here)
        )
        if not released:
            cls.check_key([option.right for option in options], here)
        return {"options": options}

    @classmethod
    @abstractmethod
    def check_key(cls, rights: list[bool], here: Place) -> None:
        """Refuse a key with too many or too few right options."""

    def remark(self, position: int) -> Remark:
        option = self.options[position]
        return Remark(option.reason, option.right, position)

    def right_positions(self) -> list[int]:
        return [position for position in self.positions() if self.options[position].right]

    def marked(self, answer: Any) -> set[int]:
        """The positions that an answer marks."""
        return set(answer) if isinstance(answer, list) else {answer}

    def reasons(self) -> tuple[Remark, ...]:
        return tuple(self.remark(position) for position in self.positions())

    def key_html(self, language: str) -> str:
        return "<br>".join(
            f"{'✓' if option.right else '✗'} {letter(position)} {option.text.html(language)}: "
            f"{option.reason.html(language)}"
            for position, option in enumerate(self.options)
        )


@dataclass(frozen=True)
class Single(ChoiceQuestion):
    """One right option among several; the answer is its position."""

    type: ClassVar[str] = "single"
    box: ClassVar[str] = "○"
    paper_hint: ClassVar[Text] = Text("Choose one.", "1 つ選んでください。")

    @classmethod
    def check_key(cls, rights: list[bool], here: Place) -> None:
        right = sum(rights)
        here.demand(right == 1, f"has {right} right options", "mark exactly one as right")

    def judge(self, answer: Any) -> Judgement:
        if not self.are_positions([answer]):
            return Judgement(NOT_ATTEMPTED, 0.0)
        return Judgement.of(float(self.options[answer].right), self.remark(answer))

    def right_answer(self) -> int:
        return self.right_positions()[0]

    def wrong_answer(self, generator: np.random.Generator) -> int:
        wrong = [position for position in self.positions() if not self.options[position].right]
        most_tempting_first = min(int(generator.geometric(0.6)), len(wrong)) - 1
        return wrong[most_tempting_first]


@dataclass(frozen=True)
class Multiple(ChoiceQuestion):
    """A set of right options; the answer is the list of their positions.

    Partial credit: each right mark earns 1/r and each wrong mark costs 1/r (r right options,
    never below 0).

    Example:
        >>> same = Text("same", "同じ")
        >>> options = tuple(Choice(same, same, right) for right in (True, False, True, False))
        >>> question = Multiple("q", "o", 1, same, "", options)
        >>> [question.judge(answer).score for answer in ([0, 2], [0], [0, 1])]
        [1.0, 0.5, 0.0]
    """

    type: ClassVar[str] = "multiple"
    box: ClassVar[str] = "□"
    paper_hint: ClassVar[Text] = Text("Choose every right one.", "正しいものをすべて選んでください。")

    @classmethod
    def check_key(cls, rights: list[bool], here: Place) -> None:
        here.demand(any(rights), "has no right option", "mark the right ones, or ask otherwise")
        here.demand(not all(rights), "has only right options", "add an option that is wrong")

    def judge(self, answer: Any) -> Judgement:
        if not self.are_positions(answer):
            return Judgement(NOT_ATTEMPTED, 0.0)
        wanted = len(self.right_positions())
        marks = [1 if self.options[position].right else -1 for position in answer]
        remarks = [self.remark(position) for position in sorted(answer)]
        missing = wanted - marks.count(1)
        if missing:
            advice = Text(
                f"{missing} right {'option is' if missing == 1 else 'options are'} not marked.",
                f"選ばれていない正解が {missing} つあります。",
            )
            remarks.append(Remark(advice, False))
        return Judgement.of(max(0, sum(marks)) / wanted, *remarks)

    def right_answer(self) -> list[int]:
        return self.right_positions()

    def wrong_answer(self, generator: np.random.Generator) -> list[int]:
        # One option is marked or unmarked too many; somebody who marks nothing does not check.
        right = self.right_positions()
        flipped = int(generator.integers(len(self.options)))
        return sorted({flipped} ^ set(right)) or [place for place in range(2) if place not in right]
