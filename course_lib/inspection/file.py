"""What an inspector knows beside its network, and how its file is read; nothing in it is ever executed.

Introduced in lesson 10.
"""

import json
import math
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.paths import shorten

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
        possible = [
            (len(set(self.classes)) == len(self.classes) >= 2, "at least two classes, each with a name of its own"),
            (self.channels in (1, 3), "1 or 3 channels"),
            (len(self.mean) == len(self.std) == self.channels, "one mean and one std for each channel"),
            (all(0 < std < math.inf for std in self.std), "a finite std above 0"),
            (1 <= self.size <= 4096, "a size of 1 to 4096 pixels"),
            (0 < self.temperature < math.inf, "a finite temperature above 0"),
            (not math.isnan(self.threshold), "a number as its threshold"),
            (self.views in (1, 4, 8), "1, 4 or 8 views"),
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


def content_of(
    path: str | os.PathLike, framework: str = "np", names: Collection[str] | None = None
) -> tuple[dict[str, str], dict[str, Any]]:
    """What the file of an inspector holds: its texts and its tensors.

    Args:
        path: the file, with or without its ending.
        framework: "np" for arrays, "pt" for tensors of PyTorch.
        names: the tensors that are wanted, as far as they are there; all by default.

    Raises:
        CourseError: no such file, damaged, or not an inspector of this course.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path) if Path(path).is_file() else inspector_file(path)
    if not path.exists():
        raise CourseError(f"There is no inspector {shorten(path)}; check the path, or save one (lesson 10).")
    try:
        with safe_open(path, framework=framework) as file:
            header = file.metadata() or {}
            kept = [name for name in file.keys() if names is None or name in names]  # noqa: SIM118
            tensors = {name: file.get_tensor(name) for name in kept}
    except (SafetensorError, OSError) as error:
        raise CourseError(
            f"The file {shorten(path)} is damaged or not an inspector ({error}); get it again from its source."
        ) from error
    if header.get("format") != FORMAT:
        raise CourseError(f"The file {shorten(path)} is not an inspector of this course; save one with Inspector.save.")
    return header, tensors


def settings_of(header: dict[str, str], path: str | os.PathLike) -> InspectorSettings:
    """The settings that the texts of a file give; its path is for the message.

    Raises:
        CourseError: texts that are none, or settings that cannot be.
    """
    try:
        return InspectorSettings(**json.loads(header["settings"]))
    except (CourseError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CourseError(f"The inspector {shorten(path)} describes itself wrongly ({error}); save it anew.") from error
