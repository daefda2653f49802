"""Tasks beside questions, as an instructor sees them."""

import json
from pathlib import Path
from typing import Any

import pytest
from notebook_samples import REAL_PROJECT

from course_lib.errors import CourseError
from course_lib.quiz.bank import find_bank, load_bank
from course_lib.quiz.cli import main
from course_lib.quiz.collect import collect
from course_lib.quiz.grading import grade
from course_lib.quiz.kinds import KINDS
from course_lib.quiz.learner import Learner
from course_lib.quiz.place import Place
from course_lib.quiz.progress import Progress, seal
from course_lib.quiz.simulate import simulate_class
from course_lib.quiz.stats import class_statistics
from course_lib.quiz.tasks.content import Task, find
from course_lib.quiz.tasks.records import TaskQuestion, keep, with_tasks

BANK = load_bank(find_bank(2, REAL_PROJECT / "quizzes"))


@pytest.fixture
def answers(course: Path) -> Path:
    """A class of twelve that answered the quiz; five tried a task, three solved it."""
    folder = simulate_class(course / "class", [BANK], learners=12)
    task = find("02-brightest", Task)
    for file in sorted(folder.glob("*.jsonl"))[:5]:
        progress = Progress(course / "copies" / file.stem)
        progress._learner = Learner(file.stem.removeprefix("answers-"), "")
        keep(task, progress, "def brightest(image): ...", False, 10.0)
        if file.stem < sorted(folder.glob("*.jsonl"))[3].stem:
            keep(task, progress, task.solution, True, 20.0)
        with file.open("ab") as answers:
            answers.write(progress.file.read_bytes())
    return folder


def test_tasks_stand_beside_questions_and_scores_are_those_of_the_quiz(answers: Path) -> None:
    bank = with_tasks(BANK)
    collected = collect(answers, [bank])
    assert collected.dropped.empty
    assert (collected.answers["type"] == "task").sum() == 5 + 3
    with_them, alone = (
        class_statistics(collected.answers, [bank]),
        class_statistics(collect(answers, [BANK]).answers, [BANK]),
    )
    task = with_them.questions.set_index("question").loc["02-brightest"]
    assert (task["answers"], task["share_right"]) == (5, 0.0), "the first attempts were wrong"
    assert with_them.learners["tasks_solved"].sum() == 3
    assert with_them.lessons.equals(alone.lessons)
    assert with_them.learners.drop(columns="tasks_solved").equals(alone.learners)
    rest = with_them.questions[with_them.questions["type"] != "task"].reset_index(drop=True)
    assert rest.equals(alone.questions)


def test_a_learner_who_only_solved_tasks_is_seen(course: Path) -> None:
    keep(find("02-blurred", Task), Progress(), "blurred = [3, 8]", True, 5.0)
    statistics = class_statistics(collect(course / "answers", [with_tasks(BANK)]).answers, [with_tasks(BANK)])
    (row,) = statistics.learners.to_dict("records")
    assert (row["tasks_solved"], row["answered"], row["score"]) == (1, 0, 0)


@pytest.mark.slow
def test_the_commands_see_tasks(answers: Path, course: Path, capsys: pytest.CaptureFixture) -> None:
    banks = ["--banks", str(REAL_PROJECT / "quizzes")]
    assert main(["collect", str(answers), "--out", str(course / "all.csv"), *banks]) == 0
    assert "02-brightest" in (course / "all.csv").read_text("utf-8")
    assert main(["stats", str(answers), "--out", str(course / "stats"), *banks]) == 0
    assert "02-brightest" in (course / "stats" / "report.html").read_text("utf-8")


def test_an_older_stub_is_an_older_version(answers: Path, course: Path) -> None:
    file = course / "lessons" / "tasks" / "02.py"
    file.write_text(
        file.read_text("utf-8").replace('def brightest(image):\n    """The', 'def brightest(photo):\n    """The')
    )
    dropped = collect(answers, [with_tasks(BANK)]).dropped
    assert set(dropped["reason"]) == {"older version of the question"}


@pytest.mark.parametrize("chosen", [{}, {"right": "yes"}, ["code"], {"code": "x"}])
def test_an_answer_without_an_outcome_is_none(course: Path, chosen: Any) -> None:
    assert grade(TaskQuestion.of(find("02-blurred", Task)), chosen).outcome == "not attempted"


def test_code_from_a_file_of_answers_is_never_run(answers: Path, course: Path) -> None:
    file = sorted(answers.glob("*.jsonl"))[0]
    record = json.loads(file.read_bytes().splitlines()[-1])
    record["chosen"]["code"] = f"open({str(course / 'harm')!r}, 'w')"
    record["seal"] = seal(record)
    file.write_text(json.dumps(record) + "\n", "utf-8")
    collect(answers, [with_tasks(BANK)])
    assert not (course / "harm").exists()


def test_a_bank_cannot_hold_a_task() -> None:
    assert "task" not in KINDS
    with pytest.raises(CourseError, match="a bank holds no code to run"):
        TaskQuestion.read({}, Place("02.yaml", "02-x"), False)
