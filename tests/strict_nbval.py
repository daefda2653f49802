"""nbval made strict: what a notebook shows must come out again, figures and widgets included.

Plain nbval 0.11 runs each code cell and compares its text. It does not look at figures and
widgets, passes a notebook whose outputs were stripped, overlooks a misspelt marker and waits
for a dead kernel until the cell's time is over. This plug-in keeps nbval's options, markers and
test items and replaces two things:

* execution: nbclient runs the cells, as it does when the lessons are built. It keeps the
  history, follows `clear_output` and display updates, and notices a dead kernel in a second;
* comparison: all outputs, in order, by `differences`, the heart of this file.

A cell may have the tags of nbval, and `nbval-approx-0.05`: each number a in its output may
differ from the stored number b by 0.05 * max(1, |b|), while the text between the numbers must
be the same. Progress bars of tqdm are left out on both sides, because they show times.

Known limits: a display that a *later* cell updates fails, because cells are compared one by one;
a change of a figure that is too small to see in 96 x 72 blurred pixels passes.
"""

import base64
import difflib
import io
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import groupby, islice
from os import environ

import nbval
import numpy as np
import pytest
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager
from nbval.plugin import IPyNbCell, IPyNbFile, comment_markers, metadata_tags
from PIL import Image, ImageFilter
from traitlets import default

NBVAL_VERSION = "0.11.0"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/png", "image/jpeg")
THUMBNAIL_SIZE = (96, 72)  # pixels
BLUR = 1.5  # pixels of a thumbnail; so that a line may move a little
TILE = 12  # pixels of a thumbnail
# Measured: another font or one more row of pixels changes the worst tile by up to 0.009; one of
# forty points that moves, by 0.014; a data point of a line that moves by a tenth, by 0.030.
FIGURE_LIMIT = 0.012
# A cell with a tolerance for numbers gets it for its figures too, but no more than this.
LARGEST_FIGURE_LIMIT = 0.1
LONGEST_DIFF = 20

TOLERANCE_TAG = re.compile(r"nbval-approx-(\d+(?:\.\d+)?)")
MARKER_COMMENT = re.compile(r"#\s*(?:nbval|pytest_validate)", re.IGNORECASE)
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?(?:[eE][-+]?\d+)?")
# The end of a tqdm bar: "[00:12<00:03, 8.1it/s, loss=0.3]".
PROGRESS = re.compile(r"\[\d+:\d\d(:\d\d)?(<[\d:?]+)?, *[\d.?]+[^\],]*(/s|s/)[^\]]*\]")

# Further variables for the kernels; a conftest.py fills it.
KERNEL_ENVIRONMENT = pytest.StashKey[dict[str, str]]()


# --- outputs -------------------------------------------------------------------------------


