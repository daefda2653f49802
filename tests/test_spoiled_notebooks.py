"""Tests of the tests: a good notebook is spoiled in many ways, and each must be noticed.

Three guards look at a notebook: `nbval` (the strict comparison with a new run), `lint` (the
stored file alone) and `check` (the notebook against its source). Each spoiling names the guard
that must notice it and a part of what it must say. At the end stand the changes that pass,
each with the reason why that is right.
"""

import base64
import io
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import lint
import numpy as np
import pytest
from compare_outputs import WIDGET_VIEW
from nbformat import NotebookNode
from nbformat.v4 import nbjson, new_code_cell, new_output
from notebook_samples import SampleCourse
from PIL import Image, ImageDraw

# Numbers of the sample's code cells, as their prompts show them.
TEXT, TABLE, NUMBERS, DRAWING, FIGURE, ERROR, BAR, WIDGET, IGNORED, CLEARED, UPDATED = range(1, 12)


# --- small tools to spoil with --------------------------------------------------------------


def cell_of(notebook: NotebookNode, number: int) -> NotebookNode:
    """The code cell with this prompt number."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"][number - 1]


def output_of(notebook: NotebookNode, number: int) -> NotebookNode:
    """The first output of a code cell."""
    return cell_of(notebook, number).outputs[0]


def replace(number: int, old: str, new: str, part: str = "text") -> Callable[[NotebookNode], None]:
    """Change one part of a cell's first output; the old words must be there."""

    def spoil(notebook: NotebookNode) -> None:
        output = output_of(notebook, number)
        holder = output if part in output else output.data
        assert old in holder[part]
        holder[part] = holder[part].replace(old, new)

    return spoil


def tag(number: int, *tags: str, **metadata: object) -> Callable[[NotebookNode], None]:
    """Give a cell other tags."""

    def spoil(notebook: NotebookNode) -> None:
        cell_of(notebook, number).metadata = NotebookNode(tags=list(tags), **metadata)

    return spoil


def any_figure_with_other_words(notebook: NotebookNode) -> None:
    """A figure whose points are not compared, and which is about something else now."""
    tag(FIGURE, "nbval-any-figure", reason="a network decides")(notebook)
    replace(FIGURE, "5 points", "6 points", "text/plain")(notebook)


def in_source(number: int, old: str, new: str) -> Callable[[NotebookNode], None]:
    """Change the code of a cell but not its output."""

    def spoil(notebook: NotebookNode) -> None:
        cell = cell_of(notebook, number)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return spoil


def drop_outputs(*numbers: int, counts: bool = False) -> Callable[[NotebookNode], None]:
    """Delete the outputs of cells, and their counts too if wanted; no number means all."""

    def spoil(notebook: NotebookNode) -> None:
        for number in numbers or range(1, UPDATED + 1):
            cell_of(notebook, number).outputs = []
            if counts:
                cell_of(notebook, number).execution_count = None

    return spoil


def drop_format(number: int, name: str) -> Callable[[NotebookNode], None]:
    """Delete one format of an output, such as its HTML."""

    def spoil(notebook: NotebookNode) -> None:
        del output_of(notebook, number).data[name]

    return spoil


def redraw(change: Callable[[Image.Image], Image.Image]) -> Callable[[NotebookNode], None]:
    """Change the stored figure."""

    def spoil(notebook: NotebookNode) -> None:
        data = output_of(notebook, FIGURE).data
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
        file = io.BytesIO()
        change(picture).save(file, "png")
        data["image/png"] = base64.b64encode(file.getvalue()).decode()

    return spoil


def move_the_highest_point(picture: Image.Image) -> Image.Image:
    """Erase the top of the plot and put the line's last point somewhere else."""
    pen = ImageDraw.Draw(picture)
    width, height = picture.size
    pen.rectangle((0.78 * width, 0.1 * height, 0.88 * width, 0.45 * height), fill="white")
    pen.line((0.73 * width, 0.85 * height, 0.88 * width, 0.7 * height), fill="#1f77b4", width=3)
    return picture


