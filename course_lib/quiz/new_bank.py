"""A bank to begin with: one example of each kind of question, in both languages or in one.

For instructors (``python -m course_lib quiz new``).
"""

import json
import re
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.paths import shorten, write_atomically
from course_lib.quiz.bank import BANK_NAME
from course_lib.quiz.schema import json_schema
from course_lib.quiz.texts import LANGUAGES

SCHEMA = "bank.schema.json"


def new_bank(path: str | Path, language: str = "both") -> Path:
    """Write a bank of examples, and beside it what an editor needs to complete and check it.

    Args:
        path: such as ``my_banks/11_name.yaml``; the two digits are the lesson.
        language: "both", or the one that your class needs.

    Raises:
        CourseError: the name does not fit, or there is such a file.

    Example:
        >>> import tempfile
        >>> from course_lib.quiz.bank import load_bank
        >>> bank = load_bank(new_bank(Path(tempfile.mkdtemp()) / "12_mine.yaml", "ja"))
        >>> bank.lesson, bank.title.en, len(bank.questions)
        (12, '自作の問題', 6)
    """
    path = Path(path)
    if not BANK_NAME.fullmatch(path.name) or path.name.startswith("00"):
        raise CourseError(f"{path.name} is no name of a bank; begin with two digits, such as 11_my_questions.yaml.")
    if language not in ("both", *LANGUAGES):
        raise CourseError(f"There is no language {language!r}; choose en, ja or both.")
    if path.exists():
        raise CourseError(f"{shorten(path)} exists and is kept as it is; choose another name.")
    text = Path(__file__).with_name("template.yaml").read_text(encoding="utf-8")
    text = re.sub(r"\b11-", f"{path.name[:2]}-", text).replace("lesson: 11", f"lesson: {int(path.name[:2])}")
    if language != "both":
        text = in_one_language(text, language)
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    write_schema(path.parent)
    return path


def in_one_language(text: str, language: str) -> str:
    """A bank whose texts stand between braces on one line each, with those of one language only.

    Example:
        >>> print(in_one_language('lesson: 1\\nprompt: {en: "One", ja: "一"}', "ja"))
        lesson: 1
        language: ja
        prompt: "一"
    """
    quoted = r'"(?:[^"\\]|\\.)*"'
    (other,) = set(LANGUAGES) - {language}
    text = re.sub(rf"\{{en: ({quoted}), ja: ({quoted})\}}", r"\1" if language == "en" else r"\2", text)
    text = re.sub(rf", {other}: {quoted}", "", text)  # of the objectives
    return re.sub(r"(?m)^(lesson: \d+)$", rf"\1\nlanguage: {language}", text)


def write_schema(folder: Path) -> Path:
    """Write ``bank.schema.json``, to which the first line of a bank points."""
    path = folder / SCHEMA
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
