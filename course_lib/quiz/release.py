"""Graded use: a bank without keys for the learners, and the key file for the instructor.

For instructors (``python -m course_lib quiz release``). The keys of the course's own banks are
public, so a graded quiz needs questions of your own; a practice key is only out of sight.
"""

from pathlib import Path
from typing import Any

import yaml

from course_lib.errors import CourseError
from course_lib.paths import shorten, write_atomically
from course_lib.quiz.bank import load_bank

HIDDEN = {"right", "reason", "place", "value", "tolerance", "mistakes", "regions", "elsewhere"}
HIDDEN |= {"result", "solution", "fact"}


def without_key(content: Any) -> Any:
    """A bank's content with everything removed that tells or hints at a right answer."""
    if isinstance(content, dict):
        return {key: without_key(value) for key, value in content.items() if key not in HIDDEN}
    return [without_key(part) for part in content] if isinstance(content, list) else content


def release(bank_file: str | Path, folder: str | Path) -> tuple[Path, Path]:
    """Write ``learner/NN_name.yaml`` and ``instructor/NN_name.yaml`` into ``folder``.

    The learner's file goes to the class, for `course_lib.quiz.show(number, folder)`. Answers are
    scored when they are collected with the instructor's folder as ``--banks``.

    Raises:
        CourseError: the bank has a fault, is released already, or would be overwritten.
    """
    bank_file, folder = Path(bank_file), Path(folder)
    bank = load_bank(bank_file)
    if bank.released:
        raise CourseError(f"{shorten(bank_file)} has no key; release the bank that has it.")
    content = yaml.safe_load(bank_file.read_text(encoding="utf-8"))
    learner = folder / "learner" / bank_file.name
    instructor = folder / "instructor" / bank_file.name
    for path in (learner, instructor):
        if path.exists():
            raise CourseError(
                f"{shorten(path)} exists and is kept as it is; give another folder with --out."
            )
    released = {"released": True, **without_key(content)}
    with write_atomically(learner) as temporary:
        temporary.write_text(
            yaml.safe_dump(released, allow_unicode=True, sort_keys=False), encoding="utf-8"
        )
    with write_atomically(instructor) as temporary:
        temporary.write_bytes(bank_file.read_bytes())
    same = [question.hash for question in load_bank(learner).questions]
    if same != [question.hash for question in bank.questions]:
        raise CourseError(f"{shorten(learner)} does not match its key; delete both and report it.")
    return learner, instructor
