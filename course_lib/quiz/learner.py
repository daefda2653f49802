"""Who answers: a random name that does not go along when a folder or a whole disk is copied.

Introduced in lesson 1. A classroom is often set up by copying one computer thirty times. So the name
belongs to a place, which is this computer, this account and this folder: in a copy another one is
made. A folder that is only renamed stays the same place. ``learner.txt`` has a line for each place;
it holds check-sums alone, and is never handed in.
"""

import hashlib
import os
import platform
import re
import secrets
import sys
from pathlib import Path
from typing import NamedTuple

import psutil

from course_lib.paths import append_json_line, make_folder, read_json_lines, say, shorten

NAMES = "learner.txt"
FILE_NAME = re.compile(r"answers-([0-9A-Za-z]+)")
# Cards that VMware gives to every computer on which it runs, under the same addresses.
SHARED_CARDS = "00:50:56:c0:"


class Learner(NamedTuple):
    """A pseudonym, and the ending that keeps file names of one pseudonym in two places apart."""

    name: str
    ending: str


def known_learner(folder: Path) -> Learner | None:
    """Who answers in this place; None where nobody has answered yet.

    A file of answers that was brought along without ``learner.txt`` says who goes on here.
    """
    if not folder.is_dir():
        return None
    here = _places(folder)
    for line in reversed(read_json_lines(folder / NAMES)):
        name, places = str(line.get("learner")), line.get("places")
        # It becomes part of a file name, so nothing but letters and digits is taken.
        if isinstance(places, list) and set(here) & set(map(str, places)) and name.isalnum() and name.isascii():
            return Learner(name, _ending(name, str(places[0])))
    brought = None if (folder / NAMES).exists() else _largest(folder)
    return Learner(brought, _ending(brought, here[0])) if brought else None


def learner_here(folder: Path) -> Learner:
    """Who answers in this place; a new name is made, and kept, where that is nobody yet.

    Raises:
        CourseError: the name cannot be kept.
    """
    make_folder(folder)  # first, because a folder has its number only when it is there
    learner, file = known_learner(folder), folder / NAMES
    if learner is None and _largest(folder):
        say(
            f"The answers in {shorten(folder)} were begun in another folder or on another computer, so you go on under "
            f"a new random name. If they are yours, delete {shorten(file)} and run this cell again to see them."
        )
    if learner is None or not file.exists():
        here = _places(folder)
        # A letter first: a spreadsheet takes 123456789012 and 12345678e901 for numbers.
        name = learner.name if learner else secrets.choice("abcdef") + secrets.token_hex(6)[1:]
        append_json_line(file, {"learner": name, "places": here})
        learner = Learner(name, _ending(name, here[0]))
    return learner


def changes_machines() -> bool:
    """Whether each session may run on another machine, while the folder stays the learner's own."""
    return "google.colab" in sys.modules or Path("/.dockerenv").exists()


def machine() -> list[str]:
    """What tells this computer from a clone of its disk: the addresses of its network cards.

    One that is the same is enough, because a laptop has more of them in its dock.
    """
    if user := os.environ.get("JUPYTERHUB_USER"):
        return [user]
    if changes_machines():
        return ["any"]
    cards = {
        address.address.lower().replace("-", ":")
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == psutil.AF_LINK
    }
    cards = {card for card in cards if card.strip("0:") and not card.startswith(SHARED_CARDS)}
    # An address that software chose (second bit of its first byte) may be the same on many computers.
    built_in = {card for card in cards if not int(card[:2], 16) & 2}
    return sorted(built_in or cards) or [platform.node()]


def _places(folder: Path) -> list[str]:
    """Check-sums of this place: by the path of the folder, and by its number, which a new name leaves as it is."""
    user = str(folder.stat().st_uid) + os.environ.get("USERNAME", "")  # Windows gives everybody the number 0
    marks = [os.path.normcase(os.path.realpath(folder))]
    if number := folder.stat().st_ino:
        marks.append(f"{folder.stat().st_dev} {number}")
    return [_checksum(card, user, mark) for card in machine() for mark in marks]


def _ending(name: str, place: str) -> str:
    session = platform.node() if changes_machines() else ""
    return _checksum(name, place, session)[:6]


def _checksum(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()[:12]


def files_of(learner: str, folder: Path) -> list[Path]:
    """All files of answers of one pseudonym in a folder, or of every one ("")."""
    files = sorted(folder.glob("answers-*.jsonl"))
    return [file for file in files if (match := FILE_NAME.match(file.name)) and learner in ("", match[1])]


def _largest(folder: Path) -> str:
    """The pseudonym with the largest file of answers in a folder; "" where there is none."""
    largest = max(files_of("", folder), key=lambda file: file.stat().st_size, default=None)
    return FILE_NAME.findall(largest.name)[0] if largest else ""
