"""Features of a frozen backbone, computed once for each photo and kept.

Introduced in lesson 9; lessons 3 to 5 use it as a preview.
"""

import contextlib
import hashlib
import inspect
import math
import os
import warnings
from collections.abc import Sequence
from functools import lru_cache
from random import SystemRandom

import numpy as np
import pandas as pd
import PIL
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_lib import data
from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.features.cache import FeatureCache
from course_lib.features.onnx_network import FrozenNetwork, NotInOnnx, versions
from course_lib.models import Backbone, file_hash, weights_hash
from course_lib.paths import shorten, work_folder, write_atomically
from course_lib.transforms import BatchTransform, as_batch_transform, to_float

CHUNK = 256  # photos after which the result is kept, so that little is lost if the run is stopped
MANY = 600  # photos from which on it pays to spend some seconds on a faster form of the network


def extract(
    index: pd.DataFrame,
    backbone: Backbone,
    *,
    stages: str | int = "all",
    maps: bool = False,
    size: int | None = None,
    batch_size: int = 32,
    precision: str = "float32",
    augment: BatchTransform | None = None,
    views: int = 1,
    seed: int = 0,
    progress: bool = True,
) -> np.ndarray:
    """Turn each photo into features with a frozen backbone (lesson 9).

    The backbone never changes, so neither do the features: they are computed once and kept
    in ``work/features``, found again by a hash of the photo's bytes and of all that was done with
    them: decoding, size, weights, stages, precision and augmentation. A new or changed photo is
    computed; the others are read. All 2,624 solar cells take about half a minute on two cores the
    first time and less than a second after that. A stopped run keeps what it had; two processes at
    once share their results. On a processor ONNX Runtime computes many photos: 2,624 in about half
    of PyTorch's time, and equal up to rounding. Networks that it does not know are left to PyTorch.

    Args:
        index: table of photos, N rows.
        backbone: from `course_lib.models.load_backbone`.
        stages: "all" for mean and spread of the feature maps of all but the earliest stages,
            "last" for the mean of the last one only (what most articles use), or the number
            of one stage, from 0, for its mean.
        maps: keep the feature maps of that one stage as they are, instead of their means. A
            frozen part of a network then runs once, and `course_lib.models.AfterStage` trains
            what comes behind it, epoch after epoch (lesson 10).
        size: width and height in pixels; by default the backbone's own.
        batch_size: photos computed at a time.
        precision: "float32", or "bfloat16" or "float16" where the processor is faster with them;
            lesson 7 measures that. The result is float32 always.
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
        digits. With ``augment`` one dimension more in front: (views, N, …). Where possible it is a
        read-only map of the file, so that it needs no memory; make a copy before you change it.

    Raises:
        CourseError: a photo cannot be read, or one of the arguments is not possible.
    """
    size = size or backbone.size
    if augment is not None:
        augment = as_batch_transform(augment)
    _check(index, backbone, stages, maps, size, batch_size, precision, augment, views)
    data.photo_path(index, 0)  # says so if the index does not know its folder
    paths = [os.path.join(index.attrs["folder"], path) for path in index["path"]]
    photos = [_photo_hash(path) for path in paths]
    facts = [_decoding(), size, backbone.mean, backbone.std, weights_hash(backbone), precision]
    codes = [photo[:32] for photo in photos]
    if augment is not None:
        facts += [_behaviour(augment, size), seed]
        codes = [
            hashlib.sha256(f"{photo} view {view} seed {seed}".encode()).hexdigest()[:32]
            for view in range(views)
            for photo in photos
        ]
    if maps:
        facts.append("maps")
    shape = _map_shape(backbone, stages, size) if maps else (backbone.count_features(stages),)
    # The mean of the last stage is the end of "all": where that is kept already, it is read there.
    for kept in ("all", "last") if stages == "last" else (stages,):
        key = hashlib.sha256(repr([*facts, kept]).encode()).hexdigest()[:16]
        folder = work_folder() / "features" / f"{backbone.name}-{size}-{key}"
        width = math.prod(shape) if maps else backbone.count_features(kept)
        with FeatureCache(folder, width, np.float16 if maps else np.float32) as cache:
            missing = {code: paths[number % len(paths)] for number, code in enumerate(codes) if code not in cache}
            if missing and kept != stages:
                continue
            if missing:
                compute = _Computation(backbone, kept, maps, size, precision, augment)
                _fill(cache, missing, compute, batch_size, progress)
                cache.merge(codes)
            features = cache.table(codes)
            break
    features = features[:, -math.prod(shape) :]
    return features.reshape(*([] if augment is None else [views]), len(index), *shape)


