"""How large is the house? Files, lines, longest file and function, arrows, and the rooms that one training enters.

    python tools/house.py            counts by reading the code
    python tools/house.py --walk     also trains on forty made photos, and lists the files that this enters

Lines of code are counted without blank lines, comments and docstrings, so that nobody saves on docstrings.
"""

import argparse
import ast
import io
import os
import subprocess
import sys
import tempfile
import tokenize
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "course_lib"
NOT_CODE = (
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
)  # fmt: skip
# Runs `train` and prints, on its last line, each file of the package in which a function was called.
TRACE = """
import sys, threading
entered = set()
def profile(frame, event, argument):
    if event == "call" and frame.f_code.co_name != "<module>":
        entered.add(frame.f_code.co_filename)
threading.setprofile(profile)
sys.setprofile(profile)
from course_lib.__main__ import main
status = main(["train", {photos!r}, "--out", {out!r}, "--minutes", "1"])
sys.setprofile(None)
print("\\n" + "|".join(sorted(entered)))
sys.exit(status)
"""


def code_lines(text: str) -> set[int]:
    """The numbers of the lines that hold code."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            first = node.body[0]
            documented |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NOT_CODE:
            code |= set(range(token.start[0], token.end[0] + 1))
    return code - documented


def arrows(path: Path, files: set[str]) -> set[str]:
    """The files of the package that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_lib"):
            module = str(node.module)
            for name in (module, *(f"{module}.{alias.name}" for alias in node.names)):
                place = name.replace(".", "/")
                found |= {f"{place}.py", f"{place}/__init__.py"} & files
    return found - {"course_lib/__init__.py", path.relative_to(PROJECT).as_posix()}


def count() -> None:
    """Print what reading the code tells."""
    paths = sorted(PACKAGE.rglob("*.py"))
    names = {path.relative_to(PROJECT).as_posix() for path in paths}
    doors: Counter[str] = Counter()
    lines: dict[str, int] = {}
    functions: list[tuple[int, str]] = []
    for path in paths:
        text, name = path.read_text(encoding="utf-8"), path.relative_to(PROJECT).as_posix()
        code = code_lines(text)
        doors[path.relative_to(PACKAGE).parts[0].removesuffix(".py")] += len(code)
        lines[name] = len(text.splitlines())
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                inside = [line for line in code if node.lineno <= line <= (node.end_lineno or 0)]
                functions.append((len(inside), f"{name}: {node.name}"))
    own = [name for name in names if not name.startswith("course_lib/quiz/")]
    for door, number in doors.most_common():
        print(f"{number:6} {door}")
    print(f"{sum(doors.values()) - doors['quiz']:6} lines of code beside the quiz, in {len(own)} files")
    print(f"{sum(lines[name] for name in own):6} lines in all beside the quiz")
    longest = max(lines, key=lambda name: lines[name])
    print(f"{lines[longest]:6} lines in the longest file, {longest}")
    print("{:6} lines of code in the longest function, {}".format(*max(functions)))
    print(f"{sum(len(arrows(path, names)) for path in paths):6} arrows between files")


def walk() -> None:
    """Train on made photos; print the files that this enters."""
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        subprocess.run([sys.executable, PROJECT / "tools" / "make_photos.py", photos], check=True)
        script = TRACE.format(photos=str(photos), out=str(Path(folder) / "inspector"))
        environment = os.environ | {"PYTHONPATH": str(PROJECT), "COURSE_WORK": str(Path(folder) / "work")}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    files = done.stdout.splitlines()[-1].split("|")
    entered = [Path(file).relative_to(PROJECT).as_posix() for file in files if str(PACKAGE) in file]
    print(f"{len(entered):6} files entered by train, in {len({name.split('/')[1] for name in entered})} doors:")
    print("       " + " ".join(name.removeprefix("course_lib/") for name in entered))


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--walk", action="store_true", help="train on made photos, and list the files entered")
    given = parser.parse_args()
    count()
    if given.walk:
        walk()


if __name__ == "__main__":
    main()
