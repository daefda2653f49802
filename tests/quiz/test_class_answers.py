"""The answers of a class: copies told apart, files as they are handed in, and what is hard to believe."""

import codecs
import io
import json
import os
import random
import shutil
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import psutil
import pytest

from course_lib import __main__ as program
from course_lib.errors import CourseError
from course_lib.paths import write_csv
from course_lib.quiz import doubts, handed_in, learner
from course_lib.quiz.bank import load_banks
from course_lib.quiz.collect import Collected, collect
from course_lib.quiz.grading import grade, right_answer
from course_lib.quiz.kinds.code import equal_results
from course_lib.quiz.progress import Progress, make_record, seal
from course_lib.quiz.report import write_report
from course_lib.quiz.simulate import simulate_class
from course_lib.quiz.stats import class_statistics

BANKS = load_banks()
QUESTIONS = BANKS[0].questions
ONE = QUESTIONS[0]
MINE, OTHER, DOCK = "a4:5e:60:00:00:01", "a4:5e:60:00:00:02", "00:1b:21:00:00:03"


@pytest.fixture(autouse=True)
def one_computer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A computer of one's own, whatever runs the tests."""
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    for name in ("COURSE_QUIZ", "JUPYTERHUB_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(learner, "changes_machines", lambda: False)
    on_computer(monkeypatch, MINE)


def on_computer(monkeypatch: pytest.MonkeyPatch, *cards: str) -> None:
    address = [SimpleNamespace(family=psutil.AF_LINK, address=card) for card in cards]
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"card": address})


def answer(folder: Path, question: Any = ONE, chosen: Any = 0) -> Progress:
    progress = Progress(folder)
    progress.add(question, 1, chosen, grade(question, chosen), seconds=12)
    return progress


# ---- copies told apart ------------------------------------------------------------------


def test_each_copy_of_a_folder_gets_a_name_and_a_file_of_its_own(tmp_path: Path, capsys: Any) -> None:
    first = answer(tmp_path / "image" / "quiz")
    everybody = {first.learner}
    files = {first.file.name}
    for number in range(5):
        copy = shutil.copytree(tmp_path / "image", tmp_path / f"computer{number}") / "quiz"
        mine = answer(copy, chosen=number % 4)
        assert mine.attempts(ONE) == 1  # what stood in the image is not theirs
        assert "begun in another folder" in capsys.readouterr().out
        assert answer(copy).learner == mine.learner and Progress(copy).attempts(ONE) == 2
        assert "begun" not in capsys.readouterr().out
        everybody.add(mine.learner)
        files.add(mine.file.name)
    assert len(everybody) == len(files) == 6
    assert Progress(first.folder).learner == first.learner


def test_a_folder_that_is_renamed_stays_the_learners(tmp_path: Path) -> None:
    before = answer(tmp_path / "course" / "quiz")
    (tmp_path / "course").rename(tmp_path / "Kurs 日本")
    after = Progress(tmp_path / "Kurs 日本" / "quiz")
    assert (after.learner, after.file.name, after.attempts(ONE)) == (before.learner, before.file.name, 1)


def test_computers_that_share_a_folder_are_told_apart_and_each_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {}
    for _ in range(2):
        for card in (MINE, OTHER, DOCK):
            on_computer(monkeypatch, card)
            names.setdefault(card, answer(tmp_path).learner)
            assert Progress(tmp_path).learner == names[card]
    assert len(set(names.values())) == 3
    assert sorted(collect(tmp_path, BANKS).answers["attempt"]) == [1, 1, 1, 2, 2, 2]


def test_a_laptop_is_the_same_in_its_dock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = answer(tmp_path)
    on_computer(monkeypatch, DOCK, MINE)
    assert (Progress(tmp_path).learner, Progress(tmp_path).file) == (before.learner, before.file)


@pytest.mark.parametrize(
    ("cards", "known"),
    [
        ([MINE], [MINE]),
        (["A4-5E-60-00-00-01"], [MINE]),  # as Windows writes it
        (["00:00:00:00:00:00", MINE], [MINE]),
        (["00:50:56:c0:00:08", MINE], [MINE]),  # VMware's own, the same everywhere
        (["0a:00:27:00:00:00", "02:42:ac:11:00:01", MINE], [MINE]),  # VirtualBox's and Docker's
        (["52:54:00:12:34:56"], ["52:54:00:12:34:56"]),  # a virtual machine has no other
        ([], ["node"]),
    ],
)
def test_a_computer_is_known_by_cards_that_no_other_has(
    cards: list[str], known: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner.platform, "node", lambda: "node")
    on_computer(monkeypatch, *cards)
    assert learner.machine() == known
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")  # a hub gives another machine each time, and an account
    assert learner.machine() == ["ada"]


