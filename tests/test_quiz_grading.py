"""Scores by hand: every number here was worked out on paper from the rule in the comment."""

import math
from dataclasses import replace

import numpy as np
import pytest

from course_lib.quiz.grading import grade
from course_lib.quiz.kinds import KINDS
from course_lib.quiz.kinds.choice import Choice
from course_lib.quiz.kinds.code import Case, Code, CodeQuestion, equal_results, run_learner_code
from course_lib.quiz.kinds.hotspot import Hotspot, Photo, Region
from course_lib.quiz.kinds.number import Mistake, Number, Numeric, read_numbers
from course_lib.quiz.kinds.ordering import Ordering, Step
from course_lib.quiz.questions import NOT_ATTEMPTED, RIGHT, WRONG
from course_lib.quiz.texts import Text

SAME = Text("text", "文")


def choice(kind, rights):
    options = tuple(Choice(SAME, SAME, right) for right in rights)
    return KINDS[kind]("q", "o", 1, SAME, "hash", options)


def ordering(*places):
    steps = tuple(Step(SAME, SAME, place) for place in places)
    return Ordering("q", "o", 1, SAME, "hash", steps)


def numeric(value, tolerance, unit="", accepted=(), mistakes=()):
    number = Number(unit, tuple(accepted), value, tolerance, SAME, tuple(mistakes))
    return Numeric("q", "o", 1, SAME, "hash", number)


@pytest.mark.parametrize(
    ("answer", "outcome", "score"),
    [(1, RIGHT, 1), (0, WRONG, 0), (2, WRONG, 0), (3, NOT_ATTEMPTED, 0), ("1", NOT_ATTEMPTED, 0)],
)
def test_single(answer, outcome, score):
    judgement = grade(choice("single", [False, True, False]), answer)
    assert (judgement.outcome, judgement.score) == (outcome, score)


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ([0, 1, 2], 1.0),  # three of three right
        ([0, 1], 2 / 3),
        ([0], 1 / 3),
        ([0, 1, 2, 3], 2 / 3),  # 3 right - 1 wrong = 2 of 3
        ([0, 3], 0.0),  # 1 - 1 = 0
        ([3, 4], 0.0),  # below zero is zero
        ([0, 1, 2, 3, 4], 1 / 3),  # marking everything earns 3 - 2 = 1 of 3
    ],
)
def test_multiple_with_three_right_of_five(answer, score):
    judgement = grade(choice("multiple", [True, True, True, False, False]), answer)
    assert judgement.score == pytest.approx(score)
    assert judgement.outcome == (RIGHT if score == 1 else WRONG)


def test_multiple_says_how_many_are_missing_but_not_which():
    judgement = grade(choice("multiple", [True, True, True, False]), [0])
    assert [remark.position for remark in judgement.remarks] == [0, None]
    assert judgement.remarks[1].text.en.startswith("2 right options")


@pytest.mark.parametrize("answer", [[0, 0], [7], [True], [0.0], "01"])
def test_a_malformed_set_is_no_attempt(answer):
    assert grade(choice("multiple", [True, False, True]), answer).outcome == NOT_ATTEMPTED


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ([1, 0, 2, 3], 1.0),  # places 1 2 3 4: all 6 pairs in order
        ([0, 1, 2, 3], 4 / 6),  # places 2 1 3 4: 5 pairs in order, 1 out: (5 - 1) / 6
        ([3, 1, 0, 2], 0.0),  # places 4 1 2 3: 3 in, 3 out
        ([3, 2, 0, 1], 0.0),  # places 4 3 2 1: all out, -1 becomes 0
    ],
)
def test_ordering_is_kendalls_tau(answer, score):
    judgement = grade(ordering(2, 1, 3, 4), answer)
    assert judgement.score == pytest.approx(score)


def test_ordering_tells_only_the_steps_that_are_in_place():
    judgement = grade(ordering(2, 1, 3, 4), [0, 1, 2, 3])
    assert [remark.position for remark in judgement.remarks] == [2, 3, None]


def test_ordering_needs_every_step():
    assert grade(ordering(2, 1, 3, 4), [1, 0]).outcome == NOT_ATTEMPTED


@pytest.mark.parametrize(
    "text",
    [
        "68.7",
        "68,7",
        "６８．７",
        "６８，７",
        "68.7%",
        "68.7 %",
        "６８．７％",
        " 68.70 percent",
        "68.65",
        "+68.7",
        "6.87e1",
        "68、7",
    ],
)
def test_numbers_as_people_type_them(text):
    question = numeric(68.7, 0.1, "%", ["percent"])
    assert grade(question, text).outcome == RIGHT


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("68.81", WRONG),
        ("68.59", WRONG),
        ("68.8", RIGHT),  # the edge belongs to the tolerance
        ("0.687", RIGHT),  # the same as 68.7 %
        ("０．６８７", RIGHT),
        ("0.687 %", WRONG),
        ("0.689", WRONG),
        ("-68.7", WRONG),
        ("68.7 mm", WRONG),
        ("about seventy", NOT_ATTEMPTED),
        ("%", NOT_ATTEMPTED),
        (".", NOT_ATTEMPTED),
    ],
)
def test_tolerance_unit_and_sign(text, outcome):
    assert grade(numeric(68.7, 0.1, "%"), text).outcome == outcome


