"""The training loop of lesson 7, with what a long run needs.

`fit` is the loop that lesson 7 writes out, plus validation, early stopping, a progress bar,
and a checkpoint from which an interrupted run goes on as if nothing had happened.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import partial
from itertools import islice
from math import inf
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.models import load_weights, read_weights
from course_lib.paths import shorten, write_atomically
from course_lib.training.processes import Group, current_group

OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}
SCHEDULES = ("one_cycle", "cosine", None)
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# What the numbers given to `fit` may be: their kind, the lowest, below what, and this in words.
NUMBERS = {
    "epochs": (int, 0, inf, "a whole number from 0"),
    "accumulate": (int, 1, inf, "a whole number from 1"),
    "patience": (int | None, 1, inf, "a whole number from 1, or None"),
    "learning_rate": (int | float, 0, inf, "a number from 0 up, such as 0.001"),
    "weight_decay": (int | float, 0, inf, "a number from 0 up, such as 0.01"),
    "momentum": (int | float, 0, 1, "a number from 0 to below 1, such as 0.9"),
    "label_smoothing": (int | float, 0, 1, "a number from 0 to below 1, such as 0.1"),
    "average_weights": (int | float | None, 0, 1, "a number from 0 to below 1, or None"),
    "class_weights": (int | float, 0, inf, "one number from 0 up for each class, or None"),
}
# Of a GPU's free memory, for the photos of one loader. Those of training and validation together
# leave the 90 % that `course_lib.training.largest_batch` grants to a batch.
PHOTOS_SHARE = 0.05
NOTHING_TO_JUDGE = "There are no photos to judge the model by; check the split of the index."


class StopTraining(Exception):
    """Raised by a function of ``on_epoch_end`` to end the training in good order (lesson 10)."""


def fit(
    model: nn.Module,
    train: Iterable,
    validation: Iterable | None = None,
    *,
    epochs: int,
    learning_rate: float | dict[str, float] = 1e-3,
    optimizer: str = "adamw",
    momentum: float = 0.9,
    weight_decay: float = 0.01,
    schedule: str | None = "one_cycle",
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
    average_weights: float | None = None,
    accumulate: int = 1,
    precision: str = "float32",
    patience: int | None = None,
    checkpoint: str | os.PathLike | None = None,
    on_epoch_end: Iterable[Callable[[dict], object]] = (),
    device: torch.device | str | None = None,
    channels_last: bool | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train a model: the loop of lesson 7.

    Interrupting the kernel ends the training and keeps the best weights so far; the history then
    has ``attrs["interrupted"]`` true. With a ``checkpoint``, calling again with the same arguments
    goes on after the last complete epoch, with the same result as an uninterrupted run on the same
    machine. When the memory is too small for a batch, the batch goes through the model in halves, in
    training and in validation; each step still counts the whole batch.

    Inside `course_lib.training.joined`, several processes train together. Each takes its part of
    every batch, so with the same loader the history is that of one process up to rounding; it is
    the same in all of them, as is the model. Only the first one shows progress, saves and calls
    ``on_epoch_end``. The number of processes is not part of a checkpoint: any other number goes on.
    No step is halved there, because the others wait in the middle of it for a process that would
    start it again: too little memory ends the run with a sentence.

    Args:
        model: images (N, C, H, W) to logits (N, classes). It is changed in place.
        train: gives batches ``(images, labels)`` and their number by ``len``, such as a
            `BatchLoader`. Labels are class numbers, int64 (N,), or the probability of each class,
            float32 (N, classes). In several processes it must give the same batches in each of them.
        validation: the same for validation photos, or None to train without.
        epochs: how many times each training photo is seen.
        learning_rate: step size; a dictionary gives each part of the model its own, such
            as ``{"backbone": 1e-4, "head": 1e-3}``.
        optimizer: "adamw", "adam" or "sgd".
        momentum: how much of its speed "sgd" keeps from step to step, 0…1.
        weight_decay: how strongly weights are pulled towards zero.
        schedule: "one_cycle" (up, then down), "cosine" (down) or None (constant).
        label_smoothing: 0.1 asks for 95 % certainty instead of 100 % with two classes.
        class_weights: (classes,), how much a mistake in each class counts.
        average_weights: 0.99 keeps beside the model a moving average of its weights over about
            the last 100 steps. It is this average that is validated, and left in ``model`` at
            the end (Polyak and Juditsky 1992, Acceleration of stochastic approximation).
        accumulate: how many batches make one step; 4 batches of 16 act like one of 64, in a
            quarter of the memory. Batch normalisation still sees each batch on its own.
        precision: "float32", or "bfloat16" or "float16" (NVIDIA GPUs only) for the forward pass:
            half the memory, and on some processors faster. Measure before you choose it. The
            validation stays in float32, in which the model will be used.
        patience: stop after this many epochs without a lower validation loss. With
            ``patience`` the weights of the best epoch are restored at the end; without, the
            last ones are kept.
        checkpoint: file for saving after each epoch and resuming.
        on_epoch_end: functions called with the history row of each finished epoch. If one of them
            raises `StopTraining`, the training is finished; with a checkpoint it stays so.
        device: where to compute, by default `course_lib.device.choose`.
        channels_last: keep the channels of a pixel side by side in memory; same result up to
            rounding, mostly faster. By default as `course_lib.device.layout` says.
        progress: show a progress bar.

    Returns:
        The history, one row for each epoch: ``epoch`` (from 1), ``train_loss``,
        ``train_accuracy``, ``validation_loss``, ``validation_accuracy`` (0…1, counted over
        photos), ``learning_rate`` at the end of the epoch, ``seconds``.

    Raises:
        CourseError: an argument that cannot be, a loss that is no longer a number, a
            checkpoint that does not fit, or a memory too small for one photo or for making
            a batch.
    """
    device = devices.choose(device)
    settings = _plain({
        "epochs": epochs,
        "batches": _length(train),
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "label_smoothing": label_smoothing,
        "class_weights": class_weights,
        "average_weights": average_weights,
        "accumulate": accumulate,
        "precision": precision,
        "trained": [name for name, p in model.named_parameters() if p.requires_grad],
    })  # fmt: skip
    _check({**settings, "patience": _plain(patience)}, validation, device)
    for loader in (train, validation):
        _bring_photos(loader, device)
    memory_format = devices.layout(device)
    if channels_last is not None:
        memory_format = torch.channels_last if channels_last else torch.contiguous_format
    model.to(device, memory_format=memory_format)
    run = _Run(model, train, device, memory_format, settings)
    if checkpoint is not None:
        run.load(checkpoint)
        # A start to go back to: also after an interruption in the first epoch all is as it was.
        if run.group.is_first and not os.path.exists(checkpoint):
            run.save(checkpoint)
    run.network = run.group.replicate(model)
    bar = tqdm(
        total=epochs * len(train), initial=run.epoch * len(train), desc="training", unit="batch",
        disable=not (progress and run.group.is_first),
    )  # fmt: skip
    interrupted = False
    try:
        with run.group.interrupted_together():
            while run.epoch < epochs and not run.stopped and not run.out_of_patience(patience):
                start = perf_counter()
                row = {"epoch": run.epoch + 1}
                row |= _train_epoch(run, bar)
                if validation is not None:
                    loss, accuracy = evaluate(run.result, validation, device=device, group=run.group)
                    row |= {"validation_loss": loss, "validation_accuracy": accuracy}
                row |= {"learning_rate": run.optimizer.param_groups[-1]["lr"]}
                row |= {"seconds": perf_counter() - start}
                run.end_epoch(run.group.from_first(row))
                if run.group.is_first:
                    if checkpoint is not None:
                        run.save(checkpoint)
                    run.stopped = _stops(on_epoch_end, row)
                    if checkpoint is not None and run.stopped:
                        run.save(checkpoint)
                run.stopped = run.group.from_first(run.stopped)
                run.group.total(0.0)  # hears of an interrupt since the last step
    except KeyboardInterrupt:
        interrupted = True
        if run.group.is_first:
            print(f"Interrupted after {run.epoch} complete epochs; what was learned is kept.")
    finally:
        bar.close()
    if patience is not None and run.best is not None:
        model.load_state_dict(run.best)
    elif run.average is not None:
        model.load_state_dict(run.result.state_dict())
    model.eval()
    history = pd.DataFrame(run.history)
    history.attrs["interrupted"] = interrupted
    return history


