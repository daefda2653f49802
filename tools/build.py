"""Build the lessons: from one text source each to a notebook with outputs.

    python tools/build.py                 all lessons, in order (`make lessons`)
    python tools/build.py 03              one lesson; 00 is the instructor's notebook
    python tools/build.py plain_pytorch   one of the notebooks beside the ten, in `lessons/deeper/`
    python tools/build.py --record        the same, and keep the measured times
    python tools/build.py --text          put changed sentences into the notebooks, run nothing
    python tools/build.py --check         does each notebook still come from its source?
    python tools/build.py --readme        rewrite the table of lessons in README.md
    python tools/build.py --publish ADDRESS   set the repository's address everywhere

A source is a jupytext percent script in `lessons/source/`, or in `lessons/deeper/source/`. The build fills its placeholders:
`{{badge}}` (a link that opens the lesson in Colab), `{{facts}}` (a small table; words after it
say what the lesson needs, and the line that begins with **Study time:** becomes its first column),
`{{picture}} words` (the figure of the cell with the tag "picture", made small; the words are for those who cannot see it)
and `# {{setup}} N` (the set-up cell, kept in `set_up_cell.py`; beside the ten a name stands for N).
Two builds on one machine give the same bytes.
"""

import argparse
import base64
import hashlib
import io
import json
import os
import re
import site
import sys
import sysconfig
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

TOOLS = Path(__file__).resolve().parent
PROJECT = TOOLS.parent
LESSONS = PROJECT / "lessons"
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from compare_outputs import WIDGET_VIEW, settled
from kernel_environment import kernel_environment

from course_lib.paths import write_atomically

SOURCES = LESSONS / "source"
DEEPER = LESSONS / "deeper" / "source"
INSTRUCTOR = PROJECT / "quizzes" / "source" / "00_class_report.py"
SET_UP_CELL = TOOLS / "set_up_cell.py"
TIMES = LESSONS / "times.json"
README = PROJECT / "README.md"
PYPROJECT = PROJECT / "pyproject.toml"
CELL_TIMEOUT_SECONDS = 600
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# Without the version, which would differ from machine to machine.
LANGUAGE = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python", "pygments_lexer": "ipython3"}
# A cell that shows a result beside a guess is stored folded; running it opens it.
TELLS_A_RESULT = re.compile(r"^quiz\.(compare|guesses)\(", re.MULTILINE)
FOLDED = {"collapsed": True, "jupyter": {"outputs_hidden": True}}
# The set-up cell is the same in every lesson and nobody's business: JupyterLab and Colab show its title or a bar.
SOURCE_HIDDEN = {"cellView": "form", "jupyter": {"source_hidden": True}}
SET_UP_REASON = "it prints this machine's device, versions and folders"
NEEDS_NOTHING = "only what the README's set-up installed; no internet, no GPU"
END_RESULT = "**At the end you have:**"
STUDY_TIME = re.compile(r"^(?:# )?\*\*Study time:\*\* (.+)\n?", re.MULTILINE)
PICTURE = "picture.png"
PICTURE_WIDTH = 600
README_START, README_END = "<!-- lessons:start -->", "<!-- lessons:end -->"


class BuildError(Exception):
    """What stopped the build, in one message for whoever writes the lessons."""


# --- from source to notebook ---------------------------------------------------------------


def lesson_number(path: Path) -> str:
    """The two digits at the start of a lesson's file name; for a notebook beside the ten its whole name.

    Example:
        >>> lesson_number(Path("lessons/source/03_features.py"))
        '03'
        >>> lesson_number(Path("lessons/deeper/source/plain_pytorch.py"))
        'plain_pytorch'
    """
    return path.name[:2] if path.name[:2].isdigit() else path.stem


def notebook_path(source: Path) -> Path:
    """Where the notebook of a source lies: one folder up, with the same name."""
    return source.parent.parent / f"{source.stem}.ipynb"


def sources(chosen: Sequence[str] = ()) -> list[Path]:
    """The sources of the lessons in order, then of those beside the ten; only those in ``chosen``, if given."""
    return [path for path in notebook_sources(chosen) if path != INSTRUCTOR]