def _check(
    index: pd.DataFrame,
    backbone: Backbone,
    stages: str | int,
    maps: bool,
    size: int,
    batch_size: int,
    precision: str,
    augment: BatchTransform | None,
    views: int,
) -> None:
    if len(index) == 0:
        raise CourseError("There are no photos to compute features of; check the selection.")
    last = len(backbone.stages) - 1
    known = 0 <= stages <= last if isinstance(stages, int) else stages in ("all", "last")
    if not known:
        raise CourseError(f"The stages '{stages}' are unknown; choose 'all', 'last' or a number from 0 to {last}.")
    if maps and not isinstance(stages, int):
        raise CourseError(f"Maps are kept of one stage, not of '{stages}'; give its number, 0 to {last}, as stages.")
    if batch_size < 1 or size < 1:
        raise CourseError(f"A batch of {batch_size} photos of {size} pixels is not possible; choose 1 or more of both.")
    if precision not in devices.PRECISIONS:
        raise CourseError(f"The precision '{precision}' is unknown; choose one of {', '.join(devices.PRECISIONS)}.")
    if views < 1 or (views > 1 and augment is None):
        raise CourseError(f"{views} views are not possible here; choose 1, or 1 and more with a transform as augment.")


@torch.no_grad()
def _map_shape(backbone: Backbone, stage: int, size: int) -> tuple[int, ...]:
    """Channels, height and width of one stage's maps."""
    device = next(backbone.parameters()).device
    black = torch.zeros(1, 3, size, size, device=device)
    return tuple(backbone.eval().stages[: stage + 1](black).shape[1:])


class _Computation:
    """From the files of a few photos to their features, in one place for all chunks."""

    def __init__(
        self,
        backbone: Backbone,
        stages: str | int,
        maps: bool,
        size: int,
        precision: str,
        augment: BatchTransform | None,
    ):
        self.device = devices.choose()
        self.backbone = backbone.to(self.device, memory_format=torch.channels_last).eval()
        self.size, self.augment = size, augment
        self.precision = precision
        self.network = _FrozenPart(self.backbone, stages, maps).eval()
        facts = repr([backbone.name, weights_hash(backbone), stages, maps, size])
        name = f"{backbone.name}-{size}-{hashlib.sha256(facts.encode()).hexdigest()[:16]}.onnx"
        self.program = work_folder() / "features" / "networks" / name
        self._try_out()

    def hurry(self, photos: int) -> None:
        """For many photos on a processor let ONNX Runtime compute, where it can."""
        if self.device.type != "cpu" or self.precision != "float32":
            return
        if photos < MANY and not self.program.exists():
            return
        refused = self.program.with_suffix(".refused")
        with contextlib.suppress(OSError, ValueError):  # there is none, or it is damaged
            if refused.read_text(encoding="utf-8") == versions():
                return
        generator = torch.Generator().manual_seed(0)
        example = torch.randn(2, 3, self.size, self.size, generator=generator)
        # PyTorch computes everything, only more slowly.
        with contextlib.suppress(CourseError, OSError):
            try:
                self.network = FrozenNetwork(self.network, example, self.program)
            except NotInOnnx:
                # Trying takes seconds, so it is not tried again with the same releases.
                with write_atomically(refused) as temporary:
                    temporary.write_text(versions(), encoding="utf-8")

    def _try_out(self) -> None:
        """One black photo shows whether the network takes photos of this size."""
        black = torch.zeros(1, 3, self.size, self.size, device=self.device)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="std")
            try:
                fits = bool(self._run(black).isfinite().all())
            except (RuntimeError, AssertionError):  # a network for photos of one size only
                fits = False
        if not fits:
            raise CourseError(
                f"{self.backbone.name} cannot take photos of {self.size} × {self.size} pixels, mostly "
                f"because they are too small for its last stages; choose {self.backbone.size}, for which "
                "it was made, or another size of 64 or more."
            )

    def __call__(self, paths: Sequence[str], codes: Sequence[str]) -> np.ndarray:
        """Features (N, D) of N photos; the code of each starts its random numbers."""
        photos = [torch.tensor(data.read_pixels(path, self.size, 3)) for path in paths]
        if self.augment is not None:
            pairs = zip(photos, codes, strict=True)
            photos = [_changed(photo, self.augment, code) for photo, code in pairs]
        pixels = torch.stack(photos).to(self.device)
        images = to_float(pixels, self.backbone.mean, self.backbone.std)
        features = self._run(images).float().cpu().numpy()
        if not np.isfinite(features).all():
            raise CourseError(
                f"Some features of {shorten(paths[0])} or the photos after it are no longer numbers in "
                f"{self.precision}; choose precision='float32'."
            )
        return features

    @torch.no_grad()
    def _run(self, images: Tensor) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        with devices.autocast(self.device, self.precision):
            return self.network(images)


