"""The build: the same source gives the same bytes, and whatever stops it is named."""

import base64
import io
import json
from copy import deepcopy
from pathlib import Path
from types import ModuleType

import nbformat
import numpy as np
import pytest
from kernel_environment import kernel_environment
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_samples import REAL_PROJECT, SOURCE, SampleCourse, load_build, make_course
from PIL import Image

pytestmark = pytest.mark.slow

FIRST = """\
# %% [markdown]
# # Lesson 1: First
# **At the end you have:** a number.
#
# {{badge}}
#
# {{facts}} five photos of your own

# %%
# {{setup}} 1

# %%
6 * 7

# %%
6 * 7
"""
SECOND = """\
# %% [markdown]
# # Second
# **At the end you have:** nothing, because it fails.

# %%
photos = 5

# %%
# how many?
photos / 0
"""


@pytest.fixture
def course(tmp_path: Path) -> ModuleType:
    """The build of a course with two small lessons, the second of which fails."""
    build = make_course(tmp_path / "course", {"01_first": FIRST, "02_second": SECOND})
    # The real set-up cell is run by the real lessons.
    build.SET_UP_CELL.write_text("start = print\n\nstart(0)\n", "utf-8")
    return build


def edit(path: Path, old: str, new: str) -> None:
    """Replace words in a file that must be there."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def notebook_of(build: ModuleType, number: str = "01") -> Path:
    """Where a lesson's notebook lies."""
    return build.notebook_path(build.sources([number])[0])


# --- rendering --------------------------------------------------------------------------------


def test_rendering_repeats(course: ModuleType) -> None:
    source = course.sources(["1"])[0]
    assert course.render(source) == course.render(source)


def test_a_cell_keeps_its_id_when_another_is_put_above_it(course: ModuleType) -> None:
    source = course.sources(["1"])[0]
    before = [cell.id for cell in course.render(source).cells]
    edit(source, "# %%\n# {{setup}}", "# %% [markdown]\n# New.\n\n# %%\n# {{setup}}")
    after = [cell.id for cell in course.render(source).cells]
    assert len(set(after)) == len(after) == len(before) + 1
    assert [identity for identity in after if identity in before] == before


def test_the_set_up_cell_is_filled(course: ModuleType) -> None:
    real = REAL_PROJECT / "tools" / "set_up_cell.py"
    course.SET_UP_CELL.write_text(real.read_text("utf-8"), "utf-8")
    cell = course.render(course.sources(["1"])[0]).cells[1]
    assert len(cell.source.splitlines()) <= 15
    assert "-b v0.3.1 https://github.com/OWNER/sample-course " in cell.source
    assert cell.source.endswith("start(1)")
    assert cell.metadata.tags == ["nbval-ignore-output"]
    assert cell.metadata.reason
    compile(cell.source, "set-up cell", "exec")


def test_facts_say_what_was_measured(course: ModuleType) -> None:
    source = course.sources(["1"])[0]
    assert "| not measured yet | not measured yet | five photos of your own | not yet |" in (
        course.render(source).cells[0].source
    )
    times = {"01": {"cpu_seconds": 63.2, "gpu_seconds": 11, "verified": "2031-02-03"}}
    course.TIMES.write_text(json.dumps(times), "utf-8")
    assert "| about 1 min 5 s | about 10 s | five photos of your own | 2031-02-03 |" in (
        course.render(source).cells[0].source
    )


def test_an_unknown_placeholder_is_named(course: ModuleType) -> None:
    source = course.sources(["1"])[0]
    edit(source, "{{badge}}", "{{bagde}}")
    with pytest.raises(course.BuildError, match=r"01_first\.py: the placeholder \{\{bagde\}\}"):
        course.render(source)


def test_a_lesson_that_does_not_exist_is_named(course: ModuleType, capsys) -> None:
    assert course.main(["01", "17"]) == 1
    assert "There is no lesson 17" in capsys.readouterr().err


# --- execution --------------------------------------------------------------------------------


