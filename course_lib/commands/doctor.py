"""Check whether the lessons would run here, and say how to cure what is wrong.

``python -m course_lib doctor`` (lesson 1) prints one line for each check.
"""

import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version

from course_lib.commands.requirements import installed_versions, not_satisfied, wanted_packages
from course_lib.errors import CourseError
from course_lib.paths import course_is_here, data_folder, shorten, work_folder, write_atomically


def main(arguments: Sequence[str] = ()) -> int:
    """Run all checks and print them. Returns 0 only when what is here would run: lessons or commands."""
    # Without the lessons nobody needs their photos, which would be laid out in the current folder.
    names, bad = [name for name in CHECKS if course_is_here() or name != "photos"], 0
    for name in names:
        found, cure = run(CHECKS[name])
        print(f"{'CURE' if cure else 'ok  '}  {name:<12} {found}")
        if cure:
            print(f"      -> {cure}")
            bad += 1
    if bad:
        print(f"{bad} of {len(names)} checks need a cure.")
    elif course_is_here():
        print("All is ready: the lessons will run.")
    else:
        print(
            "All is ready: the commands will run. For the lessons, run pip install -e . in the folder of the whole course."
        )
    return int(bad > 0)


def run(check: Callable[[], str]) -> tuple[str, str]:
    """What one check found and, where that is wrong, the cure."""
    try:
        return check(), ""
    except CourseError as error:
        found, _, cure = str(error).partition("; ")
        return found, cure or "see the README, section 'Set up'"
    except Exception as error:  # a doctor must survive whatever is broken
        return f"{type(error).__name__}: {error}", "set the course up again: make clean, then make lab"


def check_packages() -> str:
    """Every package of requirements.txt must be there in its range."""
    wanted = wanted_packages()
    if missing := not_satisfied(wanted, installed_versions()):
        listed = ", ".join(f"{name} ({found})" for name, found in missing.items())
        packages = "-r requirements.txt" if course_is_here() else " ".join(f'"{name}"' for name in missing)
        raise CourseError(f"not as required: {listed}; run: pip install {packages}")
    return f"{len(wanted)} packages as required"


def check_torch_pair() -> str:
    """torch and torchvision are built for each other, version by version."""
    pair = f"torch {version('torch')} with torchvision {version('torchvision')}"
    try:
        import torchvision  # noqa: F401
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
        with write_atomically(folder / ".doctor") as trial:
            trial.write_text("written by course_lib doctor", encoding="utf-8")
        (folder / ".doctor").unlink(missing_ok=True)
    return f"{shorten(data_folder())}/ and {shorten(work_folder())}/"


CHECKS: dict[str, Callable[[], str]] = {
    "python": lambda: f"Python {platform.python_version()}",
    "packages": check_packages,
    "torch pair": check_torch_pair,
    "device": check_device,
    "writing": check_writing,
    "photos": check_photos,
    "weights": check_weights,
}
