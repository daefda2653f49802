"""What the lessons consist of: cells by kind, tasks, guesses, tolerances, ignored cells, times.

    python tools/lessons_table.py

Kinds of cells: text; *task* and *guess* (a text and a code cell each; a guess also has the cell with its result);
*frame* (set-up, memo, progress, quiz, guesses at the end); what is left of the code is *teaching*. At most
30 teaching cells: a lesson with more has a "!".
"""

import re
import sys
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / folder) for folder in ("", "tests")]

import build
from nbformat import NotebookNode
from strict_nbval import tags_of, tolerance_of

MOST_TEACHING = 30
# The first pattern that a code cell has decides its kind.
KINDS = {
    "task": re.compile(r"^quiz\.check\(", re.MULTILINE),
    "guess": re.compile(r"^quiz\.(guess|compare)\(", re.MULTILINE),
    "frame": re.compile(
        r"^start\(|^quiz\.(show|guesses|overview|language)\(|^(memo = )?lesson\.(memo|show_memo)\(", re.M
    ),
}


def kind_of(cell: NotebookNode) -> str:
    """The kind of one cell.

    Example:
        >>> kind_of(NotebookNode(cell_type="code", source='def f(): ...\\nquiz.check("02-f", f)'))
        'task'
    """
    if cell.cell_type != "code":
        return "text"
    return next((kind for kind, pattern in KINDS.items() if pattern.search(cell.source)), "teaching")


def row_of(source: Path) -> dict[str, object]:
    """What one lesson consists of."""
    cells = build.read(build.notebook_path(source)).cells
    kinds = Counter(map(kind_of, cells))
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    tolerances = [tolerance for cell in cells if (tolerance := tolerance_of(cell)) is not None]
    measured = build.read_times().get(build.lesson_number(source), {})
    return {
        "lesson": build.lesson_number(source),
        "text": kinds["text"],
        "teaching": f"{kinds['teaching']}{'!' * (kinds['teaching'] > MOST_TEACHING)}",
        "task": kinds["task"],
        "guess": len(re.findall(r"^quiz\.guess\(", code, re.MULTILINE)),
        "frame": kinds["frame"],
        "yours": len(re.findall(r"\bquiz\.yours\(", code)),
        "asserts": len(re.findall(r"^\s*assert ", code, re.MULTILINE)),
        "tolerances": f"{len(tolerances)}" + (f" (up to {max(tolerances):g})" if tolerances else ""),
        "ignored": sum(bool({"nbval-ignore-output", "nbval-skip"} & set(tags_of(cell))) for cell in cells),
        "CPU": f"{measured.get('cpu_seconds', '–')} s",
        "GPU": f"{measured.get('gpu_seconds', '–')} s",
    }


def main() -> None:
    """Print one row for each lesson."""
    rows = [row_of(source) for source in build.sources()]
    table = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        print("  ".join(value.rjust(width) for value, width in zip(line, widths, strict=True)))


if __name__ == "__main__":
    main()
