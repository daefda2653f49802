"""A slider that shows what a threshold costs (lesson 8)."""

import numpy as np
import traitlets

from course_lib.evaluation import expected_cost, missed_defect_rate, overkill_rate
from course_lib.widgets.base import CourseWidget, script


class CostSlider(CourseWidget):
    """The slider of `cost_slider`; ``rows`` holds one sentence for each threshold."""

    _esm = script("cost_slider.js")
    rows = traitlets.List(traitlets.Unicode()).tag(sync=True)
    start = traitlets.Int(0).tag(sync=True)

    def __repr__(self) -> str:
        return f"Slider over {len(self.rows)} thresholds; run this cell to move it."

    def fallback(self) -> str:
        """Every sixth threshold."""
        shown = "".join(f"<li>{row}</li>" for row in self.rows[::6])
        return f"<p>Run this cell to move a slider.</p><ul>{shown}</ul>"


def cost_slider(
    labels: np.ndarray, probabilities: np.ndarray, cost_missed: float = 10.0, cost_overkill: float = 1.0
) -> CostSlider:
    """Move a threshold from 0 to 0.6 and read what the mistakes cost.

    Args:
        labels: 1 for defective, (N,).
        probabilities: of "defective", (N,), 0…1.
        cost_missed, cost_overkill: as in `course_lib.evaluation.expected_cost`.

    Example:
        >>> cost_slider(np.array([1, 0]), np.array([0.4, 0.1])).rows[-1]
        'Threshold 0.60: 1.00 of the defective parts missed, 0.00 of the good ones rejected, cost 5.00 for each part.'
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    rows = []
    for threshold in np.linspace(0, 0.6, 61):
        missed = missed_defect_rate(labels, probabilities, threshold)
        overkill = overkill_rate(labels, probabilities, threshold)
        cost = expected_cost(labels, probabilities, threshold, cost_missed, cost_overkill)
        rows.append(
            f"Threshold {threshold:.2f}: {missed:.2f} of the defective parts missed, "
            f"{overkill:.2f} of the good ones rejected, cost {cost:.2f} for each part."
        )
    return CostSlider(rows=rows, start=50)
