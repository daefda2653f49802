"""Run lessons as if on another machine, or with a planted fault, and say what differs from what is stored.

    python tools/elsewhere.py                      all that train, on "another machine": all three disturbances at once
    python tools/elsewhere.py 08 --as-if avx2      one of: perturbed, one-thread, avx2 (commas join them)
    python tools/elsewhere.py --fault              each planted fault must turn each lesson red that it affects
    python tools/elsewhere.py 08 --fault untrained

Run it whenever a training of a lesson changed: tolerances that hold here hold on the next machine as well, and a
real fault still does not pass. Exit status 0: all as it should be.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
# The lessons that train a network, and those beside them that do: only they depend on rounding.
TRAINED = ("07", "08", "09", "10")
BESIDE = ("deploying", "plain_pytorch", "tuning")
MACHINES: dict[str, dict[str, str]] = {
    "perturbed": {"COURSE_DISTURBANCE": "perturbed"},
    "one-thread": {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
}
# Each fault, and the lessons whose results it spoils. A lesson that shows no test photos cannot see the last one.
FAULTS = {
    "untrained": TRAINED,
    "shuffled-labels": TRAINED,
    "wrong-preprocessing": TRAINED,
    "test-photos-learned": TRAINED,
}
FAILED = re.compile(r"^FAILED lessons/(?:deeper/)?(\d\d(?=_)|[a-z]\w+)\w*\.ipynb::(Cell \d+)", re.MULTILINE)


def pytest(
    lessons: Sequence[str], variables: dict[str, str], *options: str, show: bool = True
) -> tuple[dict[str, str], str]:
    """Compare lessons in this environment; ``show`` prints what pytest says while it runs.

    Returns:
        Lesson number to the first cell that failed, and pytest's closing line.
    """
    folder = PROJECT / "lessons"
    notebooks = [path.relative_to(PROJECT) for path in [*folder.glob("*.ipynb"), *folder.glob("deeper/*.ipynb")]]
    paths = [next(path for path in notebooks if path.stem.startswith(name)) for name in lessons]
    command = [sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", *options, *map(str, paths)]
    lines = []
    with subprocess.Popen(
        command, cwd=PROJECT, env=os.environ | variables, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if show:
                print(line, end="", flush=True)
    found: dict[str, str] = {}
    for number, cell in FAILED.findall("".join(lines)):
        found.setdefault(number, cell)
    if process.returncode not in (0, 1):
        print("".join(lines[-40:]))
        raise SystemExit(f"pytest could not run (exit status {process.returncode})")
    return found, lines[-1].strip("= \n")


def elsewhere(lessons: Sequence[str], machine: str) -> int:
    """Run lessons as on another machine; 0 when all stay within their tolerances."""
    variables: dict[str, str] = {}
    for name in machine.split(","):
        variables |= MACHINES[name]
    red, closing = pytest(lessons, variables)
    print(f"\nas if on another machine ({machine}): {closing}")
    return 1 if red else 0


def planted(lessons: Sequence[str], fault: str) -> int:
    """Run lessons with a fault; 0 when each that it affects turns red."""
    affected = [number for number in FAULTS[fault] if number in lessons]
    if not affected:
        return 0
    variables = {"COURSE_DISTURBANCE": fault} | MACHINES["one-thread"]
    red, closing = pytest(affected, variables, "--nbval-stop", show=False)
    passed = [number for number in affected if number not in red]
    where = ", ".join(f"lesson {number} in {cell}" for number, cell in red.items())
    print(f"fault {fault}: noticed in {where or 'no lesson'}", flush=True)
    if passed:
        print(f"fault {fault}: NOT NOTICED in lesson {', '.join(passed)} ({closing})", flush=True)
    return 1 if passed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "lessons", nargs="*", default=(*TRAINED, *BESIDE), help="such as 07 or plain_pytorch; default: all that train"
    )
    parser.add_argument("--as-if", default=",".join(MACHINES), help="perturbed, one-thread, avx2; default: all")
    parser.add_argument("--fault", nargs="?", const="all", choices=[*FAULTS, "all"], help="plant a fault instead")
    given = parser.parse_args(arguments)
    lessons = [number.zfill(2) for number in given.lessons]
    if unknown := set(given.as_if.split(",")) - set(MACHINES):
        parser.error(f"there is no machine {', '.join(sorted(unknown))}; choose from {', '.join(MACHINES)}")
    if given.fault is None:
        return elsewhere(lessons, given.as_if)
    return max(planted(lessons, name) for name in (FAULTS if given.fault == "all" else [given.fault]))


if __name__ == "__main__":
    sys.exit(main())
