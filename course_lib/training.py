"""The training loop of lesson 7, with what a long run needs.

`fit` is the loop that lesson 7 writes out, plus validation, early stopping, a progress bar,
and a checkpoint from which an interrupted run goes on as if nothing had happened.
"""

import os
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.paths import shorten, write_atomically
from course_lib.weights import load_weights, read_weights

OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}
SCHEDULES = ("one_cycle", "cosine", None)


def fit(
    model: nn.Module,
    train: Iterable,
    validation: Iterable | None = None,
    *,
    epochs: int,
    learning_rate: float | dict[str, float] = 1e-3,
    optimizer: str = "adamw",
    weight_decay: float = 0.01,
    schedule: str | None = "one_cycle",
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
    patience: int | None = None,
    checkpoint: str | os.PathLike | None = None,
    on_epoch_end: Iterable[Callable[[dict], None]] = (),
    device: torch.device | str | None = None,
    channels_last: bool = True,
    progress: bool = True,
) -> pd.DataFrame:
    """Train a model: the loop of lesson 7.

    Interrupting the kernel ends the training and keeps the best weights so far. With a
    ``checkpoint``, calling again with the same arguments goes on after the last complete
    epoch, with the same result as an uninterrupted run on the same machine.

    Args:
        model: images (N, C, H, W) to logits (N, classes). It is changed in place.
        train: gives batches ``(images, labels)``, such as a `BatchLoader`.
        validation: the same for validation photos, or None to train without.
        epochs: how many times each training photo is seen.
        learning_rate: step size; a dictionary gives each part of the model its own, such
            as ``{"backbone": 1e-4, "head": 1e-3}``.
        optimizer: "adamw", "adam" or "sgd" (with momentum 0.9).
        weight_decay: how strongly weights are pulled towards zero.
        schedule: "one_cycle" (up, then down), "cosine" (down) or None (constant).
        label_smoothing: 0.1 asks for 95 % certainty instead of 100 % with two classes.
        class_weights: (classes,), how much a mistake in each class counts.
        patience: stop after this many epochs without a lower validation loss. With
            ``patience`` the weights of the best epoch are restored at the end; without, the
            last ones are kept.
        checkpoint: file for saving after each epoch and resuming.
        on_epoch_end: functions called with the history row of each finished epoch.
        device: where to compute, by default `course_lib.device.choose`.
        channels_last: keep the channels of a pixel side by side in memory; same result up to
            rounding, mostly faster.
        progress: show a progress bar.

    Returns:
        The history, one row for each epoch: ``epoch`` (from 1), ``train_loss``,
        ``train_accuracy``, ``validation_loss``, ``validation_accuracy`` (0…1, counted over
        photos), ``learning_rate`` at the end of the epoch, ``seconds``.

    Raises:
        CourseError: an unknown optimizer or schedule, a loss that is no longer a number, or a
            checkpoint that does not fit.
    """
    if optimizer not in OPTIMIZERS:
        raise CourseError(
            f"The optimizer '{optimizer}' is unknown; choose one of {', '.join(OPTIMIZERS)}."
        )
    if schedule not in SCHEDULES:
        raise CourseError(
            f"The schedule '{schedule}' is unknown; choose 'one_cycle', 'cosine' or None."
        )
    if patience is not None and validation is None:
        raise CourseError(
            "Early stopping (patience) needs validation photos; give a validation loader."
        )
    if len(train) == 0:
        raise CourseError("There are no photos to train on; check the split of the index.")
    device = torch.device(device) if device else devices.choose()
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    model.to(device, memory_format=memory_format)
    weights = None if class_weights is None else torch.as_tensor(class_weights).float().to(device)
    loss_function = nn.CrossEntropyLoss(weight=weights, label_smoothing=label_smoothing)
    run = _Run(model, train, epochs, learning_rate, optimizer, weight_decay, schedule)
    run.settings["label_smoothing"] = label_smoothing
    run.settings["class_weights"] = None if weights is None else weights.tolist()
    run.settings = _plain(run.settings)
    if checkpoint is not None and Path(checkpoint).exists():
        run.load(checkpoint)
    bar = tqdm(
        total=epochs * len(train), initial=run.epoch * len(train), desc="training", unit="batch",
        disable=not progress,
    )  # fmt: skip
    try:
        while run.epoch < epochs and not run.out_of_patience(patience):
            start = perf_counter()
            row = {"epoch": run.epoch + 1}
            row |= _train_epoch(run, train, loss_function, device, memory_format, bar)
            if validation is not None:
                loss, accuracy = evaluate(model, validation, device=device)
                row |= {"validation_loss": loss, "validation_accuracy": accuracy}
            row |= {"learning_rate": run.optimizer.param_groups[-1]["lr"]}
            row |= {"seconds": perf_counter() - start}
            run.end_epoch(row)
            if checkpoint is not None:
                run.save(checkpoint)
            for hook in on_epoch_end:
                hook(row)
    except KeyboardInterrupt:
        print(f"Interrupted after {run.epoch} complete epochs; what was learned is kept.")
    finally:
        bar.close()
    if patience is not None and run.best is not None:
        model.load_state_dict(run.best)
    model.eval()
    return pd.DataFrame(run.history)


