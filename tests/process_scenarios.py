"""What `test_processes.py` trains, once in this process and once in two that torchrun starts.

Started by torchrun, it writes what each process saw into a folder: ``process_scenarios.py FOLDER NAME…``.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from event_loader import EventLoader
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_lib.datasets import BatchLoader, FeatureLoader
from course_lib.device import seed_everything
from course_lib.errors import CourseError
from course_lib.models import ScratchCNN
from course_lib.training import current_group, joined
from course_lib.training import loop as training
from course_lib.transforms import brightness_and_contrast, flips_and_quarter_turns, in_turn

LABELS = [0, 1, 1, 0, 1, 0, 0, 1, 1]


def photos(count: int, size: int = 64, seed: int = 0) -> np.ndarray:
    """Noise; every photo has its own brightness."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 100, (count, 1, size, size), dtype=np.uint8)
    return images + generator.integers(0, 150, (count, 1, 1, 1), dtype=np.uint8)


def loader(batch_size: int = 4, labels: list = LABELS, seed: int = 0, **settings) -> BatchLoader:
    return BatchLoader(photos(len(labels), seed=seed), labels, batch_size=batch_size, **settings)


def shuffled() -> BatchLoader:
    """Nine photos in batches of four: the last batch has one photo, and one process has none."""
    light = in_turn(flips_and_quarter_turns, brightness_and_contrast(0.3))
    return loader(shuffle=True, augment=light)


def scratch() -> ScratchCNN:
    """The network of lesson 6: it has batch normalisation and dropout."""
    return ScratchCNN(width=4)


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64 * 64, 8), nn.ReLU(), nn.Linear(8, 2))


def feature_head() -> tuple[nn.Module, FeatureLoader]:
    features = np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32)
    return nn.Linear(6, 2), FeatureLoader(features, LABELS, batch_size=4, shuffle=True)


def torch_loader() -> DataLoader:
    """Its order comes from torch's common random numbers, from which dropout draws as well."""
    images = torch.from_numpy(photos(9)).float() / 255
    return DataLoader(TensorDataset(images, torch.tensor(LABELS)), batch_size=4, shuffle=True)


def soft_loader() -> BatchLoader:
    return loader(labels=[[0.9, 0.1], [0.3, 0.7], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5]], batch_size=2)


WEIGHTS = torch.tensor([1.0, 5.0])
SGD = {"optimizer": "sgd"}  # its steps grow with the gradients; Adam's do not
# Name: model, loader, settings of fit.
SAME: dict[str, tuple[Callable, Callable, dict]] = {
    "the scratch network": (scratch, shuffled, {}),
    "no layer that looks at the batch": (linear, shuffled, {"learning_rate": 1e-3}),
    "batches of one photo": (linear, lambda: loader(1), SGD | {"learning_rate": 1e-3}),
    "class weights": (scratch, loader, SGD | {"class_weights": WEIGHTS, "label_smoothing": 0.1}),
    "a class that does not count": (linear, loader, {"class_weights": torch.tensor([0.0, 1.0])}),
    "accumulated and averaged": (scratch, shuffled, {"accumulate": 2, "average_weights": 0.8}),
    "labels that are probabilities": (scratch, soft_loader, {}),
    "a loader of torch": (scratch, torch_loader, SGD),
    "bfloat16": (scratch, shuffled, {"precision": "bfloat16"}),
    "early stopping": (scratch, shuffled, {"patience": 1, "epochs": 12}),
    "stopped by a function": (scratch, shuffled, {"stops_after": 2}),
}


def fit(model: nn.Module, train, **settings) -> dict:
    """Train, and tell what this process saw of it."""
    settings = {"epochs": 3, "learning_rate": 1e-2, "progress": False} | settings
    settings["device"] = os.environ.get("COURSE_DEVICE", "cpu")
    validation, rows = loader(labels=[0, 1, 0, 1, 1], seed=1), []
    last = settings.pop("stops_after", None)

    def stop(row: dict) -> None:
        if row["epoch"] == last:
            raise training.StopTraining

    history = training.fit(model, train, validation, on_epoch_end=[rows.append, stop], **settings)
    weights = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    return {"history": history.to_dict("records"), "weights": weights, "hooks": len(rows)}


def same(name: str, _: Path) -> dict:
    make_model, make_loader, settings = SAME[name]
    seed_everything(0)
    return fit(make_model(), make_loader(), **settings)


def in_the_second(happens: Callable[[], None]) -> EventLoader:
    """A loader in which something happens to the second process, at batch 8 over all epochs."""
    return EventLoader(shuffled(), 8, lambda: happens() if current_group().rank == 1 else None)


def checkpointed(train, folder: Path, **settings) -> dict:
    """Eight epochs; each process gives another file, so that it shows who writes."""
    seed_everything(current_group().rank)  # the second one begins with other weights
    path = folder / f"checkpoint-{current_group().rank}.pt"
    return fit(scratch(), train, checkpoint=path, epochs=8, **settings)


def killed(_: str, folder: Path) -> dict:
    """The second process dies in the middle of the third epoch."""
    return checkpointed(in_the_second(lambda: os.kill(os.getpid(), signal.SIGKILL)), folder)


def interrupted(_: str, folder: Path) -> dict:
    """The second process gets an interrupt in the third epoch."""
    train = in_the_second(lambda: os.kill(os.getpid(), signal.SIGINT))
    return fit(scratch(), train, epochs=8)


def no_number(_: str, folder: Path) -> dict:
    """A photo of the second process, in batch 2, is no number."""
    images = torch.rand(8, 1, 64, 64)
    images[5] = float("nan")
    batches = DataLoader(TensorDataset(images, torch.tensor([0, 1] * 4)), batch_size=4)
    try:
        return fit(scratch(), batches)
    except CourseError as error:
        return {"error": str(error)}


def damaged(_: str, folder: Path) -> dict:
    """A checkpoint that cannot be read."""
    if current_group().is_first:
        (folder / "checkpoint-0.pt").write_bytes(b"text")
    try:
        return checkpointed(shuffled(), folder)
    except CourseError as error:
        return {"error": str(error)}


SPECIAL = {
    "killed": killed,
    "interrupted": interrupted,
    "no number": no_number,
    "damaged": damaged,
    "resumed": lambda _, folder: checkpointed(shuffled(), folder),
}


def main(folder: Path, names: list[str]) -> None:
    torch.set_num_threads(1)
    with joined() as group:
        assert group.count > 1
        for name in names:
            found = SPECIAL.get(name, same)(name, folder)
            (folder / f"{name}-{group.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
