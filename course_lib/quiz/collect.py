"""From a folder of learners' answer files to one table, with a word on everything left out.

For instructors (``python -m course_lib quiz collect``). Every answer is judged again by the
bank at hand, so a corrected key counts and answers to a released bank get their score.
"""

import codecs
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.quiz import doubts
from course_lib.quiz.grading import grade
from course_lib.quiz.handed_in import handed_in
from course_lib.quiz.progress import seal
from course_lib.quiz.questions import NOT_ATTEMPTED, Bank, Judgement, Question
from course_lib.quiz.student import ANY_NUMBER, LESSON

AS_WRITTEN = ["learner", "question", "attempt", "seconds", "at"]
JUDGED = ["chosen", "outcome", "score"]
COLUMNS = ["learner", "lesson", "question", "type", "objective", "attempt", *JUDGED, "seconds", "at", "file"]
Asked: TypeAlias = dict[str, tuple[int, Question]]  # lesson and question by the question's id
MAXIMUM_LINE = 100_000  # bytes; an honest line has a few hundred
# What an editor may make of a file in UTF-8; the seal says which one it was.
ENCODINGS = ("utf-8", "cp932", "cp1252")
UNKNOWN_QUESTION = "question is not in the banks"
OLDER_VERSION = "older version of the question"
COMPLETE = "the same answer stands in another file or line"


@dataclass(frozen=True)
class Collected:
    """The answers of a class, and what is to be known about them.

    ``answers``: one row an answer; ``dropped``: file, line and reason of what was left out;
    ``doubts``: learner, doubt and detail of what is hard to believe (`course_lib.quiz.doubts`);
    ``others``: names of files that are no answers; ``students``: the student number that a learner gave.
    """

    answers: pd.DataFrame
    dropped: pd.DataFrame
    doubts: pd.DataFrame
    others: tuple[str, ...] = ()
    students: Mapping[str, str] = field(default_factory=dict)

    def summary(self, language: str = "en") -> str:
        """What was kept, what was dropped and what to look at, in a few lines."""
        from course_lib.quiz.report_words import say

        learners = self.answers["learner"].nunique()
        lines = [say("{} answers of {} learners kept.", language, f"{len(self.answers):,}", f"{learners:,}")]
        if len(self.dropped):
            lines.append(say("{} lines dropped:", language, f"{len(self.dropped):,}"))
            for reason, count in self.dropped["reason"].value_counts().items():
                lines.append(f"  {count:,}  {say(reason, language)}")
        if self.others:
            told = "{} files are no answers and were not read, such as {}."
            lines.append(say(told, language, f"{len(self.others):,}", self.others[0]))
        if len(self.doubts):
            told = "Look at {} learners before you believe their answers:"
            lines.append(say(told, language, f"{self.doubts['learner'].nunique():,}"))
            for doubt, names in self.doubts.groupby("doubt", sort=False)["learner"]:
                which = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
                lines.append(f"  {len(names):,}  {say(doubt, language)}: {which}")
        return "\n".join(lines)


def collect(folder: str | Path, banks: Iterable[Bank]) -> Collected:
    """Read every file of answers in ``folder``, also in zips, and judge the answers by ``banks``.

    A line is dropped, with its reason, when it is broken, was changed after it was written,
    belongs to another version of its question, or stands in a second file as well. Where two files of
    one pseudonym contradict each other, each of them counts as a learner of its own.

    Raises:
        CourseError: the folder is not there or holds no answer file, or a bank has no key.
    """
    folder = Path(folder)
    asked = _questions_with_key(banks)
    rows: list[dict[str, Any]] = []
    dropped: list[tuple[str, int, str]] = []
    strange: dict[str, list[str]] = {}
    others: list[str] = []
    seen: set[str] = set()
    judged: dict[tuple[str, str], Judgement] = {}
    for file in handed_in(folder):
        if file.fault is not None:
            dropped += [(file.name, 0, f"file {file.fault}")] if file.fault else []
            others += [] if file.fault else [file.name]
        elif not any(map(bytes.strip, file.lines)):
            dropped.append((file.name, 0, "file is empty"))
        for number, line in enumerate(file.lines, start=1):
            if not line.strip():
                continue
            record, reason = _intact(line, asked, seen)
            judgement = Judgement(NOT_ATTEMPTED, 0.0) if reason else _judged(record, asked, judged)
            if judgement.outcome == NOT_ATTEMPTED:
                dropped.append((file.name, number, reason or "broken: no answer in it"))
                continue
            seen.add(record["seal"])
            lesson, question = asked[record["question"]]
            if fault := doubts.unlike_the_quiz(record, lesson):
                strange.setdefault(record["learner"], []).append(f"{file.name} line {number}: {fault[:200]}")
            rows.append(
                {
                    **{key: record[key] for key in AS_WRITTEN},
                    "lesson": lesson,
                    "type": question.type,
                    "objective": question.objective,
                    "chosen": json.dumps(record["chosen"], ensure_ascii=False),
                    "outcome": judgement.outcome,
                    "score": judgement.score,
                    "file": file.name,
                }
            )
    if not rows and not dropped:
        raise CourseError(
            f"There are no answer files (*.jsonl, or zips of them) in {shorten(folder)}; "
            "give the folder into which the learners' files were copied."
        )
    answers = pd.DataFrame(rows, columns=COLUMNS)
    incomplete = {file for file, _, reason in dropped if reason != COMPLETE}
    found = [
        *_tell_apart(answers, incomplete),
        *((name, doubts.UNLIKE_THE_QUIZ, f"{len(of)} answers; {of[0]}") for name, of in strange.items()),
    ]
    found += doubts.doubts(answers, incomplete).itertuples(index=False, name=None)
    answers = answers.sort_values(["learner", "lesson", "question", "attempt", "at"])
    numbers = answers[answers["type"] == ANY_NUMBER.type]
    return Collected(
        answers.drop(numbers.index).reset_index(drop=True),
        pd.DataFrame(dropped, columns=["file", "line", "reason"]),
        pd.DataFrame(found, columns=doubts.COLUMNS),
        tuple(others),
        {row.learner: json.loads(row.chosen).strip() for row in numbers.itertuples()},  # the latest one
    )


