"""The quiz outside JupyterLab: in Notebook 7, in the classic Notebook 6, and in a bare page.

The bare page stands for front ends that cannot run here (Colab, VS Code): it has nothing of
Jupyter in it, only what anywidget promises to a widget, and the colours of that front end. The
answers are judged by the real Python side. Skipped where Chromium, or that Notebook, is missing.
"""

import base64
import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from jupyter_server import FLAGS, jupyter

from course_lib.quiz import show, widget
from course_lib.quiz.bank import find_bank, load_bank
from course_lib.quiz.collect import collect
from course_lib.quiz.grading import right_answer
from course_lib.quiz.new_bank import new_bank
from course_lib.quiz.release import release

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine: apt-get install chromium", allow_module_level=True)
playwright_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")

QUIZ = "section.course-quiz"
BANK = load_bank(find_bank(8))
FILES = Path(widget.__file__).parent

# What each front end puts into the page around a widget.
PAGES = {
    "nothing": ("light", "<html lang=en>", ""),
    "Colab, dark": ("dark", "<html lang=en theme=dark>", "body{background:#383838;color:#eee}"),
    "VS Code, light": (
        "light",
        "<html lang=en>",
        ":root{--vscode-editor-background:#ffffff;--vscode-editor-foreground:#3b3b3b}",
    ),
    "VS Code, dark": (
        "dark",
        "<html lang=en>",
        ":root{--vscode-editor-background:#1f1f1f;--vscode-editor-foreground:#cccccc}body{background:#1f1f1f}",
    ),
}
PAGE = """<!doctype html>HTML<head><meta charset=utf-8><title>Quiz</title>
<style>STYLE</style><style>CSS</style></head><body><main id=place></main><script type=module>
const page = await import("data:text/javascript;base64,SCRIPT");
const values = STATE, calls = {};
window.fromPython = (message) => calls["msg:custom"](message);
window.model = {
  get: (name) => values[name],
  set: (name, value) => { values[name] = value; calls["change:" + name]?.(); },
  save_changes() {}, off() {},
  on: (event, call) => { calls[event] = call; },
  send: (message) => window.toPython(message),
};
page.default.render({ model: window.model, el: document.getElementById("place") });
window.ready = true;
</script></body></html>"""


