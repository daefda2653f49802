"""Compare the outputs stored in a notebook with those of a new run: text, figures and widgets.

`differences` is the way in. Text must be the same, but for the numbers of a cell that states a
tolerance; figures must look the same; a widget must have its view again. Progress bars of tqdm
are left out on both sides, because they show times.
"""

import base64
import difflib
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import groupby, islice

import numpy as np
from nbformat import NotebookNode
from nbformat.v4 import new_output
from PIL import Image, ImageChops, ImageFilter

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/png", "image/jpeg")
REACH = 4  # pixels; another release of matplotlib or another font moves a line this far
TILES = (8, 6)  # a figure is judged tile by tile, so that a small change is not lost in a large one
TILE = 12  # pixels of a tile, once the differences are made smaller
# Measured: another font gives 0.002, another release of matplotlib up to 0.02; one of forty points
# that moves gives 0.025, a data point of a line that moves by a tenth 0.12.
FIGURE_LIMIT = 0.022
# A cell with a tolerance for numbers gets this many times as much for its figures, up to a limit.
FIGURE_FACTOR = 3
LARGEST_FIGURE_LIMIT = 0.3  # learning curves of one training on five kinds of machine: up to 0.234
LONGEST_DIFF = 20

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?(?:[eE][-+]?\d+)?")
# The end of a tqdm bar: "[00:12<00:03, 8.1it/s, loss=0.3]".
PROGRESS = re.compile(r"\[\d+:\d\d(:\d\d)?(<[\d:?]+)?, *[\d.?]+[^\],]*(/s|s/)[^\]]*\]")


# --- outputs -------------------------------------------------------------------------------


def settled(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """A copy of outputs as a reader sees them in the end.

    Text written in several pieces is joined, overwritten lines and progress bars are gone.
    Between two other outputs, stdout stands before stderr: their true order is not known.
    """
    result = []
    shown = (deepcopy(output) for output in outputs if not is_progress_widget(output))
    for are_streams, run in groupby(shown, key=lambda output: output.output_type == "stream"):
        if not are_streams:
            result.extend(run)
            continue
        texts: defaultdict[str, str] = defaultdict(str)
        for stream in run:
            texts[stream.name] += stream.text
        for name in sorted(texts, reverse=True):
            if text := visible_text(texts[name]):
                result.append(new_output("stream", name=name, text=text))
    return result


def is_progress_widget(output: NotebookNode) -> bool:
    """Whether an output is the bar that ``tqdm.auto`` shows in a notebook."""
    data = output.get("data", {})
    return WIDGET_VIEW in data and bool(PROGRESS.search(data.get("text/plain", "")))


def visible_text(text: str) -> str:
    r"""Text without progress bars and without what a carriage return overwrote.

    Example:
        >>> visible_text("half\rwhole\n100%|###| 3/3 [00:01<00:00, 2.1it/s]\n")
        'whole\n'
    """
    lines = []
    for line in text.split("\n"):
        last = line.rstrip("\r").split("\r")[-1]
        if not PROGRESS.search(line) and ("\r" not in line or last.strip()):
            lines.append(last)
    return "\n".join(lines)


# --- comparison ----------------------------------------------------------------------------


def differences(
    stored: Sequence[NotebookNode],
    fresh: Sequence[NotebookNode],
    tolerance: float | None = None,
    any_figure: bool = False,
) -> list[str]:
    """What differs between the stored outputs of a cell and those of a new run.

    ``tolerance`` is the number of the cell's tag ``nbval-approx-…``, None without one; with ``any_figure`` only the
    size of a figure counts, and the words that stand for it.
    """
    stored, fresh = settled(stored), settled(fresh)
    found = []
    if len(stored) != len(fresh):
        have, came = (", ".join(map(kind, outputs)) or "none" for outputs in (stored, fresh))
        found.append(f"{len(stored)} outputs are stored ({have}), {len(fresh)} came out ({came})")
    for number, (old, new) in enumerate(zip(stored, fresh, strict=False), 1):
        found += [f"output {number}: {what}" for what in output_differences(old, new, tolerance, any_figure)]
    return found


def kind(output: NotebookNode) -> str:
    """What an output is, down to the formats it holds: all of it must come out again."""
    name = output.get("name") or output.get("ename") or " + ".join(sorted(output.get("data", {})))
    return f"{output.output_type} {name}"


def output_differences(
    old: NotebookNode, new: NotebookNode, tolerance: float | None, any_figure: bool = False
) -> Iterator[str]:
    """What differs between two outputs."""
    if kind(old) != kind(new):
        yield f"{kind(old)} is stored, {kind(new)} came out"
        return
    if shown(old) != shown(new):
        yield f"the metadata {old.metadata} are stored, {new.metadata} came out"
    for part in ("text", "evalue"):
        yield from text_differences(part, old.get(part, ""), new.get(part, ""), tolerance)
    for format_name, content in old.get("data", {}).items():
        came = new.data[format_name]
        if format_name == WIDGET_VIEW:
            continue  # that there is one was compared; its model has a random name
        if format_name in PICTURES:
            widths = [output.metadata.get(format_name, {}).get("width") for output in (old, new)]
            yield from figure_differences(content, came, tolerance, any_figure, widths)
        elif isinstance(content, str) and isinstance(came, str):
            yield from text_differences(format_name, content, came, tolerance)
        elif content != came:
            yield f"{format_name} differs"


def shown(output: NotebookNode) -> dict:
    """The metadata of an output but for the width of a picture: its size is compared with the picture."""
    metadata = deepcopy(dict(output.get("metadata", {})))
    for format_name in PICTURES:
        metadata.get(format_name, {}).pop("width", None)
    return metadata


def text_differences(part: str, old: str, new: str, tolerance: float | None) -> Iterator[str]:
    """What differs between two texts, whose numbers may differ by ``tolerance``.

    Example:
        >>> list(text_differences("text", "loss 0.50", "loss 0.52", 0.05))
        []
        >>> list(text_differences("text", "loss 0.50", "loss 0.62", 0.05))
        ['text: 0.50 is stored, 0.62 came out, the tolerance is 0.05']
    """
    if old == new:
        return
    if tolerance is None or between_numbers(old) != between_numbers(new):
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "stored", "came out", lineterm="", n=0)
        yield "\n    ".join([f"{part} differs", *islice(lines, LONGEST_DIFF)])
        return
    for was, came in zip(NUMBER.findall(old), NUMBER.findall(new), strict=True):
        value, limit = as_number(was), tolerance * max(1.0, abs(as_number(was)))
        if abs(as_number(came) - value) > limit:
            yield f"{part}: {was} is stored, {came} came out, the tolerance is {limit:g}"


