"""Lesson 9 with another network and another photo folder than its own, as its text promises.

Random weights know nothing, so how accurate the models are is not looked at: the cells' own
assertions are left out, everything else runs.
"""

import ast
import os
from pathlib import Path

import build
import numpy as np
import pandas as pd
import pytest
import torch
from kernel_environment import kernel_environment
from nbclient import NotebookClient
from PIL import Image

pytestmark = pytest.mark.slow


def make_photos(folder: Path, sound: str) -> Path:
    """120 photos of 72 pixels in ten lots; those of good parts lie in the folder ``sound``."""
    random, rows = np.random.default_rng(0), []
    for label, number in ((sound, 80), ("defective", 40)):
        (folder / label).mkdir(parents=True)
        for photo in range(number):
            pixels = random.normal(128, 30, (72, 72)).clip(0, 255).astype(np.uint8)
            if label == "defective":
                pixels[30:40, 10:60] //= 3
            path = f"{label}/{photo:03}.png"
            Image.fromarray(pixels).save(folder / path)
            rows.append({"path": path, "label": label, "lot": f"lot {photo % 10}"})
    pd.DataFrame(rows).to_csv(folder / "index.csv", index=False)
    return folder


def run_lesson(lesson: str, changes: dict[str, str], work: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a lesson with some of its lines changed, without its assertions; all that it printed."""
    (source,) = build.sources([lesson])
    notebook = build.render(source)
    whole = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert all(whole.count(text) == 1 for text in changes)
    for cell in notebook.cells:
        if cell.cell_type != "code" or "raises-exception" in cell.metadata.get("tags", []):
            continue
        for text, other in changes.items():
            cell.source = cell.source.replace(text, other)
        cell.source = without_assertions(cell.source)
    for name, value in kernel_environment(work).items():
        monkeypatch.setenv(name, value)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": os.getcwd()}})
    client.execute()
    return "\n".join(str(cell.get("outputs", "")) for cell in notebook.cells)


def without_assertions(code: str) -> str:
    """The code of a cell without its assert statements."""
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        if isinstance(statement, ast.Assert):
            for line in range(statement.lineno - 1, statement.end_lineno):
                lines[line] = ""
    return "\n".join(lines)


def test_lesson_9_runs_with_another_network_and_other_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    photos, weights = make_photos(tmp_path / "photos", "functional"), tmp_path / "data" / "weights"
    weights.mkdir(parents=True)
    torch.manual_seed(0)
    state = torchvision.models.resnet18().state_dict()
    # Where a learner puts them.
    torch.save(state, tmp_path / "data" / "weights" / "resnet18.pth")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no_cache"))
    changes = {
        "PHOTOS = data.solar_cells()": f"PHOTOS = {str(photos)!r}",
        'BACKBONE = "efficientnet_lite0"': 'BACKBONE = "resnet18"',
    }
    shown = run_lesson("09", changes, tmp_path, monkeypatch)
    assert ", 512)" in shown, "the last stage of a ResNet18 has 512 maps"
    for route in ("probe", "head first, then fine-tune", "fine-tune at once", "from scratch"):
        assert route in shown


def test_lesson_10_runs_with_other_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = make_photos(tmp_path / "photos", "good")
    changes = {"PHOTOS = data.solar_cells()": f"PHOTOS = {str(photos)!r}"}
    shown = run_lesson("10", changes, tmp_path, monkeypatch)
    assert "no_such_photo.png" in shown
    for decision in ("good", "defective"):
        assert decision in shown
    assert list((tmp_path / "work").rglob("inspector.safetensors"))
