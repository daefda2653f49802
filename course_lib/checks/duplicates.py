"""Which photos are copies of each other, although their files differ? (lesson 2)

A copy that was turned, saved again with losses, made smaller,
or brightened has other bytes, so comparing files does not find it. Two steps do:

1. *Candidates.* Every photo becomes a list of 256 numbers (`signatures`) that a change of
   brightness hardly moves. The nearest few of each photo, in all eight views (four turns,
   each also mirrored), are candidates.
2. *Verification.* `unexplained` asks of a candidate pair: is there one tone curve that
   turns one photo into the other? What no such curve explains is the difference.

Photos of one kind of part look alike without being copies. So the folder itself says how
alike strangers are, and a copy must be much closer than that.

What it does not find: a copy that was cropped, even by 2 %, or turned by a few degrees, and a
second photo of the same part. There the points no longer lie on each other. Of solar cells
changed in these ways it finds none; studies/duplicate_finders.py measures it.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from scipy.fft import dctn
from scipy.ndimage import uniform_filter

THUMBNAIL_SIZE = 64
NEIGHBOURS = 6
VIEW_NAMES = (
    "not turned",
    "mirrored upside down",
    "mirrored left to right",
    "turned by 180°",
    "mirrored along a diagonal",
    "turned left by 90°",
    "turned right by 90°",
    "mirrored along the other diagonal",
)
# A pair that differs by less than one of these is a copy (columns of `_differences`).
# studies/duplicate_finders.py measures what they find and how often they are wrong.
SMALLEST_LIMITS = np.array([0.002, 0.003, 0.007])
LARGEST_LIMITS = np.array([0.03, 0.03, 0.06])


def views(images: np.ndarray) -> Iterator[np.ndarray]:
    """The eight views of square images, shape (N, size, size): four turns and their mirrors.

    Example:
        >>> corner = np.array([[[1, 0], [0, 0]]])
        >>> sum(int(view[0, 0, 0]) for view in views(corner))
        2
    """
    for turned in (images, images.transpose(0, 2, 1)):
        yield turned
        yield turned[:, ::-1]
        yield turned[:, :, ::-1]
        yield turned[:, ::-1, ::-1]


def shrink(images: np.ndarray, size: int) -> np.ndarray:
    """Average square images (N, S, S) down to (N, size, size); S is a multiple of size."""
    step = images.shape[1] // size
    return images.reshape(-1, size, step, size, step).mean(axis=(2, 4), dtype=np.float32)


def without_bars(images: np.ndarray) -> np.ndarray:
    """Take each row's and each column's mean away, so that straight bars vanish.

    All cells of one type share their bars and their frame; what remains is their own.
    """
    rows = images.mean(axis=1, keepdims=True)
    columns = images.mean(axis=2, keepdims=True)
    return images - rows - columns + images.mean(axis=(1, 2), keepdims=True)


def signatures(thumbnails: np.ndarray) -> np.ndarray:
    """256 numbers for each thumbnail that brightness and contrast hardly change.

    Each point is compared with its 5 × 5 neighbourhood and divided by the contrast there.

    Args:
        thumbnails: uint8, shape (N, 64, 64).

    Returns:
        float32, shape (N, 256); each row has length 1, so a product of two rows is their
        correlation.
    """
    images = shrink(thumbnails, 16)
    detail = images - uniform_filter(images, (1, 5, 5), mode="mirror")
    contrast = np.sqrt(np.maximum(uniform_filter(detail**2, (1, 5, 5), mode="mirror"), 0))
    detail = without_bars(detail / (contrast + 4)).reshape(len(images), -1)
    return detail / (np.linalg.norm(detail, axis=1, keepdims=True) + 1e-6)


def invariants(signature: np.ndarray) -> np.ndarray:
    """Signatures made blind to turns and mirrors, to find candidates in one go.

    In the cosine transform (DCT) of a picture a mirror only changes signs and a quarter
    turn also swaps rows with columns. So the magnitudes, with each number and its swapped
    partner replaced by the larger and the smaller of the two, are the same in all views.
    """
    magnitude = np.abs(dctn(signature.reshape(-1, 16, 16), axes=(1, 2)))
    swapped = magnitude.transpose(0, 2, 1)
    upper = np.triu(np.ones((16, 16), bool))
    blind = np.where(upper, np.maximum(magnitude, swapped), np.minimum(magnitude, swapped))
    blind = np.sqrt(blind.reshape(len(signature), -1))
    blind -= blind.mean(axis=0, keepdims=True)
    return blind / (np.linalg.norm(blind, axis=1, keepdims=True) + 1e-6)


def candidates(thumbnails: np.ndarray) -> pd.DataFrame:
    """Pairs of photos that may be copies: the nearest few of each photo.

    Args:
        thumbnails: uint8, shape (N, 64, 64).

    Returns:
        One row for each pair: ``first`` and ``second`` (row numbers, first < second),
        ``view`` (number of the view of the second photo that fits best) and
        ``correlation`` (1 for a perfect copy).
    """
    from sklearn.neighbors import NearestNeighbors  # slow to start

    own = signatures(thumbnails)
    nearest = NearestNeighbors(n_neighbors=min(NEIGHBOURS + 1, len(own))).fit(blind := invariants(own))
    found = nearest.kneighbors(blind, return_distance=False)
    pairs = np.column_stack([np.repeat(np.arange(len(own)), found.shape[1]), found.ravel()])
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)  # a photo is nearest to itself
    images = own.reshape(-1, 16, 16)

    def best_view(block: slice) -> np.ndarray:
        first, second = (images[rows] for rows in pairs[block].T)
        # The signature of a turned photo is the turned signature.
        products = [np.einsum("nij,nij->n", first, view) for view in views(second)]
        return np.stack([np.argmax(products, axis=0), np.max(products, axis=0)], axis=1)

    view, correlation = _in_blocks(best_view, len(pairs), 2000).T
    found = {"first": pairs[:, 0], "second": pairs[:, 1], "view": view.astype(np.int64), "correlation": correlation}
    return pd.DataFrame(found)


def _in_blocks(function: Callable[[slice], np.ndarray], count: int, step: int) -> np.ndarray:
    """What the function makes of each block of rows, on all cores; memory holds a few blocks."""
    blocks = [slice(start, min(start + step, count)) for start in range(0, count, step)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate(list(pool.map(function, blocks)))


def _level(thumbnails: np.ndarray, size: int) -> np.ndarray:
    """Averages of size × size points; NaN where black or white may be cut off."""
    small = shrink(thumbnails, size)
    cut_off = shrink((thumbnails <= 8) | (thumbnails >= 245), size) > 0
    small[cut_off] = np.nan
    return small


def unexplained(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How much of each photo pair no tone curve explains: as it is, and without bars.

    A tone curve (here a polynomial of degree 3) turns grey values into grey values: more
    brightness, more contrast, another gamma. If the second photo is a copy of the first,
    one curve explains it nearly completely.

    Args:
        first: averages of thumbnails, NaN where black or white may be cut off, shape (N, size, size).
        second: their partners, in the view in which they fit.

    Returns:
        float, shape (N, 2): the unexplained share of the variance, 0 for a perfect copy and about 1
        for strangers.

    Example:
        >>> photo = np.random.default_rng(0).uniform(50, 200, (1, 32, 32))
        >>> bool((unexplained(photo, photo * 1.1 + 10) < 0.001).all())
        True
    """
    valid = ~(np.isnan(first) | np.isnan(second))
    count = valid.sum(axis=(1, 2), keepdims=True) + 1e-6
    wanted = _centred(second, valid, count)
    residual = wanted - _tone_curve(_centred(first, valid, count), wanted, valid, count)
    both = ((residual, wanted), (without_bars(residual), without_bars(wanted)))
    shares = np.stack([_energy(left) / (_energy(all_of_it) + 1e-6) for left, all_of_it in both], axis=1)
    shares[count.ravel() < 0.1 * valid[0].size] = 1.0  # too few points left to judge
    return shares


