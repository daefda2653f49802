"""The inspector: one file that holds all that is needed to inspect new photos.

Introduced in lessons 8 and 10. A model alone is not enough to inspect a photo: its size, its
preprocessing, the class names and the threshold belong to it. The inspector keeps them together.
"""

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_lib import device as devices
from course_lib.data import IMAGE_ENDINGS, read_pixels
from course_lib.errors import CourseError
from course_lib.models import Classifier, ScratchCNN, untrained_backbone
from course_lib.paths import shorten, write_atomically
from course_lib.transforms import eight_views, to_float
from course_lib.weights import load_weights

FORMAT = "visual-inspection-course inspector 1"


@dataclass(frozen=True)
class InspectorSettings:
    """All of an inspector that is not a weight (lesson 10).

    Attributes:
        classes: class names in the order of the logits; the last is the positive one.
        size: width and height of the photos in pixels.
        channels: 1 for grey, 3 for colour.
        mean, std: the preprocessing, one number for each channel, on 0…1.
        threshold: from this probability on, a part is rejected.
        temperature: divides the logits, see `course_lib.evaluation.fit_temperature`.
        views: 1, or 8 to average over all flips and quarter turns.
        notes: plain facts worth keeping: training, validation result, licence of the photos.
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


class Inspector:
    """A trained model with its preprocessing, classes and threshold (lesson 10).

    Args:
        model: a `ScratchCNN` or a `Classifier`.
        settings: what belongs to it.

    Raises:
        CourseError: another kind of model, or settings that do not fit it.
    """

    def __init__(self, model: nn.Module, settings: InspectorSettings):
        _check_settings(settings, _network_description(model)["classes"])
        self.model, self.settings = model.eval(), settings

    @torch.no_grad()
    def probabilities(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        """Probability of each class, for photos in memory (lesson 10).

        Args:
            images: uint8, (N, channels, size, size).
            batch_size: photos computed at a time; a small batch stays in the processor's cache.

        Returns:
            float32, (N, classes); each row sums to 1.
        """
        settings, device = self.settings, devices.choose()
        # Channels side by side in memory: the same result up to rounding, mostly faster.
        self.model.to(device, memory_format=torch.channels_last).eval()
        found = [np.zeros((0, len(settings.classes)), np.float32)]
        for start in range(0, len(images), batch_size):
            pixels = torch.from_numpy(np.array(images[start : start + batch_size])).to(device)
            batch = to_float(pixels, settings.mean, settings.std)
            views = eight_views(batch) if settings.views == 8 else batch[None]
            logits = torch.stack([self.model(view) for view in views]).float()
            found.append((logits / settings.temperature).softmax(dim=2).mean(dim=0).cpu().numpy())
        return np.concatenate(found)

    def inspect(
        self, photos: str | os.PathLike | Iterable, *, batch_size: int = 32, progress: bool = True
    ) -> pd.DataFrame:
        """Inspect photos and decide; one that cannot be read is reported, the rest goes on (lesson 8).

        Args:
            photos: one photo, a folder (searched with its sub-folders), or several paths.
            batch_size: photos computed at a time.
            progress: show a progress bar.

        Returns:
            One row for each photo: ``path``, ``probability`` of the positive class, ``decision``
            (a class name, or "not inspected"), ``problem`` (why not, or empty).

        Raises:
            CourseError: there is nothing to inspect.
        """
        paths = list_photos(photos)
        rows: list[dict] = []
        bar = tqdm(total=len(paths), desc="inspecting", unit="photo", disable=not progress)
        for start in range(0, len(paths), batch_size):
            rows += self._inspect_batch(paths[start : start + batch_size])
            bar.update(len(paths[start : start + batch_size]))
        bar.close()
        return pd.DataFrame(rows, columns=["path", "probability", "decision", "problem"])

    def _inspect_batch(self, paths: list[Path]) -> list[dict]:
        settings, readable, images, problems = self.settings, [], [], {}
        for path in paths:
            try:
                images.append(read_pixels(path, settings.size, settings.channels))
                readable.append(path)
            except CourseError as error:
                problems[path] = str(error)
        found = self.probabilities(np.stack(images)) if images else []
        by_path = dict(zip(readable, found, strict=True))
        return [self._row(path, by_path.get(path), problems.get(path, "")) for path in paths]

    def _row(self, path: Path, probabilities: np.ndarray | None, problem: str) -> dict:
        row = {"path": shorten(path), "problem": problem}
        if probabilities is None:
            return row | {"probability": float("nan"), "decision": "not inspected"}
        return row | {
            "probability": float(probabilities[-1]),
            "decision": self.settings.classes[self._decide(probabilities)],
        }

    def _decide(self, probabilities: np.ndarray) -> int:
        """With two classes the threshold decides, with more the largest probability."""
        if len(probabilities) == 2:
            return int(probabilities[1] >= self.settings.threshold)
        return int(probabilities.argmax())

    def save(self, path: str | os.PathLike) -> Path:
        """Save everything in one file, which holds tensors and text, no code (lesson 10).

        Returns:
            The file, with the ending ``.safetensors``.

        Raises:
            CourseError: the folder cannot be written to.
        """
        from safetensors.torch import save_file

        path = Path(path)
        if path.suffix != ".safetensors":
            # Added, not exchanged: "cells-0.5" and "cells-0.6" shall stay two files.
            path = path.with_name(path.name + ".safetensors")
        header = {
            "format": FORMAT,
            "network": json.dumps(_network_description(self.model)),
            "settings": json.dumps(asdict(self.settings), ensure_ascii=False, default=_plain),
        }
        tensors = {
            name: tensor.cpu().contiguous() for name, tensor in self.model.state_dict().items()
        }
        with write_atomically(path) as temporary:
            save_file(tensors, temporary, metadata=header)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Inspector":
        """Load a saved inspector; nothing in the file is executed (lesson 10).

        Raises:
            CourseError: no such file, damaged, or not an inspector of this course.
        """
        header, tensors = _read_inspector(Path(path))
        try:
            model = _build_network(json.loads(header["network"]))
            settings = InspectorSettings(**json.loads(header["settings"]))
            _check_settings(settings, _network_description(model)["classes"])
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise CourseError(
                f"The inspector {shorten(path)} describes itself wrongly ({error}); save it again."
            ) from error
        load_weights(model, tensors, path)
        return cls(model, settings)


def list_photos(photos: str | os.PathLike | Iterable) -> list[Path]:
    """The photos that a path, a folder or a list of paths stands for (lesson 8)."""
    if isinstance(photos, str | os.PathLike):
        folder = Path(photos)
        if folder.is_dir():
            found = sorted(
                file
                for file in folder.rglob("*")
                if file.suffix.lower() in IMAGE_ENDINGS
                and not any(part.startswith(".") for part in file.relative_to(folder).parts)
                and not file.is_dir()
            )
            if not found:
                raise CourseError(f"The folder {shorten(folder)} holds no photo; check the path.")
            return found
        photos = [folder]
    paths = [Path(path) for path in photos]
    if not paths:
        raise CourseError("There are no photos to inspect; name at least one.")
    return paths


def _plain(value):
    """NumPy's numbers and arrays as JSON knows them; anything else as text."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def _check_settings(settings: InspectorSettings, classes: int) -> None:
    faults = [
        (len(settings.classes) < 2, "needs at least two classes"),
        (len(settings.classes) != classes, f"needs {classes} class names, one for each logit"),
        (settings.channels not in (1, 3), "needs 1 or 3 channels"),
        (len(settings.mean) != settings.channels, "needs one mean for each channel"),
        (len(settings.std) != settings.channels, "needs one std for each channel"),
        (settings.size < 1, "needs a positive size"),
        (not all(std > 0 for std in settings.std), "needs each std above 0"),
        (not settings.temperature > 0, "needs a temperature above 0"),
        (math.isnan(settings.threshold), "needs a number as its threshold"),
        (settings.views not in (1, 8), "knows 1 or 8 views"),
    ]
    for wrong, what in faults:
        if wrong:
            raise CourseError(f"The inspector {what}; check its settings ({settings}).")


def _network_description(model: nn.Module) -> dict:
    """What `_build_network` needs to build the same network again."""
    if isinstance(model, ScratchCNN):
        first = model.blocks[0][0]
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


def _build_network(description: dict) -> nn.Module:
    kind = description.pop("kind")
    if kind == "scratch":
        return ScratchCNN(**description)
    if kind != "classifier":
        raise ValueError(f"unknown network {kind}")
    try:
        backbone = untrained_backbone(description["backbone"])
    except CourseError as error:
        raise ValueError(str(error)) from error
    return Classifier(backbone, description["classes"], description["stages"])


def _read_inspector(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise CourseError(
            f"There is no inspector {shorten(path)}; check the path, or save one (lesson 10)."
        )
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CourseError(
            f"The file {shorten(path)} is damaged or no inspector ({error}); get it again from its source."
        ) from error
    if header.get("format") != FORMAT:
        raise CourseError(
            f"The file {shorten(path)} is no inspector of this course; save one with Inspector.save."
        )
    return header, tensors
