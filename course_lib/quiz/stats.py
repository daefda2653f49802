"""What the answers of a class say about the questions, and about what to explain again.

For instructors (``python -m course_lib quiz stats``). Difficulty and discrimination look at
first attempts only, because later ones were made after feedback.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from course_lib.quiz.kinds.choice import ChoiceQuestion, Single
from course_lib.quiz.questions import Bank, Question
from course_lib.quiz.texts import Text

Row: TypeAlias = dict[str, Any]
FEW_ANSWERS = 10
ENOUGH_FOR_A_SUSPICION = 20
TOO_FEW, KEY_MAY_BE_WRONG = "too few answers", "key may be wrong"


@dataclass(frozen=True)
class ClassStatistics:
    """The tables of a class: questions, options, lessons (reliability), learners.

    ``questions`` has one row a question: how many answered it, which share was right at first with
    its 95 % interval (``low``, ``high``), `discrimination`, and the quartiles of the time in
    seconds. ``options`` says how often each option was chosen at first, by all, by the strong and
    by the weak third. ``learners`` has one row for each learner and lesson.
    Tasks have rows among the questions and a column among the learners; scores and reliability are those
    of the quiz alone. ``objectives`` counts who misses each objective, ``tasks`` who solved each task, and
    ``asked`` has the questions and tasks themselves by their ids, ``titles`` those of the lessons.
    """

    questions: pd.DataFrame
    options: pd.DataFrame
    lessons: pd.DataFrame
    learners: pd.DataFrame
    objectives: pd.DataFrame
    tasks: pd.DataFrame
    asked: Mapping[str, Question]
    titles: Mapping[int, Text]


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share, also sensible for few trials (Wilson 1927).

    Example:
        >>> low, high = wilson_interval(18, 20)
        >>> round(low, 3), round(high, 3)
        (0.699, 0.972)
    """
    if trials == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest  # here, so that a quiz is shown without it

    low, high = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return float(low), float(high)


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
    """All tables for the answers that `course_lib.quiz.collect.collect` returned.

    Example:
        >>> import tempfile
        >>> from course_lib.quiz.bank import find_bank, load_bank
        >>> from course_lib.quiz.collect import collect
        >>> from course_lib.quiz.simulate import simulate_class
        >>> banks = [load_bank(find_bank(1))]
        >>> folder = simulate_class(tempfile.mkdtemp(), banks, learners=12)
        >>> statistics = class_statistics(collect(folder, banks).answers, banks)
        >>> statistics.lessons.loc[0, ["learners", "complete"]].tolist()
        [12, 12]
    """
    banks = list(banks)
    tasks = {task.id for bank in banks for task in bank.tasks}
    # A learner whose first line was lost is left out, because a second attempt is no first one.
    first = answers[answers["attempt"] == 1].drop_duplicates(["learner", "question"])
    first = first.assign(right=(first["outcome"] == "right").astype(int))
    question_rows, option_rows, lesson_rows = [], [], []
    for bank in banks:
        given_in_lesson = first[first["lesson"] == bank.lesson]
        mine = given_in_lesson[~given_in_lesson["question"].isin(tasks)]
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
                "note": TOO_FEW if complete < FEW_ANSWERS else "",
            }
        )
        for question in (*bank.questions, *bank.tasks):
            given = given_in_lesson[given_in_lesson["question"] == question.id]
            options = _option_rows(question, given, table)
            option_rows += options
            question_rows.append(_question_row(bank, question, given, table, options))
    of_tasks = answers[answers["question"].isin(tasks)]
    return ClassStatistics(
        pd.DataFrame(question_rows),
        pd.DataFrame(option_rows, columns=OPTION_COLUMNS),
        pd.DataFrame(lesson_rows),
        _learners(banks, answers, first, of_tasks),
        _objectives(banks, first, of_tasks),
        _tasks(banks, of_tasks),
        {question.id: question for bank in banks for question in (*bank.questions, *bank.tasks)},
        {bank.lesson: bank.title for bank in banks},
    )


def needs_explaining(statistics: ClassStatistics, language: str = "en", most: int = 5) -> list[str]:
    """The objectives and the tasks that most of the class miss, a line each: "12 of 30 miss choose-threshold"."""
    from course_lib.quiz.report_words import say

    def lines(table: pd.DataFrame, phrase: str, missed: str, learners: str, name: str) -> list[str]:
        worst = table[table[missed] > 0].sort_values("share_missed", ascending=False, kind="stable").head(most)
        return [
            say(phrase, language, row[missed], row[learners], row[name])
            + f" ({say('lesson', language)} {row['lesson']}): {row['text'].plain(language)}"
            for _, row in worst.iterrows()
        ]

    return [
        *lines(statistics.objectives, "{} of {} miss {}", "missed", "learners", "objective"),
        *lines(statistics.tasks, "{} of {} have not solved {}", "unsolved", "tried", "task"),
    ]


