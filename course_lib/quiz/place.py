"""Where in which bank file something stands, so that every refusal names file, question and cure.

Introduced in lesson 1. `course_lib.quiz.schema` and every kind of question read a bank through it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from course_lib.errors import CourseError
from course_lib.quiz.texts import LANGUAGES, Text

Table: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A bank file, or one question in it.

    Example:
        >>> Place("01_mine.yaml", "01-first").number({"value": "many"}, "value")
        Traceback (most recent call last):
        course_lib.errors.CourseError: Question '01-first' in 01_mine.yaml has no number 'value'; ...
    """

    file: str
    item: str | None = None

    def demand(self, condition: bool, fault: str, cure: str) -> None:
        """Refuse the bank where a condition does not hold."""
        if not condition:
            where = f"Question {self.item!r} in {self.file}" if self.item else f"Bank {self.file}"
            raise CourseError(f"{where} {fault}; {cure}.")

    def table(self, table: Table, key: str, cure: str) -> Table:
        found = table.get(key)
        self.demand(isinstance(found, dict), f"has no {key!r}", cure)
        return dict(found or {})

    def items(self, table: Table, key: str) -> list[Any]:
        found = table.get(key)
        self.demand(isinstance(found, list), f"has no list {key!r}", f"add '{key}:' with a list")
        return list(found or ())

    def entries(self, table: Table, key: str) -> Iterator[Table]:
        """The tables in the list below a key."""
        for entry in self.items(table, key):
            self.demand(
                isinstance(entry, dict),
                f"has an entry of {key!r} that is not a table",
                "write it as 'key: value' lines",
            )
            yield entry

    def string(self, table: Table, key: str) -> str:
        found = table.get(key)
        self.demand(isinstance(found, str) and bool(found.strip()), f"has no {key!r}", f"add '{key}: …'")
        return str(found)

    def text(self, table: Table, key: str) -> Text:
        return self.both(table.get(key), key)

    def both(self, found: Any, name: str) -> Text:
        """A text that has both languages; ``name`` is what a refusal calls it."""
        for language in LANGUAGES:
            self.demand(
                isinstance(found, dict) and isinstance(found.get(language), str) and bool(found[language].strip()),
                f"has no {language!r} text in {name!r}",
                "write both languages, and quote a text that is a number or yes/no",
            )
        return Text(found["en"].strip(), found["ja"].strip())

    def number(self, table: Table, key: str) -> float:
        found = table.get(key)
        self.demand(
            isinstance(found, int | float) and not isinstance(found, bool),
            f"has no number {key!r}",
            f"write '{key}: 1.5'",
        )
        return float(found or 0)

    def yes_or_no(self, table: Table, key: str, what: str) -> bool:
        """``true`` or ``false`` and no word for it: "no" in quotation marks would count as yes."""
        self.demand(
            isinstance(table.get(key), bool),
            f"does not say whether {what} is {key}",
            f"add '{key}: true' or '{key}: false'",
        )
        return bool(table[key])

    def no_twins(self, names: list[str], what: str) -> None:
        twins = sorted(name for name, count in Counter(names).items() if count > 1)
        self.demand(not twins, f"uses the {what} {twins} twice", "give each its own")
