"""The report of an inspector: one HTML file that can be mailed, printed and read without a network.

Introduced in lesson 8. Everything in it is computed from the logits of the model: nothing is chosen
on the test photos, and no number stands without its interval or its baseline.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from torch import nn

from course_lib import data, plots
from course_lib.errors import CourseError
from course_lib.evaluation import metrics as evaluation
from course_lib.evaluation.heat_maps import is_doubted, worst_mistakes
from course_lib.paths import write_atomically


@dataclass(frozen=True)
class Predictions:
    """What a model says about the photos of one split; nothing is chosen yet (lesson 8).

    Attributes:
        index: the test photos, N rows.
        labels: 1 for defective, (N,).
        logits: of the test photos, (N, 2).
        validation_labels, validation_logits: the same for the M validation photos, on which
            threshold and temperature are chosen.
        threshold: of an inspector that has one already; otherwise the cheapest on validation.
        temperature: of an inspector that has one already, which then decides with it. Otherwise the
            logits decide as they are, and a temperature is fitted for the comparison only.
        classes: what 0 and 1 are called.
    """

    index: pd.DataFrame
    labels: np.ndarray
    logits: np.ndarray
    validation_labels: np.ndarray
    validation_logits: np.ndarray
    threshold: float | None = None
    temperature: float | None = None
    classes: Sequence[str] = evaluation.CLASSES

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """How probable the second class is, as the model decides: (N, 2) to (N,)."""
        return evaluation.softmax(logits, self.temperature or 1.0)[:, 1]


def predictions(model: nn.Module, loaders: Mapping, index: pd.DataFrame) -> Predictions:
    """Let a model inspect the validation and the test photos of one split (lesson 8).

    Args:
        model: gives two logits for each photo.
        loaders: of `course_lib.datasets.loaders`, with "validation" and "test".
        index: the table with the column ``split`` that the loaders were made from.
    """
    logits, labels = evaluation.predict_logits(model, loaders["test"])
    validation_logits, validation_labels = evaluation.predict_logits(model, loaders["validation"])
    rows = index[index["split"] == "test"]
    return Predictions(
        rows, labels, logits, validation_labels, validation_logits,
        classes=data.class_names(index),
    )  # fmt: skip


def report(
    sides: Mapping[str, Predictions],
    path: str | os.PathLike,
    *,
    title: str = "Report of the inspector",
    cost_missed: float = 10.0,
    cost_overkill: float = 1.0,
    mistakes: int = 12,
) -> Path:
    """Write one HTML file that holds all that lesson 8 found out about a model (lesson 8).

    The file holds its figures and needs no network. For each split: accuracy, missed defects,
    overkill, precision and average precision, each with a bootstrap interval and beside the
    trivial baseline; confusion matrix; ROC and precision-recall curve; what mistakes cost at the
    inspector's threshold, or else at one chosen on validation; calibration before and after
    temperature scaling. For the first split also the surest mistakes, with the photos that the
    experts doubted marked.

    Args:
        sides: name of the split → what the model said, such as ``{"random split": …, "lot
            split": …}``.
        path: the file, ending in ``.html``.
        title: heading of the report.
        cost_missed, cost_overkill: as in `course_lib.evaluation.expected_cost`.
        mistakes: how many of the surest mistakes to show.

    Returns:
        The path.

    Raises:
        CourseError: no split is given, or a model has more or fewer than two classes.
    """
    if not sides:
        raise CourseError("A report needs at least one split; give predictions of a model.")
    for name, side in sides.items():
        if side.logits.shape[1] != 2:
            raise CourseError(
                f"The report needs two classes, good and defective, but the model of the {name} has "
                f"{side.logits.shape[1]}."
            )
    costs = (cost_missed, cost_overkill)
    parts = [f"<h1>{escape(title)}</h1>", _overview(sides)]
    for name, side in sides.items():
        parts += _side(name, side, costs)
    parts += _mistakes(*next(iter(sides.items())), mistakes)
    parts += ["<h2>The photos</h2>", f"<p>{escape(_licence(sides))}</p>"]
    content = plots.page(title, "\n".join(parts))
    with write_atomically(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
    return Path(path)


def _overview(sides: Mapping[str, Predictions]) -> str:
    """Accuracy on all splits side by side."""
    rows = [evaluation.accuracy_row(name, side.labels, side.logits.argmax(axis=1)) for name, side in sides.items()]
    return (
        "<p>All numbers are of test photos, which the model has not learned from. Nothing was chosen "
        "on them: temperatures come from validation photos, and thresholds from there, or from the "
        "costs of the mistakes alone. The columns <em>from</em> and <em>to</em> "
        "hold a 95 % interval. A random split may put photos of one lot into training and test; a "
        "lot split keeps each lot together, as in a factory that inspects new lots.</p>"
        + plots.table(pd.DataFrame(rows), "Accuracy at threshold 0.5, beside the commonest answer")
    )


def _side(name: str, side: Predictions, costs: tuple[float, float]) -> Iterator[str]:
    """All about one split."""
    probabilities = side.probabilities(side.logits)
    on_validation = side.probabilities(side.validation_logits)
    good, defect = side.classes
    cheapest = evaluation.choose_threshold(side.validation_labels, on_validation, *costs)
    threshold = cheapest if side.threshold is None else side.threshold
    limits = {0.5: "0.5"}
    if threshold != 0.5:
        limits[threshold] = f"{threshold:.2f}, chosen by cost"
    yield f"<h2>{escape(name.capitalize())}</h2>"
    yield (f"<p>{len(side.labels)} test photos, {int(side.labels.sum())} of them {escape(defect)}.</p>")
    if tuple(side.classes) != evaluation.CLASSES:
        yield (
            f"<p>A photo of “{escape(defect)}” that passes is called a missed defect, a photo of "
            f"“{escape(good)}” that is rejected is called overkill.</p>"
        )
    for limit, words in limits.items():
        yield plots.table(
            evaluation.inspection_table(side.labels, probabilities, limit, classes=side.classes),
            f"Measures at threshold {words}; the last column always answers “{good}”",
        )
    yield _confusion_figures(side, probabilities, list(limits))
    yield _curves(side.labels, probabilities)
    missed, overkill = costs
    yield "<h3>What mistakes cost</h3>"
    yield (
        f"<p>A missed defect costs {missed:g}, a good part that is rejected {overkill:g}. "
        f"The cheapest threshold on validation is {cheapest:.2f}; the threshold used is {threshold:.2f}.</p>"
    )
    yield plots.table(
        evaluation.cost_table(side.labels, probabilities, threshold, *costs),
        "Cost of each inspected part",
    )
    yield _cost_figure(side.labels, probabilities, threshold, costs)
    yield "<h3>Can a probability be taken at its word?</h3>"
    yield _calibration(side)


def _confusion_figures(side: Predictions, probabilities: np.ndarray, limits: Sequence[float]) -> str:
    # The font of the figures has no Japanese letters, and takes $ for the start of a formula.
    plain = all(name.isascii() and "$" not in name for name in side.classes)
    classes = side.classes if plain else ("good", "defective")
    figure, axes = plots.new_figure(columns=len(limits), width=4.5 * len(limits), height=4.2)
    texts = []
    for axis, limit in zip(axes[0], limits, strict=True):
        table = evaluation.confusion(side.labels, (probabilities >= limit).astype(int), classes)
        plots.draw_confusion_matrix(axis, table)
        axis.set_title(f"threshold {limit:.2f}")
        (passed, overkill), (missed, found) = table.to_numpy()
        texts.append(
            f"At threshold {limit:.2f}: {found} defects found, {missed} missed, {passed} good parts "
            f"passed, {overkill} rejected."
        )
    return plots.figure(figure, " ".join(texts))


def _curves(labels: np.ndarray, probabilities: np.ndarray) -> str:
    figure, axes = plots.new_figure(columns=2, width=9.0)
    plots.draw_roc(axes[0, 0], labels, probabilities)
    plots.draw_precision_recall(axes[0, 1], labels, probabilities)
    return plots.figure(
        figure,
        "Left: found defects over overkill (ROC), with the diagonal of guessing. Right: precision over "
        "recall, with the share of defects as guessing.",
    )


def _cost_figure(labels: np.ndarray, probabilities: np.ndarray, threshold: float, costs: tuple[float, float]) -> str:
    grid = np.linspace(0, 1, 201)
    curve = [evaluation.expected_cost(labels, probabilities, value, *costs) for value in grid]
    figure, axes = plots.new_figure(width=9.0)
    axis = axes[0, 0]
    axis.plot(grid, curve, color=plots.BLUE, label="cost on test")
    axis.axvline(threshold, color=plots.ORANGE, linestyle="--", label="threshold used")
    axis.axvline(0.5, color=plots.GREY, linestyle=":", label="0.5")
    axis.set(xlabel="threshold", ylabel="cost of each part")
    axis.legend(fontsize=8)
    here, there = (evaluation.expected_cost(labels, probabilities, limit, *costs) for limit in (threshold, 0.5))
    return plots.figure(
        figure,
        f"Cost over threshold. At the threshold used, {threshold:.2f}, a part costs "
        f"{here:.2f}; at 0.5 it costs {there:.2f}.",
    )


def _calibration(side: Predictions) -> str:
    temperature, used = side.temperature, ", as used above"
    if temperature is None:
        temperature = evaluation.fit_temperature(side.validation_logits, side.validation_labels)
        used = ""
    versions = {
        "as trained": evaluation.softmax(side.logits)[:, 1],
        f"temperature {temperature:.2f}{used}": evaluation.softmax(side.logits, temperature)[:, 1],
    }
    rows = [
        (name, evaluation.expected_calibration_error(side.labels, probabilities),
         evaluation.calibration_error_by_chance(probabilities))
        for name, probabilities in versions.items()
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["probabilities", "calibration error", "by chance alone"])
    figure, axes = plots.new_figure(width=5.0, height=3.6)
    plots.draw_calibration(
        axes[0, 0],
        {
            name: evaluation.calibration_table(side.labels, probabilities, bins=5)
            for name, probabilities in versions.items()
        },
    )
    before, after = table["calibration error"]
    return plots.table(
        table,
        "Expected calibration error; 0 is perfect, and even true probabilities reach only the last column",
    ) + plots.figure(
        figure,
        "What came true over what the model said, with the diagonal as ideal. Calibration error "
        f"{before:.3f} as trained, {after:.3f} after temperature scaling.",
    )


def _mistakes(name: str, side: Predictions, count: int) -> Iterator[str]:
    """The photos on which the model was sure and wrong."""
    threshold = 0.5 if side.threshold is None else side.threshold
    probabilities = side.probabilities(side.logits)
    worst = worst_mistakes(side.index, probabilities, side.labels, count, threshold)
    yield f"<h2>The surest mistakes, {escape(name)}</h2>"
    if threshold != 0.5:
        yield f"<p>At threshold {threshold:.2f}: the furthest from it come first.</p>"
    if "defect_probability" in side.index:
        doubted = int(is_doubted(side.index).sum())
        yield (
            f"<p>The experts doubted the label of {doubted} of the {len(side.index)} test photos. "
            "Below, such photos are marked.</p>"
        )
    yield '<div class="photos">'
    for photo, doubt in zip(worst.itertuples(), is_doubted(worst), strict=True):
        image = Image.fromarray(data.read_image(data.photo_path(side.index, photo.row)))
        image.thumbnail((300, 300))
        buffer = BytesIO()
        image.save(buffer, format="PNG")
        words = f"{photo.mistake}, model says {photo.probability:.2f} {side.classes[1]}"
        words += ", the experts doubted" if doubt else ""
        yield plots.picture(buffer.getvalue(), f"Photo {photo.path}: {words}", words)
    yield "</div>"


def _licence(sides: Mapping[str, Predictions]) -> str:
    folders = {side.index.attrs["folder"]: None for side in sides.values()}
    return " ".join(data.credits(folder) for folder in folders)
