"""Banks for other systems: Moodle XML, GIFT, QTI 1.2, a web page, a sheet of paper.

For instructors (``python -m course_lib quiz export``). What a format cannot carry is listed;
nothing is dropped silently.
"""

from dataclasses import dataclass

from course_lib.errors import CourseError
from course_lib.quiz.questions import Bank
from course_lib.quiz.systems import SYSTEMS
from course_lib.quiz.texts import Text

PAGES = ("html", "print")
FORMATS = (*SYSTEMS, *PAGES)
STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    ".options{list-style:none;padding-left:0}ol>li{break-inside:avoid}"
    ".key{break-before:page}"
    ".line{border-bottom:1px solid #888;height:2.2rem}.hint{color:#555}"
    ".numbered{display:grid;grid-template:1.5rem auto/1.5rem 20rem}.columns,.rows{display:flex;text-align:center}"
    ".columns{grid-column:2}.rows{flex-direction:column}.columns b,.rows b{flex:1;align-content:center}"
    ".photo{position:relative;width:20rem}.photo img{display:block;width:100%}"
    ".squares{position:absolute;inset:0;display:grid}.squares i{border:1px solid #fff8}"
)


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
        >>> exported.name, exported.losses()["left out: gift has no hotspot question that fits"][0]
        ('04_exploring_data_ja.gift.txt', '04-find-the-defect')
    """
    if to not in FORMATS:
        raise CourseError(f"There is no export to {to!r}; choose one of {', '.join(FORMATS)}.")
    if language not in ("en", "ja", "both"):
        raise CourseError(f"There is no language {language!r}; choose en, ja or both.")
    if bank.released:
        raise CourseError("A released bank has no key; export the instructor's bank instead.")
    name = f"{bank.path.stem}_{language}" + ("" if key or to not in PAGES else "_no_key")
    if to in PAGES:
        lost = [(asked.id, asked.paper_loses) for asked in bank.questions if asked.paper_loses]
        sheet = "_print" if to == "print" else ""
        content = _page(bank, language, key, paper=to == "print").encode()
        return Exported(f"{name}{sheet}.html", content, tuple(lost))
    system = SYSTEMS[to]
    carried = [question for question in bank.questions if question.type in system.carries]
    lost = [
        (question.id, f"left out: {to} has no {question.type} question that fits")
        for question in bank.questions
        if question not in carried
    ]
    lost += [(question.id, loss) for question in carried for loss in system.losses(question)]
    content = system.write(bank, carried, language)
    return Exported(f"{name}.{system.ending}", content, tuple(lost))


def _page(bank: Bank, language: str, key: bool, paper: bool) -> str:
    """A page to read or print; the answers follow on their own sheet."""

    def said(en: str, ja: str) -> str:
        return Text(en, ja).html(language).replace("<br>", " / ")

    title = bank.title.html(language).replace("<br>", " · ")
    parts = [f"<h1>{said('Quiz', 'クイズ')} {bank.lesson}: {title}</h1>"]
    if paper:
        parts.append(f"<p>{said('Name', '氏名')}: ____________________ {said('Date', '日付')}: ____________</p>")
    parts.append("<ol>")
    for question in bank.questions:
        prompt = question.whole_prompt().html(language)
        body = question.paper_html(language)
        if question.picture:
            body = question.picture.html(language) + body
        hint = f'<p class="hint">{said(question.paper_hint.en, question.paper_hint.ja)}</p>'
        parts.append(f'<li id="{question.id}"><p><strong>{prompt}</strong></p>{hint}{body}</li>')
    parts.append("</ol>")
    if key:
        answers = [f"<li>{question.key_html(language)}</li>" for question in bank.questions]
        parts += ['<section class="key">', f"<h2>{said('Key', '解答')}</h2><ol>", *answers, "</ol></section>"]
    return (
        f'<!doctype html>\n<html lang="{"ja" if language == "ja" else "en"}">'
        '<head><meta charset="utf-8">'
        f"<title>{said('Quiz', 'クイズ')} {bank.lesson}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )
