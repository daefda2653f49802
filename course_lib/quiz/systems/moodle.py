"""Moodle XML, as described in the Moodle documentation, "Moodle XML format".

For instructors (``python -m course_lib quiz export --to moodle``).
"""

import base64
from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement

from course_lib.quiz.kinds.choice import ChoiceQuestion, Single
from course_lib.quiz.kinds.number import Numeric
from course_lib.quiz.kinds.ordering import Ordering
from course_lib.quiz.picture import Picture
from course_lib.quiz.questions import Bank, Question
from course_lib.quiz.systems.common import NOT_CARRIED, points_in_per_cent, serialise


def write(bank: Bank, questions: list[Question], language: str) -> bytes:
    """A file to import into Moodle's question bank."""
    root = Element("quiz")
    category = SubElement(SubElement(root, "question", type="category"), "category")
    SubElement(category, "text").text = f"$course$/{bank.path.stem}"
    for question in questions:
        kind, write_answers = WRITERS[question.type]
        node = SubElement(root, "question", type=kind)
        _text(node, "name", question.id)
        prompt = _text(node, "questiontext", question.whole_prompt().html(language), format="html")
        if question.picture:
            _picture(prompt, question.picture, language)
        SubElement(node, "defaultgrade").text = "1"
        SubElement(node, "idnumber").text = question.id
        write_answers(node, question, language)
    return serialise(root)


def losses(question: Question) -> list[str]:
    """What Moodle does not keep of a question."""
    if isinstance(question, Ordering):
        return [NOT_CARRIED, "needs Moodle 4.4 or its plugin 'ordering'; reasons are not carried"]
    return [NOT_CARRIED]


def _text(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    node = SubElement(parent, tag, attrib=attributes)
    SubElement(node, "text").text = text
    return node


def _picture(prompt: Element, picture: Picture, language: str) -> None:
    """The file of a picture, inside the prompt that shows it."""
    name = picture.path.name
    text = prompt[0]
    text.text = f"{text.text}{picture.html(language, f'@@PLUGINFILE@@/{name}')}"
    file = SubElement(prompt, "file", name=name, path="/", encoding="base64")
    file.text = base64.b64encode(picture.content()).decode()


def _choices(node: Element, question: ChoiceQuestion, language: str) -> None:
    SubElement(node, "single").text = str(isinstance(question, Single)).lower()
    SubElement(node, "shuffleanswers").text = "true"
    for option, points in zip(question.options, points_in_per_cent(question), strict=True):
        fraction = f"{points:.5f}".rstrip("0").rstrip(".")
        text = option.text.html(language)
        answer = _text(node, "answer", text, fraction=fraction, format="html")
        _text(answer, "feedback", option.reason.html(language), format="html")


def _number(node: Element, question: Numeric, language: str) -> None:
    number = question.number
    for value, fraction, reason in (
        (number.value, "100", number.reason),
        *((mistake.value, "0", mistake.reason) for mistake in number.mistakes),
    ):
        answer = _text(node, "answer", f"{value!r}", fraction=fraction)
        SubElement(answer, "tolerance").text = f"{number.tolerance!r}"
        _text(answer, "feedback", reason.html(language), format="html")
    if number.unit:
        SubElement(node, "unitgradingtype").text = "0"  # a unit may stand behind the number and is not graded
        SubElement(node, "showunits").text = "0"  # and is typed
        units = SubElement(node, "units")
        for name in dict.fromkeys((number.unit, *number.accepted_units)):
            unit = SubElement(units, "unit")
            SubElement(unit, "multiplier").text = "1"
            SubElement(unit, "unit_name").text = name


def _steps(node: Element, question: Ordering, language: str) -> None:
    SubElement(node, "layouttype").text = "VERTICAL"
    SubElement(node, "selecttype").text = "ALL"
    SubElement(node, "gradingtype").text = "RELATIVE_ALL_PREVIOUS_AND_NEXT"
    for position in question.right_answer():
        text = question.options[position].text.html(language)
        _text(node, "answer", text, fraction="1", format="html")


# The type in the bank: the type in Moodle, and the function that writes the answers.
WRITERS: dict[str, tuple[str, Callable[..., None]]] = {
    "single": ("multichoice", _choices),
    "multiple": ("multichoice", _choices),
    "numeric": ("numerical", _number),
    "ordering": ("ordering", _steps),
}
