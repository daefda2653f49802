"""A playground of augmentations: choose one and see what it makes of a photo (lesson 10).

`AugmentationPlayground` lets you choose with the keyboard or the mouse. The augmentations stand in
`course_lib.widgets.catalogue`.
"""

import html
from typing import Any

import numpy as np
import torch
import traitlets
from PIL import Image
from torchvision.transforms.v2.functional import pad, resize

from course_lib import plots
from course_lib.widgets.base import CourseWidget, script
from course_lib.widgets.catalogue import AUGMENTATIONS, as_pixels, code_line, describe, meaning, offered, results

SIZE = 96  # pixels of the screen: the width of a result
GAP = 6  # pixels between two photos of the picture
ROWS = 4  # and as many columns: sixteen results


class AugmentationPlayground(CourseWidget):
    """Choose augmentation, strength and probability; see sixteen results beside the photo.

    A saved notebook shows a table of the augmentations and their code instead.

    Args:
        photo: uint8, (C, H, W) or (H, W), square, C is 1 or 3, as `course_lib.data.read_pixels` gives.
        other: the second photo for MixUp and CutMix, of the same shape; without it these two are
            not offered.
        name: the augmentation to begin with, one of ``AUGMENTATIONS``.

    Attributes:
        name, strength, probability: as they stand in the page.
        draw: seed of the random numbers; the button "Draw again" adds 1.

    Raises:
        CourseError: as `results`.

    Example:
        >>> AugmentationPlayground(np.full((32, 32), 128, np.uint8), name="noise")
        Augmentation playground: noise, standard deviation up to 26 grey levels, probability 100 %
    """

    _esm = script("playground.js")
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    strength = traitlets.Float(0.5).tag(sync=True)
    probability = traitlets.Float(1.0).tag(sync=True)
    draw = traitlets.Int().tag(sync=True)
    # Picture and words in one piece, so that the page never shows a picture with old words.
    shown = traitlets.Dict().tag(sync=True)

    def __init__(
        self, photo: np.ndarray, other: np.ndarray | None = None, *, name: str = "flips and quarter turns"
    ) -> None:
        self._photo, self._other = as_pixels(photo), None if other is None else as_pixels(other)
        super().__init__(names=offered(other), name=name)
        self._show()
        self.observe(self._show, ["name", "strength", "probability", "draw"])

    def _show(self, change: Any = None) -> None:
        """Draw what the page shows: the photo, or both, and sixteen results."""
        chosen = self.name, self.strength, self.probability
        changed = results(self._photo, *chosen, other=self._other, seed=self.draw)
        choice = AUGMENTATIONS[self.name]
        originals = [self._photo] if self._other is None or not choice.mixes else [self._photo, self._other]
        count = int((changed != self._photo).any(axis=(1, 2, 3)).sum())
        self.shown = {
            "picture": _picture(np.stack(originals), changed),
            "words": f"Left the photo{' above the other one' if choice.mixes else ''}, right sixteen results: "
            f"{describe(*chosen)}. {count} of 16 differ from the photo.",
            "code": code_line(*chosen),
            "strength": meaning(self.name, self.strength),
            "probability": "every batch is mixed" if choice.mixes else f"{100 * self.probability:.0f} %",
            "has_strength": choice.has_strength,
            "has_probability": not choice.mixes,
        }

    def __repr__(self) -> str:
        return f"Augmentation playground: {describe(self.name, self.strength, self.probability)}"

    def fallback(self) -> str:
        """A table of the augmentations at strength 0.5; it holds no picture."""
        rows = "".join(
            f"<tr><th scope='row'>{name}</th><td>{html.escape(meaning(name))}</td>"
            f"<td><code>{html.escape(code_line(name))}</code></td></tr>"
            for name in self.names
        )
        return (
            "<p>Run this cell to choose an augmentation, its strength and its probability.</p><table><tr>"
            "<th scope='col'>augmentation</th><th scope='col'>at strength 0.5</th>"
            f"<th scope='col'>code</th></tr>{rows}</table>"
        )


def _picture(originals: np.ndarray, changed: np.ndarray) -> bytes:
    """The originals at the left, one above the other, and the results in a square beside them, as PNG."""
    right = _tiles(changed, SIZE, columns=ROWS)
    left = _tiles(originals, len(right) // len(originals) - GAP, columns=1)
    return plots.photo_png(Image.fromarray(np.concatenate([left, right], axis=1).squeeze()))


def _tiles(photos: np.ndarray, size: int, columns: int) -> np.ndarray:
    """Photos (N, C, H, W) in rows, as one picture (height, width, C) with half a white gap around each."""
    tiles = pad(resize(torch.from_numpy(photos), [size, size]), [GAP // 2] * 4, fill=255)
    rows = tiles.unflatten(0, (-1, columns)).permute(0, 3, 1, 4, 2)
    return rows.flatten(2, 3).flatten(0, 1).numpy()
