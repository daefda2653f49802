"""The training loop: what it reports is true, and each argument does what it says."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from event_loader import EventLoader
from sklearn import metrics
from tiny import fit, loader, new_model, train_loader
from torch import Tensor, nn

from course_lib.datasets import BatchLoader
from course_lib.device import seed_everything
from course_lib.errors import CourseError
from course_lib.evaluation import predict_logits, softmax
from course_lib.models import ScratchCNN, weights_hash
from course_lib.training import loop as training

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
pytestmark = pytest.mark.usefixtures("one_thread")


# the history is what scikit-learn would say


SETS = {
    "an uneven last batch": [0, 1, 1, 0, 1, 0, 1, 1, 1],
    "one batch": [0, 1, 0],
    "one image": [1],
    "a class missing": [0, 0, 0, 0, 0],
}


@pytest.mark.parametrize("labels", SETS.values(), ids=SETS)
def test_validation_numbers_are_those_of_scikit_learn(labels: list[int]) -> None:
    model = new_model()
    validation = loader(labels, seed=1)
    history = fit(model, validation=validation, epochs=1)
    logits, found = predict_logits(model, validation, device="cpu")

    assert found.tolist() == labels
    accuracy = metrics.accuracy_score(labels, logits.argmax(1))
    loss = metrics.log_loss(labels, softmax(logits.astype(float)), labels=[0, 1])
    assert history["validation_accuracy"].item() == accuracy
    assert history["validation_loss"].item() == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("labels", SETS.values(), ids=SETS)
def test_training_numbers_are_those_of_scikit_learn(labels: list[int]) -> None:
    # Nothing is learned, so the numbers of the epoch are those of one model.
    model = nn.Sequential(nn.Flatten(), nn.Linear(1024, 2))
    train = loader(labels)
    history = fit(model, train, epochs=1, learning_rate=0.0, weight_decay=0.0)
    logits, _ = predict_logits(model, train, device="cpu")

    assert history["train_accuracy"].item() == metrics.accuracy_score(labels, logits.argmax(1))
    loss = metrics.log_loss(labels, softmax(logits.astype(float)), labels=[0, 1])
    assert history["train_loss"].item() == pytest.approx(loss, rel=1e-5)


def test_the_history_has_one_row_for_each_epoch() -> None:
    history = fit(new_model(), validation=loader([0, 1]))
    assert history["epoch"].tolist() == [1, 2, 3]
    assert list(history) == [
        "epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "learning_rate",
        "seconds",
    ]


def test_fit_learns_bright_from_dark() -> None:
    model = new_model()
    fit(model, loader([0, 1] * 20, shuffle=True), epochs=8)
    assert training.evaluate(model, loader([0, 1] * 20, seed=1), device="cpu")[1] == 1.0


def test_fit_is_the_bare_loop() -> None:
    """The same weights as the loop that lesson 7 writes out."""
    fitted, bare = new_model(), new_model()
    seed_everything(5)
    fit(fitted, train_loader(), channels_last=False)

    seed_everything(5)
    train = train_loader()
    optimizer = torch.optim.AdamW(bare.parameters(), lr=1e-2, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=3 * len(train) + 1)
    bare.train()
    for _ in range(3):
        for images, labels in train:
            loss = nn.functional.cross_entropy(bare(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    assert weights_hash(fitted) == weights_hash(bare)


def test_validating_does_not_change_what_is_learned() -> None:
    with_validation, without = new_model(), new_model()
    seed_everything(1)
    fit(with_validation, validation=loader([0, 1, 1]))
    seed_everything(1)
    fit(without)
    assert weights_hash(with_validation) == weights_hash(without)


# labels that are probabilities


def soft(labels: list[int], certainty: float = 1.0) -> Tensor:
    """Class numbers as probabilities (N, 2)."""
    return nn.functional.one_hot(torch.tensor(labels), 2) * (2 * certainty - 1) + (1 - certainty)


def test_certain_probabilities_train_like_class_numbers() -> None:
    by_number, by_probability = new_model(), new_model()
    numbers, probabilities = train_loader(), train_loader()
    probabilities.labels = soft([0, 1] * 5).double()
    seed_everything(1)
    first = fit(by_number, numbers, loader([0, 1, 1]))
    seed_everything(1)
    validation = loader([0, 1, 1])
    validation.labels = soft([0, 1, 1])
    second = fit(by_probability, probabilities, validation)

    pd.testing.assert_frame_equal(first.drop(columns="seconds"), second.drop(columns="seconds"))
    for one, other in zip(by_number.parameters(), by_probability.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_accuracy_with_uncertain_labels_counts_the_likelier_class() -> None:
    labels = [0, 1, 1, 0, 1]
    model = nn.Sequential(nn.Flatten(), nn.Linear(1024, 2))
    train = loader(labels)
    train.labels = soft(labels, certainty=0.7)
    history = fit(model, train, epochs=1, learning_rate=0.0, weight_decay=0.0)
    train.labels = torch.tensor(labels)
    logits, _ = predict_logits(model, train, device="cpu")

    assert history["train_accuracy"].item() == metrics.accuracy_score(labels, logits.argmax(1))
    probabilities = np.log(softmax(logits.astype(float)))
    expected = -(soft(labels, 0.7).numpy() * probabilities).sum(axis=1).mean()
    assert history["train_loss"].item() == pytest.approx(expected, rel=1e-5)


def test_labels_of_numpy_are_judged_too_and_never_travel_as_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    # An Apple GPU holds no float64.
    images, labels = torch.rand(2, 1, 32, 32), soft([0, 1], certainty=0.8)
    expected = training.evaluate(new_model(), [(images, labels)], device="cpu")
    assert training.evaluate(new_model(), [(images, labels.double())], device="cpu") == expected

    travelled, to = [], Tensor.to
    monkeypatch.setattr(Tensor, "to", lambda t, *where: (travelled.append(t.dtype), to(t, *where))[1])
    training.labels_on(labels.double(), torch.device("cpu"))
    assert travelled == [torch.float32]


# the memory


class Full(nn.Module):
    """A model on a processor whose memory is full."""

    def forward(self, images: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize("use", [fit, partial(training.evaluate, device="cpu")])
def test_a_full_memory_is_one_sentence(use: Callable) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(1024, 2), Full())
    with pytest.raises(CourseError, match="too small for a batch; give the loader a smaller batch_size"):
        use(model, loader([0, 1]))

    def no_room() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with pytest.raises(CourseError, match="too small for a batch"):
        use(new_model(), EventLoader(train_loader(), 2, no_room))


@pytest.mark.parametrize(("free", "size", "travels"), [(100, 4, True), (100, 6, False), (0, 1, False)])
def test_the_photos_of_two_loaders_leave_the_memory_that_a_batch_may_take(
    free: int, size: int, travels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Loader:
        bytes, place = size, "cpu"

        def to(self, device: torch.device) -> None:
            self.place = str(device)

    monkeypatch.setattr("course_lib.device.available_memory", lambda _: free)
    photos = Loader()
    training._bring_photos(photos, torch.device("cuda"))
    assert (photos.place == "cuda") == travels


def test_another_error_of_the_model_is_not_taken_for_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        fit(nn.Sequential(nn.Flatten(), nn.Linear(1023, 2)), loader([0, 1]))


# precision


def test_bfloat16_learns_too_and_leaves_float32_weights() -> None:
    model, seen = new_model(), set()
    model.blocks.register_forward_hook(lambda module, _inputs, output: seen.add((module.training, output.dtype)))
    bright_and_dark = loader([0, 1] * 20, shuffle=True)
    fit(model, bright_and_dark, loader([0, 1]), epochs=8, precision="bfloat16")

    assert seen == {(True, torch.bfloat16), (False, torch.float32)}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert training.evaluate(model, loader([0, 1] * 20, seed=1), device="cpu")[1] == 1.0


@gpu
def test_float16_learns_too_on_a_gpu_and_leaves_float32_weights() -> None:
    model = new_model()
    fit(model, loader([0, 1] * 20, shuffle=True), epochs=8, precision="float16", device="cuda")
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert training.evaluate(model, loader([0, 1] * 20, seed=1), device="cuda")[1] == 1.0


class Asked(Exception):
    """Where and in which order a network was wanted."""


@pytest.mark.parametrize("kind", ["cpu", "cuda", "xpu", "mps"])
def test_channels_last_is_the_default_but_on_an_apple_gpu(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Model(nn.Linear):
        def to(self, device: torch.device | None = None, memory_format: torch.memory_format | None = None) -> nn.Module:
            if memory_format is None:
                places.append(device.type)
                return self
            raise Asked(*places, memory_format)

    monkeypatch.setattr("course_lib.device.choose", lambda _: torch.device(kind))
    default = torch.contiguous_format if kind == "mps" else torch.channels_last
    for settings, order in (({}, default), ({"channels_last": True}, torch.channels_last)):
        places: list[str] = []
        with pytest.raises(Asked) as asked:
            fit(Model(2, 2), [(torch.zeros(1, 2), torch.zeros(1))], **settings)
        assert asked.value.args == (kind, order)


# averaged weights


def test_averaged_weights_are_the_moving_average_of_all_steps() -> None:
    model, seen = nn.Sequential(nn.Flatten(), nn.Linear(1024, 2)), []
    train = loader([0, 1, 1, 0, 1, 0, 0, 1, 1, 1], batch_size=10)  # one step in each epoch, so the hook sees each step
    fit(
        model, train, epochs=6, average_weights=0.8, schedule=None,
        on_epoch_end=[lambda _: seen.append(model[1].weight.detach().clone())],
    )  # fmt: skip
    average = seen[0]
    for weight in seen[1:]:
        average = 0.8 * average + 0.2 * weight
    torch.testing.assert_close(model[1].weight, average)
    assert not torch.equal(model[1].weight, seen[-1])


def test_it_is_the_averaged_model_that_is_validated_and_left_behind() -> None:
    model, validation = new_model(), loader([0, 1, 1, 0, 0], seed=2)
    history = fit(model, validation=validation, average_weights=0.9)
    loss, accuracy = training.evaluate(model, validation, device="cpu")

    assert history["validation_loss"].iloc[-1] == loss
    assert history["validation_accuracy"].iloc[-1] == accuracy


def test_averaging_changes_nothing_in_the_training_itself() -> None:
    averaged, plain, kept = new_model(), new_model(), {}
    for name, model, average in (("averaged", averaged, 0.9), ("plain", plain, None)):
        seed_everything(1)
        keep = [lambda _, n=name, m=model: kept.update({n: weights_hash(m)})]
        fit(model, average_weights=average, on_epoch_end=keep)
    assert kept["averaged"] == kept["plain"]
    assert weights_hash(averaged) != weights_hash(plain)
    # The running statistics of batch normalisation are averaged with the weights.
    moving = deepcopy(plain.blocks[0][1])
    assert not torch.equal(averaged.blocks[0][1].running_mean, moving.running_mean)


# early stopping


def test_early_stopping_restores_the_best_weights() -> None:
    model, kept = new_model(), {}
    # The labels are upside down, so the better it learns the worse the validation.
    validation = loader([1, 0] * 4, seed=3)
    validation.labels = 1 - validation.labels
    train = loader([1, 0] * 10, shuffle=True)

    def keep(row: dict) -> None:
        kept[row["epoch"]] = weights_hash(model)

    history = fit(model, train, validation, epochs=20, patience=2, on_epoch_end=[keep])

    best = int(history["validation_loss"].idxmin()) + 1
    assert len(history) == best + 2 < 20
    assert weights_hash(model) == kept[best] != kept[best + 2]


@pytest.mark.parametrize("patience", [None, 9])
def test_a_function_can_stop_the_training_for_good(patience: int | None, tmp_path: Path) -> None:
    model, kept = new_model(), []
    # The labels are upside down, so the better it learns the worse the validation.
    validation = loader([1, 0] * 4, seed=3)
    validation.labels = 1 - validation.labels
    settings = {"epochs": 9, "patience": patience, "checkpoint": tmp_path / "run.pt"}

    def stop_after_six(row: dict) -> None:
        kept.append(weights_hash(model))
        if row["epoch"] == 6:
            raise training.StopTraining

    history = fit(model, loader([1, 0] * 10), validation, on_epoch_end=[stop_after_six], **settings)
    best = 6 if patience is None else int(history["validation_loss"].idxmin()) + 1
    assert len(history) == len(kept) == 6 and not history.attrs["interrupted"]
    assert weights_hash(model) == kept[best - 1]
    assert best < 6 or patience is None

    again = new_model()
    assert len(fit(again, loader([1, 0] * 10), validation, **settings)) == 6
    assert weights_hash(again) == weights_hash(model)


def test_without_patience_the_last_weights_are_kept() -> None:
    model, kept = new_model(), []
    fit(model, validation=loader([0]), on_epoch_end=[lambda _: kept.append(weights_hash(model))])
    assert weights_hash(model) == kept[-1]


# what is frozen stays


def test_a_frozen_batch_norm_does_not_move() -> None:
    model = new_model()
    model.blocks[:2].requires_grad_(False)
    before, moving = weights_hash(model.blocks[:2]), weights_hash(model.blocks[2:])
    fit(model)

    assert weights_hash(model.blocks[:2]) == before
    assert weights_hash(model.blocks[2:]) != moving


def test_parts_get_their_own_learning_rates() -> None:
    model = new_model()
    before = [p.clone() for p in model.blocks.parameters()]
    head = model.head[1].weight.clone()
    rates = {"blocks": 0.0, "head": 1e-2}
    fit(model, learning_rate=rates, weight_decay=0.0, schedule=None)

    assert all(map(torch.equal, before, model.blocks.parameters()))
    assert not torch.equal(head, model.head[1].weight)


# what cannot be trained


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=gpu)])
def test_a_loss_that_is_no_number_names_epoch_and_batch_and_spares_the_weights(device: str) -> None:
    model = new_model()
    batches = [(torch.rand(2, 1, 32, 32), torch.tensor([0, 1])) for _ in range(4)]
    batches[2][0][0, 0, 0, 0] = float("nan")
    with pytest.raises(CourseError, match="no longer a number in epoch 1, batch 3"):
        fit(model, batches, device=device)
    assert all(parameter.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"optimizer": "lion"}, "'lion' is unknown; choose one of adamw"),
        ({"schedule": "step"}, "'step' is unknown"),
        ({"precision": "float8"}, "'float8' is unknown; choose one of float32, bfloat16, float16"),
        ({"average_weights": 1.0}, r"average_weights=1\.0 is not possible; choose a number from 0"),
        ({"epochs": -1}, "epochs=-1 is"),
        ({"patience": 0, "validation": []}, r"\(patience=0\) needs validation photos and 1 epoch"),
        ({"learning_rate": -1e-3}, r"learning_rate=-0\.001 is"),
        ({"learning_rate": {"": float("nan")}}, "learning_rate={'': nan} is"),
        ({"weight_decay": -1}, "weight_decay=-1 is"),
        ({"label_smoothing": 2}, "label_smoothing=2 is"),
        ({"validation": []}, "no photos to judge the model by"),
        ({"device": "gpu"}, "'gpu' is unknown"),
        ({"patience": 3}, "needs validation photos"),
        ({"learning_rate": {"head": 1e-3}}, r"blocks\.0\.0\.weight has no learning rate"),
        ({"learning_rate": {"": 1e-3, "haed": 1e-3}}, "No trainable parameter belongs to 'haed'"),
    ],
)
def test_impossible_settings_are_one_sentence(settings: dict, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        fit(new_model(), **settings)


def test_nothing_to_judge_by_is_one_sentence() -> None:
    for loader_of_nothing in ([], iter([])):
        with pytest.raises(CourseError, match="no photos to judge the model by"):
            training.evaluate(new_model(), loader_of_nothing, device="cpu")


def test_nothing_to_train_on_is_one_sentence() -> None:
    with pytest.raises(CourseError, match="no photos to train on"):
        training.fit(new_model(), [], epochs=1)


def test_a_model_that_is_frozen_altogether_is_refused() -> None:
    model = new_model().requires_grad_(False)
    with pytest.raises(CourseError, match="No trainable parameter"):
        fit(model)


@gpu
def test_photos_that_do_not_fit_on_the_gpu_are_brought_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = []
    for free in (2**40, 1):
        monkeypatch.setattr("course_lib.device.available_memory", lambda _, free=free: free)
        torch.manual_seed(0)
        loader = BatchLoader(
            np.random.default_rng(0).integers(0, 256, (64, 1, 32, 32), dtype=np.uint8),
            [0, 1] * 32,
            batch_size=16,
            shuffle=True,
        )
        model = ScratchCNN(width=4)
        histories.append(fit(model, loader, epochs=2, device="cuda")["train_loss"])
    np.testing.assert_allclose(*histories, rtol=1e-3)