def test_a_comma_may_separate_thousands_or_decimals():
    assert grade(numeric(1803, 0), "1,803").outcome == RIGHT
    assert grade(numeric(1803, 0), "１，８０３").outcome == RIGHT
    assert grade(numeric(1803, 0), "1 803").outcome == RIGHT
    assert grade(numeric(1.803, 0), "1,803").outcome == RIGHT
    assert grade(numeric(1234567.5, 0), "1.234.567,5").outcome == RIGHT
    assert grade(numeric(1803, 0), "1,80,3").outcome == NOT_ATTEMPTED
    assert read_numbers("−4.5 kg") == ({-4.5}, "kg")


@pytest.mark.parametrize("text", ["16", "16 個", "16個", "１６枚", "16 pcs", "16 parts", "16 part", "16 部品"])
def test_a_count_may_be_typed_with_what_is_counted(text):
    asked = replace(numeric(16, 0), prompt=Text("How many parts pass?", "合格する部品はいくつですか。"))
    assert grade(asked, text).outcome == RIGHT


@pytest.mark.parametrize("text", ["16 mm", "16 furlongs", "16 %", "16 km", "16 a 3"])
def test_a_unit_that_does_not_fit_a_count_is_told(text):
    judgement = grade(numeric(16, 0), text)
    assert judgement.outcome == WRONG
    assert f"without {text[3:]!r}" in judgement.remarks[0].text.en
    assert "数値だけを入力してください" in judgement.remarks[0].text.ja


def test_a_share_and_per_cent_are_the_same_number():
    share = numeric(0.687, 0.001)
    assert (
        grade(share, "68.7 %").outcome == grade(share, "６８．７％").outcome == grade(share, "0.687").outcome == RIGHT
    )
    bare = grade(share, "68.7")
    assert bare.outcome == WRONG and "share between 0 and 1" in bare.remarks[0].text.en
    unit = grade(numeric(68.7, 0.1, "%"), "68.7 mm")
    assert unit.remarks[0].text.en == "The unit 'mm' does not fit; the answer is wanted in %."
    assert unit.remarks[0].text.ja == "単位「mm」が合いません。% で答えてください。"
    known = numeric(50, 1, "%", mistakes=[Mistake(0.5, Text("Half a per cent.", "0.5 % です。"))])
    assert grade(known, "0.5").outcome == WRONG  # a typical mistake is a mistake


def test_a_known_mistake_gets_its_reason():
    why = Text("You forgot the bias.", "バイアスが抜けています。")
    question = numeric(160, 0, mistakes=[Mistake(144, why)])
    assert grade(question, "144").remarks[0].text == why
    assert grade(question, "150").remarks[0].text != why


def test_hotspot():
    photo = Photo(
        "photo.png", "credit", SAME, 2, 3, (Region(((1, 2),), True, SAME), Region(((2, 3),), False, SAME)), SAME
    )
    question = Hotspot("q", "o", 1, SAME, "hash", photo)
    assert grade(question, [1, 2]).outcome == RIGHT
    assert grade(question, [2, 3]).outcome == WRONG
    assert grade(question, [1, 1]).outcome == WRONG
    for outside in ([0, 1], [3, 1], [1, 4], [1], [1.0, 2.0], "12"):
        assert grade(question, outside).outcome == NOT_ATTEMPTED


def test_code_results():
    cases = (Case((1,), 0.1, SAME), Case((2,), [1, 2], SAME))
    question = CodeQuestion("q", "o", 1, SAME, "hash", Code("f", "function", cases))
    assert grade(question, [0.1, [1, 2]]).outcome == RIGHT
    assert grade(question, [0.1, [1, 3]]).outcome == WRONG
    assert "f(2)" in grade(question, [0.1, [1, 3]]).remarks[0].text.en
    assert grade(question, [None, None]).outcome == NOT_ATTEMPTED
    assert grade(question, None).outcome == NOT_ATTEMPTED


def test_a_variable_that_the_learner_made():
    code = Code("share", "variable", (Case((), 0.75, SAME),), tolerance=0.001)
    question = CodeQuestion("q", "o", 1, SAME, "hash", code)

    def outcome(names):
        return grade(question, run_learner_code(question, names)).outcome

    assert outcome({"share": 0.75}) == outcome({"share": np.float32(0.7501)}) == RIGHT
    assert outcome({}) == outcome({"share": ...}) == outcome({"share": None}) == NOT_ATTEMPTED
    for typical_mistake in (75, "0.75", [0.75], 0.25, math.nan, object()):
        assert outcome({"share": typical_mistake}) == WRONG


def test_equal_results_keeps_types_apart():
    assert equal_results(1, 1.0, 0)
    assert not equal_results(True, 1, 0)
    assert not equal_results("1", 1, 0)
    assert not equal_results([1, 2], 1, 0)
    assert not equal_results({"error": "ValueError"}, 1, 0)