def _stops(hooks: Iterable[Callable[[dict], object]], row: dict) -> bool:
    """Call the functions that wait for the end of an epoch; whether one of them ends the training."""
    try:
        for hook in hooks:
            hook(row)
    except StopTraining:
        return True
    return False


def _bring_photos(loader: Iterable | None, device: torch.device) -> None:
    """On a GPU with room for them, the photos of a `BatchLoader` travel to it once, not in each epoch."""
    if device.type == "cpu" or not hasattr(loader, "bytes"):
        return
    free = devices.available_memory(device)
    if loader.bytes < PHOTOS_SHARE * (2**30 if free is None else free):
        loader.to(device)


def made_ahead(batches: Iterable, prepare: Callable) -> Iterator:
    """The same batches, each made and prepared while the one before it is still used (lesson 7).

    Example:
        >>> list(made_ahead([1, 2, 3], prepare=lambda number: 10 * number))
        [10, 20, 30]
    """
    rest, end = iter(batches), object()

    def make():
        batch = next(rest, end)
        return batch if batch is end else prepare(batch)

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(make)
        while (batch := coming.result()) is not end:
            coming = pool.submit(make)
            yield batch


def _in_time(batches: Iterator, device: torch.device) -> Iterator:
    """The batches of a loader; on an NVIDIA GPU they are made ahead."""
    if device.type == "cuda":
        # The thread that makes batches ahead would not know which of several GPUs is this process's.
        own = device.index if device.index is not None else torch.cuda.current_device()
        batches = made_ahead(batches, partial(_bring, device=torch.device("cuda", own)))
    try:
        yield from batches
    except RuntimeError as error:
        if not devices.is_out_of_memory(error):
            raise
        # A loader that has failed gives no more batches, so there is nothing to halve.
        raise CourseError(
            "The memory is too small for making a batch; give the loader a smaller batch_size, and in "
            "training accumulate to make up for it."
        ) from error


