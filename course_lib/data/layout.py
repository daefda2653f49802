"""Is a photo folder what it seems? Its structure is judged before it is trusted (lesson 2).

Downloaded folders hold masks beside photos, splits where classes are expected, or several products. Taken
for classes they give a model that is believed and wrong.
"""

import os
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from course_lib.data.labels import kind_of_class, same_name, words_of
from course_lib.data.photo import IMAGE_ENDINGS, eight_bit
from course_lib.data.walk import is_hidden, walk
from course_lib.errors import CourseError
from course_lib.paths import shorten

# Folder names, squeezed to their letters: any number of fillers around a word that matters.
FILLERS = "(data|daten|dataset|sets?|s|images?|imgs?|photos?|pictures?|seg|split|folder|files?|png|my|用|データ|数据|画像|集)*"
SPLITS = (
    "((training|train|validation|valid|val|testing|test|dev|eval|evaluation|holdout|entrenamiento|prueba|entrainement|"
    "apprentissage|学習|訓練|検証|評価|テスト|训练|验证|测试|학습|훈련|검증|테스트)+)"
)
SHORT_SPLITS = {"tr", "trn", "va", "te", "tst"}  # taken for splits only where two of them, or of the others, are there
TO_TRAIN_ON = "tra|学習|訓練|训练|학습|훈련|entre|apprent"
MASKS = (
    "((defect|binary|pixel|ground|anomaly|semantic|instance|class)?(masks?|masken|truths?|gts?|annotations?|annots?|labels?|"
    "segmentations?|segmented|maps?|rois?|bbox(es)?|xmls?|jsons?)(class|object|v)?|マスク|正解|アノテーション|标注|掩码|마스크)"
)
MASK_WORD = "(mask|gt|ground[ _-]?truth|label|label[ _-]?id|seg|annotation|anno|colou?r|マスク)s?"
MASK_NAME = re.compile(rf"^{MASK_WORD}[ _.-]+|[ _.-]*{MASK_WORD}[ _-]?\d*$", re.IGNORECASE)
MASK = "a mask, not a photo"
PICTURES = {"photo", "blurred"}  # as `_kind` calls what may be a photo


@dataclass
class Layout:
    """How a photo folder is understood.

    Attributes:
        classes: the photos of each class, relative to the folder, with "/".
        left_out: folders (they end with "/") and photos that are not used, and why.
        fault: why this cannot be a folder of classes, or "".
    """

    classes: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    fault: str = ""

    def said(self) -> list[str]:
        """What is left out, in a few sentences."""
        sentences = [f"Left out: {place[:-1]} ({why})." for place, why in self.left_out.items() if place.endswith("/")]
        photos = [place for place in self.left_out if not place.endswith("/")]
        for why in dict.fromkeys(self.left_out[place] for place in photos):
            some = [place for place in photos if self.left_out[place] == why]
            sentences.append(f"Left out: {len(some)} files, the first is {some[0]} ({why}).")
        return sentences


def is_split_name(name: str) -> bool:
    """Whether a folder is called like a part of a collection: train, test_set, seg_train, 検証用.

    Example:
        >>> [is_split_name(name) for name in ("Training", "test_set", "seg_train", "train1", "検証データ", "contest")]
        [True, True, True, True, True, False]
    """
    return re.fullmatch(FILLERS + SPLITS + FILLERS, "".join(words_of(name))) is not None


def is_mask_name(name: str) -> bool:
    """Whether a folder is called like one of masks, labels or annotations: ground_truth, masks.

    Example:
        >>> [is_mask_name(name) for name in ("masks", "Ground-Truth", "annotations_png", "with_mask")]
        [True, True, True, False]
    """
    return re.fullmatch(f"({FILLERS}{MASKS})+{FILLERS}", "".join(words_of(name))) is not None


