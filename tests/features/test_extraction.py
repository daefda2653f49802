"""Features are computed once for each photo, in the order of the index, and never stale."""

import os
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from course_lib import data, datasets, features, models
from course_lib.errors import CourseError
from course_lib.models import Backbone
from course_lib.training import fit
from course_lib.transforms import brightness_and_contrast, flips_and_quarter_turns, to_float

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def loaded() -> Backbone:
    return models.load_backbone()


@pytest.fixture
def backbone(loaded: Backbone) -> Backbone:
    """A copy that a test may change; loading again would take ten times as long."""
    return deepcopy(loaded)


@pytest.fixture
def computed(backbone: Backbone) -> list[int]:
    """How many photos each pass through the backbone had; the black one of the count is left out."""
    counts: list[int] = []

    def note(_module, inputs: tuple) -> None:
        if inputs[0].any():
            counts.append(len(inputs[0]))

    backbone.stages[0].register_forward_pre_hook(note)
    return counts


def extract(index: pd.DataFrame, backbone: Backbone, **settings) -> np.ndarray:
    return features.extract(index, backbone, **{"size": 64, "progress": False} | settings)


def test_features_are_those_of_the_backbone(index: pd.DataFrame, backbone: Backbone, work: Path) -> None:
    found = extract(index, backbone)

    pixels = np.stack([data.read_pixels(data.photo_path(index, row), 64, 3) for row in range(20)])
    images = to_float(torch.from_numpy(pixels), backbone.mean, backbone.std)
    with torch.no_grad():
        expected = backbone.cpu().stage_features(images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(extract(index, backbone, stages="last"), found[:, -1280:])


def test_the_second_time_nothing_is_computed(
    index: pd.DataFrame, backbone: Backbone, work: Path, computed: list[int]
) -> None:
    first = extract(index, backbone, batch_size=8)
    assert computed == [8, 8, 4]
    np.testing.assert_array_equal(extract(index, backbone), first)
    assert computed == [8, 8, 4]


def test_a_changed_photo_is_computed_alone(
    index: pd.DataFrame, backbone: Backbone, work: Path, photos: Path, computed: list[int]
) -> None:
    first = extract(index, backbone)
    Image.new("L", (40, 40), 200).save(photos / index["path"].iloc[3])
    computed.clear()
    second = extract(index, backbone)

    assert computed == [1]
    changed = np.flatnonzero((first != second).any(axis=1))
    assert changed.tolist() == [3]


def test_the_order_follows_the_index(index: pd.DataFrame, backbone: Backbone, work: Path) -> None:
    first = extract(index, backbone)
    turned = index.iloc[::-1]
    turned.attrs = index.attrs
    np.testing.assert_array_equal(extract(turned, backbone), first[::-1])


def test_a_photo_changed_behind_its_size_and_time_is_noticed(
    index: pd.DataFrame, backbone: Backbone, work: Path, photos: Path, computed: list[int]
) -> None:
    photo = photos / index["path"].iloc[3]
    Image.new("L", (40, 40), 200).save(photo, format="bmp")
    first, state = np.array(extract(index, backbone)), photo.stat()
    Image.new("L", (40, 40), 20).save(photo, format="bmp")
    os.utime(photo, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert photo.stat().st_size == state.st_size
    computed.clear()
    assert not np.allclose(extract(index, backbone)[3], first[3])
    assert computed == [1]


@pytest.mark.parametrize("damage", ["empty", "text", "half", "one bit"])
def test_a_damaged_file_is_made_again(
    index: pd.DataFrame, backbone: Backbone, work: Path, computed: list[int], damage: str
) -> None:
    first = extract(index, backbone, batch_size=10)
    file, _ = kept_files(work)
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    damaged = {"empty": b"", "text": b"text", "half": content[: len(content) // 2], "one bit": bytes(flipped)}
    file.write_bytes(damaged[damage])
    computed.clear()

    np.testing.assert_allclose(extract(index, backbone), first, rtol=1e-4, atol=1e-5)
    assert sum(computed) == 10
    extract(index, backbone)
    assert sum(computed) == 10, "the new file is sound"


def test_a_run_that_is_stopped_keeps_what_it_had(
    index: pd.DataFrame, backbone: Backbone, work: Path, computed: list[int]
) -> None:
    def stop(_module, inputs: tuple) -> None:
        if sum(computed) >= 12:
            raise KeyboardInterrupt

    hook = backbone.stages[-1].register_forward_pre_hook(stop)
    with pytest.raises(KeyboardInterrupt):
        extract(index, backbone, batch_size=4)
    hook.remove()
    computed.clear()
    whole = np.array(extract(index, backbone, batch_size=4))
    assert sum(computed) == 12, "two batches of four were done"
    for file in kept_files(work):
        file.unlink()
    np.testing.assert_allclose(extract(index, backbone, batch_size=4), whole, rtol=1e-4, atol=1e-5)


def test_what_was_done_with_a_photo_is_part_of_its_key(
    index: pd.DataFrame, backbone: Backbone, work: Path, computed: list[int]
) -> None:
    four = index.iloc[:4]
    four.attrs = index.attrs
    settings = [
        {},
        {"size": 96},
        {"stages": 3},
        {"augment": flips_and_quarter_turns},
        {"augment": flips_and_quarter_turns, "seed": 1},
        {"augment": brightness_and_contrast(0.2)},
        {"augment": brightness_and_contrast(0.3)},
    ]
    for number, setting in enumerate(settings, start=1):
        extract(four, backbone, **setting)
        assert sum(computed) == 4 * number, setting
    for setting in [*settings, {"stages": "last"}, {"augment": brightness_and_contrast(0.3)}]:
        extract(four, backbone, **setting)
    assert sum(computed) == 4 * len(settings)


def test_the_last_stage_needs_no_other(
    index: pd.DataFrame, backbone: Backbone, work: Path, computed: list[int]
) -> None:
    small = extract(index, backbone, stages="last", size=32)  # too small for the spreads of "all"
    last = extract(index, backbone, stages="last")
    assert sum(computed) == 40 and np.isfinite(small).all()
    np.testing.assert_allclose(extract(index, backbone)[:, -1280:], last, rtol=1e-4, atol=1e-5)


def test_one_stage_alone(index: pd.DataFrame, backbone: Backbone, work: Path) -> None:
    found, every = extract(index, backbone, stages=3), extract(index, backbone)
    assert found.shape == (20, backbone.widths[3])
    # In "all" the spreads of a stage stand before its means; stage 3 is the first one there.
    width = backbone.widths[3]
    np.testing.assert_allclose(found, every[:, width : 2 * width], rtol=1e-3, atol=1e-5)


def test_the_same_photo_twice_is_computed_once(
    index: pd.DataFrame, backbone: Backbone, work: Path, photos: Path, computed: list[int]
) -> None:
    first, second = (photos / index["path"].iloc[row] for row in (0, 7))
    second.write_bytes(first.read_bytes())
    for _ in range(2):
        found = extract(index, backbone)
        np.testing.assert_array_equal(found[0], found[7])
    assert computed == [19]


def test_a_selection_is_found_among_all_rows(
    index: pd.DataFrame, backbone: Backbone, work: Path, computed: list[int]
) -> None:
    whole = extract(index, backbone)
    selection = index.iloc[[3, 1, 18]]
    selection.attrs = index.attrs
    np.testing.assert_array_equal(extract(selection, backbone), whole[[3, 1, 18]])
    assert computed == [20]


def test_two_selections_share_what_is_kept(
    index: pd.DataFrame, backbone: Backbone, work: Path, computed: list[int]
) -> None:
    halves = [index.iloc[:8], index.iloc[8:]]
    for half in halves:
        half.attrs = index.attrs
    first = [extract(half, backbone) for half in halves]
    whole = extract(index, backbone)
    assert sum(computed) == 20
    np.testing.assert_array_equal(whole, np.concatenate(first))


def kept_files(work: Path) -> list[Path]:
    return list((work / "features").rglob("*.npz"))


# augmented views


def test_views_differ_from_each_other_and_repeat_by_seed(
    index: pd.DataFrame, backbone: Backbone, work: Path, computed: list[int]
) -> None:
    def views(seed: int = 0, table: pd.DataFrame = index) -> np.ndarray:
        settings = {"stages": "last", "augment": flips_and_quarter_turns, "views": 3}
        return np.array(extract(table, backbone, seed=seed, **settings))

    first = views()
    assert first.shape == (3, 20, 1280) and sum(computed) == 60
    np.testing.assert_array_equal(views(), first)
    assert sum(computed) == 60
    assert not np.allclose(first[0], first[1]) and not np.allclose(views(seed=1), first)
    for file in kept_files(work):
        file.unlink()
    turned = index.iloc[::-1]
    turned.attrs = index.attrs
    np.testing.assert_allclose(views(table=turned), first[:, ::-1], rtol=1e-3, atol=1e-4)


def test_a_changed_photo_costs_its_views_alone(
    index: pd.DataFrame, backbone: Backbone, work: Path, photos: Path, computed: list[int]
) -> None:
    settings = {"augment": flips_and_quarter_turns, "views": 3}
    first = np.array(extract(index, backbone, **settings))
    Image.new("L", (40, 40), 200).save(photos / index["path"].iloc[3])
    computed.clear()
    second = extract(index, backbone, **settings)
    assert sum(computed) == 3
    assert np.flatnonzero((first != second).any(axis=(0, 2))).tolist() == [3]


def test_transforms_of_torchvision_repeat_too(index: pd.DataFrame, backbone: Backbone, work: Path) -> None:
    from torchvision.transforms import v2

    turn = v2.RandomRotation(40)

    def rotate(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return turn(images)

    first = np.array(extract(index, backbone, augment=rotate))
    before = torch.get_rng_state()
    for file in kept_files(work):
        file.unlink()
    np.testing.assert_allclose(extract(index, backbone, augment=rotate), first, rtol=1e-3, atol=1e-4)
    assert torch.equal(torch.get_rng_state(), before), "the caller's random numbers go on as before"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"views": 2}, "2 views are not possible"),
        ({"views": 0, "augment": flips_and_quarter_turns}, "0 views are not possible"),
        ({"stages": 9}, "stages '9' are unknown; choose 'all', 'last' or a number from 0 to 8"),
    ],
)
def test_impossible_arguments_are_named(
    index: pd.DataFrame, backbone: Backbone, work: Path, settings: dict, sentence: str
) -> None:
    with pytest.raises(CourseError, match=sentence):
        extract(index, backbone, **settings)


# heads on kept features


def test_a_head_learns_from_kept_features_view_by_view() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 60)
    views = generator.normal(size=(3, 60, 8)).astype(np.float32) + 3 * labels[None, :, None]
    head = torch.nn.Linear(8, 2)
    loader = datasets.FeatureLoader(views, labels, batch_size=10, shuffle=True, views=3)
    history = fit(head, loader, epochs=20, learning_rate=0.05, channels_last=False, device="cpu", progress=False)
    assert history["train_accuracy"].iloc[-1] == 1.0


