"""The set-up on one's own machine: what goes wrong is one sentence, and the next try goes on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from notebook_samples import REAL_PROJECT

from course_lib.commands import install
from course_lib.errors import CourseError

pytestmark = pytest.mark.slow

NO_NETWORK = (
    "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken "
    "by 'NewConnectionError('<…>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/x/\n"
    "ERROR: Could not find a version that satisfies the requirement x (from versions: none)\n"
    "ERROR: No matching distribution found for x\n"
)
FULL_DISK = (
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device: '/course/.venv/lib'\n\n"
)
NO_VENV = (
    "The virtual environment was not created successfully because ensurepip is not\n"
    "available.  On Debian/Ubuntu systems, you need to install the python3-venv\npackage"
)
TWO_THAT_DO_NOT_FIT = (
    "ERROR: Cannot install a==1 and b==2 because these package versions have conflicting dependencies.\n"
    "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/"
)
posix = pytest.mark.skipif(os.name == "nt", reason="the imitated programs are shell scripts")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (NO_NETWORK, "check the internet connection"),
        (FULL_DISK, "make room"),
        (NO_VENV, "apt install python3-venv"),
        (TWO_THAT_DO_NOT_FIT, "Cannot install a==1 and b==2"),
        ("ERROR: Package 'x' requires a different Python: 3.8 not in '>=3.11'\n", "requires a different Python"),
        ("first line\nsomething new", "something new"),
        ("", "no reason"),
    ],
)
def test_the_cause_is_told_with_its_cure(output: str, words: str) -> None:
    assert words in install.explain(output) and "\n" not in install.explain(output)


def test_a_real_pip_without_a_network_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(
        CourseError, match=r"^The set-up stopped: the packages could not be fetched; check the internet"
    ):
        install.pip(sys.executable, ["--quiet", "no-such-package"])


def test_a_half_made_environment_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /gone\n")
    (folder / "bin" / "python").symlink_to("/gone/python")  # and pip had not come yet
    python = install.environment(folder)
    subprocess.run([python, "-m", "pip", "--version"], check=True, capture_output=True)
    (folder / "mine").touch()
    assert install.environment(folder) == python and (folder / "mine").exists()  # what works is left alone


def test_a_folder_that_holds_something_else_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "photo.png").touch()
    install.environment(tmp_path)
    assert (tmp_path / "photo.png").exists()


# --- make ---------------------------------------------------------------------------------------


def make(folder: Path, *words: str) -> subprocess.CompletedProcess:
    """Call the real Makefile on a folder that has nothing but the lists."""
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "pyproject.toml", "setup.py"):
        if not (folder / name).exists():
            shutil.copy2(REAL_PROJECT / name, folder / name)
    return subprocess.run(["make", *words], cwd=folder, capture_output=True, text=True, check=False)


def program(path: Path, lines: str) -> str:
    """A shell script that takes the place of Python."""
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return f"PYTHON={path}"


@posix
def test_make_without_python_says_what_to_install(tmp_path: Path) -> None:
    done = make(tmp_path, ".venv/.ready", "PYTHON=no-such-python")
    assert done.returncode and "There is no no-such-python; install Python 3.11 or newer" in done.stdout


@posix
def test_make_with_an_old_python_says_so(tmp_path: Path) -> None:
    (tmp_path / "course_lib").symlink_to(REAL_PROJECT / "course_lib")
    imitated = (
        "import sys, runpy; sys.version_info = (3, 8, 18, 'final', 0); sys.path.insert(0, '.'); "
        "runpy.run_module('course_lib', run_name='__main__', alter_sys=True)"
    )
    old = program(tmp_path / "old", f'[ "$1" = -c ] && exit\nexec {sys.executable} -c "{imitated}"')
    done = make(tmp_path, ".venv/.ready", old)
    assert done.returncode and done.stderr.startswith("Python 3.8 is too old; install Python 3.11 or newer")
    assert not (tmp_path / ".venv").exists()


@posix
def test_make_goes_on_after_a_set_up_that_failed_and_then_rests(tmp_path: Path) -> None:
    # The first set-up meets a full disk, the second does not.
    lines = '[ "$1" = -c ] && exit\necho "$@" >> calls\n[ -e room ] || { touch room; echo "no room" >&2; exit 2; }'
    python = program(tmp_path / "python", lines)
    first, second, third = (make(tmp_path, ".venv/.ready-to-test", python) for _ in range(3))
    assert first.returncode and "no room" in first.stderr
    assert (second.returncode, third.returncode) == (0, 0), second.stderr
    install_words = "-m course_lib install --venv .venv"
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == [install_words, install_words, f"{install_words} --dev"]
