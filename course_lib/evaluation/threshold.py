"""From probabilities to decisions, and the threshold that mistakes ask for.

Introduced in lesson 8. A *missed defect* is a defective part that passes; *overkill* is a good part
that is rejected. The rule of the decision stands in `course_lib.inspection.decide` alone.
"""

import numpy as np

from course_lib.inspection import decide


def expected_cost(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float, cost_missed: float = 10, cost_overkill: float = 1
) -> float:
    """What the mistakes cost for each inspected part.

    Args:
        labels: 1 for defective, (N,).
        probabilities: of the defect, (N,), 0…1.
        threshold: from this probability on, a part is rejected.
        cost_missed, cost_overkill: what one mistake costs, in any currency.

    Example:
        >>> expected_cost(np.array([1, 1, 0, 0]), np.array([0.9, 0.1, 0.8, 0.0]), 0.5)
        2.75
    """
    labels, rejected = np.asarray(labels), decide(probabilities, threshold)
    missed = ((labels == 1) & (rejected == 0)).sum()
    overkill = ((labels == 0) & (rejected == 1)).sum()
    return float((missed * cost_missed + overkill * cost_overkill) / len(labels))


def choose_threshold(
    labels: np.ndarray, probabilities: np.ndarray, cost_missed: float = 10.0, cost_overkill: float = 1.0
) -> float:
    """The threshold with the lowest expected cost on these photos.

    Use validation photos: a threshold chosen on the test photos would flatter the test.

    Returns:
        A threshold midway between two neighbouring probabilities, or just outside the range.
    """
    values = np.unique(np.asarray(probabilities, dtype=np.float64))
    candidates = [0.0, *(values[1:] + values[:-1]) / 2, float(np.nextafter(1, 2))]
    costs = [expected_cost(labels, probabilities, candidate, cost_missed, cost_overkill) for candidate in candidates]
    return float(candidates[int(np.argmin(costs))])


def careful_threshold(labels: np.ndarray, probabilities: np.ndarray, cost_missed: float) -> float:
    """The threshold of an inspector: chosen by cost where there are enough photos to choose on.

    Where both mistakes cost the same, a calibrated probability decides at one half: to look for the
    best threshold of all would only fit it to these few photos. With fewer than ten photos of a class
    it is what the costs ask for where probabilities are true.

    Args:
        labels: 1 for defective, (N,), of validation photos.
        probabilities: of the defect, (N,), calibrated.
        cost_missed: what a missed defect costs where overkill costs 1.

    Example:
        >>> careful_threshold(np.array([1, 0]), np.array([0.9, 0.2]), cost_missed=9)
        0.1
    """
    if cost_missed == 1:
        return 0.5
    if np.bincount(labels, minlength=2).min() < 10:
        return 1 / (1 + cost_missed)
    return choose_threshold(labels, probabilities, cost_missed, 1.0)
