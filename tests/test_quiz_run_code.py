"""What a learner's function may do to the notebook that checks it: each of these things for real."""

import _thread
import builtins
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

from course_lib.paths import project_folder
from course_lib.quiz.grading import grade
from course_lib.quiz.kinds.code import Case, Code, CodeQuestion, run_learner_code
from course_lib.quiz.run_code import (
    GRACE,
    MOST_IN_A_RESULT,
    MOST_PRINTED,
    SECONDS,
    TimeIsUp,
    as_plain_data,
    in_words,
    plain_result,
    run_code,
)
from course_lib.quiz.texts import Text

SAME = Text("text", "文")
LIMIT = 0.3  # seconds, so that these tests are quick


def code_question(*cases, **more):
    return CodeQuestion("q", "o", 1, SAME, "hash", Code("f", "function", cases, **more))


# ---- errors of every kind stay inside -----------------------------------------------------


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(1), KeyboardInterrupt(), GeneratorExit(), MemoryError()]
)
def test_no_exception_escapes(error):
    def fails():
        raise error

    assert run_code(fails).error is error
    assert plain_result(fails) == {"error": f"{type(error).__name__}: {error}"}


def test_an_error_that_cannot_be_printed_is_told_all_the_same():
    class Mute(Exception):
        def __str__(self):
            raise SystemExit("not even this")

    def fails():
        raise Mute

    assert plain_result(fails) == {"error": "Mute: (its text failed with SystemExit)"}


def test_a_body_that_is_still_to_be_written_gives_none():
    def unfinished():
        raise NotImplementedError

    assert plain_result(unfinished) is None
    assert plain_result(lambda: ...) is None


def test_endless_recursion_is_an_error():
    def again(number):
        return again(number + 1)

    assert plain_result(again, 0)["error"].startswith("RecursionError")


# ---- endless code -------------------------------------------------------------------------


def for_ever():
    while True:
        pass


def for_ever_in_one_expression():
    return sum(1 for _ in iter(int, 1))


def for_ever_asking():
    while True:
        try:
            return int("nine")
        except:  # noqa: E722 - as beginners write it
            print("a number, please")


@pytest.mark.parametrize("endless", [for_ever, for_ever_in_one_expression, for_ever_asking])
def test_a_loop_without_end_is_stopped(endless):
    before = set(threading.enumerate())
    started = time.monotonic()
    ran = run_code(endless, seconds=LIMIT)
    assert time.monotonic() - started < LIMIT + 1
    assert isinstance(ran.error, TimeIsUp)
    for thread in set(threading.enumerate()) - before:
        thread.join(1)
        assert not thread.is_alive(), "the loop still runs"
    assert re.fullmatch(r"no result after 0\.\d s; it was stopped", in_words(ran.error))


def test_what_cannot_be_stopped_is_left_behind_and_told():
    started = time.monotonic()
    ran = run_code(time.sleep, 4, seconds=LIMIT)
    assert time.monotonic() - started < LIMIT + GRACE + 1
    assert in_words(ran.error).endswith("; it still runs, so restart the kernel")


@pytest.mark.slow
def test_a_check_with_many_endless_cases_takes_five_seconds():
    question = code_question(*(Case((number,), number, SAME) for number in range(4)))
    started = time.monotonic()
    results = run_learner_code(question, {"f": lambda number: for_ever()})
    assert SECONDS <= time.monotonic() - started < SECONDS + 2  # the page waits for 8 s
    judgement = grade(question, results)
    assert judgement.outcome == "wrong"
    assert "`f(0)` gave no result after 5." in judgement.remarks[0].text.en
    assert results[1:] == [{"error": "not run, because the time was used up"}] * 3


def test_a_loop_is_stopped_without_what_windows_lacks(monkeypatch):
    for missing in ("SIGALRM", "alarm", "setitimer", "pthread_kill"):
        monkeypatch.delattr(signal, missing, raising=False)
    monkeypatch.delattr(os, "fork", raising=False)
    assert isinstance(run_code(for_ever, seconds=LIMIT).error, TimeIsUp)


