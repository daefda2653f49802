"""The training loop: what it reports is true, and whatever ends it, nothing learned is lost."""

import random
import subprocess
import sys
import threading
import time
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
from torch import Tensor, nn

from course_lib.datasets import BatchLoader
from course_lib.device import seed_everything
from course_lib.errors import CourseError
from course_lib.evaluation import predict_logits, softmax
from course_lib.models import ScratchCNN, weights_hash
from course_lib.training import loop as training
from course_lib.transforms import flips_and_quarter_turns

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
pytestmark = pytest.mark.usefixtures("one_thread")


def loader(labels: list[int], batch_size: int = 4, seed: int = 0, **settings) -> BatchLoader:
    """Photos of noise, 32 pixels wide; those of class 1 are brighter."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 150, (len(labels), 1, 32, 32), dtype=np.uint8)
    images += np.array(labels, dtype=np.uint8)[:, None, None, None] * 80
    return BatchLoader(images, labels, batch_size=batch_size, **settings)


def train_loader() -> BatchLoader:
    """Ten photos in an uneven number of batches, shuffled and augmented."""
    return loader([0, 1] * 5, shuffle=True, augment=flips_and_quarter_turns)


def new_model(seed: int = 0) -> ScratchCNN:
    seed_everything(seed)
    return ScratchCNN(width=4)


def fit(model: nn.Module, train=None, validation=None, **settings) -> pd.DataFrame:
    settings = {"epochs": 3, "learning_rate": 1e-2, "device": "cpu", "progress": False} | settings
    return training.fit(model, train or train_loader(), validation, **settings)


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


def test_labels_of_numpy_are_judged_too_and_never_travel_as_float64(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # An Apple GPU holds no float64.
    images, labels = torch.rand(2, 1, 32, 32), soft([0, 1], certainty=0.8)
    expected = training.evaluate(new_model(), [(images, labels)], device="cpu")
    assert training.evaluate(new_model(), [(images, labels.double())], device="cpu") == expected

    travelled, to = [], Tensor.to
    monkeypatch.setattr(Tensor, "to", lambda t, *where: (travelled.append(t.dtype), to(t, *where))[1])
    training.labels_on(labels.double(), torch.device("cpu"))
    assert travelled == [torch.float32]


# several batches in one step, and one batch in several portions


def linear_model(classes: int = 2) -> nn.Sequential:
    """A model without batch normalisation, in which each photo counts on its own."""
    seed_everything(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(1024, 16), nn.ReLU(), nn.Linear(16, classes))


def assert_same_weights(first: nn.Module, second: nn.Module) -> None:
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


LABELS = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1]
LOSSES = {
    "plain": {},
    "smoothed": {"label_smoothing": 0.1},
    "weighted": {"class_weights": torch.tensor([1.0, 5.0])},
    "weighted and smoothed": {"class_weights": torch.tensor([1.0, 5.0]), "label_smoothing": 0.1},
}


@pytest.mark.parametrize("settings", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize(("batch_size", "accumulate"), [(2, 3), (3, 2), (1, 6), (6, 1)])
def test_accumulated_batches_equal_one_large_batch(settings: dict, batch_size: int, accumulate: int) -> None:
    # 10 photos, 6 in a step: the second step is incomplete, and with 3 a batch has 1 photo.
    settings = settings | {"optimizer": "sgd", "learning_rate": 0.1}
    large, small = linear_model(), linear_model()
    expected = fit(large, loader(LABELS, batch_size=6), **settings)
    history = fit(small, loader(LABELS, batch_size), accumulate=accumulate, **settings)

    assert_same_weights(large, small)
    columns = ["train_accuracy", "learning_rate"]
    pd.testing.assert_frame_equal(history[columns], expected[columns])
    if "class_weights" not in settings:  # there a batch's loss depends on its classes
        assert history["train_loss"].tolist() == pytest.approx(expected["train_loss"].tolist())


class SmallMemory(nn.Module):
    """A model on a processor that holds only a few photos at once."""

    def __init__(self, inner: nn.Module, room: int):
        super().__init__()
        self.inner, self.room, self.seen = inner, room, []

    def forward(self, images: Tensor) -> Tensor:
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.seen.append(len(images))
        return self.inner(images)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_too_little_memory_halves_the_batch_and_keeps_the_step(accumulate: int, capsys: pytest.CaptureFixture) -> None:
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "accumulate": accumulate}
    plenty, little = linear_model(), SmallMemory(linear_model(), room=2)
    fit(plenty, loader(LABELS, batch_size=8), **settings)
    fit(little, loader(LABELS, batch_size=8), **settings)

    assert_same_weights(plenty, little.inner)
    assert set(little.seen) == {2}
    said = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in said] == [
        "Out of memory with 8 photos at once: from now on 4 at once",
        "Out of memory with 4 photos at once: from now on 2 at once",
    ]


def test_too_little_memory_halves_the_batches_of_validation_too() -> None:
    plenty = linear_model()
    little = SmallMemory(plenty, room=3)
    expected = training.evaluate(plenty, loader(LABELS, batch_size=8), device="cpu")
    found = training.evaluate(little, loader(LABELS, batch_size=8), device="cpu")
    assert found == pytest.approx(expected) and little.seen == [2, 2, 2, 2, 2]

    history = fit(little, loader(LABELS, 2), loader(LABELS, batch_size=8), epochs=1)
    assert history["validation_accuracy"].notna().all()


def test_memory_for_not_even_one_photo_is_one_sentence() -> None:
    full = SmallMemory(linear_model(), room=0)
    for use in (fit, partial(training.evaluate, device="cpu")):
        with pytest.raises(CourseError, match="too small for a single photo"):
            use(full, loader(LABELS))


@pytest.mark.parametrize("use", [fit, partial(training.evaluate, device="cpu")])
def test_memory_that_is_too_small_for_making_a_batch_is_one_sentence(use: Callable) -> None:
    def no_room() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with pytest.raises(CourseError, match="too small for making a batch; give the loader a smaller"):
        use(new_model(), EventLoader(train_loader(), 2, no_room))

    def other() -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        use(new_model(), EventLoader(train_loader(), 2, other))


@pytest.mark.parametrize(
    "words",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB.",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
        "[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes",
        "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
    ],
)
def test_a_full_memory_is_known_by_its_words(words: str) -> None:
    assert training._half(5, RuntimeError(words)) == 3


@gpu
def test_a_gpu_whose_memory_is_really_full_trains_with_half_of_the_batch(
    capsys: pytest.CaptureFixture,
) -> None:
    # The convolution gives 1 GiB for 64 photos.
    model = nn.Sequential(
        nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(64, 2),
    )  # fmt: skip
    batch = torch.rand(64, 1, 256, 256), torch.arange(64) % 2
    torch.cuda.empty_cache()
    allowed = torch.cuda.memory_reserved() + 2**29
    torch.cuda.set_per_process_memory_fraction(allowed / torch.cuda.get_device_properties(0).total_memory)
    try:
        history = fit(model, [batch], epochs=1, device="cuda")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "Out of memory with 64 photos at once" in capsys.readouterr().out
    assert history["train_loss"].notna().all()


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
        fit(nn.Sequential(nn.Flatten(), nn.Linear(1023, 2)), loader(LABELS))


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
        def to(self, device: torch.device, memory_format: torch.memory_format) -> None:
            raise Asked(device.type, memory_format)

    monkeypatch.setattr("course_lib.device.choose", lambda _: torch.device(kind))
    default = torch.contiguous_format if kind == "mps" else torch.channels_last
    for settings, order in (({}, default), ({"channels_last": True}, torch.channels_last)):
        with pytest.raises(Asked) as asked:
            fit(Model(2, 2), [(torch.zeros(1, 2), torch.zeros(1))], **settings)
        assert asked.value.args == (kind, order)


# averaged weights


def test_averaged_weights_are_the_moving_average_of_all_steps() -> None:
    model, seen = nn.Sequential(nn.Flatten(), nn.Linear(1024, 2)), []
    train = loader(LABELS, batch_size=10)  # one step in each epoch, so the hook sees each step
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


# momentum


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_momentum_keeps_speed(momentum: float) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(1024, 2))
    by_hand, train = deepcopy(model), loader(LABELS, batch_size=10)
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "schedule": None, "weight_decay": 0.0}
    fit(model, train, epochs=3, momentum=momentum, **settings)

    images, labels = next(iter(train))
    parameters = list(by_hand.parameters())
    speeds = [torch.zeros_like(parameter) for parameter in parameters]
    for _ in range(3):
        loss = nn.functional.cross_entropy(by_hand(images), labels)
        gradients = torch.autograd.grad(loss, parameters)
        speeds = [momentum * s + g for s, g in zip(speeds, gradients, strict=True)]
        for parameter, speed in zip(parameters, speeds, strict=True):
            parameter.data -= 0.1 * speed
    assert_same_weights(model, by_hand)


def test_the_one_cycle_schedule_leaves_the_momentum_as_it_was_given() -> None:
    trained = []
    for momentum in (0.0, 0.9):
        trained.append(new_model())
        seed_everything(1)
        fit(trained[-1], optimizer="sgd", learning_rate=0.01, momentum=momentum)
    assert weights_hash(trained[0]) != weights_hash(trained[1])


# interrupted and resumed


class Killed(BaseException):
    """Stands for the end of the process."""


def dying_loader(at: int, death: type[BaseException] = Killed) -> EventLoader:
    """A train loader in which the process dies at one batch."""

    def die() -> None:
        raise death

    return EventLoader(train_loader(), at, die)


OPTIONS = {
    "adamw, one cycle": {},
    "sgd, cosine": {"optimizer": "sgd", "schedule": "cosine"},
    "adam, constant, patience": {"optimizer": "adam", "schedule": None, "patience": 2},
    "averaged, accumulated": {"average_weights": 0.9, "accumulate": 2},
    "bfloat16": {"precision": "bfloat16"},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("at", [1, 5, 9, 12])
def test_killed_and_resumed_equals_uninterrupted_bit_for_bit(tmp_path: Path, options: dict, at: int) -> None:
    options = options | {"epochs": 4, "validation": loader([0, 1, 1], seed=2)}
    whole = new_model()
    expected = fit(whole, **options)

    path = tmp_path / "run.pt"
    with pytest.raises(Killed):
        fit(new_model(), dying_loader(at), checkpoint=path, **options)
    resumed = new_model()
    if path.exists():
        seed_everything(123)  # another process has other random numbers
    history = fit(resumed, train_loader(), checkpoint=path, **options)

    assert weights_hash(resumed) == weights_hash(whole)
    pd.testing.assert_frame_equal(history.drop(columns="seconds"), expected.drop(columns="seconds"), check_exact=True)


@gpu
def test_killed_and_resumed_equals_uninterrupted_on_a_gpu(tmp_path: Path) -> None:
    options = {"epochs": 4, "device": "cuda", "validation": loader([0, 1, 1], seed=2)}
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        expected = fit(new_model(), **options)
        with pytest.raises(Killed):
            fit(new_model(), dying_loader(9), checkpoint=tmp_path / "run.pt", **options)
        seed_everything(123)  # another process has other random numbers
        history = fit(new_model(9), train_loader(), checkpoint=tmp_path / "run.pt", **options)
    # With other random numbers in its dropout the losses would differ by several per cent.
    np.testing.assert_allclose(history["train_loss"], expected["train_loss"], rtol=1e-3)


LONG_RUN = """
import sys, torch
torch.set_num_threads(1)
from test_training import fit, long_settings, new_model
fit(new_model(seed=int(sys.argv[2])), checkpoint=sys.argv[1], **long_settings())
"""


def long_settings() -> dict:
    """Forty epochs, each at least a fiftieth of a second long, so that a kill finds it at work."""
    pause = [lambda _: time.sleep(0.02)]
    return {
        "epochs": 40, "validation": loader([0, 1, 1], seed=2), "average_weights": 0.9,
        "on_epoch_end": pause,
    }  # fmt: skip


def test_a_killed_process_resumes_to_equal_weights(tmp_path: Path) -> None:
    """Killed with SIGKILL at random moments: no line of Python runs any more, nothing is tidied."""
    path, moments = tmp_path / "run.pt", random.Random()
    killed_at = []
    for seed in (0, 1):  # resumed, the start of the second process must not matter
        process = subprocess.Popen([sys.executable, "-c", LONG_RUN, str(path), str(seed)], cwd=Path(__file__).parent)
        before = path.stat().st_mtime_ns if path.exists() else 0
        while not path.exists() or path.stat().st_mtime_ns == before:
            assert process.poll() is None, "the run ended before it saved"
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.wait()
        killed_at.append(torch.load(path, weights_only=True)["epoch"])
    assert 0 <= killed_at[0] < killed_at[1] < 40
    settings = long_settings() | {"on_epoch_end": ()}
    whole = new_model()
    expected = fit(whole, **settings)
    resumed = new_model(seed=7)
    history = fit(resumed, checkpoint=path, **settings)

    assert weights_hash(resumed) == weights_hash(whole), f"killed in epochs {killed_at}"
    pd.testing.assert_frame_equal(history.drop(columns="seconds"), expected.drop(columns="seconds"), check_exact=True)


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    model, again = new_model(), new_model(seed=9)
    first = fit(model, checkpoint=tmp_path / "run.pt")
    second = fit(again, checkpoint=tmp_path / "run.pt")

    assert weights_hash(again) == weights_hash(model)
    pd.testing.assert_frame_equal(first, second)


def test_an_interrupt_keeps_what_was_learned(capsys: pytest.CaptureFixture) -> None:
    model = new_model()
    train = dying_loader(8, death=KeyboardInterrupt)
    before = weights_hash(model)
    history = fit(model, train, epochs=5)

    assert len(history) == 2
    assert weights_hash(model) != before
    assert not model.training
    assert "Interrupted after 2 complete epochs" in capsys.readouterr().out


def test_interrupted_in_the_first_epoch_the_same_cell_starts_again_as_if_nothing_had_been(
    tmp_path: Path,
) -> None:
    whole = new_model()
    fit(whole, epochs=3)

    model = new_model()
    train = dying_loader(2, death=KeyboardInterrupt)
    fit(model, train, checkpoint=tmp_path / "run.pt", epochs=3)
    assert weights_hash(model) != weights_hash(whole)
    fit(model, train, checkpoint=tmp_path / "run.pt", epochs=3)  # the same model and loader
    assert weights_hash(model) == weights_hash(whole)


def test_a_damaged_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    path.write_bytes(b"half a file")
    with pytest.raises(CourseError, match=r"run\.pt is damaged; delete it to train anew"):
        fit(new_model(), checkpoint=path)
    assert path.read_bytes() == b"half a file"


def test_a_checkpoint_of_other_settings_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    fit(new_model(), checkpoint=path)
    content = path.read_bytes()
    changes = (
        {"epochs": 9},
        {"learning_rate": 0.5},
        {"optimizer": "sgd"},
        {"label_smoothing": 0.1},
        {"average_weights": 0.9},
        {"accumulate": 2},
        {"precision": "bfloat16"},
    )
    for change in (*changes, {"class_weights": torch.tensor([1.0, 2.0])}):
        with pytest.raises(CourseError, match=r"run\.pt comes from a run with other settings"):
            fit(new_model(), checkpoint=path, **change)
    assert path.read_bytes() == content


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    fit(new_model(), checkpoint=tmp_path / "run.pt")
    with pytest.raises(CourseError, match="belong to another network"):
        fit(ScratchCNN(width=8), checkpoint=tmp_path / "run.pt")


def test_a_checkpoint_with_other_frozen_parts_is_refused(tmp_path: Path) -> None:
    fit(new_model(), checkpoint=tmp_path / "run.pt")
    model = new_model()
    model.blocks[0].requires_grad_(False)
    with pytest.raises(CourseError, match="other settings"):
        fit(model, checkpoint=tmp_path / "run.pt")


@pytest.mark.parametrize("damage", [lambda c: c[: len(c) // 2], lambda _: b"", lambda _: b"text"])
def test_a_damaged_checkpoint_is_one_sentence_and_stays(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "run.pt"
    fit(new_model(), checkpoint=path)
    path.write_bytes(damage(path.read_bytes()))
    content = path.read_bytes()

    with pytest.raises(CourseError, match=r"run\.pt is damaged"):
        fit(new_model(), checkpoint=path)
    assert path.read_bytes() == content


def test_settings_that_are_numpy_numbers_can_be_resumed(tmp_path: Path) -> None:
    settings = {"learning_rate": np.float64(1e-3), "weight_decay": np.float32(0.1)}
    first = fit(new_model(), checkpoint=tmp_path / "run.pt", **settings)
    again = fit(new_model(), checkpoint=tmp_path / "run.pt", **settings)
    pd.testing.assert_frame_equal(first, again)


def test_a_saved_model_comes_back_with_its_facts(tmp_path: Path) -> None:
    model, other = new_model(), new_model(seed=1)
    facts = {"classes": ["ok", "bad"], "accuracy": np.float64(0.5), "size": np.int64(64)}
    training.save_checkpoint(model, tmp_path / "model.pt", **facts)

    assert training.load_checkpoint(tmp_path / "model.pt", other) == facts
    assert weights_hash(other) == weights_hash(model)


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("numbers", [1, 10**6], ids=["in the end", "at once"])
def test_a_full_disk_is_one_sentence_and_keeps_the_old_checkpoint(tmp_path: Path, numbers: int) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"old")
    model = nn.Linear(numbers, 1)
    with pytest.raises(CourseError, match=r"There is no room left for model\.pt"):
        training.save_checkpoint(model, path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_weights_alone_are_no_checkpoint(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2)}, tmp_path / "foreign.pt")
    with pytest.raises(CourseError, match=r"foreign\.pt is not a checkpoint of this course"):
        training.load_checkpoint(tmp_path / "foreign.pt", new_model())


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
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_loss_that_is_no_number_names_epoch_and_batch_and_spares_the_weights(device: str, accumulate: int) -> None:
    model = new_model()
    batches = [(torch.rand(2, 1, 32, 32), torch.tensor([0, 1])) for _ in range(4)]
    batches[2][0][0, 0, 0, 0] = float("nan")
    with pytest.raises(CourseError, match="no longer a number in epoch 1, batch 3"):
        fit(model, batches, device=device, accumulate=accumulate)
    assert all(parameter.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"optimizer": "lion"}, "'lion' is unknown; choose one of adamw"),
        ({"schedule": "step"}, "'step' is unknown"),
        ({"precision": "float8"}, "'float8' is unknown; choose one of float32, bfloat16, float16"),
        ({"precision": "float16"}, "'float16' needs an NVIDIA GPU"),
        ({"accumulate": 0}, "accumulate=0"),
        ({"average_weights": 1.0}, r"average_weights=1\.0 is not possible; choose a number from 0"),
        ({"epochs": 2.5}, r"epochs=2\.5 is not possible; choose a whole number"),
        ({"epochs": -1}, "epochs=-1 is"),
        ({"patience": 0, "validation": []}, "patience=0 is"),
        ({"learning_rate": -1e-3}, r"learning_rate=-0\.001 is"),
        ({"learning_rate": {"": float("nan")}}, "learning_rate={'': nan} is"),
        ({"learning_rate": "fast"}, "learning_rate='fast' is"),
        ({"learning_rate": [1e-3]}, r"learning_rate=\[0\.001\] is"),
        ({"weight_decay": -1}, "weight_decay=-1 is"),
        ({"momentum": -1, "optimizer": "sgd"}, "momentum=-1 is"),
        ({"label_smoothing": 2}, "label_smoothing=2 is"),
        ({"class_weights": torch.tensor([-1.0, 1.0])}, r"class_weights=\[-1\.0, 1\.0\] is"),
        ({"class_weights": {"good": 1.0}}, "class_weights={'good': 1.0} is"),
        ({"class_weights": [1.0, 1.0, 1.0]}, "3 class_weights do not fit the classes"),
        ({"class_weights": [1.0], "accumulate": 2}, "1 class_weights do not fit the classes"),
        ({"class_weights": 2.0}, "1 class_weights do not fit the classes"),
        ({"validation": []}, "no photos to judge the model by"),
        ({"train": iter([1])}, r"\(list_iterator\) does not say how many batches"),
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


def test_class_weights_make_mistakes_in_a_class_count_more() -> None:
    labels = [0, 1] * 5
    shares = []
    for weights in ([10.0, 1.0], [1.0, 10.0]):
        model = nn.Sequential(nn.Flatten(), nn.Linear(1024, 2))
        noise = loader([0] * 10)
        noise.labels = torch.tensor(labels)
        fit(model, noise, class_weights=torch.tensor(weights), learning_rate=1e-3, epochs=5)
        logits, _ = predict_logits(model, noise, device="cpu")
        shares.append(softmax(logits)[:, 1].mean())
    assert shares[0] < shares[1]


def test_the_next_batch_is_made_while_the_last_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def batches():
        for number, event in enumerate(made):
            event.set()
            yield number

    for number in training.made_ahead(batches(), prepare=lambda batch: batch):
        assert all(event.wait(timeout=10) for event in made[: number + 2])


def test_a_batch_that_cannot_be_made_stops_the_training() -> None:
    def batches():
        yield 1
        raise CourseError("The photo is gone.")

    found = training.made_ahead(batches(), prepare=lambda batch: batch)
    assert next(found) == 1
    with pytest.raises(CourseError, match="The photo is gone"):
        next(found)


@gpu
def test_photos_that_do_not_fit_on_the_gpu_are_brought_batch_by_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
