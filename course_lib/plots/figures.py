"""The frame of all figures, each with a text for those who cannot see it, and pictures of photos.

Introduced in lesson 1. Each function draws one figure and shows it through `show`. The colours are
those of Okabe and Ito, which people with colour-blindness can tell apart; `styles` gives each its
meaning.
"""

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from course_lib.errors import CourseError

BLUE, ORANGE, GREEN, PINK, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#666666"
COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, GREY)
DOTS_PER_INCH = 90  # as a figure is shown
WARMEST = 0.7  # of a heat map that reaches 1: what the line is drawn around
NEARLY_WHITE = 235  # mean grey of a photo that needs an outline on white paper
SHARPNESS = 1.5  # stored are this many dots for each of them, since many screens show more


class Style(NamedTuple):
    """How a group is drawn: never told by its colour alone."""

    colour: str
    marker: str
    line: str


DEFECT, BASELINE = Style(ORANGE, "^", "--"), Style(GREY, "|", ":")
OTHERS = (Style(BLUE, "o", "-"), Style(GREEN, "s", "-."), Style(PINK, "D", ":"), Style(SKY, "v", "--"))


def styles(names: Iterable[str], positive: str = "defective") -> dict[str, Style]:
    """One style for each group, the same in the whole course.

    Orange triangles are the defect, grey is a baseline; the others follow in turn, beginning with
    blue, so that sound parts are blue.

    Args:
        names: of the groups, in the order in which they are drawn.
        positive: the class that is the defect; a group counts whose name begins with it.

    Example:
        >>> {name: style.colour == ORANGE for name, style in styles(["NG", "OK"], positive="NG").items()}
        {'NG': True, 'OK': False}
    """
    found: dict[str, Style] = {}
    for name in names:
        fixed = DEFECT if name.startswith(positive) else BASELINE if "baseline" in name else None
        if fixed is None or fixed in found.values():
            others = sum(style in OTHERS for style in found.values())
            fixed = OTHERS[others % len(OTHERS)]
        found[name] = fixed
    return found


def new_figure(columns: int = 1, rows: int = 1, width: float = 7.0, height: float = 3.0) -> tuple[Figure, np.ndarray]:
    """An empty figure and its axes, (rows, columns), in the style of the course.

    Args:
        columns, rows: how many pictures side by side and one below the other.
        width, height: of the whole figure, in inches.
    """
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def new_axis(width: float = 7.0, height: float = 3.0) -> tuple[Figure, Axes]:
    """An empty figure of one picture, as `new_figure`, and its only axes."""
    figure, axes = new_figure(width=width, height=height)
    return figure, axes[0, 0]


def show(figure: Figure, alt: str) -> None:
    """Show a figure with alternative text.

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
        metadata={"image/png": {"alt": alt, "width": width_of(figure)}},
        raw=True,
    )


def width_of(figure: Figure) -> int:
    """How wide a figure is shown, in pixels of a page."""
    return round(figure.get_figwidth() * DOTS_PER_INCH)


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG file; one without colour is kept as grey, which is a third smaller."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=SHARPNESS * DOTS_PER_INCH)
    picture = Image.open(drawn).convert("RGB")
    pixels = np.asarray(picture)
    if (pixels == pixels[..., :1]).all():
        picture = picture.convert("L")
    # With a fresh picture no software version gets into the file: the same figure is the same bytes tomorrow.
    return photo_png(Image.fromarray(np.asarray(picture)))


def photo_png(image: Image.Image) -> bytes:
    """A photo as the bytes of a PNG file."""
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def draw_photo(axis: Axes, image: np.ndarray, title: str = "") -> None:
    """Draw one photo without axes: uint8 (H, W), (1, H, W), (H, W, 3) or (3, H, W)."""
    image = channels_last(image)
    axis.imshow(image, cmap="gray", vmin=0, vmax=255)
    if image.mean() > NEARLY_WHITE:  # else it could not be told from the paper
        edge = Rectangle((0, 0), 1, 1, transform=axis.transAxes, fill=False, edgecolor="gray", linewidth=0.8)
        axis.add_patch(edge)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


def channels_last(image: np.ndarray) -> np.ndarray:
    """A photo as it is drawn, (H, W) or (H, W, 3), from any of (H, W), (1, H, W), (H, W, 3) or (3, H, W).

    Example:
        >>> channels_last(np.zeros((3, 20, 30))).shape, channels_last(np.zeros((1, 20, 30))).shape
        ((20, 30, 3), (20, 30))
    """
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[0] in (1, 3):
        image = image.transpose(1, 2, 0)
    return image.squeeze(2) if image.ndim == 3 and image.shape[2] == 1 else image


def photo_grid(
    images: Sequence[np.ndarray], titles: Sequence[str] = (), *, alt: str = "", columns: int = 6, size: float = 1.4
) -> None:
    """Show photos in rows, each with its title.

    Args:
        images: uint8 photos.
        titles: one short text for each photo.
        alt: alternative text; the titles, where it is left out.
        columns: photos in a row.
        size: width of one photo in inches.
    """
    if len(images) == 0:
        raise CourseError("There are no photos to show; check the selection.")
    titles = titles if len(titles) else [""] * len(images)
    # Photos that all lie flat need no square places.
    flat = max(height / width for height, width in (channels_last(image).shape[:2] for image in images))
    figure, axes = _places(len(images), columns, size, titles, min(1.0, flat))
    for axis, image, title in zip(axes, images, titles, strict=False):
        draw_photo(axis, image, title)
    named = ", ".join(filter(None, titles)).replace("\n", " ")
    show(figure, alt or f"{len(images)} photo{'s' * (len(images) != 1)}: {named or 'without titles'}")


def _places(count: int, columns: int, size: float, titles: Sequence[str], flat: float = 1) -> tuple[Figure, list[Axes]]:
    """A figure with fixed places for photos, the first at the top left.

    Fixed places instead of a layout that measures the titles: fonts differ between machines and
    releases, and the photos must not move with them.

    Args:
        flat: height of a place for each inch of its width.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    lines = max((title.count("\n") + 1 for title in titles if title), default=0)
    height, gap = flat * size + 0.17 * lines + 0.12 * (lines > 0), 0.04
    figure, axes = new_figure(columns, rows, columns * size, rows * height)
    figure.set_layout_engine("none")
    width, tall = (1 - 2 * gap) / columns, (1 - 2 * gap) * flat * size / (rows * height)
    for number, axis in enumerate(axes.flat):
        row, column = divmod(number, columns)
        bottom = (rows - 1 - row) * height + gap * flat * size
        axis.set_position([(column + gap) / columns, bottom / (rows * height), width, tall])
        axis.set_axis_off()
    return figure, list(axes.flat)


