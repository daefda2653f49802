"""Draw the pictures of the quizzes: photos of the course, changed, and small diagrams.

    python tools/quiz_pictures.py             all of them, into quizzes/pictures
    python tools/quiz_pictures.py FOLDER      into another folder

Each function below draws one picture and is named as its file. A test draws all of them again and
compares. Words inside a picture are few and English, as in the lessons; the question says the rest.
"""

import io
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from PIL import Image

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from course_lib.paths import write_atomically
from course_lib.plots.figures import BLUE, COLOURS, GREEN, GREY, ORANGE, PINK

FOLDER = PROJECT / "quizzes" / "pictures"
LETTERS = "ABCDEF"
SEED = 0


def cell(number: int) -> np.ndarray:
    """One photo of the solar cells, (300, 300), uint8."""
    (package,) = find_spec("elpv_dataset").submodule_search_locations  # type: ignore[union-attr, misc]
    with Image.open(Path(package) / "data" / "images" / f"cell{number:04}.png") as photo:
        return np.asarray(photo.convert("L"))


def canvas(columns: int = 1, width: float = 5.2, height: float = 3.0) -> tuple[Figure, list[Axes]]:
    """An empty figure with its axes side by side."""
    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    return figure, list(axes)


def photos(*shown: np.ndarray, names: str = LETTERS, colours: str = "gray") -> Figure:
    """Photos in a row, each below its letter."""
    figure, axes = canvas(len(shown), 1.7 * len(shown), 1.95)
    for axis, photo, name in zip(axes, shown, names, strict=False):
        axis.imshow(photo, cmap=colours, vmin=0, vmax=255)
        axis.set_title(name, fontsize=11)
        axis.set_axis_off()
    return figure


def lines(curves: dict[str, np.ndarray], across: str, up: str, marked: bool = False) -> Figure:
    """Curves over 1, 2, 3, …, each with its name at its end and a style of its own."""
    figure, (axis,) = canvas()
    for (name, curve), colour, style in zip(curves.items(), COLOURS, ("-", "--", "-.", ":"), strict=False):
        places = np.arange(1, len(curve) + 1)
        axis.plot(places, curve, style, color=colour, linewidth=2, marker="o" if marked else None, markersize=4)
        axis.annotate(name, (places[-1], curve[-1]), (6, 0), textcoords="offset points", color=colour, va="center")
    axis.set_xlabel(across)
    axis.set_ylabel(up)
    axis.grid(alpha=0.3)
    axis.margins(x=0.04 + 0.02 * max(map(len, curves)))  # room for the names
    return figure


# ---- lesson 1 ---------------------------------------------------------------------------


def three_fields() -> Figure:
    """C inside B inside A, and D outside."""
    figure, (axis,) = canvas(width=4.2, height=2.6)
    for radius, middle, name, colour in ((1.25, 0, "A", BLUE), (0.85, -0.25, "B", GREEN), (0.42, -0.45, "C", ORANGE)):
        axis.add_patch(Circle((middle, middle), radius, fill=False, edgecolor=colour, linewidth=2))
        axis.text(middle, middle + 0.72 * radius, name, color=colour, fontsize=14, ha="center", va="center")
    axis.text(1.75, -1.0, "D", color=GREY, fontsize=14)
    axis.set(xlim=(-1.4, 2.1), ylim=(-1.35, 1.35), aspect="equal")
    axis.set_axis_off()
    return figure


# Right answers and photos of five models; the baseline is that of lesson 1.
RUNS = {"A": (30, 40), "B": (481, 650), "C": (455, 650), "D": (410, 650), "E": (51, 60)}
BASELINE = 0.687


def ends(right: int, photos: int) -> tuple[float, float]:
    """The 95 % interval of lesson 1."""
    share = right / photos
    wander = 1.96 * (share * (1 - share) / photos) ** 0.5
    return share - wander, share + wander


def five_intervals() -> Figure:
    """Five accuracies with their intervals, beside the baseline."""
    figure, (axis,) = canvas(height=2.6)
    for place, (right, count) in enumerate(RUNS.values()):
        low, high = ends(right, count)
        axis.plot([100 * low, 100 * high], [place, place], color=BLUE, linewidth=2)
        axis.plot(100 * right / count, place, "o", color=BLUE)
    axis.axvline(100 * BASELINE, color=GREY, linestyle="--")
    axis.annotate("baseline 68.7 %", (100 * BASELINE, -0.6), (4, -4), textcoords="offset points", color=GREY)
    axis.set_yticks(range(len(RUNS)), [f"{name} ({count} photos)" for name, (_, count) in RUNS.items()])
    axis.set(xlabel="accuracy in %, with its 95 % interval", ylim=(len(RUNS) - 0.5, -1))
    axis.grid(axis="x", alpha=0.3)
    return figure


