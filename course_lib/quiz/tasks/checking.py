"""Check a task in the learner's kernel, give hints, show a solution, and use the learner's work.

Introduced in lesson 2. What the learner wrote runs by way of `course_lib.quiz.run_code`: an exit, an
endless loop or ten megabytes of printing harm nothing, and every name and every random state is
afterwards as it was.
"""

import ast
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar

from course_lib.errors import CourseError
from course_lib.quiz.chosen_language import language
from course_lib.quiz.progress import Progress
from course_lib.quiz.run_code import SECONDS, TimeIsUp, in_words, run_code
from course_lib.quiz.tasks import written
from course_lib.quiz.tasks.content import Task, find
from course_lib.quiz.tasks.outcomes import PRINTED, NotAttempted, NotYet, Outcome, Right, shown
from course_lib.quiz.tasks.records import keep, solved_before
from course_lib.quiz.texts import Text

MOST_PRINTED = 2_000  # characters shown of what the code prints; `run_code` keeps more
YOURS = Text("This is computed with", "計算に使う関数：")  # begins the line of `yours`, which tests leave out
Used = TypeVar("Used")


@dataclass
class _Session:
    """What this kernel remembers: the last check of each task, hints given, and when."""

    checked: dict[str, tuple[Any, bool]] = field(default_factory=dict)
    hints: dict[str, int] = field(default_factory=dict)
    latest: str = ""
    since: float = field(default_factory=time.monotonic)


session = _Session()


def check(identifier: str, attempt: Any) -> Outcome:
    """Judge what the learner wrote for a task; the last line of the task's cell.

    Args:
        identifier: of the task, such as ``"02-is-black"``.
        attempt: the learner's function, class or value itself.

    Returns:
        `Right`, `NotYet` or `NotAttempted`; a notebook shows it as a box.

    Raises:
        CourseError: there is no such task.
    """
    task = find(identifier, Task)
    code = written.cell_that_defines(task.defines)
    outcome = judge(task, attempt, code)
    session.latest = identifier
    session.checked[identifier] = (attempt, isinstance(outcome, Right))
    if isinstance(outcome, NotAttempted):
        if earlier := solved_before(task, Progress()):
            outcome.note = Text("You have solved it before.", "以前に正解しています。")
            outcome.folded.append((Text("Your code from then", "そのときのコード"), earlier))
        return outcome
    if isinstance(outcome, NotYet):
        outcome.note = Text(
            f'Stuck? Run `quiz.hint("{identifier}")` in a new cell.',
            f'行き詰まったら、新しいセルで `quiz.hint("{identifier}")` を実行してください。',
        )
    seconds, session.since = time.monotonic() - session.since, time.monotonic()
    try:
        keep(task, Progress(), code, isinstance(outcome, Right), seconds)
    except CourseError as error:  # the learner still hears the outcome
        outcome.note = Text(str(error), str(error))
    return outcome


def judge(task: Task, attempt: Any, code: str, seconds: float = SECONDS) -> Outcome:
    """The outcome of an attempt; nothing is kept.

    Args:
        code: of the cell that defines it; "" where it is not known.
        seconds: after which the check is stopped.
    """
    name = task.defines
    if written.is_still(code, task.stub, name):
        kind = written.definition(task.stub, name)
        what = "the values" if isinstance(kind, ast.Assign | ast.AnnAssign) else "the body"
        there = Text(
            f"Replace {what} of `{name}` in the cell above and run the cell.",
            f"上のセルの `{name}` の中身を書き換えて、セルを実行してください。",
        )
        twin = (Text("日本語", "問題文"), f'{task.prompt_ja}\n\nquiz.language("ja")')
        return NotAttempted(there.en, there.ja, folded=[twin])
    if misfit := _is_no(task, attempt):
        return misfit
    calls = _Calls()
    is_function = callable(attempt) and not isinstance(attempt, type)
    used = _watched(task, attempt, calls) if is_function else attempt
    with everything_restored():
        ran = run_code(task.check, used, seconds=seconds)
    if ran.error is None:
        outcome: Outcome = Right(task.why["en"], task.why["ja"])
    elif calls.count and calls.nothing == calls.count and not isinstance(ran.error, TimeIsUp):
        outcome = NotYet(
            f"`{name}` gave None each time: a function gives back only what stands behind `return`.",
            f"`{name}` の結果は毎回 None でした。関数が返すのは `return` の後に書いた値だけです。",
        )
    elif isinstance(ran.error, NotYet):
        outcome = NotYet(ran.error.en, ran.error.ja)
    else:
        outcome = _stopped(name, ran.error)
    if ran.printed:
        printed = ran.printed
        outcome.folded.append((PRINTED, printed if len(printed) <= MOST_PRINTED else printed[:MOST_PRINTED] + " …"))
    return outcome


@dataclass
class _Calls:
    """How often the learner's function came back, and how often with nothing."""

    count: int = 0
    nothing: int = 0


