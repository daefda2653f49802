"""The report of an inspector: one HTML file that can be mailed, printed and read without a network.

Introduced in lesson 8. Everything in it is computed from predictions: nothing is chosen on the test
photos, and no number stands without its interval or its baseline.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from course_lib import data, plots
from course_lib.errors import CourseError
from course_lib.evaluation import calibration as calibrated
from course_lib.evaluation.metrics import accuracy_row, confusion, cost_table, inspection_table
from course_lib.evaluation.mistakes import is_doubted, worst_mistakes
from course_lib.evaluation.predictions import CLASSES, Predictions, softmax
from course_lib.evaluation.threshold import choose_threshold, decide, expected_cost
from course_lib.paths import write_atomically

TEMPLATE = Path(__file__).with_name("report.html")  # its words; this file computes what they are about
Splits = Mapping[str, Predictions]  # "validation" and "test"
Drawn = tuple[Figure, str]  # a figure and its alternative text


def report(
    sides: Mapping[str, Splits],
    path: str | os.PathLike,
    *,
    title: str = "Report of the inspector",
    threshold: float | None = None,
    cost_missed: float = 10.0,
    cost_overkill: float = 1.0,
    mistakes: int = 12,
    before: Iterable[str] = (),
    facts: Iterable[str] = (),
) -> Path:
    """Write one HTML file that holds all that lesson 8 found out about a model.

    The file holds its figures and needs no network. For each split: accuracy, missed defects,
    overkill, precision and average precision, each with a bootstrap interval and beside the
    trivial baseline; confusion matrix; ROC and precision-recall curve; what mistakes cost;
    calibration before and after temperature scaling. For the first split also the surest mistakes,
    with the photos that the experts doubted marked. With more than two classes: accuracy, and what
    the photos of each class were taken for.

    Args:
        sides: how the photos were split → predictions of its "validation" and its "test" photos,
            such as ``{"random split": …, "lot split": …}``. Where they have a temperature other than
            1, the model decides with it; otherwise one is fitted for the comparison only.
        path: the file, ending in ``.html``.
        title: heading of the report.
        threshold: of an inspector that has one already; otherwise the cheapest on validation.
        cost_missed, cost_overkill: as in `expected_cost`.
        mistakes: how many of the surest mistakes to show.
        before, facts: what else to say at the beginning and at the end: texts, or pieces of a page from
            `course_lib.plots`.

    Returns:
        The path.

    Raises:
        CourseError: no split is given.
    """
    if not sides:
        raise CourseError("A report needs at least one split; give predictions of a model.")
    costs = (cost_missed, cost_overkill)
    tests = {name: splits["test"] for name, splits in sides.items()}
    two = all(len(test.classes) == 2 for test in tests.values())
    rows = [accuracy_row(name, test.labels, decide(test.probabilities)) for name, test in tests.items()]
    first = next(iter(tests.values()))
    values: dict[str, Any] = {
        "overview": pd.DataFrame(rows),
        "how": "at threshold 0.5" if two else "of the most probable class",
        "sides": [_side(name, splits, threshold, costs) for name, splits in sides.items()],
        "costs": costs,
        "credits": map(data.credits, dict.fromkeys(data.photo_folder(test.index) for test in tests.values())),
    }
    if len(first.classes) == 2:
        values["mistakes"] = _mistakes(first, 0.5 if threshold is None else threshold, mistakes)
    body = plots.html(
        TEMPLATE.read_text(encoding="utf-8"), table=plots.table, figure=plots.figure, picture=plots.picture, **values
    )
    with write_atomically(path) as temporary:
        temporary.write_text(plots.page(title, *before, body, *facts), encoding="utf-8", errors="backslashreplace")
    return Path(path)


def _side(name: str, splits: Splits, threshold: float | None, costs: tuple[float, float]) -> dict[str, Any]:
    """All about one split: tables, and figures with their alternative texts."""
    test = splits["test"]
    if len(test.classes) > 2:
        return {"name": name, "taken_for": _taken_for(test)}
    validation, (good, defect) = splits["validation"], test.classes
    cheapest = choose_threshold(validation.labels, validation.positive, *costs)
    threshold = cheapest if threshold is None else threshold
    limits = {"0.5": 0.5} | ({f"{threshold:.2f}, chosen by cost": threshold} if threshold != 0.5 else {})
    calibration, calibration_curve = _calibration(validation, test)
    return {
        "name": name,
        "photos": len(test.labels),
        "defects": int(test.labels.sum()),
        "good": good,
        "defect": defect,
        "own_names": tuple(test.classes) != CLASSES,
        "measures": {
            words: inspection_table(test.labels, test.positive, limit, classes=test.classes)
            for words, limit in limits.items()
        },
        "confusion": _confusion_figures(test, list(limits.values())),
        "curves": _curves(test),
        "cheapest": cheapest,
        "threshold": threshold,
        "cost": cost_table(test.labels, test.positive, threshold, *costs),
        "cost_curve": _cost_curve(test, threshold, costs),
        "calibration": calibration,
        "calibration_curve": calibration_curve,
    }


def _taken_for(test: Predictions) -> pd.DataFrame:
    """What the photos of each class were taken for: for more than two classes."""
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(test.labels, decide(test.probabilities), labels=range(len(test.classes)))
    table = pd.DataFrame(counts, columns=[f"says {name}" for name in test.classes])
    table.insert(0, "photo of", list(test.classes))
    table.insert(1, "found", counts.diagonal() / counts.sum(axis=1))
    return table


def _confusion_figures(test: Predictions, limits: list[float]) -> Drawn:
    # The font of the figures has no Japanese letters, and takes $ for the start of a formula.
    plain = all(name.isascii() and "$" not in name for name in test.classes)
    figure, axes = plots.new_figure(columns=len(limits), width=4.5 * len(limits), height=4.2)
    texts = []
    for axis, limit in zip(axes[0], limits, strict=True):
        table = confusion(test.labels, decide(test.positive, limit), test.classes if plain else ("good", "defective"))
        plots.draw_confusion_matrix(axis, table)
        axis.set_title(f"threshold {limit:.2f}")
        (passed, overkill), (missed, found) = table.to_numpy()
        texts.append(
            f"At threshold {limit:.2f}: {found} defects found, {missed} missed, {passed} good parts "
            f"passed, {overkill} rejected."
        )
    return figure, " ".join(texts)


def _curves(test: Predictions) -> Drawn:
    figure, axes = plots.new_figure(columns=2, width=9.0)
    plots.draw_roc(axes[0, 0], test.labels, test.positive)
    plots.draw_precision_recall(axes[0, 1], test.labels, test.positive)
    alt = "Left: found defects over overkill (ROC), with the diagonal of guessing. Right: precision over recall, "
    return figure, alt + "with the share of defects as guessing."


def _cost_curve(test: Predictions, threshold: float, costs: tuple[float, float]) -> Drawn:
    def cost(limit: float) -> float:
        return expected_cost(test.labels, test.positive, limit, *costs)

    grid = np.linspace(0, 1, 201)
    figure, axis = plots.new_axis(width=9.0)
    axis.plot(grid, [cost(limit) for limit in grid], color=plots.BLUE, label="cost on test")
    axis.axvline(threshold, color=plots.ORANGE, linestyle="--", label="threshold used")
    axis.axvline(0.5, color=plots.GREY, linestyle=":", label="0.5")
    axis.set(xlabel="threshold", ylabel="cost of each part")
    axis.legend(fontsize=8)
    alt = f"Cost over threshold. At the threshold used, {threshold:.2f}, a part costs {cost(threshold):.2f}; "
    return figure, alt + f"at 0.5 it costs {cost(0.5):.2f}."


def _calibration(validation: Predictions, test: Predictions) -> tuple[pd.DataFrame, Drawn]:
    temperature, used = test.temperature, ", as used above"
    if temperature == 1:
        temperature, used = calibrated.fit_temperature(validation.logits, validation.labels), ""
    versions = {
        "as trained": softmax(test.logits)[:, 1],
        f"temperature {temperature:.2f}{used}": softmax(test.logits, temperature)[:, 1],
    }
    before, after = (calibrated.expected_calibration_error(test.labels, said) for said in versions.values())
    table = pd.DataFrame({"probabilities": list(versions), "calibration error": [before, after]})
    table["by chance alone"] = [calibrated.calibration_error_by_chance(said) for said in versions.values()]
    figure, axis = plots.new_axis(width=5.0, height=3.6)
    tables = {name: calibrated.calibration_table(test.labels, said, bins=5) for name, said in versions.items()}
    plots.draw_calibration(axis, tables)
    alt = "What came true over what the model said, with the diagonal as ideal. Calibration error "
    return table, (figure, alt + f"{before:.3f} as trained, {after:.3f} after temperature scaling.")


def _mistakes(test: Predictions, threshold: float, count: int) -> dict[str, Any]:
    """The photos on which the model was sure and wrong."""
    worst = worst_mistakes(test.index, test.positive, test.labels, count, threshold)
    found: dict[str, Any] = {"threshold": threshold, "photos": []}
    if "defect_probability" in test.index:
        found["doubted"] = int(is_doubted(test.index).sum())
    for photo, doubt in zip(worst.itertuples(), is_doubted(worst), strict=True):
        image = Image.fromarray(data.read_image(data.photo_path(test.index, photo.row)))
        image.thumbnail((300, 300))
        words = f"{photo.mistake}, model says {photo.probability:.2f} {test.classes[1]}"
        words += ", the experts doubted" if doubt else ""
        found["photos"].append((plots.photo_png(image), f"Photo {photo.path}: {words}", words))
    return found
