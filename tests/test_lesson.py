"""Every lesson starts alone: what an earlier lesson made is loaded, or made again the same way."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from course_lib import checks, data, datasets, features, lesson, models, splits, training
from course_lib.errors import CourseError
from course_lib.models import read_weights, weights_hash
from course_lib.paths import kept_folder

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scratch model of the lessons, trained for two epochs on small photos."""
    settings = lesson.SCRATCH_SETTINGS | {"size": 32, "batch_size": 8, "epochs": 2}
    monkeypatch.setattr(lesson, "SCRATCH_SETTINGS", settings)


def test_the_head_of_a_lesson_has_three_lines(work: Path, capsys: pytest.CaptureFixture) -> None:
    lesson.start(7)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("Lesson 7, training the scratch model. Computing on: ")
    assert second.startswith("Versions: torch ") and "missing" not in second
    assert third == "Files you make go to work/; your photos are only read."


def test_a_notebook_beside_the_lessons_has_a_title_instead_of_a_number(
    work: Path, capsys: pytest.CaptureFixture
) -> None:
    lesson.start("speed and memory")
    assert capsys.readouterr().out.startswith("Beside the lessons: speed and memory. Computing on: ")


def test_a_decision_is_kept_for_its_photos(work: Path) -> None:
    assert lesson.load_decision("cells") == lesson.DEFAULT_DECISION
    lesson.save_decision("cells", lot_size=30)
    assert lesson.load_decision("cells") == lesson.DEFAULT_DECISION | {"lot_size": 30}
    assert lesson.load_decision("other") == lesson.DEFAULT_DECISION


def test_a_decision_that_nobody_can_make_is_named(work: Path) -> None:
    with pytest.raises(CourseError, match=r"'keep' .* choose one of follow the experts, defective, leave out"):
        lesson.save_decision("cells", doubtful_photos="keep")
    path = lesson.save_decision("cells", doubtful_photos="leave out")
    for text, said in (
        ('{"doubtful_photos": "leave-out"}', "leave-out"),
        ('{"lot_size": 60,}', "holds no decision"),
        ("[1]", "holds no"),
    ):
        path.write_text(text)
        with pytest.raises(CourseError, match=said):
            lesson.load_decision("cells")


def test_a_decision_draws_the_line_through_the_doubtful_photos() -> None:
    index = data.index_folder(data.solar_cells())
    drawn = {
        way: lesson.apply_decision(index, lesson.DEFAULT_DECISION | {"doubtful_photos": way})
        for way in lesson.DOUBTFUL_PHOTOS
    }
    defective = {way: (len(table), (table["label"] == "defective").sum()) for way, table in drawn.items()}
    assert defective == {"follow the experts": (2624, 821), "defective": (2624, 1116), "leave out": (2223, 715)}
    pd.testing.assert_frame_equal(drawn["follow the experts"], index)
    for table in drawn.values():
        assert table.attrs["folder"] == index.attrs["folder"]
        assert table.index.tolist() == list(range(len(table)))
        assert (data.label_probabilities(table).argmax(axis=1) == data.label_numbers(table)).all()


def test_photos_without_experts_leave_nothing_to_decide() -> None:
    index = pd.DataFrame({"path": ["a", "b", "c"], "label": ["x", "y", "z"]})
    for way in lesson.DOUBTFUL_PHOTOS:
        pd.testing.assert_frame_equal(lesson.apply_decision(index, {"doubtful_photos": way}), index)


def test_a_split_is_made_once_and_then_loaded(work: Path, photos: Path) -> None:
    first = lesson.split_index(photos)
    file = kept_folder(photos) / "split_random.csv"
    time = file.stat().st_mtime_ns
    second = lesson.split_index(photos)

    pd.testing.assert_frame_equal(first, second, check_dtype=False)
    assert file.stat().st_mtime_ns == time
    assert second.attrs["folder"] == str(photos)


