"""What all widgets do: keys stay in the page, words and HTML stand beside the widget, also with ipywidgets 7."""

import re

import ipywidgets
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from course_lib import quiz
from course_lib.widgets import AugmentationPlayground, FilterWidget, cost_slider

PHOTO = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
WIDGETS = {
    "filter": lambda: FilterWidget(PHOTO),
    "slider": lambda: cost_slider(np.array([1, 0]), np.array([0.4, 0.1])),
    "playground": lambda: AugmentationPlayground(PHOTO),
}
# Quiz and guess have pages of their own, with tests of their own.
OF_THE_COURSE = WIDGETS | {"quiz": lambda: quiz.show(2), "guess": lambda: quiz.guess("02-swapped-colours")}
each_widget = pytest.mark.parametrize("make", WIDGETS.values(), ids=WIDGETS.keys())


@each_widget
def test_every_control_is_made_with_the_function_that_keeps_its_keys(make) -> None:
    script = str(make()._esm)
    assert script.count("data-lm-suppress-shortcuts") == 1
    assert script.count("createElement") == 1, "a control made in another way would lose its keys to the notebook"
    assert re.search(r"element\(\s*\"input\"", script) and script.count("export default") == 1


@each_widget
def test_words_and_html_stand_beside_the_widget(make) -> None:
    widget = make()
    bundle, _ = widget._repr_mimebundle_()
    assert bundle["text/plain"] == repr(widget) and "0x" not in bundle["text/plain"]
    assert "Run this cell" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


@pytest.mark.parametrize("make", OF_THE_COURSE.values(), ids=OF_THE_COURSE.keys())
def test_ipywidgets_7_shows_them_too(make, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    def show_the_widget_alone(self: object, **_: object) -> None:
        """IPython asks for nothing more; an error here it would only print."""

    # In release 7, which Colab has, widgets display themselves, and words and HTML would be lost.
    monkeypatch.setattr(ipywidgets.Widget, "_ipython_display_", show_the_widget_alone, raising=False)
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))
    bundle, _ = DisplayFormatter().format(make())
    assert "text/html" in bundle
