"""What may stand in a bank file, in the words of JSON Schema: the parts of which every kind has its shape.

For whoever writes questions. From these shapes follow the keys that a bank may have
(`course_lib.quiz.schema`) and ``quizzes/bank.schema.json``, with which an editor completes and checks
a bank while it is typed.
"""

from collections.abc import Collection, Iterator
from typing import Any, TypeAlias

from course_lib.quiz.texts import LANGUAGES

Shape: TypeAlias = dict[str, Any]

STRING: Shape = {"type": "string", "minLength": 1}
NUMBER: Shape = {"type": "number"}
WHOLE: Shape = {"type": "integer", "minimum": 1}
YES_OR_NO: Shape = {"type": "boolean"}
ANYTHING: Shape = {}
# Of a table with both languages, or one plain string in a bank of one language.
TEXT: Shape = {
    "type": ["object", "string"],
    "properties": dict.fromkeys(LANGUAGES, STRING),
    "required": list(LANGUAGES),
    "additionalProperties": False,
}


def table(optional: Collection[str] = (), **keys: Shape) -> Shape:
    """A table that has these keys and no others; those that are not ``optional`` must be there."""
    return {
        "type": "object",
        "properties": keys,
        "required": [key for key in keys if key not in optional],
        "additionalProperties": False,
    }


def several(entry: Shape, least: int = 1) -> Shape:
    """A list of entries that all have one shape."""
    return {"type": "array", "items": entry, "minItems": least}


def pair(entry: Shape) -> Shape:
    """A list of two, such as row and column."""
    return several(entry, 2) | {"maxItems": 2}


def unknown_keys(content: Any, shape: Shape, path: str = "") -> Iterator[str]:
    """The keys in a part of a bank file that its shape does not have, each with the way to it.

    Example:
        >>> shape = table(options=several(table(text=TEXT)))
        >>> list(unknown_keys({"options": [{"text": "a"}, {"text": "b", "correct": True}]}, shape))
        ["'correct' in entry 2 of 'options'"]
    """
    if isinstance(content, list) and "items" in shape:
        for number, entry in enumerate(content, start=1):
            yield from unknown_keys(entry, shape["items"], f" in entry {number} of{path.removeprefix(' in')}")
    elif isinstance(content, dict) and "properties" in shape:
        for key, part in content.items():
            if key in shape["properties"]:
                yield from unknown_keys(part, shape["properties"][key], f" in {key!r}{path}")
            else:
                yield f"{key!r}{path}"
