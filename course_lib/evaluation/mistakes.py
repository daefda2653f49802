"""Where the model was sure and wrong, and where the experts were in doubt themselves.

Introduced in lesson 8.
"""

import numpy as np
import pandas as pd

from course_lib.evaluation.threshold import decide


def worst_mistakes(
    index: pd.DataFrame, probabilities: np.ndarray, labels: np.ndarray, count: int = 6, threshold: float = 0.5
) -> pd.DataFrame:
    """The photos on which the model was sure and wrong, the surest first.

    Args:
        index: the photos, N rows in the order of the probabilities.
        probabilities: of the defect, (N,).
        labels: 1 for defective, (N,).
        count: how many rows at most.
        threshold: from this probability on, a part is rejected; the further a probability lies from
            it, the surer was the decision.

    Returns:
        Rows of the index with ``row`` (its number in the index), ``probability`` and
        ``mistake`` ("missed defect" or "overkill").

    Example:
        >>> index = pd.DataFrame({"path": ["a.png", "b.png"]})
        >>> found = worst_mistakes(index, np.array([0.2, 0.9]), np.array([0, 1]), threshold=0.1)
        >>> found[["path", "mistake"]].values.tolist()
        [['a.png', 'overkill']]
    """
    wrong = decide(probabilities, threshold) != labels
    table = index.assign(
        row=np.arange(len(index)),
        probability=probabilities,
        mistake=np.where(labels == 1, "missed defect", "overkill"),
        margin=np.abs(probabilities - threshold),
    )[wrong]
    return table.sort_values("margin", ascending=False, kind="stable").drop(columns="margin").head(count)


def is_doubted(index: pd.DataFrame) -> np.ndarray:
    """For which photos the experts were unsure.

    Args:
        index: with ``defect_probability`` where the experts stated one, N rows.

    Returns:
        bool (N,): True where that probability is neither 0 nor 1. False everywhere where the
        experts stated none.

    Example:
        >>> is_doubted(pd.DataFrame({"defect_probability": [0, 1 / 3, 1]})).tolist()
        [False, True, False]
    """
    if "defect_probability" not in index:
        return np.zeros(len(index), dtype=bool)
    return index["defect_probability"].between(0, 1, inclusive="neither").to_numpy()
