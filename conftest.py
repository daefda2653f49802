"""Settings for pytest: notebooks are compared strictly, nothing reaches the network."""

import runpy
import tempfile
from pathlib import Path

import pytest
from kernel_environment import NO_NETWORK, kernel_environment

pytest_plugins = ["strict_nbval", "lesson_times", "notebook_samples", "library_fixtures"]
# Files that do something when they are imported, so doctest must not look into them.
collect_ignore_glob = [
    "lessons/source/*", "lessons/deeper/source/*", "studies/*", "tests/no_network/*", "tests/disturbed_kernel/*", "tools/*",
]  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Block the network, here and in the kernels; their lessons share one fresh work folder."""
    from strict_nbval import KERNEL_ENVIRONMENT  # pytest itself has to import it first

    runpy.run_path(str(NO_NETWORK / "sitecustomize.py"))
    folder = tempfile.TemporaryDirectory(prefix="lessons-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    config.stash[KERNEL_ENVIRONMENT] = kernel_environment(Path(folder.name))
