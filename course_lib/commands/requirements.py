"""Which packages of ``requirements.txt`` are here, missing, or too old.

Used by ``python -m course_lib doctor`` and by the set-up cell in Colab (lesson 1).
"""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from course_lib.errors import CourseError

# Below this heading of requirements.txt stands what only maintainers need.
MAINTAINERS_HEADING = "# building and testing the lessons"


def read_requirements(path: Path, learner_only: bool = False) -> list[Requirement]:
    """Read ``requirements.txt`` as a list of packages with their ranges.

    Args:
        path: the file.
        learner_only: leave out what only building and testing the lessons needs.

    Raises:
        CourseError: the file is not there.
    """
    if not path.exists():
        raise CourseError(
            f"There is no {path.name} beside course_lib; clone the whole course again."
        )
    text = path.read_text(encoding="utf-8")
    if learner_only:
        text = text.split(MAINTAINERS_HEADING)[0]
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def not_satisfied(requirements: list[Requirement]) -> dict[str, str]:
    """The packages that are missing or outside their range, with what was found instead.

    Example:
        >>> not_satisfied([Requirement("numpy>=1.0"), Requirement("no-such-package>=1")])
        {'no-such-package>=1': 'missing'}
    """
    result = {}
    for requirement in requirements:
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            result[str(requirement)] = "missing"
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            result[str(requirement)] = found
    return result
