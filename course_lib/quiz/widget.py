"""The quiz as a learner sees it: one widget for all questions of a lesson.

Introduced in lesson 1. Built with anywidget, because the plain widgets of Jupyter lose to its
keyboard: pressing ``x`` on a focused radio button would cut the cell. The key and the reasons
stay in Python; the page receives what belongs to an answer once that answer is checked.
"""

import copy
import html
import math
import re
import sys
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.quiz.grading import (
    NOT_ATTEMPTED,
    RIGHT,
    Judgement,
    Remark,
    grade,
    reveal,
    right_answer,
)
from course_lib.quiz.photos import photo_address
from course_lib.quiz.progress import Progress
from course_lib.quiz.questions import Bank, Case, Code, Question, Text
from course_lib.quiz.shuffle import option_order

HERE = Path(__file__).parent
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

    _esm = HERE / "widget.js"
    _css = HERE / "widget.css"

    content = traitlets.Dict().tag(sync=True)
    language = traitlets.Enum(("en", "ja"), default_value="en").tag(sync=True)

    def __init__(self, bank: Bank, progress: Progress, language: str = "en") -> None:
        if language not in ("en", "ja"):
            raise CourseError(f"There is no quiz in {language!r}; choose 'en' or 'ja'.")
        self.bank = bank
        self.progress = progress
        super().__init__(content=_content(bank, progress), language=language)
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return (
            f"Quiz {self.bank.lesson}: {len(self.bank.questions)} questions\n"
            "Run this cell to answer; English and 日本語."
        )

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_(**options)
        bundle["text/plain"] = repr(self)
        # Nothing says which of two forms Colab would choose, so a running Colab gets the widget only.
        if "google.colab" not in sys.modules:
            bundle["text/html"] = fallback_html(self.bank)
        return bundle, metadata

    def _receive(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        try:
            self._answer(message)
        except CourseError as error:
            self.send({"kind": "problem", "question": message.get("question"), "text": str(error)})

    def _answer(self, message: dict[str, Any]) -> None:
        if message.get("kind") == "hello":
            judged = self._judged_before()
            self.send(
                {"kind": "status", "judged": judged, "kept": self._kept() if judged else None}
            )
            return
        question = self.bank.question(message.get("question"))
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

    def _may_reveal(self, question: Question) -> bool:
        return not self.bank.released and self.progress.attempts(question) >= ANSWER_AFTER

    def _check(self, question: Question, message: dict[str, Any]) -> None:
        answer = message.get("answer")
        if question.type == "code":
            answer = run_learner_code(question, _learner_names())
        judgement = self._judge(question, answer)
        reply = {"kind": "judged", "question": question.id}
        if judgement.outcome != NOT_ATTEMPTED:
            seconds = message.get("seconds")
            seconds = float(seconds) if isinstance(seconds, int | float) else 0.0
            try:
                self.progress.add(question, self.bank.lesson, answer, judgement, seconds)
                reply["kept"] = self._kept()
            except CourseError as error:
                reply["problem"] = str(error)  # the learner still hears the judgement
        self.send(reply | self._described(question, answer, judgement))

    def _kept(self) -> dict[str, Any]:
        """Where the answers are, for the line at the end of the quiz."""
        file = shorten(self.progress.file)
        return {"file": file, "lost": self.progress.is_lost_with_the_session()}

    def _judge(self, question: Question, answer: Any) -> Judgement:
        if not self.bank.released:
            return grade(question, answer)
        empty = answer in (None, [], "") or (isinstance(answer, str) and not answer.strip())
        return Judgement(NOT_ATTEMPTED if empty else "saved", 0.0)

    def _judged_before(self) -> dict[str, Any]:
        judged = {}
        for question in self.bank.questions:
            record = self.progress.latest(question)
            if record:
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
            "may_reveal": judgement.outcome not in (RIGHT, "saved") and attempts >= ANSWER_AFTER,
            "answer": None if question.type == "code" else answer,
            "remarks": [_remark(remark) for remark in remarks],
        }


