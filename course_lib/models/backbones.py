"""Networks trained on a million photos, without their last layer: photos in, features out.

Introduced in lesson 9. Any classification network of torchvision or timm can be named. Its weights
must be at hand or come from its maker; random weights are never used in their place.
"""

import os
from collections import OrderedDict
from functools import lru_cache

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.models.sources import Preprocessing, source_of, weight_file
from course_lib.models.weights import load_weights, read_weights, weights_hash
from course_lib.paths import shorten

# Sequences of blocks in the networks of torchvision and timm: each block becomes a stage.
ROWS_OF_BLOCKS = ("features", "blocks", "stages", "layers", "trunk_output")
# What stands behind the last feature map: pooling, then the layers that name the class.
ENDS = ("avgpool", "global_pool", "pre_logits", "fc", "classifier", "head", "heads")


class Backbone(nn.Module):
    """A pretrained network without its last layer: photos in, features out (lesson 9).

    Attributes:
        name: which network.
        size: width and height of the photos it was trained on, in pixels.
        mean, std: its own preprocessing, one number for each of three channels, on 0…1.
        stages: its blocks in order, from the photo to the last feature map.
        widths: how many feature maps each stage gives.
        feature_count: how many features it gives.
        imagenet_head: the last layer of the original network, or None where that
            network has more than one layer after the average.
        sha256: hash of its weights, for caches and saved inspectors.
    """

    def __init__(
        self,
        name: str,
        stages: nn.Sequential,
        preprocessing: Preprocessing,
        imagenet_head: nn.Module | None,
    ):
        super().__init__()
        self.name, self.stages = name, stages
        self.size, self.mean, self.std = preprocessing.size, preprocessing.mean, preprocessing.std
        self.widths = [maps.shape[1] for maps in _maps(stages, _picture(self.size))]
        # In a list, so that it does not count as a part that is trained or saved.
        self._imagenet_head = [imagenet_head]
        self.sha256 = weights_hash(self)

    @property
    def imagenet_head(self) -> nn.Module | None:
        return self._imagenet_head[0]

    @property
    def feature_count(self) -> int:
        return self.widths[-1]

    @property
    def licence(self) -> str:
        """Its name and the licence of its weights, one line to pass on with them."""
        known = {"efficientnet_lite0": "apache-2.0"}
        return f"{self.name}, {known.get(self.name, 'licence not stated: ask its maker')}"

    def count_features(self, stages: str | int) -> int:
        """How many features a photo has, for ``stages`` as in `features`."""
        if isinstance(stages, int):
            return self.widths[stages]
        middle = self.widths[len(self.stages) // 3 : -1] if stages == "all" else []
        return 2 * sum(middle) + self.feature_count

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

    def features(self, images: Tensor, stages: str | int = "last") -> Tensor:
        """Images (N, 3, H, W) to features (N, D) of the stages asked for.

        Args:
            stages: "last" as `forward`, "all" as `stage_features`, or the number of one stage,
                from 0: the mean over each of its feature maps.
        """
        if stages == "all":
            return self.stage_features(images)
        if stages == "last":
            return self(images)
        return self.stages[: stages + 1](images).mean(dim=(2, 3))


def load_backbone(name: str = "efficientnet_lite0", weights: str | os.PathLike | None = None) -> Backbone:
    """Load a network trained on the million photos of ImageNet (lessons 1 and 9).

    ``efficientnet_lite0`` comes with the installed packages and needs no network. The others
    are looked for in the folder ``data/weights``, then in the caches of torch and timm;
    what is not there is fetched once, after saying so. Random weights are never used instead.

    Args:
        name: ``efficientnet_lite0``, or a classification network of torchvision
            (``resnet18``, ``resnet50``, ``vgg16``, ``mobilenet_v3_small``) or of timm. A name that
            both have means torchvision's; with a tag (``resnet18.a1_in1k``) it is always timm's.
        weights: a local file with the weights of this network, or a folder that holds it.

    Raises:
        CourseError: unknown name, weights that cannot be had, or a damaged or foreign file.

    Example:
        >>> backbone = load_backbone()
        >>> backbone.size, backbone.feature_count, len(backbone.stages)
        (224, 1280, 9)
    """
    source = source_of(name)
    network = source.build()
    path = weight_file(source, weights)
    state = read_weights(path)
    load_weights(network, _renamed(state, network.state_dict(), path), path)
    return _cut(name, network, source.preprocessing(path.name))


def untrained_backbone(name: str) -> Backbone:
    """A backbone with random weights: to train from scratch, or for weights to come (lesson 9)."""
    source = source_of(name)
    return _cut(name, source.build(), source.preprocessing(""))


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
            f"The weights in {shorten(source)} belong to another network; give the file that belongs to the name."
        )
    return OrderedDict(zip(wanted, state.values(), strict=True))


