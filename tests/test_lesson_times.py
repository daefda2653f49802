"""The watch over the lessons' times: a share that doubles is noticed, a slow machine is not."""

from lesson_times import slow_lessons

RECORDED = {f"{number:02}": 30.0 for number in range(1, 11)}


def test_a_machine_ten_times_slower_is_no_finding() -> None:
    assert slow_lessons({number: 300.0 for number in RECORDED}, RECORDED) == []


def test_a_lesson_that_takes_three_times_its_share_is_named() -> None:
    (found,) = slow_lessons(RECORDED | {"07": 110.0}, RECORDED)
    assert found.startswith("lesson 07 took 29 %")


def test_a_short_lesson_may_start_slowly() -> None:
    recorded = RECORDED | {"02": 3.0}
    assert slow_lessons(recorded | {"02": 12.0}, recorded) == []


def test_a_run_of_some_lessons_is_not_judged() -> None:
    assert slow_lessons({"07": 900.0}, RECORDED) == []
