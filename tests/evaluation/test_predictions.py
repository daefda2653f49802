"""Predictions: computed once, in the order of the loader, and belonging together."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from course_lib import evaluation
from course_lib.data import label_numbers
from course_lib.datasets import loaders
from course_lib.device import seed_everything
from course_lib.errors import CourseError
from course_lib.models import ScratchCNN
from course_lib.transforms import eight_views


def test_softmax_is_that_of_torch_also_for_huge_logits() -> None:
    logits = np.array([[1e4, -1e4, 0.0], [0.1, 0.2, 0.3]])
    expected = torch.softmax(torch.tensor(logits) / 2, dim=1)
    np.testing.assert_allclose(evaluation.softmax(logits, 2.0), expected)


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


def test_predictions_belong_to_the_rows_of_their_split(index: pd.DataFrame, work: None) -> None:
    split = index.assign(split=["train", "validation", "test", "test"] * 5)
    batches = loaders(split, size=32, progress=False)
    seed_everything(0)
    found = evaluation.predict(ScratchCNN(width=4), batches["test"], split, "test")

    assert found.index["path"].tolist() == split[split["split"] == "test"]["path"].tolist()
    assert found.labels.tolist() == label_numbers(split)[split["split"] == "test"].tolist()
    assert found.logits.shape == (10, 2) and list(found.classes) == ["functional", "defective"]


def test_a_temperature_changes_how_sure_but_not_which() -> None:
    index, logits = pd.DataFrame({"path": list("ab")}), np.array([[1.0, 3.0], [2.0, 1.0]])
    sharp, soft = (evaluation.Predictions(logits, np.array([1, 0]), index, temperature=t) for t in (1.0, 4.0))
    np.testing.assert_allclose(soft.probabilities.sum(axis=1), 1)
    assert np.abs(soft.positive - 0.5).max() < np.abs(sharp.positive - 0.5).min()
    assert evaluation.decide(soft.positive).tolist() == evaluation.decide(sharp.positive).tolist() == [1, 0]


@pytest.mark.parametrize(("logits", "labels", "rows"), [((2, 2), 2, 3), ((2, 3), 2, 2), ((2, 2), 1, 2)])
def test_what_does_not_belong_together_is_refused(logits: tuple[int, int], labels: int, rows: int) -> None:
    index = pd.DataFrame({"path": [str(row) for row in range(rows)]})
    with pytest.raises(CourseError, match="do not belong to"):
        evaluation.Predictions(np.zeros(logits), np.zeros(labels, int), index)