class _FrozenPart(nn.Module):
    """What is computed of a backbone: features of the stages asked for, or the maps of one."""

    def __init__(self, backbone: Backbone, stages: str | int, maps: bool):
        super().__init__()
        self.backbone, self.stages, self.maps = backbone, stages, maps

    def forward(self, images: Tensor) -> Tensor:
        if self.maps:
            return self.backbone.stages[: self.stages + 1](images).flatten(1)
        return self.backbone.features(images, self.stages)


def _fill(
    cache: FeatureCache,
    missing: dict[str, str],
    compute: _Computation,
    batch_size: int,
    progress: bool,
) -> None:
    """Compute what is missing, chunk by chunk; each chunk is kept at once."""
    codes = list(missing)
    compute.hurry(len(codes))
    # Not more than 64 chunks, because each is a file for as long as this runs.
    step = max(CHUNK, len(codes) // 64)
    chunks = [codes[start : start + step] for start in range(0, len(codes), step)]
    # In any order, so that two processes that start together seldom compute the same.
    SystemRandom().shuffle(chunks)
    bar = tqdm(total=len(codes), desc="computing features", unit="photo", disable=not progress)
    for chunk in chunks:
        cache.refresh()
        todo = [code for code in chunk if code not in cache]
        bar.update(len(chunk) - len(todo))
        found = []
        for start in range(0, len(todo), batch_size):
            batch = todo[start : start + batch_size]
            found.append(compute([missing[code] for code in batch], batch))
            bar.update(len(batch))
        if found:
            with np.errstate(over="ignore"):  # what is too large is refused in the next line
                rows = np.concatenate(found).astype(cache.kind)
            if not np.isfinite(rows).all():
                raise CourseError("Some maps are too large to be kept in float16; keep those of another stage.")
            cache.add(todo, rows)
    bar.close()


def _photo_hash(path: str | os.PathLike) -> str:
    try:
        return file_hash(path)
    except OSError as error:
        raise CourseError(
            f"The photo {shorten(path)} of the index cannot be read ({error.strerror}); index the folder again."
        ) from error


@lru_cache
def _decoding() -> str:
    """What stands for decoding and resizing: the code that does it, and Pillow's version."""
    return PIL.__version__ + inspect.getsource(data.read_image) + inspect.getsource(data.read_pixels)


def _changed(photo: Tensor, augment: BatchTransform, code: str) -> Tensor:
    """One photo (3, H, W), changed by random numbers that start from its code."""
    start = int(code[:15], 16)
    generator = torch.Generator().manual_seed(start)
    # The transforms of torchvision draw from the global generator, so that one is set as well.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(start)
        return augment(photo[None], generator)[0]


def _behaviour(augment: BatchTransform, size: int) -> str:
    """A hash of what a transform does to 16 test pictures: other settings, another hash."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(256, (16, 3, size, size), generator=generator, dtype=torch.uint8)
    digest = hashlib.sha256(getattr(augment, "__qualname__", type(augment).__name__).encode())
    for number, picture in enumerate(pictures):
        digest.update(_changed(picture, augment, f"{number:x}").contiguous().numpy().tobytes())
    return digest.hexdigest()


def linear_probe(C: float = 0.01):
    """A linear classifier on frozen features: logistic regression on scaled features (lesson 9).

    Args:
        C: how freely the weights may grow; small values keep them small, which suits many
            features and few photos.

    Returns:
        A scikit-learn pipeline with ``fit``, ``predict`` and ``predict_proba``.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))
