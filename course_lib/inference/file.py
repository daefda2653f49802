"""How an inspector is written to its file and read again, with its network.

Introduced in lesson 10.
"""

import json
import os
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import torch
from torch import nn

from course_lib.errors import CourseError
from course_lib.inspection import FORMAT, InspectorSettings, content_of, inspector_file, settings_of
from course_lib.models import Classifier, ScratchCNN, load_weights, untrained_backbone
from course_lib.paths import plain, shorten, write_atomically


def write(
    path: str | os.PathLike, model: ScratchCNN | Classifier, settings: InspectorSettings, program: bytes | None = None
) -> Path:
    """Write model and settings as one file, and return it; see `course_lib.inference.Inspector.save`."""
    from safetensors.torch import save

    path = inspector_file(path)
    header = {
        "format": FORMAT,
        "network": json.dumps(described(model)),
        "settings": json.dumps(plain(asdict(settings)), ensure_ascii=False),
    }
    tensors = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    if program is not None:
        header["program"] = sha256(program).hexdigest()
        tensors["program"] = torch.frombuffer(bytearray(program), dtype=torch.uint8)
    with write_atomically(path) as temporary:
        # Not save_file: where the disk is full, it raises anything but an OSError.
        temporary.write_bytes(save(tensors, header))
    return path


def read(path: str | os.PathLike) -> tuple[ScratchCNN | Classifier, InspectorSettings]:
    """Model and settings of a file; see `course_lib.inference.Inspector.load`."""
    header, tensors = content_of(path, "pt")
    tensors.pop("program", None)  # `course_lib.inspection.Program` computes that
    try:
        model = _built(json.loads(header["network"]))
    except (CourseError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CourseError(f"The inspector {shorten(path)} describes itself wrongly ({error}); save it anew.") from error
    settings = settings_of(header, path)
    load_weights(model, tensors, path)
    if not all(torch.isfinite(tensor).all() for tensor in model.state_dict().values()):
        raise CourseError(f"The inspector {shorten(path)} holds weights that are not numbers; train it again.")
    return model, settings


def described(model: nn.Module) -> dict:
    """What is needed to build the same network again.

    Raises:
        CourseError: a network that the course cannot build.
    """
    if isinstance(model, ScratchCNN):
        first = next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
        return {
            "kind": "scratch",
            "classes": model.head[-1].out_features,
            "channels": first.in_channels,
            "width": first.out_channels,
        }
    if isinstance(model, Classifier):
        return {
            "kind": "classifier",
            "backbone": model.backbone.name,
            "classes": model.head.out_features,
            "stages": model.stages,
        }
    raise CourseError(
        f"An inspector can save a ScratchCNN or a Classifier, not a {type(model).__name__}; put the "
        "network into one of them."
    )


def _built(description: dict) -> ScratchCNN | Classifier:
    kind = description.pop("kind")
    if kind == "scratch":
        return ScratchCNN(**description)
    if kind != "classifier":
        raise ValueError(f"unknown network {kind}")
    backbone = untrained_backbone(description["backbone"])
    return Classifier(backbone, description["classes"], description["stages"])
