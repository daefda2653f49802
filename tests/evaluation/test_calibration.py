"""Calibration: worked by hand, and compared with scikit-learn."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from course_lib import evaluation


def test_the_calibration_error_worked_by_hand() -> None:
    # Bin 0.2-0.3: said 0.25, true 1/2. Bin 0.9-1: said 0.95, true 1.
    labels, probabilities = np.array([0, 1, 1, 1]), np.array([0.2, 0.3 - 1e-9, 0.9, 1.0])
    expected = 2 / 4 * (0.5 - 0.25) + 2 / 4 * (1 - 0.95)
    found = evaluation.expected_calibration_error(labels, probabilities)
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_calibration_table_agrees_with_scikit_learn() -> None:
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


def test_the_temperature_is_that_of_a_logistic_regression() -> None:
    """With two classes, 1 / temperature is its one coefficient, on the difference of the logits."""
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 3, (500, 2))
    labels = (generator.random(500) < evaluation.softmax(logits, 2.0)[:, 1]).astype(int)
    regression = LogisticRegression(C=1e9, fit_intercept=False, tol=1e-8).fit(logits[:, 1:] - logits[:, :1], labels)
    assert evaluation.fit_temperature(logits, labels) == pytest.approx(1 / regression.coef_.item(), rel=1e-3)
