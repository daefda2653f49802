"""Is what lesson 3 says about its features and its classifier true?

The learner's functions are taken from the solutions of its tasks, the features from the cells of the lesson.
"""

import build
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from course_lib import data, datasets, evaluation, features, lesson, models
from course_lib.quiz.tasks.content import Task, of_lesson
from course_lib.widgets import KERNELS, apply_kernel

LINES = ["dark lines", "left-right edges", "up-down edges"]


@pytest.fixture(scope="module")
def solved() -> dict:
    """What a learner has who solved every task, and the features as the lesson writes them."""
    names: dict = {"kernels": {name: np.reshape(numbers, (3, 3)) for name, numbers in KERNELS.items()}}
    names |= {"np": np, "pd": pd, "apply_kernel": apply_kernel}
    for task in of_lesson(3, Task):
        exec(task.given + "\n" + task.solution, names)
    names["share_of_dark"] = names["dark_share"]
    (source,) = build.sources(["03"])
    for cell in build.render(source).cells:
        for name in ("brightness_features", "neighbour_features", "feature_table", "pairs_right"):
            if cell.cell_type == "code" and f"def {name}(" in cell.source:
                imports = [line for line in cell.source.splitlines() if line.startswith(("from ", "import "))]
                body = cell.source[cell.source.index(f"def {name}(") :].split("\n\n\n")[0]
                exec("\n".join([*imports, body]), names)
    return names


@pytest.fixture(scope="module")
def index() -> pd.DataFrame:
    whole = lesson.split_index(data.solar_cells())
    return whole[whole["split"] != "test"].reset_index(drop=True)