def test_two_builds_give_the_same_bytes(sample_course: SampleCourse, tmp_path: Path) -> None:
    # The sample has a progress bar, a widget, a figure, an error and a display update. Its
    # second run stands in for a second build; the cell that is ignored stays as it is stored.
    second = deepcopy(sample_course.fresh)
    sample_course.build.make_repeatable(second)
    first = deepcopy(sample_course.stored)
    sample_course.build.keep_ignored_outputs(first, second)
    for name, notebook in (("first", first), ("second", second)):
        sample_course.build.write(notebook, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_nothing_of_this_machine_is_stored(sample_course: SampleCourse) -> None:
    notebook = deepcopy(sample_course.stored)
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        output.get("data", {}).pop("image/png", None)  # its letters mean nothing
    text = json.dumps(notebook)
    for folder in (Path.home(), REAL_PROJECT, sample_course.folder, "~/", "site-packages", "/tmp"):
        assert str(folder) not in text
    assert "json/decoder.py" in text  # the traceback is there, from the library's folder on


def test_one_lesson_is_built_and_a_failing_one_is_named(course: ModuleType, capsys) -> None:
    notebook_of(course, "02").write_text("the old notebook", "utf-8")
    assert course.main([]) == 1
    printed = capsys.readouterr()
    assert "[1/2] 01_first … " in printed.out
    assert printed.err.split("\n")[1:] == [
        "Lesson 02 stopped in code cell 2, which starts with",
        "    # how many?",
        "ZeroDivisionError: division by zero",
        "",
    ]
    first = course.read(notebook_of(course))
    assert [cell.get("execution_count") for cell in first.cells] == [None, 1, 2, 3]
    assert first.cells[3].outputs[0].data == {"text/plain": "42"}
    assert notebook_of(course, "02").read_text("utf-8") == "the old notebook"
    # A second build of the first lesson alone gives the same bytes and leaves the rest alone.
    before = notebook_of(course).read_bytes()
    assert course.main(["1"]) == 0
    assert notebook_of(course).read_bytes() == before


def test_a_dead_kernel_is_named(course: ModuleType, tmp_path: Path) -> None:
    source = course.sources(["2"])[0]
    edit(source, "photos / 0", "import os; os._exit(1)")
    with pytest.raises(course.BuildError, match=r"(?s)Lesson 02 .* code cell 2.*Kernel died"):
        course.run_cells(course.render(source), source, kernel_environment(tmp_path))


def test_measured_times_are_kept_when_asked(course: ModuleType) -> None:
    assert course.main(["1", "--record"]) == 0
    measured = json.loads(course.TIMES.read_text("utf-8"))["01"]
    assert 0 < measured.get("cpu_seconds", measured.get("gpu_seconds")) < 60
    notebook = course.read(notebook_of(course))
    assert measured["verified"] in notebook.cells[0].source
    assert notebook.cells[3].outputs[0].data == {"text/plain": "42"}


def test_changed_text_is_renewed_without_a_run(sample_course: SampleCourse) -> None:
    build, source = sample_course.build, sample_course.build.SOURCES / "01_sample.py"
    before = notebook_of(build).read_text("utf-8")
    try:
        edit(source, "{{badge}}", "{{badge}}\n# One more sentence.")
        assert build.main(["--text"]) == 0
        assert list(build.differences()) == []
        assert "One more sentence." in notebook_of(build).read_text("utf-8")
        after = build.read(notebook_of(build))
        kept = [cell.get("outputs") for cell in nbformat.v4.reads(before).cells]
        assert [cell.get("outputs") for cell in after.cells] == kept
    finally:
        source.write_text(SOURCE, "utf-8")
        notebook_of(build).write_text(before, "utf-8")


def test_changed_code_is_not_taken_for_changed_text(sample_course: SampleCourse, capsys) -> None:
    build, source = sample_course.build, sample_course.build.SOURCES / "01_sample.py"
    before = notebook_of(build).read_bytes()
    try:
        source.write_text(SOURCE + "\n# %%\n6 * 9\n", "utf-8")
        assert build.main(["--text"]) == 1
        assert "The code of 01_sample.ipynb has changed" in capsys.readouterr().err
        assert notebook_of(build).read_bytes() == before
    finally:
        source.write_text(SOURCE, "utf-8")


# --- source and notebook ----------------------------------------------------------------------


def test_the_check_compares_all_lessons_with_their_sources(sample_course: SampleCourse) -> None:
    build = sample_course.build
    assert build.main(["--check"]) == 0
    source = build.SOURCES / "02_second.py"
    stray = build.LESSONS / "03_stray.ipynb"
    try:
        source.write_text(SECOND, "utf-8")
        stray.write_text("{}", "utf-8")
        assert list(build.differences()) == [
            "Lesson 02 has no notebook yet: run `python tools/build.py 02`.",
            "03_stray.ipynb has no source in lessons/source/: add one or delete the notebook.",
        ]
        assert build.main(["--check"]) == 1
    finally:
        source.unlink()
        stray.unlink()


def test_new_source_beside_old_output_is_noticed(sample_course: SampleCourse) -> None:
    source = sample_course.build.SOURCES / "01_sample.py"
    try:
        edit(source, "five photos", "six photos")
        (found,) = sample_course.build.differences()
        assert found.startswith("01_sample.ipynb: cell 2 is not what its source says")
    finally:
        source.write_text(SOURCE, "utf-8")


# --- beside the ten ---------------------------------------------------------------------------


def test_a_notebook_beside_the_ten_is_built_from_its_own_folder(course: ModuleType, capsys) -> None:
    source = course.LESSONS / "deeper" / "source" / "more_of_it.py"
    source.parent.mkdir(parents=True)
    source.write_text(FIRST.replace("{{setup}} 1", "{{setup}} more of it").replace("Lesson 1: First", "More"), "utf-8")
    assert course.sources()[-1] == source
    assert list(course.differences())[-1].endswith("run `python tools/build.py more_of_it`.")
    assert course.main(["more_of_it"]) == 0
    notebook = course.read(course.LESSONS / "deeper" / "more_of_it.ipynb")
    assert notebook.cells[1].source.endswith('start("more of it")')
    assert notebook.cells[1].id.startswith("more_of_it-")
    assert "| + | [More](lessons/deeper/more_of_it.ipynb) | a number. |" in course.readme_table()
    edit(course.PYPROJECT, "OWNER/", "ann/")
    assert "/blob/v0.3.1/lessons/deeper/more_of_it.ipynb)" in course.badge(source)
    (course.LESSONS / "deeper" / "stray.ipynb").write_text("{}", "utf-8")
    assert list(course.differences())[-1] == (
        "stray.ipynb has no source in lessons/deeper/source/: add one or delete the notebook."
    )


# --- README and address -----------------------------------------------------------------------


def test_the_readme_gets_its_table(course: ModuleType, capsys) -> None:
    course.README.write_text("# Course\n", "utf-8")
    assert course.main(["--readme"]) == 1
    assert "<!-- lessons:start -->" in capsys.readouterr().err
    course.README.write_text("before\n<!-- lessons:start -->\nold\n<!-- lessons:end -->\nafter\n", "utf-8")
    course.TIMES.write_text('{"02": {"cpu_seconds": 31}}', "utf-8")
    assert course.main(["--readme"]) == 0
    assert course.README.read_text("utf-8") == (
        "before\n<!-- lessons:start -->\n"
        "| | lesson | at the end you have | time on a CPU |\n"
        "|---|---|---|---|\n"
        "| 01 | [First](lessons/01_first.ipynb) | a number. | not measured yet |\n"
        "| 02 | [Second](lessons/02_second.ipynb) | nothing, because it fails. | about 30 s |\n"
        "<!-- lessons:end -->\nafter\n"
    )


def test_publishing_sets_the_address_everywhere_and_keeps_outputs(sample_course: SampleCourse, tmp_path: Path) -> None:
    build = make_course(tmp_path / "course", {"01_sample": SOURCE})
    build.write(sample_course.stored, notebook_of(build))
    build.README.write_text("git clone https://github.com/OWNER/sample-course\n", "utf-8")
    assert build.main(["--publish", "ann/cells"]) == 0
    assert build.address() == "https://github.com/ann/cells"
    assert build.README.read_text("utf-8") == "git clone https://github.com/ann/cells\n"
    published = build.read(notebook_of(build))
    link = "https://colab.research.google.com/github/ann/cells/blob/v0.3.1/lessons/01_sample.ipynb"
    assert f"({link})" in published.cells[0].source
    assert published.cells[1:] == sample_course.stored.cells[1:]
    assert list(build.differences()) == []
    # Back again, with the whole address: nothing of the other one is left.
    assert build.main(["--publish", "https://github.com/OWNER/sample-course.git/"]) == 0
    assert build.read(notebook_of(build)) == sample_course.stored


def test_a_wrong_address_changes_nothing(sample_course: SampleCourse, capsys) -> None:
    build = load_build(sample_course.folder)
    for wrong in ("ann", "ann/", "http://github.com/a/b", "https://github.com/a b/c"):
        assert build.main(["--publish", wrong]) == 1
        assert "is not an address like OWNER/NAME" in capsys.readouterr().err
    assert build.address() == "https://github.com/OWNER/sample-course"


def test_the_study_time_is_the_first_fact_and_no_line_of_its_own(course: ModuleType) -> None:
    source = course.sources(["1"])[0]
    edit(source, "# {{facts}}", "# **Study time:** 45 minutes\n#\n# {{facts}}")
    text = course.render(source).cells[0].source
    assert "| study time | time on a CPU |" in text
    assert "| 45 minutes | not measured yet |" in text
    assert "Study time" not in text


def test_a_figure_of_the_lesson_stands_small_at_its_top(course: ModuleType) -> None:
    figure = io.BytesIO()
    Image.new("RGB", (1800, 900), "orange").save(figure, "PNG")
    data = {"image/png": base64.b64encode(figure.getvalue()).decode()}
    title = new_markdown_cell(f"# 01\n\n![an orange](attachment:{course.PICTURE})")
    cell = new_code_cell("draw()", metadata={"tags": ["picture"]}, outputs=[new_output("display_data", data)])
    course.attach_picture(new_notebook(cells=[title, cell]))
    stored = base64.b64decode(title.attachments[course.PICTURE]["image/png"])
    assert Image.open(io.BytesIO(stored)).size == (600, 300)
    cell.outputs = []
    with pytest.raises(course.BuildError, match="no cell with the tag"):
        course.attach_picture(new_notebook(cells=[title, cell]))


def test_a_thin_orange_frame_keeps_its_colour_among_many_greys(course: ModuleType) -> None:
    orange = (213, 94, 0)
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 1), dtype=np.uint8)
    pixels = np.repeat(noise, 3, axis=2)
    pixels[100:103] = orange
    figure = io.BytesIO()
    Image.fromarray(pixels).save(figure, "PNG")
    data = {"image/png": base64.b64encode(figure.getvalue()).decode()}
    title = new_markdown_cell(f"![a frame](attachment:{course.PICTURE})")
    cell = new_code_cell("draw()", metadata={"tags": ["picture"]}, outputs=[new_output("display_data", data)])
    course.attach_picture(new_notebook(cells=[title, cell]))
    stored = Image.open(io.BytesIO(base64.b64decode(title.attachments[course.PICTURE]["image/png"])))
    assert np.abs(np.subtract(stored.convert("RGB").getpixel((50, 101)), orange)).max() < 8


def test_words_of_the_picture_stay_in_the_text(course: ModuleType) -> None:
    source = course.sources()[0]
    assert course.fill("{{picture}} A dark cell", source) == "![A dark cell](attachment:picture.png)"
