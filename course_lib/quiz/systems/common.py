"""What the writers for other systems share. For instructors."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from course_lib.quiz.kinds.choice import ChoiceQuestion, Single

NOT_CARRIED = "objective and difficulty are not carried"
UNIT_IN_PROMPT = "the unit is only named in the question"


def points_in_per_cent(question: ChoiceQuestion) -> list[float]:
    """Per cent of the points for each option: 100/r for a right one, the same off for a wrong."""
    share = 100 / len(question.right_positions())
    wrong = 0.0 if isinstance(question, Single) else -share
    return [share if option.right else wrong for option in question.options]


def serialise(root: Element) -> bytes:
    """A tree as an indented XML file in UTF-8."""
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
