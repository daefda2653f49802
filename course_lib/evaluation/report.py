"""The report of an inspector: one HTML file that can be mailed, printed and read without a network.

Introduced in lesson 8. Everything in it is computed from predictions: nothing is chosen on the test
photos, and no number stands without its interval or its baseline.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from course_lib import data, plots
from course_lib.errors import CourseError
from course_lib.evaluation.calibration import (
    calibration_error_by_chance,
    calibration_table,
    expected_calibration_error,
    fit_temperature,
)
from course_lib.evaluation.metrics import accuracy_row, confusion, cost_table, inspection_table
from course_lib.evaluation.mistakes import is_doubted, worst_mistakes
from course_lib.evaluation.predictions import CLASSES, Predictions, softmax
from course_lib.evaluation.threshold import choose_threshold, decide, expected_cost
from course_lib.paths import write_atomically

ABOUT = (
    "All numbers are of test photos, which the model has not learned from. Nothing was chosen on them: "
    "temperatures come from validation photos, and thresholds from there, or from the costs of the "
    "mistakes alone. The columns “from” and “to” hold a 95 % interval. A random split may put photos of "
    "one lot into training and test; a lot split keeps each lot together, as in a factory that inspects "
    "new lots."
)
Splits = Mapping[str, Predictions]  # "validation" and "test"


def report(
    sides: Mapping[str, Splits],
    path: str | os.PathLike,
    *,
    title: str = "Report of the inspector",
    threshold: float | None = None,
    cost_missed: float = 10.0,
    cost_overkill: float = 1.0,
    mistakes: int = 12,
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
        facts: what else to say at the end: texts, or pieces of a page from `course_lib.plots`.

    Returns:
        The path.

    Raises:
        CourseError: no split is given.
    """
    if not sides:
        raise CourseError("A report needs at least one split; give predictions of a model.")
    costs = (cost_missed, cost_overkill)
    sections = [ABOUT, _overview(sides)]
    for name, splits in sides.items():
        sections += _side(name, splits, threshold, costs)
    name, first = next((name, splits["test"]) for name, splits in sides.items())
    if len(first.classes) == 2:
        sections += _mistakes(name, first, 0.5 if threshold is None else threshold, mistakes)
    folders = dict.fromkeys(splits["test"].index.attrs["folder"] for splits in sides.values())
    sections += [plots.heading("The photos"), *map(data.credits, folders), *facts]
    with write_atomically(path) as temporary:
        text = plots.page(title, *sections)
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return Path(path)


def _overview(sides: Mapping[str, Splits]) -> str:
    """Accuracy on all splits side by side."""
    tests = {name: splits["test"] for name, splits in sides.items()}
    rows = [accuracy_row(name, test.labels, decide(test.probabilities)) for name, test in tests.items()]
    two = all(len(test.classes) == 2 for test in tests.values())
    how = "at threshold 0.5" if two else "of the most probable class"
    return plots.table(pd.DataFrame(rows), f"Accuracy {how}, beside the commonest answer")


def _side(name: str, splits: Splits, threshold: float | None, costs: tuple[float, float]) -> Iterator[str]:
    """All about one split."""
    test = splits["test"]
    yield plots.heading(name.capitalize())
    if len(test.classes) > 2:
        yield _taken_for(test)
        return
    validation, (good, defect), missed = splits["validation"], test.classes, costs[0]
    cheapest = choose_threshold(validation.labels, validation.positive, *costs)
    threshold = cheapest if threshold is None else threshold
    limits = {0.5: "0.5"} | ({threshold: f"{threshold:.2f}, chosen by cost"} if threshold != 0.5 else {})
    yield f"{len(test.labels)} test photos, {int(test.labels.sum())} of them {defect}."
    if tuple(test.classes) != CLASSES:
        yield (
            f"A photo of “{defect}” that passes is called a missed defect, a photo of “{good}” that is "
            "rejected is called overkill."
        )
    for limit, words in limits.items():
        yield plots.table(
            inspection_table(test.labels, test.positive, limit, classes=test.classes),
            f"Measures at threshold {words}; the last column always answers “{good}”",
        )
    yield _confusion_figures(test, list(limits))
    yield _curves(test)
    yield plots.heading("What mistakes cost", 3)
    yield (
        f"A missed defect costs {missed:g}, a good part that is rejected {costs[1]:g}. The cheapest "
        f"threshold on validation is {cheapest:.2f}; the threshold used is {threshold:.2f}."
    )
    yield plots.table(cost_table(test.labels, test.positive, threshold, *costs), "Cost of each inspected part")
    yield _cost_figure(test, threshold, costs)
    yield plots.heading("Can a probability be taken at its word?", 3)
    yield _calibration(validation, test)


