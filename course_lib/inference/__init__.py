"""One saved file that inspects new photos, and its export to ONNX (lessons 8 and 10).

`inspector` joins a model with what belongs to it, `familiar` knows what its photos looked like, `file` is how
it is saved, `onnx_export` writes it for programs without Python. What needs no PyTorch lies in `course_lib.inspection`.
"""

from course_lib.inference.familiar import Familiar
from course_lib.inference.inspector import Inspector
from course_lib.inference.onnx_export import checked_program, compare, export_onnx, latency
from course_lib.inspection import InspectorSettings, inspector_file, list_photos
