"""Code: a function or a variable that the learner writes in a cell of the notebook.

Introduced in lesson 3. Its answer is not typed into the quiz: a check looks up the name in the
notebook and keeps what comes of it, one result for each case of the question.
"""

import html
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from course_lib.quiz.place import Place, Table
from course_lib.quiz.questions import NOT_ATTEMPTED, RIGHT, Judgement, Public, Question, Remark
from course_lib.quiz.run_code import SECONDS, in_words, plain_result, run_code
from course_lib.quiz.shapes import ANYTHING, NUMBER, STRING, TEXT, Shape, several, table
from course_lib.quiz.texts import NOTHING, Text

LINES_ON_PAPER = 8  # the same for every question: their number tells nothing of the solution


@dataclass(frozen=True)
class Case:
    """One call of the learner's function, or the value of the learner's variable."""

    arguments: tuple[Any, ...]
    result: Any = None
    reason: Text = NOTHING


@dataclass(frozen=True)
class CodeMistake:
    """A typical wrong answer as code; the tests run it, the course never does."""

    code: str
    reason: Text


@dataclass(frozen=True)
class Code:
    """What the learner is to write: a name in the notebook, and what it must give."""

    name: str
    kind: str
    cases: tuple[Case, ...]
    arrays: str = ""  # the NumPy type in which lists among the arguments are given
    tolerance: float = 0.0
    solution: str = ""
    mistakes: tuple[CodeMistake, ...] = ()

    def call(self, case: Case) -> str:
        """How a case is written in Python, to name it."""
        if self.kind == "variable":
            return self.name
        return f"{self.name}({', '.join(map(repr, case.arguments))})"


@dataclass(frozen=True)
class CodeQuestion(Question):
    """Something to write in the notebook; the answer is the list of results, one for each case."""

    type: ClassVar[str] = "code"
    shape: ClassVar[Mapping[str, Shape]] = {
        "code": table(
            optional=("arrays", "tolerance"),
            name=STRING,
            kind={"enum": ["function", "variable"]},
            arrays={"enum": ["uint8", "int64", "float32"]},
            tolerance=NUMBER,
            cases=several(table(optional=("arguments",), arguments={"type": "array"}, result=ANYTHING, reason=TEXT)),
            solution=STRING,
            mistakes=several(table(code=STRING, reason=TEXT), 3),
        )
    }
    public: ClassVar[Public] = {"code": {"name": True, "kind": True, "arrays": True, "cases": {"arguments": True}}}
    paper_hint: ClassVar[Text] = Text("Write it on the lines.", "下の線に書いてください。")
    paper_loses: ClassVar[str] = "nothing runs the code; the answer is a solution to compare with"

    code: Code

    @classmethod
    def read(cls, item: Table, here: Place, released: bool) -> dict[str, Any]:
        code = here.table(item, "code", "add name, kind and cases")
        name, kind = here.string(code, "name"), here.string(code, "kind")
        here.demand(not name or name.isidentifier(), f"has the name {name!r}", "use a valid Python name")
        here.demand(not kind or kind in ("variable", "function"), "is neither variable nor function", "name one")
        cases = tuple(_cases(code, here, released))
        here.demand(bool(cases), "has no case", "add one with arguments and result")
        arrays = code.get("arrays", "")
        if not here.demand(arrays in ("", "uint8", "int64", "float32"), "has unknown 'arrays'", "use 'uint8'"):
            arrays = ""
        if released:
            return {"code": Code(name, kind, cases, arrays)}
        mistakes = tuple(
            CodeMistake(there.string(entry, "code"), there.text(entry, "reason"))
            for entry, there in here.entries(code, "mistakes")
        )
        here.demand(len(mistakes) >= 3, "lists fewer than three typical mistakes", "add them as code")
        tolerance = here.number(code, "tolerance") if "tolerance" in code else 0.0
        solution = here.string(code, "solution")
        return {"code": Code(name, kind, cases, arrays, tolerance, solution, mistakes)}

    def trial(self) -> Iterator[str]:
        """Run the solution, which must be right, and the typical mistakes, which must not be."""
        yield from super().trial()
        fault = self._outcome(self.code.solution)
        if fault is not None:
            yield f"has a solution that is not right: {fault}; mend the solution or its cases"
        for number, mistake in enumerate(self.code.mistakes, start=1):
            if self._outcome(mistake.code) is None:
                yield f"has the mistake number {number}, which gives the right results; add a case that tells it"

    def _outcome(self, written: str) -> str | None:
        """What is said of some code; None where it is right."""
        names: dict[str, Any] = {}
        ran = run_code(lambda: exec(written, names))
        if ran.error is not None:
            return in_words(ran.error)
        results = run_learner_code(self, names)
        judgement = self.judge(results)
        if judgement.outcome == RIGHT:
            return None
        return judgement.remarks[0].text.en if judgement.remarks else f"it gives no {self.code.name}"

    def judge(self, answer: Any) -> Judgement:
        code = self.code
        if not isinstance(answer, list) or len(answer) != len(code.cases):
            return Judgement(NOT_ATTEMPTED, 0.0)
        if all(result is None for result in answer):
            return Judgement(NOT_ATTEMPTED, 0.0)
        for case, found in zip(code.cases, answer, strict=True):
            if not equal_results(found, case.result, code.tolerance):
                call, gave = code.call(case), _short(found)
                told = Text(
                    f"`{call}` gave {gave}. {case.reason.en}", f"`{call}` の結果は {gave} でした。{case.reason.ja}"
                )
                return Judgement.of(0.0, Remark(told, False))
        return Judgement.of(1.0, *self.reasons())

    def right_answer(self) -> list[Any]:
        return [case.result for case in self.code.cases]

    def wrong_answer(self, generator: np.random.Generator) -> list[Any]:
        return [{"error": "ZeroDivisionError: division by zero"} for _ in self.code.cases]

    def reasons(self) -> tuple[Remark, ...]:
        return tuple(Remark(case.reason, True) for case in self.code.cases)

    def shown(self) -> dict[str, Any]:
        return {"name": self.code.name}

    def paper_html(self, language: str) -> str:
        return '<div class="line"></div>' * LINES_ON_PAPER

    def key_html(self, language: str) -> str:
        return f"<pre>{html.escape(self.code.solution)}</pre>"


