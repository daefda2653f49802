"""Find the photos of a folder that cannot or should not be used (lesson 2).

`check_folder` answers with one row for each finding. It reads each file once, keeps only a thumbnail of
each photo, and never changes or deletes one.
"""

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pandas as pd
from PIL import Image

from course_lib.checks import together
from course_lib.checks.files import FileReport, look_at
from course_lib.checks.label_table import check_labels, find_label_table, labels_of_table
from course_lib.checks.together import FOLDER, Finding
from course_lib.data import FORMAT_OF_ENDING, UNREADABLE, Layout, look_through, walk
from course_lib.errors import CourseError
from course_lib.paths import shorten, write_atomically

# Problems of photos that can be opened.
DOUBTFUL = {
    "wrong ending": "rename it to the ending of its content",
    "several pictures": "save the picture you need as a file of its own",
    "odd size": "find out why; crop or leave out",
    "odd mode": "convert it the same way for training and for inspection",
    "EXIF rotation": "turn it upright when reading (read_image does)",
    "constant": "leave it out; look at the camera",
    "nearly black": "leave it out; look at the exposure",
    "nearly white": "leave it out; look at the exposure",
    "blurred": "look at it; leave it out if a person cannot judge it",
    "exact duplicate": "keep one; leave the copy out",
    "near duplicate": "look at both; keep one, or keep both on the same side of the split",
    "two labels": "ask who labelled it; until then leave both out",
    "label differs from folder": "ask who labelled it; correct the table or move the photo",
    "row without file": "find the file or take the row out",
    "file without row": "label it or leave it out",
    "label table": "mend the table",
    "name": "rename it: letters, digits, - and _ work everywhere",
}
# What concerns the folder and not one photo.
OF_FOLDER = {
    "folder": "choose another folder, or give each class a folder of its own",
    "left out": "move or rename it if it belongs to a class",
    "mask": "keep masks in another folder; train leaves them out",
    "told by the file": "take the photos of all classes with one camera, in one size and format",
    "told by the light": "look whether light or focus differ, and not only the parts",
    "large photos": "crop to the part, or cut photos into tiles; try whether a person sees the defect so small",
}
ACTIONS = UNREADABLE | DOUBTFUL | OF_FOLDER
COLUMNS = ["path", "problem", "detail", "original", "view"]


