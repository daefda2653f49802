"""Tasks and guesses in a real JupyterLab: nothing tells an answer before its cell is run, keys stay in the control.

Skipped where Chromium is missing; `make quiz-test` installs what these tests need. Set
COURSE_SCREENSHOTS to a folder to keep pictures in light and dark.
"""

import os
import shutil
import sys
from pathlib import Path

import build
import nbformat
import pytest
from jupyter_server import FLAGS, jupyter
from nbclient import NotebookClient
from notebook_samples import REAL_PROJECT

from course_lib.quiz.tasks.content import Guess, of_lesson

sys.path.append(str(REAL_PROJECT / "tests" / "quiz"))
from sample_tasks import Brightest, Darker, Share

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine: apt-get install chromium", allow_module_level=True)
playwright_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

CELLS = [
    "import os\nos.environ['COURSE_PROJECT'] = {course!r}\nfrom course_lib import quiz",
    f"{Brightest.stub}\n\nquiz.check('02-brightest', brightest)",
    "quiz.guess('02-darker')",
    "quiz.compare('02-darker')\nprint('the defective', 'ones it is')",
    "quiz.guess('02-share')",
    "quiz.compare('02-share', 100 / 8)",
    "quiz.guesses(2)",
]
WITH_GUESSES = [
    path
    for path in build.sources()
    if build.lesson_number(path).isdecimal() and of_lesson(int(build.lesson_number(path)), Guess)
]  # the lessons themselves, as they are stored
# All that a reader, or a screen reader, meets: visible text, and words of visible elements.
PERCEIVED = """() => [...document.querySelectorAll('.jp-Notebook *')].filter(node => node.checkVisibility())
    .map(node => ['alt', 'title', 'aria-label'].map(name => node.getAttribute(name) || '').join(' ')).join(' ')
    + document.querySelector('.jp-Notebook').innerText"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A course with the sample tasks, and a notebook of it with stored outputs."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "course" / "lessons" / "tasks").mkdir(parents=True)
    shutil.copy(REAL_PROJECT / "tests" / "quiz" / "sample_tasks.py", folder / "course" / "lessons" / "tasks" / "02.py")
    cells = [nbformat.v4.new_code_cell(cell.replace("{course!r}", repr(str(folder / "course")))) for cell in CELLS]
    for cell in cells:
        cell.metadata.update(build.FOLDED if build.TELLS_A_RESULT.search(cell.source) else {})
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    NotebookClient(notebook, store_widget_state=False).execute(env=os.environ | {"COURSE_WORK": str(folder / "other")})
    nbformat.write(notebook, folder / "sample.ipynb")
    for source in WITH_GUESSES:
        shutil.copy(build.notebook_path(source), folder)
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with jupyter("jupyterlab", folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def lab(server, browser, folder):
    """Opens a notebook; nothing has run yet."""
    shutil.rmtree(folder / "work", ignore_errors=True)
    pages = []

    def open_notebook(name, height=2200):
        page = browser.new_page(viewport={"width": 1100, "height": height})
        pages.append(page)
        page.set_default_timeout(60_000)
        page.goto(f"{server}/lab/tree/{name}?reset&token=t")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.evaluate(
            """async () => {
                const panel = window.jupyterapp.shell.currentWidget;
                await panel.sessionContext.ready;
                await panel.sessionContext.session.kernel.info;
            }"""
        )
        return page

    yield open_notebook
    for page in pages:
        page.close()


def read_to_the_end(page):
    """What a reader perceives who scrolls from cell to cell: only cells in sight are drawn."""
    content = "window.jupyterapp.shell.currentWidget.content"
    perceived = []
    for number in range(page.evaluate(f"() => {content}.widgets.length")):
        page.evaluate(f"async number => await {content}.scrollToItem(number, 'start')", number)
        page.wait_for_function(f"number => {content}.widgets[number].node.isConnected", arg=number)
        perceived.append(page.evaluate(PERCEIVED))
    return " ".join(perceived).replace("`", "")


def run_cell(page, number):
    """Run one cell and wait for its prompt; gives the cell."""
    page.evaluate(
        """number => {
            const content = window.jupyterapp.shell.currentWidget.content;
            content.deselectAll();
            content.activeCellIndex = number;
            content.widgets[number].model.executionCount = null;
            window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        number,
    )
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(number)
    page.wait_for_function(
        """number => /\\[\\d+\\]/.test(document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')[number]
            .textContent)""",
        arg=number,
    )
    return cell


