"""What `test_processes.py` trains, once in this process and once in two that torchrun starts.

Started by torchrun, each process writes what it saw into a folder: ``several.py FOLDER NAME…``.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from event_loader import EventLoader
from torch import nn

from course_lib.datasets import BatchLoader
from course_lib.device import seed_everything
from course_lib.models import ScratchCNN
from course_lib.training import StopTraining, current_group, fit, joined

LABELS = [0, 1, 1, 0, 1, 0, 0, 1]


def photos(labels: list[int] = LABELS, **settings) -> BatchLoader:
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 1, 32, 32), dtype=np.uint8)
    return BatchLoader(images, labels, **{"batch_size": 4, "shuffle": True} | settings)


def linear() -> nn.Module:
    """No layer that looks at the batch: two processes learn what one learns."""
    seed_everything(current_group().rank)  # the second one begins with other weights
    return nn.Sequential(nn.Flatten(), nn.Linear(1024, 2))


def train(model: nn.Module, loader, folder: Path, **settings) -> dict:
    """Four epochs; each process gives a checkpoint of its own, so that it shows who writes."""
    rows: list[dict] = []
    settings = {"epochs": 4, "learning_rate": 1e-3, "progress": False, "device": "cpu"} | settings
    hooks = [rows.append, *settings.pop("on_epoch_end", [])]
    path = folder / f"checkpoint-{current_group().rank}.pt"
    history = fit(model, loader, photos([0, 1, 0, 1, 1]), checkpoint=path, on_epoch_end=hooks, **settings)
    weights = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    return {"history": history.to_dict("records"), "weights": weights, "hooks": len(rows)}


def plain(folder: Path) -> dict:
    return train(linear(), photos(), folder)


def scratch(folder: Path) -> dict:
    """Batch normalisation and dropout, averaged weights, batches that cannot be shared evenly, an early end."""

    def stop(row: dict) -> None:
        if row["epoch"] == 3:
            raise StopTraining

    seed_everything(current_group().rank)
    model, uneven = ScratchCNN(width=4), photos(LABELS[:7])
    return train(model, uneven, folder, average_weights=0.8, on_epoch_end=[stop])


def killed(folder: Path) -> dict:
    """The second process dies in the middle of the third epoch."""

    def die() -> None:
        if current_group().rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    return train(linear(), EventLoader(photos(), 6, die), folder)


SCENARIOS = {"plain": plain, "the scratch network": scratch, "killed": killed}


def main(folder: Path, names: list[str]) -> None:
    torch.set_num_threads(1)
    with joined() as group:
        assert group.count > 1
        for name in names:
            (folder / name).mkdir(exist_ok=True)
            found = SCENARIOS[name](folder / name)
            (folder / f"{name}-{group.rank}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