def between_numbers(text: str) -> list[str]:
    """The text around the numbers; spaces beside a number only align it, so they do not count."""
    return [re.sub(r"[ \t]+", " ", piece.strip(" \t")) for piece in NUMBER.split(text)]


def as_number(text: str) -> float:
    """The number that a match of ``NUMBER`` stands for; a comma parts thousands."""
    return float(text.replace(",", ""))


def figure_differences(
    old: str, new: str, tolerance: float | None, any_figure: bool = False, widths: Sequence[int | None] = (None, None)
) -> Iterator[str]:
    """What differs between two pictures in base64: their size as it is shown, or their look.

    ``widths`` says how wide they are shown, None as wide as they are.
    """
    pictures = [Image.open(io.BytesIO(base64.b64decode(content))) for content in (old, new)]
    # A picture may hold more dots than it is shown with; both are compared as they are shown.
    for number, (picture, width) in enumerate(zip(pictures, widths, strict=True)):
        if width is not None:
            pictures[number] = picture.resize((width, round(picture.height * width / picture.width)))
    sizes = np.array([picture.size for picture in pictures])
    if (abs(sizes[0] - sizes[1]) > 0.1 * sizes[0]).any():
        yield f"a figure of {sizes[0]} pixels is stored, one of {sizes[1]} came out"
        return
    if any_figure:
        return
    stored, fresh = (on_white(picture) for picture in pictures)
    distance = figure_distance(stored, fresh.resize(stored.size))
    limit = max(FIGURE_LIMIT, min(FIGURE_FACTOR * (tolerance or 0), LARGEST_FIGURE_LIMIT))
    if distance > limit:
        yield f"the figure changed by {distance:.3f} in one place, the limit is {limit:g}"


def figure_distance(first: Image.Image, second: Image.Image) -> float:
    """How much of one picture is not found again in the other, in the tile where it is worst.

    A pixel is found again when its brightness lies between the darkest and the brightest pixel that
    the other picture has within reach. So a line may move a little, but not vanish.

    Returns:
        0 (all is found again) to 1 (a black tile became white).
    """
    missing = ImageChops.lighter(not_found(first, second), not_found(second, first))
    columns, rows = TILES
    small = missing.resize((columns * TILE, rows * TILE), Image.Resampling.BOX)
    squares = (np.asarray(small) / 255.0) ** 2
    return float(np.sqrt(squares.reshape(rows, TILE, columns, TILE, 3).mean(axis=(1, 3, 4)).max()))


def not_found(picture: Image.Image, other: Image.Image) -> Image.Image:
    """By how much each pixel lies outside of what ``other`` has within reach."""
    width = 2 * REACH + 1
    too_bright = ImageChops.subtract(picture, other.filter(ImageFilter.MaxFilter(width)))
    too_dark = ImageChops.subtract(other.filter(ImageFilter.MinFilter(width)), picture)
    return ImageChops.lighter(too_bright, too_dark)


def on_white(picture: Image.Image) -> Image.Image:
    """A picture without transparency, as on a white page."""
    picture = picture.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")
