"""Set the course up from the wheels in this folder, without any network:  python set_up.py

`make bundle` puts this file into its folder under that name. It needs nothing but the Python for which the wheels
were made.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

MADE_FOR = "made_for.txt"


def this_system() -> str:
    """The kind of computer and Python on which wheels of one kind work."""
    return f"{platform.system()} {platform.machine()}, Python {sys.version_info.major}.{sys.version_info.minor}"


def main() -> int:
    folder = Path(__file__).resolve().parent
    made_for = (folder / "wheels" / MADE_FOR).read_text(encoding="utf-8").strip()
    if made_for != this_system():
        print(
            f"These packages were made for {made_for}, but this is {this_system()}; start set_up.py with that Python, "
            "or make a bundle on a computer like this one.",
            file=sys.stderr,
        )
        return 1
    # As an address, because pip takes blanks in a path for the end of it.
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": (folder / "wheels").as_uri(), "PIP_CONFIG_FILE": os.devnull}
    command = [sys.executable, "-m", "course_lib", "install"]
    status = subprocess.call(command, cwd=folder, env={**os.environ, **offline})
    if status == 0:
        (folder / ".venv" / ".ready").touch()  # `make lab` sets nothing up again
        start = r".venv\Scripts\jupyter" if os.name == "nt" else ".venv/bin/jupyter"
        print(f"All is set up. Start: {start} lab --LabApp.default_url=/lab/tree/lessons/01_introduction.ipynb")
    return status


if __name__ == "__main__":
    sys.exit(main())
