"""The exported file decides like the inspector, and says what it is."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib import device as devices
from course_lib.errors import CourseError
from course_lib.inference import Inspector, InspectorSettings, onnx_export
from course_lib.models import ScratchCNN

pytestmark = pytest.mark.usefixtures("one_thread")
IMAGES = np.random.default_rng(0).integers(0, 255, (7, 1, 32, 32), dtype=np.uint8)


def inspector(views: int = 1) -> Inspector:
    torch.manual_seed(0)
    settings = InspectorSettings(["functional", "defective"], 32, 1, [0.5], [0.25], 0.5, temperature=1.7, views=views)
    made = Inspector(ScratchCNN(width=4), settings)
    return made.familiar_with(IMAGES[:5], IMAGES[5:]) if views == 8 else made


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inspector with one view as a file; exporting takes seconds."""
    return onnx_export.export_onnx(inspector(), tmp_path_factory.mktemp("exported") / "cells")


@pytest.mark.slow
@pytest.mark.parametrize("views", [1, 8])
def test_the_exported_file_decides_like_the_inspector(exported: Path, tmp_path: Path, views: int) -> None:
    path = exported if views == 1 else onnx_export.export_onnx(inspector(views), tmp_path / "cells")
    assert path.name == "cells.onnx"
    result = onnx_export.compare(inspector(views), path, IMAGES)
    assert result["equal decisions"] == result["photos"] == 7
    assert result["largest logit difference"] < 1e-4
    session = onnx_export.open_onnx(path)
    probabilities = session.run(["probabilities"], {"images": IMAGES})[0]
    np.testing.assert_allclose(probabilities, inspector(views).probabilities(IMAGES), atol=1e-5)
    if views == 8:  # this one knows its photos
        np.testing.assert_allclose(session.run(["unlike"], {"images": IMAGES})[0][:5], 0, atol=0.02)
    settings = json.loads(session.get_modelmeta().custom_metadata_map["settings"])
    assert settings["classes"] == ["functional", "defective"] and settings["threshold"] == 0.5


@pytest.mark.slow
def test_another_model_is_noticed_and_speed_is_measured(exported: Path) -> None:
    other = inspector()
    torch.nn.init.constant_(other.model.head[-1].bias, 3.0)
    assert onnx_export.compare(other, exported, IMAGES)["largest logit difference"] > 1

    threads = torch.get_num_threads()
    table = onnx_export.latency(inspector(), exported, IMAGES[:1], threads=1, repeats=5)
    assert table["computed by"].tolist() == ["PyTorch", "ONNX Runtime"]
    assert (table["95th percentile ms"] >= table["median ms"]).all() and table["speed"][0] == 1
    assert torch.get_num_threads() == threads


@pytest.mark.slow
def test_latency_compares_on_the_processor_and_gives_the_model_back(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, moved, measured = [], [], inspector()
    choose, to = devices.choose, measured.model.to

    def watched(wanted: str | None = None) -> torch.device:
        asked.append(wanted)
        return choose("cpu")  # a machine with a GPU would choose that, if not asked for the CPU

    monkeypatch.setattr(devices, "choose", watched)

    def followed(*place, **how) -> torch.nn.Module:
        moved.append((place, how))
        return to(*place, **how)

    monkeypatch.setattr(measured.model, "to", followed)
    onnx_export.latency(measured, exported, IMAGES[:1], repeats=1)
    assert set(asked) == {"cpu"} and moved[-1] == ((torch.device("cpu"),), {})


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no file"):
        onnx_export.open_onnx(tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("<html>")
    with pytest.raises(CourseError, match="damaged"):
        onnx_export.open_onnx(tmp_path / "text.onnx")


@pytest.mark.slow
def test_a_network_that_onnx_cannot_take_is_one_sentence(tmp_path: Path) -> None:
    class LooksAtItsNumbers(ScratchCNN):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return super().forward(images if float(images.sum()) > 0 else -images)

    strange = Inspector(LooksAtItsNumbers(width=4), inspector().settings)
    with pytest.raises(CourseError, match="cannot be written as an ONNX program"):
        onnx_export.export_onnx(strange, tmp_path / "strange")
    assert not list(tmp_path.iterdir())
