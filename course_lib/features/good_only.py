"""What good parts look like to a frozen network, and how far a photo lies from that (deeper/good_photos_only).

No defect is needed to fit it. The distance of a whole photo decides, and the distances of its places show where
it differs.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.models import Backbone

FOLDS = 5  # of cross-fitting
PLACE_STAGE = 5  # of efficientnet_lite0: its maps show where; past the edges, before the things
DIRECTIONS = 64  # in which the maps of good parts differ most; a place is described by them
SHRINKAGE = 0.1  # of the spread of a place
FOR_PLACES = 200  # photos are enough for the places; the maps of more would fill the memory
Facts = Mapping[str, Tensor]


class GoodOnly(nn.Module):
    """A frozen backbone with what good parts look like to it: photos in, two logits out.

    The first logit is always 0. The second is 0 for a photo that lies as far from good ones as the limit, and
    grows with the distance. So its threshold is 0.5, and what looks like a probability is a score.

    Args:
        backbone: turns photos into feature maps.
        facts: from `fit`, `fit_places` and `limit_of`.
    """

    def __init__(self, backbone: Backbone, facts: Facts):
        super().__init__()
        self.backbone = backbone.eval()
        for name, fact in facts.items():
            self.register_buffer(name, fact)

    @property
    def facts(self) -> Facts:
        return dict(self.named_buffers(recurse=False))

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to logits (N, 2)."""
        score = self.score(distance(self.backbone.stage_features(images), self.facts))
        return torch.stack([torch.zeros_like(score), score], dim=1)

    def score(self, distances: Tensor) -> Tensor:
        """Distances (N,) in spreads of good photos from the limit."""
        limit, spread = self.facts["limit"]
        return (distances.clamp(min=1e-12).log() - limit) / spread

    def heat(self, images: Tensor) -> Tensor:
        """Where photos differ from good ones: images (N, 3, H, W) to (N, h, w), 0…1.

        Nearly all places of good photos have 0; a place that lies twice as far as they do has 1.
        """
        maps = self.backbone.stages[: PLACE_STAGE + 1](images)
        return (place_distance(maps, self.facts) / self.facts["place_limit"] - 1).clamp(0, 1)


def fit(features: np.ndarray, backbone: Backbone) -> dict[str, Tensor]:
    """What the features "all" of good photos, (N, D), have in common.

    The last stage is left out: it names things, and knows no scratches. Each other stage gets the mean and the
    spread of its features, and the inverse of their covariance, which few photos tell only if it is shrunk.
    """
    from sklearn.covariance import ledoit_wolf

    widths = [2 * width for width in backbone.widths[len(backbone.stages) // 3 : -1]]
    seen = torch.from_numpy(features[:, : sum(widths)]).double()
    mean, spread = seen.mean(dim=0), seen.std(dim=0, correction=0)
    spread = torch.where(spread > 1e-6, spread, 1.0)
    facts = {"mean": mean.float(), "spread": spread.float()}
    for number, stage in enumerate(((seen - mean) / spread).split(widths, dim=1)):
        covariance = torch.from_numpy(ledoit_wolf(stage.numpy())[0])
        facts[f"precision_{number}"] = torch.linalg.pinv(covariance, hermitian=True).float()
    return facts


def distance(features: Tensor, facts: Facts) -> Tensor:
    """How far photos lie from good ones: features "all", (N, D), to (N,).

    In each stage it is measured in units of how good photos themselves differ (Mahalanobis distance); the
    distances of the stages are added.
    """
    precisions = [facts[name] for name in sorted(facts) if name.startswith("precision")]
    scaled = (features[:, : len(facts["mean"])] - facts["mean"]) / facts["spread"]
    stages = scaled.split([len(precision) for precision in precisions], dim=1)
    lengths = [((x @ precision) * x).sum(dim=1) for x, precision in zip(stages, precisions, strict=True)]
    return torch.stack(lengths).clamp(min=0).sqrt().sum(dim=0)


def cross_fitted(features: np.ndarray, is_good: np.ndarray, lots: np.ndarray, backbone: Backbone) -> Tensor:
    """How far each photo lies from good ones that were fitted without it and its lot: features (N, D) to (N,).

    A photo that was fitted lies too near, and one of a lot that was fitted lies nearer than one of a new lot. So
    each fifth of the lots is judged by the good photos of the others. Defective photos are judged in the same way,
    or they could not be compared; those of a lot without a good photo, by the last four fifths.

    Args:
        features: of photos, (N, D).
        is_good: which of them are good, (N,).
        lots: which of them belong together, (N,); one lot cannot be parted, so its photos are.
        backbone: gave the features.
    """
    from sklearn.model_selection import GroupKFold

    lots = lots if len(np.unique(lots[is_good])) > 1 else np.arange(len(lots))
    good, found = np.flatnonzero(is_good), torch.zeros(len(features))
    folds = GroupKFold(min(FOLDS, len(np.unique(lots[good])))).split(good, groups=lots[good])
    fold_of = {lot: number for number, (_, judged) in enumerate(folds) for lot in lots[good[judged]]}
    fold = np.array([fold_of.get(lot, 0) for lot in lots])
    for number in np.unique(fold):
        judged, facts = fold == number, fit(features[is_good & (fold != number)], backbone)
        found[judged] = distance(torch.from_numpy(features[judged]), facts)
    return found


def limit_of(distances: Tensor, overkill: float) -> dict[str, Tensor]:
    """The logarithm of the distance beyond which this share of good photos lies, and their usual spread."""
    logarithms = distances.clamp(min=1e-12).log()
    away = (logarithms - logarithms.median()).abs().median()  # photos that are far off hardly change it
    return {"limit": torch.stack([logarithms.quantile(1 - overkill), (1.4826 * away).clamp(min=1e-3)])}


def fit_places(maps: np.ndarray) -> dict[str, Tensor]:
    """What each place of good photos looks like, from their maps (N, C, h, w) of `PLACE_STAGE`.

    Source: Defard et al. 2020, PaDiM: a normal distribution for each place.
    """
    seen = torch.tensor(maps, dtype=torch.float32)
    half = len(seen) // 2
    # Places that were fitted lie too near, so the limit comes from one half as the other half sees it.
    beyond = place_distance(seen[half:], _fit_places(seen[:half])).flatten().sort().values
    return _fit_places(seen) | {"place_limit": beyond[int(0.99 * len(beyond))].clamp(min=1e-6)}


def place_distance(maps: Tensor, facts: Facts) -> Tensor:
    """How far each place lies from what good photos show there: maps (N, C, h, w) to (N, h, w)."""
    away = maps.movedim(1, -1) @ facts["directions"] - facts["place_mean"]
    return torch.einsum("nhwi,hwij,nhwj->nhw", away, facts["place_precision"], away).clamp(min=0).sqrt()


def _fit_places(maps: Tensor) -> dict[str, Tensor]:
    channels = maps.movedim(1, -1)
    _, _, right = torch.linalg.svd(torch.cov(channels.flatten(0, 2).T))
    seen = channels @ right[:DIRECTIONS].T
    mean = seen.mean(dim=0)
    covariance = torch.einsum("nhwi,nhwj->hwij", seen - mean, seen - mean) / len(seen)
    even = covariance.diagonal(dim1=2, dim2=3).mean(dim=2).clamp(min=1e-6)[:, :, None, None]
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * even * torch.eye(covariance.shape[-1])
    return {"directions": right[:DIRECTIONS].T.contiguous(), "place_mean": mean, "place_precision": shrunk.inverse()}
