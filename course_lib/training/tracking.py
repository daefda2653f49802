"""A log of every training run: what was tried, where, and what came of it.

Introduced in lesson 10. The log is one text file, ``work/runs.jsonl``, one line for each run. It
stays on this computer; `send` shows a run in another tracker if you have installed one.
"""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd

from course_lib.errors import CourseError
from course_lib.paths import make_folder, shorten, work_folder

TRACKERS = ("tensorboard", "trackio", "wandb")


def log_file() -> Path:
    """Where the runs are written down."""
    return work_folder() / "runs.jsonl"


def record(name: str, settings: dict, results: dict | None = None, history: pd.DataFrame | None = None) -> dict:
    """Write down one run: a line is added to the log (lesson 10).

    Args:
        name: a few words, such as "flips, 3 epochs"; runs may share a name.
        settings: what you chose, such as ``{"learning_rate": 1e-3, "seed": 0}``.
        results: what came of it, such as ``{"validation_accuracy": 0.89}``.
        history: from `course_lib.training.fit`.

    Returns:
        The run as it was written, with its ``run`` number, time and environment.
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
    line = json.dumps(_plain(run), ensure_ascii=False)
    make_folder(log_file().parent)
    try:
        with log_file().open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(("" if _ends_with_a_line() else "\n") + line + "\n")
    except OSError as error:
        raise CourseError(
            f"The log {shorten(log_file())} cannot be written to ({error.strerror}); allow writing "
            "there or set COURSE_WORK to another folder."
        ) from error
    return json.loads(line)


def _ends_with_a_line() -> bool:
    """Whether the log is whole: a line that was broken off must not spoil the next one."""
    with log_file().open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def environment() -> dict[str, str]:
    """On what a run was computed: results of two machines may differ by a point (lesson 10).

    Example:
        >>> sorted(environment())
        ['course', 'device', 'python', 'system', 'torch', 'torchvision']
    """
    from course_lib import device

    return {
        "device": device.describe(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "torchvision": version("torchvision"),
        "course": _version("visual-inspection-course"),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _plain(value):
    """NumPy's numbers as JSON knows them; "not a number" as None, which JSON knows too."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def read_runs() -> list[dict]:
    """All runs of the log with their histories, the oldest first (lesson 10).

    A line that was broken off, by a power cut for example, is passed over.
    """
    if not log_file().exists():
        return []
    found = []
    # Not splitlines, which also cuts at U+2028 and U+0085: JSON leaves them inside a text.
    for line in log_file().read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            run = json.loads(line)
        except ValueError:
            continue
        if isinstance(run, dict) and {"run", "name", "settings", "results", "history"} <= set(run):
            found.append(run)
    return found


def runs() -> pd.DataFrame:
    """All runs as a table (lesson 10).

    Returns:
        One row for each run, the oldest first: ``run``, ``when``, ``name``, then a column for
        each setting and each result that any run has, then ``epochs_done``, ``device``.
    """
    rows = [
        {key: run.get(key) for key in ("run", "when", "name")}
        | run["settings"]
        | run["results"]
        | {"epochs_done": len(run["history"])}
        | {"device": run.get("environment", {}).get("device")}
        for run in read_runs()
    ]
    return pd.DataFrame(rows, columns=None if rows else ["run", "when", "name"])


def plot_runs(measure: str = "validation_accuracy", last: int = 6, *, alt: str) -> None:
    """Show how a measure went over the epochs of the latest runs (lesson 10).

    Args:
        measure: a column of the history.
        last: how many runs; those without this measure are left out.
        alt: alternative text.

    Raises:
        CourseError: no run has this measure.
    """
    from course_lib import plots

    chosen = [run for run in read_runs() if run["history"] and measure in run["history"][0]]
    if not chosen:
        raise CourseError(
            f"No run in {shorten(log_file())} has a history with '{measure}'; record one with "
            "record(…, history=history), or choose another measure."
        )
    figure, axes = plots.new_figure()
    axis = axes[0, 0]
    chosen = chosen[-last:]
    names = [run["name"] for run in chosen]
    for number, run in enumerate(chosen):
        epochs = [row["epoch"] for row in run["history"]]
        values = [row[measure] for row in run["history"]]
        same = names.count(run["name"]) > 1
        label = f"{run['name']} ({run['run'][:4]})" if same else run["name"]
        mark, colour = "osD^vP"[number % 6], plots.COLOURS[number % 6]
        axis.plot(epochs, values, marker=mark, color=colour, label=label)
    axis.set_xlabel("epoch")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_ylabel(measure.replace("_", " "))
    axis.legend(fontsize=8)
    plots.show(figure, alt)


def send(run: dict, tracker: str = "tensorboard", online: bool = False) -> str:
    """Show one run in another tracker as well, if it is installed (lesson 10).

    Args:
        run: from `record` or `read_runs`.
        tracker: "tensorboard", "trackio" or "wandb" (Weights & Biases).
        online: for Weights & Biases only: send it to its server. By default it stays here.

    Returns:
        How to look at it.

    Raises:
        CourseError: an unknown tracker, or one that is not installed.
    """
    if tracker not in TRACKERS:
        raise CourseError(f"The tracker '{tracker}' is unknown; choose one of {', '.join(TRACKERS)}.")
    if find_spec(tracker) is None:
        raise CourseError(
            f"The tracker '{tracker}' is not installed, and you do not need it: runs() shows the same "
            f"table. To use it, run: pip install {tracker}"
        )
    folder = make_folder(work_folder() / tracker)
    if tracker == "tensorboard":
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(folder / f"{run['name']}-{run['run']}".replace("/", "-"))) as writer:
            writer.add_text("settings", json.dumps(run["settings"], ensure_ascii=False))
            for step, values in _steps(run):
                for measure, value in values.items():
                    writer.add_scalar(measure, value, step)
        return f"tensorboard --logdir {shorten(folder)}"
    return _send_to_api(run, tracker, folder, online)


def _send_to_api(run: dict, tracker: str, folder: Path, online: bool) -> str:
    """trackio and Weights & Biases share one interface: init, log, finish."""
    from importlib import import_module

    if tracker == "wandb":
        options = {"mode": "online" if online else "offline", "dir": str(folder)}
        look = "wandb sync, if you want it on the server" if not online else "see the address above"
    else:
        os.environ.setdefault("TRACKIO_DIR", str(folder))  # read when trackio is imported
        options, look = {}, "trackio show --project visual-inspection"
    module = import_module(tracker)
    name = f"{run['name']}-{run['run']}"
    module.init(project="visual-inspection", name=name, config=run["settings"], **options)
    for step, values in _steps(run):
        module.log(values, step=step)
    module.finish()
    return look


def _steps(run: dict) -> list[tuple[int, dict[str, float]]]:
    """The numbers of each epoch, and the results at the last one."""

    def numbers(values: dict) -> dict[str, float]:
        return {key: float(value) for key, value in values.items() if isinstance(value, int | float) and key != "epoch"}

    steps = [(int(row["epoch"]), numbers(row)) for row in run["history"]]
    last = steps[-1][0] if steps else 0
    results = {f"result/{key}": value for key, value in numbers(run["results"]).items()}
    return [*steps, (last, results)] if results else steps
