"""From a model's answers to rates, a threshold, heat maps and a report (lesson 8).

The logits of a split are computed once, as `Predictions`; `threshold` decides and prices decisions,
`metrics` counts, with intervals, `calibration` asks whether probabilities come true, `heat_maps` and
`mistakes` show where the model looked and erred, `report` writes it all into one file, and `openings`
keeps the record of who has seen the test photos.
"""

from course_lib.evaluation.calibration import (
    calibration_error_by_chance,
    calibration_table,
    expected_calibration_error,
    fit_temperature,
)
from course_lib.evaluation.heat_maps import grad_cam
from course_lib.evaluation.metrics import (
    accuracy_row,
    bootstrap_interval,
    confusion,
    cost_table,
    inspection_table,
    missed_defect_rate,
    overkill_rate,
    wilson_interval,
)
from course_lib.evaluation.mistakes import is_doubted, worst_mistakes
from course_lib.evaluation.openings import record_test_opening, test_openings
from course_lib.evaluation.predictions import Predictions, predict, predict_logits, softmax
from course_lib.evaluation.report import report
from course_lib.evaluation.threshold import careful_threshold, choose_threshold, decide, expected_cost
