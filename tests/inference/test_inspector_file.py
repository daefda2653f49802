"""The file of an inspector: the same decisions come out, and nothing strange goes in."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from small_inspector import GREY, noise, scratch_inspector
from torch import nn

from course_lib.errors import CourseError
from course_lib.inference import Inspector, InspectorSettings
from course_lib.models import Classifier, load_backbone

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return scratch_inspector().save(tmp_path / "inspector")


def test_a_loaded_inspector_gives_the_same_probabilities_and_settings(tmp_path: Path) -> None:
    inspector = scratch_inspector(
        threshold=0.3, temperature=1.7, views=8, notes={"写真": "ELPV", "photos": np.int64(9)}
    )
    loaded = Inspector.load(inspector.save(tmp_path / "inspector.safetensors"))

    np.testing.assert_array_equal(loaded.probabilities(noise()), inspector.probabilities(noise()))
    assert loaded.settings.threshold == 0.3 and loaded.settings.views == 8
    assert loaded.settings.notes == {"写真": "ELPV", "photos": 9}


@pytest.mark.slow
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
    with pytest.raises(CourseError, match="weights that are not numbers"):
        Inspector.load(inspector.save(tmp_path / "broken"))


def test_the_fingerprint_changes_with_what_changes_decisions_and_with_nothing_else() -> None:
    first = scratch_inspector().fingerprint()
    assert first == scratch_inspector(notes={"trained": "today"}).fingerprint()
    assert first != scratch_inspector(threshold=0.4).fingerprint()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"no inspector .*gone\.safetensors"):
        Inspector.load(tmp_path / "gone.safetensors")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"classes": ["one"]}, "at least two classes"),
        ({"classes": ["a", "b", "c"]}, "needs 2 class names"),
        ({"classes": ["a", "a"]}, "each with a name of its own"),
        ({"channels": 2}, "1 or 3 channels"),
        ({"mean": [0.5] * 3}, "one mean and one std for each channel"),
        ({"std": [float("inf")]}, "finite std"),
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


def test_a_file_of_the_first_release_decides_as_it_did_then() -> None:
    old = Inspector.load(Path(__file__).with_name("inspector_of_release_1.safetensors"))
    images = (np.arange(2 * 16 * 16) % 251).astype(np.uint8).reshape(2, 1, 16, 16)
    then = [[0.424587607383728, 0.5754123330116272], [0.42437219619750977, 0.5756278038024902]]
    np.testing.assert_allclose(old.probabilities(images), then, atol=1e-5)
    assert old.settings.classes == ["functional", "defective"] and old.settings.threshold == 0.4
    assert old.settings.notes["licence of the photos"] == "CC0"
