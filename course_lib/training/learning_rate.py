"""How large should the steps of training be? A short trial instead of a guess."""

from copy import deepcopy
from itertools import chain, repeat
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from course_lib import device as devices
from course_lib.training.loop import labels_on, set_training_mode
from course_lib.training.recipe import Recipe

SMOOTHING = 0.9  # each smoothed loss is nine parts the one before and one part new
TOO_HIGH = 3.0  # a loss this many times the lowest one ends the trial


def learning_rate_curve(
    model: nn.Module,
    loader: Any,
    *,
    lowest: float = 1e-5,
    highest: float = 1.0,
    steps: int = 80,
    optimizer: str = "adamw",
    device: torch.device | str | None = None,
) -> pd.DataFrame:
    """Try ever larger learning rates, one batch each, and note the loss.

    A copy of the model is trained, so the model itself stays as it is. The trial ends early when
    the loss has become three times the lowest one.

    Source: Smith 2017, Cyclical learning rates for training neural networks.

    Args:
        model: as for `course_lib.training.fit`; frozen parts stay frozen.
        loader: training batches; it begins again when it is through.
        lowest, highest: the learning rates of the first and the last step.
        steps: how many learning rates in between, each a little larger than the one before.
        optimizer: as for `course_lib.training.fit`, and the same as there: "sgd" wants another learning
            rate than "adamw".
        device: where to compute, by default `course_lib.device.choose`.

    Returns:
        One row for each step: ``learning_rate``, ``loss`` of that batch, ``smoothed`` loss.

    Raises:
        CourseError: an unknown optimizer, or nothing to train.
    """
    device = devices.choose(device)
    epoch = getattr(loader, "epoch", None)
    trial = deepcopy(model).to(device)
    set_training_mode(trial)
    stepper = Recipe(1, lowest, optimizer).new_optimizer(trial)
    rows, average = [], 0.0
    rates, batches = np.geomspace(lowest, highest, steps), chain.from_iterable(repeat(loader))
    for number, (rate, (images, labels)) in enumerate(zip(rates, batches, strict=False), start=1):
        for group in stepper.param_groups:
            group["lr"] = rate
        loss = nn.functional.cross_entropy(trial(images.to(device)), labels_on(labels, device))
        stepper.zero_grad()
        loss.backward()
        stepper.step()
        average = SMOOTHING * average + (1 - SMOOTHING) * loss.item()
        # The average began at 0, so the first ones are too low by a known factor.
        smoothed = average / (1 - SMOOTHING**number)
        rows.append((float(rate), loss.item(), smoothed))
        if not smoothed < TOO_HIGH * min(row[2] for row in rows):
            break
    if epoch is not None:
        loader.epoch = epoch  # a training after this sees the photos in the same order
    return pd.DataFrame(rows, columns=["learning_rate", "loss", "smoothed"])


def suggest_learning_rate(curve: pd.DataFrame) -> float:
    """A learning rate for the real training: a tenth of the one with the lowest loss.

    At the lowest loss the steps are about to become too large, so one stays well below.

    Args:
        curve: from `learning_rate_curve`.

    Example:
        >>> curve = pd.DataFrame({"learning_rate": [0.001, 0.01, 0.1], "smoothed": [0.7, 0.5, 2.0]})
        >>> suggest_learning_rate(curve)
        0.001
    """
    return float(curve["learning_rate"][curve["smoothed"].idxmin()] / 10)