def test_in_colab_a_learner_goes_on_in_each_session_in_a_file_that_has_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    files = []
    for session, question in enumerate(QUESTIONS[:3]):
        monkeypatch.setattr(learner.platform, "node", lambda session=session: f"session{session}")
        files.append(answer(tmp_path / "drive", question, right_answer(question)).file)
    assert len(set(files)) == 3
    assert [len(file.read_bytes().splitlines()) for file in files] == [1, 2, 3]
    collected = collect(tmp_path / "drive", BANKS)
    assert collected.answers["learner"].nunique() == 1 and len(collected.answers) == 3
    assert len(collected.doubts) == 0


def test_only_a_file_of_answers_is_taken_elsewhere_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = answer(tmp_path / "here")
    there = tmp_path / "there"
    there.mkdir()
    shutil.copy(before.file, there / before.file.name.replace(".jsonl", " (1).jsonl"))
    on_computer(monkeypatch, OTHER)
    after = answer(there, chosen=1)
    assert after.learner == before.learner and after.file.name != before.file.name
    assert [line["attempt"] for line in after.answers()] == [1, 2]
    collected = collect(tmp_path, BANKS)
    assert collected.answers["attempt"].tolist() == [1, 2] and len(collected.doubts) == 0


@pytest.mark.parametrize(
    "content",
    [
        b"0123456789ab\n",  # as it was before names belonged to places
        b"",
        b"\xff\xfe0\x001\x00",
        b'{"learner": "../../elsewhere", "places": ["PLACE"]}\n',
        b'{"learner": ["a"], "places": ["PLACE"]}\n',
        b'{"learner": "ada", "places": [["PLACE"], 1]}\n',
        b'{"learner": "ada"}\n[1]\nnull\n',
    ],
)
def test_a_name_that_belongs_to_no_place_is_not_taken(content: bytes, tmp_path: Path) -> None:
    (place, *_) = learner._places(tmp_path)
    (tmp_path / "learner.txt").write_bytes(content.replace(b"PLACE", place.encode()))
    name = answer(tmp_path).learner
    # No table takes it for a number, and it fits into a file name.
    assert name[0] in "abcdef" and len(name) == 12 and int(name, 16)
    assert Progress(tmp_path).learner == name


def test_copies_of_one_pseudonym_are_counted_apart_and_told(tmp_path: Path) -> None:
    for number in range(5):
        lines = [line_of("ada", ONE, number % 4, seconds=10.0 + number)]
        write_lines(tmp_path / f"computer{number}" / "answers-ada.jsonl", lines)
    collected = collect(tmp_path, BANKS)
    assert "5 answers of 5 learners" in collected.summary() and "more than one" in collected.summary()
    assert collected.doubts[["learner", "doubt"]].to_numpy().tolist() == [["ada", doubts.SEVERAL]]
    statistics = class_statistics(collected.answers, BANKS)
    assert statistics.questions["answers"].iloc[0] == 5


@pytest.mark.parametrize("kind", ["the same file twice", "a file that went on", "two sessions side by side"])
def test_files_of_one_pseudonym_that_agree_are_one_learner(kind: str, tmp_path: Path) -> None:
    lines = [
        line_of("ada", question, right_answer(question), place=number) for number, question in enumerate(QUESTIONS)
    ]
    parts = {
        "the same file twice": (lines, lines),
        "a file that went on": (lines[:3], lines),
        "two sessions side by side": (lines[:3], lines[3:]),
    }
    for place, part in zip("ab", parts[kind], strict=True):
        write_lines(tmp_path / place / "answers-ada.jsonl", part)
    collected = collect(tmp_path, BANKS)
    assert len(collected.answers) == len(QUESTIONS) and collected.answers["learner"].unique().tolist() == ["ada"]
    assert len(collected.doubts) == 0


# ---- files as they are handed in ----------------------------------------------------------


