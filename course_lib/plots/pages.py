"""Pages in HTML that can be mailed, printed and read without a network.

Introduced in lesson 8 with the report of an inspector. A page is a title and its sections: a text
becomes a paragraph and is never read as HTML; headings, tables and pictures come from the functions
here. The frame of all pages, light and dark, is ``page.html``.
"""

import base64
from functools import lru_cache
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from course_lib.plots.figures import png, width_of

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
)


def page(title: str, *sections: str, style: str = "", language: str = "en") -> str:
    """A whole page with its style inside; it fetches nothing.

    Args:
        title: plain text, for the heading and the browser's tab.
        sections: plain texts, or pieces of HTML from the other functions of this module.
        style: CSS that is added to that of all pages.
        language: of its texts, for screen readers and hyphens.

    Example:
        >>> "<h1>1 &lt; 2</h1>\\n<p>3 &gt; 2</p>" in page("1 < 2", "3 > 2")
        True
    """
    frame = TEMPLATES.get_template("page.html")
    return frame.render(title=title, body=join(*sections), style=Markup(style), language=language)


def html(template: str, **values: object) -> Markup:
    """A piece of a page from a Jinja2 template; all texts among the values are escaped.

    Example:
        >>> html("<b>{{ name }}</b>", name="a < b")
        Markup('<b>a &lt; b</b>')
    """
    return Markup(_template(template).render(values))


@lru_cache
def _template(text: str) -> jinja2.Template:
    return TEMPLATES.from_string(text)


def join(*sections: str) -> Markup:
    """Several sections as one piece of HTML: a plain text becomes a paragraph, an empty one nothing."""
    return html(
        "{% for section in sections if section %}"
        "{% if section is escaped %}{{ section }}{% else %}<p>{{ section }}</p>{% endif %}\n"
        "{% endfor %}",
        sections=sections,
    )


def heading(text: str, level: int = 2) -> Markup:
    """A heading: level 2 for a chapter of the page, 3 for a part of it."""
    return html("<h{{ level }}>{{ text }}</h{{ level }}>", text=text, level=level)


def fold(summary: str, *sections: str) -> Markup:
    """Sections that show when their summary is clicked."""
    return html("<details><summary>{{ summary }}</summary>{{ body }}</details>", summary=summary, body=join(*sections))


def table(rows: pd.DataFrame, caption: str = "", decimals: int = 3) -> Markup:
    """A table that can be scrolled sideways.

    Args:
        rows: what to show, without the index; missing values are dashes.
        caption: plain text above the table; screen readers read it first.
        decimals: of numbers that are not whole.

    Example:
        >>> "<td>0.50</td>" in table(pd.DataFrame({"share": [0.5]}), decimals=2)
        True
    """
    # Pandas escapes what it writes.
    text = rows.to_html(index=False, border=0, float_format=lambda value: f"{value:.{decimals}f}", na_rep="–")
    start, body = text.replace("<th>", '<th scope="col">').split(">", 1)
    return html(
        '<div class="wide">{{ start }}{% if caption %}<caption>{{ caption }}</caption>{% endif %}{{ body }}</div>',
        start=Markup(start + ">"),
        caption=caption,
        body=Markup(body),
    )


def figure(drawn: Figure, alt: str) -> Markup:
    """A figure with a text for those who cannot see it."""
    return picture(png(drawn), alt, width=width_of(drawn))


def picture(content: bytes, alt: str, caption: str = "", width: int | None = None) -> Markup:
    """A picture that lies inside the page.

    Args:
        content: of a PNG file.
        alt: plain text for those who cannot see it.
        caption: plain text below it.
        width: how wide it is shown, in pixels of the page; by default as wide as it is.
    """
    return html(
        '<figure><img alt="{{ alt }}"{% if width %} width="{{ width }}"{% endif %} src="data:image/png;base64,{{ source }}">'
        "{% if caption %}<figcaption>{{ caption }}</figcaption>{% endif %}</figure>",
        alt=alt,
        source=base64.b64encode(content).decode(),
        caption=caption,
        width=width,
    )
