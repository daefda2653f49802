"""From a folder to an inspector: chosen on validation, tested once, and resumed after an interruption."""

import hashlib
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_lib import evaluation
from course_lib.__main__ import main
from course_lib.commands import candidates
from course_lib.commands import plan as planning
from course_lib.commands import train as training_command
from course_lib.commands.plan import Plan, TimeLimit
from course_lib.commands.prepare import TrainingOptions, prepare
from course_lib.commands.train import Job, train
from course_lib.data import label_numbers
from course_lib.errors import CourseError, Interrupted
from course_lib.evaluation import Predictions
from course_lib.inference import Inspector
from course_lib.models import load_backbone, weights_hash
from course_lib.paths import kept_folder
from course_lib.training import Group, loop, tracking

pytestmark = pytest.mark.usefixtures("few_draws", "work", "one_thread")

SMALL = Plan(20, [64], 64, epochs=2, batch_size=4, probe_seconds=1, seconds=1)


def set_plan(monkeypatch: pytest.MonkeyPatch, plan: Plan = SMALL) -> None:
    """A plan for seconds, as a short time on a slow computer would give."""
    monkeypatch.setattr(training_command, "make_plan", lambda *_: plan)


def make_photos(folder: Path, good: str = "functional", bad: str = "defective") -> Path:
    """Two classes of ten photos; defects are bright spots."""
    generator = np.random.default_rng(0)
    for label, light in ((good, 0), (bad, 120)):
        (folder / label).mkdir(parents=True)
        for number in range(10):
            picture = generator.integers(0, 120, (24, 24), dtype=np.uint8)
            picture[6:18, 6:18] += light
            Image.fromarray(picture).save(folder / label / f"{number}.png")
    return folder


