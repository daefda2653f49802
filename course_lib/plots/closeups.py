"""Photos with the place that a sentence is about: marked on the photo, and enlarged beside it (lesson 2)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from course_lib.errors import CourseError
from course_lib.plots.figures import ORANGE, draw_photo, new_figure, show


def numbers(image: np.ndarray, at: tuple[float, float], *, size: int = 10) -> None:
    """Show a grey photo with a box on it, and the numbers inside the box.

    Args:
        image: uint8, (height, width).
        at: where the box begins, as shares of the height and of the width, so that it fits any photo.
        size: how many rows and columns the box has.
    """
    top, left = _corner(image, at, size)
    box = image[top : top + size, left : left + size]
    figure, axes = new_figure(2, width=9.0, height=4.6)
    draw_photo(axes[0, 0], image, "the photo")
    _frame(axes[0, 0], top, left, size)
    grey = _more_contrast(box)
    draw_photo(axes[0, 1], grey, f"rows {top} to {top + size - 1}, columns {left} to {left + size - 1} (more contrast)")
    for (row, column), value in np.ndenumerate(box):
        colour = "black" if grey[row, column] > 127 else "white"
        axes[0, 1].text(column, row, str(value), ha="center", va="center", fontsize=9, color=colour)
    alt = f"A photo with a box of {size} by {size} pixels on it, and the box enlarged: each square has its grey "
    show(figure, alt + f"and its number, from {box.min()} to {box.max()}.")


def close_ups(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    at: tuple[float, float],
    *,
    size: float = 0.4,
    arrows: Sequence[tuple[float, float]] = (),
) -> None:
    """Show photos side by side, and below each the same place of it, enlarged and with more contrast.

    Args:
        images: uint8, (height, width).
        titles: one short text for each photo.
        at: where the enlarged square begins, as shares of the height and of the width.
        size: its side, as a share of the shorter side of the photo.
        arrows: what to point at in the enlarged squares, as shares of the height and width of the photo.
    """
    figure, axes = new_figure(len(images), 2, width=3.6 * len(images), height=7.4)
    for column, (image, title) in enumerate(zip(images, titles, strict=True)):
        side = max(1, round(size * min(image.shape)))
        top, left = _corner(image, at, side)
        draw_photo(axes[0, column], image, title)
        _frame(axes[0, column], top, left, side)
        square = _more_contrast(image[top : top + side, left : left + side])
        draw_photo(axes[1, column], square, "enlarged, more contrast")
        for down, across in arrows:
            tip = (across * image.shape[1] - left, down * image.shape[0] - top)
            style = {"arrowstyle": "-|>", "color": ORANGE, "linewidth": 2}
            axes[1, column].annotate("", tip, (tip[0] + 0.22 * side, tip[1]), arrowprops=style)
    show(figure, f"{' and '.join(titles)}; below, one part of each, enlarged.")


def _corner(image: np.ndarray, at: tuple[float, float], size: int) -> tuple[int, int]:
    """The first row and column of a square that lies inside the photo."""
    if min(image.shape[:2]) < size:
        raise CourseError(
            f"The photo has {image.shape[0]} × {image.shape[1]} pixels, too few for a square of {size}; "
            "choose a smaller size."
        )
    top, left = (min(round(share * length), length - size) for share, length in zip(at, image.shape[:2], strict=True))
    return top, left


def _more_contrast(image: np.ndarray) -> np.ndarray:
    """The same photo from black to white, whatever range it has."""
    darkest, brightest = np.percentile(image, [1, 99])
    stretched = (image - darkest) / max(brightest - darkest, 1) * 255
    return stretched.clip(0, 255).astype(np.uint8)


def _frame(axis: Axes, top: int, left: int, size: int) -> None:
    axis.add_patch(Rectangle((left - 0.5, top - 0.5), size, size, fill=False, color=ORANGE, linewidth=2))
