"""Files of a model's weights, and of a whole training that may be interrupted (lesson 7)."""

import os
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course_lib.errors import CourseError
from course_lib.models import load_weights, read_weights
from course_lib.paths import plain, shorten, write_atomically
from course_lib.training.recipe import Recipe


def save_checkpoint(model: nn.Module, path: str | os.PathLike, **facts: object) -> Path:
    """Save the weights of a model, with plain facts beside them.

    Args:
        model: its weights are saved, not its code.
        path: the file.
        facts: numbers, texts and lists worth keeping, such as ``classes=[…]``.
    """
    _save({"model": model.state_dict(), **plain(facts)}, path)
    return Path(path)


def load_checkpoint(path: str | os.PathLike, model: nn.Module) -> dict:
    """Load the weights of `save_checkpoint` into a model of the same build.

    Nothing in the file is executed, so a file from a stranger can at worst be refused.

    Returns:
        The facts that were saved beside the weights.

    Raises:
        CourseError: no such file, damaged, not a checkpoint, or of another network.
    """
    state = read_weights(path)
    if not isinstance(state.get("model"), dict):
        raise CourseError(f"The file {shorten(path)} is not a checkpoint of this course; train the model again.")
    load_weights(model, state.pop("model"), path)
    model.eval()
    return state


def _save(state: dict, path: str | os.PathLike) -> None:
    # Into a file of Python's: where the disk is full, PyTorch's own raises anything but an OSError.
    with write_atomically(path) as temporary, open(temporary, "wb") as file:
        torch.save(state, file)


class Run:
    """All that changes while a model trains; saved and loaded as one.

    Args:
        model: it lies on the device already.
        recipe: how it learns.
        batches: in an epoch.
        device: where it computes.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, batches: int, device: torch.device):
        self.model, self.recipe, self.device = model, recipe, device
        self.facts = plain(asdict(recipe)) | {"batches": batches}
        self.facts["trained"] = [name for name, weight in model.named_parameters() if weight.requires_grad]
        self.loss_function = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
        self.optimizer = recipe.new_optimizer(model)
        self.schedule = recipe.new_schedule(self.optimizer, batches)
        # Small float16 gradients would be rounded to 0; the scaler enlarges them for a while.
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        self.average: AveragedModel | None = None
        if recipe.average_weights is not None:
            # Batch normalisation's running mean and variance (buffers) are averaged like weights.
            average = get_ema_multi_avg_fn(recipe.average_weights)
            self.average = AveragedModel(model, multi_avg_fn=average, use_buffers=True)
        self.epoch, self.stopped = 0, False
        self.history: list[dict] = []
        self.best: dict[str, Tensor] | None = None
        self.best_loss, self.best_epoch = float("inf"), 0

    @property
    def result(self) -> nn.Module:
        """The model to judge: the average where there is one."""
        return self.model if self.average is None else self.average.module

    def is_over(self, patience: int | None) -> bool:
        """Whether another epoch is not wanted."""
        tired = patience is not None and self.epoch - self.best_epoch >= patience
        return self.epoch >= self.recipe.epochs or self.stopped or tired

    def after_step(self) -> None:
        """What follows each step of the optimizer: scale, learning rate, average."""
        self.scaler.update()
        if self.schedule is not None:
            self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.model)

    def end_epoch(self, row: dict) -> None:
        """Keep what the epoch brought, and its weights if they are the best so far."""
        self.history.append(row)
        self.epoch += 1
        loss = row.get("validation_loss", float("inf"))
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, self.epoch
            self.best = deepcopy(self.result.state_dict())

    def leave(self, best: bool) -> None:
        """Leave in the model the best weights, or those that were judged last."""
        if best and self.best is not None:
            self.model.load_state_dict(self.best)
        elif self.average is not None:
            self.model.load_state_dict(self.result.state_dict())
        self.model.eval()

    def save(self, path: str | os.PathLike, loader: object) -> None:
        """Write down all that decides how the training goes on.

        Args:
            path: the file.
            loader: gives the training photos; the order of a `BatchLoader` depends on its ``epoch``.
        """
        parts = {name: part.state_dict() for name, part in self._parts() if part is not None}
        names = ("epoch", "stopped", "history", "best", "best_loss", "best_epoch", "facts")
        state = {name: getattr(self, name) for name in names}
        random, epoch = torch.get_rng_state(), getattr(loader, "epoch", None)
        _save({"model": self.model.state_dict(), **parts, **state, "random": random, "loader_epoch": epoch}, path)

    def load(self, state: dict, path: str | os.PathLike, loader: Any) -> None:
        """Go on where `save` stood.

        Args:
            state: from `read_run`.
            path: where it comes from.
            loader: as for `save`; it goes on with the epoch that comes next.

        Raises:
            CourseError: it was saved with other settings, or of another network.
        """
        if state.get("facts") != self.facts:
            raise CourseError(
                f"The checkpoint {shorten(path)} comes from a run with other settings; delete it to "
                "train anew, or call fit with the same arguments to resume."
            )
        load_weights(self.model, state["model"], path)
        for name, part in self._parts():
            if part is not None:
                part.load_state_dict(state[name])
        for name in ("epoch", "stopped", "history", "best", "best_loss", "best_epoch"):
            setattr(self, name, state[name])
        torch.set_rng_state(state["random"])
        if state["loader_epoch"] is not None:
            loader.epoch = state["loader_epoch"]

    def _parts(self) -> list[tuple[str, Any]]:
        """What beside the model has a state of its own."""
        return [(name, getattr(self, name)) for name in ("optimizer", "schedule", "scaler", "average")]


def read_run(path: str | os.PathLike) -> dict | None:
    """What `Run.save` wrote, or None where there is nothing yet."""
    return read_weights(path) if os.path.exists(path) else None