def _energy(images: np.ndarray) -> np.ndarray:
    return np.einsum("nij,nij->n", images, images)


def _centred(images: np.ndarray, valid: np.ndarray, count: np.ndarray) -> np.ndarray:
    images = np.where(valid, images, 0)
    mean = images.sum(axis=(1, 2), keepdims=True) / count
    return ((images - mean) * valid).astype(np.float32)


def _tone_curve(values: np.ndarray, wanted: np.ndarray, valid: np.ndarray, count: np.ndarray) -> np.ndarray:
    """``wanted`` as the best polynomial of degree 3 of ``values`` (least squares)."""
    values = values / np.sqrt(_energy(values)[:, None, None] / count + 1e-6)
    square = values * values
    powers = np.stack([valid, values, square, square * values], axis=1, dtype=np.float32)
    powers = powers.reshape(len(values), 4, -1)
    products = powers @ powers.transpose(0, 2, 1) + 1e-3 * np.eye(4, dtype=np.float32)
    targets = powers @ wanted.reshape(len(values), -1, 1)
    curve = np.linalg.solve(products, targets)
    return (curve.transpose(0, 2, 1) @ powers).reshape(values.shape)


def near_duplicates(thumbnails: np.ndarray) -> pd.DataFrame:
    """Find the pairs of photos that are copies of each other.

    Args:
        thumbnails: uint8, shape (N, 64, 64), one for each photo. Leave out what has no
            contrast: one black photo equals another.

    Returns:
        One row for each pair: ``first``, ``second`` (row numbers, first < second),
        ``view`` (how the second must be turned to fit, a number of `VIEW_NAMES`) and
        ``difference`` (0 for a perfect copy; at most 1 times the limit counts as copy).

    Example:
        >>> photos = np.random.default_rng(0).integers(50, 200, (5, 64, 64)).astype(np.uint8)
        >>> photos[4] = photos[1, ::-1]
        >>> near_duplicates(photos)[["first", "second"]].to_numpy().tolist()
        [[1, 4]]
    """
    if len(thumbnails) < 2:
        return pd.DataFrame(columns=["first", "second", "view", "difference"])
    pairs = candidates(thumbnails)
    shares = _differences(thumbnails, pairs)
    distance = (shares / _limits(pairs, shares)).min(axis=1)
    pairs = pairs.drop(columns="correlation").assign(difference=distance)
    return pairs[distance <= 1].reset_index(drop=True)


