"""A log of every training run: what was tried, where, and what came of it (lesson 10).

The log is one text file, ``work/runs.jsonl``, one line for each run. It stays on this computer; `send`
shows a run in TensorBoard if you have installed it.
"""

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from uuid import uuid4

import pandas as pd

from course_lib import device, plots
from course_lib.errors import CourseError
from course_lib.paths import append_json_line, make_folder, plain, read_json_lines, shorten, work_folder


def log_file() -> Path:
    """Where the runs are written down."""
    return work_folder() / "runs.jsonl"


def record(name: str, settings: dict, results: dict | None = None, history: pd.DataFrame | None = None) -> dict:
    """Write down one run: a line is added to the log.

    Args:
        name: a few words, such as "flips, 3 epochs"; runs may share a name.
        settings: what you chose, such as ``{"learning_rate": 1e-3, "seed": 0}``.
        results: what came of it, such as ``{"validation_accuracy": 0.89}``.
        history: from `course_lib.training.fit`.

    Returns:
        The run as it was written, with its ``run`` number, time and environment.

    Raises:
        CourseError: the log cannot be written to.
    """
    run = {
        "run": uuid4().hex[:8],
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "name": name,
        "settings": settings,
        "results": results or {},
        "environment": environment(),
        "history": [] if history is None else history.to_dict("records"),
    }
    append_json_line(log_file(), run := plain(run))
    return run


def environment() -> dict[str, str]:
    """On what a run was computed: results of two machines may differ by a point.

    Example:
        >>> sorted(environment())
        ['course', 'device', 'python', 'system', 'torch', 'torchvision']
    """
    facts = {
        "device": device.describe(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    packages = {"torch": "torch", "torchvision": "torchvision", "course": "visual-inspection-course"}
    for name, package in packages.items():
        try:
            facts[name] = version(package)
        except PackageNotFoundError:
            facts[name] = "not installed"
    return facts


def read_runs() -> list[dict]:
    """All runs of the log with their histories, the oldest first.

    A line that was broken off, by a power cut for example, is passed over.
    """
    needed = {"run", "name", "settings", "results", "history"}
    return [run for run in read_json_lines(log_file()) if needed <= set(run)]


def runs() -> pd.DataFrame:
    """All runs as a table.

    Returns:
        One row for each run, the oldest first: ``run``, ``when``, ``name``, then a column for
        each setting and each result that any run has, then ``epochs_done``, ``device``.
    """
    rows = [
        {key: run.get(key) for key in ("run", "when", "name")}
        | run["settings"]
        | run["results"]
        | {"epochs_done": len(run["history"]), "device": run.get("environment", {}).get("device")}
        for run in read_runs()
    ]
    return pd.DataFrame(rows, columns=None if rows else ["run", "when", "name"])


def plot_runs(measure: str = "validation_accuracy", last: int = 6, *, alt: str) -> None:
    """Show how a measure went over the epochs of the latest runs.

    Args:
        measure: a column of the history.
        last: how many runs; those without this measure are left out.
        alt: alternative text.

    Raises:
        CourseError: no run has this measure.
    """
    chosen = [run for run in read_runs() if run["history"] and measure in run["history"][0]][-last:]
    if not chosen:
        raise CourseError(
            f"No run in {shorten(log_file())} has a history with '{measure}'; record one with "
            "record(…, history=history), or choose another measure."
        )
    figure, axis = plots.new_axis()
    names = [run["name"] for run in chosen]
    for number, run in enumerate(chosen):
        epochs = [row["epoch"] for row in run["history"]]
        values = [row[measure] for row in run["history"]]
        same = names.count(run["name"]) > 1
        label = f"{run['name']} ({run['run'][:4]})" if same else run["name"]
        axis.plot(epochs, values, marker="osD^vP"[number % 6], color=plots.COLOURS[number % 6], label=label)
    axis.set(xlabel="epoch", ylabel=measure.replace("_", " "))
    axis.locator_params(axis="x", integer=True)
    axis.legend(fontsize=8)
    plots.show(figure, alt)


def send(run: dict) -> str:
    """Show one run in TensorBoard as well, if it is installed; nothing leaves this computer.

    Args:
        run: from `record` or `read_runs`.

    Returns:
        How to look at it.

    Raises:
        CourseError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise CourseError(
            "TensorBoard is not installed, and you do not need it: runs() shows the same table. To use it, run: "
            "pip install tensorboard"
        ) from error
    folder, name = make_folder(work_folder() / "tensorboard"), f"{run['name']}-{run['run']}".replace("/", "-")
    results = {"epoch": len(run["history"])} | {f"result/{name}": value for name, value in run["results"].items()}
    with SummaryWriter(str(folder / name)) as writer:
        writer.add_text("settings", json.dumps(run["settings"], ensure_ascii=False))
        for row in [*run["history"], results]:
            for measure, value in row.items():
                if isinstance(value, int | float) and measure != "epoch":
                    writer.add_scalar(measure, value, row["epoch"])
    return f"tensorboard --logdir {shorten(folder)}"
