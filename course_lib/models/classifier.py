"""A backbone with a head for our own classes, and which of its parts are trained (lessons 9 and 10)."""

from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.models.backbones import Backbone


class Classifier(nn.Module):
    """A backbone with a new head for our own classes.

    Args:
        backbone: turns photos into features.
        classes: number of logits.
        stages: which features the head sees, "last" or "all", as in `course_lib.features.extract`.

    Example:
        >>> from course_lib.models import load_backbone
        >>> model = Classifier(load_backbone(), classes=2)
        >>> model(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 2])
    """

    feature_mean: Tensor
    feature_spread: Tensor

    def __init__(self, backbone: Backbone, classes: int = 2, stages: str = "last"):
        super().__init__()
        self.backbone, self.stages = backbone.eval(), stages
        count = backbone.count_features(stages)
        # Fixed numbers, saved with the weights but not trained: they bring all features to one
        # scale, so that one learning rate suits all. Mean 0 and spread 1 change nothing.
        self.register_buffer("feature_mean", torch.zeros(count))
        self.register_buffer("feature_spread", torch.ones(count))
        self.head = nn.Linear(count, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to logits (N, classes)."""
        features = self.backbone.features(images, self.stages)
        return self.head((features - self.feature_mean) / self.feature_spread)


@torch.no_grad()
def head_from_probe(model: Classifier, probe: Any) -> None:
    """Give the head the weights of a linear probe on the same features.

    As in the probe, the features are brought to one scale before the head. A small step of the head then
    changes the logits much, so to train it needs a learning rate about fifty times smaller than the backbone.

    Args:
        model: a classifier whose features the probe was trained on.
        probe: a fitted `course_lib.features.linear_probe`.

    Raises:
        CourseError: the probe has another number of classes or of features than the head.
    """
    scale, linear = probe[0], probe[-1]
    knows, wanted = (len(linear.classes_), linear.n_features_in_), (model.head.out_features, model.head.in_features)
    if knows != wanted:
        raise CourseError(
            f"The probe knows {knows[0]} classes by {knows[1]} features, the head {wanted[0]} by {wanted[1]}; train the "
            "probe on photos of all classes, and use the same 'stages' for both."
        )
    weight, bias = torch.from_numpy(linear.coef_), torch.from_numpy(linear.intercept_)
    if len(weight) == 1:
        # With two classes a probe gives one number, the logit of class 1 minus that of class 0.
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    model.feature_mean.copy_(torch.from_numpy(scale.mean_))
    model.feature_spread.copy_(torch.from_numpy(scale.scale_))
    model.head.weight.copy_(weight)
    model.head.bias.copy_(bias)


def freeze(module: nn.Module) -> None:
    """Keep all weights of a module as they are during training."""
    module.requires_grad_(False)


def unfreeze(model: Classifier, last: int | None = None) -> None:
    """Let the last stages of the backbone be trained again.

    Args:
        model: a backbone with a head; the head is always trained.
        last: how many stages, counted from the end; None for all.

    Raises:
        CourseError: the backbone does not have that many stages.
    """
    stages = model.backbone.stages
    last = len(stages) if last is None else last
    if not 0 <= last <= len(stages):
        raise CourseError(
            f"The backbone has {len(stages)} stages, so the last {last} cannot be unfrozen; choose 0 to {len(stages)}."
        )
    for part in (*list(stages)[len(stages) - last :], model.head):
        part.requires_grad_(True)


class AfterStage(nn.Module):
    """The part of a classifier behind a frozen stage: maps in, logits out.

    Frozen stages give the same maps in every epoch. `course_lib.features.extract` keeps them with
    ``maps=True``; then only the rest of the network has to run. It shares its weights with the
    classifier: what ``fit`` changes here is changed there.

    Args:
        model: a classifier whose head sees the last stage.
        stage: the last of the frozen stages, from 0.

    Raises:
        CourseError: a stage up to this one is trained, or the head sees all stages.

    Example:
        >>> from course_lib.models import load_backbone
        >>> model = Classifier(load_backbone(), classes=2)
        >>> freeze(model)
        >>> unfreeze(model, last=3)
        >>> AfterStage(model, 5)(torch.zeros(1, 112, 4, 4)).shape
        torch.Size([1, 2])
    """

    feature_mean: Tensor
    feature_spread: Tensor

    def __init__(self, model: Classifier, stage: int):
        super().__init__()
        stages = list(model.backbone.stages)
        if model.stages != "last":
            raise CourseError("The head of this classifier sees the maps of all stages; build it with stages='last'.")
        if any(weight.requires_grad for part in stages[: stage + 1] for weight in part.parameters()):
            raise CourseError(
                f"A stage up to number {stage} is trained, so its maps change; freeze it, or keep the "
                "maps of an earlier stage."
            )
        self.later, self.head = nn.Sequential(*stages[stage + 1 :]), model.head
        self.register_buffer("feature_mean", model.feature_mean)
        self.register_buffer("feature_spread", model.feature_spread)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, C, h, w) of the frozen stage to logits (N, classes)."""
        features = self.later(maps).mean(dim=(2, 3))
        return self.head((features - self.feature_mean) / self.feature_spread)


def trainable_parameters(model: nn.Module) -> pd.DataFrame:
    """Count the weights of each part, and how many of them training may change.

    Look at this table before every training: a part that is frozen by mistake shows here.

    Returns:
        One row for each direct part of the model and a last row "total": ``part``,
        ``weights``, ``trainable``.

    Example:
        >>> trainable_parameters(nn.Sequential(nn.Linear(2, 3), nn.ReLU()))
            part  weights  trainable
        0      0        9          9
        1      1        0          0
        2  total        9          9
    """
    rows = []
    for name, part in model.named_children():
        counts = [(p.numel(), p.numel() * p.requires_grad) for p in part.parameters()]
        rows.append((name, sum(c[0] for c in counts), sum(c[1] for c in counts)))
    rows.append(("total", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    return pd.DataFrame(rows, columns=["part", "weights", "trainable"])