def add_an_output(notebook: NotebookNode) -> None:
    """Store an output that the cell does not give."""
    cell_of(notebook, BAR).outputs.insert(0, deepcopy(output_of(notebook, TABLE)))


def store_as_display(notebook: NotebookNode) -> None:
    """Store a cell's result as something that the code displayed."""
    output = output_of(notebook, TABLE)
    output.output_type = "display_data"
    del output["execution_count"]


def store_an_error(notebook: NotebookNode) -> None:
    """Let a cell that is not meant to fail end with an error."""
    cell_of(notebook, TEXT).outputs = [
        new_output("error", ename="NameError", evalue="name 'photo' is not defined", traceback=[])
    ]


def shuffle_counts(notebook: NotebookNode) -> None:
    """Run two cells in another order than they stand."""
    first, second = cell_of(notebook, TEXT), cell_of(notebook, NUMBERS)
    first.execution_count, second.execution_count = second.execution_count, first.execution_count


def double_an_id(notebook: NotebookNode) -> None:
    """Give two cells one id."""
    notebook.cells[1].id = notebook.cells[2].id


def lengthen(notebook: NotebookNode) -> None:
    """Make a cell longer than a beginner reads at once."""
    cell_of(notebook, TEXT).source += "\nprint()" * lint.LONGEST_CELL


def ignore_two(notebook: NotebookNode) -> None:
    """Leave two of eleven cells uncompared, each with a reason."""
    for number in (TEXT, IGNORED):
        tag(number, "nbval-ignore-output", reason="it differs")(notebook)


def tags_as_text(notebook: NotebookNode) -> None:
    """Write a tag where a list of tags belongs."""
    cell_of(notebook, TEXT).metadata["tags"] = "raises-exception"


def add_cell(notebook: NotebookNode) -> None:
    """Add a cell by hand, well executed, that no source knows."""
    cell = new_code_cell("photos = 5", execution_count=UPDATED + 1)
    notebook.cells.append(cell)


def set_in(part: str, **values: object) -> Callable[[NotebookNode], None]:
    """Set metadata of the notebook, or of one part of them."""

    def spoil(notebook: NotebookNode) -> None:
        (notebook.metadata[part] if part else notebook.metadata).update(values)

    return spoil


def twice(number: int) -> Callable[[NotebookNode], None]:
    """Store an output two times."""

    def spoil(notebook: NotebookNode) -> None:
        cell_of(notebook, number).outputs *= 2

    return spoil


# --- what must be noticed ---------------------------------------------------------------------


@dataclass
class Spoiling:
    """A way to spoil a notebook, the guard that must notice, and words of what it says."""

    name: str
    guard: str
    says: str
    spoil: Callable[[NotebookNode], None]


