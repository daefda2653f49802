"""The doctor: 0 only when a lesson would run, otherwise the cure, whatever is broken."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.commands import doctor
from course_lib.errors import CourseError
from course_lib.paths import project_folder


def call_doctor(**environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "course_lib", "doctor"],
        capture_output=True,
        text=True,
        cwd=project_folder(),
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        check=False,
    )


@pytest.mark.slow
def test_all_is_well_here(work: Path) -> None:
    done = call_doctor(COURSE_WORK=str(work))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok  ") == len(doctor.CHECKS)
    assert done.stdout.endswith("All is ready: the lessons will run.\n")


@pytest.mark.slow
def test_two_troubles_at_once_are_both_told_with_their_cure(tmp_path: Path) -> None:
    # A torchvision that was built for another torch, and a file where the work folder should be.
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    (tmp_path / "work").write_text("mine")
    done = call_doctor(PYTHONPATH=str(tmp_path), COURSE_WORK=str(tmp_path / "work"))

    assert done.returncode == 1
    assert "do not fit together (operator torchvision::nms does not exist)" in done.stdout
    assert "-> run: pip install --upgrade --force-reinstall torch torchvision" in done.stdout
    assert "work cannot be made" in done.stdout and "COURSE_WORK" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert (tmp_path / "work").read_text() == "mine"


def test_a_package_that_is_missing_or_too_old_is_named_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("lessons", "course_lib"):
        (tmp_path / folder).mkdir()
    (tmp_path / "requirements.txt").write_text("numpy>=999\nno-such-package>=1\npandas>=1\n")
    monkeypatch.setenv("COURSE_PROJECT", str(tmp_path))
    found, cure = doctor.run(doctor.check_packages)

    assert "numpy>=999 (" in found and "no-such-package>=1 (missing)" in found
    assert "pandas" not in found
    assert cure == "run: pip install -r requirements.txt"


def test_a_protected_folder_is_named_with_the_cure(protected_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", str(protected_folder))
    monkeypatch.setenv("COURSE_WORK", str(protected_folder))
    found, cure = doctor.run(doctor.check_writing)

    assert "write-protected" in found and "COURSE_DATA and COURSE_WORK" in cure


def test_the_trial_of_writing_leaves_nothing(work: Path) -> None:
    doctor.check_writing()
    assert not list(work.iterdir())


def broken() -> str:
    raise ZeroDivisionError("nobody thought of this")


def forbidden() -> str:
    raise CourseError("the lamp is off; switch it on")


def test_any_error_becomes_a_finding() -> None:
    found, cure = doctor.run(broken)
    assert found == "ZeroDivisionError: nobody thought of this" and cure
    assert doctor.run(forbidden) == ("the lamp is off", "switch it on")


def test_an_unknown_command_shows_the_use() -> None:
    done = subprocess.run([sys.executable, "-m", "course_lib", "dance"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("Use: python -m course_lib COMMAND")


# --- other Pythons and machines -------------------------------------------------------------------


def test_what_is_read_first_is_understood_by_old_pythons() -> None:
    text = (project_folder() / "course_lib" / "__init__.py").read_text("utf-8")
    ast.parse(text, feature_version=(3, 7))  # as far back as Python's own parser goes


@pytest.mark.parametrize("found", [(3, 6), (3, 8), (3, 10)])
def test_an_old_python_is_told_so_before_anything_else_is_imported(found: tuple[int, int]) -> None:
    code = f"""if True:
        import runpy, sys
        sys.version_info, sys.argv = ({found[0]}, {found[1]}, 9, "final", 0), ["course_lib", "doctor"]
        try:
            runpy.run_module("course_lib", run_name="__main__")
        finally:
            print([name for name in sys.modules if name.startswith("course_lib.")])
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=project_folder(), check=False
    )
    assert done.returncode == 1 and done.stdout == "[]\n"
    assert done.stderr.startswith(f"Python {found[0]}.{found[1]} is too old; install Python 3.11 or newer")
    assert "Traceback" not in done.stderr
