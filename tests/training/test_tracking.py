"""The log of runs: what was written is read back, whatever happened to the file in between."""

import json
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
    tracking.record("ひび", {"rate": np.float32(0.5), "size": 96}, {"accuracy": float("nan")}, history())
    (read,) = tracking.read_runs()

    assert read["name"] == "ひび"
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


@pytest.mark.parametrize("broken", ['{"run": "half\n[1, 2]\n', '{"run": "ha'])
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


def test_each_line_of_the_log_is_json_on_its_own() -> None:
    name = "two\nlines, or\u2028four\x85lines"
    tracking.record(name, {"path": Path("a")})
    line = tracking.log_file().read_bytes().removesuffix(b"\n")
    assert json.loads(line)["name"] == tracking.read_runs()[0]["name"] == name