SPOILINGS = [
    # text and tables
    Spoiling("a word", "nbval", "text differs", replace(TEXT, "photos", "pictures")),
    Spoiling("a last line missing", "nbval", "text differs", replace(TEXT, "two lots\n", "")),
    Spoiling("a capital letter", "nbval", "text differs", replace(TEXT, "five", "Five")),
    Spoiling(
        "a number without tolerance",
        "nbval",
        "text/html differs",
        replace(TABLE, "<td>12</td>", "<td>13</td>", "text/html"),
    ),
    Spoiling("the HTML missing", "nbval", "is stored", drop_format(TABLE, "text/html")),
    Spoiling("on the other stream", "nbval", "stderr", replace(TEXT, "stdout", "stderr", "name")),
    Spoiling("a result as a display", "nbval", "display_data", store_as_display),
    Spoiling("an output too many", "nbval", "2 outputs are stored", add_an_output),
    Spoiling("what was cleared", "nbval", "text differs", replace(CLEARED, "counted", "counting")),
    Spoiling("an update missed", "nbval", "text/plain differs", replace(UPDATED, "ready", "waiting", "text/plain")),
    # deleted outputs
    Spoiling("one output deleted", "nbval", "0 outputs are stored", drop_outputs(TEXT)),
    Spoiling("all outputs deleted", "nbval", "0 outputs are stored", drop_outputs()),
    Spoiling("stripped", "nbval", "never executed", drop_outputs(counts=True)),
    Spoiling("stripped, seen at rest", "lint", "counts are", drop_outputs(counts=True)),
    Spoiling("one cell never executed", "nbval", "never executed", drop_outputs(IGNORED, counts=True)),
    # figures
    Spoiling(
        "another figure", "nbval", "the figure changed", redraw(lambda picture: Image.effect_noise(picture.size, 60))
    ),
    Spoiling("a point moved", "nbval", "the figure changed", redraw(move_the_highest_point)),
    Spoiling(
        "an empty figure",
        "nbval",
        "the figure changed",
        redraw(lambda picture: Image.new("RGB", picture.size, "white")),
    ),
    Spoiling("a small figure", "nbval", "pixels", redraw(lambda picture: picture.resize((320, 240)))),
    Spoiling("a figure deleted", "nbval", "0 outputs are stored", drop_outputs(FIGURE)),
    Spoiling("a figure twice", "nbval", "2 outputs are stored", twice(FIGURE)),
    Spoiling("words for a picture", "nbval", "is stored", drop_format(FIGURE, "image/png")),
    Spoiling(
        "other alternative text", "nbval", "text/plain differs", replace(FIGURE, "5 points", "6 points", "text/plain")
    ),
    Spoiling(
        "no alternative text",
        "lint",
        "no alternative text",
        replace(FIGURE, "Figure: a line", "<Figure size 640x480>", "text/plain"),
    ),
    # widgets
    Spoiling("a widget's view missing", "nbval", "is stored", drop_format(WIDGET, WIDGET_VIEW)),
    Spoiling("a widget deleted", "nbval", "0 outputs are stored", drop_outputs(WIDGET)),
    Spoiling("a widget's fallback gone", "lint", "no text/html", drop_format(WIDGET, "text/html")),
    # errors
    Spoiling("the error gone", "nbval", "0 outputs are stored", drop_outputs(ERROR)),
    Spoiling("the error gone, at rest", "lint", "raises none", drop_outputs(ERROR)),
    Spoiling("another message", "nbval", "evalue differs", replace(ERROR, "value", "thing", "evalue")),
    Spoiling("another error", "nbval", "error KeyError", replace(ERROR, "JSONDecode", "Key", "ename")),
    Spoiling("an unexpected error", "nbval", "error NameError is stored", store_an_error),
    Spoiling("an unexpected error, at rest", "lint", "ends with NameError", store_an_error),
    Spoiling("the tag of an error gone", "lint", "ends with JSONDecodeError", tag(ERROR)),
    # numbers with a tolerance
    Spoiling("a number too high", "nbval", "tolerance is 0.05", replace(NUMBERS, "0.861", "0.921")),
    Spoiling("a number too low", "nbval", "tolerance is 0.05", replace(NUMBERS, "0.412", "0.341")),
    Spoiling("a large number", "nbval", "1,703 is stored", replace(NUMBERS, "1,803", "1,703")),
    Spoiling("words beside numbers", "nbval", "differs", replace(NUMBERS, "loss", "error")),
    Spoiling("a number missing", "nbval", "differs", replace(NUMBERS, ", loss 0.412", "")),
    Spoiling("not a number", "nbval", "differs", replace(NUMBERS, "0.412", "nan")),
    Spoiling("the tolerance gone", "check", "not what its source says", tag(NUMBERS)),
    Spoiling("a wider tolerance", "check", "not what its source", tag(NUMBERS, "nbval-approx-0.5")),
    Spoiling("a huge tolerance", "lint", "the tolerance 50", tag(NUMBERS, "nbval-approx-50")),
    # a figure that a network decides
    Spoiling("no reason for any figure", "lint", "nbval-any-figure has no reason", tag(FIGURE, "nbval-any-figure")),
    Spoiling("any figure without a figure", "lint", "has no figure", tag(TEXT, "nbval-any-figure", reason="none")),
    Spoiling("words of any figure", "nbval", "differs", any_figure_with_other_words),
    # markers
    Spoiling("a misspelt tag", "nbval", "is not a marker", tag(IGNORED, "nbval-ingore-output", reason="")),
    Spoiling("a misspelt tolerance", "lint", "is not a marker", tag(NUMBERS, "nbval-aprox-0.05")),
    Spoiling("a tag that is no list", "nbval", "is not a marker", tags_as_text),
    Spoiling(
        "a misspelt comment", "nbval", "is not a marker", in_source(TEXT, "print", "# NBVAL_IGNORE_OUTPUTS\nprint")
    ),
    Spoiling(
        "a comment that ignores",
        "lint",
        "a comment steers nbval",
        in_source(TEXT, "print", "# NBVAL_IGNORE_OUTPUT\nprint"),
    ),
    Spoiling("a hidden tag", "check", "not what its source", tag(TEXT, "nbval-ignore-output")),
    Spoiling("a reason missing", "lint", "has no reason", tag(IGNORED, "nbval-ignore-output")),
    Spoiling("too many ignored", "lint", "2 of 11 code cells", ignore_two),
    Spoiling("a cell skipped", "lint", "has no reason", tag(TEXT, "nbval-skip")),
    # the file
    Spoiling("shuffled counts", "lint", "counts are", shuffle_counts),
    Spoiling("one id twice", "lint", "not unique", double_an_id),
    Spoiling("another kernel", "lint", "not python3", set_in("kernelspec", name="conda-env")),
    Spoiling("Python's version", "lint", "version", set_in("language_info", version="3.11.7")),
    Spoiling("stored widget state", "lint", "widgets", set_in("", widgets={"state": {}})),
    Spoiling("times in a cell", "lint", "execution", tag(TEXT, execution={"iopub.status.busy": "2026"})),
    Spoiling("a long cell", "lint", "the limit is 15", lengthen),
    Spoiling("an absolute path", "lint", "/home/ann", replace(TEXT, "five", "/home/ann/photos: five")),
    Spoiling("a path on Windows", "lint", "C:", replace(TEXT, "five", r"C:\Users\Ann: five")),
    Spoiling("a path in the code", "lint", "/tmp/x", in_source(TEXT, "five", "/tmp/x five")),
    Spoiling("a memory address", "lint", "0x7f3a", replace(TEXT, "five", "<Photo 0x7f3a5c2b10>")),
    Spoiling("a huge output", "lint", "characters", replace(TEXT, "five", "five " * 150_000)),
    Spoiling(
        "a picture without words",
        "lint",
        "no alternative text",
        replace(TABLE, "<table", '<img src="a.png"><table', "text/html"),
    ),
    # source and notebook
    Spoiling("stale output", "check", "cell 2", in_source(TEXT, "two lots", "three lots")),
    Spoiling("a cell more", "check", "cell 14", add_cell),
    Spoiling("a cell less", "check", "not what", lambda notebook: notebook.cells.pop(1)),
    Spoiling("cells moved", "check", "cell 1 ", lambda notebook: notebook.cells.reverse()),
    Spoiling("a text edited", "check", "cell 1 ", lambda notebook: notebook.cells[0].update(source="# Lesson 2")),
    Spoiling("metadata edited", "check", "metadata", set_in("", title="another")),
]

