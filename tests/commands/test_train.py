"""From a folder to an inspector: any two or more classes, honest about what cannot be used."""

import hashlib
import os
import re
import shutil
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_lib import evaluation
from course_lib.__main__ import main
from course_lib.commands import plan as planning
from course_lib.commands import prepare as preparation
from course_lib.commands import train as training_command
from course_lib.commands.prepare import TrainingOptions, prepare
from course_lib.errors import CourseError, Interrupted
from course_lib.inference import Inspector
from course_lib.models import load_backbone, weights_hash
from course_lib.paths import kept_folder
from course_lib.training import Group, Settings, tracking
from course_lib.training import loop as training

pytestmark = pytest.mark.usefixtures("work", "one_thread")

SMALL = planning.Plan(20, 64, 64, epochs=2, batch_size=4, probe_seconds=1, seconds=1)


@pytest.fixture
def small_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan for seconds, as a short time on a slow computer would give."""
    monkeypatch.setattr(training_command, "make_plan", lambda *_: SMALL)


def contents(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def interrupt_second_validation(monkeypatch: pytest.MonkeyPatch) -> list:
    """Ctrl+C while the second epoch is judged; the list grows with each validation."""
    evaluate, calls = training.evaluate, []

    def interrupt(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(*arguments, **options)

    monkeypatch.setattr(training, "evaluate", interrupt)
    return calls


def quiet(photos: Path, **options) -> pd.DataFrame:
    return prepare(photos, TrainingOptions(**options), progress=False, tell=lambda _: None)


# the whole way


def test_a_folder_becomes_an_inspector_and_stays_as_it_was(photos: Path, tmp_path: Path, small_plan: None) -> None:
    before = contents(photos)
    trained = training_command.train(photos, tmp_path / "inspector", progress=False)
    loaded = Inspector.load(tmp_path / "inspector.safetensors")

    assert contents(photos) == before
    assert loaded.settings.classes == ["functional", "defective"]
    assert trained.candidates["model"].tolist() == ["probe", "fine-tuned"]
    assert trained.test["model"].tolist() == ["threshold 0.50"], "both mistakes cost the same"
    assert trained.test["accuracy"].iloc[0] >= 0.8, "bright spots are easy to see"
    table = loaded.inspect(photos / "defective", progress=False)
    assert (table["decision"] == "defective").mean() >= 0.8
    assert loaded.settings.notes["test openings"] == 1 and len(evaluation.test_openings(photos)) == 1
    assert "LICENCE" in loaded.settings.notes["licence of the photos"]
    assert tracking.runs()["test_accuracy"].tolist() == [trained.test["accuracy"].iloc[0]]
    assert not list(kept_folder(photos).glob("train-*")), "work files are left behind"
    page = (tmp_path / "inspector.html").read_text(encoding="utf-8")
    assert "The test photos were opened" in page and "Candidates on validation" in page
    pixels = training_command._pixels_of(trained.index, "test", loaded, False)
    truth = preparation.label_numbers(trained.index)[trained.index["split"] == "test"]
    chosen = loaded.settings.temperature
    for name, temperature in (("as trained", 1.0), (f"temperature {chosen:.2f}", chosen)):
        said = evaluation.softmax(loaded.logits(pixels), temperature)[:, 1]
        error = evaluation.expected_calibration_error(truth, said)
        assert re.search(rf"<td>{name}[^<]*</td>\s*<td>{error:.3f}</td>", page), name


def test_the_command_makes_an_inspector_that_predict_can_use(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    generator = np.random.default_rng(0)
    for label, light in (("good", 0), ("bad", 120)):
        (tmp_path / "parts" / label).mkdir(parents=True)
        for number in range(20):
            picture = generator.integers(0, 120, (24, 24), dtype=np.uint8)
            picture[6:18, 6:18] += light
            Image.fromarray(picture).save(tmp_path / "parts" / label / f"{number}.png")
    out = str(tmp_path / "inspector")
    command = ["train", str(tmp_path / "parts"), "--out", out, "--minutes", "0.05"]
    assert main(command) == 0
    assert "The positive class is 'bad'." in capsys.readouterr().out
    assert "Inspector of parts" in (tmp_path / "inspector.html").read_text(encoding="utf-8")
    assert main(["predict", out, str(tmp_path / "parts" / "bad"), "--csv"]) == 0
    table = pd.read_csv(StringIO(capsys.readouterr().out))
    assert len(table) == 20 and (table["decision"] == "bad").mean() >= 0.8
    assert main(command) == 2
    assert "would be replaced" in capsys.readouterr().err


def test_the_interrupted_command_goes_on_to_the_same_inspector(
    photos: Path, tmp_path: Path, small_plan: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = training_command._choose
    monkeypatch.setattr(  # the probe needs no training that could be interrupted
        training_command, "_choose", lambda found, *rest: choose({"tuned": found["fine-tuned"]}, *rest)
    )
    command = ["train", str(photos), "--out"]
    assert main([*command, str(tmp_path / "whole")]) == 0

    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "another"))
    calls = interrupt_second_validation(monkeypatch)
    assert main([*command, str(tmp_path / "parts")]) == 130
    assert not (tmp_path / "parts.safetensors").exists()
    assert main([*command, str(tmp_path / "parts")]) == 0
    assert len(calls) == 3, "the first epoch was trained again"
    whole, parts = (Inspector.load(tmp_path / name) for name in ("whole", "parts"))
    assert weights_hash(parts.model) == weights_hash(whole.model)


def test_a_fine_tuning_that_takes_too_long_ends_early_and_stays_ended(
    photos: Path, tmp_path: Path, small_plan: None, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    late, choose = planning.LATE, training_command._choose
    weights = []

    def interrupt(candidates: dict, *rest):
        weights.append(weights_hash(candidates["fine-tuned"].model))
        if len(weights) == 1:
            raise KeyboardInterrupt
        return choose(candidates, *rest)

    monkeypatch.setattr(training_command, "_choose", interrupt)
    monkeypatch.setattr(planning, "LATE", 0.0)  # as if the computer had become very slow
    with pytest.raises(KeyboardInterrupt):
        training_command.train(photos, tmp_path / "inspector")
    monkeypatch.setattr(planning, "LATE", late)  # when the command is given again, it is quick
    trained = training_command.train(photos, tmp_path / "inspector")

    assert capsys.readouterr().out.count("fine-tuning ends after 1 of 2") == 2
    assert len(trained.history) == 1 and weights[0] == weights[1]
    notes = Inspector.load(tmp_path / "inspector").settings.notes
    assert notes["epochs of fine-tuning"] == "1 of 2" and notes["test openings"] == 1
    assert "<td>1 of 2</td>" in (tmp_path / "inspector.html").read_text(encoding="utf-8")


def test_the_last_epoch_may_end_late(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(training_command, "make_plan", lambda *_: replace(SMALL, epochs=1))
    monkeypatch.setattr(planning, "LATE", 0.0)
    trained = training_command.train(photos, tmp_path / "inspector")
    assert "would take too long" not in capsys.readouterr().out
    assert trained.inspector.settings.notes["epochs of fine-tuning"] == "1 of 1"


@pytest.mark.parametrize(("cost", "threshold"), [(1.0, 0.5), (10.0, 1 / 11)])
def test_a_dear_missed_defect_lowers_the_threshold(photos: Path, work: Path, cost: float, threshold: float) -> None:
    index, options = quiet(photos), TrainingOptions(cost_missed=cost)
    labels = preparation.label_numbers(index)
    inspector = training_command._probe(index, labels, load_backbone(), SMALL, options, False)
    found = training_command._with_threshold(inspector, index, labels, options, False)
    assert found.settings.threshold == pytest.approx(threshold)


def test_an_interrupted_training_goes_on_to_the_same_weights(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, backbone = quiet(photos), load_backbone()
    labels = preparation.label_numbers(index)

    def tune(folder: Path):
        folder.mkdir(exist_ok=True)
        watch = planning.Watch(minutes=1e6)
        return training_command._fine_tune(index, labels, SMALL, TrainingOptions(), folder, watch, False)[0]

    whole = tune(tmp_path / "whole")
    interrupt_second_validation(monkeypatch)
    with pytest.raises(Interrupted, match="goes on after its last complete epoch"):
        tune(tmp_path / "parts")
    resumed = tune(tmp_path / "parts")

    assert weights_hash(resumed.model) == weights_hash(whole.model)
    assert weights_hash(resumed.model.backbone) != weights_hash(backbone), "nothing was learned"


def test_three_classes_in_grey_and_colour(photos: Path, tmp_path: Path, small_plan: None) -> None:
    (photos / "scratched").mkdir()
    for number in range(8):
        picture = np.full((30, 50, 3), (200, number, 0), np.uint8)
        picture[number : number + 3] = 0
        Image.fromarray(picture).save(photos / "scratched" / f"{number}.jpg")
    trained = training_command.train(photos, tmp_path / "three", progress=False)

    assert trained.inspector.settings.classes == ["functional", "scratched", "defective"]
    table = Inspector.load(trained.path).inspect(photos / "scratched", progress=False)
    assert (table["decision"] == "scratched").mean() >= 0.8
    assert "says scratched" in (tmp_path / "three.html").read_text(encoding="utf-8")


def test_two_flowers_are_called_by_their_names(photos: Path, tmp_path: Path, small_plan: None) -> None:
    (photos / "functional").rename(photos / "daisy")
    (photos / "defective").rename(photos / "rose")
    options = TrainingOptions(cost_missed=10, positive="rose")
    trained = training_command.train(photos, tmp_path / "flowers", options, progress=False)

    page = (tmp_path / "flowers.html").read_text(encoding="utf-8")
    assert "always answers “daisy”" in page and "functional" not in page
    assert f"At threshold {trained.inspector.settings.threshold:.2f}" in page


# what can be used


def test_unreadable_photos_stop_the_training_with_their_names(photos: Path) -> None:
    (photos / "defective" / "3.png").write_bytes(b"no photo")
    with pytest.raises(CourseError, match=r"1 photos cannot be used: defective/3\.png .*set-aside"):
        quiet(photos)
    index = quiet(photos, set_aside=True)
    assert "defective/3.png" not in set(index["path"]) and len(index) == 19
    assert list(index.attrs["left_out"]) == ["defective/3.png"]
    assert (photos / "defective" / "3.png").exists(), "it is left out, not moved"


def test_a_name_that_is_no_text_is_refused_like_a_photo_that_cannot_be_read(photos: Path) -> None:
    (photos / "defective" / "3.png").rename(photos / "defective" / "3\n.png")
    with pytest.raises(CourseError, match="letters that are no text; rename it"):
        quiet(photos)
    assert len(quiet(photos, set_aside=True)) == 19


def test_of_equal_photos_one_is_used_and_none_if_their_labels_differ(photos: Path) -> None:
    shutil.copy(photos / "defective" / "1.png", photos / "defective" / "1_copy.png")
    shutil.copy(photos / "defective" / "2.png", photos / "functional" / "two.png")
    index = quiet(photos)
    used = set(index["path"])
    assert len(used & {"defective/1.png", "defective/1_copy.png"}) == 1
    assert not used & {"defective/2.png", "functional/two.png"}


@pytest.mark.parametrize("place", [".", "_all"])
def test_copies_outside_the_classes_do_not_matter(photos: Path, place: str) -> None:
    (photos / place).mkdir(exist_ok=True)
    for label in ("defective", "functional"):
        for file in (photos / label).glob("*.png"):
            shutil.copy(file, photos / place / f"{label[0]}{file.name}")
    index = quiet(photos)
    assert len(index) == 20 and not index.attrs["left_out"]
    assert not [text for text in index.attrs["remarks"] if "photo of another class" in text]


def test_copies_of_a_file_that_is_no_photo_of_the_index_are_one_photo(photos: Path) -> None:
    for name in ("1.jfif", "1_copy.png"):
        shutil.copy(photos / "defective" / "1.png", photos / "defective" / name)
    left_out = quiet(photos).attrs["left_out"]
    assert left_out == {"defective/1_copy.png": "the same photo as defective/1.png"}
    (photos / "defective" / "1.png").unlink()
    assert not quiet(photos).attrs["left_out"]


@pytest.mark.skipif(os.name == "nt", reason="on Windows links need special rights")
def test_a_class_that_is_a_link_is_checked(photos: Path, tmp_path: Path) -> None:
    (photos / "defective").rename(tmp_path / "elsewhere")
    (photos / "defective").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "3.png").write_bytes(b"no photo")
    with pytest.raises(CourseError, match=r"1 photos cannot be used: defective/3\.png"):
        quiet(photos)


def test_photos_with_more_than_8_bit_and_of_foreign_formats_are_counted(photos: Path) -> None:
    for number in range(3):
        values = np.random.default_rng(number).integers(0, 4096, (40, 40), dtype=np.uint16)
        Image.fromarray(values).save(photos / "defective" / f"{number}.png")
    (photos / "defective" / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (photos / "defective" / "b.cr2").write_bytes(b"II*\0" + bytes(100))
    remarks = " ".join(quiet(photos).attrs["remarks"])
    assert "3 photos have more than 8 bit (odd mode: 16 bit" in remarks
    assert "2 files are not used, because of their format or its ending (.cr2, .heic)" in remarks


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_folder_whose_name_is_no_text_is_refused(photos: Path) -> None:
    with pytest.raises(CourseError, match="letters that are no text; rename it"):
        quiet(photos.rename(os.fsdecode(bytes(photos) + b"\xff")))


def test_nearly_equal_photos_stay_in_one_split() -> None:
    index = pd.DataFrame({"path": list("abcdefghij"), "label": ["x", "y"] * 5})
    index["split"] = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    moved = preparation._keep_copies_together(index, [("e", "i"), ("b", "a")])
    assert moved["split"].tolist() == ["train"] * 4 + ["test", "train"] + index["split"].tolist()[6:]


def test_photos_that_are_all_alike_are_split_and_reported(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    part = generator.integers(0, 200, (64, 64), dtype=np.uint8)
    for label, light in (("good", 0), ("bad", 20)):
        (tmp_path / label).mkdir()
        for number in range(12):
            Image.fromarray(part + np.uint8(light + number)).save(tmp_path / label / f"{number}.png")
    index = quiet(tmp_path)
    assert index.groupby("label")["split"].nunique().tolist() == [3, 3]
    assert any("nearly equal photos are in two splits" in text for text in index.attrs["remarks"])


def test_photos_of_one_lot_stay_together(photos: Path) -> None:
    for file in photos.glob("*/*.png"):
        file.rename(file.with_name(f"lot{int(file.stem) % 5}_{file.name}"))
    index = quiet(photos, lot_pattern=r"lot(\d+)_")
    assert sorted(index["lot"].unique()) == list("01234")
    assert (index.groupby("lot")["split"].nunique() == 1).all()
    with pytest.raises(CourseError, match="finds nothing in"):
        quiet(photos, lot_pattern=r"batch\d")


def test_a_pattern_with_alternatives_finds_every_lot() -> None:
    paths = pd.Series(["lot1.png", "charge2.png", "lot_.png"])
    found = preparation._lots_from_names(paths, r"lot(\d+)|charge(\d+)|lot_")
    assert found.tolist() == ["1", "2", "lot_"]
    told = preparation._lots_in_words(pd.Series(list("aabcdefff")))
    assert told.startswith("6 lots: f (3 photos), a (2 photos), ") and told.endswith(", ….")


def test_lots_of_one_class_each_say_what_to_do(photos: Path) -> None:
    for file in photos.glob("*/*.png"):
        file.rename(file.with_name(f"lot{file.parent.name[0]}{int(file.stem) % 2}_{file.name}"))
    with pytest.raises(CourseError, match=r"4 lots .* another --seed, .*leave out --lot-pattern"):
        quiet(photos, lot_pattern=r"lot(..)_")


def test_a_lot_column_is_used_and_must_be_complete(photos: Path) -> None:
    paths = sorted(path.relative_to(photos).as_posix() for path in photos.glob("*/*.png"))
    table = pd.DataFrame({"path": paths, "lot": [f"L{n % 5}" for n in range(len(paths))]})
    table.to_csv(photos / "index.csv", index=False)
    assert (quiet(photos).groupby("lot")["split"].nunique() == 1).all()
    table.iloc[1:].to_csv(photos / "index.csv", index=False)
    with pytest.raises(CourseError, match=r"has no lot in index\.csv"):
        quiet(photos)


def test_a_class_that_is_too_small_is_named(photos: Path) -> None:
    for number in range(7):
        (photos / "defective" / f"{number}.png").unlink()
    with pytest.raises(CourseError, match=r"class 'defective' has 3 usable photos.* at least 4"):
        prepare(photos, TrainingOptions(), tell=lambda text: pytest.fail(f"too late: {text}"))


@pytest.mark.parametrize("count", [4, 5, 6, 7, 8, 9])
def test_a_tiny_class_is_in_every_split(photos: Path, count: int) -> None:
    for number in range(count, 10):
        (photos / "defective" / f"{number}.png").unlink()
    assert quiet(photos).groupby("label")["split"].nunique().tolist() == [3, 3]


def test_folders_of_splits_are_not_taken_for_classes(photos: Path) -> None:
    (photos / "defective").rename(photos / "train")
    (photos / "functional").rename(photos / "Test")
    with pytest.raises(CourseError, match="not classes; train on the folder"):
        quiet(photos)


def test_of_folders_of_splits_the_one_with_classes_is_named(photos: Path, tmp_path: Path) -> None:
    collection = tmp_path / "collection"  # as those of MVTec
    shutil.copytree(photos, collection / "test")
    shutil.copytree(photos / "functional", collection / "train" / "good")
    shutil.copytree(photos / "defective", collection / "ground_truth" / "broken")
    with pytest.raises(CourseError, match=r"named test and train, not .*collection/test, and keep"):
        quiet(collection)


@pytest.mark.parametrize(
    ("names", "wanted", "expected"),
    [
        (["good", "bad"], None, (["good", "bad"], True)),
        (["OK", "NG"], None, (["OK", "NG"], True)),
        (["ok", "not_ok"], None, (["ok", "not_ok"], True)),
        (["defect", "no defect"], None, (["no defect", "defect"], True)),
        (["Negative", "Positive"], None, (["Negative", "Positive"], True)),
        (["rose", "tulip"], None, (["rose", "tulip"], False)),
        (["rose", "tulip"], "rose", (["tulip", "rose"], True)),
        (["defective", "dent", "ok"], None, (["dent", "ok", "defective"], True)),
        (["良品", "不良"], None, (["良品", "不良"], True)),
        (["NG", "良品"], None, (["良品", "NG"], True)),
        (["gut", "defekt"], None, (["gut", "defekt"], True)),
        (["whole", "broken"], None, (["whole", "broken"], True)),
        (["defect", "defect_free"], None, (["defect_free", "defect"], True)),
        (["crack", "noncrack"], None, (["noncrack", "crack"], True)),
        (["cracked", "unbroken"], None, (["unbroken", "cracked"], True)),
        (["Undamaged", "Damaged"], None, (["Undamaged", "Damaged"], True)),
        (["functional", "nonfunctional"], None, (["functional", "nonfunctional"], True)),
        (["no_screw", "screw"], None, (["no_screw", "screw"], False)),
        (["even", "uneven"], None, (["even", "uneven"], False)),
        (["burr", "no_burr"], None, (["no_burr", "burr"], True)),
        (["dirty", "not_dirty"], None, (["not_dirty", "dirty"], True)),
        (["cracked", "ok_crack_free"], None, (["ok_crack_free", "cracked"], True)),
        (["not_ok_crack", "ok"], None, (["ok", "not_ok_crack"], True)),
        (["conforming", "non-conforming"], None, (["conforming", "non-conforming"], True)),
    ],
)
def test_the_positive_class_is_found_and_comes_last(names, wanted, expected) -> None:
    assert preparation._classes(pd.DataFrame({"label": names}), wanted) == expected


def test_a_cost_needs_two_classes_of_which_one_is_known_as_the_defect(photos: Path) -> None:
    (photos / "functional").rename(photos / "rose")
    (photos / "defective").rename(photos / "tulip")
    with pytest.raises(CourseError, match=r"Nothing tells which of rose and tulip .*--positive"):
        quiet(photos, cost_missed=10)
    assert quiet(photos, cost_missed=10, positive="rose").attrs["classes"] == ["tulip", "rose"]
    shutil.copytree(photos / "rose", photos / "daisy")
    with pytest.raises(CourseError, match=r"only where there are two classes.*--cost-missed"):
        quiet(photos, cost_missed=10, positive="rose")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"minutes": 0}, "no time to train in"),
        ({"minutes": float("nan")}, "no time to train in"),
        ({"cost_missed": -1}, "cannot cost -1"),
        ({"seed": -1}, "The seed -1 cannot start"),
        ({"seed": 2**32}, "The seed 4294967296 cannot start"),
        ({"lot_pattern": "("}, "no regular expression"),
        ({"minutes": -1}, "no time to train in"),
        ({"positive": "broken"}, "the classes are defective, functional"),
    ],
)
def test_an_impossible_option_is_one_sentence(photos: Path, tmp_path: Path, options: dict, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        training_command.train(photos, tmp_path / "out", TrainingOptions(**options), progress=False)


def test_results_that_are_there_are_replaced_only_if_that_is_wanted(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.html").write_text("mine")
    with pytest.raises(CourseError, match=r"out\.html would be replaced; .*--replace"):
        training_command._check_options(TrainingOptions(), tmp_path / "out", replace=False)
    training_command._check_options(TrainingOptions(), tmp_path / "out", replace=True)


# the plan


def test_the_plan_keeps_to_the_time_and_is_kept(photos: Path, tmp_path: Path) -> None:
    index, backbone = quiet(photos), load_backbone()
    before = weights_hash(backbone)
    plans = {}
    for minutes in (0.001, 60):
        folder = tmp_path / str(minutes)
        folder.mkdir()
        options = TrainingOptions(minutes=minutes)
        plans[minutes] = planning.make_plan(index, backbone, options, folder)
        assert planning.make_plan(index, backbone, options, folder) == plans[minutes]
    assert plans[0.001].epochs == 0 and plans[0.001].probe_size == 64
    assert plans[60].epochs > 0 and plans[60].probe_seconds + plans[60].seconds < 3600
    assert weights_hash(backbone) == before, "measuring has changed the backbone"


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """A thousand photos, on a computer of eight cores whose speed is known."""
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    monkeypatch.setattr(planning, "_reading_seconds", lambda _: 1e-3)
    monkeypatch.setattr(planning, "_fastest_settings", lambda *_: Settings())
    monkeypatch.setattr(planning, "_seconds_per_pixel", lambda *_: (1e-7, 1e-6))
    monkeypatch.setattr("course_lib.device.cores", lambda: 8)
    index = pd.DataFrame({"split": ["train"] * 700 + ["validation"] * 150 + ["test"] * 150})
    index.attrs["classes"] = ["functional", "defective"]
    return index


def plan_for(index: pd.DataFrame, folder: Path, processes: int) -> planning.Plan:
    folder.mkdir()
    options = TrainingOptions(minutes=5)
    return planning.make_plan(index, load_backbone(), options, folder, processes)


def test_fine_tuning_computes_as_was_found_fastest_also_when_it_is_resumed(
    many: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan_for(many, tmp_path / "plain", 1).channels_last is None, "as fit does by itself"
    monkeypatch.setattr(planning, "_fastest_settings", lambda *_: Settings("bfloat16", channels_last=True))
    plan = plan_for(many, tmp_path / "plan", 1)
    assert (plan.precision, plan.channels_last) == ("bfloat16", True)
    monkeypatch.setattr(planning, "_fastest_settings", lambda *_: Settings())
    assert planning.make_plan(many, load_backbone(), TrainingOptions(minutes=5), tmp_path / "plan") == plan


@pytest.mark.parametrize(("cores", "times"), [(8, 2), (2, 2), (1, 1)])
def test_two_processes_do_twice_as_much_in_the_same_time_if_each_has_a_core(
    many: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, times: int
) -> None:
    monkeypatch.setattr("course_lib.device.cores", lambda: cores)
    one, two = (plan_for(many, tmp_path / str(count), count) for count in (1, 2))
    assert one.size == two.size == 224 and 0 <= two.epochs - times * one.epochs < times
    assert 0.6 * 300 < two.seconds + two.probe_seconds < 300


def test_every_process_needs_memory_for_itself(many: pd.DataFrame, tmp_path: Path) -> None:
    plan = plan_for(many, tmp_path / "plan", 2)
    one, two = (
        float(re.search(r"about ([\d.]+) GB of memory", planning.announcement(plan, many, n)[1])[1]) for n in (1, 2)
    )
    assert two - one == pytest.approx(1.1, abs=0.11)


def test_the_plan_knows_how_many_processes_there_are(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, said = [], []
    monkeypatch.setattr(training_command, "current_group", lambda: Group(0, 2))
    monkeypatch.setattr(training_command, "make_plan", lambda *given: told.append(given[4]) or SMALL)
    training_command._plan(photos, tmp_path / "out", TrainingOptions(), False, False, said.append)
    assert told == [2] and "up to about 2.6 GB" in said[-1]


def test_a_sample_keeps_every_class_in_every_split(photos: Path) -> None:
    index = quiet(photos)
    smaller = preparation.sample(index, 8, seed=0)
    assert 8 <= len(smaller) <= 12 and smaller.attrs["classes"] == index.attrs["classes"]
    assert smaller.groupby("label")["split"].nunique().tolist() == [3, 3]


def test_a_damaged_plan_is_made_anew(photos: Path, tmp_path: Path) -> None:
    index, options = quiet(photos), TrainingOptions(minutes=0.1)
    (tmp_path / "plan.json").write_text('{"photos": 1')
    plan = planning.make_plan(index, load_backbone(), options, tmp_path)
    assert plan.photos == len(index)
    assert planning.make_plan(index, load_backbone(), options, tmp_path) == plan
