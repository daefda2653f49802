"""Measures: worked by hand on a few parts, and compared with scikit-learn and scipy on many."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from course_lib import evaluation
from course_lib.errors import CourseError

# Ten parts: four defective, six good. At 0.5 one defect is missed and two good parts rejected.
LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
PROBABILITIES = np.array([0.9, 0.8, 0.5, 0.3, 0.7, 0.6, 0.4, 0.2, 0.1, 0.0])
MANY = st.integers(0, 10_000).map(np.random.default_rng)


def test_ten_parts_worked_by_hand() -> None:
    assert evaluation.missed_defect_rate(LABELS, PROBABILITIES) == 1 / 4
    assert evaluation.overkill_rate(LABELS, PROBABILITIES) == 2 / 6
    assert evaluation.expected_cost(LABELS, PROBABILITIES, 0.5, 10, 1) == (10 + 2) / 10
    table = evaluation.confusion(LABELS, PROBABILITIES >= 0.5)
    assert table.to_numpy().tolist() == [[4, 2], [1, 3]]


@pytest.mark.slow  # 500 draws for each of seven measures
def test_the_table_worked_by_hand() -> None:
    table = evaluation.inspection_table(LABELS, PROBABILITIES).set_index("measure")
    value, never = table["value"], table["always functional"]

    assert value["accuracy"] == 0.7 and never["accuracy"] == 0.6
    assert value["missed-defect rate"] == 0.25 and never["missed-defect rate"] == 1.0
    assert value["precision"] == pytest.approx(3 / 5) and never["precision"] == 0.0
    # Pairs of a defective and a good part, and how many of them are in the right order.
    assert value["area under ROC"] == pytest.approx((6 + 6 + 4 + 3) / 24)
    assert never["area under ROC"] == 0.5
    assert (table["from"] <= value).all() and (value <= table["to"]).all()


MANY = st.integers(0, 10_000).map(np.random.default_rng)


@settings(max_examples=30, deadline=None)
@given(MANY, st.integers(1, 200), st.floats(0, 1))
def test_counts_and_rates_are_those_of_scikit_learn(
    generator: np.random.Generator, count: int, threshold: float
) -> None:
    labels = generator.integers(0, 2, count)
    probabilities = generator.random(count).round(2)
    says = (probabilities >= threshold).astype(int)

    expected = metrics.confusion_matrix(labels, says, labels=[0, 1])
    np.testing.assert_array_equal(evaluation.confusion(labels, says), expected)
    if labels.any():
        missed = 1 - metrics.recall_score(labels, says, zero_division=0)
        assert evaluation.missed_defect_rate(labels, probabilities, threshold) == (pytest.approx(missed))


@pytest.mark.slow
@pytest.mark.parametrize("labels", [[0, 0, 0], [1]])
def test_a_missing_class_gives_nan_and_no_wall_of_warnings(labels: list[int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = evaluation.inspection_table(np.array(labels), np.linspace(0, 1, len(labels)))

    value = table.set_index("measure")["value"]
    assert np.isnan(value["area under ROC"])
    assert np.isnan(value["overkill rate"]) == (0 not in labels)
    assert np.isnan(value["missed-defect rate"]) == (1 not in labels)
    assert not np.isnan(value["accuracy"])


def test_a_third_class_is_not_counted_as_one_of_two() -> None:
    with pytest.raises(CourseError, match="classes 0 and 1"):
        evaluation.confusion(np.array([0, 1, 2]), np.array([0, 1, 1]))


@pytest.mark.slow
def test_the_outcomes_may_have_other_names() -> None:
    table = evaluation.confusion(LABELS, PROBABILITIES >= 0.5, ["daisy", "rose"])
    assert [*table.index, *table.columns] == ["is daisy", "is rose", "says daisy", "says rose"]
    measures = evaluation.inspection_table(LABELS, PROBABILITIES, classes=["daisy", "rose"])
    assert measures.columns[-1] == "always daisy"


def test_accuracy_stands_beside_the_trivial_baseline() -> None:
    row = evaluation.accuracy_row("model", LABELS, PROBABILITIES >= 0.5)
    assert (row["accuracy"], row["baseline"], row["photos"]) == (0.7, 0.6, 10)
    assert row["from"] < 0.7 < row["to"]


def test_the_cost_table_worked_by_hand() -> None:
    table = evaluation.cost_table(LABELS, PROBABILITIES, 0.25, 10, 1).set_index("rule")
    assert table["cost"].to_dict() == {
        "pass everything": 40 / 10,
        "reject everything": 6 / 10,
        "0.5": (10 + 2) / 10,
        "chosen": 3 / 10,
    }
    assert (table["from"] <= table["cost"]).all() and (table["cost"] <= table["to"]).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.floats(0, 1))
def test_the_wilson_interval_is_that_of_scipy(total: int, share: float) -> None:
    from scipy.stats import binomtest

    right = int(share * total)
    expected = binomtest(right, total).proportion_ci(method="wilson")
    low, high = evaluation.wilson_interval(right, total)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= right / total <= high <= 1


@pytest.mark.parametrize(("right", "total"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(right: int, total: int) -> None:
    with pytest.raises(CourseError, match="is not possible"):
        evaluation.wilson_interval(right, total)


def test_the_bootstrap_interval_of_an_accuracy_is_near_wilson() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 800)
    probabilities = np.where(generator.random(800) < 0.85, labels, 1 - labels)

    def accuracy(y: np.ndarray, p: np.ndarray) -> float:
        return float((y == p).mean())

    found = evaluation.bootstrap_interval(accuracy, labels, probabilities)
    right = int((labels == probabilities).sum())
    assert found == pytest.approx(evaluation.wilson_interval(right, 800), abs=0.01)


@pytest.mark.slow
def test_always_functional_passes_everything_also_at_threshold_0() -> None:
    never = evaluation.inspection_table(LABELS, PROBABILITIES, 0.0).set_index("measure")["always functional"]
    assert never["overkill rate"] == 0 and never["missed-defect rate"] == 1


@pytest.mark.slow  # as above
def test_precision_is_that_of_scikit_learn() -> None:
    table = evaluation.inspection_table(LABELS, PROBABILITIES, 0.35).set_index("measure")
    expected = metrics.precision_score(LABELS, PROBABILITIES >= 0.35)
    assert table["value"]["precision"] == pytest.approx(expected)


def test_the_bootstrap_interval_is_that_of_scipy() -> None:
    """Of one class, so that drawing each class on its own is what scipy draws."""
    probabilities = np.random.default_rng(0).random(60)
    expected = stats.bootstrap((probabilities,), np.mean, n_resamples=2000, method="percentile", rng=0)
    found = evaluation.bootstrap_interval(lambda y, p: float(p.mean()), np.ones(60, int), probabilities, 2000)
    assert found == pytest.approx(expected.confidence_interval, abs=0.01)
