"""Divide an index into train, validation and test, and check that nothing leaks.

Introduced in lesson 5.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib.checks import connected, look_at_all, near_duplicates
from course_lib.data import photo_folder, read_table
from course_lib.errors import CourseError
from course_lib.paths import shorten, write_atomically

SPLITS = ("train", "validation", "test")


def random_split(index: pd.DataFrame, seed: int = 0, validation: float = 0.15, test: float = 0.25) -> pd.DataFrame:
    """Split photo by photo, stratified by label (and cell type where known).

    Stratified: each split gets the same share of each group, as near as whole photos
    allow. The result depends on the paths and the seed, not on the order of the rows. Of the
    photos of one part (column ``part``, where there is one) one is drawn, and the others follow it.

    Args:
        index: table of photos.
        seed: another seed, another split.
        validation, test: shares of all photos; the rest is for training.

    Returns:
        A copy of the index with the column ``split``: "train", "validation" or "test".

    Raises:
        CourseError: impossible shares, or a class with too few photos to be in every split.

    Example:
        >>> table = pd.DataFrame({"path": list("abcdefgh"), "label": list("xxxxyyyy")})
        >>> random_split(table, validation=0.25, test=0.25)["split"].value_counts().to_dict()
        {'train': 4, 'validation': 2, 'test': 2}
    """
    _check_shares(validation, test)
    leader = index["path"].groupby(parts(index).to_numpy(), sort=False).transform("min")
    drawn = index[(index["path"] == leader).to_numpy()]
    split: dict[str, str] = {}
    for _, group in drawn["path"].groupby(_strata(drawn).to_numpy()):
        order = _shuffled(group.set_axis(group), seed)
        first, second = round(len(order) * test), round(len(order) * (test + validation))
        split |= dict.fromkeys(order, "train") | dict.fromkeys(order[:second], "validation")
        split |= dict.fromkeys(order[:first], "test")
    result = index.assign(split=leader.map(split))
    _check_classes(result, validation)
    return result


def parts(index: pd.DataFrame) -> pd.Series:
    """Which physical part each photo shows; where nobody knows it, the photo's path stands for it.

    Example:
        >>> parts(pd.DataFrame({"path": ["a", "b", "c"], "part": ["7", "7", None]})).tolist()
        ['7', '7', 'c']
    """
    return index["part"].fillna(index["path"]) if "part" in index else index["path"]


def lots(index: pd.DataFrame, size: int = 60) -> pd.Series:
    """Name the lot of each photo: a block of consecutive files of one cell type.

    The solar-cell files carry no module number. But neighbouring files come from the same
    module, so a block of neighbours is an approximation of a lot. A column ``lot`` in the
    index, where the factory knows better, is used as it is. Lots that share a part (column
    ``part``) are one: its photos would otherwise be in two.

    Returns:
        One lot name for each row, such as ``mono-03``, or ``mono-03+mono-07`` for lots that are one.

    Raises:
        CourseError: nothing in the index tells the lots, or a photo has no position.

    Example:
        >>> table = pd.DataFrame({"position": [0, 1, 2], "cell_type": ["mono", "mono", "poly"]})
        >>> lots(table, size=2).tolist()
        ['mono-00', 'mono-00', 'poly-00']
    """
    if size < 1:
        raise CourseError(f"A lot cannot hold {size} photos; choose a size of 1 or more.")
    if "lot" in index:
        return _merged(index["lot"].astype(str), index)
    if "position" not in index:
        raise CourseError(
            "The index has neither a column 'lot' nor 'position', so its lots are unknown; add a "
            "column 'lot' to index.csv that says which photos were made together."
        )
    unknown = index["position"].isna()
    if unknown.any():
        raise CourseError(
            f"The photo {index['path'][unknown].iloc[0]} has no position in index.csv, so its lot is "
            "unknown; add its row there, or take the photo out of the folder."
        )
    kind = index["cell_type"].astype(str) if "cell_type" in index else pd.Series("lot", index=index.index)
    rank = index.groupby(kind)["position"].rank(method="first").astype(int) - 1
    lot = kind + "-" + (rank // size).astype(str).str.zfill(2)
    return _merged(lot, index) if "part" in index else lot


def _merged(lot: pd.Series, index: pd.DataFrame) -> pd.Series:
    """The lots, those that share a part under one name; also if only a third lot connects them."""
    number, names = pd.factorize(lot, sort=True)
    part = pd.factorize(parts(index))[0]
    # Each photo ties its lot to its part; parts are counted on from the last lot.
    group = connected(len(names) + len(index), np.column_stack([number, len(names) + part]))[: len(names)]
    together = pd.Series(names).groupby(group).agg("+".join)
    return pd.Series(together.loc[group[number]].to_numpy(), lot.index)


def lot_split(
    index: pd.DataFrame, seed: int = 0, validation: float = 0.15, test: float = 0.25, lot_size: int = 60
) -> pd.DataFrame:
    """Split lot by lot: all photos of a lot go to the same split.

    The lots are dealt out so that each split comes close to its share of every class (and
    cell type). With few large lots the shares can only be approximate.

    Returns:
        A copy of the index with the columns ``lot`` and ``split``.

    Raises:
        CourseError: fewer than three lots, impossible shares, or a class missing from a split.
    """
    _check_shares(validation, test)
    lot = lots(index, lot_size)
    counts = pd.crosstab(lot, _strata(index))
    if len(counts) < 3:
        raise CourseError(
            f"There are only {len(counts)} lots, but each of train, validation and test needs one; "
            "collect photos of more lots or split at random."
        )
    split_of_lot = _deal_lots(counts, lot, seed, {"validation": validation, "test": test})
    result = index.assign(lot=lot, split=lot.map(split_of_lot))
    _check_classes(result, validation)
    return result


def _deal_lots(counts: pd.DataFrame, lot: pd.Series, seed: int, shares: dict[str, float]) -> dict[str, str]:
    """Give each lot to the split that lacks its kind of photos most, in a seeded order."""
    shares = {"train": 1 - sum(shares.values()), **shares}
    wanted = np.outer(list(shares.values()), counts.sum())  # photos of each kind in each split
    filled = np.zeros_like(wanted)
    split_of_lot = {}
    for name in _shuffled(pd.Series(counts.index, index=counts.index), seed):
        # How far all splits are from their shares, if this lot goes to the first, to the second …
        outcomes = [filled + np.outer(chosen, counts.loc[name]) for chosen in np.eye(len(shares))]
        badness = [(((have - wanted) / np.sqrt(wanted)) ** 2).sum(axis=1).sum() for have in outcomes]
        best = int(np.argmin(badness))
        filled = outcomes[best]
        split_of_lot[name] = list(shares)[best]
    return split_of_lot


def lot_folds(index: pd.DataFrame, folds: int = 4, seed: int = 0, lot_size: int = 60) -> pd.Series:
    """Number the folds 0…folds−1 so that no lot is in two of them.

    One lot split depends much on which lots it happens to draw; the mean over all folds does
    not. The classes are spread over the folds as evenly as whole lots allow.

    Returns:
        One fold number for each row.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    result = pd.Series(0, index=index.index)
    for number, (_, rows) in enumerate(dealer.split(index, _strata(index), lots(index, lot_size))):
        result.iloc[rows] = number
    return result


