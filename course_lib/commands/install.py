"""Set the course up: in an environment of its own, or in Colab and Kaggle (lesson 1).

``python -m course_lib install`` makes the environment ``.venv`` and installs the learner's list there.
It needs nothing but Python, and a second call goes on where the first one was stopped.

``python -m course_lib install --here`` does what the set-up cell does in Colab and Kaggle. These bring
their own torch, built for their GPUs: every package that is there is held at its version, and only what
is missing is added.
"""

import argparse
import importlib
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.paths import project_folder, shorten

# A running kernel of Colab or Kaggle has loaded these, and their torch is built for their GPUs.
NEVER_REPLACED = ("torch", "torchvision", "numpy")
NO_TORCH = {
    ("Darwin", "x86_64"): "For Macs with an Intel processor there is no torch newer than 2.2; take the course in "
    "Colab, or on an Apple-silicon Mac install the Python that is made for it",
    ("Windows", "ARM64"): "For Windows on ARM processors pip has no torch; take the course in Colab",
}
# What pip or venv writes (regular expressions), and what it means for a learner.
CAUSES = (
    (
        "no space left|disk quota exceeded|not enough space on the disk",
        "the disk is full; make room (the README says how much the course takes)",
    ),
    (
        "ensurepip is not available|no module named (ensurepip|venv)",
        "this Python comes without venv; install that part (on Debian and Ubuntu: apt install python3-venv)",
    ),
    (
        r"newconnectionerror|nameresolutionerror|connection (to|error|broken|refused)|timed out|proxyerror|sslerror|"
        r"failed to connect|retrying \(",
        "the packages could not be fetched; check the internet connection",
    ),
    (
        "resolutionimpossible|conflicting dependencies",
        "some packages that are here do not go with what the lessons need; take the newest release of the "
        "course and, in Colab and Kaggle, the newest environment",
    ),
    ("permission denied|read-only file system", "the folder is write-protected; allow writing there"),
)


def main(arguments: Sequence[str]) -> int:
    """``python -m course_lib install [--venv FOLDER] [--dev] [--here [--dry-run]]``.

    Raises:
        CourseError: the cause in one sentence; what is installed already stays for the next try.
    """
    parser = argparse.ArgumentParser(prog="python -m course_lib install", description="Set the course up.")
    parser.add_argument("--venv", type=Path, default=Path(".venv"), help="the environment (default: .venv)")
    parser.add_argument("--dev", action="store_true", help="also what only maintainers need")
    parser.add_argument("--here", action="store_true", help="into this Python, only what is missing")
    parser.add_argument("--dry-run", action="store_true", help="with --here: only say what would be done")
    options = parser.parse_args(arguments)
    if reason := no_torch_for(platform.system(), platform.machine()):
        raise CourseError(reason)
    if options.here:
        add_missing(options.dry_run)
    else:
        set_up(options.venv, "requirements-dev.txt" if options.dev else "requirements.txt")
    return 0


def no_torch_for(system: str, machine: str) -> str:
    """Why there is no torch for a kind of computer; empty where there is one.

    Args:
        system, machine: as the module ``platform`` of Python names them.

    Example:
        >>> no_torch_for("Linux", "x86_64"), no_torch_for("Darwin", "arm64")
        ('', '')
    """
    return NO_TORCH.get((system, machine), "")


# --- an environment of its own -------------------------------------------------------------


def set_up(folder: Path, requirements: str) -> None:
    """Make the environment, if there is none that works, and install a list and the course there."""
    project = project_folder()
    if not (project / requirements).exists():
        raise CourseError(f"There is no {requirements} in {project}; get the whole course again.")
    print(f"Setting up in {shorten(folder)}: the first time about 3 minutes and up to 7 GB.", flush=True)
    python = environment(folder)
    pip(python, ["--quiet", "--requirement", str(project / requirements), "--editable", str(project)])


