"""A playground of augmentations: choose one and see what it makes of a photo (lesson 10).

`overview` draws all augmentations in one figure; `AugmentationPlayground` lets you choose with the
keyboard or the mouse. The augmentations stand in `course_lib.widgets.catalogue`.
"""

import html
from io import BytesIO
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from PIL import Image

from course_lib import plots
from course_lib.errors import CourseError
from course_lib.widgets.catalogue import (
    AUGMENTATIONS,
    as_pixels,
    as_second,
    code_line,
    describe,
    meaning,
    offered,
    results,
)

HERE = Path(__file__).parent
GAP = 6  # pixels between two photos of the picture
ROWS = 4  # and as many columns: sixteen results


def overview(photo: np.ndarray, other: np.ndarray | None = None) -> None:
    """Show four results of each augmentation at strength 0.5 beside the photo (lesson 10).

    It is the still picture for readers without a running notebook: they cannot use the
    `AugmentationPlayground`. It is a figure and no part of the widget's HTML, because a test compares
    HTML letter by letter, but allows a figure the small differences between two processors.

    Args:
        photo: uint8, (C, H, W) or (H, W), square, C is 1 or 3.
        other: the second photo for MixUp and CutMix; without it these two are left out.
    """
    names = offered(other)
    shown, titles = [], []
    for name in names:
        row = [photo, *results(photo, name, other=other, count=4)]
        heads = ["original", "", name, "", ""]
        if AUGMENTATIONS[name].mixes:
            row, heads = [photo, other, *row[1:4]], ["original", "other", "", name, ""]
        shown, titles = shown + row, titles + heads
    plots.photo_grid(
        shown, titles, columns=10, size=0.75,
        alt=f"One photo and results of {len(names)} augmentations beside it, in this order: "
        f"{', '.join(names)}.",
    )  # fmt: skip


class AugmentationPlayground(anywidget.AnyWidget):
    """Choose augmentation, strength and probability; see sixteen results beside the photo (lesson 10).

    Built with anywidget: its controls keep the keys to themselves, so that they do not steer the
    notebook. A saved notebook shows a table of the augmentations and their code instead; it holds
    no picture, `overview` draws one.

    Args:
        photo: uint8, (C, H, W) or (H, W), square, C is 1 or 3, as `course_lib.data.read_pixels` gives.
        other: the second photo for MixUp and CutMix, of the same shape; without it these two are
            not offered.
        name: the augmentation to begin with, one of ``AUGMENTATIONS``.
        strength, probability: to begin with, 0…1.
        size: width of a result in pixels of the screen, 16 to 400.

    Attributes:
        name, strength, probability: as they stand in the page.
        draw: seed of the random numbers; the button "Draw again" adds 1.

    Raises:
        CourseError: as `results`, or an impossible size.

    Example:
        >>> AugmentationPlayground(np.full((32, 32), 128, np.uint8), name="noise", strength=0.25)
        Augmentation playground: noise, standard deviation up to 13 grey levels, probability 100 %
    """

    _esm = HERE / "playground.js"
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    strength = traitlets.Float().tag(sync=True)
    probability = traitlets.Float().tag(sync=True)
    draw = traitlets.Int().tag(sync=True)
    # Picture and words in one piece, so that the page never shows a picture with old words.
    shown = traitlets.Dict().tag(sync=True)

    def __init__(
        self, photo: np.ndarray, other: np.ndarray | None = None, *,
        name: str = "flips and quarter turns", strength: float = 0.5, probability: float = 1.0,
        size: int = 96,
    ) -> None:  # fmt: skip
        if not 16 <= size <= 400:
            raise CourseError(f"A result cannot be {size} pixels wide; choose a size of 16 to 400.")
        self._photo = as_pixels(photo)
        self._other = None if other is None else as_second(other, self._photo)
        self._size = size
        super().__init__(
            names=offered(other), name=name, strength=strength, probability=probability, draw=0,
            shown=self._seen(name, strength, probability, 0),
        )  # fmt: skip
        self.observe(self._show, ["name", "strength", "probability", "draw"])

    def _show(self, change: Any) -> None:
        self.shown = self._seen(self.name, self.strength, self.probability, self.draw)

    def _seen(self, name: str, strength: float, probability: float, draw: int) -> dict[str, Any]:
        """What the page shows."""
        changed = results(self._photo, name, strength, probability, other=self._other, seed=draw)
        mixes = AUGMENTATIONS[name].mixes
        count = int((changed != self._photo).any(axis=(1, 2, 3)).sum())
        return {
            "picture": self._png([self._photo, self._other] if mixes else [self._photo], changed),
            "words": f"Left the photo{' above the other one' if mixes else ''}, right sixteen results: "
            f"{describe(name, strength, probability)}. {count} of 16 differ from the photo.",
            "code": code_line(name, strength, probability),
            "strength": meaning(name, strength),
            "probability": "every batch is mixed" if mixes else f"{100 * probability:.0f} %",
            "has_strength": AUGMENTATIONS[name].has_strength,
            "has_probability": not mixes,
        }

    def _png(self, originals: list[np.ndarray], changed: np.ndarray) -> bytes:
        """The originals at the left, one above the other, and the results in a square beside them."""
        side = ROWS * self._size + (ROWS - 1) * GAP
        grey = len(self._photo) == 1
        canvas = Image.new("L" if grey else "RGB", (2 * side + 2 * GAP, side), "white")
        height = (side - GAP * (len(originals) - 1)) // len(originals)
        for number, pixels in enumerate(originals):
            # Close to the results, where two photos do not fill the width.
            canvas.paste(_resized(pixels, height), (side - height, number * (height + GAP)))
        for number, pixels in enumerate(changed):
            row, column = divmod(number, ROWS)
            left, top = side + 2 * GAP + column * (self._size + GAP), row * (self._size + GAP)
            canvas.paste(_resized(pixels, self._size), (left, top))
        buffer = BytesIO()
        canvas.save(buffer, format="png")
        return buffer.getvalue()

    def __repr__(self) -> str:
        return f"Augmentation playground: {describe(self.name, self.strength, self.probability)}"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_(**options)
        bundle["text/plain"] = repr(self)
        bundle["text/html"] = _fallback(self.names)
        return bundle, metadata


def _fallback(names: list[str]) -> str:
    """A table of the augmentations at strength 0.5, for viewers without a kernel."""
    rows = "".join(
        f"<tr><th scope='row'>{name}</th><td>{html.escape(meaning(name))}</td>"
        f"<td><code>{html.escape(code_line(name))}</code></td></tr>"
        for name in names
    )
    return (
        "<p>Run this cell to choose an augmentation, its strength and its probability.</p><table><tr>"
        "<th scope='col'>augmentation</th><th scope='col'>at strength 0.5</th>"
        f"<th scope='col'>code</th></tr>{rows}</table>"
    )


def _resized(pixels: np.ndarray, size: int) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0).squeeze()))
    return picture.resize((size, size), Image.Resampling.BILINEAR)
