"""Make a small folder of photos to try the commands on: grey plates, half of them with a scratch.

The photos are the same on every computer and in every run, so two computers can be compared.

    python tools/make_photos.py photos
    python -m course_lib train photos --out inspector --minutes 1
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 96
CLASSES = ("good", "defective")


def plate(random: np.random.Generator, scratched: bool) -> np.ndarray:
    """One photo of a grey plate: brushed metal, brighter on one side.

    Args:
        random: what makes each plate a little different.
        scratched: whether a dark, straight scratch runs across it.

    Returns:
        uint8, (96, 96).

    Example:
        >>> pair = [plate(np.random.default_rng(0), scratched) for scratched in (False, True)]
        >>> pair[0].shape, bool(pair[1].min() < pair[0].min())
        ((96, 96), True)
    """
    light = np.linspace(0, random.uniform(-30, 30), SIZE)
    brushed = random.normal(0, 6, (SIZE, 1))
    pixels = random.uniform(120, 170) + light + brushed + random.normal(0, 4, (SIZE, SIZE))
    if scratched:
        angle, (x, y) = random.uniform(0, np.pi), random.uniform(30, 66, 2)
        down, right = np.mgrid[:SIZE, :SIZE]
        across = abs((right - x) * np.sin(angle) - (down - y) * np.cos(angle))
        along = abs((right - x) * np.cos(angle) + (down - y) * np.sin(angle))
        pixels[(across < 1.5) & (along < random.uniform(15, 28))] -= 70
    return pixels.clip(0, 255).astype(np.uint8)


def make_photos(folder: Path, number: int = 40, seed: int = 0) -> None:
    """Write photos into ``folder/good`` and ``folder/defective``, in turn.

    Args:
        folder: where; files of the same names are replaced.
        number: how many photos in all.
        seed: another seed, other plates.

    Raises:
        OSError: the folder cannot be written to.
    """
    random = np.random.default_rng(seed)
    for label in CLASSES:
        (folder / label).mkdir(parents=True, exist_ok=True)
    for photo in range(number):
        label = CLASSES[photo % 2]
        image = Image.fromarray(plate(random, scratched=label == "defective"))
        image.save(folder / label / f"plate{photo:03}.png")


def main(arguments: list[str]) -> int:
    """Read the command line and make the photos."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="is made; gets good/ and defective/")
    parser.add_argument("--number", type=int, default=40, help="photos in all (default: 40)")
    options = parser.parse_args(arguments)
    make_photos(options.folder, options.number)
    print(f"{options.number} photos in {options.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
