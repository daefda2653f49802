"""Guesses on record: made before a surprising result, shown beside it.

Introduced in lesson 2. The cell with the result is folded in the stored notebook, and what stands
first in its output tells nothing.
"""

import json
import sys
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.display import display

from course_lib.paths import write_atomically
from course_lib.quiz.chosen_language import language
from course_lib.quiz.kinds.number import read_numbers
from course_lib.quiz.progress import answers_folder
from course_lib.quiz.tasks.content import Guess, find, of_lesson
from course_lib.quiz.tasks.outcomes import box
from course_lib.quiz.texts import LANGUAGES, Text

HERE = Path(__file__).parent
FILE = "guesses.json"
NEUTRAL = Text("Your guess beside the result:", "予想と結果：")  # first in each folded output
BLUE = "11, 87, 208"
NO_GUESS = Text("no guess on record", "予想の記録なし")

results: dict[str, Any] = {}  # what came out in this kernel, by the id of the guess
widgets: dict[str, "GuessWidget"] = {}  # the latest control of each guess


class GuessWidget(anywidget.AnyWidget):
    """The control of one guess; `course_lib.quiz.guess` makes it."""

    _esm = HERE / "guess.js"
    _css = HERE / "guess.css"
    # ipywidgets 7, which Colab has, would show the widget alone; without it the bundle below is asked for.
    _ipython_display_ = None

    content = traitlets.Dict().tag(sync=True)
    language = traitlets.Enum(LANGUAGES, default_value="en").tag(sync=True)
    guess = traitlets.Any(None, allow_none=True).tag(sync=True)
    typed = traitlets.Any([]).tag(sync=True)
    unread = traitlets.Bool(False).tag(sync=True)
    locked = traitlets.Bool(False).tag(sync=True)

    def __init__(self, asked: Guess) -> None:
        content = {"ask": asked.ask, "choices": asked.choices, "unit": asked.unit}
        super().__init__(content=content, language=language(), guess=kept_guesses().get(asked.id))
        self.asked = asked
        self.observe(self._keep, "guess")
        self.observe(self._read, "typed")

    def _read(self, change: dict[str, Any]) -> None:
        """Take what was typed for a number, unless it is none, or could be two ("1,500")."""
        readings, _ = read_numbers(str(change["new"][0]))
        self.unread = len(readings) != 1
        if not self.unread:
            number = readings.pop()
            self.guess = int(number) if number.is_integer() else number

    def _keep(self, change: dict[str, Any]) -> None:
        if not self.locked:
            keep_guess(self.asked.id, change["new"])

    def __repr__(self) -> str:
        return f"Your guess: {self.asked.ask['en']} (Run this cell to make it.)"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        bundle["text/plain"] = repr(self)
        if "google.colab" not in sys.modules:  # nothing says which of two forms it would choose
            bundle["text/html"] = self._still_html()
        return bundle, metadata

    def _still_html(self) -> str:
        """What a viewer shows that runs no code, in both languages."""
        run = Text("Run this cell to make your guess.", "このセルを実行すると予想を記録できます。")
        shown = []
        for chosen in LANGUAGES:
            choices = "".join(f"<li>{Text(**said).html(chosen)}</li>" for said in self.asked.choices.values())
            text = f"{Text(**self.asked.ask).html(chosen)} <em>{run.html(chosen)}</em>"
            shown.append(f'<div lang="{chosen}">{text}{f"<ul>{choices}</ul>" * bool(choices)}</div>')
        return box(shown, BLUE, "en")


def guess(identifier: str) -> GuessWidget:
    """The control that puts a guess on record; the next cell shows the result beside it.

    Args:
        identifier: of the guess, such as ``"02-darker"``.

    Raises:
        CourseError: there is no such guess.
    """
    widgets[identifier] = GuessWidget(find(identifier, Guess))
    return widgets[identifier]


def compare(identifier: str, result: Any = None) -> None:
    """Show the guess beside the result, and what to see; the first thing that its cell shows.

    Args:
        identifier: of the guess.
        result: the key of one of its choices, or a number; what its file says when left out, so that the
            code of the cell does not tell it.

    Raises:
        CourseError: there is no such guess.
    """
    asked = find(identifier, Guess)
    results[identifier] = asked.answer if result is None else result
    if identifier in widgets:
        widgets[identifier].locked = True
    print(NEUTRAL.plain(language()))
    display(Compared([asked], see=True))


def guesses(lesson: int) -> None:
    """All guesses of a lesson and what came out, side by side; near the end of a lesson.

    Args:
        lesson: its number.
    """
    print(NEUTRAL.plain(language()))
    display(Compared(of_lesson(lesson, Guess), see=False))


class Compared:
    """Guesses and results in a table; ``see``: with what to see in the result."""

    def __init__(self, asked: list[Guess], see: bool) -> None:
        self.asked, self.see, kept = asked, see, kept_guesses()
        self.rows = [(Text(**one.ask), said(one, kept.get(one.id)), said(one, results.get(one.id))) for one in asked]

    def __repr__(self) -> str:
        chosen = language()
        lines = [
            f"{ask.plain(chosen)} {(guessed or NO_GUESS).plain(chosen)} → {came.plain(chosen) if came else '–'}"
            for ask, guessed, came in self.rows
        ]
        return "\n".join(lines + [Text(**one.see).plain(chosen) for one in self.asked if self.see])

    def _repr_html_(self) -> str:
        chosen = language()
        titles = [Text("", ""), Text("your guess", "予想"), Text("the result", "結果")]
        head = "".join(f'<th scope="col" style="text-align: left">{title.html(chosen)}</th>' for title in titles)
        body = ""
        for ask, guessed, came in self.rows:
            same = {True: " ✓", False: ""}[guessed is not None and guessed == came]
            cells = [ask.html(chosen), (guessed or NO_GUESS).html(chosen) + same, came.html(chosen) if came else "–"]
            body += "<tr>" + "".join(f'<td style="text-align: left">{cell}</td>' for cell in cells) + "</tr>"
        see = [Text(**one.see).html(chosen) for one in self.asked if self.see]
        return box([f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>", *see], BLUE, chosen)


def said(asked: Guess, value: Any) -> Text | None:
    """A guess or a result in words: a choice by its text, a number with its unit.

    Example:
        >>> percent = Guess()
        >>> percent.unit = "%"
        >>> said(percent, 12.0).en, said(percent, 1234.567).en, said(percent, None)
        ('12 %', '1,234.57 %', None)
    """
    if value is None:
        return None
    if hasattr(value, "item"):
        value = value.item()
    if value in asked.choices:
        return Text(**asked.choices[value])
    if isinstance(value, int | float):
        number = f"{value:,.2f}".rstrip("0").rstrip(".")
        value = f"{number} {asked.unit}".strip()
    return Text(str(value), str(value))


def kept_guesses() -> dict[str, Any]:
    """The guesses on record, by id; none where the file is missing or damaged."""
    try:
        kept = json.loads((answers_folder() / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def keep_guess(identifier: str, value: Any) -> None:
    """Put a guess on record, in place of an earlier one.

    Raises:
        CourseError: it cannot be written.
    """
    kept = kept_guesses() | {identifier: value}
    with write_atomically(answers_folder() / FILE) as temporary:
        temporary.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
