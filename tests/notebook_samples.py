"""A small course with one good notebook, for the tests that test the notebook tests."""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from kernel_environment import kernel_environment
from nbformat import NotebookNode
from strict_nbval import problems, tags_of

REAL_PROJECT = Path(__file__).resolve().parents[1]
ADDRESS = "https://github.com/OWNER/sample-course"

# One cell of every kind that a lesson has. It needs no torch, so that it runs in two seconds.
SOURCE = """\
# %% [markdown]
# # Lesson 1: a sample
#
# **At the end you have:** one cell of every kind.
#
# {{badge}}
#
# {{facts}}

# %%
print("five photos")
print("two lots")

# %%
import pandas as pd

pd.DataFrame({"photos": [5, 12], "class": ["defective", "functional"]})

# %% [markdown]
# Numbers that differ between processors have a tolerance.

# %% tags=["nbval-approx-0.05"]
print("accuracy 0.861, loss 0.412 after 3 epochs on 1,803 photos")

# %%
import io
import matplotlib.pyplot as plt
from IPython.display import display

def show(heights):
    figure, axes = plt.subplots()
    axes.plot(heights, marker="o")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    plt.close(figure)
    words = f"Figure: a line through {len(heights)} points"
    display({"image/png": file.getvalue(), "text/plain": words}, raw=True)

# %%
show([3, 1, 4, 1, 5])

# %% tags=["raises-exception"]
import json

json.loads("not json")

# %%
import time
from tqdm.auto import tqdm

for _ in tqdm(range(3)):
    time.sleep(0.02)
print("all seen")

# %%
import ipywidgets

class Question(ipywidgets.IntSlider):
    def _repr_mimebundle_(self, **_):
        html = {"text/html": "<p>Run this cell to answer.</p>", "text/plain": "a question"}
        return super()._repr_mimebundle_() | html

Question()

# %% tags=["nbval-ignore-output"] reason="the time of day differs"
print(time.time())

# %%
from IPython.display import clear_output

print("counting")
clear_output(wait=True)
print("counted")

# %%
state = display("waiting", display_id="state")
state.update("ready")
"""


@dataclass
class SampleCourse:
    """A course of one lesson in a temporary folder, with its own copy of the build.

    ``stored`` is the notebook as the build made it, ``fresh`` the outputs of a second run.
    """

    folder: Path
    build: ModuleType
    stored: NotebookNode
    fresh: NotebookNode

    def nbval_problems(self, notebook: NotebookNode) -> list[str]:
        """What the strict comparison says to a notebook, given the second run's outputs."""
        code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        fresh_cells = [cell for cell in self.fresh.cells if cell.cell_type == "code"]
        found = []
        for cell, fresh in zip(code_cells, fresh_cells, strict=True):
            ignored = "nbval-ignore-output" in tags_of(cell)
            found += problems(cell, fresh.outputs, compare=not ignored)
        return found


def make_course(folder: Path, lessons: dict[str, str]) -> ModuleType:
    """Lay out a small course with these sources; return its build module."""
    source_folder = folder / "lessons" / "source"
    source_folder.mkdir(parents=True)
    (folder / "tools").mkdir()
    for name, text in lessons.items():
        (source_folder / f"{name}.py").write_text(text, "utf-8")
    for name in ("build.py", "set_up_cell.py"):
        shutil.copy(REAL_PROJECT / "tools" / name, folder / "tools" / name)
    (folder / "pyproject.toml").write_text(
        f'[project]\nversion = "0.3.1"\n[project.urls]\nRepository = "{ADDRESS}"\n', "utf-8"
    )
    return load_build(folder)


def load_build(folder: Path) -> ModuleType:
    """The build of a course as a module; it works in the folder that its file lies in."""
    path = list(sys.path)
    specification = importlib.util.spec_from_file_location(f"build_{folder.name}", folder / "tools" / "build.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    sys.path[:] = path
    return module


@pytest.hookimpl(tryfirst=True)  # before `-m "not slow"` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the sample course as slow: its notebook is built and run for the first of them."""
    for item in items:
        if "sample_course" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def sample_course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleCourse]:
    """The sample, built once and run a second time."""
    folder = tmp_path_factory.mktemp("sample_course")
    build = make_course(folder, {"01_sample": SOURCE})
    build.build()
    stored = build.read(folder / "lessons" / "01_sample.ipynb")
    source = folder / "lessons" / "source" / "01_sample.py"
    fresh = build.render(source)
    build.run_cells(fresh, source, kernel_environment(tmp_path_factory.mktemp("second_run")))
    yield SampleCourse(folder, build, stored, fresh)


@pytest.fixture
def notebook(sample_course: SampleCourse) -> NotebookNode:
    """A copy of the good notebook, to be spoiled."""
    return deepcopy(sample_course.stored)
