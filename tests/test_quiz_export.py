"""Exports, read back by readers that share no code with the writers.

Three readers come from elsewhere: gift-pegjs (MIT; a file beside this one, run by the Node.js that
playwright brings), moodle-xml-parser (MIT) and qti2latex (0BSD, a converter for quizzes of Canvas).
What they do not read (numbers and orderings in XML, the scoring rules of QTI) is read here, from the
documentation of the formats.
"""

import html
import io
import json
import os
import re
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import playwright
import pytest
import qti2latex
from moodle_xml_parser.parser import parse_bytes

from course_lib.errors import CourseError
from course_lib.paths import project_folder
from course_lib.quiz.bank import load_banks
from course_lib.quiz.export import FORMATS, export
from course_lib.quiz.grading import grade, right_answer
from course_lib.quiz.kinds import KINDS
from course_lib.quiz.kinds.options import WithOptions
from course_lib.quiz.systems import SYSTEMS

BANKS = load_banks()
FIRST = BANKS[0]
# A page can show every kind of question; another system has a writer for some.
CARRIES = {to: set(SYSTEMS[to].carries) if to in SYSTEMS else set(KINDS) for to in FORMATS}


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
        assert shown.startswith(joined(question.whole_prompt(), "both"))
        assert (node.find("questiontext/file") is not None) == bool(question.picture) == ("<img" in shown)
        answers = node.findall("answer")
        fractions = [float(answer.get("fraction")) for answer in answers]
        if question.type in ("single", "multiple"):
            assert [fraction > 0 for fraction in fractions] == [o.right for o in question.options]
            assert sum(f for f in fractions if f > 0) == pytest.approx(100, abs=1e-3)
            assert node.findtext("single") == str(question.type == "single").lower()
            for answer, option in zip(answers, question.options, strict=True):
                assert without_code(answer.findtext("text")) == joined(option.text, "both")
                feedback = without_code(answer.findtext("feedback/text"))
                assert feedback == joined(option.reason, "both")
        elif question.type == "numeric":
            best = answers[fractions.index(100)]
            assert float(best.findtext("text")) == question.number.value
            assert float(best.findtext("tolerance")) == question.number.tolerance
            assert len(answers) == 1 + len(question.number.mistakes)
        else:
            texts = [without_code(answer.findtext("text")) for answer in answers]
            ordered = [question.options[i].text for i in right_answer(question)]
            assert texts == [joined(text, "both") for text in ordered]


GIFT_READER = Path(__file__).parent / "gift_pegjs" / "pegjs-gift.js"
READ_GIFT = """
const gift = require(process.argv[1]), text = require("fs").readFileSync(0, "utf8");
process.stdout.write(JSON.stringify(gift.parse(text)));
"""


def read_gift(content):
    node = Path(playwright.__file__).parent / "driver" / ("node.exe" if os.name == "nt" else "node")
    command = [node, "-e", READ_GIFT, GIFT_READER]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    questions = json.loads(done.stdout)
    return {question["title"]: question for question in questions if question["type"] != "Category"}


def joined(text, language):
    """A text as an export in one or both languages shows it, code between backticks."""
    english, japanese = in_both(text)
    return {"en": english, "ja": japanese, "both": "<br>".join(dict.fromkeys((english, japanese)))}[language]


@pytest.mark.parametrize("language", ["en", "ja", "both"])
@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_gift_is_read_back(bank, language):
    questions = read_gift(export(bank, "gift", language).content)
    carried = [question for question in bank.questions if question.type in CARRIES["gift"]]
    assert list(questions) == [question.id for question in carried]
    for question in carried:
        found = questions[question.id]
        assert without_code(found["stem"]["text"]).startswith(joined(question.prompt, language)[:40])
        if question.type == "ordering":
            pairs = {pair["subanswer"]: pair["subquestion"]["text"] for pair in found["matchPairs"]}
            for place, position in enumerate(right_answer(question), start=1):
                expected = joined(question.options[position].text, language)
                assert without_code(pairs[str(place)]) == expected
        elif question.type == "numeric":
            right, *mistakes = found["choices"]
            assert (right["weight"], right["text"]["type"]) == (100, "range")
            assert right["text"]["number"] == question.number.value
            assert right["text"]["range"] == question.number.tolerance
            expected = joined(question.number.reason, language)
            assert without_code(right["feedback"]["text"]) == expected
            values = [(choice["weight"], choice["text"]["number"]) for choice in mistakes]
            assert values == [(0, mistake.value) for mistake in question.number.mistakes]
        else:
            for choice, option in zip(found["choices"], question.options, strict=True):
                right = choice["isCorrect"] or (choice["weight"] or 0) > 0
                assert right == option.right
                assert without_code(choice["text"]["text"]) == joined(option.text, language)
                assert without_code(choice["feedback"]["text"]) == joined(option.reason, language)