def test_each_epoch_shows_the_next_view_of_each_photo() -> None:
    views = np.arange(3, dtype=np.float32)[:, None, None] * np.ones((3, 5, 2), np.float32)
    loader = datasets.FeatureLoader(views, [0, 1, 0, 1, 0], batch_size=2, views=3)
    shown = [torch.cat([batch for batch, _ in loader])[:, 0].int().tolist() for _ in range(4)]
    assert shown[3] == shown[0]
    for photo in range(5):
        assert sorted(epoch[photo] for epoch in shown[:3]) == [0, 1, 2]
    assert len(set(shown[0])) > 1, "all photos begin with the same view"


def test_some_rows_of_a_list_of_views() -> None:
    views = [np.full((6, 2), view, np.float16) + np.arange(6)[:, None] for view in (0, 10)]
    rows = np.array([5, 1, 2])
    loader = datasets.FeatureLoader(views, np.arange(6), rows=rows, batch_size=2, views=2)
    for _ in range(2):
        shown = [(batch[:, 0] % 10, labels) for batch, labels in loader]
        assert [len(labels) for _, labels in shown] == [2, 1]
        assert torch.cat([features for features, _ in shown]).tolist() == [5, 1, 2]
        assert torch.cat([labels for _, labels in shown]).tolist() == [5, 1, 2]
    with pytest.raises(CourseError, match="no photos to load"):
        datasets.FeatureLoader(views, np.arange(6), rows=rows[:0], views=2)


