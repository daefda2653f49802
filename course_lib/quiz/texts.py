"""Texts in both languages, and how they are written into a page.

Introduced in lesson 1, whose quiz can be read in English and in Japanese.
"""

import html
import re
from dataclasses import dataclass

LANGUAGES = ("en", "ja")
# Of a text in a bank file a learner may see both languages (see `course_lib.quiz.questions.Public`).
PUBLIC_TEXT = {"en": True, "ja": True}


@dataclass(frozen=True)
class Text:
    """One sentence in both languages; what stands between backticks is code."""

    en: str
    ja: str

    def as_dict(self) -> dict[str, str]:
        return {"en": self.en, "ja": self.ja}

    def plain(self, language: str) -> str:
        """The text in one language, or in "both" with Japanese on its own line (once, if they are equal)."""
        if language == "both":
            return "\n".join(dict.fromkeys((self.en, self.ja)))
        return self.as_dict()[language]

    def html(self, language: str, quote: bool = False) -> str:
        """The text for a page, escaped (``quote``: quotation marks as well).

        Example:
            >>> Text("`a < b`", "`a < b`").html("en")
            '<code>a &lt; b</code>'
        """
        escaped = html.escape(self.plain(language), quote=quote).replace("\n", "<br>")
        return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


NOTHING = Text("", "")  # the reasons of a released bank
