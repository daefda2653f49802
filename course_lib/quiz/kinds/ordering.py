"""Orderings: the steps of a procedure, to be put into their order.

Introduced in lesson 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np

from course_lib.quiz.kinds.options import Option, WithOptions, letter
from course_lib.quiz.place import Place, Table
from course_lib.quiz.questions import NOT_ATTEMPTED, Judgement, Remark
from course_lib.quiz.shapes import TEXT, WHOLE, Shape, several, table
from course_lib.quiz.texts import NOTHING, Text


@dataclass(frozen=True)
class Step(Option):
    """One step; ``place`` counts from 1."""

    place: int


@dataclass(frozen=True)
class Ordering(WithOptions):
    """Steps to put in order; the answer is the list of all positions, first step first.

    The score is Kendall's tau, (pairs in order - pairs out of order) / all pairs, never below 0
    (Kendall 1938).
    """

    type: ClassVar[str] = "ordering"
    box: ClassVar[str] = "__"
    paper_hint: ClassVar[Text] = Text(
        "Number the steps; 1 is the first.", "正しい順に番号を書いてください（1 が最初）。"
    )
    shape: ClassVar[Mapping[str, Shape]] = {"options": several(table(text=TEXT, place=WHOLE, reason=TEXT), 3)}

    options: tuple[Step, ...]

    @classmethod
    def read(cls, item: Table, here: Place, released: bool) -> dict[str, Any]:
        steps = [
            Step(text, NOTHING, 0) if released else Step(text, there.text(entry, "reason"), entry.get("place", 0))
            for entry, there, text in cls.read_texts(item, here)
        ]
        if not released:
            places = [step.place for step in steps]
            first_to_last = list(range(1, len(places) + 1))
            numbered = here.demand(
                all(type(place) is int for place in places) and sorted(places) == first_to_last,
                f"has the places {places}",
                f"give each step one 'place' from 1 to {len(places)}",
            )
            here.demand(
                not numbered or places != first_to_last, "lists its steps in the right order", "mix them in the file"
            )
        return {"options": tuple(steps)}

    @classmethod
    def mixed(cls, item: Table) -> Table:
        item = super().mixed(item)
        places = [entry["place"] for entry in item["options"]]
        return item | {"options": item["options"][::-1]} if places == sorted(places) else item

    def is_solved_by(self, order: Sequence[int]) -> bool:
        return not self.released and list(order) == self.right_answer()

    def judge(self, answer: Any) -> Judgement:
        if not self.are_positions(answer) or len(answer) != len(self.options):
            return Judgement(NOT_ATTEMPTED, 0.0)
        places = [self.options[position].place for position in answer]
        pairs = [1 if first < second else -1 for first, second in combinations(places, 2)]
        remarks = [
            Remark(self.options[position].reason, True, position)
            for rank, position in enumerate(answer, start=1)
            if self.options[position].place == rank
        ]
        wrong = len(places) - len(remarks)
        if wrong:
            advice = Text(
                f"{wrong} of {len(places)} steps are not in their place yet.",
                f"{len(places)} 個のうち {wrong} 個の位置がまだ違います。",
            )
            remarks.append(Remark(advice, False))
        return Judgement.of(max(0, sum(pairs)) / len(pairs), *remarks)

    def right_answer(self) -> list[int]:
        return sorted(self.positions(), key=lambda position: self.options[position].place)

    def wrong_answer(self, generator: np.random.Generator) -> list[int]:
        right = self.right_answer()
        place = int(generator.integers(len(right) - 1))
        return [*right[:place], right[place + 1], right[place], *right[place + 2 :]]

    def reasons(self) -> tuple[Remark, ...]:
        return tuple(Remark(step.reason, True, position) for position, step in enumerate(self.options))

    def key_html(self, language: str) -> str:
        order = self.right_answer()
        return " → ".join(f"{letter(position)} {self.options[position].text.html(language)}" for position in order)
