"""Is a folder of banks fit for a class? Everything that is wrong with it at once.

For instructors (``python -m course_lib quiz check``). Reading a bank runs nothing of it; this check runs the
solutions of its code questions, so check only banks whose authors you trust.
"""

import re
from collections import defaultdict
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.quiz.bank import BANK_NAME, bank_folder, load_bank, twin_ids
from course_lib.quiz.grading import grade
from course_lib.quiz.questions import RIGHT, Bank


def check_folder(folder: str | Path | None = None) -> tuple[list[Bank], list[str]]:
    """The banks of a folder that can be read, and one sentence for each fault in any of them.

    Args:
        folder: where the banks lie; the course's own ``quizzes/`` when left out.

    Example:
        >>> banks, faults = check_folder()
        >>> len(banks), faults
        (10, [])
    """
    folder = bank_folder() if folder is None else Path(folder)
    banks, faults = [], []
    of_lesson = defaultdict(list)
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".yaml", ".yml") and path.is_file())
    for path in files:
        if not BANK_NAME.fullmatch(path.name):
            number, name = re.match(r"0*(\d*)_?(.*)", path.stem).groups()  # type: ignore[union-attr]
            wanted = f"{int(number):02}_{name}.yaml" if number and int(number) < 100 else "07_name.yaml"
            faults.append(f"{path.name} is not read as a bank; name it with two digits, such as {wanted}.")
            continue
        of_lesson[path.name[:2]].append(path.name)
        try:
            bank = load_bank(path)
        except CourseError as error:
            faults += str(error).splitlines()
            continue
        banks.append(bank)
        faults += bank_faults(bank)
    for number, names in of_lesson.items():
        if len(names) > 1:
            faults.append(f"Lesson {int(number)} has more than one bank ({', '.join(names)}); keep one.")
    faults += twin_ids(banks)
    if not files:
        faults.append(f"There is no bank (NN_name.yaml) in {shorten(folder)}; give the folder that has them.")
    return banks, faults


def bank_faults(bank: Bank) -> list[str]:
    """What trying out the questions of one bank shows: photos that are missing, solutions that fail."""
    faults = []
    for question in () if bank.released else bank.questions:
        found = list(question.trial())
        if not found and grade(question, question.right_answer()).outcome != RIGHT:
            found.append("has a right answer that its own key calls wrong; correct the key")
        faults += [f"Question {question.id!r} in {shorten(bank.path)} {fault}." for fault in found]
    return faults
