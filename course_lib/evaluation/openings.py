"""Who has seen the test photos, and when.

Introduced in lesson 8. A test result is honest only for the first model: whoever looks, changes
something and looks again has chosen with the help of the test photos.
"""

import os
from datetime import UTC, datetime

import pandas as pd

from course_lib.errors import CourseError
from course_lib.paths import append_json_line, kept_folder, read_json_lines, shorten

LOG = "test_openings.jsonl"
TABLE = "test_openings.csv"  # what the course wrote before it had one kind of log; still read


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
        CourseError: the record is damaged.
    """
    folder = kept_folder(photos)
    openings = pd.DataFrame(read_json_lines(folder / LOG), columns=["when", "model"], dtype=str)
    table = folder / TABLE
    if not table.exists():
        return openings
    try:
        earlier = pd.read_csv(table, dtype=str, encoding="utf-8", keep_default_na=False)[["when", "model"]]
    except (OSError, ValueError, KeyError) as error:
        raise CourseError(
            f"The record of test openings {shorten(table)} cannot be read ({error}); mend it, or "
            "delete it and treat the test photos as known."
        ) from error
    return pd.concat([earlier, openings], ignore_index=True)
