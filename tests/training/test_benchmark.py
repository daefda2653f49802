"""What is fastest is measured on copies, and chosen only if it is clearly faster and answers alike."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from course_lib import device
from course_lib.datasets import BatchLoader
from course_lib.errors import CourseError
from course_lib.models import ScratchCNN, weights_hash
from course_lib.training import Settings, benchmark, fastest_settings, fit

pytestmark = pytest.mark.usefixtures("one_thread")


class Clock:
    """Moves only when a network pretends to compute, so that a busy computer changes nothing."""

    now = 0.0

    def timer(self, step: Callable[[], object]) -> SimpleNamespace:
        """In place of PyTorch's own timer; a step takes a tenth of a millisecond beside what it pretends."""

        def measure(min_run_time: float) -> SimpleNamespace:
            start = self.now
            step()
            taken = self.now - start + 1e-4
            self.now = start + max(taken, min_run_time)
            return SimpleNamespace(median=taken)

        return SimpleNamespace(blocked_autorange=measure)


CLOCK = Clock()


class Pretender(nn.Module):
    """Takes so many seconds in float32 and under autocast, where it may give other answers."""

    def __init__(self, plain: float = 0.0, rounded: float = 0.0, added: float = 0.0):
        super().__init__()
        self.plain, self.rounded, self.added = plain, rounded, added
        self.layer = nn.Linear(3, 2)

    def forward(self, images: Tensor) -> Tensor:
        under_autocast = torch.is_autocast_enabled("cpu")
        CLOCK.now += self.rounded if under_autocast else self.plain
        logits = self.layer(images.mean(dim=(2, 3)))
        return logits + torch.tensor([self.added, 0.0]) if under_autocast else logits