def check_for_leaks(index: pd.DataFrame, progress: bool = False) -> pd.DataFrame:
    """Check whether a photo is in two splits, also as a copy, or a part or a lot.

    It is a check and no proof: of copies it finds those that `course_lib.checks.near_duplicates`
    finds, and parts and lots it knows only where the index has a column ``part`` or ``lot``.

    Args:
        index: table with the column ``split``.
        progress: show a progress bar.

    Returns:
        One row for each check: ``check``, ``leaks`` (how many things are in two splits) and
        ``example``, a photo of the first of them.

    Raises:
        CourseError: a photo cannot be read, or the index does not know its folder.
    """
    facts = look_at_all(photo_folder(index), list(index["path"]), progress)
    missing = next((photo.path for photo in facts if not photo.digest), None)
    if missing is not None:
        raise CourseError(
            f"The photo {missing} of the index cannot be found or is empty; make the index again with index_folder."
        )
    things = {
        "same path": index["path"],
        "same bytes": [photo.digest for photo in facts],
        "near duplicate": _alike(facts),
    }
    things |= {f"same {name}": index[name] for name in ("part", "lot") if name in index}
    rows = []
    for check, thing in ((check, np.asarray(thing)) for check, thing in things.items()):
        leaking = (index["split"].groupby(thing).transform("nunique") > 1).to_numpy()
        rows.append((check, len(pd.unique(thing[leaking])), next(iter(index["path"][leaking]), "")))
    return pd.DataFrame(rows, columns=["check", "leaks", "example"])