def notebook_sources(chosen: Sequence[str] = ()) -> list[Path]:
    """What `sources` gives and, as number 00 at the end, the source of the instructor's notebook."""
    lessons = [*sorted(SOURCES.glob("[0-9][0-9]_*.py")), *sorted(DEEPER.glob("*.py"))]
    found = [*lessons, *[INSTRUCTOR] * INSTRUCTOR.exists()]
    numbers = {number.zfill(2)[:2] if number[:1].isdigit() else number for number in chosen}
    if missing := numbers - {lesson_number(path) for path in found}:
        raise BuildError(f"There is no lesson {', '.join(sorted(missing))} in lessons/source/.")
    return [path for path in found if not numbers or lesson_number(path) in numbers]


def address() -> str:
    """The repository's address; pyproject.toml is the one place that holds it."""
    return tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["urls"]["Repository"]


def tag() -> str:
    """The release that the notebooks belong to, as the repository names it, such as "v0.2.0".

    A notebook that was opened in Colab a year ago still fetches the library it was written for.
    """
    return "v" + tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["version"]


def badge(source: Path) -> str:
    """A link that opens the lesson in Colab; empty until the course is published on GitHub.

    It is a link of words and not the usual picture, because a picture would be fetched from
    the network each time a learner opens the lesson.
    """
    github = re.fullmatch(r"https://github\.com/([^/]+/[^/]+)", address())
    if not github or github[1].startswith("OWNER/"):
        return ""
    place = f"{github[1]}/blob/{tag()}/{notebook_path(source).relative_to(PROJECT).as_posix()}"
    return f"[▶ Open this lesson in Google Colab](https://colab.research.google.com/github/{place})"


def read_times() -> dict[str, dict]:
    """What earlier builds measured: lesson number to seconds and date."""
    return json.loads(TIMES.read_text("utf-8")) if TIMES.exists() else {}


def about(seconds: float | None) -> str:
    """A time as the lessons and the README show it.

    Example:
        >>> about(2.1), about(43), about(131), about(None)
        ('about 5 s', 'about 45 s', 'about 2 min 10 s', 'not measured yet')
    """
    if seconds is None:
        return "not measured yet"
    minutes, rest = divmod(max(5, 5 * round(seconds / 5)), 60)
    parts = [f"{minutes} min"] * bool(minutes) + [f"{rest} s"] * bool(rest)
    return "about " + " ".join(parts)


def facts(source: Path, needs: str) -> str:
    """The small table at the top of a lesson."""
    measured = read_times().get(lesson_number(source), {})
    study = STUDY_TIME.search(source.read_text("utf-8"))
    columns = {
        **({"study time": study[1]} if study else {}),
        "time on a CPU": about(measured.get("cpu_seconds")),
        "time on a GPU": about(measured.get("gpu_seconds")),
        "what it needs": needs or NEEDS_NOTHING,
        "last verified": measured.get("verified", "not yet"),
    }
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n| {' | '.join(columns.values())} |"


def fill(text: str, source: Path) -> str:
    """Replace the placeholders in the text of one cell."""
    if setup := re.fullmatch(r"# \{\{setup\}\} (.+)", text):
        cell = SET_UP_CELL.read_text("utf-8").rstrip()
        cell = cell.replace("{{address}}", address()).replace("{{tag}}", tag())
        return cell.replace("start(0)", f"start({setup[1] if setup[1].isdigit() else json.dumps(setup[1])})")
    text = STUDY_TIME.sub("", text)
    text = re.sub(r"^\{\{facts\}\} *(.*)$", lambda found: facts(source, found[1]), text, flags=re.M)
    text = re.sub(r"^\{\{picture\}\} +(.+)$", rf"![\1](attachment:{PICTURE})", text, flags=re.M)
    text = re.sub(r"^\{\{badge\}\}\n*", lambda _: badge(source) + "\n\n" * bool(badge(source)), text, flags=re.M)
    if left := re.search(r"\{\{\w*\}\}", text):
        raise BuildError(f"{source.name}: the placeholder {left[0]} is not one the build knows.")
    return text.strip("\n")


