"""From a folder of photos to an index that is checked and split: the first half of `train`.

Introduced in lesson 10. Photos are only read; what cannot be used is left out and named.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib import splits
from course_lib.checks import UNREADABLE, check_folder
from course_lib.data import class_folders, index_folder
from course_lib.errors import CourseError
from course_lib.paths import say, shorten

FEWEST = 4  # photos of a class: two to train on, one for validation, one for the test
ENOUGH = 30  # photos of a class below which a result says little
SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test"}
# Whatever is not one of these, beside exactly one of these, is what an inspector looks for.
SOUND = {
    "good", "ok", "okay", "functional", "normal", "fine", "pass", "passed", "sound", "intact",
    "healthy", "clean", "perfect", "conforming", "negative", "whole", "gut", "良品", "合格", "正常",
}  # fmt: skip
# How words for faults begin; without a fault a part is sound, without a screw it is not.
FAULT = (
    "defe[ck]t|damag|crack|broken|scratch|fault|flaw|dent|bent|fail|reject|anomal|stain|worn|rust|"
    "corro|chip|contamin|blemish|bad(?![a-z])|hole|leak|burr|dirt|error|tear|torn|void|pore|poros|"
    "spatter|bubble|deform|warp|foreign"
)
NEGATIONS = {"no", "not", "non", "un", "without"}


@dataclass(frozen=True)
class TrainingOptions:
    """What may be chosen for `train`; the defaults suit most folders (lesson 10).

    Attributes:
        minutes: how long probing and fine-tuning may take together; the check comes on top.
        seed: another seed, another split and another training.
        set_aside: leave unreadable photos out instead of stopping; they are not moved.
        lot_pattern: a regular expression; what it finds in a path (its first group, if it has one)
            names the lot. Photos of one lot stay together.
        positive: the class that is looked for.
        cost_missed: what a missed defect costs, if a wrongly rejected part costs 1. With 1 the more
            probable class decides.
        upright: the photos have a top and a bottom, so do not turn or mirror them.
    """

    minutes: float = 5.0
    seed: int = 0
    set_aside: bool = False
    lot_pattern: str | None = None
    positive: str | None = None
    cost_missed: float = 1.0
    upright: bool = False


def prepare(
    folder: str | os.PathLike,
    options: TrainingOptions,
    *,
    progress: bool = True,
    tell: Callable[[str], None] = say,
) -> pd.DataFrame:
    """Check a folder, index it, and split it without a leak (lesson 10).

    Returns:
        The index with the column ``split``, and ``lot`` where lots are known.
        ``attrs["classes"]`` holds the class names, the positive one last; ``attrs["left_out"]`` says
        which photos are not used, and why; ``attrs["remarks"]`` what else is worth knowing.

    Raises:
        CourseError: unreadable photos (unless they may be set aside), too few photos, or lots
            that cannot be split.
    """
    if re.search(r"[\ud800-\udfff]", str(folder)):
        raise CourseError(f"The name of the folder {shorten(folder)} has letters that are no text; rename it.")
    index = index_folder(folder)
    _refuse_splits(Path(folder), sorted(set(index["label"])))
    classes, known = _classes(index, options.positive)
    _check_cost(classes, known, options.cost_missed)
    _check_counts(index, classes)
    tell(f"Checking {len(index)} photos in {shorten(folder)} …")
    findings = check_folder(folder, classes=classes, progress=progress)
    left_out = _left_out(index, findings, options)
    index = index[~index["path"].isin(left_out)].reset_index(drop=True)
    remarks = _remarks(index, classes, known, findings, left_out, options.cost_missed)
    if options.lot_pattern is not None:
        index["lot"] = _lots_from_names(index["path"], options.lot_pattern)
    elif "lot" in index and index["lot"].isna().any():
        photo = index["path"][index["lot"].isna()].iloc[0]
        raise CourseError(f"The photo {photo} has no lot in index.csv; write its lot there.")
    smallest = _check_counts(index, classes)
    validation = 0.15 if smallest >= 20 else 0.2  # a small class needs a larger share
    if "lot" in index:
        tell(_lots_in_words(index["lot"]))
        index = _split_by_lot(index, options, validation)
    else:
        index = splits.random_split(index, options.seed, validation=validation)
        index = _keep_copies_together(index, _copies(findings, "near duplicate"))
    alike = _proof(index, progress)
    index.attrs |= {"folder": str(folder), "classes": classes, "left_out": left_out}
    index.attrs["remarks"] = remarks
    tell(pd.crosstab(index["label"], index["split"])[list(splits.SPLITS)].loc[classes].to_string())
    tell(f"Split by {'lot' if 'lot' in index else 'photo, at random'}; no photo is in two splits.")
    if alike:
        remarks.append(
            f"{alike} times nearly equal photos are in two splits, because of their labels or lots, or "
            "because all photos are alike here; the test result may flatter."
        )
    for remark in remarks + [f"Left out: {path} ({why})" for path, why in left_out.items()][:20]:
        tell(remark)
    return index


def _refuse_splits(folder: Path, names: list[str]) -> None:
    parts = [name for name in names if name.lower() in SPLIT_NAMES]
    if len(parts) > 1:
        # In some collections the folder "train" holds good parts only.
        best = max(parts, key=lambda name: (len(class_folders(folder / name)) > 1, "train" in name.lower()))
        raise CourseError(
            f"{shorten(folder)} holds folders named {' and '.join(parts)}, not classes; train on the "
            f"folder {shorten(folder / best)}, and keep the others for predict."
        )


def _check_cost(classes: list[str], known: bool, cost_missed: float) -> None:
    if cost_missed == 1:
        return
    if len(classes) > 2:
        raise CourseError(
            f"A missed defect can cost {cost_missed:g} only where there are two classes, and here are "
            f"{len(classes)} ({', '.join(classes)}); leave out --cost-missed, or put the photos of all "
            "defects into one folder."
        )
    if not known:
        raise CourseError(
            f"Nothing tells which of {' and '.join(classes)} is the defect that costs {cost_missed:g} if it "
            f"is missed; say it with --positive, such as --positive {classes[-1]}."
        )


def _check_counts(index: pd.DataFrame, classes: list[str]) -> int:
    """How many photos the smallest class has."""
    counts = index["label"].value_counts().reindex(classes, fill_value=0)
    if counts.min() < FEWEST:
        raise CourseError(
            f"The class '{counts.idxmin()}' has {counts.min()} usable photos, but training, validation "
            f"and test need at least {FEWEST} together; add photos of it (from {ENOUGH} on, a "
            "result begins to say something)."
        )
    return int(counts.min())


def _classes(index: pd.DataFrame, positive: str | None) -> tuple[list[str], bool]:
    """The class names with the positive one last, and whether it is known to be that."""
    names = sorted(index["label"].unique())
    if positive is not None and positive not in names:
        raise CourseError(f"The positive class '{positive}' is not there; the classes are {', '.join(names)}.")
    sound = [name for name in names if _is_sound(name)]
    known = positive is not None
    if positive is None and "defective" in names:
        positive, known = "defective", True
    if positive is None and len(names) == 2 and len(sound) == 1:
        (positive,) = set(names) - set(sound)
        known = True
    last = positive or names[-1]
    return [*(name for name in names if name != last), last], known


def _is_sound(name: str) -> bool:
    """Whether a class is surely not what is looked for: "ok" and "no defect", but not "no screw"."""
    if name in SOUND:
        return True
    # "noncrack" and "defectfree" are two words each.
    text = re.sub(rf"(?<![a-z])(un|non?)(?={FAULT}|{'|'.join(SOUND)})", r"\1 ", name.lower())
    words = re.findall("[a-z]+", re.sub(r"free(?![a-z])", " free", text))
    faults = [place for place, word in enumerate(words) if re.match(FAULT, word)]
    if not faults:
        return bool(SOUND & set(words)) and not NEGATIONS & set(words)
    # Each fault must be denied: "no visible scratch", "not cracked", "crack free".
    return all(
        {"no", "without"} & set(words[:place])
        or {words[max(place - 1, 0)]} & NEGATIONS
        or words[place + 1 : place + 2] == ["free"]
        for place in faults
    )


def _left_out(index: pd.DataFrame, findings: pd.DataFrame, options: TrainingOptions) -> dict[str, str]:
    """Photos that are not used, with the reason: unreadable ones, and exact copies."""
    label = dict(zip(index["path"], index["label"], strict=True))
    useless = findings[findings["problem"].isin(UNREADABLE) & findings["path"].isin(label)]
    found = {row.path: f"{row.problem}: {row.detail}" for row in useless.itertuples()}
    # Such a name can neither be printed everywhere nor written into a table.
    odd = [path for path in index["path"] if re.search(r"[\x00-\x1f\ud800-\udfff]", path)]
    found |= {path: "its name has letters that are no text; rename it" for path in odd}
    if found and not options.set_aside:
        some = "; ".join(f"{path} ({why})" for path, why in list(found.items())[:10])
        more = f"; and {len(found) - 10} more" if len(found) > 10 else ""
        raise CourseError(
            f"{len(found)} photos cannot be used: {some}{more}. Copy them again from their source, or "
            "train without them with --set-aside (the files stay where they are)."
        )
    equal: dict[str, list[str]] = defaultdict(list)
    for copy, original in _copies(findings, "exact duplicate"):
        equal[original].append(copy)
    for original, copies in equal.items():
        # The original may be no photo of the index, such as one with the ending .jfif.
        same = [path for path in (original, *copies) if path in label and path not in found]
        for path in same:
            other = next((o for o in same if label[o] != label[path]), None)
            if other is not None:
                found[path] = f"the same photo as {other}, with another label"
            elif path != same[0]:
                found[path] = f"the same photo as {same[0]}"
    return found


def _copies(findings: pd.DataFrame, problem: str) -> list[tuple[str, str]]:
    """(copy, original) of each duplicate that the check has found."""
    form = re.compile(r"(?:the same bytes as (.+)|fits (.+) if .+)")
    rows = findings[findings["problem"] == problem]
    matches = [(row.path, form.fullmatch(row.detail)) for row in rows.itertuples()]
    return [(copy, match[1] or match[2]) for copy, match in matches if match]


def _remarks(
    index: pd.DataFrame,
    classes: list[str],
    known: bool,
    findings: pd.DataFrame,
    left_out: dict[str, str],
    cost_missed: float,
) -> list[str]:
    counts = index["label"].value_counts()
    remarks = []
    if len(classes) == 2:
        sure = "" if known else " (the last in the alphabet; choose with --positive)"
        remarks.append(f"The positive class is '{classes[-1]}'{sure}.")
        if cost_missed == 1:
            remarks.append(
                "Both kinds of mistake count alike; if a missed defect costs you ten times as much as a "
                "good part that is rejected, say --cost-missed 10."
            )
    few = [f"'{name}' ({counts.get(name, 0)})" for name in classes if counts.get(name, 0) < ENOUGH]
    if few:
        remarks.append(f"Few photos: {', '.join(few)}. Below {ENOUGH} photos of a class the results can be far off.")
    near = len(_copies(findings, "near duplicate"))
    if near:
        remarks.append(f"{near} photos are nearly equal to another one; where possible both are in one split.")
    used = findings["path"].isin(index["path"])
    wide = used & (findings["problem"] == "odd mode") & findings["detail"].str.match("16 bit|decimal")
    if wide.any():
        remarks.append(
            f"{wide.sum()} photos have more than 8 bit (odd mode: 16 bit or decimals); the network may "
            "see them nearly black or white, such as those of a 12-bit camera, so save all photos as 8 bit, "
            "in the same way for train and for predict."
        )
    passed_over = ~used & ~findings["path"].isin(left_out)
    foreign = findings["path"][passed_over & findings["problem"].isin(["unsupported format", "wrong ending"])]
    if len(foreign):
        endings = sorted({Path(path).suffix.lower() for path in foreign})
        remarks.append(
            f"{len(foreign)} files are not used, because of their format or its ending "
            f"({', '.join(endings)}); save them as PNG or JPEG."
        )
    labels = int((findings["problem"] == "two labels").sum())
    if labels:
        remarks.append(f"{labels} photos look like a photo of another class; look at them (lesson 2).")
    return remarks


def _lots_from_names(paths: pd.Series, pattern: str) -> pd.Series:
    found = paths.map(lambda path: re.search(pattern, path))
    if found.isna().any():
        raise CourseError(
            f"The lot pattern '{pattern}' finds nothing in {paths[found.isna()].iloc[0]}; each photo needs a lot."
        )
    # Of alternatives such as "lot(\d+)|charge(\d+)", the group that was found counts.
    return found.map(lambda match: next(filter(None, match.groups()), match[0])).astype(str)


def _lots_in_words(lots: pd.Series) -> str:
    counts = lots.value_counts()
    some = ", ".join(f"{lot} ({count} photos)" for lot, count in counts.head(5).items())
    return f"{len(counts)} lots: {some}{', …' if len(counts) > 5 else ''}."


def _split_by_lot(index: pd.DataFrame, options: TrainingOptions, validation: float) -> pd.DataFrame:
    try:
        return splits.lot_split(index, options.seed, validation=validation)
    except CourseError as error:
        at_random = "leave out --lot-pattern"
        if options.lot_pattern is None:
            at_random = "take the column 'lot' out of index.csv"
        raise CourseError(
            f"These {index['lot'].nunique()} lots cannot be dealt out with seed {options.seed} so that "
            "training, validation and test have photos of every class; try another --seed, add photos of "
            f"more lots, or {at_random} to split photo by photo."
        ) from error


def _keep_copies_together(index: pd.DataFrame, copies: list[tuple[str, str]]) -> pd.DataFrame:
    """Bring each near duplicate to the split of its original, or the test would know it."""
    split = dict(zip(index["path"], index["split"], strict=True))
    label = dict(zip(index["path"], index["label"], strict=True))
    for _ in range(3):  # a copy may have a copy
        for copy, original in copies:
            if copy in split and label[copy] == label.get(original):
                split[copy] = split[original]
    moved = index.assign(split=index["path"].map(split))
    table = pd.crosstab(moved["label"], moved["split"]).reindex(columns=splits.SPLITS, fill_value=0)
    # A folder of photos that are all alike would end up in one split; then the first split stays.
    fair = table.to_numpy().min() > 0 and (moved["split"] == index["split"]).mean() > 0.8
    return moved if fair else index


def _proof(index: pd.DataFrame, progress: bool) -> int:
    """Prove that nothing leaks; nearly equal photos are only counted.

    Photos of one kind of part under one camera are nearly equal without being copies.
    """
    found = splits.prove_no_leak(index, strict=False, progress=progress).set_index("check")["leaks"]
    if found.drop("near duplicate").any():
        splits.prove_no_leak(index, near=False)  # it raises, and says which photo
    return int(found["near duplicate"])


def label_numbers(index: pd.DataFrame) -> np.ndarray:
    """Labels as numbers in the order of ``attrs["classes"]``: int64, (N,)."""
    numbers = {name: number for number, name in enumerate(index.attrs["classes"])}
    return index["label"].map(numbers).to_numpy(dtype=np.int64)


def rows_of(index: pd.DataFrame, split: str) -> np.ndarray:
    """The row numbers of one split."""
    return np.flatnonzero(index["split"] == split)


def sample(index: pd.DataFrame, photos: int, seed: int) -> pd.DataFrame:
    """The same share of each class and split, at least one photo of each."""
    share = photos / len(index)
    order = np.random.default_rng(seed).permutation(len(index))
    groups = index["split"] + "/" + index["label"]
    rank = groups.iloc[order].groupby(groups.iloc[order]).cumcount().sort_index()
    kept = index[rank < np.ceil(groups.map(groups.value_counts()) * share)]
    return kept.reset_index(drop=True)
