"""Is what lesson 6 says about its network true?

The learner's functions and block are taken from the solutions of its tasks.
"""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from course_lib import data, datasets, device, evaluation, lesson, models, training
from course_lib.quiz.tasks.content import Task, of_lesson

WINDOWS = [[(7, 2, 3), (3, 2, 1)], [(3, 2, 1)], [(3, 2, 1)], [(3, 2, 1)]]  # kernel, stride, padding; as in the lesson


@pytest.fixture(scope="module")
def solved() -> SimpleNamespace:
    """What a learner has who solved every task, and the network built with their block."""
    names: dict = {}
    for task in of_lesson(6, Task):
        exec(task.given + "\n" + task.solution, names)
    block = names["Block"]

    class SmallCNN(nn.Module):
        def __init__(self, classes: int = 2) -> None:
            super().__init__()
            first = nn.Sequential(block(1, 16, kernel=7), nn.MaxPool2d(3, stride=2, padding=1))
            self.blocks = nn.Sequential(first, block(16, 32), block(32, 64), block(64, 128))
            self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(128, classes))

        def forward(self, images: Tensor) -> Tensor:
            return self.head(self.blocks(images).mean(dim=(2, 3)))

    return SimpleNamespace(**names, SmallCNN=SmallCNN)


@pytest.fixture(scope="module")
def batch() -> tuple[Tensor, Tensor]:
    index = lesson.split_index(data.solar_cells())
    images, labels = next(iter(datasets.loaders(index, size=64, batch_size=32)["train"]))
    return images, labels


def parameters_in(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "size"), [(3, 1, 0, 94), (3, 1, 1, 96), (3, 2, 1, 48), (7, 2, 3, 48), (5, 1, 2, 96)]
)
def test_a_layer_has_the_size_and_the_parameters_that_were_counted(solved, kernel, stride, padding, size):
    layer = nn.Conv2d(1, 16, kernel, stride, padding)
    assert solved.size_after(96, kernel, stride, padding) == size == layer(torch.zeros(1, 1, 96, 96)).shape[-1]
    assert solved.parameters_of(1, 16, kernel) == parameters_in(layer)


def test_the_convolution_by_hand_is_that_of_torch(solved):
    torch.manual_seed(0)
    maps, layer = torch.randn(16, 20, 23), nn.Conv2d(16, 2, kernel_size=3, stride=2)
    with torch.no_grad():
        by_hand = [solved.convolve(maps, layer.weight[n], layer.bias[n], stride=2) for n in (0, 1)]
        assert torch.allclose(torch.stack(by_hand), layer(maps), atol=1e-5)


def test_a_linear_layer_has_400_times_the_parameters_and_three_quarters_of_the_weights_sit_in_the_last_convolution(
    solved,
):
    assert round(parameters_in(nn.Linear(64 * 64, 16)) / solved.parameters_of(1, 16, 3), -2) == 400
    counts = [
        solved.parameters_of(*layer, bias=False) for layer in ((1, 16, 7), (16, 32, 3), (32, 64, 3), (64, 128, 3))
    ]
    assert 0.74 < counts[-1] / sum(counts) < 0.77


def test_the_network_with_the_learners_block_is_the_network_of_the_library(solved, batch):
    answers, counts = [], []
    for network in (solved.SmallCNN, models.ScratchCNN):
        device.seed_everything(0)
        model = network(classes=2).eval()
        with torch.no_grad():
            answers.append(model(batch[0]))
        counts.append(parameters_in(model))
    assert torch.allclose(*answers, atol=1e-6)
    assert counts == [98_290, 98_290]


def test_the_shapes_of_a_batch_follow_from_the_windows(solved, batch):
    activations, size = batch[0], 64
    for part, windows, channels in zip(solved.SmallCNN().blocks, WINDOWS, (16, 32, 64, 128), strict=True):
        for window in windows:
            size = solved.size_after(size, *window)
        activations = part(activations)
        assert activations.shape == (32, channels, size, size)


def test_the_receptive_field_is_the_one_that_the_gradient_shows(solved):
    device.seed_everything(0)
    model = solved.SmallCNN().eval()
    for blocks, width in ((1, 11), (2, 19), (3, 35), (4, 67)):
        noise = torch.rand(32, 1, 192, 192, requires_grad=True)
        model.blocks[:blocks](noise)[:, :, 3, 3].sum().backward()
        touched = (noise.grad.abs().amax(dim=(0, 1)) > 0).any(dim=0).nonzero()
        seen = int(touched.max() - touched.min()) + 1
        layers = [(kernel, stride) for part in WINDOWS[:blocks] for kernel, stride, _ in part]
        assert solved.receptive_field(layers) == width == seen


