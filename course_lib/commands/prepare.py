"""From a folder of photos to an index that is checked and split: the first half of `train`.

Introduced in lesson 10. Photos are only read; what cannot be used is left out and named.
"""

import math
import os
import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_lib import device, splits
from course_lib.checks import NO_PICTURE, UNREADABLE, check_folder, connected
from course_lib.commands.belief import ENOUGH, belief
from course_lib.data import class_names, good_class, index_folder, match_photos, positive_class, read_table, same_name
from course_lib.errors import CourseError
from course_lib.paths import say, shorten

FEWEST_GOOD = 10  # photos that show how much good parts differ
FEWEST = 4  # photos of a class: two to train on, one for validation, one for the test
USUAL = 0.05  # of the photos: what so many show is how they look, and no sign of a broken lamp

Tell = Callable[[str], None]  # takes a sentence that the learner should read


@dataclass(frozen=True)
class TrainingOptions:
    """What may be chosen for `train`; the defaults suit most folders.

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
        size: width and height at which the network sees the photos; without it several are tried.
        good_only: learn from good photos alone; those of other classes only judge.
        overkill: the share of good photos that such an inspector may reject.
        labels: a table with the columns path and label, which count more than the folders do.

    Raises:
        CourseError: a value that cannot be.
    """

    minutes: float = 5.0
    seed: int = 0
    set_aside: bool = False
    lot_pattern: str | None = None
    positive: str | None = None
    cost_missed: float = 1.0
    upright: bool = False
    size: int | None = None
    good_only: bool = False
    overkill: float = 0.05
    labels: str | None = None

    def __post_init__(self) -> None:
        device.check_seed(self.seed)
        if not 0 < self.minutes < 10_000:
            raise CourseError(f"In {self.minutes} minutes nothing can be trained; choose 1 or more.")
        if self.size is not None and not 32 <= self.size <= 2048:
            raise CourseError(f"Photos cannot be seen at {self.size} pixels; choose a size of 32 to 2048.")
        if not 0 < self.cost_missed < math.inf:
            raise CourseError(f"A missed defect cannot cost {self.cost_missed}; choose a cost above 0.")
        if not 0 < self.overkill < 0.5:
            raise CourseError(f"An overkill of {self.overkill:g} cannot be aimed at; choose for example 0.05, for 5 %.")
        if self.good_only and self.cost_missed != 1:
            raise CourseError("Good photos alone cannot tell what is missed; say --overkill and not --cost-missed.")
        try:
            re.compile(self.lot_pattern or "")
        except re.error as error:
            why = f"The lot pattern '{self.lot_pattern}' is not a regular expression ({error})"
            raise CourseError(rf"{why}; write for example 'lot(\d+)'.") from error


@dataclass(frozen=True)
class Prepared:
    """The photos of a folder, checked and split.

    Attributes:
        index: the photos that are used, with the column ``split``, and ``lot`` where lots are known.
        classes: class names, the positive one last.
        left_out: photos that are not used, and why.
        usual: findings such as "nearly black" that many of these photos have.
        believed: what was looked at, what was found, and what it means for the result.
    """

    index: pd.DataFrame
    classes: list[str]
    left_out: dict[str, str]
    usual: list[str]
    believed: pd.DataFrame


def prepare(
    folder: str | os.PathLike, options: TrainingOptions, *, progress: bool = True, tell: Tell = say
) -> Prepared:
    """Check a folder, index it, and split it without a leak.

    Args:
        folder: photos, one sub-folder for each class.
        options: see `TrainingOptions`.
        progress: show progress bars.
        tell: takes each sentence that the learner should read.

    Raises:
        CourseError: unreadable photos (unless they may be set aside), too few photos, or lots
            that cannot be split.
    """
    passed_over: list[str] = []
    index = index_folder(folder, passed_over.append, fewest=1 if options.good_only else 2)
    for sentence in passed_over:
        tell(sentence)
    if options.labels is not None:
        index = _relabelled(index, options.labels, tell)
    classes, remarks = _classes(index, options)
    learned = classes[:1] if options.good_only else classes
    _check_counts(index, learned)
    tell(f"Checking {len(index)} photos in {shorten(folder)} …")
    findings = check_folder(folder, classes=classes, progress=progress)
    left_out = _left_out(index, findings, options)
    index = index[~index["path"].isin(left_out)].reset_index(drop=True)
    index = _split(index, findings, options, _check_counts(index, learned), tell)
    tell(splits.count_photos(index).reindex(classes, fill_value=0).to_string())
    for remark in remarks + [f"Left out: {path} ({why})" for path, why in left_out.items()][:20]:
        tell(remark)
    believed = belief(index, classes, findings, left_out, passed_over)
    # Good photos alone are neither split nor told from others: only the last two questions are about them.
    for row in believed[-2 if options.good_only else 0 :].itertuples(index=False):
        tell("{}: {}. {}".format(*row))
    shares = findings.loc[findings["path"].isin(index["path"]), "problem"].value_counts() / len(index)
    usual = [name for name in NO_PICTURE if shares.get(name, 0) >= USUAL]
    return Prepared(index, classes, left_out, usual, believed)


