"""How a model learns: the choices that decide its weights, checked before anything is computed (lesson 7)."""

from dataclasses import dataclass
from math import inf

import torch
from torch import nn
from torch.optim import lr_scheduler

from course_lib.device import PRECISIONS
from course_lib.errors import CourseError

MOMENTUM = 0.9  # of "sgd": how much of its speed it keeps from step to step
OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}
SCHEDULES = ("one_cycle", "cosine", None)
# Where each number must lie: from 0, and below this.
BELOW = {"epochs": inf, "learning_rate": inf, "weight_decay": inf, "label_smoothing": 1, "average_weights": 1}


@dataclass(frozen=True)
class Recipe:
    """What decides the weights that a training ends with, beside the photos and the first weights.

    Its fields are explained at `course_lib.training.fit`.

    Raises:
        CourseError: one of them cannot be.

    Example:
        >>> Recipe(epochs=3, optimizer="sgd").new_optimizer(nn.Linear(2, 2)).defaults["momentum"]
        0.9
    """

    epochs: int
    learning_rate: float | dict[str, float] = 1e-3
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    schedule: str | None = "one_cycle"
    label_smoothing: float = 0.0
    average_weights: float | None = None
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                words = ", ".join(map(str, known))
                raise CourseError(f"The {name} '{getattr(self, name)}' is unknown; choose one of {words}.")
        for name, below in BELOW.items():
            given = getattr(self, name)
            for number in given.values() if isinstance(given, dict) else [given]:
                if number is not None and not 0 <= number < below:
                    words = "0 up" if below == inf else f"0 to below {below}"
                    raise CourseError(f"{name}={given!r} is not possible; choose a number from {words}.")

    def new_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """What changes the weights at each step.

        Raises:
            CourseError: nothing to train, or a part of the model without a learning rate.
        """
        more = {"momentum": MOMENTUM} if self.optimizer == "sgd" else {}
        return OPTIMIZERS[self.optimizer](self._parameters(model), weight_decay=float(self.weight_decay), **more)

    def _parameters(self, model: nn.Module) -> list[dict]:
        """The trainable parameters with their learning rates, as the optimizer wants them."""
        rates = self.learning_rate if isinstance(self.learning_rate, dict) else {"": self.learning_rate}
        groups: dict[str, dict] = {part: {"params": [], "lr": float(rate)} for part, rate in rates.items()}
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            part = next((part for part in groups if name.startswith(part)), None)
            if part is None:
                raise CourseError(
                    f"The parameter {name} has no learning rate; add its part to learning_rate or freeze it."
                )
            groups[part]["params"].append(parameter)
        for part, group in groups.items():
            if not group["params"]:
                raise CourseError(
                    f"No trainable parameter belongs to '{part or 'the model'}'; check the name, or "
                    "unfreeze what is to be trained."
                )
        return list(groups.values())

    def new_schedule(self, optimizer: torch.optim.Optimizer, batches: int) -> lr_scheduler.LRScheduler | None:
        """The plan of the learning rate over all steps, or None where it stays as it is.

        Args:
            optimizer: from `new_optimizer`.
            batches: in an epoch.
        """
        steps = max(1, self.epochs * batches)
        if self.schedule == "one_cycle":
            # With SGD the schedule would replace the momentum by its own.
            rates = [group["lr"] for group in optimizer.param_groups]
            return lr_scheduler.OneCycleLR(
                optimizer, rates, total_steps=steps + 1, cycle_momentum=self.optimizer != "sgd"
            )
        if self.schedule == "cosine":
            return lr_scheduler.CosineAnnealingLR(optimizer, steps)
        return None