def _bring(batch: tuple[Tensor, ...], device: torch.device) -> tuple[Tensor, ...]:
    """A batch on the GPU; from pinned memory it travels without making the program wait.

    Where memory is short it stays, and goes to the GPU portion by portion when its turn comes.
    """
    try:
        return tuple(
            tensor if tensor.device.type == device.type else tensor.pin_memory().to(device, non_blocking=True)
            for tensor in batch
        )
    except RuntimeError as error:
        if not devices.is_out_of_memory(error):
            raise
        return batch


def _length(train: Iterable) -> int:
    try:
        return len(train)
    except TypeError as error:
        raise CourseError(
            f"The training loader ({type(train).__name__}) does not say how many batches it has; give a "
            "BatchLoader, another loader with len, or a list of batches."
        ) from error


def _check_each(settings: dict) -> None:
    """Refuse names and numbers that are not possible, whatever the others are."""
    for name, known in (
        ("optimizer", tuple(OPTIMIZERS)),
        ("schedule", SCHEDULES),
        ("precision", tuple(PRECISIONS)),
    ):
        if name in settings and settings[name] not in known:
            raise CourseError(f"The {name} '{settings[name]}' is unknown; choose one of {', '.join(map(str, known))}.")
    for name, (kind, lowest, below, words) in NUMBERS.items():
        if name not in settings:
            continue
        given = settings[name]
        numbers = [given]
        if name == "learning_rate" and isinstance(given, dict):
            numbers = given.values()
        elif name == "class_weights" and (given is None or isinstance(given, list)):
            numbers = given or []
        for number in numbers:
            if not isinstance(number, kind) or not (number is None or lowest <= number < below):
                raise CourseError(f"{name}={given!r} is not possible; choose {words}.")


def _check(settings: dict, validation: Iterable | None, device: torch.device) -> None:
    """Refuse what cannot be, before anything is computed."""
    _check_each(settings)
    if settings["batches"] == 0:
        raise CourseError("There are no photos to train on; check the split of the index.")
    if settings["patience"] is not None and validation is None:
        raise CourseError("Early stopping (patience) needs validation photos; give a validation loader.")
    if hasattr(validation, "__len__") and len(validation) == 0:
        raise CourseError(NOTHING_TO_JUDGE)
    if settings["precision"] == "float16" and device.type != "cuda":
        raise CourseError(
            f"The precision 'float16' needs an NVIDIA GPU, and this run computes on '{device.type}'; "
            "choose 'bfloat16' or 'float32'."
        )


