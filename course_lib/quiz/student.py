"""Whose answers these are: a student number, which the quiz asks for only where the instructor wants it.

For instructors. A file ``class.yaml`` in the folder of the course, handed out with it, says so::

    student_number: true            # or how one looks, such as "[0-9]{8}"

The number goes into the learner's own file of answers, and nowhere else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import yaml

from course_lib.errors import CourseError
from course_lib.paths import project_folder, shorten
from course_lib.quiz.place import Place, Table
from course_lib.quiz.questions import NOT_ATTEMPTED, SAVED, Judgement, Public, Question, Remark
from course_lib.quiz.shapes import Shape
from course_lib.quiz.texts import Text

SETTINGS = "class.yaml"
LESSON = 1  # under which it is kept, in whichever lesson it is typed


@dataclass(frozen=True)
class StudentNumber(Question):
    """The question for the number; its answer is the text as typed. ``form`` is how a number looks."""

    type: ClassVar[str] = "student"
    shape: ClassVar[Mapping[str, Shape]] = {}
    public: ClassVar[Public] = {}

    form: str = r"[^\x00-\x1f]{1,40}"

    @classmethod
    def read(cls, item: Table, here: Place, released: bool) -> dict[str, Any]:
        raise CourseError(f"A student number is asked for by {SETTINGS} in the folder of the course, not by a bank.")

    def judge(self, answer: Any) -> Judgement:
        if isinstance(answer, str) and re.fullmatch(self.form, answer.strip()):
            return Judgement(SAVED, 0.0)
        told = Text(
            "This does not look like a student number of this class; type it again.",
            "この授業の学籍番号の形式と異なります。もう一度入力してください。",
        )
        return Judgement(NOT_ATTEMPTED, 0.0, (Remark(told, False),))

    def right_answer(self) -> str:
        return "1"

    def wrong_answer(self, generator: np.random.Generator) -> str:
        return "1"

    def reasons(self) -> tuple[Remark, ...]:
        return ()

    def key_html(self, language: str) -> str:
        return ""


ANY_NUMBER = StudentNumber("student-number", "", 1, Text("Your student number", "学籍番号"), "student-number")


def asked_number() -> StudentNumber | None:
    """The question for the student number; None where no ``class.yaml`` wants it.

    Raises:
        CourseError: the file cannot be understood.
    """
    path = project_folder() / SETTINGS
    if not path.is_file():
        return None
    try:
        wanted = dict(yaml.safe_load(path.read_text(encoding="utf-8-sig")) or {}).get("student_number", False)
        if wanted is True or wanted is False:
            return ANY_NUMBER if wanted else None
        re.compile(wanted)
    except (OSError, ValueError, TypeError, yaml.YAMLError, re.error) as error:
        raise CourseError(
            f"{shorten(path)} cannot be understood; write one line in it, such as: student_number: true"
        ) from error
    return StudentNumber("student-number", "", 1, ANY_NUMBER.prompt, ANY_NUMBER.hash, form=wanted)