@pytest.mark.parametrize("language", ["en", "ja", "both"])
@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_choices_in_moodle_xml_are_read_back_by_another_reader(bank, language):
    found = parse_bytes(export(bank, "moodle", language).content)
    choices = [q for q in bank.questions if q.type in ("single", "multiple")]
    assert [question.name for question in found["multichoice"]] == [q.id for q in choices]
    for read, question in zip(found["multichoice"], choices, strict=True):
        assert read.single == (question.type == "single")
        # This reader decodes &lt; and the like once more than XML does.
        assert without_code(read.text_pre_parse).startswith(html.unescape(joined(question.prompt, language)))
        for option, wanted in zip(read.options, question.options, strict=True):
            assert (option.score_fraction > 0) == wanted.right
            assert without_code(option.answer) == html.unescape(joined(wanted.text, language))
            assert without_code(option.feedback) == html.unescape(joined(wanted.reason, language))


@pytest.mark.parametrize("language", ["en", "ja", "both"])
@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_qti_is_read_back_by_another_reader(bank, language, tmp_path):
    (tmp_path / "quiz.zip").write_bytes(export(bank, "qti", language).content)
    with zipfile.ZipFile(tmp_path / "quiz.zip") as package:
        package.extractall(tmp_path / "quiz")
    (file,) = qti2latex.read_qti_dir(tmp_path / "quiz")
    items = qti2latex.findall_anyns(ElementTree.parse(file).getroot(), "item")
    carried = [question for question in bank.questions if question.type in CARRIES["qti"]]
    assert [item.get("ident") for item in items] == [question.id for question in carried]
    names = {"single": "multiple_choice", "multiple": "multiple_answers", "numeric": "numerical"}
    for item, question in zip(items, carried, strict=True):
        kind = qti2latex.guess_type(qti2latex.get_qti_metadata(item), item)
        assert kind == f"{names[question.type]}_question"
        stem = without_code(qti2latex.get_item_stem(item))
        assert stem.startswith(joined(question.prompt, language)[:40])
        options = qti2latex.get_choices(item)
        right = qti2latex.get_correct_idents(item)
        offered = question.options if isinstance(question, WithOptions) else ()
        for (identifier, text), option in zip(options, offered, strict=True):
            assert without_code(text) == joined(option.text, language)
            assert (identifier in right) == option.right


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
        offered = question.options if isinstance(question, WithOptions) else ()
        assert shown[1:] == [in_both(option.text)[1] for option in offered]
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


def test_table_in_the_readme_says_which_types_a_format_carries():
    text = (project_folder() / "README.md").read_text(encoding="utf-8")
    table = text.split("<!-- formats:start -->")[1].split("<!-- formats:end -->")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.strip().splitlines()]
    said = {}
    for name, choices, *others in rows[2:]:
        carried = {"single", "multiple", "numeric"} if choices.startswith("yes") else set()
        types = zip(("ordering", "hotspot", "code"), others, strict=False)
        carried |= {kind for kind, cell in types if cell != "no"}
        said |= {form: carried for form in re.findall("`([a-z]+)`", name)}
    assert said == CARRIES


def test_page_and_paper_have_the_key_only_on_request():
    bank = BANKS[6]
    with_key = export(bank, "print", "both").content.decode()
    without = export(bank, "html", "both", key=False).content.decode()
    for question in bank.questions:
        for option in question.options if isinstance(question, WithOptions) else ():
            if question.type != "ordering":
                assert in_both(option.reason)[0] in without_code(with_key)
            assert in_both(option.reason)[0] not in without_code(without)
            assert in_both(option.text)[0] in without_code(without)


@pytest.mark.parametrize("to", ["html", "print"])
def test_page_and_paper_show_the_photo_under_its_grid(to):
    bank = BANKS[3]
    photos = [question.photo for question in bank.questions if question.type == "hotspot"]
    pictures = [question.picture for question in bank.questions if question.picture]
    page = export(bank, to, "ja", key=False).content.decode()
    assert page.count('src="data:image/png;base64,') == len(photos) + len(pictures) > len(photos) > 1
    assert page.count("<i></i>") == sum(photo.rows * photo.columns for photo in photos)
    for shown in (*photos, *pictures):
        assert html.escape(shown.description.ja) in page and shown.credit in page