# --- what may differ --------------------------------------------------------------------------


def bar_kept(notebook: NotebookNode) -> None:
    """Store progress bars, as JupyterLab does: one as a widget, one as text."""
    end = "100%|##########| 3/3 [00:00<00:00, 48.37it/s]"
    data = {WIDGET_VIEW: {"model_id": "1", "version_major": 2}, "text/plain": end}
    written = new_output("stream", name="stderr", text=f"  0%|  | 0/3 [00:00<?, ?it/s]\r{end}\n")
    cell_of(notebook, BAR).outputs[:0] = [new_output("display_data", data), written]


def other_model_id(notebook: NotebookNode) -> None:
    """Give a widget's model another name."""
    output_of(notebook, WIDGET).data[WIDGET_VIEW]["model_id"] = "f" * 32


def text_in_pieces(notebook: NotebookNode) -> None:
    """Cut text in two, as it comes when a cell prints slowly."""
    output = output_of(notebook, TEXT)
    pieces = output.text[:8], output.text[8:]
    cell_of(notebook, TEXT).outputs = [new_output("stream", text=piece) for piece in pieces]


def other_traceback(notebook: NotebookNode) -> None:
    """Let the error come by another way."""
    output_of(notebook, ERROR).traceback = ["line 318 of another version"]


