"""Read one photo the same way for everybody: check, training and prediction (lesson 2)."""

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from course_lib.errors import CourseError
from course_lib.paths import shorten

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif")


def read_image(path: str | os.PathLike, mode: str = "L") -> np.ndarray:
    """Read one photo as an array of whole numbers from 0 (black) to 255 (white).

    The photo is turned upright if its EXIF note says so, and 16-bit photos are scaled to
    8 bit by their type's full range.

    Args:
        path: the photo.
        mode: ``"L"`` for grey, shape (height, width); ``"RGB"`` for colour,
            shape (height, width, 3).

    Raises:
        CourseError: the file is missing, no image, or broken off.

    Example:
        >>> from course_lib.data import solar_cells
        >>> image = read_image(solar_cells() / "functional" / "cell0004.png")
        >>> image.shape, image.dtype
        ((300, 300), dtype('uint8'))
    """
    path = Path(path)
    try:
        with Image.open(path) as photo:
            photo = ImageOps.exif_transpose(photo)
            if photo.mode.startswith("I;16"):
                wide = np.asarray(photo, dtype=np.uint16)
                photo = Image.fromarray((wide >> 8).astype(np.uint8))
            return np.array(photo.convert(mode))
    except FileNotFoundError as error:
        raise CourseError(f"There is no photo {shorten(path)}; check the path.") from error
    except UnidentifiedImageError as error:
        raise CourseError(
            f"The file {shorten(path)} is not an image, whatever its name says; set it aside (lesson 2 shows how)."
        ) from error
    except Exception as error:  # a decoder that meets foreign bytes may raise anything
        raise CourseError(
            f"The photo {shorten(path)} cannot be read ({str(error) or type(error).__name__}); "
            "set it aside (lesson 2 shows how)."
        ) from error


def read_pixels(path: str | os.PathLike, size: int, channels: int = 1) -> np.ndarray:
    """Read one photo and resize it to a square, in the layout that networks want.

    Args:
        path: the photo.
        size: width and height of the result in pixels.
        channels: 1 for grey, 3 for colour.

    Returns:
        uint8, (channels, size, size).

    Raises:
        CourseError: the photo cannot be read, ``channels`` is neither 1 nor 3, or ``size``
            is below 1.

    Example:
        >>> from course_lib.data import solar_cells
        >>> read_pixels(solar_cells() / "functional" / "cell0004.png", size=64, channels=3).shape
        (3, 64, 64)
    """
    if channels not in (1, 3):
        raise CourseError(f"Photos have 1 (grey) or 3 (colour) channels, not {channels}; choose one.")
    if size < 1:
        raise CourseError(f"A photo cannot be {size} pixels wide; choose a size of 1 or more.")
    photo = Image.fromarray(read_image(path, "L" if channels == 1 else "RGB"))
    resized = photo.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3)
    return np.asarray(resized).reshape(size, size, channels).transpose(2, 0, 1)
