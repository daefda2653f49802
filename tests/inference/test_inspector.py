"""The inspector: one file in, the same decisions out, and no photo stops the others."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.data import read_pixels
from course_lib.errors import CourseError
from course_lib.inference import Inspector, InspectorSettings
from course_lib.inference import inspector as inference
from course_lib.models import Classifier, ScratchCNN, load_backbone

pytestmark = pytest.mark.usefixtures("one_thread")

GREY = {"size": 16, "channels": 1, "mean": [0.5], "std": [0.25]}


def scratch_inspector(**settings) -> Inspector:
    torch.manual_seed(0)
    defaults = {"classes": ["functional", "defective"], **GREY}
    return Inspector(ScratchCNN(width=4), InspectorSettings(**defaults | settings))


def noise(channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (5, channels, 16, 16), dtype=np.uint8)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return scratch_inspector().save(tmp_path / "inspector")


# saving and loading


def test_a_loaded_inspector_gives_the_same_probabilities_and_settings(tmp_path: Path) -> None:
    inspector = scratch_inspector(
        threshold=0.3, temperature=1.7, views=8, notes={"写真": "ELPV", "photos": np.int64(9)}
    )
    loaded = Inspector.load(inspector.save(tmp_path / "inspector.safetensors"))

    np.testing.assert_array_equal(loaded.probabilities(noise()), inspector.probabilities(noise()))
    assert loaded.settings.threshold == 0.3 and loaded.settings.views == 8
    assert loaded.settings.notes == {"写真": "ELPV", "photos": 9}


@pytest.mark.parametrize("stages", ["last", "all"])
def test_an_inspector_on_a_backbone_comes_back_the_same(tmp_path: Path, stages: str) -> None:
    backbone = load_backbone()
    settings = InspectorSettings(["ok", "bad"], 64, 3, backbone.mean, backbone.std)
    inspector = Inspector(Classifier(backbone, stages=stages), settings)
    images = np.random.default_rng(0).integers(0, 255, (2, 3, 64, 64), dtype=np.uint8)

    loaded = Inspector.load(inspector.save(tmp_path / "inspector"))
    np.testing.assert_array_equal(loaded.probabilities(images), inspector.probabilities(images))


def test_names_with_a_dot_do_not_overwrite_each_other(tmp_path: Path) -> None:
    first = scratch_inspector().save(tmp_path / "cells-0.5")
    second = scratch_inspector().save(tmp_path / "cells-0.6")
    assert (first.name, second.name) == ("cells-0.5.safetensors", "cells-0.6.safetensors")


def test_saving_where_writing_is_forbidden_is_one_sentence(protected_folder: Path) -> None:
    with pytest.raises(CourseError, match="write-protected"):
        scratch_inspector().save(protected_folder / "inspector")


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no room left for inspector"):
        scratch_inspector().save(tmp_path / "inspector.safetensors")


def change_header(path: Path, **changes: str) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    save_file(load_file(path), path, metadata=header | changes)


def settings_text(**changes) -> str:
    return json.dumps({"classes": ["a", "b"], **GREY} | changes)


FOREIGN = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("<html>404 Not Found</html>"),
    "half": lambda path: path.write_bytes(path.read_bytes()[:900]),
    "pickle": lambda path: torch.save({"a": torch.zeros(2)}, path),
    "other safetensors": lambda path: save_file({"a": torch.zeros(2)}, path),
    "other format": lambda path: change_header(path, format="inspector 99"),
    "no network": lambda path: change_header(path, network="null"),
    "unknown network": lambda path: change_header(path, network='{"kind": "os.system"}'),
    "unknown backbone": lambda path: change_header(
        path, network='{"kind": "classifier", "backbone": "../x", "classes": 2, "stages": "last"}'
    ),
    "wider network": lambda path: change_header(path, network='{"kind": "scratch", "width": 8}'),
    "negative network": lambda path: change_header(
        path, network='{"kind": "scratch", "width": -8}'
    ),
    "settings are a list": lambda path: change_header(path, settings="[1]"),
    "settings are no JSON": lambda path: change_header(path, settings="{"),
    "unknown setting": lambda path: change_header(path, settings=settings_text(run="rm")),
    "size is a text": lambda path: change_header(path, settings=settings_text(size="big")),
    "too many classes": lambda path: change_header(path, settings=settings_text(classes=list("abc"))),
    "no mean": lambda path: change_header(path, settings=settings_text(mean=[])),
    "threshold is a text": lambda path: change_header(path, settings=settings_text(threshold="x")),
}  # fmt: skip


@pytest.mark.parametrize("damage", FOREIGN.values(), ids=FOREIGN)
def test_a_damaged_or_foreign_file_is_one_sentence(saved: Path, damage: Callable[[Path], None]) -> None:
    damage(saved)
    with pytest.raises(CourseError, match="inspector"):
        Inspector.load(saved)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    inspector = scratch_inspector()
    torch.nn.init.constant_(inspector.model.head[-1].bias, float("nan"))
    with pytest.raises(CourseError, match="weights that are no numbers"):
        Inspector.load(inspector.save(tmp_path / "broken"))


def test_the_code_changes_with_what_changes_decisions_and_with_nothing_else() -> None:
    code = scratch_inspector().code()
    assert code == scratch_inspector(notes={"trained": "today"}).code()
    assert code != scratch_inspector(threshold=0.4).code()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"no inspector .*gone\.safetensors"):
        Inspector.load(tmp_path / "gone.safetensors")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"classes": ["one"]}, "at least two classes"),
        ({"classes": ["a", "b", "c"]}, "needs 2 class names"),
        ({"classes": ["a", "a"]}, "a different name for each class"),
        ({"classes": [0, 1]}, "classes with names"),
        ({"channels": 2}, "1 or 3 channels"),
        ({"mean": [0.5] * 3}, "one mean for each channel"),
        ({"mean": [float("nan")]}, "finite mean"),
        ({"std": [float("inf")]}, "finite std"),
        ({"size": 160.5}, "whole numbers"),
        ({"channels": 1.0}, "whole numbers"),
        ({"temperature": float("inf")}, "finite temperature"),
        ({"std": [0.0]}, "std above 0"),
        ({"size": 0}, "size of 1 to 4096"),
        ({"temperature": float("nan")}, "temperature above 0"),
        ({"threshold": float("nan")}, "a number as its threshold"),
        ({"views": 3}, "1, 4 or 8 views"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        scratch_inspector(**settings)


def test_a_model_that_could_not_be_built_again_is_refused() -> None:
    with pytest.raises(CourseError, match="a ScratchCNN or a Classifier, not a Linear"):
        Inspector(nn.Linear(2, 2), InspectorSettings(["a", "b"], **GREY))


# inspecting


def test_a_folder_becomes_a_table(photos: Path) -> None:
    table = scratch_inspector().inspect(photos, batch_size=7, progress=False)
    assert list(table) == ["path", "probability", "decision", "problem"]
    assert len(table) == 20 and (table["problem"] == "").all()


def test_an_unreadable_photo_is_reported_and_the_rest_goes_on(photos: Path) -> None:
    whole = scratch_inspector().inspect(photos, progress=False)
    (photos / "defective" / "3.png").write_bytes(b"no photo")
    table = scratch_inspector().inspect(photos, progress=False)

    (bad,) = np.flatnonzero(table["decision"] == "not inspected")
    assert table["path"][bad].endswith("defective/3.png")
    assert "is not an image" in table["problem"][bad] and np.isnan(table["probability"][bad])
    others = table.drop(index=bad)
    np.testing.assert_allclose(others["probability"], whole.drop(index=bad)["probability"], 1e-5)


def test_a_missing_photo_is_reported(photos: Path) -> None:
    paths = [photos / "gone.png", photos / "defective" / "0.png"]
    table = scratch_inspector().inspect(paths, progress=False)
    assert "There is no photo" in table["problem"][0]
    assert table["decision"][1] != "not inspected"


def test_one_photo_alone_is_inspected(photos: Path) -> None:
    assert len(scratch_inspector().inspect(photos / "defective" / "0.png", progress=False)) == 1


def test_nothing_to_inspect_is_one_sentence(tmp_path: Path) -> None:
    for nothing in ([], tmp_path):
        with pytest.raises(CourseError, match="no photo"):
            scratch_inspector().inspect(nothing, progress=False)


def test_folders_and_photos_may_be_mixed_and_each_photo_comes_once(photos: Path) -> None:
    paths = [photos / "defective" / "3.png", photos / "defective", "gone.png"]
    found = inference.list_photos(paths)
    assert len(found) == 11 and found[0].name == "3.png" and found[-1].name == "gone.png"


def test_what_the_course_cannot_read_is_reported_and_not_passed_over(photos: Path) -> None:
    folder = photos / "defective"
    for name in ("a.HEIC", "b.cr2", "c.jp2"):
        (folder / name).touch()
    Image.new("L", (50, 50)).save(folder / "d.jfif", format="JPEG")
    (folder / "index.csv").touch()
    table = scratch_inspector().inspect(folder, progress=False)
    bad = table[table["decision"] == "not inspected"]
    assert len(table) == 14 and len(bad) == 3  # Pillow reads .jfif
    assert bad["problem"].str.contains("format that cannot be read").tolist()[:2] == [True, True]


def test_a_folder_that_may_not_be_listed_is_reported(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(real: Callable) -> Callable:
        def listed(path: Path):
            if str(path).endswith("locked"):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        return listed

    (photos / "locked").mkdir()
    for name in ("scandir", "listdir"):
        monkeypatch.setattr(f"os.{name}", refuse(getattr(os, name)))
    table = scratch_inspector().inspect(photos, progress=False)
    (bad,) = table.loc[table["decision"] == "not inspected", "problem"]
    assert len(table) == 21 and "locked cannot be searched (Permission denied)" in bad


def test_damage_that_decoders_do_not_notice_is_reported(photos: Path) -> None:
    path = photos / "half.jpg"
    Image.effect_noise((40, 40), 50).save(path)
    data = path.read_bytes()
    middle = len(data) - 300
    path.write_bytes(data[:middle] + b"\xff\x01" + data[middle + 2 :])
    read_pixels(path, 16)  # half of it is grey
    table = scratch_inspector().inspect(path, progress=False)
    assert table["decision"][0] == "not inspected" and "is damaged" in table["problem"][0]


def test_an_empty_folder_is_reported_and_the_rest_goes_on(photos: Path) -> None:
    (photos / "empty").mkdir()
    paths = [photos / "empty", photos / "defective" / "0.png"]
    table = scratch_inspector().inspect(paths, progress=False)
    assert "holds no photo" in table["problem"][0] and table["decision"][1] != "not inspected"


def test_patterns_are_expanded(photos: Path) -> None:
    (photos / "defective" / "[1]*.png").touch()
    assert len(inference.list_photos(str(photos / "*" / "[12].png"))) == 4
    assert len(inference.list_photos(photos / "defective" / "[1]*.png")) == 1
    paths = [photos / "*.tif", photos / "defective" / "0.png"]
    problem = scratch_inspector().inspect(paths, progress=False)["problem"][0]
    assert "There is no photo" in problem and "*.tif" in problem


def test_with_three_classes_the_probability_is_that_of_the_decision(photos: Path) -> None:
    settings = InspectorSettings(list("abc"), **GREY)
    table = Inspector(ScratchCNN(3, width=4), settings).inspect(photos, progress=False)
    assert (table["probability"] >= 1 / 3).all() and set(table["decision"]) <= set("abc")


def test_hidden_files_are_not_inspected(photos: Path) -> None:
    (photos / ".trash").mkdir()
    (photos / ".trash" / "old.png").touch()
    (photos / "@eaDir").mkdir()  # thumbnails that a Synology storage makes
    (photos / "@eaDir" / "0.png").touch()
    assert len(inference.list_photos(photos)) == 20


def test_a_heat_map_is_of_this_inspector_and_of_this_photo_and_is_no_photo(photos: Path) -> None:
    photo, maps = photos / "defective" / "0.png", photos / "maps"

    def drawn(**settings) -> str:
        table = scratch_inspector(**settings).inspect(photo, progress=False, heat_maps=maps)
        return table["heat_map"][0]

    first = drawn()
    assert drawn() == first != drawn(temperature=2.0)
    Image.new("L", (50, 50)).save(photo)
    assert drawn() != first
    for searched in (photos, photos / "**" / "*.png", list(photos.iterdir())):
        assert len(inference.list_photos(searched, maps)) == 20
    with pytest.raises(CourseError, match="is to hold the heat maps"):
        inference.list_photos(photos, photos)


def test_the_threshold_decides(photos: Path) -> None:
    always = scratch_inspector(threshold=0.0).inspect(photos, progress=False)
    never = scratch_inspector(threshold=1.01).inspect(photos, progress=False)
    assert set(always["decision"]) == {"defective"}
    assert set(never["decision"]) == {"functional"}


def test_eight_views_do_not_care_how_the_photo_lies() -> None:
    inspector = scratch_inspector(views=8)
    plain, turned = (inspector.probabilities(x) for x in (noise(), np.rot90(noise(), 1, (2, 3))))
    np.testing.assert_allclose(plain, turned, atol=1e-5)
    np.testing.assert_allclose(plain.sum(axis=1), 1, atol=1e-6)


def test_a_higher_temperature_makes_less_sure() -> None:
    sure = scratch_inspector().probabilities(noise())
    unsure = scratch_inspector(temperature=5.0).probabilities(noise())
    assert (abs(unsure - 0.5) < abs(sure - 0.5)).all()
