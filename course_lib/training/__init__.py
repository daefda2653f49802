"""The training loop, what a long run needs around it, and the log of runs (lesson 7).

``loop`` holds `fit` and `evaluate`; ``recipe`` how a model learns; ``checkpoint`` what is saved;
``processes`` training in several processes; ``learning_rate`` the trial of step sizes; ``benchmark`` the
time of a step; ``tracking`` the log of runs.
"""

from course_lib.training.benchmark import timer
from course_lib.training.checkpoint import load_checkpoint, save_checkpoint
from course_lib.training.learning_rate import learning_rate_curve, suggest_learning_rate
from course_lib.training.loop import StopTraining, evaluate, fit, set_training_mode
from course_lib.training.processes import Group, current_group, joined
from course_lib.training.tracking import environment, log_file, read_runs, record, runs