def test_no_answer_is_on_the_page_before_its_cell_is_run(lab):
    page = lab("sample.ipynb")
    page.wait_for_selector("text=Not attempted yet")
    perceived = page.evaluate(PERCEIVED)
    assert Darker.ask["en"] in perceived and "Your guess beside the result" in perceived
    for told in (
        Darker.see["en"],
        Share.see["en"],
        "the defective ones it is",
        "12.5",
        Brightest.why["en"],
        "image.max",
    ):
        assert told not in perceived
    run_cell(page, 0)
    cell = run_cell(page, 3)
    cell.get_by_text(Darker.see["en"]).wait_for()  # running a folded cell opens it
    assert "the defective ones it is" in cell.inner_text() and "no guess on record" in cell.inner_text()


@pytest.mark.parametrize("source", WITH_GUESSES, ids=lambda path: path.stem)
def test_no_answer_of_a_lesson_is_on_the_page_before_it_is_run(lab, source):
    page = lab(build.notebook_path(source).name)
    page.wait_for_selector(".jp-Notebook h1")
    perceived = read_to_the_end(page)
    for guess in of_lesson(int(build.lesson_number(source)), Guess):
        assert guess.ask["en"].replace("`", "") in perceived
        assert guess.see["en"].replace("`", "") not in perceived


def test_a_guess_is_made_from_the_keyboard_and_no_cell_is_harmed(lab, folder):
    page = lab("sample.ipynb")
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    run_cell(page, 0)
    control = run_cell(page, 2).locator(".course-guess")
    control.locator("input").first.focus()
    for key in ("ArrowDown", "x", "d", "d", "a"):
        page.keyboard.press(key)
    control.get_by_text("On record: the defective ones.").wait_for()
    assert cells.count() == len(CELLS)
    number = run_cell(page, 4).locator(".course-guess")
    number.locator("input").focus()
    page.keyboard.type("a third")
    page.keyboard.press("Enter")
    number.get_by_text("No number could be read").wait_for()
    number.locator("input").fill("")
    page.keyboard.type("30x")
    page.keyboard.press("Enter")
    number.get_by_text("On record: 30 %.").wait_for()
    compared = run_cell(page, 3)
    compared.get_by_text("✓").wait_for()
    control.get_by_text("The result has been shown.").wait_for()
    assert control.locator("input").first.is_disabled()
    run_cell(page, 5)
    together = run_cell(page, 6)
    together.get_by_text("30 %").wait_for()
    assert cells.count() == len(CELLS)
    assert (folder / "work" / "quiz" / "guesses.json").is_file()


def test_a_task_is_tried_and_looks_right_in_light_and_dark(lab):
    page = lab("sample.ipynb", height=1500)
    run_cell(page, 0)
    cell = run_cell(page, 1)
    cell.get_by_text("Not attempted yet.").wait_for()
    model = "window.jupyterapp.shell.currentWidget.content.widgets[1].model.sharedModel"
    for body, told in (("return 3", "7 was expected"), ("return image.max()", "Right.")):
        page.evaluate(f"code => {model}.setSource(code)", CELLS[1].replace("...", body))
        cell = run_cell(page, 1)
        cell.get_by_text(told).wait_for()
        keep_pictures(page, told)
    page.evaluate(f"code => {model}.setSource(code)", CELLS[1])
    cell = run_cell(page, 1)
    cell.get_by_text("Your code from then").click()
    assert cell.get_by_text("return image.max()").is_visible()
    run_cell(page, 2)
    run_cell(page, 3)
    run_cell(page, 4)
    keep_pictures(page, "all")


def keep_pictures(page, name):
    if shots := os.environ.get("COURSE_SCREENSHOTS"):
        for theme in ("Light", "Dark"):
            page.evaluate(
                f"() => window.jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})"
            )
            page.wait_for_timeout(1500)
            page.screenshot(path=Path(shots) / f"tasks {name} {theme}.png".replace(" ", "-"))
