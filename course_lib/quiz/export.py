"""Banks for other systems: Moodle XML, GIFT, QTI 1.2, a web page, a sheet of paper.

For instructors (``python -m course_lib quiz export``). What a format cannot carry is listed;
nothing is dropped silently.
"""

import html
import io
import re
import zipfile
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from course_lib.errors import CourseError
from course_lib.quiz.bank import Bank, Question, Text
from course_lib.quiz.grading import right_answer

FORMATS = {"moodle": "xml", "gift": "gift.txt", "qti": "zip", "html": "html", "print": "html"}
CARRIES = {
    "moodle": {"single", "multiple", "numeric", "ordering"},
    "gift": {"single", "multiple", "numeric", "ordering"},
    "qti": {"single", "multiple", "numeric"},
    "html": {"single", "multiple", "numeric", "ordering", "hotspot", "code"},
    "print": {"single", "multiple", "numeric", "ordering", "hotspot", "code"},
}


@dataclass(frozen=True)
class Exported:
    """The file's name and bytes, and what it could not carry: (question id, what is lost)."""

    name: str
    content: bytes
    lost: tuple[tuple[str, str], ...]


def export(bank: Bank, to: str, language: str = "en", key: bool = True) -> Exported:
    """One bank in another format.

    Args:
        to: one of "moodle", "gift", "qti", "html", "print".
        language: "en", "ja", or "both" (Japanese below English).
        key: for "html" and "print": append the answers with their reasons.

    Raises:
        CourseError: the format or language is unknown, or the bank has no key.
    """
    if to not in FORMATS:
        raise CourseError(f"There is no export to {to!r}; choose one of {', '.join(FORMATS)}.")
    if language not in ("en", "ja", "both"):
        raise CourseError(f"There is no language {language!r}; choose en, ja or both.")
    if bank.released:
        raise CourseError("A released bank has no key; export the instructor's bank instead.")
    carried = [question for question in bank.questions if question.type in CARRIES[to]]
    lost = [
        (question.id, f"left out: {to} has no {question.type} question that fits")
        for question in bank.questions
        if question not in carried
    ]
    for question in carried:
        lost += [(question.id, loss) for loss in _losses(question, to)]
    if to in ("html", "print"):
        content = _page(bank, language, key, paper=to == "print").encode()
    else:
        content = {"moodle": _moodle, "gift": _gift, "qti": _qti}[to](bank, carried, language)
    name = f"{bank.path.stem}_{language}.{FORMATS[to]}"
    return Exported(
        name if to != "print" else name.replace(".html", "_print.html"), content, tuple(lost)
    )


def _losses(question: Question, to: str) -> list[str]:
    losses = []
    if to in ("moodle", "gift", "qti"):
        losses.append("objective and difficulty are not carried")
    if to == "qti":
        losses.append("reasons are not carried")
        if question.type == "multiple":
            losses.append("no partial credit: the whole set is right or wrong")
    if to == "gift" and question.type == "ordering":
        losses.append("becomes a matching of steps to their numbers")
    if to in ("gift", "qti") and question.number and question.number.unit:
        losses.append("the unit is only named in the question")
    if question.type == "ordering" and to == "moodle":
        losses.append("needs Moodle 4.4 or its plugin 'ordering'; reasons are not carried")
    if to in ("html", "print") and question.photo:
        losses.append("the photo is described, not shown")
    if to in ("html", "print") and question.code:
        losses.append("nothing runs the code; the answer is a solution to compare with")
    return losses


def in_language(text: Text, language: str) -> str:
    """A text in one language, or both with Japanese on its own line."""
    return f"{text.en}\n{text.ja}" if language == "both" else text.as_dict()[language]


def _rich(text: Text, language: str) -> str:
    escaped = html.escape(in_language(text, language), quote=False).replace("\n", "<br>")
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


def _prompt_with_unit(question: Question, language: str) -> Text:
    unit = question.number.unit if question.number else ""
    if not unit:
        return question.prompt
    return Text(f"{question.prompt.en} (in {unit})", f"{question.prompt.ja}（単位：{unit}）")


def _fractions(question: Question) -> list[float]:
    """Per cent of the points for each option: 100/r for a right one, the same off for a wrong."""
    share = 100 / sum(bool(option.right) for option in question.options)
    wrong = 0.0 if question.type == "single" else -share
    return [share if option.right else wrong for option in question.options]


