"""Backbones: cut into stages that compute what the whole network computes, with their own preprocessing."""

import pytest
import timm
import torch
from torch import nn

from course_lib import models
from course_lib.errors import CourseError
from course_lib.models import Backbone, backbones

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return models.load_backbone()


def test_the_shipped_weights_recognise_everyday_photos(backbone: Backbone) -> None:
    from course_lib.data import everyday_photos, read_pixels
    from course_lib.transforms import to_float

    photos = everyday_photos()
    for name, expected in (("flower", "daisy"), ("palace", "lakeside"), ("portrait", "uniform")):
        pixels = torch.from_numpy(read_pixels(photos[name], backbone.size, 3).copy())[None]
        features = backbone(to_float(pixels, backbone.mean, backbone.std))
        best = backbone.imagenet_head(features)[0].topk(3).indices.tolist()
        names = " ".join(models.imagenet_classes()[number] for number in best)
        assert expected in names


def test_the_backbone_computes_what_timm_computes(backbone: Backbone) -> None:
    path = models.weight_file("efficientnet_lite0")
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    state = torch.load(path, weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), state.values(), strict=True)))
    images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))

    with torch.no_grad():
        torch.testing.assert_close(backbone.imagenet_head(backbone(images)), network(images))


def test_preprocessing_and_licence_belong_to_the_weights(backbone: Backbone) -> None:
    assert (backbone.size, backbone.mean, backbone.std) == (224, (0.5,) * 3, (0.5,) * 3)
    assert backbone.licence == "efficientnet_lite0, apache-2.0"
    assert models.untrained_backbone("resnet18").licence == "resnet18, bsd-3-clause"


def test_features_of_all_stages_end_with_those_of_the_last(backbone: Backbone) -> None:
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        every, last = backbone.stage_features(images), backbone(images)
    torch.testing.assert_close(every[:, -backbone.feature_count :], last)
    assert every.shape[1] > last.shape[1]


NETWORKS = {
    # name: (stages, features, size); the last one cannot be cut and counts as one stage
    "mobilenetv3_small_050": (7, 288, 224),
    "mobilenetv2_035": (9, 1280, 224),
    "densenet121": (8, 1024, 224),
    "regnety_002": (5, 368, 224),
    "resnet10t.c3_in1k": (5, 512, 176),
    "convnext_atto": (5, 320, 224),
    "tf_efficientnet_lite1": (9, 1280, 240),
    "vit_tiny_patch16_224": (1, 192, 224),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_any_network_gives_features_and_has_its_own_preprocessing(name: str) -> None:
    backbone = models.untrained_backbone(name)
    with torch.no_grad():
        every = backbone.features(torch.rand(1, 3, backbone.size, backbone.size), "all")
    assert (len(backbone.stages), backbone.feature_count, backbone.size) == NETWORKS[name]
    assert every.shape[1] == backbone.count_features("all")
    assert len(backbone.mean) == len(backbone.std) == 3 and min(backbone.std) > 0
    assert torch.isfinite(every).all() and every[:, -backbone.feature_count :].std() > 0


class LastDimension(nn.Module):
    """A small network with the channels at the end, as some transformers have them."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 8))
        self.head = nn.Linear(8, 10)

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        return self.blocks(images.permute(0, 2, 3, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.forward_features(images).mean(dim=(1, 2)))

    def reset_classifier(self, classes: int) -> None:
        self.head = nn.Identity()


def test_a_network_that_cannot_be_cut_becomes_one_stage() -> None:
    settings = timm.get_pretrained_cfg("resnet18")
    network, images = LastDimension(), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = network.forward_features(images).mean(dim=(1, 2))
        backbone = backbones._cut("toy", network, settings)
        torch.testing.assert_close(backbone(images), expected)
    assert (len(backbone.stages), backbone.imagenet_head) == (1, None)


def test_the_stages_in_a_row_compute_what_the_whole_network_computes() -> None:
    images = torch.rand(2, 3, 64, 64)
    for name in ("mobilenetv2_035", "regnety_002"):
        torch.manual_seed(0)
        whole = timm.create_model(name, pretrained=False).eval()
        torch.manual_seed(0)
        backbone = models.untrained_backbone(name)
        with torch.no_grad():
            torch.testing.assert_close(backbone.imagenet_head(backbone(images)), whole(images), rtol=1e-3, atol=1e-5)


def test_vgg_is_cut_after_each_pooling() -> None:
    with torch.device("meta"):  # shapes without numbers: VGG16 has 138 million of them
        stages, images = backbones._stages(timm.create_model("vgg16")), torch.zeros(1, 3, 64, 64)
        sizes = []
        for stage in stages:
            images = stage(images)
            sizes.append(tuple(images.shape[1:]))
    assert sizes == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 2, 2)]


@pytest.mark.parametrize(
    "name", ["resnet19", "", "EfficientNet_Lite0", "../resnet18", "hf_hub:timm/resnet18", "resnet18.none"]
)
def test_an_unknown_backbone_is_named_with_the_choices(name: str) -> None:
    with pytest.raises(CourseError, match=f"'{name}' is unknown.*; choose one of efficientnet_lite"):
        models.load_backbone(name)