def line_of(name: str, question: Any, chosen: Any, place: int = 0, **changes: Any) -> str:
    """A line as the quiz writes it, half a minute after the one before; ``changes`` are sealed with it."""
    record = make_record(
        question,
        1,
        chosen,
        grade(question, chosen),
        learner=name,
        attempt=1,
        seconds=20.5 + place + len(name),
        at=f"2026-03-04T09:{place // 2:02}:{30 * (place % 2):02}Z",
    )
    record |= changes
    return json.dumps(record | {"seal": seal(record)}, ensure_ascii=False)


def write_lines(file: Path, lines: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


NUMBER = next(question for question in BANKS[1].questions if question.type == "numeric")
JAPANESE = [
    line_of("ada", question, right_answer(question), place=place, lesson=2 if question is NUMBER else 1)
    for place, question in enumerate(QUESTIONS[:2])
] + [line_of("ada", NUMBER, "１２．５ 個", place=2, lesson=2, outcome="wrong", score=0.0)]
TEXT = "".join(line + "\n" for line in JAPANESE)
WESTERN = TEXT.replace(JAPANESE[2], line_of("ada", NUMBER, "12,5 Stück", place=2, lesson=2, outcome="wrong", score=0.0))


def zip_of(files: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_the_sample_has_letters_that_are_not_ascii() -> None:
    assert not TEXT.isascii() and not WESTERN.isascii()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("answers-a.jsonl", TEXT.encode()),
        ("answers-a.JSONL", TEXT.encode()),
        ("answers-a.jsonl.txt", TEXT.encode()),
        ("answers-a.txt", TEXT.encode()),
        ("answers-a.jsonl.json", TEXT.encode()),
        ("answers-a (1).jsonl", TEXT.encode()),
        ("田中.jsonl", TEXT.encode()),
        ("a/b/c/d/answers-a.jsonl", TEXT.encode()),
        ("crlf.jsonl", TEXT.replace("\n", "\r\n").encode()),
        ("cr.jsonl", TEXT.replace("\n", "\r").encode()),
        ("no-end.jsonl", TEXT.rstrip().encode()),
        ("bom.jsonl", TEXT.encode("utf-8-sig")),
        ("joined.jsonl", b"".join(codecs.BOM_UTF8 + line.encode() + b"\n" for line in JAPANESE)),
        ("utf16.jsonl", TEXT.encode("utf-16")),
        ("utf16be.jsonl", codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be")),
        ("utf16le-bare.jsonl", TEXT.encode("utf-16-le")),
        ("utf16be-bare.jsonl", TEXT.encode("utf-16-be")),
        ("cp932.jsonl", TEXT.encode("cp932")),
        ("cp1252.jsonl", WESTERN.encode("cp1252")),
        ("latin1.jsonl", WESTERN.encode("latin-1")),
        ("class.zip", zip_of({"answers-a.jsonl": TEXT.encode()})),
        ("CLASS.ZIP", zip_of({"a/b/answers-a.jsonl.txt": TEXT.encode("utf-16")}, zipfile.ZIP_STORED)),
        ("class.zip", zip_of({"ada/quiz.zip": zip_of({"quiz/answers-a.jsonl": TEXT.encode()})})),
        ("class.zip", zip_of({"__MACOSX/._answers-a.jsonl": b"\0\5\26\7", "answers-a.jsonl": TEXT.encode()})),
        ("class.zip", zip_of({"ada\\answers-a.jsonl": TEXT.encode(), "ada/": b""})),
    ],
)
def test_every_way_to_hand_in_gives_the_same_answers(name: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    for place in (tmp_path, file):  # a folder, or the one file itself
        collected = collect(place, BANKS)
        assert len(collected.answers) == 3 and len(collected.dropped) == 0 and len(collected.doubts) == 0


def linked_entry() -> bytes:
    link = zipfile.ZipInfo("answers-a.jsonl")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    return packed.getvalue()


def locked() -> bytes:
    """The mark of a password in both places where a zip has it."""
    content = bytearray(zip_of({"answers-a.jsonl": b"x" * 50}))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


ZEROS = zip_of({"answers-a.jsonl": bytes(300_000)})


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("up.zip", zip_of({"../answers-a.jsonl": TEXT.encode()}), "path that leaves"),
        ("up.zip", zip_of({"a/..\\..\\answers-a.jsonl": TEXT.encode()}), "path that leaves"),
        ("root.zip", zip_of({"/tmp/answers-a.jsonl": TEXT.encode()}), "path that leaves"),
        ("drive.zip", zip_of({"C:\\answers-a.jsonl": TEXT.encode()}), "path that leaves"),
        ("link.zip", linked_entry(), "is a link"),
        ("locked.zip", locked(), "password"),
        ("lzma.zip", zip_of({"answers-a.jsonl": TEXT.encode()}, zipfile.ZIP_LZMA), "packed in a way"),
        ("bomb.zip", ZEROS, "larger than"),
        ("bombs.zip", zip_of({f"{number}.jsonl": bytes(90_000) for number in range(9)}), "unpacks to more"),
        ("inner.zip", zip_of({"inner.zip": zip_of({"a.bin": bytes(500_000)}, zipfile.ZIP_STORED)}), "unpacks to more"),
        ("many.zip", zip_of({f"{number}": b"" for number in range(60)}), "unpacks to more"),
        ("deep.zip", zip_of({"1.zip": zip_of({"2.zip": zip_of({"3.zip": ZEROS})})}), "zip in a zip"),
        ("cut.zip", zip_of({"answers-a.jsonl": TEXT.encode()})[:-40], "no sound zip"),
        ("text.zip", b"no zip at all", "no sound zip"),
        ("empty.zip", b"", "no sound zip"),
        ("answers.7z", b"7z\xbc\xaf", "a kind that is not read"),
        ("answers.tar.gz", b"\x1f\x8b", "a kind that is not read"),
        ("answers-a.jsonl", b" \n\n", "is empty"),
        ("answers-a.jsonl", b"{}" * 60_000, "larger than"),
    ],
)
def test_what_is_refused_is_named_and_costs_nobody_else(
    name: str, content: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handed_in, "MOST_IN_A_FILE", 100_000)
    monkeypatch.setattr(handed_in, "MOST_IN_A_ZIP", 400_000)
    monkeypatch.setattr(handed_in, "MOST_FILES", 50)
    (tmp_path / name).write_bytes(content)
    write_lines(tmp_path / "zoe.jsonl", [line_of("zoe", ONE, 0)])
    before = sorted(tmp_path.rglob("*"))
    collected = collect(tmp_path, BANKS)
    assert collected.answers["learner"].tolist() == ["zoe"]
    assert collected.dropped["reason"].str.contains(reason).sum() == 1, collected.dropped["reason"].tolist()
    assert sorted(tmp_path.rglob("*")) == before  # nothing was unpacked


