"""Features of a frozen backbone, computed once for each photo and kept.

Introduced in lesson 9; lessons 3 to 5 use it as a preview.
"""

import hashlib
import os

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from course_lib import device as devices
from course_lib.data import photo_path, read_pixels
from course_lib.errors import CourseError
from course_lib.models import Backbone
from course_lib.paths import shorten, work_folder, write_atomically
from course_lib.transforms import to_float
from course_lib.weights import file_hash, weights_hash


def extract(
    index: pd.DataFrame,
    backbone: Backbone,
    *,
    stages: str = "all",
    size: int | None = None,
    batch_size: int = 32,
    progress: bool = True,
) -> np.ndarray:
    """Turn each photo into features with a frozen backbone (lesson 9).

    The backbone never changes, so neither do the features: they are computed once and kept
    in ``work/features``, one row for each photo, found again by the hash of its bytes. A new
    or changed photo is computed; the others are read. All 2,624 solar cells take about 40 s
    on two cores the first time and one second after that.

    Args:
        index: table of photos, N rows.
        backbone: from `course_lib.models.load_backbone`.
        stages: "all" for mean and spread of the feature maps of all but the earliest stages,
            "last" for the mean of the last one only (what most articles use).
        size: width and height in pixels; by default the backbone's own.
        batch_size: photos computed at a time.
        progress: show a progress bar.

    Returns:
        float32, (N, D), in the order of the index; D is ``backbone.feature_count`` for "last"
        and larger for "all".

    Raises:
        CourseError: a photo cannot be read, or ``stages`` is neither "all" nor "last".
    """
    if stages not in ("all", "last"):
        raise CourseError(f"The stages '{stages}' are unknown; choose 'all' or 'last'.")
    size = size or backbone.size
    # Hashed now: a backbone that was fine-tuned since it was loaded gives other features.
    preprocessing = hashlib.sha256(repr((backbone.mean, backbone.std)).encode()).hexdigest()[:6]
    key = f"{backbone.name}-{weights_hash(backbone)[:12]}-{preprocessing}-{size}-stages"
    cache = work_folder() / "features" / f"{key}.npz"
    if len(index) == 0:
        raise CourseError("There are no photos to compute features of; check the selection.")
    paths = [photo_path(index, row) for row in range(len(index))]
    hashes = [_photo_hash(path) for path in paths]
    known = _read_cache(cache, _feature_width(backbone))
    missing = [row for row, photo in enumerate(hashes) if photo not in known]
    if missing:
        computed = _compute(paths, missing, backbone, size, batch_size, progress)
        if not np.isfinite(computed).all():
            raise CourseError(
                f"Photos of {size} × {size} pixels are too small for {backbone.name}: its last "
                "feature maps have one pixel and no spread; choose a larger size, such as 64."
            )
        known |= {hashes[row]: features for row, features in zip(missing, computed, strict=True)}
        with write_atomically(cache) as temporary:
            np.savez(
                temporary,
                hashes=np.array(list(known), dtype="S16"),
                features=np.stack(list(known.values())),
            )
    features = np.stack([known[photo] for photo in hashes])
    return features if stages == "all" else features[:, -backbone.feature_count :]


def _photo_hash(path: str | os.PathLike) -> bytes:
    try:
        return file_hash(path)[:16].encode()
    except OSError as error:
        raise CourseError(
            f"The photo {shorten(path)} of the index cannot be read ({error.strerror}); "
            "index the folder again."
        ) from error


@torch.no_grad()
def _feature_width(backbone: Backbone) -> int:
    """How many features a photo gives, counted on a black one."""
    black = torch.zeros(1, 3, 64, 64, device=next(backbone.parameters()).device)
    return backbone.eval().stage_features(black).shape[1]


def _read_cache(cache: os.PathLike, width: int) -> dict[bytes, np.ndarray]:
    """Kept features by photo hash; empty where there are none or the file does not fit."""
    try:
        with np.load(cache, allow_pickle=False) as kept:
            hashes, features = kept["hashes"], kept["features"]
    except Exception:  # a missing, broken-off or foreign file raises one of many kinds
        return {}
    if features.shape != (len(hashes), width):
        return {}
    return dict(zip(hashes.tolist(), features, strict=True))


@torch.no_grad()
def _compute(
    paths: list, rows: list[int], backbone: Backbone, size: int, batch_size: int, progress: bool
) -> list[np.ndarray]:
    device = devices.choose()
    backbone.to(device, memory_format=torch.channels_last).eval()
    features: list[np.ndarray] = []
    bar = tqdm(total=len(rows), desc="computing features", unit="photo", disable=not progress)
    for start in range(0, len(rows), batch_size):
        batch = [read_pixels(paths[row], size, 3) for row in rows[start : start + batch_size]]
        images = torch.from_numpy(np.stack(batch)).to(device)
        images = to_float(images, backbone.mean, backbone.std)
        features.extend(
            backbone.stage_features(images.contiguous(memory_format=torch.channels_last))
            .cpu()
            .numpy()
        )
        bar.update(len(batch))
    bar.close()
    return features


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