def render(source: Path) -> NotebookNode:
    """The notebook of a source, without outputs; the same source gives the same notebook.

    A cell's id comes from the lesson and the cell's own text before it is filled, so it stays
    when a cell is inserted above it, when times are measured or when the address changes.
    """
    import jupytext  # only who builds has it; pytest reads this file on a learner's machine as well

    notebook = nbformat.v4.new_notebook()
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    seen: Counter[str] = Counter()
    for cell in jupytext.reads(source.read_text("utf-8"), fmt="py:percent").cells:
        fingerprint = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:10]
        seen[fingerprint] += 1
        repeat = f"-{seen[fingerprint]}" if seen[fingerprint] > 1 else ""
        text = fill(cell.source, source)
        if not text:  # a cell that held nothing but an empty badge
            continue
        new_cell = getattr(nbformat.v4, f"new_{cell.cell_type}_cell")
        metadata = {key: value for key, value in cell.metadata.items() if key != "lines_to_next_cell"}
        if cell.source.startswith("# {{setup}}"):
            metadata["tags"] = ["nbval-ignore-output"]
            metadata["reason"] = SET_UP_REASON
            metadata |= SOURCE_HIDDEN
        if TELLS_A_RESULT.search(text):
            metadata |= FOLDED
        identity = f"{lesson_number(source)}-{fingerprint}{repeat}"
        notebook.cells.append(new_cell(text, id=identity, metadata=metadata))
    return notebook


def attach_picture(notebook: NotebookNode) -> None:
    """Put the figure of the cell with the tag "picture" where the text shows it, as part of the notebook.

    A notebook that was opened alone, as in Colab, has no folder of pictures beside it.
    """
    from PIL import Image

    shown = [cell for cell in notebook.cells if f"(attachment:{PICTURE})" in cell.source]
    if not shown:
        return
    figures = [
        output.data["image/png"]
        for cell in notebook.cells
        if "picture" in cell.metadata.get("tags", [])
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    if not figures:
        raise BuildError('The text shows {{picture}}, but no cell with the tag "picture" draws a figure.')
    picture = Image.open(io.BytesIO(base64.b64decode(figures[0]))).convert("RGB")
    picture.thumbnail((PICTURE_WIDTH, PICTURE_WIDTH), Image.Resampling.LANCZOS)
    small = io.BytesIO()
    # Without k-means the many greys take all 64 colours, and an orange arrow turns brown.
    picture.quantize(64, kmeans=1, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    for cell in shown:
        cell.attachments = {PICTURE: {"image/png": base64.b64encode(small.getvalue()).decode()}}


# --- execution -----------------------------------------------------------------------------


def run_cells(notebook: NotebookNode, source: Path, environment: dict[str, str]) -> None:
    """Run all cells in a fresh kernel and put their outputs into ``notebook``.

    Raises:
        BuildError: a cell failed; names the lesson, the cell and its first line.
    """
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_SECONDS,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(notebook_path(source).parent)}},
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        store_widget_state=False,
    )
    number = 0
    with client.setup_kernel(env=os.environ | environment):
        for position, cell in enumerate(notebook.cells):
            number += cell.cell_type == "code"
            try:
                client.execute_cell(cell, position)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                reason = (
                    f"{error.ename}: {error.evalue}"
                    if isinstance(error, CellExecutionError)
                    else str(error).splitlines()[0]
                )
                raise BuildError(
                    f"Lesson {lesson_number(source)} stopped in code cell {number}, which starts "
                    f"with\n    {cell.source.splitlines()[0]}\n{reason}"
                ) from error


def make_repeatable(notebook: NotebookNode) -> None:
    """Take out what changes from run to run: progress bars, random ids, this machine's folders."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = settled(cell.outputs)
        for position, output in enumerate(cell.outputs):
            if view := output.get("data", {}).get(WIDGET_VIEW):
                view["model_id"] = hashlib.sha256(f"{cell.id}-{position}".encode()).hexdigest()[:32]
            if output.output_type == "error":
                output.traceback = [without_folders(line) for line in output.traceback]


def without_folders(line: str) -> str:
    """A line of a traceback without the folders of the machine it was made on."""
    home = str(Path.home())
    folders = {*site.getsitepackages(), sysconfig.get_path("stdlib"), str(PROJECT), home}
    # IPython itself writes the home folder as "~".
    folders |= {folder.replace(home, "~", 1) for folder in folders}
    for folder in sorted(folders, key=len, reverse=True):
        line = line.replace(folder + os.sep, "")
    return line


def read(path: Path) -> NotebookNode:
    """Read a stored notebook."""
    return nbformat.read(path, as_version=4)


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook with its picture, whole or not at all."""
    attach_picture(notebook)
    nbformat.validate(notebook)
    with write_atomically(path) as temporary:
        nbformat.write(notebook, temporary)


