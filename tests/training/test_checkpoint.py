"""Whatever ends a training, nothing learned is lost, and it goes on as if nothing had happened."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from event_loader import EventLoader
from tiny import fit, loader, new_model, train_loader
from torch import nn

from course_lib import training
from course_lib.device import seed_everything
from course_lib.errors import CourseError
from course_lib.models import ScratchCNN, weights_hash

pytestmark = pytest.mark.usefixtures("one_thread")


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
    "averaged": {"average_weights": 0.9},
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


LONG_RUN = """
import sys, torch
torch.set_num_threads(1)
from test_checkpoint import fit, long_settings, new_model
fit(new_model(), checkpoint=sys.argv[1], **long_settings())
"""


def long_settings() -> dict:
    """Forty epochs, each at least a fiftieth of a second long, so that a kill finds it at work."""
    pause = [lambda _: time.sleep(0.02)]
    return {
        "epochs": 40, "validation": loader([0, 1, 1], seed=2), "average_weights": 0.9,
        "on_epoch_end": pause,
    }  # fmt: skip


@pytest.mark.slow  # a process starts and is killed
def test_a_killed_process_resumes_to_equal_weights(tmp_path: Path) -> None:
    """Killed with SIGKILL at a random moment: no line of Python runs any more, nothing is tidied."""
    path = tmp_path / "run.pt"
    process = subprocess.Popen([sys.executable, "-c", LONG_RUN, str(path)], cwd=Path(__file__).parent)
    while not path.exists():
        assert process.poll() is None, "the run ended before it saved"
        time.sleep(0.01)
    time.sleep(random.Random().uniform(0, 0.5))
    process.kill()
    process.wait()
    killed_at = torch.load(path, weights_only=True)["epoch"]
    assert 0 <= killed_at < 40
    settings = long_settings() | {"on_epoch_end": ()}
    whole = new_model()
    expected = fit(whole, **settings)
    resumed = new_model(seed=7)  # the start of another process must not matter
    history = fit(resumed, checkpoint=path, **settings)

    assert weights_hash(resumed) == weights_hash(whole), f"killed after epoch {killed_at}"
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

    assert len(history) == 2 and history.attrs["interrupted"] and not fit(new_model(), epochs=1).attrs["interrupted"]
    assert weights_hash(model) != before
    assert not model.training
    assert "Interrupted after 2 complete epochs" in capsys.readouterr().out


def test_interrupted_in_the_first_epoch_the_same_cell_starts_again_as_if_nothing_had_been(tmp_path: Path) -> None:
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
    with pytest.raises(CourseError, match=r"run\.pt is damaged .* delete it and train the model again"):
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
        {"precision": "bfloat16"},
    )
    for change in changes:
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