def run_learner_code(question: Question, names: dict[str, Any]) -> list[Any] | None:
    """What the learner's variable or function gives, one result for each case.

    None where the name does not exist yet. An error inside the learner's function becomes a
    result of the form ``{"error": "ValueError: …"}``, so it can be shown and kept.

    Args:
        question: of type "code".
        names: the notebook's variables.

    Example:
        >>> from course_lib.quiz.questions import Case, Code
        >>> code = Code("double", "function", (Case((2,)), Case((0.5,))))
        >>> question = Question("q", "code", "o", 1, Text("", ""), "", code=code)
        >>> run_learner_code(question, {"double": lambda number: 2 * number})
        [4, 1.0]
        >>> run_learner_code(question, {}) is None
        True
    """
    code = question.code
    if code.name not in names:
        return None
    if code.kind == "variable":
        return [as_plain_data(names[code.name])]
    results = []
    for case in code.cases:
        try:
            results.append(as_plain_data(names[code.name](*_as_arguments(code, case))))
        except NotImplementedError:
            results.append(None)  # the body of the exercise is still to be written
        except Exception as error:
            results.append({"error": f"{type(error).__name__}: {error}"})
    return results


def _as_arguments(code: Code, case: Case) -> list[Any]:
    """Fresh arguments for every call, so that a function that changes them harms nobody."""
    if not code.arrays:
        return copy.deepcopy(list(case.arguments))
    return [
        np.array(argument, dtype=code.arrays) if isinstance(argument, list) else argument
        for argument in case.arguments
    ]


def as_plain_data(value: Any) -> Any:
    """Arrays, tensors and tables as lists of plain numbers and strings, fit for JSON."""
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is Ellipsis:
        return None
    if isinstance(value, dict):
        return {str(key): as_plain_data(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain_data(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"error": f"the number {value}"}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return {"error": f"an object of type {type(value).__name__}"}


def _learner_names() -> dict[str, Any]:
    from IPython import get_ipython

    shell = get_ipython()
    return shell.user_ns if shell else {}


def _remark(remark: Remark) -> dict[str, Any]:
    return {
        "text": remark.text.as_dict(),
        "right": remark.right,
        "position": remark.position,
    }


def _content(bank: Bank, progress: Progress) -> dict[str, Any]:
    """What the page may know before an answer: no key, no reason."""
    return {
        "lesson": bank.lesson,
        "title": bank.title.as_dict(),
        "released": bank.released,
        "questions": [_question(question, progress) for question in bank.questions],
    }


def _question(question: Question, progress: Progress) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": question.id,
        "type": question.type,
        "difficulty": question.difficulty,
        "prompt": question.prompt.as_dict(),
    }
    if question.options:
        attempt = progress.attempts(question) + 1
        shown["options"] = [option.text.as_dict() for option in question.options]
        shown["order"] = option_order(question, _learner(progress), attempt)
    if question.number:
        shown["unit"] = question.number.unit
    if question.photo:
        photo = question.photo
        try:
            shown["photo"] = photo_address(photo)
        except CourseError as error:
            shown["missing"] = str(error)
        shown["credit"] = photo.credit
        shown["description"] = photo.description.as_dict()
        shown["grid"] = [photo.rows, photo.columns]
    if question.code:
        shown["name"] = question.code.name
    return shown


def _learner(progress: Progress) -> str:
    """Whose order is shown; a test run shows the bank's order and must not make a learner."""
    from course_lib.quiz.shuffle import fixed_order

    return "" if fixed_order() else progress.learner


def fallback_html(bank: Bank) -> str:
    """Questions and options in both languages for viewers without a kernel; no key in it."""
    language_names = {"en": "English", "ja": "日本語"}
    parts = [
        '<div class="course-quiz-fallback">',
        f"<p><strong>Quiz {bank.lesson}: {html.escape(bank.title.en)} · "
        f'<span lang="ja">{html.escape(bank.title.ja)}</span></strong><br>'
        "Run this cell to answer. "
        '<span lang="ja">このセルを実行すると解答できます。</span></p>',
    ]
    for language, name in language_names.items():
        opened = " open" if language == "en" else ""
        parts.append(f'<details lang="{language}"{opened}><summary>{name}</summary><ol>')
        for question in bank.questions:
            options = "".join(
                f"<li>{_rich(option.text, language)}</li>" for option in question.options
            )
            listed = f'<ul style="margin:0">{options}</ul>' if options else ""
            if question.photo:
                listed = f"<br><em>{_rich(question.photo.description, language)}</em>"
            parts.append(f"<li>{_rich(question.prompt, language)}{listed}</li>")
        parts.append("</ol></details>")
    return "\n".join([*parts, "</div>"])


def _rich(text: Text, language: str) -> str:
    """Escaped text; what stands between backticks is code."""
    escaped = html.escape(text.as_dict()[language])
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
