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
from course_lib.data.walk import walk
from course_lib.errors import CourseError
from course_lib.paths import shorten

# Folder names, squeezed to their letters: any number of fillers around a word that matters.
FILLERS = "(data|dataset|sets?|s|images?|imgs?|photos?|pictures?|seg|split|folder|files?|png|my|用|データ|画像|集)*"
SPLITS = "(training|train|validation|valid|val|testing|test|dev|eval|evaluation|holdout|学習|訓練|検証|評価|テスト)+"
MASKS = (
    "((defect|binary|pixel|ground|anomaly|semantic|instance|class)?(masks?|truths?|gts?|annotations?|labels?|segmentations?|"
    "maps?|xmls?|jsons?)(class|v)?|マスク|正解|アノテーション)"
)
MASK_WORD = "(mask|gt|ground[ _-]?truth|label|label[ _-]?id|seg|annotation|anno|colou?r|マスク)s?"
MASK_NAME = re.compile(rf"^{MASK_WORD}[ _.-]+|[ _.-]*{MASK_WORD}[ _-]?\d*$", re.IGNORECASE)
MASK = "a mask, not a photo"


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
    folder, layout, found = Path(folder), Layout(), walk(folder)
    for place, why in found.passed_over.items():
        if why.startswith("may not be listed"):
            raise CourseError(f"The folder {shorten(folder / place)} {why}; ask for the right to read it, or move it.")
        if why.startswith("a link"):
            layout.left_out[place] = why
    photos = [path for path in found.files if Path(path).suffix.lower() in IMAGE_ENDINGS]
    layout.left_out |= {path: "beside the folders of the classes" for path in photos if "/" not in path}
    masks = _masks(folder, [path for path in photos if "/" in path])
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    for name in [name for name in names if f"{name}/" not in found.passed_over]:
        paths = [path for path in photos if path.startswith(f"{name}/")]
        kept = [path for path in paths if path not in masks]
        if name.startswith("_"):
            layout.left_out[f"{name}/"] = f"its name begins with '_'; {len(paths)} photos; rename it if it is a class"
        elif kept or not (paths or is_mask_name(name)):
            layout.classes[name] = kept
            layout.left_out |= {path: MASK for path in paths if path in masks}
        else:
            layout.left_out[f"{name}/"] = f"{len(paths)} masks, not photos" if paths else "labels or masks, not photos"
    layout.fault = _fault(folder, layout)
    return layout


def _masks(folder: Path, paths: list[str]) -> set[str]:
    """Two-valued pictures that lie in folders of their own, or share their name with a photo beside them."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        places[path.rpartition("/")[0]].append(path)
    some = {place: (there[0], there[len(there) // 2], there[-1]) for place, there in places.items()}
    kinds = {place: {_kind(folder / path) for path in paths} for place, paths in some.items()}
    stems = {place: {_stem(path) for path in there} for place, there in places.items()}
    named = {place for place in places if any(is_mask_name(part) for part in place.split("/"))}
    beside = {place for place in places if "photo" in kinds[place] and place not in named}
    masks: set[str] = set()
    for place, there in places.items():
        shared = any(2 * len(stems[place] & stems[other]) >= len(stems[place]) for other in beside)
        if beside and kinds[place] - {"plain"} == {"mask"} and (shared or place in named):  # without a defect: plain
            masks.update(there)
            continue
        same: dict[str, list[str]] = defaultdict(list)
        for path in there:
            same[_stem(path)].append(path)
        for group in (group for group in same.values() if len(group) > 1):
            found = {path: _kind(folder / path) for path in group}
            if "photo" in found.values():
                masks |= {path for path in group if found[path] == "mask"}
                masks |= {path for path in group if found[path] == "plain" and MASK_NAME.search(Path(path).stem)}
    return masks


def _stem(path: str) -> str:
    """What a photo and its mask have in common: "7" of good/7.png and masks/7_mask.png."""
    stem = same_name(Path(path).stem)
    return MASK_NAME.sub("", stem) or stem


def _kind(path: Path) -> str:
    """ "mask" for a few colours or two greys, "plain" for one value, or "photo"."""
    try:
        with Image.open(path) as opened:
            image = eight_bit(opened).copy()
    except Exception:  # what cannot be read is a matter of the check
        return "photo"
    if colours := image.getcolors(8):
        return "mask" if len(colours) > 1 else "plain"
    counts = np.array(image.convert("L").histogram())
    low, high = np.flatnonzero(counts)[[0, -1]]
    margin = (high - low) // 8
    between = counts[low + margin + 1 : high - margin].sum() / counts.sum()
    return "mask" if high - low > 50 and between < 0.02 else "photo"


def _fault(folder: Path, layout: Layout) -> str:
    names, here = list(layout.classes), shorten(folder)
    below = {
        name: {path.split("/")[1] for path in paths if path.count("/") > 1} for name, paths in layout.classes.items()
    }
    words = {name: next(filter(is_split_name, words_of(name)), "") for name in names}
    parts = [name for name in names if words[name]]  # train_good and test_good, too, but not pass_test and fail_test
    if len({words[name] for name in parts}) < 2:
        parts = [name for name in names if is_split_name(name)]
    if parts and len(names) > 1:
        # In some collections the folder "train" holds good parts only.
        best = max(parts, key=lambda name: (len(below[name]) > 1, re.search("tra|学習|訓練", name.lower()) is not None))
        cure = f"train on the folder {shorten(folder / best)}" if below[best] else "give each class a folder of its own"
        what = f"{' and '.join(parts)}, by the name a split and no class"
        return f"{here} holds {what}; {cure}, and keep the others for predict."
    kinds = {name: kind_of_class(name) for name in names}
    for name in names:
        if opposite := [inner for inner in below[name] if {kinds[name], kind_of_class(inner)} == {"good", "bad"}]:
            return f"{shorten(folder / name)} holds a folder {min(opposite)} of the other class; move its photos there."
    common = set.intersection(*below.values()) if len(names) > 1 else set()
    telling = any(kind_of_class(name) in ("good", "bad") or is_split_name(name) for name in common)
    if telling and not {"good", "bad"} & set(kinds.values()):
        what = f"The folders {', '.join(names[:5])} in {here} all hold folders named {', '.join(sorted(common)[:5])}"
        return f"{what}, so they seem to be products and not classes; use one of them, such as {shorten(folder / names[0])}."
    return ""