def _tell_apart(answers: pd.DataFrame, incomplete: set[str]) -> list[tuple[str, str, str]]:
    """Give each file of a pseudonym a learner of its own where two of them make the same attempt.

    Whoever goes on elsewhere brings the file along and counts on; in copies of one computer, each counts
    for itself.
    """
    found = []
    twice = answers[answers.duplicated(["learner", "question", "attempt"], keep=False)]
    for learner, files in twice.groupby("learner")["file"]:
        if files.nunique() == 1:
            continue
        mine = answers["learner"] == learner
        files = answers["file"][mine].unique()
        incomplete.update(files)  # what stands in several of them counts for the first one
        for number, file in enumerate(files, start=1):
            answers.loc[mine & (answers["file"] == file), "learner"] = f"{learner}/{number}"
        how = "answer the same questions, so each counts as a learner of its own"
        found.append((learner, doubts.SEVERAL, f"{len(files)} files ({', '.join(files[:3])}) {how}"))
    return found


def _questions_with_key(banks: Iterable[Bank]) -> Asked:
    asked: Asked = {}
    for bank in banks:
        if bank.released:
            raise CourseError(
                f"{shorten(bank.path)} has no key to judge answers by; "
                "give the instructor's folder of the release with --banks."
            )
        asked |= {question.id: (bank.lesson, question) for question in (*bank.questions, *bank.tasks)}
    asked[ANY_NUMBER.id] = (LESSON, ANY_NUMBER)
    return asked


def _intact(line: bytes, asked: Asked, seen: set[str]) -> tuple[dict[str, Any], str]:
    """The record of a line and no reason, or an empty record and why the line is dropped."""
    if len(line) > MAXIMUM_LINE:
        return {}, "broken: far too long"
    record, genuine = None, False
    for encoding in ENCODINGS:
        try:
            record = json.loads(line.removeprefix(codecs.BOM_UTF8).decode(encoding))
            genuine = isinstance(record, dict) and record.get("seal") == seal(record)
        except (ValueError, RecursionError):
            continue
        if genuine:
            break
    if record is None:
        return {}, "broken: not a whole JSON line"
    if not isinstance(record, dict) or not _well_formed(record):
        return {}, "broken: fields are missing or of the wrong kind"
    if not genuine:
        return {}, "changed after it was written"
    if record["question"] not in asked:
        return {}, UNKNOWN_QUESTION
    if record["hash"] != asked[record["question"]][1].hash:
        return {}, OLDER_VERSION
    if record["seal"] in seen:
        return {}, COMPLETE
    return record, ""


def _judged(record: dict[str, Any], asked: Asked, judged: dict[tuple[str, str], Judgement]) -> Judgement:
    """The judgement of an answer; thirty learners give the same few, and each is judged once."""
    key = record["question"], json.dumps(record["chosen"])
    if key not in judged:
        try:
            judged[key] = grade(asked[record["question"]][1], record["chosen"])
        except Exception:  # what nobody answered by the quiz may break any rule, and must not cost the others
            judged[key] = Judgement(NOT_ATTEMPTED, 0.0)
    return judged[key]


def _well_formed(record: dict[str, Any]) -> bool:
    texts = all(
        isinstance(record.get(key), str) and re.fullmatch("[!-~]{1,80}", record[key])
        for key in ("learner", "question", "hash", "at", "seal")
    )
    counts = all(type(record.get(key)) is int and 1 <= record[key] < 10_000 for key in ("lesson", "attempt"))
    seconds: Any = record.get("seconds")
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    timed = number and math.isfinite(seconds) and seconds >= 0
    return texts and counts and timed and "chosen" in record