def heat_maps(images: Sequence[np.ndarray], maps: np.ndarray, titles: Sequence[str], *, alt: str = "") -> None:
    """Show a row of photos, and below each where its heat map is warm, in orange on the paler photo.

    Only the warmer half of a map is coloured, and a line is drawn around the warmest part, so that the
    place can be told without its colour.

    Args:
        images: uint8 photos (H, W) or (1, H, W), of any size.
        maps: (N, h, w), 0…1: where the model looked.
        titles: one short text for each photo.
        alt: alternative text; the titles, where it is left out.
    """
    count = len(images)
    figure, axes = _places(2 * count, count, 1.4, titles)
    warm = LinearSegmentedColormap.from_list("warm", [to_rgba(ORANGE, alpha) for alpha in (0, 0, 0.8)])
    for photo, below, image, heat, title in zip(axes[:count], axes[count:], images, maps, titles, strict=True):
        draw_photo(photo, image, title)
        image = channels_last(image)
        draw_photo(below, 100 + 0.6 * image)
        smooth = np.asarray(Image.fromarray(np.float32(heat)).resize(image.shape[::-1], Image.Resampling.BILINEAR))
        below.imshow(smooth, cmap=warm, vmin=0, vmax=1)
        if heat.max() > WARMEST:
            for colour, thickness in (("black", 2.2), ("white", 1)):  # seen on dark and on light
                below.contour(smooth, levels=[WARMEST], colors=colour, linewidths=thickness)
    named = ", ".join(titles).replace("\n", " ")
    show(figure, alt or f"{count} photos, and below each its heat map: {named}")


def flow(steps: Sequence[str], *, alt: str = "", columns: int = 6) -> None:
    """Show steps as boxes joined by arrows, row by row.

    Args:
        steps: the text of each box, in order.
        alt: alternative text; the steps, where it is left out.
        columns: boxes in a row.
    """
    rows = -(-len(steps) // columns)
    figure, axis = new_axis(width=1.8 * columns, height=1.5 * rows)
    axis.set(xlim=(-0.5, columns - 0.5), ylim=(0.5 - rows, 0.5))
    axis.set_axis_off()
    box = {"facecolor": "#E8F1F8", "edgecolor": BLUE, "boxstyle": "round,pad=0.5"}
    arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.5}
    for number, step in enumerate(steps):
        row, column = divmod(number, columns)
        axis.text(column, -row, step, ha="center", va="center", fontsize=10, bbox=box)
        if column > 0:
            axis.annotate("", (column - 0.33, -row), (column - 0.67, -row), arrowprops=arrow)
        elif row > 0:  # down from the last box of the row above, between the rows to the left, and down again
            right, between = columns - 1, 0.5 - row
            axis.plot([right, right, 0], [between + 0.2, between, between], color=GREY, linewidth=1.5)
            axis.annotate("", (0, 0.3 - row), (0, between), arrowprops={**arrow, "shrinkA": 0})
    show(figure, alt or "Steps: " + ", ".join(steps).replace("\n", " "))
