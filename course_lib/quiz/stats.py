"""What the answers of a class say about the questions, and about what to explain again.

For instructors (``python -m course_lib quiz stats``). Difficulty and discrimination look at
first attempts only, because later ones were made after feedback.
"""

import base64
import html
import io
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib.paths import write_atomically
from course_lib.quiz.questions import Bank

FEW_ANSWERS = 10
ENOUGH_FOR_A_SUSPICION = 20


@dataclass(frozen=True)
class ClassStatistics:
    """The tables of a class: questions, options, lessons (reliability), learners."""

    questions: pd.DataFrame
    options: pd.DataFrame
    lessons: pd.DataFrame
    learners: pd.DataFrame


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share, also sensible for few trials (Wilson 1927).

    Example:
        >>> low, high = wilson_interval(18, 20)
        >>> round(low, 3), round(high, 3)
        (0.699, 0.972)
    """
    if trials == 0:
        return 0.0, 1.0
    z = 1.959963984540054
    share = successes / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(share * (1 - share) / trials + (z / trials) ** 2 / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def kuder_richardson_20(right: np.ndarray) -> float:
    """Reliability of a quiz whose questions are right (1) or wrong (0).

    KR-20 = k / (k - 1) · (1 - Σ p q / s²) with the variance s² of the totals over the N learners
    (Kuder and Richardson 1937). NaN for fewer than two questions or equal totals.

    Args:
        right: (learners, questions) of 0 and 1.

    Example:
        >>> float(kuder_richardson_20(np.array([[1, 1], [0, 0]])))
        1.0
    """
    if right.ndim != 2 or right.shape[0] < 2 or right.shape[1] < 2:
        return math.nan
    count = right.shape[1]
    variance = right.sum(axis=1).var()
    if variance == 0:
        return math.nan
    share = right.mean(axis=0)
    return float(count / (count - 1) * (1 - (share * (1 - share)).sum() / variance))


def discrimination(right: np.ndarray, rest: np.ndarray) -> float:
    """Correlation of one question (0 or 1) with the score on the others of its lesson.

    Good questions have 0.2 or more; below 0 strong learners miss it more often than weak ones.
    NaN where everybody gave the same answer.

    Example:
        >>> round(discrimination(np.array([1, 1, 0, 0]), np.array([3.0, 4.0, 1.0, 2.0])), 3)
        0.894
    """
    if len(right) < 2 or np.std(right) == 0 or np.std(rest) == 0:
        return math.nan
    return float(np.corrcoef(right, rest)[0, 1])


def class_statistics(answers: pd.DataFrame, banks: Iterable[Bank]) -> ClassStatistics:
    """All tables for the answers that `course_lib.quiz.collect.collect` returned."""
    first = answers.drop_duplicates(["learner", "question"], keep="first")
    first = first.assign(right=(first["outcome"] == "right").astype(int))
    question_rows, option_rows, lesson_rows = [], [], []
    for bank in banks:
        mine = first[first["lesson"] == bank.lesson]
        table = mine.pivot(index="learner", columns="question", values="right")
        whole = table.dropna()
        complete = len(whole) if len(table.columns) == len(bank.questions) else 0
        reliability = kuder_richardson_20(whole.to_numpy(float)) if complete else math.nan
        lesson_rows.append(
            {
                "lesson": bank.lesson,
                "title": bank.title.en,
                "learners": len(table),
                "complete": complete,
                "mean_score": mine.groupby("learner")["score"].sum().mean(),
                "kr20": reliability,
                "note": "too few answers" if complete < FEW_ANSWERS else "",
            }
        )
        for question in bank.questions:
            given = mine[mine["question"] == question.id]
            options = _option_rows(question, given, table)
            option_rows += options
            question_rows.append(_question_row(bank, question, given, table, options))
    learners = (
        first.groupby(["learner", "lesson"])
        .agg(answered=("question", "size"), right=("right", "sum"), score=("score", "sum"))
        .reset_index()
    )
    attempts = answers.groupby(["learner", "lesson"]).size().rename("attempts").reset_index()
    learners = learners.merge(attempts, on=["learner", "lesson"])
    return ClassStatistics(
        pd.DataFrame(question_rows),
        pd.DataFrame(option_rows, columns=OPTION_COLUMNS),
        pd.DataFrame(lesson_rows),
        learners,
    )


OPTION_COLUMNS = ["question", "option", "text", "right", "chosen", "share", "strong", "weak"]


def _rest_score(table: pd.DataFrame, question: str) -> pd.Series:
    """Share of the other questions that a learner had right; nothing where none was answered."""
    return table.drop(columns=question).mean(axis=1)


def _question_row(bank, question, given, table, options) -> dict:
    count, right = len(given), int(given["right"].sum())
    low, high = wilson_interval(right, count)
    power = math.nan
    if question.id in table:
        both = pd.DataFrame({"item": table[question.id], "rest": _rest_score(table, question.id)})
        both = both.dropna()
        power = discrimination(both["item"].to_numpy(), both["rest"].to_numpy())
    note = "too few answers" if count < FEW_ANSWERS else ""
    if count >= ENOUGH_FOR_A_SUSPICION:
        preferred = max(options, key=lambda row: row["strong"], default=None)
        strong_prefer_wrong = question.type == "single" and preferred and not preferred["right"]
        if power < 0 or strong_prefer_wrong:
            note = "key may be wrong"
    return {
        "lesson": bank.lesson,
        "question": question.id,
        "type": question.type,
        "objective": question.objective,
        "answers": count,
        "share_right": right / count if count else math.nan,
        "low": low,
        "high": high,
        "discrimination": power,
        "median_seconds": given["seconds"].median(),
        "note": note,
    }


def _option_rows(question, given: pd.DataFrame, table: pd.DataFrame) -> list[dict]:
    """How often each option was chosen at first, and by the strong and the weak third."""
    if question.type not in ("single", "multiple") or given.empty:
        return []
    chosen = given["chosen"].map(json.loads)
    marked = chosen.map(lambda answer: set(answer) if isinstance(answer, list) else {answer})
    rest = given["learner"].map(_rest_score(table, question.id)).rank(pct=True)
    strong, weak = (rest > 2 / 3).to_numpy(), (rest <= 1 / 3).to_numpy()
    rows = []
    for position, option in enumerate(question.options):
        took = marked.map(lambda marks, position=position: position in marks).to_numpy(float)
        rows.append(
            {
                "question": question.id,
                "option": position + 1,
                "text": option.text.en,
                "right": option.right,
                "chosen": int(took.sum()),
                "share": took.mean(),
                "strong": took[strong].mean() if strong.any() else math.nan,
                "weak": took[weak].mean() if weak.any() else math.nan,
            }
        )
    return rows


def difficulty_picture(questions: pd.DataFrame, lesson: int) -> bytes:
    """A PNG with the share of right first answers of a lesson's questions, with intervals."""
    from matplotlib.figure import Figure

    rows = questions[(questions["lesson"] == lesson) & (questions["answers"] > 0)]
    figure = Figure(figsize=(7, 0.5 + 0.35 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    below, above = rows["share_right"] - rows["low"], rows["high"] - rows["share_right"]
    error = [below.clip(lower=0), above.clip(lower=0)]
    axes.barh(rows["question"], rows["share_right"], xerr=error, color="#7aa6d6", capsize=3)
    axes.set(xlim=(0, 1), xlabel="share of right first answers, 95 % interval")
    axes.invert_yaxis()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    return picture.getvalue()


def write_report(statistics: ClassStatistics, path: str | Path) -> Path:
    """One self-contained HTML page with the tables and a picture for each lesson."""
    parts = ["<h1>Quiz report</h1>", _table(statistics.lessons)]
    for lesson in statistics.lessons["lesson"]:
        mine = statistics.questions[statistics.questions["lesson"] == lesson]
        parts.append(f"<h2>Lesson {lesson}</h2>")
        if mine["answers"].sum():
            encoded = base64.b64encode(difficulty_picture(mine, lesson)).decode()
            described = "; ".join(
                f"{row.question} {row.share_right:.0%}" for row in mine.itertuples() if row.answers
            )
            parts.append(
                f'<img alt="Share of right first answers: {html.escape(described)}" '
                f'src="data:image/png;base64,{encoded}">'
            )
        parts.append(_table(mine.drop(columns="lesson")))
        options = statistics.options[statistics.options["question"].isin(mine["question"])]
        if len(options):
            parts += ["<details><summary>Options</summary>", _table(options), "</details>"]
    parts += ["<h2>Learners</h2>", _table(statistics.learners)]
    style = (
        "body{font:1rem/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse}td,th{border:1px solid #888;padding:.2rem .5rem}"
        "th{text-align:left}img{max-width:100%}"
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Quiz report</title>'
        f"<style>{style}</style></head><body>{''.join(parts)}</body></html>"
    )
    path = Path(path)
    with write_atomically(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _table(table: pd.DataFrame) -> str:
    return table.to_html(index=False, float_format=lambda number: f"{number:.2f}", na_rep="–")
