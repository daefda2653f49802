"""The inspector: one file that holds all that is needed to inspect new photos.

Introduced in lessons 8 and 10. A model alone is not enough to inspect a photo: its size, its
preprocessing, the class names and the threshold belong to it. The inspector keeps them together.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.evaluation import decide, grad_cam
from course_lib.inference import file
from course_lib.inference.file import InspectorSettings
from course_lib.inference.photos import KeptRows, heat_picture, list_photos, map_file, photo_hash, photo_pixels
from course_lib.models import Classifier, ScratchCNN, weights_hash
from course_lib.paths import make_folder, shorten, write_atomically
from course_lib.transforms import VIEWS, to_float


class Inspector:
    """A trained model with its preprocessing, classes and threshold.

    Args:
        model: a `ScratchCNN` or a `Classifier`.
        settings: what belongs to it.

    Raises:
        CourseError: another kind of model, or settings that do not fit it.
    """

    def __init__(self, model: ScratchCNN | Classifier, settings: InspectorSettings) -> None:
        count = file.described(model)["classes"]
        if len(settings.classes) != count:
            raise CourseError(f"The inspector needs {count} class names, one for each logit, not {settings.classes}.")
        self.model, self.settings = model.eval(), settings

    def logits(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        """Logits of each class, for photos in memory as they lie.

        Args:
            images: uint8, (N, channels, size, size).
            batch_size: photos computed at a time; a small batch stays in the processor's cache.

        Returns:
            float32, (N, classes).
        """
        return self._computed(images, batch_size)[0]

    def probabilities(
        self, images: np.ndarray, batch_size: int = 32, device: torch.device | str | None = None
    ) -> np.ndarray:
        """Probability of each class, for photos in memory.

        Args:
            images, batch_size: as for `logits`.
            device: where to compute, by default `course_lib.device.choose`.

        Returns:
            float32, (N, classes); each row sums to 1.
        """
        return self._computed(images, batch_size, device)[1]

    @torch.no_grad()
    def _computed(
        self, images: np.ndarray, batch_size: int, device: torch.device | str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logits and probabilities."""
        said = [self.answers(batch) for batch in self._batches(images, batch_size, device)]
        logits, probabilities = (torch.cat(parts).cpu().numpy() for parts in zip(*said, strict=True))
        return logits, probabilities

    def answers(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of preprocessed photos as they lie, and probabilities over all views."""
        logits = torch.stack([self.model(view) for view in VIEWS[self.settings.views](batch)]).float()
        return logits[0], (logits / self.settings.temperature).softmax(dim=2).mean(dim=0)

    def _batches(
        self, images: np.ndarray, batch_size: int, device: torch.device | str | None = None
    ) -> Iterator[Tensor]:
        """Preprocessed photos, where the model computes."""
        settings, device = self.settings, devices.choose(device)
        # Channels side by side in memory: the same result up to rounding, usually faster.
        self.model.to(device).to(memory_format=devices.layout(device)).eval()
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
        layer = self.model.blocks[-2] if isinstance(self.model, ScratchCNN) else self.model.backbone.stages[-1]
        pairs = zip(self._batches(images, 1), targets, strict=True)
        return np.stack([grad_cam(self.model, layer, batch, int(target))[0] for batch, target in pairs])

    def inspect(
        self,
        photos: str | os.PathLike | Iterable,
        *,
        batch_size: int = 32,
        progress: bool = True,
        heat_maps: str | os.PathLike | None = None,
        keep: str | os.PathLike | None = None,
    ) -> pd.DataFrame:
        """Inspect photos and decide; one that cannot be inspected is reported, the rest goes on.

        Args:
            photos: one photo, a folder (searched with its sub-folders), or several of them; see
                `list_photos`.
            batch_size: photos computed at a time.
            progress: show a progress bar.
            heat_maps: a folder for one picture of each photo that shows where it speaks for the
                positive class (with more than two classes: for the class decided on). What lies
                in it is not inspected.
            keep: a folder for this inspector's rows; a photo that stands there with the same bytes is
                not computed again, so that an interrupted inspection goes on.

        Returns:
            One row for each photo, and for each folder without one: ``path``, ``probability`` of
            the positive class (with more than two classes: of the class decided on), ``decision``
            (a class name, or "not inspected"), ``problem`` (why not, or empty), and ``heat_map``
            (its file) if asked for.

        Raises:
            CourseError: there is nothing to inspect, or a folder cannot be written to.
        """
        paths = list_photos(photos, heat_maps).photos
        maps = None if heat_maps is None else make_folder(heat_maps)
        fingerprint = "" if maps is None else self.fingerprint()
        kept = KeptRows(keep)
        rows: list[dict] = []
        bar = tqdm(total=len(paths), desc="inspecting", unit="photo", disable=not progress)
        for start in range(0, len(paths), batch_size):
            batch = paths[start : start + batch_size]
            hashes = {path: photo_hash(path) for path in batch}
            drawings = {} if maps is None else {p: map_file(maps, p, fingerprint + hashes[p]) for p in batch}
            found = {path: self._decided(row) for path in batch if (row := kept.get(hashes[path])) is not None}
            # A heat map that is asked for now may not have been drawn the last time.
            new = [path for path in batch if path not in found or (drawings and not drawings[path].exists())]
            for path, row in self._inspect_batch(new, drawings).items():
                found[path] = row
                # A camera may have overwritten it meanwhile.
                if not row["problem"] and photo_hash(path) == hashes[path]:
                    kept.add(hashes[path], row)
            for path in batch:
                drawn = shorten(drawings[path]) if drawings and not found[path]["problem"] else ""
                rows.append({"path": shorten(path), **found[path], "heat_map": drawn})
            bar.update(len(batch))
        bar.close()
        columns = ["path", "probability", "decision", "problem"]
        return pd.DataFrame(rows, columns=columns + ["heat_map"] * (maps is not None))

    def _decided(self, kept: dict) -> dict:
        """A kept row, decided by the rule of today; with more than two classes no threshold takes part."""
        classes = self.settings.classes
        if len(classes) != 2:
            return kept
        return kept | {"decision": classes[decide(np.array([kept["probability"]]), self.settings.threshold)[0]]}

    def _inspect_batch(self, paths: Sequence[Path], drawings: dict[Path, Path]) -> dict[Path, dict]:
        """The row of each photo, but for its path; heat maps, if any, are drawn on the way."""
        settings, images, rows = self.settings, {}, {}
        for path in paths:
            problem = ""
            try:
                images[path] = photo_pixels(path, settings.size, settings.channels, settings.usual)
            except CourseError as error:
                problem = str(error)
            rows[path] = {"probability": float("nan"), "decision": "not inspected", "problem": problem}
        if not images:
            return rows
        pixels = np.stack(list(images.values()))
        probabilities = self.probabilities(pixels)
        decisions = decide(probabilities, settings.threshold)
        targets = np.full(len(decisions), 1) if len(settings.classes) == 2 else decisions
        for number, path in enumerate(images):
            rows[path]["probability"] = float(probabilities[number, targets[number]])
            rows[path]["decision"] = settings.classes[decisions[number]]
        if drawings:
            for path, image, heat in zip(images, pixels, self.heat_maps(pixels, targets), strict=True):
                with write_atomically(drawings[path]) as temporary:
                    heat_picture(image, heat).save(temporary)
        return rows

    def fingerprint(self) -> str:
        """A short hash of weights and settings: another one may give other decisions."""
        facts = weights_hash(self.model) + repr(replace(self.settings, notes={}))
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    def save(self, path: str | os.PathLike) -> Path:
        """Save everything in one file, which holds tensors and text, no code.

        Returns:
            The file, with the ending ``.safetensors``.

        Raises:
            CourseError: the folder cannot be written to, or the disk is full.
        """
        return file.write(path, self.model, self.settings)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Inspector":
        """Load a saved inspector; nothing in the file is executed.

        Raises:
            CourseError: no such file, damaged, or not an inspector of this course.
        """
        return cls(*file.read(path))