def test_a_split_of_an_earlier_version_is_made_anew(work: Path, photos: Path, capsys: pytest.CaptureFixture) -> None:
    """It may have put two photos of one part into two splits."""
    file = kept_folder(photos) / "split_random.csv"
    splits.save_split(splits.random_split(data.index_folder(photos), seed=1), file)
    split = lesson.split_index(photos)
    assert "does not keep photos of the same part together, so they are split anew" in capsys.readouterr().out
    assert split["split"].tolist() == splits.random_split(split)["split"].tolist()
    pd.testing.assert_frame_equal(lesson.split_index(photos), split, check_dtype=False)


def test_parts_that_the_table_names_later_count(work: Path, photos: Path) -> None:
    split = lesson.split_index(photos)
    one, other = (split["path"][split["split"] == name].iloc[0] for name in ("train", "test"))
    split.drop(columns="split").replace({"part": {one: other}}).to_csv(photos / "index.csv", index=False)
    for _ in range(2):
        again = lesson.split_index(photos).set_index("path")["split"]
        assert again[one] == again[other]


def test_photos_without_lots_say_what_is_missing(work: Path, photos: Path) -> None:
    with pytest.raises(CourseError, match="lots are unknown"):
        lesson.split_index(photos, "lot")


def test_an_unknown_kind_of_split_is_refused(work: Path, photos: Path) -> None:
    with pytest.raises(CourseError, match="'week' is unknown"):
        lesson.split_index(photos, "week")


def test_two_classes_of_which_nobody_knows_the_defect_are_refused(work: Path, photos: Path) -> None:
    """Rates of missed defects would be computed for the wrong class, and look well."""
    for old, new in (("functional", "Good"), ("defective", "NG")):
        (photos / old).rename(photos / new)
    assert data.class_names(lesson.split_index(photos)) == ["Good", "NG"]
    for old, new in (("Good", "daisy"), ("NG", "rose")):
        (photos / old).rename(photos / new)
    with pytest.raises(CourseError, match="which of them is the defect"):
        lesson.split_index(photos)


@pytest.mark.slow  # two epochs of training
def test_the_scratch_model_is_trained_once_and_then_loaded(work: Path, photos: Path, quick: None) -> None:
    trained, loaders = lesson.scratch_model(photos, progress=False)
    time = (kept_folder(photos) / "scratch_random.pt").stat().st_mtime_ns
    loaded, _ = lesson.scratch_model(photos, progress=False)

    assert weights_hash(loaded) == weights_hash(trained)
    assert (kept_folder(photos) / "scratch_random.pt").stat().st_mtime_ns == time
    assert set(loaders) == {"train", "validation", "test"} and not loaded.training


