"""The instructor's side: collecting, statistics worked out by hand, release, the commands."""

import csv
import io
import json
import math
import random
import re
import shutil
import time
from itertools import permutations

import build
import lint
import numpy as np
import pandas as pd
import pytest
import yaml

from course_lib.errors import CourseError
from course_lib.paths import safe_cell, write_csv
from course_lib.quiz import report, show
from course_lib.quiz.bank import find_bank, load_bank, load_banks
from course_lib.quiz.cli import main
from course_lib.quiz.collect import collect
from course_lib.quiz.export import export
from course_lib.quiz.grading import grade, reveal, right_answer
from course_lib.quiz.kinds.choice import ChoiceQuestion
from course_lib.quiz.kinds.ordering import Ordering
from course_lib.quiz.progress import Progress, seal
from course_lib.quiz.release import release
from course_lib.quiz.report import write_report
from course_lib.quiz.schema import fingerprint, public_part
from course_lib.quiz.simulate import damage, simulate_class
from course_lib.quiz.stats import class_statistics, discrimination, kuder_richardson_20, wilson_interval

BANKS = load_banks()
FIRST = BANKS[0]


def record_of(item, learner, chosen, attempt=1, lesson=1, **changes):
    record = {
        "version": 1,
        "learner": learner,
        "lesson": lesson,
        "question": item.id,
        "hash": item.hash,
        "attempt": attempt,
        "chosen": chosen,
        "outcome": "right",
        "score": 1.0,
        "seconds": 12.5,
        "at": "2026-01-02T03:04:05Z",
    } | changes
    return record | {"seal": seal(record)}


def line_of(*arguments, **changes):
    return json.dumps(record_of(*arguments, **changes), ensure_ascii=False) + "\n"


# ---- collecting ------------------------------------------------------------------------


@pytest.mark.slow
def test_a_thousand_learners_with_damage_are_collected_quickly(tmp_path):
    generator = random.Random(0)
    intact = set()
    for learner in range(1000):
        lines = []
        damaged = learner % 20 == 0  # 5 % of the files
        for number, question in enumerate(FIRST.questions):
            record = record_of(question, f"learner{learner}", right_answer(question))
            line = json.dumps(record, ensure_ascii=False).encode()
            if damaged and number == 2:
                cut = generator.randrange(1, len(line) - 1)
                line = generator.choice([line[:cut], b"\xff" + line, generator.randbytes(80)])
                line = line.replace(b"\n", b"")
            elif damaged and number == 4:
                line = line.replace(b'"attempt": 1', b'"attempt": 3')
            else:
                intact.add((f"learner{learner}", question.id))
            lines.append(line)
        (tmp_path / f"answers-{learner}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    started = time.perf_counter()
    collected = collect(tmp_path, BANKS)
    seconds = time.perf_counter() - started
    kept = set(zip(collected.answers["learner"], collected.answers["question"], strict=True))
    assert kept == intact
    assert len(collected.dropped) == 100
    assert set(collected.dropped["line"]) == {3, 5}
    assert seconds < 10


def test_each_reason_for_dropping_a_line_is_named(tmp_path):
    question = FIRST.questions[0]
    good = line_of(question, "ada", 0)
    lines = {
        good: None,
        "not json\n": "broken",
        "[1, 2]\n": "broken",
        json.dumps({"learner": "ada"}) + "\n": "broken",
        good.replace('"ada"', '"eve"'): "changed after",
        line_of(question, "ben", 0, hash="000000000000"): "older version",
        line_of(question, "ben", 0, question="99-none"): "not in the banks",
        line_of(question, "ben", 99): "no answer in it",
        line_of(question, "ben", 0, attempt=-1): "broken",
        line_of(question, "ben", 0, seconds=math.nan): "broken",
        line_of(question, "ben smith =1+1", 0): "broken",
        json.dumps(record_of(question, "\ud800", 0)) + "\n": "broken",
        "[" * 50_000 + "\n": "broken",
        "x" * 200_000 + "\n": "too long",
    }
    (tmp_path / "one.jsonl").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "one.jsonl").write_text(good, encoding="utf-8")
    collected = collect(tmp_path, BANKS)
    assert len(collected.answers) == 1
    reasons = dict(
        zip(collected.dropped["file"] + collected.dropped["line"].astype(str), collected.dropped["reason"], strict=True)
    )
    # The copy in the folder is read first, so the line of the other file is the second one.
    assert "another file" in reasons.pop("one.jsonl1")
    for number, expected in enumerate(lines.values(), start=1):
        if expected:
            assert expected in reasons[f"one.jsonl{number}"], number
    assert "1 answers of 1 learners kept" in collected.summary()


