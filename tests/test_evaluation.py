"""Measures: worked by hand on a few parts, and compared with scikit-learn on many."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from torch import nn

from course_lib.errors import CourseError
from course_lib.evaluation import metrics as evaluation
from course_lib.transforms import eight_views

# Ten parts: four defective, six good. At 0.5 one defect is missed and two good parts rejected.
LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
PROBABILITIES = np.array([0.9, 0.8, 0.5, 0.3, 0.7, 0.6, 0.4, 0.2, 0.1, 0.0])


def test_ten_parts_worked_by_hand() -> None:
    assert evaluation.missed_defect_rate(LABELS, PROBABILITIES) == 1 / 4
    assert evaluation.overkill_rate(LABELS, PROBABILITIES) == 2 / 6
    assert evaluation.expected_cost(LABELS, PROBABILITIES, 0.5, 10, 1) == (10 + 2) / 10
    table = evaluation.confusion(LABELS, PROBABILITIES >= 0.5)
    assert table.to_numpy().tolist() == [[4, 2], [1, 3]]


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


# intervals


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


def test_accuracy_stands_beside_the_trivial_baseline() -> None:
    row = evaluation.accuracy_row("model", LABELS, PROBABILITIES >= 0.5)
    assert (row["accuracy"], row["baseline"], row["photos"]) == (0.7, 0.6, 10)
    assert row["from"] < 0.7 < row["to"]


# the threshold


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


# calibration


def test_the_calibration_error_worked_by_hand() -> None:
    # Bin 0.2-0.3: said 0.25, true 1/2. Bin 0.9-1: said 0.95, true 1.
    labels, probabilities = np.array([0, 1, 1, 1]), np.array([0.2, 0.3 - 1e-9, 0.9, 1.0])
    expected = 2 / 4 * (0.5 - 0.25) + 2 / 4 * (1 - 0.95)
    found = evaluation.expected_calibration_error(labels, probabilities)
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_calibration_table_agrees_with_scikit_learn() -> None:
    from sklearn.calibration import calibration_curve

    generator = np.random.default_rng(0)
    probabilities = generator.random(500)
    labels = (generator.random(500) < probabilities).astype(int)
    true, said = calibration_curve(labels, probabilities, n_bins=10)
    table = evaluation.calibration_table(labels, probabilities)

    np.testing.assert_allclose(table["true"], true)
    np.testing.assert_allclose(table["said"], said)
    assert table["photos"].sum() == 500


def test_the_temperature_that_was_put_in_is_found() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(4000, 2))
    labels = (generator.random(4000) < evaluation.softmax(logits)[:, 1]).astype(int)

    temperature = evaluation.fit_temperature(logits * 3, labels)

    assert temperature == pytest.approx(3, rel=0.1)
    before, after = (
        evaluation.expected_calibration_error(labels, evaluation.softmax(logits * 3, t)[:, 1])
        for t in (1.0, temperature)
    )
    assert after < before / 2


def test_softmax_is_that_of_torch_also_for_huge_logits() -> None:
    logits = np.array([[1e4, -1e4, 0.0], [0.1, 0.2, 0.3]])
    expected = torch.softmax(torch.tensor(logits) / 2, dim=1)
    np.testing.assert_allclose(evaluation.softmax(logits, 2.0), expected)


# prediction


def test_logits_are_in_the_order_of_the_loader_and_computed_in_evaluation_mode() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(4, 2)).train()
    images, labels = torch.rand(5, 1, 2, 2), torch.tensor([0, 1, 1, 0, 1])
    batches = [(images[:3], labels[:3]), (images[3:], labels[3:])]

    logits, found = evaluation.predict_logits(model, batches, device="cpu")

    assert logits.dtype == np.float32 and found.tolist() == labels.tolist()
    with torch.no_grad():
        np.testing.assert_allclose(logits, model.eval()(images), rtol=1e-6)


def test_several_views_of_a_photo_count_equally() -> None:
    """A model that asks for the corner pixel: the mean over eight views is that of the corners."""

    class Corner(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.stack([images[:, 0, 0, 0], -images[:, 0, 0, 0]], dim=1)

    images = torch.arange(32.0).view(2, 1, 4, 4)
    model, loader = Corner(), [(images, torch.tensor([0, 1]))]
    model.weight = nn.Parameter(torch.zeros(1))
    one, _ = evaluation.predict_logits(model, loader, device="cpu")
    eight, labels = evaluation.predict_logits(model, loader, views=eight_views, device="cpu")

    assert one[:, 0].tolist() == [0.0, 16.0]
    assert eight[:, 0].tolist() == [7.5, 23.5] and labels.tolist() == [0, 1]


def test_the_cost_table_worked_by_hand() -> None:
    table = evaluation.cost_table(LABELS, PROBABILITIES, 0.25, 10, 1).set_index("rule")
    assert table["cost"].to_dict() == {
        "pass everything": 40 / 10,
        "reject everything": 6 / 10,
        "0.5": (10 + 2) / 10,
        "chosen": 3 / 10,
    }
    assert (table["from"] <= table["cost"]).all() and (table["cost"] <= table["to"]).all()


def test_true_probabilities_have_an_error_by_chance_that_shrinks_with_photos() -> None:
    generator = np.random.default_rng(1)
    errors = []
    for count in (100, 10_000):
        probabilities = generator.random(count)
        labels = (generator.random(count) < probabilities).astype(int)
        by_chance = evaluation.calibration_error_by_chance(probabilities, repeats=50)
        found = evaluation.expected_calibration_error(labels, probabilities)
        assert 0.5 * by_chance < found < 2 * by_chance
        errors.append(by_chance)
    assert errors[1] == pytest.approx(errors[0] / 10, rel=0.3)


def test_the_outcomes_may_have_other_names() -> None:
    table = evaluation.confusion(LABELS, PROBABILITIES >= 0.5, ["daisy", "rose"])
    assert [*table.index, *table.columns] == ["is daisy", "is rose", "says daisy", "says rose"]
    measures = evaluation.inspection_table(LABELS, PROBABILITIES, classes=["daisy", "rose"])
    assert measures.columns[-1] == "always daisy"