def check_folder(
    folder: str | os.PathLike,
    *,
    expected_size: tuple[int, int] | None = None,
    labels: str | os.PathLike | None = None,
    classes: Sequence[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Check every file of a folder; nothing is changed.

    Args:
        folder: any folder; sub-folders are searched too. The first one names the label.
        expected_size: (width, height) in pixels. Without it, a photo is odd if nearly all
            others have one size and it has another.
        labels: the file of a table with a column ``path`` (and ``label``). Without it,
            ``index.csv`` or ``labels.csv`` in the folder is used if there is one.
        classes: look only at the files in these sub-folders.
        progress: show a progress bar.

    Returns:
        One row for each finding: ``path`` (relative to the folder), ``problem`` (a key of
        `ACTIONS`), ``detail``, ``suggested_action``; of copies also ``original`` and ``view`` (how
        the copy must be turned to fit, one of `VIEW_NAMES`). A file may have several rows; a
        finding about the whole folder has the path ".".
        The folder is remembered, see `course_lib.data.photo_folder`, and how many files were looked at
        (``attrs["files"]``): a column would repeat the number in each row, and an empty table would lose it.

    Raises:
        CourseError: no such folder, or the folder or the label table given cannot be read.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "cell.png").write_text("Dear all, see the photo below.")
        >>> check_folder(folder, progress=False)[["path", "problem"]].values.tolist()
        [['cell.png', 'not an image']]
    """
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise CourseError(f"There is no folder {shorten(folder)}; check the path of your photos.")
    layout = Layout()
    with suppress(CourseError):  # a folder that may not be listed becomes a finding of the walk
        layout = look_through(folder)
    findings = _layout_problems(layout) if classes is None else []
    names = _files(folder, layout, classes, findings)
    reports = look_at_all(folder, names, progress)
    findings += [(report.path, *problem) for report in reports for problem in report.problems]
    photos = [report for report in reports if report.is_photo]
    table = find_label_table(folder, labels, findings)
    label_of = {path: label for label, paths in layout.classes.items() for path in paths}
    copies = list(together.copies_among(photos))
    findings += [
        *together.name_problems(names),
        *together.size_problems(photos, expected_size),
        *together.mode_problems(photos),
        *together.blur_problems(photos),
        *together.told_by_files(photos, label_of),
        *together.large_photos(photos),
        *copies,
        *together.two_labels(copies, labels_of_table(table, names)),
    ]
    if table is not None:
        meant = [name for name in names if Path(name).suffix.lower() in FORMAT_OF_ENDING]
        findings += check_labels(table, meant)
    frame = pd.DataFrame([(*row, "", "")[:5] for row in sorted(set(findings))], columns=COLUMNS)
    frame.insert(3, "suggested_action", frame["problem"].map(ACTIONS))
    frame.attrs.update(folder=str(folder), files=len(names))
    return frame


def _layout_problems(layout: Layout) -> list[Finding]:
    """What is not used, and why; photos without any folder are a folder of their own, and no finding."""
    findings: list[Finding] = [(FOLDER, "folder", layout.fault)] if layout.fault else []
    are_classes = len(layout.classes) > 1 or bool(layout.fault)
    loose = [place for place in layout.left_out if "/" not in place]
    if loose and are_classes:
        detail = f"{len(loose)} photos, such as {loose[0]}, lie beside the folders of the classes"
        findings.append((FOLDER, "left out", detail))
    for place, why in layout.left_out.items():
        if place not in loose and (are_classes or "mask" in why):  # masks are never looked at, so always named
            findings.append((place.rstrip("/"), "left out" if place.endswith("/") else "mask", why))
    return findings


def _files(folder: Path, layout: Layout, classes: Sequence[str] | None, findings: list[Finding]) -> list[str]:
    """All files that are looked at, in a fixed order; hidden ones and masks are left out."""
    names: list[str] = []
    for place in [""] if classes is None else [f"{name}/" for name in classes]:
        found = walk(folder / place)
        names += [place + name for name in found.files]
        for below, why in found.passed_over.items():
            if why.startswith("may not"):
                findings.append(((place + below).rstrip("/"), "no permission", "the folder may not be listed"))
            elif why.startswith("a link"):
                findings.append(((place + below).rstrip("/"), "left out", why))
    masks = tuple(place for place, why in layout.left_out.items() if "mask" in why)
    return [name for name in names if not name.startswith(masks)]


def look_at_all(folder: Path, names: Sequence[str], progress: bool) -> list[FileReport]:
    """Look at all files with one thread for each core, so that decoders run side by side.

    Example:
        >>> from course_lib.data import solar_cells
        >>> [facts.size for facts in look_at_all(solar_cells(), ["functional/cell0004.png"], False)]
        [(300, 300)]
    """
    from tqdm.auto import tqdm

    from course_lib.device import cores  # torch is slow to start

    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(cores()) as pool:  # Pillow's become findings
        looks = pool.map(lambda name: look_at(folder / name, name), names)
        return list(tqdm(looks, total=len(names), unit="file", disable=not progress))


def contact_sheet(findings: pd.DataFrame, folder: str | os.PathLike, path: str | os.PathLike) -> Path:
    """Write all findings with small pictures into one HTML file.

    The file holds everything it shows; it needs no network and no other file. At most 500
    pictures are drawn, and none of a file that cannot be read.

    Returns:
        The path of the HTML file.
    """
    from course_lib import plots  # matplotlib is slow to start

    unreadable = set(findings.loc[findings["problem"].isin(UNREADABLE), "path"])
    drawn = [name for name in dict.fromkeys(findings["path"]) if name not in unreadable][:500]
    pictures = {name: look_at(Path(folder) / name, name).thumbnail for name in drawn}

    def shown(name: str, detail: str) -> str:
        text, picture = f"{name}: {detail}", pictures.get(name)
        return text if picture is None else plots.picture(plots.photo_png(Image.fromarray(picture)), "", text)

    sections: list[str] = []
    for problem, rows in findings.groupby("problem", sort=True):
        photos = plots.join(*map(shown, rows["path"], rows["detail"]))
        sections += [plots.heading(f"{problem} ({len(rows)})"), ACTIONS.get(str(problem), "")]
        sections.append(plots.html('<div class="photos">{{ photos }}</div>', photos=photos))
    with write_atomically(path) as temporary:
        text = plots.page(f"Findings in {Path(folder).name}", *sections)
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    return Path(path)
