"""A deliberately messy photo folder with known faults, to hunt in and to test with.

Introduced in lesson 2. The same seed plants the same faults in the same photos.
"""

import os
import random
import shutil
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Mapping
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


def _bomb(data: bytes) -> bytes:
    """A file of 312 bytes, with four rows of pixels, whose header promises 60,000 × 60,000 pixels."""
    four_rows = _saved(Image.new("L", (60_000, 4)))
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + four_rows[24:29]
    return four_rows[:12] + header + zlib.crc32(header).to_bytes(4, "big") + four_rows[33:]


def _damaged(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(64) + data[middle + 64 :]


LYING = Image.Exif()
LYING[0x0112] = 6  # turn me by a quarter, says this note
# What a check should call the fault, how the name of the file ends, and what is done to the photo.
FAULTS: tuple[tuple[str, str, Callable[[bytes], bytes]], ...] = (
    ("empty file", ".png", lambda data: b""),
    ("zero bytes", ".png", lambda data: bytes(len(data))),
    ("truncated", ".png", lambda data: data[: len(data) * 3 // 5]),
    ("damaged", ".png", _damaged),
    ("not an image", ".png", lambda data: b"<!doctype html><title>404 Not Found</title>\n"),
    ("not an image", ".png", lambda data: b"%PDF-1.4\n% test report of a module\n" + bytes(99)),
    ("too many pixels", ".png", _bomb),
    ("truncated", ".jpg", lambda data: _edited(Image.Image.copy, "JPEG")(data)[:-4000]),
    ("wrong ending", ".png", _edited(Image.Image.copy, "JPEG", quality=95)),
    (
        "several pictures",
        ".tif",
        _edited(Image.Image.copy, "TIFF", save_all=True, append_images=[Image.linear_gradient("L")]),
    ),
    ("odd size", ".png", _edited(lambda image: image.crop((0, 0, 300, 180)))),
    # 12 of 16 bits are used.
    ("odd mode", ".png", _edited(lambda image: Image.fromarray(np.asarray(image, dtype=np.uint16) * 16))),
    ("odd mode", ".png", _edited(lambda image: image.convert("RGBA"))),
    ("odd mode", ".jpg", _edited(lambda image: image.convert("CMYK"), "JPEG", quality=95)),
    ("odd mode", ".png", _edited(lambda image: image.convert("P"))),
    ("EXIF rotation", ".jpg", _edited(_turned, "JPEG", quality=95, exif=LYING)),
    ("nearly black", ".png", _edited(lambda image: image.point(lambda value: value // 20))),
    ("nearly white", ".png", _edited(lambda image: image.point(lambda value: 240 + value // 20))),
    ("constant", ".png", _edited(lambda image: Image.new("L", image.size, 128))),
    ("blurred", ".png", _edited(lambda image: image.filter(ImageFilter.GaussianBlur(6)))),
    ("exact duplicate", "_copy.png", lambda data: data),
    ("near duplicate", "_turned.png", _edited(_turned)),
    ("near duplicate", "_small.jpg", _edited(Image.Image.copy, "JPEG", quality=50)),
    ("near duplicate", "_brighter.png", _edited(lambda image: image.point(lambda value: min(255, value * 1.15 + 5)))),
    ("two labels", "_again.png", lambda data: data),
    ("name", "_ü.png", lambda data: data),
    ("row without file", ".png", lambda data: data),
    ("file without row", ".png", lambda data: data),
)


COPIES = ("exact duplicate", "near duplicate", "two labels")
OTHER = {"functional": "defective", "defective": "functional"}


def _plan(seed: int) -> tuple[list[str], pd.DataFrame]:
    """The photos to copy; and of each fault the path, its name, the photo it is made from, and how."""
    index = index_folder(solar_cells())
    # Plain Python chooses, because numpy may change its random streams between versions.
    choose = random.Random(seed)
    chosen = []
    for _, paths in index.groupby("label")["path"]:  # defective, functional
        chosen += choose.sample(sorted(paths), PHOTOS_PER_CLASS)
    rows = []
    for (problem, ending, spoil), photo in zip(FAULTS, choose.sample(chosen, len(FAULTS)), strict=True):
        label, name = photo.removesuffix(".png").split("/")
        path = f"{OTHER[label] if problem == 'two labels' else label}/{name}{ending}"
        # A name as macOS stores it: u and two dots.
        rows.append((unicodedata.normalize("NFD", path), problem, photo, spoil))
    return sorted(chosen), pd.DataFrame(rows, columns=["path", "problem", "made_from", "spoil"])


def messy_answers(seed: int = 0) -> pd.DataFrame:
    """The answer key of the messy folder: one row for each planted fault.

    Returns:
        ``path`` of the faulty file, ``problem`` as `course_lib.checks.folder` calls it, and
        ``made_from``, the photo it was made from.
    """
    return _plan(seed)[1].drop(columns="spoil").sort_values("path", ignore_index=True)


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
    for path, problem, photo, spoil in planned.itertuples(index=False):
        (target / path).write_bytes(spoil((source / photo).read_bytes()))
        if path != photo and problem not in COPIES:
            (target / photo).unlink()  # the spoilt file takes the photo's place
        if problem == "row without file":
            (target / path).unlink()
    replaced = planned.loc[~planned["problem"].isin(COPIES), "made_from"]
    added = planned.loc[planned["problem"] != "file without row", "path"]
    table = pd.DataFrame({"path": sorted(set(chosen) - set(replaced) | set(added))})
    table["label"] = table["path"].str.split("/").str[0]
    table.to_csv(target / "labels.csv", index=False, lineterminator="\n", encoding="utf-8")
    return target