@pytest.mark.skipif(os.name == "nt", reason="Windows lets only administrators make links")
def test_links_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "secret" / "answers-eve.jsonl", [line_of("eve", ONE, 0)])
    write_lines(tmp_path / "class" / "zoe.jsonl", [line_of("zoe", ONE, 0)])
    (tmp_path / "class" / "answers-eve.jsonl").symlink_to(tmp_path / "secret" / "answers-eve.jsonl")
    (tmp_path / "class" / "all").symlink_to(tmp_path / "secret")
    (tmp_path / "class" / "circle.jsonl").symlink_to(tmp_path / "class" / "circle.jsonl")
    collected = collect(tmp_path / "class", BANKS)
    assert collected.answers["learner"].tolist() == ["zoe"]
    assert collected.dropped["reason"].str.contains("leaves the folder").sum() == 2


def test_one_spoilt_file_in_a_zip_costs_no_other(tmp_path: Path) -> None:
    names = [f"learner{number}" for number in range(3)]
    content = zip_of({f"{name}.jsonl": line_of(name, ONE, 0).encode() for name in names}, zipfile.ZIP_STORED)
    (tmp_path / "class.zip").write_bytes(content.replace(b'"learner": "learner1"', b'"learner": "someone!"', 1))
    collected = collect(tmp_path, BANKS)
    assert collected.answers["learner"].tolist() == ["learner0", "learner2"]
    assert collected.dropped["reason"].tolist() == ["file cannot be unpacked (BadZipFile)"]


def test_files_that_are_no_answers_are_counted_and_one_is_named(tmp_path: Path) -> None:
    write_lines(tmp_path / "zoe.jsonl", [line_of("zoe", ONE, 0)])
    for name in ("learner.txt", "report.docx", "lesson.ipynb"):
        (tmp_path / name).write_text("x")
    assert "3 files are no answers and were not read, such as learner.txt." in collect(tmp_path, BANKS).summary()
    (tmp_path / "zoe.jsonl").unlink()
    with pytest.raises(CourseError, match="no answer files"):
        collect(tmp_path, BANKS)


