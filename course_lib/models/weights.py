"""Files of weights: read without executing anything in them, hashed, put into a model.

Introduced in lesson 8 (checkpoints) and lesson 9 (backbones).
"""

import hashlib
import os
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.paths import shorten


def read_weights(path: str | os.PathLike) -> dict:
    """Read a file of tensors and plain values; nothing in it is executed (lesson 8).

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
            "loaded; get it again from its source, or train the model again."
        ) from error
    if not isinstance(state, dict):
        raise CourseError(f"The file {shorten(path)} holds no table of weights; choose a file saved by this course.")
    return state


def load_weights(model: nn.Module, weights: dict[str, Tensor], path: str | os.PathLike) -> None:
    """Put weights into a model, or say which one does not fit (lesson 8).

    Raises:
        CourseError: the weights belong to another network.
    """
    try:
        model.load_state_dict(weights)
    except (RuntimeError, AttributeError) as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise CourseError(
            f"The weights in {shorten(path)} belong to another network ({first}); build the same "
            "network that was saved."
        ) from error


def file_hash(path: str | os.PathLike) -> str:
    """SHA-256 of a file's bytes: another hash, another file (lesson 9)."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_hash(module: nn.Module) -> str:
    """A hash of all weights and running statistics: equal only if nothing has moved (lesson 9).

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
