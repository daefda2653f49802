"""The slider of lesson 8: its sentences are the rates and costs, also where no kernel runs."""

import re

import numpy as np

from course_lib.evaluation import expected_cost
from course_lib.widgets import cost_slider

LABELS = np.array([1, 1, 0, 0, 0])
PROBABILITIES = np.array([0.9, 0.2, 0.1, 0.3, 0.05])


def test_each_sentence_states_the_rates_and_the_cost_of_its_threshold():
    defective = LABELS.sum()
    for row in cost_slider(LABELS, PROBABILITIES, 7, 2).rows:
        threshold, missed, overkill, cost = map(float, re.findall(r"\d+\.\d+", row))
        assert abs(cost - (missed * defective * 7 + overkill * (5 - defective) * 2) / 5) < 0.02
        assert abs(expected_cost(LABELS, PROBABILITIES, threshold, 7, 2) - cost) < 0.005


def test_zero_rejects_everything_and_a_high_threshold_misses_a_defect():
    rows = cost_slider(LABELS, PROBABILITIES).rows
    assert "0.00 of the defective parts missed, 1.00 of the good ones rejected" in rows[0]
    assert "0.50 of the defective parts missed, 0.00 of the good ones rejected" in rows[-1]


def test_without_a_kernel_a_list_of_sentences_is_shown():
    slider = cost_slider(LABELS, PROBABILITIES)
    bundle, _ = slider._repr_mimebundle_()
    assert slider.rows[0] in bundle["text/html"] and slider.rows[-1] in bundle["text/html"]
    assert "0x" not in bundle["text/plain"]
