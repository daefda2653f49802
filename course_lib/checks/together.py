"""What only shows when the photos of a folder are compared with each other (lesson 2)."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from course_lib.checks.duplicates import VIEW_NAMES, near_duplicates
from course_lib.checks.files import FileReport
from course_lib.data import is_split_name

Finding = tuple[str, ...]  # path, problem, detail; of a copy also the original, and how the copy must be turned
FOLDER = "."  # the path of a finding about the whole folder
USUAL_SIZE = 224  # pixels; of the photos that pretrained networks have learned from
LARGEST_SIZE = 640  # pixels; the most at which train tries to see photos
LIGHT = 0.7  # of the way from guessing to certainty: less is what defects themselves may change
FORBIDDEN = re.compile(r'[<>:"\\|?*]|[ .](/|$)|(^|/)(con|prn|aux|nul|com\d|lpt\d)([./]|$)', re.IGNORECASE)
MANY = 6  # photos of a class from which on their files may be compared with those of another class


def name_problems(names: Sequence[str]) -> Iterator[Finding]:
    """Names that break on another system."""
    same: dict[str, list[str]] = defaultdict(list)
    for name in names:
        same[unicodedata.normalize("NFC", name).casefold()].append(name)
        if FORBIDDEN.search(name):
            yield name, "name", 'Windows allows no < > : " \\ | ? *, no blank or dot at an end, and no name of a device'
        elif name != unicodedata.normalize("NFC", name):
            yield name, "name", "its accents are stored apart from the letters (macOS style)"
    for first, *others in same.values():
        for name in others:
            yield name, "name", f"only case or accents differ from {first}"


def _majority(values: Sequence[Hashable]) -> Hashable | None:
    """The value that at least 80 % of the photos share, if there are enough to say so."""
    common = Counter(values).most_common(1)
    return common[0][0] if len(values) >= 5 and common[0][1] >= 0.8 * len(values) else None


def size_problems(photos: Sequence[FileReport], expected: tuple[int, int] | None) -> Iterator[Finding]:
    """Photos of another size or shape than nearly all others, or than expected."""
    usual = expected or _majority([photo.size for photo in photos])
    shape = _majority([round(photo.size[0] / photo.size[1], 2) for photo in photos])
    for photo in photos:
        width, height = photo.size
        wide = width / height
        if isinstance(usual, tuple) and photo.size != tuple(usual):
            others = "expected" if expected else "nearly all others"
            yield photo.path, "odd size", f"{width} × {height}; {others}: {usual[0]} × {usual[1]}"
        elif not usual and isinstance(shape, float) and abs(wide / shape - 1) > 0.05:
            yield photo.path, "odd size", f"{wide:.2f} wide to high; others {shape:.2f}"


def mode_problems(photos: Sequence[FileReport]) -> Iterator[Finding]:
    """Grey among colour, colour among grey, another number of bits; `look_at` has named the rarer modes."""
    usual = _majority([photo.mode for photo in photos])
    words = {"L": "grey", "RGB": "colour"}
    for photo in photos:
        if usual and photo.mode != usual and photo.mode in words:
            yield photo.path, "odd mode", f"{words[photo.mode]}; nearly all others: {words.get(str(usual), usual)}"
    deep = [photo for photo in photos if photo.bits > 8]
    usual_bits = Counter(photo.bits for photo in deep).most_common(1)
    for photo in deep:
        if photo.bits != usual_bits[0][0]:
            detail = f"read as {photo.bits} bit by its largest value, most others as {usual_bits[0][0]}"
            yield photo.path, "odd mode", f"{detail}: too bright or too dark beside them"


def blur_problems(photos: Sequence[FileReport]) -> Iterator[Finding]:
    """Photos far less sharp than their folder; far is counted in robust standard deviations."""
    values = np.log([photo.sharpness if photo.sharpness > 0 else np.nan for photo in photos])
    if np.isfinite(values).sum() < 10:
        return
    middle = np.nanmedian(values)
    spread = 1.4826 * np.nanmedian(np.abs(values - middle))
    for photo, value in zip(photos, values, strict=True):
        if value < middle - 2.9 * spread and value < middle + np.log(0.4):
            yield photo.path, "blurred", f"fine detail is {np.exp(value - middle):.0%} of what is usual here"


def copies_among(photos: Sequence[FileReport]) -> Iterator[Finding]:
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
            yield copy.path, "exact duplicate", f"the same bytes as {original.path}", original.path, VIEW_NAMES[0]
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
    thumbnails = np.stack([photo.thumbnail for photo in photos if photo.thumbnail is not None])
    for photo in photos:
        photo.thumbnail = None
    return thumbnails


def two_labels(copies: Sequence[Finding], known: Mapping[str, str]) -> Iterator[Finding]:
    """The same photo under two labels: by the label table, else by the first sub-folder that is no split."""

    def label(path: str) -> str | None:
        folders = path.split("/")[:-1]
        # A copy in train and test is no matter of labels, but one in train/good and train/bad is.
        below = [name for name in folders if not is_split_name(name)]
        return known.get(path, next(iter(below or folders), None))

    for copy, _, _, original, _ in copies:
        first, second = label(original), label(copy)
        if first is not None and second is not None and first != second:
            yield copy, "two labels", f"'{second}' here, '{first}' as {original}"
            yield original, "two labels", f"'{first}' here, '{second}' as {copy}"


def told_by_files(photos: Sequence[FileReport], labels: Mapping[str, str]) -> Iterator[Finding]:
    """Classes that can be told apart without looking at the parts: by the camera, the format, the light.

    A small tree is trained on facts of the files and tried on photos that it has not seen. Each class
    counts the same, so guessing finds one of so many.

    Args:
        photos: that can be read.
        labels: the class of each path.
    """
    known_labels = Counter(labels[photo.path] for photo in photos if photo.path in labels)
    counts = {label: count for label, count in known_labels.items() if count >= MANY}
    if len(counts) < 2:
        return
    rows = [(photo, labels[photo.path]) for photo in photos if labels.get(photo.path) in counts]
    known = [photo for photo, _ in rows]
    of_file = pd.DataFrame([(*photo.size, photo.mode, photo.saved) for photo in known]).astype({2: str, 3: str})
    of_light = pd.DataFrame([(photo.brightness, photo.sharpness) for photo in known]).fillna(-1)
    truth, guess = np.array([label for _, label in rows]), 1 / len(counts)
    by_file = _found_by_tree(pd.get_dummies(of_file), truth)
    chance = 2 * np.sqrt(guess / len(rows))
    if by_file > guess + max(0.1, chance):
        usual = {label: of_file[truth == label].value_counts().index[0] for label in counts}
        some = "; ".join(f"{label}: {w} × {h} {mode} {kind}" for label, (w, h, mode, kind) in list(usual.items())[:4])
        found = (
            f"size, colour mode, format, loss and camera alone find {by_file:.0%} of each class (guessing: {guess:.0%})"
        )
        yield FOLDER, "told by the file", f"{found}, as if each class had a camera of its own ({some})"
    elif (by_light := _found_by_tree(of_light, truth)) > guess + max(LIGHT * (1 - guess), chance):
        means = of_light.groupby(truth).median()
        some = "; ".join(f"{label}: {light:.0f} and {sharp:.3g}" for label, light, sharp in means.head(4).itertuples())
        found = f"brightness and sharpness alone find {by_light:.0%} of each class (guessing: {guess:.0%})"
        yield FOLDER, "told by the light", f"{found}; usual grey and sharpness {some}"


def _found_by_tree(facts: pd.DataFrame, truth: np.ndarray) -> float:
    """The mean share of each class that a tree of three questions finds, in five-fold cross-validation."""
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=2, class_weight="balanced", random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return float(cross_val_score(tree, facts.to_numpy(float), truth, cv=folds, scoring="balanced_accuracy").mean())


def large_photos(photos: Sequence[FileReport]) -> Iterator[Finding]:
    """Photos so large that small defects vanish when a network sees them."""
    large = [photo for photo in photos if max(photo.size) >= 4 * USUAL_SIZE]
    if large:
        width, height = np.median([photo.size for photo in large], axis=0).astype(int)
        usual, least = (max(width, height) / size for size in (USUAL_SIZE, LARGEST_SIZE))
        few = f"{len(large)} of {len(photos)} photos, such as {large[0].path}: "
        shrunk = f"photos of {width} × {height} pixels are shrunk {usual:.1f} times to {USUAL_SIZE}"
        shrunk += f", or {least:.1f} times to {LARGEST_SIZE}, the most that train tries"
        small = f"a defect of less than about {2 * usual:.0f} or {2 * least:.0f} pixels becomes smaller than 2 and may vanish"
        yield FOLDER, "large photos", (few if 2 * len(large) < len(photos) else "") + f"{shrunk}, so {small}"
