"""What a frozen network sees in each photo, kept on disk, and a linear classifier on it (lesson 9)."""

from course_lib.features.cache import FeatureCache
from course_lib.features.extraction import MANY, extract, linear_probe
from course_lib.features.onnx_network import FrozenNetwork, NotInOnnx, open_program, program_of

__all__ = [
    "MANY",
    "FeatureCache",
    "FrozenNetwork",
    "NotInOnnx",
    "extract",
    "linear_probe",
    "open_program",
    "program_of",
]
