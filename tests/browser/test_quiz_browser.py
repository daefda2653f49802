"""The quiz in a real JupyterLab with a real browser: mouse, keyboard, languages, secrecy.

Skipped where Chromium is missing; `make quiz-test` installs what these tests need. Set
COURSE_SCREENSHOTS to a folder to keep pictures of the quiz in light and dark.
"""

import json
import os
import shutil
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_server import FLAGS, jupyter

from course_lib.quiz.bank import find_bank, load_bank
from course_lib.quiz.grading import reveal, right_answer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine: apt-get install chromium", allow_module_level=True)
playwright_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

# Lesson 7 has an ordering and sets, lesson 8 the numbers, the photo and the code.
LESSONS = (7, 8)
BANKS = {lesson: load_bank(find_bank(lesson)) for lesson in LESSONS}
QUIZ = "section.course-quiz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


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
    """A page with a notebook of its own that shows two quizzes; nothing has run yet."""
    shutil.rmtree(folder / "work", ignore_errors=True)
    name = f"quiz{time.time_ns()}.ipynb"
    cells = [nbformat.v4.new_markdown_cell("# Before")]
    for lesson in LESSONS:
        code = f"from course_lib import quiz\nquiz.show({lesson})"
        cell = nbformat.v4.new_code_cell(code, execution_count=lesson)
        html = quiz_html(lesson)
        cell.outputs = [nbformat.v4.new_output("execute_result", html, execution_count=lesson)]
        cells.append(cell)
    cells.append(nbformat.v4.new_code_cell("answer = 1"))
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / name)
    page = browser.new_page(viewport={"width": 1100, "height": 1400})
    page.set_default_timeout(60_000)
    foreign = []
    page.on("request", lambda r: None if r.url.startswith(("data:", "blob:", server)) else foreign.append(r.url))
    page.goto(f"{server}/lab/tree/{name}?reset&token=t")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.evaluate(
        """async () => {
            const panel = window.jupyterapp.shell.currentWidget;
            await panel.sessionContext.ready;
            await panel.sessionContext.session.kernel.info;
        }"""
    )
    page.notebook_file = folder / name
    yield page
    page.close()
    assert foreign == [], "a request left the machine"


def quiz_html(lesson):
    """The stored output of a quiz cell, as a built lesson has it."""
    from course_lib.quiz.progress import Progress
    from course_lib.quiz.widget import QuizWidget

    bundle, _ = QuizWidget(BANKS[lesson], Progress())._repr_mimebundle_()
    return bundle


def run_all(page):
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.wait_for_function(f"() => document.querySelectorAll('{QUIZ}').length === {len(LESSONS)}", timeout=90_000)
    page.wait_for_function(
        """() => {
            const cells = [...document.querySelectorAll('.jp-CodeCell')];
            const prompt = (cell) => cell.querySelector('.jp-InputPrompt').textContent;
            return cells.every((cell) => /\\[\\d+\\]/.test(prompt(cell)));
        }"""
    )


def cell_count(page):
    return page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")


def card(page, identifier):
    """The card of a question, found by its English or Japanese prompt's place in the bank."""
    lesson = int(identifier[:2])
    place = [question.id for question in BANKS[lesson].questions].index(identifier)
    return page.locator(QUIZ).nth(LESSONS.index(lesson)).locator(".question").nth(place)


def question_of(identifier):
    return BANKS[int(identifier[:2])].question(identifier)


def plain(text):
    return text.replace("`", "")


def test_before_running_the_questions_are_there_in_both_languages(lab):
    text = lab.locator(".jp-Notebook").inner_text()
    question = question_of("07-overfitting")
    assert plain(question.prompt.en) in text
    lab.locator(".course-quiz-fallback details[lang=ja] summary").first.click()
    text = lab.locator(".jp-Notebook").inner_text()
    assert plain(question.prompt.ja) in text
    assert plain(question.options[0].text.ja) in text
    assert lab.locator(QUIZ).count() == 0