class _Run:
    """All that changes while a model trains; saved and loaded as one."""

    def __init__(self, model, train, device, memory_format, settings: dict):
        self.model, self.train, self.settings = model, train, settings
        self.device, self.memory_format = device, memory_format
        # The processes that train together, mostly just this one; and what computes the logits:
        # the model, or what shares its gradients with the other processes.
        self.group, self.network = current_group(), model
        self.epoch, self.history = 0, []
        self.stopped = False  # by `StopTraining`
        self.best, self.best_loss, self.best_epoch = None, float("inf"), 0
        # How many photos go through the model at once; 0 means the whole batch.
        self.photos_at_once = 0
        weights = settings["class_weights"]
        self.class_weights = None
        if weights is not None:
            self.class_weights = torch.tensor(weights).float().reshape(-1).to(device)
        self.loss_function = nn.CrossEntropyLoss(weight=self.class_weights, label_smoothing=settings["label_smoothing"])
        self.optimizer, self.schedule = _optimizer_and_schedule(model, settings)
        self.average = None
        if settings["average_weights"] is not None:
            # Batch normalisation's running mean and variance (buffers) are averaged like weights.
            average = get_ema_multi_avg_fn(settings["average_weights"])
            self.average = AveragedModel(model, multi_avg_fn=average, use_buffers=True)
        # Small float16 gradients would be rounded to 0; the scaler enlarges them for a while.
        self.scaler = torch.amp.GradScaler(device.type, enabled=settings["precision"] == "float16")

    @property
    def result(self) -> nn.Module:
        """The model to judge: the average where there is one."""
        return self.model if self.average is None else self.average.module

    @property
    def random_numbers(self) -> list[Tensor]:
        """Where the random numbers of the processor stand, and those of the GPU if one is used."""
        return devices.random_states(self.device)

    @random_numbers.setter
    def random_numbers(self, states: list[Tensor]) -> None:
        devices.set_random_states(states, self.device)

    def out_of_patience(self, patience: int | None) -> bool:
        return patience is not None and self.epoch - self.best_epoch >= patience

    def end_epoch(self, row: dict) -> None:
        self.history.append(row)
        self.epoch += 1
        loss = row.get("validation_loss", float("inf"))
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, self.epoch
            self.best = deepcopy(self.result.state_dict())

    def save(self, path: str | os.PathLike) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "scaler": self.scaler.state_dict(),
            "random": self.random_numbers[0],
            "random_gpu": self.random_numbers[1:],
            "loader_epoch": getattr(self.train, "epoch", None),
            "epoch": self.epoch,
            "history": self.history,
            "best": self.best,
            "best_loss": self.best_loss,
            "best_epoch": self.best_epoch,
            "stopped": self.stopped,
            "photos_at_once": self.photos_at_once,
            "settings": self.settings,
        }
        _save(state, path)

    def load(self, path: str | os.PathLike) -> None:
        """Go on where the file stands, if there is one; the first process reads it for all."""
        state = self.group.first_does(lambda: _read_checkpoint(path))
        if state is None:
            return
        if state.get("settings") != self.settings:
            raise CourseError(
                f"The checkpoint {shorten(path)} comes from a run with other settings; delete it to "
                "train anew, or call fit with the same arguments to resume."
            )
        load_weights(self.model, state["model"], path)
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule:
            self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        self.random_numbers = [state["random"], *state["random_gpu"]]
        if state["loader_epoch"] is not None:
            self.train.epoch = state["loader_epoch"]
        for name in ("epoch", "history", "best", "best_loss", "best_epoch", "photos_at_once"):
            setattr(self, name, state[name])
        self.stopped = state.get("stopped", False)  # older checkpoints do not say


def _read_checkpoint(path: str | os.PathLike) -> dict | None:
    """What a checkpoint holds, or None where there is none yet."""
    if not os.path.exists(path):
        return None
    try:
        return read_weights(path)
    except CourseError as error:
        raise CourseError(f"The checkpoint {shorten(path)} is damaged; delete it to train anew.") from error


