"""The file of an inspector: weights, network and settings; nothing in it is ever executed.

Introduced in lesson 10.
"""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from numbers import Integral
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.models import Classifier, ScratchCNN, load_weights, untrained_backbone
from course_lib.paths import plain, shorten, write_atomically
from course_lib.transforms import VIEWS

FORMAT = "visual-inspection-course inspector 1"


@dataclass(frozen=True)
class InspectorSettings:
    """All of an inspector that is not a weight.

    Attributes:
        classes: class names in the order of the logits; the last is the positive one.
        size: width and height of the photos in pixels.
        channels: 1 for grey, 3 for colour.
        mean, std: the preprocessing, one number for each channel, on 0…1.
        threshold: from this probability on, a part is rejected.
        temperature: divides the logits, see `course_lib.evaluation.fit_temperature`.
        views: 1; 4 to average over the mirrored photo too, 8 over all flips and quarter turns.
        notes: plain facts worth keeping: training, validation result, licence of the photos.
        usual: what the check finds in many photos of this kind, such as "nearly black"; it does not keep a
            photo from being inspected.

    Raises:
        CourseError: a value that cannot be.
    """

    classes: Sequence[str]
    size: int
    channels: int
    mean: Sequence[float]
    std: Sequence[float]
    threshold: float = 0.5
    temperature: float = 1.0
    views: int = 1
    notes: dict = field(default_factory=dict)
    usual: Sequence[str] = ()

    def __post_init__(self) -> None:
        whole = (self.size, self.channels, self.views)
        possible = [
            (len(self.classes) >= 2, "at least two classes"),
            (all(isinstance(name, str) for name in self.classes), "classes with names"),
            (len(set(self.classes)) == len(self.classes), "a different name for each class"),
            (self.channels in (1, 3), "1 or 3 channels"),
            (len(self.mean) == self.channels, "one mean for each channel"),
            (len(self.std) == self.channels, "one std for each channel"),
            (all(isinstance(number, Integral) for number in whole), "whole numbers as size, channels and views"),
            (1 <= self.size <= 4096, "a size of 1 to 4096 pixels"),
            (all(map(math.isfinite, self.mean)), "a finite mean"),
            (all(0 < std < math.inf for std in self.std), "a finite std above 0"),
            (0 < self.temperature < math.inf, "a finite temperature above 0"),
            (not math.isnan(self.threshold), "a number as its threshold"),
            (self.views in VIEWS, "1, 4 or 8 views"),
        ]
        for fits, what in possible:
            if not fits:
                raise CourseError(f"The inspector needs {what}; check its settings ({self}).")


def inspector_file(path: str | os.PathLike) -> Path:
    """The file of an inspector: ``inspector`` means ``inspector.safetensors``.

    The ending is added, not exchanged: "cells-0.5" and "cells-0.6" must stay two files.

    Example:
        >>> inspector_file("cells-0.5").name
        'cells-0.5.safetensors'
    """
    path = Path(path)
    return path if path.suffix == ".safetensors" else path.with_name(path.name + ".safetensors")


def write(path: str | os.PathLike, model: ScratchCNN | Classifier, settings: InspectorSettings) -> Path:
    """Write model and settings as one file, and return it; see `course_lib.inference.Inspector.save`."""
    from safetensors.torch import save

    path = inspector_file(path)
    header = {
        "format": FORMAT,
        "network": json.dumps(described(model)),
        "settings": json.dumps(plain(asdict(settings)), ensure_ascii=False),
    }
    tensors = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    with write_atomically(path) as temporary:
        # Not save_file: where the disk is full, it raises anything but an OSError.
        temporary.write_bytes(save(tensors, header))
    return path


def read(path: str | os.PathLike) -> tuple[ScratchCNN | Classifier, InspectorSettings]:
    """Model and settings of a file; see `course_lib.inference.Inspector.load`."""
    path = Path(path) if Path(path).is_file() else inspector_file(path)
    header, tensors = _content(path)
    try:
        model = _built(json.loads(header["network"]))
        settings = InspectorSettings(**json.loads(header["settings"]))
    except (CourseError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CourseError(f"The inspector {shorten(path)} describes itself wrongly ({error}); save it anew.") from error
    load_weights(model, tensors, path)
    if not all(torch.isfinite(tensor).all() for tensor in model.state_dict().values()):
        raise CourseError(f"The inspector {shorten(path)} holds weights that are not numbers; train it again.")
    return model, settings


def _content(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise CourseError(f"There is no inspector {shorten(path)}; check the path, or save one (lesson 10).")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CourseError(
            f"The file {shorten(path)} is damaged or not an inspector ({error}); get it again from its source."
        ) from error
    if header.get("format") != FORMAT:
        raise CourseError(f"The file {shorten(path)} is not an inspector of this course; save one with Inspector.save.")
    return header, tensors


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
