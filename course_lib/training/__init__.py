"""The training loop, what a long run needs around it, and the log of runs (lesson 7)."""

from course_lib.training.launching import why_not
from course_lib.training.learning_rate import learning_rate_curve, suggest_learning_rate
from course_lib.training.loop import (
    OPTIMIZERS,
    StopTraining,
    evaluate,
    fit,
    load_checkpoint,
    save_checkpoint,
    set_training_mode,
)
from course_lib.training.memory import largest_batch
from course_lib.training.processes import Group, current_group, joined
from course_lib.training.rehearsal import Rehearsal, random_state_kept
from course_lib.training.speed import Settings, fastest_settings
from course_lib.training.tracking import environment, log_file, plot_runs, read_runs, record, runs

__all__ = [
    "OPTIMIZERS",
    "Group",
    "Rehearsal",
    "Settings",
    "StopTraining",
    "current_group",
    "environment",
    "evaluate",
    "fastest_settings",
    "fit",
    "joined",
    "largest_batch",
    "learning_rate_curve",
    "load_checkpoint",
    "log_file",
    "plot_runs",
    "random_state_kept",
    "read_runs",
    "record",
    "runs",
    "save_checkpoint",
    "set_training_mode",
    "suggest_learning_rate",
    "why_not",
]
