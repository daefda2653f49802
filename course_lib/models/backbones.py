"""Networks trained on a million photos, without their last layer: photos in, features out (lessons 1 and 9).

timm builds them and knows what their photos must look like; `course_lib.models.weights` finds their
weights. Random weights are never used in place of trained ones.
"""

import os
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.models.weights import known_network, load_weights, read_weights, weight_file, weights_hash

# Sequences of blocks in the networks of timm: each block becomes a stage.
ROWS_OF_BLOCKS = ("features", "blocks", "stages")
# What stands behind the last feature map: pooling, then the layers that name the class.
ENDS = ("global_pool", "pre_logits", "fc", "classifier", "head")


class Backbone(nn.Module):
    """A pretrained network without its last layer: photos in, features out.

    Attributes:
        name: which network, as `load_backbone` takes it.
        licence: its name and the licence of its weights, one line to pass on with them.
        size: width and height of the photos it was trained on, in pixels.
        mean, std: its own preprocessing, one number for each of three channels, on 0…1.
        stages: its blocks in order, numbered from 0, from the photo to the last feature map.
        widths: how many feature maps each stage gives.
        feature_count: how many features it gives.
        imagenet_head: the last layer of the original network, or None where that
            network has more than one layer after the average.
    """

    imagenet_head: nn.Module | None

    def __init__(self, name: str, stages: nn.Sequential, settings: Any, imagenet_head: nn.Module | None):
        super().__init__()
        self.name, self.stages = name, stages
        self.licence = f"{name}, {settings.license or 'licence not stated: ask its maker'}"
        self.size, self.mean, self.std = settings.input_size[-1], tuple(settings.mean), tuple(settings.std)
        self.widths = [maps.shape[1] for maps in _maps(stages, _picture(self.size))]
        # Not a part that is trained or saved, so PyTorch need not know of it.
        object.__setattr__(self, "imagenet_head", imagenet_head)

    @property
    def feature_count(self) -> int:
        return self.widths[-1]

    @property
    def sha256(self) -> str:
        """Hash of its weights as they are now."""
        return weights_hash(self)

    def count_features(self, stages: str | int) -> int:
        """How many features a photo has, for ``stages`` as in `features`."""
        if isinstance(stages, int):
            return self.widths[stages]
        middle = self.widths[len(self.stages) // 3 : -1] if stages == "all" else []
        return 2 * sum(middle) + self.feature_count

    def middle_means(self, features: np.ndarray) -> np.ndarray:
        """The means of the middle stage, which knows textures, among features "all" (N, D)."""
        first, middle = len(self.stages) // 3, len(self.stages) // 2
        end = 2 * sum(self.widths[first : middle + 1])  # of each stage the spread, then the mean
        return features[:, end - self.widths[middle] : end]

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to features (N, feature_count): the mean over each feature map."""
        return self.stages(images).mean(dim=(2, 3))

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

    def features(self, images: Tensor, stages: str | int = "last") -> Tensor:
        """Images (N, 3, H, W) to features (N, D) of the stages asked for.

        Args:
            stages: "last" as `forward`, "all" as `stage_features`, or the number of one stage,
                from 0: the mean over each of its feature maps.
        """
        if isinstance(stages, int):
            return self.stages[: stages + 1](images).mean(dim=(2, 3))
        return self.stage_features(images) if stages == "all" else self(images)


def load_backbone(name: str = "efficientnet_lite0", weights: str | os.PathLike | None = None) -> Backbone:
    """Load a network trained on the million photos of ImageNet.

    ``efficientnet_lite0`` comes with the installed packages and needs no network. The weights of others
    are looked for in the folder ``data/weights``, then in the cache of timm (Hugging Face's);
    what is not there is fetched once, after saying so. Random weights are never used instead.

    Args:
        name: ``efficientnet_lite0``, or a classification network of timm (``resnet18``, ``resnet50``,
            ``vgg16``, ``mobilenetv3_small_100``). Without a tag, a name that torchvision has trained
            too means torchvision's weights; with one (``resnet18.a1_in1k``) those of the tag.
        weights: a local file with the weights of this network.

    Raises:
        CourseError: unknown name, weights that cannot be had, or a damaged or foreign file.

    Example:
        >>> backbone = load_backbone()
        >>> backbone.size, backbone.feature_count, len(backbone.stages), backbone.licence
        (224, 1280, 9, 'efficientnet_lite0, apache-2.0')
    """
    settings, path = known_network(name), weight_file(name, weights)
    network = _built(settings)
    load_weights(network, read_weights(path), path, by_order=True)
    return _cut(name, network, settings)


def untrained_backbone(name: str) -> Backbone:
    """A backbone with random weights: to train from scratch, or for weights to come."""
    settings = known_network(name)
    return _cut(name, _built(settings), settings)


def _built(settings: Any) -> Any:
    """The whole network with random weights."""
    import timm  # takes two seconds, which a lesson without a backbone need not wait

    return timm.create_model(settings.architecture, pretrained=False, pretrained_cfg=settings)


# Cutting a network into stages


@torch.no_grad()
def _cut(name: str, network: Any, settings: Any) -> Backbone:
    """Cut a network into stages and put its own preprocessing beside it.

    The cut is tried out on one picture: the stages in a row must give the network's last feature map.
    A network for which that fails (a vision transformer, for example) becomes one stage.
    """
    network.eval()
    picture = _picture(settings.input_size[-1])
    stages = nn.Sequential(*_stages(network))
    try:
        maps = _maps(stages, picture)
        # A square photo has square maps; other shapes mean another order of the dimensions.
        fits = all(found.dim() == 4 and found.shape[2] == found.shape[3] for found in maps)
        fits = fits and _same(maps[-1], network.forward_features(picture))
    except Exception:  # layers in a row that do not fit raise many kinds
        fits = False
    if not fits:
        network.reset_classifier(0)
        return Backbone(name, nn.Sequential(_WholeNetwork(network)), settings, None)
    head, means = network.get_classifier(), maps[-1].mean(dim=(2, 3))
    alone = isinstance(head, nn.Linear) and head.in_features == means.shape[1] and _same(head(means), network(picture))
    return Backbone(name, stages, settings, head if alone else None)


def _stages(network: nn.Module) -> list[nn.Module]:
    """The layers before the pooling, grouped: one block, or a convolution with what follows it."""
    layers: list[nn.Module] = []
    for name, child in network.named_children():
        if name in ENDS:
            break
        layers += list(child) if name in ROWS_OF_BLOCKS and isinstance(child, nn.Sequential) else [child]
    groups: list[list[nn.Module]] = []
    for layer in layers:
        before = groups[-1][-1] if groups else None
        starts = (
            before is None
            or _is_block(layer)
            or isinstance(before, nn.MaxPool2d)
            or (isinstance(layer, nn.Conv2d) and _is_block(before))
        )
        if starts:
            groups.append([layer])
        else:
            groups[-1].append(layer)
    # A block that stands alone keeps its own name among the weights.
    return [group[0] if len(group) == 1 and _is_block(group[0]) else nn.Sequential(*group) for group in groups]


def _is_block(layer: nn.Module) -> bool:
    """Whether a layer consists of layers; timm's normalisation holds its activation, so it does not count."""
    normalisation = (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)
    return bool(list(layer.children())) and not isinstance(layer, normalisation)


class _WholeNetwork(nn.Module):
    """A network that cannot be cut: its features as feature maps of one pixel."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images).flatten(1)[:, :, None, None]


def _picture(size: int) -> Tensor:
    """One random picture, always the same (1, 3, size, size)."""
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def _maps(stages: nn.Sequential, images: Tensor) -> list[Tensor]:
    """The feature maps behind each stage."""
    maps = []
    for stage in stages:
        images = stage(images)
        maps.append(images)
    return maps


def _same(first: Tensor, second: Tensor) -> bool:
    """Equal up to rounding, however large or small the numbers are."""
    return first.shape == second.shape and bool((first - second).abs().max() <= 1e-3 * second.abs().max())


@lru_cache
def imagenet_classes() -> tuple[str, ...]:
    """The 1,000 class names of ImageNet, in the order of the logits.

    Example:
        >>> imagenet_classes()[281]
        'tabby'
    """
    import torchvision

    return tuple(torchvision.models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"])
