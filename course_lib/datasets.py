"""From an index to batches: photos decoded once, then handed to the model in groups."""

import hashlib
import inspect
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL
import torch
from torch import Tensor
from tqdm.auto import tqdm

from course_lib.data import label_numbers, label_probabilities, photo_path, read_pixels
from course_lib.errors import CourseError
from course_lib.paths import file_hash, shorten, work_folder, write_atomically
from course_lib.transforms import as_batch_transform, to_float

Labels = Sequence[int] | np.ndarray
GREY_MEAN, GREY_STD = (0.5,), (0.25,)


def pixels(index: pd.DataFrame, size: int = 96, channels: int = 1, progress: bool = True) -> np.ndarray:
    """Decode all photos of an index once and keep the result.

    Decoding a PNG file takes far longer than copying its pixels. So the pixels are written
    to one file in ``work/pixels``, and the next call opens that file without decoding a
    photo. The name of the file is a hash of what produced it: the bytes of all photos, the
    way they are decoded, and the size asked for; a changed photo leads to a new file.

    Args:
        index: table of photos, N rows.
        size: width and height of the result in pixels.
        channels: 1 for grey, 3 for colour.
        progress: show a progress bar.

    Returns:
        uint8 array of shape (N, channels, size, size), memory-mapped: it is read from the
        disk in parts as needed and cannot be written to.

    Raises:
        CourseError: a photo cannot be read, or ``channels`` is neither 1 nor 3.
    """
    shape = (len(index), channels, size, size)
    made_of = json.dumps([decoding(), photo_hashes(index)])
    cache = work_folder() / "pixels" / f"{hashlib.sha256(made_of.encode()).hexdigest()[:16]}-{channels}x{size}.npy"
    if not cache.exists():
        # Row by row, so that it needs no memory; NumPy's own map would end the program where the disk is full.
        with write_atomically(cache) as temporary, open(temporary, "wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            for row in tqdm(range(len(index)), desc="decoding photos", unit="photo", disable=not progress):
                file.write(read_pixels(photo_path(index, row), size, channels).tobytes())
    return np.load(cache, mmap_mode="r")


def photo_hashes(index: pd.DataFrame) -> list[str]:
    """SHA-256 of each photo's bytes, in the order of the index: what is kept of a photo is found by it.

    Size and time of a file are not enough: a program may change a photo and leave both as they were.

    Raises:
        CourseError: a photo cannot be read.
    """
    with ThreadPoolExecutor() as pool:  # the disk and several processors work at the same time
        return list(pool.map(_photo_hash, [photo_path(index, row) for row in range(len(index))]))


def _photo_hash(path: Path) -> str:
    try:
        return file_hash(path)
    except OSError as error:
        raise CourseError(
            f"The photo {shorten(path)} of the index cannot be read ({error.strerror}); index the folder again."
        ) from error


def decoding() -> str:
    """What stands for decoding and resizing: the code that does it, and Pillow's version."""
    return PIL.__version__ + inspect.getsource(sys.modules[read_pixels.__module__])


class _Loader:
    """What the loaders of photos and of features share: rows, labels, how many batches, and the order."""

    def __init__(self, count: int, labels: Labels, rows: np.ndarray | None, batch_size: int, shuffle: bool, seed: int):
        if count != len(labels):
            raise CourseError(
                f"There are {count} photos but {len(labels)} labels; both must be in the same order and number."
            )
        chosen = np.arange(count) if rows is None else np.asarray(rows)
        self.rows = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        if len(self.rows) == 0:
            raise CourseError("There are no photos to load; check the rows, or the split of the index.")
        if batch_size < 1:
            raise CourseError(f"A batch cannot hold {batch_size} photos; choose 1 or more.")
        given = np.array(labels)[self.rows]
        self.labels = torch.as_tensor(given, dtype=torch.int64 if given.ndim == 1 else torch.float32)
        self.batch_size, self.shuffle, self.seed, self.epoch = batch_size, shuffle, seed, 0

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.labels) // self.batch_size)

    def _order(self) -> tuple[Tensor, torch.Generator]:
        """The rows of this epoch, and the random numbers that go on from there."""
        # Seeded by epoch, so that a resumed training sees the same order as an uninterrupted one.
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        count = len(self.labels)
        order = torch.randperm(count, generator=generator) if self.shuffle else torch.arange(count)
        return order, generator


