"""The log of runs: what was written is read back, whatever happened to the file in between."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course_lib.errors import CourseError
from course_lib.training import tracking

pytestmark = pytest.mark.usefixtures("work")


def history(epochs: int = 3) -> pd.DataFrame:
    numbers = np.arange(1, epochs + 1)
    return pd.DataFrame({"epoch": numbers, "validation_accuracy": 1 - 1 / (numbers + 1)})


def test_a_run_comes_back_with_settings_results_history_and_environment() -> None:
    written = tracking.record("ひび", {"rate": np.float32(0.5), "size": 96}, {"accuracy": float("nan")}, history())
    (read,) = tracking.read_runs()

    assert read == written
    assert read["settings"] == {"rate": 0.5, "size": 96} and read["results"] == {"accuracy": None}
    assert [row["epoch"] for row in read["history"]] == [1, 2, 3]
    assert read["environment"]["torch"] and read["environment"]["device"]


def test_the_table_has_a_row_for_each_run_and_a_column_for_each_setting() -> None:
    assert tracking.runs().empty
    tracking.record("first", {"seed": 0}, {"accuracy": 0.8}, history())
    tracking.record("second", {"turns": True})
    table = tracking.runs()

    assert table["name"].tolist() == ["first", "second"]
    assert table["epochs_done"].tolist() == [3, 0]
    assert table["accuracy"][0] == 0.8 and pd.isna(table["accuracy"][1])
    assert table["run"].is_unique


@pytest.mark.parametrize("broken", ['{"run": "half\n[1, 2]\n{}\n', '{"run": "ha'])
def test_a_broken_line_costs_no_other_run(broken: str) -> None:
    tracking.record("first", {})
    with tracking.log_file().open("a") as file:
        file.write(broken)
    tracking.record("second", {})
    assert tracking.runs()["name"].tolist() == ["first", "second"]


def test_a_log_that_cannot_be_written_is_one_sentence() -> None:
    tracking.log_file().mkdir(parents=True)
    with pytest.raises(CourseError, match=r"work/runs\.jsonl cannot be written"):
        tracking.record("first", {})


def test_runs_are_drawn_with_their_names(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(CourseError, match="record one"):
        tracking.plot_runs(alt="Accuracy by epoch.")
    tracking.record("flips", {}, history=history())
    tracking.plot_runs(alt="Accuracy by epoch.")
    assert "Accuracy by epoch." in capsys.readouterr().out


def test_tensorboard_reads_the_numbers_of_the_run(work: Path) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = tracking.record("flips/turns", {"seed": 0}, {"test_accuracy": 0.7}, history())
    assert tracking.send(run) == "tensorboard --logdir work/tensorboard"
    (folder,) = (work / "tensorboard").iterdir()
    events = event_accumulator.EventAccumulator(str(folder))
    events.Reload()

    accuracies = {event.step: event.value for event in events.Scalars("validation_accuracy")}
    assert accuracies == pytest.approx({1: 0.5, 2: 2 / 3, 3: 0.75})
    assert events.Scalars("result/test_accuracy")[0].value == pytest.approx(0.7)


def test_without_tensorboard_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(CourseError, match="pip install tensorboard"):
        tracking.send(tracking.record("a try", {}))


def test_each_line_of_the_log_is_json_on_its_own() -> None:
    name = "two\nlines, or\u2028four\x85lines"
    tracking.record(name, {"path": Path("a")})
    line = tracking.log_file().read_bytes().removesuffix(b"\n")
    assert json.loads(line)["name"] == tracking.read_runs()[0]["name"] == name
