"""Points of a class: one rule, an answer that is saved once, and whose it is."""

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from course_lib.errors import CourseError
from course_lib.quiz import show
from course_lib.quiz.bank import find_bank, load_bank, load_banks
from course_lib.quiz.cli import main
from course_lib.quiz.collect import Collected, collect
from course_lib.quiz.grades import NOTHING_HANDED_IN, RULE, grades, read_roster
from course_lib.quiz.grading import grade, right_answer
from course_lib.quiz.new_bank import new_bank
from course_lib.quiz.progress import Progress, make_record
from course_lib.quiz.questions import Question
from course_lib.quiz.release import release
from course_lib.quiz.simulate import simulate_class
from course_lib.quiz.stats import class_statistics
from course_lib.quiz.student import ANY_NUMBER, SETTINGS
from course_lib.quiz.tasks.records import with_tasks
from course_lib.quiz.widget import QuizWidget

BANK = with_tasks(load_bank(find_bank(2)))
SINGLES = [question for question in BANK.questions if question.type == "single"]
SET = next(question for question in BANK.questions if question.type == "multiple")


def wrong(question: Question) -> int:
    return int((right_answer(question) + 1) % len(question.positions()))


def hand_in(folder: Path, learner: str, *answers: tuple[Question, Any], name: str = "") -> Path:
    """A file of answers; the attempts at a question count on."""
    attempts: dict[str, int] = {}
    lines = []
    for minute, (question, chosen) in enumerate(answers):
        attempts[question.id] = attempts.get(question.id, 0) + 1
        record = make_record(
            question,
            1 if question is ANY_NUMBER else BANK.lesson,
            chosen,
            grade(question, chosen),
            learner=learner,
            attempt=attempts[question.id],
            seconds=20,
            at=f"2026-01-19T09:{minute:02}:00Z",
        )
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    file = folder / (name or f"answers-{learner}.jsonl")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(lines), "utf-8")
    return file


def collected(folder: Path) -> Collected:
    return collect(folder, [BANK])


# ---- the rule --------------------------------------------------------------------------------


def test_the_first_answer_to_a_question_counts_and_a_task_counts_once_it_is_solved(tmp_path: Path) -> None:
    one, two, three = SINGLES[:3]
    task, other = BANK.tasks[:2]
    tried, done = {"code": "…", "right": False}, {"code": "…", "right": True}
    half = right_answer(SET)[:1]
    hand_in(
        tmp_path,
        "ada",
        (one, right_answer(one)),  # 1
        (one, wrong(one)),  # changes nothing
        (two, wrong(two)),  # 0
        (two, right_answer(two)),  # changes nothing
        (three, right_answer(three)),  # 1
        (SET, half),  # 1 of the right ones
        (task, tried),
        (task, tried),
        (task, done),  # solved at last: 1
        (other, tried),
    )
    (row,) = grades(collected(tmp_path), [BANK]).to_dict("records")
    points = 2 + round(1 / len(right_answer(SET)), 2)
    assert row[f"quiz 2 (of {len(BANK.questions)})"] == row[f"quiz in all (of {len(BANK.questions)})"] == points
    assert row[f"tasks 2 (of {len(BANK.tasks)})"] == 1
    assert (row["learner"], row["student"], row["name"], row["look at"]) == ("ada", "", "", "")


def test_grades_agree_with_the_statistics_on_what_counts(tmp_path: Path) -> None:
    banks = load_banks()[:3]
    found = collect(simulate_class(tmp_path, banks, learners=8), banks)
    scores = class_statistics(found.answers, banks).learners.groupby("learner")["score"].sum()
    table = grades(found, banks).set_index("learner")
    (total,) = [column for column in table if column.startswith("quiz in all")]
    assert table[total].to_dict() == pytest.approx(scores.to_dict(), abs=0.02)


def test_a_lost_first_answer_is_not_made_up_for_and_is_shown(tmp_path: Path) -> None:
    question = SINGLES[0]
    file = hand_in(tmp_path, "ada", (question, wrong(question)), (question, right_answer(question)))
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0][:30] + b"\n" + lines[1])
    (row,) = grades(collected(tmp_path), [BANK]).to_dict("records")
    assert row[f"quiz 2 (of {len(BANK.questions)})"] == 0
    assert "1 of its lines are broken or were changed" in row["look at"]


def test_clones_are_rows_of_their_own_and_all_of_them_are_to_be_looked_at(tmp_path: Path) -> None:
    question = SINGLES[0]
    for number, chosen in enumerate((right_answer(question), wrong(question))):
        hand_in(tmp_path, "clone", (question, chosen), name=f"{number}/answers-clone.jsonl")
    table = grades(collected(tmp_path), [BANK]).set_index("learner")
    assert list(table.index) == ["clone/1", "clone/2"]
    assert table["look at"].str.contains("one pseudonym for more than one").all()