class _Run:
    """All that changes while a model trains; saved and loaded as one."""

    def __init__(self, model, train, epochs, learning_rate, optimizer, weight_decay, schedule):
        self.model, self.train, self.epoch, self.history = model, train, 0, []
        self.best, self.best_loss, self.best_epoch = None, float("inf"), 0
        groups = _parameter_groups(model, learning_rate)
        momentum = {"momentum": 0.9} if optimizer == "sgd" else {}
        self.optimizer = OPTIMIZERS[optimizer](groups, weight_decay=float(weight_decay), **momentum)
        rates = [group["lr"] for group in groups]
        steps = max(1, epochs * len(train))
        if schedule == "one_cycle":
            self.schedule = torch.optim.lr_scheduler.OneCycleLR(
                self.optimizer, max_lr=rates, total_steps=steps + 1
            )
        elif schedule == "cosine":
            self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, steps)
        else:
            self.schedule = None
        self.settings = {
            "epochs": epochs,
            "batches": len(train),
            "learning_rate": learning_rate,
            "optimizer": optimizer,
            "weight_decay": weight_decay,
            "schedule": schedule,
            "trained": [name for name, p in model.named_parameters() if p.requires_grad],
        }

    def out_of_patience(self, patience: int | None) -> bool:
        return patience is not None and self.epoch - self.best_epoch >= patience

    def end_epoch(self, row: dict) -> None:
        self.history.append(row)
        self.epoch += 1
        loss = row.get("validation_loss", float("inf"))
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, self.epoch
            self.best = deepcopy(self.model.state_dict())

    def save(self, path: str | os.PathLike) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "random": torch.get_rng_state(),
            "random_gpu": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "loader_epoch": getattr(self.train, "epoch", None),
            "epoch": self.epoch,
            "history": self.history,
            "best": self.best,
            "best_loss": self.best_loss,
            "best_epoch": self.best_epoch,
            "settings": self.settings,
        }
        with write_atomically(path) as temporary:
            torch.save(state, temporary)

    def load(self, path: str | os.PathLike) -> None:
        state = read_weights(path)
        if state.get("settings") != self.settings:
            raise CourseError(
                f"The checkpoint {shorten(path)} comes from a run with other settings; delete it to "
                "train anew, or call fit with the same arguments to resume."
            )
        load_weights(self.model, state["model"], path)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule:
            self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["random"])
        if torch.cuda.is_available() and state["random_gpu"]:
            torch.cuda.set_rng_state_all(state["random_gpu"])
        if state["loader_epoch"] is not None:
            self.train.epoch = state["loader_epoch"]
        for name in ("epoch", "history", "best", "best_loss", "best_epoch"):
            setattr(self, name, state[name])


def _parameter_groups(model: nn.Module, learning_rate: float | dict[str, float]) -> list[dict]:
    """The trainable parameters with their learning rates, as the optimizer wants them."""
    if not isinstance(learning_rate, dict):
        learning_rate = {"": learning_rate}
    groups = [{"params": [], "lr": float(rate)} for rate in learning_rate.values()]
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        fitting = [n for n, part in enumerate(learning_rate) if name.startswith(part)]
        if not fitting:
            raise CourseError(
                f"The parameter {name} has no learning rate; add its part to learning_rate or freeze it."
            )
        groups[fitting[0]]["params"].append(parameter)
    for part, group in zip(learning_rate, groups, strict=True):
        if not group["params"]:
            raise CourseError(
                f"No trainable parameter belongs to '{part or 'the model'}'; check the name, or "
                "unfreeze what shall be trained."
            )
    return groups