def test_mouse_answers_retry_languages_and_restart(lab):
    run_all(lab)
    identifier = "07-overfitting"
    question, here = question_of(identifier), card(lab, identifier)
    right = right_answer(question)
    wrong = (right + 1) % len(question.options)
    here.get_by_text(plain(question.options[wrong].text.en), exact=True).click()
    here.get_by_role("button", name="Check").click()
    here.locator(".verdict", has_text="Not right yet").wait_for()
    assert "✗ Wrong:" in here.inner_text()
    assert plain(question.options[wrong].reason.en) in here.inner_text()
    assert plain(question.options[right].reason.en) not in here.inner_text()
    here.get_by_role("button", name="Try again").click()
    here.get_by_text(plain(question.options[right].text.en), exact=True).click()
    here.get_by_role("button", name="Check").click()
    here.locator(".verdict", has_text="✓ Right").wait_for()
    quiz = lab.locator(QUIZ).first
    count = len(BANKS[7].questions)
    assert f"1 of {count} answered, 1 right" in quiz.inner_text()
    assert "medium · 2 attempts" in here.inner_text() or "basic · 2 attempts" in here.inner_text()
    assert "Your answers are kept in work/quiz/answers-" in quiz.inner_text()
    lab.locator(QUIZ).first.get_by_role("button", name="日本語").click()
    here.locator(".verdict", has_text="正解です").wait_for()
    assert plain(question.options[right].reason.ja) in here.inner_text()
    assert lab.locator(QUIZ).first.get_attribute("lang") == "ja"
    # The kernel starts anew; the answers are still known, and so is the language.
    lab.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }")
    run_all(lab)
    card(lab, identifier).locator(".verdict", has_text="正解です").wait_for()
    lab.locator(QUIZ).first.get_by_role("button", name="English").click()
    card(lab, identifier).locator(".verdict", has_text="✓ Right").wait_for()


def test_keyboard_never_reaches_the_cells(lab):
    run_all(lab)
    before = cell_count(lab)
    assert before == 4
    selector = f"{QUIZ} :is(input, button):not([hidden])"
    total = lab.locator(selector).count()
    assert total > 60
    for position in range(total):
        control = lab.locator(selector).nth(position)
        if not control.is_visible():
            continue
        for key in ("x", "d", "d", "a", "b", "z", "ArrowDown", "ArrowUp", "Enter", "Shift+Enter"):
            control = lab.locator(selector).nth(position)
            control.focus()
            lab.keyboard.press(key)
            inside = lab.evaluate(f"() => document.activeElement.closest('{QUIZ}') !== null")
            assert inside, f"{key} on control {position} lost the focus"
        if position % 10 == 0:
            assert cell_count(lab) == before, f"control {position} changed the notebook"
    assert cell_count(lab) == before
    assert lab.locator(QUIZ).count() == len(LESSONS)


