"""What an instructor should look at before believing an answer: nothing of it is proof.

For instructors. A seal stops no one who reads the code of the course, so `course_lib.quiz.collect`
also asks whether the answers can have come about as the quiz lets them come about.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from course_lib.quiz.progress import RECORD_KEYS, TIME_FORMAT, VERSION
from course_lib.quiz.questions import RIGHT, SAVED, WRONG

SEVERAL = "one pseudonym for more than one place or person"
UNLIKE_THE_QUIZ = "records that the quiz does not write"
ATTEMPTS = "attempts that do not count on from 1"
CLOCK = "a clock that is wrong or was set back"
TOO_FAST = "answers faster than one can read"
TOO_SLOW = "an answer that took more than a week"
SAME_ERRORS = "the same errors as another learner"
SAME_TIMES = "the same answers in the same seconds as another learner"

COLUMNS = ["learner", "doubt", "detail"]
ENOUGH = 5  # answers; fewer than that tell nothing about a learner
SECONDS_TO_READ = 5.0
SAME_WRONG = 3  # wrong answers that two learners share, and nearly no other
FIRST_YEAR = 2025


def unlike_the_quiz(record: dict[str, Any], lesson: int) -> str:
    """What in a sealed record the quiz never writes; "" where it may be the quiz's own.

    Args:
        lesson: the one to which the question belongs.
    """
    outcome, score = record.get("outcome"), record.get("score")
    if set(record) != RECORD_KEYS:
        return f"fields {', '.join(sorted(set(record) ^ RECORD_KEYS))}"
    if record["version"] != VERSION or type(record["version"]) is not int:
        return f"version {record['version']!r}"
    if record["lesson"] != lesson:
        return f"lesson {record['lesson']} for a question of lesson {lesson}"
    number = isinstance(score, int | float) and not isinstance(score, bool)
    fits = number and {RIGHT: score == 1, WRONG: 0 <= score < 1, SAVED: score == 0}.get(str(outcome), False)
    if not fits:
        return f"outcome {outcome!r} with score {score!r}"
    if round(score, 4) != score or round(record["seconds"], 1) != record["seconds"]:
        return f"{record['seconds']} seconds and score {score}, which have too many digits"
    try:
        whole = datetime.strptime(record["at"], TIME_FORMAT).strftime(TIME_FORMAT) == record["at"]
    except ValueError:
        whole = False
    return "" if whole else f"time {record['at']}"


def doubts(answers: pd.DataFrame, incomplete: set[str]) -> pd.DataFrame:
    """What is hard to believe about the answers of each learner, one row a learner and doubt.

    Args:
        answers: in the order in which they stand in their files.
        incomplete: files of which lines were dropped, so that attempts may be missing.
    """
    rows = []
    quiz = answers[answers["type"] != "task"]  # a notebook that is run again checks all its tasks at once
    for learner, mine in quiz.groupby("learner", sort=False):
        rows += [(learner, *found) for found in _of_one(mine, incomplete)]
    rows += _equal(quiz)
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_one(mine: pd.DataFrame, incomplete: set[str]) -> Iterator[tuple[str, str]]:
    if not incomplete & set(mine["file"]):
        for question, attempts in mine.groupby("question")["attempt"]:
            if sorted(attempts) != list(range(1, len(attempts) + 1)):
                yield ATTEMPTS, f"{question}: {', '.join(map(str, sorted(attempts)))}"
                break
    times = pd.to_datetime(mine["at"], format=TIME_FORMAT, errors="coerce")
    steps = times.groupby(mine["file"]).diff().dt.total_seconds()
    now = datetime.now(UTC).replace(tzinfo=None)
    if (steps < -120).any():
        yield CLOCK, f"{mine['at'][steps.idxmin()]} stands below a later time"
    elif (times.isna() | (times.dt.year < FIRST_YEAR) | (times > now + pd.Timedelta(days=1))).any():
        yield CLOCK, f"{mine['at'].min()} to {mine['at'].max()}"
    first = mine[mine["attempt"] == 1]
    if len(first) >= ENOUGH and first["seconds"].median() < SECONDS_TO_READ:
        yield TOO_FAST, f"half of {len(first)} first answers took {first['seconds'].median():.1f} s or less"
    elif len(mine) > ENOUGH and (steps == 0).sum() > len(mine) / 2:
        yield TOO_FAST, f"{int((steps == 0).sum())} of {len(mine)} answers came in the same second as the one before"
    if (mine["seconds"] > 7 * 86_400).any():
        yield TOO_SLOW, f"{mine['seconds'].max() / 86_400:,.0f} days"


def _equal(answers: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Learners whose errors are all the same, or whose answers took the same seconds."""
    names, row = np.unique(answers["learner"], return_inverse=True)
    if len(names) < 2:
        return
    first = (answers["attempt"] == 1).to_numpy()
    wrong = first & (answers["outcome"] != RIGHT).to_numpy()

    def table(rows: np.ndarray, *columns: str) -> sparse.csr_array:
        """(learners, different answers): 1 where a learner gave an answer."""
        codes = answers[list(columns)].groupby(list(columns), sort=False).ngroup().to_numpy()
        counted = sparse.csr_array((np.ones(rows.sum()), (row[rows], codes[rows])), (len(names), len(answers)))
        return (counted > 0).astype(float)

    def in_common(one: sparse.csr_array, other: sparse.csr_array) -> np.ndarray:
        return (one @ other.T).toarray()

    answered, erred = table(first, "question"), table(wrong, "question")
    errors = in_common(erred, answered)
    either_wrong = errors + errors.T - in_common(erred, erred)
    same_wrong = in_common(*2 * (table(wrong, "question", "chosen"),))
    yield from _pairs(names, (same_wrong >= SAME_WRONG) & (same_wrong >= 0.9 * either_wrong), SAME_ERRORS)
    same = in_common(*2 * (table(np.ones(len(answers), bool), "question", "attempt", "chosen", "seconds"),))
    given = same.diagonal()
    half = np.minimum(given[:, None], given) / 2
    yield from _pairs(names, (same >= ENOUGH) & (same > half), SAME_TIMES)


def _pairs(names: np.ndarray, alike: np.ndarray, doubt: str) -> Iterator[tuple[str, str, str]]:
    np.fill_diagonal(alike, False)
    for place in np.flatnonzero(alike.any(axis=1)):
        others = names[alike[place]]
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        yield names[place], doubt, "as " + ", ".join(others[:3]) + more
