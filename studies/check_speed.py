"""How fast is the folder check beside Pillow alone, and how much memory does it take?

    python studies/check_speed.py          some minutes on two cores, 700 MB on the disk for the while

The photos are made, seeded, 500 × 500 pixels, in a temporary folder. "Pillow alone" opens and
decodes each file on all cores, nothing else. The ratio is the speed of `check_folder` divided
by the speed of Pillow alone, both measured in turn, five times. The memory is the peak of a
process of its own that checks 1,000, 3,000 and 10,000 of the photos.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from course_lib.checks import check_folder
from course_lib.paths import write_atomically

PROJECT = Path(__file__).resolve().parents[1]
SIDE = 500
REPETITIONS = 5
KINDS = {  # name: (ending, mode, photos)
    "JPEG, colour": (".jpg", "RGB", 10_000),
    "JPEG, grey": (".jpg", "L", 2_000),
    "PNG, grey": (".png", "L", 2_000),
}
MEMORY_COUNTS = (1_000, 3_000, 10_000)
# Linux tells the peak of this very process as VmHWM; ru_maxrss would begin with that of its parent.
PEAK_MEMORY = """
import re, sys
from pathlib import Path
from course_lib.checks import check_folder
check_folder(Path(sys.argv[1]), progress=False)
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def make_photos(folder: Path, ending: str, mode: str, start: int, stop: int) -> None:
    """Seeded photos: coarse shapes of their own, and the noise of a camera."""
    folder.mkdir(parents=True)
    channels = 3 if mode == "RGB" else 1
    noise = np.random.default_rng(0).normal(0, 4, (SIDE, SIDE, channels)).astype(np.float32)

    def save(number: int) -> None:
        shapes = np.random.default_rng(number).integers(20, 230, (25, 25, channels), np.uint8)
        smooth = Image.fromarray(shapes.squeeze()).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        pixels = np.asarray(smooth, np.float32).reshape(SIDE, SIDE, channels)
        pixels = pixels + np.roll(noise, number * 7, axis=(0, 1))
        photo = Image.fromarray(pixels.clip(0, 255).astype(np.uint8).squeeze())
        photo.save(folder / f"{number:05}{ending}", quality=85)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(save, range(start, stop)))


def decode_alone(files: list[Path]) -> None:
    def decode(file: Path) -> None:
        with Image.open(file) as photo:
            photo.load()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(decode, files))


def seconds(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def speed(name: str, folder: Path) -> dict:
    files = sorted(folder.rglob("*.*"))
    decode_alone(files)  # the first pass brings the files into the disk's cache
    ratios, rates = [], []
    for _ in range(REPETITIONS):
        alone = seconds(lambda: decode_alone(files))
        check = seconds(lambda: check_folder(folder, progress=False))
        ratios.append(alone / check)
        rates.append(len(files) / check)
    return {
        "measure": f"speed beside Pillow alone, {name}",
        "photos": len(files),
        "median": np.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
        "unit": f"ratio ({np.median(rates):.0f} photos a second)",
    }


def memory(folder: Path, count: int) -> dict:
    command = [sys.executable, "-c", PEAK_MEMORY, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    peak = int(answer.stdout) / 1024
    row = {"measure": "peak memory of a check", "photos": count, "median": peak}
    return row | {"lowest": peak, "highest": peak, "unit": "MB"}


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for kind, (ending, mode, count) in KINDS.items():
            folder = Path(name) / ending[1:] / mode
            done = 0
            # Folders in folders: the first holds 1,000 photos, the next 3,000, the last all.
            inner = folder
            for stop in [*(n for n in MEMORY_COUNTS if n < count), count]:
                make_photos(folder / f"to{stop}", ending, mode, done, stop)
                done = stop
            rows.append(speed(kind, inner))
            print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False, header=len(rows) == 1))
            if count >= MEMORY_COUNTS[-1]:
                for photos in MEMORY_COUNTS:
                    part = Path(name) / f"part{photos}"
                    part.mkdir()
                    for stop in (n for n in MEMORY_COUNTS if n <= photos):
                        (folder / f"to{stop}").rename(part / f"to{stop}")
                    rows.append(memory(part, photos))
                    for inside in list(part.iterdir()):
                        inside.rename(folder / inside.name)
                    print(pd.DataFrame(rows[-1:]).round(1).to_string(index=False, header=False))
    target = PROJECT / "studies" / "results" / "check_speed.csv"
    with write_atomically(target) as temporary:
        table = pd.DataFrame(rows).round(3)
        table.to_csv(temporary, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
