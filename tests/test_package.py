"""The house: one direction, light to enter, and a lesson named at every door."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import course_lib

PACKAGE = Path(course_lib.__file__).parent
MODULES = sorted(PACKAGE.glob("*.py"))
HEAVY = ("torch", "torchvision", "timm", "albumentations", "sklearn", "scipy", "matplotlib",
         "pandas", "numpy", "PIL", "IPython")  # fmt: skip

# Ground floor: needed by all, about no lesson's subject.
HELPERS = {"errors", "paths", "weights"}
# The table of the design, from the photos to the report: what each module may import.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "paths": set(),
    "weights": set(),
    "device": set(),
    "data": set(),
    # These four are its own rooms: one file, copies, tables of labels, setting aside.
    "checks": {"data", "photo_files", "duplicates", "label_tables", "quarantine"},
    "splits": {"checks", "duplicates"},  # only to prove that no photo is in two splits
    "transforms": set(),
    "datasets": {"data", "transforms"},
    # The playground of lesson 10: what there is to choose, and the page that shows it.
    "augmentations": {"datasets", "transforms"},
    "playground": {"augmentations", "plots"},
    # Two rooms of the models: the networks that others trained, and where their weights lie.
    "backbone_sources": set(),
    "backbones": {"backbone_sources"},
    "models": {"backbones"},
    # Several processes that train together, and the layers that look at the batch of all.
    "whole_batch": set(),
    "processes": {"device", "whole_batch"},
    "training": {"device", "processes"},
    # What a network costs here: tried on a copy of it, by one step of training or prediction.
    "rehearsal": {"device", "training"},
    "contest": {"device", "rehearsal", "training"},
    "speed": {"contest", "device", "rehearsal"},
    "memory": {"device", "rehearsal"},
    "tuning": {"device", "training"},
    "evaluation": {"device"},
    "explain": set(),
    "feature_cache": set(),
    "onnx_network": set(),
    "features": {"backbones", "device", "data", "feature_cache", "onnx_network", "transforms"},
    "inference": {"explain", "models", "transforms", "device", "data", "photo_files"},
    "onnx_export": {"inference", "onnx_network", "transforms"},
    "tracking": {"device", "plots"},
    "pages": {"plots"},
    "report": {"data", "evaluation", "explain", "pages", "plots"},
    # The whole way as one command: these stand at the end of the line and may call all before.
    "preparation": {"checks", "data", "splits"},
    "planning": {"checks", "data", "device", "features", "models", "preparation", "training"},
    "launching": {"checks", "device", "preparation"},
    "plots": set(),
}


def imported_from_course(path: Path) -> set[str]:
    """Modules of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "course_lib":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_lib."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found |= {name[1] for name in names if name[0] == "course_lib" and len(name) > 1}
    return found


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_a_module_imports_only_what_the_design_allows(module: str) -> None:
    path = PACKAGE / f"{module}.py"
    assert imported_from_course(path) <= MAY_IMPORT[module] | HELPERS


def test_the_data_go_one_way() -> None:
    """Modules can be put in an order in which each imports only earlier ones."""
    imports = {path.stem: imported_from_course(path) & MAY_IMPORT.keys() for path in MODULES}
    done: set[str] = set()
    while ready := {name for name in imports if name not in done and imports[name] <= done}:
        done |= ready
    assert done == imports.keys(), f"in a circle: {imports.keys() - done}"


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import sys, course_lib; print([n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_doctor_starts_without_what_it_examines() -> None:
    code = (
        "import sys, course_lib.doctor; print([n for n in ('torch', 'timm') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_module_imports_everything_from_another(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert "*" not in [alias.name for alias in node.names]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_public_function_says_what_it_does_and_its_module_names_the_lesson(
    path: Path,
) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module_names_lesson = "lesson" in (ast.get_docstring(tree) or "")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            docstring = ast.get_docstring(node) or ""
            assert docstring, f"{path.stem}.{node.name} has no docstring"
            assert module_names_lesson or "lesson" in docstring, (
                f"{path.stem}.{node.name} names no lesson"
            )


def test_the_modules_of_the_design_are_there() -> None:
    assert {path.stem for path in MODULES} >= MAY_IMPORT.keys()
