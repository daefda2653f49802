"""Is what lesson 7 says about training true?

The learner's functions are taken from the solutions of its tasks, so these are also tried in real trainings. What a
long training gives is read from the stored notebook, whose numbers `pytest --nbval` compares with a new run.
"""

import re

import nbformat
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from course_lib import data, datasets, device, models, training
from course_lib.paths import project_folder
from course_lib.quiz.tasks.content import Task, of_lesson

pytestmark = pytest.mark.usefixtures("one_thread")
PLAIN = {"learning_rate": 1e-3, "schedule": None, "channels_last": False, "progress": False, "device": "cpu"}


@pytest.fixture(scope="module")
def solved() -> dict:
    """What a learner has who solved every task: name → function or value."""
    names: dict = {}
    for task in of_lesson(7, Task):
        exec(task.given + "\n" + task.solution, names)
    return names


@pytest.fixture(scope="module")
def loaders() -> tuple[datasets.BatchLoader, datasets.BatchLoader]:
    """80 photos to learn from, in batches of which the last is smaller, and 120 others."""
    index = data.index_folder(data.solar_cells()).groupby("label").sample(100, random_state=0)
    index.attrs["folder"] = str(data.solar_cells())
    pixels, labels = datasets.pixels(index, size=64, progress=False), data.label_numbers(index)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0)).numpy()
    return tuple(datasets.BatchLoader(pixels, labels, rows=rows, batch_size=32) for rows in (order[:80], order[80:]))


def network() -> nn.Module:
    device.seed_everything(0)
    return models.ScratchCNN()


def trained_by_hand(solved: dict, model: nn.Module, loader: datasets.BatchLoader, epochs: int) -> list[float]:
    """The loop of the lesson, made of the learner's functions; the loss of each epoch."""
    optimizer, losses = torch.optim.AdamW(model.parameters(), lr=1e-3), []
    for _ in range(epochs):
        model.train()
        found = [(solved["train_step"](model, images, labels, optimizer), len(labels)) for images, labels in loader]
        losses.append(solved["epoch_mean"](*zip(*found, strict=True)))
    return losses


def weights_of(model: nn.Module) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def test_the_learners_loop_is_that_of_fit(solved, loaders):
    by_hand = network()
    losses = trained_by_hand(solved, by_hand, loaders[0], epochs=2)
    fitted = network()
    history = training.fit(fitted, loaders[0], epochs=2, **PLAIN)
    assert losses == pytest.approx(history["train_loss"].tolist(), abs=1e-6)
    assert torch.equal(weights_of(by_hand), weights_of(fitted))


def test_the_learners_validation_is_that_of_the_library(solved, loaders):
    model = network().train()
    found = solved["validate"](model, loaders[1])
    assert found == pytest.approx(training.evaluate(model, loaders[1], device="cpu"), abs=1e-6)


def test_the_learners_early_stopping_is_that_of_fit(solved, loaders):
    model, stopping = network(), solved["EarlyStopping"](patience=2)
    optimizer, epochs = torch.optim.AdamW(model.parameters(), lr=1e-3), 0
    while epochs < 30:
        model.train()
        for images, labels in loaders[0]:
            solved["train_step"](model, images, labels, optimizer)
        epochs += 1
        loss, _ = solved["validate"](model, loaders[1])
        if stopping.is_over(loss, model):
            break
    model.load_state_dict(stopping.best_weights)
    fitted = network()
    history = training.fit(fitted, loaders[0], loaders[1], epochs=30, patience=2, **PLAIN)
    assert epochs == len(history) < 30
    assert torch.equal(weights_of(model), weights_of(fitted))


def test_gradients_add_up_and_the_first_step_of_adamw_is_as_long_as_the_rate(loaders):
    model = network()
    images, labels = next(iter(loaders[0]))
    loss = functional.cross_entropy(model(images), labels)
    loss.backward(retain_graph=True)
    once = model.head[1].weight.grad.clone()
    loss.backward()
    assert torch.allclose(model.head[1].weight.grad, 2 * once)
    before = model.head[1].weight.detach().clone()
    torch.optim.AdamW(model.parameters(), lr=1e-3).step()
    moved = (model.head[1].weight - before).abs()
    assert moved.min() > 0.9e-3
    assert moved.max() < 1.1e-3


