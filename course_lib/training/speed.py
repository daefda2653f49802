"""Which precision, memory order and number of threads is fastest: for this network, on this machine.

Introduced in lesson 7. There is no rule that holds everywhere: bfloat16 makes one network several
times faster and another one slower, and on some processors it is hundreds of times slower.
"""

import hashlib
import json
import os
import platform
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.paths import work_folder, write_atomically
from course_lib.training.contest import PLAIN, Contest, change
from course_lib.training.rehearsal import Rehearsal, Settings, random_state_kept

__all__ = ["Settings", "fastest_settings"]

RULES = 3  # one more when candidates are tried otherwise, so that older answers are measured anew


def fastest_settings(
    model: nn.Module,
    sample: Tensor,
    training: bool = False,
    *,
    seconds: float = 5.0,
    tolerance: float = 0.02,
    compile: bool = False,
    device: torch.device | str | None = None,
) -> Settings:
    """Measure how this network computes fastest on this machine, and keep the answer (lesson 7).

    Candidates are the precisions (float32, bfloat16, on NVIDIA cards float16), both orders of the
    pixels in memory, for prediction on a CPU fewer threads, and ``torch.compile`` if asked for. How
    to use the answer stands in `course_lib.training.Settings`. They take turns
    with plain float32, so that whatever else the computer does hits all. A candidate is given up
    as soon as a step takes 1.5 times as long as the best one's. The winner meets plain float32
    again, in new turns, and is chosen only if it takes at most 95 % of its time in the median and
    is faster in three of four turns; if there is time for fewer than six turns, at most 80 % in
    each. Otherwise the answer is plain float32.

    The answer is kept in ``work/settings`` for the same network (its structure, not its weights),
    processor, release of PyTorch, threads, sample shape and direction; the tolerance is checked
    anew with the present weights. Delete that folder to measure again. The variable
    ``COURSE_SETTINGS`` fixes the choice without measuring: "plain", or words as in
    "bfloat16,channels_last".

    Args:
        model: images (N, C, H, W) to logits (N, classes). A copy of it is tried, so it stays as it
            is; that takes memory for two copies of its weights.
        sample: float32 (N, C, H, W), prepared photos, for training two or more, best as many as a
            batch has. Only so many of them are used that a step takes at most about a twentieth
            of the time; the column ``photos`` of the table tells how many.
        training: measure forward and backward, in training mode; otherwise prediction.
        seconds: how long it may take, looked at between steps. Compiling is not counted, nor is a
            first step on a GPU, which loads what the others use.
        tolerance: how much the probability of a class may change on the sample, against plain
            float32; other candidates are refused. For training it is the mean over the photos of
            one batch; what rounding does to the accuracy after many steps is not known from that.
        compile: also try ``torch.compile``, which takes up to minutes and needs a C++ compiler.
        device: where to compute, by default `course_lib.device.choose`.

    Returns:
        The settings; ``settings.table()`` shows what was measured.

    Raises:
        CourseError: there is no time, ``COURSE_SETTINGS`` holds an unknown word, the sample is no
            batch of images, the device is not there, or there is nothing to train.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 30 * 30, 2))
        >>> settings = fastest_settings(model, torch.rand(4, 3, 32, 32), seconds=0.5)
        >>> settings.table()["settings"][0]
        'plain'
    """
    if not 0 < seconds < float("inf"):
        raise CourseError(f"Nothing can be measured in {seconds} seconds; choose 5, or more than 0.")
    device = devices.choose(str(device) if device else None)
    if fixed := os.environ.get("COURSE_SETTINGS"):
        return _fixed(fixed, device)
    trial = Rehearsal(model, sample, training, device)
    facts = _facts(trial, compile) | {"tolerance": tolerance}
    code = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    file = work_folder() / "settings" / f"{code}.json"
    with random_state_kept(device):
        if (kept := _read(file, facts)) and _still_allowed(kept, trial, tolerance):
            return kept
        settings = Contest(trial, seconds, tolerance).winner(compile)
    with suppress(CourseError, OSError), write_atomically(file) as temporary:
        answer = {"facts": facts, "settings": str(settings), "measured": settings.measured}
        temporary.write_text(json.dumps(answer, indent=1), encoding="utf-8")
    return settings


def _fixed(text: str, device: torch.device) -> Settings:
    settings = Settings.read(text)
    if devices.precisions(device)[settings.precision] == "not possible":
        raise CourseError(
            f"COURSE_SETTINGS asks for {settings.precision}, which is not possible on '{device.type}'; "
            "choose 'plain' or 'bfloat16'."
        )
    row = {"settings": str(settings), "result": "fixed by COURSE_SETTINGS"}
    return replace(settings, measured=(row,))


def _facts(trial: Rehearsal, compile: bool) -> dict:
    """All that the answer depends on; another fact, another answer."""
    device = trial.device
    name = _processor_name()
    if device.type != "cpu":
        name = getattr(torch, device.type).get_device_name(device) if device.type != "mps" else "mps"
    return {
        "rules": RULES,
        "processor": name,
        "instructions": [
            torch.backends.cpu.get_cpu_capability(), os.environ.get("ONEDNN_MAX_CPU_ISA"),
            devices.precisions(device)["bfloat16"],
        ],
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "network": _structure_hash(trial.model),
        "sample": [str(trial.sample.dtype), *trial.sample.shape],
        "training": trial.training,
        "compile": compile,
    }  # fmt: skip


def _processor_name() -> str:
    with suppress(OSError):
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def _structure_hash(model: nn.Module) -> str:
    """A hash of layers, shapes and of what is trained, but not of the weights' values."""
    # An address in the memory, as some functions show it, is another one in each run.
    digest = hashlib.sha256(re.sub(r"0x[0-9a-f]+", "", repr(model)).encode())
    for module in model.modules():
        code = getattr(type(module).forward, "__code__", None)
        digest.update(repr(code and (code.co_code, code.co_names)).encode())
    for name, tensor in model.state_dict(keep_vars=True).items():
        facts = (name, tuple(tensor.shape), str(tensor.dtype), tensor.requires_grad)
        digest.update(repr(facts).encode())
    return digest.hexdigest()[:16]


def _read(file: Path, facts: dict) -> Settings | None:
    """The kept answer; None where there is none, or it is damaged, or answers something else."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, CourseError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["facts"] == facts and kept["measured"][0]["photos"] > 0:
            return replace(Settings.read(kept["settings"]), measured=tuple(kept["measured"]))
    return None


def _still_allowed(kept: Settings, trial: Rehearsal, tolerance: float) -> bool:
    """Whether kept settings answer like plain float32 also with the present weights."""
    if kept == PLAIN:
        return True
    photos = kept.measured[0]["photos"]
    # Compiling would take a minute, and changes the answers less than the rest.
    answers = [trial.step(each, photos) for each in (PLAIN, replace(kept, compile=False))]
    return change(*answers, trial.training) <= tolerance