# ---- a released quiz is answered once ----------------------------------------------------------


class Page:
    """What the browser would send and receive."""

    def __init__(self, widget: QuizWidget) -> None:
        self.widget = widget
        self.received: list[dict[str, Any]] = []
        widget.send = lambda message, buffers=None: self.received.append(message)

    def say(self, **message: Any) -> dict[str, Any]:
        self.widget._receive(self.widget, message, [])
        return self.received[-1]

    def check(self, question: str, answer: Any) -> dict[str, Any]:
        return self.say(kind="check", question=question, answer=answer, seconds=9)


@pytest.fixture
def own_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_QUIZ", str(tmp_path / "answers"))
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    return tmp_path / "answers"


def test_a_released_question_is_answered_once(own_answers: Path, tmp_path: Path) -> None:
    learner, instructor = release(new_bank(tmp_path / "mine" / "11_mine.yaml"), tmp_path / "graded")
    page = Page(show(11, learner.parent))
    identifier = "11-missed-defect"
    first = page.check(identifier, 1)
    assert (first["outcome"], first["answer"], first["attempts"]) == ("saved", 1, 1)
    for again in (page, Page(show(11, learner.parent))):  # also after a restart
        second = again.check(identifier, 0)
        assert (second["outcome"], second["answer"], second["attempts"]) == ("saved", 1, 1)
    assert len(Progress().answers()) == 1
    status = Page(show(11, learner.parent)).say(kind="hello")["judged"][identifier]
    assert (status["outcome"], status["answer"]) == ("saved", 1)
    page.check("11-accuracy", "  ")  # nothing: may still be answered
    assert page.check("11-accuracy", "95 %")["outcome"] == "saved"
    answers = collect(own_answers, load_banks(instructor.parent)).answers
    assert dict(zip(answers["question"], answers["chosen"], strict=True)) == {identifier: "1", "11-accuracy": '"95 %"'}


# ---- who it was ------------------------------------------------------------------------------