def test_answers_are_judged_by_the_bank_not_by_what_the_file_claims(tmp_path):
    question = FIRST.questions[0]
    wrong = (right_answer(question) + 1) % len(question.options)
    (tmp_path / "a.jsonl").write_text(line_of(question, "eve", wrong), encoding="utf-8")
    assert collect(tmp_path, BANKS).answers.loc[0, "outcome"] == "wrong"


def test_folder_without_answers_gets_a_sentence(tmp_path):
    with pytest.raises(CourseError, match="no answer files"):
        collect(tmp_path, BANKS)


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", '=HYPERLINK("x";"y")'])
def test_cells_cannot_become_formulas(evil, tmp_path):
    assert safe_cell(evil).startswith("'")
    table = pd.DataFrame({"text": [evil, 'quote " comma , line\nbreak', "日本語"], "number": [-1, 2, 3]})
    file = write_csv(table, tmp_path / "table.csv", excel=True)
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")))
    assert rows[1][0] == "'" + evil
    assert rows[2][0] == 'quote " comma , line\nbreak'
    assert rows[3] == ["日本語", "3"]


# ---- statistics ------------------------------------------------------------------------


def test_reliability_by_hand():
    # Totals 3, 2, 1, 0: variance 1.25. Shares right 3/4, 2/4, 1/4: sum of p·q = 10/16.
    # KR-20 = 3/2 · (1 - 0.625 / 1.25) = 0.75.
    right = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert kuder_richardson_20(right) == pytest.approx(0.75)
    assert math.isnan(kuder_richardson_20(np.ones((4, 3))))
    assert math.isnan(kuder_richardson_20(np.ones((4, 1))))


def test_discrimination_by_hand():
    # Deviations of the item ±1/2, of the rest ±1: a perfect correlation, then its mirror.
    assert discrimination(np.array([1, 0]), np.array([3.0, 1.0])) == pytest.approx(1)
    assert discrimination(np.array([0, 1]), np.array([3.0, 1.0])) == pytest.approx(-1)
    # Item 1 1 0 0, rest 2 0 2 0: covariance 0.
    assert discrimination(np.array([1, 1, 0, 0]), np.array([2.0, 0, 2, 0])) == pytest.approx(0)
    assert math.isnan(discrimination(np.array([1, 1]), np.array([3.0, 1.0])))


def test_interval_by_hand():
    # Ten of ten: the lower end of Wilson's interval is n / (n + z²) = 10 / 13.8415.
    low, high = wilson_interval(10, 10)
    assert low == pytest.approx(10 / (10 + 1.959964**2), abs=1e-6)
    assert high == pytest.approx(1)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def class_of(folder, count, chooser, learner="learner"):
    for number in range(count):
        lines = "".join(
            line_of(question, f"{learner}{number}", chooser(number, question)) for question in FIRST.questions
        )
        (folder / f"{learner}{number}.jsonl").write_text(lines, encoding="utf-8")


def a_wrong_answer(question):
    if question.type == "single":
        return (right_answer(question) + 1) % len(question.options)
    if question.type == "multiple":
        return [next(i for i, option in enumerate(question.options) if not option.right)]
    return right_answer(question)[::-1] if question.type == "ordering" else "-1"


