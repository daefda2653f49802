"""Pages in HTML that can be mailed, printed and read without a network.

Introduced in lesson 8 with the report of an inspector; the report of a class's quizzes uses them too.
"""

import base64
from html import escape

import pandas as pd
from matplotlib.figure import Figure

from course_lib.plots import figures as plots

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { line-height: 1.2; } h2 { margin-top: 3rem; border-bottom: 2px solid #0072B2; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; } caption { text-align: left; color: #444; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #ccc; text-align: right; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; }
.photos { display: flex; flex-wrap: wrap; gap: 1rem; } .photos figure { width: 9rem; margin: 0; }
.photos img { width: 100%; } figcaption { font-size: .85rem; color: #333; }
"""


def page(title: str, body: str, style: str = "") -> str:
    """A whole page around ``body`` (HTML), with its style inside; it fetches nothing (lesson 8).

    Args:
        title: plain text, for the browser's tab.
        body: HTML; texts from outside must have gone through `html.escape`.
        style: CSS that is added to that of all pages.

    Example:
        >>> "<title>1 &lt; 2</title>" in page("1 < 2", "<h1>A report</h1>")
        True
    """
    # The policy forbids the page to fetch anything, from anywhere.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body><main>
{body}
</main></body>
</html>
"""


def table(rows: pd.DataFrame, caption: str = "", decimals: int = 3) -> str:
    """A table in HTML that can be scrolled sideways (lesson 8).

    Args:
        rows: what to show, without the index; texts are escaped, missing values are dashes.
        caption: plain text above the table; screen readers read it first.
        decimals: of numbers that are not whole.

    Example:
        >>> "<td>0.50</td>" in table(pd.DataFrame({"share": [0.5]}), decimals=2)
        True
    """
    html = rows.to_html(index=False, border=0, float_format=lambda value: f"{value:.{decimals}f}", na_rep="–")
    html = html.replace("<th>", '<th scope="col">')
    if caption:
        start = html.index(">") + 1
        html = f"{html[:start]}<caption>{escape(caption)}</caption>{html[start:]}"
    return f'<div class="wide">{html}</div>'


def figure(drawn: Figure, alt: str) -> str:
    """A figure inside the page, with a text for those who cannot see it (lesson 8)."""
    return picture(plots.png(drawn), alt)


def picture(png: bytes, alt: str, caption: str = "") -> str:
    """A picture inside the page (lesson 8).

    Args:
        png: the content of a PNG file.
        alt: plain text for those who cannot see it.
        caption: plain text below it.
    """
    source = base64.b64encode(png).decode()
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img alt="{escape(alt)}" src="data:image/png;base64,{source}">{below}</figure>'
