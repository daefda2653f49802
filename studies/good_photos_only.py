"""What can an inspector do that has seen good photos only, and does it notice photos of another kind?

    python studies/good_photos_only.py [--data FOLDER] [--good 200] [--draws 3]

Four ways learn from the same good photos alone and judge the same others, good and defective:

- photo: Mahalanobis distance of the photo over stages 3 to 7, as `train --good-only` does;
- place: a Gaussian for each place of stage 5, the ten furthest places averaged (its heat map as a judge);
- both: the sum of the two, each in spreads of the good photos;
- memory: nearest neighbour in a bank of patches of stage 5, chosen one by one as far from each other as
  possible (Roth et al. 2022, PatchCore; here 1,000 patches).

The limit is the 95 % quantile of the good photos that learn, each judged by the others; for the memory bank,
which takes long, by one half of them. A fifth row repeats the first way with a twentieth of the good photos
replaced by defective ones. Beside them stands a linear classifier that has labels of both kinds, which the
others have not. Photos: solar cells, made plates (brushed metal, a quarter with a faint scratch),
and a folder with two classes for ``--data``; of two flowers the first is the good one.

The second table: photos of each of these sets, and three everyday photos, are shown to an inspector of each other
set. It keeps the mean of the middle stage for its photos; a photo is foreign if the nearest of them is farther than
99 % of its own kind lie.

Not on this list are photos of screws, tiles and castings, on which the settings were chosen: they may not be
passed on with the course.

Time: some three minutes of one processor for 150 good photos of three sets, half of it for features.
Results: studies/results/good_photos_only.csv and good_photos_only_foreign.csv
"""

import argparse
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import torch
from own_photos import make_parts
from study_tools import arguments, photo_index, print_and_save, run

from course_lib import data, device, evaluation, features, models
from course_lib.inference import Familiar

SIZE, JUDGES, OVERKILL, TOP, BANK = 320, 80, 0.05, 10, 1000


