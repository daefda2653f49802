"""In Colab only what is missing is installed, and what Colab brings stays as it is."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from course_lib.commands import install as colab
from course_lib.commands.requirements import not_satisfied, read_requirements
from course_lib.errors import CourseError
from course_lib.paths import project_folder

SCRIPT = Path(colab.__file__)


def test_every_installed_package_is_held_at_its_version() -> None:
    held = colab.constraints(changing=set()).splitlines()
    for name in ("torch", "torchvision", "numpy"):
        assert f"{name}=={version(name)}" in held


def test_only_a_package_that_must_change_is_let_go() -> None:
    held, all_held = (colab.constraints(changing=names) for names in ({"jupyter-core"}, set()))
    assert set(all_held.splitlines()) - set(held.splitlines()) == {
        f"jupyter-core=={version('jupyter_core')}"
    }


def test_each_line_can_be_read_by_pip() -> None:
    for line in colab.constraints(changing=set()).splitlines():
        assert Requirement(line).specifier


def test_where_all_is_there_nothing_is_installed(tmp_path: Path) -> None:
    # As in the set-up cell: a script, started from anywhere.
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.stdout == "Everything the lessons need is installed.\n", done.stderr
    assert done.returncode == 0


def test_a_failed_installation_is_not_taken_for_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\nno-such-package-anywhere>=1\n")
    monkeypatch.setattr(colab, "PROJECT", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # pip gives up at once instead of asking a server

    assert colab.main(["--dry-run"]) != 0
    assert "Installing what is missing: no-such-package-anywhere>=1\n" in capfd.readouterr().out


def test_what_only_maintainers_need_is_not_installed() -> None:
    file = project_folder() / "requirements.txt"
    learner = {item.name for item in read_requirements(file, learner_only=True)}
    everyone = {item.name for item in read_requirements(file)}
    assert {"torch", "timm", "elpv-dataset"} <= learner
    assert {"pytest", "ruff", "nbval"} <= everyone - learner


def test_missing_requirements_are_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"no requirements\.txt beside course_lib"):
        read_requirements(tmp_path / "requirements.txt")


def test_versions_are_judged_by_their_range() -> None:
    found = not_satisfied([Requirement("numpy>=1,<1.0.1"), Requirement("numpy>=1")])
    assert found == {"numpy<1.0.1,>=1": os.fspath(version("numpy"))}
