"""The kernel over a photo: right sums, a still picture without a kernel, refusals in one sentence."""

import numpy as np
import pytest
import torch

from course_lib.errors import CourseError
from course_lib.widgets import KERNELS, FilterWidget, apply_kernel, visible

PHOTO = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)


def test_kernel_agrees_with_convolution_of_torch():
    kernel = np.arange(9.0).reshape(3, 3)  # not symmetric, so a turned kernel would show
    image, weights = (torch.tensor(table, dtype=torch.float32)[None, None] for table in (PHOTO, kernel))
    expected = torch.nn.functional.conv2d(image, weights)[0, 0].numpy()
    np.testing.assert_allclose(apply_kernel(PHOTO, kernel)[1:-1, 1:-1], expected, rtol=1e-5)


def test_visible_drops_the_sign_and_stops_at_white():
    assert visible(np.array([[-30.7, 12, 999]])).tolist() == [[30, 12, 255]]


def test_fallback_shows_both_pictures_with_words():
    bundle, _ = FilterWidget(PHOTO, start="blur")._repr_mimebundle_()
    assert bundle["text/html"].count("<img") == bundle["text/html"].count('alt="') == 2
    assert "blur" in bundle["text/plain"]
    other = FilterWidget(PHOTO, start="spots")._repr_mimebundle_()[0]
    assert other["text/html"] != bundle["text/html"]


def test_numbers_of_the_page_reach_python():
    widget = FilterWidget(PHOTO)
    widget.set_state({"name": "your own", "kernel": [2, 0, 0, 0, 0, 0, 0, 0, 0]})
    assert repr(widget) == "Filter: your own (2, 0, 0 | 0, 0, 0 | 0, 0, 0)"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: FilterWidget(PHOTO, start="blurr"),
        lambda: FilterWidget(np.zeros((4, 4, 3), np.uint8)),
        lambda: FilterWidget(PHOTO.astype(float)),
        lambda: apply_kernel(PHOTO, np.ones((5, 5))),
        lambda: apply_kernel(np.zeros((4, 4, 3)), KERNELS["blur"]),
    ],
)
def test_wrong_input_is_refused_in_one_sentence(wrong):
    with pytest.raises(CourseError, match=r"; (choose|give)"):
        wrong()
