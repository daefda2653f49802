"""What a frozen network sees in each photo, kept on disk, and a linear classifier on it (lesson 9).

`extraction` computes features and the linear probe, `cache` keeps rows of numbers in a file,
`onnx_network` lets ONNX Runtime compute a network.
"""

from course_lib.features.extraction import extract, linear_probe, many
from course_lib.features.good_only import (
    FOR_PLACES,
    PLACE_STAGE,
    GoodOnly,
    cross_fitted,
    distance,
    fit,
    fit_places,
    limit_of,
    place_distance,
)
from course_lib.features.onnx_network import program_of