@pytest.mark.parametrize(("labels", "sentence"), [([0], "must be in the same order and number"), ([], "no photos")])
def test_features_and_labels_must_agree(labels: list[int], sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        datasets.FeatureLoader(np.zeros((len(labels) * 2, 3), np.float32), labels)


def test_a_trained_backbone_does_not_get_the_features_of_the_untrained(
    index: pd.DataFrame, backbone: Backbone, work: Path
) -> None:
    first = extract(index, backbone, stages="last")
    with torch.no_grad():
        backbone.stages[-1][1].bias += 1
    assert not np.allclose(extract(index, backbone, stages="last"), first)


@pytest.mark.filterwarnings("error")
def test_photos_too_small_for_the_backbone_are_refused(index: pd.DataFrame, backbone: Backbone, work: Path) -> None:
    with pytest.raises(CourseError, match="cannot take photos of 32 × 32 pixels"):
        extract(index, backbone, size=32)
    assert not kept_files(work)


def test_an_unreadable_photo_is_named(index: pd.DataFrame, backbone: Backbone, work: Path, photos: Path) -> None:
    (photos / "functional" / "9.png").write_bytes(b"text")
    with pytest.raises(CourseError, match=r"functional/9\.png is not an image"):
        extract(index, backbone)


def test_a_removed_photo_is_named(index: pd.DataFrame, backbone: Backbone, work: Path, photos: Path) -> None:
    (photos / "functional" / "9.png").unlink()
    with pytest.raises(CourseError, match=r"functional/9\.png of the index cannot be read"):
        extract(index, backbone)


def test_unknown_stages_and_no_photos_are_refused(index: pd.DataFrame, backbone: Backbone, work: Path) -> None:
    with pytest.raises(CourseError, match="stages 'first' are unknown"):
        extract(index, backbone, stages="first")
    with pytest.raises(CourseError, match="no photos"):
        extract(index.iloc[:0], backbone)


def test_the_probe_separates_bright_spots(index: pd.DataFrame, backbone: Backbone, work: Path) -> None:
    labels = data.label_numbers(index)
    found = extract(index, backbone)
    probe = features.linear_probe().fit(found[::2], labels[::2])
    assert probe.score(found[1::2], labels[1::2]) == 1.0


# maps of a frozen stage


def test_maps_are_what_the_frozen_part_gives(index: pd.DataFrame, backbone: Backbone, work: Path) -> None:
    maps = features.extract(index, backbone, stages=5, maps=True, size=64, progress=False)
    assert maps.shape == (len(index), 112, 4, 4) and maps.dtype == np.float16
    means = features.extract(index, backbone, stages=5, size=64, progress=False)
    np.testing.assert_allclose(maps.astype(np.float32).mean(axis=(2, 3)), means, atol=2e-3)
    again = features.extract(index, backbone, stages=5, maps=True, size=64, progress=False)
    assert np.array_equal(maps, again)


def test_views_of_maps_stand_in_front(index: pd.DataFrame, backbone: Backbone, work: Path) -> None:
    views = features.extract(
        index, backbone, stages=6, maps=True, size=64, augment=flips_and_quarter_turns, views=2,
        progress=False,
    )  # fmt: skip
    assert views.shape == (2, len(index), 192, 2, 2)


@pytest.mark.parametrize("stages", ["all", "last"])
def test_maps_are_kept_of_one_stage(stages: str, index: pd.DataFrame, backbone: Backbone, work: Path) -> None:
    with pytest.raises(CourseError, match="Maps are kept of one stage"):
        features.extract(index, backbone, stages=stages, maps=True)


@pytest.mark.slow
def test_training_behind_kept_maps_equals_training_the_whole_network(
    index: pd.DataFrame, loaded: Backbone, work: Path
) -> None:
    labels = data.label_numbers(index)
    maps = features.extract(index, loaded, stages=6, maps=True, size=64, progress=False)
    histories, weights = [], []
    for kept in (True, False):
        torch.manual_seed(0)
        model = models.Classifier(deepcopy(loaded), classes=2)
        models.freeze(model)
        models.unfreeze(model, last=2)
        if kept:
            part, loader = models.AfterStage(model, 6), datasets.FeatureLoader(maps, labels)
        else:
            pixels = datasets.pixels(index, 64, channels=3, progress=False)
            mean, std = model.backbone.mean, model.backbone.std
            part, loader = model, datasets.BatchLoader(pixels, labels, mean=mean, std=std)
        histories.append(fit(part, loader, epochs=3, device="cpu", progress=False))
        weights.append(model.head.weight.detach().clone())
    np.testing.assert_allclose(histories[0]["train_loss"], histories[1]["train_loss"], rtol=0.01)
    torch.testing.assert_close(weights[0], weights[1], rtol=0.05, atol=5e-3)
