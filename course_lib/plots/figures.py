"""Figures of the lessons, each with a text for those who cannot see it.

Every function draws one figure and shows it through `show`. The colours are those of Okabe and
Ito, which people with colour-blindness can tell apart.
"""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.errors import CourseError

BLUE, ORANGE, GREEN, PINK, SKY, GREY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#666666",
)
COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, GREY)


def new_figure(columns: int = 1, rows: int = 1, width: float = 7.0, height: float = 3.0) -> tuple[Figure, np.ndarray]:
    """An empty figure and its axes, (rows, columns), in the style of the course (lesson 1).

    Args:
        columns, rows: how many pictures side by side and one below the other.
        width, height: of the whole figure, in inches.
    """
    figure = Figure(figsize=(width, height), dpi=90, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def show(figure: Figure, alt: str) -> None:
    """Show a figure with alternative text (lesson 1).

    Args:
        figure: a matplotlib figure.
        alt: what a person who cannot see the figure needs to know, in one or two sentences.

    Raises:
        CourseError: the alternative text is missing.
    """
    if not alt.strip():
        raise CourseError("The figure has no alternative text; say in one sentence what it shows.")
    from IPython.display import display

    display(
        {"image/png": png(figure), "text/plain": f"Figure: {alt}"},
        metadata={"image/png": {"alt": alt}},
        raw=True,
    )


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG file (lesson 1)."""
    buffer = BytesIO()
    # No software version inside the file: the same figure is the same bytes tomorrow.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def draw_photo(axis: Axes, image: np.ndarray, title: str = "", colour: str = "black") -> None:
    """Draw one photo without axes (lesson 1): uint8 (H, W), (1, H, W), (H, W, 3) or (3, H, W)."""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[0] in (1, 3):
        image = image.transpose(1, 2, 0)
    axis.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
    axis.set_title(title, fontsize=9, color=colour)
    axis.set_axis_off()


def photo_grid(
    images: Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    *,
    alt: str,
    columns: int = 6,
    size: float = 1.4,
) -> None:
    """Show photos in rows, each with its title (lesson 1).

    Args:
        images: uint8 photos.
        titles: one short text for each photo.
        alt: alternative text.
        columns: photos in a row.
        size: width of one photo in inches.
    """
    if len(images) == 0:
        raise CourseError("There are no photos to show; check the selection.")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = max((title.count("\n") + 1 for title in titles), default=0) if titles is not None else 0
    # Fixed places instead of a layout that measures the titles: fonts differ between machines and
    # releases, and the photos shall not move with them.
    title_height = 0.17 * lines + 0.12 * (lines > 0)
    height, gap = size + title_height, 0.04
    figure, axes = new_figure(columns, rows, columns * size, rows * height)
    figure.set_layout_engine("none")
    for number, axis in enumerate(axes.flat):
        row, column = divmod(number, columns)
        bottom = (rows - 1 - row) * height
        axis.set_position(
            [
                (column + gap) / columns,
                (bottom + gap * size) / (rows * height),
                (1 - 2 * gap) / columns,
                (1 - 2 * gap) * size / (rows * height),
            ]
        )
    for axis in axes.flat:
        axis.set_axis_off()
    for number, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        draw_photo(axis, image, titles[number] if titles is not None else "")
    show(figure, alt)


def bars(
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    alt: str,
    line: float | None = None,
    line_label: str = "",
) -> None:
    """Show one horizontal bar for each row, with its value written at the end (lesson 4).

    Args:
        table: one row for each bar.
        x: column of the lengths; y: column of the names.
        line: a value to mark with a dashed line, such as the trivial baseline.
    """
    figure, axes = new_figure(height=0.6 + 0.35 * len(table))
    axis = axes[0, 0]
    drawn = axis.barh(table[y].astype(str), table[x], color=BLUE)
    axis.bar_label(drawn, fmt="%.3g", padding=3, fontsize=9)
    axis.margins(x=0.12)  # room for the values
    if line is not None:
        axis.axvline(line, color=ORANGE, linestyle="--", label=line_label)
        axis.legend(fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel(x)
    show(figure, alt)


def accuracies(table: pd.DataFrame, *, alt: str) -> None:
    """Show accuracies as points with their intervals beside the trivial baseline (lesson 3).

    Args:
        table: rows of `course_lib.evaluation.accuracy_row`.
    """
    figure, axes = new_figure(height=0.9 + 0.4 * len(table))
    axis = axes[0, 0]
    rows = np.arange(len(table))
    left, right = table["accuracy"] - table["from"], table["to"] - table["accuracy"]
    axis.errorbar(table["accuracy"], rows, xerr=[left, right], fmt="o", color=BLUE, capsize=4)
    axis.plot(table["baseline"], rows, "|", color=ORANGE, markersize=18, markeredgewidth=3)
    axis.set_yticks(rows, table["model"])
    axis.set_ylim(len(table) - 0.5, -0.5)
    # Centred on the figure, not on the axes, so that long names at the left do not push it out.
    figure.supxlabel("accuracy: point with 95 % interval; orange mark: trivial baseline", fontsize=9)
    axis.grid(axis="x", alpha=0.3)
    show(figure, alt)


def histogram(values: dict[str, np.ndarray], *, xlabel: str, alt: str, bins: int = 40) -> None:
    """Show how often each value occurs, one outline for each group (lesson 3).

    Args:
        values: group name → numbers.
    """
    figure, axes = new_figure()
    axis = axes[0, 0]
    everything = np.concatenate([np.ravel(numbers) for numbers in values.values()])
    edges = np.histogram_bin_edges(everything, bins)
    styles = ("-", "--", ":", "-.")
    for number, (name, numbers) in enumerate(values.items()):
        axis.hist(
            np.ravel(numbers), edges, histtype="step", density=True, linewidth=2, label=name,
            color=COLOURS[number % 6], linestyle=styles[number % 4],
        )  # fmt: skip
    axis.set_xlabel(xlabel)
    axis.set_ylabel("how often (the area is 1)")
    axis.legend(fontsize=8)
    show(figure, alt)


def scatter(points: np.ndarray, groups: Sequence, *, xlabel: str, ylabel: str, alt: str, title: str = "") -> None:
    """Show points in a plane, coloured and shaped by group (lesson 3).

    Args:
        points: (N, 2).
        groups: the group name of each point, (N,).
    """
    figure, axes = new_figure(height=4.0, width=6.0)
    axis = axes[0, 0]
    for number, group in enumerate(sorted(set(groups))):
        chosen = np.asarray(groups) == group
        axis.scatter(
            *points[chosen].T, s=9, alpha=0.6, color=COLOURS[number % 6], marker="o^sxD+"[number % 6],
            label=group,
        )  # fmt: skip
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.set_title(title, fontsize=10)
    axis.legend(fontsize=8, markerscale=2)
    show(figure, alt)


def learning_curves(histories: dict[str, pd.DataFrame], *, alt: str, baseline: float | None = None) -> None:
    """Show loss and accuracy of each epoch; solid is training, dashed validation (lesson 7).

    Args:
        histories: name → history of `course_lib.training.fit`.
        baseline: accuracy of always answering the commonest class.
    """
    figure, axes = new_figure(columns=2, width=9.0)
    for number, (name, history) in enumerate(histories.items()):
        # Not by colour alone: several runs have a mark each, on both of their lines.
        colour, mark = COLOURS[number % 6], "osD^vP"[number % 6]
        for axis, quantity in zip(axes[0], ("loss", "accuracy"), strict=True):
            axis.plot(
                history["epoch"], history[f"train_{quantity}"], color=colour, markersize=4,
                marker=mark if len(histories) > 1 else None, label=f"{name}: training",
            )  # fmt: skip
            if f"validation_{quantity}" in history:
                axis.plot(
                    history["epoch"], history[f"validation_{quantity}"], f"--{mark}", color=colour,
                    markersize=4, label=f"{name}: validation",
                )  # fmt: skip
    if baseline is not None:
        axes[0, 1].axhline(baseline, color=GREY, linestyle=":", label="trivial baseline")
    for axis, quantity in zip(axes[0], ("loss", "accuracy"), strict=True):
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set_ylabel(quantity)
    axes[0, 1].legend(fontsize=8)
    show(figure, alt)


def confusion_matrix(table: pd.DataFrame, *, alt: str) -> None:
    """Show the four outcomes as a picture (lesson 8): a table of `course_lib.evaluation.confusion`."""
    figure, axes = new_figure(width=4.6, height=3.2)
    draw_confusion_matrix(axes[0, 0], table)
    show(figure, alt)


def draw_confusion_matrix(axis: Axes, table: pd.DataFrame) -> None:
    """Draw the four outcomes of `course_lib.evaluation.confusion` as coloured fields (lesson 8)."""
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
    """Draw found defects over overkill for all thresholds (lesson 8).

    Args:
        labels: 1 for defective, (N,), both classes there.
        probabilities: of "defective", (N,).
    """
    from sklearn.metrics import roc_curve

    overkill, found, _ = roc_curve(labels, probabilities)
    axis.plot(overkill, found, color=BLUE)
    axis.plot([0, 1], [0, 1], ":", color=GREY)
    axis.set(xlabel="overkill rate", ylabel="recall", title="ROC")


def draw_precision_recall(axis: Axes, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Draw precision over recall for all thresholds (lesson 8), arguments as for `draw_roc`."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, probabilities)
    axis.plot(recall, precision, color=BLUE)
    axis.axhline(np.mean(labels), linestyle=":", color=GREY)
    axis.set(xlabel="recall", ylabel="precision", title="precision-recall")


def draw_calibration(axis: Axes, tables: dict[str, pd.DataFrame]) -> None:
    """Draw what came true over what the model said; on the diagonal it is at its word (lesson 8).

    Args:
        tables: name → table of `course_lib.evaluation.calibration_table`.
    """
    styles = ("o--", "s-", "^:")
    for number, (name, table) in enumerate(tables.items()):
        axis.plot(table["said"], table["true"], styles[number % 3], color=COLOURS[number % 6], label=name)
    axis.plot([0, 1], [0, 1], ":", color=GREY)
    axis.set(xlabel="the model said", ylabel="came true")
    axis.legend(fontsize=8)


def lines(
    x: np.ndarray, curves: dict[str, np.ndarray], *, xlabel: str, ylabel: str, alt: str,
    mark: dict[str, float] | None = None, diagonal: bool = False, by_factors: bool = False,
) -> None:  # fmt: skip
    """Show curves over a common axis (lesson 8).

    Args:
        x: (N,).
        curves: name → values, (N,).
        mark: name → x value for a dashed upright line.
        diagonal: also draw the line y = x.
        by_factors: equal steps along the axis are equal factors, such as 0.001, 0.01, 0.1.
    """
    figure, axes = new_figure()
    axis = axes[0, 0]
    styles = ("-", "--", ":", "-.")
    for number, (name, values) in enumerate(curves.items()):
        axis.plot(x, values, styles[number % 4], color=COLOURS[number % 6], linewidth=2, label=name)
    for number, (name, value) in enumerate((mark or {}).items()):
        axis.axvline(value, color=COLOURS[(number + 3) % 6], linestyle="--", label=name)
    if diagonal:
        axis.axline((0, 0), slope=1, color=GREY, linestyle=":")
    if by_factors:
        axis.set_xscale("log")
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.legend(fontsize=8)
    show(figure, alt)


def heat_maps(images: Sequence[np.ndarray], maps: np.ndarray, titles: Sequence[str], *, alt: str) -> None:
    """Show photos above, and the same photos with their heat map below (lesson 8).

    Args:
        images: uint8 photos (H, W) or (1, H, W).
        maps: (N, h, w), 0…1: where the model looked.
    """
    count = len(images)
    figure, axes = new_figure(count, 2, 1.5 * count, 3.5)
    for column, (image, heat, title) in enumerate(zip(images, maps, titles, strict=True)):
        height, width = np.squeeze(image).shape[-2:]
        draw_photo(axes[0, column], image, title)
        draw_photo(axes[1, column], image)
        axes[1, column].imshow(
            heat, cmap="inferno", alpha=0.5, vmin=0, vmax=1, extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            interpolation="bilinear",
        )  # fmt: skip
    show(figure, alt)


def flow(steps: Sequence[str], *, alt: str, columns: int = 6) -> None:
    """Show steps as boxes joined by arrows, row by row (lesson 1).

    Args:
        steps: the text of each box, in order.
        columns: boxes in a row.
    """
    rows = -(-len(steps) // columns)
    figure, axes = new_figure(width=1.5 * columns, height=1.25 * rows)
    axis = axes[0, 0]
    axis.set(xlim=(-0.5, columns - 0.5), ylim=(0.5 - rows, 0.5))
    axis.set_axis_off()
    for number, step in enumerate(steps):
        row, column = divmod(number, columns)
        box = {"facecolor": "#E8F1F8", "edgecolor": BLUE, "boxstyle": "round,pad=0.5"}
        axis.text(column, -row, step, ha="center", va="center", fontsize=9, bbox=box)
        if number == 0:
            continue
        start, end = (column - 0.58, -row), (column - 0.42, -row)
        if column == 0:  # from the end of one row to the start of the next
            start, end = (columns - 1, 0.66 - row), (0, 0.34 - row)
        axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": GREY})
    show(figure, alt)