class BatchLoader(_Loader):
    """Give photos and labels in batches, made in one step from the decoded pixels.

    It does what ``torch.utils.data.DataLoader`` does for photos that are decoded
    already, but picks a whole batch at once, which is many times faster than one after the other.

    Args:
        images: uint8, (N, C, H, W). A file map, as `pixels` gives it, is not copied into memory:
            each batch reads its own photos.
        labels: class numbers, (N,), or the probability of each class, (N, classes).
        rows: which of the N photos to give, such as those for training; by default all.
        batch_size: photos in a batch; the last batch may be smaller.
        shuffle: another order in each epoch. The order depends on ``seed`` and `epoch` only.
        augment: for training photos only: a batch transform from `course_lib.transforms`, such as
            ``transforms.flips``, or a transform of Albumentations or ``torchvision.transforms.v2``,
            such as ``A.HorizontalFlip()``, which then changes each photo of a batch, see
            `course_lib.transforms.per_image`.
        mean, std: one number for each channel; the pixels become ``(x/255 − mean) / std``.
        device: where the batches lie. On a GPU all photos of the loader are kept there, as
            whole numbers, so that only once do they travel to it.

    Iterating gives ``(images, labels)``: float32 (B, C, H, W), and int64 (B,) or, for
    probabilities, float32 (B, classes).

    Raises:
        CourseError: no photos, another number of labels than of photos, an impossible batch size,
            or something as ``augment`` that is not a transform.

    Example:
        >>> loader = BatchLoader(np.zeros((5, 1, 8, 8), np.uint8), [0, 1, 0, 1, 0], batch_size=2)
        >>> [tuple(images.shape) for images, labels in loader]
        [(2, 1, 8, 8), (2, 1, 8, 8), (1, 1, 8, 8)]
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: Labels,
        *,
        rows: np.ndarray | None = None,
        batch_size: int = 64,
        shuffle: bool = False,
        seed: int = 0,
        augment: Callable | None = None,
        mean: Sequence[float] = GREY_MEAN,
        std: Sequence[float] = GREY_STD,
        device: torch.device | str = "cpu",
    ):
        super().__init__(len(images), labels, rows, batch_size, shuffle, seed)
        self.augment = None if augment is None else as_batch_transform(augment)
        self.mean, self.std = mean, std
        self._pixels, self._rows = _as_tensor(images), torch.from_numpy(self.rows)
        self.to(device)

    @property
    def images(self) -> Tensor:
        """A copy of all photos of this loader, uint8 (N, C, H, W), in the computer's memory."""
        return self._pixels.index_select(0, self._rows.to(self._pixels.device)).cpu()

    @property
    def bytes(self) -> int:
        """How much memory the photos of this loader take, as whole numbers."""
        return len(self._rows) * self._pixels[0].numel()

    def to(self, device: torch.device | str) -> "BatchLoader":
        """Make the batches on a GPU: all photos travel to it now, and never again."""
        device = torch.device(device)
        if device.type != self._pixels.device.type:
            self._pixels, self._rows = self.images.to(device), torch.arange(len(self._rows))
        return self

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order, generator = self._order()
        if self.shuffle or self.augment:
            self.epoch += 1
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            images = self._pixels.index_select(0, self._rows[chosen].to(self._pixels.device))
            if self.augment is not None:
                images = self.augment(images, generator)
            yield to_float(images, self.mean, self.std), self.labels[chosen].to(self._pixels.device)


