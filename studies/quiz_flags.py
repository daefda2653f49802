"""How often is the flag "key may be wrong" right, and how often is it a false alarm?

    python studies/quiz_flags.py [--classes 40]

Each class is simulated (`course_lib.quiz.simulate`) and answers one single choice as if its key were
wrong. Found: the share of classes in which this question is flagged. False alarms: the share of the
other questions that are flagged. A real class is not drawn by this model, so take the numbers as a guide.
Results: studies/results/quiz_flags.csv
"""

import argparse
import tempfile

import pandas as pd

from course_lib.paths import project_folder, write_atomically
from course_lib.quiz.bank import load_banks
from course_lib.quiz.collect import collect
from course_lib.quiz.simulate import simulate_class
from course_lib.quiz.stats import KEY_MAY_BE_WRONG, class_statistics


def main() -> None:
    """Simulate classes of three sizes, count the flags, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", type=int, default=40, help="classes of each size")
    arguments = parser.parse_args()
    banks = load_banks()[:3]
    singles = [q.id for bank in banks for q in bank.questions if q.type == "single"]
    rows = []
    for learners in (20, 30, 60):
        found, false_alarms, others = 0, 0, 0
        for seed in range(arguments.classes):
            disputed = singles[seed % len(singles)]
            with tempfile.TemporaryDirectory() as name:
                folder = simulate_class(name, banks, learners, seed, disputed)
                answers = collect(folder, banks).answers
            questions = class_statistics(answers, banks).questions.set_index("question")
            flagged = questions["note"] == KEY_MAY_BE_WRONG
            found += int(flagged[disputed])
            false_alarms += int(flagged.drop(disputed).sum())
            others += len(flagged) - 1
        rows.append(
            {
                "learners": learners,
                "classes": arguments.classes,
                "found": round(found / arguments.classes, 3),
                "false_alarms": round(false_alarms / others, 4),
            }
        )
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    with write_atomically(project_folder() / "studies" / "results" / "quiz_flags.csv") as file:
        table.to_csv(file, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
