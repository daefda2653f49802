"""What Windows and macOS do differently, imitated on whatever system the tests run on.

The table in tests/README.md says for each difference which function answers it and which test
imitates it; the last test here checks that all of them exist.
"""

import ast
import errno
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_lib import paths
from course_lib.checks import check_folder
from course_lib.data import index_folder
from course_lib.errors import CourseError
from course_lib.paths import project_folder

PACKAGE = Path(paths.__file__).parent
COMMAND = [sys.executable, "-m", "course_lib"]


def test_a_virus_scanner_that_holds_a_file_for_a_moment_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, refusals = os.replace, [1, 2]

    def refused_twice(*names: Path) -> None:
        if refusals:
            refusals.pop()
            raise PermissionError(errno.EACCES, "Access is denied")
        replace(*names)

    monkeypatch.setattr("os.replace", refused_twice)
    with paths.write_atomically(tmp_path / "notes.txt") as temporary:
        temporary.write_text("new")

    assert [file.read_text() for file in tmp_path.iterdir()] == ["new"]


def test_a_file_that_stays_open_elsewhere_is_one_sentence_and_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.csv").write_text("old")

    def refused(*_: Path) -> None:
        raise PermissionError(errno.EACCES, "Access is denied")

    monkeypatch.setattr("os.replace", refused)
    with (
        pytest.raises(CourseError, match=r"rows\.csv cannot be replaced .* close the program"),
        paths.write_atomically(tmp_path / "rows.csv") as temporary,
    ):
        temporary.write_text("new")

    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_what_windows_tells_only_when_a_file_is_opened_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, *_: object) -> None:  # such as C:\Program Files
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "write_text", refused)
    with (
        pytest.raises(CourseError, match=r"is write-protected, so notes\.txt"),
        paths.write_atomically(tmp_path / "notes.txt") as temporary,
    ):
        temporary.write_text("new")


@pytest.fixture
def accents(tmp_path: Path) -> Path:
    """Photos whose names hold their accents apart, as macOS writes them, and a table that does not."""
    rows = []
    for label in ("good", "defective"):
        (tmp_path / label).mkdir()
        for number in range(2):
            path = f"{label}/Prüf{number}.png"
            pixels = np.random.default_rng(len(rows)).integers(0, 255, (40, 40), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / unicodedata.normalize("NFD", path))
            rows.append({"path": unicodedata.normalize("NFC", path), "lot": f"lot {number}"})
    pd.DataFrame(rows).to_csv(tmp_path / "index.csv", index=False)
    return tmp_path


def test_accents_stored_apart_are_the_same_letters(accents: Path) -> None:
    index = index_folder(accents)

    assert sorted(index["lot"]) == ["lot 0", "lot 0", "lot 1", "lot 1"]
    assert all((accents / path).exists() for path in index["path"])
    assert set(check_folder(accents, progress=False)["problem"]) == {"name"}


@pytest.mark.parametrize("encoding", ["cp932", "cp1252", "ascii"])
def test_no_letter_stops_a_command_on_a_terminal_that_lacks_it(encoding: str, tmp_path: Path) -> None:
    out = tmp_path / "é あ"
    done = subprocess.run(
        [*COMMAND, "quiz", "export", "--lesson", "1", "--to", "gift", "--out", str(out)],
        cwd=project_folder(), env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode(encoding)
    assert "Written: " in done.stdout.decode(encoding) and len(list(out.iterdir())) == 1


@pytest.mark.slow
def test_a_command_without_a_terminal_does_its_work(photos: Path) -> None:
    code = (
        "import sys; from course_lib.__main__ import main; sys.stdout = sys.stderr = None\nsys.exit(main(sys.argv[1:]))"
    )
    for arguments, status in ((["check", str(photos)], 0), (["check", str(photos / "gone")], 2), ([], 2)):
        done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=project_folder(), check=False)
        assert done.returncode == status


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what a process holds open")
def test_a_loaded_model_holds_no_file_so_that_windows_lets_it_be_replaced(tmp_path: Path) -> None:
    from course_lib.inference import Inspector, InspectorSettings
    from course_lib.models import ScratchCNN
    from course_lib.training import load_checkpoint, save_checkpoint

    settings = InspectorSettings(["functional", "defective"], 32, 1, [0.5], [0.25])
    saved = Inspector(ScratchCNN(width=4), settings).save(tmp_path / "inspector")
    save_checkpoint(ScratchCNN(width=4), tmp_path / "model.pt")

    inspector, model = Inspector.load(saved), ScratchCNN(width=4)
    load_checkpoint(tmp_path / "model.pt", model)

    held = Path("/proc/self/maps").read_text("utf-8")
    held += " ".join(str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    assert inspector and model and str(tmp_path) not in held


# Each is missing on Windows, or needs rights there that a learner does not have.
POSIX_ONLY = {
    "fork", "getuid", "geteuid", "setresuid", "setsid", "killpg", "symlink", "symlink_to", "hardlink_to",
    "mkfifo", "chown", "getpgid", "uname", "alarm", "fcntl", "resource", "pwd", "grp", "termios",
}  # fmt: skip


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_library_uses_nothing_that_only_linux_and_macos_have(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not names & POSIX_ONLY


def test_every_text_file_says_its_encoding_and_every_time_its_zone() -> None:
    rules = ["--isolated", "--preview", "--select", "PLW1514,DTZ", "--target-version", "py311"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", *rules, str(PACKAGE)],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


TEXTS = {".py", ".md", ".ipynb", ".yaml", ".yml", ".toml", ".txt", ".csv", ".js", ".css", ".json"}


def test_lines_end_alike_on_every_system() -> None:
    rules = (project_folder() / ".gitattributes").read_text(encoding="utf-8")
    assert "* text=auto eol=lf" in rules
    for ending in ("png", "pt", "safetensors"):
        assert f"*.{ending} binary" in rules

    folders = ("course_lib", "lessons", "quizzes", "studies", "tests", "tools", ".github")
    files = [file for folder in folders for file in (project_folder() / folder).rglob("*")]
    files += project_folder().glob("*.*")
    texts = [file for file in files if file.suffix in TEXTS]
    assert len(texts) > 150
    assert not [file for file in texts if b"\r\n" in file.read_bytes()]


def test_powershell_splits_no_command_of_the_readme() -> None:
    """It breaks what begins with one dash, without quotes, at a dot: ``-DFOO=a.b``."""
    text = (project_folder() / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"```\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    assert any("jupyter lab" in command for command in commands)
    assert not [command for command in commands if re.search(r"(^|\s)-\w[^\s\"'-]*\.", command)]


def test_the_table_of_systems_names_functions_and_tests_that_exist() -> None:
    text = (project_folder() / "tests" / "README.md").read_text(encoding="utf-8")
    table = text.split("## On other systems")[1].split("\n## ")[0]
    named = re.findall(r"`([\w/]+\.py):(\w+)`", table)
    assert len(named) > 25
    for file, name in named:
        source = (PACKAGE / file).read_text(encoding="utf-8")
        assert re.search(rf"\bdef {name}\b", source), f"{file} has no {name}"

    sources = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.rglob("test_*.py"))
    tests = re.findall(r"`(test_\w+)`", table)
    assert len(tests) > 25
    for name in tests:
        assert f"def {name}(" in sources, f"there is no test {name}"
