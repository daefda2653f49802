"""ONNX Runtime computes frozen networks like PyTorch, or leaves them to it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.features import FrozenNetwork, NotInOnnx, program_of
from course_lib.features import extraction as features
from course_lib.models import load_backbone

pytestmark = pytest.mark.usefixtures("one_thread")

EXAMPLE = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def small_network(seed: int = 0, width: int = 4) -> nn.Sequential:
    torch.manual_seed(seed)
    layers = nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU6(), nn.Flatten()
    return nn.Sequential(*layers).eval()


class LooksAtItsNumbers(nn.Module):
    """Takes another way for some photos, which no program of fixed steps can."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) if float(images.sum()) > 0 else -images.flatten(1)


class Random(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) + torch.rand_like(images).flatten(1)


@pytest.mark.parametrize("photos", [1, 2, 7])
def test_it_answers_like_pytorch_for_any_number_of_photos(tmp_path: Path, photos: int) -> None:
    network = small_network()
    frozen = FrozenNetwork(network, EXAMPLE, tmp_path / "new folder" / "network.onnx")
    images = torch.randn(photos, 3, 16, 16).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(frozen(images), network(images), rtol=1e-4, atol=1e-5)


def test_the_program_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "network.onnx"
    FrozenNetwork(small_network(), EXAMPLE, file)
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]
    monkeypatch.setattr("course_lib.features.onnx_network.program_of", None)
    FrozenNetwork(small_network(), EXAMPLE, file)


@pytest.mark.parametrize("network", [None, small_network(seed=1), small_network(width=5)])
def test_a_damaged_or_strange_program_is_replaced(network: nn.Module | None, tmp_path: Path) -> None:
    file = tmp_path / "network.onnx"
    if network is None:
        file.write_bytes(b"no program")
    else:
        FrozenNetwork(network, EXAMPLE, file)
    before = file.read_bytes()

    frozen = FrozenNetwork(small_network(), EXAMPLE, file)

    assert file.read_bytes() != before
    with torch.no_grad():
        torch.testing.assert_close(frozen(EXAMPLE), small_network()(EXAMPLE), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", [LooksAtItsNumbers(), Random()])
def test_a_network_that_it_cannot_compute_is_refused(network: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="compute it with PyTorch"):
        FrozenNetwork(network, EXAMPLE, tmp_path / "network.onnx")
    assert not list(tmp_path.iterdir())


def test_what_the_exporter_refuses_is_one_sentence() -> None:
    with pytest.raises(CourseError, match="cannot be written as an ONNX program"):
        program_of(LooksAtItsNumbers(), EXAMPLE, ["answers"])


@pytest.fixture
def by_pytorch(index: pd.DataFrame, work: Path) -> np.ndarray:
    return features.extract(index, load_backbone(), size=64, progress=False)


@pytest.mark.parametrize("settings", [{}, {"stages": 4}, {"stages": 4, "maps": True}])
def test_features_of_many_photos_are_those_of_pytorch(
    settings: dict,
    index: pd.DataFrame,
    work: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {"size": 64, "progress": False} | settings
    expected = features.extract(index, load_backbone(), **settings)
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "other work"))
    monkeypatch.setattr("course_lib.features.extraction.MANY", 1)

    found = features.extract(index, load_backbone(), **settings)

    assert list((tmp_path / "other work" / "features" / "networks").glob("*.onnx"))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_features_do_without_it(
    index: pd.DataFrame,
    by_pytorch: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "other work"))
    monkeypatch.setattr("course_lib.features.extraction.MANY", 1)
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)

    found = features.extract(index, load_backbone(), size=64, progress=False)

    np.testing.assert_array_equal(found, by_pytorch)
    assert not (tmp_path / "other work" / "features" / "networks").exists()


def test_a_network_that_onnx_cannot_take_is_tried_once(
    index: pd.DataFrame, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def refuse(*_: object) -> bytes:
        tried.append(1)
        raise NotInOnnx("This network cannot be written as an ONNX program.")

    def compute(rows: slice) -> None:
        some = index.iloc[rows]
        some.attrs = index.attrs
        found = features.extract(some, load_backbone(), size=64, progress=False)
        assert len(found) == len(some)

    monkeypatch.setattr("course_lib.features.extraction.MANY", 1)
    monkeypatch.setattr("course_lib.features.onnx_network.program_of", refuse)
    compute(slice(0, 5))
    compute(slice(5, 10))
    assert len(tried) == 1
    monkeypatch.setattr("course_lib.features.extraction.versions", lambda: "torch 99")
    compute(slice(10, 15))
    compute(slice(15, 20))
    assert len(tried) == 2, "another release may be able to"


@pytest.mark.parametrize("trouble", [CourseError("The package is missing"), OSError("no room")])
def test_what_is_no_fault_of_the_network_is_tried_again(
    index: pd.DataFrame, work: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def fail(*_: object) -> bytes:
        raise trouble

    monkeypatch.setattr("course_lib.features.extraction.MANY", 1)
    monkeypatch.setattr("course_lib.features.onnx_network.program_of", fail)
    features.extract(index, load_backbone(), size=64, progress=False)
    assert not list((work / "features").rglob("*.refused"))


def test_few_photos_do_not_wait_for_it(index: pd.DataFrame, by_pytorch: np.ndarray, work: Path) -> None:
    assert not (work / "features" / "networks").exists()
