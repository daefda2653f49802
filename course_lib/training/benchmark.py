"""Which precision and memory order is fastest: for this network, on this machine (lesson 7).

No rule holds everywhere: bfloat16 makes one network several times faster and another one slower.
"""

import logging
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from math import nan
from statistics import median
from time import perf_counter
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.training.loop import set_training_mode

MARGIN = 0.95  # of plain float32's time: what the fastest settings may take at most
# Times the best one's time: settings that take longer are not measured again, after three turns and before. One turn
# alone may have met whatever else the computer does.
GIVEN_UP, GIVEN_UP_AT_ONCE = 1.5, 4.0


@dataclass(frozen=True)
class Settings:
    """How a network computes: its speed changes, and its answers only by rounding.

    They go into the training as ``fit(…, precision=settings.precision,
    channels_last=settings.channels_last)``.

    Attributes:
        precision: "float32", "bfloat16" or "float16" for what autocast may round.
        channels_last: the channels of a pixel side by side in memory.
        measured: what `fastest_settings` found, a row for each that was tried: ``settings``,
            ``milliseconds`` of a step (median), ``speed`` (plain float32 is 1; the median of the
            turns, ``from`` and ``to`` the middle 80 % of them), ``change`` of the probabilities, at
            most, and ``result``.

    Example:
        >>> print(Settings("bfloat16", channels_last=True), "|", Settings())
        bfloat16, channels last | plain
    """

    precision: str = "float32"
    channels_last: bool = False
    measured: pd.DataFrame | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        words = [self.precision] if self.precision != "float32" else []
        words += ["channels last"] if self.channels_last else []
        return ", ".join(words) or "plain"


class _Trial:
    """A copy of a network that computes with some settings, and how long its steps took."""

    def __init__(self, model: nn.Module, sample: Tensor, settings: Settings, training: bool, device: torch.device):
        self.settings, self.training, self.device = settings, training, device
        self.order = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.network = deepcopy(model).to(device).to(memory_format=self.order)
        self.images = sample.to(device, memory_format=self.order)
        self.change, self.result = 0.0, ""
        self.seconds: list[float] = []

    @property
    def time(self) -> float:
        """Seconds of a step (median), not a number before the first turn."""
        return median(self.seconds or [nan])

    @torch.no_grad()
    def probabilities(self) -> Tensor:
        """What the network answers, in evaluation mode."""
        self.network.eval()
        with devices.autocast(self.device, self.settings.precision):
            return self.network(self.images).float().softmax(1)

    def step(self) -> None:
        """What is timed: forward, in training also backward."""
        with devices.autocast(self.device, self.settings.precision), torch.set_grad_enabled(self.training):
            logits = self.network(self.images)
        if self.training:
            labels = torch.zeros(len(logits), dtype=torch.int64, device=self.device)
            nn.functional.cross_entropy(logits.float(), labels).backward()
            self.network.zero_grad()

    def measure(self, seconds: float) -> None:
        """Take a turn: as many steps as fit into so many seconds, at least two."""
        set_training_mode(self.network) if self.training else self.network.eval()
        self.seconds.append(timer(self.step).blocked_autorange(min_run_time=seconds).median)


def timer(step: Callable[[], object]) -> Any:
    """PyTorch's own timer of a step on all threads (`torch.utils.benchmark.Timer`); it waits for a GPU."""
    # It looks for a compiler that nothing here needs, and says so where there is none.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    from torch.utils.benchmark import Timer

    return Timer("step()", globals={"step": step}, num_threads=torch.get_num_threads())


