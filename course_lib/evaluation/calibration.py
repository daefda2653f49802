"""Does a stated probability come true?

Introduced in lesson 8. Everything is chosen on validation photos.
"""

import numpy as np
import pandas as pd

from course_lib.evaluation.predictions import softmax


def calibration_table(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Does "70 % sure" come true in 70 % of cases?

    Returns:
        One row for each filled bin of equal width: ``said`` (mean probability), ``true``
        (share of defective parts), ``photos``.
    """
    table = pd.DataFrame({"bin": _bins(probabilities, bins), "said": probabilities, "true": labels})
    grouped = table.groupby("bin")
    return grouped.agg(said=("said", "mean"), true=("true", "mean"), photos=("true", "size")).reset_index(drop=True)


def _bins(probabilities: np.ndarray, bins: int) -> np.ndarray:
    """In which of the bins of equal width each probability lies; 1 belongs to the last."""
    return np.minimum((np.asarray(probabilities) * bins).astype(int), bins - 1)


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Mean gap between what was said and what came true, weighted by photos.

    Formula: Naeini et al. 2015, Obtaining well calibrated probabilities using Bayesian binning,
    for the probability of "defective".

    Example:
        >>> expected_calibration_error(np.array([0, 1]), np.array([0.0, 1.0]))
        0.0
    """
    gaps = np.bincount(_bins(probabilities, bins), weights=np.asarray(probabilities) - labels)
    return float(np.abs(gaps).sum() / len(labels))


def calibration_error_by_chance(probabilities: np.ndarray, bins: int = 10, repeats: int = 200, seed: int = 0) -> float:
    """The calibration error of a model whose every probability is true.

    With few photos the counts in a bin wander, so even such a model has an error above 0. The
    parts are drawn again and again, each defective with its own probability, and the mean error
    is taken (Bröcker and Smith 2007, Increasing the reliability of reliability diagrams).

    Args:
        probabilities: of "defective", (N,), 0…1.
        repeats: how many draws.

    Example:
        >>> calibration_error_by_chance(np.array([0.0, 1.0]))
        0.0
        >>> 0.05 < calibration_error_by_chance(np.full(40, 0.5)) < 0.08
        True
    """
    generator = np.random.default_rng(seed)
    probabilities = np.asarray(probabilities)
    draws = generator.random((repeats, len(probabilities))) < probabilities
    return float(np.mean([expected_calibration_error(draw.astype(int), probabilities, bins) for draw in draws]))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes the probabilities fit these photos best.

    One number divides all logits, so the order of the photos and the accuracy at 0.5 stay as
    they are. Source: Guo et al. 2017, On calibration of modern neural networks. Use
    validation photos.

    Args:
        logits: (N, classes).
        labels: class numbers, (N,).
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        probabilities = softmax(logits, float(np.exp(log_temperature)))
        return float(-np.log(np.maximum(probabilities[rows, labels], 1e-12)).mean())

    best = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(best.x))
