"""Set the course up: in an environment of its own, or in Colab and Kaggle (lesson 1).

``python -m course_lib install`` makes the environment ``.venv`` and installs the learner's list there.
It needs nothing but Python, and a second call goes on where the first one was stopped.

``python -m course_lib install --here`` does what the set-up cell does in Colab and Kaggle. These bring
their own torch, built for their GPUs: it is held at its version, and only what is missing is added.
"""

import argparse
import importlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.paths import project_folder, shorten

# A running kernel of Colab or Kaggle has loaded these, and their torch is built for their GPUs.
NEVER_REPLACED = ("torch", "torchvision", "numpy")
# What pip or venv writes (regular expressions), and what it means for a learner.
CAUSES = {
    "no space left|disk quota exceeded|not enough space on the disk": "the disk is full; make room (the README says "
    "how much the course takes)",
    "ensurepip is not available|no module named (ensurepip|venv)": "this Python comes without venv; install that part "
    "(on Debian and Ubuntu: apt install python3-venv)",
    r"newconnectionerror|connection (to|error|broken|refused)|timed out|proxyerror|sslerror|retrying \(": "the packages "
    "could not be fetched; check the internet connection",
}


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
    if options.here:
        add_missing(options.dry_run)
    else:
        set_up(options.venv, "requirements-dev.txt" if options.dev else "requirements.txt")
    return 0


def set_up(folder: Path, requirements: str) -> None:
    """Make the environment, if there is none that works, and install a list and the course there."""
    project = project_folder()
    print(f"Setting up in {shorten(folder)}: the first time about 3 minutes and up to 7 GB.", flush=True)
    pip(environment(folder), ["--quiet", "--requirement", str(project / requirements), "--editable", str(project)])


def environment(folder: Path) -> Path:
    """The Python of the environment in ``folder``, which is made (or made anew) where it does not work."""
    python = folder.absolute() / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    works = python.exists() and not subprocess.run([python, "-c", "import pip"], capture_output=True).returncode
    if not works:
        clear = ["--clear"] if (folder / "pyvenv.cfg").exists() else []
        _run([sys.executable, "-m", "venv", *clear, str(folder)])
    return python


def add_missing(dry_run: bool = False) -> None:
    """Install into this Python what the lessons need and it lacks; print one line."""
    # The package packaging is in Colab and Kaggle, but not in every Python that makes an environment.
    from packaging.requirements import Requirement

    from course_lib.commands.requirements import installed_versions, not_satisfied, read_requirements

    there = installed_versions()
    missing = not_satisfied(read_requirements(project_folder() / "requirements.txt", hosted=True), there)
    if not missing:
        print("Everything the lessons need is installed.")
        return
    for needed in missing:
        if (name := Requirement(needed).name) in NEVER_REPLACED and name in there:
            raise CourseError(
                f"Here is {name} {there[name]}, but the lessons need {needed}, and it must not be exchanged here; "
                "choose the newest environment (Colab: Runtime, Change runtime type; Kaggle: Settings, Environment)."
            )
    print("Installing what is missing:", ", ".join(missing), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder) / "constraints.txt"
        held.write_text("".join(f"{name}=={there[name]}\n" for name in NEVER_REPLACED if name in there), "utf-8")
        pip(sys.executable, ["--constraint", str(held), "--dry-run" if dry_run else "--quiet", *missing])
    importlib.invalidate_caches()  # the kernel that called this goes on and imports them


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
        raise CourseError(f"The set-up stopped: {explain(done.stdout)}; then try again, what is installed stays.")
    print(done.stdout, end="")


def explain(output: str) -> str:
    """The cause and the cure behind what pip or venv wrote, for a learner.

    Example:
        >>> explain("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device")
        'the disk is full; make room (the README says how much the course takes)'
        >>> explain("ERROR: something new")
        'something new'
    """
    lowered = " ".join(output.lower().split())  # venv breaks its lines anywhere
    for signs, cause in CAUSES.items():
        if re.search(signs, lowered):
            return cause
    errors = re.findall(r"^ERROR:\s*(.+)", output, re.MULTILINE) or output.strip().split("\n")[-1:]
    return errors[0].strip().rstrip(".") or "it gave no reason"