@pytest.mark.slow
def test_statistics_find_a_wrong_key(tmp_path):
    suspect = next(q for q in FIRST.questions if q.type == "single")
    order = [question.id for question in FIRST.questions]

    def answer(number, question):
        # Learner 0 knows nothing, learner 29 everything; the suspect's key is turned round.
        strong = number / 29 > (order.index(question.id) + 0.5) / len(order)
        if question.id == suspect.id:
            strong = not number > 15
        return right_answer(question) if strong else a_wrong_answer(question)

    class_of(tmp_path, 30, answer)
    collected = collect(tmp_path, BANKS)
    statistics = class_statistics(collected.answers, BANKS)
    notes = statistics.questions.set_index("question")["note"]
    assert notes[suspect.id] == "key may be wrong"
    mine = [question.id for question in FIRST.questions if question.id != suspect.id]
    assert (notes[mine] == "").all()
    assert (notes.drop([*mine, suspect.id]) == "too few answers").all()
    row = statistics.questions.set_index("question").loc[suspect.id]
    assert (row["answers"], row["share_right"]) == (30, 16 / 30)
    assert row["discrimination"] < 0
    options = statistics.options[statistics.options["question"] == suspect.id]
    assert options["chosen"].sum() == 30
    page = write_report(statistics, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "key may be wrong" in page and "data:image/png" in page
    assert not re.search(r"(src|href)=.http", page)


def test_only_first_attempts_count_for_difficulty(tmp_path):
    question = FIRST.questions[0]
    lines = line_of(question, "ada", a_wrong_answer(question), attempt=1)
    lines += line_of(question, "ada", right_answer(question), attempt=2)
    (tmp_path / "a.jsonl").write_text(lines, encoding="utf-8")
    statistics = class_statistics(collect(tmp_path, BANKS).answers, BANKS)
    row = statistics.questions.set_index("question").loc[question.id]
    assert (row["answers"], row["share_right"], row["note"]) == (1, 0, "too few answers")
    learner = statistics.learners.iloc[0]
    columns = ["questions", "answered", "attempts", "right_at_first", "right_in_the_end"]
    assert learner[columns].tolist() == [len(FIRST.questions), 1, 2, 0, 1]
    assert learner["minutes"] == pytest.approx(25 / 60)  # two attempts of 12.5 s


def test_a_second_attempt_is_never_taken_for_a_first_one(tmp_path):
    question = FIRST.questions[0]
    line = line_of(question, "ada", right_answer(question), attempt=2)  # the first line was lost
    (tmp_path / "a.jsonl").write_text(line, encoding="utf-8")
    statistics = class_statistics(collect(tmp_path, BANKS).answers, BANKS)
    assert statistics.questions["answers"].sum() == 0
    assert statistics.learners.iloc[0]["right_in_the_end"] == 1


def test_a_key_is_suspect_where_everybody_chooses_one_wrong_option(tmp_path):
    # No discrimination can be computed then, because nobody was right.
    suspect = next(q for q in FIRST.questions if q.type == "single")

    def answer(number, question):
        wrong = question.id == suspect.id or number % 3 == 0
        return a_wrong_answer(question) if wrong else right_answer(question)

    class_of(tmp_path, 24, answer)
    statistics = class_statistics(collect(tmp_path, BANKS).answers, BANKS)
    row = statistics.questions.set_index("question").loc[suspect.id]
    assert math.isnan(row["discrimination"])
    assert row["note"] == "key may be wrong"


def test_distractor_table_and_times_by_hand(tmp_path):
    # Twelve learners. The best four are right in everything, the next four in all but this
    # question, where they choose the option after the right one; the last four have all wrong.
    suspect = next(q for q in FIRST.questions if q.type == "single")
    place = FIRST.questions.index(suspect)
    for number in range(12):
        lines = ""
        for asked in FIRST.questions:
            right = number < 4 or (number < 8 and asked.id != suspect.id)
            chosen = right_answer(asked) if right else a_wrong_answer(asked)
            lines += line_of(asked, f"learner{number}", chosen, seconds=float(number + 1))
        (tmp_path / f"{number}.jsonl").write_text(lines, encoding="utf-8")
    statistics = class_statistics(collect(tmp_path, BANKS).answers, BANKS)
    options = statistics.options[statistics.options["question"] == suspect.id]
    right, next_one = right_answer(suspect), a_wrong_answer(suspect)
    assert options["chosen"].tolist()[right] == 4 and options["chosen"].tolist()[next_one] == 8
    # Without the question itself eight learners share the best score, so the weak third is clear.
    assert options["weak"].tolist()[next_one] == 1
    row = statistics.questions.iloc[place]
    # 1, 2 … 12 seconds: a quarter of the way from 1 to 12 is 3.75, half is 6.5.
    assert row[["seconds_25", "seconds_50", "seconds_75"]].tolist() == [3.75, 6.5, 9.25]


# ---- a simulated class, and the page about it -------------------------------------------


def test_simulated_class_is_the_same_for_the_same_seed_and_another_for_another(tmp_path):
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        simulate_class(tmp_path / name, BANKS[:2], learners=5, seed=seed)

    def content(name):
        return {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}

    assert content("one") == content("two")
    assert content("one").keys().isdisjoint(content("three").keys())


def test_every_simulated_answer_is_intact_and_a_damaged_one_is_not(tmp_path):
    simulate_class(tmp_path, BANKS, learners=10, first_lessons=10)
    before = collect(tmp_path, BANKS)
    assert len(before.dropped) == 0
    assert set(before.answers["type"]) == {q.type for bank in BANKS for q in bank.questions}
    spoilt = damage(tmp_path, share=0.5)
    after = collect(tmp_path, BANKS)
    assert set(zip(after.dropped["file"], after.dropped["line"], strict=True)) == set(spoilt)
    assert len(after.answers) == len(before.answers) - len(spoilt)


@pytest.mark.slow
def test_statistics_find_the_disputed_question_of_a_simulated_class(tmp_path):
    simulate_class(tmp_path, BANKS[:4], learners=60, seed=3, disputed="04-accuracy-misleads")
    statistics = class_statistics(collect(tmp_path, BANKS).answers, BANKS)
    suspects = statistics.questions["note"] == "key may be wrong"
    assert statistics.questions["question"][suspects].tolist() == ["04-accuracy-misleads"]


@pytest.mark.slow
def test_progress_of_a_large_class_shows_who_is_least_far(tmp_path):
    simulate_class(tmp_path, BANKS[:2], learners=70, first_lessons=1)
    statistics = class_statistics(collect(tmp_path, BANKS).answers, BANKS)
    figure, words = report.progress(statistics)
    assert words.startswith("Progress of the 60 of 70 learners who are least far.")
    assert len(figure.axes[0].get_yticklabels()) == 60
    done = statistics.learners.groupby("learner")["right_in_the_end"].sum()
    drawn = {label.get_text() for label in figure.axes[0].get_yticklabels()}
    assert done.idxmin() in drawn and done.idxmax() not in drawn


@pytest.mark.slow
def test_the_page_holds_every_picture_with_its_words(tmp_path):
    folder = simulate_class(tmp_path / "class", BANKS[:1], learners=12)
    collected = collect(folder, BANKS)
    statistics = class_statistics(collected.answers, BANKS)
    page = write_report(statistics, tmp_path / "r.html", collected.summary()).read_text("utf-8")
    pictures = re.findall(r'<img [^>]*alt="([^"]+)"', page)
    starts = ["share of right first answers", "discrimination", "median seconds", "Progress of 12"]
    assert len(pictures) == page.count("<img") == len(starts)
    for start, words in zip(starts, pictures, strict=True):
        assert start in words
    assert page.count('src="data:image/png;base64,') == len(pictures)
    assert "No answers yet: lessons 2, 3, 4, 5, 6, 7, 8, 9, 10." in page
    assert collected.summary() in page
    assert not re.search(r"(src|href)=.http", page)


def test_the_notebook_for_instructors_is_tidy_and_says_that_its_class_is_simulated():
    (source,) = build.notebook_sources(["00"])
    path = build.notebook_path(source)
    assert path.name == "00_class_report.ipynb"
    assert lint.findings(path) == []
    assert "**The class below is simulated.**" in build.read(path).cells[0].source
    assert source not in build.sources()  # it is no lesson


# ---- graded use ------------------------------------------------------------------------


def reasons_by_option(question):
    """Every reason of a question with the text of its option, whatever the order of options."""
    return {(remark if remark.position is None else question.options[remark.position]) for remark in reveal(question)}


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_released_bank_has_no_key_and_fits_the_instructors(bank, tmp_path):
    learner, instructor = release(bank.path, tmp_path)
    text = learner.read_text(encoding="utf-8")
    assert not re.search(r"^[ -]*(right|reason|place|value|tolerance|result|solution):", text, re.MULTILINE)
    released, kept = load_bank(learner), load_bank(instructor)
    assert released.released and not kept.released
    assert [q.hash for q in released.questions] == [q.hash for q in kept.questions]
    for before, asked, after in zip(bank.questions, released.questions, kept.questions, strict=True):
        assert asked.shown() == after.shown()
        assert reasons_by_option(before) == reasons_by_option(after)
        with pytest.raises(CourseError, match="no key"):
            grade(asked, right_answer(after))


def with_notes(value):
    """A part of a bank file in which every table has a field that no kind of question knows."""
    if isinstance(value, dict):
        return {"note": "secret", **{key: with_notes(part) for key, part in value.items()}}
    return [with_notes(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_a_field_that_nobody_calls_public_is_not_released(bank):
    content = yaml.safe_load(bank.path.read_text(encoding="utf-8"))
    assert public_part(with_notes(content)) == public_part(content)
    for item in content["questions"]:
        assert fingerprint(with_notes(item)) == fingerprint(item)


@pytest.mark.slow
@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_released_order_tells_nothing_about_the_order_of_the_author(bank, tmp_path):
    content = yaml.safe_load(bank.path.read_text(encoding="utf-8"))
    generator = random.Random(0)
    released = set()
    for attempt in range(3):
        file = tmp_path / str(attempt) / bank.path.name
        file.parent.mkdir()
        file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        shutil.copytree(bank.path.parent / "pictures", file.parent / "pictures")
        learner, _ = release(file, file.parent)
        choices = [q for q in load_bank(learner).questions if isinstance(q, ChoiceQuestion)]
        assert choices
        released.add(tuple(question.options for question in choices))
        for item in content["questions"]:
            if item["type"] in ("single", "multiple"):
                generator.shuffle(item["options"])
    assert len(released) == 1


def test_a_released_ordering_is_never_solved():
    for places in permutations((1, 2, 3)):
        steps = [
            {"text": {"en": f"step {name}", "ja": f"手順 {name}"}, "place": place}
            for name, place in zip("abc", places, strict=True)
        ]
        released = Ordering.mixed({"options": steps})["options"]
        assert [step["place"] for step in released] != [1, 2, 3]


def test_answers_to_a_released_bank_are_scored_on_collection(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("COURSE_QUIZ", raising=False)
    learner, instructor = release(find_bank(7), tmp_path)
    widget = show(7, learner.parent)
    sent = []
    widget.send = lambda message, buffers=None: sent.append(message)
    known = load_bank(instructor)
    for place, question in enumerate(known.questions):
        answer = right_answer(question) if place % 2 == 0 else a_wrong_answer(question)
        message = {"kind": "check", "question": question.id, "answer": answer, "seconds": 1}
        widget._receive(widget, message, [])
        widget._receive(widget, {"kind": "reveal", "question": question.id}, [])
    assert {message["outcome"] for message in sent} == {"saved"}
    assert all(message["remarks"] == [] for message in sent)
    collected = collect(Progress().folder, load_banks(instructor.parent))
    outcomes = collected.answers.set_index("question")["outcome"]
    for place, question in enumerate(known.questions):
        assert outcomes[question.id] == ("right" if place % 2 == 0 else "wrong")


def test_answers_are_never_judged_by_a_bank_without_a_key(tmp_path):
    learner, _ = release(find_bank(1), tmp_path / "release")
    class_of(tmp_path, 1, lambda number, question: right_answer(question))
    with pytest.raises(CourseError, match="no key to judge"):
        collect(tmp_path, load_banks(learner.parent))


def test_release_overwrites_nothing_and_needs_a_key(tmp_path):
    learner, _ = release(find_bank(1), tmp_path)
    with pytest.raises(CourseError, match="exists"):
        release(find_bank(1), tmp_path)
    with pytest.raises(CourseError, match="no key"):
        release(learner, tmp_path / "again")
    with pytest.raises(CourseError, match="no key"):
        export(load_bank(learner), "gift")


# ---- the commands ----------------------------------------------------------------------


@pytest.mark.slow
def test_commands(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    answers = tmp_path / "class"
    answers.mkdir()
    class_of(answers, 12, lambda number, question: right_answer(question))
    assert main(["collect", str(answers), "--out", str(tmp_path / "all.csv"), "--excel"]) == 0
    rows = list(csv.DictReader((tmp_path / "all.csv").open(encoding="utf-8-sig", newline="")))
    assert len(rows) == 12 * len(FIRST.questions)
    assert "learners kept" in capsys.readouterr().out
    assert main(["stats", str(answers), "--out", str(tmp_path / "stats")]) == 0
    assert (tmp_path / "stats" / "report.html").is_file()
    assert main(["export", "--to", "gift", "--lesson", "4", "--out", str(tmp_path / "gift")]) == 0
    assert "04-find-the-defect" in capsys.readouterr().out
    assert main(["release", "1", "--out", str(tmp_path / "graded")]) == 0
    assert "public" in capsys.readouterr().out
    assert main(["collect", str(tmp_path / "nowhere")]) == 1
    error = capsys.readouterr().err
    assert "no answer files" in error and "Traceback" not in error
