"""Check whether the lessons would run here, and say how to cure what is wrong.

``python -m course_lib doctor`` (lesson 1) prints one line for each check.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from course_lib.commands.requirements import not_satisfied, read_requirements
from course_lib.errors import CourseError
from course_lib.paths import data_folder, make_folder, project_folder, shorten, work_folder


@dataclass(frozen=True)
class Result:
    """The outcome of one check: what was found and, where it is wrong, the cure."""

    name: str
    good: bool
    found: str
    cure: str = ""


def main() -> int:
    """Run all checks and print them. Returns 0 only when a lesson would run."""
    results = [run(name, check) for name, check in CHECKS.items()]
    for result in results:
        print(f"{'ok  ' if result.good else 'CURE'}  {result.name:<12} {result.found}")
        if not result.good:
            print(f"      -> {result.cure}")
    bad = sum(not result.good for result in results)
    print(
        "All is ready: the lessons will run."
        if bad == 0
        else f"{bad} of {len(results)} checks need a cure."
    )
    return 0 if bad == 0 else 1


def run(name: str, check: Callable[[], str]) -> Result:
    """Run one check; a sentence of the course is its cure, anything else is shown as it is."""
    try:
        return Result(name, True, check())
    except CourseError as error:
        found, _, cure = str(error).partition("; ")
        return Result(name, False, found, cure or "see the README, section 'Set up'")
    except Exception as error:  # a doctor must survive whatever is broken
        return Result(
            name,
            False,
            f"{type(error).__name__}: {error}",
            "set the course up again: make clean, then make lab",
        )


def check_python() -> str:
    """Python must be 3.11 or newer."""
    found = ".".join(str(part) for part in sys.version_info[:3])
    # Whoever runs the folder without installing it may have any Python.
    if sys.version_info < (3, 11):  # noqa: UP036
        raise CourseError(
            f"Python {found} is too old; install Python 3.11 or newer and set up again"
        )
    return f"Python {found}"


def check_packages() -> str:
    """Every package of requirements.txt must be there in its range."""
    wanted = read_requirements(project_folder() / "requirements.txt", learner_only=True)
    missing = not_satisfied(wanted)
    if missing:
        listed = ", ".join(f"{name} ({found})" for name, found in missing.items())
        raise CourseError(f"not as required: {listed}; run: pip install -r requirements.txt")
    return f"{len(wanted)} packages as required"


def check_torch_pair() -> str:
    """torch and torchvision are built for each other, version by version."""
    pair = f"torch {version('torch')} with torchvision {version('torchvision')}"
    try:
        import torch
        import torchvision

        torchvision.ops.nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    except (RuntimeError, ImportError, AttributeError) as error:
        raise CourseError(
            f"{pair} do not fit together ({str(error).splitlines()[0]}); "
            "run: pip install --upgrade --force-reinstall torch torchvision"
        ) from error
    return pair


def check_device() -> str:
    """Where the lessons will compute."""
    from course_lib import device

    return device.describe()


def check_photos() -> str:
    """The solar-cell photos can be laid out and read."""
    from course_lib import data

    folder = data.solar_cells()
    index = data.index_folder(folder)
    data.read_image(data.photo_path(index, 0))
    return f"{len(index)} photos in {shorten(folder)}"


def check_weights() -> str:
    """The pretrained network is whole and computes."""
    import torch

    from course_lib.models import load_backbone

    backbone = load_backbone()
    with torch.no_grad():
        features = backbone.eval()(torch.zeros(1, 3, 64, 64))
    return f"{backbone.name}, hash {backbone.sha256[:12]}, {features.shape[1]} features"


def check_writing() -> str:
    """The data and work folders can be written to."""
    for folder in (data_folder(), work_folder()):
        make_folder(folder)
        _write_and_remove(folder)
    return f"{shorten(data_folder())}/ and {shorten(work_folder())}/"


def _write_and_remove(folder: Path) -> None:
    trial = folder / f".doctor-{uuid4().hex[:8]}"
    try:
        trial.write_text("written by course_lib doctor", encoding="utf-8")
        trial.unlink()
    except OSError as error:
        raise CourseError(
            f"{shorten(folder)}/ cannot be written to ({os.strerror(error.errno or 0)}); allow "
            "writing there, or set COURSE_DATA and COURSE_WORK to other folders"
        ) from error


CHECKS: dict[str, Callable[[], str]] = {
    "python": check_python,
    "packages": check_packages,
    "torch pair": check_torch_pair,
    "device": check_device,
    "writing": check_writing,
    "photos": check_photos,
    "weights": check_weights,
}
