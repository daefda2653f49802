"""Photos at the line: what is inspected, the rows it gives, and a network that needs no PyTorch (lessons 8 and 10).

PyTorch takes longer to start than a photo takes to judge, so nothing here imports it. `file` knows the settings of
an inspector, `photos` which files are inspected and what stops one of them, `decision` turns probabilities
into classes, `rows` goes through the photos, `program` computes an ONNX program.
"""

from course_lib.inspection.decision import decide
from course_lib.inspection.file import FORMAT, InspectorSettings, content_of, inspector_file, settings_of
from course_lib.inspection.photos import heat_picture, list_photos
from course_lib.inspection.program import NoProgram, Program, open_program, package
from course_lib.inspection.rows import PhotoInspector, photos_at_once
