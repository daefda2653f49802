"""The photos of an inspection: which files are meant, and what stops one of them.

Introduced in lesson 8. Of a folder only what is hidden is passed over in silence.
"""

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from course_lib.checks import ACTIONS, no_picture
from course_lib.data import other_than_photo, read_image, to_pixels, walk
from course_lib.errors import CourseError
from course_lib.paths import shorten

NAMED = ("may not be listed", "a link")  # why a folder was passed over, where that is told


@dataclass(frozen=True)
class Listing:
    """What lies at the paths of an inspection.

    Attributes:
        photos: files that are meant as photos, each once; also those that are missing or cannot be read, and
            folders that hold none: each of them gets a row.
        others: files of the folders that are something else, such as notes, and what they are.
    """

    photos: list[Path]
    others: dict[Path, str]


def list_photos(photos: str | os.PathLike | Iterable, heat_maps: str | os.PathLike | None = None) -> Listing:
    """The photos that paths, patterns and folders stand for.

    A file of a folder is a photo by its ending, or else by its first bytes, as in
    `course_lib.checks.check_folder`.

    Args:
        photos: one or several photos, folders (searched with their sub-folders, also linked ones) and
            patterns such as ``photos/*.png``, which the shell of Windows leaves as they are.
        heat_maps: a folder of heat maps; what lies in it is left out.

    Raises:
        CourseError: there is no photo at all.
    """
    if isinstance(photos, str | os.PathLike):
        photos = [photos]
    given = [match for each in photos for match in _matches(Path(each))]
    drawn = None if heat_maps is None else os.path.realpath(heat_maps)
    searched = [path for path in given if drawn is None or not Path(os.path.realpath(path)).is_relative_to(drawn)]
    found: dict[Path, str] = {}
    for path in searched:
        found |= _in_folder(path, heat_maps) if os.path.isdir(path) else {path: ""}
    listed = [path for path, other in found.items() if not other]
    if not listed:
        raise CourseError("There are no photos to inspect; name at least one.")
    if all(map(os.path.isdir, listed)):
        raise _no_photo_in(listed[0])
    return Listing(listed, {path: other for path, other in found.items() if other})


def _matches(path: Path) -> list[Path]:
    """The paths that a pattern stands for; any other path, and a pattern of nothing, for itself."""
    if os.path.exists(path):
        return [path]
    return [Path(match) for match in sorted(glob.glob(str(path), recursive=True))] or [path]


def _in_folder(folder: Path, heat_maps: str | os.PathLike | None) -> dict[Path, str]:
    """Everything in a folder: nothing for a photo, otherwise what a file is."""
    seen = walk(folder, leave_out=heat_maps)
    found = {folder / name: other_than_photo(folder / name) for name in seen.files}
    found |= {folder / place: why for place, why in seen.passed_over.items() if why.startswith(NAMED)}
    return found if "" in found.values() else {**found, folder: ""}


def photo_pixels(path: Path, size: int, channels: int, usual: Sequence[str] = ()) -> np.ndarray:
    """What a network sees of one photo: uint8, (channels, size, size).

    Args:
        path: what `list_photos` has found.
        size, channels: as for `course_lib.data.read_pixels`.
        usual: findings of the check that are usual for these photos, and stop none.

    Raises:
        CourseError: why this photo cannot be inspected.
    """
    if os.path.isdir(path):
        raise _no_photo_in(path)
    image = read_image(path, "L" if channels == 1 else "RGB")
    with suppress(OSError, ValueError), Image.open(path) as opened:
        # The second picture of an MPO is a preview, as some phones make it.
        if opened.format != "MPO" and getattr(opened, "is_animated", False):
            raise CourseError(
                f"The file {shorten(path)} holds several pictures, of which one would be inspected; save each as a file."
            )
    found = no_picture(Image.fromarray(image).convert("L"))
    if found and found[0] not in usual:
        raise CourseError(f"The photo {shorten(path)} shows nothing: {found[0]} ({found[1]}); {ACTIONS[found[0]]}.")
    return to_pixels(image, size)


def _no_photo_in(folder: Path) -> CourseError:
    return CourseError(f"The folder {shorten(folder)} holds no photo that may be read; check the path.")


def map_file(folder: Path, photo: Path, image: np.ndarray) -> Path:
    """A name for a heat map; another photo gets another.

    Example:
        >>> map_file(Path("maps"), Path("検査" * 41 + ".png"), np.zeros((3, 8, 8), np.uint8)).name
        '検査検査検査検査検査検査検査検査検査検査検査検査検査検査検査-5d89f0568650.png'
    """
    code = hashlib.sha256(image.tobytes()).hexdigest()[:12]
    # Some systems allow 255 bytes, in which there is room for some 80 Japanese letters.
    name = re.sub(r"[^\w.-]", "_", photo.stem)[:30]
    return folder / f"{name}-{code}.png"


def heat_picture(image: np.ndarray, heat: np.ndarray) -> Image.Image:
    """The photo in grey; the more a place speaks for the class, the more orange it is.

    Args:
        image: uint8, (channels, height, width).
        heat: 0…1, (h, w).
    """
    size = image.shape[1:]
    grey = image.astype(np.float32).mean(axis=0)[:, :, None]
    wide = Image.fromarray(heat.astype(np.float32)).resize(size[::-1], Image.Resampling.BILINEAR)
    share = 0.6 * np.asarray(wide)[:, :, None].clip(0, 1)
    mixed = grey * (1 - share) + np.array([213, 94, 0], np.float32) * share
    return Image.fromarray(mixed.round().astype(np.uint8))
