"""The banks of the lessons: find one, read it, and refuse one that would mislead a learner.

Introduced in lesson 1. A bank is a YAML file that is only read as data (``yaml.safe_load``);
nothing in it is executed. Its items carry English and Japanese side by side.
"""

import re
from collections import Counter
from pathlib import Path

import yaml

from course_lib.errors import CourseError
from course_lib.paths import project_folder, shorten
from course_lib.quiz.questions import Bank
from course_lib.quiz.schema import parse_bank

BANK_NAME = re.compile(r"\d\d_.+\.yaml")


def bank_folder() -> Path:
    """Where the course keeps its banks; an installed package brings a copy of them along."""
    folder = project_folder() / "quizzes"
    packaged = Path(__file__).parent / "banks"
    return packaged if packaged.is_dir() and not folder.is_dir() else folder


def find_bank(number: int, folder: str | Path | None = None) -> Path:
    """The bank file of a lesson: ``NN_name.yaml``.

    Raises:
        CourseError: there is none, or more than one.

    Example:
        >>> find_bank(1).name
        '01_introduction.yaml'
    """
    folder = bank_folder() if folder is None else Path(folder)
    found = sorted(folder.glob(f"{number:02d}_*.yaml")) if isinstance(number, int) else []
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found)
        raise CourseError(f"Lesson {number} has more than one bank in {shorten(folder)} ({names}); keep one.")
    there = ", ".join(str(int(p.name[:2])) for p in sorted(folder.glob("[0-9][0-9]_*.yaml")))
    raise CourseError(
        f"There is no quiz for lesson {number} in {shorten(folder)}; "
        f"there are quizzes for the lessons: {there or 'none'}."
    )


def load_banks(*folders: str | Path | None) -> list[Bank]:
    """All banks of one or several folders in the order of the lessons; no id may stand in two of them.

    Args:
        folders: the course's own ``quizzes/`` when left out, or where one is None.

    Raises:
        CourseError: a bank has a fault, or there is none.
    """
    banks = []
    for folder in folders or (None,):
        folder = bank_folder() if folder is None else Path(folder)
        found = [load_bank(path) for path in sorted(folder.glob("[0-9][0-9]_*.yaml"))]
        if not found:
            raise CourseError(f"There is no bank (NN_name.yaml) in {shorten(folder)}; give the folder that has them.")
        banks += found
    if faults := twin_ids(banks):
        raise CourseError(faults[0])
    return sorted(banks, key=lambda bank: bank.lesson)


def twin_ids(banks: list[Bank]) -> list[str]:
    """Ids that stand in more than one of several banks."""
    uses = Counter(i for bank in banks for i in {*(question.id for question in bank.questions), *bank.retired})
    return [
        f"The id {identifier!r} stands in {count} banks; an id belongs to one question for ever, "
        "so give the newer one another."
        for identifier, count in uses.items()
        if count > 1
    ]


def load_bank(path: str | Path) -> Bank:
    """Read one bank and check that every question can be asked and judged.

    Raises:
        CourseError: a line for each fault, with the file, the question and the cure.

    Example:
        >>> bank = load_bank(find_bank(1))
        >>> bank.title.en, bank.lesson
        ('Introduction', 1)
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CourseError(f"The bank {shorten(path)} cannot be opened ({error.strerror}); check its name.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" near line {where.line + 1}" if where else ""
        raise CourseError(
            f"The bank {shorten(path)} is not valid YAML in UTF-8{line}; "
            "put plain quotation marks around text that holds a colon or a sharp, and check the indents."
        ) from error
    return parse_bank(content, path)
