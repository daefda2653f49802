"""How far the learner is, over all lessons in one place.

Introduced in lesson 2. It counts what stands in the learner's own file of answers.
"""

from course_lib.quiz.bank import load_banks
from course_lib.quiz.chosen_language import language
from course_lib.quiz.progress import Progress
from course_lib.quiz.tasks.content import Guess, Task, of_lesson
from course_lib.quiz.tasks.guesses import kept_guesses
from course_lib.quiz.tasks.outcomes import box
from course_lib.quiz.texts import Text

TITLES = (Text("lesson", "レッスン"), Text("tasks", "課題"), Text("quiz", "クイズ"), Text("guesses", "予想"))


class Overview:
    """Tasks solved, questions answered right and guesses made in each lesson; a notebook shows a table."""

    def __init__(self) -> None:
        progress = Progress()
        right = {answer["question"] for answer in progress.answers() if answer.get("outcome") == "right"}
        guessed = kept_guesses()
        self.rows = []
        for bank in load_banks():
            tasks, guesses = of_lesson(bank.lesson, Task), of_lesson(bank.lesson, Guess)
            counts = [
                (sum(task.id in right for task in tasks), len(tasks)),
                (sum(question.id in right for question in bank.questions), len(bank.questions)),
                (sum(guess.id in guessed for guess in guesses), len(guesses)),
            ]
            self.rows.append((f"{bank.lesson:02} ", bank.title, counts))

    def __repr__(self) -> str:
        solved, tasks = (sum(counts[0][i] for _, _, counts in self.rows) for i in (0, 1))
        return f"{solved} of {tasks} tasks solved." if language() == "en" else f"課題 {tasks} 問中 {solved} 問正解。"

    def _repr_html_(self) -> str:
        chosen = language()
        head = "".join(f'<th scope="col" style="text-align: left">{title.html(chosen)}</th>' for title in TITLES)
        body = ""
        for number, title, counts in self.rows:
            cells = [number + title.html(chosen), *(f"{done} / {all_}" if all_ else "–" for done, all_ in counts)]
            body += "<tr>" + "".join(f'<td style="text-align: left">{cell}</td>' for cell in cells) + "</tr>"
        return box([repr(self), f"<table><tr>{head}</tr>{body}</table>"], "11, 87, 208", chosen)


def overview() -> Overview:
    """Tasks, quizzes and guesses of all lessons: how much of each is done (any lesson).

    Raises:
        CourseError: a bank of questions has a fault.
    """
    return Overview()
