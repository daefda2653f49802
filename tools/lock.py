"""Write requirements.lock: the versions that are installed here, of all that a learner needs.

The ranges of requirements.txt say what should work; this list says what did: the tests have passed
with it. It holds names and versions only, so that it serves everybody, wherever packages come from.

    make lock
"""

import platform
import sys
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_lib.commands.requirements import read_requirements
from course_lib.paths import write_atomically

PROJECT = Path(__file__).resolve().parents[1]
REQUIREMENTS, LOCK = PROJECT / "requirements.txt", PROJECT / "requirements.lock"
HEAD = """\
# Known good: with exactly these versions all tests have passed. `pip install -r requirements.lock`
# when the newest releases make trouble; else requirements.txt, whose ranges leave room.
# What only some systems need, such as the libraries of NVIDIA, is not listed: pip finds what fits.
# Made by `make lock` with Python {python} on {system}.
"""

SYSTEMS = [
    {"os_name": os_name, "sys_platform": name, "platform_system": system, "platform_machine": machine}
    for os_name, name, system, machine in (
        ("posix", "linux", "Linux", "x86_64"),
        ("posix", "linux", "Linux", "aarch64"),
        ("posix", "darwin", "Darwin", "arm64"),
        ("nt", "win32", "Windows", "AMD64"),
    )
]


def needed(wanted: list[Requirement]) -> dict[str, str]:
    """All packages that some packages need, down to the last, with the versions installed here.

    Args:
        wanted: packages, perhaps with extras. What a marker rules out on one of the systems is left
            out.

    Returns:
        Normalised name to version, without what a builder has added to it, such as ``+cpu``.

    Raises:
        PackageNotFoundError: one of them is not installed.

    Example:
        >>> sorted(needed([Requirement("matplotlib")]))[:3]
        ['contourpy', 'cycler', 'fonttools']
    """
    found: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    waiting = [(each.name, extra) for each in wanted for extra in ("", *each.extras)]
    while waiting:
        name, extra = waiting.pop()
        if (canonicalize_name(name), extra) in done:
            continue
        done.add((canonicalize_name(name), extra))
        found[canonicalize_name(name)] = Version(version(name)).public
        for each in map(Requirement, requires(name) or []):
            if each.marker is None or all(each.marker.evaluate(system | {"extra": extra}) for system in SYSTEMS):
                waiting += [(each.name, further) for further in ("", *each.extras)]
    return dict(sorted(found.items()))


def main() -> int:
    """Write the list; print one line."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    head = HEAD.format(python=python, system=f"{platform.system()} {platform.machine()}")
    packages = needed(read_requirements(REQUIREMENTS))
    lines = [f"{name}=={found}\n" for name, found in packages.items()]
    with write_atomically(LOCK) as temporary:
        temporary.write_text(head + "".join(lines), encoding="utf-8", newline="\n")
    print(f"{len(packages)} packages in {LOCK.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
