"""What do waiting threads cost: one training alone, and two at once on the same cores?

    python studies/two_at_once.py [--pairs 20] [--settings default,GOMP_SPINCOUNT=1000]

A step: the shipped network learns from 32 photos of 128 pixels. Threads that have nothing to do spin, so that they
can go on quickly; beside a second training they spin away what the other one needs. Each setting gets two
processes that live through the whole study; in turn, pair after pair, they do a few steps alone and then both at
once. So what slows the machine for a while slows all settings. Linux only: GOMP_SPINCOUNT is a word of GNU's OpenMP.
Results: studies/results/two_at_once.csv
"""

import argparse
import itertools
import os
import subprocess
import sys

import numpy as np
import pandas as pd

from course_lib.paths import project_folder, write_atomically

SETTINGS = "default,GOMP_SPINCOUNT=1000"
STEPS = 3  # steps in a turn; the median counts
# torch comes first, so that the setting of the course itself does not count.
WORKER = """
import sys, time
import torch
from course_lib.models import Classifier, load_backbone
torch.manual_seed(0)
model = Classifier(load_backbone(), classes=2).train()
optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
images, labels = torch.rand(32, 3, 128, 128), torch.arange(32) % 2
def step():
    start = time.perf_counter()
    loss = torch.nn.functional.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return time.perf_counter() - start
step()
print("ready", flush=True)
for line in sys.stdin:
    print(*[round(step(), 4) for _ in range(int(line))], flush=True)
"""


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20, help="how often each setting has its turn")
    parser.add_argument("--settings", default=SETTINGS, help="variables to compare; the first is the measure")
    arguments = parser.parse_args()
    names = arguments.settings.split(",")
    workers = {name: [start(name) for _ in range(2)] for name in names}
    rows = []
    try:
        for pair in range(arguments.pairs):
            for name in names[:: 1 if pair % 2 else -1]:
                alone = take_turn(workers[name][:1])
                rows.append({"pair": pair, "setting": name, "alone": alone, "two at once": take_turn(workers[name])})
    finally:
        for worker in itertools.chain(*workers.values()):
            worker.kill()
    table = pd.DataFrame(rows)
    print(summary(table, names[0]).to_string())
    with write_atomically(project_folder() / "studies" / "results" / "two_at_once.csv") as file:
        table.round(4).to_csv(file, index=False, lineterminator="\n")


def start(setting: str) -> subprocess.Popen:
    """A process that trains when it is told to, with one environment variable set (none: "default")."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    variable = dict(part.split("=") for part in setting.split("+") if "=" in part)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=clean | variable,
    )  # fmt: skip
    assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    return worker


def take_turn(workers: list[subprocess.Popen]) -> float:
    """Median seconds of a step while all these processes train."""
    for worker in workers:
        print(STEPS, file=worker.stdin, flush=True)
    return float(np.median([[float(word) for word in worker.stdout.readline().split()] for worker in workers]))


def summary(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Median seconds of each setting, and the ratio alone to the measure's in the same pair, with its 95 % interval."""
    alone = table.pivot(index="pair", columns="setting", values="alone")
    generator = np.random.default_rng(0)
    rows = {}
    for name, part in table.groupby("setting", sort=False):
        ratios = (alone[name] / alone[measure]).to_numpy()
        drawn = np.median(generator.choice(ratios, (2000, len(ratios))), axis=1)
        low, high = np.percentile(drawn, [2.5, 97.5])
        rows[name] = {
            "alone": part["alone"].median(), "two at once": part["two at once"].median(),
            "ratio alone": np.median(ratios), "from": low, "to": high,
        }  # fmt: skip
    return pd.DataFrame(rows).T.round(3)


if __name__ == "__main__":
    main()
