"""What the tests of the library share: small generated photos and a work folder of their own."""

import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

NOBODY = 65534


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty work folder, which the library uses instead of the course's own."""
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    return tmp_path / "work"


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute on one thread: for tiny networks many threads mostly wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def few_draws() -> Iterator[None]:
    """Intervals of a report from ten draws instead of 500: what they say is tested with the measures."""
    from course_lib.evaluation import bootstrap_interval, metrics

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "bootstrap_interval", partial(bootstrap_interval, repeats=10))
        yield


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written under a temporary name meets a disk without room."""
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has a disk that is full")
    to_disk = Path.with_name

    def to_full_disk(self: Path, name: str) -> Path:
        link = to_disk(self, name)
        link.symlink_to("/dev/full")
        return link

    monkeypatch.setattr(Path, "with_name", to_full_disk)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A photo folder with two classes of ten photos, 40 pixels wide; defects are bright spots."""
    folder = tmp_path / "photos"
    generator = np.random.default_rng(0)
    for label in ("functional", "defective"):
        (folder / label).mkdir(parents=True)
        for number in range(10):
            image = generator.integers(0, 120, (40, 40), dtype=np.uint8)
            if label == "defective":
                image[10:30, 10:30] += 120
            Image.fromarray(image).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture
def index(photos: Path) -> pd.DataFrame:
    from course_lib.data import index_folder

    return index_folder(photos)


@pytest.fixture
def protected_folder() -> Iterator[Path]:
    """A folder that this process may not write to; root gives up its rights for the while."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name) / "protected"
        folder.mkdir()
        (folder / "old.txt").write_text("old")
        os.chmod(name, 0o755)
        os.chmod(folder, 0o555)
        root = hasattr(os, "setresuid") and os.getuid() == 0
        if root:
            try:
                os.setresuid(NOBODY, NOBODY, 0)
            except OSError:
                pytest.skip("this container knows no user but root, who may write everywhere")
        try:
            if os.access(folder, os.W_OK):
                pytest.skip("this system protects no folder by its mode, as Windows does not")
            yield folder
        finally:
            if root:
                os.setresuid(0, 0, 0)
            os.chmod(folder, 0o755)
