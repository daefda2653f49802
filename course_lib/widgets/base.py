"""What the widgets of the lessons share (lessons 3, 8 and 10).

Built with anywidget, because in JupyterLab the plain widgets lose keys to notebook commands: a page made
with ``element`` of ``base.js`` keeps them. A saved notebook holds no state of widgets, so each
widget also has a still picture or table of what it shows.
"""

from pathlib import Path
from typing import Any

import anywidget

HERE = Path(__file__).parent


def script(name: str) -> str:
    """The script of a page, with the functions that all pages share."""
    return "\n".join((HERE / file).read_text(encoding="utf-8") for file in ("base.js", name))


class CourseWidget(anywidget.AnyWidget):
    """A widget with words and HTML beside it, for readers without a running notebook.

    A widget names its script as ``_esm``, its state as traitlets, its words as ``__repr__`` and its
    still form as `fallback`.
    """

    # ipywidgets 7, which Colab has, would show the widget alone; without it the bundle below is asked for.
    _ipython_display_ = None

    def fallback(self) -> str:
        """HTML for viewers without a kernel."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        return bundle | {"text/plain": repr(self), "text/html": self.fallback()}, metadata
