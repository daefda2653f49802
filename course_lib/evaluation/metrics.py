"""Judge a model as an inspector is judged: by what it misses and what it wrongly rejects.

Introduced in lessons 1 and 8. Each number stands with its interval, beside the trivial baseline.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from course_lib.errors import CourseError
from course_lib.evaluation.predictions import CLASSES
from course_lib.evaluation.threshold import decide, expected_cost

Measure = Callable[[np.ndarray, np.ndarray], float]  # labels and probabilities, (N,), to a number


def accuracy_row(name: str, labels: np.ndarray, predictions: np.ndarray) -> dict:
    """One row for a table of accuracies: never a number alone.

    Args:
        name: what made the predictions.
        labels, predictions: class numbers, (N,).

    Returns:
        ``model``, ``accuracy``, ``from`` and ``to`` (95 % interval), ``baseline`` (always
        answering the commonest class), all 0…1, and ``photos``.

    Example:
        >>> row = accuracy_row("always 0", np.array([0, 0, 0, 1]), np.zeros(4, int))
        >>> row["accuracy"], row["baseline"], row["photos"]
        (0.75, 0.75, 4)
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    right = int((labels == predictions).sum())
    low, high = wilson_interval(right, len(labels))
    row = {"model": name, "accuracy": right / len(labels), "from": low, "to": high}
    return row | {"baseline": float(np.bincount(labels).max() / len(labels)), "photos": len(labels)}


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: Sequence[str] = CLASSES) -> pd.DataFrame:
    """Count the four outcomes of an inspection.

    Args:
        labels, predictions: 1 for defective, 0 for functional, (N,).
        classes: what 0 and 1 are called.

    Returns:
        A 2 × 2 table: rows what the part is, columns what the model says.

    Example:
        >>> confusion(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
                            says functional  says defective
        is functional                     1               1
        is defective                      0               2
    """
    if not set(np.unique(labels)) | set(np.unique(predictions)) <= {0, 1}:
        raise CourseError("The four outcomes need the classes 0 and 1; count others with scikit-learn.")
    counts = np.zeros((2, 2), dtype=int)
    np.add.at(counts, (np.asarray(labels, dtype=int), np.asarray(predictions, dtype=int)), 1)
    return pd.DataFrame(counts, [f"is {name}" for name in classes], [f"says {name}" for name in classes])