@pytest.fixture
def bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that has bfloat16 instructions, as far as the library knows, and whose speed is pretended."""
    monkeypatch.setattr(benchmark, "timer", CLOCK.timer)
    monkeypatch.setattr(benchmark, "perf_counter", lambda: CLOCK.now)
    monkeypatch.setattr(device, "precisions", lambda _: {"float32": "own instructions", "bfloat16": "possible"})


def sample(photos: int = 4) -> Tensor:
    return torch.rand(photos, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def results(settings: Settings) -> dict[str, str]:
    """What became of each candidate."""
    return settings.measured.set_index("settings")["result"].to_dict()


def test_a_faster_precision_is_chosen_and_fit_takes_it(bfloat16: None) -> None:
    model = Pretender(plain=0.01)
    settings = fastest_settings(model, sample(), seconds=0.5, device="cpu")
    assert settings.precision == "bfloat16" and results(settings)[str(settings)] == "chosen"
    assert settings.measured["speed"].max() > 1.5
    images = np.zeros((4, 3, 12, 12), np.uint8)
    history = fit(
        model, BatchLoader(images, [0, 1, 0, 1]), epochs=1, device="cpu", progress=False,
        precision=settings.precision, channels_last=settings.channels_last,
    )  # fmt: skip
    assert len(history) == 1


def test_plain_float32_stays_where_another_precision_is_slower(bfloat16: None) -> None:
    settings = fastest_settings(Pretender(plain=0.01, rounded=0.2), sample(), seconds=0.5, device="cpu")
    assert settings.precision == "float32"
    assert results(settings)["bfloat16"] == "given up: far behind"


@pytest.mark.parametrize("added", [5.0, float("nan")])
def test_a_faster_precision_with_other_answers_is_refused(bfloat16: None, added: float) -> None:
    settings = fastest_settings(Pretender(plain=0.01, added=added), sample(), seconds=0.5, device="cpu")
    assert settings.precision == "float32"
    assert results(settings)["bfloat16"] == "refused: other answers"


def test_where_nothing_is_clearly_faster_nothing_is_chosen_but_plain(bfloat16: None) -> None:
    settings = fastest_settings(Pretender(plain=0.01, rounded=0.01), sample(), seconds=0.5, device="cpu")
    assert settings == Settings() and results(settings)["plain"] == "chosen"


def test_the_table_says_of_each_way_what_its_turns_say(bfloat16: None, monkeypatch: pytest.MonkeyPatch) -> None:
    milliseconds = {"plain": 10, "channels last": 9.8, "bfloat16": 8, "bfloat16, channels last": 7}
    turns = iter(range(10**6))

    def measure(trial: benchmark._Trial, seconds: float) -> None:
        CLOCK.now += seconds
        # Each way is a little slower in every second turn, and one much slower in its first, as if something else ran.
        disturbed = 2 if str(trial.settings) == "channels last" and not trial.seconds else 1
        time = milliseconds[str(trial.settings)] * (1 + 0.01 * (next(turns) // 4 % 2))
        trial.seconds.append(disturbed * time / 1000)

    monkeypatch.setattr(benchmark._Trial, "measure", measure)
    settings = fastest_settings(Pretender(), sample(), seconds=0.1, device="cpu")
    assert settings == Settings("bfloat16", channels_last=True)
    assert results(settings) == {
        "plain": "to compare with",
        "channels last": "not clearly faster",
        "bfloat16": "faster, not the fastest",
        "bfloat16, channels last": "chosen",
    }
    measured = settings.measured.set_index("settings")
    assert measured["speed"].to_dict() == pytest.approx({name: 10 / time for name, time in milliseconds.items()}, 0.02)
    assert (measured["from"] <= measured["speed"]).all() and (measured["speed"] <= measured["to"]).all()


def test_an_imitated_precision_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "precisions", lambda _: {"float32": "own instructions", "bfloat16": "imitated"})
    settings = fastest_settings(Pretender(), sample(), seconds=0.1, device="cpu")
    assert settings.measured["settings"].tolist() == ["plain", "channels last"]


@pytest.mark.parametrize("training", [False, True])
def test_measuring_leaves_network_and_random_numbers_as_they_were(training: bool) -> None:
    model = ScratchCNN(width=4).train()
    model.blocks[0].requires_grad_(False)
    images = torch.rand(4, 1, 32, 32)
    model(images).sum().backward()
    before, gradient = weights_hash(model), model.head[1].weight.grad.clone()
    chance = torch.get_rng_state()
    fastest_settings(model, images, training, seconds=0.2, device="cpu")
    assert weights_hash(model) == before and model.training and model.blocks[1].training
    assert torch.equal(model.head[1].weight.grad, gradient)
    assert torch.equal(torch.get_rng_state(), chance)


def test_a_slow_network_is_measured_with_fewer_photos_in_about_the_time(bfloat16: None) -> None:
    class Slow(Pretender):
        def forward(self, images: Tensor) -> Tensor:
            CLOCK.now += 0.005 * len(images)
            return super().forward(images)

    start = CLOCK.now
    fastest_settings(Slow(), sample(200), seconds=0.5, device="cpu")
    assert CLOCK.now - start < 1.0, "each step with all photos takes a second"


@pytest.mark.parametrize(
    ("model", "images", "settings", "sentence"),
    [
        (Pretender(), sample(), {"seconds": 0}, "measured in 0 seconds"),
        (Pretender(), sample()[0], {}, "not a batch of images"),
        (Pretender(), sample(0), {}, "not a batch of images"),
        (Pretender(), (255 * sample()).byte(), {}, "not a batch of images"),
        (Pretender(), [1], {}, "not a batch of images"),
        (Pretender(), sample(), {"device": "gpu"}, "'gpu' is unknown"),
        (Pretender().requires_grad_(False), sample(), {"training": True}, "nothing to train"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(
    model: nn.Module, images: Tensor, settings: dict, sentence: str
) -> None:
    with pytest.raises(CourseError, match=sentence):
        fastest_settings(model, images, **settings)