def _alike(facts: list) -> np.ndarray:
    """A group number for each photo; photos that are near duplicates share it."""
    rows = np.array([row for row, photo in enumerate(facts) if photo.has_contrast], int)
    if len(rows) < 2:
        return np.arange(len(facts))
    pairs = near_duplicates(np.stack([facts[row].thumbnail for row in rows]))
    return connected(len(facts), rows[pairs[["first", "second"]].to_numpy(int)])


def save_split(index: pd.DataFrame, path: str | os.PathLike) -> Path:
    """Save an index with its split as a CSV table."""
    with write_atomically(path) as temporary:
        index.to_csv(temporary, index=False, lineterminator="\n")
    return Path(path)


def load_split(path: str | os.PathLike, folder: str | os.PathLike) -> pd.DataFrame:
    """Load a table saved by `save_split`, for the photos in ``folder``.

    Raises:
        CourseError: the table is missing, is no split table, or names a photo that is not there.
    """
    try:
        index = read_table(path)
    except CourseError as error:
        raise CourseError(f"{error} If it holds a split, make it again (lesson 5).") from error
    if not {"path", "label", "split"} <= set(index) or not set(index["split"]) <= set(SPLITS):
        raise CourseError(
            f"The table {shorten(path)} needs the columns path, label and split (one of "
            f"{', '.join(SPLITS)}); make it again (lesson 5)."
        )
    missing = [path for path in index["path"] if not (Path(folder) / path).exists()]
    if missing:
        raise CourseError(
            f"{len(missing)} photos of {shorten(path)} are not in {shorten(folder)} (the first is "
            f"{missing[0]}); delete the table to split the folder again."
        )
    index.attrs["folder"] = str(folder)
    return index


def count_photos(index: pd.DataFrame) -> pd.DataFrame:
    """How many photos of each class are in each split; a split without any has a column too.

    Example:
        >>> count_photos(pd.DataFrame({"label": ["good", "good"], "split": ["train", "test"]})).loc["good"].to_dict()
        {'train': 1, 'validation': 0, 'test': 1}
    """
    return pd.crosstab(index["label"], index["split"]).reindex(columns=list(SPLITS), fill_value=0)


def _strata(index: pd.DataFrame) -> pd.Series:
    """What each split is to have its share of: the label, with the cell type where known."""
    if "cell_type" in index:
        return index["label"] + " " + index["cell_type"].astype(str)
    return index["label"]


def _shuffled(names: pd.Series, seed: int) -> list:
    """The row keys in an order that depends on the names and the seed alone."""
    keys = {
        key: hashlib.sha256(f"{seed}:{name}".encode(errors="surrogateescape")).hexdigest()
        for key, name in names.items()
    }
    return sorted(keys, key=keys.__getitem__)


def _check_shares(validation: float, test: float) -> None:
    if not (0 <= validation < 1 and 0 < test < 1 and validation + test < 1):
        raise CourseError(
            f"The shares validation={validation} and test={test} leave nothing for training; "
            "choose shares between 0 and 1 whose sum is below 1."
        )


def _check_classes(index: pd.DataFrame, validation: float) -> None:
    table = count_photos(index).drop(columns=[] if validation > 0 else ["validation"]).stack()
    if (table == 0).any():
        label, split = table.idxmin()
        raise CourseError(
            f"The class '{label}' has no photo in the {split} split; add photos of this class or choose other shares."
        )
