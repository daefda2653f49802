"""Compare a table of labels with the photos that are there.

Introduced in lesson 2; `course_lib.checks.folder` uses it.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from course_lib.data import clean_paths, same_letters
from course_lib.errors import CourseError
from course_lib.paths import shorten

PATH_COLUMNS = ("path", "file", "filename", "file_name", "image", "photo", "name")
LABEL_COLUMNS = ("label", "class", "target", "category")

Finding = tuple[str, str, str]  # path, problem, detail


def find_label_table(
    folder: Path,
    labels: str | os.PathLike | pd.DataFrame | None,
    findings: list[Finding],
) -> pd.DataFrame | None:
    """The label table given, or the one that lies in the folder, with its columns renamed.

    Returns:
        A table with ``path`` (with "/") and, where there is one, ``label``; or None.

    Raises:
        CourseError: the table given cannot be read. One that only lies in the folder
            becomes a finding instead.
    """
    if isinstance(labels, pd.DataFrame):
        return _clean(labels, "the table")
    if labels is not None:
        return _read(Path(labels))
    for name in ("index.csv", "labels.csv"):
        if (folder / name).is_file():
            try:
                return _read(folder / name)
            except CourseError as error:
                findings.append((name, "label table", str(error)))
    return None


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise CourseError(
            f"The label table {shorten(path)} cannot be read as CSV ({error}); "
            "save it as CSV with the columns path and label."
        ) from error
    return _clean(table, shorten(path))


def _clean(table: pd.DataFrame, name: str) -> pd.DataFrame:
    columns = {str(column).strip().lower(): column for column in table.columns}
    path = next((columns[column] for column in PATH_COLUMNS if column in columns), None)
    if path is None:
        raise CourseError(
            f"The label table {name} has no column 'path' (found: {', '.join(columns)}); "
            "name the column with the photo names so."
        )
    clean = pd.DataFrame({"path": clean_paths(table[path])})
    label = next((columns[column] for column in LABEL_COLUMNS if column in columns), None)
    if label is not None:
        clean["label"] = table.loc[clean.index, label].fillna("").astype(str).str.strip()
    return clean.reset_index(drop=True)


def check_labels(table: pd.DataFrame, files: Sequence[str]) -> Iterator[Finding]:
    """Rows without a file, files without a row, and labels that contradict each other.

    A row may name the whole path below the folder or, if that is unique, the name alone.

    Example:
        >>> table = pd.DataFrame({"path": ["a.png", "b.png"]})
        >>> list(check_labels(table, ["a.png", "c.png"]))
        [('b.png', 'row without file', 'the table names it'),
         ('c.png', 'file without row', 'the table does not name it')]
    """
    there = set(files)
    by_name: dict[str, list[str]] = defaultdict(list)
    for file in files:
        by_name[PurePosixPath(file).name].append(file)
    table = table.assign(path=same_letters(table["path"], [*files, *by_name]))
    by_lower_case = {file.lower(): file for file in files}
    labels_of: dict[str, list[str]] = defaultdict(list)
    has_labels = "label" in table
    for row in table.to_dict("records"):
        path = row["path"]
        if path not in there and "/" not in path and len(by_name[path]) == 1:
            path = by_name[path][0]
        if path in there:
            labels_of[path].append(row.get("label", ""))
        elif path.lower() in by_lower_case:
            other = by_lower_case[path.lower()]
            yield path, "row without file", f"the file is called {other}: other capitals"
            labels_of[other].append(row.get("label", ""))
        else:
            yield path, "row without file", "the table names it"
    all_labels = set(table["label"]) if has_labels else set()
    for file in files:
        labels = labels_of.get(file)
        folder = file.split("/")[0]
        if labels is None:
            yield file, "file without row", "the table does not name it"
        elif len(set(labels)) > 1:
            yield file, "two labels", f"the table says {' and '.join(sorted(set(labels)))}"
        elif len(labels) > 1:
            yield file, "label table", f"{len(labels)} rows name it"
        elif has_labels and "/" in file and folder in all_labels and labels[0] != folder:
            detail = f"'{labels[0]}' in the table, '{folder}' as folder"
            yield file, "label differs from folder", detail
