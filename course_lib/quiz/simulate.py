"""A simulated class: files of answers as learners would leave them, made by chance and a seed.

For instructors (``quizzes/00_class_report.ipynb``) and for the tests. Nobody's answers are in it,
and nothing can be learned from it about the course: it only shows what the statistics look like.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.paths import write_atomically
from course_lib.quiz.grading import grade
from course_lib.quiz.progress import make_record
from course_lib.quiz.questions import Bank, Question

START = datetime(2026, 1, 12, 9, tzinfo=UTC)  # of the first lesson; the others follow weekly
MOST_ATTEMPTS = 3
GAIN_OF_A_RETRY = 1.0  # in units of ability: the reason of a wrong answer helps


def simulate_class(
    folder: str | Path,
    banks: Iterable[Bank],
    learners: int = 30,
    seed: int = 0,
    disputed: str | None = None,
    first_lessons: int = 3,
) -> Path:
    """Write the answer file of each simulated learner into ``folder``, and return the folder.

    The chance of a right answer is 1 / (1 + exp(difficulty - ability)), the model of Rasch (1960).
    Ability is normal with mean 0 and standard deviation 1; difficulty follows the level that the
    bank states. Every learner answers ``first_lessons`` lessons; how many more, is chance.

    Args:
        disputed: id of a single choice that is answered as if its key were wrong: the better the
            learner, the likelier one of the options that the key calls wrong.

    Example:
        >>> import tempfile
        >>> from course_lib.quiz.bank import find_bank, load_bank
        >>> folder = simulate_class(tempfile.mkdtemp(), [load_bank(find_bank(1))], learners=4)
        >>> len(list(folder.glob("answers-*.jsonl")))
        4
    """
    folder, banks = Path(folder), list(banks)
    generator = np.random.default_rng(seed)
    difficulties = {
        question.id: 0.8 * question.difficulty - 2 + generator.normal(0, 0.5)
        for bank in banks
        for question in bank.questions
    }
    first_lessons = min(first_lessons, len(banks))
    for number in range(learners):
        # The same names at every call, so that a class is overwritten and never mixed with another.
        name = hashlib.sha256(f"{seed} {number}".encode()).hexdigest()[:12]
        ability = generator.normal()
        lines = []
        for bank in banks[: generator.integers(first_lessons, len(banks) + 1)]:
            clock = START + timedelta(weeks=bank.lesson - 1, seconds=float(generator.normal(0, 99)))
            for question in bank.questions:
                hardness = difficulties[question.id]
                for attempt, chosen in _attempts(question, ability - hardness, generator, question.id == disputed):
                    # Half of the answers take less than 15, 30 or 45 s; a few take very long.
                    seconds = 15 * question.difficulty * float(generator.lognormal(0, 0.6))
                    clock += timedelta(seconds=seconds)
                    record = make_record(
                        question,
                        bank.lesson,
                        chosen,
                        grade(question, chosen),
                        learner=name,
                        attempt=attempt,
                        seconds=seconds,
                        at=clock.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    )
                    lines.append(json.dumps(record, ensure_ascii=False) + "\n")
        with write_atomically(folder / f"answers-{name}.jsonl") as temporary:
            temporary.write_text("".join(lines), encoding="utf-8")
    return folder


def damage(folder: str | Path, share: float = 0.05, seed: int = 0) -> list[tuple[str, int]]:
    """Spoil two lines in some of the files: one is cut off, in one a number is changed.

    Returns:
        (name of the file, number of the line) of every spoilt line.
    """
    files = sorted(Path(folder).glob("*.jsonl"))
    generator = np.random.default_rng(seed)
    spoilt = []
    for place in sorted(generator.choice(len(files), round(share * len(files)), replace=False)):
        file = files[place]
        lines = file.read_bytes().splitlines()
        cut, changed = generator.choice(len(lines), 2, replace=False)
        lines[cut] = lines[cut][: generator.integers(1, len(lines[cut]) - 1)]
        lines[changed] = lines[changed].replace(b'"seconds": ', b'"seconds": 1')
        file.write_bytes(b"\n".join(lines) + b"\n")
        spoilt += [(file.name, int(cut) + 1), (file.name, int(changed) + 1)]
    return spoilt


def _attempts(
    question: Question, advantage: float, generator: np.random.Generator, disputed: bool
) -> Iterator[tuple[int, Any]]:
    """Number and answer of each attempt, until one is right or the learner stops trying."""
    for attempt in range(1, MOST_ATTEMPTS + 1):
        chance = 1 / (1 + math.exp(-advantage - GAIN_OF_A_RETRY * (attempt - 1)))
        right = generator.random() < (1 - chance if disputed else chance)
        yield attempt, question.right_answer() if right else question.wrong_answer(generator)
        if right or generator.random() < 0.3:
            return