def _as_tensor(images: np.ndarray) -> Tensor:
    """A tensor over the same memory. It is only read, so a file map that cannot be written to will do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(images))


class FeatureLoader(_Loader):
    """Give kept features and labels in batches, so that the frozen part never runs again.

    ``fit(model.head, FeatureLoader(…), epochs=10, channels_last=False)`` costs seconds: the
    backbone ran once, in `course_lib.features.extract`. Kept maps train the stages behind them in the
    same way, see `course_lib.models.AfterStage`.

    Args:
        features: (N, D), or (N, C, H, W) for maps, as `course_lib.features.extract` gives them; with
            ``views`` one dimension more in front, or a list of such arrays. They are not copied.
        labels: class numbers, (N,), or the probability of each class, (N, classes).
        rows: which of the N photos to give, such as those for training; by default all.
        batch_size: photos in a batch; the last batch may be smaller.
        shuffle: another order in each epoch. The order depends on ``seed`` and ``epoch`` only.
        views: how many views of each photo ``features`` holds, as ``extract`` gives them with
            ``augment``. Each photo begins with a view of its own, and each epoch shows its next one.

    Iterating gives ``(features, labels)``: float32 (B, D) or (B, C, H, W), and int64 (B,) or, for
    probabilities, float32 (B, classes).

    Raises:
        CourseError: no photos, or another number of labels than there are.

    Example:
        >>> loader = FeatureLoader(np.zeros((5, 8), np.float32), [0, 1, 0, 1, 0], batch_size=2)
        >>> [tuple(features.shape) for features, labels in loader]
        [(2, 8), (2, 8), (1, 8)]
    """

    def __init__(
        self,
        features: np.ndarray | Sequence[np.ndarray],
        labels: Labels,
        *,
        rows: np.ndarray | None = None,
        batch_size: int = 64,
        shuffle: bool = False,
        views: int | None = None,
        seed: int = 0,
    ):
        self.views: list[Any] = [features] if views is None else list(features)
        super().__init__(len(self.views[0]), labels, rows, batch_size, shuffle, seed)
        self._first_view = np.random.default_rng(seed).integers(len(self.views), size=len(self.rows))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order, _ = self._order()
        views = (self._first_view + self.epoch) % len(self.views)
        self.epoch += 1
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            numbers = chosen.numpy()
            yield self._features(views[numbers], self.rows[numbers]), self.labels[chosen]

    def _features(self, views: np.ndarray, rows: np.ndarray) -> Tensor:
        """One view of each of these photos."""
        found = np.empty((len(rows), *self.views[0].shape[1:]), np.float32)
        for view in np.unique(views):
            found[views == view] = self.views[view][rows[views == view]]
        return torch.from_numpy(found)


def loaders(
    index: pd.DataFrame,
    *,
    size: int = 96,
    channels: int = 1,
    augment: Callable | None = None,
    soft_labels: bool = False,
    progress: bool = True,
    **settings: Any,
) -> dict[str, BatchLoader]:
    """One loader for each split of an index.

    Only the train loader shuffles and augments.

    Args:
        index: table with the column ``split``.
        augment: a batch transform from `course_lib.transforms`, or a transform of Albumentations or
            torchvision.
        soft_labels: train on the experts' probabilities, where the index has them, see
            `course_lib.data.label_probabilities`.
        settings: batch_size, mean, std, seed and device, as in `BatchLoader`.

    Returns:
        ``{"train": …, "validation": …, "test": …}``, the rows of each in index order.

    Raises:
        CourseError: the index has no column ``split``, no row is in ``train``, or ``augment`` is not a
            transform.
    """
    if "split" not in index or not (index["split"] == "train").any():
        raise CourseError(
            "The index has no rows with split 'train'; make the splits with course_lib.splits first (lesson 5)."
        )
    images, labels = pixels(index, size, channels, progress), label_numbers(index)
    targets = label_probabilities(index) if soft_labels else labels
    result = {}
    for name in index["split"].unique():
        training = name == "train"
        result[name] = BatchLoader(
            images,
            targets if training else labels,
            rows=np.flatnonzero(index["split"] == name),
            shuffle=training,
            augment=augment if training else None,
            **settings,
        )
    return result