def test_spoilt_files_never_stop_the_collection(tmp_path: Path) -> None:
    generator = random.Random(0)
    write_lines(tmp_path / "zoe.jsonl", [line_of("zoe", ONE, 0)])
    sound = [TEXT.encode(), TEXT.encode("utf-16"), zip_of({"a.jsonl": TEXT.encode(), "b.zip": ZEROS})]
    for number in range(150):
        content = bytearray(sound[number % 3])
        for _ in range(generator.randint(1, 20)):
            content[generator.randrange(len(content))] = generator.randrange(256)
        end = generator.randint(0, len(content))
        (tmp_path / f"{number}.{'zip' if number % 3 == 2 else 'jsonl'}").write_bytes(content[:end])
    assert "zoe" in set(collect(tmp_path, BANKS).answers["learner"])


@pytest.mark.parametrize(
    "chosen",
    [10**400, [10**400], {"right": 1}, [[[]]], [True], True, "1e999", "9" * 5000, "\ud800", "\0", [None], -1, 1.5],
)
def test_an_answer_that_breaks_the_rules_is_dropped_or_wrong(chosen: Any, tmp_path: Path) -> None:
    lines = []
    for bank in BANKS:
        for question in bank.questions:
            record = json.loads(line_of("eve", question, None, lesson=bank.lesson)) | {"chosen": chosen}
            lines.append(json.dumps(record | {"seal": seal(record)}))
    write_lines(tmp_path / "eve.jsonl", lines)
    collected = collect(tmp_path, BANKS)
    assert len(collected.answers) + len(collected.dropped) == len(lines)
    write_csv(collected.answers, tmp_path / "answers.csv")


def test_a_number_too_large_for_a_float_is_compared_all_the_same() -> None:
    assert not equal_results(10**400, 1.0, 0.1)
    assert equal_results(10**400, 10**400, 0)


# ---- what is hard to believe --------------------------------------------------------------


def an_error(question: Any, number: int = 1) -> Any:
    if question.type == "single":
        return (right_answer(question) + number) % len(question.options)
    if question.type == "multiple":
        return [next(place for place, option in enumerate(question.options) if not option.right)]
    return right_answer(question)[::-1] if question.type == "ordering" else str(-number)