def _relabelled(index: pd.DataFrame, file: str, tell: Tell) -> pd.DataFrame:
    """The index with the labels of a table that a person has corrected."""
    table, names = read_table(file), {same_name(label): label for label in index["label"]}
    labels = table["label"].fillna("").map(same_name) if "label" in table else pd.Series([""] * len(table))
    if len(odd := table[~labels.isin(names)]):
        raise CourseError(
            f"The table {shorten(file)} has no label of a class for {odd['path'].iloc[0]}; write it there."
        )
    found = pd.Series(labels.map(names).to_numpy(), match_photos(table["path"], index["path"]))
    if len(odd := table[found.index == ""]):
        raise CourseError(
            f"The row {odd['path'].iloc[0]} of {shorten(file)} names no photo of the folder, or several; mend its path."
        )
    corrected = index["path"].map(found.groupby(level=0).last()).fillna(index["label"])
    changed = (corrected != index["label"]).sum()
    if not changed:
        raise CourseError(f"The table {shorten(file)} changes no label; save your corrections, or leave out --labels.")
    tell(f"{changed} labels are others than those of the folders, by {shorten(file)}.")
    return index.assign(label=corrected)


def _classes(index: pd.DataFrame, options: TrainingOptions) -> tuple[list[str], list[str]]:
    """The class names with the positive one last, and what to say about it."""
    if options.good_only:
        good = good_class(index["label"].unique(), options.positive)
        remarks = [f"The good photos are those of '{good}'; from all others nothing is learned."]
        return [good, *sorted({*index["label"]} - {good})], remarks
    classes = class_names(index, options.positive)
    if len(classes) > 2:
        if options.cost_missed != 1:
            raise CourseError(
                f"A missed defect can cost {options.cost_missed:g} only where there are two classes, and here "
                f"are {len(classes)} ({', '.join(classes)}); leave out --cost-missed, or put the photos of all "
                "defects into one folder."
            )
        return classes, []
    remarks = [f"The positive class is '{positive_class(classes, options.positive)}'."]
    if options.cost_missed == 1:
        remarks.append(
            "Both kinds of mistake count alike; if a missed defect costs you ten times as much as a "
            "good part that is rejected, say --cost-missed 10."
        )
    return classes, remarks


def _check_counts(index: pd.DataFrame, classes: list[str]) -> int:
    """How many photos the smallest class has."""
    counts = index["label"].value_counts().reindex(classes, fill_value=0)
    if len(classes) == 1 and counts.min() < FEWEST_GOOD:
        raise CourseError(
            f"The class '{classes[0]}' has {counts.min()} usable photos that differ, but only {FEWEST_GOOD} and more show "
            "how good parts differ; add photos of it."
        )
    if counts.min() < FEWEST:
        raise CourseError(
            f"The class '{counts.idxmin()}' has {counts.min()} usable photos, but training, validation "
            f"and test need at least {FEWEST} together; add photos of it (from {ENOUGH} on, a "
            "result begins to say something)."
        )
    return int(counts.min())


def _left_out(index: pd.DataFrame, findings: pd.DataFrame, options: TrainingOptions) -> dict[str, str]:
    """Photos that are not used, with the reason: unreadable ones, and exact copies."""
    label = dict(zip(index["path"], index["label"], strict=True))
    useless = findings[findings["problem"].isin(UNREADABLE) & findings["path"].isin(label)]
    found = {row.path: f"{row.problem}: {row.detail}" for row in useless.itertuples()}
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
        # The original may not be a photo of the index, such as one with the ending .jfif.
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
    rows = findings[findings["problem"] == problem]
    return list(zip(rows["path"], rows["original"], strict=True))


