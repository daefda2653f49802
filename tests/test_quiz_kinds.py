"""A new kind of question is one class: this file adds one, and the whole quiz works with it."""

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest
import yaml

from course_lib.errors import CourseError
from course_lib.quiz.bank import load_bank
from course_lib.quiz.collect import collect
from course_lib.quiz.export import FORMATS, export
from course_lib.quiz.grading import grade, is_empty, reveal, right_answer
from course_lib.quiz.kinds import KINDS, register
from course_lib.quiz.progress import Progress
from course_lib.quiz.questions import NOT_ATTEMPTED, Judgement, Question, Remark
from course_lib.quiz.release import release
from course_lib.quiz.report import write_report
from course_lib.quiz.shapes import TEXT, YES_OR_NO, table
from course_lib.quiz.shuffle import option_order
from course_lib.quiz.simulate import simulate_class
from course_lib.quiz.stats import class_statistics
from course_lib.quiz.texts import NOTHING, Text
from course_lib.quiz.widget import QuizWidget, fallback_html


@dataclass(frozen=True)
class TrueOrFalse(Question):
    """A sentence to agree with or not; the answer is 0 (true) or 1 (false)."""

    type: ClassVar = "true_or_false"
    shape: ClassVar = {"statement": table(holds=YES_OR_NO, reason=TEXT)}
    public: ClassVar = {}  # nothing beside the prompt

    holds: bool
    reason: Text

    @classmethod
    def read(cls, item, here, released):
        if released:
            return {"holds": False, "reason": NOTHING}
        statement = here.table(item, "statement", "add holds and reason")
        return {"holds": here.yes_or_no(statement, "holds", "the sentence"), "reason": here.text(statement, "reason")}

    def judge(self, answer):
        if answer not in (0, 1):
            return Judgement(NOT_ATTEMPTED, 0.0)
        right = self.holds == (answer == 0)
        return Judgement.of(float(right), Remark(self.reason, right, answer))

    def right_answer(self):
        return 0 if self.holds else 1

    def wrong_answer(self, generator):
        return 1 - self.right_answer()

    def reasons(self):
        return (Remark(self.reason, True, self.right_answer()),)

    def positions(self):
        return range(2)

    def paper_html(self, language):
        return "<p>○ true ○ false</p>"

    def key_html(self, language):
        return f"{'true' if self.holds else 'false'}: {self.reason.html(language)}"


@pytest.fixture
def bank_file(tmp_path, monkeypatch):
    """A bank of the new kind; the kind is unknown again afterwards."""
    for name in ("CI", "COURSE_FIXED_ORDER", "COURSE_QUIZ"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    monkeypatch.setitem(KINDS, TrueOrFalse.type, TrueOrFalse)
    questions = [
        {
            "id": f"11-statement-{number}",
            "type": "true_or_false",
            "objective": "tell",
            "difficulty": 1 + number % 3,
            "prompt": {"en": f"{number} is even.", "ja": f"{number} は偶数です。"},
            "statement": {
                "holds": number % 2 == 0,
                "reason": {"en": f"{number} < 9 & it was counted.", "ja": "数えました。"},
            },
        }
        for number in range(4)
    ]
    content = {
        "lesson": 11,
        "title": {"en": "Numbers", "ja": "数"},
        "objectives": [{"id": "tell", "en": "Tell even from odd.", "ja": "偶数を見分ける。"}],
        "questions": questions,
    }
    file = tmp_path / "banks" / "11_numbers.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


def test_a_kind_is_registered_by_its_type(monkeypatch):
    monkeypatch.setitem(KINDS, "true_or_false", None)  # to be taken out again
    assert register(TrueOrFalse) is TrueOrFalse
    assert KINDS["true_or_false"] is TrueOrFalse


def test_a_bank_of_an_unknown_kind_is_refused(bank_file, monkeypatch):
    monkeypatch.delitem(KINDS, TrueOrFalse.type)
    with pytest.raises(CourseError, match="unknown type 'true_or_false'; use one of: single"):
        load_bank(bank_file)


def test_a_fault_in_a_question_of_the_new_kind_is_named(bank_file):
    text = bank_file.read_text(encoding="utf-8")
    bank_file.write_text(text.replace("holds: true", "holds: 'no'", 1), encoding="utf-8")
    with pytest.raises(CourseError, match=r"'11-statement-0' in .*11_numbers.* holds"):
        load_bank(bank_file)


def test_judged_and_mixed(bank_file):
    even, odd, *_ = load_bank(bank_file).questions
    assert grade(even, 0).outcome == grade(odd, 1).outcome == "right"
    assert grade(even, 1).outcome == "wrong"
    assert grade(even, 7).outcome == grade(even, None).outcome == NOT_ATTEMPTED
    orders = {tuple(option_order(even, f"learner {i}", 1)) for i in range(20)}
    assert orders == {(0, 1), (1, 0)}


def test_shown_in_the_notebook_and_answered(bank_file):
    bank = load_bank(bank_file)
    widget = QuizWidget(bank, Progress())
    replies = []
    widget.send = lambda message, buffers=None: replies.append(message)
    shown = widget.get_state()["content"]["questions"]
    assert [sorted(question["order"]) for question in shown] == [[0, 1]] * 4
    assert "counted" not in json.dumps(shown) + fallback_html(bank)
    assert "2 は偶数です。" in fallback_html(bank)
    question = bank.questions[3]
    message = {"kind": "check", "question": question.id, "answer": 1, "seconds": 2}
    widget._receive(widget, message, [])
    assert replies[0]["outcome"] == "right"
    assert replies[0]["remarks"][0]["text"] == reveal(question)[0].text.as_dict()
    assert collect(Progress().folder, [bank]).answers["outcome"].tolist() == ["right"]


def test_on_a_page_with_its_key_and_named_where_a_system_has_no_writer(bank_file):
    bank = load_bank(bank_file)
    for to in FORMATS:
        exported = export(bank, to, "both")
        if to in ("html", "print"):
            page = exported.content.decode()
            assert page.count("○ true ○ false") == 4 and "3 &lt; 9 &amp; it" in page
            assert exported.lost == ()
            assert "counted" not in export(bank, to, "both", key=False).content.decode()
        else:
            assert list(exported.losses()) == [f"left out: {to} has no true_or_false question that fits"]
            assert b"even" not in exported.content


def test_released_and_scored_on_collection(bank_file, tmp_path):
    learner, instructor = release(bank_file, tmp_path / "graded")
    assert "holds" not in learner.read_text(encoding="utf-8")
    asked, kept = load_bank(learner), load_bank(instructor)
    progress = Progress(tmp_path / "answers")
    for place, question in enumerate(asked.questions):
        assert not is_empty(place % 2)
        progress.add(question, 11, place % 2, Judgement("saved", 0.0), seconds=1)
    outcomes = collect(progress.folder, [kept]).answers["outcome"]
    assert outcomes.tolist() == ["right"] * 4
    with pytest.raises(CourseError, match="released"):
        right_answer(asked.questions[0])


@pytest.mark.slow
def test_simulated_collected_and_reported(bank_file, tmp_path):
    banks = [load_bank(bank_file)]
    folder = simulate_class(tmp_path / "class", banks, learners=15, first_lessons=1)
    collected = collect(folder, banks)
    assert len(collected.dropped) == 0
    assert set(collected.answers["outcome"]) == {"right", "wrong"}
    assert set(collected.answers["type"]) == {"true_or_false"}
    statistics = class_statistics(collected.answers, banks)
    assert statistics.questions["answers"].tolist() == [15] * 4
    assert write_report(statistics, tmp_path / "report.html").is_file()
