"""Is what lesson 1 says about its network, its photos and its detector true?

The learner's functions are taken from the solutions of its tasks.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from course_lib import data, evaluation, features, lesson, models
from course_lib.quiz.tasks.content import Task, find, of_lesson
from course_lib.transforms import to_float

Guesses = Callable[[np.ndarray], list[str]]


@pytest.fixture(scope="module")
def solved() -> dict:
    """What a learner has who solved every task: name → function."""
    names: dict = {}
    for task in of_lesson(1, Task):
        exec(task.given + "\n" + task.solution, names)
    return names


@pytest.fixture(scope="module")
def network() -> models.Backbone:
    return models.load_backbone("efficientnet_lite0")


@pytest.fixture(scope="module")
def three_guesses(network: models.Backbone) -> Guesses:
    names = models.imagenet_classes()

    def guesses(photo: np.ndarray) -> list[str]:
        pixels = torch.tensor(data.to_pixels(photo, network.size))[None]
        with torch.no_grad():
            scores = network.imagenet_head(network(to_float(pixels, network.mean, network.std)))
        return [names[number] for number in scores[0].topk(3).indices.tolist()]

    return guesses


@pytest.fixture(scope="module")
def everyday() -> dict[str, np.ndarray]:
    return {name: data.read_image(path, "RGB") for name, path in data.everyday_photos().items()}


def test_the_portrait_on_its_head_becomes_a_ski_mask(three_guesses: Guesses, everyday: dict[str, np.ndarray]):
    assert three_guesses(everyday["portrait"])[0] == "military uniform"
    assert three_guesses(everyday["portrait"][::-1])[0] == "ski mask"


def test_not_every_change_fools_the_network(three_guesses: Guesses, everyday: dict[str, np.ndarray], solved: dict):
    flower = everyday["flower"]
    for bears in (flower, flower[::-1], flower[:, ::-1], flower // 3):
        assert three_guesses(bears)[0] == "daisy"
    quarter, coarse = solved["change"](flower), flower[::16, ::16]
    grey = np.repeat(flower.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    for fooled in (quarter, coarse, grey):
        assert three_guesses(fooled)[0] != "daisy"


def test_the_network_knows_no_word_for_a_defect_and_answers_all_the_same(three_guesses: Guesses):
    names = models.imagenet_classes()
    found = {word: [name for name in names if word in name] for word in ("solar", "crack", "defect", "scratch")}
    assert found == {"solar": ["solar dish"], "crack": [], "defect": [], "scratch": []}
    cell = data.read_image(data.solar_cells() / "defective" / "cell0001.png", "RGB")
    assert len(three_guesses(cell)) == 3


def test_the_detector_beats_always_functional_with_its_whole_interval(network: models.Backbone, solved: dict):
    mixed = lesson.split_index(data.solar_cells()).sample(frac=1, random_state=0)
    known = mixed[mixed["split"] == "train"].head(200)
    unseen = mixed[mixed["split"] == "validation"].head(200)
    assert not set(known["path"]) & set(unseen["path"])
    labels = data.label_numbers(unseen)
    probe = features.linear_probe().fit(features.extract(known, network, progress=False), data.label_numbers(known))
    answers = probe.predict(features.extract(unseen, network, progress=False))
    baseline = solved["always_functional"](list(unseen["label"]))
    assert baseline == pytest.approx(0.7)  # the guess says so
    reached = solved["accuracy"](labels, answers)
    low, high = solved["interval"](round(200 * reached), 200)
    row = evaluation.accuracy_row("detector", labels, answers)
    assert (row["accuracy"], row["baseline"]) == pytest.approx((reached, baseline))
    assert row["from"] > baseline
    assert (low, high) == pytest.approx((row["from"], row["to"]), abs=0.01)


def test_one_weight_in_a_thousand_is_learned(network: models.Backbone):
    weights = sum(weights.numel() for weights in network.parameters())
    assert weights / (network.count_features("all") + 1) == pytest.approx(1217, abs=1)


def test_two_of_three_cells_are_functional(solved: dict):
    share = solved["always_functional"](list(data.index_folder(data.solar_cells())["label"]))
    assert share == pytest.approx(0.687, abs=0.001)


def test_the_clock_works_on_every_device_here(network: models.Backbone, solved: dict):
    from course_lib import device

    for where in {"cpu", device.choose().type}:
        assert solved["seconds_per_photo"](network, torch.zeros(2, 3, 64, 64), where) > 0
    network.cpu()


def test_the_check_of_the_clock_bears_a_busy_machine():
    task, slow = find("01-seconds", Task), 3
    names: dict = {}
    exec(task.given + "\n" + task.solution, names)
    stand_in = type(task).check.__globals__["Patient"]
    before = stand_in.FIRST, stand_in.LATER
    stand_in.FIRST, stand_in.LATER = slow * before[0], slow * before[1]
    try:
        task.check(names["seconds_per_photo"])
    finally:
        stand_in.FIRST, stand_in.LATER = before
