"""Judge an answer: right, wrong, or not attempted, with a reason for what was chosen.

Introduced in lesson 1. Pure functions: the same question and answer give the same judgement
in the notebook, in the tests and when an instructor collects the answers of a class.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from course_lib.quiz.questions import Number, Photo, Question, Text

RIGHT, WRONG, NOT_ATTEMPTED = "right", "wrong", "not attempted"


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


def grade(question: Question, answer: Any) -> Judgement:
    """Judge ``answer`` by the key of ``question`` (used at the end of every lesson).

    Args:
        answer: single: an option's position in the bank, from 0; multiple: a list of them;
            ordering: all positions, first step first; numeric: the text as typed; hotspot:
            ``[row, column]`` from 1; code: the list of results, one for each case.

    Partial credit: in a multiple choice each right mark earns 1/r and each wrong mark costs
    1/r (r right options, never below 0). In an ordering the score is Kendall's tau, (pairs in
    order - pairs out of order) / all pairs, never below 0 (Kendall 1938). Everything else is
    0 or 1. The outcome is "right" at a score of 1 only.

    Example:
        >>> from course_lib.quiz.questions import Option
        >>> same = Text("same", "同じ")
        >>> options = tuple(Option(same, right, same) for right in (True, False, True, False))
        >>> question = Question("q", "multiple", "o", 1, same, "", options)
        >>> grade(question, [0, 2])
        Judgement(outcome='right', score=1.0, ...)
        >>> grade(question, [0]).score, grade(question, [0, 1]).score
        (0.5, 0.0)
        >>> grade(question, []).outcome
        'not attempted'
    """
    judges = {
        "single": _grade_single,
        "multiple": _grade_multiple,
        "ordering": _grade_ordering,
        "numeric": _grade_numeric,
        "hotspot": _grade_hotspot,
        "code": _grade_code,
    }
    if answer is None or answer == [] or (isinstance(answer, str) and not answer.strip()):
        return Judgement(NOT_ATTEMPTED, 0.0)
    return judges[question.type](question, answer)


def reveal(question: Question) -> tuple[Remark, ...]:
    """Every reason of a question, for a learner who asks to see the answer."""
    if question.options:
        return tuple(
            Remark(option.reason, bool(option.right or option.place), position)
            for position, option in enumerate(question.options)
        )
    if question.number:
        return (Remark(question.number.reason, True),)
    if question.photo:
        return tuple(Remark(region.reason, region.right) for region in question.photo.regions)
    return tuple(Remark(case.reason, True) for case in question.code.cases)


def right_answer(question: Question) -> Any:
    """An answer that `grade` calls right; for code it is the list of expected results."""
    if question.type == "single":
        return next(i for i, option in enumerate(question.options) if option.right)
    if question.type == "multiple":
        return [i for i, option in enumerate(question.options) if option.right]
    if question.type == "ordering":
        return sorted(range(len(question.options)), key=lambda i: question.options[i].place)
    if question.type == "numeric":
        return f"{question.number.value:g}"
    if question.type == "hotspot":
        return list(next(r for r in question.photo.regions if r.right).squares[0])
    return [case.result for case in question.code.cases]


def _judgement(score: float, remarks: list[Remark]) -> Judgement:
    return Judgement(RIGHT if score >= 1 else WRONG, score, tuple(remarks))


def _valid_positions(answer: Any, question: Question) -> bool:
    allowed = range(len(question.options))
    return (
        isinstance(answer, list)
        and all(type(position) is int and position in allowed for position in answer)
        and len(set(answer)) == len(answer)
    )


def _grade_single(question: Question, answer: Any) -> Judgement:
    if not _valid_positions([answer], question):
        return Judgement(NOT_ATTEMPTED, 0.0)
    option = question.options[answer]
    return _judgement(float(option.right), [Remark(option.reason, option.right, answer)])


def _grade_multiple(question: Question, answer: Any) -> Judgement:
    if not _valid_positions(answer, question):
        return Judgement(NOT_ATTEMPTED, 0.0)
    wanted = sum(option.right for option in question.options)
    marks = [1 if question.options[position].right else -1 for position in answer]
    remarks = [
        Remark(question.options[position].reason, question.options[position].right, position)
        for position in sorted(answer)
    ]
    missing = wanted - marks.count(1)
    if missing:
        remarks.append(
            Remark(
                Text(
                    f"{missing} right {'option is' if missing == 1 else 'options are'} not marked.",
                    f"選ばれていない正解が {missing} つあります。",
                ),
                False,
            )
        )
    return _judgement(max(0, sum(marks)) / wanted, remarks)


def _grade_ordering(question: Question, answer: Any) -> Judgement:
    if not _valid_positions(answer, question) or len(answer) != len(question.options):
        return Judgement(NOT_ATTEMPTED, 0.0)
    places = [question.options[position].place for position in answer]
    pairs = [1 if first < second else -1 for first, second in combinations(places, 2)]
    remarks = [
        Remark(question.options[position].reason, place == rank, position)
        for rank, (position, place) in enumerate(zip(answer, places, strict=True), start=1)
        if place == rank
    ]
    wrong = len(places) - len(remarks)
    if wrong:
        remarks.append(
            Remark(
                Text(
                    f"{wrong} of {len(places)} steps are not in their place yet.",
                    f"{len(places)} 個のうち {wrong} 個の位置がまだ違います。",
                ),
                False,
            )
        )
    return _judgement(max(0, sum(pairs)) / len(pairs), remarks)


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


def _same_unit(unit: str, number: Number) -> bool:
    def plain(name: str) -> str:
        return unicodedata.normalize("NFKC", name).casefold().replace(" ", "").rstrip(".")

    return plain(unit) in {"", plain(number.unit), *map(plain, number.accepted_units)}


def _grade_numeric(question: Question, answer: Any) -> Judgement:
    number = question.number
    readings, unit = read_numbers(str(answer))
    if not readings:
        advice = Text(
            "No number could be read; write digits, for example 12.5.",
            "数値を読み取れませんでした。12.5 のように数字で入力してください。",
        )
        return Judgement(NOT_ATTEMPTED, 0.0, (Remark(advice, False),))
    if not _same_unit(unit, number):
        wanted = number.unit or "–"
        advice = Text(
            f"The unit {unit!r} does not fit; the answer is wanted in: {wanted}.",
            f"単位「{unit}」が合いません。求める単位: {wanted}",
        )
        return _judgement(0.0, [Remark(advice, False)])
    # A hair more than the tolerance, so that 0.1 + 0.2 style rounding never decides.
    slack = number.tolerance + 1e-9 * max(1.0, abs(number.value))
    if any(abs(reading - number.value) <= slack for reading in readings):
        return _judgement(1.0, [Remark(number.reason, True)])
    for mistake in number.mistakes:
        near = max(slack, 1e-9) if number.tolerance else 1e-9 * max(1.0, abs(mistake.value))
        if any(abs(reading - mistake.value) <= near for reading in readings):
            return _judgement(0.0, [Remark(mistake.reason, False)])
    advice = Text(
        "This is not the number; work it out again.", "数値が違います。もう一度計算してみましょう。"
    )
    return _judgement(0.0, [Remark(advice, False)])


def _grade_hotspot(question: Question, answer: Any) -> Judgement:
    photo: Photo = question.photo
    if not (
        isinstance(answer, list)
        and len(answer) == 2
        and all(type(number) is int for number in answer)
        and 1 <= answer[0] <= photo.rows
        and 1 <= answer[1] <= photo.columns
    ):
        return Judgement(NOT_ATTEMPTED, 0.0)
    for region in photo.regions:
        if tuple(answer) in region.squares:
            return _judgement(float(region.right), [Remark(region.reason, region.right)])
    return _judgement(0.0, [Remark(photo.elsewhere, False)])


def equal_results(found: Any, wanted: Any, tolerance: float) -> bool:
    """Whether two results agree: numbers within ``tolerance``, lists element by element.

    Example:
        >>> equal_results([0.30000000000000004, "ok"], [0.3, "ok"], 1e-6)
        True
        >>> equal_results([1], [1, 2], 0), equal_results(True, 1, 0)
        (False, False)
    """
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(equal_results(f, w, tolerance) for f, w in zip(found, wanted, strict=True))
        )
    if isinstance(wanted, bool) or isinstance(found, bool):
        return found is wanted
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=tolerance)
    return type(found) is type(wanted) and found == wanted


def _grade_code(question: Question, answer: Any) -> Judgement:
    code = question.code
    if not isinstance(answer, list) or len(answer) != len(code.cases):
        return Judgement(NOT_ATTEMPTED, 0.0)
    if all(result is None for result in answer):
        return Judgement(NOT_ATTEMPTED, 0.0)
    for case, found in zip(code.cases, answer, strict=True):
        if not equal_results(found, case.result, code.tolerance):
            call = code.name
            if code.kind == "function":
                call += "(" + ", ".join(map(repr, case.arguments)) + ")"
            return _judgement(
                0.0,
                [
                    Remark(
                        Text(
                            f"`{call}` gave {_short(found)}. {case.reason.en}",
                            f"`{call}` の結果は {_short(found)} でした。{case.reason.ja}",
                        ),
                        False,
                    )
                ],
            )
    return _judgement(1.0, [Remark(case.reason, True) for case in code.cases])


def _short(value: Any) -> str:
    shown = value["error"] if isinstance(value, dict) and "error" in value else repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "…"
