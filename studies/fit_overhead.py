"""Is `fit` slower than the same loop written bare?

    python studies/fit_overhead.py [--photos 960] [--repetitions 5] [--threads 1]

The network, batches and settings of lesson 7, on photos of noise. In each repetition both loops train
the same ten epochs three times, in turns; both end with the same weights, which is checked. The quickest
of the three counts, in seconds of the processor: so other programs on the machine hardly show. Two minutes.
Results: studies/results/fit_overhead.csv
"""

import argparse
import gc
import time

import numpy as np
import pandas as pd
import torch
from torch import nn

from course_lib import training
from course_lib.datasets import BatchLoader
from course_lib.device import seed_everything
from course_lib.lesson import SCRATCH_SETTINGS
from course_lib.models import ScratchCNN
from course_lib.paths import project_folder, write_atomically
from course_lib.transforms import flips_and_quarter_turns
from course_lib.weights import weights_hash

SETTINGS = {"epochs": 10, "learning_rate": 5e-3}
TURNS = 3


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=960, help="photos in an epoch")
    parser.add_argument("--repetitions", type=int, default=5, help="how often both loops train")
    parser.add_argument("--threads", type=int, default=1, help="processor threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    images = np.random.default_rng(0).integers(
        0, 255, (arguments.photos, 1, SCRATCH_SETTINGS["size"], SCRATCH_SETTINGS["size"]), np.uint8
    )
    rows = []
    for repetition in range(1, arguments.repetitions + 1):
        seconds, weights = {"fit": [], "bare": []}, set()
        for turn in range(TURNS):
            # Who goes first changes, or the second would always find a warm cache.
            for name in ("fit", "bare") if turn % 2 else ("bare", "fit"):
                seed_everything(repetition)
                model = ScratchCNN().to(memory_format=torch.channels_last)
                loader = BatchLoader(
                    images, np.arange(len(images)) % 2, batch_size=SCRATCH_SETTINGS["batch_size"],
                    shuffle=True, augment=flips_and_quarter_turns,
                )  # fmt: skip
                gc.collect()
                start = time.process_time()
                LOOPS[name](model, loader)
                seconds[name].append(time.process_time() - start)
                weights.add(weights_hash(model))
        assert len(weights) == 1, "the two loops learned different weights"
        best = {name: min(values) for name, values in seconds.items()}
        rows.append({"repetition": repetition, **best, "ratio": best["fit"] / best["bare"]})
    table = pd.DataFrame(rows).round(4)
    print(table.to_string(index=False))
    ratios = table["ratio"]
    print(f"\nratio: median {ratios.median():.3f}, from {ratios.min():.3f} to {ratios.max():.3f}")
    with write_atomically(project_folder() / "studies" / "results" / "fit_overhead.csv") as file:
        table.to_csv(file, index=False, lineterminator="\n")


def fit(model: nn.Module, loader: BatchLoader) -> None:
    """The library's loop."""
    training.fit(model, loader, device="cpu", progress=False, **SETTINGS)


def bare(model: nn.Module, loader: BatchLoader) -> None:
    """The same loop with nothing around it, as a script would have it."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=SETTINGS["learning_rate"], weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, SETTINGS["learning_rate"], total_steps=SETTINGS["epochs"] * len(loader) + 1
    )
    loss_function = nn.CrossEntropyLoss()
    model.train()
    total_loss, correct = 0.0, 0
    for _ in range(SETTINGS["epochs"]):
        for images, labels in loader:
            logits = model(images.to(memory_format=torch.channels_last))
            loss = loss_function(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total_loss += loss.item() * len(labels)
            correct += (logits.argmax(1) == labels).sum().item()
    model.eval()


LOOPS = {"fit": fit, "bare": bare}

if __name__ == "__main__":
    main()
