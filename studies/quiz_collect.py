"""How long does it take to collect a thousand learners' files, and is every intact answer kept?

    python studies/quiz_collect.py [--learners 1000]

The class is simulated: every learner answers all banks, with up to three attempts a question. Then two
lines in 5 % of the files are spoilt: one is cut off, in one a number is changed. The script fails when
an intact answer is missing, or when a spoilt one was kept.
Results: studies/results/quiz_collect.csv
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import pandas as pd

from course_lib.paths import project_folder, write_atomically
from course_lib.quiz.bank import load_banks
from course_lib.quiz.collect import collect
from course_lib.quiz.simulate import damage, simulate_class

SHARE_DAMAGED = 0.05


def main() -> None:
    """Simulate, damage, collect three times, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--learners", type=int, default=1000)
    arguments = parser.parse_args()
    banks = load_banks()
    rows = []
    for kind, chosen in (("one lesson", banks[:1]), ("all ten lessons", banks)):
        with tempfile.TemporaryDirectory() as name:
            folder = simulate_class(name, chosen, arguments.learners, first_lessons=10)
            spoilt = set(damage(folder, SHARE_DAMAGED))
            intact = seals(folder, spoilt)
            seconds = []
            for _ in range(3):
                start = time.perf_counter()
                collected = collect(folder, banks)
                seconds.append(time.perf_counter() - start)
            dropped = set(zip(collected.dropped["file"], collected.dropped["line"], strict=True))
        if len(collected.answers) != len(intact) or dropped != spoilt:
            raise SystemExit(f"{kind}: an intact answer is missing, or a spoilt one was kept.")
        rows.append(
            {
                "answered": kind,
                "files": arguments.learners,
                "damaged_files": round(SHARE_DAMAGED * arguments.learners),
                "intact_answers": len(intact),
                "kept": len(collected.answers),
                "dropped": len(dropped),
                "seconds_fastest": round(min(seconds), 1),
                "seconds_slowest": round(max(seconds), 1),
            }
        )
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    with write_atomically(project_folder() / "studies" / "results" / "quiz_collect.csv") as file:
        table.to_csv(file, index=False, lineterminator="\n")


def seals(folder: Path, spoilt: set[tuple[str, int]]) -> set[str]:
    """What identifies each answer that was not spoilt."""
    return {
        json.loads(line)["seal"]
        for file in folder.glob("*.jsonl")
        for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1)
        if (file.name, number) not in spoilt
    }


if __name__ == "__main__":
    main()
