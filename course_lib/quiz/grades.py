"""Points of a class, one row a student, by one rule that everybody can be told.

For instructors (``python -m course_lib quiz grade``). A roster gives the pseudonyms their names: by the number
that a learner typed in, or by the number or name in the path of a handed-in file, as learning platforms write it.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.quiz.collect import Collected
from course_lib.quiz.questions import RIGHT, Bank

RULE = (
    "The rule: for each question of a quiz the first answer counts, with its score from 0 to 1; later answers change "
    "nothing. A task counts 1 once it is solved, at whichever attempt."
)
NOTHING_HANDED_IN = "handed in nothing"
NOT_IN_ROSTER = "not in the roster"
Roster: TypeAlias = dict[str, str]  # name by student number


def read_roster(path: str | Path) -> Roster:
    """Student numbers and names from a CSV file: a heading, then number and name in the first two columns.

    Raises:
        CourseError: the file cannot be read, holds nobody, or has a number twice.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "roster.csv"
        >>> _ = path.write_text("number,name\\n0042,Ada Lovelace\\n", "utf-8")
        >>> read_roster(path)
        {'0042': 'Ada Lovelace'}
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CourseError(f"The roster {shorten(path)} cannot be read ({error.strerror}); check its name.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp932", errors="replace")  # as Excel writes it in Japan
    lines = text.splitlines()
    separator = max(",;\t", key=lines[0].count) if lines else ","
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines[1:], delimiter=separator) if any(row)]
    roster = {row[0]: row[1] if len(row) > 1 else "" for row in rows if row[0]}
    if not roster:
        raise CourseError(f"The roster {shorten(path)} holds nobody; write a heading, then number,name in each line.")
    if twice := {row[0] for row in rows if [other[0] for other in rows].count(row[0]) > 1}:
        raise CourseError(f"The roster {shorten(path)} has the number {min(twice)} twice; give each student one line.")
    return roster


def grades(collected: Collected, banks: Iterable[Bank], roster: Roster | None = None) -> pd.DataFrame:
    """The points of each learner, by `RULE`; with a roster also those who handed in nothing.

    Returns:
        One row a learner: student, name, learner (the pseudonym), points and tasks of each lesson that anybody
        answered, their sums, and what to look at before the points are believed.

    Example:
        >>> import tempfile
        >>> from course_lib.quiz.bank import find_bank, load_bank
        >>> from course_lib.quiz.collect import collect
        >>> from course_lib.quiz.simulate import simulate_class
        >>> banks = [load_bank(find_bank(1))]
        >>> collected = collect(simulate_class(tempfile.mkdtemp(), banks, learners=3), banks)
        >>> list(grades(collected, banks).columns)[:4], len(grades(collected, banks))
        (['student', 'name', 'learner', 'quiz 1 (of ...)'], 3)
    """
    answers = collected.answers
    first = answers[(answers["attempt"] == 1) & (answers["type"] != "task")]
    first = first.drop_duplicates(["learner", "question"])
    solved = answers[(answers["type"] == "task") & (answers["outcome"] == RIGHT)]
    rows: dict[str, dict[str, Any]] = {}
    for learner, files in answers.groupby("learner")["file"]:
        number = _number_of(learner, files.unique(), collected, roster or {})
        rows[learner] = {"student": number, "name": (roster or {}).get(number, ""), "learner": learner}
    most = {"quiz": 0, "tasks": 0}
    table = pd.DataFrame(rows.values(), index=list(rows), columns=["student", "name", "learner"])
    for bank in banks:
        if bank.lesson not in set(answers["lesson"]):
            continue
        points = first[first["lesson"] == bank.lesson].groupby("learner")["score"].sum()
        tasks = solved[solved["lesson"] == bank.lesson].groupby("learner")["question"].nunique()
        for what, got, asked in (("quiz", points.round(2), bank.questions), ("tasks", tasks, bank.tasks)):
            if asked:
                table[f"{what} {bank.lesson} (of {len(asked)})"] = got.reindex(table.index).fillna(0).astype(got.dtype)
                most[what] += len(asked)
    for what, count in most.items():
        mine = [column for column in table.columns if column.startswith(f"{what} ")]
        if mine:
            table[f"{what} in all (of {count})"] = table[mine].sum(axis=1).round(2)
    table["look at"] = [_to_look_at(row, table, collected, roster) for row in table.itertuples()]
    missing = [number for number in roster or {} if number not in set(table["student"])]
    absent = pd.DataFrame({"student": missing, "name": [(roster or {})[number] for number in missing]})
    lost = collected.dropped["file"][~collected.dropped["file"].isin(answers["file"])]
    unusable = lost.map(lambda file: _number_of("", [file], collected, roster or {})).value_counts()
    told = {number: f"none of its {lines} lines can be used" for number, lines in unusable.items()}
    absent["look at"] = [told.get(number, NOTHING_HANDED_IN) for number in missing]
    table = pd.concat([table, absent], ignore_index=True) if missing else table
    for column in table.columns:
        if column.startswith(("quiz ", "tasks ")):
            table[column] = table[column].fillna(0).astype(int if column.startswith("tasks ") else float)
    return table.fillna("").sort_values(["student", "learner"], kind="stable").reset_index(drop=True)


def _number_of(learner: str, files: Iterable[str], collected: Collected, roster: Roster) -> str:
    """The student number of a learner: as typed in, or the one whose number or name stands in the path."""
    plain = {_plain(number): number for number in roster}
    if typed := collected.students.get(learner):
        return plain.get(_plain(typed), typed)
    for file in files:
        words = re.split(r"[^0-9a-z\u3040-\u9fff]+", unicodedata.normalize("NFKC", file).casefold())
        found = {number for shape, number in plain.items() if shape in words}
        whole = _plain(file)
        found = found or {number for number, name in roster.items() if len(_plain(name)) > 1 and _plain(name) in whole}
        if len(found) == 1:
            return found.pop()
    return ""


def _plain(text: str) -> str:
    """Letters and digits alone, so that "Ada  Lovelace" is found in "lovelace/Ada_Lovelace_42"."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def _to_look_at(row: Any, table: pd.DataFrame, collected: Collected, roster: Roster | None) -> str:
    """What speaks against believing a row as it stands; "" where nothing does."""
    # Of files that share a pseudonym each has its number behind it; the doubt is about all of them.
    mine = collected.doubts["learner"].isin((row.learner, row.learner.partition("/")[0]))
    found = list(dict.fromkeys(collected.doubts["doubt"][mine]))
    files = set(collected.answers["file"][collected.answers["learner"] == row.learner])
    dropped = collected.dropped[collected.dropped["file"].isin(files)]
    if lost := int(dropped["reason"].str.startswith(("broken", "changed")).sum()):
        found.append(f"{lost} of its lines are broken or were changed")
    if roster is not None and row.student not in roster:
        found.append(NOT_IN_ROSTER)
    if row.student and (table["student"] == row.student).sum() > 1:
        found.append("another row has this student number")
    return "; ".join(found)
