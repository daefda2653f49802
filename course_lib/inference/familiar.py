"""Does a photo look like those that an inspector was trained on (lesson 10)?

A network answers to any photo, and is often sure of its answer. So the inspector keeps what the middle stage saw in
its training photos, and tells a photo that lies far from all of them. The middle stage knows textures; later ones know
things, and with photos of flowers they took a solar cell for one more kind of flower (studies/good_photos_only.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.features import GoodOnly
from course_lib.models import Classifier, ScratchCNN

OWN = 0.99  # of the inspector's own photos lie within the limit


class Familiar(NamedTuple):
    """The photos that an inspector knows: features, brought to one scale, and how far a photo may lie from them.

    Attributes:
        mean, spread: of each feature, (D,).
        known: features of training photos, float16 (M, D).
        limit: the largest usual distance to the nearest of them.

    Example:
        >>> corners = np.array([[0, 0], [0, 2], [2, 0], [2, 2]], np.float32)
        >>> familiar = Familiar.of(corners, held_back=np.array([[1, 0]], np.float32))
        >>> familiar.unlike(torch.tensor([[0.0, 2.0], [4.0, 2.0], [8.0, 2.0]])).tolist()  # 1: as a corner to the others
        [0.0, 1.0, 3.0]
    """

    mean: Tensor
    spread: Tensor
    known: Tensor
    limit: Tensor

    @classmethod
    def of(cls, trained: np.ndarray, held_back: np.ndarray) -> "Familiar":
        """Keep features (M, D) of training photos; others of the same kind, (N, D), help to find the limit."""
        features = torch.from_numpy(trained)
        spread = features.std(dim=0, correction=0)
        mean, spread = features.mean(dim=0), torch.where(spread > 1e-6, spread, 1.0)
        made = cls(mean, spread, ((features - mean) / spread).half(), torch.tensor(1.0))
        nearest = [made.distances(features).fill_diagonal_(torch.inf).amin(dim=1)]
        nearest += [made.unlike(torch.from_numpy(held_back))] if len(held_back) else []
        limit = max(float(np.quantile(each, OWN, method="higher")) for each in nearest)
        return made._replace(limit=torch.tensor(max(limit, 1e-6)))

    def distances(self, features: Tensor) -> Tensor:
        """From each photo (N, D) to each known one: (N, M)."""
        mean, spread, known = (fact.to(features) for fact in self[:3])
        scaled = (features - mean) / spread
        squares = (scaled**2).sum(dim=1)[:, None] + (known**2).sum(dim=1) - 2 * scaled @ known.T
        return squares.clamp(min=0).sqrt()

    def unlike(self, features: Tensor) -> Tensor:
        """Distance of photos (N, D) to the nearest known one, as a share of the limit: (N,)."""
        return self.distances(features).amin(dim=1) / self.limit


@contextmanager
def middle_stage(model: ScratchCNN | Classifier | GoodOnly) -> Iterator[list[Tensor]]:
    """Keeps the means (N, D) of the maps of the middle stage, each time the network runs."""
    kept: list[Tensor] = []
    stages = model.blocks if isinstance(model, ScratchCNN) else model.backbone.stages
    stage = list(stages)[len(stages) // 2]
    hook = stage.register_forward_hook(lambda *given: kept.append(given[2].mean(dim=(2, 3))))
    try:
        yield kept
    finally:
        hook.remove()
