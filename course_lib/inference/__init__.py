"""One saved file that inspects new photos, and its export to ONNX (lessons 8 and 10).

`inspector` joins a model with what belongs to it, `file` is how it is saved, `photos` says which files are
inspected and what stops one of them, `onnx_export` writes it for programs without Python.
"""

from course_lib.inference.file import InspectorSettings, inspector_file
from course_lib.inference.inspector import Inspector
from course_lib.inference.onnx_export import compare, export_onnx, latency
from course_lib.inference.photos import list_photos