def test_a_scratch_model_of_other_settings_is_trained_anew(
    work: Path, photos: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = []
    for rate in (1e-3, 1e-2):
        monkeypatch.setitem(lesson.SCRATCH_SETTINGS, "learning_rate", rate)
        hashes.append(weights_hash(lesson.scratch_model(photos, progress=False)[0]))
    saved = read_weights(kept_folder(photos) / "scratch_random.pt")

    assert hashes[0] != hashes[1] and saved["learning_rate"] == 1e-2


def test_after_another_split_the_scratch_model_is_trained_anew(work: Path, photos: Path, quick: None) -> None:
    """Its test photos could be photos that the kept model has learned from."""
    first, _ = lesson.scratch_model(photos, progress=False)
    index = splits.random_split(checks.find_parts(data.index_folder(photos)), seed=1)
    splits.save_split(index, kept_folder(photos) / "split_random.csv")
    second, _ = lesson.scratch_model(photos, progress=False)

    assert weights_hash(first) != weights_hash(second)
    kept = read_weights(kept_folder(photos) / "scratch_random.pt")
    assert kept["split"] == lesson.scratch_facts(index)["split"]


def test_nothing_is_kept_of_a_scratch_model_whose_training_was_stopped(
    work: Path, photos: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = training.fit

    def stopped_after_one(*arguments, **settings) -> pd.DataFrame:
        def stop(row: dict) -> None:
            raise KeyboardInterrupt

        return whole(*arguments, **settings, on_epoch_end=[stop])

    monkeypatch.setattr(training, "fit", stopped_after_one)
    with pytest.raises(CourseError, match="stopped after 1 of 2 epochs"):
        lesson.scratch_model(photos, progress=False)
    assert not (kept_folder(photos) / "scratch_random.pt").exists()


@pytest.fixture
def quick_transfer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The transfer models of lesson 9, from small photos and one epoch."""
    once = {name: lesson.TRANSFER_SETTINGS[name] | {"epochs": 1} for name in ("head", "stages")}
    monkeypatch.setattr(lesson, "TRANSFER_SETTINGS", lesson.TRANSFER_SETTINGS | once | {"size": 64})


@pytest.mark.slow  # a backbone and one epoch of training
def test_the_transfer_models_are_made_once_and_then_loaded(
    work: Path, photos: Path, quick_transfer: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, extract = set(), features.extract

    def watched(index: pd.DataFrame, *arguments, **settings) -> np.ndarray:
        seen.update(index["path"])
        return extract(index, *arguments, **settings)

    monkeypatch.setattr(features, "extract", watched)
    made = lesson.transfer_models(photos, progress=False)
    monkeypatch.setattr(lesson, "transfer_network", None)  # whoever makes one again now, fails
    assert [one.fingerprint() for one in lesson.transfer_models(photos)] == [one.fingerprint() for one in made]

    index = lesson.split_index(photos)
    train = index[index["split"] == "train"]
    assert seen == set(train["path"]), "only training photos have a part in them"
    inputs, backbone = extract(train, models.load_backbone(), size=64, progress=False), models.load_backbone()
    probe = features.linear_probe().fit(inputs, data.label_numbers(index)[index["split"] == "train"])
    said = made[0].probabilities(datasets.pixels(train, 64, channels=3, progress=False))
    assert np.abs(said - probe.predict_proba(inputs)).max() < 0.01
    frozen = len(backbone.stages) - lesson.TRANSFER_SETTINGS["last"]
    before, after = (model.stages[:frozen].state_dict() for model in (backbone, made[1].model.backbone))
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    assert made[1].model.backbone.sha256 != backbone.sha256


@pytest.mark.slow  # a backbone and one epoch of training
def test_transfer_models_of_other_settings_or_another_split_are_made_anew(
    work: Path, photos: Path, quick_transfer: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(lesson, "transfer_inspector", lambda model, index, whole=lesson.transfer_inspector: (
        made.append(index["split"].tolist()), whole(model, index))[1])  # fmt: skip
    lesson.transfer_models(photos, progress=False)
    monkeypatch.setitem(lesson.TRANSFER_SETTINGS, "last", 1)
    lesson.transfer_models(photos, progress=False)
    assert len(made) == 4
    index = splits.random_split(checks.find_parts(data.index_folder(photos)), seed=1)
    splits.save_split(index, kept_folder(photos) / "split_random.csv")
    lesson.transfer_models(photos, progress=False)
    lesson.transfer_models(photos, progress=False)
    assert made[4:] == [index["split"].tolist()] * 2


@pytest.mark.slow  # a backbone and one epoch of training
def test_nothing_is_kept_of_a_fine_tuning_that_was_stopped(
    work: Path, photos: Path, quick_transfer: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = training.fit

    def stopped(*arguments, **settings) -> pd.DataFrame:
        history = whole(*arguments, **settings)
        history.attrs["interrupted"] = True
        return history

    monkeypatch.setattr(training, "fit", stopped)
    with pytest.raises(CourseError, match="training was stopped, so its network is not kept"):
        lesson.transfer_models(photos, progress=False)
    assert [path.stem for path in kept_folder(photos).glob("*.safetensors")] == ["probe"]


def test_the_decision_is_readable_json(work: Path) -> None:
    path = lesson.save_decision("cells", note="ひび")
    assert json.loads(path.read_text(encoding="utf-8"))["note"] == "ひび"
    assert "ひび" in path.read_text(encoding="utf-8")


def test_photos_added_after_the_split_are_noticed(work: Path, photos: Path) -> None:
    lesson.split_index(photos)
    first = next(photos.glob("*/*.png"))
    shutil.copyfile(first, first.with_stem("added_later"))
    with pytest.raises(CourseError, match=r"1 photos of .* came after it was split"):
        lesson.split_index(photos)
