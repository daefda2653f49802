"""Is `fit` slower than the same loop written bare?

    python studies/fit_overhead.py [--photos 960] [--repetitions 5] [--epochs 20] [--threads 1]

The network, batches and learning rate of lesson 7, on photos of noise with plain labels and
without averaged weights. Both loops go on side by side: an
epoch of `fit`, the same epoch of the bare loop, the next epoch of `fit`, and so on. So what slows the
machine for a while slows both. A repetition's ratio is the median over its epochs, in seconds of the
processor. Both end with the same weights, which is checked. Two minutes.
Results: studies/results/fit_overhead.csv
"""

import argparse
import gc
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from torch import nn

from course_lib import training
from course_lib.datasets import BatchLoader
from course_lib.device import seed_everything
from course_lib.lesson import SCRATCH_SETTINGS
from course_lib.models import ScratchCNN, weights_hash
from course_lib.paths import project_folder, write_atomically
from course_lib.transforms import flips_and_quarter_turns

LEARNING_RATE = 5e-3


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=960, help="photos in an epoch")
    parser.add_argument("--repetitions", type=int, default=5, help="how often both loops train")
    parser.add_argument("--epochs", type=int, default=20, help="epochs in a repetition")
    parser.add_argument("--threads", type=int, default=1, help="processor threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    images = np.random.default_rng(0).integers(
        0, 255, (arguments.photos, 1, SCRATCH_SETTINGS["size"], SCRATCH_SETTINGS["size"]), np.uint8
    )
    rows = []
    for repetition in range(1, arguments.repetitions + 1):
        seconds = side_by_side(images, arguments.epochs, repetition)
        ratio = (seconds["fit"] / seconds["bare"]).median()
        rows.append({"repetition": repetition, **seconds.sum(), "ratio": ratio})
    table = pd.DataFrame(rows).round(4)
    print(table.to_string(index=False))
    ratios = table["ratio"]
    print(f"\nratio: median {ratios.median():.3f}, from {ratios.min():.3f} to {ratios.max():.3f}")
    with write_atomically(project_folder() / "studies" / "results" / "fit_overhead.csv") as file:
        table.to_csv(file, index=False, lineterminator="\n")


def side_by_side(images: np.ndarray, epochs: int, seed: int) -> pd.DataFrame:
    """Seconds of the processor for each epoch: columns ``fit`` and ``bare``."""
    models, loaders = [], []
    for _ in range(2):
        seed_everything(seed)
        models.append(ScratchCNN().to(memory_format=torch.channels_last))
        loaders.append(
            BatchLoader(
                images, np.arange(len(images)) % 2, batch_size=SCRATCH_SETTINGS["batch_size"],
                shuffle=True, augment=flips_and_quarter_turns,
            )
        )  # fmt: skip
    rows, clock, dropout = [], [0.0], [torch.get_rng_state()] * 2
    bare = bare_epochs(models[1], loaders[1], epochs)

    def change_sides(_: dict) -> None:
        now = time.process_time()
        # The network's dropout draws from one generator; each loop goes on where it was.
        dropout[0] = torch.get_rng_state()
        torch.set_rng_state(dropout[1])
        gc.collect()
        start = time.process_time()
        next(bare)
        rows.append({"fit": now - clock[0], "bare": time.process_time() - start})
        dropout[1] = torch.get_rng_state()
        torch.set_rng_state(dropout[0])
        gc.collect()
        clock[0] = time.process_time()

    clock[0] = time.process_time()
    training.fit(
        models[0], loaders[0], device="cpu", progress=False, epochs=epochs,
        learning_rate=LEARNING_RATE, on_epoch_end=[change_sides],
    )  # fmt: skip
    assert weights_hash(models[0]) == weights_hash(models[1]), "the loops learned different weights"
    return pd.DataFrame(rows)


def bare_epochs(model: nn.Module, loader: BatchLoader, epochs: int) -> Iterator[None]:
    """The same loop with nothing around it, as a script would have it; it stops after each epoch."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=epochs * len(loader) + 1)
    loss_function = nn.CrossEntropyLoss()
    model.train()
    for _ in range(epochs):
        total_loss, correct = 0.0, 0
        for images, labels in loader:
            logits = model(images.to(memory_format=torch.channels_last))
            loss = loss_function(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total_loss += loss.item() * len(labels)
            correct += (logits.argmax(1) == labels).sum().item()
        yield


if __name__ == "__main__":
    main()
