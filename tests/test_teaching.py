"""The teacher's pack says what the lessons and the tasks say today."""

import re

import model_answers
import pytest

from course_lib.paths import project_folder
from course_lib.quiz.tasks.content import Task, of_lesson

TEACHING = project_folder() / "teaching"
PLANS = ("plan.md", "plan.ja.md")
LESSONS = sorted((project_folder() / "lessons" / "source").glob("[0-9][0-9]_*.py"))


@pytest.mark.parametrize("language", model_answers.FILES)
def test_model_answers_are_those_of_the_tasks(language: str) -> None:
    stored = (TEACHING / model_answers.FILES[language]).read_text(encoding="utf-8")
    assert stored == model_answers.page(language), "run: python tools/model_answers.py"
    solutions = [task.solution for lesson in range(1, 11) for task in of_lesson(lesson, Task)]
    assert stored.count("```python") == len(solutions) >= 45


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_has_the_study_times_of_the_lessons_and_fifteen_sessions(name: str) -> None:
    text = (TEACHING / name).read_text(encoding="utf-8")
    times, sessions, *_ = (
        re.findall(r"^\| (\d+) \| ([^|]+) \|", part, re.MULTILINE) for part in text.split("\n## ")[1:]
    )
    assert [number for number, _ in times] == [str(number) for number in range(1, 11)]
    for source, (number, time) in zip(LESSONS, times, strict=True):
        lesson = source.read_text(encoding="utf-8")
        if "**Study time:** " in lesson:
            assert time == lesson.split("**Study time:** ")[1].split(" minutes")[0].replace(" to ", "–"), number
    assert [number for number, _ in sessions] == [str(number) for number in range(1, 16)]


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_names_only_tasks_and_files_that_are_there(name: str) -> None:
    text = (TEACHING / name).read_text(encoding="utf-8")
    wrong = {task.id: len(task.wrong) for lesson in range(1, 11) for task in of_lesson(lesson, Task)}
    named = re.findall(r"`(\d\d-[a-z-]+)`", text)
    assert set(named) <= set(wrong)
    fewest_of_five = sorted(wrong.values())[-5]
    assert all(wrong[task] >= fewest_of_five for task in named[-5:]), "they have the most ways to go wrong"
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (TEACHING / target).is_file(), target