def look_through(folder: str | os.PathLike) -> Layout:
    """Find the classes of a folder, and what in it is something else.

    Only a few pictures are opened: some of each folder, and those that share their name with another one.

    Raises:
        CourseError: the folder, or one in it, may not be listed.
    """
    folder, layout = Path(folder), Layout()
    names = _sub_folders(folder, layout)
    photos = {name: photos_in(folder, name) for name in names}
    for name in [name for name in names if name[0] == "_" or is_hidden(f"{name}/")]:
        found = photos.pop(name)
        if name[0] == "_":
            layout.left_out[f"{name}/"] = f"its name begins with '_'; {len(found)} photos; rename it if it is a class"
        elif found:
            layout.left_out[f"{name}/"] = "hidden"
    for name in [name for name in photos if not photos[name] and is_mask_name(name)]:
        del photos[name]
        layout.left_out[f"{name}/"] = "labels or masks, not photos"
    masks = _masks(folder, [path for paths in photos.values() for path in paths])
    for name, paths in photos.items():
        kept = [path for path in paths if path not in masks]
        if kept or not paths:
            layout.classes[name] = kept
            layout.left_out |= {path: MASK for path in paths if path in masks}
        else:
            layout.left_out[f"{name}/"] = f"{len(paths)} masks, not photos"
    layout.fault = _fault(folder, layout)
    return layout