def _taken_for(test: Predictions) -> str:
    """What the photos of each class were taken for: for more than two classes."""
    classes, numbers = list(test.classes), range(len(test.classes))
    counts = pd.crosstab(test.labels, decide(test.probabilities)).reindex(index=numbers, columns=numbers, fill_value=0)
    table = pd.DataFrame(counts.to_numpy(), columns=[f"says {name}" for name in classes])
    table.insert(0, "photo of", classes)
    table.insert(1, "found", np.diag(counts) / counts.sum(axis=1))
    return plots.table(table, "What the photos of each class were taken for")


def _confusion_figures(test: Predictions, limits: list[float]) -> str:
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
    return plots.figure(figure, " ".join(texts))


def _curves(test: Predictions) -> str:
    figure, axes = plots.new_figure(columns=2, width=9.0)
    plots.draw_roc(axes[0, 0], test.labels, test.positive)
    plots.draw_precision_recall(axes[0, 1], test.labels, test.positive)
    return plots.figure(
        figure,
        "Left: found defects over overkill (ROC), with the diagonal of guessing. Right: precision over "
        "recall, with the share of defects as guessing.",
    )


def _cost_figure(test: Predictions, threshold: float, costs: tuple[float, float]) -> str:
    grid = np.linspace(0, 1, 201)
    figure, axes = plots.new_figure(width=9.0)
    axis = axes[0, 0]
    curve = [expected_cost(test.labels, test.positive, limit, *costs) for limit in grid]
    axis.plot(grid, curve, color=plots.BLUE, label="cost on test")
    axis.axvline(threshold, color=plots.ORANGE, linestyle="--", label="threshold used")
    axis.axvline(0.5, color=plots.GREY, linestyle=":", label="0.5")
    axis.set(xlabel="threshold", ylabel="cost of each part")
    axis.legend(fontsize=8)
    here, there = (expected_cost(test.labels, test.positive, limit, *costs) for limit in (threshold, 0.5))
    return plots.figure(
        figure,
        f"Cost over threshold. At the threshold used, {threshold:.2f}, a part costs "
        f"{here:.2f}; at 0.5 it costs {there:.2f}.",
    )


def _calibration(validation: Predictions, test: Predictions) -> str:
    temperature, used = test.temperature, ", as used above"
    if temperature == 1:
        temperature, used = fit_temperature(validation.logits, validation.labels), ""
    versions = {
        "as trained": softmax(test.logits)[:, 1],
        f"temperature {temperature:.2f}{used}": softmax(test.logits, temperature)[:, 1],
    }
    before, after = (expected_calibration_error(test.labels, said) for said in versions.values())
    table = pd.DataFrame({"probabilities": list(versions), "calibration error": [before, after]})
    table["by chance alone"] = [calibration_error_by_chance(said) for said in versions.values()]
    figure, axes = plots.new_figure(width=5.0, height=3.6)
    plots.draw_calibration(
        axes[0, 0], {name: calibration_table(test.labels, said, bins=5) for name, said in versions.items()}
    )
    return plots.join(
        plots.table(
            table,
            "Expected calibration error; 0 is perfect, and even true probabilities reach only the last column",
        ),
        plots.figure(
            figure,
            "What came true over what the model said, with the diagonal as ideal. Calibration error "
            f"{before:.3f} as trained, {after:.3f} after temperature scaling.",
        ),
    )


def _mistakes(name: str, test: Predictions, threshold: float, count: int) -> Iterator[str]:
    """The photos on which the model was sure and wrong."""
    worst = worst_mistakes(test.index, test.positive, test.labels, count, threshold)
    yield plots.heading(f"The surest mistakes, {name}")
    if threshold != 0.5:
        yield f"At threshold {threshold:.2f}: the furthest from it come first."
    if "defect_probability" in test.index:
        doubted = int(is_doubted(test.index).sum())
        yield (
            f"The experts doubted the label of {doubted} of the {len(test.index)} test photos. Below, such "
            "photos are marked."
        )
    pictures = []
    for photo, doubt in zip(worst.itertuples(), is_doubted(worst), strict=True):
        image = Image.fromarray(data.read_image(data.photo_path(test.index, photo.row)))
        image.thumbnail((300, 300))
        buffer = BytesIO()
        image.save(buffer, format="PNG")
        words = f"{photo.mistake}, model says {photo.probability:.2f} {test.classes[1]}"
        words += ", the experts doubted" if doubt else ""
        pictures.append(plots.picture(buffer.getvalue(), f"Photo {photo.path}: {words}", words))
    yield plots.photos(*pictures)
