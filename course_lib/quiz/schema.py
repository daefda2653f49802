"""From the content of a bank file to its questions, refusing what would mislead a learner.

Introduced in lesson 1. Every refusal names the file, the question and the cure.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.quiz.questions import (
    LANGUAGES,
    TYPES,
    Bank,
    Case,
    Code,
    CodeMistake,
    Mistake,
    Number,
    Objective,
    Option,
    Photo,
    Question,
    Region,
    Text,
)

ALL_OF_THE_ABOVE = re.compile(
    r"\b(all|none|both) of (the )?(above|these)\b|上記(の)?(すべて|全て|のいずれ)|すべて正しい",
    re.I,
)


def parse_bank(content: Any, path: str | Path = "bank") -> Bank:
    """Turn what stands in a bank file into a `Bank`, or say what is wrong with it."""
    path = Path(path)
    here = _Place(shorten(path), None)
    here.demand(isinstance(content, dict), "is not a table of keys", "start it with 'lesson:'")
    released = content.get("released", False)
    objectives = tuple(
        Objective(here.string(entry, "id"), here.text(entry, None))
        for entry in here.entries(content, "objectives")
    )
    here.no_twins([objective.id for objective in objectives], "objective")
    questions = tuple(
        _parse_question(entry, here, released) for entry in here.entries(content, "questions")
    )
    retired = tuple(content.get("retired", ()))
    here.no_twins([*(question.id for question in questions), *retired], "question id")
    lesson = content.get("lesson")
    here.demand(isinstance(lesson, int), "has no lesson number", "write 'lesson: 3'")
    names = {objective.id for objective in objectives}
    for question in questions:
        _Place(here.file, question.id).demand(
            question.objective in names,
            f"tests the objective {question.objective!r}, which the header does not list",
            "use one of: " + ", ".join(sorted(names)),
        )
    unknown = set(content) - {"lesson", "title", "objectives", "questions", "retired", "released"}
    here.demand(not unknown, f"has unknown keys {sorted(unknown)}", "correct or remove them")
    return Bank(
        path, lesson, here.text(content, "title"), objectives, questions, retired, bool(released)
    )


def fingerprint(item: dict[str, Any]) -> str:
    """Twelve characters that change when what the learner sees changes, and only then.

    The key and the reasons are left out, so a corrected key does not make answers obsolete:
    they are judged again on collection.

    Example:
        >>> fingerprint({"prompt": {"en": "2+2?"}, "answer": {"value": 5, "unit": ""}}) == (
        ...     fingerprint({"prompt": {"en": "2+2?"}, "answer": {"value": 4, "unit": ""}}))
        True
    """
    hidden = {"right", "reason", "place", "value", "tolerance", "mistakes", "regions", "elsewhere"}
    hidden |= {"result", "solution", "objective", "difficulty", "fact"}

    def seen(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: seen(value) for key, value in part.items() if key not in hidden}
        return [seen(value) for value in part] if isinstance(part, list) else part

    canonical = json.dumps(seen(item), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class _Place:
    """Where in which file a fault is, so that every message can name it."""

    file: str
    item: str | None

    def demand(self, condition: bool, fault: str, cure: str) -> None:
        if not condition:
            where = f"Question {self.item!r} in {self.file}" if self.item else f"Bank {self.file}"
            raise CourseError(f"{where} {fault}; {cure}.")

    def entries(self, table: Any, key: str) -> Iterator[dict[str, Any]]:
        found = table.get(key)
        self.demand(isinstance(found, list), f"has no list {key!r}", f"add '{key}:' with a list")
        for entry in found:
            self.demand(
                isinstance(entry, dict),
                f"has an entry of {key!r} that is not a table",
                "write it as 'key: value' lines",
            )
            yield entry

    def string(self, table: dict[str, Any], key: str) -> str:
        found = table.get(key)
        self.demand(
            isinstance(found, str) and bool(found.strip()), f"has no {key!r}", f"add '{key}: …'"
        )
        return found

    def text(self, table: dict[str, Any], key: str | None) -> Text:
        found = table.get(key) if key else table
        name = key or "objective"
        for language in LANGUAGES:
            self.demand(
                isinstance(found, dict)
                and isinstance(found.get(language), str)
                and bool(found[language].strip()),
                f"has no {language!r} text in {name!r}",
                "write both languages, and quote a text that is a number or yes/no",
            )
        return Text(found["en"].strip(), found["ja"].strip())

    def number(self, table: dict[str, Any], key: str) -> float:
        found = table.get(key)
        self.demand(
            isinstance(found, int | float) and not isinstance(found, bool),
            f"has no number {key!r}",
            f"write '{key}: 1.5'",
        )
        return float(found)

    def no_twins(self, names: list[str], what: str) -> None:
        twins = sorted(name for name, count in Counter(names).items() if count > 1)
        self.demand(not twins, f"uses the {what} {twins} twice", "give each its own")


KNOWN_KEYS = {
    "single": {"options"},
    "multiple": {"options"},
    "ordering": {"options"},
    "numeric": {"answer"},
    "hotspot": {"photo"},
    "code": {"code"},
}


def _parse_question(item: dict[str, Any], file: _Place, released: bool) -> Question:
    identifier = file.string(item, "id")
    here = _Place(file.file, identifier)
    kind = here.string(item, "type")
    here.demand(kind in TYPES, f"has the unknown type {kind!r}", "use one of: " + ", ".join(TYPES))
    known = {"id", "type", "objective", "difficulty", "prompt", "fact"} | KNOWN_KEYS[kind]
    here.demand(
        set(item) <= known,
        f"has keys that a {kind} question does not know: {sorted(set(item) - known)}",
        "correct the spelling or remove them",
    )
    difficulty = item.get("difficulty")
    here.demand(difficulty in (1, 2, 3), "has no difficulty", "write 1, 2 or 3")
    question = Question(
        id=identifier,
        type=kind,
        objective=here.string(item, "objective"),
        difficulty=difficulty,
        prompt=here.text(item, "prompt"),
        hash=fingerprint(item),
        options=_parse_options(item, here, released) if "options" in KNOWN_KEYS[kind] else (),
        number=_parse_number(item, here, released) if kind == "numeric" else None,
        photo=_parse_photo(item, here, released) if kind == "hotspot" else None,
        code=_parse_code(item, here, released) if kind == "code" else None,
        fact=item.get("fact"),
    )
    return question


def _parse_options(item: dict[str, Any], here: _Place, released: bool) -> tuple[Option, ...]:
    kind = item["type"]
    options = []
    for entry in here.entries(item, "options"):
        text = here.text(entry, "text")
        for language in LANGUAGES:
            here.demand(
                not ALL_OF_THE_ABOVE.search(text.as_dict()[language]),
                f"has the option {text.en!r}, which points at other options",
                "name the things instead, because options are shuffled",
            )
        if released:
            options.append(Option(text))
            continue
        reason = here.text(entry, "reason")
        if kind == "ordering":
            options.append(Option(text, reason=reason, place=entry.get("place")))
        else:
            here.demand(
                isinstance(entry.get("right"), bool),
                f"does not say whether {text.en!r} is right",
                "add 'right: true' or 'right: false'",
            )
            options.append(Option(text, entry["right"], reason))
    for language in LANGUAGES:
        here.no_twins([option.text.as_dict()[language] for option in options], "option")
    least = 3
    here.demand(len(options) >= least, "has fewer than three options", "add a plausible one")
    if released:
        return tuple(options)
    if kind == "ordering":
        places = [option.place for option in options]
        here.demand(
            sorted(places, key=str) == sorted(range(1, len(places) + 1), key=str),
            f"has the places {places}",
            f"give each step one 'place' from 1 to {len(places)}",
        )
        here.demand(
            places != sorted(places), "lists its steps in the right order", "mix them in the file"
        )
    else:
        right = sum(bool(option.right) for option in options)
        if kind == "single":
            here.demand(right == 1, f"has {right} right options", "mark exactly one as right")
        else:
            here.demand(
                right >= 1, "has no right option", "mark the right ones, or use another question"
            )
            here.demand(
                right < len(options), "has only right options", "add an option that is wrong"
            )
    return tuple(options)


def _parse_number(item: dict[str, Any], here: _Place, released: bool) -> Number:
    answer = item.get("answer")
    here.demand(isinstance(answer, dict), "has no 'answer'", "add value, tolerance and unit")
    unit = answer.get("unit", "")
    here.demand(isinstance(unit, str), "has a unit that is not text", "quote it")
    accepted = tuple(str(name) for name in answer.get("accepted_units", ()))
    if released:
        return Number(unit, accepted)
    value, tolerance = here.number(answer, "value"), here.number(answer, "tolerance")
    here.demand(tolerance >= 0, "has a negative tolerance", "write 0 for an exact answer")
    mistakes = tuple(
        Mistake(here.number(entry, "value"), here.text(entry, "reason"))
        for entry in here.entries(answer, "mistakes")
    )
    here.demand(bool(mistakes), "names no typical mistake", "add one with its reason")
    for mistake in mistakes:
        here.demand(
            abs(mistake.value - value) > tolerance,
            f"calls {mistake.value:g} a mistake although it is within the tolerance",
            "narrow the tolerance or remove it",
        )
    return Number(unit, accepted, value, tolerance, here.text(answer, "reason"), mistakes)


def _parse_photo(item: dict[str, Any], here: _Place, released: bool) -> Photo:
    photo = item.get("photo")
    here.demand(isinstance(photo, dict), "has no 'photo'", "add file, description and grid")
    grid = photo.get("grid")
    here.demand(
        isinstance(grid, list) and len(grid) == 2 and all(isinstance(n, int) for n in grid),
        "has no grid",
        "write 'grid: [rows, columns]'",
    )
    file, description = here.string(photo, "file"), here.text(photo, "description")
    here.demand(
        ".." not in file and not file.startswith("/") and "\\" not in file,
        f"names the photo {file!r} outside the package of photos",
        "name it relative to the package, such as images/cell0001.png",
    )
    credit = here.string(photo, "credit")
    if released:
        return Photo(file, credit, description, *grid)
    regions = []
    for entry in here.entries(photo, "regions"):
        squares = tuple((int(row), int(column)) for row, column in entry["squares"])
        here.demand(
            all(1 <= row <= grid[0] and 1 <= column <= grid[1] for row, column in squares),
            "has a square outside its grid",
            "rows and columns count from 1",
        )
        regions.append(Region(squares, bool(entry.get("right")), here.text(entry, "reason")))
    here.no_twins([str(square) for region in regions for square in region.squares], "square")
    here.demand(any(r.right for r in regions), "has no right square", "add a region 'right: true'")
    elsewhere = here.text(photo, "elsewhere")
    return Photo(file, credit, description, *grid, tuple(regions), elsewhere)


def _parse_code(item: dict[str, Any], here: _Place, released: bool) -> Code:
    code = item.get("code")
    here.demand(isinstance(code, dict), "has no 'code'", "add name, kind and cases")
    name, kind = here.string(code, "name"), here.string(code, "kind")
    here.demand(name.isidentifier(), f"has the name {name!r}", "use a valid Python name")
    here.demand(kind in ("variable", "function"), "is neither variable nor function", "name one")
    cases = []
    for entry in here.entries(code, "cases"):
        arguments = tuple(entry.get("arguments", ()))
        if released:
            cases.append(Case(arguments))
            continue
        here.demand("result" in entry, "has a case without result", "add what it must give")
        cases.append(Case(arguments, entry["result"], here.text(entry, "reason")))
    here.demand(bool(cases), "has no case", "add one with arguments and result")
    arrays = code.get("arrays", "")
    here.demand(arrays in ("", "uint8", "int64", "float32"), "has unknown 'arrays'", "use 'uint8'")
    if released:
        return Code(name, kind, tuple(cases), arrays)
    mistakes = tuple(
        CodeMistake(here.string(entry, "code"), here.text(entry, "reason"))
        for entry in here.entries(code, "mistakes")
    )
    here.demand(len(mistakes) >= 3, "lists fewer than three typical mistakes", "add them as code")
    tolerance = float(code.get("tolerance", 0))
    solution = here.string(code, "solution")
    return Code(name, kind, tuple(cases), arrays, tolerance, solution, mistakes)
