"""Figures carry their words, give each colour one meaning, and are as sharp as screens are."""

from collections.abc import Callable
from io import BytesIO
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from compare_outputs import output_differences
from matplotlib.figure import Figure
from nbformat.v4 import new_output
from PIL import Image

from course_lib import plots
from course_lib.errors import CourseError
from course_lib.plots import charts, figures

ROWS = pd.DataFrame({"model": ["a", "b"], "accuracy": [0.8, 0.9], "from": 0.7, "to": 0.95, "baseline": 0.6})
HISTORY = pd.DataFrame(
    {f"{part}_{what}": [0.5, 0.4] for part in ("train", "validation") for what in ("loss", "accuracy")}
).assign(epoch=[1, 2])
OUTCOMES = pd.DataFrame([[4, 2], [1, 3]], index=["is good", "is bad"], columns=["says good", "says bad"])
PHOTO = np.arange(64, dtype=np.uint8).reshape(8, 8)
NOISE = np.random.default_rng(0)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """All figures that are shown, before they become pictures."""
    shown: list[Figure] = []
    for room in (figures, charts):
        monkeypatch.setattr(room, "show", lambda figure, alt: shown.append(figure))
    return shown


CHARTS: dict[str, Callable[[], None]] = {
    "bars": lambda: plots.bars(ROWS, x="accuracy", y="model", alt="two"),
    "accuracies": lambda: plots.accuracies(ROWS, alt="two"),
    "histogram": lambda: plots.histogram({"functional": NOISE.random(9)}, xlabel="brightness", alt="one"),
    "scatter": lambda: plots.scatter(NOISE.random((3, 2)), list("abc"), xlabel="x", ylabel="y", alt="three"),
    "learning curves": lambda: plots.learning_curves({"one": HISTORY, "two": HISTORY}, baseline=0.6, alt="falls"),
    "lines": lambda: plots.lines(np.arange(3), {"cost": np.arange(3)}, xlabel="x", ylabel="y", mark={"m": 1}, alt="up"),
}


@pytest.mark.parametrize("name", CHARTS)
def test_each_axis_of_a_chart_says_what_it_shows(name: str, drawn: list[Figure]) -> None:
    CHARTS[name]()
    (figure,) = drawn
    for axis in figure.axes:
        assert axis.get_xlabel() or figure.get_supxlabel()
        assert axis.get_ylabel() or all(label.get_text() for label in axis.get_yticklabels())


def test_orange_is_the_defect_blue_is_sound_and_grey_the_baseline() -> None:
    found = plots.styles(["defective", "functional", "trivial baseline", "poly"])
    colours = [style.colour for style in found.values()]
    assert colours[:3] == [plots.ORANGE, plots.BLUE, plots.GREY] and len(set(colours)) == 4
    assert len({style.marker for style in found.values()}) == len({style.line for style in found.values()}) == 4
    assert plots.styles(["NG", "OK"], positive="NG")["OK"].colour == plots.BLUE


def test_two_kinds_of_defect_can_be_told_apart() -> None:
    one, other = plots.styles(["defective, crack", "defective, dark area"]).values()
    assert one.colour == plots.ORANGE != other.colour and one.marker != other.marker


def test_what_is_shown_as_wide_has_more_dots_and_its_words() -> None:
    figure, _ = plots.new_figure(width=5.0)
    with mock.patch("IPython.display.display") as display:
        plots.show(figure, "An empty frame.")
    data, metadata = display.call_args[0][0], display.call_args[1]["metadata"]["image/png"]
    assert metadata == {"alt": "An empty frame.", "width": 450}
    assert data["text/plain"] == "Figure: An empty frame."
    assert Image.open(BytesIO(data["image/png"])).width == pytest.approx(450 * figures.SHARPNESS, abs=1)


def test_a_figure_without_words_is_refused() -> None:
    with pytest.raises(CourseError, match="no alternative text"):
        plots.show(plots.new_figure()[0], " ")


