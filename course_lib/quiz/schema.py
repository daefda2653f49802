"""From the content of a bank file to its questions, refusing what would mislead a learner.

Introduced in lesson 1. What all questions share is read here, the rest by their kind. What of a
bank a learner may see is said here as well: everything that is not named stays with the key.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.quiz.kinds import KINDS
from course_lib.quiz.picture import PICTURE, PUBLIC_PICTURE, Picture
from course_lib.quiz.place import Place, Table
from course_lib.quiz.questions import Bank, Objective, Public, Question
from course_lib.quiz.shapes import STRING, TEXT, WHOLE, Shape, several, table, unknown_keys
from course_lib.quiz.texts import LANGUAGES, PUBLIC_TEXT

PUBLIC_HEADER: Public = {
    "lesson": True,
    "language": True,
    "title": PUBLIC_TEXT,
    "objectives": {"id": True, **PUBLIC_TEXT},
    "retired": True,
}
SEEN: Public = {"id": True, "type": True, "prompt": PUBLIC_TEXT, "picture": PUBLIC_PICTURE}  # of every question
PUBLIC_ITEM: Public = {**SEEN, "objective": True, "difficulty": True}
IDENTIFIER = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"}
HEADER: dict[str, Shape] = {
    "lesson": WHOLE,
    "language": {"enum": list(LANGUAGES)},
    "title": TEXT,
    "objectives": several(table(optional=LANGUAGES, id=IDENTIFIER, **dict.fromkeys(LANGUAGES, STRING))),
    "retired": several(IDENTIFIER, 0),
    "released": {"const": True},
}
ITEM: dict[str, Shape] = {
    "id": IDENTIFIER,
    "type": STRING,
    "objective": IDENTIFIER,
    "difficulty": {"enum": [1, 2, 3]},
    "prompt": TEXT,
    "picture": PICTURE,
    "fact": STRING,
}


def parse_bank(content: Any, path: str | Path = "bank") -> Bank:
    """Turn what stands in a bank file into a `Bank`.

    Raises:
        CourseError: something is wrong with it; one line for each fault.
    """
    path = Path(path)
    here = Place(shorten(path), folder=path.parent)
    if not here.demand(isinstance(content, dict), "is not a table of keys", "start it with 'lesson:'"):
        raise CourseError(here.faults[0])
    for key in unknown_keys(content, table(**HEADER, questions={})):
        here.demand(False, f"has the unknown key {key}", "correct the spelling or remove it")
    language = content.get("language", "")
    known = here.demand(
        language in ("", *LANGUAGES), f"has the language {language!r}", "write 'language: ja', or nothing"
    )
    here = Place(here.file, folder=here.folder, language=language if known else "", faults=here.faults)
    released = here.yes_or_no(content, "released", "it") if "released" in content else False
    objectives = tuple(
        Objective(there.string(entry, "id"), there.both(entry, "objective"))
        for entry, there in here.entries(content, "objectives")
    )
    here.no_twins([objective.id for objective in objectives], "objective")
    questions = tuple(
        question
        for number, (entry, _) in enumerate(here.entries(content, "questions"), start=1)
        if (question := _parse_question(entry, here, number, {objective.id for objective in objectives}, released))
    )
    retired = tuple(map(str, here.items(content, "retired"))) if "retired" in content else ()
    here.no_twins([*(question.id for question in questions), *retired], "question id")
    lesson = content.get("lesson")
    if not here.demand(type(lesson) is int and lesson > 0, "has no lesson number", "write 'lesson: 3'"):
        lesson = 0
    numbered = re.match(r"(\d\d)_", path.name)
    here.demand(
        not (numbered and lesson) or int(numbered[1]) == lesson,
        f"is of lesson {lesson}",
        f"name the file {int(lesson):02}_….yaml, or correct 'lesson:'",
    )
    title = here.text(content, "title")
    if here.faults:
        raise CourseError("\n".join(dict.fromkeys(here.faults)))
    return Bank(path, lesson, title, objectives, questions, retired, released, language)


def _parse_question(item: Table, file: Place, number: int, objectives: set[str], released: bool) -> Question | None:
    """A question, or nothing where it has faults, which are noted."""
    identifier = item.get("id")
    here = file.of(identifier if isinstance(identifier, str) and identifier else f"number {number}")
    before = len(here.faults)
    here.demand(
        isinstance(identifier, str) and bool(re.search(IDENTIFIER["pattern"], identifier)),
        f"has the id {identifier!r}" if identifier else "has no 'id'",
        "write one such as 11-first-question: letters, digits and hyphens, no blanks",
    )
    name = here.string(item, "type")
    if not here.demand(name in KINDS, f"has the unknown type {name!r}", "use one of: " + ", ".join(KINDS)):
        return None
    kind = KINDS[name]
    for key in unknown_keys(item, table(**ITEM, **kind.shape)):
        here.demand(
            False, f"has a key that a {name} question does not know, {key}", "correct the spelling or remove it"
        )
    difficulty, fact = item.get("difficulty"), item.get("fact")
    here.demand(type(difficulty) is int and difficulty in (1, 2, 3), "has no difficulty", "write 1, 2 or 3")
    here.demand(fact is None or isinstance(fact, str), "has a 'fact' that is no text", "quote it")
    objective = here.string(item, "objective")
    here.demand(
        not objective or objective in objectives,
        f"tests the objective {objective!r}, which the header does not list",
        "use one of: " + ", ".join(sorted(objectives)),
    )
    prompt = here.text(item, "prompt")
    picture = Picture.read(item, here) if "picture" in item else None
    try:
        own = kind.read(item, here, released)
        if len(here.faults) == before:
            shared: Table = {"id": identifier, "objective": objective, "difficulty": difficulty, "prompt": prompt}
            return kind(**shared, hash=fingerprint(item), fact=fact, picture=picture, released=released, **own)
    except Exception as error:  # what nobody thought of must not hide the faults of the other questions
        if len(here.faults) == before:
            here.demand(
                False, f"has something of the wrong kind ({error})", "compare it with the example in quizzes/FORMAT.md"
            )
    return None


def json_schema() -> Shape:
    """What an editor needs to complete and check a bank while it is typed (``quizzes/bank.schema.json``).

    Example:
        >>> json_schema()["properties"]["questions"]["items"]["properties"]["type"]["enum"][0]
        'single'
    """
    kinds = [
        {
            "if": {"properties": {"type": {"const": name}}},
            "then": table(
                optional=("fact", "picture"), **ITEM, **{key: _described(shape) for key, shape in kind.shape.items()}
            ),
        }
        for name, kind in KINDS.items()
    ]
    item = {"type": "object", "required": ["id", "type"], "properties": {**ITEM, "type": {"enum": list(KINDS)}}}
    shape = table(optional=("language", "retired", "released"), **HEADER, questions=several({**item, "allOf": kinds}))
    about = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Questions of one lesson"}
    return about | _described(shape)


WORDS = {
    "lesson": "Its number; the name of the file begins with the same two digits.",
    "language": "Only where the bank has one language: each text is then a plain string.",
    "objectives": "What a learner is able to do after the lesson.",
    "retired": "Ids of questions that were removed; an id is never used again.",
    "id": "Begins with the lesson, such as 11-first-question; it belongs to one question for ever.",
    "objective": "The id of one of the objectives above.",
    "difficulty": "1 basic, 2 medium, 3 hard.",
    "fact": "What the answer rests on, and where it can be checked.",
    "right": "true or false, without quotation marks.",
    "place": "Where the step belongs, from 1; mix the steps in the file.",
    "reason": "Why it is right or wrong; the learner reads it after answering.",
    "tolerance": "By how much an answer may differ; 0 for an exact one.",
    "mistakes": "Wrong answers that learners typically give, each with its reason.",
    "accepted_units": "Other ways to write the unit.",
    "picture": "Shown below the question; the file lies beside the bank.",
    "description": "What the picture shows, for who cannot see it.",
    "photo": "Lies beside the bank, or is one of the solar cells (images/cell0001.png).",
    "grid": "[rows, columns]",
    "squares": "[[row, column], …], counted from 1.",
    "elsewhere": "What is said of every other square.",
    "arrays": "Lists among the arguments become NumPy arrays of this type.",
    "solution": "A right answer as Python code; `quiz check` runs it.",
}


def _described(shape: Shape) -> Shape:
    """A shape with a word on each of its keys, which an editor shows."""
    if "items" in shape:
        shape = shape | {"items": _described(shape["items"])}
    if "properties" in shape:
        parts = {
            key: ({"description": WORDS[key]} if key in WORDS else {}) | _described(part)
            for key, part in shape["properties"].items()
        }
        shape = shape | {"properties": parts}
    return shape


def public_part(content: Table) -> Table:
    """What of a bank's content the class may see before it answers.

    Example:
        >>> options = [{"text": {"en": "A", "ja": "あ"}, "right": True, "hint": "this one"}]
        >>> public_part({"questions": [{"type": "single", "options": options}]})
        {'questions': [{'type': 'single', 'options': [{'text': {'en': 'A', 'ja': 'あ'}}]}]}
    """
    questions = [_only(item, {**PUBLIC_ITEM, **KINDS[item["type"]].public}) for item in content["questions"]]
    return {**_only(content, PUBLIC_HEADER), "questions": questions}


def fingerprint(item: Table) -> str:
    """Twelve characters that change when what the learner sees changes, and only then.

    The key and the reasons are left out, so a corrected key does not make answers obsolete:
    they are judged again on collection.

    Example:
        >>> item = {"type": "numeric", "prompt": {"en": "2+2?"}, "answer": {"value": 5, "unit": ""}}
        >>> fingerprint(item) == fingerprint(item | {"answer": {"value": 4, "unit": ""}})
        True
    """
    seen = _only(item, {**SEEN, **KINDS[item["type"]].public})
    canonical = json.dumps(seen, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _only(content: Any, public: Public | bool) -> Any:
    """What of a part of a bank file is named as public; the same for each entry of a list."""
    if isinstance(public, bool) or (public == PUBLIC_TEXT and isinstance(content, str)):
        return content
    if isinstance(content, list):
        return [_only(part, public) for part in content]
    if not isinstance(content, dict):
        return None
    return {key: _only(part, public[key]) for key, part in content.items() if key in public}