def ask_for_numbers(project: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    project.mkdir(exist_ok=True)
    (project / SETTINGS).write_text(text, "utf-8")
    monkeypatch.setenv("COURSE_PROJECT", str(project))


def test_nobody_is_asked_for_a_number_unless_the_instructor_wants_it(
    own_answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = find_bank(2).parent
    assert "student" not in show(2, folder).content
    ask_for_numbers(tmp_path / "course", monkeypatch, "student_number: false\n")
    assert "student" not in show(2, folder).content


def test_a_number_goes_into_the_file_of_answers_and_may_be_corrected(
    own_answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = find_bank(2).parent
    ask_for_numbers(tmp_path / "course", monkeypatch, 'student_number: "[0-9]{4}"\n')
    page = Page(show(2, folder))
    asked = page.widget.content["student"]
    assert asked["prompt"] == {"en": "Your student number", "ja": "学籍番号"}
    assert len(page.widget.content["questions"]) == len(BANK.questions)
    told = page.check(asked["id"], "42")
    assert told["outcome"] == "not attempted" and "does not look like" in told["remarks"][0]["text"]["en"]
    assert page.check(asked["id"], "0041")["outcome"] == "saved"
    assert page.check(asked["id"], "0042")["answer"] == "0042"
    page.check(SINGLES[0].id, right_answer(SINGLES[0]))
    assert Page(show(2, folder)).say(kind="hello")["judged"][asked["id"]]["answer"] == "0042"
    found = collected(own_answers)
    assert set(found.answers["question"]) == {SINGLES[0].id} and found.doubts.empty and found.dropped.empty
    (row,) = grades(found, [BANK], {"0042": "Ada"}).to_dict("records")
    assert (row["student"], row["name"]) == ("0042", "Ada")


@pytest.mark.parametrize("text", ["student_number: [", "just words", 'student_number: "["', "student_number: 5"])
def test_a_setting_that_cannot_be_understood_gets_a_sentence(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = find_bank(2).parent
    ask_for_numbers(tmp_path / "course", monkeypatch, text)
    with pytest.raises(CourseError, match="student_number: true"):
        show(2, folder)


def test_a_roster_gives_names_by_number_by_path_and_by_name(tmp_path: Path) -> None:
    question = SINGLES[0]
    answer = (question, right_answer(question))
    folder = tmp_path / "class"
    hand_in(folder, "typed", (ANY_NUMBER, "Ｂ１７"), answer)  # as a Japanese keyboard types it
    hand_in(folder, "path", answer, name="B18/answers-x.jsonl")
    hand_in(folder, "platform", answer, name="Curie Marie_4711_assignsubmission_file/answers.jsonl")
    hand_in(folder, "japanese", answer, name="山田　太郎/answers.jsonl")
    hand_in(folder, "nobody", answer, name="B199/answers.jsonl")  # B19 is another one
    with zipfile.ZipFile(folder / "late.zip", "w") as archive:
        file = hand_in(tmp_path / "late", "zipped", answer)
        archive.write(file, "B21/answers-zipped.jsonl")
    roster = {"B17": "A", "B18": "B", "B19": "C", "B20": "Marie Curie", "B21": "D", "B22": "山田 太郎"}
    roster["B20"] = "Curie Marie"
    table = grades(collected(folder), [BANK], roster).set_index("learner")
    names = table["student"].to_dict()
    assert names.pop("") == "B19" and table.loc["", "look at"] == NOTHING_HANDED_IN
    assert names == {"typed": "B17", "path": "B18", "platform": "B20", "japanese": "B22", "nobody": "", "zipped": "B21"}
    assert table.loc["nobody", "look at"] == "not in the roster"


def test_two_files_of_one_number_and_doubts_are_shown(tmp_path: Path) -> None:
    question = SINGLES[0]
    for learner in ("one", "two"):
        hand_in(tmp_path, learner, (ANY_NUMBER, "7"), (question, right_answer(question)))
    table = grades(collected(tmp_path), [BANK], {"7": "Ada"})
    assert table["look at"].tolist() == ["another row has this student number"] * 2


def test_a_file_of_which_no_line_can_be_used_is_told_from_nothing_handed_in(tmp_path: Path) -> None:
    question = SINGLES[0]
    answer = (question, right_answer(question))
    hand_in(tmp_path, "good", answer, name="7/answers.jsonl")
    changed = hand_in(tmp_path, "changed", answer, name="8/answers.jsonl")
    changed.write_text(changed.read_text("utf-8").replace('"seconds": 20', '"seconds": 90'), "utf-8")
    table = grades(collected(tmp_path), [BANK], {"7": "Ada", "8": "Ben", "9": "Cid"}).set_index("student")
    assert table["look at"].to_dict() == {"7": "", "8": "none of its 1 lines can be used", "9": NOTHING_HANDED_IN}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_roster_is_read_as_spreadsheets_write_it(tmp_path: Path, encoding: str, separator: str) -> None:
    file = tmp_path / "roster.csv"
    file.write_bytes(f"学籍番号{separator}氏名\r\n0042{separator}山田 太郎\r\n\r\n0043{separator}\r\n".encode(encoding))
    assert read_roster(file) == {"0042": "山田 太郎", "0043": ""}


@pytest.mark.parametrize(("text", "told"), [("", "nobody"), ("number,name\n", "nobody"), ("n\n1,a\n1,b\n", "1 twice")])
def test_a_roster_without_anybody_or_with_twins_is_refused(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "roster.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(CourseError, match=told):
        read_roster(file)
    with pytest.raises(CourseError, match="cannot be read"):
        read_roster(tmp_path / "none.csv")


def test_the_command_writes_grades_of_several_folders_of_banks(
    own_answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    learner, instructor = release(new_bank(tmp_path / "mine" / "11_mine.yaml"), tmp_path / "graded")
    Page(show(11, learner.parent)).check(
        "11-missed-defect", right_answer(load_bank(instructor).question("11-missed-defect"))
    )
    Page(show(2)).check(SINGLES[0].id, right_answer(SINGLES[0]))
    roster = tmp_path / "roster.csv"
    roster.write_text("number,name\n1,Ada\n", "utf-8")
    banks = ["--banks", str(find_bank(2).parent), "--banks", str(instructor.parent)]
    assert main(["grade", str(own_answers), *banks, "--roster", str(roster), "--out", str(tmp_path / "g.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "g.csv").open(encoding="utf-8", newline="")))
    assert [row["quiz 11 (of 6)"] for row in rows] == ["1.0", "0.0"]
    assert [row["look at"] for row in rows] == ["not in the roster", NOTHING_HANDED_IN]
    told = capsys.readouterr().out
    assert "--banks graded/instructor" not in told
    assert main(["grade", str(own_answers), "--out", str(tmp_path / "g.csv")]) == 0
    assert "--banks graded/instructor" in capsys.readouterr().out  # 1 of its answers is not in the course's banks
    assert RULE in told and "1 learners with points, 1 handed in nothing." in told