Change = Callable[[int], dict[str, Any]]
# How the lines of eve differ from what the quiz writes, and the doubt that this raises.
FORGED: dict[str, tuple[Change, str]] = {
    "3 s each": (lambda n: {"seconds": 3.0}, doubts.TOO_FAST),
    "no time at all": (lambda n: {"seconds": 0.0}, doubts.TOO_FAST),
    "all in one second": (lambda n: {"at": "2026-03-04T09:00:00Z"}, doubts.TOO_FAST),
    "a month": (lambda n: {"seconds": 30 * 86_400.0} if n == 2 else {}, doubts.TOO_SLOW),
    "set back": (lambda n: {"at": "2026-03-03T09:00:00Z"} if n == 4 else {}, doubts.CLOCK),
    "years ago": (lambda n: {"at": f"1970-01-01T00:{n:02}:00Z"}, doubts.CLOCK),
    "years ahead": (lambda n: {"at": f"2999-01-01T00:{n:02}:00Z"}, doubts.CLOCK),
    "for ever": (lambda n: {"at": f"9999-01-01T00:{n:02}:00Z"}, doubts.CLOCK),
    "another form": (lambda n: {"at": "2026-03-04"} if n == 0 else {}, doubts.UNLIKE_THE_QUIZ),
    "no such day": (lambda n: {"at": "2026-02-31T09:00:00Z"} if n == 0 else {}, doubts.UNLIKE_THE_QUIZ),
    "a field more": (lambda n: {"grade": "A"} if n == 0 else {}, doubts.UNLIKE_THE_QUIZ),
    "another version": (lambda n: {"version": 2} if n == 0 else {}, doubts.UNLIKE_THE_QUIZ),
    "another lesson": (lambda n: {"lesson": 9} if n == 0 else {}, doubts.UNLIKE_THE_QUIZ),
    "right and 0": (lambda n: {"outcome": "right", "score": 0.0} if n == 0 else {}, doubts.UNLIKE_THE_QUIZ),
    "score 2": (lambda n: {"outcome": "right", "score": 2} if n == 0 else {}, doubts.UNLIKE_THE_QUIZ),
    "score yes": (lambda n: {"outcome": "right", "score": True} if n == 0 else {}, doubts.UNLIKE_THE_QUIZ),
    "no word": (lambda n: {"outcome": ["right"]} if n == 0 else {}, doubts.UNLIKE_THE_QUIZ),
    "digits": (lambda n: {"seconds": 12.3456} if n == 0 else {}, doubts.UNLIKE_THE_QUIZ),
    "third attempt first": (lambda n: {"attempt": 3} if n == 0 else {}, doubts.ATTEMPTS),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_the_quiz_cannot_have_written_is_flagged_and_nobody_else_is(name: str, tmp_path: Path) -> None:
    change, doubt = FORGED[name]
    lines = [line_of("eve", q, right_answer(q), place=n, **change(n)) for n, q in enumerate(QUESTIONS)]
    write_lines(tmp_path / "eve.jsonl", lines)
    write_lines(tmp_path / "zoe.jsonl", [line_of("zoe2", q, right_answer(q), place=n) for n, q in enumerate(QUESTIONS)])
    collected = collect(tmp_path, BANKS)
    assert len(collected.answers) == 2 * len(QUESTIONS)  # a doubt drops nothing
    assert doubt in set(collected.doubts["doubt"]), collected.doubts
    assert set(collected.doubts["learner"]) == {"eve"}
    assert "before you believe" in collected.summary() and doubt in collected.summary()


def handed_in_by(tmp_path: Path, **learners: Callable[[int, Any], tuple[Any, dict[str, Any]]]) -> Collected:
    for name, how in learners.items():
        lines = []
        for number, question in enumerate(QUESTIONS):
            chosen, changes = how(number, question)
            lines.append(line_of(name, question, chosen, place=number, **changes))
        write_lines(tmp_path / f"{name}.jsonl", lines)
    return collect(tmp_path, BANKS)


def half_wrong(number: int, question: Any) -> tuple[Any, dict[str, Any]]:
    return (an_error(question) if number % 2 else right_answer(question)), {}


def test_the_same_errors_under_two_names_are_flagged(tmp_path: Path) -> None:
    def others_errors(number: int, question: Any) -> tuple[Any, dict[str, Any]]:
        return (right_answer(question) if number % 2 else an_error(question)), {}

    collected = handed_in_by(tmp_path, ada=half_wrong, ben12=half_wrong, cleo123=others_errors)
    assert collected.doubts.to_numpy().tolist() == [
        ["ada", doubts.SAME_ERRORS, "as ben12"],
        ["ben12", doubts.SAME_ERRORS, "as ada"],
    ]


def test_a_file_under_another_name_is_flagged_by_its_times(tmp_path: Path) -> None:
    def all_right(number: int, question: Any) -> tuple[Any, dict[str, Any]]:
        return right_answer(question), {"seconds": 20.0 + number}

    def honest(number: int, question: Any) -> tuple[Any, dict[str, Any]]:
        return right_answer(question), {}

    collected = handed_in_by(tmp_path, ada=all_right, eve=all_right, zoe12=honest)
    assert collected.doubts[["learner", "doubt"]].to_numpy().tolist() == [
        ["ada", doubts.SAME_TIMES],
        ["eve", doubts.SAME_TIMES],
    ]


def test_learners_who_are_all_right_or_share_few_errors_are_not_flagged(tmp_path: Path) -> None:
    def two_wrong(number: int, question: Any) -> tuple[Any, dict[str, Any]]:
        return (an_error(question) if number in (1, 2) else right_answer(question)), {}

    def all_right(number: int, question: Any) -> tuple[Any, dict[str, Any]]:
        return right_answer(question), {}

    assert len(handed_in_by(tmp_path, a=two_wrong, b12=two_wrong, c123=all_right, d1234=all_right).doubts) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("learners", "lessons"), [(2, 10), (40, 10), (400, 1)])
def test_an_honest_class_raises_no_doubt_however_large(learners: int, lessons: int, tmp_path: Path) -> None:
    simulate_class(tmp_path, BANKS[:lessons], learners, seed=5, first_lessons=10)
    assert collect(tmp_path, BANKS).doubts.to_numpy().tolist() == []


