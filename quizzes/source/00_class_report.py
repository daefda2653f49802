# %% [markdown]
# # Quiz results of a class
#
# This notebook is for the instructor. It turns a folder of answer files into tables, pictures and one page that you can send to a colleague.
#
# **The class below is simulated.** Thirty sets of answers were drawn by chance, with a fixed seed. Nobody's answers are in them, and they say nothing about how hard the questions really are.
#
# **To use your own class:** collect the learners' files `answers-….jsonl` (they lie in `work/quiz/`) in one folder, and change the one line `ANSWERS = …` below.

# %%
from course_lib.paths import shorten, work_folder
from course_lib.quiz import bank, simulate

banks = bank.load_banks()
simulated = work_folder() / "quiz_class" / "simulated"
simulate.simulate_class(simulated, banks, seed=3, disputed="04-accuracy-misleads")
print(f"{len(simulate.damage(simulated))} lines were damaged on purpose.")

# %%
ANSWERS = simulated  # your own class: ANSWERS = "answers_of_my_class"

# %% [markdown]
# ## What arrived
#
# Each answer is judged again with the banks at hand. So if you correct a key, run this notebook again: the scores follow. A line is left out only for a reason, and the reason is given.

# %%
from course_lib.quiz.collect import collect

collected = collect(ANSWERS, banks)
print(collected.summary())
collected.dropped

# %% [markdown]
# ## The lessons
#
# `kr20` says how reliable a quiz is: near 1, the same learners would come out ahead again. A quiz of eight questions rarely has more than 0.7, which is enough for practice and not enough for grades. `complete` counts the learners who answered every question. Where fewer than ten did, the note says so: read nothing into those numbers.

# %%
from course_lib.quiz.stats import class_statistics

statistics = class_statistics(collected.answers, banks)
statistics.lessons.round(2)

# %% [markdown]
# ## Look at these questions first
#
# *Key may be wrong* means: strong learners miss this question more often than weak ones, or they prefer an option that the key calls wrong. Either the key is wrong, or the question can be read in two ways. In the simulated class one question was answered as if its key were wrong, and the table finds it. The flag is a hint and no proof: `studies/quiz_flags.py` measures how often it is right.

# %%
questions = statistics.questions
suspects = questions[questions["note"] == "key may be wrong"]
suspects[["question", "answers", "share_right", "discrimination", "note"]].round(2)

# %% [markdown]
# The options show why. The strong third prefers options that the key calls wrong; the weak third prefers the "right" one.

# %%
from course_lib import plots
from course_lib.quiz import report

SUSPECT = suspects["question"].iloc[0] if len(suspects) else "04-accuracy-misleads"
plots.show(*report.distractors(statistics, SUSPECT))
statistics.options[statistics.options["question"] == SUSPECT].round(2)

# %% [markdown]
# ## How hard is each question?
#
# A dot is the share of right *first* answers: later ones were made after the learner had read why the first was wrong. The line is the 95 % interval. Where two lines overlap widely, this class does not show which question is harder.

# %% tags=["nbval-approx-0.03"]
LESSON = 4
plots.show(*report.difficulty(statistics, LESSON))

# %% [markdown]
# ## Does a question tell strong learners from weak ones?
#
# *Discrimination* is the correlation of one question with the others of its lesson. From 0.2 on a question does its work. Near 0 everybody had it right, or everybody guessed. Below 0 something is wrong with it.

# %% tags=["nbval-approx-0.03"]
plots.show(*report.discrimination(statistics, LESSON))

# %% [markdown]
# ## How long did it take?
#
# The dot is the median, so one learner at lunch does not move it. A long bar means that the question is quick for some and slow for others. Its text may be hard to read.

# %% tags=["nbval-approx-0.03"]
plots.show(*report.times(statistics, LESSON))

# %% [markdown]
# All numbers of the lesson in one table:

# %%
of_lesson = questions[questions["lesson"] == LESSON]
of_lesson.drop(columns=["lesson", "objective", "type"]).round(2)

# %% [markdown]
# ## How far is each learner?
#
# The names are pseudonyms that the course made up. Only the learner can tell you which one is theirs: it is the name of their file. An empty place means that this lesson was not answered yet.

# %% tags=["nbval-approx-0.03"]
plots.show(*report.progress(statistics))

# %%
columns = ["lesson", "answered", "attempts", "minutes", "right_at_first", "right_in_the_end"]
learner = statistics.learners["learner"].iloc[0]
statistics.learners.query("learner == @learner")[columns].round(1)

# %% [markdown]
# ## One page for everything
#
# The page holds all tables and pictures and needs no network. The CSV file holds every answer; with `excel=True` a spreadsheet shows Japanese text rightly.

# %%
from course_lib.paths import write_csv

folder = work_folder() / "quiz_class"
page = report.write_report(statistics, folder / "report.html", collected.summary())
table = write_csv(collected.answers, folder / "answers.csv", excel=True)
print(shorten(page), shorten(table), sep="\n")

# %% [markdown]
# ## What to do with it
#
# - A key is wrong: correct it in `quizzes/`, run `python -m course_lib quiz check`, and run this notebook again. Answers that were given already are judged by the new key.
# - A question is hard *and* discriminates: explain its subject again.
# - A question is hard and does not discriminate: rewrite it and give it a new id. Put the old id under `retired`.
# - Everybody has it right: keep it as a start, or replace it.
