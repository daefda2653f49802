"""One walk finds the same files for everybody, whatever links lie on the way."""

import os
from pathlib import Path

import pytest

from course_lib.data import walk

pytestmark = pytest.mark.skipif(os.name == "nt", reason="on Windows links need special rights")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("photos/a/1.png", "photos/b/2.png", "photos/b/.3.png", "photos/@eaDir/4.png", "elsewhere/deep/5.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path / "photos"


def test_files_are_sorted_and_hidden_folders_are_named(tree: Path) -> None:
    found = walk(tree)
    assert found.files == ["a/1.png", "b/2.png"]
    assert found.passed_over == {"@eaDir/": "hidden"}


def test_links_to_folders_outside_are_followed_once(tree: Path) -> None:
    for name in ("a/more", "z"):
        (tree / name).symlink_to(tree.parent / "elsewhere")
    (tree.parent / "elsewhere" / "back").symlink_to(tree.parent / "elsewhere")
    found = walk(tree)
    assert found.files == ["a/1.png", "b/2.png", "z/deep/5.png"]
    assert {"a/more/", "z/back/"} <= set(found.passed_over)


@pytest.mark.parametrize("target", [".", "..", "a", "/"])
def test_no_link_leads_in_a_circle(tree: Path, target: str) -> None:
    (tree / "b" / "link").symlink_to(os.path.abspath(tree / target))
    found = walk(tree)
    assert found.files == ["a/1.png", "b/2.png"]
    assert found.passed_over["b/link/"] == "a link to a folder that is searched anyway"


def test_a_folder_for_results_is_left_out(tree: Path) -> None:
    assert walk(tree, leave_out=tree / "b").files == ["a/1.png"]
