"""A deliberately messy photo folder with known faults, to hunt in and to test with.

Introduced in lesson 2. The same seed plants the same faults in the same photos.
"""

import os
import random
import shutil
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from course_lib.data import index_folder, solar_cells
from course_lib.errors import CourseError
from course_lib.paths import make_folder, shorten, work_folder

PHOTOS_PER_CLASS = 60
MARK = ".messy_photos"  # only a folder with this file in it is ever cleared


@dataclass(frozen=True)
class Fault:
    """One planted fault: what is done to a photo, and what a check should call it."""

    problem: str
    ending: str  # of the new file, e.g. "_copy.png"; "" if the photo itself is spoilt
    spoil: Callable[[bytes], bytes]


def _saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _edited(change: Callable[[Image.Image], Image.Image], kind: str = "PNG", **more: Any) -> Callable[[bytes], bytes]:
    """A fault that opens the photo, changes it, and saves it again."""

    def spoil(data: bytes) -> bytes:
        with Image.open(BytesIO(data)) as image:
            return _saved(change(image), kind, **more)

    return spoil


def _turned(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.ROTATE_90)


def _lying(data: bytes) -> bytes:
    """A quarter turn in the pixels, and an EXIF note that says how to turn back."""
    with Image.open(BytesIO(data)) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        return _saved(_turned(image), "JPEG", quality=95, exif=exif)


def _bomb(data: bytes) -> bytes:
    """A file of 312 bytes, with four rows of pixels, whose header promises 60,000 × 60,000 pixels."""
    four_rows = _saved(Image.new("L", (60_000, 4)))
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + four_rows[24:29]
    return four_rows[:12] + header + zlib.crc32(header).to_bytes(4, "big") + four_rows[33:]


