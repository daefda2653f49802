"""The answers of a class as pictures, and everything together on one HTML page.

For instructors (``python -m course_lib quiz stats`` and ``quizzes/00_class_report.ipynb``). Each
picture comes with its text for those who cannot see it, ready for `course_lib.plots.show`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from markupsafe import Markup

from course_lib.paths import write_atomically
from course_lib.quiz.report_words import LEGEND, japanese_font, say
from course_lib.quiz.stats import KEY_MAY_BE_WRONG, ClassStatistics, needs_explaining
from course_lib.quiz.texts import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LEARNERS = 60  # in the picture of their progress
# Its tables are wider than those of an inspector's report, and hold whole sentences.
STYLE = """
body { max-width: 85rem; } table { font-size: .9rem; }
.wide { white-space: nowrap; } th, td { text-align: left; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; } details { margin: .5rem 0; } summary { cursor: pointer; }
"""


def difficulty(statistics: ClassStatistics, lesson: int, language: str = "en") -> tuple[Figure, str]:
    """Which share was right at first, question by question, with 95 % intervals."""
    rows = _answered(statistics, lesson)
    below, above = rows["share_right"] - rows["low"], rows["high"] - rows["share_right"]
    figure, axis = _axis(rows)
    axis.errorbar(
        rows["share_right"], np.arange(len(rows)), xerr=[below.clip(lower=0), above.clip(lower=0)], fmt="o", capsize=4
    )
    axis.set_xlim(0, 1)
    label = f"{_drawn('share of right first answers', language)}, {_drawn('with 95 % interval', language)}"
    figure.supxlabel(label, fontsize=9)
    described = _listed(rows.assign(percent=100 * rows["share_right"]), "percent", "{:.0f} %", language)
    return figure, _about(lesson, "share of right first answers", described, language)


def discrimination(statistics: ClassStatistics, lesson: int, language: str = "en") -> tuple[Figure, str]:
    """How well each question tells strong learners from weak ones."""
    from course_lib.plots import GREY, ORANGE

    rows = _answered(statistics, lesson)
    figure, axis = _axis(rows)
    axis.barh(np.arange(len(rows)), rows["discrimination"].fillna(0), height=0.6)
    axis.axvline(0.2, color=ORANGE, linestyle="--", label=_drawn("0.2: good from here on", language))
    axis.axvline(0, color=GREY, linewidth=1)
    axis.legend(fontsize=8)
    axis.set_xlim(-1, 1)
    figure.supxlabel(_drawn("discrimination", language), fontsize=9)
    described = _listed(rows, "discrimination", "{:.2f}", language)
    return figure, _about(lesson, "discrimination of each question", described, language)


def times(statistics: ClassStatistics, lesson: int, language: str = "en") -> tuple[Figure, str]:
    """How long the first attempt took: the middle half of the class as a bar, the median as a dot."""
    rows = _answered(statistics, lesson)
    figure, axis = _axis(rows)
    places = np.arange(len(rows))
    width = rows["seconds_75"] - rows["seconds_25"]
    axis.barh(places, width, left=rows["seconds_25"], height=0.5, alpha=0.5)
    axis.plot(rows["seconds_50"], places, "o", color="black")
    axis.set_xlim(left=0)
    # Centred on the figure, not on the axes, so that long names at the left do not push it out.
    label = "seconds of the first attempt: median and middle half of the class"
    figure.supxlabel(_drawn(label, language), fontsize=9)
    return figure, _about(lesson, "median seconds", _listed(rows, "seconds_50", "{:.0f}", language), language)


def distractors(statistics: ClassStatistics, question: str, language: str = "en") -> tuple[Figure, str]:
    """Who chose which option of a question: the strong third beside the weak third."""
    from course_lib.plots import BLUE, ORANGE

    rows = statistics.options[statistics.options["question"] == question]
    right = _drawn("(right)", language)
    names = [f"{row.option} {right if row.right else ''}".strip() for row in rows.itertuples()]
    figure, axis = _axis(rows, names, row_height=0.5)
    places = np.arange(len(rows))
    axis.barh(places - 0.2, rows["strong"], height=0.35, color=BLUE, label=_drawn("strong third", language))
    axis.barh(places + 0.2, rows["weak"], height=0.35, color=ORANGE, hatch="//", label=_drawn("weak third", language))
    axis.set_xlim(0, 1)
    axis.set_title(_drawn("options of {}", language).format(question), fontsize=10)
    figure.supxlabel(_drawn("share that chose the option", language), fontsize=9)
    axis.legend(fontsize=8)
    described = "; ".join(
        f"{say('option', language)} {name}: {say('strong', language)} {100 * strong:.0f} %, "
        f"{say('weak', language)} {100 * weak:.0f} %"
        for name, strong, weak in zip(names, rows["strong"], rows["weak"], strict=True)
    )
    return figure, f"{say('Who chose which option of {}', language, question)}: {described}."


def progress(statistics: ClassStatistics, language: str = "en") -> tuple[Figure, str]:
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
    figure.supxlabel(_drawn("lesson; per cent of its questions that are right by now", language), fontsize=9)
    axis.spines[:].set_visible(False)
    described = "; ".join(f"{say('lesson', language)} {lesson}: {count}" for lesson, count in reached.items())
    shown = say("Progress of {} learners", language, everybody)
    if len(table) < everybody:
        shown = say("Progress of the {} of {} learners who are least far", language, len(table), everybody)
    return figure, f"{shown}. {say('learners who answered', language).capitalize()}: {described}."


def write_report(statistics: ClassStatistics, path: str | Path, about: str = "", language: str = "en") -> Path:
    """One self-contained HTML page with all tables, pictures and the questions themselves.

    Args:
        about: a sentence at the top, such as what `course_lib.quiz.collect` kept and dropped.
        language: ``"en"`` or ``"ja"``.
    """
    import matplotlib

    from course_lib import plots  # loads matplotlib, which collecting answers does not need

    font = japanese_font() if language == "ja" else ""
    families = [*matplotlib.rcParams["font.family"], font] if font else matplotlib.rcParams["font.family"]
    with matplotlib.rc_context({"font.family": families}):
        parts = [plots.html("<pre>{{ about }}</pre>", about=about) if about else ""]
        parts += [*_overview(statistics, language), *_each_lesson(statistics, language)]
        parts.append(plots.heading(say("Learners", language)))
        if len(statistics.learners):
            parts.append(plots.figure(*progress(statistics, language)))
        parts.append(_table(statistics.learners, language))
    page = plots.page(say("Quiz report", language), *parts, style=STYLE, language=language)
    path = Path(path)
    with write_atomically(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _overview(statistics: ClassStatistics, language: str) -> list[str]:
    """What stands before the single lessons: what to explain again, all lessons, suspects, objectives, tasks."""
    from course_lib import plots

    parts: list[str] = []
    if lines := needs_explaining(statistics, language):
        items = "<ul>{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul>"
        parts += [plots.heading(say("Explain these again", language)), plots.html(items, lines=lines)]
    answered = statistics.lessons["learners"] > 0
    lessons = statistics.lessons.assign(title=statistics.lessons["lesson"].map(statistics.titles))
    parts += [plots.heading(say("Lessons", language)), _table(lessons[answered], language)]
    empty = lessons["lesson"][~answered]
    if len(empty):
        parts.append(f"{say('No answers yet: lessons', language)} {', '.join(map(str, empty))}.")
    suspects = statistics.questions[statistics.questions["note"] == KEY_MAY_BE_WRONG]
    if len(suspects):
        parts.append(plots.heading(say("Look at these questions first", language)))
        parts.append(_table(suspects.drop(columns="objective"), language))
        with_options = suspects["question"][suspects["question"].isin(statistics.options["question"])]
        parts += [plots.figure(*distractors(statistics, question, language)) for question in with_options]
    for title, table, asked in (
        ("Objectives", statistics.objectives, "learners"),
        ("Tasks", statistics.tasks, "tried"),
    ):
        if (table[asked] > 0).any():
            parts += [plots.heading(say(title, language)), _table(table[table[asked] > 0], language)]
    return [*parts, plots.fold(say("What the numbers mean", language), plots.html(LEGEND[language]))]


def _each_lesson(statistics: ClassStatistics, language: str) -> list[str]:
    """Pictures and numbers of each lesson, and its questions with their keys to be read."""
    from course_lib import plots

    parts: list[str] = []
    for lesson in statistics.lessons["lesson"][statistics.lessons["learners"] > 0]:
        mine = _answered(statistics, lesson)
        parts.append(plots.heading(f"{say('lesson', language).capitalize()} {lesson}"))
        parts += [plots.figure(*draw(statistics, lesson, language)) for draw in (difficulty, discrimination, times)]
        parts.append(_table(mine.drop(columns=["lesson", "objective"]), language))
        parts.append(plots.heading(say("Questions and answers", language), level=3))
        for row in mine.itertuples():
            question = statistics.asked[row.question]
            options = statistics.options[statistics.options["question"] == row.question]
            texts = plots.html(
                "<p><b>{{ prompt }}</b></p><p>{{ key }}</p>",
                prompt=Markup(question.prompt.html(language)),
                key=Markup(question.key_html(language)),
            )
            numbers = _table(options.drop(columns=["question", "text"]), language) if len(options) else ""
            share = "" if np.isnan(row.share_right) else f" · {100 * row.share_right:.0f} %"
            parts.append(plots.fold(f"{row.question}{share}", texts, numbers))
    return parts


def _table(rows: pd.DataFrame, language: str) -> str:
    """A table of the page in its language; a text in two of them becomes one."""
    from course_lib import plots

    def in_words(value: object) -> object:
        if isinstance(value, Text):
            return value.plain(language).replace("**", "").replace("`", "")
        return say(value, language) if isinstance(value, str) else value

    words = {column: rows[column].map(in_words) for column in rows.columns if rows[column].dtype == object}
    return plots.table(rows.assign(**words).rename(columns=lambda name: say(name, language)), decimals=2)


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


def _drawn(english: str, language: str) -> str:
    """A phrase within a picture: in Japanese only where a font on this computer has its letters."""
    return say(english, language if language == "ja" and japanese_font() else "en")


def _about(lesson: int, what: str, described: str, language: str) -> str:
    return f"{say('lesson', language).capitalize()} {lesson}, {say(what, language)}: {described}."


def _listed(rows: pd.DataFrame, column: str, form: str, language: str) -> str:
    return "; ".join(
        f"{question} {say('unknown', language) if np.isnan(value) else form.format(value)}"
        for question, value in zip(rows["question"], rows[column], strict=True)
    )
