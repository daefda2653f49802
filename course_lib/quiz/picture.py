"""A picture that a question shows below its text: a file in the folder of the bank.

Introduced in lesson 1. The course's own pictures are drawn by ``tools/quiz_pictures.py``.
"""

import base64
import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.quiz.place import Place, Table
from course_lib.quiz.shapes import STRING, TEXT, table
from course_lib.quiz.texts import PUBLIC_TEXT, Text

KINDS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".webp": "webp", ".svg": "svg+xml"}
LARGEST = 1_000_000  # bytes; the page and a stored notebook carry the picture along
PICTURE = table(optional=("credit",), file=STRING, description=TEXT, credit=STRING)
PUBLIC_PICTURE = {"file": True, "description": PUBLIC_TEXT, "credit": True}


@dataclass(frozen=True)
class Picture:
    """A file, what it shows in words (for who cannot see it), and whose it is where that must be said."""

    path: Path
    description: Text
    credit: str = ""

    @classmethod
    def read(cls, item: Table, here: Place) -> "Picture":
        """The picture of a question; ``here`` notes what is wrong with it."""
        picture = here.table(item, "picture", "add file and description")
        file = here.string(picture, "file")
        here.demand(
            ".." not in file and "\\" not in file and not file.startswith("/"),
            f"names the picture {file!r} outside the folder of its bank",
            "name it relative to that folder, such as pictures/crack.png",
        )
        path = here.folder / file
        shown = not file or path.suffix.lower() in KINDS
        here.demand(shown, f"names {file!r}, no picture", f"use one of {', '.join(KINDS)}")
        credit = here.string(picture, "credit") if "credit" in picture else ""
        return cls(path, here.text(picture, "description"), credit)

    def content(self) -> bytes:
        """The bytes of the file.

        Raises:
            CourseError: it is not there, or too large to travel with the quiz.
        """
        if not self.path.is_file():
            raise CourseError(f"The picture {shorten(self.path)} of a question is not there; put it beside the bank.")
        content = self.path.read_bytes()
        if len(content) > LARGEST:
            raise CourseError(
                f"The picture {shorten(self.path)} has {len(content):,} bytes; make it smaller than {LARGEST:,}."
            )
        return content

    def address(self) -> str:
        """The picture as a ``data:`` address, so that a page shows it without fetching anything."""
        return f"data:image/{KINDS[self.path.suffix.lower()]};base64,{base64.b64encode(self.content()).decode()}"

    def shown(self) -> dict[str, Any]:
        """What the page gets; a sentence in place of a picture that is not there."""
        try:
            picture = {"image": self.address()}
        except CourseError as error:
            picture = {"missing": str(error)}
        return picture | {"description": self.description.as_dict(), "credit": self.credit}

    def html(self, language: str, address: str = "") -> str:
        """An ``img`` for a page; ``address`` where it does not carry the picture itself."""
        words = html.escape(self.description.plain(language))
        credit = f"<br><small>{html.escape(self.credit)}</small>" if self.credit else ""
        return f'<p><img alt="{words}" src="{address or self.address()}" style="max-width:100%">{credit}</p>'