def other_order_of_formats(notebook: NotebookNode) -> None:
    """Store the formats of a table the other way round."""
    output = output_of(notebook, TABLE)
    output.data = NotebookNode(reversed(output.data.items()))


def with_noise(picture: Image.Image) -> Image.Image:
    """Change each value of a figure by up to two of 255, as another rounding does."""
    values = np.asarray(picture).astype(int)
    noise = np.random.default_rng(0).integers(-2, 3, values.shape)
    return Image.fromarray(np.clip(values + noise, 0, 255).astype("uint8"))


def one_pixel_taller(picture: Image.Image) -> Image.Image:
    """Let a figure be cut one pixel more loosely, as with another font."""
    taller = Image.new("RGB", (picture.width, picture.height + 1), "white")
    taller.paste(picture)
    return taller


HARMLESS = {
    "progress bars: their times differ in each run": bar_kept,
    "a widget's model id: it is random in each run": other_model_id,
    "text in pieces: the reader sees it joined": text_in_pieces,
    "the way of an error: frames differ between versions; name and message count": other_traceback,
    "the order of formats: a viewer chooses one by its name": other_order_of_formats,
    "a figure saved again: the same pixels": redraw(lambda picture: picture),
    "a figure with noise that nobody sees": redraw(with_noise),
    "a figure one pixel taller: another font does that": redraw(one_pixel_taller),
    "a number inside its tolerance": replace(NUMBERS, "0.861", "0.84"),
    "a large number inside its tolerance, which is relative": replace(NUMBERS, "1,803", "1,795"),
    "spaces beside a number with a tolerance: they only align it": replace(NUMBERS, "loss 0.412", "loss  0.4125"),
    "the output of an ignored cell": replace(IGNORED, ".", ".0"),
}


# --- the tests --------------------------------------------------------------------------------


def notice(guard: str, notebook: NotebookNode, course: SampleCourse, folder: Path) -> list[str]:
    """What a guard says to a notebook."""
    if guard == "nbval":
        return course.nbval_problems(notebook)
    stored = course.folder / "lessons" / "01_sample.ipynb"
    path = folder / stored.name if guard == "lint" else stored
    before = stored.read_bytes()
    try:
        path.write_text(nbjson.writes(notebook), "utf-8")  # as it is, without mending anything
        return lint.findings(path) if guard == "lint" else list(course.build.differences())
    finally:
        stored.write_bytes(before)


@pytest.mark.parametrize("guard", ["nbval", "lint", "check"])
def test_the_good_notebook_passes(
    guard: str, notebook: NotebookNode, sample_course: SampleCourse, tmp_path: Path
) -> None:
    assert notice(guard, notebook, sample_course, tmp_path) == []


@pytest.mark.parametrize("spoiling", SPOILINGS, ids=lambda spoiling: spoiling.name)
def test_a_spoiled_notebook_is_noticed(
    spoiling: Spoiling, notebook: NotebookNode, sample_course: SampleCourse, tmp_path: Path
) -> None:
    spoiling.spoil(notebook)
    found = notice(spoiling.guard, notebook, sample_course, tmp_path)
    assert spoiling.says in "\n".join(found)


@pytest.mark.parametrize("reason", HARMLESS)
def test_a_harmless_change_passes(reason: str, notebook: NotebookNode, sample_course: SampleCourse) -> None:
    before = deepcopy(notebook)
    HARMLESS[reason](notebook)
    assert json.dumps(notebook) != json.dumps(before)
    assert sample_course.nbval_problems(notebook) == []
