"""From probabilities to decisions: the one place of this rule (lesson 8)."""

import numpy as np


def decide(probabilities: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """The class number of each photo: with two classes the threshold decides.

    Args:
        probabilities: of the defect, (N,), or of each class, (N, classes).
        threshold: from this probability of a defect on, a part is rejected. With more than two
            classes it is not used: the most probable class wins.

    Returns:
        int64, (N,); with two classes 1 is a part that is rejected.

    Example:
        >>> decide(np.array([[0.8, 0.2], [0.6, 0.4]]), threshold=0.3).tolist()
        [0, 1]
        >>> decide(np.array([0.2, 0.4]), threshold=0.3).tolist()
        [0, 1]
    """
    # In float64, so that a threshold means the same for probabilities of any precision.
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.ndim == 2:
        if probabilities.shape[1] != 2:
            return probabilities.argmax(axis=1)
        probabilities = probabilities[:, 1]
    return (probabilities >= threshold).astype(np.int64)
