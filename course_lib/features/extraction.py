"""Features of a frozen backbone, computed once for each photo and kept (lessons 1, 3 to 5, 9 and 10)."""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_lib import device as devices
from course_lib.data import photo_path, read_pixels
from course_lib.datasets import decoding, photo_hashes
from course_lib.errors import CourseError
from course_lib.features.cache import FeatureCache
from course_lib.features.onnx_network import quick_network
from course_lib.inspection import photos_at_once
from course_lib.models import Backbone
from course_lib.paths import work_folder
from course_lib.transforms import BatchTransform, as_batch_transform, seeded, to_float

MANY = 600  # photos of 224 pixels from which on it pays to spend some seconds on a faster form of the network


def many(photos: int, size: int) -> bool:
    """Whether so many photos of this size are worth that; few large ones take as long as many small ones.

    Example:
        >>> many(599, 224), many(600, 224), many(80, 640)
        (False, True, True)
    """
    return photos * size**2 >= MANY * 224**2


def extract(
    index: pd.DataFrame,
    backbone: Backbone,
    *,
    stages: str | int = "all",
    maps: bool = False,
    size: int | None = None,
    batch_size: int | None = None,
    augment: Callable | None = None,
    views: int = 1,
    seed: int = 0,
    progress: bool = True,
) -> np.ndarray:
    """Turn each photo into features with a frozen backbone.

    The backbone never changes, so neither do the features: they are computed once and kept
    in ``work/features``, found again by a hash of the photo's bytes and of all that was done with
    them: decoding, size, weights, stages and augmentation. A new or changed photo is
    computed; the others are read. All 2,624 solar cells take about half a minute on two cores the
    first time and less than a second after that. A run that is stopped keeps what it had. On a processor
    ONNX Runtime computes many photos, in half of PyTorch's time or less, and equal up to rounding.

    Args:
        index: table of photos, N rows.
        backbone: from `course_lib.models.load_backbone`.
        stages: "all" for mean and spread of the feature maps of all but the earliest stages,
            "last" for the mean of the last one only (what most articles use), or the number
            of one stage, from 0, for its mean.
        maps: keep the feature maps of that one stage as they are, instead of their means. A
            frozen part of a network then runs once, and `course_lib.models.AfterStage` trains
            what comes behind it, epoch after epoch.
        size: width and height in pixels; by default the backbone's own.
        batch_size: photos computed at a time; by default as many as `course_lib.inspection.photos_at_once` says.
        augment: a transform, as `course_lib.datasets.loaders` takes it; each photo is then shown
            ``views`` times, changed at random.
            It is told apart from others by its name and by what it does to a few test pictures.
        views: how many changed views of each photo; each costs one pass, and only once.
        seed: another seed, other views. The views of a photo depend on its bytes and on the seed,
            not on the other photos.
        progress: show a progress bar.

    Returns:
        float32, (N, D), in the order of the index; D is ``backbone.count_features(stages)``. With
        ``maps`` float16, (N, C, h, w): half the space on the disk, and rounded to three
        digits. With ``augment`` one dimension more in front: (views, N, …).

    Raises:
        CourseError: a photo cannot be read, or one of the arguments is not possible.
    """
    size = size or backbone.size
    batch_size = batch_size or photos_at_once(size)
    change = None if augment is None else as_batch_transform(augment)
    if views < 1 or (views > 1 and change is None):
        raise CourseError(f"{views} views are not possible here; choose 1, or 1 and more with a transform as augment.")
    _check(index, backbone, stages, maps)
    paths, photos = [photo_path(index, row) for row in range(len(index))], photo_hashes(index)
    facts: list[Any] = [decoding(), size, backbone.mean, backbone.std, backbone.sha256, maps]
    codes = [photo[:32] for photo in photos]
    if change is not None:
        facts += [_fingerprint(change, size), seed]
        texts = [f"{photo} view {view} seed {seed}" for view in range(views) for photo in photos]
        codes = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
    # The mean of the last stage is the end of "all": where that is kept already, it is read there.
    for kept in ("all", "last") if stages == "last" else (stages,):
        key = hashlib.sha256(repr([*facts, kept]).encode()).hexdigest()[:16]
        cache = FeatureCache(work_folder() / "features" / f"{backbone.name}-{size}-{key}")
        missing = cache.missing(codes)
        if missing and kept == stages:
            path_of = {code: paths[number % len(paths)] for number, code in enumerate(codes)}
            compute = _Computation(_FrozenPart(backbone, kept, maps), size, change)
            for batch, rows in compute.batches({code: path_of[code] for code in missing}, batch_size, progress):
                cache.add(batch, rows)
        if not missing or kept == stages:
            break
    features = cache.table(codes)
    if stages == "last":
        features = features[:, -backbone.feature_count :]
    return features.reshape(*([] if change is None else [views]), len(index), *features.shape[1:])


