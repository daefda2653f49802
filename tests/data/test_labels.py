"""Which class is the defect, and which number has it?"""

import unicodedata

import numpy as np
import pandas as pd
import pytest

from course_lib import data
from course_lib.errors import CourseError


def test_the_positive_class_has_the_last_number() -> None:
    index = pd.DataFrame({"label": ["scratch", "defective", "functional", "defective"]})
    assert data.class_names(index) == ["functional", "scratch", "defective"]
    assert data.label_numbers(index).tolist() == [1, 2, 0, 2]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("ok", "ng"), ("ok", "crack"), ("good", "bad"), ("good", "broken"), ("OK", "NG"), ("Good", "Defective"),
        ("合格", "不合格"), ("normal", "anomaly"), ("良品", "不良品"), ("good", "scratch"), ("ＯＫ", "ＮＧ"), ("OK品", "NG品"),
        ("no_defect", "defect"), ("defect-free", "scratched"), ("i.O.", "n.i.O."), ("ok", "not_ok"),
        ("ok_front", "def_front"), ("grade1_good", "grade2_defective"), ("正常", "異常"), ("PASS", "FAIL"),
        ("None", "Scratch"), ("0", "1"), ("01", "02"), ("False", "True"), ("No", "yes"), ("Negative", "Positive"),
    ],
)  # fmt: skip
def test_the_usual_names_tell_the_defect_in_either_order(good: str, bad: str) -> None:
    assert data.positive_class([good, bad]) == data.positive_class([bad, good]) == bad
    assert data.class_names(pd.DataFrame({"label": [bad, good]})) == [good, bad]


@pytest.mark.parametrize(
    "names",
    [("daisy", "rose"), ("good", "ok"), ("bad", "ng"), ("ok", "without scratches"), ("zero", "one"),
     ("good", "good_with_defect"), ("ok", "no screw"),
     ("good", "scratch", "dent")],
)  # fmt: skip
def test_names_that_do_not_tell_the_defect_are_asked_about(names: tuple[str, ...]) -> None:
    with pytest.raises(CourseError, match=r"Nothing in the class names .* tells which .*--positive") as error:
        data.positive_class(names)
    assert all(name in str(error.value) for name in names)
    assert data.class_names(pd.DataFrame({"label": names})) == sorted(names), "numbers need an order all the same"


def test_the_wanted_class_may_be_typed_another_way() -> None:
    apart = unicodedata.normalize("NFD", "バリ")
    assert data.positive_class(["良品", apart], wanted="バリ") == apart
    assert data.positive_class(["ok", "Crack"], wanted="CRACK") == "Crack"
    assert data.positive_class(["A", "a"], wanted="a") == "a"
    for wrong in ("broken", "Ａ"):
        with pytest.raises(CourseError, match="is not there; the classes are A, a"):
            data.positive_class(["A", "a"], wanted=wrong)


def test_numbers_follow_the_order_of_the_classes() -> None:
    index = pd.DataFrame({"label": ["b", "a"]})
    assert data.label_numbers(index, ["b", "a"]).tolist() == [0, 1]
    with pytest.raises(CourseError, match="'b' is not one of the classes a"):
        data.label_numbers(index, ["a"])


def test_doubt_that_is_no_probability_is_refused() -> None:
    index = pd.DataFrame({"label": ["functional", "defective"]})
    for wrong in (["high", "low"], [0, 75], [-0.1, 1]):
        with pytest.raises(CourseError, match="needs numbers from 0 to 1"):
            data.label_probabilities(index.assign(defect_probability=wrong))
    left_open = data.label_probabilities(index.assign(defect_probability=[0.25, None]))
    np.testing.assert_array_equal(left_open, [[0.75, 0.25], [0, 1]])