def _sub_folders(folder: Path, layout: Layout) -> list[str]:
    """Names of the sub-folders; a link counts, but not one that leads in a circle."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise CourseError(
            f"The folder {shorten(folder)} may not be listed ({error.strerror}); ask for the right to read it."
        ) from error
    loose = [entry.name for entry in entries if _is_photo(entry.name) and not os.path.isdir(entry)]
    layout.left_out |= {name: "beside the folders of the classes" for name in loose}
    names = [entry.name for entry in entries if os.path.isdir(entry)]
    circles = [name for name in names if folder.resolve().is_relative_to((folder / name).resolve())]
    layout.left_out |= {f"{name}/": "a link that leads back to the photo folder" for name in circles}
    return [name for name in names if name not in circles]


def photos_in(folder: Path, name: str) -> list[str]:
    """The photos in a sub-folder by their ending, relative to the folder, sorted.

    Raises:
        CourseError: a folder in it may not be listed.
    """
    found = walk(folder / name)
    for place, why in found.passed_over.items():
        if why.startswith("may not be listed"):
            raise CourseError(
                f"The folder {shorten(folder / name / place)} {why}; ask for the right to read it, or move it out of "
                "the photo folder."
            )
    return [f"{name}/{path}" for path in found.files if _is_photo(path)]


def _is_photo(path: str) -> bool:
    return not is_hidden(path) and Path(path).suffix.lower() in IMAGE_ENDINGS


def _masks(folder: Path, paths: list[str]) -> set[str]:
    """Two-valued pictures that lie in folders of their own, or share their name with a photo beside them."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        places[path.rpartition("/")[0]].append(path)
    some = {place: (there[0], there[len(there) // 2], there[-1]) for place, there in places.items()}
    kinds = {place: {_kind(folder / path) for path in paths} for place, paths in some.items()}
    stems = {place: {_stem(path) for path in there} for place, there in places.items()}
    named = {place for place in places if any(is_mask_name(part) for part in place.split("/"))}
    beside = {place for place in places if kinds[place] & PICTURES and place not in named}
    masks: set[str] = set()
    for place, there in places.items():
        shared = any(2 * len(stems[place] & stems[other]) >= len(stems[place]) for other in beside)
        drawn = kinds[place] - {"plain"}  # a mask without a defect is plain
        if beside and ((drawn == {"mask"} and shared) or (place in named and drawn and "photo" not in drawn)):
            masks.update(there)
            continue
        same: dict[str, list[str]] = defaultdict(list)
        for path in there:
            same[_stem(path)].append(path)
        for group in (group for group in same.values() if len(group) > 1):
            found = {path: _kind(folder / path) for path in group}
            told = {path for path in group if found[path] != "photo" and MASK_NAME.search(Path(path).stem)}
            told |= {path for path in group if found[path] == "mask"}
            if any(found[path] in PICTURES for path in group if path not in told):
                masks |= told
    return masks


def _stem(path: str) -> str:
    """What a photo and its mask have in common: "7" of good/7.png and masks/7_mask.png."""
    stem = same_name(Path(path).stem)
    return MASK_NAME.sub("", stem) or stem


def _kind(path: Path) -> str:
    """ "mask" for a few colours or two greys, "blurred" for two greys with soft edges, "plain" for one value, or "photo"."""
    try:
        with Image.open(path) as opened:
            image = eight_bit(opened)
            if image.mode == "RGB":
                red, green, blue = (channel.tobytes() for channel in image.split())
                if red != green or red != blue:
                    return "mask" if image.getcolors(8) else "photo"
            counts = np.array(image.convert("L").histogram())
    except Exception:  # what cannot be read is a matter of the check
        return "photo"
    values = np.flatnonzero(counts)
    low, high = values[0], values[-1]
    if low == high:
        return "plain"
    margin = (high - low) // 8
    between = counts[low + margin + 1 : high - margin].sum() / counts.sum()
    if len(values) <= 8 or (high - low > 50 and between < 0.02):
        return "mask"
    return "blurred" if high - low > 50 and between < 0.2 else "photo"


def _fault(folder: Path, layout: Layout) -> str:
    names, here = list(layout.classes), shorten(folder)
    twins = [name for name in names if [same_name(other) for other in names].count(same_name(name)) > 1]
    if twins:
        return (
            f"The names of the folders {' and '.join(twins[:4])} in {here} differ only by capitals, blanks or "
            "how their letters are stored; put the photos of one class into one folder."
        )
    below = {
        name: {path.split("/")[1] for path in paths if path.count("/") > 1} for name, paths in layout.classes.items()
    }
    words = {name: [word for word in words_of(name) if is_split_name(word) or word in SHORT_SPLITS] for name in names}
    parts = [name for name in names if words[name]]  # train_good and test_good, too, but not pass_test and fail_test
    if len({words[name][0] for name in parts}) < 2:
        parts = [name for name in names if is_split_name(name)]
    if len(parts) > 1:
        # In some collections the folder "train" holds good parts only.
        best = max(parts, key=lambda name: (len(below[name]) > 1, re.search(TO_TRAIN_ON, name.lower()) is not None))
        cure = f"train on the folder {shorten(folder / best)}" if below[best] else "give each class a folder of its own"
        what = f"folders named {' and '.join(parts)}, not classes"
        return f"{here} holds {what}; {cure}, and keep the others for predict."
    if len(parts) == 1 < len(names):
        what = f"the folder {parts[0]}, by its name a split and no class, beside others"
        return f"{here} holds {what}; train on it alone, or move it elsewhere and keep it for predict."
    kinds = {name: kind_of_class(name) for name in names}
    for name in names:
        if opposite := [inner for inner in below[name] if {kinds[name], kind_of_class(inner)} == {"good", "bad"}]:
            return f"{shorten(folder / name)} holds a folder {min(opposite)} of the other class; move its photos there."
    common = set.intersection(*below.values()) if len(names) > 1 else set()
    if common and not {"good", "bad"} & set(kinds.values()):
        telling = any(kind_of_class(name) in ("good", "bad") or is_split_name(name) for name in common)
        are_lots = all(re.search(r"\d", name) for name in common)  # or days, or cameras
        if telling or (len(common) > 1 and all(each == common for each in below.values()) and not are_lots):
            what = (
                f"The folders {', '.join(names[:5])} in {here} all hold folders named {', '.join(sorted(common)[:5])}"
            )
            return f"{what}, so they seem to be products and not classes; use one of them, such as {shorten(folder / names[0])}."
    return ""
