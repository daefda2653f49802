"""Where in which bank file something stands, so that every fault names file, question and cure.

Introduced in lesson 1. `course_lib.quiz.schema` and every kind of question read a bank through it. A fault is
noted and reading goes on, so that whoever wrote the bank hears of all faults at once.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from course_lib.quiz.texts import LANGUAGES, Text

Table: TypeAlias = dict[str, Any]
# What a Japanese keyboard or a word processor makes of quotation marks; YAML takes them for letters.
TYPOGRAPHIC_QUOTES = (("“", "”"), ("”", "”"), ("＂", "＂"), ("‘", "’"), ("＇", "＇"))


@dataclass(frozen=True)
class Place:
    """A bank file, a question in it, or an entry of one of the question's lists.

    Where something is wrong, what is read is empty, and the fault stands in ``faults``, which all places of a
    file share.

    Example:
        >>> place = Place("01_mine.yaml", "01-first")
        >>> place.number({"value": "many"}, "value"), place.faults
        (0.0, ["Question '01-first' in 01_mine.yaml has no number 'value'; write 'value: 1.5'."])
    """

    file: str
    item: str | None = None
    entry: str = ""
    folder: Path = Path()  # of the bank, where its own photos lie
    language: str = ""  # of a bank that has only one
    faults: list[str] = field(default_factory=list, compare=False)

    def of(self, item: str, entry: str = "") -> "Place":
        """The place of a question of this file, or of an entry in it."""
        return replace(self, item=item, entry=entry)

    def demand(self, condition: bool, fault: str, cure: str) -> bool:
        """Note a fault where a condition does not hold; returns the condition."""
        if not condition:
            where = f"Question {self.item!r} in {self.file}" if self.item else f"Bank {self.file}"
            self.faults.append(f"{where}{self.entry} {fault}; {cure}.")
        return condition

    def table(self, table: Table, key: str, cure: str) -> Table:
        found = table.get(key)
        return found if self.demand(isinstance(found, dict), f"has no {key!r}", cure) else {}  # type: ignore[return-value]

    def items(self, table: Table, key: str) -> list[Any]:
        found = table.get(key)
        sound = self.demand(isinstance(found, list), f"has no list {key!r}", f"add '{key}:' with a list")
        return list(found or ()) if sound else []

    def entries(self, table: Table, key: str) -> Iterator[tuple[Table, "Place"]]:
        """The tables in the list below a key, each with its place."""
        for number, entry in enumerate(self.items(table, key), start=1):
            here = replace(self, entry=f", entry {number} of {key!r},") if self.item else self
            if here.demand(isinstance(entry, dict), "is not a table", "write it as 'key: value' lines"):
                yield entry, here

    def string(self, table: Table, key: str) -> str:
        found = table.get(key)
        sound = self.demand(isinstance(found, str) and bool(found.strip()), f"has no {key!r}", f"add '{key}: …'")
        return self._plainly_quoted(str(found), key) if sound else ""

    def text(self, table: Table, key: str) -> Text:
        return self.both(table.get(key), key)

    def both(self, found: Any, name: str) -> Text:
        """A text in both languages, or in the one of the bank; ``name`` is what a fault calls it."""
        said = {}
        for language in (self.language,) if self.language else LANGUAGES:
            plain = bool(self.language) and isinstance(found, str)
            text = found if plain else found.get(language) if isinstance(found, dict) else None
            sound = self.demand(
                isinstance(text, str) and bool(text.strip()),
                f"has no {language!r} text in {name!r}",
                "quote a text that is a number or yes/no"
                if self.language
                else "write both languages, and quote a text that is a number or yes/no",
            )
            said[language] = self._plainly_quoted(str(text).strip(), name) if sound else ""
        return Text(*(said.get(language, said.get(self.language, "")) for language in LANGUAGES))

    def number(self, table: Table, key: str) -> float:
        found = table.get(key)
        sound = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
        self.demand(sound, f"has no number {key!r}", f"write '{key}: 1.5'")
        return float(found) if sound and found is not None else 0.0

    def yes_or_no(self, table: Table, key: str, what: str) -> bool:
        """``true`` or ``false`` and no word for it: "no" in quotation marks would count as yes."""
        found = table.get(key)
        self.demand(
            isinstance(found, bool),
            f"does not say whether {what} is {key}",
            f"add '{key}: true' or '{key}: false', without quotation marks",
        )
        return found is True

    def no_twins(self, names: list[str], what: str) -> None:
        twins = sorted(name for name, count in Counter(names).items() if count > 1 and name)
        self.demand(not twins, f"uses the {what} {twins} twice", "give each its own")

    def _plainly_quoted(self, text: str, name: str) -> str:
        wrapped = any(text.startswith(start) and text.endswith(end) for start, end in TYPOGRAPHIC_QUOTES)
        inside = text[1:-1]
        self.demand(
            not wrapped or any(mark in inside for pair in TYPOGRAPHIC_QUOTES for mark in pair),
            f"has the typographic quotation marks {text[:1]}…{text[-1:]} around {name!r}",
            'type the plain mark " instead',
        )
        return text