@pytest.fixture(scope="module")
def browser():
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def learner(tmp_path, monkeypatch):
    """Answers of this test go to a folder of their own, and options are shuffled."""
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    for name in ("COURSE_FIXED_ORDER", "CI", "COURSE_QUIZ"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def opened(browser, folder, quiz, around="nothing"):
    """A page with nothing of Jupyter that shows a quiz, and a function that lets both sides talk."""
    _, opening, style = PAGES[around]
    state = {name: quiz.get_state()[name] for name in ("content", "language")}
    text = PAGE.replace("HTML", opening, 1).replace("STYLE", style, 1)
    text = text.replace("CSS", (FILES / "widget.css").read_text(encoding="utf-8"), 1)
    script = base64.b64encode(widget.QuizWidget._esm.encode()).decode()
    text = text.replace("SCRIPT", script, 1)
    file = folder / "page.html"
    file.write_text(text.replace("STATE", json.dumps(state), 1), encoding="utf-8")
    page = browser.new_page(viewport={"width": 420, "height": 900})  # as narrow as a phone
    foreign = []
    page.on("request", lambda r: None if r.url.startswith(("data:", "file:")) else foreign.append(r.url))
    replies = []
    quiz.send = lambda message, buffers=None: replies.append(message)

    def to_python(message):
        replies.clear()
        quiz._receive(quiz, message, [])
        page.evaluate("(all) => all.forEach(window.fromPython)", list(replies))

    waiting = []
    page.expose_function("toPython", lambda message: waiting.append(message))
    page.goto(file.as_uri())
    page.wait_for_function("window.ready")

    def exchange():
        page.wait_for_timeout(50)
        while waiting:
            to_python(waiting.pop(0))

    exchange()
    return page, exchange, foreign


@pytest.mark.parametrize("around", PAGES)
def test_in_a_page_with_nothing_of_jupyter(browser, learner, around):
    theme = PAGES[around][0]
    page, exchange, foreign = opened(browser, learner, show(8), around)
    place = [question.id for question in BANK.questions].index("08-dear-misses")
    question, card = BANK.questions[place], page.locator(".question").nth(place)
    right = right_answer(question)
    for position, verdict in (((right + 1) % 3, "Not right yet"), (right, "✓ Right")):
        card.locator(f"input[data-focus='{position}']").click()
        card.get_by_role("button", name="Check").click()
        exchange()
        assert verdict in card.inner_text()
        if position != right:
            card.get_by_role("button", name="Try again").click()
            exchange()
    assert "Your answers are kept in work/quiz/answers-" in page.locator(QUIZ).inner_text()
    assert page.locator(QUIZ).get_attribute("data-theme") == theme
    page.get_by_role("button", name="日本語").click()
    assert question.prompt.ja.replace("`", "") in card.inner_text()
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    small = page.locator(f"{QUIZ} :is(button, .option > label):not([hidden])").evaluate_all(
        "(all) => all.filter((e) => e.offsetParent && e.getBoundingClientRect().height < 44).map((e) => e.textContent)"
    )
    assert small == [], "touch targets under 44 pixels"
    found = axe_api.Axe().run(page, context=QUIZ).response["violations"]
    serious = [
        (violation["id"], [node["html"][:160] for node in violation["nodes"]])
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert foreign == [], "a request left the machine"
    page.close()


def test_a_released_quiz_saves_once_and_asks_for_a_student_number(browser, learner, monkeypatch):
    (learner / "course").mkdir()
    (learner / "course" / "class.yaml").write_text('student_number: "[0-9]{4}"\n', encoding="utf-8")
    monkeypatch.setenv("COURSE_PROJECT", str(learner / "course"))
    given, kept = release(new_bank(learner / "mine" / "11_mine.yaml"), learner / "graded")
    page, exchange, _ = opened(browser, learner, show(11, given.parent))
    student, first, *_ = page.locator(".question").all()
    assert "Your student number" in student.inner_text() and "Question 1 of 6" in first.inner_text()
    for typed, told in (("42", "does not look like"), ("0041", "Saved. You can still correct it."), ("0042", "Saved.")):
        student.locator("input").fill(typed)
        student.get_by_role("button", name="Save answer").click()
        exchange()
        assert told in student.inner_text()
    assert "0 of 6 answered; each answer is saved once, for good" in page.locator(QUIZ).inner_text()
    first.locator("input").first.click()
    first.get_by_role("button", name="Save answer").click()
    exchange()
    assert "Saved. Your instructor scores it." in first.inner_text()
    assert "1 of 6 answered" in page.locator(QUIZ).inner_text()
    button = first.get_by_role("button", name="Saved")
    assert button.get_attribute("aria-disabled") == "true"
    button.click(force=True)
    first.locator("input").last.click(force=True)
    exchange()
    assert len(first.get_by_role("radio").all()) == 3 and first.locator("input").first.is_checked()
    page.get_by_role("button", name="日本語").click()
    assert "保存済み" in first.inner_text() and "学籍番号" in student.inner_text()
    found = collect(learner / "work" / "quiz", [load_bank(kept)])
    assert len(found.answers) == 1 and list(found.students.values()) == ["0042"]
    page, _, _ = opened(browser, learner, show(11, given.parent))  # after a restart
    assert page.locator(".question").first.locator("input").input_value() == "0042"
    assert page.locator(".question").nth(1).get_by_role("button", name="Saved").count() == 1


# Beside Notebook 7 the classic one has its own place; `make quiz-test` installs both.
PLACE = {"notebook": "/notebooks", "nbclassic": "/nbclassic/notebooks"}
CELLS = {
    "notebook": "() => window.jupyterapp.shell.currentWidget.content.widgets.length",
    "nbclassic": "() => Jupyter.notebook.ncells()",
}
RUN = {
    "notebook": "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }",
    "nbclassic": "() => Jupyter.notebook.execute_all_cells()",
}
READY = {
    "notebook": "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel",
    # Its extensions load one after the other; a cell that runs before them shows no widget.
    "nbclassic": """() => window.Jupyter?.notebook?.kernel?.is_connected()
        && Jupyter.notebook.kernel.widget_manager
        && requirejs.defined("nbextensions/anywidget/extension")""",
}


@pytest.mark.parametrize("application", ["notebook", "nbclassic"])
def test_in_other_notebooks(browser, tmp_path, application):
    if find_spec("notebook") is None or find_spec("nbclassic") is None:
        pytest.skip("Notebook 7 and the classic Notebook are not installed: make quiz-test")
    code = ["from course_lib import quiz\nquiz.show(8)", "answer = 1"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in code])
    bundle, _ = show(8)._repr_mimebundle_()
    stored = nbformat.v4.new_output("execute_result", bundle, execution_count=1)
    notebook.cells[0] |= {"execution_count": 1, "outputs": [stored]}
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, tmp_path / "quiz.ipynb")
    question = BANK.question("08-dear-misses")
    place = BANK.questions.index(question)
    with jupyter(application, tmp_path) as server:
        page = browser.new_page(viewport={"width": 1100, "height": 1400})
        page.set_default_timeout(60_000)
        foreign = []
        page.on("request", lambda r: None if r.url.startswith(("data:", "blob:", server)) else foreign.append(r.url))
        page.goto(f"{server}{PLACE[application]}/quiz.ipynb?token=t")
        page.wait_for_function(READY[application])
        before_running = page.locator("body").inner_text()
        assert question.prompt.en.replace("`", "") in before_running
        page.evaluate(RUN[application])
        page.wait_for_selector(QUIZ)
        before = page.evaluate(CELLS[application])
        assert before == 2
        card = page.locator(".question").nth(place)
        card.locator(f"input[data-focus='{right_answer(question)}']").focus()
        lab_keys = ("x", "d", "d", "a", "b", "z", "ArrowDown", "ArrowUp")
        for key in lab_keys:
            page.keyboard.press(key)
            inside = page.evaluate(f"() => document.activeElement.closest('{QUIZ}') !== null")
            assert inside, f"{key} lost the focus"
        assert page.evaluate(CELLS[application]) == before
        card.locator(f"input[data-focus='{right_answer(question)}']").focus()
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        card.locator(".verdict", has_text="✓ Right").wait_for()
        page.locator(QUIZ).get_by_role("button", name="日本語").click()
        card.locator(".verdict", has_text="正解です").wait_for()
        assert page.evaluate(CELLS[application]) == before
        page.close()
        assert foreign == [], "a request left the machine"
