"""Run what a learner wrote, so that nothing it does harms the notebook that checks it.

Introduced in lesson 3, whose quiz checks a function. The code runs in a thread of its own: an exit
or an interrupt ends that thread and nothing else, a loop without an end is stopped, printing is
cut, arguments are copies, and what the whole notebook shares is put back. What cannot be stopped from
outside (a long call into a C library, or an endless loop that catches everything) is left behind, the
learner is told, and the notebook goes on.
"""

import builtins
import ctypes
import io
import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from contextvars import copy_context
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, NoReturn

SECONDS = 5.0  # for one check: the page says after 8 s that Python is silent
GRACE = 1.0  # seconds in which stopped code may end; then it is left behind
MOST_PRINTED = 10_000  # characters that are kept of what the code prints
MOST_IN_A_RESULT = 10_000  # characters of a result as JSON; the file of answers must stay small


class TimeIsUp(BaseException):
    """Raised inside code that runs too long; no ``Exception``, so that few handlers catch it."""


@dataclass(frozen=True)
class Ran:
    """What came of it: a value, or the error that ended it; and what was printed, cut if long."""

    value: Any = None
    error: BaseException | None = None
    printed: str = ""


def run_code(function: Callable[..., Any], *arguments: Any, seconds: float = SECONDS) -> Ran:
    """Call ``function`` with copies of ``arguments``; whatever it does comes back as a `Ran`.

    Args:
        seconds: after which the function is stopped; its error is then `TimeIsUp`.

    Example:
        >>> run_code(max, [3, 1, 2])
        Ran(value=3, error=None, printed='')
        >>> run_code(lambda: sys.exit("wrong input")).error
        SystemExit('wrong input')
    """
    outcome: list[Ran] = []
    ended = threading.Event()
    context = copy_context()  # what the code displays belongs to the cell that checks it

    def work() -> None:
        try:
            with suppress(TimeIsUp):  # it may strike a moment after the function has ended
                try:
                    outcome.append(Ran(context.run(function, *deepcopy(arguments))))
                except BaseException as error:
                    outcome.append(Ran(error=error))
        finally:
            ended.set()

    printed = _Cut()
    thread = threading.Thread(target=work, daemon=True)
    with _put_back(), _quit_ends_the_code_alone(), redirect_stdout(printed), redirect_stderr(printed):
        started = time.monotonic()
        thread.start()
        with suppress(KeyboardInterrupt):  # the learner has waited long enough
            while not ended.is_set() and time.monotonic() < started + seconds:
                ended.wait(0.1)  # in slices, because Windows interrupts no waiting thread
        if not ended.is_set():
            waited = time.monotonic() - started
            _stop(thread, ended)
            then = "it was stopped" if ended.is_set() else "it still runs, so restart the kernel"
            outcome = [Ran(error=TimeIsUp(f"no result after {waited:.1f} s; {then}"))]
    return replace(outcome[0], printed=printed.text())


def _stop(thread: threading.Thread, ended: threading.Event) -> None:
    """Raise `TimeIsUp` in a thread until it ends, because the code may catch what is raised."""
    last = time.monotonic() + GRACE
    while not ended.is_set() and time.monotonic() < last:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(TimeIsUp))
        ended.wait(0.01)


class _Cut(io.StringIO):
    """Keeps the first `MOST_PRINTED` characters that are written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0

    def write(self, text: str) -> int:
        super().write(text[: max(0, MOST_PRINTED - self.written)])
        self.written += len(text)
        return len(text)

    def close(self) -> None:
        """It stays open, because code that closes ``sys.stdout`` may print and be asked what it printed."""

    def text(self) -> str:
        cut = self.written - MOST_PRINTED
        return self.getvalue() + (f"… ({cut:,} more characters)" if cut > 0 else "")


@contextmanager
def _put_back() -> Iterator[None]:
    """Whatever the code makes of the names of Python, of the current folder and of the depth of calls."""
    names, folder, depth = vars(builtins).copy(), os.getcwd(), sys.getrecursionlimit()
    try:
        yield
    finally:
        vars(builtins).update(names)
        os.chdir(folder)
        sys.setrecursionlimit(depth)


@contextmanager
def _quit_ends_the_code_alone() -> Iterator[None]:
    """``quit()`` in a notebook raises nothing, it asks IPython to leave: refuse that meanwhile."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        yield
        return

    def leave() -> NoReturn:
        raise SystemExit("quit() or exit() was called")

    before = vars(shell).get("ask_exit")  # that of another code that this one runs in
    shell.ask_exit = leave
    try:
        yield
    finally:
        if before:
            shell.ask_exit = before
        else:
            del shell.ask_exit  # the method of its class is seen again


def plain_result(function: Callable[..., Any], *arguments: Any, seconds: float = SECONDS) -> Any:
    """What a call gives, as plain data that can be judged and kept (code questions, lesson 3).

    None where the body is still to be written; ``{"error": "…"}`` where the call failed.

    Example:
        >>> plain_result(lambda: 1 / 0)
        {'error': 'ZeroDivisionError: division by zero'}
    """

    def call(*copies: Any) -> Any:
        return as_plain_data(function(*copies))

    ran = run_code(call, *arguments, seconds=seconds)
    if isinstance(ran.error, NotImplementedError):
        return None
    return ran.value if ran.error is None else {"error": in_words(ran.error)}


def in_words(error: BaseException) -> str:
    """An error in one line, even if it is a class of the learner's that fails, or never ends, when it is printed.

    Example:
        >>> in_words(KeyError("a"))
        "KeyError: 'a'"
    """
    if isinstance(error, TimeIsUp):
        return str(error)
    ran = run_code(lambda: str(error)[:MOST_PRINTED], seconds=GRACE)
    said = ran.value if ran.error is None else f"(its text failed with {type(ran.error).__name__})"
    return f"{type(error).__name__}: {said}"


def as_plain_data(value: Any) -> Any:
    """Arrays, tensors and tables as lists of plain numbers and strings, fit for JSON.

    Example:
        >>> as_plain_data((1, float("nan"), {2: ...}))
        [1, {'error': 'the number nan'}, {'2': None}]
    """
    shape = getattr(value, "shape", ())
    if isinstance(shape, tuple) and math.prod(shape) > MOST_IN_A_RESULT:
        return {"error": f"an array of shape {tuple(shape)}"}
    plain = _plain(value)
    if len(json.dumps(plain)) > MOST_IN_A_RESULT:
        return {"error": f"a very long {type(value).__name__}"}
    return plain


def _plain(value: Any) -> Any:
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is Ellipsis:
        return None
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"error": f"the number {value}"}
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()  # half a letter stops the way to the page
    if value is None or isinstance(value, bool | int | float):
        return value
    return {"error": f"an object of type {type(value).__name__}"}
