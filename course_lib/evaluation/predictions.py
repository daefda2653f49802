"""What a model says about the photos of one split: computed once, then only read.

Introduced in lesson 8. Choosing, the threshold, the tables and the report are functions of it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from scipy import special
from torch import nn

from course_lib import data
from course_lib import device as devices
from course_lib.errors import CourseError

CLASSES = ("functional", "defective")  # what 0 and 1 are called where nobody says otherwise


@dataclass(frozen=True, eq=False)
class Predictions:
    """Logits of N photos beside what is known about them; nothing is chosen yet.

    Attributes:
        logits: what the model says, (N, classes).
        labels: class numbers, (N,).
        index: the photos, N rows in the same order.
        classes: their names in the order of the logits; the last is the positive class.
        temperature: divides the logits, see `fit_temperature`; 1 leaves them as they are.

    Raises:
        CourseError: logits, labels, rows and classes do not belong together.

    Example:
        >>> index = pd.DataFrame({"path": ["a.png", "b.png"]})
        >>> said = Predictions(np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([0, 1]), index)
        >>> said.positive.round(2).tolist()
        [0.12, 0.88]
    """

    logits: np.ndarray
    labels: np.ndarray
    index: pd.DataFrame
    classes: Sequence[str] = CLASSES
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.logits.shape != (len(self.index), len(self.classes)) or len(self.labels) != len(self.index):
            raise CourseError(
                f"Logits of the shape {self.logits.shape} and {len(self.labels)} labels do not belong to "
                f"{len(self.index)} photos of {len(self.classes)} classes; give those of one split."
            )

    @cached_property
    def probabilities(self) -> np.ndarray:
        """How probable each class is: (N, classes), rows sum to 1."""
        return softmax(self.logits, self.temperature)

    @property
    def positive(self) -> np.ndarray:
        """How probable the positive class is: (N,)."""
        return self.probabilities[:, -1]


def predict(model: nn.Module, loader: Iterable, index: pd.DataFrame, split: str | None = None) -> Predictions:
    """Let a model look at the photos of one split, once.

    Args:
        model: gives logits (N, classes).
        loader: gives their batches in the order of the index, such as ``loaders["test"]``.
        index: the table of photos.
        split: "train", "validation" or "test": the loader holds these rows of the table only.
    """
    logits, labels = predict_logits(model, loader)
    rows = index if split is None else index[index["split"] == split]
    return Predictions(logits, labels, rows, data.class_names(index))


@torch.no_grad()
def predict_logits(
    model: nn.Module, loader: Iterable, *, views: Callable | None = None, device: torch.device | str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the logits of all photos of a loader, in evaluation mode.

    Args:
        model: images (N, C, H, W) to logits (N, classes).
        loader: gives batches ``(images, labels)``.
        views: makes several views of each photo, (views, N, C, H, W), such as
            `course_lib.transforms.eight_views`; the mean of their logits is taken.
        device: where to compute, by default `course_lib.device.choose`.

    Returns:
        ``logits`` float32 (N, classes) and ``labels`` int64 (N,), in the loader's order.
    """
    device = devices.choose(device)
    model.to(device).eval()
    logits, labels = [], []
    for images, batch_labels in loader:
        images = images.to(device)
        shown = images[None] if views is None else views(images)
        logits.append(torch.stack([model(view).float().cpu() for view in shown]).mean(dim=0))
        labels.append(batch_labels.cpu())
    return torch.cat(logits).numpy(), torch.cat(labels).numpy()


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Turn logits into probabilities that sum to 1 in each row.

    Args:
        logits: (N, classes).
        temperature: above 1 makes the model less sure, below 1 surer; see `fit_temperature`.

    Example:
        >>> softmax(np.array([[0.0, 0.0], [0.0, 100.0]])).tolist()
        [[0.5, 0.5], [0.0, 1.0]]
    """
    return special.softmax(logits / temperature, axis=1)
