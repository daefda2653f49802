"""A 3×3 kernel over a photo, to be changed by hand while the result is watched (lesson 3).

The page computes the result itself, so it follows each key press without waiting for Python.
"""

import base64
from collections.abc import Sequence

import numpy as np
import traitlets
from PIL import Image

from course_lib import plots
from course_lib.errors import CourseError
from course_lib.widgets.base import CourseWidget, script

KERNELS: dict[str, list[float]] = {
    "leave as it is": [0, 0, 0, 0, 1, 0, 0, 0, 0],
    "blur": [1 / 9] * 9,
    "sharpen": [0, -1, 0, -1, 5, -1, 0, -1, 0],
    "left-right edges": [-1, 0, 1] * 3,
    "up-down edges": [-1, -1, -1, 0, 0, 0, 1, 1, 1],
    "spots": [-1, -1, -1, -1, 8, -1, -1, -1, -1],
}


def apply_kernel(photo: np.ndarray, kernel: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
    """Lay a 3×3 kernel on each pixel of a grey photo, multiply and add.

    At the border the outermost pixels are repeated, so the result has the photo's size.

    Args:
        photo: numbers, (H, W).
        kernel: (3, 3).

    Returns:
        float32, (H, W); it may be negative or above 255.

    Example:
        >>> photo = np.array([[10, 10, 50]] * 3)
        >>> apply_kernel(photo, [[-1, 0, 1]] * 3)[1].tolist()
        [0.0, 120.0, 120.0]
    """
    from scipy import ndimage

    photo = np.asarray(photo, np.float32)
    kernel = np.asarray(kernel, np.float32)
    if photo.ndim != 2 or kernel.shape != (3, 3):
        raise CourseError(
            f"A kernel of shape {kernel.shape} cannot be laid on a photo of shape {photo.shape}; "
            "give a 3×3 kernel and a grey photo (height, width)."
        )
    return ndimage.correlate(photo, kernel, mode="nearest")


def visible(result: np.ndarray) -> np.ndarray:
    """A kernel's result as a photo: size without sign, cut off at 255, uint8."""
    return np.clip(np.abs(result), 0, 255).astype(np.uint8)


class FilterWidget(CourseWidget):
    """A photo, nine numbers of a kernel, and the result beside it.

    Args:
        photo: uint8, (H, W).
        start: name of the kernel to begin with, one of ``KERNELS``.

    Attributes:
        kernel: the nine numbers as they stand in the page, row by row.

    Example:
        >>> FilterWidget(np.zeros((96, 96), np.uint8))
        Filter: left-right edges (-1, 0, 1 | -1, 0, 1 | -1, 0, 1)
    """

    _esm = script("filter.js")
    photo = traitlets.Bytes().tag(sync=True)
    width = traitlets.Int().tag(sync=True)
    kernels = traitlets.Dict().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    kernel = traitlets.List(traitlets.Float()).tag(sync=True)

    def __init__(self, photo: np.ndarray, start: str = "left-right edges") -> None:
        if start not in KERNELS:
            raise CourseError(f"The kernel '{start}' is unknown; choose one of {', '.join(KERNELS)}.")
        if photo.ndim != 2 or photo.dtype != np.uint8:
            raise CourseError(
                f"The photo has the shape {photo.shape} and type {photo.dtype}; give a grey photo "
                "(height, width) of type uint8."
            )
        self._pixels = photo
        kernel = list(KERNELS[start])
        super().__init__(photo=photo.tobytes(), width=photo.shape[1], kernels=KERNELS, name=start, kernel=kernel)

    def __repr__(self) -> str:
        numbers = " | ".join(", ".join(f"{number:.3g}" for number in self.kernel[row : row + 3]) for row in (0, 3, 6))
        return f"Filter: {self.name} ({numbers})"

    def fallback(self) -> str:
        """The photo before and after."""
        result = visible(apply_kernel(self._pixels, np.reshape(self.kernel, (3, 3))))
        shown = {"the photo": self._pixels, f"the photo after the kernel {self.name}": result}
        pictures = "".join(
            f'<img src="data:image/png;base64,{base64.b64encode(plots.photo_png(Image.fromarray(photo))).decode()}" '
            f'width="288" alt="{words}"> '
            for words, photo in shown.items()
        )
        return f"<div>{pictures}<p>{self!r}. Run this cell to change the numbers.</p></div>"
