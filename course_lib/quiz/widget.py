"""The quiz as a learner sees it: one widget for all questions of a lesson.

Introduced in lesson 1. Built with anywidget, because the plain widgets of Jupyter lose to its
keyboard: pressing ``x`` on a focused radio button would cut the cell. The key and the reasons
stay in Python; the page receives what belongs to an answer once that answer is checked.
"""

import html
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.quiz import chosen_language
from course_lib.quiz.grading import grade, is_empty, reveal, right_answer
from course_lib.quiz.kinds.code import CodeQuestion, run_learner_code
from course_lib.quiz.progress import Progress, answers_folder
from course_lib.quiz.questions import NOT_ATTEMPTED, RIGHT, SAVED, Bank, Judgement, Question, Remark
from course_lib.quiz.shuffle import fixed_order, option_order
from course_lib.quiz.student import LESSON, StudentNumber, asked_number

HERE = Path(__file__).parent
# One script for the page: a file may use what stands in those before it.
SCRIPTS = ("widget_words.js", "widget_nodes.js", "widget_kinds.js", "widget_card.js", "widget.js")
ANSWER_AFTER = 2  # wrong attempts before a learner may ask to see the answer


class QuizWidget(anywidget.AnyWidget):
    """The questions of one bank, answered in the notebook; `course_lib.quiz.show` makes it.

    The page and Python talk in messages, which are never stored:

    ==========  ====================================  =====================================
    from page   holds                                 answer
    ==========  ====================================  =====================================
    hello       –                                     ``status`` of every answered question
    check       question, answer, seconds             ``judged``
    again       question                              ``again`` with a new order of options
    reveal      question                              ``revealed`` with all reasons
    ==========  ====================================  =====================================
    """

    _esm = "".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    _css = HERE / "widget.css"
    # ipywidgets 7, which Colab has, would show the widget alone; without it the bundle below is asked for.
    _ipython_display_ = None

    content = traitlets.Dict().tag(sync=True)
    language = traitlets.Enum(("en", "ja"), default_value="en").tag(sync=True)

    def __init__(self, bank: Bank, progress: Progress, language: str = "en") -> None:
        if language not in ("en", "ja"):
            raise CourseError(f"There is no quiz in {language!r}; choose 'en' or 'ja'.")
        self.bank = bank
        self.progress = progress
        self.student = asked_number()
        super().__init__(content=_content(bank, progress, self.student), language=language)
        self.on_msg(self._receive)
        self.observe(self._choose, "language")

    def __repr__(self) -> str:
        return (
            f"Quiz {self.bank.lesson}: {len(self.bank.questions)} questions\n"
            "Run this cell to answer; English and 日本語."
        )

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        bundle["text/plain"] = repr(self)
        # Nothing says which of two forms Colab would choose, so a running Colab gets the widget only.
        if "google.colab" not in sys.modules:
            bundle["text/html"] = fallback_html(self.bank)
        return bundle, metadata

    def _choose(self, change: dict[str, Any]) -> None:
        """The switch in the page chooses the language of tasks and guesses, too."""
        if self.progress.folder == answers_folder():
            with suppress(CourseError):  # a choice that cannot be kept still holds in this quiz
                chosen_language.language(change["new"])

    def _receive(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        try:
            self._answer(message)
        except CourseError as error:
            self.send({"kind": "problem", "question": message.get("question"), "text": str(error)})

    def _answer(self, message: dict[str, Any]) -> None:
        if message.get("kind") == "hello":
            judged = self._judged_before()
            self.send({"kind": "status", "judged": judged, "kept": self._kept() if judged else None})
            return
        question = self._question(str(message.get("question")))
        if message["kind"] == "check":
            self._check(question, message)
        elif message["kind"] == "again":
            attempt = self.progress.attempts(question) + 1
            order = option_order(question, self.progress.learner, attempt)
            self.send({"kind": "again", "question": question.id, "order": order})
        elif message["kind"] == "reveal" and self._may_reveal(question):
            self.send(
                {
                    "kind": "revealed",
                    "question": question.id,
                    "answer": right_answer(question),
                    "remarks": [_remark(remark) for remark in reveal(question)],
                }
            )

    def _question(self, identifier: str) -> Question:
        if self.student and identifier == self.student.id:
            return self.student
        return self.bank.question(identifier)

    def _may_reveal(self, question: Question) -> bool:
        return not self.bank.released and self.progress.attempts(question) >= ANSWER_AFTER

    def _check(self, question: Question, message: dict[str, Any]) -> None:
        answer = message.get("answer")
        if isinstance(question, CodeQuestion):  # its answer is in the notebook, not in the page
            answer = run_learner_code(question, _learner_names())
        first = self._counts_already(question)
        if first:  # of a released quiz: what was saved first counts, and nothing is added to it
            self.send({"kind": "judged", "question": question.id} | first)
            return
        judgement = self._judge(question, answer)
        reply: dict[str, Any] = {"kind": "judged", "question": question.id}
        if judgement.outcome != NOT_ATTEMPTED:
            seconds = message.get("seconds")
            # Below 0 where the clock was set back meanwhile.
            seconds = max(0.0, float(seconds)) if isinstance(seconds, int | float) else 0.0
            try:
                lesson = LESSON if question is self.student else self.bank.lesson
                self.progress.add(question, lesson, answer, judgement, seconds)
                reply["kept"] = self._kept()
            except CourseError as error:
                reply["problem"] = str(error)  # the learner still hears the judgement
        self.send(reply | self._described(question, answer, judgement))

    def _kept(self) -> dict[str, Any]:
        """Where the answers are, for the line at the end of the quiz."""
        file = shorten(self.progress.file)
        return {"file": file, "lost": self.progress.is_lost_with_the_session()}

    def _judge(self, question: Question, answer: Any) -> Judgement:
        if not self.bank.released or question is self.student:
            return grade(question, answer)
        return Judgement(NOT_ATTEMPTED if is_empty(answer) else SAVED, 0.0)

    def _counts_already(self, question: Question) -> dict[str, Any] | None:
        """The answer to a question of a released quiz that was saved first, as the page hears of it."""
        record = self.progress.first(question) if question.released else None
        return self._described(question, record["chosen"], Judgement(SAVED, 0.0)) if record else None

    def _judged_before(self) -> dict[str, Any]:
        judged = {}
        for question in (*self.bank.questions, *([self.student] if self.student else [])):
            record = self.progress.latest(question)
            if first := self._counts_already(question):
                judged[question.id] = first
            elif record:
                judgement = self._judge(question, record["chosen"])
                judged[question.id] = self._described(question, record["chosen"], judgement)
        return judged

    def _described(self, question: Question, answer: Any, judgement: Judgement) -> dict[str, Any]:
        remarks = judgement.remarks
        if judgement.outcome == RIGHT:
            remarks = reveal(question)  # nothing is left to find out, so every reason is shown
        attempts = self.progress.attempts(question)
        return {
            "outcome": judgement.outcome,
            "score": judgement.score,
            "attempts": attempts,
            "may_reveal": judgement.outcome not in (RIGHT, SAVED) and attempts >= ANSWER_AFTER,
            "answer": None if isinstance(question, CodeQuestion) else answer,
            "remarks": [_remark(remark) for remark in remarks],
        }


def _learner_names() -> dict[str, Any]:
    from IPython import get_ipython

    shell = get_ipython()
    return shell.user_ns if shell else {}


def _remark(remark: Remark) -> dict[str, Any]:
    return {"text": remark.text.as_dict(), "right": remark.right, "position": remark.position}


def _content(bank: Bank, progress: Progress, student: StudentNumber | None) -> dict[str, Any]:
    """What the page may know before an answer: no key, no reason."""
    return {
        **({"student": _question(student, progress)} if student else {}),
        "lesson": bank.lesson,
        "title": bank.title.as_dict(),
        "released": bank.released,
        "questions": [_question(question, progress) for question in bank.questions],
    }


def _question(question: Question, progress: Progress) -> dict[str, Any]:
    shown = {
        "id": question.id,
        "type": question.type,
        "difficulty": question.difficulty,
        "prompt": question.prompt.as_dict(),
        **({"picture": question.picture.shown()} if question.picture else {}),
        **question.shown(),
    }
    if question.positions():
        attempt = progress.attempts(question) + 1
        shown["order"] = option_order(question, _learner(progress), attempt)
    return shown


def _learner(progress: Progress) -> str:
    """Whose order is shown; a test run shows the bank's order and must not make a learner."""
    return "" if fixed_order() else progress.learner


def fallback_html(bank: Bank) -> str:
    """Questions and options in both languages for viewers without a kernel; no key in it."""
    language_names = {"en": "English", "ja": "日本語"}
    titles = [html.escape(bank.title.en), f'<span lang="ja">{html.escape(bank.title.ja)}</span>']
    if bank.language:
        language_names = {bank.language: language_names[bank.language]}
        titles = [html.escape(bank.title.plain(bank.language))]
    parts = [
        '<div class="course-quiz-fallback">',
        f"<p><strong>Quiz {bank.lesson}: {' · '.join(titles)}</strong><br>"
        "Run this cell to answer. "
        '<span lang="ja">このセルを実行すると解答できます。</span></p>',
    ]
    for language, name in language_names.items():
        opened = " open" if language == next(iter(language_names)) else ""
        parts.append(f'<details lang="{language}"{opened}><summary>{name}</summary><ol>')
        for question in bank.questions:
            below = question.still_html(language)
            if question.picture:
                below = f"<br><em>{question.picture.description.html(language, quote=True)}</em>{below}"
            parts.append(f"<li>{question.prompt.html(language, quote=True)}{below}</li>")
        parts.append("</ol></details>")
    return "\n".join([*parts, "</div>"])
