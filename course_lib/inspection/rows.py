"""From photos to rows: read ahead, judged batch by batch, decided, kept (lesson 8)."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from course_lib.errors import CourseError
from course_lib.inspection.decision import decide
from course_lib.inspection.file import InspectorSettings
from course_lib.inspection.photos import KeptRows, heat_picture, list_photos, map_file, photo_hash, photo_pixels
from course_lib.paths import make_folder, shorten, write_atomically


def photos_at_once(size: int) -> int:
    """How many photos are computed at a time, so that large ones need no more memory than small ones.

    Example:
        >>> photos_at_once(96), photos_at_once(224), photos_at_once(640)
        (32, 32, 3)
    """
    return max(1, min(32, 32 * 224**2 // size**2))


def settings_text(settings: InspectorSettings) -> str:
    """The settings that take part in a decision."""
    return repr(replace(settings, notes={}))


@dataclass
class _Look:
    """One photo: the row that is kept of it, or else its pixels."""

    path: Path
    code: str  # the hash of its bytes; empty where its row may not be kept
    drawing: Path | None
    row: dict
    image: np.ndarray | None = None


class PhotoInspector(ABC):
    """What gives a row for each photo: a network, computed in whatever way, with its settings.

    Attributes:
        settings: see `InspectorSettings`.
        measures: what it tells of a photo beside the probabilities; each becomes a column.
    """

    settings: InspectorSettings
    measures: Sequence[str] = ()

    @abstractmethod
    def told(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """What it tells of photos in memory, uint8 (N, channels, size, size).

        Returns:
            ``probabilities``, (N, classes), and each of the `measures`, (N,).
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """A short hash: another one may give other decisions."""

    def heat_maps(self, images: np.ndarray, targets: Iterable[int]) -> np.ndarray:
        """Where each photo speaks for one class, (N, h, w), 0…1."""
        raise CourseError("Heat maps are drawn by PyTorch; load the inspector with Inspector.load.")

    def inspect(
        self,
        photos: str | os.PathLike | Iterable,
        *,
        batch_size: int | None = None,
        progress: bool = True,
        heat_maps: str | os.PathLike | None = None,
        keep: str | os.PathLike | None = None,
    ) -> pd.DataFrame:
        """Inspect photos and decide; one that cannot be inspected is reported, the rest goes on.

        Args:
            photos: one photo, a folder (searched with its sub-folders), or several of them; see
                `list_photos`.
            batch_size: photos computed at a time; by default as many as `photos_at_once` says.
            progress: show a progress bar.
            heat_maps: a folder for one picture of each photo that shows where it speaks for the
                positive class (with more than two classes: for the class decided on). What lies
                in it is not inspected.
            keep: a folder for this inspector's rows; a photo that stands there with the same bytes is
                not computed again, so that an interrupted inspection goes on.

        Returns:
            One row for each photo, and for each folder without one: ``path``, ``probability`` of
            the positive class (with more than two classes: of the class decided on), ``decision``
            (a class name, or "not inspected"), ``problem`` (why not, or empty), what else it measures, such as
            ``unlike`` (above 1 the photo is unlike those of the training), and ``heat_map`` (its file)
            if asked for.

        Raises:
            CourseError: there is nothing to inspect, or a folder cannot be written to.
        """
        paths = list_photos(photos, heat_maps).photos
        maps = None if heat_maps is None else make_folder(heat_maps)
        fingerprint = "" if maps is None else self.fingerprint()
        kept, rows = KeptRows(keep), []

        def look(path: Path) -> _Look:
            code = photo_hash(path)
            drawing = None if maps is None else map_file(maps, path, fingerprint + code)
            row = kept.get(code)
            # A heat map that is asked for now may not have been drawn the last time.
            if row is not None and (drawing is None or drawing.exists()):
                return _Look(path, "", drawing, self._decided(row))
            return self._read(path, code, drawing)

        with tqdm(total=len(paths), desc="inspecting", unit="photo", disable=not progress) as bar:
            for batch in _ahead(look, paths, batch_size or photos_at_once(self.settings.size)):
                self._judge([one for one in batch if one.image is not None])
                for one in batch:
                    if one.code and not one.row["problem"]:
                        kept.add(one.code, one.row)
                    drawn = shorten(one.drawing) if one.drawing and not one.row["problem"] else ""
                    rows.append({"path": shorten(one.path), **one.row, "heat_map": drawn})
                bar.update(len(batch))
        return pd.DataFrame(rows, columns=self.columns(maps is not None))

    def columns(self, heat_maps: bool) -> list[str]:
        """The columns of `inspect`."""
        return ["path", "probability", "decision", "problem", *self.measures, *["heat_map"] * heat_maps]

    def _decided(self, kept: dict) -> dict:
        """A kept row, decided by the rule of today; with more than two classes no threshold takes part."""
        classes = self.settings.classes
        if len(classes) != 2:
            return kept
        return kept | {"decision": classes[decide(np.array([kept["probability"]]), self.settings.threshold)[0]]}

    def _read(self, path: Path, code: str, drawing: Path | None) -> _Look:
        """The pixels of a photo, or why it cannot be inspected."""
        settings = self.settings
        row = {"probability": float("nan"), "decision": "not inspected", "problem": ""}
        try:
            image = photo_pixels(path, settings.size, settings.channels, settings.usual)
        except CourseError as error:
            return _Look(path, "", drawing, row | {"problem": str(error)})
        # A camera may have overwritten it meanwhile.
        return _Look(path, code if photo_hash(path) == code else "", drawing, row, image)

    def _judge(self, looks: Sequence[_Look]) -> None:
        """Fill in the rows of photos that were read; heat maps, if any, are drawn on the way."""
        if not looks:
            return
        settings, pixels = self.settings, np.stack([look.image for look in looks if look.image is not None])
        told = self.told(pixels)
        probabilities = told["probabilities"]
        decisions = decide(probabilities, settings.threshold)
        targets = np.full(len(decisions), 1) if len(settings.classes) == 2 else decisions
        for number, look in enumerate(looks):
            look.row["probability"] = float(probabilities[number, targets[number]])
            look.row["decision"] = settings.classes[decisions[number]]
            look.row |= {name: float(told[name][number]) for name in self.measures}
        drawings = [look.drawing for look in looks if look.drawing is not None]
        if drawings:
            for drawing, image, heat in zip(drawings, pixels, self.heat_maps(pixels, targets), strict=True):
                with write_atomically(drawing) as temporary:
                    heat_picture(image, heat).save(temporary)


def _ahead(look: Callable[[Path], _Look], paths: Sequence[Path], count: int) -> Iterator[list[_Look]]:
    """Photos in batches; while one is judged, threads read the next."""
    with ThreadPoolExecutor() as pool:
        # Each is only begun when it is asked for, so that no more than two lie in memory.
        batches = (pool.map(look, paths[start : start + count]) for start in range(0, len(paths), count))
        coming = next(batches, None)
        while coming is not None:
            following = next(batches, None)
            yield list(coming)
            coming = following
