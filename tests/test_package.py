"""The house: one direction, light to enter, and a lesson named at every door."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import course_lib

PACKAGE = Path(course_lib.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = (
    "torch",
    "torchvision",
    "timm",
    "albumentations",
    "sklearn",
    "scipy",
    "matplotlib",
    "pandas",
    "numpy",
    "PIL",
    "IPython",
)

# The way of the data. A file imports only its own folder and doors above it, by the door.
DOORS = (
    "errors", "paths", "plots", "quiz", "device", "data", "checks", "inspection", "splits", "transforms", "datasets",
    "models", "features", "training", "evaluation", "inference", "lesson", "widgets", "commands", "__main__",
)  # fmt: skip


def doors_entered(path: Path) -> set[tuple[str, str]]:
    """Door and room (or "") of each import from the package, anywhere in a file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom) and node.module == "course_lib":
            names = [f"course_lib.{name}" for name in names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        parts = [(*name.split("."), "", "")[:3] for name in names]
        found |= {(door, room) for package, door, room in parts if package == "course_lib"}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_its_own_folder_and_doors_above_it(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for door, room in doors_entered(path):
        allowed = door == own or (not room and door in DOORS[: DOORS.index(own)]) if own != "__init__" else False
        assert allowed, f"{own} may not import {door}.{room}".rstrip(".")


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import sys, course_lib; print([n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_doctor_starts_without_what_it_examines() -> None:
    code = "import sys, course_lib.commands.doctor; print([n for n in ('torch', 'timm') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_imports_everything_from_another(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert "*" not in [alias.name for alias in node.names]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_and_every_public_function_says_what_it_does(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or not tree.body, f"{path.name} has no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.stem}.{node.name} has no docstring"