def test_the_learner_may_interrupt_the_check():
    # A process that a shell started in the background ignores Ctrl-C; a kernel never does.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(LIMIT, _thread.interrupt_main).start()
    started = time.monotonic()
    try:
        ran = run_code(for_ever)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - started < SECONDS
    assert isinstance(ran.error, TimeIsUp)


# ---- output, arguments, results -----------------------------------------------------------


def test_ten_megabytes_of_output_are_cut(capsys):
    def talks():
        for _ in range(1000):
            print("x" * 9_999)
        print("and this", file=sys.stderr)
        return 3

    ran = run_code(talks)
    assert ran.value == 3
    assert ran.printed.startswith("x" * 9_999 + "\n")
    assert ran.printed.endswith("… (9,990,009 more characters)")
    assert len(ran.printed) < MOST_PRINTED + 50
    assert capsys.readouterr() == ("", "")
    print("afterwards")
    assert capsys.readouterr().out == "afterwards\n"


def test_short_output_is_kept_whole():
    assert run_code(lambda: print("日本語")).printed == "日本語\n"


def test_what_the_code_changes_is_a_copy():
    numbers, array, table = [3, 1, 2], np.zeros(2), {"a": [1]}

    def changes(numbers, array, table):
        numbers.sort()
        array += 1
        table["a"].append(2)
        return numbers

    assert run_code(changes, numbers, array, table).value == [1, 2, 3]
    assert (numbers, array.tolist(), table) == ([3, 1, 2], [0, 0], {"a": [1]})


def test_cases_of_a_question_stay_as_they_are():
    question = code_question(Case(([3, 1],), [1, 3], SAME), Case(([3, 1],), [1, 3], SAME))

    def sorts(numbers):
        numbers.sort()
        return numbers

    for _ in range(2):
        assert grade(question, run_learner_code(question, {"f": sorts})).outcome == "right"
    assert question.code.cases[0].arguments == ([3, 1],)


def changes_names():
    builtins.sorted = builtins.print = None


@pytest.mark.parametrize(
    "code", [changes_names, lambda: os.chdir("/"), lambda: sys.setrecursionlimit(60), lambda: sys.stdout.close()]
)
def test_what_the_whole_notebook_shares_is_put_back(code):
    before = sorted, print, os.getcwd(), sys.getrecursionlimit(), sys.stdout
    run_code(code)
    assert before == (builtins.sorted, builtins.print, os.getcwd(), sys.getrecursionlimit(), sys.stdout)
    assert run_code(lambda: print("still here")).printed == "still here\n"


def test_an_error_whose_text_never_ends_is_told_all_the_same():
    class Endless(Exception):
        def __str__(self):
            while True:
                pass

    assert in_words(Endless()) == "Endless: (its text failed with TimeIsUp)"


def test_half_a_letter_reaches_the_page():
    assert plain_result(lambda: "\ud83d") == "\\ud83d"