def environment(folder: Path) -> Path:
    """The Python of the environment in ``folder``, which is made (or made anew) where it does not work."""
    folder = folder.resolve()
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    trial = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    with suppress(OSError):  # there is none, or it cannot be started
        if subprocess.run([python, "-c", trial], capture_output=True, check=False).returncode == 0:
            return python
    clear = []
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "pyvenv.cfg").exists():
            raise CourseError(f"{shorten(folder)} holds something else; name another folder for the environment.")
        print(f"The environment {shorten(folder)} was left half made, or by another Python: it is made anew.")
        clear = ["--clear"]
    _run([sys.executable, "-m", "venv", *clear, str(folder)])
    return python


# --- Colab and Kaggle ----------------------------------------------------------------------


def add_missing(dry_run: bool = False) -> None:
    """Install into this Python what the lessons need and it lacks; print one line."""
    # The package packaging is in Colab and Kaggle, but not in every Python that makes an environment.
    from packaging.utils import canonicalize_name

    from course_lib.commands.requirements import installed_versions, not_satisfied, read_requirements

    wanted = read_requirements(project_folder() / "requirements.txt", hosted=True)
    there = installed_versions()
    missing = not_satisfied(wanted, there)
    if not missing:
        print("Everything the lessons need is installed.")
        return
    changing = {canonicalize_name(item.name) for item in wanted if str(item) in missing}
    for name in changing.intersection(NEVER_REPLACED, there):
        needed = next(item for item in wanted if canonicalize_name(item.name) == name)
        raise CourseError(
            f"Here is {name} {there[name]}, but the lessons need {needed}, and it must not be exchanged here; "
            "choose the newest environment (Colab: Runtime, Change runtime type; Kaggle: Settings, Environment)."
        )
    print("Installing what is missing:", ", ".join(missing), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "constraints.txt"
        try:
            file.write_text(constraints(there, changing), encoding="utf-8")
        except OSError as error:
            raise _stopped(str(error)) from error
        pip(sys.executable, ["--constraint", str(file), "--dry-run" if dry_run else "--quiet", *missing])
    importlib.invalidate_caches()  # the kernel that called this goes on and imports them


def constraints(there: Mapping[str, str], changing: Iterable[str] = ()) -> str:
    """A pip constraint file that holds every installed package except those to be changed.

    A version that pip would refuse, as Linux distributions make them, is left out: pip never touches
    such a package by itself.

    Args:
        there: names and versions, from `course_lib.commands.requirements.installed_versions`.
        changing: names of packages that are let go.

    Example:
        >>> constraints({"torch": "2.11.0+cpu", "distro-info": "1.1build1", "onnx": "1.16"}, ["onnx"])
        'torch==2.11.0+cpu\\n'
    """
    from packaging.version import InvalidVersion, Version

    lines = []
    for name in sorted(set(there) - set(changing)):
        with suppress(InvalidVersion):
            lines.append(f"{name}=={Version(there[name])}\n")
    return "".join(lines)


# --- pip, and what its messages mean --------------------------------------------------------


def pip(python: str | os.PathLike, arguments: Sequence[str]) -> None:
    """Let the pip of a Python install something.

    Raises:
        CourseError: pip stopped, and why.
    """
    _run([str(python), "-m", "pip", "install", "--disable-pip-version-check", *arguments])


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        raise _stopped(done.stdout)
    print(done.stdout, end="")


def _stopped(output: str) -> CourseError:
    return CourseError(f"The set-up stopped: {explain(output)}; then try again, what is installed stays.")


def explain(output: str) -> str:
    """The cause and the cure behind what pip or venv wrote, for a learner.

    Example:
        >>> explain("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device")
        'the disk is full; make room (the README says how much the course takes)'
        >>> explain("ERROR: something new")
        'something new'
    """
    lowered = " ".join(output.lower().split())  # venv breaks its lines anywhere
    for signs, cause in CAUSES:
        if re.search(signs, lowered):
            return cause
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it gave no reason"]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines)[-1].removeprefix("ERROR:").strip().rstrip(".")