def fastest_settings(
    model: nn.Module,
    sample: Tensor,
    training: bool = False,
    *,
    seconds: float = 5.0,
    tolerance: float = 0.02,
    device: torch.device | str | None = None,
) -> Settings:
    """Measure how this network computes fastest on this machine.

    Candidates are the precisions that the processor does not have to imitate, in both memory orders.
    They take turns with plain float32, so that whatever else the computer does hits all. The fastest
    is chosen if it takes at most 95 % of plain float32's time and was faster in three of four turns;
    otherwise plain float32 is.

    Args:
        model: images (N, C, H, W) to logits (N, classes). Copies of it are tried, so it stays as it is.
        sample: float32 (N, C, H, W), prepared photos, for training two or more. So many of them are
            used that a step takes about a twentieth of the time.
        training: measure forward and backward, in training mode; otherwise prediction.
        seconds: how long it may take, looked at between turns.
        tolerance: how much the probability of a class may change on the sample, against plain
            float32; other candidates are refused. What rounding does to the accuracy of a training
            after many steps is not known from that.
        device: where to compute, by default `course_lib.device.choose`.

    Raises:
        CourseError: there is no time, the sample is not a batch of images, the device is not there,
            or there is nothing to train.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 30 * 30, 2))
        >>> settings = fastest_settings(model, torch.rand(4, 3, 32, 32), seconds=0.5)
        >>> settings.measured["settings"][0]
        'plain'
    """
    device = devices.choose(device)
    _check(model, sample, training, seconds)
    chance = devices.random_states(device)
    sample = sample[: _how_many(model, sample, training, seconds / 20, device)]
    end = perf_counter() + seconds
    names = [name for name, how in devices.precisions(device).items() if how in ("own instructions", "possible")]
    orders = [False, True] if devices.layout(device) is torch.channels_last else [False]
    trials = [_Trial(model, sample, Settings(name, order), training, device) for name in names for order in orders]
    plain, expected = trials[0], trials[0].probabilities()
    for trial in trials[1:]:
        trial.change = (trial.probabilities() - expected).abs().max().item()
        if not trial.change <= tolerance:
            trial.result = "refused: other answers"
    running = [trial for trial in trials if not trial.result]
    start = perf_counter()
    while len(running) > 1 and (not plain.seconds or 2 * perf_counter() - start < end):
        start = perf_counter()
        for trial in running:
            trial.measure(seconds / 50)
        best_time = min(trial.time for trial in running)
        for trial in running[1:]:
            if trial.time > (GIVEN_UP if len(trial.seconds) > 2 else GIVEN_UP_AT_ONCE) * best_time:
                trial.result = "given up: far behind"
        running = [trial for trial in running if not trial.result]
    devices.set_random_states(chance, device)
    best = min(running, key=lambda trial: trial.time)
    best = best if _is_clearly_faster(best, plain) else plain
    for trial in running:
        trial.result = "faster, not the fastest" if _is_clearly_faster(trial, plain) else "not clearly faster"
    plain.result, best.result = "to compare with", "chosen"
    return Settings(best.settings.precision, best.settings.channels_last, _table(trials))


def _check(model: nn.Module, sample: Tensor, training: bool, seconds: float) -> None:
    if not 0 < seconds < float("inf"):
        raise CourseError(f"Nothing can be measured in {seconds} seconds; choose 5, or more than 0.")
    if not (isinstance(sample, Tensor) and sample.ndim == 4 and len(sample) and sample.is_floating_point()):
        raise CourseError(
            "The sample is not a batch of images; give a float tensor (N, channels, height, width), "
            "prepared as for the network."
        )
    if training and not any(weight.requires_grad for weight in model.parameters()):
        raise CourseError("All weights of the network are frozen, so there is nothing to train; unfreeze some.")


def _how_many(model: nn.Module, sample: Tensor, training: bool, seconds: float, device: torch.device) -> int:
    """How many photos make a step that takes so many seconds: two or more, if there are as many."""
    trial = _Trial(model, sample[:2], Settings(), training, device)
    trial.step()  # prepares what the next ones use
    trial.measure(0)
    return max(2, int(seconds / trial.seconds[0] * len(sample[:2])))


def _is_clearly_faster(trial: _Trial, plain: _Trial) -> bool:
    turns = [one < other for one, other in zip(trial.seconds, plain.seconds, strict=False)]
    return bool(turns) and sum(turns) >= 0.75 * len(turns) and trial.time <= MARGIN * plain.time


def _table(trials: list[_Trial]) -> pd.DataFrame:
    columns = ["settings", "milliseconds", "speed", "from", "to", "change", "result"]
    rows = []
    for trial in trials:
        turns = [one / other for one, other in zip(trials[0].seconds, trial.seconds, strict=False)] or [nan]
        low, middle, high = torch.tensor(turns).quantile(torch.tensor([0.1, 0.5, 0.9])).tolist()
        rows.append((str(trial.settings), 1000 * trial.time, middle, low, high, trial.change, trial.result))
    return pd.DataFrame(rows, columns=columns)
