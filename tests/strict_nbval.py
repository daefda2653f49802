"""nbval made strict: what a notebook shows must come out again, figures and widgets included.

Plain nbval 0.11 runs each code cell and compares its text. It does not look at figures and
widgets, passes a notebook whose outputs were stripped, overlooks a misspelt marker and waits
for a dead kernel until the cell's time is over. This plug-in keeps nbval's options, markers and
test items and replaces two things:

* execution: nbclient runs the cells, as it does when the lessons are built. It keeps the
  history, follows `clear_output` and display updates, and notices a dead kernel in a second;
* comparison: all outputs, in order, figures too, as `compare_outputs.py` says.

After a cell that ends in `quiz.check` its task is rehearsed in the same kernel: the stub, the solution and
each typical wrong answer must have their outcomes among the names that the lesson has there.

A cell may have the tags of nbval, and `nbval-approx-0.05`: each number a in its output may
differ from the stored number b by 0.05 * max(1, |b|), while the text between the numbers must
be the same. Such a number loosens the comparison of the cell's figures as well. A cell whose figure shows what a
network trained a moment ago has chosen has `nbval-any-figure`: the figure must be there, in its size, with its words.

Known limits: a display that a *later* cell updates fails, because cells are compared one by one;
what moves by four pixels or less in a figure passes.
"""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import islice
from os import environ

import nbval
import pytest
from compare_outputs import differences
from jupyter_client import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError, comment_markers, metadata_tags
from traitlets import default

NBVAL_VERSION = "0.11.0"
# For a figure that a network trained a moment ago decides: which photos it shows, where a heat map is bright.
ANY_FIGURE = "nbval-any-figure"
TOLERANCE_TAG = re.compile(r"nbval-approx-(\d+(?:\.\d+)?)")
TASK = re.compile(r"""^quiz\.check\(["']([\w-]+)["']""", re.MULTILINE)
REHEARSE = "__import__('course_lib.quiz.tasks.rehearsal', fromlist=['rehearse']).rehearse({!r})"
MARKER_COMMENT = re.compile(r"#\s*(?:nbval|pytest_validate)", re.IGNORECASE)
# Further variables for the kernels; a conftest.py fills it.
KERNEL_ENVIRONMENT = pytest.StashKey[dict[str, str]]()


# --- markers -------------------------------------------------------------------------------


def tags_of(cell: NotebookNode) -> list[str]:
    """A cell's tags; none when they are not a list, which ``unknown_markers`` reports."""
    tags = cell.metadata.get("tags")
    return tags if isinstance(tags, list) else []


def tolerance_of(cell: NotebookNode) -> float | None:
    """The number of a cell's tag ``nbval-approx-…``; None without the tag."""
    matches = map(TOLERANCE_TAG.fullmatch, tags_of(cell))
    return next((float(match[1]) for match in matches if match), None)


def unknown_markers(cell: NotebookNode) -> list[str]:
    """Tags and comments that look like a marker but have no effect, so that a reader is misled."""
    tags = cell.metadata.get("tags", [])
    if not isinstance(tags, list):
        return [repr(tags)]
    known = {*metadata_tags, ANY_FIGURE, "picture"}  # "picture": the build shows its figure at the top
    unknown = [tag for tag in tags if tag not in known and not TOLERANCE_TAG.fullmatch(tag)]
    for line in cell.source.splitlines():
        if MARKER_COMMENT.search(line) and line.strip(" \t#") not in comment_markers:
            unknown.append(line.strip())
    return unknown


def problems(cell: NotebookNode, fresh: Sequence[NotebookNode], compare: bool = True) -> list[str]:
    """Why a stored cell does not pass, given the outputs of a new run; empty when it does."""
    found = [f"{marker!r} is not a marker" for marker in unknown_markers(cell)]
    if cell.execution_count is None and cell.source.strip():
        found.append("the cell was never executed: its outputs are not stored")
    elif compare:
        found += differences(cell.outputs, fresh, tolerance_of(cell), ANY_FIGURE in tags_of(cell))
    return found


# --- pytest --------------------------------------------------------------------------------


class CurrentEnvironmentKernel(AsyncKernelManager):
    """Starts kernels with the Python that runs pytest (nbval's ``--nbval-current-env``)."""

    @default("kernel_spec_manager")
    def _kernel_spec_manager_default(self) -> NbvalKernelspecManager:
        return NbvalKernelspecManager(parent=self)


