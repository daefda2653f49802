"""The instructor's commands: ``python -m course_lib quiz new|check|release|collect|grade|stats|export``."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from course_lib.errors import CourseError
from course_lib.paths import shorten, work_folder, write_atomically, write_csv
from course_lib.quiz.bank import bank_folder, find_bank, load_bank, load_banks
from course_lib.quiz.questions import Bank

if TYPE_CHECKING:
    from course_lib.quiz.collect import Collected

Options: TypeAlias = argparse.Namespace


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit status is 0 when it did what was asked.

    Example:
        >>> main(["check"])
        10 banks with ... questions are sound.
        0
    """
    options = _parser().parse_args(list(arguments) or ["--help"])
    try:
        return int(options.run(options))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m course_lib quiz", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    banks = argparse.ArgumentParser(add_help=False)
    banks.add_argument("--banks", type=Path, help="folder of banks (default: the course's own)")
    also = argparse.ArgumentParser(add_help=False)
    also.add_argument(
        "--banks", type=Path, action="append", help="folder of banks; may be given again (default: the course's own)"
    )

    def command(name: str, run: Callable[[Options], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, parents=[banks])
        added.set_defaults(run=run)
        return added

    def command_for_a_class(name: str, run: Callable[[Options], int], text: str, out: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, parents=[also])
        added.set_defaults(run=run)
        added.add_argument("folder", type=Path, help="folder, or zip, with the learners' files")
        added.add_argument("--out", type=Path, default=None, help=out)
        added.add_argument("--excel", action="store_true", help="CSV in UTF-8 with BOM, for Excel")
        return added

    command("check", _check, "Is everything right with the banks? Runs the solutions of code questions.")
    new = command("new", _new, "Write a bank with one example of each kind of question.")
    new.add_argument("file", type=Path, help="such as my_banks/11_name.yaml; the two digits are the lesson")
    new.add_argument("--lang", default="both", metavar="en|ja|both")
    command("schema", _schema, "Renew bank.schema.json, with which an editor checks banks.")
    command_for_a_class("collect", _collect, "Turn a folder of answer files into one CSV file.", "CSV file to write")
    grade = command_for_a_class("grade", _grade, "Points of each learner, by one stated rule.", "CSV file to write")
    grade.add_argument("--roster", type=Path, help="CSV file: a heading, then student number and name")
    stats = command_for_a_class("stats", _stats, "A class as one HTML page and CSV tables.", "folder to write to")
    stats.add_argument("--lang", default="en", choices=("en", "ja"), help="language of the page")
    export = command("export", _export, "Write banks in the format of another system.")
    export.add_argument("--to", required=True, metavar="moodle|gift|qti|html|print")
    export.add_argument("--lang", default="en", metavar="en|ja|both")
    export.add_argument("--lesson", type=int, action="append", help="only this lesson")
    export.add_argument("--no-key", action="store_true", help="html and print without answers")
    export.add_argument("--out", type=Path, default=None, help="folder to write to")
    release = command("release", _release, "Graded use: split a bank into questions and key.")
    release.add_argument("lesson", type=int)
    release.add_argument("--out", type=Path, default=None, help="folder to write to")
    return parser


def _check(options: Options) -> int:
    from course_lib.quiz.soundness import check_folder

    banks, faults = check_folder(options.banks)
    for fault in faults:
        print(fault)
    questions = sum(len(bank.questions) for bank in banks)
    if faults:
        print(f"{len(faults)} faults; {len(banks)} banks with {questions} questions could be read.")
        return 1
    print(f"{len(banks)} banks with {questions} questions are sound.")
    return 0


def _new(options: Options) -> int:
    from course_lib.quiz.new_bank import new_bank

    file = new_bank(options.file, options.lang)
    print(f"Written: {shorten(file)}\nChange it, then: python -m course_lib quiz check --banks {shorten(file.parent)}")
    return 0


def _schema(options: Options) -> int:
    from course_lib.quiz.new_bank import write_schema

    print(f"Written: {shorten(write_schema(options.banks or bank_folder()))}")
    return 0


def _collect(options: Options) -> int:
    from course_lib.quiz.collect import collect

    collected = collect(options.folder, _banks_with_tasks(options))
    out = options.out or work_folder() / "quiz_class" / "answers.csv"
    _say_what_arrived(collected)
    write_csv(collected.answers, out, options.excel)
    print(f"Written: {shorten(out)}")
    for name, table, what in (
        ("dropped", collected.dropped, "Every dropped line, with its reason"),
        ("doubts", collected.doubts, "What is hard to believe, learner by learner"),
    ):
        if len(table):
            print(f"{what}: {shorten(write_csv(table, out.with_name(f'{out.stem}_{name}.csv'), options.excel))}")
    return 0


def _grade(options: Options) -> int:
    from course_lib.quiz.collect import collect
    from course_lib.quiz.grades import NOTHING_HANDED_IN, RULE, grades, read_roster

    roster = read_roster(options.roster) if options.roster else None
    banks = _banks_with_tasks(options)
    collected = collect(options.folder, banks)
    _say_what_arrived(collected)
    table = grades(collected, banks, roster)
    out = options.out or work_folder() / "quiz_class" / "grades.csv"
    write_csv(table, out, options.excel)
    print(RULE)
    absent = int((table["look at"] == NOTHING_HANDED_IN).sum())
    unnamed = int((table["learner"].astype(bool) & (table["name"] == "")).sum()) if roster else 0
    with_points = int(table["learner"].astype(bool).sum())
    print(f"{with_points} learners with points" + (f", {absent} handed in nothing" if absent else "") + ".")
    if unusable := len(table) - with_points - absent:
        print(f"{unusable} handed in lines of which none can be used; the column 'look at' says who.")
    if unnamed:
        print(f"{unnamed} of them are not in the roster; the column 'look at' says which.")
    print(f"Written: {shorten(out)}")
    return 0


def _stats(options: Options) -> int:
    from course_lib.quiz.collect import collect
    from course_lib.quiz.report import write_report
    from course_lib.quiz.stats import KEY_MAY_BE_WRONG, class_statistics, needs_explaining

    banks = _banks_with_tasks(options)
    collected = collect(options.folder, banks)
    _say_what_arrived(collected, options.lang)
    statistics = class_statistics(collected.answers, banks)
    out = options.out or work_folder() / "quiz_class"
    for name in ("questions", "options", "lessons", "learners", "objectives", "tasks"):
        table = getattr(statistics, name)
        if "text" in table and name != "options":
            table = table.assign(text=[text.plain(options.lang) for text in table["text"]])
        write_csv(table, out / f"{name}.csv", options.excel)
    for line in needs_explaining(statistics, options.lang):
        print(line)
    suspects = statistics.questions["note"] == KEY_MAY_BE_WRONG
    for question in statistics.questions["question"][suspects]:
        print(f"{question}: {KEY_MAY_BE_WRONG}; look at its options in the report")
    report = write_report(statistics, out / "report.html", collected.summary(options.lang), options.lang)
    print(f"Written: {shorten(report)}")
    return 0


def _say_what_arrived(collected: "Collected", language: str = "en") -> None:
    from course_lib.quiz.collect import OLDER_VERSION, UNKNOWN_QUESTION

    print(collected.summary(language))
    if collected.dropped["reason"].isin((UNKNOWN_QUESTION, OLDER_VERSION)).any():
        print(
            "If some of these are questions of your own: they are judged by the key of their release, so name it too: "
            "--banks quizzes --banks graded/instructor"
        )
    if len(collected.dropped) and collected.answers.empty:
        raise CourseError(
            "No answer can be judged by these banks, so nothing is written; older results stay as they are."
        )


def _banks_with_tasks(options: argparse.Namespace) -> list[Bank]:
    from course_lib.quiz.tasks.records import with_tasks

    return [with_tasks(bank) for bank in load_banks(*(options.banks or []))]


def _export(options: Options) -> int:
    from course_lib.quiz.export import export

    if options.lesson:
        banks = [load_bank(find_bank(number, options.banks)) for number in options.lesson]
    else:
        banks = load_banks(options.banks)
    out = options.out or work_folder() / "quiz_export"
    for bank in banks:
        exported = export(bank, options.to, options.lang, key=not options.no_key)
        with write_atomically(out / exported.name) as temporary:
            temporary.write_bytes(exported.content)
        print(f"Written: {shorten(out / exported.name)}")
        for loss, questions in exported.losses().items():
            every = len(questions) == len(bank.questions)
            print(f"  {loss}: {'every question' if every else ', '.join(questions)}")
    return 0


def _release(options: Options) -> int:
    from course_lib.quiz.release import release

    bank = find_bank(options.lesson, options.banks)
    learner, instructor = release(bank, options.out or work_folder() / "quiz_release")
    print(f"For the class:      {shorten(learner)}")
    print(f"For the instructor: {shorten(instructor)} (has the key; do not hand it out)")
    if options.banks is None:
        print("The keys of the course's own banks are public: grade with questions of your own.")
    return 0
