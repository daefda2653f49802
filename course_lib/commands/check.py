"""``python -m course_lib check FOLDER``: find photos that cannot or should not be used (lesson 2)."""

import argparse
import os
import re
from collections.abc import Iterator, Sequence

import pandas as pd

from course_lib.checks import ACTIONS, UNREADABLE, check_folder, contact_sheet
from course_lib.errors import CourseError
from course_lib.paths import say


def main(arguments: Sequence[str]) -> int:
    """Check a folder and print one line for each finding.

    Returns:
        The exit status: 0 if every file can be read, 1 if one cannot.

    Raises:
        CourseError: as `course_lib.checks.check_folder`, or a table of doubtful labels that is there already.
        SystemExit: wrong use (2), or help was asked for (0).
    """
    parser = argparse.ArgumentParser(
        prog="python -m course_lib check",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Find the photos of a folder that cannot or should not be used, and print\n"
        "one line for each finding: file, problem, detail. Nothing is changed or deleted.",
        epilog="exit status: 0 every file can be read, 1 a file cannot be read, 2 wrong use\n"
        "example: python -m course_lib check my_photos --size 300x300 --sheet findings.html",
    )
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="photos; sub-folders are searched too, and the first one names the label")
    add("--sheet", metavar="FILE.html", help="also write a page with a small picture of each photo that has a finding")
    table = "columns path and label to compare with the files; default: index.csv or labels.csv in FOLDER"
    add("--labels", metavar="TABLE.csv", help=table)
    size = "pixels that each photo should have, such as 300x300; default: the size of nearly all photos"
    add("--size", metavar="WIDTHxHEIGHT", type=_size, help=size)
    doubtful = "also list the photos whose label a probe doubts, for you to correct: a table, and a page beside it"
    add("--doubtful", metavar="FILE.csv", help=doubtful)
    options = parser.parse_args(arguments)
    if options.doubtful and os.path.exists(options.doubtful):
        raise CourseError(f"{options.doubtful} is there already, perhaps with your corrections; name another table.")
    findings = check_folder(options.folder, expected_size=options.size, labels=options.labels)
    if options.sheet:
        contact_sheet(findings, options.folder, options.sheet)
    for line in (*_table(findings), *_summary(findings)):
        say(line)
    if options.doubtful:
        from course_lib.commands.doubtful import list_doubtful  # it needs torch, which is slow to start

        list_doubtful(findings, options.doubtful)
    return int(findings["problem"].isin(UNREADABLE).any())


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)[x×](\d+)", text)
    if not match:
        raise argparse.ArgumentTypeError("write it like 300x300")
    return int(match[1]), int(match[2])


def _table(findings: pd.DataFrame) -> Iterator[str]:
    width = min(60, int(findings["path"].str.len().max())) if len(findings) else 0
    for row in findings.itertuples():
        yield f"{row.path:<{width}}  {row.problem:<18}  {row.detail}"


def _summary(findings: pd.DataFrame) -> Iterator[str]:
    yield f"{findings.attrs['files']} files checked, {len(findings)} findings"
    for problem, count in findings["problem"].value_counts().sort_index().items():
        yield f"{count:>6}  {problem}: {ACTIONS[problem]}"
