"""Is what lesson 4 says about its photos true?

The learner's functions are taken from the solutions of its tasks, so these are also tried on all photos.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from course_lib import data, lesson, splits
from course_lib.evaluation import wilson_interval
from course_lib.quiz.tasks.content import Task, find, of_lesson

pytestmark = pytest.mark.slow  # all photos of the course are read


class Cells(NamedTuple):
    """What the lesson has computed by its middle."""

    index: pd.DataFrame
    opinion: np.ndarray  # 0 to 3: functional or not, sure or not
    bad: np.ndarray
    brightness: np.ndarray
    patterns: np.ndarray
    lot: pd.Series


@pytest.fixture(scope="module")
def solved() -> dict:
    """What a learner has who solved every task: name → function or value."""
    names: dict = {}
    for task in of_lesson(4, Task):
        exec(task.given + "\n" + task.solution, names)
    return names


@pytest.fixture(scope="module")
def cells() -> Cells:
    index = data.index_folder(data.solar_cells())
    photos = [data.read_pixels(data.photo_path(index, row), 16, 1) for row in range(len(index))]
    tiny = np.reshape(photos, (len(index), 256)).astype(float)
    patterns = tiny - tiny.mean(axis=1, keepdims=True)
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True) + 1e-6
    opinion = (index["defect_probability"] * 3).round().to_numpy(int)
    return Cells(
        index, opinion, data.label_numbers(index) == 1, tiny.mean(axis=1), patterns, splits.lots(index, size=60)
    )


@pytest.fixture(scope="module")
def similarity(cells: Cells) -> np.ndarray:
    """Of each photo to each other one."""
    similarity = cells.patterns @ cells.patterns.T
    np.fill_diagonal(similarity, -1)
    return similarity


def test_the_lazy_answer_scores_differently_for_both_types_and_all_three_lines(solved: dict, cells: Cells) -> None:
    scores = cells.index.groupby("cell_type")["label"].apply(solved["baseline"]).round(3)
    assert scores.to_dict() == {"mono": 0.656, "poly": 0.708}
    lines = [lesson.apply_decision(cells.index, {"doubtful_photos": way})["label"] for way in lesson.DOUBTFUL_PHOTOS]
    assert [round(solved["baseline"](labels), 3) for labels in lines] == [0.687, 0.575, 0.678]
    assert [(labels == "defective").sum() for labels in lines] == [821, 1116, 715]


def test_the_two_doubtful_cells_of_the_figure_got_different_answers(cells: Cells) -> None:
    assert cells.index["path"][[986, 1281]].tolist() == ["defective/cell0987.png", "functional/cell1282.png"]
    assert cells.opinion[[986, 1281]].tolist() == [2, 1]
    assert np.isin(cells.opinion, [1, 2]).sum() == 401


def test_brightness_goes_up_and_down_in_file_order_only(cells: Cells) -> None:
    shuffled = np.random.default_rng(0).permutation(cells.brightness)
    order, chance = (values[:2600].reshape(-1, 50).mean(axis=1).std() for values in (cells.brightness, shuffled))
    assert order > 3 * chance


def test_six_of_ten_runs_are_a_multiple_of_sixty(solved: dict, cells: Cells) -> None:
    lengths = solved["run_lengths"](list(cells.index["cell_type"]))
    assert lengths == [60, 300, 180, 360, 714, 530, 72, 180, 48, 180]


def test_the_most_similar_photo_is_a_neighbour_in_the_file_order(
    solved: dict, cells: Cells, similarity: np.ndarray
) -> None:
    nearest, places = similarity.argmax(axis=1), np.arange(len(cells.index))
    gaps = np.abs(nearest - places)
    assert 8 <= np.median(gaps) <= 16
    assert (gaps <= 60).mean() == pytest.approx(0.7, abs=0.02)
    mine = np.array(solved["lots"](list(cells.index["cell_type"]), 60))
    assert (mine == cells.lot).all()
    assert cells.lot.nunique() == 44
    drawn = np.random.default_rng(0).permutation(len(places))
    assert (mine == mine[nearest]).mean() == pytest.approx(0.63, abs=0.02)
    assert (mine == mine[drawn]).mean() == pytest.approx(0.02, abs=0.01)


def test_brightness_is_mostly_the_lot_and_the_circle_in_that_argument_is_small(solved: dict, cells: Cells) -> None:
    bad, values, share = cells.bad, pd.Series(cells.brightness), solved["darker_share"]

    def compared(by: pd.Series) -> float:
        return share(by[bad].to_numpy(), by[~bad].to_numpy())

    inside = [
        (share(cells.brightness[bad & here], cells.brightness[~bad & here]), (bad & here).sum() * (~bad & here).sum())
        for here in (cells.lot == name for name in cells.lot.unique())
        if (bad & here).any()
    ]
    found = {
        "photo": compared(values),
        "lot": compared(values.groupby(cells.lot).transform("mean")),
        "functional only": compared(values.where(~bad).groupby(cells.lot).transform("mean")),
        "inside": sum(darker * pairs for darker, pairs in inside) / sum(pairs for _, pairs in inside),
    }
    expected = {"photo": 0.75, "lot": 0.76, "functional only": 0.72, "inside": 0.61}
    assert found == pytest.approx(expected, abs=0.01)


def test_the_rule_beats_the_baseline_and_fails_in_whole_lots(cells: Cells) -> None:
    accuracies = [((cells.brightness < limit) == cells.bad).mean() for limit in range(256)]
    rule = cells.brightness < np.argmax(accuracies)
    lower, _ = wilson_interval(round(max(accuracies) * len(rule)), len(rule))
    assert lower > 1 - cells.bad.mean() + 0.04
    dark, bright = (cells.lot == "poly-01").to_numpy(), (cells.lot == "mono-06").to_numpy()
    assert rule[dark & ~cells.bad].mean() > 0.7
    assert cells.bad[dark].mean() == pytest.approx(0.2)
    assert not rule[bright & cells.bad].any()
    assert cells.bad[bright].mean() > 0.5


def test_nearly_all_outliers_are_defective(cells: Cells, similarity: np.ndarray) -> None:
    loneliest = np.argsort(np.sort(similarity, axis=1)[:, -5:].mean(axis=1))[:40]
    assert cells.bad[loneliest].mean() > 0.85
    values = pd.Series(cells.brightness)
    darkest = (values - values.groupby(cells.lot).transform("median")).nsmallest(40).index
    assert cells.bad[darkest].mean() > 0.85


def test_fifty_cells_in_a_row_were_photographed_twice(solved: dict, cells: Cells) -> None:
    alike = pd.Series({offset: solved["count_alike"](cells.patterns, offset) for offset in range(100, 2624)})
    assert alike.idxmax() == 542
    assert alike.max() == 50
    assert alike.drop(542).max() <= 10
    first = np.flatnonzero((cells.patterns[:-542] * cells.patterns[542:]).sum(axis=1) > 0.98)
    assert (first == np.arange(1734, 1784)).all()
    assert (cells.opinion[first] == cells.opinion[first + 542]).sum() == 41
    assert (cells.bad[first] != cells.bad[first + 542]).sum() == 3
    assert cells.opinion[[1760, 2302]].tolist() == [3, 0]  # the crack that the blur swallowed


@pytest.mark.parametrize("way", lesson.DOUBTFUL_PHOTOS)
def test_every_decision_with_a_reason_is_accepted_and_can_be_kept(way: str, work) -> None:
    decision = {"doubtful_photos": way, "reason": "A missed defect costs a whole module."}
    find("04-decision", Task).check(decision)
    lesson.save_decision("cells", **decision)
    assert lesson.load_decision("cells") == lesson.DEFAULT_DECISION | decision
