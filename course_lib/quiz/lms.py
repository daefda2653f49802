"""Writers for learning management systems: Moodle XML, GIFT and QTI 1.2.

For instructors. `course_lib.quiz.export` chooses one and says what it cannot carry.
"""

import html
import io
import re
import zipfile
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from course_lib.quiz.grading import right_answer
from course_lib.quiz.questions import Bank, Question, Text


def in_language(text: Text, language: str) -> str:
    """A text in one language, or both with Japanese on its own line."""
    return f"{text.en}\n{text.ja}" if language == "both" else text.as_dict()[language]


def rich(text: Text, language: str) -> str:
    escaped = html.escape(in_language(text, language), quote=False).replace("\n", "<br>")
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


def prompt_with_unit(question: Question, language: str) -> Text:
    unit = question.number.unit if question.number else ""
    if not unit:
        return question.prompt
    return Text(f"{question.prompt.en} (in {unit})", f"{question.prompt.ja}（単位：{unit}）")


def _fractions(question: Question) -> list[float]:
    """Per cent of the points for each option: 100/r for a right one, the same off for a wrong."""
    share = 100 / sum(bool(option.right) for option in question.options)
    wrong = 0.0 if question.type == "single" else -share
    return [share if option.right else wrong for option in question.options]


def write_moodle(bank: Bank, questions: list[Question], language: str) -> bytes:
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
        html_text(node, "questiontext", rich(question.prompt, language), format="html")
        SubElement(node, "defaultgrade").text = "1"
        SubElement(node, "idnumber").text = question.id
        if question.type in ("single", "multiple"):
            SubElement(node, "single").text = str(question.type == "single").lower()
            SubElement(node, "shuffleanswers").text = "true"
            for option, fraction in zip(question.options, _fractions(question), strict=True):
                answer = html_text(
                    node,
                    "answer",
                    rich(option.text, language),
                    fraction=f"{fraction:.5f}".rstrip("0").rstrip("."),
                    format="html",
                )
                html_text(answer, "feedback", rich(option.reason, language), format="html")
        elif question.type == "numeric":
            number = question.number
            values = [(number.value, number.tolerance, "100", number.reason)]
            values += [(m.value, number.tolerance, "0", m.reason) for m in number.mistakes]
            for value, tolerance, fraction, reason in values:
                answer = html_text(node, "answer", f"{value!r}", fraction=fraction)
                SubElement(answer, "tolerance").text = f"{tolerance!r}"
                html_text(answer, "feedback", rich(reason, language), format="html")
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
                text = rich(question.options[position].text, language)
                html_text(node, "answer", text, fraction="1", format="html")
    return _serialise(root)


def write_gift(bank: Bank, questions: list[Question], language: str) -> bytes:
    """GIFT, as described in the Moodle documentation, "GIFT format"."""

    def escaped(text: str) -> str:
        text = re.sub(r"([\\~=#{}:])", r"\\\1", text)
        return text.replace("\n", "\\n")

    def said(text: Text) -> str:
        return escaped(rich(text, language))

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
        prompt = said(prompt_with_unit(question, language))
        body = "\n".join(lines)
        blocks.append(f"::{question.id}::[html]{prompt} {opening}\n{body}\n}}")
    return ("\n\n".join(blocks) + "\n").encode()


QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"


def write_qti(bank: Bank, questions: list[Question], language: str) -> bytes:
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
        prompt = rich(prompt_with_unit(question, language), language)
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
                text.text = rich(option.text, language)
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
