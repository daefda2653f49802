"""How a network computes, and trying that out on a copy, so that the network stays as it is.

`course_lib.training.speed` and `course_lib.training.memory` (lesson 7) work with it.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.training.loop import PRECISIONS, set_training_mode

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


@dataclass(frozen=True)
class Settings:
    """How a network computes: they change its speed, and its answers only by rounding (lesson 7).

    They go into the training as ``fit(…, precision=settings.precision,
    channels_last=settings.channels_last)``. Around other code precision and threads hold within
    ``with settings.active():``; where ``channels_last`` is chosen, call
    ``model.to(memory_format=torch.channels_last)`` before it. Where ``compile`` is chosen (only if it
    was asked for), call ``model.compile()`` before either.

    Attributes:
        precision: "float32", "bfloat16" or "float16" for what autocast may round.
        channels_last: the channels of a pixel side by side in memory.
        threads: how many processor threads; None for as many as PyTorch uses anyway.
        compile: whether ``torch.compile`` translates the network first.
        measured: what `course_lib.training.fastest_settings` found, a row for each candidate.

    Example:
        >>> print(Settings(precision="bfloat16", channels_last=True), "|", Settings())
        bfloat16,channels_last | plain
    """

    precision: str = "float32"
    channels_last: bool = False
    threads: int | None = None
    compile: bool = False
    measured: tuple[dict, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        words = [self.precision] if self.precision != "float32" else []
        words += ["channels_last"] if self.channels_last else []
        words += [f"threads={self.threads}"] if self.threads else []
        words += ["compile"] if self.compile else []
        return ",".join(words) or "plain"

    @classmethod
    def read(cls, text: str) -> "Settings":
        """Settings from the words that ``print(settings)`` shows, such as "bfloat16,channels_last".

        Raises:
            CourseError: a word is unknown.

        Example:
            >>> Settings.read("bfloat16, threads=2")
            Settings(precision='bfloat16', channels_last=False, threads=2, compile=False)
        """
        found = cls()
        for word in (part.strip() for part in text.split(",")):
            name, _, number = word.partition("=")
            if word in PRECISIONS:
                found = replace(found, precision=word)
            elif word in ("channels_last", "compile"):
                found = replace(found, **{word: True})
            elif name == "threads" and number.isdecimal() and int(number) > 0:
                found = replace(found, threads=int(number))
            elif word != "plain":
                raise CourseError(
                    f"The setting '{word}' is unknown; choose 'plain', or some of "
                    f"{', '.join(PRECISIONS)}, channels_last, compile, threads=2, with commas between."
                )
        return found

    def table(self) -> pd.DataFrame:
        """What was measured: ``settings``, ``photos`` in a step, ``milliseconds`` of a step (median),
        ``speed`` (plain float32 is 1), ``change`` (of the answers, at most), ``result``.
        """
        columns = ["settings", "photos", "milliseconds", "speed", "change", "result"]
        return pd.DataFrame(list(self.measured), columns=columns)

    @contextmanager
    def active(self, device: torch.device | str = "cpu") -> Iterator[None]:
        """Compute with this precision and these threads inside a ``with`` block (lesson 7)."""
        before = torch.get_num_threads()
        if self.threads:
            torch.set_num_threads(self.threads)
        try:
            with torch.autocast(
                torch.device(device).type, PRECISIONS[self.precision],
                enabled=self.precision != "float32",
            ):  # fmt: skip
                yield
        finally:
            if self.threads:
                torch.set_num_threads(before)


class Rehearsal:
    """Steps of prediction or training on a copy of a network (lesson 7).

    The network keeps its weights, running statistics, gradients and mode. Only the random numbers
    are shared, and each step starts them anew: put `random_state_kept` around it. Dropout is off,
    because with it two settings would differ by chance. The optimizer's own step is left out.

    Args:
        model: images (N, C, H, W) to logits (N, classes).
        sample: float32 (N, C, H, W), prepared as for the network. A step with more photos than
            there are repeats them.
        training: forward and backward, or forward alone.
        device: where to compute.

    Raises:
        CourseError: the sample is no batch of images, or the network cannot be copied.
    """

    def __init__(self, model: nn.Module, sample: Tensor, training: bool, device: torch.device):
        batch = isinstance(sample, Tensor) and sample.ndim == 4 and len(sample) > 0
        if not batch or not sample.is_floating_point():
            raise CourseError(
                "The sample is not a batch of images; give a float tensor (N, channels, height, width), "
                "prepared as for the network."
            )
        self.model, self.training, self.device = model, training, device
        self.sample = sample.detach().to(device)
        self._random = devices.random_states(device)
        self._copies: dict[tuple[bool, bool], nn.Module] = {}

    def network(self, settings: Settings) -> nn.Module:
        """The copy with this order in memory, compiled if asked for; made when it is first needed."""
        key = (settings.channels_last, settings.compile)
        if key not in self._copies:
            if settings.compile:
                eager = self.network(replace(settings, compile=False))
                self._copies[key] = torch.compile(eager)
            else:
                self._copies[key] = self._copy(settings.channels_last)
        return self._copies[key]

    def _copy(self, channels_last: bool) -> nn.Module:
        try:
            copy = deepcopy(self.model)
        except (RuntimeError, TypeError) as error:
            raise CourseError(
                f"The network {type(self.model).__name__} cannot be copied ({error}), and it is only "
                "tried out on a copy; give the network as it is before its first step."
            ) from error
        layout = torch.channels_last if channels_last else torch.contiguous_format
        copy.to(self.device, memory_format=layout).zero_grad()
        if self.training:
            set_training_mode(copy)
        else:
            copy.eval()
        for module in copy.modules():
            if isinstance(module, DROPOUTS):
                module.eval()
        return copy

    def step(self, settings: Settings, photos: int) -> Tensor:
        """One step with so many photos; gives what the network answered."""
        network = self.network(settings)
        devices.set_random_states(self._random, self.device)
        images = self.sample[:photos]
        if photos > len(self.sample):
            images = self.sample[torch.arange(photos, device=self.device) % len(self.sample)]
        with settings.active(self.device):
            if settings.channels_last:
                images = images.contiguous(memory_format=torch.channels_last)
            with torch.set_grad_enabled(self.training):
                answers = network(images)
            if self.training:
                with torch.autocast(self.device.type, enabled=False):
                    self._backward(network, answers)
        return answers.detach()

    def _backward(self, network: nn.Module, answers: Tensor) -> None:
        if not answers.requires_grad:
            raise CourseError(
                "All weights of the network are frozen, so there is nothing to train; unfreeze some, or "
                "use training=False."
            )
        logits = answers.flatten(1).float()
        labels = torch.arange(len(logits), device=self.device) % logits.shape[1]
        nn.functional.cross_entropy(logits, labels).backward()
        network.zero_grad()

    def timed_step(self, settings: Settings, photos: int) -> tuple[float, Tensor]:
        """Seconds of one step, and what the network answered."""
        self.network(settings)  # copying is no part of the step
        self._wait()
        start = perf_counter()
        answers = self.step(settings, photos)
        self._wait()
        return perf_counter() - start, answers

    def _wait(self) -> None:
        """A GPU computes while Python goes on: wait until it is done."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)


@contextmanager
def random_state_kept(device: torch.device) -> Iterator[None]:
    """Whatever draws random numbers inside the ``with`` block, those after it stay the same (lesson 7)."""
    states = devices.random_states(device)
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        devices.set_random_states(states, device)
        random.setstate(python)
        np.random.set_state(numpy)