def missed_defect_rate(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> float:
    """Share of the defective parts that pass: missed / all defective.

    Args:
        labels: 1 for defective, (N,).
        probabilities: of the defect, (N,), 0…1.
        threshold: from this probability on, a part is rejected.

    Example:
        >>> missed_defect_rate(np.array([1, 1, 0]), np.array([0.9, 0.2, 0.1]))
        0.5
    """
    return _share(decide(probabilities, threshold)[np.asarray(labels) == 1] == 0)


def overkill_rate(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> float:
    """Share of the good parts that are rejected: wrongly rejected / all good; see `missed_defect_rate`.

    Example:
        >>> overkill_rate(np.array([1, 0, 0, 0, 0]), np.array([0.9, 0.7, 0.1, 0.2, 0.3]))
        0.25
    """
    return _share(decide(probabilities, threshold)[np.asarray(labels) == 0] == 1)


def _share(chosen: np.ndarray) -> float:
    """Share of True; NaN where there is nothing to count."""
    return float(chosen.mean()) if len(chosen) else float("nan")


def inspection_table(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5, classes: Sequence[str] = CLASSES
) -> pd.DataFrame:
    """The measures of an inspector with their intervals, beside "always functional".

    Recall is 1 minus the missed-defect rate. Average precision and the area under the ROC curve are
    scikit-learn's, computed on the raw probabilities.

    Returns:
        One row for each measure: ``measure``, ``value``, ``from``, ``to``, ``always functional``
        (or what the first of ``classes`` is called).
        A measure that needs a class which no photo has is NaN (average precision 0, as in
        scikit-learn); precision is 0 where no part is rejected.
    """
    from sklearn import metrics

    def precision(y: np.ndarray, p: np.ndarray) -> float:
        rejected = decide(p, threshold)
        return float((rejected * y).sum() / max(1, rejected.sum()))

    measures: dict[str, Measure] = {
        "accuracy": lambda y, p: float((decide(p, threshold) == y).mean()),
        "missed-defect rate": lambda y, p: missed_defect_rate(y, p, threshold),
        "overkill rate": lambda y, p: overkill_rate(y, p, threshold),
        "recall": lambda y, p: 1 - missed_defect_rate(y, p, threshold),
        "precision": precision,
        "average precision": lambda y, p: float(metrics.average_precision_score(y, p)),
        "area under ROC": lambda y, p: float(metrics.roc_auc_score(y, p)),
    }
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    never = np.full(len(labels), -1.0)  # passes at any threshold, also at 0
    rows = []
    with warnings.catch_warnings():
        # Without a class some measures do not exist; scikit-learn would say so 500 times.
        warnings.simplefilter("ignore")
        for name, measure in measures.items():
            low, high = bootstrap_interval(measure, labels, probabilities)
            rows.append((name, measure(labels, probabilities), low, high, measure(labels, never)))
    return pd.DataFrame(rows, columns=["measure", "value", "from", "to", f"always {classes[0]}"])


def cost_table(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float, cost_missed: float = 10, cost_overkill: float = 1
) -> pd.DataFrame:
    """What a chosen threshold costs, beside 0.5 and the two rules without a model.

    Args:
        labels, probabilities: of the test photos, (N,).
        threshold: chosen on validation photos.
        cost_missed, cost_overkill: as in `expected_cost`.

    Returns:
        One row for each rule: ``rule``, ``threshold``, ``cost`` of each part, and ``from`` and
        ``to``, its bootstrap interval.

    Example:
        >>> table = cost_table(np.array([1, 0, 0]), np.array([0.3, 0.2, 0.4]), threshold=0.25)
        >>> table[["rule", "cost"]].round(2).values.tolist()
        [['pass everything', 3.33], ['reject everything', 0.67], ['0.5', 3.33], ['chosen', 0.33]]
    """
    rules = {"pass everything": np.inf, "reject everything": 0.0, "0.5": 0.5, "chosen": threshold}
    rows = []
    for name, limit in rules.items():
        cost = partial(expected_cost, threshold=limit, cost_missed=cost_missed, cost_overkill=cost_overkill)
        low, high = bootstrap_interval(cost, labels, probabilities)
        rows.append((name, limit, cost(labels, probabilities), low, high))
    return pd.DataFrame(rows, columns=["rule", "threshold", "cost", "from", "to"])


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Between which values the true accuracy lies, given a count of right answers: in 95 of 100 cases.

    Formula: Wilson 1927, Probable inference, the law of succession, and statistical inference.

    Args:
        right: how many answers were right.
        total: how many answers there were.

    Returns:
        Lower and upper end, 0…1.

    Example:
        >>> [round(end, 3) for end in wilson_interval(80, 100)]
        [0.711, 0.867]
    """
    from scipy.stats import binomtest

    try:
        low, high = binomtest(right, total).proportion_ci(method="wilson")
    except ValueError as error:
        raise CourseError(f"{right} right answers out of {total} is not possible; check the counts.") from error
    return float(low), float(high)


def bootstrap_interval(
    measure: Measure, labels: np.ndarray, probabilities: np.ndarray, repeats: int = 500, seed: int = 0
) -> tuple[float, float]:
    """How far a measure would wander with other test photos.

    Draw as many photos as there are, with replacement, again and again, and take the middle 95 %
    of the results (Efron 1979, Bootstrap methods: another look at the jackknife). Each class is
    drawn on its own, so that no draw lacks one.

    Args:
        measure: takes labels and probabilities, gives a number.
        labels, probabilities: (N,).
    """
    generator = np.random.default_rng(seed)
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    classes = [np.flatnonzero(labels == number) for number in np.unique(labels)]
    results = []
    for _ in range(repeats):
        rows = np.concatenate([generator.choice(rows, len(rows)) for rows in classes])
        results.append(measure(labels[rows], probabilities[rows]))
    low, high = np.quantile(results, [0.025, 0.975])
    return float(low), float(high)
