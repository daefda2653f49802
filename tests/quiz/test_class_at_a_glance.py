"""What to explain again, by objective and by task, and the page about a class in both languages."""

import re
from pathlib import Path

import pandas as pd
import pytest

from course_lib.quiz import report
from course_lib.quiz.bank import find_bank, load_bank
from course_lib.quiz.cli import main
from course_lib.quiz.collect import collect
from course_lib.quiz.grading import grade, right_answer
from course_lib.quiz.progress import make_record
from course_lib.quiz.report import write_report
from course_lib.quiz.report_words import FONTS, JAPANESE, LEGEND, japanese_font
from course_lib.quiz.simulate import simulate_class
from course_lib.quiz.stats import ClassStatistics, class_statistics, needs_explaining
from course_lib.quiz.tasks.records import with_tasks

BANK = with_tasks(load_bank(find_bank(2)))
TASK = BANK.tasks[0]


def statistics_of(*answers: tuple[str, str, object, int]) -> ClassStatistics:
    """Of answers: learner, id, what was chosen, which attempt."""
    asked = {question.id: question for question in (*BANK.questions, *BANK.tasks)}
    rows = []
    for learner, identifier, chosen, attempt in answers:
        question = asked[identifier]
        judged = grade(question, chosen)
        record = make_record(
            question, 2, chosen, judged, learner=learner, attempt=attempt, seconds=9, at="2026-01-19T09:00:00Z"
        )
        rows.append({**record, "chosen": "0", "type": question.type, "objective": question.objective, "file": learner})
    return class_statistics(pd.DataFrame(rows), [BANK])


def test_an_objective_is_missed_below_half_of_its_points() -> None:
    objective = next(o for o in BANK.objectives if sum(q.objective == o.id for q in BANK.questions) >= 2)
    first, second = [question for question in BANK.questions if question.objective == objective.id][:2]
    right = {question.id: right_answer(question) for question in (first, second)}
    wrong = {
        question.id: (right[question.id] + 1) % len(question.positions()) if question.type == "single" else "-99"
        for question in (first, second)
    }
    statistics = statistics_of(
        ("all", first.id, right[first.id], 1),
        ("all", second.id, right[second.id], 1),
        ("half", first.id, right[first.id], 1),
        ("half", second.id, wrong[second.id], 1),
        ("none", first.id, wrong[first.id], 1),
        ("none", first.id, right[first.id], 2),  # too late
    )
    row = statistics.objectives.set_index("objective").loc[objective.id]
    assert (row["learners"], row["missed"], row["mean_score"]) == (3, 1, 0.5)
    assert needs_explaining(statistics) == [f"1 of 3 miss {objective.id} (lesson 2): {objective.text.en}"]
    others = statistics.objectives[statistics.objectives["objective"] != objective.id]
    assert (others["learners"] == 0).all()


def test_a_task_counts_as_solved_at_whichever_attempt() -> None:
    tried, done = {"code": "…", "right": False}, {"code": "…", "right": True}
    statistics = statistics_of(
        ("at once", TASK.id, done, 1),
        ("at last", TASK.id, tried, 1),
        ("at last", TASK.id, done, 2),
        ("never", TASK.id, tried, 1),
    )
    row = statistics.tasks.set_index("task").loc[TASK.id]
    assert (row["tried"], row["solved"], row["unsolved"], row["attempts_50"]) == (3, 2, 1, 1)
    assert f"1 of 3 have not solved {TASK.id} (lesson 2): Write " in needs_explaining(statistics)[-1]
    assert "3 人中 1 人が未正解" in needs_explaining(statistics, "ja")[-1]
    if TASK.objective:
        objective = statistics.objectives.set_index("objective").loc[TASK.objective]
        assert (objective["learners"], objective["missed"]) == (3, 1)


def small_class(folder: Path) -> tuple[ClassStatistics, str]:
    collected = collect(simulate_class(folder, [BANK], learners=12), [BANK])
    return class_statistics(collected.answers, [BANK]), collected.summary("ja")


@pytest.mark.slow
def test_the_page_has_the_questions_themselves_and_a_table_by_objective(tmp_path: Path) -> None:
    statistics, _ = small_class(tmp_path / "class")
    for language in ("en", "ja"):
        page = write_report(statistics, tmp_path / "r.html", language=language).read_text("utf-8")
        assert f'<html lang="{language}">' in page
        for question in BANK.questions:
            assert question.prompt.html(language) in page and question.key_html(language) in page
        for objective in BANK.objectives:
            assert objective.text.plain(language) in page
        for line in needs_explaining(statistics, language):
            assert line.split(": ")[-1] in page


@pytest.mark.slow
def test_a_japanese_page_has_no_english_words_of_its_own(tmp_path: Path) -> None:
    statistics, about = small_class(tmp_path / "class")
    page = write_report(statistics, tmp_path / "r.html", about, "ja").read_text("utf-8")
    without_questions = re.sub(
        r"<details><summary>02-.*?</details>|<style>.*?</style>|src=\"[^\"]+\"", "", page, flags=re.S
    )
    shown = re.sub(r"<[^>]+>", " ", without_questions)
    words = set(re.findall(r"\b[A-Za-z][a-z_]{3,}\b", shown)) - {
        *re.findall("[a-z]+", " ".join(o.id for o in BANK.objectives) + " ".join(q.id for q in BANK.questions)),
        *(question.type for question in BANK.questions),
        *re.findall("[A-Za-z]+", " ".join(objective.text.ja for objective in BANK.objectives)),
        *("Wilson", "Kuder", "Richardson"),
    }
    learners = set(statistics.learners["learner"])
    assert not {word for word in words if not any(word in learner for learner in learners)}
    assert "クイズの集計" in page and LEGEND["ja"].splitlines()[0] in page


def test_every_column_of_the_page_has_a_japanese_name(tmp_path: Path) -> None:
    statistics, _ = small_class(tmp_path)
    for name in ("questions", "options", "lessons", "learners", "objectives", "tasks"):
        assert set(getattr(statistics, name).columns) <= set(JAPANESE), name


def test_a_picture_says_it_in_japanese_only_where_a_font_has_the_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics, _ = small_class(tmp_path)
    monkeypatch.setattr(report, "japanese_font", lambda: "")
    figure, words = report.difficulty(statistics, 2, "ja")
    assert figure.get_supxlabel().startswith("share of right")
    assert "最初の解答の正答率" in words
    monkeypatch.setattr(report, "japanese_font", lambda: FONTS[0])
    assert report.difficulty(statistics, 2, "ja")[0].get_supxlabel().startswith("最初の解答の正答率")
    assert japanese_font() in ("", *FONTS)


@pytest.mark.slow
def test_the_command_tells_what_to_explain_again(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    banks = tmp_path / "banks"
    banks.mkdir()
    (banks / BANK.path.name).write_bytes(BANK.path.read_bytes())
    if (BANK.path.parent / "pictures").is_dir():
        (banks / "pictures").symlink_to(BANK.path.parent / "pictures")
    folder = simulate_class(tmp_path / "class", [BANK], learners=12)
    assert main(["stats", str(folder), "--banks", str(banks), "--out", str(tmp_path / "out"), "--lang", "ja"]) == 0
    assert re.search(r"^12 人中 \d+ 人が未達成：", capsys.readouterr().out, re.MULTILINE)
    for name in ("objectives.csv", "tasks.csv", "report.html"):
        assert (tmp_path / "out" / name).is_file()
