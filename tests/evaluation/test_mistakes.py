"""Mistakes are listed with the surest first; doubt is known where the experts stated it."""

import numpy as np
import pandas as pd

from course_lib import evaluation


def test_the_surest_mistakes_come_first_with_their_kind() -> None:
    index = pd.DataFrame({"path": list("abcde")}, index=[7, 7, 8, 9, 10])
    labels = np.array([1, 0, 1, 0, 0])
    probabilities = np.array([0.4, 0.99, 0.05, 0.1, 0.5])

    found = evaluation.worst_mistakes(index, probabilities, labels, count=3)

    assert found["path"].tolist() == ["b", "c", "a"]
    assert found["row"].tolist() == [1, 2, 0]
    assert found["mistake"].tolist() == ["overkill", "missed defect", "missed defect"]

    found = evaluation.worst_mistakes(index, probabilities, labels, threshold=0.09)
    assert found["path"].tolist() == ["b", "e", "c", "d"]


def test_a_model_without_mistakes_has_an_empty_list() -> None:
    found = evaluation.worst_mistakes(pd.DataFrame({"path": ["a"]}), np.array([0.9]), np.array([1]))
    assert len(found) == 0


def test_doubt_is_neither_no_nor_yes() -> None:
    index = pd.DataFrame({"defect_probability": [0.0, 1 / 3, 2 / 3, 1.0, float("nan")]})
    assert evaluation.is_doubted(index).tolist() == [False, True, True, False, False]
    assert evaluation.is_doubted(index[[]]).tolist() == [False] * 5