def test_arguments_become_arrays_where_the_question_says_so():
    question = code_question(Case(([[1, 2]], 2), 6, SAME), arrays="uint8")
    seen = []

    def twice(photo, factor):
        seen.append((photo.dtype, photo.shape, factor))
        return (photo * factor).sum()

    assert grade(question, run_learner_code(question, {"f": twice})).outcome == "right"
    assert seen == [(np.uint8, (1, 2), 2)]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, 2.5, "a", None, True), [1, 2.5, "a", None, True]),
        (np.float32(0.5), 0.5),
        (np.array([[1, 2]]), [[1, 2]]),
        ({1: np.bool_(True)}, {"1": True}),
        (float("inf"), {"error": "the number inf"}),
        (object(), {"error": "an object of type object"}),
        (np.zeros((2000, 2000)), {"error": "an array of shape (2000, 2000)"}),
        ("x" * MOST_IN_A_RESULT, {"error": "a very long str"}),
        (list(range(MOST_IN_A_RESULT)), {"error": "a very long list"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_data(value, plain):
    assert as_plain_data(value) == plain


def test_tensors_are_plain_data_too():
    torch = pytest.importorskip("torch")
    assert as_plain_data(torch.tensor([1.0, 2.0], requires_grad=True)) == [1.0, 2.0]


def test_a_result_that_runs_code_when_it_is_read_cannot_escape():
    class Trap:
        def tolist(self):
            sys.exit("caught you")

    inside = []
    inside.append(inside)
    assert plain_result(Trap) == {"error": "SystemExit: caught you"}
    assert plain_result(lambda: inside)["error"].startswith("RecursionError")
    variable = CodeQuestion("q", "o", 1, SAME, "", Code("v", "variable", (Case((), 1, SAME),)))
    assert run_learner_code(variable, {"v": Trap()}) == [{"error": "SystemExit: caught you"}]


# ---- in a process of its own --------------------------------------------------------------

CHECK = """
import sys
from course_lib.quiz import show
from course_lib.quiz.grading import right_answer
from course_lib.quiz.kinds.code import CodeQuestion

quiz = show(8)
quiz.send = lambda message, buffers=None: None
quiz_names = {}
sys.modules["course_lib.quiz.widget"]._learner_names = lambda: quiz_names

def check(question, answer=None):
    message = {"kind": "check", "question": question.id, "answer": answer, "seconds": 1}
    quiz._receive(quiz, message, [])

first = quiz.bank.questions[0]
code = next(q for q in quiz.bank.questions if isinstance(q, CodeQuestion))
check(first, right_answer(first))
"""


def test_earlier_answers_are_on_disk_when_the_code_kills_the_process(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_QUIZ", str(tmp_path))
    kill = "import os\nquiz_names[code.code.name] = lambda *_: os._exit(9)\ncheck(code)"
    done = subprocess.run([sys.executable, "-c", CHECK + kill])
    assert done.returncode == 9
    (file,) = tmp_path.glob("answers-*.jsonl")
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 and '"outcome": "right"' in lines[0]


KERNEL = """
from course_lib.quiz.kinds.code import Case, Code, CodeQuestion, run_learner_code
from course_lib.quiz.texts import NOTHING
question = CodeQuestion("q", "o", 1, NOTHING, "", Code("f", "function", (Case(()),)))
def f():
    BODY
result = run_learner_code(question, globals())
"""


@pytest.mark.parametrize("body", ["quit()", "exit()", "get_ipython().ask_exit()", "import sys; sys.exit(1)"])
def test_the_kernel_of_a_notebook_survives_quit(body, kernel):
    client, manager = kernel
    reply = client.execute_interactive(
        KERNEL.replace("BODY", body), user_expressions={"r": "result"}, output_hook=lambda _: None
    )["content"]
    assert reply["status"] == "ok", reply
    assert "SystemExit" in reply["user_expressions"]["r"]["data"]["text/plain"]
    time.sleep(0.3)  # a kernel that was asked to leave does so a moment later
    assert manager.is_alive()
    again = client.execute_interactive("1 + 1", timeout=20, output_hook=lambda _: None)
    assert again["content"]["status"] == "ok"


def test_code_within_code_leaves_the_kernel_as_it_was(kernel):
    client, _ = kernel
    code = """
from course_lib.quiz.run_code import in_words, run_code
said = run_code(lambda: in_words(KeyError("a"))).value  # runs the text of the error, as a check within a check does
said, "ask_exit" in vars(get_ipython())
"""
    reply = client.execute_interactive(code, user_expressions={"r": "_"}, output_hook=lambda _: None)["content"]
    assert reply["status"] == "ok", reply
    assert reply["user_expressions"]["r"]["data"]["text/plain"] == """("KeyError: 'a'", False)"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(project_folder()))
    yield client, manager
    client.stop_channels()
    manager.shutdown_kernel(now=True)
