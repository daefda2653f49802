"""The photos of the course are laid out, put back, and credited."""

import os
from pathlib import Path

import pandas as pd
import pytest

from course_lib import data
from course_lib.errors import CourseError


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The solar cells, laid out in a data folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", str(tmp_path_factory.mktemp("data")))
        return data.solar_cells()


@pytest.fixture
def cells(laid_out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_DATA", str(laid_out.parent))
    return laid_out


def test_the_solar_cells_are_those_of_the_publication(cells: Path) -> None:
    index = data.index_folder(cells)
    counts = index["defect_probability"].round(2).value_counts().to_dict()

    assert counts == {0.0: 1508, 0.33: 295, 0.67: 106, 1.0: 715}
    assert index["cell_type"].value_counts().to_dict() == {"poly": 1550, "mono": 1074}
    assert index["position"].tolist() == list(range(2624))
    assert ((index["defect_probability"] > 0.5) == (index["label"] == "defective")).all()


def test_a_removed_photo_is_put_back_and_the_others_are_left_alone(cells: Path) -> None:
    one, other = sorted(cells.glob("defective/*.png"))[:2]
    content, time = one.read_bytes(), other.stat().st_mtime_ns
    one.unlink()

    data.solar_cells()

    assert one.read_bytes() == content
    assert other.stat().st_mtime_ns == time


def test_a_column_added_to_the_table_of_the_cells_stays(cells: Path) -> None:
    table = pd.read_csv(cells / "index.csv").assign(inspector="Aki")
    table.to_csv(cells / "index.csv", index=False)

    data.solar_cells()

    assert set(data.index_folder(cells)["inspector"]) == {"Aki"}


def test_a_file_in_the_way_of_the_cells_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    (tmp_path / "solar_cells").write_text("mine")
    with pytest.raises(CourseError, match=r"data/solar_cells.* cannot be made"):
        data.solar_cells()


def test_licence_and_citation_are_told(cells: Path) -> None:
    text = data.credits(cells)
    assert "CC BY-NC-SA 4.0" in text and "Buerhop-Lutz et al. 2018" in text


def test_a_folder_without_licence_says_so(photos: Path) -> None:
    assert "has no LICENCE.txt" in data.credits(photos)


def test_everyday_photos_are_there_without_a_network() -> None:
    for path in data.everyday_photos().values():
        assert os.path.getsize(path) > 10_000


def test_a_licence_in_another_encoding_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "LICENCE.txt").write_bytes("© A. Author".encode("cp1252"))
    assert data.credits(tmp_path).endswith("A. Author")
