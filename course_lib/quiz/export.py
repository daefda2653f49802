"""Banks for other systems: Moodle XML, GIFT, QTI 1.2, a web page, a sheet of paper.

For instructors (``python -m course_lib quiz export``). What a format cannot carry is listed;
nothing is dropped silently.
"""

import html
from dataclasses import dataclass

from course_lib.errors import CourseError
from course_lib.quiz.grading import right_answer
from course_lib.quiz.lms import (
    in_language,
    prompt_with_unit,
    rich,
    write_gift,
    write_moodle,
    write_qti,
)
from course_lib.quiz.photos import photo_address
from course_lib.quiz.questions import Bank, Photo, Question

FORMATS = {"moodle": "xml", "gift": "gift.txt", "qti": "zip", "html": "html", "print": "html"}
CARRIES = {
    "moodle": {"single", "multiple", "numeric", "ordering"},
    "gift": {"single", "multiple", "numeric", "ordering"},
    "qti": {"single", "multiple", "numeric"},
    "html": {"single", "multiple", "numeric", "ordering", "hotspot", "code"},
    "print": {"single", "multiple", "numeric", "ordering", "hotspot", "code"},
}


@dataclass(frozen=True)
class Exported:
    """The file's name and bytes, and what it could not carry: (question id, what is lost)."""

    name: str
    content: bytes
    lost: tuple[tuple[str, str], ...]

    def losses(self) -> dict[str, list[str]]:
        """What is lost, and the questions that lose it."""
        grouped: dict[str, list[str]] = {}
        for question, loss in self.lost:
            grouped.setdefault(loss, []).append(question)
        return grouped


def export(bank: Bank, to: str, language: str = "en", key: bool = True) -> Exported:
    """One bank in another format.

    Args:
        to: one of "moodle", "gift", "qti", "html", "print".
        language: "en", "ja", or "both" (Japanese below English).
        key: for "html" and "print": append the answers with their reasons.

    Raises:
        CourseError: the format or language is unknown, or the bank has no key.

    Example:
        >>> from course_lib.quiz.bank import find_bank, load_bank
        >>> exported = export(load_bank(find_bank(4)), "gift", "ja")
        >>> exported.name, exported.losses()["left out: gift has no hotspot question that fits"]
        ('04_exploring_data_ja.gift.txt', ['04-find-the-defect'])
    """
    if to not in FORMATS:
        raise CourseError(f"There is no export to {to!r}; choose one of {', '.join(FORMATS)}.")
    if language not in ("en", "ja", "both"):
        raise CourseError(f"There is no language {language!r}; choose en, ja or both.")
    if bank.released:
        raise CourseError("A released bank has no key; export the instructor's bank instead.")
    carried = [question for question in bank.questions if question.type in CARRIES[to]]
    lost = [
        (question.id, f"left out: {to} has no {question.type} question that fits")
        for question in bank.questions
        if question not in carried
    ]
    for question in carried:
        lost += [(question.id, loss) for loss in _losses(question, to)]
    if to in ("html", "print"):
        content = _page(bank, language, key, paper=to == "print").encode()
    else:
        write = {"moodle": write_moodle, "gift": write_gift, "qti": write_qti}[to]
        content = write(bank, carried, language)
    sheet = "_print" if to == "print" else ""
    name = f"{bank.path.stem}_{language}{sheet}.{FORMATS[to]}"
    return Exported(name, content, tuple(lost))


def _losses(question: Question, to: str) -> list[str]:
    losses = []
    if to in ("moodle", "gift", "qti"):
        losses.append("objective and difficulty are not carried")
    if to == "qti":
        losses.append("reasons are not carried")
        if question.type == "multiple":
            losses.append("no partial credit: the whole set is right or wrong")
    if to == "gift" and question.type == "ordering":
        losses.append("becomes a matching of steps to their numbers")
    if to in ("gift", "qti") and question.number and question.number.unit:
        losses.append("the unit is only named in the question")
    if question.type == "ordering" and to == "moodle":
        losses.append("needs Moodle 4.4 or its plugin 'ordering'; reasons are not carried")
    if to in ("html", "print") and question.photo:
        losses.append("the square is marked by hand and compared by eye")
    if to in ("html", "print") and question.code:
        losses.append("nothing runs the code; the answer is a solution to compare with")
    return losses


def _page(bank: Bank, language: str, key: bool, paper: bool) -> str:
    """A page to read or print; the answers follow on their own sheet."""
    code = "ja" if language == "ja" else "en"
    title = rich(bank.title, language).replace("<br>", " · ")
    parts = [f"<h1>Quiz {bank.lesson}: {title}</h1>"]
    if paper:
        parts.append("<p>Name / 氏名: ____________________ Date / 日付: ____________</p>")
    parts.append("<ol>")
    answers = []
    for question in bank.questions:
        box = {"single": "○", "multiple": "□", "ordering": "__"}.get(question.type, "")
        options = "".join(
            f"<li>{box} {rich(option.text, language)}</li>" for option in question.options
        )
        body = f'<ul class="options">{options}</ul>' if options else "<p>________________</p>"
        if question.photo:
            body = _photo_with_grid(question.photo, language)
        prompt = rich(prompt_with_unit(question, language), language)
        parts.append(f'<li id="{question.id}"><p><strong>{prompt}</strong></p>{body}</li>')
        answers.append(f"<li>{_answer(question, language)}</li>")
    parts.append("</ol>")
    if key:
        parts += ['<section class="key"><h2>Key / 解答</h2><ol>', *answers, "</ol></section>"]
    style = (
        "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
        ".options{list-style:none;padding-left:0}ol>li{break-inside:avoid}"
        ".key{break-before:page}"
        ".photo{position:relative;width:20rem}.photo img{display:block;width:100%}"
        ".squares{position:absolute;inset:0;display:grid}.squares i{border:1px solid #fff8}"
    )
    return (
        f'<!doctype html>\n<html lang="{code}"><head><meta charset="utf-8">'
        f"<title>Quiz {bank.lesson}</title><style>{style}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _photo_with_grid(photo: Photo, language: str) -> str:
    described = html.escape(in_language(photo.description, language))
    grid = f"grid-template:repeat({photo.rows},1fr)/repeat({photo.columns},1fr)"
    return (
        f'<div class="photo"><img alt="{described}" src="{photo_address(photo)}">'
        f'<div class="squares" style="{grid}">{"<i></i>" * photo.rows * photo.columns}</div></div>'
        f"<p><small>{html.escape(photo.credit)}</small></p>"
    )


def _answer(question: Question, language: str) -> str:
    if question.type in ("single", "multiple"):
        return "<br>".join(
            f"{'✓' if option.right else '✗'} {rich(option.text, language)}: "
            f"{rich(option.reason, language)}"
            for option in question.options
        )
    if question.type == "ordering":
        ordered = [question.options[position].text for position in right_answer(question)]
        return " → ".join(rich(text, language) for text in ordered)
    if question.number:
        number = question.number
        value = f"{number.value:g} {number.unit}".strip()
        return f"{value} (± {number.tolerance:g}): {rich(number.reason, language)}"
    if question.photo:
        squares = [s for region in question.photo.regions if region.right for s in region.squares]
        where = ", ".join(f"{row}/{column}" for row, column in sorted(squares))
        return f"row/column: {where}"
    return f"<pre>{html.escape(question.code.solution)}</pre>"
