"""Heat maps point at what the model uses; mistakes are listed with the surest first."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.evaluation import heat_maps as explain
from course_lib.models import ScratchCNN

pytestmark = pytest.mark.usefixtures("one_thread")


class BrightnessModel(nn.Module):
    """Says "defective" the more, the brighter the photo is."""

    def __init__(self):
        super().__init__()
        self.copy = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.ones_(self.copy.weight)

    def forward(self, images: Tensor) -> Tensor:
        brightness = self.copy(images).mean(dim=(1, 2, 3))
        return torch.stack([-brightness, brightness], dim=1)


def spot() -> Tensor:
    images = torch.zeros(1, 1, 8, 8)
    images[0, 0, 2, 5] = 1
    return images


def test_the_map_shows_the_spot_that_speaks_for_the_class() -> None:
    model = BrightnessModel()
    (heat,) = explain.grad_cam(model, model.copy, spot(), target=1)
    assert np.argwhere(heat > 0).tolist() == [[2, 5]]
    assert heat.max() == 1.0


def test_what_speaks_against_the_class_is_left_out() -> None:
    model = BrightnessModel()
    assert explain.grad_cam(model, model.copy, spot(), target=0).max() == 0.0


def test_another_model_gives_another_map() -> None:
    images, maps = torch.rand(2, 1, 32, 32), []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = ScratchCNN()
        maps.append(explain.grad_cam(model, model.blocks[1], images))
    assert not np.allclose(maps[0], maps[1], atol=0.1)


def test_a_frozen_model_and_the_given_images_stay_as_they_are() -> None:
    model, images = ScratchCNN().requires_grad_(False), torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        maps = explain.grad_cam(model, model.blocks[1], images)
    assert maps.shape == (2, 4, 4) and not images.requires_grad
    assert not model.blocks[1]._forward_hooks


def test_each_map_depends_on_its_own_photo_alone() -> None:
    model, images = ScratchCNN().eval(), torch.rand(3, 1, 32, 32)
    together = explain.grad_cam(model, model.blocks[1], images)
    alone = explain.grad_cam(model, model.blocks[1], images[1:2])
    np.testing.assert_allclose(together[1], alone[0], atol=1e-5)


def test_the_surest_mistakes_come_first_with_their_kind() -> None:
    index = pd.DataFrame({"path": list("abcde")}, index=[7, 7, 8, 9, 10])
    labels = np.array([1, 0, 1, 0, 0])
    probabilities = np.array([0.4, 0.99, 0.05, 0.1, 0.5])

    found = explain.worst_mistakes(index, probabilities, labels, count=3)

    assert found["path"].tolist() == ["b", "c", "a"]
    assert found["row"].tolist() == [1, 2, 0]
    assert found["mistake"].tolist() == ["overkill", "missed defect", "missed defect"]

    found = explain.worst_mistakes(index, probabilities, labels, threshold=0.09)
    assert found["path"].tolist() == ["b", "e", "c", "d"]


def test_a_model_without_mistakes_has_an_empty_list() -> None:
    found = explain.worst_mistakes(pd.DataFrame({"path": ["a"]}), np.array([0.9]), np.array([1]))
    assert len(found) == 0


def test_a_layer_that_the_model_does_not_use_is_refused() -> None:
    model = ScratchCNN().eval()
    with pytest.raises(CourseError, match="not used by the model itself"):
        explain.grad_cam(model, model.blocks[:3], torch.rand(1, 1, 32, 32))


def test_doubt_is_neither_no_nor_yes() -> None:
    index = pd.DataFrame({"defect_probability": [0.0, 1 / 3, 2 / 3, 1.0, float("nan")]})
    assert explain.is_doubted(index).tolist() == [False, True, True, False, False]
    assert explain.is_doubted(index[[]]).tolist() == [False] * 5
