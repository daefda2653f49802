"""The instructor's side: collecting, statistics worked out by hand, exports read back, release."""

import csv
import html
import io
import json
import math
import random
import re
import time
import zipfile
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from course_lib.errors import CourseError
from course_lib.quiz import show
from course_lib.quiz.bank import find_bank, load_bank, load_banks
from course_lib.quiz.cli import main
from course_lib.quiz.collect import collect, safe_cell, write_csv
from course_lib.quiz.export import CARRIES, FORMATS, export
from course_lib.quiz.grading import grade, right_answer
from course_lib.quiz.progress import Progress, seal
from course_lib.quiz.release import release
from course_lib.quiz.stats import (
    class_statistics,
    discrimination,
    kuder_richardson_20,
    wilson_interval,
    write_report,
)

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
        zip(
            collected.dropped["file"] + collected.dropped["line"].astype(str),
            collected.dropped["reason"],
            strict=True,
        )
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


@pytest.mark.parametrize(
    "evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", '=HYPERLINK("x";"y")']
)
def test_cells_cannot_become_formulas(evil, tmp_path):
    assert safe_cell(evil).startswith("'")
    table = pd.DataFrame(
        {"text": [evil, 'quote " comma , line\nbreak', "日本語"], "number": [-1, 2, 3]}
    )
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
            line_of(question, f"{learner}{number}", chooser(number, question))
            for question in FIRST.questions
        )
        (folder / f"{learner}{number}.jsonl").write_text(lines, encoding="utf-8")