def connected(count: int, pairs: np.ndarray) -> np.ndarray:
    """Number the groups of things that pairs tie together, directly or through others.

    Args:
        count: how many things there are; they are numbered from 0.
        pairs: which two belong together, shape (N, 2).

    Returns:
        One group number for each thing.

    Example:
        >>> connected(5, np.array([[0, 3], [3, 4]])).tolist()
        [0, 1, 2, 0, 0]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ties = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (count, count))
    return connected_components(ties, directed=False)[1]


def _differences(thumbnails: np.ndarray, pairs: pd.DataFrame) -> np.ndarray:
    """`unexplained` of each candidate pair, both ways; the fine look only at promising ones.

    Returns:
        Shape (N, 3): of 16 × 16 points, of 32 × 32 points, and of 32 × 32 points without bars.
    """
    shares = np.ones((len(pairs), 3))
    coarse = _in_blocks(lambda block: _level(thumbnails[block], 16), len(thumbnails), 500)

    def compare(rows: np.ndarray, images: Callable[[pd.Series], np.ndarray]) -> np.ndarray:
        def compare_block(block: slice) -> np.ndarray:
            chosen = pairs.iloc[rows[block]]
            first = images(chosen["first"])
            second = _in_view(images(chosen["second"]), chosen["view"])
            return np.minimum(unexplained(first, second), unexplained(second, first))

        return _in_blocks(compare_block, len(rows), 500) if len(rows) else np.ones((0, 2))

    promising = np.flatnonzero(pairs["correlation"] > 0.4)
    shares[promising, 0] = compare(promising, lambda rows: coarse[rows])[:, 0]
    # Exactly 1: too many points were cut off for the coarse look to judge.
    promising = promising[(shares[promising, 0] < 0.05) | (shares[promising, 0] == 1.0)]
    shares[promising, 1:] = compare(promising, lambda rows: _level(thumbnails[rows], 32))
    return shares


def _in_view(images: np.ndarray, view: pd.Series) -> np.ndarray:
    turned = np.empty_like(images)
    for number, all_in_view in enumerate(views(images)):
        wanted = view.to_numpy() == number
        turned[wanted] = all_in_view[wanted]
    return turned


def _limits(pairs: pd.DataFrame, shares: np.ndarray) -> np.ndarray:
    """How different a copy may be here: far less than photos of this folder are anyway.

    In a folder of one kind of part, strangers are alike, so the limits are small. Where
    even the more alike photos differ much, a copy may differ more too. Photos that surely
    have a copy say nothing about strangers, so they are not asked.
    """
    count = int(pairs["second"].max()) + 1
    nearest = np.ones((count, 3))
    for column in ("first", "second"):
        np.minimum.at(nearest, pairs[column].to_numpy(), shares)
    without_copy = nearest[(nearest > SMALLEST_LIMITS).all(axis=1), 0]
    usual = np.quantile(without_copy, 0.3) if len(without_copy) else 0.0
    # The more photos, the more alike are the two most alike strangers among them.
    usual /= 30 * max(1.0, np.sqrt(count / 100))
    return np.clip(usual * np.array([1, 1, 2]), SMALLEST_LIMITS, LARGEST_LIMITS)