def _damaged(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(64) + data[middle + 64 :]


def _two_pages(data: bytes) -> bytes:
    with Image.open(BytesIO(data)) as image:
        return _saved(image, "TIFF", save_all=True, append_images=[_turned(image)])


FAULTS = (
    Fault("empty file", "", lambda data: b""),
    Fault("zero bytes", "", lambda data: bytes(len(data))),
    Fault("truncated", "", lambda data: data[: len(data) * 3 // 5]),
    Fault("damaged", "", _damaged),
    Fault("not an image", "", lambda data: b"<!doctype html><title>404 Not Found</title>\n"),
    Fault("not an image", "", lambda data: b"%PDF-1.4\n% test report of a module\n" + bytes(99)),
    Fault("too many pixels", "", _bomb),
    Fault("truncated", ".jpg", lambda data: _edited(Image.Image.copy, "JPEG")(data)[:-4000]),
    Fault("wrong ending", "", _edited(Image.Image.copy, "JPEG", quality=95)),
    Fault("several pictures", ".tif", _two_pages),
    Fault("odd size", "", _edited(lambda image: image.crop((0, 0, 300, 180)))),
    # 12 of 16 bits are used.
    Fault("odd mode", "", _edited(lambda image: Image.fromarray(np.asarray(image, dtype=np.uint16) * 16))),
    Fault("odd mode", "", _edited(lambda image: image.convert("RGBA"))),
    Fault("odd mode", ".jpg", _edited(lambda image: image.convert("CMYK"), "JPEG", quality=95)),
    Fault("odd mode", "", _edited(lambda image: image.convert("P"))),
    Fault("EXIF rotation", ".jpg", _lying),
    Fault("nearly black", "", _edited(lambda image: image.point(lambda value: value // 20))),
    Fault("nearly white", "", _edited(lambda image: image.point(lambda value: 240 + value // 20))),
    Fault("constant", "", _edited(lambda image: Image.new("L", image.size, 128))),
    Fault("blurred", "", _edited(lambda image: image.filter(ImageFilter.GaussianBlur(6)))),
    Fault("exact duplicate", "_copy.png", lambda data: data),
    Fault("near duplicate", "_turned.png", _edited(_turned)),
    Fault("near duplicate", "_small.jpg", _edited(Image.Image.copy, "JPEG", quality=50)),
    Fault(
        "near duplicate", "_brighter.png", _edited(lambda image: image.point(lambda value: min(255, value * 1.15 + 5)))
    ),
    Fault("two labels", "_again.png", lambda data: data),
    Fault("name", "_ü.png", lambda data: data),
    Fault("row without file", "", lambda data: data),
    Fault("file without row", "", lambda data: data),
)


def _plan(seed: int) -> tuple[list[str], list[tuple[Fault, str, str]]]:
    """(photos to copy, [(fault, photo it is made from, path of the faulty file)])."""
    index = index_folder(solar_cells())
    # Plain Python chooses, because numpy may change its random streams between versions.
    choose = random.Random(seed)
    chosen = []
    for _, paths in index.groupby("label")["path"]:  # defective, functional
        chosen += choose.sample(sorted(paths), PHOTOS_PER_CLASS)
    victims = choose.sample(chosen, len(FAULTS))
    planned = []
    for fault, photo in zip(FAULTS, victims, strict=True):
        path = photo.removesuffix(".png") + fault.ending if fault.ending else photo
        if fault.problem == "two labels":
            folder, name = path.split("/")
            path = f"{'functional' if folder == 'defective' else 'defective'}/{name}"
        if fault.problem == "name":
            path = unicodedata.normalize("NFD", path)  # macOS style: u and two dots
        planned.append((fault, photo, path))
    return sorted(chosen), planned


def messy_answers(seed: int = 0) -> pd.DataFrame:
    """The answer key of the messy folder: one row for each planted fault.

    Returns:
        ``path`` of the faulty file, ``problem`` as `course_lib.checks.folder` calls it, and
        ``made_from``, the photo it was made from.
    """
    _, planned = _plan(seed)
    rows = [(path, fault.problem, photo) for fault, photo, path in planned]
    answers = pd.DataFrame(rows, columns=["path", "problem", "made_from"])
    return answers.sort_values("path", ignore_index=True)


def score_hunt(suspects: Mapping[str, Iterable[Path]], seed: int = 0) -> pd.DataFrame:
    """How many planted faults each finder found, and how many sound files it suspected.

    Args:
        suspects: name of a finder → the files of the messy folder that it suspects.
        seed: that of the messy folder.

    Returns:
        One row for each finder: ``finder``, ``faults found``, ``false alarms``. Where a fault is a
        copy, suspecting its original is neither.

    Example:
        >>> answers = messy_answers()
        >>> score_hunt({"guessed": [Path(answers["path"][0]), Path("functional/cell9999.png")]}).values.tolist()
        [['guessed', 1, 1]]
    """
    answers = messy_answers(seed)
    faulty = {_same_letters(path) for path in answers["path"]}
    involved = faulty | {_same_letters(path) for path in answers["made_from"]}
    rows = []
    for finder, paths in suspects.items():
        named = {_same_letters("/".join(Path(path).parts[-2:])) for path in paths}
        rows.append((finder, len(named & faulty), len(named - involved)))
    return pd.DataFrame(rows, columns=["finder", "faults found", "false alarms"])


def _same_letters(path: str) -> str:
    return unicodedata.normalize("NFC", path)  # macOS stores accents apart


def make_messy_folder(target: str | os.PathLike | None = None, seed: int = 0) -> Path:
    """Copy 120 solar-cell photos and plant faults in the copies.

    The photos themselves are not touched. A messy folder made earlier is made afresh.

    Args:
        target: where; ``work/messy_photos`` if not given.
        seed: another number plants the faults in other photos.

    Returns:
        The folder: ``functional/``, ``defective/`` and a label table ``labels.csv``.

    Raises:
        CourseError: the target holds something else; it is left as it is.
    """
    target = Path(target) if target is not None else work_folder() / "messy_photos"
    if target.is_dir() and any(target.iterdir()):
        if not (target / MARK).exists():
            raise CourseError(
                f"The folder {shorten(target)} is in use and is not a messy folder of this course; give another target."
            )
        shutil.rmtree(target)
    make_folder(target)
    (target / MARK).touch()
    source = solar_cells()
    chosen, planned = _plan(seed)
    for path in chosen:
        make_folder((target / path).parent)
        shutil.copyfile(source / path, target / path)
    for fault, photo, path in planned:
        (target / path).write_bytes(fault.spoil((source / photo).read_bytes()))
        if path != photo and fault.problem not in _COPIES:
            (target / photo).unlink()  # the spoilt file takes the photo's place
        if fault.problem == "row without file":
            (target / path).unlink()
    _write_labels(target, chosen, planned)
    return target


_COPIES = {"exact duplicate", "near duplicate", "two labels"}


def _write_labels(target: Path, chosen: list[str], planned: list[tuple[Fault, str, str]]) -> None:
    replaced = {photo for fault, photo, _ in planned if fault.problem not in _COPIES}
    added = {path for fault, _, path in planned if fault.problem != "file without row"}
    table = pd.DataFrame({"path": sorted(set(chosen) - replaced | added)})
    table["label"] = table["path"].str.split("/").str[0]
    table.to_csv(target / "labels.csv", index=False, lineterminator="\n", encoding="utf-8")