def test_unknown_format_and_language_get_a_sentence():
    with pytest.raises(CourseError, match="moodle"):
        export(FIRST, "word")
    with pytest.raises(CourseError, match="both"):
        export(FIRST, "gift", "fr")


def paper(number, language, key=True):
    return export(BANKS[number - 1], "print", language, key).content.decode()


@pytest.mark.parametrize("language", ["en", "ja", "both"])
def test_every_system_says_in_which_unit_a_number_is_wanted(language):
    for bank in BANKS:
        texts = {to: export(bank, to, language).content.decode() for to in ("moodle", "gift", "print")}
        for question in bank.questions:
            if question.type == "numeric" and question.number.unit:
                said = "（単位：" if language == "ja" else "(in "
                for to, text in texts.items():
                    prompt = text.split(question.id)[1][:2000]
                    assert f"{said}{question.number.unit}" in prompt.replace("\\", ""), (to, question.id)


def test_moodle_is_told_a_grading_type_that_its_orderings_know():
    # The names in the plugin "ordering", from which Moodle's import chooses; it takes no other.
    known = {
        "ALL_OR_NOTHING",
        "ABSOLUTE_POSITION",
        "RELATIVE_NEXT_EXCLUDE_LAST",
        "RELATIVE_NEXT_INCLUDE_LAST",
        "RELATIVE_ONE_PREVIOUS_AND_NEXT",
        "RELATIVE_ALL_PREVIOUS_AND_NEXT",
        "LONGEST_ORDERED_SUBSET",
        "LONGEST_CONTIGUOUS_SUBSET",
        "RELATIVE_TO_CORRECT",
    }
    found = [
        node.text
        for bank in BANKS
        for node in ElementTree.fromstring(export(bank, "moodle").content).iter("gradingtype")
    ]
    assert found and set(found) <= known


def test_a_manifest_has_what_the_format_wants_in_its_order():
    with zipfile.ZipFile(io.BytesIO(export(FIRST, "qti").content)) as package:
        manifest = ElementTree.fromstring(package.read("imsmanifest.xml"))
    parts = [node.tag.rpartition("}")[2] for node in manifest]
    assert parts == ["organizations", "resources"]


def test_a_sheet_without_key_has_a_name_of_its_own():
    for to in ("html", "print"):
        assert (
            export(FIRST, to).name
            != export(FIRST, to, key=False).name
            == f"{FIRST.path.stem}_en_no_key" + ("_print.html" if to == "print" else ".html")
        )


def test_paper_has_letters_lines_numbers_and_says_what_to_do():
    for bank in BANKS:
        page = paper(bank.lesson, "ja", key=False)
        whole = paper(bank.lesson, "ja")
        for question in bank.questions:
            part = page.split(f'id="{question.id}"')[1].split("</li><li id=")[0].split('\n<li id="')[0]
            assert question.paper_hint.ja in part
            if question.type == "multiple":
                assert "正しいものをすべて選んでください" in part
            if isinstance(question, WithOptions):
                assert re.findall("<b>([A-Z])</b>", part) == list("ABCDEFGHIJ"[: len(question.options)])
            if question.type == "code":
                assert part.count('<div class="line">') == 8
            if question.type == "hotspot":
                numbers = [str(number) for number in range(1, question.photo.columns + 1)]
                assert re.findall(r"<b>(\d+)</b>", part) == numbers * 2
                row, column = right_answer(question)
                assert f"{row} 行 {column} 列" in whole and "row " not in whole.split('class="key"')[1]


def test_a_japanese_sheet_has_japanese_words_and_an_english_one_english():
    japanese, english = paper(4, "ja"), paper(4, "en")
    for word in ("Quiz", "Name", "Date", "Key", "column", "Choose", "Mark one"):
        assert word in english and not re.search(rf"\b{word}\b", without_style(japanese)), word
    for word in ("クイズ", "氏名", "日付", "解答"):
        assert word in japanese and word not in english
    assert "Name / 氏名" in paper(4, "both")


def without_style(page):
    return re.sub(r"<style>.*?</style>|<code>.*?</code>|<pre>.*?</pre>", "", page, flags=re.DOTALL)
