"""Everything for a classroom without internet, in one folder or zip for a USB stick (`make bundle`).

    python tools/bundle.py                                  into bundle/
    python tools/bundle.py --zip                            and as one zip beside it
    python tools/bundle.py -- --extra-index-url https://download.pytorch.org/whl/cpu

The folder holds the course and a wheel of each package that a learner needs, built for the system and the Python that run
this. What stands after ``--`` goes to pip: the index above has torch without the 4 GB for Nvidia cards. On each
computer of the classroom, `python set_up.py` in the folder sets the course up and asks no network.
"""

import argparse
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
PROJECT = TOOLS.parent
sys.path[:0] = [str(TOOLS)]

from set_up_from_bundle import MADE_FOR, this_system

BUILDS_THE_COURSE = "setuptools>=77"  # as [build-system] in pyproject.toml asks
MADE_AGAIN = (".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", ".ipynb_checkpoints", "*.egg-info")
ONLY_AT_THE_TOP = ("data", "work", "build", "bundle")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PROJECT / "bundle", help="folder to make (default: bundle)")
    parser.add_argument("--zip", action="store_true", help="also one zip of it")
    parser.add_argument("pip", nargs="*", help="after --: words for pip, such as another index")
    options = parser.parse_args(arguments)
    folder = options.out.resolve() / "visual-inspection-course"
    if folder.exists():
        print(f"{folder} exists and is kept as it is; remove it, or name another folder with --out.", file=sys.stderr)
        return 1
    copy_course(PROJECT, folder)
    collect_wheels(folder, options.pip)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    wheels = len(list((folder / "wheels").glob("*.whl")))
    print(f"Written: {folder} ({wheels} wheels, {size / 1e9:.1f} GB, for {this_system()})")
    if options.zip:
        print(f"Written: {zipped(folder)}")
    print("Copy it to each computer and type there, in that folder: python set_up.py")
    return 0


def copy_course(project: Path, folder: Path) -> None:
    """The course as it lies here, an instructor's ``class.yaml`` and own banks included, without what can be made again."""

    def left_out(place: str, names: list[str]) -> set[str]:
        made_again = {name for name in names if any(map(Path(name).match, MADE_AGAIN))}
        return made_again | (set(ONLY_AT_THE_TOP) & set(names) if Path(place) == project else set())

    shutil.copytree(project, folder, ignore=left_out)
    shutil.copy2(TOOLS / "set_up_from_bundle.py", folder / "set_up.py")


def collect_wheels(folder: Path, words: Sequence[str]) -> None:
    """Download or build a wheel of each package, and note for which system."""
    wheels = folder / "wheels"
    wanted = ["--requirement", str(folder / "requirements.txt"), BUILDS_THE_COURSE]
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--wheel-dir", str(wheels), *words, *wanted], check=True)
    (wheels / MADE_FOR).write_text(this_system() + "\n", encoding="utf-8")


def zipped(folder: Path) -> Path:
    """The folder as one zip; wheels are packed already, so nothing is packed again."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    return path


if __name__ == "__main__":
    sys.exit(main())
