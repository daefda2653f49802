"""Numbers, typed as people type them: full-width digits, a comma for decimals, a unit behind.

Introduced in lesson 1.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from course_lib.quiz.place import Place, Table
from course_lib.quiz.questions import NOT_ATTEMPTED, Judgement, Public, Question, Remark
from course_lib.quiz.shapes import NUMBER, STRING, TEXT, Shape, several, table
from course_lib.quiz.texts import NOTHING, Text

NO_NUMBER = Text(
    "No number could be read; write digits, for example 12.5.",
    "数値を読み取れませんでした。12.5 のように数字で入力してください。",
)
PER_CENT = ("%", "percent", "パーセント")
# Words with which anything is counted; they stand behind a number that has no unit.
COUNTERS = frozenset((*"個コ枚本件点つ人回台層行列組", "箇所", "か所", "ヶ所", "piece", "pieces", "pcs"))
AS_A_SHARE = Text(
    "The answer is wanted as a share between 0 and 1: divide by 100, or put % behind it.",
    "0 から 1 までの割合で答えてください。100 で割るか、% を付けてください。",
)
ANOTHER_NUMBER = Text("This is not the number; work it out again.", "数値が違います。もう一度計算してみましょう。")


@dataclass(frozen=True)
class Mistake:
    """A wrong number that learners typically arrive at, and how."""

    value: float
    reason: Text


@dataclass(frozen=True)
class Number:
    """The number that is asked for: right within ``value`` ± ``tolerance``."""

    unit: str
    accepted_units: tuple[str, ...] = ()
    value: float = 0.0
    tolerance: float = 0.0
    reason: Text = NOTHING
    mistakes: tuple[Mistake, ...] = ()

    def is_met_by(self, readings: set[float]) -> bool:
        # A hair more than the tolerance, so that 0.1 + 0.2 style rounding never decides.
        slack = self.tolerance + 1e-9 * max(1.0, abs(self.value))
        return any(abs(reading - self.value) <= slack for reading in readings)

    def mistake_in(self, readings: set[float]) -> Mistake | None:
        """The typical mistake that a text means, as near to it as the tolerance."""
        for mistake in self.mistakes:
            scale = self.value if self.tolerance else mistake.value
            near = self.tolerance + 1e-9 * max(1.0, abs(scale))
            if any(abs(reading - mistake.value) <= near for reading in readings):
                return mistake
        return None

    def has_unit(self, unit: str) -> bool:
        return _plain(unit) in {"", _plain(self.unit), *map(_plain, self.accepted_units)}

    def is_met_as_a_share(self, readings: set[float], unit: str) -> bool:
        """Whether 0.687 was typed for 68.7 %, or 68.7 % for a share of 0.687: a person takes them for equal."""
        if _plain(self.unit) in PER_CENT:
            return not unit and self.is_met_by({100 * reading for reading in readings})
        return not self.unit and _plain(unit) in PER_CENT and self.is_met_by({reading / 100 for reading in readings})


def _plain(unit: str) -> str:
    return unicodedata.normalize("NFKC", unit).casefold().replace(" ", "").rstrip(".")


@dataclass(frozen=True)
class Numeric(Question):
    """A number to work out; the answer is the text as typed."""

    type: ClassVar[str] = "numeric"
    shape: ClassVar[Mapping[str, Shape]] = {
        "answer": table(
            optional=("unit", "accepted_units"),
            value=NUMBER,
            tolerance=NUMBER,
            unit={"type": "string"},
            accepted_units=several(STRING, 0),
            reason=TEXT,
            mistakes=several(table(value=NUMBER, reason=TEXT)),
        )
    }
    public: ClassVar[Public] = {"answer": {"unit": True, "accepted_units": True}}

    number: Number

    @classmethod
    def read(cls, item: Table, here: Place, released: bool) -> dict[str, Any]:
        answer = here.table(item, "answer", "add value, tolerance and unit")
        unit = answer.get("unit", "")
        if not here.demand(isinstance(unit, str), "has a unit that is not text", "quote it"):
            unit = ""
        accepted = here.items(answer, "accepted_units") if "accepted_units" in answer else ()
        units = unit, tuple(str(name) for name in accepted)
        if released:
            return {"number": Number(*units)}
        value, tolerance = here.number(answer, "value"), here.number(answer, "tolerance")
        here.demand(tolerance >= 0, "has a negative tolerance", "write 0 for an exact answer")
        mistakes = tuple(
            Mistake(there.number(entry, "value"), there.text(entry, "reason"))
            for entry, there in here.entries(answer, "mistakes")
        )
        here.demand(bool(mistakes), "names no typical mistake", "add one with its reason")
        for mistake in mistakes:
            here.demand(
                abs(mistake.value - value) > tolerance,
                f"calls {mistake.value:g} a mistake although it is within the tolerance",
                "narrow the tolerance or remove it",
            )
        return {"number": Number(*units, value, tolerance, here.text(answer, "reason"), mistakes)}

    def judge(self, answer: Any) -> Judgement:
        readings, unit = read_numbers(str(answer))
        if not readings:
            return Judgement(NOT_ATTEMPTED, 0.0, (Remark(NO_NUMBER, False),))
        number = self.number
        fits = number.has_unit(unit) or (not number.unit and self.counts(unit))
        if fits and number.is_met_by(readings):
            return Judgement.of(1.0, Remark(number.reason, True))
        if fits and (mistake := number.mistake_in(readings)):
            return Judgement.of(0.0, Remark(mistake.reason, False))
        if number.is_met_as_a_share(readings, unit):
            return Judgement.of(1.0, Remark(number.reason, True))
        return Judgement.of(0.0, Remark(self.what_is_missing(readings, unit, fits), False))

    def counts(self, unit: str) -> bool:
        """Whether a word behind a plain number only says what is counted: "16 個", or a word of the question."""
        word = _plain(unit)
        if word in COUNTERS:
            return True
        said = unicodedata.normalize("NFKC", f"{self.prompt.en} {self.prompt.ja}").casefold()
        if not word.isascii():
            return word.isalpha() and word in said
        return len(word) > 2 and word.isalpha() and bool(re.search(rf"\b{word.rstrip('s')}s?\b", said))

    def what_is_missing(self, readings: set[float], unit: str, fits: bool) -> Text:
        """What to say of a wrong number: that its unit does not fit, or that it is a share or per cent."""
        wanted = self.number.unit
        if not fits and wanted:
            return Text(
                f"The unit {unit!r} does not fit; the answer is wanted in {wanted}.",
                f"単位「{unit}」が合いません。{wanted} で答えてください。",
            )
        if not fits:
            return Text(
                f"The answer is wanted without a unit: type the number alone, without {unit!r}.",
                f"単位「{unit}」は不要です。数値だけを入力してください。",
            )
        if not wanted and self.number.is_met_by({reading / 100 for reading in readings}):
            return AS_A_SHARE
        return ANOTHER_NUMBER

    def right_answer(self) -> str:
        return f"{self.number.value:g}"

    def wrong_answer(self, generator: np.random.Generator) -> str:
        mistakes = self.number.mistakes
        return f"{mistakes[int(generator.integers(len(mistakes)))].value:g}"

    def reasons(self) -> tuple[Remark, ...]:
        return (Remark(self.number.reason, True),)

    def shown(self) -> dict[str, Any]:
        return {"unit": self.number.unit}

    def whole_prompt(self) -> Text:
        unit = self.number.unit
        if not unit:
            return self.prompt
        return Text(f"{self.prompt.en} (in {unit})", f"{self.prompt.ja}（単位：{unit}）")

    def key_html(self, language: str) -> str:
        value = f"{self.number.value:g} {self.number.unit}".strip()
        return f"{value} (± {self.number.tolerance:g}): {self.number.reason.html(language)}"


def read_numbers(text: str) -> tuple[set[float], str]:
    """Every number a text may mean, and the unit that follows it.

    Full-width digits and signs count (NFKC). A comma may separate decimals or thousands, so
    ``1,803`` has two readings; a space between digits separates thousands.

    Example:
        >>> read_numbers("６８．７％")
        ({68.7}, '%')
        >>> read_numbers("68,7 percent")
        ({68.7}, 'percent')
        >>> sorted(read_numbers("1,803")[0])
        [1.803, 1803.0]
        >>> read_numbers("about ten")
        (set(), 'about ten')
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    plain = re.sub("[\u2212\u2013\u2014]", "-", plain).replace("、", ",")
    plain = re.sub(r"(?<=\d)[ _](?=\d{3}(?!\d))", "", plain)
    match = re.match(r"([+-]?)\s*(\d[\d.,]*|[.,]\d+)(e[+-]?\d+)?", plain, re.I)
    if not match:
        return set(), plain
    digits = match[2].rstrip(".,")
    unit = plain[match.end() :].strip()
    readings = set()
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", digits):
        readings.add(digits.replace(",", ""))
    if re.fullmatch(r"\d{1,3}(\.\d{3})+,\d+", digits):
        readings.add(digits.replace(".", "").replace(",", "."))
    if digits.count(",") + digits.count(".") <= 1:
        readings.add(digits.replace(",", "."))
    return {float(match[1] + reading + (match[3] or "")) for reading in readings}, unit