def main(given: argparse.Namespace) -> None:
    """Judge with all ways on all sets, then show each set to the others."""
    device.seed_everything(given.seed)
    backbone = models.load_backbone()
    rows, seen = [], {}
    with tempfile.TemporaryDirectory(prefix="plates-") as folder:
        sets = {
            "solar cells": photo_index(None),
            "made plates": data.index_folder(make_parts(Path(folder) / "parts", given.seed, given.limit)),
        }
        if given.data:
            sets["two kinds"] = photo_index(given.data).drop(columns="split", errors="ignore")
        for name, index in sets.items():
            classes = data.class_names(index)
            groups = [index[index["label"] == label].sample(frac=1, random_state=given.seed) for label in classes]
            most = min(given.limit or given.good, len(groups[0]) * 2 // 3)
            good, bad = groups[0].head(most + JUDGES), groups[1].head(JUDGES + JUDGES)
            both = pd.concat([good, bad], ignore_index=True)
            both.attrs["folder"] = index.attrs["folder"]
            described = np.array(features.extract(both, backbone, size=SIZE))
            maps = np.array(features.extract(both, backbone, size=SIZE, stages=features.PLACE_STAGE, maps=True))
            seen[name] = backbone.middle_means(described[: len(good)])
            for draw in range(given.draws):
                order = np.random.default_rng(draw).permutation(len(good))
                rows += [
                    {"photos": name, "draw": draw} | row
                    for row in compared(described, maps, order[:most], order[most:], len(good), backbone)
                ]
    everyday = pd.DataFrame({"path": [str(path) for path in data.everyday_photos().values()]})
    everyday.attrs["folder"] = "/"
    shown = {"everyday photos": backbone.middle_means(np.array(features.extract(everyday, backbone, size=SIZE)))}
    table = pd.DataFrame(rows)
    print_and_save(table, "good_photos_only", given.limit)
    print(
        table.groupby(["photos", "way"], sort=False)[["area under ROC", "missed", "overkill", "seconds"]]
        .mean()
        .round(3)
        .to_string()
    )
    print_and_save(foreign(seen, shown, given.draws), "good_photos_only_foreign", given.limit)


def compared(
    described: np.ndarray,
    maps: np.ndarray,
    learn: np.ndarray,
    judge: np.ndarray,
    first_bad: int,
    backbone: models.Backbone,
) -> list[dict]:
    """One row for each way: how it judges the same photos."""
    bad = np.arange(first_bad, len(described))
    taught, bad = bad[: len(bad) // 2], bad[len(bad) // 2 :]  # only the classifier learns from some of them
    shown = np.concatenate([judge, bad])
    labels = np.repeat([0, 1], [len(judge), len(bad)])
    rows, scores = [], {}

    def row(way: str, held_back: np.ndarray, found: np.ndarray, start: float) -> None:
        limit = np.quantile(held_back, 1 - OVERKILL)
        scores[way] = held_back, found
        rows.append(judged(way, labels, found, limit) | {"learned": len(learn), "seconds": process_time() - start})

    start = process_time()
    held_back = features.cross_fitted(described[learn], learn >= 0, learn, backbone).log().numpy()
    facts = features.fit(described[learn], backbone)
    row("photo", held_back, features.distance(torch.from_numpy(described[shown]), facts).log().numpy(), start)
    start = process_time()
    held_back = np.concatenate([of_places(maps, some, rest) for some, rest in halves(learn)])
    row("place", held_back, of_places(maps, learn, shown), start)
    (photo, photo_found), (place, place_found) = scores["photo"], scores["place"]
    place = place[np.argsort(np.concatenate([rest for _, rest in halves(np.arange(len(learn)))]))]
    scaled = [
        (values - np.median(of)) / of.std()
        for of, values in ((photo, photo), (place, place), (photo, photo_found), (place, place_found))
    ]
    row("both", scaled[0] + scaled[1], scaled[2] + scaled[3], process_time())
    start = process_time()
    spoiled = np.concatenate([learn[len(learn) // 20 :], taught[: len(learn) // 20]])
    held_back = features.cross_fitted(described[spoiled], spoiled >= 0, spoiled, backbone).log().numpy()
    facts = features.fit(described[spoiled], backbone)
    row(
        "photo, 5 % defective",
        held_back,
        features.distance(torch.from_numpy(described[shown]), facts).log().numpy(),
        start,
    )
    start = process_time()
    (some, rest), _ = halves(learn)
    row("memory", of_memory(maps, some, rest), of_memory(maps, learn, shown), start)
    start = process_time()
    both = np.concatenate([learn, taught])
    probe = features.linear_probe().fit(described[both], np.repeat([0, 1], [len(learn), len(taught)]))
    found = probe.predict_proba(described[shown])[:, 1]
    rows.append(
        judged("classifier with labels", labels, found, 0.5) | {"learned": len(both), "seconds": process_time() - start}
    )
    return rows


def judged(way: str, labels: np.ndarray, found: np.ndarray, limit: float) -> dict:
    """Area under ROC with its interval, and the two mistakes at the limit."""
    from sklearn.metrics import roc_auc_score

    low, high = evaluation.bootstrap_interval(roc_auc_score, labels, found, repeats=200)
    return {
        "way": way,
        "area under ROC": roc_auc_score(labels, found),
        "from": low,
        "to": high,
        "missed": float((found[labels == 1] < limit).mean()),
        "overkill": float((found[labels == 0] >= limit).mean()),
    }


def halves(rows: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each half with the other one."""
    return [(rows[::2], rows[1::2]), (rows[1::2], rows[::2])]


def of_places(maps: np.ndarray, learn: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """The mean distance of the ten furthest places of each photo."""
    facts = features.fit_places(maps[learn])
    found = [
        features.place_distance(torch.tensor(maps[some], dtype=torch.float32), facts).flatten(1)
        for some in np.array_split(shown, 10)
    ]
    return np.sort(torch.cat(found).numpy(), axis=1)[:, -TOP:].mean(axis=1)


def of_memory(maps: np.ndarray, learn: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """The mean distance of the ten furthest patches of each photo to the nearest patch of the bank."""
    patches = torch.tensor(maps[learn], dtype=torch.float32).flatten(2).transpose(1, 2).flatten(0, 1)
    bank = patches[k_centre(patches, BANK)]
    found = []
    for row in shown:
        away = torch.cdist(torch.tensor(maps[row], dtype=torch.float32).flatten(1).T, bank).amin(dim=1)
        found.append(float(away.topk(min(TOP, len(away))).values.mean()))
    return np.array(found)


def k_centre(patches: torch.Tensor, count: int) -> list[int]:
    """Rows of patches, each as far as possible from those before; in 32 random directions, which is quick."""
    generator = torch.Generator().manual_seed(0)
    small = patches @ torch.randn(patches.shape[1], 32, generator=generator)
    chosen, nearest = [0], (small - small[0]).square().sum(dim=1)
    while len(chosen) < min(count, len(small)):
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, (small - small[chosen[-1]]).square().sum(dim=1))
    return chosen


def foreign(seen: dict[str, np.ndarray], shown: dict[str, np.ndarray], draws: int) -> pd.DataFrame:
    """How many photos of one set an inspector of another one notices, and how many of its own it does not know."""
    rows = []
    for own, features_of_own in seen.items():
        for draw in range(draws):
            order = np.random.default_rng(draw).permutation(len(features_of_own))
            learn, held_back, new = np.split(order, [len(order) // 2, len(order) * 3 // 4])
            familiar = Familiar.of(features_of_own[learn], features_of_own[held_back])
            alarms = (familiar.unlike(torch.from_numpy(features_of_own[new])) > 1).float().mean()
            for other, features_of_other in (seen | shown).items():
                if other != own:
                    noticed = (familiar.unlike(torch.from_numpy(features_of_other)) > 1).float().mean()
                    rows.append(
                        {
                            "trained on": own,
                            "shown": other,
                            "draw": draw,
                            "noticed": float(noticed),
                            "false alarms": float(alarms),
                        }
                    )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--good", type=int, default=200, help="good photos to learn from")
    parser.add_argument("--draws", type=int, default=3, help="how often other photos learn")
    run(main, parser)
