"""Results of a lesson as its notebook stores them; `pytest --nbval` compares them with a new run.

So what a lesson says about a long training is asserted without training again.
"""

import re

import nbformat

from course_lib.paths import project_folder


def outputs(lesson: int) -> list[str]:
    """The words of everything that the cells of a lesson show, in order."""
    (path,) = (project_folder() / "lessons").glob(f"{lesson:02}_*.ipynb")
    shown = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
    return [output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in shown]


def rows(lesson: int, *names: str) -> list[list[float]]:
    """The numbers behind each of these names, in the first table of a lesson that has all of them.

    Raises:
        AssertionError: the lesson no longer shows such a table.
    """
    for output in outputs(lesson):
        found = [re.search(rf"^.*?\b{re.escape(name)} +([-\d. ]+)$", output, re.MULTILINE) for name in names]
        if all(found):
            return [[float(number) for number in match[1].split()] for match in found]
    raise AssertionError(f"lesson {lesson} no longer shows a table with the rows {', '.join(names)}")
