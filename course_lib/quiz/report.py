"""The answers of a class as pictures, and everything together on one HTML page.

For instructors (``python -m course_lib quiz stats`` and ``quizzes/00_class_report.ipynb``). Each
picture comes with its text for those who cannot see it, ready for `course_lib.plots.show`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_lib.paths import write_atomically
from course_lib.quiz.stats import KEY_MAY_BE_WRONG, ClassStatistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEGEND = """
<ul>
<li><b>share_right</b>: share of right answers at the first attempt; <b>low</b> and <b>high</b> are
the ends of its 95 % interval (Wilson 1927). Later attempts were made after feedback, so they do not
count here.</li>
<li><b>discrimination</b>: correlation of a question with the other questions of its lesson. Above
0.2 it tells strong learners from weak ones; below 0 something is wrong with it.</li>
<li><b>seconds_25, _50, _75</b>: a quarter, half and three quarters of the learners were faster.</li>
<li><b>kr20</b>: reliability of a lesson's quiz (Kuder and Richardson 1937). Near 1: the same
learners would come out ahead again. It counts learners who answered every question.</li>
<li><b>strong, weak</b>: share of the best and of the weakest third who chose an option.</li>
<li><b>too few answers</b>: fewer than 10; read nothing into such a number.</li>
<li><b>key may be wrong</b>: strong learners prefer an option that the key calls wrong, or miss the
question more often than weak ones. Look at the question before you look at the class.</li>
</ul>
"""
MOST_LEARNERS = 60  # in the picture of their progress
# Its tables are wider than those of an inspector's report, and hold whole sentences.
STYLE = """
body { max-width: 85rem; } table { font-size: .9rem; }
.wide { white-space: nowrap; } th, td { text-align: left; }
"""


def difficulty(statistics: ClassStatistics, lesson: int) -> tuple[Figure, str]:
    """Which share was right at first, question by question, with 95 % intervals."""
    rows = _answered(statistics, lesson)
    below, above = rows["share_right"] - rows["low"], rows["high"] - rows["share_right"]
    figure, axis = _axis(rows)
    axis.errorbar(
        rows["share_right"], np.arange(len(rows)), xerr=[below.clip(lower=0), above.clip(lower=0)], fmt="o", capsize=4
    )
    axis.set_xlim(0, 1)
    figure.supxlabel("share of right first answers, with 95 % interval", fontsize=9)
    described = _listed(rows.assign(percent=100 * rows["share_right"]), "percent", "{:.0f} %")
    return figure, f"Lesson {lesson}, share of right first answers: {described}."


def discrimination(statistics: ClassStatistics, lesson: int) -> tuple[Figure, str]:
    """How well each question tells strong learners from weak ones."""
    from course_lib.plots import GREY, ORANGE

    rows = _answered(statistics, lesson)
    figure, axis = _axis(rows)
    axis.barh(np.arange(len(rows)), rows["discrimination"].fillna(0), height=0.6)
    axis.axvline(0.2, color=ORANGE, linestyle="--", label="0.2: good from here on")
    axis.axvline(0, color=GREY, linewidth=1)
    axis.legend(fontsize=8)
    axis.set_xlim(-1, 1)
    figure.supxlabel("discrimination", fontsize=9)
    described = _listed(rows, "discrimination", "{:.2f}")
    return figure, f"Lesson {lesson}, discrimination of each question: {described}."


def times(statistics: ClassStatistics, lesson: int) -> tuple[Figure, str]:
    """How long the first attempt took: the middle half of the class as a bar, the median as a dot."""
    rows = _answered(statistics, lesson)
    figure, axis = _axis(rows)
    places = np.arange(len(rows))
    width = rows["seconds_75"] - rows["seconds_25"]
    axis.barh(places, width, left=rows["seconds_25"], height=0.5, alpha=0.5)
    axis.plot(rows["seconds_50"], places, "o", color="black")
    axis.set_xlim(left=0)
    # Centred on the figure, not on the axes, so that long names at the left do not push it out.
    figure.supxlabel("seconds of the first attempt: median and middle half of the class", fontsize=9)
    return figure, f"Lesson {lesson}, median seconds: {_listed(rows, 'seconds_50', '{:.0f}')}."


def distractors(statistics: ClassStatistics, question: str) -> tuple[Figure, str]:
    """Who chose which option of a question: the strong third beside the weak third."""
    from course_lib.plots import BLUE, ORANGE

    rows = statistics.options[statistics.options["question"] == question]
    names = [f"{row.option} {'(right)' if row.right else ''}".strip() for row in rows.itertuples()]
    figure, axis = _axis(rows, names, row_height=0.5)
    places = np.arange(len(rows))
    axis.barh(places - 0.2, rows["strong"], height=0.35, color=BLUE, label="strong third")
    axis.barh(places + 0.2, rows["weak"], height=0.35, color=ORANGE, hatch="//", label="weak third")
    axis.set_xlim(0, 1)
    axis.set_title(f"options of {question}", fontsize=10)
    figure.supxlabel("share that chose the option", fontsize=9)
    axis.legend(fontsize=8)
    described = "; ".join(
        f"option {name}: strong {100 * strong:.0f} %, weak {100 * weak:.0f} %"
        for name, strong, weak in zip(names, rows["strong"], rows["weak"], strict=True)
    )
    return figure, f"Who chose which option of {question}: {described}."


def progress(statistics: ClassStatistics) -> tuple[Figure, str]:
    """How far each learner is: the share of each lesson's questions that is right by now.

    Of a large class, the `MOST_LEARNERS` who are least far are drawn: they may need help.
    """
    from course_lib.plots import new_figure

    learners = statistics.learners
    share = (learners["right_in_the_end"] / learners["questions"]).rename("share")
    table = pd.concat([learners[["learner", "lesson"]], share], axis=1)
    table = table.pivot(index="learner", columns="lesson", values="share")
    everybody, reached = len(table), table.notna().sum()
    table = table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    table = table.tail(MOST_LEARNERS)
    figure, axes = new_figure(width=7.0, height=1.2 + 0.2 * len(table))
    axis = axes[0, 0]
    axis.imshow(table.to_numpy(), cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for row, column in np.argwhere(table.notna().to_numpy()):
        percent = f"{100 * table.iloc[row, column]:.0f}"
        axis.text(column, row, percent, ha="center", va="center", fontsize=7)
    axis.set_xticks(np.arange(len(table.columns)), table.columns)
    axis.set_yticks(np.arange(len(table)), table.index, fontsize=7)
    figure.supxlabel("lesson; per cent of its questions that are right by now", fontsize=9)
    axis.spines[:].set_visible(False)
    described = "; ".join(f"lesson {lesson}: {count}" for lesson, count in reached.items())
    shown = f"{everybody} learners"
    if len(table) < everybody:
        shown = f"the {len(table)} of {everybody} learners who are least far"
    return figure, f"Progress of {shown}. Learners who answered: {described}."


def write_report(statistics: ClassStatistics, path: str | Path, about: str = "") -> Path:
    """One self-contained HTML page with all tables and pictures.

    Args:
        about: a sentence at the top, such as what `course_lib.quiz.collect` kept and dropped.
    """
    from course_lib import plots  # loads matplotlib, which collecting answers does not need

    table = partial(plots.table, decimals=2)
    lessons = statistics.lessons[statistics.lessons["learners"] > 0]
    suspects = statistics.questions[statistics.questions["note"] == KEY_MAY_BE_WRONG]
    parts = [plots.html("<pre>{{ about }}</pre>", about=about) if about else ""]
    parts += [plots.heading("Lessons"), table(lessons)]
    empty = statistics.lessons["lesson"][statistics.lessons["learners"] == 0]
    if len(empty):
        parts.append(f"No answers yet: lessons {', '.join(map(str, empty))}.")
    if len(suspects):
        parts += [plots.heading("Look at these questions first"), table(suspects.drop(columns="objective"))]
        with_options = suspects["question"][suspects["question"].isin(statistics.options["question"])]
        parts += [plots.figure(*distractors(statistics, question)) for question in with_options]
    parts.append(plots.fold("What the numbers mean", plots.html(LEGEND)))
    for lesson in lessons["lesson"]:
        mine = _answered(statistics, lesson)
        parts.append(plots.heading(f"Lesson {lesson}"))
        parts += [plots.figure(*draw(statistics, lesson)) for draw in (difficulty, discrimination, times)]
        parts.append(table(mine.drop(columns=["lesson", "objective"])))
        options = statistics.options[statistics.options["question"].isin(mine["question"])]
        if len(options):
            parts.append(plots.fold("Options", table(options)))
    parts.append(plots.heading("Learners"))
    if len(statistics.learners):
        parts.append(plots.figure(*progress(statistics)))
    parts.append(table(statistics.learners))
    page = plots.page("Quiz report", *parts, style=STYLE)
    path = Path(path)
    with write_atomically(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _answered(statistics: ClassStatistics, lesson: int) -> pd.DataFrame:
    questions = statistics.questions
    return questions[(questions["lesson"] == lesson) & (questions["answers"] > 0)]


def _axis(rows: pd.DataFrame, names: list[str] | None = None, row_height: float = 0.35) -> tuple[Figure, Axes]:
    """A figure with one line for each row, the first on top."""
    from course_lib.plots import new_figure

    figure, axes = new_figure(height=0.9 + row_height * len(rows))
    axis = axes[0, 0]
    axis.set_yticks(np.arange(len(rows)), names or list(rows["question"]))
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
    return figure, axis


def _listed(rows: pd.DataFrame, column: str, form: str) -> str:
    return "; ".join(
        f"{question} {'unknown' if np.isnan(value) else form.format(value)}"
        for question, value in zip(rows["question"], rows[column], strict=True)
    )
