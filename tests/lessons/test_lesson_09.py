"""Is what lesson 9 says about its models true, and do the learner's functions do what the library's do?

What its trainings gave is read from its stored results, and from the study that it shows.
"""

import numpy as np
import pandas as pd
import pytest
import torch
from stored import outputs, rows

from course_lib import data, lesson, models
from course_lib.paths import project_folder
from course_lib.quiz.tasks.content import Task, of_lesson
from course_lib.transforms import to_float

# What stands in a row of an accuracy: itself, the interval, the baseline, the photos.
ACCURACY, FROM, TO, BASELINE = range(4)
STUDY = project_folder() / "studies" / "results" / "transfer_comparison.csv"
ROUTES = ["probe", "new head", "fine-tuned", "from scratch"]


@pytest.fixture(scope="module")
def solved() -> dict:
    """What a learner has who solved every task: name → function."""
    names: dict = {}
    for task in of_lesson(9, Task):
        exec(task.given + "\n" + task.solution, names)
    return names


def test_the_learners_preprocessing_is_the_librarys(solved):
    pixels = torch.randint(256, (4, 3, 8, 8), dtype=torch.uint8)
    numbers = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    assert torch.allclose(solved["prepare"](pixels, *numbers), to_float(pixels, *numbers), atol=1e-5)


@pytest.mark.slow
def test_the_learners_switches_are_the_librarys(solved):
    one, other = (models.Classifier(models.load_backbone()) for _ in range(2))
    for last in (3, 0, 9):
        solved["train_only"](one, last)
        models.freeze(other)
        models.unfreeze(other, last)
        switches = [[weight.requires_grad for weight in model.parameters()] for model in (one, other)]
        assert switches[0] == switches[1]


def test_the_interval_of_the_learner_is_that_of_drawing_photos_again_and_again(solved):
    generator = np.random.default_rng(0)
    first, second = generator.random(400) < 0.9, generator.random(400) < 0.85
    mean, low, high = solved["paired_difference"](first, second)
    draws = generator.integers(400, size=(2000, 400))
    again = (first[draws].astype(int) - second[draws]).mean(axis=1)
    assert mean == pytest.approx(first.mean() - second.mean())
    assert [low, high] == pytest.approx(np.quantile(again, [0.025, 0.975]), abs=0.006)


def test_a_probe_without_a_brake_knows_its_photos_by_heart_and_one_with_too_strong_a_brake_learns_less():
    for kind, brakes in (
        ("logistic regression", ("1", "0.01", "0.0001")),
        ("linear SVM", ("0.03", "0.0003", "0.000003")),
    ):
        weak, chosen, strong = rows(9, *(f"{kind}, C = {brake}" for brake in brakes))
        assert weak[0] > 0.99 > strong[0]
        assert chosen[1] > max(weak[1], strong[1])


def test_both_probes_are_above_the_trivial_baseline_and_scratch_is_behind_them():
    for row in rows(9, "logistic regression", "linear SVM"):
        assert row[FROM] > row[BASELINE] + 0.05
    (difference,) = rows(9, "from scratch")
    assert difference[2] < 0, "its whole interval lies below 0"


def test_the_wrong_preprocessing_costs_accuracy():
    own, usual = rows(9, "its own numbers", "the usual ones")
    assert own[ACCURACY] > usual[ACCURACY] + 0.02


def test_most_defects_hide_in_the_weaker_directions():
    two, _, many = rows(9, "2 directions", "20 directions", "200 directions")
    assert two[0] < 0.25 and many[0] > 0.8  # what they explain
    assert many[1] > two[1] + 0.05 and two[1] < two[4] + 0.1  # accuracy, and the baseline


def test_what_moves_is_the_head_and_in_train_mode_the_statistics():
    printed = "\n".join(outputs(9))
    assert printed.index("moved: ['head.weight', 'head.bias']") < printed.index("moved: ['num_batches_tracked'")


def test_a_misspelt_name_leaves_the_bias_frozen():
    printed = "\n".join(outputs(9))
    assert printed.index("trained: 4096000 weights") < printed.index("not in the network: ['classifier.6.baias']")


def test_early_and_late_part_are_the_whole_and_the_files_answer_as_the_models_did():
    printed = "\n".join(outputs(9))
    assert "the last ones are yours: True" in printed and "the same features: True" in printed
    for name in ("logistic regression", "fine-tuned"):
        assert f"{name}: the same answers from the file: True" in printed


def test_a_probe_of_mono_cells_is_below_the_baseline_on_poly_cells():
    lines = [line.split() for line in "\n".join(outputs(9)).splitlines()]
    start = next(number for number, words in enumerate(lines) if words[:2] == ["mono", "mono"])
    assert lines[start + 1][0] == "poly"
    crossed = [float(number) for number in lines[start + 1][1:]]
    assert crossed[ACCURACY] < crossed[BASELINE]


@pytest.fixture(scope="module")
def right() -> pd.DataFrame:
    """For each photo, seed and split of the study, which routes were right."""
    study = pd.read_csv(STUDY)
    return (study[ROUTES] > 0.5).eq(study["label"] == "defective", axis=0).join(study[["split", "seed", "path"]])


def test_the_study_judges_each_photo_once_for_each_seed_and_no_test_photo(right, work):
    index = lesson.split_index(data.solar_cells())
    split = index.set_index("path")["split"]
    assert not right.duplicated(["split", "seed", "path"]).any()
    random = right[right["split"] == "random"]
    assert set(random["path"]) == set(split.index[split == "validation"])
    assert set(split[right["path"]]) == {"train", "validation"}
    assert right.groupby("split")["seed"].nunique().tolist() == [3, 3]


def test_fine_tuning_is_ahead_on_the_new_lots_and_not_on_the_random_split(right, solved):
    ends = {}
    for (split, seed), part in right.groupby(["split", "seed"]):
        ends[split, seed] = solved["paired_difference"](part["fine-tuned"].to_numpy(), part["probe"].to_numpy())
    lots, random = ([ends[split, seed] for seed in range(3)] for split in ("lots 0", "random"))
    assert min(mean for mean, _, _ in lots) > 0 and sum(low > 0 for _, low, _ in lots) == 1
    assert all(low < 0 for _, low, _ in random)
    accuracy = right.groupby(["split", "seed"])[ROUTES].mean()
    spread = accuracy["fine-tuned"].groupby("split").agg(lambda found: found.max() - found.min())
    assert spread["random"] == pytest.approx(0.02, abs=0.005) and spread["lots 0"] == pytest.approx(0.03, abs=0.005)
    behind = (accuracy["probe"] - accuracy["from scratch"]).groupby("split").max()
    assert behind["lots 0"] < 0.5 * behind["random"]
