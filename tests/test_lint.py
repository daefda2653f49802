"""The lint of stored notebooks: what its rules find and leave alone.

`test_spoiled_notebooks.py` spoils a whole notebook for each rule; here stand the finer points.
"""

from pathlib import Path

import build
import lint
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from notebook_samples import SampleCourse


@pytest.mark.parametrize(
    "text",
    [
        "saved to /home/ann/course/work/model.pt",
        "'/root/x'",
        "(/tmp/lessons-1/work)",
        "/Users/ann/photos",
        "/content/course",
        "C:\\Users\\Ann",
        "D:\\\\photos",
        "~/.pyenv/versions/3.11.7/lib/python3.11/json/decoder.py",
    ],
)
def test_an_absolute_path_is_found(text: str) -> None:
    assert list(lint.path_findings(text))


@pytest.mark.parametrize(
    "text",
    [
        "saved to work/model.pt",
        "data/solar_cells/defective/0001.png",
        "https://example.org/home/index.html",
        "../lessons/work/x",
        "and/or, 3/4, 2/tmp",
        "<a href='course_lib/data/index.py'></a> </root/>",
        "Note: \\n is a new line",
        "a ratio of 3:\\4",
    ],
)
def test_other_text_is_no_absolute_path(text: str) -> None:
    assert list(lint.path_findings(text)) == []


def test_a_long_cell_is_found_from_sixteen_lines_on() -> None:
    lines = ["photos = 1"] * 15
    assert list(lint.code_findings(new_code_cell("\n".join(lines)))) == []
    (found,) = lint.code_findings(new_code_cell("\n".join([*lines, "photos"])))
    assert found == "the cell has 16 lines, the limit is 15: split it"


@pytest.mark.parametrize(
    ("cell", "cure"),
    [
        (new_code_cell("  "), "delete it"),
        (new_markdown_cell(""), "delete it"),
        (new_markdown_cell("{{facts}}"), "a placeholder was not filled"),
        (new_markdown_cell("![](cell.png)"), "a picture has no alternative text"),
        (new_markdown_cell('<img src="cell.png" alt="">'), "a picture has no alternative text"),
        (new_markdown_cell("text", metadata={"collapsed": True}), "collapsed"),
        (new_markdown_cell("text", attachments={"a.png": {"image/png": ""}}), "link to a file"),
    ],
)
def test_a_cell_is_found(cell: NotebookNode, cure: str) -> None:
    check = lint.code_findings if cell.cell_type == "code" else lint.text_findings
    assert cure in "\n".join(check(cell))


@pytest.mark.parametrize("text", ["![a dark cell](cell.png)", '<img src="cell.png" alt="a dark cell">', "# A title"])
def test_a_cell_of_text_is_left_alone(text: str) -> None:
    assert list(lint.text_findings(new_markdown_cell(text))) == []


@pytest.mark.parametrize(
    ("words", "enough"),
    [
        ("Figure: loss falls for five epochs", True),
        ("Figure: ", False),
        ("<Figure size 640x480 with 1 Axes>", False),
        ("", False),
    ],
)
def test_a_figure_needs_words(words: str, enough: bool) -> None:
    figure = new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": words})
    assert (list(lint.output_findings(figure)) == []) is enough


def test_a_styled_table_with_random_ids_is_found() -> None:
    table = new_output("display_data", {"text/html": '<table id="T_0a1b2">', "text/plain": "table"})
    assert "set_uuid" in "\n".join(lint.output_findings(table))


def test_a_tolerance_needs_something_to_compare() -> None:
    cell = new_code_cell("photos = 5", metadata={"tags": ["nbval-approx-0.1"]}, execution_count=1)
    assert "nothing to compare" in "\n".join(lint.marker_findings(cell))


def test_the_set_up_cell_is_not_among_the_ignored_ones(notebook: NotebookNode) -> None:
    ignored = {"tags": ["nbval-ignore-output"]}
    reasons = [build.SET_UP_REASON, "times differ", *8 * [None]]
    notebook.cells = [
        new_code_cell("5", execution_count=count, metadata=ignored | {"reason": reason} if reason else {})
        for count, reason in enumerate(reasons, 1)
    ]
    assert not [finding for finding in lint.notebook_findings(notebook) if "not compared" in finding]


@pytest.mark.parametrize(("cells", "allowed"), [(9, False), (10, True), (19, True)])
def test_one_cell_in_ten_may_be_ignored(cells: int, allowed: bool, notebook: NotebookNode) -> None:
    ignored = {"tags": ["nbval-ignore-output"], "reason": "times differ"}
    notebook.cells = [
        new_code_cell("5", execution_count=count, metadata=ignored if count == 1 else {})
        for count in range(1, cells + 1)
    ]
    assert (list(lint.notebook_findings(notebook)) == []) is allowed


def test_a_finding_names_lesson_cell_and_cure(
    sample_course: SampleCourse, notebook: NotebookNode, tmp_path: Path, capsys
) -> None:
    code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code_cells[1].metadata["collapsed"] = True
    path = tmp_path / "01_sample.ipynb"
    sample_course.build.write(notebook, path)
    assert lint.main([str(path)]) == 1
    assert capsys.readouterr().out == (
        "01_sample.ipynb, code cell 2 (import pandas as pd): the metadata hold ['collapsed'] "
        "(times and the like): build the lesson again\n"
    )
    assert lint.main([str(sample_course.folder / "lessons" / "01_sample.ipynb")]) == 0


def test_a_large_file_is_found(notebook: NotebookNode, sample_course: SampleCourse, tmp_path: Path) -> None:
    path = tmp_path / "01_sample.ipynb"
    notebook.cells[0].source += "\n" + "word " * (lint.LARGEST_NOTEBOOK // 5)
    sample_course.build.write(notebook, path)
    (found,) = lint.findings(path)
    assert "larger than 3,000,000 bytes" in found
