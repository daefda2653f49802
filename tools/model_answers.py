"""Write the model answers of all tasks for teachers, from the lessons and ``lessons/tasks/NN.py``.

    python tools/model_answers.py             teaching/model_answers.md and teaching/model_answers.ja.md

Run it after a task has changed; a test compares. Each answer has passed its own check, as a test of
the tasks proves for every solution.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from pprint import pformat

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / folder) for folder in ("", "tests", "tools")]

import build

from course_lib.paths import write_atomically
from course_lib.quiz.bank import find_bank, load_bank
from course_lib.quiz.tasks.content import Task, of_lesson

FILES = {"en": "model_answers.md", "ja": "model_answers.ja.md"}
HEADS = {
    "en": """# Model answers

One answer to each task, with the reason that learners read when theirs is right. Other answers are as good: the check
looks at what a function gives, not at how it is written. Made by `tools/model_answers.py`.
""",
    "ja": """# 課題の解答例

各課題の解答例と、正解したときに学習者に示される説明です。判定されるのは関数の結果で、書き方ではないため、ほかの書き方でも
かまいません。`tools/model_answers.py` で作成しています。
""",
}
LESSON = {"en": "Lesson", "ja": "レッスン"}
WHY = {"en": "Why it matters", "ja": "なぜ重要か"}


def prompts(lesson: int) -> dict[str, str]:
    """What the text cell above each task of a lesson asks, in English, by the task's id."""
    (source,) = build.sources([f"{lesson:02}"])
    asked, text = {}, ""
    for cell in build.render(source).cells:
        if cell.cell_type == "markdown":
            text = cell.source
        elif check := re.search(r"""^quiz\.check\(["']([\w-]+)["']""", cell.source, re.MULTILINE):
            asked[check[1]] = text[text.index("**Task") :]
    return asked


def laid_out(code: str) -> str:
    """The code, a long dictionary in it on several lines."""

    def spread(found: re.Match[str]) -> str:
        return f"{found[1]} = {pformat(ast.literal_eval(found[2]), width=100, sort_dicts=False)}"

    return re.sub(r"^(\w+) = (\{.{80,}\})$", spread, code.strip(), flags=re.MULTILINE)


def answers(lesson: int, language: str) -> Iterator[str]:
    """The answers of one lesson as pieces of a page."""
    title = load_bank(find_bank(lesson)).title.as_dict()[language]
    yield f"## {LESSON[language]} {lesson}: {title}"
    english = prompts(lesson)
    for task in of_lesson(lesson, Task):
        yield english[task.id] if language == "en" else task.prompt_ja
        yield f"```python\n{laid_out(task.solution)}\n```"
        yield f"*{WHY[language]}:* {task.why[language]}"


def page(language: str) -> str:
    """The whole page in one language."""
    pieces = [HEADS[language]]
    for lesson in range(1, 11):
        if of_lesson(lesson, Task):
            pieces += answers(lesson, language)
    return "\n\n".join(piece.strip() for piece in pieces) + "\n"


def main(folder: Path = PROJECT / "teaching") -> None:
    """Write both pages into a folder."""
    for language, name in FILES.items():
        with write_atomically(folder / name) as temporary:
            temporary.write_text(page(language), encoding="utf-8")


if __name__ == "__main__":
    main()