# Cutting a network into stages


@torch.no_grad()
def _cut(name: str, network: nn.Module, preprocessing: Preprocessing) -> Backbone:
    """Cut a network into stages and put its own preprocessing beside it.

    The cut is tried out on one picture: the stages in a row must give what the whole network
    computes inside. A network for which that fails (a vision transformer, for example) becomes one stage.
    """
    network.eval()
    picture = _picture(preprocessing.size)
    head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1:]
    inside, logits = _last_map(network, picture)
    for extra in ([], [nn.ReLU()]):  # torchvision's DenseNet has its last ReLU in no layer
        stages = nn.Sequential(*_stages(network, extra))
        try:
            maps = _maps(stages, picture)
        except Exception:  # layers in a row that do not fit raise many kinds
            break
        # A square photo has square maps; other shapes mean another order of the dimensions.
        if any(found.dim() != 4 or found.shape[2] != found.shape[3] for found in maps):
            break
        means = maps[-1].mean(dim=(2, 3))
        if _same(maps[-1], inside) or _same(means, inside):
            named = head and head[0].in_features == means.shape[1]
            fits = named and _same(head[0](means), logits)
            return Backbone(name, stages, preprocessing, head[0] if fits else None)
    return Backbone(name, nn.Sequential(_WholeNetwork(network)), preprocessing, None)


def _stages(network: nn.Module, extra: list[nn.Module]) -> list[nn.Sequential | nn.Module]:
    """The layers before the pooling, grouped: one block, or a convolution with what follows it."""
    layers: list[nn.Module] = []
    for name, child in network.named_children():
        if name in ENDS:
            break
        row = name in ROWS_OF_BLOCKS and isinstance(child, nn.Sequential)
        layers += list(child) if row else [child]
    groups: list[list[nn.Module]] = []
    for layer in [*layers, *extra]:
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


def _last_map(network: nn.Module, picture: Tensor) -> tuple[Tensor, Tensor]:
    """What enters the pooling or the first layer behind it, and what leaves the network."""
    ends = [child for name, child in network.named_children() if name in ENDS]
    caught: list[Tensor] = []
    hooks = [end.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0])) for end in ends]
    logits = network(picture)
    for hook in hooks:
        hook.remove()
    # Without such a layer nothing can be compared, and nothing is the same as an empty tensor.
    return (caught or [torch.empty(0)])[0], logits


class _WholeNetwork(nn.Module):
    """A network that cannot be cut: its features as feature maps of one pixel."""

    def __init__(self, network: nn.Module):
        super().__init__()
        if hasattr(network, "reset_classifier"):  # timm
            network.reset_classifier(0)
        else:
            names = [name for name, part in network.named_modules() if isinstance(part, nn.Linear)]
            parent, _, last = names[-1].rpartition(".")
            setattr(network.get_submodule(parent), last, nn.Identity())
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
    if first.shape != second.shape:
        return False
    return bool((first - second).abs().max() <= 1e-3 * second.abs().max())


@lru_cache
def imagenet_classes() -> tuple[str, ...]:
    """The 1,000 class names of ImageNet, in the order of the logits (lesson 1).

    Example:
        >>> imagenet_classes()[281]
        'tabby'
    """
    import torchvision

    return tuple(torchvision.models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"])