@pytest.mark.slow
def test_who_copied_the_errors_of_a_whole_course_is_found_in_a_large_class(tmp_path: Path) -> None:
    simulate_class(tmp_path, BANKS, learners=40, seed=5, first_lessons=10)
    copied = sorted(tmp_path.iterdir())[7]
    name = copied.stem.removeprefix("answers-")
    lines = []
    for place, line in enumerate(copied.read_text(encoding="utf-8").splitlines()):
        record = json.loads(line) | {"learner": "eve", "seconds": 20.5 + place}
        lines.append(json.dumps(record | {"seal": seal(record)}))
    write_lines(tmp_path / "eve.jsonl", lines)
    assert sorted(collect(tmp_path, BANKS).doubts[["learner", "doubt"]].to_numpy().tolist()) == sorted(
        [[name, doubts.SAME_ERRORS], ["eve", doubts.SAME_ERRORS]]
    )


def test_attempts_that_were_lost_with_a_damaged_line_raise_no_doubt(tmp_path: Path) -> None:
    lines = ['{"cut off', line_of("ada", ONE, 0, attempt=2)]
    write_lines(tmp_path / "ada.jsonl", lines)
    assert len(collect(tmp_path, BANKS).doubts) == 0


def test_a_class_of_which_nothing_could_be_read_has_empty_tables(tmp_path: Path) -> None:
    write_lines(tmp_path / "ada.jsonl", ["nothing"])
    collected = collect(tmp_path, BANKS)
    statistics = class_statistics(collected.answers, BANKS)
    assert len(statistics.learners) == 0
    assert write_report(statistics, tmp_path / "report.html", collected.summary()).is_file()


# ---- text stays text ----------------------------------------------------------------------


NAMES = ["None", "NA", "null", "nan", "01", "1e5", "TRUE", "0x10", "1_000", "inf"]


def test_names_stay_text_in_every_table_that_is_written(tmp_path: Path) -> None:
    for name in NAMES:
        lines = [line_of(name, q, right_answer(q), place=n, seconds=20.0 + n) for n, q in enumerate(QUESTIONS)]
        write_lines(tmp_path / "class" / f"{name}.jsonl", lines)
    collected = collect(tmp_path / "class", BANKS)
    statistics = class_statistics(collected.answers, BANKS)
    for table in (collected.answers, collected.doubts, statistics.learners):
        for excel in (False, True):
            file = write_csv(table, tmp_path / "table.csv", excel)
            again = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
            assert set(again["learner"]) == set(NAMES)
            assert again["learner"].tolist() == table["learner"].tolist()


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_name_that_is_a_formula_is_written_as_text(name: str, tmp_path: Path) -> None:
    write_lines(tmp_path / "eve.jsonl", [line_of(name, ONE, 0, grade="=2+2")])
    collected = collect(tmp_path, BANKS)
    for table in (collected.answers, collected.doubts):
        again = pd.read_csv(write_csv(table, tmp_path / "t.csv"), dtype=str, keep_default_na=False)
        assert again["learner"].tolist() == ["'" + name]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp932", "cp1252", "latin-1", "ascii", "utf-8"])
def test_names_that_a_console_does_not_know_stop_no_command(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "Prüfung 小テスト"
    write_lines(base / "Grüße 田中 \U0001f600.jsonl", ["broken", line_of("zoe", ONE, 0, grade="A")])
    (base / "別 é.docx").write_text("x")
    (base / os.fsdecode(b"half \xe3\x81.txt")).write_text("x")
    (base / "line\nbreak \x1b[31m.7z").write_text("x")
    screen = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", screen)
    for command in ("collect", "stats") if encoding == "cp932" else ("collect",):
        assert program.main(["quiz", command, str(base), "--out", str(tmp_path / "成績 ü" / "out.csv")]) == 0
        shutil.rmtree(tmp_path / "成績 ü")
    screen.flush()
    said = screen.buffer.getvalue().decode(encoding)
    assert "1 answers of 1 learners kept." in said and "\x1b" not in said


def test_a_clock_that_is_set_back_before_a_check_costs_no_answer(tmp_path: Path) -> None:
    from course_lib.quiz.widget import QuizWidget

    widget = QuizWidget(BANKS[0], Progress(tmp_path))
    widget.send = lambda message, buffers=None: None
    widget._receive(widget, {"kind": "check", "question": ONE.id, "answer": 0, "seconds": -3600.5}, [])
    assert collect(tmp_path, BANKS).answers["seconds"].tolist() == [0]
