"""How many seconds each lesson took in this run. Nobody is judged by them: machines, and what else they do, differ."""

import re
from collections import defaultdict

import pytest

# The number of a lesson, or the name of a notebook beside the ten.
LESSON = re.compile(r"lessons/(?:deeper/)?(\d\d(?=_)|[a-z]\w+)\w*\.ipynb::")
MEASURED = pytest.StashKey[dict[str, float]]()


class _Collector:
    """Adds up the seconds of the cells of each lesson."""

    def __init__(self, measured: dict[str, float]):
        self.measured = measured

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if found := LESSON.match(report.nodeid):
            self.measured[found[1]] += report.duration


def pytest_configure(config: pytest.Config) -> None:
    """Start with nothing measured, and watch the reports."""
    config.stash[MEASURED] = defaultdict(float)
    config.pluginmanager.register(_Collector(config.stash[MEASURED]))


def summary(measured: dict[str, float]) -> str:
    """Lesson number to seconds, as one line.

    Example:
        >>> summary({"02": 20.4, "01": 10.2})
        '01: 10 s, 02: 20 s, together 31 s'
    """
    line = ", ".join(f"{number}: {seconds:.0f} s" for number, seconds in sorted(measured.items()))
    return f"{line}, together {sum(measured.values()):.0f} s"


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Print the seconds of each lesson that ran."""
    if measured := config.stash[MEASURED]:
        terminalreporter.section("time of each lesson")
        terminalreporter.line(summary(measured))
