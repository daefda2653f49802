"""From a model's answers to rates, a threshold, heat maps and a report (lesson 8)."""

from course_lib.evaluation.heat_maps import grad_cam, is_doubted, worst_mistakes
from course_lib.evaluation.metrics import (
    accuracy_row,
    calibration_error_by_chance,
    calibration_table,
    choose_threshold,
    confusion,
    cost_table,
    expected_calibration_error,
    expected_cost,
    fit_temperature,
    inspection_table,
    missed_defect_rate,
    overkill_rate,
    predict_logits,
    softmax,
    wilson_interval,
)
from course_lib.evaluation.report_page import Predictions, predictions, report

__all__ = [
    "Predictions",
    "accuracy_row",
    "calibration_error_by_chance",
    "calibration_table",
    "choose_threshold",
    "confusion",
    "cost_table",
    "expected_calibration_error",
    "expected_cost",
    "fit_temperature",
    "grad_cam",
    "inspection_table",
    "is_doubted",
    "missed_defect_rate",
    "overkill_rate",
    "predict_logits",
    "predictions",
    "report",
    "softmax",
    "wilson_interval",
    "worst_mistakes",
]
