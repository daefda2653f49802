"""Rehearse a task as learners will meet it: for the tests, which call it in the kernel of a lesson.

Introduced in lesson 2.
"""

from typing import Any

from course_lib.quiz.tasks import written
from course_lib.quiz.tasks.checking import judge
from course_lib.quiz.tasks.content import Task, find
from course_lib.quiz.tasks.outcomes import NotAttempted, NotYet, Outcome, Right


def rehearse(identifier: str, names: dict[str, Any] | None = None) -> None:
    """Try the stub, the solution and each wrong answer of a task; no name changes.

    Args:
        identifier: of the task.
        names: what its code may use; the notebook's own names when left out.

    Raises:
        AssertionError: one of them has another outcome than it should have, with what it was told.
    """
    task = find(identifier, Task)
    shell = written.notebook()
    known = dict(shell.user_ns if names is None and shell else names or {})

    def outcome_of(code: str) -> Outcome:
        own = dict(known)
        exec(code, own)
        return judge(task, own[task.defines], code)

    def demand(code: str, kind: type[Outcome], told: str = "") -> None:
        came = outcome_of(code)
        fits = isinstance(came, kind) and told in came.en
        assert fits, f"{identifier}: {kind.__name__} {told!r} was expected of\n{code}\nbut it is told: {came}"

    demand(task.stub, NotAttempted)
    demand(task.solution, Right)
    for code, told in task.wrong:
        demand(code, NotYet, told)
