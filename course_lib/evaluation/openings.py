"""Who has seen the test photos, and when.

Introduced in lesson 8. A test result is honest only for the first model: whoever looks, changes
something and looks again has chosen with the help of the test photos.
"""

import os
from datetime import UTC, datetime

import pandas as pd

from course_lib.paths import append_json_line, kept_folder, read_json_lines

LOG = "test_openings.jsonl"


def record_test_opening(photos: str | os.PathLike, model_name: str) -> int:
    """Write down that a model has seen the test photos.

    Args:
        photos: the photo folder.
        model_name: which model; opening again with the same one does not count again.

    Returns:
        How many different models have seen the test photos so far.
    """
    known = test_openings(photos)["model"].tolist()
    if model_name in known:
        return len(known)
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    append_json_line(kept_folder(photos) / LOG, {"when": now, "model": model_name})
    return len(known) + 1


def test_openings(photos: str | os.PathLike) -> pd.DataFrame:
    """Which models have seen the test photos, and when each saw them first.

    Returns:
        One row for each model, the first one first: ``when``, ``model``.

    Raises:
        CourseError: the record may not be read.
    """
    return pd.DataFrame(read_json_lines(kept_folder(photos) / LOG), columns=["when", "model"], dtype=str)
