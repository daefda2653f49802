"""Which photos show the same physical part? (lessons 4 and 5)

`near_duplicates` is strict, because different parts of one kind may be as alike as two photos of the
same part. Here the order of the files helps: a series that was photographed twice lies a fixed number
of places apart, and strangers that are alike by chance do not.
"""

import numpy as np
import pandas as pd

from course_lib.checks.duplicates import connected, signatures
from course_lib.checks.folder import look_at_all
from course_lib.data import photo_folder

ALIKE = 0.96  # correlation of two signatures, from which on two photos may show the same part
NEIGHBOURHOOD = 100  # places; photos that lie nearer were made together, so they are alike anyway
FEWEST = 10  # pairs that make a series


def photographed_twice(thumbnails: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Find a series that was photographed twice: many alike pairs, all at the same distance.

    Args:
        thumbnails: uint8, shape (N, 64, 64).
        position: the place of each photo in the order in which they were taken, shape (N,).

    Returns:
        Row numbers of both photos of each pair, shape (pairs, 2). Each photo is compared with the photo
        that is most like it, and is not near it. If fewer than `FEWEST` pairs, or less than half of
        them, have the same distance, it was no series, and there is no pair.

    Example:
        >>> photos = np.random.default_rng(0).integers(0, 255, (300, 64, 64)).astype(np.uint8)
        >>> photos[200:220] = photos[20:40]
        >>> photographed_twice(photos, np.arange(300))[0].tolist()
        [20, 200]
    """
    pattern, best = signatures(thumbnails), []
    for rows in np.array_split(np.arange(len(pattern)), len(pattern) // 1000 + 1):  # memory holds a block
        near = np.abs(position[rows, None] - position) < NEIGHBOURHOOD
        best.append(np.where(near, -1, pattern[rows] @ pattern.T).argmax(axis=1))
    pairs = np.column_stack([np.arange(len(pattern)), np.concatenate(best)])
    distance = np.abs(np.diff(position[pairs], axis=1)).ravel()
    alike = ((pattern * pattern[pairs[:, 1]]).sum(axis=1) > ALIKE) & (distance >= NEIGHBOURHOOD)
    values, counts = np.unique(distance[alike], return_counts=True)
    if counts.max(initial=0) < max(2 * FEWEST, alike.sum() / 2):  # each pair is found from both its photos
        return np.empty((0, 2), int)
    return np.unique(np.sort(pairs[alike & (distance == values[counts.argmax()])]), axis=0)


def find_parts(index: pd.DataFrame, progress: bool = False) -> pd.DataFrame:
    """Add the column ``part``: photos of one physical part share a value.

    Args:
        index: table of photos. A column ``part`` in it is kept; without a column ``position``
            nobody knows the order, so nothing is looked for.
        progress: show a progress bar.

    Returns:
        A copy of the index with the column ``part``; a photo without a twin has its own path there.
    """
    if "part" in index:
        return index.copy()
    part = index["path"].to_numpy()
    known = index["position"].notna().to_numpy() if "position" in index else np.zeros(len(index), bool)
    if known.any():
        facts = look_at_all(photo_folder(index), list(index["path"]), progress)
        rows = np.array([row for row, photo in enumerate(facts) if known[row] and photo.has_contrast], int)
        if len(rows) > NEIGHBOURHOOD:
            pictures = np.stack([facts[row].thumbnail for row in rows])
            pairs = rows[photographed_twice(pictures, index["position"].iloc[rows].to_numpy(int))]
            part = pd.Series(part).groupby(connected(len(part), pairs)).transform("min").to_numpy()
    return index.assign(part=part)