def contents(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


# the whole way, walked once for all tests of this part


@dataclass
class Walk:
    """What the command did, and what was there before."""

    photos: Path
    before: dict[str, str]
    out: Path
    index: pd.DataFrame
    said: str
    looks: list[int]
    runs: pd.DataFrame
    openings: pd.DataFrame
    left_behind: list[Path]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    base = tmp_path_factory.mktemp("walk")
    photos, out = make_photos(base / "photos"), base / "inspector"
    said, looks = StringIO(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_WORK", str(base / "work"))
        patch.setattr("sys.stdout", said)
        set_plan(patch)
        logits = Inspector.logits
        patch.setattr(Inspector, "logits", lambda *given: looks.append(len(given[1])) or logits(*given))
        before = contents(photos)
        assert main(["train", str(photos), "--out", str(out)]) == 0
        openings, left = evaluation.test_openings(photos), list(kept_folder(photos).glob("train-*"))
        index = prepare(photos, TrainingOptions(), progress=False, tell=lambda _: None).index
        return Walk(photos, before, out, index, said.getvalue(), looks, tracking.runs(), openings, left)


@pytest.mark.slow
def test_the_folder_stays_as_it_was_and_nothing_is_left_behind(walk: Walk) -> None:
    assert contents(walk.photos) == walk.before and walk.left_behind == []


@pytest.mark.slow
def test_each_candidate_looks_at_validation_once_and_the_chosen_one_at_the_test_photos(walk: Walk) -> None:
    counts = walk.index["split"].value_counts()
    # At last PyTorch and the ONNX program are compared on validation photos.
    assert walk.looks == [counts["validation"], counts["validation"], counts["test"], counts["validation"]]


@pytest.mark.slow
def test_the_inspector_holds_what_was_chosen_and_where_it_comes_from(walk: Walk) -> None:
    loaded = Inspector.load(walk.out)
    assert loaded.settings.classes == ["functional", "defective"]
    assert loaded.settings.notes["test openings"] == len(walk.openings) == 1
    assert "LICENCE" in loaded.settings.notes["licence of the photos"]
    assert loaded.settings.notes["licence of the pretrained weights"] == load_backbone().licence
    assert loaded.settings.notes["seen at"] == "64 pixels" and loaded.settings.size == 64
    assert [row["size"] for row in loaded.settings.notes["sizes tried"]] == [64, 64, 64]
    assert [row["model"] for row in loaded.settings.notes["validation"]] == ["probe", "fine-tuned"]
    (test,) = loaded.settings.notes["test"]
    assert test["model"] == "threshold 0.50", "both mistakes cost the same"
    assert test["accuracy"] >= 0.8, "bright spots are easy to see"
    assert walk.runs["test_accuracy"].tolist() == [pytest.approx(test["accuracy"], abs=1e-4)]


@pytest.mark.slow
def test_the_command_says_what_it_does(walk: Walk) -> None:
    for words in ("Checking 20 photos", "The positive class is 'defective'.", "Plan: a probe at 64 pixels"):
        assert words in walk.said
    for words in ("Chosen on validation: ", "have now been seen by 1 model(s)", "Report: "):
        assert words in walk.said


@pytest.mark.slow
def test_the_report_says_what_the_inspector_says(walk: Walk) -> None:
    page = walk.out.with_suffix(".html").read_text(encoding="utf-8")
    for words in ("Can this result be believed?", "The test photos were opened", "Candidates on validation"):
        assert words in page
    loaded, test = Inspector.load(walk.out), walk.index[walk.index["split"] == "test"]
    truth = label_numbers(test, loaded.settings.classes)
    said = loaded.inspect([walk.photos / path for path in test["path"]], progress=False)["probability"].to_numpy()
    error = evaluation.expected_calibration_error(truth, said)
    words = f"temperature {loaded.settings.temperature:.2f}"
    assert re.search(rf"<td>{words}[^<]*</td>\s*<td>{error:.3f}</td>", page)


@pytest.mark.slow
def test_predict_takes_the_program_of_the_inspector_and_never_starts_pytorch(walk: Walk) -> None:
    words = ["predict", str(walk.out), str(walk.photos / "defective"), "--csv"]
    code = f"import sys\nfrom course_lib.__main__ import main\nmain({words})\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *rows, with_torch = done.stdout.splitlines()
    assert with_torch == "False" and "PyTorch" not in done.stderr
    said = pd.read_csv(StringIO("\n".join(rows)))
    expected = Inspector.load(walk.out).inspect(walk.photos / "defective", progress=False)
    np.testing.assert_allclose(said["probability"], expected["probability"], atol=1e-3)
    assert said["decision"].tolist() == expected["decision"].tolist()


@pytest.mark.slow
def test_predict_takes_the_inspector(walk: Walk, capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", str(walk.out), str(walk.photos / "defective"), "--csv"]) == 0
    table = pd.read_csv(StringIO(capsys.readouterr().out))
    assert len(table) == 10 and (table["decision"] == "defective").mean() >= 0.8


@pytest.mark.slow
def test_an_inspector_that_is_there_is_replaced_only_if_that_is_wanted(
    walk: Walk, capsys: pytest.CaptureFixture
) -> None:
    assert main(["train", str(walk.photos), "--out", str(walk.out)]) == 2
    assert re.search(
        r"inspector\.safetensors and .*inspector\.html would be replaced; .*--replace", capsys.readouterr().err
    )
    assert training_command._free(walk.out, replace=True).name == "inspector.safetensors"
    with pytest.raises(CourseError, match="does not name an inspector"):
        training_command._free("/", replace=False)


# other folders, and trainings that are stopped


@pytest.fixture
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter takes seconds."""
    monkeypatch.setattr(training_command, "checked_program", lambda *_: None)


@pytest.fixture
def short_report(monkeypatch: pytest.MonkeyPatch, no_program: None) -> None:
    """Only the facts of the report, without the figures, which take seconds."""

    def write(_: dict, path: Path, *, facts: list[str], **__: object) -> Path:
        path.write_text("".join(facts), encoding="utf-8")
        return path

    monkeypatch.setattr(evaluation, "report", write)


@pytest.mark.slow
@pytest.mark.usefixtures("no_program")
def test_three_classes_in_grey_and_colour(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_plan(monkeypatch, replace(SMALL, epochs=0))
    (photos / "scratched").mkdir()
    for number in range(8):
        picture = np.full((30, 50, 3), (200, number, 0), np.uint8)
        picture[number : number + 3] = 0
        Image.fromarray(picture).save(photos / "scratched" / f"{number}.jpg")
    settings = train(photos, tmp_path / "three", progress=False).settings

    assert settings.classes == ["functional", "scratched", "defective"]
    table = Inspector.load(tmp_path / "three").inspect(photos / "scratched", progress=False)
    assert (table["decision"] == "scratched").mean() >= 0.8
    assert "says scratched" in (tmp_path / "three.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("no_program")
def test_two_flowers_are_called_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_plan(monkeypatch, replace(SMALL, epochs=0))
    flowers = make_photos(tmp_path / "flowers", "daisy", "rose")
    options = TrainingOptions(cost_missed=10, positive="rose")
    settings = train(flowers, tmp_path / "inspector", options, progress=False).settings

    page = (tmp_path / "inspector.html").read_text(encoding="utf-8")
    assert "always answers “daisy”" in page and "functional" not in page
    # So few validation photos choose no threshold; the costs alone do.
    assert settings.threshold == pytest.approx(1 / 11)
    assert [row["model"] for row in settings.notes["test"]] == ["threshold 0.09", "threshold 0.50"]


def interrupt_second_validation(monkeypatch: pytest.MonkeyPatch) -> list:
    """Ctrl+C while the second epoch is judged; the list grows with each validation."""
    evaluate, calls = loop.evaluate, []

    def interrupt(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(*arguments, **options)

    monkeypatch.setattr(loop, "evaluate", interrupt)
    return calls


@pytest.mark.slow
def test_an_interrupted_command_goes_on_to_the_same_weights(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_plan(monkeypatch)
    tuned = []

    def keep(job: Job, candidates: dict[str, Inspector], *_: object) -> None:
        tuned.append(weights_hash(candidates["fine-tuned"].model))

    monkeypatch.setattr(training_command, "_finished", keep)
    command = ["train", str(photos), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "another"))
    calls = interrupt_second_validation(monkeypatch)
    assert main(command) == 130 and not list(tmp_path.glob("out.*"))
    assert main(command) == 0
    assert len(calls) == 3, "the first epoch was trained again"
    assert len(tuned) == 2 and tuned[0] == tuned[1] != weights_hash(load_backbone())


@pytest.mark.slow
def test_an_interruption_is_one_sentence_in_a_notebook(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_plan(monkeypatch)
    interrupt_second_validation(monkeypatch)
    with pytest.raises(Interrupted, match="goes on after its last complete epoch"):
        train(photos, tmp_path / "out", progress=False)


@pytest.mark.slow
@pytest.mark.usefixtures("short_report")
def test_a_fine_tuning_that_takes_too_long_ends_early_and_stays_ended(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    set_plan(monkeypatch)
    late, finished = planning.LATE, training_command._finished
    weights = []

    def interrupt(job: Job, candidates: dict[str, Inspector], *rest: object) -> Inspector:
        weights.append(weights_hash(candidates["fine-tuned"].model))
        if len(weights) == 1:
            raise KeyboardInterrupt
        return finished(job, candidates, *rest)

    monkeypatch.setattr(training_command, "_finished", interrupt)
    monkeypatch.setattr(planning, "LATE", 0.0)  # as if the computer had become very slow
    with pytest.raises(KeyboardInterrupt):
        train(photos, tmp_path / "inspector")
    monkeypatch.setattr(planning, "LATE", late)  # when the command is given again, it is quick
    train(photos, tmp_path / "inspector")

    assert capsys.readouterr().out.count("fine-tuning ends after 1 of 2") == 2
    assert weights[0] == weights[1]
    notes = Inspector.load(tmp_path / "inspector").settings.notes
    assert notes["epochs of fine-tuning"] == "1 of 2" and notes["test openings"] == 1
    assert "<td>1 of 2</td>" in (tmp_path / "inspector.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_last_epoch_may_end_late(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    set_plan(monkeypatch, replace(SMALL, epochs=1))
    monkeypatch.setattr(planning, "LATE", 0.0)
    monkeypatch.setattr(training_command, "_finished", lambda job, candidates, history, tell: history)
    assert len(train(photos, tmp_path / "inspector")) == 1
    assert "would take too long" not in capsys.readouterr().out


def test_the_time_runs_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 50.0, 50.0])
    monkeypatch.setattr(planning, "perf_counter", lambda: next(seconds))
    limit = TimeLimit(minutes=1)
    limit({"seconds": 15.0})
    with pytest.raises(training_command.training.StopTraining):
        limit({"seconds": 17.0})


def test_the_plan_knows_how_many_processes_there_are(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, said = [], []
    monkeypatch.setattr(training_command, "current_group", lambda: Group(0, 2))
    monkeypatch.setattr(training_command, "make_plan", lambda *given: told.append(given[-1]) or SMALL)
    training_command._planned(photos, tmp_path / "out", TrainingOptions(), load_backbone(), False, said.append)
    assert told == [2] and "Plan: a probe at 64 pixels" in said[-1]


# what is chosen


def test_the_surer_of_two_candidates_is_chosen_and_calibrated() -> None:
    labels, index = np.array([0, 1] * 10), pd.DataFrame({"path": [f"{n}.png" for n in range(20)]})
    right = np.eye(2)[labels]
    weak = Predictions(right * 0.5 + np.random.default_rng(0).normal(0, 1, right.shape), labels, index)
    strong = Predictions(right * 8 - right[::-1], labels, index)
    name, chosen, table = candidates.chosen({"weak": weak, "strong": strong})
    assert name == "strong" and table["model"].tolist() == ["weak", "strong"]
    assert chosen.logits is strong.logits and chosen.temperature == pytest.approx(0.25, rel=0.01)
