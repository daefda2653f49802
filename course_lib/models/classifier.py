"""Networks: the small one built in lesson 6, and backbones trained on a million photos (lesson 9).

A backbone turns photos into features; a head turns features into one logit for each class.
"""

from itertools import pairwise

import pandas as pd
import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.models.backbones import (
    Backbone,
    imagenet_classes,
    load_backbone,
    untrained_backbone,
)

__all__ = [
    "AfterStage",
    "Backbone",
    "Classifier",
    "ScratchCNN",
    "freeze",
    "head_from_probe",
    "imagenet_classes",
    "load_backbone",
    "scratch_block",
    "trainable_parameters",
    "unfreeze",
    "untrained_backbone",
]


class ScratchCNN(nn.Module):
    """The small network that lesson 6 builds layer by layer.

    Four blocks of convolution, batch normalisation and ReLU. The first looks through a window of
    7×7 pixels, moves it by two and pools, so it leaves a quarter of width and height; the others
    move by two, which halves them, and double the channels. Then the average over the picture, and
    one linear layer.

    Args:
        classes: number of logits.
        channels: 1 for grey photos, 3 for colour.
        width: channels after the first block.

    Example:
        >>> ScratchCNN()(torch.zeros(2, 1, 96, 96)).shape
        torch.Size([2, 2])
    """

    def __init__(self, classes: int = 2, channels: int = 1, width: int = 16):
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        first = scratch_block(channels, width, kernel_size=7)
        first.append(nn.MaxPool2d(kernel_size=3, stride=2, padding=1))
        others = (scratch_block(before, after) for before, after in pairwise(widths))
        self.blocks = nn.Sequential(first, *others)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(widths[-1], classes))

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, classes)."""
        return self.head(self.blocks(images).mean(dim=(2, 3)))


def scratch_block(channels_in: int, channels_out: int, kernel_size: int = 3) -> nn.Sequential:
    """One block of the scratch network: convolution, normalisation, ReLU, half the size (lesson 6).

    Args:
        channels_in, channels_out: of the maps before and after.
        kernel_size: width of the convolution's window in pixels, an odd number.
    """
    padding = kernel_size // 2
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel_size, stride=2, padding=padding, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class Classifier(nn.Module):
    """A backbone with a new head for our own classes (lesson 9).

    Args:
        backbone: turns photos into features.
        classes: number of logits.
        stages: which features the head sees, "last" or "all", as in `course_lib.features.extract`.

    Example:
        >>> model = Classifier(load_backbone(), classes=2)
        >>> model(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 2])
    """

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
def head_from_probe(model: Classifier, probe, scaled: bool = True) -> None:
    """Give the head the weights of a linear probe on the same features (lesson 10).

    Args:
        model: a classifier whose features the probe was trained on.
        probe: a fitted `course_lib.features.linear_probe`.
        scaled: bring the features to one scale before the head, as the probe does. A small
            step of the head then changes the logits much, so it needs a learning rate about
            fifty times smaller than the backbone. With False the scale is put into the weights of
            the head, and both can learn at similar rates. The answers are the same.

    Raises:
        CourseError: the probe has another number of classes or of features than the head.
    """
    scale, linear = probe[0], probe[-1]
    if len(linear.classes_) != model.head.out_features:
        raise CourseError(
            f"The probe knows {len(linear.classes_)} classes but the head has "
            f"{model.head.out_features}; train the probe on photos of all classes."
        )
    if linear.n_features_in_ != model.head.in_features:
        raise CourseError(
            f"The probe was trained on {linear.n_features_in_} features but the head takes "
            f"{model.head.in_features}; use the same 'stages' for both."
        )
    weight, bias = torch.from_numpy(linear.coef_), torch.from_numpy(linear.intercept_)
    if len(weight) == 1:
        # With two classes a probe gives one number, the logit of class 1 minus that of class 0.
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    mean, spread = torch.from_numpy(scale.mean_), torch.from_numpy(scale.scale_)
    if not scaled:
        weight, bias = weight / spread, bias - (weight / spread) @ mean
        mean, spread = torch.zeros_like(mean), torch.ones_like(spread)
    model.feature_mean.copy_(mean)
    model.feature_spread.copy_(spread)
    model.head.weight.copy_(weight)
    model.head.bias.copy_(bias)


def freeze(module: nn.Module) -> None:
    """Keep all weights of a module as they are during training (lesson 9)."""
    for parameter in module.parameters():
        parameter.requires_grad = False


def unfreeze(model: Classifier, last: int | None = None) -> None:
    """Let the last stages of the backbone be trained again (lesson 9).

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
    for stage in list(stages)[len(stages) - last :]:
        for parameter in stage.parameters():
            parameter.requires_grad = True
    for parameter in model.head.parameters():
        parameter.requires_grad = True


class AfterStage(nn.Module):
    """The part of a classifier behind a frozen stage: maps in, logits out (lesson 10).

    Frozen stages give the same maps in every epoch. `course_lib.features.extract` keeps them with
    ``maps=True``; then only the rest of the network has to run. It shares its weights with the
    classifier: what ``fit`` changes here is changed there.

    Args:
        model: a classifier whose head sees the last stage.
        stage: the last of the frozen stages, from 0.

    Raises:
        CourseError: no such stage, a stage up to this one is trained, or the head sees all stages.

    Example:
        >>> model = Classifier(load_backbone(), classes=2)
        >>> freeze(model)
        >>> unfreeze(model, last=3)
        >>> AfterStage(model, 5)(torch.zeros(1, 112, 4, 4)).shape
        torch.Size([1, 2])
    """

    def __init__(self, model: Classifier, stage: int):
        super().__init__()
        stages = list(model.backbone.stages)
        if not 0 <= stage < len(stages) - 1:
            raise CourseError(f"Behind stage {stage} no other stage stands; choose 0 to {len(stages) - 2}.")
        if model.stages != "last":
            raise CourseError("The head of this classifier sees the maps of all stages; build it with stages='last'.")
        trained = [part for part in stages[: stage + 1] for p in part.parameters() if p.requires_grad]
        if trained:
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
    """Count the weights of each part, and how many of them training may change (lessons 6 and 9).

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
