"""Is what lesson 10 says about its inspectors true, and do the learner's functions do what the library's do?

The learner's functions are taken from the solutions of its tasks; what long trainings give is read from the stored
notebook, whose numbers `pytest --nbval` compares with a new run.
"""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import auc, roc_auc_score, roc_curve
from stored import outputs, rows

from course_lib import models
from course_lib.inference import Inspector, InspectorSettings
from course_lib.paths import project_folder
from course_lib.quiz.tasks.content import Task, of_lesson
from course_lib.training.recipe import Recipe

MODELS = ("by hand", "scratch", "probe", "fine-tuned", "improved")


@pytest.fixture(scope="module")
def solved() -> dict:
    """What a learner has who solved every task: name → function or value."""
    names: dict = {}
    for task in of_lesson(10, Task):
        exec(task.given + "\n" + task.solution, names)
    return names


def test_the_schedule_of_a_learner_is_that_of_fit(solved):
    recipe, weight = Recipe(3, 0.002, schedule="cosine"), torch.nn.Linear(1, 1)
    optimizer = recipe.new_optimizer(weight)
    plan = recipe.new_schedule(optimizer, batches=10)
    for step in range(30):
        assert plan.get_last_lr()[0] == pytest.approx(solved["rate_at"](step, 30, 0.002), abs=1e-9)
        optimizer.step()
        plan.step()


def test_the_views_of_a_learner_are_those_of_an_inspector(solved):
    torch.manual_seed(0)
    model = models.ScratchCNN().eval()
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 64, 64), dtype=np.uint8)
    inspector = Inspector(model, InspectorSettings(("good", "bad"), 64, 1, (0.5,), (0.25,), views=4))
    with torch.no_grad():
        mine = solved["mean_over_views"](model.cpu(), (torch.tensor(images) / 255 - 0.5) / 0.25)
    assert mine.numpy() == pytest.approx(inspector.probabilities(images, device="cpu"), abs=1e-4)


def test_the_curve_of_a_learner_is_that_of_scikit_learn(solved):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 300)
    probabilities = (labels * 0.3 + generator.random(300)).round(2)
    overkill, found = solved["roc_points"](labels, probabilities)
    wanted = roc_curve(labels, probabilities, drop_intermediate=False)[:2]
    assert [overkill, found] == [pytest.approx(part) for part in wanted]
    assert auc(overkill, found) == pytest.approx(roc_auc_score(labels, probabilities))


def test_what_does_harm_to_the_label_does_harm_to_the_probe():
    (as_it_is,), (mirrored,), (turned,), (hole,), (shuffled,) = rows(
        10, "as it is", "mirrored", "turned", "hole", "shuffled"
    )
    assert abs(as_it_is - mirrored) < 0.06
    assert mirrored > turned
    assert as_it_is - 0.2 > max(hole, shuffled)


def test_each_model_is_better_than_the_trivial_rule_and_learned_features_beat_those_by_hand():
    *found, nothing, everything = rows(10, *MODELS, "pass everything", "reject everything")
    measures = dict(zip(MODELS, found, strict=True))
    assert all(one[0] > nothing[0] + 0.2 and one[1] > nothing[1] + 0.2 for one in found)
    for name in MODELS[2:]:
        assert measures[name][0] > max(measures["by hand"][0], measures["scratch"][0])
        assert measures[name][4] < everything[4] < nothing[4]


def test_changed_photos_are_harder_to_learn_by_heart():
    as_they_are, changed = rows(10, "as they are", "changed")
    assert as_they_are[0] < changed[0]
    assert as_they_are[1] > 0.9 * changed[1]


def test_the_steps_lower_the_loss_on_every_seed_and_hardly_raise_the_accuracy():
    study = pd.read_csv(project_folder() / "studies" / "results" / "ablation.csv")
    accuracy, loss = (study.pivot(index="seed", columns="step", values=measure) for measure in ("accuracy", "loss"))
    gains = accuracy.sub(accuracy["fine-tuned"], axis=0).min()
    assert set(gains[gains > 0].index) == {"… and averaged weights", "… with SGD"} and gains.max() < 0.01
    saved = -loss.sub(loss["fine-tuned"], axis=0).min()
    assert (
        saved[["+ cosine schedule", "+ early stopping", "+ mirrored photos", "+ four views", "+ two networks"]] > 0.1
    ).all()
    probes = loss[["probe, last stage", "probe, all stages"]].mean().min()
    assert probes < loss["+ mirrored photos"].mean()


def test_long_fine_tuning_is_ahead_of_the_probe_on_each_split_and_more_so_on_new_lots(solved):
    kept = pd.read_csv(project_folder() / "studies" / "results" / "transfer_predictions.csv")
    gains: dict[str, list] = {"random": [], "lots": []}
    for split, photos in kept.groupby("split"):
        answers = photos[["fine-tuned", "probe"]].to_numpy() >= 0.5
        hits = (answers == (photos["label"] == "defective").to_numpy()[:, None]).astype(float)
        gains[split.split()[0]].append(solved["ahead"](*hits.T))
    random, lots = (np.array(found) for found in gains.values())
    assert (random[:, 0] > 0).all() and (lots[:, 1] > 0).all()
    assert lots[:, 0].mean() > random[:, 0].mean() + 0.01


def test_the_file_inspects_what_is_there_and_reports_what_is_not():
    assert any("not inspected" in text and "no_such_photo" in text for text in outputs(10))
    assert any("as the inspector's: True" in text for text in outputs(10))
