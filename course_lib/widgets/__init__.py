"""Interactive pictures of the lessons (lessons 3, 8 and 10).

`filter` lays a kernel on a photo, `cost_slider` moves a threshold, `playground` shows the augmentations that
`catalogue` lists; `base` holds what they share.
"""

from course_lib.widgets.cost_slider import cost_slider
from course_lib.widgets.filter import KERNELS, FilterWidget, apply_kernel, visible
from course_lib.widgets.playground import AugmentationPlayground
