"""What a learner answered: one line a check, only ever added to, read again after a restart.

Introduced in lesson 1. The file stays on this machine and holds no name: the learner is a
random number made on first use (`course_lib.quiz.learner`). To go on elsewhere (a new Colab session,
another computer), copy the file ``answers-….jsonl`` alone into that machine's folder of answers.
"""

import hashlib
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.paths import make_folder, shorten, work_folder
from course_lib.quiz.learner import Learner, files_of, known_learner, learner_here
from course_lib.quiz.questions import Judgement, Question

VERSION = 1
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # in UTC
RECORD_KEYS = frozenset(
    {
        "version",
        "learner",
        "lesson",
        "question",
        "hash",
        "attempt",
        "chosen",
        "outcome",
        "score",
        "seconds",
        "at",
        "seal",
    }
)
COLAB_DRIVE = Path("/content/drive/MyDrive")


def answers_folder() -> Path:
    """Where answers are kept: ``COURSE_QUIZ``, a connected Google Drive, or ``work/quiz``."""
    if "COURSE_QUIZ" in os.environ:
        return Path(os.environ["COURSE_QUIZ"])
    if COLAB_DRIVE.is_dir() and "COURSE_WORK" not in os.environ:
        return COLAB_DRIVE / "visual-inspection-course" / "quiz"
    return work_folder() / "quiz"


def seal(record: dict[str, Any]) -> str:
    """A checksum over a record, so that a damaged or edited line is noticed on collection.

    It guards against accidents and against editing by hand, not against somebody who reads
    this function: the file lies on the learner's own machine.
    """
    content = {key: value for key, value in record.items() if key != "seal"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def make_record(
    question: Question,
    lesson: int,
    chosen: Any,
    judgement: Judgement,
    *,
    learner: str,
    attempt: int,
    seconds: float,
    at: str,
) -> dict[str, Any]:
    """One answer as it stands in a file of answers, with its seal.

    Args:
        learner: the pseudonym; attempt: from 1; seconds: since the check before it, or since the quiz was shown;
        at: the time in UTC, such as ``2026-01-31T09:30:00Z``.
    """
    record = {
        "version": VERSION,
        "learner": learner,
        "lesson": lesson,
        "question": question.id,
        "hash": question.hash,
        "attempt": attempt,
        "chosen": chosen,
        "outcome": judgement.outcome,
        "score": round(judgement.score, 4),
        "seconds": round(seconds, 1),
        "at": at,
    }
    return record | {"seal": seal(record)}


class Progress:
    """The answers of the learner on this machine (used by the quiz of every lesson).

    Args:
        folder: where the answers are kept; `answers_folder()` when left out.

    Example:
        >>> import tempfile
        >>> from course_lib.quiz.bank import find_bank, load_bank
        >>> from course_lib.quiz.grading import grade
        >>> question = load_bank(find_bank(1)).questions[0]
        >>> progress = Progress(tempfile.mkdtemp())
        >>> progress.add(question, 1, 0, grade(question, 0), seconds=4.2)
        >>> [(answer["question"], answer["attempt"]) for answer in progress.answers()]
        [('01-nested-fields', 1)]
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = answers_folder() if folder is None else Path(folder)
        self._learner: Learner | None = None

    @property
    def learner(self) -> str:
        """The learner's pseudonym in this place; made and kept on first use."""
        if self._learner is None:
            self._learner = learner_here(self.folder)
        return self._learner.name

    @property
    def file(self) -> Path:
        """The learner's file of answers; it is what an instructor collects."""
        name = self.learner
        ending = self._learner.ending if self._learner else ""
        return self.folder / f"answers-{name}-{ending}.jsonl"

    def is_lost_with_the_session(self) -> bool:
        """Whether this is Colab without a connected Google Drive, which keeps no files."""
        return "google.colab" in sys.modules and COLAB_DRIVE not in self.folder.parents

    def add(self, question: Question, lesson: int, chosen: Any, judgement: Judgement, seconds: float) -> None:
        """Add one line, in a single write, so that two notebooks never mix their lines.

        Raises:
            CourseError: the file cannot be written to.
        """
        record = make_record(
            question,
            lesson,
            chosen,
            judgement,
            learner=self.learner,
            attempt=self.attempts(question) + 1,
            seconds=seconds,
            at=time.strftime(TIME_FORMAT, time.gmtime()),
        )
        line = (json.dumps(record, ensure_ascii=False) + "\n").encode(errors="backslashreplace")
        if not self.file.exists():  # what was brought along comes first, so that this file has everything
            line = b"".join(kept + b"\n" for kept in self._lines()) + line
        make_folder(self.folder)
        try:
            with self.file.open("ab+", buffering=0) as file:
                # A line that a crash cut short must not swallow this one.
                if file.seek(0, os.SEEK_END):
                    file.seek(-1, os.SEEK_END)
                    line = line if file.read(1) == b"\n" else b"\n" + line
                file.write(line)
                os.fsync(file.fileno())
        except OSError as error:
            raise CourseError(
                f"Your answer was judged but cannot be kept in {shorten(self.file)} "
                f"({error.strerror}); free the disk or set COURSE_QUIZ to another folder."
            ) from error

    def answers(self) -> list[dict[str, Any]]:
        """All intact lines, oldest first; a damaged line is passed over."""
        # A learner without a pseudonym has not answered yet, and reading must not make one.
        if self._learner is None and known_learner(self.folder) is None:
            return []
        return [record for record in map(read_line, self._lines()) if record]

    def _lines(self) -> list[bytes]:
        """The lines of the learner's file; before there is one, those of all that were brought along."""
        files = [self.file] if self.file.exists() else files_of(self.learner, self.folder)
        lines: dict[bytes, None] = {}  # in order, and each only once
        for file in files:
            with suppress(OSError):
                lines |= dict.fromkeys(file.read_bytes().splitlines())
        if len(files) > 1:
            return sorted(lines, key=lambda line: str((read_line(line) or {}).get("at")))
        return list(lines)

    def attempts(self, question: Question) -> int:
        """How often this question, as it stands now, has been answered."""
        return len(self._answers_to(question))

    def first(self, question: Question) -> dict[str, Any] | None:
        """The first answer to this question as it stands now, which is the one that counts; None where there is none."""
        found = self._answers_to(question)
        return found[0] if found else None

    def latest(self, question: Question) -> dict[str, Any] | None:
        """The last answer to this question as it stands now; None where there is none."""
        found = self._answers_to(question)
        return found[-1] if found else None

    def _answers_to(self, question: Question) -> list[dict[str, Any]]:
        wanted = (question.id, question.hash)
        return [a for a in self.answers() if (a.get("question"), a.get("hash")) == wanted]


def read_line(line: bytes) -> dict[str, Any] | None:
    """One record, or None where the line is damaged or was changed after it was written."""
    try:
        record = json.loads(line.decode("utf-8"))
        intact = isinstance(record, dict) and record.get("seal") == seal(record)
    except (ValueError, RecursionError):
        return None
    return record if intact else None
