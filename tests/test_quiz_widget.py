"""The widget without a browser: what it tells, what it keeps to itself, what it remembers."""

import html
import json
import re
import sys
from types import ModuleType

import pytest

from course_lib.errors import CourseError
from course_lib.quiz import progress, show
from course_lib.quiz.bank import load_banks
from course_lib.quiz.grading import reveal, right_answer
from course_lib.quiz.kinds import KINDS
from course_lib.quiz.kinds.options import WithOptions
from course_lib.quiz.progress import Progress, read_line
from course_lib.quiz.shuffle import option_order
from course_lib.quiz.widget import QuizWidget, fallback_html

BANKS = load_banks()


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Each test has its own answers, and options are mixed as they are for a learner."""
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))
    monkeypatch.delenv("COURSE_FIXED_ORDER", raising=False)
    monkeypatch.delenv("COURSE_QUIZ", raising=False)
    monkeypatch.delenv("CI", raising=False)


class Page:
    """What the browser would send and receive."""

    def __init__(self, widget):
        self.widget = widget
        self.received = []
        widget.send = lambda message, buffers=None: self.received.append(message)

    def say(self, **message):
        before = len(self.received)
        self.widget._receive(self.widget, message, [])
        return self.received[before:]

    def check(self, question, answer):
        return self.say(kind="check", question=question.id, answer=answer, seconds=3)[0]


def keys_in(value):
    if isinstance(value, dict):
        yield from value
        for part in value.values():
            yield from keys_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from keys_in(part)


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_no_key_and_no_reason_leave_python_before_a_check(bank):
    widget = show(bank.lesson)
    state = widget.get_state()
    outside = json.dumps(state, ensure_ascii=False) + json.dumps(widget._repr_mimebundle_(), ensure_ascii=False)
    assert not {"right", "reason", "place", "value", "cases", "regions"} & set(keys_in(state["content"]))
    for question in bank.questions:
        for remark in reveal(question):
            assert remark.text.en not in outside
            assert remark.text.ja not in outside
        if question.type == "numeric":
            for mistake in question.number.mistakes:
                assert mistake.reason.en not in outside


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_fallback_shows_all_questions_in_both_languages(bank):
    page = html.unescape(re.sub(r"</?code>", "`", fallback_html(bank)))
    for question in bank.questions:
        texts = [question.prompt]
        if isinstance(question, WithOptions):
            texts += [option.text for option in question.options]
        for text in texts:
            assert text.en in page
            assert text.ja in page


def test_text_form_is_two_stable_lines():
    bundle, _ = show(10)._repr_mimebundle_()
    count = len(BANKS[9].questions)
    assert bundle["text/plain"] == f"Quiz 10: {count} questions\nRun this cell to answer; English and 日本語."
    assert bundle["text/html"] == show(10)._repr_mimebundle_()[0]["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_running_in_colab_shows_the_widget_and_nothing_that_could_hide_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    bundle, _ = show(10)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "application/vnd.jupyter.widget-view+json"}


def test_html_of_the_fallback_is_escaped():
    from dataclasses import replace

    from course_lib.quiz.texts import Text

    bank = BANKS[0]
    evil = replace(bank.questions[0], prompt=Text("<script>alert(1)</script>", "<b>太字</b>"))
    page = fallback_html(replace(bank, questions=(evil,)))
    assert "<script>" not in page and "<b>" not in page
    assert "&lt;script&gt;" in page


def test_wrong_answer_gets_its_own_reason_only_and_right_answer_gets_all():
    bank = BANKS[0]
    question = bank.questions[0]
    page = Page(show(1))
    wrong = (right_answer(question) + 1) % len(question.options)
    reply = page.check(question, wrong)
    assert reply["outcome"] == "wrong"
    assert [remark["position"] for remark in reply["remarks"]] == [wrong]
    assert not any(remark["right"] for remark in reply["remarks"])
    reply = page.check(question, right_answer(question))
    assert reply["outcome"] == "right" and reply["attempts"] == 2
    assert len(reply["remarks"]) == len(question.options)


def test_answer_is_shown_only_after_two_attempts():
    question = BANKS[0].questions[0]
    page = Page(show(1))
    assert page.say(kind="reveal", question=question.id) == []
    wrong = (right_answer(question) + 1) % len(question.options)
    assert page.check(question, wrong)["may_reveal"] is False
    assert page.say(kind="reveal", question=question.id) == []
    assert page.check(question, wrong)["may_reveal"] is True
    assert page.say(kind="reveal", question=question.id)[0]["answer"] == right_answer(question)


def test_nothing_chosen_is_not_recorded():
    question = BANKS[0].questions[0]
    page = Page(show(1))
    assert page.check(question, None)["outcome"] == "not attempted"
    assert Progress().answers() == []


def test_answers_are_remembered_after_a_restart():
    first = BANKS[0].questions[0]
    second = next(question for question in BANKS[0].questions if question.type == "multiple")
    page = Page(show(1))
    page.check(first, right_answer(first))
    page.check(second, right_answer(second)[:1])
    status = Page(show(1)).say(kind="hello")[0]["judged"]
    assert status[first.id]["outcome"] == "right"
    assert status[second.id]["outcome"] == "wrong"
    assert status[second.id]["answer"] == right_answer(second)[:1]


def test_unknown_question_or_language_gets_a_sentence():
    assert "99-none" in Page(show(1)).say(kind="again", question="99-none")[0]["text"]
    with pytest.raises(CourseError, match="'fr'"):
        show(1, language="fr")


def test_answers_of_a_changed_question_are_not_resumed():
    from dataclasses import replace

    bank = BANKS[0]
    question = bank.questions[0]
    Page(show(1)).check(question, right_answer(question))
    changed = replace(bank, questions=(replace(question, hash="another"), *bank.questions[1:]))
    status = Page(QuizWidget(changed, Progress())).say(kind="hello")[0]["judged"]
    assert question.id not in status


# ---- the order of options -------------------------------------------------------------


def test_order_is_stable_for_a_learner_and_differs_between_learners():
    singles = [q for bank in BANKS for q in bank.questions if len(q.positions()) == 4]
    assert len(singles) >= 20

    def orders(learner):
        return [option_order(question, learner, 1) for question in singles]

    assert orders("ada") == orders("ada")
    differing = sum(a != b for a, b in zip(orders("ada"), orders("ben"), strict=True))
    assert differing > 0.75 * len(singles)  # by chance 23 of 24 orders differ
    again = [option_order(question, "ada", 2) for question in singles]
    assert sum(a != b for a, b in zip(orders("ada"), again, strict=True)) > 0.75 * len(singles)


def test_every_place_is_equally_likely():
    question = next(q for q in BANKS[0].questions if len(q.positions()) == 4)
    first = [option_order(question, f"learner {i}", 1)[0] for i in range(4000)]
    for position in range(4):  # 1000 expected, standard deviation 27
        assert 850 < first.count(position) < 1150


def test_ordering_never_starts_solved():
    for bank in BANKS:
        for question in bank.questions:
            if question.type == "ordering":
                for i in range(500):
                    assert option_order(question, f"learner {i}", 1) != right_answer(question)


@pytest.mark.parametrize("variable", ["COURSE_FIXED_ORDER", "CI"])
def test_test_runs_show_the_order_of_the_bank_and_make_no_learner(variable, monkeypatch, tmp_path):
    monkeypatch.setenv(variable, "1")
    for question in show(1).content["questions"]:
        if "order" in question:
            assert question["order"] == sorted(question["order"])
    assert list(tmp_path.iterdir()) == []


# ---- the file of answers ---------------------------------------------------------------


def test_a_damaged_line_costs_only_itself():
    first, second, third = BANKS[0].questions[:3]
    page = Page(show(1))
    page.check(first, right_answer(first))
    page.check(second, right_answer(second))
    file = Progress().file
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0][:40] + b"\xff\xfe\n" + lines[1] + b'{"cut off": ')
    page.check(third, right_answer(third))
    kept = [answer["question"] for answer in Progress().answers()]
    assert kept == [second.id, third.id]


def test_an_edited_line_is_noticed():
    question = BANKS[0].questions[0]
    Page(show(1)).check(question, 0)
    line = Progress().file.read_bytes().strip()
    assert read_line(line) is not None
    assert read_line(line.replace(b'"attempt": 1', b'"attempt": 9')) is None


def test_record_holds_no_name_of_person_or_machine(monkeypatch):
    monkeypatch.setenv("USER", "ada.lovelace")
    question = BANKS[0].questions[0]
    Page(show(1)).check(question, 0)
    record = Progress().answers()[0]
    assert set(record) == {
        "version",
        "learner",
        "lesson",
        "question",
        "hash",
        "attempt",
        "chosen",
        "outcome",
        "score",
        "seconds",
        "at",
        "seal",
    }
    assert re.fullmatch(r"[0-9a-f]{12}", record["learner"])


def test_the_page_is_told_where_the_answers_are_once_there_is_one(monkeypatch):
    question = BANKS[0].questions[0]
    page = Page(show(1))
    assert page.say(kind="hello")[0]["kept"] is None
    assert page.check(question, None).get("kept") is None
    file = f"work/quiz/{Progress().file.name}"
    assert page.check(question, 0)["kept"] == {"file": file, "lost": False}
    assert Page(show(1)).say(kind="hello")[0]["kept"]["file"] == file
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    assert page.check(question, 0)["kept"]["lost"] is True


def test_answers_on_a_connected_drive_survive_the_session(monkeypatch, tmp_path):
    monkeypatch.setattr(progress, "COLAB_DRIVE", tmp_path / "MyDrive")
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.delenv("COURSE_WORK")
    assert "MyDrive" not in str(Progress().folder)  # not connected yet
    (tmp_path / "MyDrive").mkdir()
    assert Progress().folder == tmp_path / "MyDrive" / "visual-inspection-course" / "quiz"
    assert not Progress().is_lost_with_the_session()


def test_a_full_disk_is_told_and_the_judgement_still_arrives(monkeypatch, tmp_path):
    question = BANKS[0].questions[0]
    page = Page(show(1))
    blocked = Progress().folder
    Progress().file  # noqa: B018 - makes the learner
    (blocked / Progress().file.name).mkdir()
    reply = page.check(question, right_answer(question))
    assert reply["outcome"] == "right"
    assert "cannot be kept" in reply["problem"]


def test_learner_file_with_a_path_in_it_is_replaced(tmp_path):
    (tmp_path / "quiz").mkdir()
    (tmp_path / "quiz" / "learner.txt").write_text("../../elsewhere", encoding="utf-8")
    assert re.fullmatch(r"[0-9a-f]{12}", Progress().learner)


def test_a_copied_answer_file_carries_the_learner_to_another_machine(tmp_path, monkeypatch):
    question = BANKS[0].questions[0]
    Page(show(1)).check(question, right_answer(question))
    file, learner = Progress().file, Progress().learner
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("COURSE_QUIZ", str(elsewhere))
    assert Page(show(1)).say(kind="hello")[0]["judged"][question.id]["outcome"] == "right"
    assert Progress().learner == learner


def test_the_page_can_show_every_kind_of_question():
    script = QuizWidget._esm.split("const KINDS = {")[1].split("\n};")[0]
    assert re.findall(r"^  (\w+): \{$", script, re.MULTILINE) == [*KINDS, "student"]
