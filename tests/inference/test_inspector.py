"""The inspector: it decides, draws, and no photo stops the others."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_inspector import GREY, noise, scratch_inspector

from course_lib.inference import Inspector, InspectorSettings, list_photos
from course_lib.models import ScratchCNN

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_folder_becomes_a_table(photos: Path) -> None:
    table = scratch_inspector().inspect(photos, progress=False)
    assert list(table) == ["path", "probability", "decision", "problem"]
    assert len(table) == 20 and (table["problem"] == "").all()


def test_an_unreadable_photo_is_reported_and_the_rest_goes_on(photos: Path) -> None:
    whole = scratch_inspector().inspect(photos, progress=False)
    (photos / "defective" / "3.png").write_bytes(b"no photo")
    table = scratch_inspector().inspect(photos, progress=False)

    (bad,) = np.flatnonzero(table["decision"] == "not inspected")
    assert table["path"][bad].endswith("defective/3.png")
    assert "3.png is not an image (the content is text)" in table["problem"][bad] and np.isnan(
        table["probability"][bad]
    )
    others = table.drop(index=bad)
    np.testing.assert_allclose(others["probability"], whole.drop(index=bad)["probability"], 1e-5)


def test_a_missing_photo_is_reported(photos: Path) -> None:
    paths = [photos / "gone.png", photos / "defective" / "0.png"]
    table = scratch_inspector().inspect(paths, progress=False)
    assert "There is no photo" in table["problem"][0]
    assert table["decision"][1] != "not inspected"


def test_one_photo_alone_is_inspected(photos: Path) -> None:
    assert len(scratch_inspector().inspect(photos / "defective" / "0.png", progress=False)) == 1


def test_with_three_classes_the_probability_is_that_of_the_decision(photos: Path) -> None:
    settings = InspectorSettings(list("abc"), **GREY)
    table = Inspector(ScratchCNN(3, width=4), settings).inspect(photos, progress=False)
    assert (table["probability"] >= 1 / 3).all() and set(table["decision"]) <= set("abc")


def test_a_heat_map_is_of_this_photo_and_is_no_photo(photos: Path) -> None:
    photo, maps = photos / "defective" / "0.png", photos / "maps"

    def drawn() -> str:
        return scratch_inspector().inspect(photo, progress=False, heat_maps=maps)["heat_map"][0]

    first = drawn()
    assert drawn() == first
    Image.effect_noise((50, 50), 50).save(photo)
    assert drawn() != first
    for searched in (photos, photos / "**" / "*.png", list(photos.iterdir())):
        assert len(list_photos(searched, maps).photos) == 20


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
