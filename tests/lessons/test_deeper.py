"""Do the notebooks beside the ten lessons hold what they say?

That they run with other photos tries `tools/other_photos.py`.
"""

import subprocess
import sys
from pathlib import Path

import build
import numpy as np
import pytest
import torch
from torch import nn
from torchvision.datasets import ImageFolder

from course_lib import data, models
from course_lib.inference import Inspector, InspectorSettings, export_onnx


def cells(name: str) -> list[str]:
    """The code of a notebook beside the ten, cell by cell."""
    (source,) = build.sources([name])
    return [cell.source for cell in build.render(source).cells if cell.cell_type == "code"]


def run(name: str, *words: str, **names: object) -> dict:
    """Run the cells of a notebook that define these words; all names that there are afterwards."""
    for cell in cells(name):
        if any(f"def {word}(" in cell for word in words):
            exec(cell, names)
    return names


def test_a_speed_is_the_ratio_of_turns_whatever_the_computer_does_meanwhile() -> None:
    names = run("speed_and_memory", "speed", network="plain", images="photos")
    generator = np.random.default_rng(0)

    def seconds(network: str, images: str) -> float:
        # The computer becomes three times slower, both ways alike, and each time differs by a tenth.
        names["hurry"] = names.get("hurry", 1.0) + 0.05
        return names["hurry"] * {"plain": 3.0, "other": 2.0}[network] * generator.uniform(0.95, 1.05)

    names["seconds"] = seconds
    middle, low, high = names["speed"](("other", "photos"))
    assert low < 1.5 < high and middle == pytest.approx(1.5, abs=0.1) and high - low < 0.2
    middle, low, high = names["speed"](("plain", "photos"))
    assert low < 1 < high


def test_what_is_kept_for_the_backward_pass_are_the_maps() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 1, bias=False), nn.Sigmoid(), nn.Flatten(), nn.Linear(4 * 64, 2))
    kept = run("speed_and_memory", "kept", network=network)["kept"]
    photos = torch.rand(5, 1, 8, 8)
    # The photos, and the maps after the sigmoid, which sigmoid and linear layer both need.
    assert kept(photos) == pytest.approx((photos.nbytes + 4 * photos.nbytes) / 1e6)
    with torch.no_grad():
        assert kept(photos) == 0


def test_parts_of_a_batch_that_are_not_equally_large_add_up_to_its_gradient() -> None:
    network = models.ScratchCNN().eval()
    images, labels = torch.rand(10, 1, 32, 32), torch.arange(10) % 2
    (cell,) = [cell for cell in cells("speed_and_memory") if "def gradient(" in cell]
    names = {"network": network, "images": images, "labels": labels, "functional": nn.functional}
    exec(cell.split("\nfor mode")[0], names)
    whole, added = names["gradient"](10), names["gradient"](4)
    assert (whole - added).abs().max() < 1e-3 * whole.abs().max()


def test_the_weights_in_the_order_of_the_file_make_the_backbone_of_the_library() -> None:
    network = run("plain_pytorch", "pretrained")["pretrained"]("efficientnet_lite0").eval()
    backbone, photos = models.load_backbone(), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        features = network.forward_features(photos).mean(dim=(2, 3))
        torch.testing.assert_close(features, backbone(photos), rtol=1e-3, atol=1e-4)
    assert network.pretrained_cfg["mean"] == backbone.mean and network.pretrained_cfg["std"] == backbone.std


def test_image_folder_numbers_the_classes_the_other_way_round() -> None:
    folder = ImageFolder(data.solar_cells())
    assert folder.class_to_idx == {"defective": 0, "functional": 1}
    assert data.class_names(data.index_folder(data.solar_cells())) == ["functional", "defective"]


def test_two_runs_are_compared_by_the_photos_on_which_they_disagree() -> None:
    generator = np.random.default_rng(0)
    usual, changed = generator.random(1000) < 0.8, generator.random(1000) < 0.8
    changed[:600] = usual[:600]  # the two agree on these
    found = run("tuning", "compared", np=np, right={"usual": usual, "changed": changed})["compared"]("changed", "usual")
    assert found["won"] - found["lost"] == pytest.approx(found["gain"]) == pytest.approx(changed.mean() - usual.mean())
    drawn = generator.choice(changed.astype(int) - usual, size=(4000, 1000)).mean(axis=1)
    assert [found["from"], found["to"]] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.003)


@pytest.mark.slow
def test_the_program_for_the_factory_decides_like_the_inspector(tmp_path: Path) -> None:
    """Without PyTorch and without the course; photos are made smaller as in the training."""
    torch.manual_seed(0)
    settings = InspectorSettings(["good", "bad"], 64, 3, [0.5] * 3, [0.2] * 3, threshold=0.49)
    inspector = Inspector(models.ScratchCNN(channels=3), settings)
    (cell,) = [cell for cell in cells("deploying") if cell.startswith("PROGRAM")]
    names: dict = {}
    exec(cell, names)
    program = tmp_path / "program.py"
    program.write_text(names["PROGRAM"], encoding="utf-8")
    folder = data.solar_cells()
    photos = [folder / path for path in data.index_folder(folder)["path"][:5]]
    command = [sys.executable, program, export_onnx(inspector, tmp_path / "inspector"), *photos]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *rows, last = done.stdout.splitlines()
    assert last == "PyTorch loaded: False"
    said = inspector.inspect(photos, progress=False)
    for row, probability, decision in zip(rows, said["probability"], said["decision"], strict=True):
        assert row.split()[1] == decision and float(row.split()[0]) == pytest.approx(probability, abs=2e-3)


def test_the_inspector_of_good_photos_measures_in_spreads_of_good_photos_and_adds_the_stages() -> None:
    names = run("good_photos_only", "fit", "distance", np=np)
    generator = np.random.default_rng(0)
    good = [generator.normal(5, [1, 10], (20_000, 2)), generator.normal(0, 2, (20_000, 1))]
    facts = names["fit"](good)
    photos = [np.array([[5.0, 5.0], [8.0, 45.0]]), np.array([[0.0], [-4.0]])]
    # The second photo is 3 and 4 spreads away in one stage, so 5 in all, and 2 in the other.
    assert names["distance"](photos, facts) == pytest.approx([0, 7], abs=0.15)
