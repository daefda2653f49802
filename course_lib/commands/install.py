"""Install in Colab what the lessons need and Colab lacks; called by the set-up cell (lesson 1).

Colab brings its own torch, built for its GPUs. Every package that is already there is held at its
version, so nothing that Colab has is replaced unless a lesson cannot run with it.

Run as a script: ``python course_lib/commands/install.py [--dry-run]``.
"""

import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
# As a script only the folder of the script is searched for modules.
sys.path.insert(0, str(PROJECT))

from course_lib.commands.requirements import not_satisfied, read_requirements  # noqa: E402


def constraints(changing: set[str]) -> str:
    """A pip constraint file that holds every installed package except those to be changed.

    Example:
        >>> "torch==" in constraints(changing=set()), "torch==" in constraints(changing={"torch"})
        (True, False)
    """
    held = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name and canonicalize_name(name) not in changing:
            held[canonicalize_name(name)] = distribution.version
    return "".join(f"{name}=={version}\n" for name, version in sorted(held.items()))


def main(arguments: list[str]) -> int:
    """Install what is missing; print one line. Returns pip's exit status."""
    wanted = read_requirements(PROJECT / "requirements.txt", learner_only=True)
    missing = not_satisfied(wanted)
    if not missing:
        print("Everything the lessons need is installed.")
        return 0
    print("Installing what is missing:", ", ".join(missing), flush=True)
    changing = {canonicalize_name(item.name) for item in wanted if str(item) in missing}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "constraints.txt"
        file.write_text(constraints(changing), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", str(file)]
        if "--dry-run" in arguments:
            command.append("--dry-run")
        return subprocess.run([*command, *missing], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