def _split(
    index: pd.DataFrame, findings: pd.DataFrame, options: TrainingOptions, smallest: int, tell: Tell
) -> pd.DataFrame:
    """The index with its split: by lot where lots are known, otherwise photo by photo."""
    validation = 0.15 if smallest >= 20 else 0.2  # a small class needs a larger share
    if options.lot_pattern is not None:
        index["lot"] = _lots_from_names(index["path"], options.lot_pattern)
    if options.good_only:  # near duplicates are kept together as if they were a lot
        index["lot"] = splits.lots(index) if "lot" in index else _group(index, _copies(findings, "near duplicate"))
        return index.assign(
            split=np.where(index["label"] == good_class(index["label"], options.positive), "train", "test")
        )
    if "split" in index:
        tell("The split of index.csv is used.")
        return _own_split(index)
    if "lot" not in index:
        return _split_at_random(index, _copies(findings, "near duplicate"), options, validation)
    if index["lot"].isna().any():
        photo = index["path"][index["lot"].isna()].iloc[0]
        raise CourseError(f"The photo {photo} has no lot in index.csv; write its lot there.")
    index["lot"] = splits.lots(index)
    try:
        return splits.lot_split(index, options.seed, validation=validation)
    except CourseError as error:
        raise CourseError(
            f"{error} Or try another --seed, or leave out --lot-pattern and the column 'lot' of index.csv to split "
            "photo by photo."
        ) from error


def _own_split(index: pd.DataFrame) -> pd.DataFrame:
    """The split that the learner has written into the table, if it can be used."""
    if splits.count_photos(index).to_numpy().min() == 0:
        raise CourseError(
            "The column 'split' of index.csv cannot be used: each class needs photos in train, validation and test "
            "there; complete it, or take the column out to split anew."
        )
    for name in {"part", "lot"} & {*index.columns}:
        spread = index.groupby(name)["split"].nunique()
        if spread.max() > 1:
            raise CourseError(
                f"The {name} {spread.idxmax()} is in two splits of index.csv; put all photos of it into one split."
            )
    # Lots that only some photos have do not tell that the test is about others.
    return index.drop(columns="lot") if "lot" in index and index["lot"].isna().any() else index


def _lots_from_names(paths: pd.Series, pattern: str) -> pd.Series:
    # Below the class folder: its name would give each class lots of its own.
    found = paths.map(lambda path: re.search(pattern, path.split("/", 1)[-1]))
    if found.isna().any():
        raise CourseError(
            f"The lot pattern '{pattern}' finds nothing in {paths[found.isna()].iloc[0]}; each photo needs a lot."
        )
    # Of alternatives such as "lot(\d+)|charge(\d+)", the group that was found counts.
    return found.map(lambda match: next(filter(None, match.groups()), match[0])).astype(str)


def _split_at_random(
    index: pd.DataFrame, copies: list[tuple[str, str]], options: TrainingOptions, validation: float
) -> pd.DataFrame:
    """Photo by photo; near duplicates of one label follow each other, or the test would know them."""
    part = _group(index, copies)
    # A folder of photos that are all alike would end up in one split; then they are split as they are.
    if np.bincount(part).max() <= 0.2 * len(index):
        with suppress(CourseError):  # too few photos of a class are no copies
            split = splits.random_split(index.assign(part=part), options.seed, validation=validation)["split"]
            return index.assign(split=split)
    return splits.random_split(index, options.seed, validation=validation)


def _group(index: pd.DataFrame, copies: list[tuple[str, str]]) -> np.ndarray:
    """A number for each photo; photos of one part, and near duplicates of one label, share it."""
    number, row = pd.factorize(splits.parts(index))[0], {path: row for row, path in enumerate(index["path"])}
    both = np.array([(row[a], row[b]) for a, b in copies if a in row and b in row], int).reshape(-1, 2)
    both = both[np.equal(*index["label"].to_numpy()[both].T)]
    return connected(len(index), number[both])[number]


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