def _train_epoch(run: _Run, train, loss_function, device, memory_format, bar) -> dict:
    """One pass over the training photos: the five numbered steps of lesson 7."""
    model = run.model
    set_training_mode(model)
    total_loss = torch.zeros((), device=device)
    correct = torch.zeros((), dtype=torch.int64, device=device)
    photos = 0
    for number, (images, labels) in enumerate(train, start=1):
        images = images.to(device, memory_format=memory_format)
        labels = labels.to(device)
        # 1. forward: from images to logits
        logits = model(images)
        # 2. loss: how wrong the logits are
        loss = loss_function(logits, labels)
        if not torch.isfinite(loss):
            raise CourseError(
                f"The loss is no longer a number in epoch {run.epoch + 1}, batch {number}; lower the "
                "learning rate, and check the photos of this batch."
            )
        # 3. forget the old gradients
        run.optimizer.zero_grad()
        # 4. backward: how each weight influences the loss
        loss.backward()
        # 5. step: change each weight a little
        run.optimizer.step()
        if run.schedule:
            run.schedule.step()
        photos += len(labels)
        # Sums over photos: the mean of batch means would count a small last batch too much.
        total_loss += loss.detach() * len(labels)
        correct += (logits.detach().argmax(1) == labels).sum()
        bar.update()
        if number % 10 == 0 or number == len(train):
            bar.set_postfix(
                epoch=run.epoch + 1, loss=f"{total_loss.item() / photos:.3f}",
                accuracy=f"{correct.item() / photos:.3f}", refresh=False,
            )  # fmt: skip
    return {"train_loss": total_loss.item() / photos, "train_accuracy": correct.item() / photos}


def set_training_mode(model: nn.Module) -> None:
    """Training mode for what is trained, evaluation mode for what is frozen (lesson 9).

    A frozen batch normalisation would otherwise still change its running mean and variance.
    """
    model.train()
    for module in model.modules():
        own = list(module.parameters())
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()


@torch.no_grad()
def evaluate(
    model: nn.Module, loader: Iterable, *, device: torch.device | str | None = None
) -> tuple[float, float]:
    """Mean cross-entropy loss and accuracy over all photos of a loader (lesson 7).

    The model computes in evaluation mode: dropout off, batch normalisation with its running
    statistics.

    Returns:
        Loss (0 is perfect) and accuracy (0…1).
    """
    device = torch.device(device) if device else devices.choose()
    model.to(device).eval()
    total_loss, correct, photos = 0.0, 0, 0
    for images, labels in loader:
        labels = labels.to(device)
        logits = model(images.to(device))
        total_loss += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
        correct += int((logits.argmax(1) == labels).sum())
        photos += len(labels)
    return total_loss / photos, correct / photos


def save_checkpoint(model: nn.Module, path: str | os.PathLike, **facts) -> Path:
    """Save the weights of a model, with plain facts beside them (lesson 7).

    Args:
        model: its weights are saved, not its code.
        path: the file.
        facts: numbers, texts and lists worth keeping, such as ``classes=[…]``.
    """
    with write_atomically(path) as temporary:
        torch.save({"model": model.state_dict(), **_plain(facts)}, temporary)
    return Path(path)


def _plain(value):
    """NumPy's numbers as Python's: a file is read back without code, so it may hold no others."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


def load_checkpoint(path: str | os.PathLike, model: nn.Module) -> dict:
    """Load the weights of `save_checkpoint` into a model of the same build (lesson 8).

    Nothing in the file is executed, so a file from a stranger can at worst be refused.

    Returns:
        The facts that were saved beside the weights.

    Raises:
        CourseError: no such file, damaged, no checkpoint, or of another network.
    """
    state = read_weights(path)
    if not isinstance(state.get("model"), dict):
        raise CourseError(
            f"The file {shorten(path)} is not a checkpoint of this course; train the model again."
        )
    load_weights(model, state.pop("model"), path)
    model.eval()
    return state