def _cases(code: Table, here: Place, released: bool) -> Iterator[Case]:
    for entry, there in here.entries(code, "cases"):
        arguments = tuple(there.items(entry, "arguments")) if "arguments" in entry else ()
        if released:
            yield Case(arguments)
            continue
        there.demand("result" in entry, "has no 'result'", "add what the call must give")
        yield Case(arguments, entry.get("result"), there.text(entry, "reason"))


def run_learner_code(question: CodeQuestion, names: Mapping[str, Any]) -> list[Any] | None:
    """What the learner's variable or function gives, one result for each case.

    None where the name does not exist yet. An error inside the learner's function becomes a
    result of the form ``{"error": "ValueError: …"}``, so it can be shown and kept. All cases
    together have `SECONDS`; once these are used up, no further case is run.

    Args:
        names: the notebook's variables.

    Example:
        >>> code = Code("double", "function", (Case((2,)), Case((0.5,))))
        >>> question = CodeQuestion("q", "o", 1, NOTHING, "", code)
        >>> run_learner_code(question, {"double": lambda number: 2 * number})
        [4, 1.0]
        >>> run_learner_code(question, {}) is None
        True
    """
    code = question.code
    if code.name not in names:
        return None
    written = names[code.name]
    if code.kind == "variable":
        return [plain_result(lambda: written)]

    def call(*arguments: Any) -> Any:
        if code.arrays:
            arguments = tuple(
                np.array(argument, dtype=code.arrays) if isinstance(argument, list) else argument
                for argument in arguments
            )
        return written(*arguments)

    end = time.monotonic() + SECONDS
    results: list[Any] = []
    for case in code.cases:
        left = end - time.monotonic()
        if left > 0:
            results.append(plain_result(call, *case.arguments, seconds=left))
        else:
            results.append({"error": "not run, because the time was used up"})
    return results


def equal_results(found: Any, wanted: Any, tolerance: float) -> bool:
    """Whether two results agree: numbers within ``tolerance``, lists element by element.

    Example:
        >>> equal_results([0.30000000000000004, "ok"], [0.3, "ok"], 1e-6)
        True
        >>> equal_results([1], [1, 2], 0), equal_results(True, 1, 0)
        (False, False)
    """
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(equal_results(f, w, tolerance) for f, w in zip(found, wanted, strict=True))
        )
    if isinstance(wanted, bool) or isinstance(found, bool):
        return found is wanted
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        try:
            return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=tolerance)
        except OverflowError:  # a whole number that is too large for a float
            return found == wanted
    return type(found) is type(wanted) and found == wanted


def _short(value: Any) -> str:
    shown = value["error"] if isinstance(value, dict) and "error" in value else repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "…"