def settled(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """A copy of outputs as a reader sees them in the end.

    Text written in several pieces is joined, overwritten lines and progress bars are gone.
    Between two other outputs, stdout stands before stderr: their true order is not known.
    """
    result = []
    shown = (deepcopy(output) for output in outputs if not is_progress_widget(output))
    for are_streams, run in groupby(shown, key=lambda output: output.output_type == "stream"):
        if not are_streams:
            result.extend(run)
            continue
        texts: defaultdict[str, str] = defaultdict(str)
        for stream in run:
            texts[stream.name] += stream.text
        for name in sorted(texts, reverse=True):
            if text := visible_text(texts[name]):
                result.append(new_output("stream", name=name, text=text))
    return result


def is_progress_widget(output: NotebookNode) -> bool:
    """Whether an output is the bar that ``tqdm.auto`` shows in a notebook."""
    data = output.get("data", {})
    return WIDGET_VIEW in data and bool(PROGRESS.search(data.get("text/plain", "")))


def visible_text(text: str) -> str:
    r"""Text without progress bars and without what a carriage return overwrote.

    Example:
        >>> visible_text("half\rwhole\n100%|###| 3/3 [00:01<00:00, 2.1it/s]\n")
        'whole\n'
    """
    lines = []
    for line in text.split("\n"):
        last = line.rstrip("\r").split("\r")[-1]
        if not PROGRESS.search(line) and ("\r" not in line or last.strip()):
            lines.append(last)
    return "\n".join(lines)


# --- comparison ----------------------------------------------------------------------------


def differences(
    stored: Sequence[NotebookNode], fresh: Sequence[NotebookNode], tolerance: float | None = None
) -> list[str]:
    """What differs between the stored outputs of a cell and those of a new run.

    ``tolerance`` is the number of the cell's tag ``nbval-approx-…``, None without one.
    """
    stored, fresh = settled(stored), settled(fresh)
    found = []
    if len(stored) != len(fresh):
        have, came = (", ".join(map(kind, outputs)) or "none" for outputs in (stored, fresh))
        found.append(f"{len(stored)} outputs are stored ({have}), {len(fresh)} came out ({came})")
    for number, (old, new) in enumerate(zip(stored, fresh, strict=False), 1):
        found += [f"output {number}: {what}" for what in output_differences(old, new, tolerance)]
    return found


def kind(output: NotebookNode) -> str:
    """What an output is, down to the formats it holds: all of it must come out again."""
    name = output.get("name") or output.get("ename") or " + ".join(sorted(output.get("data", {})))
    return f"{output.output_type} {name}"


def output_differences(
    old: NotebookNode, new: NotebookNode, tolerance: float | None
) -> Iterator[str]:
    """What differs between two outputs."""
    if kind(old) != kind(new):
        yield f"{kind(old)} is stored, {kind(new)} came out"
        return
    if old.get("metadata", {}) != new.get("metadata", {}):
        yield f"the metadata {old.metadata} are stored, {new.metadata} came out"
    for part in ("text", "evalue"):
        yield from text_differences(part, old.get(part, ""), new.get(part, ""), tolerance)
    for format_name, content in old.get("data", {}).items():
        came = new.data[format_name]
        if format_name == WIDGET_VIEW:
            continue  # that there is one was compared; its model has a random name
        if format_name in PICTURES:
            yield from figure_differences(content, came, tolerance)
        elif isinstance(content, str) and isinstance(came, str):
            yield from text_differences(format_name, content, came, tolerance)
        elif content != came:
            yield f"{format_name} differs"


def text_differences(part: str, old: str, new: str, tolerance: float | None) -> Iterator[str]:
    """What differs between two texts, whose numbers may differ by ``tolerance``.

    Example:
        >>> list(text_differences("text", "loss 0.50", "loss 0.52", 0.05))
        []
        >>> list(text_differences("text", "loss 0.50", "loss 0.62", 0.05))
        ['text: 0.50 is stored, 0.62 came out, the tolerance is 0.05']
    """
    if old == new:
        return
    if tolerance is None or between_numbers(old) != between_numbers(new):
        lines = difflib.unified_diff(
            old.splitlines(), new.splitlines(), "stored", "came out", lineterm="", n=0
        )
        yield "\n    ".join([f"{part} differs", *islice(lines, LONGEST_DIFF)])
        return
    for was, came in zip(NUMBER.findall(old), NUMBER.findall(new), strict=True):
        value, limit = as_number(was), tolerance * max(1.0, abs(as_number(was)))
        if abs(as_number(came) - value) > limit:
            yield f"{part}: {was} is stored, {came} came out, the tolerance is {limit:g}"


def between_numbers(text: str) -> list[str]:
    """The text around the numbers; spaces beside a number only align it, so they do not count."""
    return [re.sub(r"[ \t]+", " ", piece.strip(" \t")) for piece in NUMBER.split(text)]


def as_number(text: str) -> float:
    """The number that a match of ``NUMBER`` stands for; a comma parts thousands."""
    return float(text.replace(",", ""))


def figure_differences(old: str, new: str, tolerance: float | None) -> Iterator[str]:
    """What differs between two pictures in base64: their size, or their thumbnails."""
    pictures = [Image.open(io.BytesIO(base64.b64decode(content))) for content in (old, new)]
    sizes = np.array([picture.size for picture in pictures])
    if (abs(sizes[0] - sizes[1]) > 0.1 * sizes[0]).any():
        yield f"a figure of {sizes[0]} pixels is stored, one of {sizes[1]} came out"
        return
    first, second = (thumbnail(picture) for picture in pictures)
    rows, columns = THUMBNAIL_SIZE[1] // TILE, THUMBNAIL_SIZE[0] // TILE
    squares = ((first - second) ** 2).reshape(rows, TILE, columns, TILE, 3)
    distance = float(np.sqrt(squares.mean(axis=(1, 3, 4)).max()))
    limit = min(max(FIGURE_LIMIT, tolerance or 0), LARGEST_FIGURE_LIMIT)
    if distance > limit:
        yield f"the figure changed by {distance:.3f} in one place, the limit is {limit:g}"


def thumbnail(picture: Image.Image) -> np.ndarray:
    """A small blurred picture (72, 96, 3) with values from 0 to 1, white where transparent."""
    picture = picture.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    small = Image.alpha_composite(white, picture).convert("RGB")
    small = small.resize(THUMBNAIL_SIZE, Image.Resampling.BOX)
    return np.asarray(small.filter(ImageFilter.GaussianBlur(BLUR))) / 255


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
    unknown = [tag for tag in tags if tag not in metadata_tags and not TOLERANCE_TAG.fullmatch(tag)]
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
        found += differences(cell.outputs, fresh, tolerance_of(cell))
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
        self.stopped_by = ""  # the cell after which there is no kernel any more

    def collect(self) -> Iterator["StrictCell"]:
        """The code cells, numbered like their prompts: the first is ``Cell 1``."""
        for item in super().collect():
            yield StrictCell.from_parent(
                self,
                name=f"Cell {item.cell_num + 1}",
                cell_num=item.cell_num + 1,
                cell=item.cell,
                options=item.options,
            )

    def setup(self) -> None:
        """Start the kernel."""
        option = self.config.option
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
            pytest.skip(f"not run: the kernel ended in {self.parent.stopped_by}")

    def runtest(self) -> None:
        """Run the cell and compare."""
        how = "compared exactly" if tolerance_of(self.cell) is None else "compared with a tolerance"
        how = how if self.options["check"] else "ignored"
        how = "skipped" if self.options["skip"] else how
        self.user_properties.append(("notebook cell", how))
        if how == "skipped":
            pytest.skip("the cell is marked so")
        if found := problems(self.cell, self.execute(), compare=how != "ignored"):
            self.raise_cell_error("Cell differs from the notebook", "\n".join(found))

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
    return [
        StrictNotebook.from_parent(parent, path=file_path) if type(one) is IPyNbFile else one
        for one in collectors
    ]


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
