"""ONNX Runtime computes frozen networks like PyTorch, or leaves them to it."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from course_lib import features, models
from course_lib.errors import CourseError
from course_lib.features import onnx_network, program_of
from course_lib.models import Backbone

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.slow]  # the exporter takes seconds to start

SHAPE = (3, 16, 16)
EXAMPLE = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_network, "_kept", {})


def small_network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU6(), nn.Flatten()
    return nn.Sequential(*layers).eval()


class LooksAtItsNumbers(nn.Module):
    """Takes another way for some photos, which no program of fixed steps can."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) if float(images.sum()) > 0 else -images.flatten(1)


class Random(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) + torch.rand_like(images).flatten(1)


def test_it_answers_like_pytorch_for_any_number_of_photos_and_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = small_network()
    quick = onnx_network.quick_network(network, SHAPE, "small")
    assert quick is not network
    for photos in (1, 2, 7):
        images = torch.randn(photos, *SHAPE).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            torch.testing.assert_close(quick(images), network(images), rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(onnx_network, "program_of", None)
    assert onnx_network.quick_network(network, SHAPE, "small") is quick


@pytest.mark.parametrize("network", [LooksAtItsNumbers(), Random()], ids=["refused", "other answers"])
def test_a_network_that_it_cannot_compute_is_left_to_pytorch(
    network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert onnx_network.quick_network(network, SHAPE, "odd") is network
    monkeypatch.setattr(onnx_network, "program_of", None)
    assert onnx_network.quick_network(network, SHAPE, "odd") is network, "tried once only"


def test_what_the_exporter_refuses_is_one_sentence() -> None:
    with pytest.raises(CourseError, match="cannot be written as an ONNX program"):
        program_of(LooksAtItsNumbers(), EXAMPLE, ["answers"])


def test_without_its_packages_pytorch_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    network = small_network()
    assert onnx_network.quick_network(network, SHAPE, "small") is network


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return models.load_backbone()


def test_features_of_many_photos_are_those_of_pytorch(
    index: pd.DataFrame, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"size": 64, "stages": 4, "maps": True, "progress": False}
    made = []
    for work, many in (("by PyTorch", 600), ("by ONNX Runtime", 1)):
        monkeypatch.setenv("COURSE_WORK", str(tmp_path / work))
        monkeypatch.setattr("course_lib.features.extraction.MANY", many)
        made.append(np.array(features.extract(index, deepcopy(backbone), **settings), np.float32))
        assert bool(onnx_network._kept) == (many == 1), "few photos do not wait for it"
    (quick,) = onnx_network._kept.values()
    assert not isinstance(quick, nn.Module)
    np.testing.assert_allclose(made[1], made[0], rtol=1e-3, atol=1e-3)
