"""What the processor can do, what is fastest on it and what fits: measured without touching the network."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from course_lib import device
from course_lib.datasets import BatchLoader
from course_lib.errors import CourseError
from course_lib.evaluation import predict_logits
from course_lib.training import Rehearsal, Settings, contest, fastest_settings, memory, speed
from course_lib.training import loop as training

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
pytestmark = pytest.mark.usefixtures("work", "one_thread", "no_fixed_settings")
CPU = torch.device("cpu")


@pytest.fixture
def no_fixed_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_SETTINGS", raising=False)


class Network(nn.Module):
    """All that a measurement could disturb: statistics, dropout, a frozen part, random numbers."""

    def __init__(self, channels: int = 4):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, channels, 3), nn.BatchNorm2d(channels), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(channels, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(8, 2))
        self.first.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        chance = torch.rand(len(images), 1, 1, 1) + random.random() + np.random.rand()
        images = images + 0.001 * chance.to(images.device)
        return self.head(self.second(self.first(images)).mean(dim=(2, 3)))


class Pretender(nn.Module):
    """Takes so many seconds, and gives other answers if told so, in float32 and under autocast.

    Args:
        plain, rounded: seconds of a step in float32 and under autocast.
        wrong: the answers under autocast: "no" the same, "other" ones, or "nothing" that is a number.
    """

    def __init__(self, plain: float = 0.0, rounded: float = 0.0, wrong: str = "no"):
        super().__init__()
        self.plain, self.rounded, self.wrong = plain, rounded, wrong
        self.layer = nn.Linear(3, 2)
        self.calls = Calls()

    def forward(self, images: Tensor) -> Tensor:
        under_autocast = torch.is_autocast_enabled("cpu")
        self.calls.append("bfloat16" if under_autocast else "float32")
        time.sleep(self.rounded if under_autocast else self.plain)
        logits = self.layer(images.mean(dim=(2, 3)))
        if not under_autocast or self.wrong == "no":
            return logits
        return logits + torch.tensor([5.0, 0.0]) if self.wrong == "other" else logits * torch.nan


class Calls(list):
    """A list that a copy of the network shares with it."""

    def __deepcopy__(self, memo: dict) -> "Calls":
        return self


def sample(photos: int = 4) -> Tensor:
    return torch.rand(photos, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def results(settings: Settings) -> dict[str, str]:
    """What became of each candidate."""
    return settings.table().set_index("settings")["result"].to_dict()


def state(model: nn.Module) -> list:
    """Everything in and around a network that a learner could notice, bit for bit."""
    tensors = [*model.state_dict().values(), *(p.grad for p in model.parameters())]
    numbers = [
        None if tensor is None else (tensor.detach().cpu().numpy().tobytes(), tensor.stride()) for tensor in tensors
    ]
    modes = [module.training for module in model.modules()]
    trained = [(p.requires_grad, p.device) for p in model.parameters()]
    chance = [torch.get_rng_state().numpy().tobytes(), random.getstate()]
    chance.append(repr(np.random.get_state()))
    if torch.cuda.is_available():
        chance.append(torch.cuda.get_rng_state().numpy().tobytes())
    around = [torch.get_num_threads(), torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")]
    return [numbers, modes, trained, chance, around]


def used_network(mode: Callable[[nn.Module], nn.Module]) -> Network:
    """A network in the middle of its life: with gradients, statistics and mixed modes."""
    torch.manual_seed(3)
    model = mode(Network())
    model.first.eval()
    model(sample(8)).sum().backward()
    return model


# what is here


def test_the_table_has_a_row_for_each_kind_and_says_what_the_cpu_can_do() -> None:
    table = device.table().set_index("device")
    assert list(table.index) == list(device.KINDS)
    cpu = table.loc["cpu"]
    assert cpu["here"] == "yes" and cpu["precision"].startswith("float32")
    assert cpu["capability"] == torch.backends.cpu.get_cpu_capability()
    assert cpu["free"].endswith(" GiB")
    missing = table[table["here"] == "no"]
    assert (missing[["memory", "free", "capability", "precision"]] == "–").all(axis=None)


def test_only_colab_is_told_where_a_gpu_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    assert "Runtime" not in device.describe(CPU)
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")
    assert "menu Runtime > Change runtime type > T4 GPU" in device.describe(CPU)


def test_an_older_pytorch_finds_the_same_bfloat16_instructions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not hasattr(torch.cpu, "get_capabilities"):
        pytest.skip("this PyTorch is the older one")
    found = device.precisions(CPU)
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        answer = getattr(torch.cpu, name)()  # it asks get_capabilities in this release
        monkeypatch.setattr(torch.cpu, name, lambda answer=answer: answer)
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert device.precisions(CPU) == found


def test_a_processor_without_bfloat16_instructions_imitates_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True}, raising=False)
    assert device.precisions(CPU)["bfloat16"] == "imitated"
    assert device.table().set_index("device").loc["cpu", "precision"] == "float32"


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("gpu", "'gpu' is unknown; choose one of cuda"),
        ("cpu:x", "'cpu:x' is unknown"),
        ("cuda:300", "'cuda:300' is unknown"),  # more than PyTorch can count
        ("meta", "'meta' is unknown"),
        ("cpu:1", "'cpu:1' is not there"),
        ("cuda:2", "'cuda:2' is not there"),
        (torch.device("cuda", 7), "'cuda:7' is not there"),
    ],
)
def test_a_device_that_cannot_be_is_one_sentence(
    wanted: str | torch.device, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(CourseError, match=sentence):
        device.choose(wanted)
    assert device.choose("cuda:1") == torch.device("cuda", 1)


def test_a_device_is_chosen_by_name_by_itself_or_by_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert device.choose() == device.choose("cpu") == device.choose(CPU) == CPU
    monkeypatch.setenv("COURSE_DEVICE", "")
    assert device.choose().type in device.KINDS


USES = {
    "largest batch": lambda where: memory.largest_batch(Network(), sample(), device=where),
    "free memory": lambda where: memory.free_memory(where),
    "fit": lambda where: training.fit(Network(), [(sample(),)], epochs=1, device=where),
    "evaluate": lambda where: training.evaluate(Network(), [], device=where),
    "predict": lambda where: predict_logits(Network(), [], device=where),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_whatever_computes_asks_whether_the_device_is_there(use: Callable) -> None:
    with pytest.raises(CourseError, match="'gpu' is unknown"):
        use("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(CourseError, match="'cuda' is not there"):
            use("cuda")


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "1", None])
def test_a_seed_that_numpy_cannot_take_is_one_sentence(seed: object) -> None:
    with pytest.raises(CourseError, match=f"The seed {seed!r} cannot.* from 0 to 4294967295"):
        device.seed_everything(seed)
    device.seed_everything(np.int64(2**32 - 1))


CACHED = {
    "newer": "anon 7\ninactive_file 150\n",
    "older": "inactive_file 1\ntotal_inactive_file 150\n",
}


@pytest.mark.parametrize("cached", CACHED.values(), ids=CACHED)
def test_files_that_linux_keeps_in_the_memory_of_a_container_count_as_free(
    cached: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psutil", reason="without psutil the free memory is unknown")
    files = [tmp_path / name for name in ("limit", "used", "uses")]
    for file, content in zip(files, ("1000", "400", cached), strict=True):
        file.write_text(content)
    monkeypatch.setattr(device, "CONTAINER_FILES", [files])
    assert device.available_memory(CPU) == 750


@pytest.mark.parametrize(("limit", "left"), [("1000", 600), ("max", None), ("300", 0)])
def test_a_container_has_what_it_is_still_allowed(
    limit: str, left: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psutil", reason="without psutil the free memory is unknown")
    files = tmp_path / "limit", tmp_path / "used", tmp_path / "not there"
    files[0].write_text(limit + "\n")
    files[1].write_text("400\n")
    monkeypatch.setattr(device, "CONTAINER_FILES", [files])
    available = device.available_memory(CPU)
    assert available == left if left is not None else available > 1000


def test_an_intel_gpu_that_does_not_tell_its_free_memory_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: torch.device) -> None:
        raise RuntimeError("The device doesn't support querying the available free memory.")

    for name in ("memory_reserved", "memory_allocated"):
        monkeypatch.setattr(torch.xpu, name, lambda _: 0)
    monkeypatch.setattr(torch.xpu, "mem_get_info", refuse)
    assert device.available_memory(torch.device("xpu")) is None


@pytest.mark.parametrize(("most", "used", "left"), [(1000, 400, 600), (10, 400, 0), (2**60, 0, None)])
def test_an_apple_gpu_has_its_limit_and_never_more_than_the_computer(
    most: int, used: int, left: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    psutil = pytest.importorskip("psutil", reason="without psutil the free memory is unknown")
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: most)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: used)
    free = device.available_memory(torch.device("mps"))
    assert free == left if left is not None else 0 < free <= psutil.virtual_memory().total
    # Half of it, as of the computer's memory, because it is the computer's.
    monkeypatch.setattr(device, "available_memory", lambda _: 1000)
    rooms = [memory._room(nn.Linear(1, 1), False, torch.device(k)) for k in ("mps", "cpu", "xpu")]
    assert rooms == [500, 500, 900]


@pytest.mark.parametrize("kind", ["mps", "xpu", "cuda"])
def test_each_kind_of_gpu_keeps_its_random_numbers_and_gives_its_cache_back(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, done = torch.device(kind), []
    processor, own = getattr(torch, kind), torch.tensor([1, 2], dtype=torch.uint8)
    monkeypatch.setattr(processor, "get_rng_state", lambda *_: own)
    monkeypatch.setattr(processor, "set_rng_state", lambda state, *_: done.append(state))
    monkeypatch.setattr(processor, "empty_cache", lambda: done.append("emptied"))
    run = training._Run.__new__(training._Run)
    run.device = where
    states = run.random_numbers
    assert torch.equal(states[0], torch.get_rng_state()) and states[1] is own
    run.random_numbers = states
    assert len(done) == 1 and done[0] is own
    run.random_numbers = [states[0], torch.zeros(5, dtype=torch.uint8)]  # of another kind of GPU
    run.random_numbers = states[:1]  # of a CPU
    assert len(done) == 1
    device.empty_cache(where)
    assert done[1:] == ["emptied"]


# what is fastest


@pytest.mark.parametrize("direction", [False, True], ids=["prediction", "training"])
@pytest.mark.parametrize("mode", [nn.Module.train, nn.Module.eval], ids=["train", "eval"])
def test_measuring_leaves_everything_as_it_was(mode: Callable, direction: bool) -> None:
    model = used_network(mode)
    before = state(model)
    settings = fastest_settings(model, sample(), direction, seconds=0.5, device="cpu")
    assert state(model) == before
    assert settings.table()["settings"].tolist()[0] == "plain"
    assert "chosen" in results(settings).values()
    # The answer that was kept is checked with two steps: these disturb nothing either.
    fastest_settings(model, sample(), direction, seconds=0.5, device="cpu")
    assert state(model) == before


def test_the_faster_precision_is_chosen_and_fit_takes_it() -> None:
    model = Pretender(plain=0.1)
    settings = fastest_settings(model, sample(), device="cpu")
    if "bfloat16" not in {row["settings"].split(",")[0] for row in settings.measured}:
        pytest.skip("bfloat16 is imitated on this processor, and its convolution alone is hopeless")
    assert settings.precision == "bfloat16" and results(settings)[str(settings)] == "chosen"

    images = np.zeros((4, 3, 12, 12), np.uint8)
    history = training.fit(
        model, BatchLoader(images, [0, 1, 0, 1], batch_size=4), epochs=1, device="cpu",
        precision=settings.precision, channels_last=settings.channels_last, progress=False,
    )  # fmt: skip
    assert len(history) == 1 and model.calls[-1] == "bfloat16"


@pytest.mark.parametrize("wrong", ["other", "nothing"])
def test_a_faster_precision_with_other_answers_is_refused(wrong: str) -> None:
    settings = fastest_settings(Pretender(wrong=wrong), sample(), seconds=10.0, device="cpu")
    assert settings.precision == "float32"
    found = [result for name, result in results(settings).items() if "bfloat16" in name]
    assert found and all(result.startswith(("refused", "given up: one")) for result in found)


def test_a_hopeless_precision_is_given_up_after_its_first_step() -> None:
    model = Pretender(rounded=1.0)
    model(sample())  # what happens in a first call only is over
    settings = fastest_settings(model, sample(), device="cpu")
    assert settings.precision == "float32"
    assert model.calls.count("bfloat16") <= 1  # none where one convolution was hopeless already
    found = [result for name, result in results(settings).items() if "bfloat16" in name]
    assert found and all(result.startswith("given up") for result in found)


def test_plain_float32_stays_where_nothing_is_clearly_faster() -> None:
    model = Pretender(plain=0.03, rounded=0.03)
    assert fastest_settings(model, sample(), seconds=2.0, device="cpu") == Settings()


def test_without_time_the_answer_is_plain() -> None:
    settings = fastest_settings(Network(), sample(), seconds=1e-9, device="cpu")
    assert settings == Settings()
    others = {result for name, result in results(settings).items() if name != "plain"}
    assert all(each.startswith(("no time", "given up: one")) for each in others)


def test_a_candidate_that_fails_is_only_noted() -> None:
    class Float32Only(Pretender):
        def forward(self, images: Tensor) -> Tensor:
            if torch.is_autocast_enabled("cpu"):
                raise NotImplementedError("not in this precision")
            return super().forward(images)

    settings = fastest_settings(Float32Only(), sample(), seconds=10.0, device="cpu")
    assert settings.precision == "float32"
    found = [result for name, result in results(settings).items() if "bfloat16" in name]
    assert all(result.startswith(("failed (NotImpl", "given up: one")) for result in found)


class OnGpu:
    """A rehearsal on a GPU that loads its libraries in the first step of all."""

    def __init__(self, kind: str = "cuda", cold: float = 0.0):
        self.device, self.sample, self.training = torch.device(kind), sample(64), False
        self.cold, self.steps = cold, []

    def timed_step(self, settings: Settings, photos: int) -> tuple[float, Tensor]:
        start = time.perf_counter()
        if not self.steps:
            time.sleep(self.cold)
        self.steps.append((str(settings), photos))
        return time.perf_counter() - start, torch.zeros(photos, 2)


def test_a_gpu_that_is_cold_is_still_measured_with_all_photos() -> None:
    trial = OnGpu(cold=0.5)
    found = contest.Contest(trial, seconds=1.0, tolerance=0.02)
    assert trial.steps[0] == ("plain", 64)
    assert found.photos == 64 and found.left > 0.6


def test_a_gpu_without_a_precision_is_only_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> float:
        raise TypeError("BFloat16 is not supported on MPS")

    monkeypatch.setattr(contest, "_times_slower", refuse)
    found = contest.Contest(OnGpu("xpu"), seconds=1.0, tolerance=0.02)
    assert found._precisions_and_orders() == [Settings(channels_last=True)]
    assert found.candidates[-1].result == "failed (TypeError)"


@pytest.mark.parametrize(("kind", "orders"), [("mps", {False}), ("xpu", {False, True})])
def test_on_an_apple_gpu_channels_last_is_not_tried(
    kind: str, orders: set[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contest, "_times_slower", lambda *_: 1.0)
    found = contest.Contest(OnGpu(kind), seconds=1.0, tolerance=0.02)._precisions_and_orders()
    assert {each.channels_last for each in found} == orders
    assert "bfloat16" in {each.precision for each in found}


def test_an_answer_is_kept_for_the_gpu_that_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.xpu, "get_device_name", lambda device=None: f"name of {device}")
    trial = OnGpu("xpu:1")
    trial.model = Network()
    assert speed._facts(trial, compile=False)["processor"] == "name of xpu:1"


def test_never_more_threads_than_are_in_use() -> None:
    torch.set_num_threads(3)  # the fixture sets it back
    settings = fastest_settings(Network(), sample(), device="cpu")
    tried = {name for name in results(settings) if "threads" in name}
    assert tried and all(int(name.rpartition("=")[2]) < 3 for name in tried)
    assert torch.get_num_threads() == 3


def test_for_training_only_what_fit_takes_is_tried() -> None:
    torch.set_num_threads(3)  # the fixture sets it back
    settings = fastest_settings(Network(), sample(), training=True, device="cpu")
    assert len(results(settings)) > 1
    assert not [name for name in results(settings) if "threads" in name]


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
def test_no_time_to_measure_is_one_sentence(seconds: float) -> None:
    with pytest.raises(CourseError, match="Nothing can be measured in"):
        fastest_settings(Network(), sample(), seconds=seconds, device="cpu")


def test_measuring_on_a_device_that_is_not_there_is_one_sentence() -> None:
    for wrong in ("gpu", torch.device("meta")):
        with pytest.raises(CourseError, match="is unknown; choose one of"):
            fastest_settings(Network(), sample(), device=wrong)


@pytest.mark.parametrize("wrong", [torch.rand(3, 12, 12), torch.zeros(0, 3, 4, 4), sample().to(torch.uint8), [1, 2]])
def test_a_sample_that_is_no_batch_is_one_sentence(wrong: object) -> None:
    with pytest.raises(CourseError, match="not a batch of images"):
        fastest_settings(Network(), wrong, device="cpu")


def test_a_frozen_network_has_nothing_to_train() -> None:
    model = Network().requires_grad_(False)
    with pytest.raises(CourseError, match="nothing to train"):
        fastest_settings(model, sample(), training=True, device="cpu")


# the answer is kept


def measure(model: nn.Module, photos: int = 4, direction: bool = False, **more) -> Settings:
    more = {"seconds": 0.2, "device": "cpu"} | more
    return fastest_settings(model, sample(photos), direction, **more)


def kept_files(work: Path) -> list[Path]:
    return sorted((work / "settings").iterdir())


def test_the_answer_is_used_again_for_the_same_network_with_other_weights(work: Path) -> None:
    first = measure(Network())
    again = measure(Network())
    assert again == first
    assert again.measured == first.measured  # the same times to the last digit: read, not measured
    assert len(kept_files(work)) == 1


def test_another_network_shape_direction_or_thread_count_is_measured_anew(work: Path) -> None:
    measure(Network())
    measure(Network(channels=5))
    measure(nn.Sequential(Network(), nn.ReLU()))
    measure(nn.Sequential(Network(), nn.Tanh()))
    measure(Network(), photos=3)
    measure(Network(), direction=True)
    measure(Network().requires_grad_(True), direction=True)
    measure(Network(), tolerance=0.5)
    torch.set_num_threads(2)  # the fixture sets it back
    measure(Network())
    assert len(kept_files(work)) == 9


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"facts": 1}', "\0\0"])
def test_a_damaged_answer_is_measured_again(damage: str, work: Path) -> None:
    first = measure(Network())
    (file,) = kept_files(work)
    file.write_text(damage)
    again = measure(Network())
    assert again.measured != first.measured
    assert json.loads(file.read_text())["settings"] == str(again)
    assert kept_files(work) == [file]


def test_an_unknown_word_in_a_kept_answer_is_measured_again(work: Path) -> None:
    measure(Network())
    (file,) = kept_files(work)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"settings": "float8"}))
    assert measure(Network()).precision in ("float32", "bfloat16")


def test_an_answer_about_another_network_is_not_believed(work: Path) -> None:
    other = measure(Network(channels=5))
    (foreign,) = kept_files(work)
    mine = measure(Network())
    (file,) = set(kept_files(work)) - {foreign}
    file.write_text(foreign.read_text())
    again = measure(Network())
    assert again.measured not in (mine.measured, other.measured)


def test_a_kept_answer_that_no_longer_keeps_the_tolerance_is_measured_again(work: Path) -> None:
    model = Pretender(wrong="other")
    measure(model)
    (file,) = kept_files(work)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"settings": "bfloat16"}))
    assert measure(model).precision == "float32"


# the choice can be fixed


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ("plain", Settings()),
        ("float32", Settings()),
        ("bfloat16,channels_last", Settings("bfloat16", channels_last=True)),
        ("channels_last, threads=2, compile", Settings("float32", True, 2, True)),
    ],
)
def test_a_variable_fixes_the_choice_and_nothing_is_measured(
    words: str, settings: Settings, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_SETTINGS", words)
    model = Pretender()
    fixed = fastest_settings(model, sample(), device="cpu")
    assert fixed == settings and Settings.read(str(fixed)) == settings
    assert not model.calls and not work.exists()
    assert results(fixed) == {str(settings): "fixed by COURSE_SETTINGS"}


@pytest.mark.parametrize("words", ["fast", "bfloat16;compile", "threads=0", "threads", "float16", ","])
def test_an_unknown_or_impossible_choice_is_one_sentence(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_SETTINGS", words)
    with pytest.raises(CourseError, match="choose 'plain'"):
        fastest_settings(Network(), sample(), device="cpu")


def test_active_settings_hold_inside_the_block_only() -> None:
    settings = Settings("bfloat16", threads=2)
    with settings.active("cpu"):
        assert torch.get_num_threads() == 2
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    assert torch.get_num_threads() == 1
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


# how many photos fit


class Full(nn.Module):
    """A network for which the memory is too small above a number of photos."""

    def __init__(self, most: int, error: Exception):
        super().__init__()
        self.most, self.error = most, error
        self.layer = nn.Linear(3, 2)

    def forward(self, images: Tensor) -> Tensor:
        if len(images) > self.most:
            raise self.error
        return self.layer(images.mean(dim=(2, 3)))


TOO_LITTLE = {
    "GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "a library of a GPU": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"),
    "CPU": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
}


@pytest.mark.parametrize("error", TOO_LITTLE.values(), ids=TOO_LITTLE)
@pytest.mark.parametrize(("most", "found"), [(20, 16), (16, 16), (2, 2)])
def test_out_of_memory_ends_the_doubling(error: Exception, most: int, found: int) -> None:
    assert memory.largest_batch(Full(most, error), sample(), device="cpu") == found


def test_out_of_memory_with_the_smallest_batch_is_one_sentence() -> None:
    model = Full(0, TOO_LITTLE["GPU"])
    with pytest.raises(CourseError, match="too small for the smallest batch"):
        memory.largest_batch(model, sample(), device="cpu")


def test_another_error_is_not_taken_for_a_full_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        memory.largest_batch(Full(4, RuntimeError("shapes differ")), sample(), device="cpu")


@pytest.mark.parametrize("seconds", [10.0, 0.0], ids=["tried", "calculated"])
def test_a_cpu_batch_takes_at_most_half_of_the_free_memory(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    # One photo: 16 channels of 64 × 64 numbers of 4 bytes, and the network needs no more.
    model, photo = nn.Conv2d(1, 16, 3, padding=1), torch.zeros(1, 1, 64, 64)
    each = 16 * 64 * 64 * 4
    for share, found in ((1.0, 32), (1.8, 32), (2.2, 64)):
        free = int(2 * share * 34 * each)  # half of it holds 34 photos and what is beside them
        monkeypatch.setattr(device, "available_memory", lambda _, free=free: free)
        batch = memory.largest_batch(model, photo, training=False, seconds=seconds, limit=1000, device="cpu")
        assert batch == found, share


def test_the_clock_of_the_largest_batch_waits_for_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    tried, step = [], Rehearsal.step

    def recorded(self: Rehearsal, settings: Settings, photos: int) -> Tensor:
        tried.append(photos)
        return step(self, settings, photos)

    monkeypatch.setattr(Rehearsal, "step", recorded)
    monkeypatch.setattr(Rehearsal, "_wait", lambda _: time.sleep(0.2))  # as if it still computed
    monkeypatch.setattr(device, "available_memory", lambda _: 2**40)
    memory.largest_batch(Network(), sample(), limit=256, seconds=0.5, device="cpu")
    assert tried == [2]


def test_training_needs_more_memory_than_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "available_memory", lambda _: 2_000_000)
    model = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(10)), nn.Flatten())
    sizes = [memory.largest_batch(model, sample(), way, device="cpu") for way in (True, False)]
    assert 2 <= sizes[0] < sizes[1]


def test_where_the_free_memory_is_unknown_the_limit_still_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device, "available_memory", lambda _: None)
    assert memory.largest_batch(Network(), sample(), limit=100, device="cpu") == 64
    assert memory.largest_batch(Network(), sample(), training=False, limit=1, device="cpu") == 1
    with pytest.raises(CourseError, match="choose 1 or more"):
        memory.largest_batch(Network(), sample(), limit=0, device="cpu")


@pytest.mark.parametrize("direction", [False, True], ids=["prediction", "training"])
def test_trying_batches_leaves_everything_as_it_was(direction: bool) -> None:
    model = used_network(nn.Module.train)
    before = state(model)
    memory.largest_batch(model, sample(), direction, limit=16, device="cpu")
    assert state(model) == before


# memory is given back


def test_memory_that_nobody_uses_is_given_back() -> None:
    pytest.importorskip("psutil", reason="without psutil the process's memory is unknown")
    holder: list = [torch.ones(50, 2**20)]  # 200 MiB
    holder.append(holder)  # a circle, which only the garbage collection breaks
    del holder
    table = memory.free_memory("cpu").set_index("when")
    assert table.loc["before", "in use"] - table.loc["after", "in use"] > 150
    assert (table["free"] > 0).all() and (table["kept"] == 0).all()


# on a GPU


@gpu
@pytest.mark.parametrize("direction", [False, True], ids=["prediction", "training"])
def test_measuring_on_a_gpu_leaves_everything_as_it_was(direction: bool) -> None:
    torch.manual_seed(0)
    for model in (Network(), Network().to("cuda")):
        before = state(model)
        settings = fastest_settings(model, sample(), direction, seconds=2.0, device="cuda")
        assert state(model) == before
        assert "float16" in results(settings) and settings.threads is None


@gpu
def test_a_gpu_is_not_filled_and_is_empty_afterwards() -> None:
    # The first step of a process leaves memory to the libraries of the GPU.
    Network().to("cuda")(sample().to("cuda")).sum().backward()
    memory.free_memory("cuda")
    before = torch.cuda.memory_allocated()
    photo = torch.rand(1, 3, 1024, 1024)
    batch = memory.largest_batch(Network(64), photo, limit=2**20, device="cuda")
    assert 2 <= batch < 2**20
    assert torch.cuda.memory_allocated() == before


@gpu
def test_a_gpu_says_what_it_is_and_gives_memory_back() -> None:
    row = device.table().set_index("device").loc["cuda"]
    assert row["capability"].startswith("compute capability ") and "float32" in row["precision"]
    assert "compute capability" in device.describe(torch.device("cuda"))
    tensor = torch.ones(50, 2**20, device="cuda")
    del tensor
    table: pd.DataFrame = memory.free_memory("cuda").set_index("when")
    assert table.loc["before", "kept"] - table.loc["after", "kept"] >= 199
