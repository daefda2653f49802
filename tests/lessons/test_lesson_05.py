"""Is what lesson 5 says about splits, leaks and batches true?

The learner's functions are taken from the solutions of its tasks.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torchvision.transforms import v2

from course_lib import checks, data, datasets, features, lesson, models, splits
from course_lib.evaluation import missed_defect_rate, overkill_rate
from course_lib.quiz.tasks.content import Task, of_lesson


@pytest.fixture(scope="module")
def solved() -> dict:
    """What a learner has who solved every task: name → function or value."""
    names: dict = {}
    for task in of_lesson(5, Task):
        exec(task.given + "\n" + task.solution, names)
    return names


@pytest.fixture(scope="module")
def index() -> pd.DataFrame:
    return data.complete(data.index_folder(data.solar_cells()))


@pytest.fixture(scope="module")
def with_parts(index: pd.DataFrame) -> pd.DataFrame:
    return checks.find_parts(index)


@pytest.fixture(scope="module")
def labels(index: pd.DataFrame) -> np.ndarray:
    return data.label_numbers(index)


def test_a_random_split_is_stratified_and_two_seeds_agree_on_nearly_half(solved, labels):
    parts, other = (solved["split_at_random"](labels, seed) for seed in (0, 1))
    shares = [labels[parts == part].mean() for part in splits.SPLITS]
    assert np.ptp(shares) < 0.002
    assert (parts == other).mean() == pytest.approx(0.445, abs=0.03)


def test_dealt_lots_come_closer_to_the_shares_than_drawn_ones(index, labels):
    lots = splits.lots(index)
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(20):  # as the lesson draws, with other seeds
        names = generator.permutation(lots.unique())
        test = lots.isin(names[:11]).to_numpy()
        drawn.append(abs(labels[test].mean() - labels.mean()))
    dealt = splits.lot_split(index)
    apart = [abs(labels[dealt["split"] == part].mean() - labels.mean()) for part in splits.SPLITS]
    assert max(apart) < 0.06
    assert np.mean(drawn) > np.mean(apart)


def test_what_is_in_two_parts_before_and_after_the_twins_are_known(solved, index, with_parts):
    shared, lots = solved["in_two_parts"], splits.lots(index)
    random_index, lot_index = splits.random_split(index), splits.lot_split(index)
    assert (len(shared(lots, random_index["split"])), len(shared(lots, lot_index["split"]))) == (44, 0)
    assert len(shared(with_parts["part"], lot_index["split"])) == 50
    assert len(shared(with_parts["part"], random_index["split"])) == 27

    random_index, lot_index = splits.random_split(with_parts), splits.lot_split(with_parts)
    for table in (random_index, lot_index):
        assert not shared(with_parts["part"], table["split"])
    sizes = lot_index["lot"].value_counts()
    assert (len(sizes), sizes.iloc[0]) == (42, 180)


def test_another_decision_about_doubtful_photos_leaves_fewer_pairs_apart(solved, index):
    apart = {}
    for way in ("defective", "leave out"):
        decided = checks.find_parts(lesson.apply_decision(index, {"doubtful_photos": way}))
        pairs = int((decided["part"].value_counts() == 2).sum())
        split = splits.lot_split(decided.drop(columns="part"))["split"]
        apart[way] = (pairs, len(solved["in_two_parts"](decided["part"], split)))
    assert apart == {"defective": (50, 10), "leave out": (37, 27)}


def test_no_check_sees_the_twins_before_somebody_wrote_them_down(index):
    assert splits.check_for_leaks(splits.lot_split(index))["leaks"].sum() == 0


def test_the_check_of_the_course_sees_one_pair_of_near_duplicates(with_parts):
    random, by_lot = (splits.check_for_leaks(split(with_parts)) for split in (splits.random_split, splits.lot_split))
    assert random.set_index("check")["leaks"].to_dict() == {
        "same path": 0, "same bytes": 0, "near duplicate": 1, "same part": 0,
    }  # fmt: skip
    assert by_lot["leaks"].sum() == 0 and len(by_lot) == 5


def test_the_lesson_saves_the_split_that_later_lessons_would_make(index, work: Path):
    decided = lesson.apply_decision(index, lesson.load_decision(data.solar_cells()))
    made = lesson.split_index(data.solar_cells())
    assert splits.random_split(checks.find_parts(decided))["split"].tolist() == made["split"].tolist()


@pytest.fixture(scope="module")
def inputs(index: pd.DataFrame) -> np.ndarray:
    return features.extract(index, models.load_backbone(), progress=False)


@pytest.mark.slow  # features of all photos, and nine probes
def test_copies_lift_the_accuracy_and_only_on_the_photos_that_are_known(solved, with_parts, labels, inputs):
    pool = np.flatnonzero(splits.random_split(with_parts)["split"] != "test")
    twice = np.concatenate([pool, pool[::2]])
    right, known = {}, None
    for name, rows in {"leaky": twice, "clean": pool}.items():
        parts = solved["split_at_random"](labels[rows], 0)
        train, test = rows[parts == "train"], rows[parts == "test"]
        right[name] = features.linear_probe().fit(inputs[train], labels[train]).predict(inputs[test]) == labels[test]
        known = np.isin(test, train) if name == "leaky" else known
    assert right["leaky"].mean() > right["clean"].mean() + 0.01
    assert right["leaky"][known].mean() > right["leaky"][~known].mean() + 0.03
    assert not solved["in_two_parts"](pool, parts)


@pytest.mark.slow
def test_random_folds_flatter_with_each_seed(with_parts, labels, inputs):
    open_rows = np.flatnonzero(splits.lot_split(with_parts)["split"] != "test")
    by_lot = splits.lot_split(with_parts).iloc[open_rows].reset_index(drop=True)
    for seed in (0, 1):
        accuracy = {}
        for name, table in {"random": by_lot.assign(lot=by_lot["part"]), "lot": by_lot}.items():
            folds, right = splits.lot_folds(table, seed=seed).to_numpy(), []
            assert (pd.Series(folds).groupby(table["part"]).nunique() == 1).all()
            for fold in range(4):
                train, scored = open_rows[folds != fold], open_rows[folds == fold]
                probe = features.linear_probe().fit(inputs[train], labels[train])
                right.append((probe.predict(inputs[scored]) == labels[scored]).mean())
            accuracy[name] = np.mean(right)
        assert accuracy["random"] > accuracy["lot"] + 0.01


def test_class_weights_find_more_defects_and_reject_more_good_cells(with_parts, labels, inputs):
    split = splits.random_split(with_parts)["split"]
    train, validation = (np.flatnonzero(split == part) for part in ("train", "validation"))
    rates = []
    for weights in (None, "balanced"):
        probe = features.linear_probe().set_params(logisticregression__class_weight=weights)
        probability = probe.fit(inputs[train], labels[train]).predict_proba(inputs[validation])[:, 1]
        rates.append([rate(labels[validation], probability) for rate in (missed_defect_rate, overkill_rate)])
    (missed, overkill), (missed_weighted, overkill_weighted) = rates
    assert missed_weighted < missed and overkill_weighted > overkill


def test_three_loaders_give_the_same_batches(solved, index, with_parts, labels):
    random_index = splits.random_split(with_parts)
    images, rows = datasets.pixels(index, progress=False), np.flatnonzero(random_index["split"] == "validation")
    normalise = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.4], [0.2])])
    dataset = solved["PhotoDataset"](images[rows], labels[rows], normalise)
    mine = solved["batches"](dataset, range(len(dataset)), 64)
    theirs = torch.utils.data.DataLoader(dataset, batch_size=64)
    ours = datasets.loaders(random_index, mean=[0.4], std=[0.2], progress=False)["validation"]
    assert len(mine) == 7
    for (a, one), (b, two), (c, three) in zip(mine, theirs, ours, strict=True):
        torch.testing.assert_close(a, b)
        torch.testing.assert_close(a, c)
        assert one.tolist() == two.tolist() == three.tolist()


def test_a_layer_refuses_the_pixels_as_they_are(solved, labels):
    dataset = solved["PhotoDataset"](np.zeros((2, 1, 8, 8), np.uint8), labels[:2])
    raw, _ = solved["batches"](dataset, [0, 1], 2)[0]
    with pytest.raises(RuntimeError, match="should be the same"):
        torch.nn.Conv2d(1, 8, 3)(raw)
