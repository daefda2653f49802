"""An inspector's ONNX program gives the rows without PyTorch, and is only used where it is sound."""

import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image
from small_inspector import scratch_inspector

from course_lib.__main__ import main
from course_lib.errors import CourseError
from course_lib.inference import Inspector, checked_program, onnx_export
from course_lib.inspection import NoProgram, Program
from course_lib.models import weights_hash

pytestmark = pytest.mark.usefixtures("one_thread", "work")


def brightness_program() -> bytes:
    """The brighter a photo of 16 × 16 grey pixels, the more defective; its darkness is told as well."""
    numbers = [helper.make_tensor("full", TensorProto.FLOAT, [], [255.0])]
    numbers += [helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]), helper.make_tensor("column", 7, [1], [1])]
    nodes = [
        helper.make_node("Cast", ["images"], ["decimals"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["decimals"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Div", ["mean", "full"], ["light"]),
        helper.make_node("Sub", ["one", "light"], ["darkness"]),
        helper.make_node("Unsqueeze", ["light", "column"], ["lights"]),
        helper.make_node("Unsqueeze", ["darkness", "column"], ["darks"]),
        helper.make_node("Concat", ["darks", "lights"], ["probabilities"], axis=1),
        helper.make_node("Log", ["probabilities"], ["logits"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["photos", 1, 16, 16])
    shapes = {"logits": ["photos", 2], "probabilities": ["photos", 2], "darkness": ["photos"]}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(nodes, "brightness", [images], outputs, numbers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return scratch_inspector().save(tmp_path / "inspector", brightness_program())


def test_the_program_in_the_file_gives_the_rows_and_what_it_measures_is_a_column(saved: Path, photos: Path) -> None:
    table = Program.load(saved).inspect(photos, progress=False)
    assert list(table) == ["path", "probability", "decision", "problem", "darkness"]
    pixels = np.asarray(
        Image.open(photos / "defective" / "0.png").convert("L").resize((16, 16), Image.Resampling.BILINEAR)
    )
    row = table[table["path"].str.endswith("defective/0.png")].iloc[0]
    assert row["probability"] == pytest.approx(pixels.mean() / 255, abs=0.01)
    assert row["darkness"] == pytest.approx(1 - row["probability"], abs=1e-6)
    assert row["decision"] == ("defective" if row["probability"] >= 0.5 else "functional")


def test_nothing_is_measured_of_a_photo_that_cannot_be_read(saved: Path, photos: Path) -> None:
    (photos / "defective" / "3.png").write_bytes(b"no photo")
    assert Program.load(saved).inspect(photos, progress=False)["darkness"].isna().sum() == 1


def test_the_program_is_no_weight_of_the_network(saved: Path, tmp_path: Path) -> None:
    loaded = Inspector.load(saved)
    assert weights_hash(loaded.model) == weights_hash(scratch_inspector().model)
    with pytest.raises(NoProgram, match="holds no ONNX program"):
        Program.load(loaded.save(tmp_path / "again"))


@pytest.mark.parametrize("damage", ["one bit", "no program", "no runtime"])
def test_without_a_sound_program_pytorch_computes_and_a_line_says_so(
    saved: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, damage: str
) -> None:
    if damage == "one bit":
        content = bytearray(saved.read_bytes())
        content[content.index(b"brightness") + 3] ^= 1
        saved.write_bytes(content)
    elif damage == "no program":
        scratch_inspector().save(saved)
    else:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["predict", str(saved), str(photos), "--csv"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 21 and "PyTorch computes, which takes longer" in err


def test_a_damaged_inspector_is_one_sentence_and_not_computed(saved: Path, capsys: pytest.CaptureFixture) -> None:
    saved.write_bytes(saved.read_bytes()[:900])
    assert main(["predict", str(saved), "photo.png"]) == 2
    assert capsys.readouterr().err.count("damaged or not an inspector") == 1


def test_heat_maps_are_pytorchs(saved: Path, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="drawn by PyTorch"):
        Program.load(saved).inspect(photos, progress=False, heat_maps=tmp_path / "maps")
    assert main(["predict", str(saved), str(photos), "--heatmaps", str(tmp_path / "maps")]) == 0


def test_a_program_that_decides_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "program_of", lambda *_: brightness_program())
    images = np.random.default_rng(0).integers(0, 255, (40, 1, 16, 16), dtype=np.uint8)
    with pytest.raises(CourseError, match="decides otherwise than PyTorch"):
        checked_program(scratch_inspector(), images)