def _moodle(bank: Bank, questions: list[Question], language: str) -> bytes:
    """Moodle XML, as described in the Moodle documentation, "Moodle XML format"."""
    root = Element("quiz")
    category = SubElement(SubElement(root, "question", type="category"), "category")
    SubElement(category, "text").text = f"$course$/{bank.path.stem}"

    def html_text(parent: Element, tag: str, text: str, **attributes: str) -> Element:
        node = SubElement(parent, tag, **attributes)
        SubElement(node, "text").text = text
        return node

    kinds = {"single": "multichoice", "multiple": "multichoice", "numeric": "numerical"}
    for question in questions:
        node = SubElement(root, "question", type=kinds.get(question.type, "ordering"))
        html_text(node, "name", question.id)
        html_text(node, "questiontext", _rich(question.prompt, language), format="html")
        SubElement(node, "defaultgrade").text = "1"
        SubElement(node, "idnumber").text = question.id
        if question.type in ("single", "multiple"):
            SubElement(node, "single").text = str(question.type == "single").lower()
            SubElement(node, "shuffleanswers").text = "true"
            for option, fraction in zip(question.options, _fractions(question), strict=True):
                answer = html_text(
                    node,
                    "answer",
                    _rich(option.text, language),
                    fraction=f"{fraction:.5f}".rstrip("0").rstrip("."),
                    format="html",
                )
                html_text(answer, "feedback", _rich(option.reason, language), format="html")
        elif question.type == "numeric":
            number = question.number
            values = [(number.value, number.tolerance, "100", number.reason)]
            values += [(m.value, number.tolerance, "0", m.reason) for m in number.mistakes]
            for value, tolerance, fraction, reason in values:
                answer = html_text(node, "answer", f"{value!r}", fraction=fraction)
                SubElement(answer, "tolerance").text = f"{tolerance!r}"
                html_text(answer, "feedback", _rich(reason, language), format="html")
            if number.unit:
                units = SubElement(node, "units")
                for name in dict.fromkeys((number.unit, *number.accepted_units)):
                    unit = SubElement(units, "unit")
                    SubElement(unit, "multiplier").text = "1"
                    SubElement(unit, "unit_name").text = name
        else:
            SubElement(node, "layouttype").text = "VERTICAL"
            SubElement(node, "selecttype").text = "ALL"
            SubElement(node, "gradingtype").text = "ALL_TO_ALL"
            for position in right_answer(question):
                text = _rich(question.options[position].text, language)
                html_text(node, "answer", text, fraction="1", format="html")
    return _serialise(root)


def _gift(bank: Bank, questions: list[Question], language: str) -> bytes:
    """GIFT, as described in the Moodle documentation, "GIFT format"."""

    def escaped(text: str) -> str:
        text = re.sub(r"([\\~=#{}:])", r"\\\1", text)
        return text.replace("\n", "\\n")

    def said(text: Text) -> str:
        return escaped(_rich(text, language))

    blocks = [f"$CATEGORY: $course$/{bank.path.stem}"]
    for question in questions:
        lines = []
        if question.type in ("single", "multiple"):
            for option, fraction in zip(question.options, _fractions(question), strict=True):
                if question.type == "single":
                    sign = "=" if option.right else "~"
                else:
                    sign = f"~%{fraction:.5f}%".replace(".00000", "")
                lines.append(f"{sign}{said(option.text)}#{said(option.reason)}")
        elif question.type == "numeric":
            number = question.number
            lines.append(f"=%100%{number.value!r}:{number.tolerance!r}#{said(number.reason)}")
            lines += [
                f"=%0%{mistake.value!r}:{number.tolerance!r}#{said(mistake.reason)}"
                for mistake in number.mistakes
            ]
        else:
            ordered = [question.options[position].text for position in right_answer(question)]
            lines += [f"={said(text)} -> {place}" for place, text in enumerate(ordered, start=1)]
        opening = "{#" if question.type == "numeric" else "{"
        prompt = said(_prompt_with_unit(question, language))
        body = "\n".join(lines)
        blocks.append(f"::{question.id}::[html]{prompt} {opening}\n{body}\n}}")
    return ("\n\n".join(blocks) + "\n").encode()


QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"


