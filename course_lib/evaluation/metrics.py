"""Judge a model as an inspector is judged: by what it misses and what it wrongly rejects.

Introduced in lesson 8. The positive class is "defective". A *missed defect* is a defective
part that passes; *overkill* is a good part that is rejected.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from course_lib import device as devices
from course_lib.errors import CourseError

CLASSES = ("functional", "defective")  # what 0 and 1 are called where nobody says otherwise


@torch.no_grad()
def predict_logits(
    model: nn.Module,
    loader: Iterable,
    *,
    views: Callable[[torch.Tensor], torch.Tensor] | None = None,
    device: torch.device | str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the logits of all photos of a loader, in evaluation mode (lesson 8).

    Args:
        model: images (N, C, H, W) to logits (N, classes).
        loader: gives batches ``(images, labels)``.
        views: makes several views of each photo, (views, N, C, H, W), such as
            `course_lib.transforms.eight_views`; the mean of their logits is taken (lesson 7).
        device: where to compute, by default `course_lib.device.choose`.

    Returns:
        ``logits`` float32 (N, classes) and ``labels`` int64 (N,), in the loader's order.
    """
    device = devices.choose(device)
    model.to(device).eval()
    logits, labels = [], []
    for images, batch_labels in loader:
        images = images.to(device)
        shown = images[None] if views is None else views(images)
        logits.append(torch.stack([model(view).float().cpu() for view in shown]).mean(dim=0))
        labels.append(batch_labels.cpu())
    return torch.cat(logits).numpy(), torch.cat(labels).numpy()


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Turn logits into probabilities that sum to 1 in each row (lesson 8).

    Args:
        logits: (N, classes).
        temperature: above 1 makes the model less sure, below 1 surer; see `fit_temperature`.

    Example:
        >>> softmax(np.array([[0.0, 0.0], [0.0, 100.0]])).tolist()
        [[0.5, 0.5], [0.0, 1.0]]
    """
    scaled = logits / temperature
    # Subtracting the largest logit changes nothing and keeps exp() from overflowing.
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def wilson_interval(right: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Between which values the true accuracy lies, given a count of right answers (lesson 3).

    Formula: Wilson 1927, Probable inference, the law of succession, and statistical inference.

    Args:
        right: how many answers were right.
        total: how many answers there were.
        confidence: how often such an interval holds the true value.

    Returns:
        Lower and upper end, 0…1.

    Example:
        >>> [round(end, 3) for end in wilson_interval(80, 100)]
        [0.711, 0.867]
    """
    from scipy.stats import norm

    if not 0 <= right <= total or total == 0:
        raise CourseError(f"{right} right answers out of {total} is not possible; check the counts.")
    z = norm.ppf(0.5 + confidence / 2)
    share = right / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)) / (1 + z**2 / total)
    # Rounding may carry an end past the share by the last digit.
    return max(0.0, min(share, float(middle - half))), min(1.0, max(share, float(middle + half)))


def accuracy_row(name: str, labels: np.ndarray, predictions: np.ndarray) -> dict:
    """One row for a table of accuracies: never a number alone (lesson 3).

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
    baseline = np.bincount(labels).max() / len(labels)
    return {
        "model": name,
        "accuracy": right / len(labels),
        "from": low,
        "to": high,
        "baseline": float(baseline),
        "photos": len(labels),
    }


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: Sequence[str] = CLASSES) -> pd.DataFrame:
    """Count the four outcomes of an inspection (lesson 8).

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
    return pd.DataFrame(
        counts,
        index=[f"is {name}" for name in classes],
        columns=[f"says {name}" for name in classes],
    )


