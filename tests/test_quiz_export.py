"""Exports, read back by readers that share no code with the writers."""

import html
import io
import re
import zipfile
from xml.etree import ElementTree

import pytest

from course_lib.errors import CourseError
from course_lib.quiz.bank import load_banks
from course_lib.quiz.export import CARRIES, FORMATS, export
from course_lib.quiz.grading import grade, right_answer

BANKS = load_banks()
FIRST = BANKS[0]


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
