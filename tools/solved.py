"""Run each lesson with all its tasks solved: every other output must be the stored one.

    python tools/solved.py          all lessons that have tasks (`make solved`)
    python tools/solved.py 02       one of them

The notebook is changed in memory only: each stub becomes the task's solution, and its check must say "right".
The line of `quiz.yours` is left out, since it says whose work is used. Exit status 0: nothing else changed.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / folder) for folder in ("", "tests")]

import build
from kernel_environment import kernel_environment
from nbformat import NotebookNode
from strict_nbval import TASK, problems, tags_of

from course_lib.quiz.tasks import written
from course_lib.quiz.tasks.checking import YOURS
from course_lib.quiz.tasks.content import Task, find, of_lesson
from course_lib.quiz.tasks.outcomes import Right


def with_solutions(notebook: NotebookNode) -> NotebookNode:
    """A copy of a notebook in which the solution stands where a task's stub was."""
    copy = deepcopy(notebook)
    for cell in copy.cells:
        for identifier in TASK.findall(cell.source):
            task = find(identifier, Task)
            cell.source = written.replaced(cell.source, task.defines, task.solution)
    return copy


def without_yours(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Outputs without the line that says whose work is used."""
    left = deepcopy(list(outputs))
    for output in left:
        if output.output_type == "stream":
            lines = output.text.splitlines(keepends=True)
            output.text = "".join(line for line in lines if not line.startswith(YOURS.en))
    return left


def changes(stored: NotebookNode, solved: NotebookNode) -> Iterator[str]:
    """What differs between a stored notebook and the same with its tasks solved, and which check is not right."""
    number = 0
    for before, after in zip(stored.cells, solved.cells, strict=True):
        if before.cell_type != "code":
            continue
        number += 1
        if tasks := TASK.findall(before.source):
            told = [output.get("data", {}).get("text/plain", "") for output in after.outputs]
            if not any(text.startswith(Right.verdict.en) for text in told):
                yield f"cell {number}: the solution of {', '.join(tasks)} is told: {' '.join(told)}"
            continue
        before.outputs = without_yours(before.outputs)
        ignored = {"nbval-ignore-output", "nbval-skip"} & set(tags_of(before))
        for problem in problems(before, without_yours(after.outputs), compare=not ignored):
            yield f"cell {number}: {problem}"


def main(chosen: Sequence[str]) -> int:
    """Run the lessons; print what changed. Returns 1 when anything did."""
    lessons = [path for path in build.sources(chosen) if build.lesson_number(path).isdigit()]
    sources = [path for path in lessons if of_lesson(int(build.lesson_number(path)), Task)]
    found = 0
    with tempfile.TemporaryDirectory(prefix="solved-") as folder:
        environment = kernel_environment(Path(folder))
        for source in sources:
            print(f"{source.stem} with all tasks solved … ", end="", flush=True)
            stored = build.read(build.notebook_path(source))
            solved = with_solutions(stored)
            build.run_cells(solved, source, environment)
            changed = list(changes(stored, solved))
            print("\n  ".join(["changed:", *changed]) if changed else "nothing else changed")
            found += len(changed)
    print(f"{len(sources)} lessons with tasks, {found} changes")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
