"""One saved file that inspects new photos, and its export to ONNX (lessons 8 and 10)."""

from course_lib.inference.inspector import (
    Inspector,
    InspectorSettings,
    inspector_file,
    list_photos,
)
from course_lib.inference.onnx_export import compare, export_onnx, latency

__all__ = [
    "Inspector",
    "InspectorSettings",
    "compare",
    "export_onnx",
    "inspector_file",
    "latency",
    "list_photos",
]
