"""The memo: one figure and one finding of the learner's own from each lesson, on one page for a manager.

Introduced in lesson 2. It is kept beside the answers, which `make clean` spares; own photos have a memo
of their own. `course_lib.lesson` opens it.
"""

import html
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_lib import plots
from course_lib.errors import CourseError
from course_lib.paths import kept_folder, make_folder, shorten, write_atomically
from course_lib.quiz.chosen_language import language
from course_lib.quiz.progress import answers_folder

WIDEST = 1200  # pixels of a kept figure; a photo of a camera has several times as many
WORDS = {
    "en": {
        "title": "Quality memo: {about}",
        "page": "The whole memo as one page: {page}",
        "figure": "a figure",
        "finding": "a finding",
        "missing": "Still missing: {what}.",
        "and": " and ",
        "filled": "Memo: {filled} of {all} lessons have a figure and a finding.",
    },
    "ja": {
        "title": "品質メモ：{about}",
        "page": "メモ全体（1 ページ）：{page}",
        "figure": "図",
        "finding": "発見",
        "missing": "未記入：{what}",
        "and": "と",
        "filled": "メモ：{all} レッスン中 {filled} レッスンで図と発見がそろっています。",
    },
}


class Memo:
    """All slots of one memo, and the slot that a lesson fills; `course_lib.lesson.memo` opens it.

    Args:
        titles: of the lessons, each a slot.
        photos: the folder that the memo is about; the solar cells when left out.
        lesson: whose slot `figure` and `finding` fill.

    Example:
        >>> import os, tempfile
        >>> os.environ["COURSE_QUIZ"] = tempfile.mkdtemp()
        >>> memo = Memo(["looking", "counting"], lesson=2)
        >>> memo.finding("One photo in eight shows nothing.")
        Memo: 0 of 2 lessons have a figure and a finding.
        >>> memo.missing(2)
        ['figure']
        >>> del os.environ["COURSE_QUIZ"]
    """

    def __init__(self, titles: Sequence[str], photos: str | os.PathLike | None = None, lesson: int = 1) -> None:
        self.titles, self.lesson = tuple(titles), lesson
        self.about = "solar_cells" if photos is None else kept_folder(photos).name
        self.folder = answers_folder() / "memo" / self.about

    @property
    def page(self) -> Path:
        """The page to print or to mail."""
        return self.folder / "memo.html"

    def figure(self, caption: str, picture: Any) -> "Memo":
        """Keep a figure in the slot of this lesson, in place of an earlier one.

        Args:
            caption: what the figure shows, in one sentence.
            picture: a matplotlib figure, a photo as array or PIL image, or the path of a picture.

        Raises:
            CourseError: it is none of these, or it cannot be kept.
        """
        content = as_png(picture)
        with write_atomically(self._png(self.lesson)) as temporary:
            temporary.write_bytes(content)
        return self._note(caption=caption)

    def finding(self, text: str) -> "Memo":
        """Keep what the learner found, in one or two sentences, in the slot of this lesson.

        Raises:
            CourseError: it cannot be kept.
        """
        return self._note(finding=text)

    def missing(self, lesson: int) -> list[str]:
        """What the slot of a lesson lacks: "figure", "finding", both or nothing."""
        found = {"figure": self._png(lesson).is_file(), "finding": bool(self._notes(lesson).get("finding"))}
        return [name for name, there in found.items() if not there]

    def save(self) -> Path:
        """Write the page anew."""
        words = WORDS[language()]
        style = "figure img { max-height: 24rem; } h2 { margin-top: 1.5rem; }"
        make_folder(self.folder)
        text = plots.page(words["title"].format(about=self.about), self._slots(), style=style)
        with write_atomically(self.page) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return self.page

    def _slots(self) -> str:
        words = WORDS[language()]
        sections: list[str] = []
        for lesson, title in enumerate(self.titles, 1):
            sections.append(plots.heading(f"{lesson:02} {title}"))
            notes, missing = self._notes(lesson), self.missing(lesson)
            if "figure" not in missing:
                caption = notes.get("caption", "")
                sections.append(plots.picture(self._png(lesson).read_bytes(), caption, caption))
            sections.append(notes.get("finding", ""))
            if missing:
                what = words["and"].join(words[name] for name in missing)
                sections.append(plots.html("<p><em>{{ text }}</em></p>", text=words["missing"].format(what=what)))
        return plots.join(*sections)

    def _png(self, lesson: int) -> Path:
        return self.folder / f"{lesson:02}.png"

    def _notes(self, lesson: int) -> dict[str, str]:
        try:
            notes = json.loads((self.folder / f"{lesson:02}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return notes if isinstance(notes, dict) else {}

    def _note(self, **added: str) -> "Memo":
        for name, text in added.items():
            if not isinstance(text, str):
                raise CourseError(
                    f"The {name} of the memo is {type(text).__name__}; give a sentence in quotation marks."
                )
        with write_atomically(self.folder / f"{self.lesson:02}.json") as temporary:
            text = json.dumps(self._notes(self.lesson) | added, ensure_ascii=False, indent=1)
            temporary.write_text(text + "\n", encoding="utf-8")
        self.save()
        return self

    def __repr__(self) -> str:
        lessons = range(1, len(self.titles) + 1)
        filled = sum(not self.missing(lesson) for lesson in lessons)
        return WORDS[language()]["filled"].format(filled=filled, all=len(lessons))

    def _repr_html_(self) -> str:
        words, page = WORDS[language()], html.escape(shorten(self.page))
        place = words["page"].format(page=f"<code>{page}</code>")
        style = "max-width: 46rem; max-height: 32rem; overflow: auto; padding: 0 1em; border: 1px solid rgba(128, 134, 139, 0.6)"
        # A plain string: safe HTML would escape what is put into it, and the picture would be shown as letters.
        inside = str(self._slots()).replace("<img ", '<img style="max-width: 100%; background: #fff" ')
        return f'<div>{html.escape(repr(self))} {place}</div><div style="{style}">{inside}</div>'


def as_png(picture: Any) -> bytes:
    """A figure, photo or file as the bytes of a PNG file.

    Raises:
        CourseError: it is nothing that can be shown.
    """
    import numpy as np
    from matplotlib.figure import Figure
    from PIL import Image

    if isinstance(picture, Figure):
        return plots.png(picture)
    try:
        if isinstance(picture, str | os.PathLike):
            with Image.open(picture) as opened:
                image = opened.convert("RGB")
        else:
            image = picture if isinstance(picture, Image.Image) else Image.fromarray(np.asarray(picture))
        image.thumbnail((WIDEST, WIDEST))
        return plots.photo_png(image)
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise CourseError(
            f"The memo cannot show this {type(picture).__name__} ({error}); give a matplotlib figure, a photo as "
            "array of uint8, or the path of a picture."
        ) from error