def _check(index: pd.DataFrame, backbone: Backbone, stages: str | int, maps: bool) -> None:
    if len(index) == 0:
        raise CourseError("There are no photos to compute features of; check the selection.")
    last = len(backbone.stages) - 1
    known = 0 <= stages <= last if isinstance(stages, int) else stages in ("all", "last")
    if not known:
        raise CourseError(f"The stages '{stages}' are unknown; choose 'all', 'last' or a number from 0 to {last}.")
    if maps and not isinstance(stages, int):
        raise CourseError(f"Maps are kept of one stage, not of '{stages}'; give its number, 0 to {last}, as stages.")


class _FrozenPart(nn.Module):
    """What is computed of a backbone: features of the stages asked for, or the maps of one."""

    def __init__(self, backbone: Backbone, stages: str | int, maps: bool):
        super().__init__()
        self.backbone, self.stages, self.maps = backbone, stages, maps

    def forward(self, images: Tensor) -> Tensor:
        if self.maps and isinstance(self.stages, int):
            return self.backbone.stages[: self.stages + 1](images)
        return self.backbone.features(images, self.stages)


class _Computation:
    """From the files of a few photos to their features."""

    def __init__(self, part: _FrozenPart, size: int, augment: BatchTransform | None):
        self.device = devices.choose()
        self.part = part.to(self.device).to(memory_format=torch.channels_last).eval()
        self.backbone, self.maps = part.backbone, part.maps
        self.size, self.augment = size, augment
        self.network: Callable[[Tensor], Tensor] = self.part
        self.fingerprint = repr([self.backbone.name, self.backbone.sha256, part.stages, self.maps, size])
        self._try_out()

    def _try_out(self) -> None:
        """One black photo shows whether the network takes photos of this size."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="std")
            try:
                fits = bool(self._run(torch.zeros(1, 3, self.size, self.size, device=self.device)).isfinite().all())
            except (RuntimeError, AssertionError):  # a network for photos of one size only
                fits = False
        if not fits:
            raise CourseError(
                f"{self.backbone.name} cannot take photos of {self.size} × {self.size} pixels, usually "
                f"because they are too small for its last stages; choose {self.backbone.size}, for which "
                "it was made, or another size of 64 or more."
            )

    def batches(
        self, missing: dict[str, Path], batch_size: int, progress: bool
    ) -> Iterator[tuple[list[str], np.ndarray]]:
        """Codes and features of these photos, batch by batch."""
        codes = list(missing)
        if many(len(codes), self.size) and self.device.type == "cpu":
            self.network = quick_network(self.part, (3, self.size, self.size), self.fingerprint)
        with tqdm(total=len(codes), desc="computing features", unit="photo", disable=not progress) as bar:
            for start in range(0, len(codes), batch_size):
                batch = codes[start : start + batch_size]
                yield batch, self._features([missing[code] for code in batch], batch)
                bar.update(len(batch))

    def _features(self, paths: Sequence[Path], codes: Sequence[str]) -> np.ndarray:
        """Features (N, …) of N photos; the code of each starts its random numbers."""
        photos = [torch.tensor(read_pixels(path, self.size, 3)) for path in paths]
        if self.augment is not None:
            photos = [_changed(photo, self.augment, code) for photo, code in zip(photos, codes, strict=True)]
        pixels = torch.stack(photos).to(self.device)
        features = self._run(to_float(pixels, self.backbone.mean, self.backbone.std)).cpu().numpy()
        return features.astype(np.float16) if self.maps else features

    @torch.no_grad()
    def _run(self, images: Tensor) -> Tensor:
        return self.network(images.contiguous(memory_format=torch.channels_last))


def _changed(photo: Tensor, augment: BatchTransform, code: str) -> Tensor:
    """One photo (3, H, W), changed by random numbers that start from its code."""
    start = int(code[:15], 16)
    with seeded(start):  # for a transform of one's own that draws from PyTorch's generator
        return augment(photo[None], torch.Generator().manual_seed(start))[0]


def _fingerprint(augment: BatchTransform, size: int) -> str:
    """A hash of what a transform does to 16 test pictures: other settings, another hash."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(256, (16, 3, size, size), generator=generator, dtype=torch.uint8)
    digest = hashlib.sha256(getattr(augment, "__qualname__", type(augment).__name__).encode())
    for number, picture in enumerate(pictures):
        digest.update(_changed(picture, augment, f"{number:x}").contiguous().numpy().tobytes())
    return digest.hexdigest()


def linear_probe(freedom: float = 0.01) -> Any:
    """A linear classifier on frozen features: logistic regression on scaled features.

    Its weights are kept small, which suits many features and few photos.

    Args:
        freedom: how large they may become; ``C`` of scikit-learn's LogisticRegression.

    Returns:
        A scikit-learn pipeline with ``fit``, ``predict`` and ``predict_proba``.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=freedom, max_iter=2000))