def test_normalisation_brings_all_channels_to_one_mean_and_spread(batch):
    device.seed_everything(0)
    before = nn.Conv2d(1, 4, kernel_size=3, padding=1, bias=False)(batch[0]).detach()
    after = nn.BatchNorm2d(4)(before).detach()
    assert before.std(dim=(0, 2, 3)).max() > 2 * before.std(dim=(0, 2, 3)).min()
    assert after.mean(dim=(0, 2, 3)).abs().max() < 1e-3
    assert (after.std(dim=(0, 2, 3)) - 1).abs().max() < 0.01


def test_a_softmax_too_many_sets_a_floor_and_takes_the_gradient_away():
    def loss_and_gradient(values: list[float], softmax: bool) -> tuple[float, float]:
        logits = torch.tensor([values], requires_grad=True)
        loss = nn.CrossEntropyLoss()(logits.softmax(dim=1) if softmax else logits, torch.tensor([1]))
        loss.backward()
        return loss.item(), logits.grad.abs().max().item()

    right, unsure, wrong = [-10.0, 10.0], [0.0, 0.0], [10.0, -10.0]
    assert loss_and_gradient(right, False)[0] < 1e-3
    assert loss_and_gradient(right, True)[0] == pytest.approx(0.3133, abs=1e-3)
    assert loss_and_gradient(unsure, False)[0] == pytest.approx(math.log(2))
    assert loss_and_gradient(wrong, False)[1] > 0.99
    assert loss_and_gradient(wrong, True)[1] < 1e-3


def test_a_batch_is_memorised_with_right_and_with_shuffled_labels_but_not_with_a_softmax_too_many(solved, batch):
    images, labels = batch[0][:16], batch[1][:16]

    def memorise(loss_of, labels: Tensor) -> list[float]:
        device.seed_everything(0)
        model, losses = solved.SmallCNN(), []
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        for _ in range(60):
            loss, _ = loss_of(model, images, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    def colleagues_loss(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        probabilities = model(images).softmax(dim=1)
        return nn.CrossEntropyLoss()(probabilities, labels), probabilities

    repaired, stuck = memorise(solved.loss_of, labels), memorise(colleagues_loss, labels)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    shuffled = memorise(solved.loss_of, labels[order])
    assert 0.4 < repaired[0] < 2
    assert repaired[-1] < 0.1
    assert min(stuck) > 0.313 and stuck[-1] < 0.5
    assert (labels[order] != labels).sum() >= 4
    assert shuffled[-1] < 0.1


def test_a_fine_stem_wins_on_the_digits():
    from sklearn.datasets import load_digits

    digits = load_digits()
    pictures = (digits.images * 15).astype("uint8")[:, None]
    parts = {"train": slice(0, 1200), "validation": slice(1200, None)}
    loaders = {
        part: datasets.BatchLoader(pictures[rows], digits.target[rows], batch_size=32, shuffle=part == "train")
        for part, rows in parts.items()
    }

    def accuracy(stem: nn.Module, seed: int) -> float:
        rest = [models.ScratchCNN().blocks[number] for number in (1, 2, 3)]
        network = nn.Sequential(stem, *rest, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))
        training.fit(network, loaders["train"], epochs=2, learning_rate=5e-3, progress=False)
        logits, truth = evaluation.predict_logits(network, loaders["validation"])
        return float((logits.argmax(1) == truth).mean())

    found: dict[str, float] = {"coarse": 0.0, "fine": 0.0}
    for seed in range(3):
        for name in found:
            device.seed_everything(seed)
            fine = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
            found[name] += accuracy(fine if name == "fine" else models.ScratchCNN().blocks[0], seed) / 3
    assert found["fine"] > found["coarse"] + 0.02


def test_vgg16_has_138_million_parameters_and_forty_times_the_multiplications_of_efficientnet():
    from torch.utils.flop_counter import FlopCounterMode
    from torchvision.models import get_model

    flops = {}
    for name in ("vgg16", "efficientnet_b0"):
        with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
            network = get_model(name, weights=None).eval()
            network(torch.zeros(1, 3, 224, 224))
        flops[name] = counter.get_total_flops()
        if name == "vgg16":
            assert round(parameters_in(network) / 1e6, 1) == 138.4
    assert 35 < flops["vgg16"] / flops["efficientnet_b0"] < 45