def copy_outputs(old: NotebookNode, new: NotebookNode) -> None:
    """Give the code cells of ``new`` the outputs of the cells with the same id in ``old``."""
    by_id = {cell.id: cell for cell in old.cells}
    for cell in new.cells:
        if cell.cell_type == "code":
            cell.outputs = by_id[cell.id].outputs
            cell.execution_count = by_id[cell.id].execution_count


def keep_ignored_outputs(old: NotebookNode, new: NotebookNode) -> None:
    """Leave outputs that are never compared (speeds, versions) as they are stored.

    They differ from run to run, so a second build would not give the same bytes. A build with
    ``--record`` measures them anew, as it does the lesson's time.
    """
    by_id = {cell.id: cell for cell in old.cells if "outputs" in cell}
    for cell in new.cells:
        stored = by_id.get(cell.id)
        ignored = "nbval-ignore-output" in cell.metadata.get("tags", [])
        if ignored and stored and stored.source == cell.source and stored.outputs:
            cell.outputs = stored.outputs
            for output in cell.outputs:  # a cell before it may be new
                if "execution_count" in output:
                    output.execution_count = cell.execution_count


def renew_text(chosen: Sequence[str] = ()) -> None:
    """Put changed text into the notebooks without executing them; the code must be as stored.

    Only the set-up cell may have changed: outside Colab its result does not depend on it, and what it
    prints is never compared.
    """
    for source in notebook_sources(chosen):
        path, notebook = notebook_path(source), render(source)
        stored = read(path)
        code = [
            [
                (cell.id, cell.metadata.get("reason") == SET_UP_REASON or cell.source)
                for cell in book.cells
                if cell.cell_type == "code"
            ]
            for book in (stored, notebook)
        ]
        if code[0] != code[1]:
            number = lesson_number(source)
            raise BuildError(f"The code of {path.name} has changed: run `python tools/build.py {number}`.")
        copy_outputs(stored, notebook)
        write(notebook, path)


def record(source: Path, seconds: float) -> None:
    """Keep the time of a lesson, under the kind of machine that this one is."""
    import torch

    times = read_times()
    kind = "gpu_seconds" if torch.cuda.is_available() else "cpu_seconds"
    lesson = times.setdefault(lesson_number(source), {})
    lesson |= {kind: round(seconds, 1), "verified": date.today().isoformat()}
    with write_atomically(TIMES) as temporary:
        temporary.write_text(json.dumps(times, indent=1, sort_keys=True) + "\n", "utf-8")


def build(chosen: Sequence[str] = (), keep_times: bool = False) -> None:
    """Execute lessons in order and write each that succeeds."""
    paths = notebook_sources(chosen)
    total = 0.0
    with tempfile.TemporaryDirectory(prefix="lessons-") as folder:
        environment = kernel_environment(Path(folder))
        for position, source in enumerate(paths, 1):
            print(f"[{position}/{len(paths)}] {source.stem} … ", end="", flush=True)
            notebook = render(source)
            start = time.perf_counter()
            run_cells(notebook, source, environment)
            seconds = time.perf_counter() - start
            make_repeatable(notebook)
            total += seconds
            if keep_times and source != INSTRUCTOR:
                record(source, seconds)
                executed, notebook = notebook, render(source)  # now with the new time in it
                copy_outputs(executed, notebook)
            elif notebook_path(source).exists():
                keep_ignored_outputs(read(notebook_path(source)), notebook)
            write(notebook, notebook_path(source))
            print(f"{seconds:.1f} s", flush=True)
    print(f"{len(paths)} notebooks in {total:.0f} s")


# --- what is made from the notebooks -------------------------------------------------------