# ---- lessons 2 and 3 --------------------------------------------------------------------


def four_readings() -> Figure:
    """One photo: too dark, with values that began again at 0, cut off in the middle, all bright values at 255."""
    photo = cell(404).astype(int)
    cut = photo.copy()
    cut[150:] = 128
    wrapped = (photo * 5 // 2).astype(np.uint16).astype(np.uint8)
    return photos(photo // 4, wrapped, cut, np.minimum(photo * 5 // 2, 255))


def filtered(photo: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """A photo under a kernel, from 0 to 255 by its size and not its sign."""
    rows, columns = (side - 2 for side in photo.shape)
    result = sum(
        kernel[row, column] * photo[row : row + rows, column : column + columns].astype(float)
        for row in range(3)
        for column in range(3)
    )
    return np.clip(np.abs(result), 0, 255)


UPRIGHT = np.array([[-1, 0, 1]] * 3)
MEAN = np.full((3, 3), 1 / 9)


def four_filters() -> Figure:
    """A cell under four kernels: mean, upright edges, lying edges, the photo minus its mean."""
    photo = cell(1088)
    blurred = photo
    for _ in range(6):
        blurred = filtered(blurred, MEAN)
    around = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
    shown = 2 * filtered(photo, UPRIGHT.T), blurred, filtered(photo, around), 2 * filtered(photo, UPRIGHT)
    return photos(photo, *shown, names="0ABCD")


def shuffled_pixels() -> Figure:
    """A cell, and the same pixels in random places."""
    photo = cell(53)
    mixed = np.random.default_rng(SEED).permutation(photo.ravel()).reshape(photo.shape)
    return photos(photo, mixed, names="AB")


# ---- lesson 4 ---------------------------------------------------------------------------


def brightness_in_order() -> Figure:
    """Mean brightness of 80 photos that were made in four lots."""
    generator = np.random.default_rng(SEED)
    levels = np.repeat([112, 151, 128, 95], (23, 17, 26, 14))
    figure, (axis,) = canvas()
    axis.plot(levels + generator.normal(0, 2.5, len(levels)), "o", color=BLUE, markersize=4)
    axis.set(xlabel="place in the order of the files", ylabel="mean brightness", ylim=(80, 165))
    axis.grid(alpha=0.3)
    return figure


def three_lots() -> Figure:
    """Share of dark pixels and defects in three lots: the lots differ, and inside a lot nothing does."""
    generator = np.random.default_rng(SEED)
    figure, (axis,) = canvas(width=5.6)
    for lot, (middle, defective) in enumerate(((0.10, 3), (0.22, 8), (0.35, 15))):
        dark = generator.normal(middle, 0.022, 20)
        is_defective = np.zeros(20, bool)
        is_defective[np.argsort(generator.random(20))[:defective]] = True
        height = lot + generator.uniform(-0.25, 0.25, 20)
        axis.plot(dark[~is_defective], height[~is_defective], "o", color=BLUE, markersize=5)
        axis.plot(dark[is_defective], height[is_defective], "x", color=ORANGE, markersize=7, markeredgewidth=2)
    axis.plot([], [], "o", color=BLUE, label="functional")
    axis.plot([], [], "x", color=ORANGE, label="defective")
    axis.set_yticks(range(3), ["lot 1", "lot 2", "lot 3"])
    axis.set(xlabel="share of dark pixels", ylim=(-0.5, 2.5))
    axis.legend(loc="lower right", fontsize=9)
    axis.grid(axis="x", alpha=0.3)
    return figure


# ---- lesson 5 ---------------------------------------------------------------------------

LOTS = np.repeat(range(8), 5)
PARTS = ((BLUE, "train"), (PINK, "validation"), (ORANGE, "test"))


def four_splits() -> Figure:
    """Forty photos of eight lots in three parts: at random, every fourth photo, by file order, by lot."""
    generator = np.random.default_rng(SEED)
    by_lot = np.array([0, 2, 0, 0, 1, 0, 2, 0])[LOTS]
    ordered = np.repeat([0, 2, 1], (22, 10, 8))  # its borders run through lots
    splits = generator.permutation(by_lot), by_lot, ordered, np.resize([0, 0, 2, 0, 1], len(LOTS))
    figure, (axis,) = canvas(width=6.2, height=2.4)
    for row, split in enumerate(splits):
        for place, part in enumerate(split):
            left = place + 0.8 * LOTS[place]
            axis.add_patch(Rectangle((left, -row), 0.85, 0.7, color=PARTS[part][0]))
    for colour, name in PARTS:
        axis.add_patch(Rectangle((0, 0), 0, 0, color=colour, label=name))
    axis.set_yticks([0.35 - row for row in range(4)], LETTERS[:4])
    axis.set_xticks([5.8 * lot + 2.4 for lot in range(8)], [f"lot {lot + 1}" for lot in range(8)], fontsize=8)
    axis.set(xlim=(-0.5, 46), ylim=(-3.3, 1.9))
    axis.legend(ncols=3, loc="upper center", fontsize=9, frameon=False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    return figure


# ---- lessons 6 and 7 --------------------------------------------------------------------


def three_first_batches() -> Figure:
    """The loss on one batch, again and again: it falls to 0, it stays, it stops at 0.31."""
    steps, generator = np.arange(60), np.random.default_rng(SEED)
    falling = np.exp(-steps / 11)
    noise = generator.normal(0, 0.012, 60)
    return lines(
        {
            "A": 0.693 + noise,
            "B": 0.313 + 0.38 * np.exp(-steps / 14),
            "C": np.clip(0.7 * falling + noise * falling, 0.002, None),
        },
        "step",
        "loss on one batch of 16 photos",
    )


VALIDATION = (0.66, 0.55, 0.49, 0.45, 0.47, 0.43, 0.44, 0.46, 0.45, 0.52)


def two_curves() -> Figure:
    """Training loss falls all the time; validation loss is lowest after epoch 6."""
    training = 0.68 * np.exp(-np.arange(10) / 4.5)
    return lines({"training": training, "validation": np.array(VALIDATION)}, "epoch", "loss", marked=True)


def four_rates() -> Figure:
    """Four learning rates: good, far too small, far too large, a little too large."""
    steps, generator = np.arange(50), np.random.default_rng(SEED)
    return lines(
        {
            "A": 0.68 * np.exp(-steps / 190) + generator.normal(0, 0.008, 50),
            "B": np.clip(0.7 + 0.012 * np.exp(steps / 12.5) + generator.normal(0, 0.05, 50), 0, 1.35),
            "C": 0.12 + 0.58 * np.exp(-steps / 11) + generator.normal(0, 0.01, 50),
            "D": 0.42 + 0.28 * np.exp(-steps / 5) + generator.normal(0, 0.05, 50),
        },
        "step",
        "training loss",
    )


# ---- lesson 8 ---------------------------------------------------------------------------

OUTCOMES = np.array([[380, 20], [45, 155]])  # rows: functional, defective; columns: passed, rejected


def confusion() -> Figure:
    """A confusion matrix of 600 cells."""
    figure, (axis,) = canvas(width=3.8, height=2.6)
    axis.imshow([[0.25, 0.6], [0.6, 0.25]], cmap="Greys", vmin=0, vmax=2)
    for (row, column), count in np.ndenumerate(OUTCOMES):
        axis.text(column, row, f"{count}", ha="center", va="center", fontsize=16)
    axis.set_xticks([0, 1], ["passed", "rejected"])
    axis.set_yticks([0, 1], ["functional", "defective"])
    axis.set_ylabel("the cell is")
    axis.xaxis.tick_top()
    return figure


def three_calibrations() -> Figure:
    """Stated and true share of defects: too careful, at its word, too sure of itself."""
    stated = np.linspace(0.05, 0.95, 10)
    figure, (axis,) = canvas(width=4.2, height=3.2)
    axis.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    for name, strength, colour, style, place in (
        ("A", 2.2, BLUE, "-o", 6),
        ("B", 1.0, GREEN, "--s", 8),
        ("C", 0.4, ORANGE, "-.^", 8),
    ):
        odds = strength * np.log(stated / (1 - stated))
        found = 1 / (1 + np.exp(-odds))
        axis.plot(stated, found, style, color=colour, markersize=4)
        axis.annotate(
            name, (stated[place], found[place]), (4, -12), textcoords="offset points", color=colour, fontsize=12
        )
    axis.set(xlabel="stated probability of a defect", ylabel="share that is defective", xlim=(0, 1), ylim=(0, 1))
    axis.grid(alpha=0.3)
    return figure


def cost_curves() -> Figure:
    """Cost of each threshold for three prices of a missed defect; the curves differ in where they are lowest."""
    threshold = np.linspace(0.01, 0.99, 99)
    missed, overkill = 200 * threshold**1.6, 450 * (1 - threshold) ** 4
    figure, (axis,) = canvas()
    for name, price, colour, style in (("A", 1, BLUE, "-"), ("B", 10, ORANGE, "--"), ("C", 0.2, GREEN, "-.")):
        cost = price * missed + overkill
        cost = cost / cost.min()
        axis.plot(threshold, cost, style, color=colour, linewidth=2)
        lowest = int(cost.argmin())
        axis.plot(threshold[lowest], 1, "o", color=colour)
        axis.annotate(
            name, (threshold[lowest], 1), (0, -16), textcoords="offset points", color=colour, fontsize=12, ha="center"
        )
    axis.set(xlabel="threshold on the probability of a defect", ylabel="cost (lowest of each curve = 1)", ylim=(0.5, 4))
    axis.grid(alpha=0.3)
    return figure


def two_heat_maps() -> Figure:
    """A cell with a dark area, and two heat maps drawn by hand: on a corner, and on the dark area."""
    photo, rows, columns = cell(53), *np.mgrid[:300, :300]

    def warm(row: int, column: int, wide: int) -> np.ndarray:
        return np.exp(-(((rows - row) / wide) ** 2) - ((columns - column) / wide / 1.6) ** 2)

    figure, axes = canvas(3, 5.4, 2.1)
    for axis, name, heat in zip(axes, "0AB", (None, warm(275, 270, 38), warm(78, 130, 40)), strict=True):
        axis.imshow(photo, cmap="gray", vmin=0, vmax=255)
        if heat is not None:
            axis.imshow(heat, cmap="Oranges_r", alpha=0.75 * heat, vmin=-0.2, vmax=1.2)
            axis.contour(heat, [0.5], colors=[ORANGE], linewidths=1.5)
        axis.set_title(name, fontsize=11)
        axis.set_axis_off()
    return figure


# ---- lessons 9 and 10 -------------------------------------------------------------------


DIFFERENCES = {"B": (-1.5, 1.9), "C": (0.8, 1.7), "D": (-6.2, 2.6)}  # from A, and how far the interval reaches


def three_differences() -> Figure:
    """By how much three models are ahead of a fourth, in pairs, with intervals."""
    figure, (axis,) = canvas(height=1.9)
    for place, (middle, reach) in enumerate(DIFFERENCES.values()):
        axis.plot([middle - reach, middle + reach], [place, place], color=BLUE, linewidth=2)
        axis.plot(middle, place, "o", color=BLUE)
    axis.axvline(0, color=GREY, linestyle="--")
    axis.set_yticks(range(len(DIFFERENCES)), DIFFERENCES)
    axis.set(xlabel="ahead of A by … points (95 % interval)", ylim=(len(DIFFERENCES) - 0.5, -0.5))
    axis.grid(axis="x", alpha=0.3)
    return figure


def four_changes() -> Figure:
    """A cell with one crack: mirrored, a crop without the crack, half a turn, nine tiles in another order."""
    photo = cell(418)
    crop = np.kron(photo[150:250, 20:120], np.ones((3, 3), int))
    tiles = [photo[row : row + 100, column : column + 100] for row in (0, 100, 200) for column in (0, 100, 200)]
    order = np.random.default_rng(SEED).permutation(9)
    shuffled = np.block([[tiles[order[3 * row + column]] for column in range(3)] for row in range(3)])
    return photos(photo, photo[:, ::-1], crop, photo[::-1, ::-1], shuffled, names="0ABCD")


def four_schedules() -> Figure:
    """Learning rate over the steps: constant, one cycle, cosine, up and down in every epoch."""
    step = np.linspace(0, 1, 100)
    rising = np.minimum(step / 0.3, 1)
    one_cycle = np.where(
        step < 0.3, 0.04 + 0.96 * (1 - np.cos(np.pi * rising)) / 2, (1 + np.cos(np.pi * (step - 0.3) / 0.7)) / 2
    )
    curves = np.full(100, 0.6), (1 + np.cos(np.pi * step)) / 2, 0.5 - 0.5 * np.cos(2 * np.pi * 5 * step), one_cycle
    figure, axes = canvas(4, 6.4, 1.7)
    for axis, name, curve in zip(axes, LETTERS, curves, strict=False):
        axis.plot(step, curve, color=BLUE, linewidth=2)
        axis.set_title(name, fontsize=11)
        axis.set(xticks=[], yticks=[], ylim=(-0.05, 1.1), xlabel="step")
    axes[0].set_ylabel("learning rate")
    return figure


PICTURES: tuple[Callable[[], Figure], ...] = (
    three_fields,
    five_intervals,
    four_readings,
    four_filters,
    shuffled_pixels,
    brightness_in_order,
    three_lots,
    four_splits,
    three_first_batches,
    two_curves,
    four_rates,
    confusion,
    three_calibrations,
    cost_curves,
    two_heat_maps,
    three_differences,
    four_changes,
    four_schedules,
)


def as_png(figure: Figure) -> bytes:
    """The figure as a small PNG: 96 colours are enough for a diagram and for a grey photo."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(96).save(small, format="PNG", optimize=True)
    return small.getvalue()


def main(folder: Path = FOLDER) -> None:
    """Draw every picture into a folder."""
    for picture in PICTURES:
        with write_atomically(folder / f"{picture.__name__}.png") as temporary:
            temporary.write_bytes(as_png(picture()))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
