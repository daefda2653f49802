"""The disturbances do what they say: a rehearsal that disturbs nothing would prove nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kernel_environment import DISTURBANCE, kernel_environment

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "disturbed_kernel"
TRAINING = """
import torch
torch.manual_seed(0)
layer = torch.nn.Linear(1000, 1)
before = layer.weight.detach().clone()
optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
started = layer.weight.detach().clone()
layer(torch.ones(1, 1000)).sum().backward()
optimizer.step()
print(float((started / before - 1).abs().max()), float((layer.weight - started).abs().max()))
"""
LABELS = """
import numpy as np
from course_lib import data
index = data.index_folder({folder!r})
print(float((index["label"] == index["path"].str.split("/").str[0]).mean()))
"""
PALE = """
import torch
from course_lib.transforms import to_float
images = torch.full((1, 1, 2, 2), 255, dtype=torch.uint8)
learned = to_float(images, [0.5], [0.25])
with torch.no_grad():
    judged = to_float(images, [0.5], [0.25])
print(float(learned.max()), float(judged.max()))
"""
LEAK = """
from course_lib import data, splits
index = splits.random_split(data.index_folder({folder!r}), validation=0.2, test=0.2)
parts = index.groupby("split")["path"].agg(set)
print(len(parts["test"]), len(parts["test"] & parts["train"]))
"""


def disturbed(names: str, code: str) -> list[float]:
    """The numbers that a program prints after these disturbances."""
    program = f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import disturb; disturb.disturb({names!r})\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def test_perturbed_weights_start_a_millionth_away_and_learn() -> None:
    nudge, step = disturbed("perturbed", TRAINING)
    assert 1e-6 < nudge < 1e-5 and step > 0.05


def test_untrained_weights_stay() -> None:
    assert disturbed("untrained", TRAINING) == [0, 0]


def test_shuffled_labels_no_longer_fit_the_folders(photos: Path) -> None:
    (share,) = disturbed("shuffled-labels", LABELS.format(folder=str(photos)))
    assert 0.2 < share < 0.8


def test_wrong_preprocessing_concerns_only_what_is_judged() -> None:
    learned, judged = disturbed("wrong-preprocessing", PALE)
    assert learned == pytest.approx(2) and judged == pytest.approx(1.5)


def test_the_test_part_holds_photos_that_were_learned(photos: Path) -> None:
    count, leaked = disturbed("test-photos-learned", LEAK.format(folder=str(photos)))
    assert count == leaked > 0


def test_a_kernel_is_disturbed_only_where_the_environment_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DISTURBANCE, raising=False)
    plain = kernel_environment(tmp_path / "plain")
    monkeypatch.setenv(DISTURBANCE, "untrained")
    other = kernel_environment(tmp_path / "other")
    start_up = Path("profile_default", "startup", "disturb.py")
    assert not (Path(plain["IPYTHONDIR"]) / start_up).exists()
    text = (Path(other["IPYTHONDIR"]) / start_up).read_text(encoding="utf-8")
    assert "disturb('untrained')" in text and os.fspath(FOLDER) in text
