"""The strict comparison in use: `pytest --nbval` on small notebooks, with real kernels."""

import base64
import io
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
import strict_nbval
from compare_outputs import WIDGET_VIEW, as_number, between_numbers, differences, visible_text
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output
from notebook_samples import REAL_PROJECT, SampleCourse
from PIL import Image

pytestmark = pytest.mark.slow


@dataclass
class CellResult:
    """What pytest said to one cell."""

    outcome: str  # "passed", "failed" or "skipped"
    message: str
    seconds: float


def pytest_in(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a folder, with the settings and the conftest.py of the course."""
    settings = ["-c", str(REAL_PROJECT / "pyproject.toml"), "-p", "conftest"]
    search_path = os.pathsep.join([str(REAL_PROJECT), str(REAL_PROJECT / "tests")])
    return subprocess.run(
        [sys.executable, "-m", "pytest", *settings, "-p", "no:cacheprovider", *options, folder],
        env=os.environ | {"PYTHONPATH": search_path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def run_nbval(folder: Path, *options: str) -> tuple[dict[str, list[CellResult]], str]:
    """Run ``pytest --nbval``; give the results by notebook, and what it printed."""
    report = folder / "report.xml"
    printed = pytest_in(folder, "--nbval", f"--junitxml={report}", *options).stdout
    results: dict[str, list[CellResult]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        problem = next((part for part in case if part.tag in ("failure", "error", "skipped")), None)
        outcome = "passed" if problem is None else problem.tag.replace("failure", "failed")
        message = "" if problem is None else f"{problem.get('message')}\n{problem.text}"
        name = case.get("classname").removesuffix(".ipynb").split(".")[-1]
        results.setdefault(name, []).append(CellResult(outcome, message, float(case.get("time"))))
    return results, printed


def code(source: str, *outputs: NotebookNode, tags: tuple[str, ...] = ()) -> NotebookNode:
    """A code cell with stored outputs."""
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)} if tags else {})


def printed(text: str) -> NotebookNode:
    """A stored output of ``print``."""
    return new_output("stream", text=text)


def result(value: str, count: int) -> NotebookNode:
    """The stored value of a cell's last line."""
    return new_output("execute_result", {"text/plain": value}, execution_count=count)


def picture(grey: int) -> dict[str, str]:
    """The data of an output that shows a grey picture."""
    file = io.BytesIO()
    Image.new("L", (64, 48), grey).save(file, "png")
    content = base64.b64encode(file.getvalue()).decode()
    return {"image/png": content, "text/plain": "Figure: grey"}


def show(data: dict) -> str:
    """Code that displays ``data``."""
    return f"from IPython.display import display\ndisplay({data!r}, raw=True)"


VIEW = {WIDGET_VIEW: {"model_id": "1", "version_major": 2, "version_minor": 0}, "text/plain": "w"}
ASK_THE_NETWORK = """\
import socket
try:
    socket.create_connection(("example.com", 80))
except ConnectionRefusedError as error:
    print("blocked" in str(error))
"""
OUTPUT_WIDGET = """\
import ipywidgets
box = ipywidgets.Output()
with box:
    print("inside")
print("outside")
"""
MODEL_FILE = "import os, pathlib\nmodel = pathlib.Path(os.environ['COURSE_WORK'], 'model')\n"
# Name: a cell that must pass. They are the cells of one notebook, in this order.
GOOD = {
    "a value": code("5", result("5", 1)),
    "the last value and the cells so far": code("_ + len(In)", result("8", 2)),
    "a semicolon": code("6;"),
    "the values so far": code("Out[1]", result("5", 4)),
    "an output widget keeps its text": code(OUTPUT_WIDGET, printed("outside\n")),
    "the network is blocked": code(ASK_THE_NETWORK, printed("True\n")),
    "the work folder is fresh": code(MODEL_FILE + "model.exists()", result("False", 7)),
    "the quiz has a fixed order": code("os.environ['COURSE_FIXED_ORDER']", result("'1'", 8)),
    "a model is kept": code("model.write_text('weights')", result("7", 9)),
}
# The next notebook, in another kernel of the same run.
NEXT = [code(MODEL_FILE + "model.read_text()", result("'weights'", 1))]
# Name: a cell that must fail, and a part of what must be said to it.
BAD = {
    "other text": (code("print('dog')", printed("cat\n")), "-cat"),
    "stripped": (code("print('dog')"), "never executed"),
    "raises": (code("photo", tags=("nbval-ignore-output",)), "NameError"),
    "error gone": (
        code("photo = 1", new_output("error", ename="NameError"), tags=("raises-exception",)),
        "1 outputs are stored (error NameError), 0 came out",
    ),
    "misspelt tag": (code("print('a')", printed("a\n"), tags=("nbval-ignore",)), "not a marker"),
    "no widget view": (code(show(VIEW), new_output("display_data", {"text/plain": "w"})), WIDGET_VIEW),
    "no widget any more": (code(show({"text/plain": "w"}), new_output("display_data", VIEW)), WIDGET_VIEW),
    "other figure": (code(show(picture(100)), new_output("display_data", picture(110))), "the figure changed by 0.039"),
    "number too far": (
        code("print('loss 0.5')", printed("loss 0.4\n"), tags=("nbval-approx-0.05",)),
        "0.4 is stored, 0.5 came out",
    ),
}


def write_notebook(folder: Path, name: str, cells: list[NotebookNode]) -> None:
    """Write a small notebook, its cells counted as if they had been run in order."""
    for count, cell in enumerate(cells, 1):
        cell.execution_count = None if cell is BAD["stripped"][0] else count
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), folder / f"{name}.ipynb")


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, sample_course: SampleCourse
) -> tuple[dict[str, list[CellResult]], str]:
    """One run over all the notebooks above and the sample."""
    folder = tmp_path_factory.mktemp("notebooks")
    nbformat.write(sample_course.stored, folder / "sample.ipynb")
    write_notebook(folder, "good", list(GOOD.values()))
    write_notebook(folder, "next", NEXT)
    write_notebook(folder, "bad", [cell for cell, _ in BAD.values()])
    skipped = code("1 / 0", tags=("nbval-skip",))
    dead = [skipped, code("import os"), code("os._exit(1)"), code("1", result("1", 4))]
    write_notebook(folder, "dead_kernel", dead)
    return run_nbval(folder)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_cell_passes(name: str, run: tuple) -> None:
    results, _ = run
    cell = results["good"][list(GOOD).index(name)]
    assert cell.outcome == "passed", cell.message