def _watched(task: Task, function: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    """The learner's function with copies for arguments, so that what it changes misleads no check."""

    @wraps(function, updated=())
    def call(*arguments: Any, **named: Any) -> Any:
        if task.copies:
            with suppress(Exception):  # what cannot be copied is given as it is
                arguments, named = deepcopy((arguments, named))
        said = ", ".join([*map(shown, arguments), *(f"{key}={shown(value)}" for key, value in named.items())])
        try:
            result = function(*arguments, **named)
        except TimeIsUp:
            raise
        except BaseException as error:
            raise _stopped(f"{task.defines}({said})", error) from error
        calls.count += 1
        calls.nothing += result is None
        return result

    return call


def _is_no(task: Task, attempt: Any) -> NotYet | None:
    """A refusal where a function or class was asked for and something else came."""
    statement = written.definition(task.stub, task.defines)
    kind = type(statement).__name__
    if kind == "ClassDef" and not isinstance(attempt, type):
        wanted = Text("a class", "クラス")
    elif kind == "FunctionDef" and not callable(attempt):
        wanted = Text("a function", "関数")
    else:
        return None
    return NotYet(
        f"`{task.defines}` should be {wanted.en}, but it is {shown(attempt)} ({type(attempt).__name__}).",
        f"`{task.defines}` は{wanted.ja}のはずですが、{shown(attempt)}（{type(attempt).__name__}）です。",
    )


def _stopped(what: str, error: BaseException) -> NotYet:
    """The learner's code, or the check of what it gave, ended with an error."""
    if isinstance(error, NotYet):
        return error
    if isinstance(error, TimeIsUp):
        return NotYet(f"`{what}`: {in_words(error)}.", f"`{what}` は時間内に終わらなかったため、停止しました。")
    line, said = _line_of(error), in_words(error)
    where = Text(f", in line {line} of its cell", f"（セルの {line} 行目）") if line else Text("", "")
    missing = "NoneType" in said
    advice = Text(" Is a `return` missing?", " `return` を忘れていませんか。") if missing else Text("", "")
    return NotYet(
        f"`{what}` stopped with {said}{where.en}.{advice.en}",
        f"`{what}` は次のエラーで止まりました：{said}{where.ja}。{advice.ja}",
    )


def _line_of(error: BaseException) -> int:
    """The last line of the learner's cell that the error passed; 0 where it passed none."""
    found, step = 0, error.__traceback__
    while step:
        file = step.tb_frame.f_code.co_filename
        if "ipykernel" in file or file.startswith("<ipython"):
            found = step.tb_lineno
        step = step.tb_next
    return found


@contextmanager
def everything_restored() -> Iterator[None]:
    """Afterwards the notebook's names, the random states and the folder are as they were."""
    shell = written.notebook()
    names = shell.user_ns if shell else {}
    before, folder, python_state = dict(names), os.getcwd(), random.getstate()
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    numpy_state = numpy.random.get_state() if numpy else None
    torch_state = torch.get_rng_state() if torch else None
    on_gpu = torch is not None and torch.cuda.is_initialized()
    gpu_states = torch.cuda.get_rng_state_all() if torch and on_gpu else []
    try:
        yield
    finally:
        for name in [name for name in names if name not in before]:
            del names[name]
        names.update(before)
        os.chdir(folder)
        random.setstate(python_state)
        if numpy:
            numpy.random.set_state(numpy_state)
        if torch:
            torch.set_rng_state(torch_state)
        if torch and on_gpu:
            torch.cuda.set_rng_state_all(gpu_states)


def hint(identifier: str = "") -> Outcome:
    """The next hint of a task, below those given before.

    Args:
        identifier: of the task; that of the last check when left out.

    Raises:
        CourseError: there is no such task, or no task was checked yet.
    """
    task = _task(identifier)
    given = session.hints[task.id] = min(session.hints.get(task.id, 0) + 1, len(task.hints))
    last = given == len(task.hints)
    texts = [Text(**said) for said in task.hints[:given]]
    note = Text(
        f'That was the last hint; `quiz.solution("{task.id}")` shows a solution.' if last else "Run it again for more.",
        f'ヒントは以上です。`quiz.solution("{task.id}")` で解答例を表示できます。'
        if last
        else "もう一度実行すると、次のヒントが表示されます。",
    )
    joined = [Text(f"Hint {i}: {text.en}", f"ヒント {i}：{text.ja}") for i, text in enumerate(texts, 1)]
    return Outcome("\n".join(text.en for text in joined), "\n".join(text.ja for text in joined), note=note)


def solution(identifier: str = "") -> Outcome:
    """One solution of a task, folded; ``identifier`` as for `hint`."""
    task = _task(identifier)
    folded = [(Text("Open it", "開く"), task.solution.strip())]
    return Outcome("One solution; yours may differ.", "解答例です。別の書き方でもかまいません。", folded=folded)


def _task(identifier: str) -> Task:
    if not identifier and not session.latest:
        raise CourseError('No task was checked yet; name one, such as quiz.hint("02-is-black").')
    return find(identifier or session.latest, Task)


def yours(identifier: str, attempt: Used, otherwise: Used | None = None) -> Used:
    """The learner's work where its last check was right, otherwise the course's; one line says which.

    Args:
        identifier: of the task.
        attempt: what the learner wrote, as it was checked.
        otherwise: what the course has for the same purpose; the solution of the task when left out.
    """
    task = find(identifier, Task)
    name = task.defines
    checked, right = session.checked.get(identifier, (None, False))
    mine = right and checked is attempt
    rest = Text(f"your {name}.", f"あなたの {name}") if mine else Text(f"the course's {name}.", f"教材の {name}")
    # In one piece: a busy kernel may send two pieces apart, and tests leave out the whole line.
    print(f"{YOURS.plain(language())} {rest.plain(language())}\n", end="")
    if mine:
        return attempt
    return solution_of(task) if otherwise is None else otherwise


def solution_of(task: Task) -> Any:
    """What a task's solution defines, among the names that the notebook has now."""
    shell = written.notebook()
    names = dict(shell.user_ns) if shell else {}
    exec(task.given, names)
    exec(task.solution, names)
    return names[task.defines]
