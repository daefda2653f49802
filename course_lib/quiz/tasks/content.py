"""What a lesson asks: its tasks and guesses, read from ``lessons/tasks/NN.py``.

Introduced in lesson 2. ``lessons/tasks/README.md`` is the guide for whoever writes one.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from course_lib.errors import CourseError
from course_lib.paths import project_folder, shorten
from course_lib.quiz.tasks.outcomes import NotYet, shown

Said: TypeAlias = dict[str, str]  # the same words in both languages: {"en": "…", "ja": "…"}


class Asked:
    """What tasks and guesses share: an id that begins with the two digits of the lesson."""

    id: str

    @property
    def lesson(self) -> int:
        return int(self.id[:2])


class Task(Asked):
    """Something to write in a cell: a function, a class or a value, and the check of it.

    A file of tasks derives one class for each task and fills these variables.
    """

    objective: str = ""  # which of its lesson it asks, as the header of the bank calls it
    defines: str  # the name that the learner gives a meaning to
    prompt_ja: str  # the Japanese twin of the text cell above the task
    stub: str  # what the learner finds; the lesson's cell has the same code
    why: Said  # why it matters, in one sentence; shown with "right"
    hints: Sequence[Said]  # at least two, from a nudge to nearly the solution
    solution: str
    wrong: Sequence[tuple[str, str]]  # at least three typical wrong answers, and a part of what each is told
    given: str = ""  # for the tests: imports and names that the lesson has before the task
    copies: bool = True  # False where the function is meant to change its arguments, such as a model

    def check(self, attempt: Any) -> None:
        """Raise `NotYet` where ``attempt`` is not right; use `expect`, or raise it with words of your own."""
        raise NotImplementedError

    def expect(self, found: Any, wanted: Any, en: str, ja: str, tolerance: float = 0.0) -> None:
        """Refuse a result with what was seen, what was expected, and on which input.

        Args:
            found: what the learner's code gave; arrays, tensors and tables count as lists of numbers.
            wanted: what is right.
            en: the input in words that begin the sentence, such as "For a photo without light".
            ja: the same in Japanese, such as "真っ暗な画像では".
            tolerance: by which a number may differ.

        Raises:
            NotYet: the two differ.
        """
        if callable(found) and not callable(wanted):
            raise NotYet(
                f"`{self.defines}` gave a function instead of a result: call it, with brackets, such as `.mean()`.",
                f"`{self.defines}` の結果が値ではなく関数です。`.mean()` のように、かっこを付けて呼び出してください。",
            )
        if not alike(found, wanted, tolerance) and (place := _differing_place(found, wanted, tolerance)):
            where, seen, right = place
            raise NotYet(
                f"{en}, `{self.defines}` gave {shown(found)} with {seen:.4g} at place {where}; {right:.4g} was expected there.",
                f"{ja}、`{self.defines}` の結果の {where} の値は {seen:.4g} でした。正しい値は {right:.4g} です。",
            )
        if not alike(found, wanted, tolerance):
            raise NotYet(
                f"{en}, `{self.defines}` gave {shown(found)}; {shown(wanted)} was expected.",
                f"{ja}、`{self.defines}` の結果は {shown(found)} でした。正しい結果は {shown(wanted)} です。",
            )


class Guess(Asked):
    """A guess before a surprising result: one of several choices, or a number."""

    ask: Said
    choices: dict[str, Said] = {}  # noqa: RUF012 - by a short key, which `compare` gets; none for a number
    unit: str = ""  # of a number, such as "%"
    answer: Any = None  # where the lesson does not compute the result: it then stands here, out of sight
    see: Said  # what to see in the result; shown beside it


Kind = TypeVar("Kind", bound=Asked)


def alike(found: Any, wanted: Any, tolerance: float = 0.0) -> bool:
    """Whether a result is the wanted one, whatever plain form it has.

    Example:
        >>> import numpy as np
        >>> alike(np.array([1, 2]), [1, 2]), alike(np.bool_(True), True), alike("1", 1), alike(0.31, 0.3, 0.02)
        (True, True, False, True)
    """
    if isinstance(wanted, set | frozenset):
        return isinstance(found, set | frozenset) and found == wanted
    if wanted is None or found is None:
        return found is wanted
    from course_lib.quiz.kinds.code import equal_results
    from course_lib.quiz.run_code import as_plain_data

    return equal_results(as_plain_data(found), as_plain_data(wanted), tolerance)


def _differing_place(found: Any, wanted: Any, tolerance: float) -> tuple[tuple[int, ...], float, float] | None:
    """Where two arrays of one shape first differ, and both values there; None where their shapes already tell."""
    shape = getattr(wanted, "shape", ())
    if not shape or getattr(found, "shape", None) != shape or shown(found) != shown(wanted):
        return None
    import numpy as np

    one, other = np.asarray(found, dtype=float), np.asarray(wanted, dtype=float)
    places = np.argwhere(~np.isclose(one, other, rtol=0, atol=tolerance))
    return None if len(places) == 0 else (where := tuple(map(int, places[0])), float(one[where]), float(other[where]))


def tasks_file(lesson: int) -> Path:
    """The file with the tasks and guesses of a lesson, whether it exists or not."""
    return project_folder() / "lessons" / "tasks" / f"{lesson:02}.py"


def of_lesson(lesson: int, kind: type[Kind]) -> list[Kind]:
    """The tasks or the guesses of a lesson in the order of the file; none where there is no file."""
    path = tasks_file(lesson)
    if not path.is_file():
        return []
    return [asked for asked in _read(path, path.stat().st_mtime_ns) if isinstance(asked, kind)]


@lru_cache
def _read(path: Path, changed: int) -> tuple[Asked, ...]:
    """All that a file asks; ``changed`` is its time, so that an edited file is read again."""
    names: dict[str, Any] = {"__name__": f"tasks_of_lesson_{path.stem}"}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    classes = [thing for thing in names.values() if isinstance(thing, type) and issubclass(thing, Asked)]
    return tuple(thing() for thing in classes if thing.__module__ == names["__name__"])


def find(identifier: str, kind: type[Kind]) -> Kind:
    """The task or guess with this id.

    Raises:
        CourseError: there is none, with those that there are.
    """
    lesson = int(identifier[:2]) if identifier[:2].isdigit() else 0
    known = of_lesson(lesson, kind)
    for asked in known:
        if asked.id == identifier:
            return asked
    there = ", ".join(asked.id for asked in known) or "none"
    raise CourseError(
        f"There is no {kind.__name__.lower()} {identifier!r} in {shorten(tasks_file(lesson))}; it has: {there}."
    )
