"""What stands beside the code: workflows, the list of known good versions, the papers of a release."""

import re
import shlex
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import lock
import make_photos
import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from course_lib.commands.requirements import read_requirements
from course_lib.paths import project_folder

PROJECT = project_folder()
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))


def read(*names: str) -> str:
    return PROJECT.joinpath(*names).read_text(encoding="utf-8")


def steps(workflow: Path) -> list[dict]:
    """All steps of all jobs."""
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.stem)
def test_a_workflow_names_only_what_is_there(workflow: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", read("Makefile"), re.MULTILINE))
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    assert commands and all(
        "run" in step or re.fullmatch(r"actions/\w+(-\w+)*@v\d+", step["uses"]) for step in steps(workflow)
    )
    words = [word for command in commands for word in shlex.split(command.replace("\\", "/"))]
    assert {after for word, after in pairwise(words) if word == "make"} <= targets
    words = [word.removeprefix("--ignore=") for word in words]
    named = [word for word in words if re.match(r"(\.ci|tests|tools|lessons|requirements)[/.\w-]*$", word)]
    assert named
    for name in named:
        assert (PROJECT / name).exists(), f"{name} is not there"


def test_the_workflow_types_what_the_readme_says() -> None:
    commands = "\n".join(step.get("run", "") for step in steps(PROJECT / ".github" / "workflows" / "ci.yml"))
    block = next(block for block in re.findall(r"```\n(.*?)```", read("README.md"), re.DOTALL) if "Scripts" in block)
    lines = [line for line in block.splitlines() if not line.startswith("jupyter lab")]
    assert len(lines) == 2
    for line in [*lines, "python3 -m course_lib install", "source .venv/bin/activate"]:
        assert line in read("README.md") and f"{line}\n" in commands, line


def test_the_workflow_tests_the_systems_that_the_readme_promises() -> None:
    jobs = yaml.safe_load(read(".github", "workflows", "ci.yml"))["jobs"]
    assert jobs["ubuntu"]["strategy"]["matrix"]["python"] == ["3.11", "3.13", "3.14"]
    assert jobs["others"]["strategy"]["matrix"]["system"] == ["windows-latest", "macos-latest"]


def known_good() -> dict[str, str]:
    """Package to version, as requirements.lock says."""
    lines = [line for line in read("requirements.lock").splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def test_the_known_good_versions_are_names_and_versions_alone() -> None:
    text = read("requirements.lock")
    assert re.search(r"^# .*Python 3\.\d+ on (Linux|Darwin|Windows)", text, re.MULTILINE)
    for line in text.splitlines():
        assert re.fullmatch(r"#.*|[a-z0-9-]+==[0-9][\w.]*", line), line
    assert "://" not in text and not re.search(r"file:|hash|/(root|home|Users|tmp|usr)/", text)


def test_each_package_of_a_learner_has_a_known_good_version_within_its_range() -> None:
    versions, wanted = known_good(), read_requirements(PROJECT / "requirements.txt")
    assert len(wanted) > 20
    for each in wanted:
        found = versions[canonicalize_name(each.name)]
        assert each.specifier.contains(found, prereleases=True), f"{each} but {found}"
    # What these need is listed as well.
    assert {"jinja2", "sympy", "tornado", "kiwisolver"} <= versions.keys()


def test_what_only_some_systems_or_other_extras_need_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {
        "course": ["A_a>=1", 'b; platform_system == "Linux"', 'c; extra == "all"', "d[all]"],
        "d": ['e; extra == "all"', 'f; extra == "other"', "course"],  # in a circle
    }
    monkeypatch.setattr(lock, "requires", needs.get)
    monkeypatch.setattr(lock, "version", lambda name: "1.0+cpu" if name == "e" else "2.0")
    assert lock.needed([Requirement("course")]) == {"a-a": "2.0", "course": "2.0", "d": "2.0", "e": "1.0"}


def test_the_lock_is_written_from_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "requirements.txt").write_text("matplotlib>=3\n", encoding="utf-8")
    monkeypatch.setattr(lock, "REQUIREMENTS", tmp_path / "requirements.txt")
    monkeypatch.setattr(lock, "LOCK", tmp_path / "requirements.lock")
    assert lock.main() == 0

    text = (tmp_path / "requirements.lock").read_text(encoding="utf-8")
    assert re.search(r"^matplotlib==3\.[\d.]+$", text, re.MULTILINE) and "\npyparsing==" in text
    assert f"Python 3.{sys.version_info.minor} on " in text


def test_a_release_has_one_number() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    citation = yaml.safe_load(read("CITATION.cff"))
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d\d-\d\d)$", read("CHANGELOG.md"), re.MULTILINE)
    assert citation["version"] == version == newest[1]
    assert citation["cff-version"] == "1.2.0" and citation["authors"] == [
        {"name": "Visual inspection course contributors"}
    ]


def test_the_form_for_problems_asks_for_the_doctor() -> None:
    form = yaml.safe_load(read(".github", "ISSUE_TEMPLATE", "problem.yml"))
    asked = {field["id"]: field for field in form["body"]}
    assert "python -m course_lib doctor" in asked["doctor"]["attributes"]["description"]
    assert asked["doctor"]["validations"]["required"] is True


def test_made_photos_are_alike_in_every_run_and_two_classes(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for run in ("one", "two"):
        assert make_photos.main([str(tmp_path / run)]) == 0
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.png"))
    assert [sum(file.parent.name == label for file in files) for label in ("good", "defective")] == [20, 20]
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)

    # A scratch is darker than anything on a sound plate of the same light.
    depth = {}
    for file in files:
        pixels = np.asarray(Image.open(tmp_path / "one" / file), dtype=int)
        depth.setdefault(file.parent.name, []).append(np.median(pixels) - np.percentile(pixels, 0.5))
    assert min(depth["defective"]) > max(depth["good"])


TEXTS_WITH_LINKS = [
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/README.md", "quizzes/FORMAT.md"),
    *(path.relative_to(PROJECT).as_posix() for path in sorted((PROJECT / "teaching").glob("*.md"))),
]


@pytest.mark.parametrize("name", TEXTS_WITH_LINKS)
def test_files_that_a_text_links_to_are_there(name: str) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", read(name)):
        assert "://" in target or (PROJECT / name).parent.joinpath(target).exists(), target
