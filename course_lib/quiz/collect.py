"""From a folder of learners' answer files to one table, with a word on everything left out.

For instructors (``python -m course_lib quiz collect``). Every answer is judged again by the
bank at hand, so a corrected key counts and answers to a released bank get their score.
"""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.quiz.grading import grade
from course_lib.quiz.progress import seal
from course_lib.quiz.questions import NOT_ATTEMPTED, Bank, Judgement, Question

COLUMNS = [
    "learner",
    "lesson",
    "question",
    "type",
    "objective",
    "attempt",
    "chosen",
    "outcome",
    "score",
    "seconds",
    "at",
    "file",
]
MAXIMUM_LINE = 100_000  # bytes; an honest line has a few hundred


@dataclass(frozen=True)
class Collected:
    """``answers``: one row an answer; ``dropped``: file, line and reason of what was left out."""

    answers: pd.DataFrame
    dropped: pd.DataFrame

    def summary(self) -> str:
        """What was kept and what was dropped, in a few lines."""
        learners = self.answers["learner"].nunique()
        lines = [f"{len(self.answers):,} answers of {learners:,} learners kept."]
        if len(self.dropped):
            lines.append(f"{len(self.dropped):,} lines dropped:")
            for reason, count in self.dropped["reason"].value_counts().items():
                lines.append(f"  {count:,}  {reason}")
        return "\n".join(lines)


def collect(folder: str | Path, banks: Iterable[Bank]) -> Collected:
    """Read every ``*.jsonl`` below ``folder`` and judge the answers by ``banks``.

    A line is dropped, with its reason, when it is broken, was changed after it was written,
    belongs to another version of its question, or stands in a second file as well.

    Raises:
        CourseError: the folder is not there or holds no answer file, or a bank has no key.
    """
    folder = Path(folder)
    files = sorted(path for path in folder.rglob("*.jsonl") if path.is_file())
    if not files:
        raise CourseError(
            f"There are no answer files (*.jsonl) in {shorten(folder)}; "
            "give the folder into which the learners' files were copied."
        )
    asked = _questions_with_key(banks)
    rows: list[dict[str, Any]] = []
    dropped: list[tuple[str, int, str]] = []
    seen: set[str] = set()
    judged: dict[tuple[str, str], Judgement] = {}
    for file in files:
        name = file.relative_to(folder).as_posix()
        try:
            lines = file.read_bytes().split(b"\n")
        except OSError as error:
            dropped.append((name, 0, f"file cannot be read ({error.strerror})"))
            continue
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            record, reason = _intact(line, asked, seen)
            if reason:
                dropped.append((name, number, reason))
                continue
            lesson, question = asked[record["question"]]
            chosen = json.dumps(record["chosen"], ensure_ascii=False)
            # Thirty learners give the same few answers; each is judged once.
            if (question.id, chosen) not in judged:
                judged[question.id, chosen] = grade(question, record["chosen"])
            judgement = judged[question.id, chosen]
            if judgement.outcome == NOT_ATTEMPTED:
                dropped.append((name, number, "broken: no answer in it"))
                continue
            seen.add(record["seal"])
            rows.append(
                {
                    **{key: record[key] for key in ("learner", "question", "attempt")},
                    **{key: record[key] for key in ("seconds", "at")},
                    "lesson": lesson,
                    "type": question.type,
                    "objective": question.objective,
                    "chosen": chosen,
                    "outcome": judgement.outcome,
                    "score": judgement.score,
                    "file": name,
                }
            )
    answers = pd.DataFrame(rows, columns=COLUMNS)
    answers = answers.sort_values(["learner", "lesson", "question", "attempt", "at"])
    return Collected(answers.reset_index(drop=True), pd.DataFrame(dropped, columns=["file", "line", "reason"]))


def _questions_with_key(banks: Iterable[Bank]) -> dict[str, tuple[int, Question]]:
    """Lesson and question by the question's id."""
    asked: dict[str, tuple[int, Question]] = {}
    for bank in banks:
        if bank.released:
            raise CourseError(
                f"{shorten(bank.path)} has no key to judge answers by; "
                "give the instructor's folder of the release with --banks."
            )
        asked |= {question.id: (bank.lesson, question) for question in (*bank.questions, *bank.tasks)}
    return asked


def _intact(line: bytes, asked: dict[str, tuple[int, Question]], seen: set[str]) -> tuple[dict[str, Any], str]:
    """The record of a line and no reason, or an empty record and why the line is dropped."""
    if len(line) > MAXIMUM_LINE:
        return {}, "broken: far too long"
    try:
        record = json.loads(line.decode("utf-8"))
        genuine = isinstance(record, dict) and record.get("seal") == seal(record)
    except (ValueError, RecursionError):
        return {}, "broken: not a whole JSON line"
    if not isinstance(record, dict) or not _well_formed(record):
        return {}, "broken: fields are missing or of the wrong kind"
    if not genuine:
        return {}, "changed after it was written"
    if record["question"] not in asked:
        return {}, "question is not in the banks"
    if record["hash"] != asked[record["question"]][1].hash:
        return {}, "older version of the question"
    if record["seal"] in seen:
        return {}, "the same answer stands in another file or line"
    return record, ""


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
