"""A QTI 1.2 package (IMS Question & Test Interoperability 1.2), as Canvas reads it.

For instructors (``python -m course_lib quiz export --to qti``).
"""

import io
import zipfile
from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement

from course_lib.quiz.kinds.choice import ChoiceQuestion, Multiple
from course_lib.quiz.kinds.number import Numeric
from course_lib.quiz.questions import Bank, Question
from course_lib.quiz.systems.common import NOT_CARRIED, UNIT_IN_PROMPT, serialise

QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
DATE = (2020, 1, 1, 0, 0, 0)  # a fixed one, so that the same bank gives the same bytes


def write(bank: Bank, questions: list[Question], language: str) -> bytes:
    """A package: the questions, and a manifest that names them."""
    name = bank.path.stem
    root = Element("questestinterop", xmlns=QTI)
    title = bank.title.plain(language).replace("\n", " · ")
    assessment = SubElement(root, "assessment", ident=name, title=title)
    section = SubElement(assessment, "section", ident="root_section")
    for question in questions:
        _item(section, question, language)
    pictures = {question.picture.path for question in questions if question.picture}
    manifest = Element("manifest", xmlns=PACKAGE, identifier=f"package_{name}")
    SubElement(manifest, "organizations")  # the format wants it, also where there are none
    resources = SubElement(manifest, "resources")
    resource = SubElement(resources, "resource", identifier=name, type="imsqti_xmlv1p2")
    SubElement(resource, "file", href=f"{name}.xml")
    for picture in sorted(pictures):
        held = SubElement(resources, "resource", identifier=picture.stem, type="webcontent", href=picture.name)
        SubElement(held, "file", href=picture.name)
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, tree in (("imsmanifest.xml", manifest), (f"{name}.xml", root)):
            archive.writestr(zipfile.ZipInfo(file, DATE), serialise(tree))
        for picture in sorted(pictures):
            archive.writestr(zipfile.ZipInfo(picture.name, DATE), picture.read_bytes())
    return package.getvalue()


def losses(question: Question) -> list[str]:
    """What QTI does not keep of a question."""
    lost = [NOT_CARRIED, "reasons are not carried"]
    if isinstance(question, Multiple):
        lost.append("no partial credit: the whole set is right or wrong")
    if isinstance(question, Numeric) and question.number.unit:
        lost.append(UNIT_IN_PROMPT)
    return lost


def _item(section: Element, question: Question, language: str) -> None:
    kind, write_answers = WRITERS[question.type]
    item = SubElement(section, "item", ident=question.id, title=question.id)
    fields = SubElement(SubElement(item, "itemmetadata"), "qtimetadata")
    for label, entry in (("question_type", kind), ("points_possible", "1")):
        field = SubElement(fields, "qtimetadatafield")
        SubElement(field, "fieldlabel").text = label
        SubElement(field, "fieldentry").text = entry
    presentation = SubElement(item, "presentation")
    material = SubElement(presentation, "material")
    prompt = question.whole_prompt().html(language)
    if question.picture:  # the name by which Canvas calls the folder of the package
        prompt += question.picture.html(language, f"%24IMS-CC-FILEBASE%24/{question.picture.path.name}")
    SubElement(material, "mattext", texttype="text/html").text = prompt
    write_answers(presentation, _scoring(item), question, language)


def _scoring(item: Element) -> Element:
    """The rule "all points when the condition holds"; the condition is returned empty."""
    processing = SubElement(item, "resprocessing")
    outcomes = SubElement(processing, "outcomes")
    SubElement(outcomes, "decvar", varname="SCORE", vartype="Decimal", minvalue="0", maxvalue="100")
    rule = SubElement(processing, "respcondition", attrib={"continue": "No"})
    condition = SubElement(rule, "conditionvar")
    SubElement(rule, "setvar", action="Set", varname="SCORE").text = "100"
    return condition


def _number(presentation: Element, condition: Element, question: Numeric, language: str) -> None:
    response = SubElement(presentation, "response_str", ident="answer", rcardinality="Single")
    blank = SubElement(response, "render_fib", fibtype="Decimal")
    SubElement(blank, "response_label", ident="number")
    number, both = question.number, SubElement(condition, "and")
    for tag, edge in (("vargte", number.value - number.tolerance), ("varlte", number.value + number.tolerance)):
        SubElement(both, tag, respident="answer").text = f"{round(edge, 10)!r}"


def _choices(presentation: Element, condition: Element, question: ChoiceQuestion, language: str) -> None:
    many = isinstance(question, Multiple)
    cardinality = "Multiple" if many else "Single"
    response = SubElement(presentation, "response_lid", ident="answer", rcardinality=cardinality)
    choices = SubElement(response, "render_choice")
    target = SubElement(condition, "and") if many else condition
    for position, option in enumerate(question.options):
        label = SubElement(choices, "response_label", ident=f"option{position}")
        text = SubElement(SubElement(label, "material"), "mattext", texttype="text/html")
        text.text = option.text.html(language)
        if option.right:
            SubElement(target, "varequal", respident="answer").text = f"option{position}"
        elif many:
            excluded = SubElement(target, "not")
            SubElement(excluded, "varequal", respident="answer").text = f"option{position}"


# The type in the bank: the type as Canvas calls it, and the function that writes the answers.
WRITERS: dict[str, tuple[str, Callable[..., None]]] = {
    "single": ("multiple_choice_question", _choices),
    "multiple": ("multiple_answers_question", _choices),
    "numeric": ("numerical_question", _number),
}