def new_optimizer(
    model: nn.Module,
    learning_rate: float | dict[str, float],
    *,
    optimizer: str = "adamw",
    momentum: float = 0.9,
    weight_decay: float = 0.01,
) -> torch.optim.Optimizer:
    """What changes the weights at each step, as `fit` uses it (lesson 7).

    Args:
        model: only what may be trained is changed.
        learning_rate, optimizer, momentum, weight_decay: as for `fit`.

    Raises:
        CourseError: an argument that cannot be, or nothing to train.

    Example:
        >>> new_optimizer(nn.Linear(2, 2), 0.1, optimizer="sgd").defaults["momentum"]
        0.9
    """
    settings = {"learning_rate": learning_rate, "optimizer": optimizer, "momentum": momentum}
    _check_each(_plain(settings | {"weight_decay": weight_decay}))
    more = {"momentum": float(momentum)} if optimizer == "sgd" else {}
    groups = _parameter_groups(model, learning_rate)
    return OPTIMIZERS[optimizer](groups, weight_decay=float(weight_decay), **more)


def _optimizer_and_schedule(model: nn.Module, settings: dict) -> tuple:
    """The optimizer, and the plan of its learning rate over all steps (or None)."""
    names = ("learning_rate", "optimizer", "momentum", "weight_decay")
    optimizer = new_optimizer(model, **{name: settings[name] for name in names})
    rates = [group["lr"] for group in optimizer.param_groups]
    steps = max(1, settings["epochs"] * -(-settings["batches"] // settings["accumulate"]))
    schedule = None
    if settings["schedule"] == "one_cycle":
        # With SGD the momentum was chosen by name; the schedule would replace it by its own.
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=rates,
            total_steps=steps + 1,
            cycle_momentum=settings["optimizer"] != "sgd",
        )
    elif settings["schedule"] == "cosine":
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    return optimizer, schedule


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
            raise CourseError(f"The parameter {name} has no learning rate; add its part to learning_rate or freeze it.")
        groups[fitting[0]]["params"].append(parameter)
    for part, group in zip(learning_rate, groups, strict=True):
        if not group["params"]:
            raise CourseError(
                f"No trainable parameter belongs to '{part or 'the model'}'; check the name, or "
                "unfreeze what shall be trained."
            )
    return groups


def _train_epoch(run: _Run, bar: tqdm) -> dict:
    """One pass over the training photos, counted photo by photo."""
    set_training_mode(run.model)
    if run.group.count > 1:
        # A loader that draws from them, such as torch's DataLoader, gives all the same batches.
        run.random_numbers = run.group.from_first(run.random_numbers)
    total_loss, correct, photos, number = 0, 0, 0, 0
    batches = _in_time(run.group.parts(run.train), run.device)
    while step := list(islice(batches, run.settings["accumulate"])):
        loss, hits = _step_within_memory(run, step, number + 1)
        number += len(step)
        photos += sum(len(whole) for _, _, whole in step)
        # Sums over photos: the mean of batch means would count a small last batch too much.
        total_loss += loss
        correct += hits
        bar.update(len(step))
        if number % 10 < len(step) or number == len(run.train):
            bar.set_postfix(
                epoch=run.epoch + 1, loss=f"{total_loss.item() / photos:.3f}",
                accuracy=f"{correct.item() / photos:.3f}", refresh=False,
            )  # fmt: skip
    return {"train_loss": total_loss.item() / photos, "train_accuracy": correct.item() / photos}


def _train_step(run: _Run, batches: list, first: int) -> tuple[Tensor, Tensor]:
    """One step of the optimizer: the five numbered steps of lesson 7.

    Mostly a step has one portion, a batch. With ``accumulate``, or with little memory, it has
    several, and their gradients add up to those of all its photos. So do those of several
    processes.

    Returns:
        The loss summed over photos, and how many photos were answered right.
    """
    group, total_loss, correct = run.group, 0, 0
    photos = sum(len(whole) for _, _, whole in batches)
    portions = _portions(run, batches, first)
    for part, (number, images, labels, whole, share) in enumerate(portions):
        images = images.to(run.device, memory_format=run.memory_format)
        labels = labels_on(labels, run.device)
        # 1. forward: from images to logits
        last = part == len(portions) - 1
        with _autocast(run), group.as_one(run.network, len(whole), last):
            logits = run.network(images)
        if run.class_weights is not None and len(run.class_weights) != logits.shape[1]:
            raise _wrong_class_weights(run)
        # 2. loss: how wrong the logits are
        # The mean of no photos is no number; a process may have none of a small last batch.
        loss = run.loss_function(logits.float(), labels) if share else logits.sum()
        hits = (logits.detach().argmax(1) == _class_numbers(labels)).sum()
        loss_sum, hits = group.total(loss.detach() * (share * photos), hits)
        is_finite = _on_its_way(torch.isfinite(loss_sum))
        # 3. forget the old gradients
        if part == 0:
            run.optimizer.zero_grad()
        # 4. backward: how each weight influences the loss
        # The gradients of several processes are averaged, and those of the shares shall add up.
        run.scaler.scale(loss * (share * group.count)).backward()
        # Before the step, so that the weights stay as good as they were.
        if not is_finite():
            raise CourseError(
                f"The loss is no longer a number in epoch {run.epoch + 1}, batch {number}; lower the "
                "learning rate, and check the photos of this batch."
            )
        total_loss += loss_sum
        correct += hits
    # 5. step: change each weight a little
    run.scaler.step(run.optimizer)
    run.scaler.update()
    if run.schedule:
        run.schedule.step()
    if run.average is not None:
        run.average.update_parameters(run.model)
    return total_loss, correct


def _on_its_way(value: Tensor) -> Callable[[], bool]:
    """Ask for a number now and get it later, so that an NVIDIA GPU computes on while it travels."""
    if not value.is_cuda:
        return value.item
    copy = value.to("cpu", non_blocking=True)
    arrived = torch.cuda.current_stream(value.device).record_event()

    def get() -> bool:
        arrived.synchronize()
        return copy.item()

    return get


def labels_on(labels: Tensor, device: torch.device) -> Tensor:
    """Labels where the model computes (lesson 7)."""
    # NumPy's decimals are float64, which the loss does not take and an Apple GPU does not hold.
    return (labels.float() if labels.is_floating_point() else labels).to(device)


def _portions(run: _Run, batches: list, first: int) -> list[tuple]:
    """What goes through the model at once.

    A share is the part of the step's photos, so that the shares of a step, in all processes, add
    up to 1. With class weights a photo counts as much as its class.

    Returns:
        For each portion: the number of its batch, images, labels, the labels of this portion in
        all processes, and its share of the loss. All processes have equally many portions.
    """
    portions, count = [], run.group.count
    for number, (images, labels, whole) in enumerate(batches, start=first):
        size = run.photos_at_once or len(whole)
        for start in range(0, -(-len(whole) // count), size):
            own, all_of_it = (slice(start * n, (start + size) * n) for n in (1, count))
            portions.append((number, images[own], labels[own], whole[all_of_it]))
    if len(portions) == count == 1:
        return [(*portions[0], 1.0)]
    total = sum(_weight(run, whole) for *_, whole in portions)
    return [(*portion, _weight(run, portion[2]) / total) for portion in portions]


def _weight(run: _Run, labels: Tensor) -> float:
    """How much these photos count in the loss of their step."""
    if run.class_weights is None or labels.is_floating_point():
        return float(len(labels))
    # Of a small last batch a process may have no photo.
    if len(labels) and labels.max() >= len(run.class_weights):
        raise _wrong_class_weights(run)
    return run.class_weights[labels].sum().item()


def _wrong_class_weights(run: _Run) -> CourseError:
    return CourseError(
        f"{len(run.class_weights)} class_weights do not fit the classes of the model and the labels; "
        "give one number for each class."
    )


def _step_within_memory(run: _Run, batches: list, first: int) -> tuple[Tensor, Tensor]:
    """One step; when the memory is too small, the same again with half the photos at once."""
    while True:
        try:
            return _train_step(run, batches, first)
        except RuntimeError as error:
            most = run.photos_at_once or max(len(labels) for _, labels, _ in batches)
            half = _half(most, error)
            if run.group.count > 1:
                # The others wait for this process in the middle of the step, so it cannot go back.
                raise CourseError(
                    f"The memory of process {run.group.rank} is too small for {most} photos at once; "
                    "start again with more processes, or with one, which then halves its batches."
                ) from error
            run.photos_at_once = half
            print(
                f"Out of memory with {most} photos at once: from now on {half} at once, and each step "
                "still counts its whole batch."
            )
        # Only here is the error forgotten, and with it the tensors it kept alive.
        devices.empty_cache(run.device)


def _half(photos: int, error: RuntimeError) -> int:
    """How many photos to try next when the memory was too small for these; other errors go on."""
    if not devices.is_out_of_memory(error):
        raise error
    if photos == 1:
        raise CourseError(
            "The memory is too small for a single photo; use smaller photos or a smaller model."
        ) from error
    return -(-photos // 2)


def _autocast(run: _Run) -> torch.autocast:
    precision = run.settings["precision"]
    return torch.autocast(run.device.type, dtype=PRECISIONS[precision], enabled=precision != "float32")


def _class_numbers(labels: Tensor) -> Tensor:
    """Class numbers (N,), also where the labels are probabilities (N, classes)."""
    return labels.argmax(1) if labels.ndim == 2 else labels


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
    model: nn.Module,
    loader: Iterable,
    *,
    device: torch.device | str | None = None,
    group: Group | None = None,
) -> tuple[float, float]:
    """Mean cross-entropy loss and accuracy over all photos of a loader (lesson 7).

    The model computes in evaluation mode: dropout off, batch normalisation with its running
    statistics. When the memory is too small for a batch, it goes through the model in halves.

    Args:
        model: images (N, C, H, W) to logits (N, classes).
        loader: gives batches ``(images, labels)``.
        device: where to compute, by default `course_lib.device.choose`.
        group: processes that share the photos among them, as in `fit`; each of them must call.

    Returns:
        Loss (0 is perfect) and accuracy (0…1).

    Raises:
        CourseError: the loader has no photos, or the memory is too small for one or for making a
            batch.
    """
    device = devices.choose(device)
    group = group or Group()
    model.to(device).eval()
    losses, hits, photos, most = [], [], 0, inf
    for batch_images, batch_labels, _ in _in_time(group.parts(loader), device):
        start = 0  # a small last batch may have no photo for this process
        while start < len(batch_labels):
            portion = slice(start, start + min(most, len(batch_labels)))
            labels = labels_on(batch_labels[portion], device)
            try:
                logits = model(batch_images[portion].to(device))
                loss = nn.functional.cross_entropy(logits, labels, reduction="sum")
            except RuntimeError as error:
                most = _half(len(labels), error)
            else:
                losses.append(loss)
                hits.append((logits.argmax(1) == _class_numbers(labels)).sum())
                photos += len(labels)
                start += len(labels)
                continue
            # Only here is the error forgotten, and with it the tensors it kept alive.
            devices.empty_cache(device)
    total_loss, correct = 0.0, 0
    if photos:  # one of several processes may have none
        # Only now does the program wait for a GPU.
        for loss, right in zip(*(torch.stack(each).tolist() for each in (losses, hits)), strict=True):
            total_loss += loss
            correct += right
    total_loss, correct, photos = group.total(total_loss, correct, photos)
    if photos == 0:
        raise CourseError(NOTHING_TO_JUDGE)
    return float(total_loss / photos), float(correct / photos)


def save_checkpoint(model: nn.Module, path: str | os.PathLike, **facts) -> Path:
    """Save the weights of a model, with plain facts beside them (lesson 7).

    Args:
        model: its weights are saved, not its code.
        path: the file.
        facts: numbers, texts and lists worth keeping, such as ``classes=[…]``.
    """
    _save({"model": model.state_dict(), **_plain(facts)}, path)
    return Path(path)


def _save(state: dict, path: str | os.PathLike) -> None:
    # Into a file of Python's: where the disk is full, PyTorch's own raises anything but an OSError.
    with write_atomically(path) as temporary, open(temporary, "wb") as file:
        torch.save(state, file)


def _plain(value):
    """Numbers of NumPy and torch as Python's: a file is read back without code, so it holds no others."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | Tensor):
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
        raise CourseError(f"The file {shorten(path)} is not a checkpoint of this course; train the model again.")
    load_weights(model, state.pop("model"), path)
    model.eval()
    return state
