"""From an index to batches: photos decoded once, then handed to the model in groups.

Introduced in lesson 5.
"""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from course_lib.data import label_numbers, label_probabilities, photo_path, read_pixels
from course_lib.errors import CourseError
from course_lib.paths import shorten, work_folder, write_atomically
from course_lib.transforms import as_batch_transform, as_photo_tensor, comes_from, to_float

GREY_MEAN, GREY_STD = (0.5,), (0.25,)


def pixels(index: pd.DataFrame, size: int = 96, channels: int = 1, progress: bool = True):
    """Decode all photos of an index once and keep the result (lesson 5).

    Reading a PNG file takes far longer than copying its pixels. So the pixels are written
    to one file in ``work/pixels``, and the next call opens that file without reading a
    photo. The name of the file is a hash of what produced it: file names, sizes, times
    of change, and the size asked for; a changed photo leads to a new file.

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
    cache = work_folder() / "pixels" / f"{_fingerprint(index)}-{channels}x{size}.npy"
    kept = _open_pixels(cache, shape)
    if kept is not None:
        return kept
    rows = tqdm(range(len(index)), desc="decoding photos", unit="photo", disable=not progress)
    with write_atomically(cache) as temporary, open(temporary, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for row in rows:
            decoded = read_pixels(photo_path(index, row), size, channels)
            file.write(np.ascontiguousarray(decoded).data)
    return _open_pixels(cache, shape)


def _open_pixels(cache: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The kept pixels, or None where there are none or the file is damaged."""
    try:
        kept = np.load(cache, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return kept if kept.shape == shape and kept.dtype == np.uint8 else None


def _fingerprint(index: pd.DataFrame) -> str:
    """A short hash of the folder and of each photo's path, size and time of change."""
    facts = []
    for row in range(len(index)):
        path = photo_path(index, row)
        try:
            state = path.stat()
        except OSError as error:
            raise CourseError(
                f"The photo {shorten(path)} of the index is not there; index the folder again."
            ) from error
        facts.append((index["path"].iloc[row], state.st_size, state.st_mtime_ns))
    text = json.dumps([str(index.attrs["folder"]), facts])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class PhotoDataset(torch.utils.data.Dataset):
    """Photos and labels one at a time, with a transform for single photos (lesson 5).

    It takes transforms of both kinds: torchvision's get a tensor, Albumentations' an array.

    Args:
        images: uint8, (N, C, H, W), as `pixels` gives them.
        labels: whole numbers, (N,).
        transform: None, a torchvision transform (tensor (C, H, W) in, tensor out) or an
            Albumentations transform (called with ``image=`` array (H, W, C); it may end in
            ``ToTensorV2``).
    """

    def __init__(self, images: np.ndarray, labels: Sequence[int], transform: Callable | None = None):
        if len(images) != len(labels):
            raise CourseError(
                f"There are {len(images)} photos but {len(labels)} labels; both must be in the same order and number."
            )
        self.images, self.labels, self.transform = images, labels, transform
        self._albumentations = comes_from(transform, "albumentations")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        image = self.images[number]
        if self._albumentations:
            # A copy, because ToTensorV2 gives a tensor over the same memory.
            array = np.array(image.transpose(1, 2, 0), order="C")
            image = as_photo_tensor(self.transform(image=array)["image"])
        else:
            image = torch.from_numpy(np.array(image))
            if self.transform is not None:
                image = self.transform(image)
        return image, int(self.labels[number])


class _Loader:
    """What the loaders of photos and of features share: how many batches, and which rows are next."""

    labels: Tensor
    batch_size: int
    shuffle: bool
    seed: int
    epoch: int

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
    """Give photos and labels in batches, made in one step from the decoded pixels (lesson 5).

    It does what ``torch.utils.data.DataLoader`` does for photos that are decoded
    already, but picks a whole batch at once, which is many times faster than one by one.

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
            `course_lib.transforms.one_by_one`.
        mean, std: one number for each channel; the pixels become ``(x/255 − mean) / std``.
        device: where the batches shall lie. On a GPU all photos of the loader are kept there, as
            whole numbers, so that only once do they travel to it.

    Iterating gives ``(images, labels)``: float32 (B, C, H, W), and int64 (B,) or, for
    probabilities, float32 (B, classes).

    Raises:
        CourseError: no photos, another number of labels than of photos, an impossible batch size,
            or something as ``augment`` that is no transform.

    Example:
        >>> loader = BatchLoader(np.zeros((5, 1, 8, 8), np.uint8), [0, 1, 0, 1, 0], batch_size=2)
        >>> [tuple(images.shape) for images, labels in loader]
        [(2, 1, 8, 8), (2, 1, 8, 8), (1, 1, 8, 8)]
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: Sequence[int],
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
        if len(images) != len(labels):
            raise CourseError(
                f"There are {len(images)} photos but {len(labels)} labels; both must be in the same order and number."
            )
        if len(images) == 0:
            raise CourseError("There are no photos to load; check the split of the index.")
        if batch_size < 1:
            raise CourseError(f"A batch cannot hold {batch_size} photos; choose 1 or more.")
        rows = _row_numbers(rows, len(labels))
        self._pixels, self._rows = _as_tensor(images), torch.from_numpy(rows)
        labels = np.array(labels)[rows]
        kind = torch.int64 if labels.ndim == 1 else torch.float32
        self.labels = torch.as_tensor(labels, dtype=kind)
        self.to(device)
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        self.augment, self.mean, self.std = as_batch_transform(augment), mean, std
        self.epoch = 0

    @property
    def images(self) -> Tensor:
        """A copy of all photos of this loader, uint8 (N, C, H, W), in the computer's memory."""
        return self._pixels.index_select(0, self._rows.to(self._pixels.device)).cpu()

    @property
    def bytes(self) -> int:
        """How much memory the photos of this loader take, as whole numbers."""
        return len(self._rows) * self._pixels[0].numel()

    def to(self, device: torch.device | str) -> "BatchLoader":
        """Make the batches on a GPU: all photos travel to it now, and never again (lesson 7)."""
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


def _row_numbers(rows: np.ndarray | None, count: int) -> np.ndarray:
    """The numbers of the chosen rows, int64; rows may also be given as yes or no for each photo."""
    chosen = np.arange(count) if rows is None else np.asarray(rows)
    chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
    if len(chosen) == 0:
        raise CourseError("There are no photos to load; check the rows.")
    return chosen


def _as_tensor(images: np.ndarray) -> Tensor:
    """A tensor over the same memory. It is only read, so a file map that cannot be written to will do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(images))


class FeatureLoader(_Loader):
    """Give kept features and labels in batches, so that the frozen part never runs again (lesson 9).

    ``fit(model.head, FeatureLoader(…), epochs=10, channels_last=False)`` costs seconds: the
    backbone ran once, in `course_lib.features.extract`. Kept maps train the stages behind them in the
    same way, see `course_lib.models.AfterStage`.

    Args:
        features: (N, D), or (N, C, H, W) for maps, as `course_lib.features.extract` gives them; with
            ``views`` one dimension more in front, or a list of such arrays. They are not copied,
            so they may be larger than the memory.
        labels: class numbers, (N,), or the probability of each class, (N, classes).
        rows: which of the N photos to give, such as those for training; by default all.
        batch_size: photos in a batch; the last batch may be smaller.
        shuffle: another order in each epoch. The order depends on ``seed`` and ``epoch`` only.
        views: how many views of each photo ``features`` holds, as ``extract`` gives them with
            ``augment``. Each photo begins with a view of its own, and each epoch shows its next one.

    Iterating gives ``(features, labels)``: float32 (B, D) or (B, C, H, W), and int64 (B,) or, for
    probabilities, float32 (B, classes).

    Raises:
        CourseError: no photos, or another number of labels or of views than there are.

    Example:
        >>> loader = FeatureLoader(np.zeros((5, 8), np.float32), [0, 1, 0, 1, 0], batch_size=2)
        >>> [tuple(features.shape) for features, labels in loader]
        [(2, 8), (2, 8), (1, 8)]
    """

    def __init__(
        self,
        features: np.ndarray | Sequence[np.ndarray],
        labels: Sequence[int] | np.ndarray,
        *,
        rows: np.ndarray | None = None,
        batch_size: int = 64,
        shuffle: bool = False,
        views: int | None = None,
        seed: int = 0,
    ):
        self.views = [features] if views is None else list(features)
        if views not in (None, len(self.views)):
            raise CourseError(
                f"The features hold {len(self.views)} views, not {views}; give the number that extract was called with."
            )
        labels = np.array(labels)
        count = len(self.views[0])
        if count != len(labels) or count == 0:
            raise CourseError(
                f"There are features of {count} photos and {len(labels)} labels; both must be in the "
                "same order and number, and at least one."
            )
        self.rows = _row_numbers(rows, count)
        kind = torch.int64 if labels.ndim == 1 else torch.float32
        self.labels = torch.as_tensor(labels[self.rows], dtype=kind)
        self.batch_size, self.shuffle, self.seed, self.epoch = batch_size, shuffle, seed, 0
        first = np.random.default_rng(seed)
        self._first_view = first.integers(len(self.views), size=len(self.rows))

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
    batch_size: int = 64,
    augment: Callable | None = None,
    mean: Sequence[float] = GREY_MEAN,
    std: Sequence[float] = GREY_STD,
    seed: int = 0,
    soft_labels: bool = False,
    device: torch.device | str = "cpu",
    progress: bool = True,
) -> dict[str, BatchLoader]:
    """One loader for each split of an index (lesson 5).

    Only the train loader shuffles and augments.

    Args:
        index: table with the column ``split``.
        augment: a batch transform from `course_lib.transforms`, or a transform of Albumentations or
            torchvision.
        soft_labels: train on the experts' probabilities, where the index has them, see
            `course_lib.data.label_probabilities`. Further arguments as in `BatchLoader`.

    Returns:
        ``{"train": …, "validation": …, "test": …}``, the rows of each in index order.

    Raises:
        CourseError: the index has no column ``split``, no row is in ``train``, or ``augment`` is no
            transform.
    """
    if "split" not in index or not (index["split"] == "train").any():
        raise CourseError(
            "The index has no rows with split 'train'; make the splits with course_lib.splits first (lesson 5)."
        )
    images, labels = pixels(index, size, channels, progress), label_numbers(index)
    train_labels = label_probabilities(index) if soft_labels else labels
    result = {}
    for name in index["split"].unique():
        rows = np.flatnonzero(index["split"] == name)
        training = name == "train"
        result[name] = BatchLoader(
            images,
            train_labels if training else labels,
            rows=rows,
            batch_size=batch_size,
            shuffle=training,
            augment=augment if training else None,
            mean=mean,
            std=std,
            seed=seed,
            device=device,
        )
    return result
