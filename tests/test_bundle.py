"""The course on a USB stick: its files, wheels for one system, and a set-up that asks no network."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import bundle
import pytest
import set_up_from_bundle

from course_lib.paths import project_folder

NO_NETWORK = ["unshare", "--map-root-user", "--net"]


def can_leave_the_network() -> bool:
    return bool(shutil.which("unshare")) and subprocess.run([*NO_NETWORK, "true"], check=False).returncode == 0


def wheel_of(name: str, folder: Path) -> None:
    """The wheel of an installed package of plain Python, made of its files."""
    package = importlib.metadata.distribution(name)
    path = folder / f"{name}-{package.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in package.files or ():
            if (
                ".." not in file.parts
                and "__pycache__" not in file.parts
                and file.name not in ("INSTALLER", "REQUESTED")
            ):
                archive.write(file.locate(), str(file))


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the course that asks for one small package; its place has a blank in its name."""
    folder = tmp_path_factory.mktemp("stick") / "USB stick" / "visual-inspection-course"
    bundle.copy_course(project_folder(), folder)
    (folder / "requirements.txt").write_text("packaging\n", encoding="utf-8")
    (folder / "wheels").mkdir()
    for name in ("packaging", "setuptools"):
        wheel_of(name, folder / "wheels")
    (folder / "wheels" / bundle.MADE_FOR).write_text(bundle.this_system(), encoding="utf-8")
    return folder


def set_up(folder: Path, *before: str) -> subprocess.CompletedProcess:
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHON", "COURSE_"))}
    command = [*before, sys.executable, "set_up.py"]
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_it_is_set_up_where_there_is_no_network(stick: Path) -> None:
    if not can_leave_the_network():
        pytest.skip("this system lets nobody leave the network (unshare)")
    alone = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=2)"
    without = subprocess.run([*NO_NETWORK, sys.executable, "-c", alone], capture_output=True, text=True, check=False)
    assert "Network is unreachable" in without.stderr
    done = set_up(stick, *NO_NETWORK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All is set up. Start: .venv/bin/jupyter lab" in done.stdout and (stick / ".venv" / ".ready").exists()
    python = stick / ".venv" / "bin" / "python"
    where = "import course_lib, packaging; print(course_lib.__file__, packaging.__file__)"
    found = subprocess.run([python, "-I", "-c", where], cwd="/", capture_output=True, text=True, check=True).stdout
    assert found.count(str(stick)) == 2


@pytest.mark.slow
def test_a_missing_package_gets_a_sentence(stick: Path, tmp_path: Path) -> None:
    folder = tmp_path / "half"
    shutil.copytree(stick, folder, ignore=shutil.ignore_patterns(".venv", "packaging-*"))
    done = set_up(folder)
    assert done.returncode != 0 and "packaging" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr and not (folder / ".venv" / ".ready").exists()


def test_wheels_for_another_system_are_refused_by_name(stick: Path, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    shutil.copy(stick / "set_up.py", tmp_path)
    (tmp_path / "wheels" / bundle.MADE_FOR).write_text("Windows AMD64, Python 3.12\n", encoding="utf-8")
    done = set_up(tmp_path)
    assert done.returncode == 1
    assert "made for Windows AMD64, Python 3.12, but this is" in done.stderr


def test_it_has_the_course_and_nothing_that_can_be_made_again(stick: Path) -> None:
    for name in ("README.md", "lessons/01_introduction.ipynb", "quizzes/01_introduction.yaml", "course_lib/paths.py"):
        assert (stick / name).is_file()
    for name in (".git", "work", "data", "bundle"):
        assert not (stick / name).exists()
    assert (stick / "set_up.py").read_text("utf-8") == Path(set_up_from_bundle.__file__).read_text("utf-8")


def test_an_instructors_setting_goes_along_and_a_bundle_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "course"
    for name in (
        "class.yaml",
        "my_banks/11_mine.yaml",
        "course_lib/data/photo.py",
        "data/photo.png",
        ".venv/pip",
        "work/a",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("student_number: true\n", encoding="utf-8")
    copy = tmp_path / "out" / "visual-inspection-course"
    bundle.copy_course(project, copy)
    there = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert there == {"class.yaml", "my_banks/11_mine.yaml", "course_lib/data/photo.py", "set_up.py"}
    assert bundle.main(["--out", str(tmp_path / "out")]) == 1
    assert "kept as it is" in capsys.readouterr().err


def test_nothing_large_gets_into_git() -> None:
    assert "/bundle/" in (project_folder() / ".gitignore").read_text("utf-8").split()
