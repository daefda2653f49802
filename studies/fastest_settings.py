"""How much time do the settings found by `fastest_settings` save, and do they ever cost some?

    python studies/fastest_settings.py [--repetitions 5] [--turns 6] [--networks resnet18 …] [--trial]

Four networks, prediction and training, batches of 8 photos of noise with 128 pixels (speed does not
depend on what is on them, nor on the weights, so three networks have random ones). In each
repetition the settings are found anew, in at most 5 s, in an empty work folder. Then steps of plain
float32 and of the settings found take turns in the same process, and the repetition's share is the
median of chosen / plain over the turns: below 1 is faster. Wanted: never above 1.02. Where plain
float32 itself was chosen the share is 1, because it is the same computation.

Then the same once in a process that may only use the instructions of an ordinary laptop (AVX2: no
bfloat16). Time on two quiet cores: about 10 minutes. Each repetition is saved; started again, the
study goes on there. ``--trial`` does one repetition with small photos and leaves the results alone.
Results: studies/results/fastest_settings.csv
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter

import pandas as pd
import torch
from study_tools import fresh_work_folder
from study_tools.kept_rows import KeptRows
from torch import nn
from torchvision.models import resnet18, resnet50, vgg16

from course_lib import device, models
from course_lib.paths import shorten
from course_lib.training import Rehearsal, Settings, fastest_settings, random_state_kept

AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
WANTED = 1.02  # of plain's time, at most
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "efficientnet_lite0": lambda: models.Classifier(models.load_backbone(), classes=2),
    "resnet18": lambda: resnet18(num_classes=2),
    "resnet50": lambda: resnet50(num_classes=2),
    "vgg16": lambda: vgg16(num_classes=2),
}
KEYS = ["computed on", "network", "direction", "pixels", "photos", "repetition"]


def main() -> None:
    """Measure what is not in the results yet, print medians and ranges."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=5, help="how often settings are found")
    parser.add_argument("--turns", type=int, default=6, help="steps of each in a repetition")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--trial", action="store_true", help="once, with small photos")
    parser.add_argument("--avx2-part", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.trial:
        given.repetitions, given.turns = 1, 2
    where = device.choose()
    computed_on = device.describe(where)
    if where.type == "cpu":
        computed_on += f", {torch.backends.cpu.get_cpu_capability()}"
    print(f"Computed on: {computed_on}", flush=True)
    kept = KeptRows("fastest_settings", KEYS, limit=1 if given.trial else None)
    photos, pixels = (2, 64) if given.trial else (8, 128)
    torch.manual_seed(0)
    sample = torch.rand(photos, 3, pixels, pixels)
    for name in given.networks:
        model = NETWORKS[name]()
        for direction in ("prediction", "training"):
            for repetition in range(1, given.repetitions + 1):
                values = [computed_on, name, direction, pixels, photos, repetition]
                row = dict(zip(KEYS, values, strict=True))
                if row not in kept:
                    kept.add(row | measure(model, sample, direction == "training", given.turns))
                    print(kept.table.tail(1).to_string(index=False, header=False), flush=True)
    if given.avx2_part:
        return
    if where.type == "cpu":
        words = [sys.executable, __file__, "--avx2-part", f"--turns={given.turns}"]
        words += ["--repetitions=1", *["--trial"] * given.trial, "--networks", *given.networks]
        subprocess.run(words, env=os.environ | AVX2, check=True)
        kept = KeptRows("fastest_settings", KEYS, limit=1 if given.trial else None)
    print(summary(kept.table).to_string(index=False))
    print(f"Saved in {shorten(kept.file)}")


def measure(model: nn.Module, sample: torch.Tensor, training: bool, turns: int) -> dict:
    """Find the settings, then let them and plain float32 take turns on the whole sample."""
    start = perf_counter()
    with fresh_work_folder():
        chosen = fastest_settings(model, sample, training)
    row = {"chosen": str(chosen), "seconds to find it": perf_counter() - start}
    plain, where = Settings(), device.choose()
    trial = Rehearsal(model, sample, training, where)
    times = []
    with random_state_kept(where):
        for settings in (plain, chosen):
            trial.step(settings, len(sample))  # prepares what the next ones use
        for _ in range(turns):
            times.append([trial.timed_step(each, len(sample))[0] for each in (plain, chosen)])
    table = pd.DataFrame(times, columns=["plain", "found"])
    shares = table["found"] / table["plain"]
    milliseconds = 1000 * table.median()
    return row | {
        "plain ms": milliseconds["plain"],
        "chosen ms": milliseconds["found"],
        "share": 1.0 if chosen == plain else shares.median(),
    }


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """For each network and direction what was chosen how often, and its share of plain's time."""
    rows = []
    groups = ["computed on", "network", "direction", "pixels"]
    for names, part in table.groupby(groups, sort=False):
        counts = part["chosen"].value_counts()
        share = part["share"]
        rows.append((
            *names, "; ".join(f"{word} ({count})" for word, count in counts.items()),
            f"{share.median():.2f} ({share.min():.2f} to {share.max():.2f})",
            "yes" if share.max() <= WANTED else "no",
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=[*groups, "chosen (times)", "share of plain's time", f"never above {WANTED}"])


if __name__ == "__main__":
    main()