def _learners(banks: list[Bank], answers: pd.DataFrame, first: pd.DataFrame, of_tasks: pd.DataFrame) -> pd.DataFrame:
    """How far each learner is in each lesson: the quiz, and the tasks in a column of their own."""
    answers, first = (rows[~rows["question"].isin(of_tasks["question"])] for rows in (answers, first))
    solved = answers[answers["outcome"] == "right"].groupby(["learner", "lesson"])["question"]
    of_learner = first.groupby(["learner", "lesson"])
    learners = answers.groupby(["learner", "lesson"]).agg(
        answered=("question", "nunique"), attempts=("question", "size"), minutes=("seconds", "sum")
    )
    learners["minutes"] /= 60
    learners["right_at_first"] = of_learner["right"].sum()
    learners["right_in_the_end"] = solved.nunique()
    learners["score"] = of_learner["score"].sum()
    if any(bank.tasks for bank in banks):
        done = of_tasks[of_tasks["outcome"] == "right"].groupby(["learner", "lesson"])["question"].nunique()
        attempted = of_tasks.groupby(["learner", "lesson"]).size().index
        learners = learners.reindex(learners.index.union(attempted))
        learners["tasks_solved"] = done.reindex(learners.index).fillna(0).astype(int)
    learners = learners.fillna(0).astype(
        {"right_at_first": int, "right_in_the_end": int, "answered": int, "attempts": int}
    )
    learners = learners.reset_index()
    learners.insert(2, "questions", learners["lesson"].map({bank.lesson: len(bank.questions) for bank in banks}))
    return learners


def _objectives(banks: list[Bank], first: pd.DataFrame, of_tasks: pd.DataFrame) -> pd.DataFrame:
    """Who has less than half of the points of an objective: first answers to its questions, tasks solved at last."""
    points = pd.concat(
        [
            first[~first["question"].isin(of_tasks["question"])][["learner", "question", "score"]],
            of_tasks.groupby(["learner", "question"], as_index=False)["score"].max(),
        ]
    )
    rows = []
    for bank in banks:
        for objective in bank.objectives:
            items = [asked.id for asked in (*bank.questions, *bank.tasks) if asked.objective == objective.id]
            share = points[points["question"].isin(items)].groupby("learner")["score"].mean()
            missed = int((share < 0.5).sum())
            rows.append(
                {
                    "lesson": bank.lesson,
                    "objective": objective.id,
                    "text": objective.text,
                    "items": len(items),
                    "learners": len(share),
                    "missed": missed,
                    "share_missed": missed / len(share) if len(share) else math.nan,
                    "mean_score": share.mean(),
                }
            )
    return pd.DataFrame(rows)


def _tasks(banks: list[Bank], of_tasks: pd.DataFrame) -> pd.DataFrame:
    """Who tried and who solved each task, and how many attempts that took."""
    rows = []
    for bank in banks:
        for task in bank.tasks:
            mine = of_tasks[of_tasks["question"] == task.id]
            tried = mine["learner"].nunique()
            solved = mine["learner"][mine["outcome"] == "right"].nunique()
            rows.append(
                {
                    "lesson": bank.lesson,
                    "task": task.id,
                    "text": task.prompt,
                    "tried": tried,
                    "solved": solved,
                    "unsolved": tried - solved,
                    "share_missed": (tried - solved) / tried if tried else math.nan,
                    "attempts_50": mine.groupby("learner").size().median(),
                }
            )
    return pd.DataFrame(rows, columns=TASK_COLUMNS)


TASK_COLUMNS = ["lesson", "task", "text", "tried", "solved", "unsolved", "share_missed", "attempts_50"]
OPTION_COLUMNS = ["question", "option", "text", "right", "chosen", "share", "strong", "weak"]


def _rest_score(table: pd.DataFrame, question: str) -> pd.Series:
    """Share of the other questions that a learner had right; nothing where none was answered."""
    return table.drop(columns=question).mean(axis=1)


def _question_row(bank: Bank, question: Question, given: pd.DataFrame, table: pd.DataFrame, options: list[Row]) -> Row:
    count, right = len(given), int(given["right"].sum())
    low, high = wilson_interval(right, count)
    power = math.nan
    if question.id in table:
        both = pd.DataFrame({"item": table[question.id], "rest": _rest_score(table, question.id)})
        both = both.dropna()
        power = discrimination(both["item"].to_numpy(), both["rest"].to_numpy())
    note = TOO_FEW if count < FEW_ANSWERS else ""
    if _key_is_suspect(question, count, power, options):
        note = KEY_MAY_BE_WRONG
    quartiles = given["seconds"].astype(float).quantile([0.25, 0.5, 0.75])
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
        "seconds_25": quartiles[0.25],
        "seconds_50": quartiles[0.5],
        "seconds_75": quartiles[0.75],
        "note": note,
    }


def _key_is_suspect(question: Question, count: int, power: float, options: list[Row]) -> bool:
    """Whether the answers speak against the key, given enough of them.

    They do when the strong third prefers an option that the key calls wrong and the question does
    not tell strong from weak (below 0.1), or when its discrimination lies clearly below 0 (Fisher's
    z, one-sided 5 %). `studies/quiz_flags.py` measures how often this is right.
    """
    if count < ENOUGH_FOR_A_SUSPICION:
        return False
    if power < 0 and math.atanh(max(power, -0.999)) * math.sqrt(count - 3) < -1.645:
        return True
    if not isinstance(question, Single) or power >= 0.1:  # without a number nobody or everybody was right
        return False
    return not max(options, key=lambda row: row["strong"])["right"]


def _option_rows(question: Question, given: pd.DataFrame, table: pd.DataFrame) -> list[Row]:
    """How often each option was chosen at first, and by the strong and the weak third."""
    if not isinstance(question, ChoiceQuestion) or given.empty:
        return []
    marked = [question.marked(json.loads(answer)) for answer in given["chosen"]]
    rest = given["learner"].map(_rest_score(table, question.id)).rank(pct=True)
    strong, weak = (rest > 2 / 3).to_numpy(), (rest <= 1 / 3).to_numpy()
    rows = []
    for position, option in enumerate(question.options):
        took = np.array([position in marks for marks in marked], float)
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