@pytest.fixture(scope="module")
def parts(index: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which photos are for training, which for validation, and which are defective."""
    train = (index["split"] == "train").to_numpy()
    return train, ~train, (index["label"] == "defective").to_numpy()


@pytest.fixture(scope="module")
def photos(index: pd.DataFrame) -> np.ndarray:
    return datasets.pixels(index, size=96, progress=False)[:, 0]


@pytest.fixture(scope="module")
def by_hand(solved: dict, photos: np.ndarray) -> pd.DataFrame:
    return solved["feature_table"](photos)


@pytest.fixture(scope="module")
def scaled(by_hand: pd.DataFrame, parts: tuple) -> pd.DataFrame:
    train, _, _ = parts
    return (by_hand - by_hand[train].mean()) / by_hand[train].std()


@pytest.fixture(scope="module")
def model(scaled: pd.DataFrame, parts: tuple) -> LogisticRegression:
    train, _, defective = parts
    return LogisticRegression().fit(scaled[train], defective[train])


def test_the_features_made_for_lines_are_smaller_in_defective_cells(by_hand: pd.DataFrame, parts: tuple):
    train, _, defective = parts
    sound, broken = by_hand[train & ~defective].mean(), by_hand[train & defective].mean()
    assert (broken[LINES] < sound[LINES]).all()
    assert broken["dark lines"] == pytest.approx(10.65, abs=0.1)
    assert sound["dark lines"] == pytest.approx(11.41, abs=0.1)
    # divided by the brightness, they turn round: by about a tenth
    relative = by_hand[LINES].div(by_hand["brightness"], axis=0)
    more = relative[train & defective].mean() / relative[train & ~defective].mean()
    assert ((more > 1.05) & (more < 1.25)).all()


def test_differences_shrink_with_the_light(solved: dict, photos: np.ndarray):
    whole, half = solved["feature_table"](photos[:1]), solved["feature_table"](photos[:1] / 2)
    shrinking = [*LINES, "sharpness", "contrast", "brightness"]
    assert half[shrinking].to_numpy() == pytest.approx(whole[shrinking].to_numpy() / 2, rel=1e-3)


def test_the_best_features_alone_measure_darkness(solved: dict, by_hand: pd.DataFrame, parts: tuple):
    _, validation, defective = parts
    alone = {name: solved["pairs_right"](by_hand[name][validation], defective[validation]) for name in by_hand}
    best = sorted(alone, key=alone.__getitem__, reverse=True)
    assert best[0] == "darkest 5 %"  # the check of the task names it
    assert set(best[:3]) == {"darkest 5 %", "brightness", "darkest area"}
    assert max(alone[name] for name in LINES) < 0.57


@pytest.mark.parametrize(
    "idea",
    [
        lambda photo: np.quantile(photo, 0.1),
        lambda photo: (photo < 100).mean(),
        lambda photo: photo.mean() - photo.std(),
    ],
    ids=["darkest tenth", "share below 100", "mean minus contrast"],
)
def test_several_simple_ideas_beat_the_best_of_ours(idea, solved: dict, by_hand, photos: np.ndarray, parts: tuple):
    _, validation, defective = parts
    values = np.array([idea(photo) for photo in photos[validation].astype(np.float32)])
    ours = solved["pairs_right"](by_hand["darkest 5 %"][validation], defective[validation])
    assert solved["pairs_right"](values, defective[validation]) > ours


def test_ten_features_beat_the_baseline_and_learned_ones_beat_them(scaled, model, index: pd.DataFrame, parts: tuple):
    train, validation, defective = parts
    by_hand = evaluation.accuracy_row("", defective[validation], model.predict(scaled[validation]))
    assert by_hand["from"] > by_hand["baseline"]
    assert by_hand["accuracy"] - by_hand["baseline"] == pytest.approx(0.1, abs=0.02)
    seen = features.extract(index, models.load_backbone("efficientnet_lite0"), size=96, progress=False)
    probe = features.linear_probe().fit(seen[train], defective[train])
    assert probe.score(seen[validation], defective[validation]) > by_hand["accuracy"] + 0.03


def test_a_learner_decides_as_scikit_learn_does(solved: dict, scaled: pd.DataFrame, model, parts: tuple):
    _, validation, _ = parts
    rows = scaled[validation].to_numpy()
    own = [solved["says_defective"](numbers, model.coef_[0], model.intercept_[0]) for numbers in rows]
    assert own == model.predict(scaled[validation]).tolist()


def test_one_weight_alone_says_nothing(scaled: pd.DataFrame, model, parts: tuple):
    train, _, defective = parts
    weights = dict(zip(scaled, model.coef_[0], strict=True))
    assert max(weights, key=weights.__getitem__) == "up-down edges"
    assert abs(weights["left-right edges"]) < 0.15
    without = scaled.drop(columns="sharpness")
    for chosen in (scaled[["up-down edges"]], without):
        again = LogisticRegression().fit(chosen[train], defective[train])
        assert again.coef_[0][list(chosen).index("up-down edges")] < 0
    assert np.corrcoef(scaled["up-down edges"], scaled["sharpness"])[0, 1] > 0.9


def test_the_less_light_the_more_cells_are_called_defective(solved, by_hand, photos, model, parts: tuple):
    train, validation, _ = parts
    center, spread = by_hand[train].mean(), by_hand[train].std()
    called = []
    for light in (1.15, 1.0, 0.85, 0.7):
        changed = solved["feature_table"](np.clip(photos[validation] * light, 0, 255))
        called.append(model.predict((changed - center) / spread).mean())
    assert called == sorted(called)
    assert called[-1] > called[1] + 0.08


def test_at_192_pixels_good_cells_are_called_defective(solved, by_hand, scaled, index, model, parts: tuple):
    train, validation, defective = parts
    larger = solved["feature_table"](datasets.pixels(index[validation], size=192, progress=False)[:, 0])
    said = model.predict((larger - by_hand[train].mean()) / by_hand[train].std())
    assert said.mean() > 1.5 * model.predict(scaled[validation]).mean()
    assert (said == defective[validation]).mean() < model.score(scaled[validation], defective[validation]) - 0.03


def test_a_kernel_whose_numbers_add_up_to_0_gives_0_on_an_even_area(solved: dict):
    even = np.full((9, 9), 100)
    for name in ("left-right edges", "up-down edges", "spots"):
        assert not apply_kernel(even, solved["kernels"][name]).any()
    drawing = np.full((30, 30), 200, np.uint8)
    drawing[:, 10] = drawing[20, :] = 40
    shown = apply_kernel(drawing, solved["my_kernel"])
    assert (np.argwhere(shown != 0) - [20, 10]).__abs__().max() <= 1, "one dot where the two lines cross"
