"""A log of every training run: what was tried, where, and what came of it (lesson 10).

The log is one text file, ``work/runs.jsonl``, one line for each run. It stays on this computer.
"""

import platform
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from course_lib import device
from course_lib.paths import append_json_line, plain, read_json_lines, work_folder


def log_file() -> Path:
    """Where the runs are written down."""
    return work_folder() / "runs.jsonl"


def record(name: str, settings: dict, results: dict | None = None, history: pd.DataFrame | None = None) -> None:
    """Write down one run: a line is added to the log.

    Args:
        name: a few words, such as "flips, 3 epochs"; runs may share a name.
        settings: what you chose, such as ``{"learning_rate": 1e-3, "seed": 0}``.
        results: what came of it, such as ``{"validation_accuracy": 0.89}``.
        history: from `course_lib.training.fit`.

    Raises:
        CourseError: the log cannot be written to.
    """
    run = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "name": name,
        "settings": settings,
        "results": results or {},
        "environment": environment(),
        "history": [] if history is None else history.to_dict("records"),
    }
    append_json_line(log_file(), plain(run))


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
        with suppress(PackageNotFoundError):  # the course works from its folder alone, too
            facts[name] = version(package)
    return facts


def read_runs() -> list[dict]:
    """All runs of the log with their histories, the oldest first.

    A line that was broken off, by a power cut for example, is passed over.
    """
    return read_json_lines(log_file())


def runs() -> pd.DataFrame:
    """All runs as a table.

    Returns:
        One row for each run, the oldest first: ``when``, ``name``, then a column for
        each setting and each result that any run has, then ``epochs_done``, ``device``.
    """
    return pd.DataFrame(
        {"when": run["when"], "name": run["name"]}
        | run["settings"]
        | run["results"]
        | {"epochs_done": len(run["history"]), "device": run["environment"]["device"]}
        for run in read_runs()
    )