def test_weights_and_optimizer_are_not_enough_to_resume(solved, loaders, tmp_path):
    """Dropout draws other numbers; where nothing is drawn, they are enough."""

    images, labels = next(iter(loaders[0]))

    def after(steps: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for _ in range(steps):
            solved["train_step"](model, images, labels, optimizer)

    def new(dropout: float) -> tuple[nn.Module, torch.optim.Optimizer]:
        model = network()
        model.head[0].p = dropout
        return model, torch.optim.AdamW(model.parameters(), lr=1e-2)

    for dropout, same in ((0.0, True), (0.5, False)):
        straight, optimizer = new(dropout)
        after(4, straight, optimizer)
        half, optimizer = new(dropout)
        after(2, half, optimizer)
        state = {"model": half.state_dict(), "optimizer": optimizer.state_dict(), "epochs": 2}
        torch.save(state, tmp_path / "half.pt")
        resumed, optimizer = new(dropout)
        assert solved["resume"](tmp_path / "half.pt", resumed, optimizer) == 2
        after(2, resumed, optimizer)
        assert torch.equal(weights_of(straight), weights_of(resumed)) == same


def test_in_the_study_early_stopping_halves_the_loss(solved):
    study = pd.read_csv(project_folder() / "studies" / "results" / "learning_curves.csv")
    runs = [run.reset_index(drop=True) for _, run in study[study["run"] == "no turns"].groupby("seed")]
    assert len(runs) == 3
    for run in runs:
        stopping = solved["EarlyStopping"](patience=5)
        over = next(epoch for epoch, loss in enumerate(run["validation_loss"]) if stopping.is_over(loss, nn.Identity()))
        kept, last = run.loc[run["validation_loss"][: over + 1].idxmin()], run.iloc[-1]
        assert kept["epoch"] <= 10
        assert last["aside_loss"] > 1.8 * kept["aside_loss"]
        assert 0.01 < kept["aside_accuracy"] - last["aside_accuracy"] < 0.08


def test_the_curves_of_the_study_are_what_their_diagnoses_say():
    study = pd.read_csv(project_folder() / "studies" / "results" / "learning_curves.csv")
    runs = {name: run for name, run in study[study["seed"] == 0].groupby("run")}
    gaps = {
        name: run["validation_loss"].tail(5).mean() - run["train_loss"].tail(5).mean() for name, run in runs.items()
    }
    assert gaps["no turns"] > 0.5
    assert gaps["turns"] < 0.15
    assert runs["turns"]["train_loss"].iloc[-1] < 0.4 < 0.6 < runs["small rate"]["train_loss"].iloc[-1]
    assert (runs["small rate"]["train_loss"].diff().dropna().abs() < 0.05).all()
    assert runs["large rate"]["train_loss"].tail(5).min() > 0.5


def stored_row(name: str) -> list[float]:
    """The numbers of the last row of this name in the stored results of the lesson."""
    (path,) = (project_folder() / "lessons").glob("07_*.ipynb")
    outputs = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
    texts = [output.get("data", {}).get("text/plain", "") for output in outputs]
    rows = re.findall(rf"^ *(?:\d+ +)?{re.escape(name)} +([\d. ]+)$", "\n".join(texts), re.MULTILINE)
    assert rows, f"lesson 7 no longer shows a row {name!r}"
    return [float(number) for number in rows[-1].split()]


def test_the_trained_network_is_right_in_four_of_five_photos_and_not_by_luck():
    accuracy, low, _, baseline, photos = stored_row("30 epochs with fit, eight views")
    assert photos > 300
    assert accuracy >= 0.8
    assert low > baseline


def test_fewer_photos_and_no_turns_widen_the_gap():
    widths = [stored_row(name)[-1] for name in ("few photos", "few photos, turned", "all photos, turned")]
    assert widths[0] > widths[1] > widths[2] - 0.02
    assert widths[0] > 0.1
