"""Is what lesson 8 says about its model true, and do the learner's functions do what the library's do?

The learner's functions are taken from the solutions of its tasks.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_lib import data, datasets, device, evaluation, lesson, models, training
from course_lib.evaluation import softmax
from course_lib.quiz.tasks.content import Task, of_lesson
from course_lib.transforms import to_float

PRICES = 10, 1


@pytest.fixture(scope="module")
def solved() -> dict:
    """What a learner has who solved every task: name → function."""
    names: dict = {}
    for task in of_lesson(8, Task):
        exec(task.given + "\n" + task.solution, names)
    return names


@pytest.fixture
def guessed() -> tuple[np.ndarray, np.ndarray]:
    """Labels and logits of 300 parts, by a model that is twice too sure."""
    generator = np.random.default_rng(0)
    margin = generator.normal(-1, 2, 300)
    labels = (generator.random(300) < 1 / (1 + np.exp(-margin))).astype(int)
    return labels, np.stack([-margin, margin], axis=1)


def test_the_functions_of_a_learner_agree_with_the_library(solved, guessed):
    labels, logits = guessed
    probabilities = softmax(logits)[:, 1]
    counts = solved["count_outcomes"](labels, probabilities >= 0.5)
    assert list(counts) == evaluation.confusion(labels, probabilities >= 0.5).to_numpy().ravel().tolist()
    for threshold in (0.0, 0.2, 0.5, 1.1):
        arguments = labels, probabilities, threshold, *PRICES
        assert solved["expected_cost"](*arguments) == pytest.approx(evaluation.expected_cost(*arguments))
    for prices in ((1, 1), PRICES, (1, 10)):
        found, librarys = (
            evaluation.expected_cost(labels, probabilities, search(labels, probabilities, *prices), *prices)
            for search in (solved["cheapest_threshold"], evaluation.choose_threshold)
        )
        assert found == pytest.approx(librarys)
    assert solved["best_temperature"](logits, labels) == pytest.approx(
        evaluation.fit_temperature(logits, labels), rel=0.03
    )


def test_where_probabilities_are_true_the_rule_of_the_prices_is_the_cheapest_threshold(solved):
    generator = np.random.default_rng(0)
    probabilities = generator.random(100_000)
    labels = (generator.random(100_000) < probabilities).astype(int)
    grid = np.linspace(0, 1, 201)
    for prices in (PRICES, (3, 1), (1, 1)):
        costs = [evaluation.expected_cost(labels, probabilities, one, *prices) for one in grid]
        assert grid[np.argmin(costs)] == pytest.approx(solved["break_even"](*prices), abs=0.03)


def test_the_heat_map_of_a_learner_is_grad_cam(solved):
    torch.manual_seed(0)
    model, photos = models.ScratchCNN().eval(), torch.rand(4, 1, 64, 64)
    librarys = evaluation.grad_cam(model, model.blocks[2], photos)
    assert librarys.any()
    for photo, wanted in zip(photos, librarys, strict=True):
        kept = []
        with_hook = model.blocks[2].register_forward_hook(lambda block, inputs, output, kept=kept: kept.append(output))
        logits = model(photo[None])
        with_hook.remove()
        (gradients,) = torch.autograd.grad(logits[0, 1], kept[0])
        found = solved["heat_map"](kept[0][0].detach().numpy(), gradients[0].numpy())
        assert found == pytest.approx(wanted, abs=1e-4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    """The model of lesson 7, what it says about its photos, and the model that knows 300 photos by heart."""
    photos = data.solar_cells()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_WORK", str(tmp_path_factory.mktemp("lesson") / "work"))
        index = lesson.split_index(photos)
        model, loaders = lesson.scratch_model(photos, progress=False)
    chosen = np.random.default_rng(0).permutation(len(loaders["train"].labels))[:300]
    answers = data.label_numbers(index[index["split"] == "train"])[chosen]
    few = datasets.BatchLoader(loaders["train"].images.numpy()[chosen], answers, batch_size=32, shuffle=True)
    device.seed_everything(0)
    memoriser = models.ScratchCNN()
    training.fit(memoriser, few, epochs=30, learning_rate=1e-2, weight_decay=0, progress=False)

    def said(network, part):
        return evaluation.predict(network, loaders[part], index, part)

    return SimpleNamespace(
        model=model.cpu(),
        loaders=loaders,
        validation=said(model, "validation"),
        test=said(model, "test"),
        memoriser={part: said(memoriser, part) for part in ("validation", "test")},
    )


@pytest.mark.slow
def test_accuracy_hides_that_many_defects_pass(trained):
    table = evaluation.inspection_table(trained.test.labels, trained.test.positive).set_index("measure")
    for measure in ("accuracy", "average precision"):
        assert table.loc[measure, "from"] > table.loc[measure, "always functional"]
    accuracy = (trained.validation.positive >= 0.5) == trained.validation.labels
    missed = evaluation.missed_defect_rate(trained.validation.labels, trained.validation.positive)
    assert missed > 0.3 > 1.2 * (1 - accuracy.mean())


@pytest.mark.slow
def test_the_threshold_of_the_prices_saves_much_and_one_chosen_on_test_flatters(solved, trained):
    def cost(threshold, said=trained.test):
        return evaluation.expected_cost(said.labels, said.positive, threshold, *PRICES)

    def chosen(said):
        return solved["cheapest_threshold"](said.labels, said.positive, *PRICES)

    assert cost(0.5, trained.validation) > cost(0.0, trained.validation), "at 0.5 it costs more than rejecting all"
    assert chosen(trained.validation) < 0.25
    assert cost(chosen(trained.validation)) < 0.8 * cost(0.5)
    assert cost(chosen(trained.test)) <= cost(chosen(trained.validation))


@pytest.mark.slow
def test_the_memoriser_is_too_sure_and_its_temperature_mends_half_of_it(solved, trained):
    said = trained.memoriser["test"]
    sure = said.positive >= 0.9
    assert said.labels[sure].mean() < 0.85
    temperature = solved["best_temperature"](trained.memoriser["validation"].logits, trained.validation.labels)
    assert temperature > 1.5
    before, after = (
        evaluation.expected_calibration_error(said.labels, softmax(said.logits, one)[:, 1]) for one in (1, temperature)
    )
    assert after < 0.5 * before
    assert 0.7 < solved["best_temperature"](trained.validation.logits, trained.validation.labels) < 1.4


@pytest.mark.slow
def test_the_heat_maps_depend_on_what_was_learned(trained):
    surest = np.argsort(-trained.validation.positive)[:40].copy()
    many = to_float(trained.loaders["validation"].images, datasets.GREY_MEAN, datasets.GREY_STD)[surest]

    def maps(network, photos):
        return evaluation.grad_cam(network, network.blocks[2], photos)

    def alike(first, second):
        found = []
        for one, other in zip(first, second, strict=True):
            flat = one.std() == 0 or other.std() == 0
            found.append(0 if flat else np.corrcoef(one.ravel(), other.ravel())[0, 1])
        return np.mean(found)

    own = maps(trained.model, many)
    mirrored = alike(own, maps(trained.model, many.flip(-1))[:, :, ::-1])
    random_weights = []
    for seed in range(5):
        device.seed_everything(seed)
        random_weights.append(alike(own, maps(models.ScratchCNN(), many)))
    assert mirrored > alike(own, np.roll(own, 1, axis=0)) + 0.1
    assert mirrored > np.mean(random_weights) + 0.3
    assert abs(np.mean(random_weights)) < 0.3
