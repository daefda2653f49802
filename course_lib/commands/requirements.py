"""Which packages of ``requirements.txt`` are here, missing, or of another version.

Used by ``python -m course_lib doctor`` and ``python -m course_lib install`` (lesson 1).
"""

from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from course_lib.errors import CourseError
from course_lib.paths import course_is_here, project_folder

PACKAGE = "visual-inspection-course"
# Below this heading of requirements.txt stands what Colab and Kaggle have in their own way.
JUPYTER_HEADING = "# Jupyter"


def read_requirements(path: Path, hosted: bool = False) -> list[Requirement]:
    """Read ``requirements.txt`` as a list of packages with their ranges.

    Args:
        path: the file.
        hosted: leave out Jupyter, which Colab and Kaggle bring along.

    Raises:
        CourseError: the file is not there.
    """
    if not path.exists():
        raise CourseError(f"There is no {path.name} in {path.parent}; get the whole course again.")
    text = path.read_text(encoding="utf-8")
    if hosted:
        text = text.split(JUPYTER_HEADING)[0]
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def wanted_packages() -> list[Requirement]:
    """What the course needs: from its list, or from the installed package's own description.

    Raises:
        CourseError: there is neither of the two, because somebody copied ``course_lib`` alone.
    """
    if course_is_here():
        return read_requirements(project_folder() / "requirements.txt")
    try:
        return [Requirement(line) for line in requires(PACKAGE) or ()]
    except PackageNotFoundError as error:
        raise CourseError(
            "course_lib was copied without its list of packages; get the whole course and run pip install -e . "
            "in its folder"
        ) from error


def installed_versions() -> dict[str, str]:
    """Each installed package with its version; of several copies the first is the one imported.

    Example:
        >>> installed_versions()["packaging"] >= "23"
        True
    """
    found: dict[str, str] = {}
    for distribution in distributions():  # in the order in which Python searches
        name, version = distribution.metadata["Name"], distribution.version
        if name and version:
            found.setdefault(canonicalize_name(name), version)
    return found


def not_satisfied(requirements: list[Requirement], there: Mapping[str, str]) -> dict[str, str]:
    """The packages that are missing or outside their range, with what was found instead.

    Example:
        >>> wanted = [Requirement("numpy>=2.0"), Requirement("pandas>=2"), Requirement("onnx>=1")]
        >>> not_satisfied(wanted, {"numpy": "2.1.3", "pandas": "1.5.3"})
        {'pandas>=2': '1.5.3', 'onnx>=1': 'missing'}
    """
    result = {}
    for requirement in requirements:
        found = there.get(canonicalize_name(requirement.name), "missing")
        # Linux distributions make versions such as "1.1build1": nobody knows what they hold.
        with suppress(InvalidVersion):
            if requirement.specifier.contains(Version(found), prereleases=True):
                continue
        result[str(requirement)] = found
    return result
