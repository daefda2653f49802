"""The inspector: one file that holds all that is needed to inspect new photos.

Introduced in lessons 8 and 10. A model alone is not enough to inspect a photo: its size, its
preprocessing, the class names and the threshold belong to it. The inspector keeps them together.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.evaluation import grad_cam
from course_lib.features import GoodOnly
from course_lib.inference import file
from course_lib.inference.familiar import Familiar, middle_stage
from course_lib.inspection import InspectorSettings, PhotoInspector, photos_at_once
from course_lib.models import ScratchCNN, weights_hash
from course_lib.transforms import VIEWS, to_float


class Inspector(PhotoInspector):
    """A trained model with its preprocessing, classes and threshold.

    Args:
        model: a `ScratchCNN`, a `Classifier` or a `GoodOnly`.
        settings: what belongs to it.
        familiar: what it was trained on looked like, see `familiar_with`; it then measures "unlike".

    Raises:
        CourseError: another kind of model, or settings that do not fit it.
    """

    def __init__(self, model: file.Network, settings: InspectorSettings, familiar: Familiar | None = None) -> None:
        count = file.described(model)["classes"]
        if len(settings.classes) != count:
            raise CourseError(f"The inspector needs {count} class names, one for each logit, not {settings.classes}.")
        self.model, self.settings, self.familiar = model.eval(), settings, familiar
        self.measures = [] if familiar is None else ["unlike"]

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Logits of each class, for photos in memory as they lie.

        Args:
            images: uint8, (N, channels, size, size).

        Returns:
            float32, (N, classes).
        """
        return self._computed(images)[0]

    def probabilities(
        self, images: np.ndarray, batch_size: int | None = None, device: torch.device | str | None = None
    ) -> np.ndarray:
        """Probability of each class, for photos in memory.

        Args:
            images: uint8, (N, channels, size, size).
            batch_size: photos computed at a time; by default as many as `photos_at_once` says.
            device: where to compute, by default `course_lib.device.choose`.

        Returns:
            float32, (N, classes); each row sums to 1.
        """
        return self._computed(images, batch_size, device)[1]

    def told(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Logits, probabilities and measures by their names, see `PhotoInspector`."""
        return dict(zip(["logits", "probabilities", *self.measures], self._computed(images), strict=True))

    @torch.no_grad()
    def _computed(
        self, images: np.ndarray, batch_size: int | None = None, device: torch.device | str | None = None
    ) -> list[np.ndarray]:
        """What `answers` gives, for photos in memory."""
        said = [self.answers(batch) for batch in self._batches(images, batch_size, device)]
        return [torch.cat(parts).cpu().numpy() for parts in zip(*said, strict=True)]

    def answers(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Logits of preprocessed photos as they lie, probabilities over all views, and how unlike they are.

        The last one is left out by an inspector that is not familiar with what it was trained on.
        """
        with middle_stage(self.model) as features:
            logits = torch.stack([self.model(view) for view in VIEWS[self.settings.views](batch)]).float()
        probabilities = (logits / self.settings.temperature).softmax(dim=2).mean(dim=0)
        unlike = [] if self.familiar is None else [self.familiar.unlike(features[0].float())]
        return logits[0], probabilities, *unlike

    @torch.no_grad()
    def familiar_with(self, trained: np.ndarray, held_back: np.ndarray) -> "Inspector":
        """The same inspector, which also measures how unlike a photo is to those it was trained on.

        Args:
            trained, held_back: photos that it was trained on, and others of the same kind: uint8,
                (N, channels, size, size).
        """
        both = []
        for images in (trained, held_back):
            with middle_stage(self.model) as features:
                for batch in self._batches(images, None):
                    self.model(batch)
            both.append(torch.cat(features).float().cpu().numpy())
        return Inspector(self.model, self.settings, Familiar.of(*both))

    def _batches(
        self, images: np.ndarray, batch_size: int | None, device: torch.device | str | None = None
    ) -> Iterator[Tensor]:
        """Preprocessed photos, where the model computes."""
        settings, device = self.settings, devices.choose(device)
        # Channels side by side in memory: the same result up to rounding, usually faster.
        self.model.to(device).to(memory_format=devices.layout(device)).eval()
        batch_size = batch_size or photos_at_once(settings.size)
        for start in range(0, len(images), batch_size):
            pixels = torch.from_numpy(np.array(images[start : start + batch_size])).to(device)
            yield to_float(pixels, settings.mean, settings.std)

    def heat_maps(self, images: np.ndarray, targets: Iterable[int]) -> np.ndarray:
        """Where each photo speaks for one class, see `course_lib.evaluation.grad_cam`.

        Args:
            images: uint8, (N, channels, size, size).
            targets: the class number that is asked about, (N,).

        Returns:
            float32, (N, h, w), 0…1.
        """
        # The last maps of the scratch network are too coarse: 2 x 2 for a photo of 64 pixels.
        if isinstance(self.model, GoodOnly):
            with torch.no_grad():
                return np.concatenate([self.model.heat(batch).cpu().numpy() for batch in self._batches(images, None)])
        layer = self.model.blocks[-2] if isinstance(self.model, ScratchCNN) else self.model.backbone.stages[-1]
        pairs = zip(self._batches(images, 1), targets, strict=True)
        return np.stack([grad_cam(self.model, layer, batch, int(target))[0] for batch, target in pairs])

    def fingerprint(self) -> str:
        """A short hash of weights and settings: another one may give other decisions."""
        facts = weights_hash(self.model) + repr(replace(self.settings, notes={}))
        return sha256(facts.encode()).hexdigest()[:16]

    def save(self, path: str | os.PathLike, program: bytes | None = None) -> Path:
        """Save everything in one file, which holds tensors and text, no code.

        Args:
            path: the file, with or without its ending.
            program: from `course_lib.inference.checked_program`; `predict` then needs no PyTorch.

        Returns:
            The file, with the ending ``.safetensors``.

        Raises:
            CourseError: the folder cannot be written to, or the disk is full.
        """
        return file.write(path, self.model, self.settings, self.familiar, program)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Inspector":
        """Load a saved inspector; nothing in the file is executed.

        Raises:
            CourseError: no such file, damaged, or not an inspector of this course.
        """
        return cls(*file.read(path))