def missed_defect_rate(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> float:
    """Share of the defective parts that pass (lesson 8): missed / all defective.

    Args:
        labels: 1 for defective, (N,).
        probabilities: probability of "defective", (N,), 0…1.
        threshold: from this probability on, a part is rejected.

    Example:
        >>> missed_defect_rate(np.array([1, 1, 0]), np.array([0.9, 0.2, 0.1]))
        0.5
    """
    return _share(np.asarray(probabilities)[np.asarray(labels) == 1] < threshold)


def overkill_rate(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> float:
    """Share of the good parts that are rejected (lesson 8): wrongly rejected / all good.

    Example:
        >>> overkill_rate(np.array([1, 0, 0, 0, 0]), np.array([0.9, 0.7, 0.1, 0.2, 0.3]))
        0.25
    """
    return _share(np.asarray(probabilities)[np.asarray(labels) == 0] >= threshold)


def _share(chosen: np.ndarray) -> float:
    """Share of True; NaN where there is nothing to count."""
    return float(chosen.mean()) if len(chosen) else float("nan")


def bootstrap_interval(
    measure: Callable[[np.ndarray, np.ndarray], float],
    labels: np.ndarray,
    probabilities: np.ndarray,
    repeats: int = 500,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """How far a measure would wander with other test photos (lesson 8).

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
    low, high = np.quantile(results, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)


def inspection_table(
    labels: np.ndarray,
    probabilities: np.ndarray,
    threshold: float = 0.5,
    seed: int = 0,
    classes: Sequence[str] = CLASSES,
) -> pd.DataFrame:
    """The measures of an inspector with their intervals, beside "always functional" (lesson 8).

    Recall is 1 minus the missed-defect rate. Average precision and the area under the ROC curve are
    scikit-learn's, computed on the raw probabilities.

    Returns:
        One row for each measure: ``measure``, ``value``, ``from``, ``to``, ``always functional``
        (or what the first of ``classes`` is called).
        A measure that needs a class which no photo has is NaN (average precision 0, as in
        scikit-learn); precision is 0 where no part is rejected.
    """
    from sklearn import metrics

    measures = {
        "accuracy": lambda y, p: float(((p >= threshold) == (y == 1)).mean()),
        "missed-defect rate": lambda y, p: missed_defect_rate(y, p, threshold),
        "overkill rate": lambda y, p: overkill_rate(y, p, threshold),
        "recall": lambda y, p: _share(p[y == 1] >= threshold),
        "precision": lambda y, p: float((y[p >= threshold] == 1).sum() / max(1, (p >= threshold).sum())),
        "average precision": lambda y, p: float(metrics.average_precision_score(y, p)),
        "area under ROC": lambda y, p: float(metrics.roc_auc_score(y, p)),
    }
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    never = np.zeros(len(labels))
    rows = []
    with warnings.catch_warnings():
        # Without a class some measures do not exist; scikit-learn would say so 500 times.
        warnings.simplefilter("ignore")
        for name, measure in measures.items():
            low, high = bootstrap_interval(measure, labels, probabilities, seed=seed)
            rows.append((name, measure(labels, probabilities), low, high, measure(labels, never)))
    return pd.DataFrame(rows, columns=["measure", "value", "from", "to", f"always {classes[0]}"])


def expected_cost(
    labels: np.ndarray,
    probabilities: np.ndarray,
    threshold: float,
    cost_missed: float = 10.0,
    cost_overkill: float = 1.0,
) -> float:
    """What the mistakes cost for each inspected part (lesson 8).

    Args:
        cost_missed: what one missed defect costs.
        cost_overkill: what one wrongly rejected good part costs, in the same money.

    Example:
        >>> expected_cost(np.array([1, 0]), np.array([0.2, 0.1]), threshold=0.5)
        5.0
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    missed = ((labels == 1) & (probabilities < threshold)).sum()
    overkill = ((labels == 0) & (probabilities >= threshold)).sum()
    return float((missed * cost_missed + overkill * cost_overkill) / len(labels))


def choose_threshold(
    labels: np.ndarray,
    probabilities: np.ndarray,
    cost_missed: float = 10.0,
    cost_overkill: float = 1.0,
) -> float:
    """The threshold with the lowest expected cost on these photos (lesson 8).

    Use validation photos: a threshold chosen on the test photos would flatter the test.

    Returns:
        A threshold midway between two neighbouring probabilities, or just outside the range.
    """
    values = np.unique(np.asarray(probabilities, dtype=float))
    between = (values[1:] + values[:-1]) / 2
    # Above 1 also for float32, where the next number after 1 is further away.
    above = float(np.nextafter(np.float32(1), np.float32(2)))
    candidates = np.concatenate([[0.0], between, [above]])
    costs = [expected_cost(labels, probabilities, candidate, cost_missed, cost_overkill) for candidate in candidates]
    return float(candidates[int(np.argmin(costs))])


def cost_table(
    labels: np.ndarray,
    probabilities: np.ndarray,
    threshold: float,
    cost_missed: float = 10.0,
    cost_overkill: float = 1.0,
) -> pd.DataFrame:
    """What a chosen threshold costs, beside 0.5 and the two rules without a model (lesson 8).

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

        def cost(y: np.ndarray, p: np.ndarray, limit: float = limit) -> float:
            return expected_cost(y, p, limit, cost_missed, cost_overkill)

        low, high = bootstrap_interval(cost, labels, probabilities)
        rows.append((name, limit, cost(labels, probabilities), low, high))
    return pd.DataFrame(rows, columns=["rule", "threshold", "cost", "from", "to"])


def calibration_table(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Does "70 % sure" come true in 70 % of cases? (lesson 8)

    Returns:
        One row for each filled bin of equal width: ``said`` (mean probability), ``true``
        (share of defective parts), ``photos``.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    numbers = np.minimum((probabilities * bins).astype(int), bins - 1)
    table = pd.DataFrame({"bin": numbers, "said": probabilities, "true": labels})
    grouped = table.groupby("bin")
    return grouped.agg(said=("said", "mean"), true=("true", "mean"), photos=("true", "size")).reset_index(drop=True)


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Mean gap between what was said and what came true, weighted by photos (lesson 8).

    Formula: Naeini et al. 2015, Obtaining well calibrated probabilities using Bayesian binning,
    for the probability of "defective".

    Example:
        >>> expected_calibration_error(np.array([0, 1]), np.array([0.0, 1.0]))
        0.0
    """
    table = calibration_table(labels, probabilities, bins)
    gaps = (table["said"] - table["true"]).abs()
    return float((gaps * table["photos"]).sum() / table["photos"].sum())


def calibration_error_by_chance(probabilities: np.ndarray, bins: int = 10, repeats: int = 200, seed: int = 0) -> float:
    """The calibration error of a model whose every probability is true (lesson 8).

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
    """The temperature that makes the probabilities fit these photos best (lesson 8).

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