def test_keyboard_alone_answers_every_type(lab):
    begin = time.time()
    run_all(lab)

    def focused():
        return lab.evaluate("() => document.activeElement.dataset.focus")

    # single: arrows choose, Enter checks
    question = question_of("07-overfitting")
    here = card(lab, question.id)
    here.locator("input").first.wait_for()
    lab.wait_for_timeout(3000)
    here.locator("input").first.focus()
    lab.keyboard.press("Space")
    while focused() != str(right_answer(question)):
        lab.keyboard.press("ArrowDown")
    lab.keyboard.press("Enter")
    here.locator(".verdict", has_text="✓ Right").wait_for()
    # multiple: one tab stop, arrows move, Space marks
    question = question_of("07-what-eval-changes")
    here = card(lab, question.id)
    assert here.locator("input[tabindex='0']").count() == 1
    here.locator("input[tabindex='0']").focus()
    for _ in question.options:
        if int(focused()) in right_answer(question):
            lab.keyboard.press("Space")
        lab.keyboard.press("ArrowDown")
    lab.keyboard.press("Tab")
    lab.keyboard.press("Enter")
    here.locator(".verdict", has_text="✓ Right").wait_for()
    # each question has its own time, though all were shown at once
    (file,) = (lab.notebook_file.parent / "work" / "quiz").glob("answers-*.jsonl")
    first, second = (json.loads(line)["seconds"] for line in file.read_text("utf-8").splitlines())
    assert first >= 3 and first + second <= time.time() - begin
    # ordering: the arrow buttons move a step, the focus goes with it
    question = question_of("07-order-of-the-loop")
    here = card(lab, question.id)
    for rank, position in enumerate(right_answer(question)):
        here.locator(f"[data-focus='{position}up']").focus()
        for _ in range(10):
            order = here.locator("[data-focus$='up']").evaluate_all("all => all.map(b => parseInt(b.dataset.focus))")
            if order.index(position) == rank:
                break
            lab.keyboard.press("Space")
            assert focused() == f"{position}up"
    here.get_by_role("button", name="Check").focus()
    lab.keyboard.press("Enter")
    here.locator(".verdict", has_text="✓ Right").wait_for()
    # numeric: full-width digits
    here = card(lab, "08-missed-defect-rate")
    here.locator("input").focus()
    lab.keyboard.insert_text("２０，０％")
    lab.keyboard.press("Enter")
    here.locator(".verdict", has_text="✓ Right").wait_for()
    # hot-spot: arrows walk over the squares in two directions
    here = card(lab, "08-warm-where")
    here.locator("input").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        lab.keyboard.press(key)
    assert focused() == "3-2"
    lab.keyboard.press("Enter")
    here.locator(".verdict", has_text="✓ Right").wait_for()
    # code: not attempted before the function exists, right afterwards
    here = card(lab, "08-overkill-function")
    here.get_by_role("button", name="Check").focus()
    lab.keyboard.press("Enter")
    here.locator(".verdict", has_text="Not attempted").wait_for()
    lab.evaluate(
        """(code) => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
            .requestExecute({ code }).done""",
        question_of("08-overkill-function").code.solution,
    )
    lab.keyboard.press("Enter")
    here.locator(".verdict", has_text="✓ Right").wait_for()
    assert cell_count(lab) == 4


def test_no_key_in_page_file_or_state_before_a_check(lab):
    run_all(lab)
    lab.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    lab.wait_for_timeout(1000)
    state = lab.evaluate(
        """async () => {
            const panel = window.jupyterapp.shell.currentWidget;
            return JSON.stringify(panel.context.model.toJSON());
        }"""
    )
    outside = "\n".join([lab.content(), state, lab.notebook_file.read_text(encoding="utf-8")])
    outside = json.dumps(outside, ensure_ascii=False)
    for bank in BANKS.values():
        for question in bank.questions:
            for remark in reveal(question):
                for text in (remark.text.en, remark.text.ja):
                    longest = max(text.split("`"), key=len)
                    assert longest not in outside, f"{question.id}: {longest}"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_accessible_in_light_and_dark(lab, theme):
    axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    lab.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    run_all(lab)
    lab.wait_for_timeout(500)
    wrong, right = question_of("07-overfitting"), question_of("07-temporary-name")
    for question, position in ((wrong, (right_answer(wrong) + 1) % 4), (right, right_answer(right))):
        here = card(lab, question.id)
        here.locator(f"input[data-focus='{position}']").click()
        here.get_by_role("button", name="Check").click()
        here.locator(".verdict[data-kind]:not([data-kind=''])").wait_for()
    card(lab, "08-warm-where").locator("input[data-focus='5-5']").click(force=True)
    card(lab, "08-warm-where").get_by_role("button", name="Check").click()
    card(lab, "08-warm-where").locator(".verdict", has_text="Not right").wait_for()
    pictures = os.environ.get("COURSE_SCREENSHOTS")
    if pictures:
        lab.set_viewport_size({"width": 1100, "height": 5000})
        for lesson in range(len(LESSONS)):
            name = f"quiz-{LESSONS[lesson]}-{theme.split()[1].lower()}.png"
            lab.locator(QUIZ).nth(lesson).screenshot(path=Path(pictures) / name)
    expected = theme.split()[1].lower()
    assert lab.locator(QUIZ).first.get_attribute("data-theme") == expected
    results = axe_api.Axe().run(lab, context=QUIZ)
    serious = [
        (violation["id"], [node["html"][:160] for node in violation["nodes"]])
        for violation in results.response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []
