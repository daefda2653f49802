"""What an instructor should look at before believing an answer: nothing of it is proof.

For instructors. A seal stops no one who reads the code of the course, so `course_lib.quiz.collect`
also asks whether the answers can have come about as the quiz lets them come about.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
FIRST_YEAR = 2025


def unlike_the_quiz(record: dict[str, Any], lesson: int) -> str:
    """What in a sealed record the quiz never writes; "" where it may be the quiz's own.

    Args:
        lesson: the one to which the question belongs.
    """
    if set(record) != RECORD_KEYS:
        return f"fields {', '.join(sorted(set(record) ^ RECORD_KEYS))}"
    outcome, score = record["outcome"], record["score"]
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
        parsed = datetime.strptime(record["at"], TIME_FORMAT).replace(tzinfo=UTC)
        whole = parsed.strftime(TIME_FORMAT) == record["at"]
    except ValueError:
        whole = False
    return "" if whole else f"time {record['at']}"


def doubts(answers: pd.DataFrame, incomplete: set[str]) -> pd.DataFrame:
    """What is hard to believe about the answers of each learner, one row a learner and doubt.

    Args:
        answers: in the order in which they stand in their files.
        incomplete: files of which lines were dropped, so that attempts may be missing.
    """
    # A notebook that is run again checks all its tasks at once.
    quiz = answers[~answers["type"].isin(("task", "student"))]
    learner, first = quiz["learner"], quiz[quiz["attempt"] == 1]
    cut = learner.isin(learner[quiz["file"].isin(incomplete)])
    counted = quiz.sort_values("attempt").groupby(["learner", "question"]).cumcount() + 1
    times = pd.to_datetime(quiz["at"], format=TIME_FORMAT, errors="coerce")
    steps = times.groupby([learner, quiz["file"]]).diff().dt.total_seconds()
    tomorrow = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    seconds = first.groupby("learner")["seconds"].agg(["size", "median"])
    at_once = (steps == 0).groupby(learner).agg(["size", "mean"])
    fast = (
        *seconds.index[(seconds["size"] >= ENOUGH) & (seconds["median"] < SECONDS_TO_READ)],
        *at_once.index[(at_once["size"] > ENOUGH) & (at_once["mean"] > 0.5)],
    )
    seen = {
        ATTEMPTS: ~cut & (counted.reindex(quiz.index) != quiz["attempt"]),
        CLOCK: (steps < -120) | times.isna() | (times.dt.year < FIRST_YEAR) | (times > tomorrow),
        TOO_FAST: learner.isin(fast),
        TOO_SLOW: quiz["seconds"] > 7 * 86_400,
    }
    rows = [
        (row.learner, doubt, f"{row.question}: attempt {row.attempt}, {row.seconds} s, {row.at}, in {row.file}")
        for doubt, where in seen.items()
        for row in quiz[where].drop_duplicates("learner").itertuples()
    ]
    return pd.DataFrame([*rows, *_equal(quiz)], columns=COLUMNS)


def _equal(answers: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Learners who share nearly all their errors, or whose answers took the same seconds.

    Popular errors are shared by chance: errors count by how rare they are among the others, and a pair
    is told where chance would bring about such a pair in fewer than one class of twenty.
    """
    names, row = np.unique(answers["learner"], return_inverse=True)
    if len(names) < 2:
        return

    def table(weights: pd.Series, *columns: str) -> sparse.csr_array:
        """(learners, different answers): the weight of an answer where a learner gave it."""
        codes = answers.groupby(list(columns), sort=False).ngroup().to_numpy()
        there = (weights > 0).to_numpy()
        once = ~answers[["learner", *columns]][there].duplicated().to_numpy()
        entries = weights[there][once].astype(float), (row[there][once], codes[there][once])
        return sparse.csr_array(entries, (len(names), len(answers)))

    def in_common(one: sparse.csr_array, other: sparse.csr_array) -> np.ndarray:
        return (one @ other.T).toarray()

    first = answers["attempt"] == 1
    wrong = first & (answers["outcome"] != RIGHT)
    answered, erred, given = table(first, "question"), table(wrong, "question"), table(wrong, "question", "chosen")
    either_wrong = in_common(erred, answered) + in_common(answered, erred) - in_common(erred, erred)
    # The share of the others who made an error, as if four more learners had made four different ones.
    same = wrong.groupby([answers["question"], answers["chosen"]]).transform("sum")
    share = (same - 1).clip(lower=1) / (first.groupby(answers["question"]).transform("sum") + 2)
    surprise = in_common(table(-np.log(share) * wrong, "question", "chosen"), given)
    pairs = len(names) * (len(names) - 1) / 2
    alike = (surprise > np.log(20 * pairs)) & (in_common(given, given) >= 0.9 * either_wrong)
    yield from _pairs(names, alike, SAME_ERRORS)
    taken = table(answers["attempt"] > 0, "question", "attempt", "chosen", "seconds")
    equal, own = in_common(taken, taken), taken.sum(axis=1)
    yield from _pairs(names, (equal >= ENOUGH) & (equal > np.minimum(own[:, None], own) / 2), SAME_TIMES)


def _pairs(names: np.ndarray, alike: np.ndarray, doubt: str) -> Iterator[tuple[str, str, str]]:
    np.fill_diagonal(alike, False)
    for place in np.flatnonzero(alike.any(axis=1)):
        others = names[alike[place]]
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        yield names[place], doubt, "as " + ", ".join(others[:3]) + more