def a_wrong_answer(question):
    if question.type == "single":
        return (right_answer(question) + 1) % len(question.options)
    if question.type == "multiple":
        return [next(i for i, option in enumerate(question.options) if not option.right)]
    return right_answer(question)[::-1] if question.type == "ordering" else "-1"


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
    report = write_report(statistics, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "key may be wrong" in report and "data:image/png" in report
    assert not re.search(r"(src|href)=.http", report)


def test_only_first_attempts_count_for_difficulty(tmp_path):
    question = FIRST.questions[0]
    lines = line_of(question, "ada", a_wrong_answer(question), attempt=1)
    lines += line_of(question, "ada", right_answer(question), attempt=2)
    (tmp_path / "a.jsonl").write_text(lines, encoding="utf-8")
    statistics = class_statistics(collect(tmp_path, BANKS).answers, BANKS)
    row = statistics.questions.set_index("question").loc[question.id]
    assert (row["answers"], row["share_right"], row["note"]) == (1, 0, "too few answers")
    learner = statistics.learners.iloc[0]
    assert (learner["answered"], learner["attempts"], learner["right"]) == (1, 2, 0)


# ---- exports, read back by readers that share no code with the writers ------------------


def in_both(text):
    return html.escape(text.en, quote=False), html.escape(text.ja, quote=False)


def without_code(page):
    return re.sub(r"</?code>", "`", page)


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_moodle_is_read_back(bank):
    root = ElementTree.fromstring(export(bank, "moodle", "both").content)
    nodes = {node.findtext("name/text"): node for node in root if node.get("type") != "category"}
    carried = [question for question in bank.questions if question.type in CARRIES["moodle"]]
    assert set(nodes) == {question.id for question in carried}
    for question in carried:
        node = nodes[question.id]
        shown = without_code(node.findtext("questiontext/text"))
        assert shown == "<br>".join(in_both(question.prompt))
        answers = node.findall("answer")
        fractions = [float(answer.get("fraction")) for answer in answers]
        if question.type in ("single", "multiple"):
            assert [fraction > 0 for fraction in fractions] == [o.right for o in question.options]
            assert sum(f for f in fractions if f > 0) == pytest.approx(100, abs=1e-3)
            assert node.findtext("single") == str(question.type == "single").lower()
            for answer, option in zip(answers, question.options, strict=True):
                assert without_code(answer.findtext("text")) == "<br>".join(in_both(option.text))
                feedback = without_code(answer.findtext("feedback/text"))
                assert feedback == "<br>".join(in_both(option.reason))
        elif question.type == "numeric":
            best = answers[fractions.index(100)]
            assert float(best.findtext("text")) == question.number.value
            assert float(best.findtext("tolerance")) == question.number.tolerance
            assert len(answers) == 1 + len(question.number.mistakes)
        else:
            texts = [without_code(answer.findtext("text")) for answer in answers]
            ordered = [question.options[i].text for i in right_answer(question)]
            assert texts == ["<br>".join(in_both(text)) for text in ordered]


def read_gift(content):
    """A reader of GIFT after its documentation: a scan that honours the backslash."""
    questions, position = {}, content.index("::")
    while (position := content.find("::", position)) >= 0:
        name_end = content.index("::", position + 2)
        opening = find_plain(content, "{", name_end)
        closing = find_plain(content, "}", opening)
        prompt = content[name_end + 2 : opening].strip().removeprefix("[html]")
        body = content[opening + 1 : closing].strip()
        questions[content[position + 2 : name_end]] = (unescape_gift(prompt), split_answers(body))
        position = closing
    return questions


def find_plain(content, sign, start):
    while True:
        start = content.index(sign, start)
        if content[start - 1] != "\\":
            return start
        start += 1


def split_answers(body):
    answers = []
    for part in re.split(r"(?<!\\)(?=[=~])", body.removeprefix("#").strip()):
        if not part.strip():
            continue
        match = re.match(r"([=~])(?:%(-?[\d.]+)%)?(.*)", part.strip(), re.S)
        answer, _, feedback = re.sub(r"(?<!\\)#", "\0", match[3]).partition("\0")
        credit = float(match[2]) if match[2] else (100.0 if match[1] == "=" else 0.0)
        answers.append((credit, unescape_gift(answer), unescape_gift(feedback)))
    return answers


def unescape_gift(text):
    return re.sub(r"\\([~=#{}:\\])", r"\1", text.replace("\\n", "\n"))


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_gift_is_read_back(bank):
    questions = read_gift(export(bank, "gift", "both").content.decode())
    carried = [question for question in bank.questions if question.type in CARRIES["gift"]]
    assert set(questions) == {question.id for question in carried}
    for question in carried:
        prompt, answers = questions[question.id]
        for text in in_both(question.prompt):
            assert text in without_code(prompt)
        if question.options and question.type != "ordering":
            assert [credit > 0 for credit, *_ in answers] == [o.right for o in question.options]
            for (_, text, feedback), option in zip(answers, question.options, strict=True):
                assert without_code(text) == "<br>".join(in_both(option.text))
                assert without_code(feedback) == "<br>".join(in_both(option.reason))
        elif question.type == "numeric":
            best = [text for credit, text, _ in answers if credit == 100]
            value, tolerance = map(float, best[0].split(":"))
            assert (value, tolerance) == (question.number.value, question.number.tolerance)
        else:
            places = [int(text.rpartition(" -> ")[2]) for _, text, _ in answers]
            assert places == list(range(1, len(question.options) + 1))


def qti_true(condition, given, namespace):
    """Whether a QTI 1.2 condition holds for the given answers."""
    tag = condition.tag.removeprefix(namespace)
    if tag in ("conditionvar", "and"):
        return all(qti_true(part, given, namespace) for part in condition)
    if tag == "not":
        return not all(qti_true(part, given, namespace) for part in condition)
    if tag == "varequal":
        return condition.text in given
    number = float(given[0])
    return number >= float(condition.text) if tag == "vargte" else number <= float(condition.text)


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_qti_is_read_back_and_scores_as_we_do(bank):
    content = export(bank, "qti", "ja").content
    assert content == export(bank, "qti", "ja").content
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        manifest = ElementTree.fromstring(package.read("imsmanifest.xml"))
        href = next(node for node in manifest.iter() if node.tag.endswith("}file")).get("href")
        root = ElementTree.fromstring(package.read(href))
    namespace = root.tag.removesuffix("questestinterop")
    items = {item.get("ident"): item for item in root.iter(f"{namespace}item")}
    carried = [question for question in bank.questions if question.type in CARRIES["qti"]]
    assert set(items) == {question.id for question in carried}
    for question in carried:
        item = items[question.id]
        shown = [without_code(node.text) for node in item.iter(f"{namespace}mattext")]
        assert in_both(question.prompt)[1] in shown[0]
        assert shown[1:] == [in_both(option.text)[1] for option in question.options]
        condition = next(item.iter(f"{namespace}conditionvar"))
        if question.type == "numeric":
            number = question.number
            for value in (number.value, *(mistake.value for mistake in number.mistakes)):
                right = grade(question, repr(value)).outcome == "right"
                assert qti_true(condition, [value], namespace) == right
            continue
        for bits in range(1, 2 ** len(question.options)):
            given = [i for i in range(len(question.options)) if bits >> i & 1]
            if question.type == "single" and len(given) > 1:
                continue
            answer = given if question.type == "multiple" else given[0]
            right = grade(question, answer).outcome == "right"
            assert qti_true(condition, [f"option{i}" for i in given], namespace) == right


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_what_a_format_cannot_carry_is_listed(bank, to):
    exported = export(bank, to, "both")
    left_out = {name for name, loss in exported.lost if loss.startswith("left out")}
    assert left_out == {q.id for q in bank.questions if q.type not in CARRIES[to]}


def test_page_and_paper_have_the_key_only_on_request():
    bank = BANKS[6]
    with_key = export(bank, "print", "both").content.decode()
    without = export(bank, "html", "both", key=False).content.decode()
    for question in bank.questions:
        for option in question.options:
            if question.type != "ordering":
                assert in_both(option.reason)[0] in without_code(with_key)
            assert in_both(option.reason)[0] not in without_code(without)
            assert in_both(option.text)[0] in without_code(without)


def test_unknown_format_and_language_get_a_sentence():
    with pytest.raises(CourseError, match="moodle"):
        export(FIRST, "word")
    with pytest.raises(CourseError, match="both"):
        export(FIRST, "gift", "fr")


# ---- graded use ------------------------------------------------------------------------


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_released_bank_has_no_key_and_keeps_the_fingerprints(bank, tmp_path):
    learner, instructor = release(bank.path, tmp_path)
    text = learner.read_text(encoding="utf-8")
    assert not re.search(r"\b(right|reason|place|value|tolerance|result|solution):", text)
    released = load_bank(learner)
    assert released.released
    assert [q.hash for q in released.questions] == [q.hash for q in bank.questions]
    assert load_bank(instructor).questions == bank.questions


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


def test_release_overwrites_nothing_and_needs_a_key(tmp_path):
    learner, _ = release(find_bank(1), tmp_path)
    with pytest.raises(CourseError, match="exists"):
        release(find_bank(1), tmp_path)
    with pytest.raises(CourseError, match="no key"):
        release(learner, tmp_path / "again")
    with pytest.raises(CourseError, match="no key"):
        export(load_bank(learner), "gift")


# ---- the commands ----------------------------------------------------------------------


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