def differences() -> Iterator[str]:
    """Where a notebook is not what its source says: one line for each lesson."""
    for source in notebook_sources():
        path = notebook_path(source)
        command = f"run `python tools/build.py {lesson_number(source)}`"
        if not path.exists():
            yield f"Lesson {lesson_number(source)} has no notebook yet: {command}."
            continue
        stored, wanted = read(path), render(source)
        if stored.metadata != wanted.metadata:
            yield f"{path.name}: the notebook's metadata differ from what the build writes: {command}."
        parts = ("cell_type", "id", "source", "metadata")
        for position in range(max(len(stored.cells), len(wanted.cells))):
            pair = [notebook.cells[position : position + 1] for notebook in (stored, wanted)]
            have, want = ([cell[0].get(part) for part in parts] if cell else [] for cell in pair)
            if have != want:
                yield f"{path.name}: cell {position + 1} is not what its source says: {command}."
                break
    known = {notebook_path(source) for source in sources()}
    for path in sorted({*LESSONS.glob("*.ipynb"), *DEEPER.parent.glob("*.ipynb")} - known):
        folder = path.parent.relative_to(PROJECT).as_posix()
        yield f"{path.name} has no source in {folder}/source/: add one or delete the notebook."


def readme_table() -> str:
    """The table of lessons for the README."""
    rows = ["| | lesson | at the end you have | time on a CPU |", "|---|---|---|---|"]
    for source in sources():
        number, path = lesson_number(source), notebook_path(source)
        lines = [
            line for cell in render(source).cells if cell.cell_type == "markdown" for line in cell.source.splitlines()
        ]
        title = next((line[2:] for line in lines if line.startswith("# ")), "")
        result = next((line for line in lines if line.startswith(END_RESULT)), "")
        if not title or not result:
            raise BuildError(f"{source.name} needs a title (# …) and a line {END_RESULT} …")
        title = re.sub(r"^(Lesson )?\d+ *[.:·–—-] *", "", title)
        result = result.removeprefix(END_RESULT).strip()
        taken = about(read_times().get(number, {}).get("cpu_seconds"))
        place = path.relative_to(PROJECT).as_posix()
        rows.append(f"| {number if number.isdigit() else '+'} | [{title}]({place}) | {result} | {taken} |")
    return "\n".join(rows)


def readme_with_table(text: str) -> str:
    """The README's text with a fresh table between its two marker comments."""
    if README_START not in text or README_END not in text:
        raise BuildError(f"README.md needs the lines {README_START} and {README_END}.")
    before, rest = text.split(README_START, 1)
    after = rest.split(README_END, 1)[1]
    return f"{before}{README_START}\n{readme_table()}\n{README_END}{after}"


def publish(place: str) -> None:
    """Set the repository's address, then renew what is made from it; outputs are kept."""
    wanted = place if "://" in place else f"https://github.com/{place}"
    wanted = wanted.rstrip("/").removesuffix(".git")
    if not re.fullmatch(r"https://[\w.-]+(/[\w.~-]+){2,}", wanted):
        raise BuildError(f"{place!r} is not an address like OWNER/NAME or https://github.com/OWNER/NAME.")
    if stale := list(differences()):
        raise BuildError("Build the lessons before publishing:\n" + "\n".join(stale))
    old = address()
    for path in (PYPROJECT, README):
        if path.exists():
            with write_atomically(path) as temporary:
                temporary.write_text(path.read_text("utf-8").replace(old, wanted), "utf-8")
    for source in notebook_sources():
        notebook = render(source)
        copy_outputs(read(notebook_path(source)), notebook)
        write(notebook, notebook_path(source))
    print(f"The course's address is now {wanted}.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line; return 0 when all went well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="lessons, such as 03 or plain_pytorch; default: all")
    parser.add_argument("--record", action="store_true", help="keep the measured times")
    parser.add_argument("--text", action="store_true", help="renew the text, execute nothing")
    parser.add_argument("--check", action="store_true", help="compare notebooks with their sources")
    parser.add_argument("--readme", action="store_true", help="rewrite the README's table")
    parser.add_argument("--publish", metavar="ADDRESS", help="OWNER/NAME or the whole address")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            found = list(differences())
            print("\n".join(found) or "Every notebook comes from its source.")
            return 1 if found else 0
        if options.readme:
            text = readme_with_table(README.read_text("utf-8"))
            with write_atomically(README) as temporary:
                temporary.write_text(text, "utf-8")
        elif options.text:
            renew_text(options.lessons)
        elif options.publish:
            publish(options.publish)
        else:
            build(options.lessons, options.record)
    except BuildError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
