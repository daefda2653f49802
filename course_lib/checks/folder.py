"""Find the photos of a folder that cannot or should not be used.

Introduced in lesson 2. `check_folder` answers with one row for each finding. It reads each
file once, keeps only a thumbnail of each photo, and never changes or deletes one.
"""

import base64
import os
import re
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd
from PIL import Image

from course_lib.checks.duplicates import THUMBNAIL_SIZE, VIEW_NAMES, near_duplicates
from course_lib.checks.files import FileReport, look_at
from course_lib.checks.label_table import check_labels, find_label_table
from course_lib.checks.set_aside import quarantine, undo_quarantine
from course_lib.data import FORMAT_OF_ENDING, UNREADABLE, class_folders, is_hidden
from course_lib.errors import CourseError
from course_lib.paths import shorten, write_atomically

__all__ = ["ACTIONS", "check_folder", "contact_sheet", "quarantine", "undo_quarantine"]

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
ACTIONS = UNREADABLE | DOUBTFUL
COLUMNS = ["path", "problem", "detail", "original", "view"]

Finding = tuple[str, ...]  # path, problem, detail; of a copy also the original, and how the copy must be turned


def check_folder(
    folder: str | os.PathLike,
    *,
    expected_size: tuple[int, int] | None = None,
    labels: str | os.PathLike | pd.DataFrame | None = None,
    classes: Sequence[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Check every file of a folder; nothing is changed (lesson 2).

    Args:
        folder: any folder; sub-folders are searched too. The first one names the label.
        expected_size: (width, height) in pixels. Without it, a photo is odd if nearly all
            others have one size and it has another.
        labels: a table with a column ``path`` (and ``label``), or its file. Without it,
            ``index.csv`` or ``labels.csv`` in the folder is used if there is one.
        classes: look only at the files in these sub-folders.
        progress: show a progress bar.

    Returns:
        One row for each finding: ``path`` (relative to the folder), ``problem`` (a key of
        `ACTIONS`), ``detail``, ``suggested_action``; of copies also ``original`` and ``view`` (how
        the copy must be turned to fit, one of `VIEW_NAMES`). A file may have several rows.
        ``attrs["folder"]`` and ``attrs["files"]`` (how many were looked at) are kept.

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
    findings: list[Finding] = []
    names = list(_files(folder, findings, classes))
    all_facts = look_at_all(folder, names, progress)
    findings += [(facts.path, *problem) for facts in all_facts for problem in facts.problems]
    photos = [facts for facts in all_facts if facts.is_photo]
    table = find_label_table(folder, labels, findings)
    copies = list(_copies(photos))
    findings += [
        *_name_problems(names),
        *_size_problems(photos, expected_size),
        *_mode_problems(photos),
        *_blur_problems(photos),
        *copies,
    ]
    if table is not None:
        meant = [name for name in names if Path(name).suffix.lower() in FORMAT_OF_ENDING]
        findings += check_labels(table, meant)
    findings += _two_labels(copies, table)
    frame = pd.DataFrame([(*row, "", "")[:5] for row in sorted(set(findings))], columns=COLUMNS)
    frame.insert(3, "suggested_action", frame["problem"].map(ACTIONS))
    frame.attrs.update(folder=str(folder), files=len(names))
    return frame


def _files(folder: Path, findings: list[Finding], classes: Sequence[str] | None) -> Iterator[str]:
    """Names of all files below a folder, with "/", in a fixed order; hidden ones left out."""

    def report(error: OSError) -> None:
        name = Path(error.filename).relative_to(folder).as_posix()
        findings.append((name, "no permission", "the folder may not be listed"))

    if classes is None:  # the folder of a class may be a link, which is followed as by index_folder
        links = [name for name in class_folders(folder) if (folder / name).is_symlink()]
        tops = [folder, *(folder / name for name in links)]
    else:
        tops = [folder / name for name in classes]
    for top in tops:
        for parent, folders, files in os.walk(top, onerror=report):
            place = Path(parent).relative_to(folder)
            folders[:] = sorted(n for n in folders if not is_hidden(f"{(place / n).as_posix()}/"))
            for path in (place / name for name in folders):
                if (folder / path).is_symlink() and folder / path not in tops:
                    detail = "a link to a folder; it was not followed"
                    findings.append((path.as_posix(), "name", detail))
            yield from ((place / n).as_posix() for n in sorted(files) if not n.startswith("."))


def look_at_all(folder: Path, names: Sequence[str], progress: bool) -> list[FileReport]:
    """Look at all files with one thread for each core, so that decoders run side by side (lesson 2).

    Example:
        >>> from course_lib.data import solar_cells
        >>> [facts.size for facts in look_at_all(solar_cells(), ["functional/cell0004.png"], False)]
        [(300, 300)]
    """
    from tqdm.auto import tqdm

    one_large_photo = Lock()
    all_facts: list[FileReport] = []

    def look_at_some(some: Sequence[str]) -> list[FileReport]:
        return [look_at(folder / name, name, one_large_photo) for name in some]

    groups = [names[start : start + 16] for start in range(0, len(names), 16)]
    bar = tqdm(total=len(names), unit="file", disable=not progress)
    with warnings.catch_warnings(), bar, ThreadPoolExecutor(cores()) as pool:
        warnings.simplefilter("ignore")  # what Pillow warns of becomes a finding
        try:
            for facts in pool.map(look_at_some, groups):
                all_facts += facts
                bar.update(len(facts))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return all_facts


def cores() -> int:
    """How many processor cores this process may use (lesson 2).

    Example:
        >>> cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):  # a container may have fewer than the computer
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 2


def _name_problems(names: Sequence[str]) -> Iterator[Finding]:
    reserved = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
    same: dict[str, list[str]] = defaultdict(list)
    for name in names:
        same[unicodedata.normalize("NFC", name).casefold()].append(name)
        parts = name.split("/")
        forbidden = sorted(set(re.findall(r'[<>:"\\|?*\x00-\x1f\x7f]', name)))
        if forbidden:
            yield name, "name", f"Windows forbids {' '.join(map(repr, forbidden))}"
        if any(reserved.match(part) for part in parts):
            yield name, "name", "Windows keeps this name for a device"
        if any(part != part.strip() or part.endswith(".") for part in parts):
            yield name, "name", "a blank at an end or a dot at the end is lost on Windows"
        if any("\udc80" <= letter <= "\udcff" for letter in name):
            yield name, "name", "not all of its letters are valid UTF-8"
        elif name != unicodedata.normalize("NFC", name):
            yield name, "name", "its accents are stored apart from the letters (macOS style)"
        if len(name) > 180:
            yield name, "name", f"{len(name)} letters; many systems stop at 260 for the full path"
    for group in same.values():
        for name in group[1:]:
            yield name, "name", f"only case or accents differ from {group[0]}"


def _majority(values: Sequence) -> object | None:
    """The value that at least 80 % of the photos share, if there are enough to say so."""
    counts = pd.Series(list(values), dtype=object).value_counts()
    if len(values) >= 5 and counts.iloc[0] >= 0.8 * len(values):
        return counts.index[0]
    return None


def _size_problems(photos: Sequence[FileReport], expected: tuple[int, int] | None) -> Iterator[Finding]:
    usual = tuple(expected) if expected else _majority([photo.size for photo in photos])
    aspect = _majority([round(photo.size[0] / photo.size[1], 2) for photo in photos])
    for photo in photos:
        width, height = photo.size
        if usual and photo.size != usual:
            others = "expected" if expected else "nearly all others"
            detail = f"{width} × {height}; {others}: {usual[0]} × {usual[1]}"
            yield photo.path, "odd size", detail
        elif min(width, height) < 16:
            yield photo.path, "odd size", f"only {width} × {height} pixels"
        elif not usual and aspect and abs(width / height / aspect - 1) > 0.05:
            yield photo.path, "odd size", f"{width / height:.2f} wide to high; others {aspect:.2f}"
        elif not usual and not 1 / 8 < width / height < 8:
            yield photo.path, "odd size", f"{width} × {height}: a very long strip"


def _mode_problems(photos: Sequence[FileReport]) -> Iterator[Finding]:
    """Grey among colour, or colour among grey; `look_at` has named the rarer modes."""
    usual = _majority([photo.mode for photo in photos])
    for photo in photos:
        if usual and photo.mode != usual and photo.mode in ("L", "RGB"):
            words = {"L": "grey", "RGB": "colour"}
            detail = f"{words[photo.mode]}; nearly all others: {words.get(usual, usual)}"
            yield photo.path, "odd mode", detail


def _blur_problems(photos: Sequence[FileReport]) -> Iterator[Finding]:
    """Photos far less sharp than their folder; far is counted in robust standard deviations."""
    values = np.log([photo.sharpness if photo.sharpness > 0 else np.nan for photo in photos])
    if np.isfinite(values).sum() < 10:
        return
    middle = np.nanmedian(values)
    spread = 1.4826 * np.nanmedian(np.abs(values - middle))
    for photo, value in zip(photos, values, strict=True):
        if value < middle - 2.9 * spread and value < middle + np.log(0.4):
            share = np.exp(value - middle)
            yield photo.path, "blurred", f"fine detail is {share:.0%} of what is usual here"


def _copies(photos: Sequence[FileReport]) -> Iterator[Finding]:
    """(copy, problem, detail, original, view) of exact and near duplicates.

    Taken for the original: the larger photo, then the one with the shorter name.
    """

    def rank(photo: FileReport) -> tuple:
        return -photo.size[0] * photo.size[1], len(photo.path), photo.path

    same_bytes: dict[str, list[FileReport]] = defaultdict(list)
    for photo in sorted(photos, key=rank):
        same_bytes[photo.digest].append(photo)
    for original, *copies in same_bytes.values():
        for copy in copies:
            detail = f"the same bytes as {original.path}"
            yield copy.path, "exact duplicate", detail, original.path, VIEW_NAMES[0]
    # One black photo equals another, so photos without contrast are not compared.
    unlike = [group[0] for group in same_bytes.values() if group[0].has_contrast]
    if len(unlike) < 2:
        return
    pairs = near_duplicates(_thumbnails(unlike))
    # Rank order is row order: the first of a pair is the original. The best pair counts.
    best = pairs.sort_values(["difference", "first"]).drop_duplicates("second")
    for pair in best.itertuples():
        original, copy = unlike[pair.first], unlike[pair.second]
        view = VIEW_NAMES[pair.view]
        yield copy.path, "near duplicate", f"fits {original.path} if {view}", original.path, view


def _thumbnails(photos: Sequence[FileReport]) -> np.ndarray:
    """All thumbnails as one array; taken out of the photos, so that memory holds them once."""
    thumbnails = np.empty((len(photos), THUMBNAIL_SIZE, THUMBNAIL_SIZE), np.uint8)
    for row, photo in enumerate(photos):
        thumbnails[row], photo.thumbnail = photo.thumbnail, None
    return thumbnails


def _two_labels(copies: Sequence[Finding], table: pd.DataFrame | None) -> Iterator[Finding]:
    """The same photo under two labels: by the label table, else by the first sub-folder."""
    known = {}
    if table is not None and "label" in table:
        known = dict(zip(table["path"], table["label"], strict=True))

    def label(path: str) -> str | None:
        return known.get(path, path.split("/")[0] if "/" in path else None)

    for copy, _, _, original, _ in copies:
        first, second = label(original), label(copy)
        if first is not None and second is not None and first != second:
            yield copy, "two labels", f"'{second}' here, '{first}' as {original}"
            yield original, "two labels", f"'{first}' here, '{second}' as {copy}"


def contact_sheet(findings: pd.DataFrame, folder: str | os.PathLike, path: str | os.PathLike) -> Path:
    """Write all findings with small pictures into one HTML file (lesson 2).

    The file holds everything it shows; it needs no network and no other file. At most 500
    pictures are drawn, and none of a file that cannot be read.

    Returns:
        The path of the HTML file.
    """
    from course_lib import plots  # loads matplotlib, which finding does not need

    unreadable = set(findings.loc[findings["problem"].isin(UNREADABLE), "path"])
    pictures: dict[str, str] = {}
    for name in dict.fromkeys(findings["path"]):
        if name not in unreadable and len(pictures) < 500:
            pictures[name] = _picture(Path(folder) / name)
    sections: list[str] = []
    for problem, rows in findings.groupby("problem", sort=True):
        sections += [plots.heading(f"{problem} ({len(rows)})"), ACTIONS.get(problem, "")]
        sections.append(plots.html(_PHOTOS, rows=list(rows.itertuples()), pictures=pictures))
    text = plots.page(f"Findings in {Path(folder).name}", *sections)
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    return Path(path)


def _picture(path: Path) -> str:
    thumbnail = look_at(path, path.name).thumbnail
    if thumbnail is None:
        return ""
    buffer = BytesIO()
    Image.fromarray(thumbnail).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


_PHOTOS = """<div class="photos">
{% for row in rows %}<figure>
{% if pictures.get(row.path) %}<img alt="" src="data:image/png;base64,{{ pictures[row.path] }}">{% endif %}
<figcaption><b>{{ row.path }}</b><br>{{ row.detail }}</figcaption>
</figure>{% endfor %}
</div>"""