@pytest.mark.parametrize("name", ["sample", "next"])
def test_a_good_notebook_passes(name: str, run: tuple) -> None:
    results, _ = run
    assert [cell.message for cell in results[name] if cell.outcome != "passed"] == []


@pytest.mark.parametrize("name", BAD)
def test_a_bad_cell_fails_and_says_why(name: str, run: tuple) -> None:
    results, _ = run
    cell = results["bad"][list(BAD).index(name)]
    assert cell.outcome == "failed"
    assert BAD[name][1] in cell.message


def test_rules_that_replace_what_differs_are_obeyed(tmp_path: Path) -> None:
    write_notebook(tmp_path, "times", [code("import time\nprint('at', time.time_ns())", printed("at 12\n"))])
    (tmp_path / "rules.cfg").write_text("[time]\nregex: at \\d+\nreplace: at TIME\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "strict_nbval", "--nbval"]
    command += ["--nbval-current-env", "--rootdir", str(tmp_path), "-c", os.devnull, str(tmp_path / "times.ipynb")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    for rules, status in (([], 1), (["--nbval-sanitize-with", str(tmp_path / "rules.cfg")], 0)):
        done = subprocess.run([*command, *rules], cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert done.returncode == status, done.stdout.decode()


def test_a_dead_kernel_is_noticed_at_once(run: tuple) -> None:
    results, _ = run
    skipped, before, deadly, after = results["dead_kernel"]
    assert [skipped.outcome, before.outcome] == ["skipped", "passed"]
    assert deadly.outcome == "failed"
    assert "Kernel died" in deadly.message
    assert deadly.seconds < 5
    assert after.outcome == "skipped"
    assert "the notebook ended in Cell 3" in after.message


def test_the_summary_counts_cells(run: tuple) -> None:
    results, text = run
    cells = sum(len(cells) for cells in results.values())
    line = next(line for line in text.splitlines() if "compared exactly" in line)
    assert line == f"{cells - 6} compared exactly, 2 compared with a tolerance, 2 ignored, 1 skipped"


def test_the_two_files_work_outside_this_course(tmp_path: Path) -> None:
    """What could be handed to another project: two files, nothing else of the course."""
    plug_in, notebooks = tmp_path / "plug_in", tmp_path / "notebooks"
    plug_in.mkdir()
    notebooks.mkdir()
    for name in ("strict_nbval.py", "compare_outputs.py"):
        shutil.copy(REAL_PROJECT / "tests" / name, plug_in)
    write_notebook(notebooks, "good", [code("print('cat')", printed("cat\n"))])
    write_notebook(notebooks, "bad", [BAD["other figure"][0]])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "strict_nbval", "--nbval", "--nbval-current-env"],
        env=os.environ | {"PYTHONPATH": str(plug_in)},
        cwd=notebooks,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "the figure changed by 0.039" in done.stdout


def test_a_cell_that_takes_too_long_fails(tmp_path: Path) -> None:
    cells = [code("import time\ntime.sleep(60)"), code("1", result("1", 2))]
    write_notebook(tmp_path, "slow", cells)
    results, _ = run_nbval(tmp_path, "--nbval-cell-timeout=2")
    slow, after = results["slow"]
    assert slow.outcome == "failed"
    assert "timed out" in slow.message
    assert after.outcome == "skipped"


def test_another_nbval_is_refused(monkeypatch: pytest.MonkeyPatch, pytestconfig) -> None:
    monkeypatch.setattr(strict_nbval.nbval, "__version__", "0.12.0")
    with pytest.raises(pytest.UsageError, match=r"extends nbval 0\.11\.0, but 0\.12\.0"):
        strict_nbval.pytest_configure(pytestconfig)


def test_without_nbval_no_notebook_is_collected(tmp_path: Path) -> None:
    write_notebook(tmp_path, "small", [code("1", result("1", 1))])
    done = pytest_in(tmp_path, "--collect-only")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stdout


# --- texts and numbers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "fresh", "same"),
    [
        ("accuracy 86.4 %", "accuracy 85.1 %", True),
        ("accuracy 0.864", "accuracy 0.851", True),
        ("accuracy 0.864", "accuracy 0.804", False),
        ("1e-3 and -0.02", "1.2e-3 and 0.02", True),
        ("2,624 photos", "998 photos", False),
        ("2,624 photos", "2600 photos", True),
        ("[0.5, 0.25]", "[0.5, 0.25, 0.25]", False),
        ("a  0.5\nb  0.25", "a 0.52\nb  0.2", True),
        ("resnet18 0.5", "resnet50 0.5", False),
        ("loss inf", "loss 3.0", False),
        ("<td>0.81</td>", "<td>0.82</td>", True),
        ("<h2>0.81</h2>", "<h3>0.81</h3>", False),
        ("a 0.5 b", "a 0.5b", True),
    ],
)
def test_numbers_with_a_tolerance(stored: str, fresh: str, same: bool) -> None:
    assert (differences([printed(stored)], [printed(fresh)], 0.05) == []) is same
    assert differences([printed(stored)], [printed(fresh)]) != []


def test_parts_of_a_text_with_numbers() -> None:
    assert between_numbers("loss:  0.5 after 3 epochs") == ["loss:", "after", "epochs"]
    assert as_number("-1,803.5e1") == -18035.0


@pytest.mark.parametrize(
    "bar",
    [
        "  0%|          | 0/10 [00:00<?, ?it/s]",
        "100%|██████████| 10/10 [00:00<00:00, 12.30it/s, loss=0.3]",
        "3it [00:01,  2.50it/s]",
        "0it [00:00, ?it/s]",
        "photos:  40%|████      | 4/10 [1:02:03<10:00, 1.23s/photo]",
        "7 photos [00:01,  2.50 photos/s]",
    ],
)
def test_progress_bars_are_recognised(bar: str) -> None:
    assert visible_text(f"before\n{bar}\nafter\n") == "before\nafter\n"


@pytest.mark.parametrize("text", ["[00:12] loss 0.3", "12 photos/s", "100%|", "a [2, 3] b\n\n  c"])
def test_other_text_is_no_progress_bar(text: str) -> None:
    assert visible_text(text) == text
