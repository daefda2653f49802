"""Do `train` and `predict` work on photos that the course does not know, within the minutes given?

    python studies/own_photos.py [--data FOLDER] [--minutes 5]

Runs both commands as a user would, each in a process of its own with an empty work folder, without any
tuning. FOLDER holds one sub-folder for each class. Without --data, photos are made first: 320 pictures
of brushed metal of different sizes, grey and coloured, a quarter of them with a scratch that is often
faint. Reported: the accuracy on the test photos that `train` holds out by itself, with its 95 %
interval and the trivial baseline; how long each command took; and the most memory that one of them held.

Time: the minutes given, and a minute or two for checking, reporting and predicting; predicting 10,000
photos takes four minutes.
Results: studies/results/own_photos.csv
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from study_tools import arguments, fresh_work_folder, run
from study_tools.kept_rows import KeptRows

from course_lib import device
from course_lib.errors import CourseError
from course_lib.inference import Inspector
from course_lib.paths import make_folder, project_folder, write_atomically

MADE = {"good": 240, "scratched": 80}  # photos of each class
SHOWN = ["photos", "model", "accuracy", "from", "to", "baseline", "train seconds", "predict seconds"]


def main(given: argparse.Namespace) -> None:
    """Train and predict on one folder, unless that is in the results already; print all rows."""
    if given.minutes <= 0:
        raise CourseError(f"{given.minutes} minutes are no time to train in; choose 1 or more.")
    rows = KeptRows("own_photos", ["photos", "minutes", "seed", "computed on"], given.limit)
    name = "/".join(Path(given.data).resolve().parts[-2:]) if given.data else "made scratches"
    facts = {"photos": name, "minutes": given.minutes, "seed": given.seed}
    facts["computed on"] = device.describe()
    if facts not in rows:
        with tempfile.TemporaryDirectory(prefix="own-photos-") as folder, fresh_work_folder():
            photos = given.data or make_parts(Path(folder) / "parts", given.seed, given.limit)
            rows.add(facts | measure(Path(photos).resolve(), Path(folder) / "inspector", given))
    print("\n" + rows.table[SHOWN].round(3).to_string(index=False))


def measure(photos: Path, out: Path, given: argparse.Namespace) -> dict:
    """Run both commands; what they found, and what they cost."""
    settings = ["--out", out, "--minutes", given.minutes, "--seed", given.seed, "--set-aside"]
    training = command("train", photos, *settings)
    notes = Inspector.load(out).settings.notes
    prediction = command("predict", out, photos, "--csv")
    answers = list(csv.DictReader(StringIO(prediction["said"])))
    inspected = [row for row in answers if row["decision"] != "not inspected"]
    test = notes["test"][0]
    return {
        "classes": len(notes["counts"]["test"]),
        "photos in all": len(answers),
        "left out by train": notes["left out"],
        "inspected by predict": len(inspected),
        "model": notes["model"],
        "accuracy": test["accuracy"],
        "from": test["from"],
        "to": test["to"],
        "baseline": test["baseline"],
        "test photos": test["photos"],
        "train seconds": training["seconds"],
        "predict seconds": prediction["seconds"],
        "train memory (GB)": training["memory"],
        "predict memory (GB)": prediction["memory"],
    }


def command(name: str, *words: object) -> dict:
    """Run a command of the course to its end: what it said, its seconds, its memory in GB."""
    start = perf_counter()
    done = subprocess.Popen(
        [sys.executable, "-m", "course_lib", name, *map(str, words)],
        cwd=project_folder(), stdout=subprocess.PIPE, encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    said = done.stdout.read()
    status, used = waited_for(done)
    if status not in (0, 1):  # 1: predict could not read a photo, and says which
        raise CourseError(f"The command '{name}' ended with status {status}; read what it says above.")
    return {"said": said, "seconds": perf_counter() - start, "memory": used}


def waited_for(process: subprocess.Popen) -> tuple[int, float]:
    """Exit status and the most memory in GB that the process held; not known on Windows."""
    if hasattr(os, "wait4"):
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1e9 if sys.platform == "darwin" else 1e6  # bytes there, kilobytes elsewhere
        return process.returncode, used.ru_maxrss / unit
    return process.wait(), float("nan")


def make_parts(folder: Path, seed: int, limit: int | None = None) -> Path:
    """Pictures of brushed metal in the sub-folders good and scratched; returns the folder."""
    generator = np.random.default_rng(seed)
    for label, count in MADE.items():
        make_folder(folder / label)
        for number in range(min(count, limit or count)):
            picture = brushed_metal(generator)
            if label == "scratched":
                picture = scratched(picture, generator)
            if number % 3 == 0:  # a camera with a slight colour cast
                grey = np.asarray(picture, np.float32)[..., None] * (1.0, 0.97, 0.9)
                picture = Image.fromarray(grey.astype(np.uint8))
            with write_atomically(folder / label / f"{number:03d}.jpg") as temporary:
                picture.save(temporary, "JPEG", quality=88)
    return folder


def brushed_metal(generator: np.random.Generator) -> Image.Image:
    """A grey picture with fine level lines, lit from one side, 200 to 400 pixels wide and high."""
    height, width = generator.integers(200, 401, size=2)
    rows = np.cumsum(generator.normal(0, 6, size=(height, width + 60)), axis=1)
    lines = (rows[:, 60:] - rows[:, :-60]) / 8  # smooth along the brush, rough across it
    light = np.linspace(*generator.uniform(-30, 30, size=2), width)
    grey = generator.uniform(110, 160) + lines + light + generator.normal(0, 3, lines.shape)
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


def scratched(picture: Image.Image, generator: np.random.Generator) -> Image.Image:
    """The same picture with one scratch: a bent line, brighter or darker, sharp or soft."""
    drawn = Image.new("L", picture.size, 0)
    start = generator.uniform(0.15, 0.85, size=2) * picture.size
    angle, length = generator.uniform(0, np.pi), generator.uniform(25, 90)
    steps = np.linspace(0, length, 12)
    turned = angle + np.cumsum(generator.normal(0, 0.08, size=len(steps)))
    points = start[:, None] + np.stack([np.cos(turned), np.sin(turned)]) * steps
    ImageDraw.Draw(drawn).line([tuple(point) for point in points.T], fill=255, width=int(generator.integers(1, 4)))
    drawn = drawn.filter(ImageFilter.GaussianBlur(generator.uniform(0.3, 1.2)))
    strength = generator.uniform(15, 70) * generator.choice([-1, 1])
    grey = np.asarray(picture, np.float32) + np.asarray(drawn, np.float32) / 255 * strength
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5, help="for `train`")
    run(main, parser)
