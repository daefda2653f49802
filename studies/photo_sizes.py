"""At which size should a network see photos with small defects? `train` tries several sizes; is its choice right?

    python studies/photo_sizes.py [--data FOLDER] [--photos 400] [--seed 0]

Made plates of 1,024 pixels, 120 good ones and 30 with a small pit or scratch of 12 to 20 pixels, and photos of 300
pixels, by default the solar cells. Of each kind three fifths choose and train, as in `train` (out of fold, three
strengths of the probe), and the others only judge.
Results: studies/results/photo_sizes.csv
"""

import argparse
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFilter
from study_tools import arguments, photo_index, print_and_save, run

from course_lib import evaluation, features, models
from course_lib.commands.candidates import try_sizes
from course_lib.data import class_names, label_numbers
from course_lib.paths import make_folder, work_folder, write_atomically
from course_lib.splits import random_split

SIDE, MADE = 1024, {"good": 120, "defective": 30}


def main(given: argparse.Namespace) -> None:
    """Choose a size for both kinds of photos, and judge each size on photos held out."""
    plates = photo_index(make_plates(work_folder() / "studies" / "plates", given.seed, given.limit))
    cells = photo_index(given.data, given.limit or given.photos // 2)
    rows = measured(plates, "plates of 1024 pixels", [224, 320, 448, 640], given.seed)
    rows += measured(cells, "photos of --data" if given.data else "solar cells", [224, 320], given.seed)
    print_and_save(pd.DataFrame(rows), "photo_sizes", given.limit)


def measured(index: pd.DataFrame, kind: str, sizes: list[int], seed: int) -> list[dict]:
    """One row for each size: accuracy and area under ROC on photos held out, and which size is chosen."""
    from sklearn.metrics import roc_auc_score

    index = random_split(index, seed, validation=0.1, test=0.4)
    classes, backbone = class_names(index), models.load_backbone()
    tried = try_sizes(index, classes, backbone, sizes, seed, progress=False)
    chosen = tried.loc[tried["chosen"], "size"].iloc[0]
    fit, test, labels = index["split"] != "test", index["split"] == "test", label_numbers(index, classes)
    rows = []
    for size in sizes:
        best = tried[tried["size"] == size].sort_values("loss").iloc[0]
        start = process_time()
        inputs = features.extract(index, backbone, size=size, progress=False)
        probe = features.linear_probe(best["freedom"]).fit(inputs[fit], labels[fit])
        said = probe.predict_proba(inputs[test])[:, 1]
        row = evaluation.accuracy_row(str(size), labels[test], (said >= 0.5).astype(int))
        rows.append(
            {"photos": kind, "size": size, "chosen": size == chosen, "freedom": best["freedom"], "loss": best["loss"]}
            | {"test photos": int(test.sum()), "accuracy": row["accuracy"], "from": row["from"], "to": row["to"]}
            | {
                "area under ROC": roc_auc_score(labels[test], said),
                "missed": evaluation.missed_defect_rate(labels[test], said, 0.5),
            }
            | {"seconds": process_time() - start}
        )
    return rows


def make_plates(folder: Path, seed: int, limit: int | None = None) -> Path:
    """Plates in the sub-folders good and defective, in files; returns the folder."""
    generator = np.random.default_rng(seed)
    for label, count in MADE.items():
        make_folder(folder / label)
        for number in range(min(count, limit or count)):
            plate = texture(generator)
            if label == "defective":
                plate = with_defect(plate, generator)
            with write_atomically(folder / label / f"{number:03d}.jpg") as temporary:
                plate.save(temporary, "JPEG", quality=92)
    return folder


def texture(generator: np.random.Generator) -> Image.Image:
    """Cast metal under a lamp: grains of several sizes, and light from one side."""
    grey = np.full((SIDE, SIDE), generator.uniform(110, 150), np.float32)
    for grain, strength in ((2, 8), (6, 7), (24, 9), (120, 12)):
        spots = generator.normal(0, strength, (SIDE // grain + 1, SIDE // grain + 1)).astype(np.float32)
        grey += np.asarray(Image.fromarray(spots).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    grey += np.linspace(*generator.uniform(-20, 20, 2), SIDE, dtype=np.float32)
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


def with_defect(plate: Image.Image, generator: np.random.Generator) -> Image.Image:
    """The same plate with a pit or a short scratch of 12 to 20 pixels."""
    drawn, length = Image.new("L", plate.size), generator.uniform(12, 20)
    x, y = generator.uniform(40, SIDE - 40, 2)
    draw = ImageDraw.Draw(drawn)
    if generator.random() < 0.5:
        draw.ellipse([x - length / 2, y - length / 3, x + length / 2, y + length / 3], fill=255)
    else:
        angle = generator.uniform(0, np.pi)
        draw.line([x, y, x + length * np.cos(angle), y + length * np.sin(angle)], fill=255, width=4)
    drawn = drawn.filter(ImageFilter.GaussianBlur(0.8))
    strength = generator.uniform(50, 90) * generator.choice([-1, 1])
    grey = np.asarray(plate, np.float32) + np.asarray(drawn, np.float32) / 255 * strength
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=400, help="of the second kind, both classes together")
    run(main, parser)
