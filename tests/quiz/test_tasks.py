"""Tasks: what a check says, what it survives, what is kept; with a small sample file of tasks."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from notebook_samples import REAL_PROJECT
from torch import nn

from course_lib import quiz
from course_lib.errors import CourseError
from course_lib.quiz.progress import Progress
from course_lib.quiz.tasks import checking, content, written
from course_lib.quiz.tasks.content import Task
from course_lib.quiz.tasks.outcomes import NotAttempted, NotYet, Outcome, Right, shown

Run = Callable[[str], Any]
pytestmark = pytest.mark.usefixtures("course")


def outcome_of(code: str, identifier: str = "02-brightest") -> Outcome:
    """The outcome for a piece of code, as for a cell that holds it."""
    task = content.find(identifier, Task)
    names: dict[str, Any] = {"np": np}
    exec(code, names)
    return checking.judge(task, names[task.defines], code, seconds=1.0)


# --- three outcomes --------------------------------------------------------------------------


@pytest.mark.parametrize("identifier", ["02-brightest", "02-counter", "02-blurred"])
def test_the_stub_is_not_attempted_and_the_solution_is_right(identifier: str) -> None:
    task = content.find(identifier, Task)
    assert isinstance(outcome_of(task.stub, identifier), NotAttempted)
    right = outcome_of(task.solution, identifier)
    assert isinstance(right, Right) and right.en == task.why["en"]
    for code, message in task.wrong:
        refused = outcome_of(code, identifier)
        assert isinstance(refused, NotYet) and message in str(refused), str(refused)


def test_a_value_is_asked_for_by_name() -> None:
    assert "Replace the values of `blurred`" in str(outcome_of("blurred = []", "02-blurred"))


def test_a_stub_with_another_docstring_is_not_attempted() -> None:
    assert isinstance(outcome_of('def brightest(image):\n    "mine"\n    ...  # later'), NotAttempted)


def test_where_two_arrays_look_alike_a_refusal_names_the_first_place_that_differs() -> None:
    wanted = np.linspace(0, 1, 20).reshape(4, 5)
    found = wanted.copy()
    found[1, 2] = 5
    with pytest.raises(NotYet) as refused:
        content.find("02-blurred", Task).expect(found, wanted, "For a map", "マップでは")
    for said in (refused.value.en, refused.value.ja):
        assert "(1, 2)" in said and "5" in said and "0.3684" in said


def test_a_refusal_names_input_seen_and_expected_in_both_languages() -> None:
    refused = outcome_of("def brightest(image):\n    return 3")
    assert refused.en == "For a black photo with one pixel of 7, `brightest` gave 3; 7 was expected."
    assert refused.ja == "1 画素だけ 7 の黒い写真では、`brightest` の結果は 3 でした。正しい結果は 7 です。"


def test_a_network_among_the_arguments_hides_no_sentence() -> None:
    """PyTorch shows a network as many lines, an optimizer as still more."""
    assert shown(nn.Sequential(nn.ReLU(), nn.ReLU())) == "Sequential(…)"
    assert shown([nn.ReLU(), nn.Sequential(nn.ReLU())]) == "list(…)"


def test_an_answer_in_place_of_the_function_is_named() -> None:
    assert "should be a function, but it is 7 (int)" in str(outcome_of("brightest = 7"))


# --- what a check survives ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise KeyboardInterrupt", "stopped with KeyboardInterrupt"),
        ("raise SystemExit(3)", "stopped with SystemExit: 3"),
        ("exit()", "stopped with SystemExit"),
        ("while True: pass", "no result after 1."),
        ("raise type('Odd', (BaseException,), {'__str__': lambda self: 1 / 0})", "stopped with Odd"),
        ("import os; os.chdir('..'); return 7 + None", "stopped with TypeError"),
    ],
)
def test_what_the_code_does_ends_the_check_alone(body: str, message: str) -> None:
    folder = os.getcwd()
    assert message in str(outcome_of(f"def brightest(image):\n    {body}"))
    assert os.getcwd() == folder


def test_ten_megabytes_of_printing_are_cut() -> None:
    outcome = outcome_of("def brightest(image):\n    print('x' * 10_000_000)\n    return 3")
    assert isinstance(outcome, NotYet)
    assert len(outcome._repr_html_()) < 2 * checking.MOST_PRINTED


def test_arguments_are_copies() -> None:
    assert isinstance(outcome_of("def brightest(image):\n    image[:] += 1\n    return image.max() - 1"), Right)


def test_random_states_and_names_are_as_they_were(run: Run, shell: InteractiveShell) -> None:
    import torch

    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    wanted = random.random(), np.random.rand(), float(torch.rand(1))
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    run("import random, torch\nimport numpy as np\nkept = 1")
    cell = "def brightest(image):\n    global kept, new\n    kept = new = random.random() + np.random.rand()"
    run(cell + "\n    torch.rand(1)\n    return image.max()\nquiz.check('02-brightest', brightest)")
    assert (random.random(), np.random.rand(), float(torch.rand(1))) == wanted
    assert shell.user_ns["kept"] == 1 and "new" not in shell.user_ns


# --- in a notebook -----------------------------------------------------------------------------


def cell_of(task: Task, code: str) -> str:
    return f"{code}\n\n\nquiz.check({task.id!r}, {task.defines})"


def test_a_learner_tries_takes_hints_solves_and_comes_back(run: Run) -> None:
    task = content.find("02-brightest", Task)
    first = run(cell_of(task, task.stub))
    assert repr(first) == "Not attempted yet. Replace the body of `brightest` in the cell above and run the cell."
    assert "Your code" not in first._repr_html_()
    refused = run(cell_of(task, "def brightest(image):\n    return 3"))
    assert "quiz.hint" in refused._repr_html_()
    hints = [run("quiz.hint()") for _ in range(3)]
    assert [hint.en.count("Hint") for hint in hints] == [1, 2, 2]
    assert "quiz.solution" in hints[-1]._repr_html_() and "quiz.solution" not in hints[0]._repr_html_()
    assert "image.max()" in run("quiz.solution()")._repr_html_()
    assert "image.max()" not in repr(run("quiz.solution()"))
    solved = "import math\n\n\ndef brightest(image):\n    return image.max()  # mine"
    assert isinstance(run(cell_of(task, solved)), Right)
    run(cell_of(task, solved))
    answers = Progress().answers()
    assert [answer["outcome"] for answer in answers] == ["wrong", "right"], "the same once more is not kept"
    assert answers[1]["chosen"] == {"code": solved, "right": True}
    again = run(cell_of(task, task.stub))
    assert isinstance(again, NotAttempted) and "# mine" in again._repr_html_()


def test_a_cell_is_found_when_the_check_stands_in_another(run: Run) -> None:
    task = content.find("02-brightest", Task)
    run(task.stub)
    assert isinstance(run("quiz.check('02-brightest', brightest)"), NotAttempted)


def test_the_line_of_an_error_is_that_of_the_cell(run: Run) -> None:
    task = content.find("02-brightest", Task)
    refused = run(cell_of(task, "def brightest(image):\n    a = 1\n    return a / 0"))
    assert "stopped with ZeroDivisionError: division by zero, in line 3 of its cell." in str(refused)


def test_a_later_result_uses_the_learners_work_where_it_is_right(run: Run, capsys: pytest.CaptureFixture) -> None:
    task = content.find("02-brightest", Task)
    line = "quiz.yours('02-brightest', brightest, otherwise=max)"
    run(cell_of(task, task.stub))
    capsys.readouterr()
    assert run(f"used = {line}\nused") is max
    assert "This is computed with the course's brightest.\n" in capsys.readouterr().out
    run(cell_of(task, task.solution))
    assert run(f"{line} is brightest")
    assert "This is computed with your brightest.\n" in capsys.readouterr().out
    code = run("quiz.yours('02-brightest', max)").__code__
    assert code.co_names == ("max",), "without another one, the solution of the task"
    assert run(f"{task.stub}\n{line} is max"), "what was not checked is not used"


def test_the_language_is_chosen_once_and_kept(run: Run) -> None:
    task = content.find("02-brightest", Task)
    assert task.prompt_ja in run(cell_of(task, task.stub))._repr_html_()
    assert quiz.language("ja") == quiz.language() == "ja"
    assert repr(run(cell_of(task, task.stub))).startswith("まだ解答していません。")
    assert run(cell_of(task, task.solution))._repr_html_().startswith('<div lang="ja"')


def test_the_switch_in_the_quiz_chooses_for_the_tasks_too() -> None:
    folder = REAL_PROJECT / "quizzes"
    quiz.show(1, folder).language = "ja"
    assert quiz.language() == quiz.show(1, folder).language == "ja"
    assert quiz.show(1, folder, language="en").language == "en" and quiz.language() == "ja"


def test_an_unknown_task_names_those_that_there_are() -> None:
    with pytest.raises(CourseError, match=r"no task '02-bright' in lessons/tasks/02.py; it has: 02-brightest, 02-co"):
        quiz.check("02-bright", max)
    with pytest.raises(CourseError, match="it has: none"):
        quiz.hint("99-nothing")


def test_an_outcome_that_cannot_be_kept_is_told_all_the_same(
    run: Run, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (course / "file").write_text("")
    monkeypatch.setenv("COURSE_QUIZ", str(course / "file" / "answers"))
    task = content.find("02-brightest", Task)
    told = run(cell_of(task, task.solution))
    assert isinstance(told, Right) and told.note and "COURSE_WORK" in told.note.en


def test_code_of_a_learner_is_replaced_in_a_cell() -> None:
    cell = "import os\n\n\n@cache\ndef f(a):\n    ...\n\n\nquiz.check('02-f', f)"
    assert written.replaced(cell, "f", "def f(a):\n    return a") == (
        "import os\n\n\ndef f(a):\n    return a\n\n\nquiz.check('02-f', f)"
    )
    assert written.without_check(cell).endswith("    ...")
