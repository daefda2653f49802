"""Pixels are decoded once and kept truthfully; loaders give every photo once in each epoch."""

import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import albumentations
import numpy as np
import pandas as pd
import pytest
import torch
from albumentations.pytorch import ToTensorV2
from PIL import Image
from torchvision.transforms import v2

from course_lib import data, datasets, splits, transforms
from course_lib.errors import CourseError


def numbered(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Photos whose first pixel is their number, and their labels: odd or even."""
    images = np.zeros((count, 1, 4, 4), np.uint8)
    images[:, 0, 0, 0] = np.arange(count)
    return images, np.arange(count) % 2


def numbers_in(loader: datasets.BatchLoader) -> list[int]:
    """The numbers of the photos in the order in which a loader of `numbered` gives them."""
    return [round(value) for images, _ in loader for value in (images[:, 0, 0, 0] * 255).tolist()]


def plain_loader(count: int = 10, **settings) -> datasets.BatchLoader:
    return datasets.BatchLoader(*numbered(count), mean=[0.0], std=[1.0], **settings)


# pixels


def test_pixels_are_those_of_each_photo_in_index_order(index: pd.DataFrame, work: Path) -> None:
    pixels = datasets.pixels(index, size=16, channels=3, progress=False)

    assert pixels.shape == (20, 3, 16, 16) and pixels.dtype == np.uint8
    for row in (0, 13):
        expected = data.read_pixels(data.photo_path(index, row), 16, 3)
        np.testing.assert_array_equal(pixels[row], expected)


def test_the_second_call_decodes_no_photo(index: pd.DataFrame, work: Path) -> None:
    first = datasets.pixels(index, size=8, progress=False)
    (file,) = (work / "pixels").iterdir()
    written = file.stat().st_mtime_ns
    np.testing.assert_array_equal(datasets.pixels(index, size=8, progress=False), first)
    assert file.stat().st_mtime_ns == written


def test_a_photo_changed_behind_its_size_and_time_is_noticed(index: pd.DataFrame, work: Path, photos: Path) -> None:
    photo = photos / index["path"].iloc[0]
    Image.new("L", (40, 40), 200).save(photo, format="bmp")
    state = photo.stat()
    assert (datasets.pixels(index, size=8, progress=False)[0] == 200).all()
    Image.new("L", (40, 40), 20).save(photo, format="bmp")
    os.utime(photo, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert photo.stat().st_size == state.st_size
    assert (datasets.pixels(index, size=8, progress=False)[0] == 20).all()


def test_a_changed_photo_changes_the_pixels(index: pd.DataFrame, work: Path, photos: Path) -> None:
    datasets.pixels(index, size=8, progress=False)
    Image.new("L", (40, 40), 200).save(photos / "defective" / "0.png")

    assert (datasets.pixels(index, size=8, progress=False)[0] == 200).all()


def test_kept_pixels_cannot_be_changed_by_accident(index: pd.DataFrame, work: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        datasets.pixels(index, size=8, progress=False)[0] = 0


def test_an_unreadable_photo_is_named_and_leaves_no_half_file(index: pd.DataFrame, work: Path, photos: Path) -> None:
    (photos / "functional" / "9.png").write_bytes(b"no photo")
    with pytest.raises(CourseError, match=r"functional/9\.png is not an image"):
        datasets.pixels(index, size=8, progress=False)
    assert not list((work / "pixels").iterdir())


def test_a_removed_photo_is_named(index: pd.DataFrame, work: Path, photos: Path) -> None:
    (photos / "functional" / "9.png").unlink()
    with pytest.raises(CourseError, match=r"functional/9\.png of the index cannot be read"):
        datasets.pixels(index, size=8, progress=False)


def test_a_file_in_the_way_of_the_work_folder_is_named(index: pd.DataFrame, work: Path) -> None:
    work.write_text("mine")
    with pytest.raises(CourseError, match=r"work/pixels cannot be made.*COURSE_WORK"):
        datasets.pixels(index, size=8, progress=False)
    assert work.read_text() == "mine"


# BatchLoader


@pytest.mark.parametrize(("count", "batches"), [(1, [1]), (4, [4]), (5, [4, 1]), (8, [4, 4])])
def test_batches_hold_all_photos_and_the_last_the_rest(count: int, batches: list[int]) -> None:
    loader = plain_loader(count, batch_size=4)
    assert [len(labels) for _, labels in loader] == batches
    assert len(loader) == len(batches)
    assert numbers_in(loader) == list(range(count))


def test_labels_stay_with_their_photos_when_shuffled() -> None:
    for images, labels in plain_loader(shuffle=True, batch_size=3):
        assert torch.equal((images[:, 0, 0, 0] * 255).round().long() % 2, labels)


def test_each_epoch_has_every_photo_once_in_another_order() -> None:
    loader = plain_loader(shuffle=True)
    first, second = numbers_in(loader), numbers_in(loader)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(10))


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    loader = plain_loader(shuffle=True, seed=3)
    orders = [numbers_in(loader) for _ in range(3)]
    other = plain_loader(shuffle=True, seed=3)
    other.epoch = 2
    torch.manual_seed(99)
    assert numbers_in(other) == orders[2]


def test_the_loader_feeds_the_model_what_torchvision_would(index: pd.DataFrame, work: Path) -> None:
    from torchvision.transforms.v2.functional import normalize

    images = datasets.pixels(index, size=8, progress=False)
    loader = datasets.BatchLoader(images, data.label_numbers(index), batch_size=32)
    (batch, labels), *_ = loader

    expected = normalize(torch.from_numpy(np.array(images)).float() / 255, [0.5], [0.25])
    torch.testing.assert_close(batch, expected)
    assert labels.tolist() == [1] * 10 + [0] * 10


@pytest.mark.parametrize(
    ("images", "labels", "batch_size", "sentence"),
    [
        (5, 4, 2, "5 photos but 4 labels"),
        (0, 0, 2, "no photos to load"),
        (5, 5, 0, "A batch cannot hold 0 photos"),
        (5, 5, -1, "A batch cannot hold -1 photos"),
    ],
)
def test_what_cannot_be_loaded_is_refused(images: int, labels: int, batch_size: int, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        datasets.BatchLoader(numbered(images)[0], numbered(labels)[1], batch_size=batch_size)


class OwnFlip(albumentations.HorizontalFlip):
    """A transform of one's own, derived from one of the library."""


@pytest.mark.parametrize(
    "mirror",
    [
        lambda images, generator: images.flip(-1),
        albumentations.HorizontalFlip(p=1),
        albumentations.Compose([albumentations.HorizontalFlip(p=1), ToTensorV2()]),
        OwnFlip(p=1),
        v2.RandomHorizontalFlip(p=1),
        v2.Compose([v2.RandomHorizontalFlip(p=1)]),
    ],
    ids=lambda mirror: type(mirror).__module__.split(".")[0] + " " + type(mirror).__name__,
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_loader_takes_the_transforms_of_all_libraries(mirror: Callable, channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, channels, 4, 6), dtype=np.uint8)
    settings = {"mean": [0.0] * channels, "std": [1.0] * channels, "batch_size": 3}
    loader = datasets.BatchLoader(images, [0] * 5, augment=mirror, **settings)
    changed = (torch.cat([batch for batch, _ in loader]) * 255).round()
    np.testing.assert_array_equal(changed, images[..., ::-1])


@pytest.mark.parametrize("change", [albumentations.HorizontalFlip(), v2.RandomHorizontalFlip()], ids=["A", "v2"])
def test_what_another_library_draws_depends_on_seed_and_epoch_alone(change: Callable) -> None:
    def epochs(augment: Callable) -> list[bytes]:
        images = np.random.default_rng(0).integers(0, 256, (20, 1, 4, 4), dtype=np.uint8)
        loader = datasets.BatchLoader(images, [0] * 20, augment=augment)
        loader = pickle.loads(pickle.dumps(loader))  # as a process of its own would get it
        return [next(iter(loader))[0].numpy().tobytes() for _ in range(2)]

    first, second = epochs(change)
    assert first != second
    assert epochs(change) == epochs(transforms.per_image(change)) == [first, second]


@pytest.mark.parametrize("wrong", ["flips", [transforms.flips], False, albumentations.HorizontalFlip, transforms])
def test_what_is_no_transform_is_refused(wrong: object) -> None:
    with pytest.raises(CourseError, match=r"^\S.* is not a transform; give one of") as refusal:
        plain_loader(augment=wrong)
    assert str(refusal.value).count(". ") == 0 and "\n" not in str(refusal.value)


# loaders


def test_each_split_gets_its_own_photos(index: pd.DataFrame, work: Path) -> None:
    split = splits.random_split(index)
    loaders = datasets.loaders(split, size=8, progress=False)

    assert {name: len(loader.labels) for name, loader in loaders.items()} == (split["split"].value_counts().to_dict())
    pixels = datasets.pixels(index, size=8, progress=False)
    np.testing.assert_array_equal(loaders["test"].images, pixels[split["split"] == "test"])


@pytest.mark.parametrize(
    "augment", [transforms.flips_and_quarter_turns, albumentations.HorizontalFlip()], ids=["own", "A"]
)
def test_only_training_photos_are_shuffled_and_augmented(augment: Callable, index: pd.DataFrame, work: Path) -> None:
    loaders = datasets.loaders(splits.random_split(index), size=8, augment=augment, progress=False)
    next(iter(loaders["train"]))
    for name, loader in loaders.items():
        assert (loader.shuffle, loader.augment is not None) == ((name == "train"),) * 2


def test_an_index_without_split_is_refused(index: pd.DataFrame, work: Path) -> None:
    with pytest.raises(CourseError, match="no rows with split 'train'"):
        datasets.loaders(index, progress=False)


def test_probabilities_as_labels_reach_the_batch() -> None:
    probabilities = np.array([[0.75, 0.25], [0, 1]], np.float32)
    loader = datasets.BatchLoader(np.zeros((2, 1, 8, 8), np.uint8), probabilities)
    labels = next(iter(loader))[1]
    assert labels.dtype == torch.float32
    assert np.array_equal(labels.numpy(), probabilities)


def test_a_loader_of_some_rows_gives_what_a_loader_of_a_copy_gives(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (10, 1, 8, 8), np.uint8)
    np.save(tmp_path / "pixels.npy", images)
    kept = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    labels, rows = np.arange(10), np.array([7, 2, 9, 4])
    settings = {"batch_size": 3, "shuffle": True, "augment": transforms.flips_and_quarter_turns}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        some = datasets.BatchLoader(kept, labels, rows=rows, **settings)
    copied = datasets.BatchLoader(images[rows], labels[rows], **settings)
    for (first, first_labels), (second, second_labels) in zip(some, copied, strict=True):
        assert torch.equal(first, second) and torch.equal(first_labels, second_labels)
    assert torch.equal(some.images, copied.images)
    by_mask = datasets.BatchLoader(kept, labels, rows=np.isin(labels, rows))
    assert by_mask.labels.tolist() == [2, 4, 7, 9]
    assert np.array_equal(kept, images), "the kept pixels have changed"
    with pytest.raises(CourseError, match="no photos to load"):
        datasets.BatchLoader(kept, labels, rows=rows[:0])


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param("cuda", marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="needs an NVIDIA GPU"
        )),
    ],
)  # fmt: skip
def test_a_loader_that_moves_to_another_device_gives_the_same(device: str) -> None:
    images, labels = numbered(10)
    stays = datasets.BatchLoader(images, labels, rows=np.arange(3, 9), shuffle=True)
    moves = datasets.BatchLoader(images, labels, rows=np.arange(3, 9), shuffle=True).to(device)
    assert stays.bytes == moves.bytes == 6 * 16
    for (first, first_labels), (second, second_labels) in zip(stays, moves, strict=True):
        assert second.device.type == second_labels.device.type == device
        torch.testing.assert_close(second.cpu(), first)
        assert torch.equal(second_labels.cpu(), first_labels)
    assert torch.equal(moves.images, stays.images), "photos to look at are in the computer's memory"
    assert moves.labels.device.type == "cpu"
