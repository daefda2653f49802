"""What comes of a check, as types: right, not yet, not attempted; and how they look in a notebook.

Introduced in lesson 2. A stored notebook keeps one neutral line of each; the page shows a box that is
readable on light and on dark pages, because it tints whatever is behind it.
"""

import html
from dataclasses import dataclass, field
from typing import Any, ClassVar

from course_lib.quiz.chosen_language import language
from course_lib.quiz.texts import Text

GAP = {"en": " ", "ja": ""}  # between two sentences
LONGEST_SHOWN = 80  # characters of a value in a sentence
PRINTED = Text("What your code printed", "コードが出力した内容")


@dataclass(eq=False)
class Outcome:
    """One outcome in both languages, with pieces of code or text that can be unfolded."""

    colour: ClassVar[str] = "128, 134, 139"
    verdict: ClassVar[Text] = Text("", "")

    en: str
    ja: str
    note: Text | None = field(default=None, kw_only=True)  # a second, quieter paragraph
    folded: list[tuple[Text, str]] = field(default_factory=list, kw_only=True)

    def __str__(self) -> str:
        text = Text(self.en, self.ja).plain(language())
        return GAP[language()].join(part for part in (self.verdict.plain(language()), text) if part)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        chosen = language()
        verdict, text = self.verdict.html(chosen), Text(self.en, self.ja).html(chosen)
        parts = [f"<strong>{verdict}</strong>{GAP[chosen]}{text}" if verdict else text]
        if self.note:
            parts.append(f'<span style="opacity: 0.8">{self.note.html(chosen)}</span>')
        for summary, content in self.folded:
            parts.append(
                f'<details><summary style="cursor: pointer">{summary.html(chosen)}</summary>'
                f'<pre style="margin: 0.4em 0; white-space: pre-wrap">{html.escape(content)}</pre></details>'
            )
        return box(parts, self.colour, chosen)


class Right(Outcome):
    """The attempt does what was asked; the text says why that matters."""

    colour = "46, 158, 79"
    verdict = Text("Right.", "正解です。")


class NotYet(Outcome, Exception):
    """The attempt is not right; a check raises it with what was seen and expected, on which input."""

    colour = "230, 145, 30"
    verdict = Text("Not yet.", "まだ正解ではありません。")


class NotAttempted(Outcome):
    """The cell still is as the learner found it."""

    colour = "11, 87, 208"
    verdict = Text("Not attempted yet.", "まだ解答していません。")


def box(parts: list[str], colour: str, lang: str) -> str:
    """Paragraphs of HTML in a box with a coloured edge; ``colour`` is "red, green, blue"."""
    style = f"border-left: 4px solid rgb({colour}); background: rgba({colour}, 0.12); max-width: 46rem; "
    style += "padding: 0.5em 0.9em; border-radius: 4px; line-height: 1.5"
    inside = "".join(f'<div style="margin: 0.2em 0">{part}</div>' for part in parts)
    return f'<div lang="{lang}" role="status" style="{style}">{inside}</div>'


def _plain(value: Any) -> Any:
    """A number of NumPy or PyTorch as Python's own, so that no ``np.int64(…)`` stands in a sentence."""
    return value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value


def shown(value: Any) -> str:
    """A value in a sentence: short, and an array by its shape.

    Example:
        >>> import numpy as np
        >>> shown(np.zeros((300, 300), np.uint8)), shown(np.float64(1 / 3)), shown(["a"] * 99)
        ('an array (300, 300) of uint8', '0.33333333', "['a', 'a', 'a', 'a', …]")
        >>> shown((np.int64(4), np.int64(2)))
        '(4, 2)'
    """
    value = _plain(value)
    if type(value) in (list, tuple):
        value = type(value)(map(_plain, value))
    shape, kind = getattr(value, "shape", None), getattr(value, "dtype", "")
    try:
        if isinstance(shape, tuple) and len(str(value)) > LONGEST_SHOWN // 2:
            return f"an array {tuple(shape)}" + (f" of {kind}" if str(kind) else "")
        if hasattr(value, "tolist"):
            value = value.tolist()
        text = repr(float(f"{value:.8g}") if isinstance(value, float) else value)
        if isinstance(value, list | tuple) and len(text) > LONGEST_SHOWN:
            text = f"[{', '.join(map(shown, value[:4]))}{', …' if len(value) > 4 else ''}]"
        if "\n" in text:  # a network or an optimizer: a page of text
            text = f"{type(value).__name__}(…)"
    except BaseException as error:  # a class of the learner's may fail when it is shown
        return f"an object of type {type(value).__name__} ({type(error).__name__} when shown)"
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
