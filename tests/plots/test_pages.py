"""Pages: texts are never code, every page has one frame, and it fetches nothing."""

import numpy as np
import pandas as pd
from jinja2 import StrictUndefined

from course_lib import plots
from course_lib.plots import pages

EVIL = "<script>alert('1')</script>"


def test_a_text_is_never_code_wherever_it_stands() -> None:
    table = pd.DataFrame({EVIL: [EVIL]})
    picture = plots.picture(b"png", EVIL, EVIL)
    parts = [plots.heading(EVIL), plots.table(table, EVIL), picture, plots.fold(EVIL, EVIL)]
    page = plots.page(EVIL, EVIL, *parts, plots.html("<b>{{ name }}</b>", name=EVIL))
    assert "<script" not in page and page.count("&lt;script&gt;") == 12


def test_what_a_template_lacks_is_an_error_and_not_a_gap() -> None:
    assert pages.TEMPLATES.undefined is StrictUndefined and pages.TEMPLATES.autoescape is True


def test_every_page_has_the_one_frame_light_and_dark() -> None:
    page = plots.page("Report", "", "One.", plots.heading("Two"), style="td { color: red > 1 }")
    assert page.count("<h1>") == 1 and "<p>One.</p>\n<h2>Two</h2>" in page and "<p></p>" not in page
    assert "default-src 'none'" in page and "prefers-color-scheme: dark" in page
    assert "td { color: red > 1 }" in page


def test_a_table_has_a_caption_headings_and_dashes_for_what_is_missing() -> None:
    html = plots.table(pd.DataFrame({"name": ["a", None], "share": [0.51234, np.nan]}), "Shares", decimals=2)
    assert "<caption>Shares</caption>" in html and html.count('<th scope="col">') == 2
    assert "<td>0.51</td>" in html and html.count("<td>–</td>") == 2
    assert "<caption>" not in plots.table(pd.DataFrame({"a": [1]}))


def test_a_figure_lies_inside_the_page_as_wide_as_in_a_notebook() -> None:
    html = plots.figure(plots.new_figure(width=5.0)[0], "An empty frame.")
    assert 'alt="An empty frame." width="450" src="data:image/png;base64,' in html
