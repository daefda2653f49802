"""Heat maps point at what the model uses."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from course_lib import evaluation
from course_lib.errors import CourseError
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
    (heat,) = evaluation.grad_cam(model, model.copy, spot(), target=1)
    assert np.argwhere(heat > 0).tolist() == [[2, 5]]
    assert heat.max() == 1.0


def test_what_speaks_against_the_class_is_left_out() -> None:
    model = BrightnessModel()
    assert evaluation.grad_cam(model, model.copy, spot(), target=0).max() == 0.0


def test_another_model_gives_another_map() -> None:
    images, maps = torch.rand(2, 1, 32, 32), []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = ScratchCNN()
        maps.append(evaluation.grad_cam(model, model.blocks[1], images))
    assert not np.allclose(maps[0], maps[1], atol=0.1)


def test_a_frozen_model_and_the_given_images_stay_as_they_are() -> None:
    model, images = ScratchCNN().requires_grad_(False), torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        maps = evaluation.grad_cam(model, model.blocks[1], images)
    assert maps.shape == (2, 4, 4) and not images.requires_grad
    assert not model.blocks[1]._forward_hooks


def test_each_map_depends_on_its_own_photo_alone() -> None:
    model, images = ScratchCNN().eval(), torch.rand(3, 1, 32, 32)
    together = evaluation.grad_cam(model, model.blocks[1], images)
    alone = evaluation.grad_cam(model, model.blocks[1], images[1:2])
    np.testing.assert_allclose(together[1], alone[0], atol=1e-5)


def test_a_layer_that_the_model_does_not_use_is_refused() -> None:
    model = ScratchCNN().eval()
    with pytest.raises(CourseError, match="not used by the model itself"):
        evaluation.grad_cam(model, model.blocks[:3], torch.rand(1, 1, 32, 32))


def test_before_a_mean_and_a_linear_layer_it_is_class_activation_mapping() -> None:
    """There the map is the maps weighted with the weights of the class (Zhou et al. 2016)."""
    torch.manual_seed(0)
    maps, head = nn.Conv2d(1, 5, 3), nn.Linear(5, 2)
    model = nn.Sequential(maps, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).eval()
    images = torch.rand(3, 1, 8, 8)

    with torch.no_grad():
        expected = torch.einsum("nkhw,k->nhw", maps(images), head.weight[1]).clamp(min=0)
    expected /= expected.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    np.testing.assert_allclose(evaluation.grad_cam(model, maps, images), expected, atol=1e-5)
