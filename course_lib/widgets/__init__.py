"""Interactive pictures of the lessons (lessons 3, 8 and 10)."""

from course_lib.widgets.catalogue import (
    AUGMENTATIONS,
    code_line,
    describe,
    meaning,
    offered,
    results,
)
from course_lib.widgets.filter import KERNELS, FilterWidget, apply_kernel, visible
from course_lib.widgets.playground_page import AugmentationPlayground, overview
from course_lib.widgets.slider import cost_slider

__all__ = [
    "AUGMENTATIONS",
    "KERNELS",
    "AugmentationPlayground",
    "FilterWidget",
    "apply_kernel",
    "code_line",
    "cost_slider",
    "describe",
    "meaning",
    "offered",
    "overview",
    "results",
    "visible",
]
