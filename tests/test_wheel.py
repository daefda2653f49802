"""The package as `pip install .` gives it: whole, honest about what it lacks, and left clean."""

import os
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from notebook_samples import REAL_PROJECT
from packaging.requirements import Requirement

from course_lib.commands.requirements import read_requirements

pytestmark = pytest.mark.slow

SOURCES = ("course_lib", "quizzes", "pyproject.toml", "setup.py", "requirements.txt", "README.md", "LICENSE*")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network and unpacked as pip does it."""
    import shutil

    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in (path for pattern in SOURCES for path in REAL_PROJECT.glob(pattern)):
        if path.is_dir():
            shutil.copytree(path, copy / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(path, copy)
    words = ["wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(out), str(copy)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    (wheel,) = out.glob("*.whl")
    folder = tmp_path_factory.mktemp("site-packages")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def description(site: Path, name: str) -> str:
    """One file of the package's description."""
    (path,) = site.glob(f"*.dist-info/{name}")
    return path.read_text("utf-8")


def installed(site: Path, home: Path, *words: str) -> subprocess.CompletedProcess:
    """Call Python in a folder, with the installed package and without the course."""
    home.mkdir(exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COURSE_")}
    kept |= {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *words], cwd=home, env=kept, capture_output=True, text=True, check=False)


def test_it_asks_for_the_learners_list_and_has_its_command(site: Path) -> None:
    metadata = message_from_string(description(site, "METADATA"))
    assert set(map(Requirement, metadata.get_all("Requires-Dist"))) == set(
        read_requirements(REAL_PROJECT / "requirements.txt")
    )
    assert "visual-inspection = course_lib.__main__:main" in description(site, "entry_points.txt")


def test_it_has_every_file_of_the_package_and_every_bank_and_nothing_else(site: Path) -> None:
    package, folder = REAL_PROJECT / "course_lib", site / "course_lib"
    expected = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md"
    }
    quizzes = REAL_PROJECT / "quizzes"
    expected |= {
        f"quiz/banks/{path.relative_to(quizzes).as_posix()}"
        for path in (*quizzes.glob("*.yaml"), *quizzes.glob("pictures/*.png"))
    }
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == expected
    assert {"py.typed", "quiz/widget.js", "quiz/widget.css"} <= expected and len(expected) > 60
    assert len(list(site.iterdir())) == 2  # the package and its description


def test_the_doctor_says_what_works_without_the_lessons(site: Path, tmp_path: Path) -> None:
    before = sorted(site.rglob("*"))
    done = installed(site, tmp_path / "home", "-m", "course_lib", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All is ready: the commands will run. For the lessons, run pip install -e ." in done.stdout
    assert sorted(site.rglob("*")) == before
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_the_quizzes_are_there_and_answers_go_below_the_current_folder(site: Path, tmp_path: Path) -> None:
    code = (
        "from course_lib import paths, quiz; view = quiz.show(1); print(len(view.bank.questions) > 3); "
        "print(paths.work_folder(), paths.data_folder(), sep='\\n')"
    )
    done = installed(site, tmp_path / "home", "-c", code)
    home = tmp_path / "home"
    assert done.stdout.splitlines() == ["True", str(home / "work"), str(home / "data")], done.stderr
    checked = installed(site, home, "-m", "course_lib", "quiz", "check")
    assert checked.returncode == 0 and checked.stdout.startswith("10 banks")


def test_inside_the_course_it_uses_the_course(site: Path) -> None:
    code = "from course_lib import paths; print(paths.__file__, paths.project_folder(), sep='\\n')"
    done = installed(site, REAL_PROJECT / "lessons", "-c", code)
    assert done.stdout.splitlines() == [str(site / "course_lib" / "paths.py"), str(REAL_PROJECT)]
