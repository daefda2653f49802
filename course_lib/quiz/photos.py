"""The photos of quiz questions, read from the package that ships them.

Introduced in lesson 4, whose quiz asks for a click on a defect.
"""

import base64
from importlib.util import find_spec
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.quiz.questions import Photo


def read_photo(photo: Photo) -> bytes:
    """The bytes of a solar-cell photo as it lies in the package ``elpv-dataset``.

    Raises:
        CourseError: the package or the photo is not there.
    """
    package = find_spec("elpv_dataset")
    folders = list(package.submodule_search_locations) if package else []
    for folder in folders:
        for file in (Path(folder) / photo.file, Path(folder) / "data" / photo.file):
            if file.is_file():
                return file.read_bytes()
    raise CourseError(
        f"The photo {photo.file!r} of a quiz question was not found; "
        "install the photos with: pip install elpv-dataset"
    )


def photo_address(photo: Photo) -> str:
    """The photo as a ``data:`` address, so that a page shows it without fetching anything."""
    encoded = base64.b64encode(read_photo(photo)).decode()
    return f"data:image/{photo.file.rpartition('.')[2]};base64,{encoded}"
