"""The training loop of lesson 7, with what a long run needs around it (lesson 7).

`fit` goes through the epochs; each of them is `_train_one_epoch`, the five steps that lesson 7 writes
out. How a model learns stands in `course_lib.training.recipe`, all that changes meanwhile in
`course_lib.training.checkpoint`.
"""

import os
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.training.checkpoint import Run, read_run
from course_lib.training.processes import current_group
from course_lib.training.recipe import Recipe

# Of a GPU's free memory: the photos of a loader that take less than this are kept there.
PHOTOS_SHARE = 0.05


class StopTraining(Exception):
    """Raised by a function of ``on_epoch_end`` to end the training in good order."""


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
    average_weights: float | None = None,
    precision: str = "float32",
    channels_last: bool | None = None,
    patience: int | None = None,
    checkpoint: str | os.PathLike | None = None,
    on_epoch_end: Iterable[Callable[[dict], object]] = (),
    device: torch.device | str | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train a model: the loop of lesson 7.

    Interrupting the kernel ends the training and keeps the best weights so far; the history then says
    so in its ``attrs["interrupted"]``. With a ``checkpoint``, calling again with the same arguments goes on
    after the last complete epoch, with the same result as an uninterrupted run on the same CPU.

    Inside `course_lib.training.joined` several processes train together, each with its share of every
    batch. Only the first one shows progress, validates, saves and calls ``on_epoch_end``. The number of
    processes is not part of a checkpoint: any other number goes on.

    Args:
        model: images (N, C, H, W) to logits (N, classes). It is changed in place.
        train: gives batches ``(images, labels)`` and their number by ``len``, such as a
            `BatchLoader`. Labels are class numbers, int64 (N,), or the probability of each class,
            float32 (N, classes). In several processes it must give the same batches in each of them.
        validation: the same for validation photos, or None to train without.
        epochs: how many times each training photo is seen.
        learning_rate: step size; a dictionary gives each part of the model its own, such
            as ``{"backbone": 1e-4, "head": 1e-3}``.
        optimizer: "adamw", "adam" or "sgd" (with momentum 0.9).
        weight_decay: how strongly weights are pulled towards zero.
        schedule: "one_cycle" (up, then down), "cosine" (down) or None (constant).
        label_smoothing: 0.1 asks for 95 % certainty instead of 100 % with two classes.
        average_weights: 0.99 keeps beside the model a moving average of its weights over about
            the last 100 steps. It is this average that is validated, and left in ``model`` at
            the end (Polyak and Juditsky 1992, Acceleration of stochastic approximation).
        precision: "float32", or "bfloat16" or "float16" (made for NVIDIA GPUs) for the forward pass:
            half the memory, and on some processors faster (see `course_lib.device.quick_precision`).
            The validation stays in float32, in which the model will be used.
        channels_last: keep the channels of a pixel side by side in memory; same result up to
            rounding, usually faster. By default as `course_lib.device.layout` says.
        patience: stop after this many epochs without a lower validation loss. With
            ``patience`` the weights of the best epoch are restored at the end; without, the
            last ones are kept.
        checkpoint: file for saving after each epoch and resuming.
        on_epoch_end: functions called with the history row of each finished epoch. If one of them
            raises `StopTraining`, the training is finished; with a checkpoint it stays so.
        device: where to compute, by default `course_lib.device.choose`.
        progress: show a progress bar.

    Returns:
        The history, one row for each epoch: ``epoch`` (from 1), ``train_loss``,
        ``train_accuracy``, ``validation_loss``, ``validation_accuracy`` (0…1, counted over
        photos), ``learning_rate`` at the end of the epoch, ``seconds``.

    Raises:
        CourseError: an argument that cannot be, a loss that is no longer a number, a
            checkpoint that does not fit, or a memory too small for a batch.
    """
    recipe = Recipe(
        epochs, learning_rate, optimizer, weight_decay, schedule, label_smoothing, average_weights, precision
    )
    device, group = devices.choose(device), current_group()
    batches = _check(train, validation, patience)
    order = devices.layout(device)
    if channels_last is not None:
        order = torch.channels_last if channels_last else torch.contiguous_format
    model.to(device).to(memory_format=order)
    for loader in (train, validation):
        _bring_photos(loader, device)
    run = Run(model, recipe, batches, device)
    if checkpoint is not None and (state := group.first_does(read_run, checkpoint)) is not None:
        run.load(state, checkpoint, train)
    elif checkpoint is not None and group.is_first:
        run.save(checkpoint, train)  # to go back to after an interruption in the first epoch
    network = group.replicate(model)
    show = progress and group.is_first
    bar = tqdm(total=epochs * batches, initial=run.epoch * batches, desc="training", unit="batch", disable=not show)
    interrupted = False
    try:
        with bar, devices.enough_memory():
            while not run.is_over(patience):
                start = perf_counter()
                sums = group.total(_train_one_epoch(run, network, group.shares(train), order, bar))
                run.end_epoch(group.first_does(_judge, run, sums.tolist(), validation, start))
                run.stopped = group.first_does(_finish_epoch, run, checkpoint, train, on_epoch_end)
    except KeyboardInterrupt:
        interrupted = True
        if group.is_first:
            print(f"Interrupted after {run.epoch} complete epochs; what was learned is kept.")
    run.leave(best=patience is not None)
    history = pd.DataFrame(run.history)
    history.attrs["interrupted"] = interrupted
    return history


def _train_one_epoch(run: Run, network: nn.Module, batches: Iterable, order: torch.memory_format, bar: tqdm) -> Tensor:
    """One pass over the training photos: the five steps of lesson 7 for each batch.

    Returns:
        The loss summed over photos, how many were answered right, and how many there are.
    """
    set_training_mode(run.model)
    total_loss, correct, photos = torch.zeros((), device=run.device), torch.zeros((), device=run.device), 0
    for number, (images, labels) in enumerate(batches, start=1):
        # Features (N, D) have no order.
        images = images.to(run.device, memory_format=order if images.ndim == 4 else torch.preserve_format)
        labels = labels_on(labels, run.device)
        # 1. forward: from images to logits
        with devices.autocast(run.device, run.recipe.precision):
            logits = network(images)
        # 2. loss: how wrong the logits are
        loss = run.loss_function(logits.float(), labels)
        if not loss.isfinite():  # before the step, so that the weights stay as good as they were
            raise CourseError(
                f"The loss is no longer a number in epoch {run.epoch + 1}, batch {number}; lower the learning rate, "
                "and check the photos of this batch."
            )
        # 3. forget the old gradients
        run.optimizer.zero_grad()
        # 4. backward: how each weight influences the loss
        run.scaler.scale(loss).backward()
        # 5. step: change each weight a little
        run.scaler.step(run.optimizer)
        run.after_step()
        # Sums over photos: the mean of batch means would count a small last batch too much.
        total_loss += loss.detach() * len(labels)
        correct += _right(logits, labels)
        photos += len(labels)
        bar.update()
        if number % 10 == 0 and not bar.disable:
            loss_so_far, accuracy = total_loss.item() / photos, correct.item() / photos
            bar.set_postfix(epoch=run.epoch + 1, loss=f"{loss_so_far:.3f}", accuracy=f"{accuracy:.3f}", refresh=False)
    return torch.tensor([total_loss.item(), correct.item(), photos], dtype=torch.float64)


def _judge(run: Run, sums: list[float], validation: Iterable | None, start: float) -> dict:
    """The row of the history for an epoch that is trained."""
    loss, correct, photos = sums
    row = {"epoch": run.epoch + 1, "train_loss": loss / photos, "train_accuracy": correct / photos}
    if validation is not None:
        row["validation_loss"], row["validation_accuracy"] = evaluate(run.result, validation, device=run.device)
    rate = run.optimizer.param_groups[-1]["lr"]
    return row | {"learning_rate": rate, "seconds": perf_counter() - start}


def _finish_epoch(
    run: Run, checkpoint: str | os.PathLike | None, train: Iterable, on_epoch_end: Iterable[Callable[[dict], object]]
) -> bool:
    """Call the functions that wait for the end of an epoch, and save; whether one of them ends the training."""
    try:
        for function in on_epoch_end:
            function(run.history[-1])
    except StopTraining:
        run.stopped = True
    finally:  # whatever such a function does, the epoch is not lost
        if checkpoint is not None:
            run.save(checkpoint, train)
    return run.stopped


def _check(train: Any, validation: Iterable | None, patience: int | None) -> int:
    """Refuse what cannot be, before anything is computed; how many batches an epoch has."""
    if len(train) == 0:
        raise CourseError("There are no photos to train on; check the split of the index.")
    if patience is not None and (patience < 1 or validation is None):
        raise CourseError(f"Early stopping (patience={patience}) needs validation photos and 1 epoch or more.")
    return len(train)


def _bring_photos(loader: Any, device: torch.device) -> None:
    """On a GPU with room for them, the photos of a `BatchLoader` travel to it once, not in each epoch."""
    if device.type == "cpu" or not hasattr(loader, "bytes"):
        return
    if loader.bytes < PHOTOS_SHARE * devices.available_memory(device):
        loader.to(device)


def labels_on(labels: Tensor, device: torch.device) -> Tensor:
    """Labels where the model computes."""
    # NumPy's decimals are float64, which the loss does not take and an Apple GPU does not hold.
    return (labels.float() if labels.is_floating_point() else labels).to(device)


def _right(logits: Tensor, labels: Tensor) -> Tensor:
    """How many photos are answered right; with probabilities as labels, by their likelier class."""
    return (logits.detach().argmax(1) == (labels.argmax(1) if labels.ndim == 2 else labels)).sum()


def set_training_mode(model: nn.Module) -> None:
    """Training mode for what is trained, evaluation mode for what is frozen.

    A frozen batch normalisation would otherwise still change its running mean and variance.
    """
    model.train()
    for module in model.modules():
        own = list(module.parameters())
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()


@torch.no_grad()
def evaluate(model: nn.Module, loader: Iterable, *, device: torch.device | str | None = None) -> tuple[float, float]:
    """Mean cross-entropy loss and accuracy over all photos of a loader.

    The model computes in evaluation mode: dropout off, batch normalisation with its running
    statistics.

    Args:
        model: images (N, C, H, W) to logits (N, classes).
        loader: gives batches ``(images, labels)``.
        device: where to compute, by default `course_lib.device.choose`.

    Returns:
        Loss (0 is perfect) and accuracy (0…1).

    Raises:
        CourseError: the loader has no photos, or the memory is too small for a batch.
    """
    device = devices.choose(device)
    model.to(device).eval()
    total_loss, correct, photos = torch.zeros((), device=device), torch.zeros((), device=device), 0
    with devices.enough_memory():
        for images, labels in loader:
            logits, labels = model(images.to(device)), labels_on(labels, device)
            total_loss += nn.functional.cross_entropy(logits, labels, reduction="sum")
            correct += _right(logits, labels)
            photos += len(labels)
    if photos == 0:
        raise CourseError("There are no photos to judge the model by; check the split of the index.")
    return total_loss.item() / photos, correct.item() / photos
