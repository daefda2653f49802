"""Charts of tables and curves: accuracies, groups, learning curves, thresholds, calibration.

Introduced in lesson 3. A function named ``draw_…`` draws on axes that are given; the others draw a
whole figure and show it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from course_lib.plots.figures import BLUE, COLOURS, GREY, ORANGE, new_axis, new_figure, show, styles


def bars(table: pd.DataFrame, x: str, y: str, *, alt: str = "") -> None:
    """Show one horizontal bar for each row, with its value written at the end.

    Args:
        table: one row for each bar; a positive one is orange, since it speaks for the defect, a negative one blue.
        x: column of the lengths; y: column of the names.
        alt: alternative text; the names, where it is left out.
    """
    figure, axis = new_axis(height=0.6 + 0.35 * len(table))
    drawn = axis.barh(table[y].astype(str), table[x], color=np.where(table[x] > 0, ORANGE, BLUE))
    axis.bar_label(drawn, fmt="%.2f", padding=3, fontsize=9)
    axis.margins(x=0.12)  # room for the values
    axis.invert_yaxis()
    axis.set_xlabel(x)
    show(figure, alt or f"{x} of: {', '.join(table[y].astype(str))}")


def accuracies(table: pd.DataFrame, *, alt: str = "") -> None:
    """Show accuracies as points with their intervals beside the trivial baseline.

    Args:
        table: rows of `course_lib.evaluation.accuracy_row`.
        alt: alternative text; the names of the rows, where it is left out.
    """
    figure, axis = new_axis(height=0.9 + 0.4 * len(table))
    rows = np.arange(len(table))
    left, right = table["accuracy"] - table["from"], table["to"] - table["accuracy"]
    axis.errorbar(table["accuracy"], rows, xerr=[left, right], fmt="o", color=BLUE, capsize=4)
    axis.plot(table["baseline"], rows, "|", color=GREY, markersize=18, markeredgewidth=3)
    axis.set_yticks(rows, table["model"])
    axis.set_ylim(len(table) - 0.5, -0.5)
    # Centred on the figure, not on the axes, so that long names at the left do not push it out.
    figure.supxlabel("accuracy: point with 95 % interval; grey mark: trivial baseline", fontsize=9)
    axis.grid(axis="x", alpha=0.3)
    show(figure, alt or f"Accuracy, interval and trivial baseline of: {', '.join(table['model'])}")


def histogram(values: Mapping[str, np.ndarray], *, xlabel: str, alt: str = "", positive: str = "defective") -> None:
    """Show how often each value occurs, one outline for each group.

    Args:
        values: group name → numbers.
        alt: alternative text; the groups, where it is left out.
        positive: the class that is the defect.
    """
    figure, axis = new_axis()
    edges = np.histogram_bin_edges(np.concatenate([np.ravel(numbers) for numbers in values.values()]), 40)
    for name, style in styles(values, positive).items():
        how: dict[str, Any] = {"color": style.colour, "linestyle": style.line, "linewidth": 2, "label": name}
        axis.hist(np.ravel(values[name]), edges.tolist(), histtype="step", density=True, **how)
    axis.set(xlabel=xlabel, ylabel="how often (the area is 1)")
    axis.legend(fontsize=8)
    show(figure, alt or f"How often each {xlabel} occurs, for {' and '.join(values)}.")


def scatter(
    points: np.ndarray,
    groups: Sequence[str],
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
    title: str = "",
    positive: str = "defective",
) -> None:
    """Show points in a plane, coloured and shaped by group.

    Args:
        points: (N, 2).
        groups: the group name of each point, (N,).
        positive: the class that is the defect.
    """
    figure, axis = new_axis(height=4.0, width=6.0)
    for group, style in styles(sorted(set(groups)), positive).items():
        x, y = points[np.asarray(groups) == group].T
        axis.scatter(x, y, s=9, alpha=0.6, color=style.colour, marker=style.marker, label=group)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.set_title(title, fontsize=10)
    axis.legend(fontsize=8, markerscale=2)
    show(figure, alt)


def learning_curves(histories: Mapping[str, pd.DataFrame], *, alt: str = "", baseline: float | None = None) -> None:
    """Show loss and accuracy of each epoch; solid is training, dashed validation.

    Args:
        histories: name → history of `course_lib.training.fit`.
        alt: alternative text; the names of the trainings, where it is left out.
        baseline: accuracy of always answering the commonest class.
    """
    figure, axes = new_figure(columns=2, width=9.0)
    several = len(histories) > 1
    for axis, quantity in zip(axes[0], ("loss", "accuracy"), strict=True):
        for name, style in styles(histories).items():
            history, how = histories[name], {"color": style.colour, "markersize": 4}
            # Not by colour alone: several runs have a mark each, on both of their lines.
            marker, label = style.marker if several else None, f"{name}: training"
            axis.plot(history["epoch"], history[f"train_{quantity}"], marker=marker, label=label, **how)
            if f"validation_{quantity}" in history:
                how |= {"marker": style.marker, "linestyle": "--", "label": f"{name}: validation"}
                axis.plot(history["epoch"], history[f"validation_{quantity}"], **how)
        axis.set(xlabel="epoch", ylabel=quantity)
        axis.locator_params(axis="x", integer=True)
    if baseline is not None:
        axes[0, 1].axhline(baseline, color=GREY, linestyle=":", label="trivial baseline")
    axes[0, 1].legend(fontsize=8)
    show(figure, alt or f"Loss and accuracy of each epoch, training and validation: {', '.join(histories)}")


def lines(
    x: Sequence[float] | np.ndarray,
    curves: Mapping[str, Sequence[float] | np.ndarray],
    *,
    xlabel: str,
    ylabel: str,
    alt: str = "",
    mark: Mapping[str, float] | None = None,
    by_factors: bool = False,
) -> None:
    """Show curves over a common axis.

    Args:
        x: (N,).
        curves: name → values, (N,).
        alt: alternative text; the names of the curves, where it is left out.
        mark: name → x value for a dashed upright line.
        by_factors: equal steps along the axis are equal factors, such as 0.001, 0.01, 0.1.
    """
    figure, axis = new_axis()
    for name, style in styles(curves).items():
        axis.plot(x, curves[name], style.line, color=style.colour, linewidth=2, label=name)
    for number, (name, value) in enumerate((mark or {}).items()):
        axis.axvline(value, color=COLOURS[(number + 3) % 6], linestyle="--", label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, xscale="log" if by_factors else "linear")
    axis.legend(fontsize=8)
    show(figure, alt or f"{ylabel} over {xlabel}: {', '.join(curves)}")


def confusion_matrix(table: pd.DataFrame) -> None:
    """Show the four outcomes as a picture: a table of `course_lib.evaluation.confusion`."""
    figure, axis = new_axis(width=4.6, height=3.2)
    draw_confusion_matrix(axis, table)
    show(figure, "counts of the four outcomes: good parts that pass, overkill, missed defects, defects found")


def draw_confusion_matrix(axis: Axes, table: pd.DataFrame) -> None:
    """Draw the four outcomes of `course_lib.evaluation.confusion` as coloured fields."""
    counts = table.to_numpy()
    axis.imshow(counts, cmap="Blues", vmin=0, vmax=counts.max() * 1.2)
    names = [["right:\ngood part passes", "overkill"], ["missed defect", "right:\ndefect found"]]
    for row, column in np.ndindex(2, 2):
        colour = "white" if counts[row, column] > 0.6 * counts.max() else "black"
        text = f"{counts[row, column]}\n{names[row][column]}"
        axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    axis.set_xticks([0, 1], table.columns)
    axis.set_yticks([0, 1], table.index)
    axis.spines[:].set_visible(False)


def draw_roc(axis: Axes, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Draw found defects over overkill for all thresholds.

    Args:
        labels: 1 for defective, (N,), both classes there.
        probabilities: of the defect, (N,).
    """
    from sklearn.metrics import roc_curve

    overkill, found, _ = roc_curve(labels, probabilities)
    axis.plot(overkill, found, color=BLUE)
    axis.plot([0, 1], [0, 1], ":", color=GREY)
    axis.set(xlabel="overkill rate", ylabel="recall", title="ROC")


def draw_precision_recall(axis: Axes, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Draw precision over recall for all thresholds, arguments as for `draw_roc`."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, probabilities)
    axis.plot(recall, precision, color=BLUE)
    axis.axhline(np.mean(labels), linestyle=":", color=GREY)
    axis.set(xlabel="recall", ylabel="precision", title="precision-recall")


def draw_calibration(axis: Axes, tables: Mapping[str, pd.DataFrame]) -> None:
    """Draw what came true over what the model said; on the diagonal it is at its word.

    Args:
        tables: name → table of `course_lib.evaluation.calibration_table`.
    """
    for name, style in styles(tables).items():
        table = tables[name]
        axis.plot(table["said"], table["true"], style.line, marker=style.marker, color=style.colour, label=name)
    axis.plot([0, 1], [0, 1], ":", color=GREY)
    axis.set(xlabel="the model said", ylabel="came true")
    axis.legend(fontsize=8)
