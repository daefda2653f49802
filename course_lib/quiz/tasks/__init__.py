"""Tasks, which a learner solves in a cell of the lesson, and guesses, made before a result shows.

Introduced in lesson 2. What a lesson asks stands in ``lessons/tasks/NN.py`` (`content`), `written` finds
what the learner wrote, `checking` judges it by way of `course_lib.quiz.run_code`, `outcomes` is what
comes back, `guesses` keeps guesses, `overview` shows how far the learner is.
"""
