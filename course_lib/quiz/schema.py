"""From the content of a bank file to its questions, refusing what would mislead a learner.

Introduced in lesson 1. What all questions share is read here, the rest by their kind. What of a
bank a learner may see is said here as well: everything that is not named stays with the key.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from course_lib.paths import shorten
from course_lib.quiz.kinds import KINDS
from course_lib.quiz.picture import PUBLIC_PICTURE, Picture
from course_lib.quiz.place import Place, Table
from course_lib.quiz.questions import Bank, Objective, Public, Question
from course_lib.quiz.texts import PUBLIC_TEXT

PUBLIC_HEADER: Public = {
    "lesson": True,
    "title": PUBLIC_TEXT,
    "objectives": {"id": True, **PUBLIC_TEXT},
    "retired": True,
}
SEEN: Public = {"id": True, "type": True, "prompt": PUBLIC_TEXT, "picture": PUBLIC_PICTURE}  # of every question
PUBLIC_ITEM: Public = {**SEEN, "objective": True, "difficulty": True}


def parse_bank(content: Any, path: str | Path = "bank") -> Bank:
    """Turn what stands in a bank file into a `Bank`, or say what is wrong with it."""
    path = Path(path)
    here = Place(shorten(path))
    here.demand(isinstance(content, dict), "is not a table of keys", "start it with 'lesson:'")
    released = bool(content.get("released", False))
    objectives = tuple(
        Objective(here.string(entry, "id"), here.both(entry, "objective"))
        for entry in here.entries(content, "objectives")
    )
    here.no_twins([objective.id for objective in objectives], "objective")
    questions = tuple(
        _parse_question(entry, here, path.parent, released) for entry in here.entries(content, "questions")
    )
    retired = tuple(map(str, here.items(content, "retired"))) if "retired" in content else ()
    here.no_twins([*(question.id for question in questions), *retired], "question id")
    lesson = content.get("lesson")
    here.demand(isinstance(lesson, int), "has no lesson number", "write 'lesson: 3'")
    names = {objective.id for objective in objectives}
    for question in questions:
        Place(here.file, question.id).demand(
            question.objective in names,
            f"tests the objective {question.objective!r}, which the header does not list",
            "use one of: " + ", ".join(sorted(names)),
        )
    unknown = set(content) - {*PUBLIC_HEADER, "questions", "released"}
    here.demand(not unknown, f"has unknown keys {sorted(map(str, unknown))}", "correct or remove them")
    title = here.text(content, "title")
    return Bank(path, int(lesson or 0), title, objectives, questions, retired, released)


def _parse_question(item: Table, file: Place, folder: Path, released: bool) -> Question:
    identifier = file.string(item, "id")
    here = Place(file.file, identifier)
    name = here.string(item, "type")
    here.demand(name in KINDS, f"has the unknown type {name!r}", "use one of: " + ", ".join(KINDS))
    kind = KINDS[name]
    unknown = set(item) - {*PUBLIC_ITEM, "fact", *kind.keys}
    here.demand(
        not unknown,
        f"has keys that a {name} question does not know: {sorted(map(str, unknown))}",
        "correct the spelling or remove them",
    )
    difficulty = item.get("difficulty")
    here.demand(difficulty in (1, 2, 3), "has no difficulty", "write 1, 2 or 3")
    own = kind.read(item, here, released)
    return kind(
        id=identifier,
        objective=here.string(item, "objective"),
        difficulty=int(difficulty or 0),
        prompt=here.text(item, "prompt"),
        hash=fingerprint(item),
        fact=item.get("fact"),
        picture=Picture.read(item, here, folder) if "picture" in item else None,
        released=released,
        **own,
    )


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
    if isinstance(public, bool):
        return content
    if isinstance(content, list):
        return [_only(part, public) for part in content]
    if not isinstance(content, dict):
        return None
    return {key: _only(part, public[key]) for key, part in content.items() if key in public}
