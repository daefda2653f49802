"""Which packages of ``requirements.txt`` are here, missing, or of another version.

Used by ``python -m course_lib doctor`` and ``python -m course_lib install`` (lesson 1).
"""

from collections.abc import Mapping
from importlib.metadata import distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_lib.paths import course_is_here, project_folder

PACKAGE = "visual-inspection-course"
# Below this heading of requirements.txt stands what Colab and Kaggle have in their own way.
JUPYTER_HEADING = "# Jupyter"


def read_requirements(path: Path, hosted: bool = False) -> list[Requirement]:
    """Read ``requirements.txt`` as a list of packages with their ranges.

    Args:
        path: the file.
        hosted: leave out Jupyter, which Colab and Kaggle bring along.
    """
    text = path.read_text(encoding="utf-8")
    if hosted:
        text = text.split(JUPYTER_HEADING)[0]
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def wanted_packages() -> list[Requirement]:
    """What the course needs: from its list, or from the installed package's own description."""
    if course_is_here():
        return read_requirements(project_folder() / "requirements.txt")
    return [Requirement(line) for line in requires(PACKAGE) or ()]


def installed_versions() -> dict[str, str]:
    """Each installed package with its version; of several copies the first is the one imported.

    Example:
        >>> installed_versions()["packaging"] >= "23"
        True
    """
    return {canonicalize_name(found.name): found.version for found in reversed([*distributions()]) if found.name}


def not_satisfied(requirements: list[Requirement], there: Mapping[str, str]) -> dict[str, str]:
    """The packages that are missing or outside their range, with what was found instead.

    Example:
        >>> wanted = [Requirement("numpy>=2.0"), Requirement("pandas>=2"), Requirement("onnx>=1")]
        >>> not_satisfied(wanted, {"numpy": "2.1.3", "pandas": "1.5.3"})
        {'pandas>=2': '1.5.3', 'onnx>=1': 'missing'}
    """
    found = {each: there.get(canonicalize_name(each.name)) for each in requirements}
    return {
        str(each): version or "missing"
        for each, version in found.items()
        if version is None or not each.specifier.contains(version, prereleases=True)
    }
