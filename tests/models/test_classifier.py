"""The scratch network, heads on backbones, and which parts are trained."""

import pytest
import torch

from course_lib import models
from course_lib.errors import CourseError
from course_lib.models import Backbone

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return models.load_backbone()


@pytest.mark.parametrize(("classes", "channels", "size"), [(2, 1, 64), (5, 3, 96), (2, 1, 16)])
def test_the_scratch_network_takes_the_photos_it_says(classes: int, channels: int, size: int) -> None:
    model = models.ScratchCNN(classes, channels)
    assert model(torch.zeros(2, channels, size, size)).shape == (2, classes)


def test_freezing_and_unfreezing_shows_in_the_table(backbone: Backbone) -> None:
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
def test_stages_that_do_not_exist_cannot_be_unfrozen(backbone: Backbone, last: int) -> None:
    with pytest.raises(CourseError, match=f"the last {last} cannot be unfrozen"):
        models.unfreeze(models.Classifier(backbone), last)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_head_made_from_a_probe_says_what_the_probe_says(backbone: Backbone, classes: int) -> None:
    from course_lib.features import linear_probe

    images = torch.rand(12, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = backbone.stage_features(images).numpy()
    probe = linear_probe().fit(features, [number % classes for number in range(12)])
    model = models.Classifier(backbone, classes, stages="all").eval()

    models.head_from_probe(model, probe)

    with torch.no_grad():
        probabilities = model(images).softmax(dim=1)
    expected = torch.from_numpy(probe.predict_proba(features)).float()
    torch.testing.assert_close(probabilities, expected, atol=1e-4, rtol=0)


def test_a_probe_with_other_classes_is_refused(backbone: Backbone) -> None:
    from course_lib.features import linear_probe

    probe = linear_probe().fit(torch.rand(6, 1280).numpy(), [0, 1, 2] * 2)
    with pytest.raises(CourseError, match="probe knows 3 classes by 1280 features, the head 2 by 1280"):
        models.head_from_probe(models.Classifier(backbone), probe)


def test_a_probe_on_other_features_is_refused(backbone: Backbone) -> None:
    from course_lib.features import linear_probe

    probe = linear_probe().fit(torch.rand(6, 5).numpy(), [0, 1] * 3)
    with pytest.raises(CourseError, match="knows 2 classes by 5 features, the head 2 by 1280"):
        models.head_from_probe(models.Classifier(backbone), probe)


def test_a_trained_stage_has_no_maps_to_keep(backbone: Backbone) -> None:
    model = models.Classifier(backbone, classes=2)
    models.freeze(model)
    models.unfreeze(model, last=3)
    models.AfterStage(model, 5)
    with pytest.raises(CourseError, match="up to number 6 is trained"):
        models.AfterStage(model, 6)
    with pytest.raises(CourseError, match="stages='last'"):
        models.AfterStage(models.Classifier(backbone, 2, stages="all"), 5)
