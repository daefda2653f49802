"""Which processor computes, what it can do, and what is said where it cannot."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import device, training
from course_lib.errors import CourseError
from course_lib.evaluation import predict_logits

CPU = torch.device("cpu")


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


def test_a_processor_without_bfloat16_instructions_imitates_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True}, raising=False)
    assert device.precisions(CPU)["bfloat16"] == "imitated"
    assert device.table().set_index("device").loc["cpu", "precision"] == "float32"


@pytest.mark.parametrize(("capability", "expected"), [((8, 0), "bfloat16"), ((7, 5), "float16"), ((5, 2), "float32")])
def test_a_graphics_card_trains_with_half_as_long_numbers_where_it_has_instructions_for_them(
    capability: tuple[int, int], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: capability >= (8, 0))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert device.quick_precision(torch.device("cuda")) == expected


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


def test_a_device_is_chosen_by_name_by_itself_or_by_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert device.choose() == device.choose("cpu") == device.choose(CPU) == CPU
    monkeypatch.setenv("COURSE_DEVICE", "")
    assert device.choose().type in device.KINDS


USES = {
    "fit": lambda where: training.fit(nn.Linear(1, 1), [()], epochs=1, device=where),
    "evaluate": lambda where: training.evaluate(nn.Linear(1, 1), [], device=where),
    "predict": lambda where: predict_logits(nn.Linear(1, 1), [], device=where),
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
    with pytest.raises(CourseError, match="too small for a batch"), device.enough_memory():
        raise RuntimeError(words)
    with pytest.raises(RuntimeError, match="shapes differ"), device.enough_memory():
        raise RuntimeError("shapes differ")
