"""Tasks and guesses in a notebook: what the lint finds, and what the build folds."""

from pathlib import Path

import build
import lint
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

TASK = new_markdown_cell("**Task 1: black?** Write `is_black`.")
STUB = new_code_cell('def is_black(image):\n    ...\n\n\nquiz.check("02-is-black", is_black)')
GUESS = new_code_cell('quiz.guess("02-darker")')


def compared(first: str, code: str = 'quiz.compare("02-darker", darker)') -> NotebookNode:
    output = new_output("stream", name="stdout", text=first)
    return new_code_cell(code, metadata=build.FOLDED, outputs=[output])


@pytest.mark.parametrize(
    ("cells", "finding"),
    [
        ([TASK, STUB, GUESS, compared("Your guess beside the result:\n")], ""),
        ([new_markdown_cell("Write it."), STUB], "the task 02-is-black has no text cell right above it"),
        ([STUB], "has no text cell right above it"),
        ([TASK, new_code_cell(f"{STUB.source}\nprint(1)")], "does not end in quiz.check"),
        ([compared("Your guess beside the result:\n")], "nobody was asked for the guess 02-darker"),
        ([GUESS, compared("Your guess beside the result:\n", "quiz.compare('02-darker', 'sound')")], "the code tells"),
        ([GUESS, compared("Your guess beside the result:\n", 'quiz.compare("02-darker", 12.5)')], "the code tells"),
        ([GUESS], "the guess 02-darker is never compared"),
        ([GUESS, compared("sound cells are brighter")], "shows something before the neutral line"),
    ],
)
def test_tasks_and_guesses_are_whole(cells: list[NotebookNode], finding: str) -> None:
    found = "\n".join(lint.exercise_findings(new_notebook(cells=cells)))
    assert finding in found and bool(found) == bool(finding)


def test_the_build_folds_what_tells_a_result(tmp_path: Path) -> None:
    source = tmp_path / "01_sample.py"
    source.write_text(
        '# %%\nquiz.guess("01-a")\n\n# %%\nx = 1\nquiz.compare("01-a", x)\n\n# %%\nquiz.guesses(1)\n', "utf-8"
    )
    folded = [cell.metadata.get("jupyter", {}).get("outputs_hidden") for cell in build.render(source).cells]
    assert folded == [None, True, True]
