"""The trial of learning rates: it finds where training fails and leaves the model alone."""

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.datasets import FeatureLoader
from course_lib.errors import CourseError
from course_lib.models import weights_hash
from course_lib.training import fit, learning_rate_curve, suggest_learning_rate
from course_lib.training.recipe import OPTIMIZERS

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def loader() -> FeatureLoader:
    """Two classes that a line can tell apart."""
    labels = np.arange(200) % 2
    features = np.random.default_rng(0).normal(size=(200, 10)) + 2 * labels[:, None]
    return FeatureLoader(features.astype(np.float32), labels, batch_size=16, shuffle=True)


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def test_the_loss_falls_and_then_rises(model: nn.Module, loader: FeatureLoader) -> None:
    curve = learning_rate_curve(model, loader, highest=1e3, optimizer="sgd", device="cpu")
    assert curve["learning_rate"].is_monotonic_increasing
    lowest = curve["smoothed"].idxmin()
    assert 0 < lowest < len(curve) - 1
    assert curve["smoothed"].iloc[-1] > curve["smoothed"][lowest] < curve["smoothed"].iloc[0]
    assert len(curve) < 80, "a loss out of hand must end the trial"
    rate = suggest_learning_rate(curve)
    assert rate == pytest.approx(curve["learning_rate"][lowest] / 10)


def test_model_and_loader_stay_as_they_are(model: nn.Module, loader: FeatureLoader) -> None:
    model[0].weight.requires_grad = False
    model.train()
    before = weights_hash(model)
    learning_rate_curve(model, loader, steps=20, device="cpu")
    assert weights_hash(model) == before
    assert model.training and model[3].weight.grad is None
    assert loader.epoch == 0


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_steps_are_those_of_a_training(model: nn.Module, loader: FeatureLoader, optimizer: str) -> None:
    rate, sizes = 0.01, [16] * 12 + [8]
    curve = learning_rate_curve(
        model, loader, lowest=rate, highest=rate * (1 + 1e-9), steps=len(sizes),
        optimizer=optimizer, device="cpu",
    )  # fmt: skip
    history = fit(
        model, loader, epochs=1, learning_rate=rate, schedule=None, optimizer=optimizer,
        channels_last=False, device="cpu", progress=False,
    )  # fmt: skip
    loss = np.average(curve["loss"], weights=sizes)
    assert loss == pytest.approx(history["train_loss"][0], rel=1e-5)


def test_a_loss_that_is_no_number_ends_the_trial(loader: FeatureLoader) -> None:
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(10, 2)

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return self.line(features) * float("nan")

    assert len(learning_rate_curve(Broken(), loader, device="cpu")) == 1


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"optimizer": "rmsprop"}, "optimizer 'rmsprop' is unknown"), ({"device": "gpu"}, "device 'gpu' is unknown")],
)
def test_wrong_arguments_are_refused(wrong: dict, sentence: str, model: nn.Module, loader: FeatureLoader) -> None:
    with pytest.raises(CourseError, match=sentence):
        learning_rate_curve(model, loader, **wrong)
