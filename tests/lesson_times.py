"""How long each lesson took in this run, and whether one has become slow.

Machines differ in speed, so a lesson's *share* of the time of all lessons is compared with the
share that the build recorded in `lessons/times.json`. A run of all lessons fails when a share has
more than doubled.
"""

import re
from collections import defaultdict

import pytest

LESSON = re.compile(r"lessons/(\d\d)_\w+\.ipynb::")
MEASURED = pytest.StashKey[dict[str, float]]()
LARGEST_GROWTH = 2.0
# A lesson of few seconds can double its share by one slow start of a kernel.
SECONDS_THAT_DO_NOT_COUNT = 10.0


def slow_lessons(measured: dict[str, float], recorded: dict[str, float]) -> list[str]:
    """What is wrong with the times of a run of all lessons; empty when nothing is.

    Args:
        measured: lesson number to seconds in this run.
        recorded: the same from the build.

    Example:
        >>> slow_lessons({"01": 100, "02": 200}, {"01": 10, "02": 20})
        []
        >>> slow_lessons({"01": 100, "02": 20}, {"01": 10, "02": 20})
        ['lesson 01 took 83 % of the time of all lessons, recorded were 33 %']
    """
    if not recorded or measured.keys() != recorded.keys():
        return []
    all_measured, all_recorded = sum(measured.values()), sum(recorded.values())
    found = []
    for number, seconds in sorted(measured.items()):
        share, usual = seconds / all_measured, recorded[number] / all_recorded
        expected = usual * all_measured
        if share > LARGEST_GROWTH * usual and seconds > expected + SECONDS_THAT_DO_NOT_COUNT:
            found.append(
                f"lesson {number} took {share:.0%} of the time of all lessons, recorded were {usual:.0%}".replace(
                    "%", " %"
                )
            )
    return found


def recorded_seconds() -> dict[str, float]:
    """Lesson number to seconds, as the build recorded them."""
    import build  # pytest loads this plug-in before lessons/ is on its path

    return {number: entry["cpu_seconds"] for number, entry in build.read_times().items()}


def pytest_configure(config: pytest.Config) -> None:
    """Start with nothing measured."""
    config.stash[MEASURED] = defaultdict(float)


class _Collector:
    """Adds up the seconds of the cells of each lesson."""

    def __init__(self, measured: dict[str, float]):
        self.measured = measured

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if found := LESSON.match(report.nodeid):
            self.measured[found[1]] += report.duration


def pytest_sessionstart(session: pytest.Session) -> None:
    """Watch the reports of this session."""
    session.config.pluginmanager.register(_Collector(session.config.stash[MEASURED]))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when a lesson has become slow."""
    if slow_lessons(dict(session.config.stash[MEASURED]), recorded_seconds()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Print the seconds of each lesson, and which one has become slow."""
    measured = dict(config.stash[MEASURED])
    if not measured:
        return
    terminalreporter.section("time of each lesson")
    line = ", ".join(f"{number}: {seconds:.0f} s" for number, seconds in sorted(measured.items()))
    terminalreporter.line(f"{line}, together {sum(measured.values()):.0f} s")
    for problem in slow_lessons(measured, recorded_seconds()):
        terminalreporter.line(f"SLOW: {problem}; find out why, or build with --record", red=True)
