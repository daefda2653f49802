"""How many copies do the duplicate finders find, and how often are they wrong?

    python studies/duplicate_finders.py          about a minute on two cores

The set has known answers: all 2,624 solar-cell photos, plus for each kind of copy the same
150 photos changed in that way. Recall is the share of these copies that is reported with the
right original. Precision is the share of the reported pairs that are such copies. False
alarms are pairs among the 2,624 photos themselves, of which no two files are identical. (A few
of those pairs do show neighbouring cells that look almost the same.)
"""

import hashlib
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from course_lib.checks import look_at, near_duplicates, thumbnail_of
from course_lib.data import eight_bit, index_folder, photo_path, solar_cells

COPIES = 150


def jpeg(quality: int) -> Callable[[Image.Image], Image.Image]:
    def save(image: Image.Image) -> Image.Image:
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer)

    return save


def noisy(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image, dtype=float)
    noise = np.random.default_rng(0).normal(0, 10, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def turned(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.ROTATE_90)


def brighter(factor: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "same pixels, saved as BMP": lambda image: image,
    "turned by a quarter": turned,
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "JPEG quality 85": jpeg(85),
    "JPEG quality 30": jpeg(30),
    "half the size": lambda image: image.resize((150, 150), Image.Resampling.LANCZOS),
    "brightness × 1.2": brighter(1.2),
    "brightness × 1.5 (mostly cut off)": brighter(1.5),
    "brightness × 0.6": brighter(0.6),
    "contrast × 1.4": lambda image: ImageEnhance.Contrast(image).enhance(1.4),
    "gamma 0.7": lambda image: image.point([int(255 * (v / 255) ** 0.7) for v in range(256)]),
    "noise of 10 grey values": noisy,
    "blur of 2 pixels": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "turned, × 1.2 and JPEG 40": lambda image: jpeg(40)(brighter(1.2)(turned(image))),
    "cropped by 2 %": lambda image: image.crop((6, 6, 294, 294)).resize(image.size),
    "turned by 3 degrees": lambda image: image.rotate(3, Image.Resampling.BICUBIC),
}


def main() -> None:
    index = index_folder(solar_cells())
    paths = [photo_path(index, row) for row in range(len(index))]
    with ThreadPoolExecutor(2) as pool:
        facts = list(pool.map(lambda path: look_at(path, path.name), paths))
    photos = np.stack([fact.thumbnail for fact in facts])
    chosen = np.random.default_rng(0).choice(len(paths), COPIES, replace=False)
    print(f"{len(paths)} photos; exact duplicates by hash: {_exact([f.digest for f in facts])}")
    codes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    copied = [codes[row] for row in chosen]
    print(f"after {COPIES} files were copied: {_exact(codes + copied)} exact duplicates found")
    false_pairs = near_duplicates(photos)
    involved = len(np.unique(false_pairs[["first", "second"]]))
    print(
        f"near duplicates among the {len(paths)} photos themselves: {len(false_pairs)} pairs, "
        f"{involved / len(paths):.2%} of the photos"
    )
    rows = [_score(name, change, photos, paths, chosen) for name, change in CHANGES.items()]
    print(pd.DataFrame(rows).to_string(index=False))
    shifted = [np.roll(photos, shift, axis=1) for shift in (0, 7, 13, 21)]
    many = np.concatenate(shifted)
    start = time.perf_counter()
    near_duplicates(many[:10_000])
    print(f"10,000 thumbnails compared in {time.perf_counter() - start:.1f} s")


def _exact(codes: list[str]) -> int:
    return len(codes) - len(set(codes))


def _score(
    name: str, change: Callable[[Image.Image], Image.Image], photos: np.ndarray, paths: list[Path], chosen: np.ndarray
) -> dict:
    copies = np.stack([_thumbnail(change(Image.open(paths[row]))) for row in chosen])
    pairs = near_duplicates(np.concatenate([photos, copies]))
    reported = set(zip(pairs["first"], pairs["second"], strict=True))
    planted = {(row, len(photos) + number) for number, row in enumerate(chosen)}
    hits = len(reported & planted)
    return {
        "copy": name,
        "recall": round(hits / len(planted), 3),
        "precision": round(hits / max(len(reported), 1), 3),
        "pairs reported": len(reported),
    }


def _thumbnail(image: Image.Image) -> np.ndarray:
    return np.asarray(thumbnail_of(eight_bit(image).convert("L")))


if __name__ == "__main__":
    main()
