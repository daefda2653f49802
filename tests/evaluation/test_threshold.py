"""One rule decides; the threshold is the one that costs least."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import evaluation

# Ten parts: four defective, six good. At 0.5 one defect is missed and two good parts rejected.
LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
PROBABILITIES = np.array([0.9, 0.8, 0.5, 0.3, 0.7, 0.6, 0.4, 0.2, 0.1, 0.0])
MANY = st.integers(0, 10_000).map(np.random.default_rng)


def test_a_part_exactly_at_the_threshold_is_rejected() -> None:
    assert evaluation.decide(np.array([0.49, 0.5, 0.51]), 0.5).tolist() == [0, 1, 1]


def test_with_two_columns_the_second_decides_and_with_more_the_largest() -> None:
    two = np.array([[0.8, 0.2], [0.7, 0.3]])
    assert evaluation.decide(two, 0.3).tolist() == evaluation.decide(two[:, 1], 0.3).tolist() == [0, 1]
    assert evaluation.decide(np.array([[0.2, 0.3, 0.5], [0.4, 0.3, 0.3]]), 0.9).tolist() == [2, 0]


def test_a_threshold_between_two_neighbouring_float32_probabilities_parts_them() -> None:
    low = np.float32(0.3)
    probabilities = np.array([low, np.nextafter(low, np.float32(1))])
    threshold = evaluation.choose_threshold(np.array([0, 1]), probabilities)
    assert evaluation.decide(probabilities, threshold).tolist() == [0, 1]


@settings(max_examples=40, deadline=None)
@given(MANY, st.integers(1, 40), st.floats(0.1, 50))
def test_no_threshold_costs_less_than_the_chosen(
    generator: np.random.Generator, count: int, cost_missed: float
) -> None:
    labels = generator.integers(0, 2, count)
    probabilities = generator.random(count).round(1).astype(np.float32)
    chosen = evaluation.choose_threshold(labels, probabilities, cost_missed, 1)
    cost = evaluation.expected_cost(labels, probabilities, chosen, cost_missed, 1)

    for threshold in np.linspace(-0.05, 1.05, 23):
        other = evaluation.expected_cost(labels, probabilities, threshold, cost_missed, 1)
        assert cost <= other + 1e-9


def test_a_dear_miss_lowers_the_threshold() -> None:
    # 10 : 1. Below 0.3 no defect is missed and two good parts are rejected.
    chosen = evaluation.choose_threshold(LABELS, PROBABILITIES, 10, 1)
    assert 0.2 < chosen <= 0.3
    assert evaluation.expected_cost(LABELS, PROBABILITIES, chosen) == 3 / 10


@pytest.mark.parametrize(("photos", "cost", "threshold"), [(40, 1.0, 0.5), (12, 4.0, 0.2)])
def test_equal_costs_and_few_photos_choose_nothing(photos: int, cost: float, threshold: float) -> None:
    labels = np.arange(photos) % 2
    assert evaluation.careful_threshold(labels, np.where(labels, 0.9, 0.7), cost) == threshold


def test_many_photos_choose_by_cost() -> None:
    labels = np.arange(40) % 2
    assert evaluation.careful_threshold(labels, np.where(labels, 0.9, 0.7), 4.0) == pytest.approx(0.8)
