"""Look at the notebooks as they are stored: is each one whole, tidy and fit to be published?

    python tools/lint.py                      all lessons, those beside the ten, and the instructor's notebook
    python tools/lint.py NOTEBOOK …           these notebooks

Each finding names the lesson, the cell and the cure. Nothing is executed and nothing is
changed. That outputs are *right* is the business of `pytest --nbval`; that a notebook comes
from its source, of `python tools/build.py --check`.
"""

import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

TOOLS = Path(__file__).resolve().parent
LESSONS, QUIZZES = TOOLS.parent / "lessons", TOOLS.parent / "quizzes"
sys.path[:0] = [str(folder) for folder in (TOOLS, TOOLS.parent, TOOLS.parent / "tests")]

from build import FOLDED, PICTURE, SET_UP_REASON, SOURCE_HIDDEN
from compare_outputs import WIDGET_VIEW
from strict_nbval import ANY_FIGURE, MARKER_COMMENT, tags_of, tolerance_of, unknown_markers

from course_lib.quiz.tasks.guesses import NEUTRAL

LONGEST_CELL = 15  # lines
LARGEST_OUTPUT = 600_000  # characters as stored; a figure of 100 kB has 133,000
LARGEST_NOTEBOOK = 3_000_000  # bytes
LARGEST_TOLERANCE = 0.3
CELLS_FOR_ONE_IGNORED = 10
LEFT_OUT = ("nbval-ignore-output", "nbval-skip")
MEANT_TO_FAIL = ("raises-exception", "nbval-raises-exception")
NOTEBOOK_METADATA = {"kernelspec", "language_info"}
CELL_METADATA = {"tags", "reason"}
EXERCISE = re.compile(r"""^.*\bquiz\.(check|guess|compare)\(["']([\w-]+)["']""", re.MULTILINE)

# A path that starts at the root of a disk, and is no part of an address on the web.
ABSOLUTE_PATH = re.compile(
    r"(?<![\w.:/~<])(/(home|root|Users|tmp|usr|var|opt|mnt|media|srv|work|private|content)/[^\s'\"]*"
    r"|[A-Za-z]:\\\\?[A-Za-z][^\s'\"]*)|~/\.[^\s'\"]*"
)
MEMORY_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b", re.IGNORECASE)
RANDOM_TABLE_ID = re.compile(r"\bT_[0-9a-f]{5}\b")
COLOUR_CODE = re.compile(r"\x1b\[[\d;]*m")
PICTURE_WITHOUT_WORDS = re.compile(r"<img\b(?![^>]*\balt=[\"'][^\"'])|!\[\s*\]\(")


def findings(path: Path) -> list[str]:
    """What is wrong with a stored notebook, one line for each thing."""
    # Not nbformat.read, which mends double ids before anyone sees them.
    notebook = nbformat.v4.reads(path.read_text("utf-8"))
    found = [f"{path.name}: {finding}" for finding in notebook_findings(notebook)]
    if path.stat().st_size > LARGEST_NOTEBOOK:
        found.append(
            f"{path.name}: the file is larger than {LARGEST_NOTEBOOK:,} bytes: make figures "
            "smaller or show fewer photos"
        )
    for name, cell in named_cells(notebook):
        check = code_findings if cell.cell_type == "code" else text_findings
        found += [f"{path.name}, {name}: {finding}" for finding in check(cell)]
    return found