class StrictNotebook(IPyNbFile):
    """A notebook; its cells run in one kernel, in its own folder."""

    def __init__(self, *args, **keywords) -> None:
        super().__init__(*args, **keywords)
        self.stopped_by = ""  # the cell after which nothing more is run

    def collect(self) -> Iterator["StrictCell"]:
        """The code cells, numbered like their prompts: the first is ``Cell 1``."""
        for item in super().collect():
            yield StrictCell.from_parent(
                self, name=f"Cell {item.cell_num + 1}", cell_num=item.cell_num + 1, cell=item.cell, options=item.options
            )

    def setup(self) -> None:
        """Start the kernel."""
        option = self.config.option
        self.setup_sanitize_files()
        kernel_name = option.nbval_kernel_name
        if option.nbval_current_env:
            kernel_name = CURRENT_ENV_KERNEL_NAME
        self.client = NotebookClient(
            deepcopy(self.nb),
            kernel_manager_class=CurrentEnvironmentKernel,
            kernel_name=kernel_name or "",
            resources={"metadata": {"path": str(self.path.parent)}},
            timeout=option.nbval_cell_timeout,
            startup_timeout=option.nbval_kernel_startup_timeout,
            skip_cells_with_tag="",
        )
        extra = self.config.stash.get(KERNEL_ENVIRONMENT, {})
        self.running = self.client.setup_kernel(env=environ | extra, stderr=subprocess.DEVNULL)
        self.running.__enter__()

    def teardown(self) -> None:
        """Stop the kernel."""
        if hasattr(self, "running"):
            self.running.__exit__(None, None, None)


class StrictCell(IPyNbCell):
    """A code cell; passes when it gives what is stored in the notebook."""

    def setup(self) -> None:
        """Leave out a cell whose kernel is gone."""
        if self.parent.stopped_by:
            pytest.skip(f"not run: the notebook ended in {self.parent.stopped_by}")

    def runtest(self) -> None:
        """Run the cell and compare; with ``--nbval-stop`` a failure ends the notebook."""
        try:
            self.run_and_compare()
        except NbCellError:
            if self.config.option.nbval_stop:
                self.parent.stopped_by = self.name
            raise

    def run_and_compare(self) -> None:
        """Run the cell and compare its outputs with the stored ones."""
        how = "compared exactly" if tolerance_of(self.cell) is None else "compared with a tolerance"
        how = how if self.options["check"] else "ignored"
        how = "skipped" if self.options["skip"] else how
        self.user_properties.append(("notebook cell", how))
        if how == "skipped":
            pytest.skip("the cell is marked so")
        stored, fresh = deepcopy(self.cell), self.execute()
        if self.parent.sanitize_patterns:  # of nbval's --nbval-sanitize-with
            stored.outputs, fresh = self.sanitize_outputs(stored.outputs), self.sanitize_outputs(fresh)
        if found := problems(stored, fresh, compare=how != "ignored"):
            self.raise_cell_error("Cell differs from the notebook", "\n".join(found))
        for identifier in TASK.findall(self.cell.source):
            self.rehearse(identifier)

    def rehearse(self, identifier: str) -> None:
        """Try the answers to a task in the kernel; no name, no count and no history changes."""
        execute = run_sync(self.parent.client.kc.execute_interactive)
        code, hide = REHEARSE.format(identifier), {"silent": True, "store_history": False, "allow_stdin": False}
        reply = execute(code, **hide, timeout=self.parent.client.timeout, output_hook=lambda message: None)["content"]
        if reply["status"] != "ok":
            self.raise_cell_error(f"The task {identifier} fails in its lesson", reply.get("evalue", reply["status"]))

    def execute(self) -> list[NotebookNode]:
        """The outputs of a new run."""
        cells = self.parent.client.nb.cells
        code_positions = (place for place, cell in enumerate(cells) if cell.cell_type == "code")
        position = next(islice(code_positions, self.cell_num - 1, None))
        self.parent.client.allow_errors = self.options["check_exception"]
        try:
            return self.parent.client.execute_cell(cells[position], position).outputs
        except CellExecutionError as error:
            self.raise_cell_error("Cell execution caused an exception", error.traceback)
        except (CellTimeoutError, DeadKernelError) as error:
            self.parent.stopped_by = self.name
            self.raise_cell_error(str(error).strip())


def pytest_addoption(parser: pytest.Parser) -> None:
    """An option of its own beside nbval's."""
    group = parser.getgroup("nbval")
    group.addoption("--nbval-stop", action="store_true", help="leave a notebook at its first cell that fails")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to work with an nbval that this file was not written for."""
    if nbval.__version__ != NBVAL_VERSION:
        raise pytest.UsageError(
            f"strict_nbval.py extends nbval {NBVAL_VERSION}, but {nbval.__version__} is "
            f"installed; run `pip install nbval=={NBVAL_VERSION}` or adapt the plug-in."
        )


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Put the strict notebook in the place of nbval's."""
    collectors = yield
    if not parent.config.option.nbval:
        return collectors
    return [StrictNotebook.from_parent(parent, path=file_path) if type(one) is IPyNbFile else one for one in collectors]


def pytest_terminal_summary(terminalreporter) -> None:
    """Say how many cells were compared, and how."""
    counts = Counter(
        how
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, how in report.user_properties
        if name == "notebook cell"
    )
    if counts:
        terminalreporter.section("notebook cells")
        kinds = ("compared exactly", "compared with a tolerance", "ignored", "skipped")
        terminalreporter.line(", ".join(f"{counts[how]} {how}" for how in kinds))
