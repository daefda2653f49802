"""Several processes train one model, the first one speaks for all, and an error in one ends all."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
import several
import torch
import torch.distributed as dist
from torch import nn

import course_lib
from course_lib import training
from course_lib.commands import plan as planning
from course_lib.commands import train as command
from course_lib.commands.prepare import TrainingOptions, prepare
from course_lib.errors import CourseError
from course_lib.inference import Inspector
from course_lib.models import load_backbone
from course_lib.training import processes

pytestmark = pytest.mark.usefixtures("one_thread")
started = [
    pytest.mark.slow,  # torchrun and two processes that load torch
    pytest.mark.skipif(
        sys.platform not in ("linux", "darwin") or not dist.is_available(),
        reason="the course tries several processes on Linux and macOS only, with torch.distributed",
    ),
]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1"]


def in_two_processes(*words: object) -> subprocess.CompletedProcess:
    """Run a program twice, by torchrun."""
    environment = os.environ | {
        "COURSE_DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(course_lib.__file__).parents[1]),
    }
    command_line = [*TORCHRUN, "--nproc-per-node=2", *map(str, words)]
    return subprocess.run(command_line, env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes saw of the scenarios, one after the other; in the last one the second dies."""
    folder = tmp_path_factory.mktemp("two")
    done = in_two_processes(several.__file__, folder, *several.SCENARIOS)
    assert done.returncode != 0, "the killed process went unnoticed"
    return folder


def seen(folder: Path, name: str) -> list[dict]:
    return [json.loads((folder / f"{name}-{rank}.json").read_text(encoding="utf-8")) for rank in range(2)]


def assert_same_training(found: dict, expected: dict, tolerance: float = 1e-4) -> None:
    """The loss curve and the weights of both, up to rounding."""
    histories = [pd.DataFrame(side["history"]).drop(columns="seconds") for side in (found, expected)]
    pd.testing.assert_frame_equal(*histories, rtol=tolerance)
    for name, values in expected["weights"].items():
        torch.testing.assert_close(torch.tensor(found["weights"][name]), torch.tensor(values), rtol=0, atol=tolerance)


class TestTogether:
    pytestmark = started

    @pytest.mark.parametrize("name", ["plain"])
    def test_without_a_layer_that_looks_at_the_batch_two_processes_learn_what_one_learns(
        self, two: Path, name: str, tmp_path: Path
    ) -> None:
        assert_same_training(seen(two, name)[0], several.SCENARIOS[name](tmp_path))

    @pytest.mark.parametrize("name", ["plain", "the scratch network"])
    def test_both_end_alike_and_the_first_one_speaks(self, two: Path, name: str) -> None:
        first, second = seen(two, name)
        assert second["history"] == first["history"]
        assert (first["hooks"], second["hooks"]) == (len(first["history"]), 0)
        assert [file.name for file in (two / name).iterdir()] == ["checkpoint-0.pt"]

    def test_a_function_ends_both_and_batch_normalisation_learns_too(self, two: Path) -> None:
        history = pd.DataFrame(seen(two, "the scratch network")[0]["history"])
        assert len(history) == 3 and history["train_loss"].notna().all()

    def test_a_killed_run_resumes_with_another_number_of_processes(self, two: Path, tmp_path: Path) -> None:
        file = two / "killed" / "checkpoint-0.pt"
        assert not list(two.glob("killed-*.json"))
        assert torch.load(file, weights_only=True)["epoch"] == 2
        expected = several.plain(tmp_path)
        (tmp_path / "checkpoint-0.pt").write_bytes(file.read_bytes())
        assert_same_training(several.plain(tmp_path), expected)

    def test_the_command_makes_one_inspector_and_says_each_thing_once(
        self, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
        options = TrainingOptions(minutes=60.0)
        plan = planning.Plan(20, [64], 64, epochs=2, batch_size=4, probe_seconds=1, seconds=1)
        index = prepare(photos, options, progress=False, tell=lambda _: None).index
        file = command._work_folder(index, options, load_backbone()) / "plan.json"
        file.write_text(json.dumps(asdict(plan)), encoding="utf-8")
        words = ["-m", "course_lib", "train", photos, "--out", tmp_path / "inspector", "--minutes", "60"]
        done = in_two_processes(*words)
        assert done.returncode == 0, done.stderr
        for line in ("Checking 20 photos", "Plan: a probe", "Chosen on validation", "Inspector: "):
            assert done.stdout.count(line) == 1, done.stdout
        assert Inspector.load(tmp_path / "inspector").settings.classes == ["functional", "defective"]
        (run,) = training.read_runs()
        assert len(run["history"]) == 2

        again = in_two_processes(*words)
        assert again.returncode != 0 and again.stderr.count("would be replaced") == 1, again.stderr


# alone


def test_without_torchrun_nothing_is_distributed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with processes.joined() as group:
        assert not dist.is_initialized()
        assert group == processes.Group() == processes.current_group()
    model, batches = nn.Linear(2, 2), [(torch.zeros(1, 2), torch.zeros(1))]
    assert group.replicate(model) is model and list(group.shares(batches)) == batches


@pytest.mark.parametrize("photos", [1, 4, 5])
def test_the_shares_of_a_batch_are_equally_large_and_hold_each_photo(photos: int) -> None:
    numbers = torch.arange(photos)
    shares = [next(iter(processes.Group(rank, 3).shares([(numbers, numbers)])))[0].tolist() for rank in range(3)]
    assert {len(share) for share in shares} == {-(-photos // 3)}
    assert {photo for share in shares for photo in share} == set(range(photos))


@pytest.mark.parametrize("kind", ["cuda", "cuda:0", "mps"])
def test_processes_without_a_gpu_of_their_own_are_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr("course_lib.device.choose", lambda: torch.device(kind))
    with pytest.raises(CourseError, match=f"2 processes need 2 NVIDIA GPUs, and '{kind}'"), processes.joined():
        pass