def named_cells(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """Each cell with the name that a finding gives it: code cells are counted like prompts."""
    code_cells = 0
    for position, cell in enumerate(notebook.cells, 1):
        code_cells += cell.cell_type == "code"
        kind = f"code cell {code_cells}" if cell.cell_type == "code" else f"text cell at {position}"
        first_line = next((line for line in cell.source.splitlines() if line.strip()), "")
        yield f"{kind} ({first_line[:40]})", cell


def notebook_findings(notebook: NotebookNode) -> Iterator[str]:
    """What is wrong with the notebook as a whole."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        yield f"the cells' counts are {counts}, not 1 to {len(cells)}: build the lesson again"
    identities = [cell.get("id") for cell in notebook.cells]
    if None in identities or len(set(identities)) < len(identities):
        yield "the cells' ids are missing or not unique: build the lesson again"
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3: build the lesson again"
    if "version" in notebook.metadata.get("language_info", {}):
        yield "the version of Python is stored: build the lesson again"
    if extra := sorted(set(notebook.metadata) - NOTEBOOK_METADATA):
        yield f"the metadata hold {extra} (widget state and the like): build the lesson again"
    try:
        with warnings.catch_warnings(action="ignore"):  # double ids were reported above
            nbformat.validate(deepcopy(notebook))
    except nbformat.ValidationError as error:
        yield f"it is not a valid notebook ({error.message}): build the lesson again"
    yield from exercise_findings(notebook)
    # The set-up cell is in every notebook, so it does not count.
    left_out = [
        cell for cell in cells if set(LEFT_OUT) & set(tags_of(cell)) and cell.metadata.get("reason") != SET_UP_REASON
    ]
    if len(left_out) * CELLS_FOR_ONE_IGNORED > len(cells):
        yield (
            f"{len(left_out)} of {len(cells)} code cells are not compared, at most one in "
            f"{CELLS_FOR_ONE_IGNORED} may be: give a tolerance (nbval-approx-0.05) instead"
        )


def exercise_findings(notebook: NotebookNode) -> Iterator[str]:
    """What is wrong with tasks and guesses: each task has a text and ends in its check, each guess its result."""
    asked: set[str] = set()
    for position, cell in enumerate(notebook.cells):
        for call, identifier in EXERCISE.findall(cell.source if cell.cell_type == "code" else ""):
            above = notebook.cells[position - 1] if position else cell
            if call == "check" and not (above.cell_type == "markdown" and "**Task" in above.source):
                yield f"the task {identifier} has no text cell right above it: write one with **Task 1: …**"
            if call == "check" and not cell.source.splitlines()[-1].startswith("quiz.check("):
                yield f"the cell of the task {identifier} does not end in quiz.check: move it to the end"
            if call == "guess":
                asked.add(identifier)
            if call == "compare" and identifier not in asked:
                yield f"nobody was asked for the guess {identifier}: call quiz.guess in a cell above"
            if call == "compare":
                asked.discard(identifier)
                if re.search(rf"""compare\(["']{identifier}["'], *["'\d]""", cell.source):
                    yield f"the code tells what comes of the guess {identifier}: compute it, or give the Guess an answer"
        first = cell.outputs[0].get("text", "") if cell.get("outputs") else ""
        if is_folded(cell) and not first.startswith(NEUTRAL.en):
            yield (
                f"a folded cell ({cell.source[:40]!r}) shows something before the neutral line: call quiz.compare "
                "before anything else is shown"
            )
    for identifier in sorted(asked):
        yield f"the guess {identifier} is never compared with a result: call quiz.compare in a cell below"


def is_folded(cell: NotebookNode) -> bool:
    """Whether a cell's output is shown only once it is run."""
    return all(cell.metadata.get(key) == value for key, value in FOLDED.items())


def text_findings(cell: NotebookNode) -> Iterator[str]:
    """What is wrong with a cell of text."""
    if not cell.source.strip():
        yield "the cell is empty: delete it"
    if "{{" in cell.source:
        yield "a placeholder was not filled: build the lesson again"
    if extra := sorted(cell.metadata):
        yield f"the metadata hold {extra}: delete them from the source"
    if PICTURE_WITHOUT_WORDS.search(cell.source):
        yield "a picture has no alternative text: say what it shows, ![like this](…)"
    if set(cell.get("attachments", {})) - {PICTURE}:
        yield "a picture is stored inside the cell: link to a file, or write {{picture}} into the source"
    yield from path_findings(cell.source)


def code_findings(cell: NotebookNode) -> Iterator[str]:
    """What is wrong with a cell of code."""
    if not cell.source.strip():
        yield "the cell is empty: delete it"
    lines = len(cell.source.splitlines())
    if lines > LONGEST_CELL:
        yield f"the cell has {lines} lines, the limit is {LONGEST_CELL}: split it"
    whole = [look for look in (FOLDED, SOURCE_HIDDEN) if all(cell.metadata.get(key) == look[key] for key in look)]
    allowed = CELL_METADATA.union(*whole)
    if extra := sorted(set(cell.metadata) - allowed):
        yield f"the metadata hold {extra} (times and the like): build the lesson again"
    yield from path_findings(cell.source)
    yield from marker_findings(cell)
    errors = [output.ename for output in cell.outputs if output.output_type == "error"]
    meant_to_fail = bool(set(MEANT_TO_FAIL) & set(tags_of(cell)))
    if errors and not meant_to_fail:
        yield f"it ends with {errors[0]}: mend it, or tag it raises-exception if it is meant to"
    if meant_to_fail and not errors:
        yield "it is tagged raises-exception but raises none: remove the tag or make it fail"
    for output in cell.outputs:
        yield from output_findings(output)
        if output.get("execution_count", cell.execution_count) != cell.execution_count:
            yield "an output's count is not the cell's: build the lesson again"


def marker_findings(cell: NotebookNode) -> Iterator[str]:
    """What is wrong with the tags that steer the comparison."""
    for marker in unknown_markers(cell):
        yield f"{marker!r} is not a marker: correct it or remove it"
    if any(MARKER_COMMENT.search(line) for line in cell.source.splitlines()):
        yield "a comment steers nbval: use a tag in the source, so that the learner sees no comment"
    left_out = sorted(set(LEFT_OUT) & set(tags_of(cell)))
    weak = [*left_out, *({ANY_FIGURE} & set(tags_of(cell)))]
    if weak and not cell.metadata.get("reason", "").strip():
        yield f'the tag {weak[0]} has no reason: write reason="…" beside it in the source'
    tolerance = tolerance_of(cell)
    if tolerance is not None and not 0 < tolerance <= LARGEST_TOLERANCE:
        yield f"the tolerance {tolerance:g} is not between 0 and {LARGEST_TOLERANCE:g}: change it"
    if tolerance is not None and (left_out or not cell.outputs):
        yield "the tolerance has nothing to compare: remove one of the tags"
    if ANY_FIGURE in tags_of(cell) and not any("image/png" in output.get("data", {}) for output in cell.outputs):
        yield f"the cell has no figure: remove the tag {ANY_FIGURE}"


def output_findings(output: NotebookNode) -> Iterator[str]:
    """What is wrong with one output."""
    data = output.get("data", {})
    for format_name in data:
        if format_name.startswith("image/") and not is_alternative_text(data.get("text/plain", "")):
            yield "a figure has no alternative text: draw it with course_lib.plots.figures"
        if format_name == WIDGET_VIEW and not data.get("text/html", "").strip():
            yield "a widget has no text/html beside it: add a fallback to its display"
    texts = [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
    texts += [content for name, content in data.items() if name.startswith("text/")]
    text = COLOUR_CODE.sub("", "\n".join(texts))
    yield from path_findings(text)
    if address := MEMORY_ADDRESS.search(text):
        yield f"an output holds the memory address {address[0]}: print something that stays"
    if RANDOM_TABLE_ID.search(text):
        yield 'a styled table has random ids: call .set_uuid("a name") on its style'
    if PICTURE_WITHOUT_WORDS.search(data.get("text/html", "")):
        yield "a picture in HTML has no alternative text: add alt="
    size = max(len(str(content)) for content in [*texts, *data.values()])
    if size > LARGEST_OUTPUT:
        yield f"an output has {size:,} characters, the limit is {LARGEST_OUTPUT:,}: show less"


def is_alternative_text(text: str) -> bool:
    """Whether the words beside a figure say what it shows, as ``course_lib.plots.figures`` writes them.

    Example:
        >>> is_alternative_text("Figure: loss falls for five epochs")
        True
        >>> is_alternative_text("<Figure size 640x480 with 1 Axes>")
        False
    """
    return re.fullmatch(r"Figure: \S.*", text.strip(), re.DOTALL) is not None


def path_findings(text: str) -> Iterator[str]:
    """A path that exists only on the machine where the notebook was built."""
    if path := ABSOLUTE_PATH.search(text):
        yield f"it shows the absolute path {path[0]}: use course_lib.paths.shorten"


def main(arguments: Sequence[str]) -> int:
    """Print all findings; return 1 when there are any."""
    everything = [file for folder in (LESSONS, LESSONS / "deeper", QUIZZES) for file in sorted(folder.glob("*.ipynb"))]
    paths = [Path(argument) for argument in arguments] or everything
    found = [finding for path in paths for finding in findings(path)]
    print("\n".join(found) or f"{len(paths)} notebooks, no findings.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
