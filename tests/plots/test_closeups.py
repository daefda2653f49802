"""Pictures of a place in a photo: the box is where the text says, and every number is written."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.errors import CourseError
from course_lib.plots import closeups


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Figure, str]]:
    """What was shown, with its words."""
    figures: list[tuple[Figure, str]] = []
    monkeypatch.setattr(closeups, "show", lambda figure, alt: figures.append((figure, alt)))
    return figures


def test_the_numbers_of_the_box_stand_in_its_squares(shown: list[tuple[Figure, str]]) -> None:
    image = np.arange(200, dtype=np.uint8).reshape(10, 20)
    closeups.numbers(image, at=(0.5, 0.25), size=3)
    ((figure, words),) = shown
    photo, box = figure.axes
    assert [text.get_text() for text in box.texts] == [str(value) for value in image[5:8, 5:8].ravel()]
    assert photo.patches[0].get_xy() == (4.5, 4.5)
    assert "from 105 to 147" in words


def test_a_box_at_the_edge_is_moved_inside(shown: list[tuple[Figure, str]]) -> None:
    closeups.numbers(np.zeros((10, 20), np.uint8), at=(1, 1), size=4)
    assert shown[0][0].axes[0].patches[0].get_xy() == (15.5, 5.5)


def test_a_photo_smaller_than_the_box_is_one_sentence() -> None:
    with pytest.raises(CourseError, match="5 × 20 pixels, too few for a square of 10"):
        closeups.numbers(np.zeros((5, 20), np.uint8), at=(0, 0))


def test_the_same_place_of_photos_of_two_sizes_is_enlarged(shown: list[tuple[Figure, str]]) -> None:
    photos = [np.eye(side, dtype=np.uint8) * 200 for side in (40, 80)]
    closeups.close_ups(photos, ["small", "large"], at=(0.5, 0.5), size=0.25, arrows=[(0.6, 0.55)])
    ((figure, words),) = shown
    below = figure.axes[2:]
    assert [axis.images[0].get_array().shape for axis in below] == [(10, 10), (20, 20)]
    np.testing.assert_allclose([axis.texts[0].xy for axis in below], [(2, 4), (4, 8)])
    assert "small and large" in words
