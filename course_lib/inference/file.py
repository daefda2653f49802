"""How an inspector is written to its file and read again, with its network.

Introduced in lesson 10.
"""

import json
import os
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.features import GoodOnly
from course_lib.inference.familiar import Familiar
from course_lib.inspection import FORMAT, InspectorSettings, content_of, inspector_file, settings_of
from course_lib.models import Classifier, ScratchCNN, load_weights, untrained_backbone
from course_lib.paths import plain, shorten, write_atomically

FAMILIAR = "familiar."  # begins the names of the tensors of `Familiar`
Network = ScratchCNN | Classifier | GoodOnly


def write(
    path: str | os.PathLike,
    model: Network,
    settings: InspectorSettings,
    familiar: Familiar | None = None,
    program: bytes | None = None,
) -> Path:
    """Write all of an inspector as one file, and return it; see `course_lib.inference.Inspector.save`."""
    from safetensors.torch import save

    path = inspector_file(path)
    header = {
        "format": FORMAT,
        "network": json.dumps(described(model)),
        "settings": json.dumps(plain(asdict(settings)), ensure_ascii=False),
    }
    known = {} if familiar is None else {FAMILIAR + name: tensor for name, tensor in familiar._asdict().items()}
    tensors = {name: tensor.cpu().contiguous() for name, tensor in (model.state_dict() | known).items()}
    if program is not None:
        header["program"] = sha256(program).hexdigest()
        tensors["program"] = torch.frombuffer(bytearray(program), dtype=torch.uint8)
    with write_atomically(path) as temporary:
        # Not save_file: where the disk is full, it raises anything but an OSError.
        temporary.write_bytes(save(tensors, header))
    return path


def read(path: str | os.PathLike) -> tuple[Network, InspectorSettings, Familiar | None]:
    """What a file holds; see `course_lib.inference.Inspector.load`."""
    header, tensors = content_of(path, "pt")
    tensors.pop("program", None)  # `course_lib.inspection.Program` computes that
    known = {name.removeprefix(FAMILIAR): tensors.pop(name) for name in [*tensors] if name.startswith(FAMILIAR)}
    try:
        model = _built(json.loads(header["network"]), tensors)
        familiar = Familiar(**known) if known else None
    except (CourseError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CourseError(f"The inspector {shorten(path)} describes itself wrongly ({error}); save it anew.") from error
    settings = settings_of(header, path)
    load_weights(model, tensors, path)
    if not all(torch.isfinite(tensor).all() for tensor in (*model.state_dict().values(), *known.values())):
        raise CourseError(f"The inspector {shorten(path)} holds weights that are not numbers; train it again.")
    return model, settings, familiar


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
    if isinstance(model, GoodOnly):
        return {"kind": "good only", "classes": 2, "backbone": model.backbone.name}
    raise CourseError(
        f"An inspector can save a ScratchCNN or a Classifier, not a {type(model).__name__}; put the "
        "network into one of them."
    )


def _built(description: dict, tensors: dict[str, Tensor]) -> Network:
    kind = description.pop("kind")
    if kind == "scratch":
        return ScratchCNN(**description)
    if kind not in ("classifier", "good only"):
        raise ValueError(f"unknown network {kind}")
    backbone = untrained_backbone(description["backbone"])
    if kind == "good only":
        return GoodOnly(backbone, {name: tensor for name, tensor in tensors.items() if "." not in name})
    return Classifier(backbone, description["classes"], description["stages"])
