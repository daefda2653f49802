"""Candidates for the fastest settings take turns, so that a busy moment of the computer hits all.

`course_lib.training.speed` (lesson 7) holds this contest and keeps its answer.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from course_lib import device as devices
from course_lib.training.loop import PRECISIONS
from course_lib.training.rehearsal import Rehearsal, Settings

PLAIN = Settings()
MARGIN = 0.95  # the winner must take at most this share of plain float32's time, in the median
FEW_TURNS, MARGIN_OF_FEW = 6, 0.8  # with fewer turns than this, at most this share in each of them
GIVEN_UP = 1.5  # a step this many times longer than the quickest of all ends a candidate
HOPELESS = 4.0  # the same for one convolution, before the network is tried with a precision
SLOW = "given up after its first step"
NO_TIME = "no time to measure it"


@dataclass(eq=False)
class _Candidate:
    """Settings, their steps in the last heat they took part in, and what became of them."""

    settings: Settings
    seconds: list[float] = field(default_factory=list)
    milliseconds: float | None = None
    speed: float | None = None
    change: float | None = None
    result: str = ""


class Contest:
    """Plain float32 against candidates, in heats; then the winner against plain once more (lesson 7).

    Args:
        trial: the network and its sample.
        seconds: how long it may take, looked at between steps; compiling is not counted, nor is a
            first step on a GPU.
        tolerance: candidates whose answers move further than this are refused.
    """

    def __init__(self, trial: Rehearsal, seconds: float, tolerance: float):
        self.trial, self.seconds, self.tolerance = trial, seconds, tolerance
        if trial.device.type != "cpu":
            # It loads the libraries for the GPU, which can take longer than all that is measured. If
            # this memory is too small for all photos, fewer may do.
            with suppress(RuntimeError):
                trial.timed_step(PLAIN, len(trial.sample))
        self.deadline = perf_counter() + seconds
        self.plain = _Candidate(PLAIN, change=0.0)
        self.candidates = [self.plain]
        self._choose_photos()

    @property
    def left(self) -> float:
        """The share of the time that is left."""
        return (self.deadline - perf_counter()) / self.seconds

    def _choose_photos(self) -> None:
        """How many photos make a step; the first steps of plain float32, and its answers."""
        most = len(self.trial.sample)
        self.photos, slowest = min(2, most), 0.0
        while True:
            # The first step with so many photos prepares what the next ones use.
            first, self.answers = self.trial.timed_step(PLAIN, self.photos)
            slowest, self.best_step = max(slowest, first), first
            if self.left > 0.5:
                self.best_step, _ = self.trial.timed_step(PLAIN, self.photos)
            self.longest_first_step = max(3 * slowest, self.seconds / 20)
            self.plain.milliseconds = 1000 * self.best_step
            if self.photos == most or 2 * self.best_step > self.seconds / 20 or self.left < 0.8:
                return
            self.photos = min(2 * self.photos, most)

    def winner(self, compile: bool) -> Settings:
        """The fastest settings that are allowed, with a row for each candidate."""
        best = self._heat(self.plain, self._precisions_and_orders(), until=0.4)
        # Training takes a precision and an order, but no number of threads.
        threads = [] if self.trial.training else _fewer_threads(self.trial.device)
        best = self._heat(best, [replace(best.settings, threads=n) for n in threads], until=0.35)
        if compile:
            best = self._heat(best, [replace(best.settings, compile=True)], until=0.35)
        if best is not self.plain and not self._is_clearly_faster(best):
            best = self.plain
        best.result = "chosen"
        return replace(best.settings, measured=tuple(self._row(each) for each in self.candidates))

    def _precisions_and_orders(self) -> list[Settings]:
        """What is worth trying, the likeliest first: a slow network leaves no time for all."""
        names = []
        for name, how in devices.precisions(self.trial.device).items():
            if name == "float32" or how == "not possible":
                continue
            try:
                times = _times_slower(PRECISIONS[name], self.trial.device)
            except Exception as error:  # a device without this precision; which error, it chooses
                result = f"failed ({type(error).__name__})"
                self.candidates.append(_Candidate(Settings(name), result=result))
                continue
            if times < HOPELESS:
                names.append(name)
            else:
                result = f"given up: one convolution takes {times:.0f} times as long"
                self.candidates.append(_Candidate(Settings(name), result=result))
        kinds = []
        if devices.layout(self.trial.device) is torch.channels_last:
            kinds = [(name, True) for name in (*names, "float32")]
        kinds += [(name, False) for name in names]
        return [Settings(*kind) for kind in kinds]

    def _heat(self, best: _Candidate, settings: Sequence[Settings], until: float) -> _Candidate:
        """New candidates meet the best so far, while more than this share of the time is left."""
        new = [_Candidate(each) for each in settings]
        self.candidates += new
        for candidate in new:
            self._first_step(candidate, until)
        runners = [candidate for candidate in new if not candidate.result]
        if not runners:
            return best
        runners += [best] if best is self.plain else [best, self.plain]
        self._take_turns(runners, 5, until)
        runners = [runner for runner in runners if runner.seconds and not runner.result]
        return min(runners, key=lambda runner: runner.milliseconds, default=best)

    def _first_step(self, candidate: _Candidate, until: float) -> None:
        """It shows whether there is any hope, and whether the answers stay."""
        settings = candidate.settings
        if self.left < until + self.best_step / self.seconds:
            candidate.result = NO_TIME
            return
        if any(o.result == SLOW and o.settings.precision == settings.precision for o in self.candidates):
            candidate.result = "given up with its precision"
            return
        try:
            seconds, answers = self.trial.timed_step(settings, self.photos)
        except Exception as error:  # no compiler, no such operation in this precision, no memory, …
            candidate.result = f"failed ({type(error).__name__})"
            return
        candidate.change = change(self.answers, answers, self.trial.training)
        if settings.compile:
            self.deadline += seconds
        # On a GPU a first step says nothing: it fetches the programs that the next ones use.
        elif self.trial.device.type == "cpu" and seconds > self.longest_first_step:
            candidate.result = SLOW
        if not candidate.change <= self.tolerance:  # also where it is not a number
            candidate.result = "refused: the answers change too much"

    def _take_turns(self, runners: Sequence[_Candidate], turns: int, until: float) -> None:
        """Steps of all in turn, every other time backwards, so that none always follows the same.

        In the last heat, which uses all the time, nobody is given up.
        """
        last = {runner: min(runner.seconds, default=self.best_step) for runner in runners}
        for runner in runners:
            runner.seconds = []
        for turn in range(turns):
            for runner in runners[:: -1 if turn % 2 else 1]:
                # What it took last time has to fit into what is left.
                if runner.result or self.left < until + last[runner] / self.seconds:
                    continue
                seconds, _ = self.trial.timed_step(runner.settings, self.photos)
                runner.seconds.append(seconds)
                last[runner] = seconds
                self.best_step = min(self.best_step, seconds)
                if until and runner is not self.plain and self._is_slow(min(runner.seconds)):
                    runner.result = f"given up after {len(runner.seconds) + 1} steps"
        for runner in runners:
            if runner.seconds:
                runner.milliseconds = 1000 * median(runner.seconds)
        for runner in runners:
            if runner.milliseconds:
                runner.speed = self.plain.milliseconds / runner.milliseconds
            else:
                runner.result = runner.result or NO_TIME

    def _is_slow(self, step: float) -> bool:
        """Slower than the best so far, and long enough that giving up saves time."""
        return step > max(GIVEN_UP * self.best_step, self.seconds / 500)

    def _is_clearly_faster(self, best: _Candidate) -> bool:
        """The last word: new turns of plain and the winner, until the time is over."""
        self._take_turns([self.plain, best], 15, until=0.0)
        shares = [b / p for b, p in zip(best.seconds, self.plain.seconds, strict=False)]
        if len(shares) < FEW_TURNS:
            best.result = "no time to make sure"
            return len(shares) > 1 and max(shares) <= MARGIN_OF_FEW
        best.result = "not clearly faster than plain"
        return median(shares) <= MARGIN and sum(share < 1 for share in shares) >= 0.75 * len(shares)

    def _row(self, each: _Candidate) -> dict:
        return {
            "settings": str(each.settings), "photos": self.photos, "speed": each.speed,
            "milliseconds": each.milliseconds, "change": each.change,
            "result": each.result or "not the fastest",
        }  # fmt: skip


def _times_slower(dtype: torch.dtype, device: torch.device) -> float:
    """How much longer a small convolution and a small matrix product take than in float32.

    Where a precision is imitated, a single step of a network could take minutes.
    """
    quickest = []
    for each in (torch.float32, dtype):
        image = torch.ones(1, 64, 16, 16, dtype=each, device=device)
        kernel = torch.ones(64, 64, 3, 3, dtype=each, device=device)
        seconds = []
        for _ in range(4):
            start = perf_counter()
            torch.conv2d(image, kernel)
            (kernel.flatten(1).T @ kernel.flatten(1)).sum().item()  # a GPU has to finish for this
            seconds.append(perf_counter() - start)
        quickest.append(min(seconds))
    return quickest[1] / quickest[0]


def _fewer_threads(device: torch.device) -> list[int]:
    """Numbers of threads worth trying on a CPU: as many as it has cores, and half of those in use.

    Never more than are in use, because whoever has set that number had a reason.
    """
    if device.type != "cpu":
        return []
    now, can = torch.get_num_threads(), getattr(torch.cpu, "get_capabilities", dict)()
    return sorted({n for n in (can.get("num_physical_cores", 0), now // 2) if 0 < n < now})


def change(plain: Tensor, other: Tensor, training: bool = False) -> float:
    """How far the answers of a network moved, in the probability of a class (lesson 7).

    In prediction it is the greatest change on the sample. In training it is the mean over photos
    of each one's greatest change, because normalising a batch of few photos amplifies rounding for
    single ones. Answers that are not one row of logits for each photo are compared by their own
    size. Not a number if one of the answers is none.

    Example:
        >>> round(change(torch.tensor([[0.0, 0.0]]), torch.tensor([[0.1, 0.0]])), 3)
        0.025
    """
    plain, other = plain.float(), other.float()
    if plain.ndim == 2 and plain.shape[1] > 1:
        plain, other = plain.softmax(dim=1), other.softmax(dim=1)
    elif plain.ndim == 2:
        plain, other = plain.sigmoid(), other.sigmoid()
    else:
        largest = plain.abs().max().clamp(min=1e-12)
        plain, other = plain / largest, other / largest
    of_photos = (plain - other).abs().flatten(1).amax(dim=1)
    return (of_photos.mean() if training else of_photos.max()).item()
