"""What choices and orderings have in common: options that are shown in mixed order.

Introduced in lesson 1.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any, ClassVar

from course_lib.quiz.place import Place, Table
from course_lib.quiz.questions import Public, Question
from course_lib.quiz.texts import LANGUAGES, PUBLIC_TEXT, Text

ALL_OF_THE_ABOVE = re.compile(
    r"\b(all|none|both) of (the )?(above|these)\b|上記(の)?(すべて|全て|のいずれ)|すべて正しい", re.I
)


def letter(position: int) -> str:
    """How an option is called on paper.

    Example:
        >>> letter(0), letter(3)
        ('<b>A</b>', '<b>D</b>')
    """
    return f"<b>{ascii_uppercase[position]}</b>"


@dataclass(frozen=True)
class Option:
    """One option, and why it is right, wrong, or where it stands."""

    text: Text
    reason: Text


@dataclass(frozen=True)
class WithOptions(Question):
    """A question whose answer is made of positions of its options in the bank, from 0."""

    public: ClassVar[Public] = {"options": {"text": PUBLIC_TEXT}}
    box: ClassVar[str]  # what stands before an option on paper

    options: tuple[Option, ...]

    @classmethod
    def read_texts(cls, item: Table, here: Place) -> Iterator[tuple[Table, Place, Text]]:
        """The entries of the list of options, each with its place and its text, which is checked."""
        texts = []
        for entry, there in here.entries(item, "options"):
            text = there.text(entry, "text")
            there.demand(
                not any(ALL_OF_THE_ABOVE.search(words) for words in text.as_dict().values()),
                f"has the option {text.en!r}, which points at other options",
                "name the things instead, because options are shuffled",
            )
            texts.append(text)
            yield entry, there, text
        for language in LANGUAGES:
            here.no_twins([text.plain(language) for text in texts], "option")
        here.demand(len(texts) <= 26, "has more than 26 options", "no one reads them; leave some out")
        here.demand(len(texts) >= 3, "has fewer than three options", "add a plausible one")

    @classmethod
    def mixed(cls, item: Table) -> Table:
        # Sorted by a hash of their texts, the options keep nothing of the order of the author.
        def ticket(entry: Table) -> str:
            return hashlib.sha256(json.dumps(entry["text"], sort_keys=True).encode()).hexdigest()

        return item | {"options": sorted(item["options"], key=ticket)}

    def positions(self) -> range:
        return range(len(self.options))

    def are_positions(self, answer: Any) -> bool:
        """Whether an answer is a list of positions without twins."""
        return (
            isinstance(answer, list)
            and all(type(position) is int and position in self.positions() for position in answer)
            and len(set(answer)) == len(answer)
        )

    def shown(self) -> dict[str, Any]:
        return {"options": [option.text.as_dict() for option in self.options]}

    def still_html(self, language: str) -> str:
        options = (f"<li>{option.text.html(language, quote=True)}</li>" for option in self.options)
        return f'<ul style="margin:0">{"".join(options)}</ul>'

    def paper_html(self, language: str) -> str:
        options = (
            f"<li>{self.box} {letter(position)} {option.text.html(language)}</li>"
            for position, option in enumerate(self.options)
        )
        return f'<ul class="options">{"".join(options)}</ul>'