def _qti(bank: Bank, questions: list[Question], language: str) -> bytes:
    """A QTI 1.2 package (IMS Question & Test Interoperability 1.2), as Canvas reads it."""
    root = Element("questestinterop", xmlns=QTI)
    title = in_language(bank.title, language).replace("\n", " · ")
    assessment = SubElement(root, "assessment", ident=bank.path.stem, title=title)
    section = SubElement(assessment, "section", ident="root_section")
    kinds = {"single": "multiple_choice_question", "multiple": "multiple_answers_question"}
    for question in questions:
        item = SubElement(section, "item", ident=question.id, title=question.id)
        fields = SubElement(SubElement(item, "itemmetadata"), "qtimetadata")
        for label, entry in (
            ("question_type", kinds.get(question.type, "numerical_question")),
            ("points_possible", "1"),
        ):
            field = SubElement(fields, "qtimetadatafield")
            SubElement(field, "fieldlabel").text = label
            SubElement(field, "fieldentry").text = entry
        presentation = SubElement(item, "presentation")
        material = SubElement(presentation, "material")
        prompt = _rich(_prompt_with_unit(question, language), language)
        SubElement(material, "mattext", texttype="text/html").text = prompt
        condition = _qti_scoring(item)
        if question.number:
            response = SubElement(
                presentation, "response_str", ident="answer", rcardinality="Single"
            )
            SubElement(
                SubElement(response, "render_fib", fibtype="Decimal"),
                "response_label",
                ident="number",
            )
            number, both = question.number, SubElement(condition, "and")
            for tag, edge in (
                ("vargte", number.value - number.tolerance),
                ("varlte", number.value + number.tolerance),
            ):
                SubElement(both, tag, respident="answer").text = f"{round(edge, 10)!r}"
        else:
            many = question.type == "multiple"
            cardinality = "Multiple" if many else "Single"
            response = SubElement(
                presentation, "response_lid", ident="answer", rcardinality=cardinality
            )
            choices = SubElement(response, "render_choice")
            target = SubElement(condition, "and") if many else condition
            for position, option in enumerate(question.options):
                label = SubElement(choices, "response_label", ident=f"option{position}")
                text = SubElement(SubElement(label, "material"), "mattext", texttype="text/html")
                text.text = _rich(option.text, language)
                if option.right:
                    SubElement(target, "varequal", respident="answer").text = f"option{position}"
                elif many:
                    excluded = SubElement(target, "not")
                    SubElement(excluded, "varequal", respident="answer").text = f"option{position}"
    manifest = Element("manifest", xmlns=PACKAGE, identifier=f"package_{bank.path.stem}")
    resources = SubElement(manifest, "resources")
    resource = SubElement(resources, "resource", identifier=bank.path.stem, type="imsqti_xmlv1p2")
    SubElement(resource, "file", href=f"{bank.path.stem}.xml")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, tree in (("imsmanifest.xml", manifest), (f"{bank.path.stem}.xml", root)):
            # A fixed date, so that the same bank gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), _serialise(tree))
    return package.getvalue()


def _qti_scoring(item: Element) -> Element:
    """The rule "all points when the condition holds"; the condition is returned empty."""
    processing = SubElement(item, "resprocessing")
    outcomes = SubElement(processing, "outcomes")
    SubElement(outcomes, "decvar", varname="SCORE", vartype="Decimal", minvalue="0", maxvalue="100")
    rule = SubElement(processing, "respcondition", attrib={"continue": "No"})
    condition = SubElement(rule, "conditionvar")
    SubElement(rule, "setvar", action="Set", varname="SCORE").text = "100"
    return condition


def _serialise(root: Element) -> bytes:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _page(bank: Bank, language: str, key: bool, paper: bool) -> str:
    """A page to read or print; the answers follow on their own sheet."""
    code = "ja" if language == "ja" else "en"
    title = _rich(bank.title, language).replace("<br>", " · ")
    parts = [f"<h1>Quiz {bank.lesson}: {title}</h1>"]
    if paper:
        parts.append("<p>Name / 氏名: ____________________ Date / 日付: ____________</p>")
    parts.append("<ol>")
    answers = []
    for question in bank.questions:
        box = {"single": "○", "multiple": "□", "ordering": "__"}.get(question.type, "")
        options = "".join(
            f"<li>{box} {_rich(option.text, language)}</li>" for option in question.options
        )
        body = f'<ul class="options">{options}</ul>' if options else "<p>________________</p>"
        if question.photo:
            body = f"<p><em>{_rich(question.photo.description, language)}</em></p>" + body
        prompt = _rich(_prompt_with_unit(question, language), language)
        parts.append(f'<li id="{question.id}"><p><strong>{prompt}</strong></p>{body}</li>')
        answers.append(f"<li>{_answer(question, language)}</li>")
    parts.append("</ol>")
    if key:
        parts += ['<section class="key"><h2>Key / 解答</h2><ol>', *answers, "</ol></section>"]
    style = (
        "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
        ".options{list-style:none;padding-left:0}ol>li{break-inside:avoid}"
        ".key{break-before:page}"
    )
    return (
        f'<!doctype html>\n<html lang="{code}"><head><meta charset="utf-8">'
        f"<title>Quiz {bank.lesson}</title><style>{style}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _answer(question: Question, language: str) -> str:
    if question.type in ("single", "multiple"):
        return "<br>".join(
            f"{'✓' if option.right else '✗'} {_rich(option.text, language)}: "
            f"{_rich(option.reason, language)}"
            for option in question.options
        )
    if question.type == "ordering":
        ordered = [question.options[position].text for position in right_answer(question)]
        return " → ".join(_rich(text, language) for text in ordered)
    if question.number:
        number = question.number
        value = f"{number.value:g} {number.unit}".strip()
        return f"{value} (± {number.tolerance:g}): {_rich(number.reason, language)}"
    if question.photo:
        squares = [s for region in question.photo.regions if region.right for s in region.squares]
        where = ", ".join(f"{row}/{column}" for row, column in sorted(squares))
        return f"row/column: {where}"
    return f"<pre>{html.escape(question.code.solution)}</pre>"
