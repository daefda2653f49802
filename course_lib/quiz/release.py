"""Graded use: a bank without keys for the learners, and the key file for the instructor.

For instructors (``python -m course_lib quiz release``). The keys of the course's own banks are
public, so a graded quiz needs questions of your own; a practice key is only out of sight.
"""

import shutil
from pathlib import Path

import yaml

from course_lib.errors import CourseError
from course_lib.paths import shorten, write_atomically
from course_lib.quiz.bank import load_bank
from course_lib.quiz.kinds import KINDS
from course_lib.quiz.schema import public_part
from course_lib.quiz.soundness import bank_faults


def release(bank_file: str | Path, folder: str | Path) -> tuple[Path, Path]:
    """Write ``learner/NN_name.yaml`` and ``instructor/NN_name.yaml`` into ``folder``.

    The learner's file goes to the class, for `course_lib.quiz.show(number, folder)`. It holds what
    each kind of question calls public, and its options stand in an order that follows from their
    texts alone. The instructor's file has the same order and the key: answers are scored when they
    are collected with its folder as ``--banks``. Photos of your own are copied beside both.

    Raises:
        CourseError: the bank has a fault, is released already, or would be overwritten.
    """
    bank_file, folder = Path(bank_file), Path(folder)
    bank = load_bank(bank_file)
    if bank.released:
        raise CourseError(f"{shorten(bank_file)} has no key; release the bank that has it.")
    if faults := bank_faults(bank):
        raise CourseError("\n".join(faults))
    learner = folder / "learner" / bank_file.name
    instructor = folder / "instructor" / bank_file.name
    for path in (learner, instructor):
        if path.exists():
            raise CourseError(f"{shorten(path)} exists and is kept as it is; give another folder with --out.")
    content = yaml.safe_load(bank_file.read_text(encoding="utf-8"))
    content["questions"] = [KINDS[item["type"]].mixed(item) for item in content["questions"]]
    for path, part in ((learner, {"released": True, **public_part(content)}), (instructor, content)):
        with write_atomically(path) as temporary:
            written = yaml.safe_dump(part, allow_unicode=True, sort_keys=False)
            temporary.write_text(written, encoding="utf-8")
        for photo in (own for question in bank.questions for own in question.own_files()):
            with write_atomically(path.parent / photo.relative_to(bank_file.parent)) as temporary:
                shutil.copyfile(photo, temporary)
    asked, judged = load_bank(learner).questions, load_bank(instructor).questions
    if [question.hash for question in asked] != [question.hash for question in judged]:
        raise CourseError(f"{shorten(learner)} does not match its key; delete both and report it.")
    return learner, instructor