@pytest.mark.slow
def test_a_sharp_figure_is_taken_for_the_same_as_one_stored_with_fewer_dots(monkeypatch: pytest.MonkeyPatch) -> None:
    from base64 import b64encode

    def output(sharpness: float, height: float, metadata: dict) -> dict:
        monkeypatch.setattr(figures, "SHARPNESS", sharpness)
        figure, axes = plots.new_figure(width=5.0)
        axes[0, 0].plot([0, 1], [0, height])
        axes[0, 0].set_ylim(0, 1)
        data = {"image/png": b64encode(figures.png(figure)).decode(), "text/plain": "Figure: a line"}
        return new_output("display_data", data, metadata={"image/png": {"alt": "a line"} | metadata})

    stored = output(1, 1, {})
    assert list(output_differences(stored, output(1.5, 1, {"width": 450}), None)) == []
    assert "figure changed" in "".join(output_differences(stored, output(1.5, 0.5, {"width": 450}), None))
    assert "pixels is stored" in "".join(output_differences(stored, output(1.5, 1, {"width": 300}), None))


def test_photos_keep_their_places_whatever_their_titles_say(drawn: list[Figure]) -> None:
    for titles in (["a", "b"], ["wide, wide, wide", "b"]):
        plots.photo_grid([PHOTO, PHOTO], titles, alt="two")
    first, second = ([axis.get_position().bounds for axis in figure.axes] for figure in drawn)
    assert first == second


def test_no_photos_are_one_sentence() -> None:
    with pytest.raises(CourseError, match="no photos to show"):
        plots.photo_grid([], alt="none")


def test_a_line_goes_around_the_warmest_part_below_the_photo(drawn: list[Figure]) -> None:
    heat = np.zeros((2, 4, 4))
    heat[0, 1, 2] = 1  # the second map is cold: nothing speaks for the class
    plots.heat_maps([np.zeros((80, 80), np.uint8), np.zeros((1, 20, 30), np.uint8)], heat, ["0.99", "0.10"])
    photo, _, warm, cold = drawn[0].axes
    assert [len(axis.collections) for axis in (photo, cold)] == [0, 0]
    outline = np.concatenate([path.vertices for path in warm.collections[0].get_paths()])
    assert outline.mean(axis=0) == pytest.approx([49.5, 29.5], abs=1)
    assert [axis.images[-1].get_array().shape for axis in (warm, cold)] == [(80, 80), (20, 30)]


def test_the_confusion_matrix_names_its_mistakes(drawn: list[Figure]) -> None:
    plots.confusion_matrix(OUTCOMES)
    assert [text.get_text() for text in drawn[0].axes[0].texts][1:3] == ["2\noverkill", "1\nmissed defect"]


def test_a_figure_without_colour_is_kept_as_grey() -> None:
    modes = []
    for colour in ("black", figures.ORANGE):
        figure, axes = figures.new_figure()
        axes[0, 0].plot([0, 1], color=colour)
        modes.append(Image.open(BytesIO(figures.png(figure))).mode)
    assert modes == ["L", "RGB"]


def test_photos_without_words_of_their_own_are_named_by_their_titles(monkeypatch: pytest.MonkeyPatch) -> None:
    words: list[str] = []
    monkeypatch.setattr(figures, "show", lambda figure, alt: words.append(alt))
    figures.photo_grid([np.zeros((4, 4), np.uint8)] * 2, ["first", "in two\nlines"])
    assert words == ["2 photos: first, in two lines"]


def test_photos_that_lie_flat_have_no_square_places(drawn: list[Figure]) -> None:
    for shape in ((20, 40), (40, 20), (3, 20, 40)):
        plots.photo_grid([np.zeros(shape, np.uint8)], size=2, alt="one photo")
    assert [figure.get_figheight() for figure in drawn] == pytest.approx([1, 2, 1])
