"""From photos to rows: read ahead, judged batch by batch, decided (lesson 8)."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from course_lib.errors import CourseError
from course_lib.inspection.decision import decide
from course_lib.inspection.file import InspectorSettings
from course_lib.inspection.photos import heat_picture, list_photos, map_file, photo_pixels
from course_lib.paths import make_folder, shorten, write_atomically


def photos_at_once(size: int) -> int:
    """How many photos are computed at a time, so that large ones need no more memory than small ones.

    Example:
        >>> photos_at_once(96), photos_at_once(224), photos_at_once(640)
        (32, 32, 3)
    """
    return max(1, min(32, 32 * 224**2 // size**2))


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

    def heat_maps(self, images: np.ndarray, targets: Iterable[int]) -> np.ndarray:
        """Where each photo speaks for one class, (N, h, w), 0…1."""
        raise CourseError("Heat maps are drawn by PyTorch; load the inspector with Inspector.load.")

    def inspect(
        self, photos: str | os.PathLike | Iterable, *, progress: bool = True, heat_maps: str | os.PathLike | None = None
    ) -> pd.DataFrame:
        """Inspect photos and decide; one that cannot be inspected is reported, the rest goes on.

        Args:
            photos: one photo, a folder (searched with its sub-folders), or several of them; see
                `list_photos`.
            progress: show a progress bar.
            heat_maps: a folder for one picture of each photo that shows where it speaks for the
                positive class (with more than two classes: for the class decided on). What lies
                in it is not inspected.

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
        rows: list[dict] = []
        with tqdm(total=len(paths), desc="inspecting", unit="photo", disable=not progress) as bar:
            for seen in _ahead(self._read, paths, photos_at_once(self.settings.size)):
                rows += self._judged(paths[len(rows) : len(rows) + len(seen)], seen, maps)
                bar.update(len(seen))
        return pd.DataFrame(rows, columns=self.columns(maps is not None))

    def columns(self, heat_maps: bool) -> list[str]:
        """The columns of `inspect`."""
        return ["path", "probability", "decision", "problem", *self.measures, *["heat_map"] * heat_maps]

    def _read(self, path: Path) -> np.ndarray | str:
        """The pixels of a photo, or why it cannot be inspected."""
        settings = self.settings
        try:
            return photo_pixels(path, settings.size, settings.channels, settings.usual)
        except CourseError as error:
            return str(error)

    def _judged(self, paths: Sequence[Path], seen: Sequence[np.ndarray | str], maps: Path | None) -> list[dict]:
        """The rows of photos, or of the reasons why there are none; heat maps, if any, are drawn on the way."""
        nothing = {"probability": float("nan"), "decision": "not inspected", "heat_map": ""}
        rows: list[dict] = [
            {**nothing, "path": shorten(path), "problem": one if isinstance(one, str) else ""}
            for path, one in zip(paths, seen, strict=True)
        ]
        photos = {number: one for number, one in enumerate(seen) if not isinstance(one, str)}
        if not photos:
            return rows
        settings, pixels = self.settings, np.stack([*photos.values()])
        told = self.told(pixels)
        decisions = decide(told["probabilities"], settings.threshold)
        targets = np.full(len(decisions), 1) if len(settings.classes) == 2 else decisions
        for place, number in enumerate(photos):
            rows[number]["probability"] = float(told["probabilities"][place, targets[place]])
            rows[number]["decision"] = settings.classes[decisions[place]]
            rows[number] |= {name: float(told[name][place]) for name in self.measures}
        if maps is not None:
            for (number, image), heat in zip(photos.items(), self.heat_maps(pixels, targets), strict=True):
                file = map_file(maps, paths[number], image)
                with write_atomically(file) as temporary:
                    heat_picture(image, heat).save(temporary)
                rows[number]["heat_map"] = shorten(file)
        return rows


def _ahead(
    look: Callable[[Path], np.ndarray | str], paths: Sequence[Path], count: int
) -> Iterator[list[np.ndarray | str]]:
    """Photos in batches; while one is judged, threads read the next."""
    with ThreadPoolExecutor() as pool:
        # Each is only begun when it is asked for, so that no more than two lie in memory.
        batches = (pool.map(look, paths[start : start + count]) for start in range(0, len(paths), count))
        coming = next(batches, None)
        while coming is not None:
            following = next(batches, None)
            yield list(coming)
            coming = following
