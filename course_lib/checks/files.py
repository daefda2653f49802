"""Look at one file: is it a photo, is it whole, and what is in it? (lesson 2)

`look_at` never raises and never changes the file: whatever bytes it meets, it answers with
`FileReport`. `course_lib.checks.folder` asks it about every file of a folder.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from course_lib import data
from course_lib.checks.duplicates import THUMBNAIL_SIZE

NO_PICTURE = ("constant", "nearly black", "nearly white")  # there is nothing to judge: look at lamp and camera


@dataclass
class FileReport:
    """What one look at a file found out."""

    path: str
    problems: list[tuple[str, str]] = field(default_factory=list)  # (problem, detail)
    is_photo: bool = False  # it could be decoded
    digest: str = ""  # equal for files of equal bytes
    saved: str = ""  # format, loss of a JPEG (the mean of its table) and camera
    mode: str = ""
    size: tuple[int, int] = (0, 0)  # (width, height), upright
    bits: int = 8  # that its values take
    brightness: float = np.nan  # mean grey value
    sharpness: float = np.nan
    thumbnail: np.ndarray | None = None  # uint8 (64, 64)

    @property
    def has_contrast(self) -> bool:
        """Only then can it be compared: one black photo equals another."""
        return self.thumbnail is not None and int(np.ptp(self.thumbnail)) > 5

    def add(self, problem: str, detail: str) -> None:
        """Note a problem, a key of `course_lib.checks.ACTIONS`."""
        self.problems.append((problem, detail))


def look_at(path: Path, name: str) -> FileReport:
    """Read one file once and say what it is and what is wrong with it.

    Args:
        path: the file.
        name: what the findings call it.

    Example:
        >>> from course_lib.data import solar_cells
        >>> report = look_at(solar_cells() / "functional" / "cell0004.png", "cell0004.png")
        >>> report.mode, report.size, report.problems
        ('L', (300, 300), [])
    """
    report = FileReport(name)
    suffix = path.suffix.lower()
    if data.other_than_photo(path):
        return report
    try:
        content = data.read_file(path)
        report.digest = hashlib.sha256(content).hexdigest()
        kind = data.sniff(content)
        if kind in data.FORMAT_OF_ENDING.values() and kind != data.FORMAT_OF_ENDING.get(suffix):
            report.add("wrong ending", f"the content is {kind}, the ending is '{suffix}'")
        with data.open_photo(content) as image:
            _look_into(image, kind, content, report)
        report.is_photo = True
    except data.Unreadable as reason:
        report.add(reason.problem, reason.detail)
    return report


def _look_into(image: Image.Image, kind: str, content: bytes, report: FileReport) -> None:
    """Everything that is read off the picture."""
    lies = data.orientation(image)
    report.mode, size = image.mode, image.size
    table = getattr(image, "quantization", {}).get(0, [])
    loss = f" of loss {np.mean(table):.0f}" if table else ""
    report.saved = f"{kind}{loss} {data.note(image, 0x0110, '')}".strip()
    if image.format in ("JPEG", "MPO"):
        # The measures need no colour and no large size; the decoder can leave both out.
        step = shrinking(image.size)
        image.draft("L" if image.mode == "RGB" else None, (image.width // step, image.height // step))
    with data.explained():
        if getattr(image, "is_animated", False):
            report.add("several pictures", f"the {kind} file holds more than one picture")
            image.seek(0)
        image = data.load_photo(image, content)
        turn = data.orientation(image)  # Pillow has turned a TIFF already
        report.size = size if turn < 5 else size[::-1]
        if lies > 1:
            report.add("EXIF rotation", f"orientation {lies}: the stored pixels lie otherwise")
        _describe_mode(image, report)
        whole = data.eight_bit(image).convert("L")
        gray = _reduced(whole)
        if fault := no_picture(whole, gray):
            report.add(*fault)
        report.brightness, report.sharpness = float(np.asarray(gray).mean()), sharpness(gray)
        report.thumbnail = np.asarray(data.upright(thumbnail_of(gray), turn))


def no_picture(whole: Image.Image, gray: Image.Image | None = None) -> tuple[str, str] | None:
    """Whether there is nothing to judge in a photo: it is all black, all white, or all of one grey.

    Args:
        whole: the photo, grey.
        gray: the photo made smaller, so that noise is not taken for a picture; made here by default.

    Returns:
        One of `NO_PICTURE` and a detail, or None.

    Example:
        >>> no_picture(Image.new("L", (40, 40), 128))
        ('constant', 'every pixel has the value 128')
    """
    gray = gray or _reduced(whole)
    low, high = _nearly_all(gray)
    lowest, highest = gray.getextrema() if low == high else (low, high)
    if lowest == highest:
        return "constant", f"every pixel has the value {lowest}"
    if high < 20:
        return "nearly black", f"99 % of the pixels are below {high + 1} of 255"
    if low > 235:
        return "nearly white", f"99 % of the pixels are above {low - 1} of 255"
    if high - low <= 3 and np.ptp(_nearly_all(whole)) < 16:
        return "constant", f"98 % of the pixels lie between {low} and {high}"
    return None


def _nearly_all(gray: Image.Image) -> tuple[int, int]:
    """Two grey values with 98 % of the pixels between them."""
    counts = np.cumsum(gray.histogram())
    low, high = np.searchsorted(counts, counts[-1] * np.array([0.01, 0.99]))
    return int(low), int(high)


def _reduced(gray: Image.Image) -> Image.Image:
    step = shrinking(gray.size)
    return gray.reduce(step) if step > 1 else gray


def shrinking(size: tuple[int, int]) -> int:
    """By how much a large photo is shrunk before it is measured: 1, 2, 4 or 8.

    A network sees some 100 to 300 pixels of a side, so the measures look at as many.

    Example:
        >>> shrinking((300, 300)), shrinking((500, 600)), shrinking((6000, 4000))
        (1, 2, 8)
    """
    return next((step for step in (8, 4, 2) if min(size) >= 240 * step), 1)


def thumbnail_of(gray: Image.Image) -> Image.Image:
    """64 × 64 pixels, each an average over its neighbourhood."""
    # reducing_gap averages whole blocks first, which is faster.
    size = (THUMBNAIL_SIZE, THUMBNAIL_SIZE)
    return gray.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.5)


def _describe_mode(image: Image.Image, report: FileReport) -> None:
    names = {
        "P": "palette: each pixel is a row number of a colour table",
        "LA": "grey with transparency (alpha)",
        "RGBA": "colour with transparency (alpha)",
        "CMYK": "CMYK: the four inks of a printer, not red, green, blue",
        "1": "1 bit: black or white, no grey",
    }
    if image.mode.startswith("I"):
        lowest, highest = np.asarray(image).min(), np.asarray(image).max()
        report.bits = data.bits_for(highest)
        report.add("odd mode", f"16 bit or more: values {lowest} to {highest}, read as {report.bits} bit")
    elif image.mode in names:
        report.add("odd mode", names[image.mode])
    elif image.mode not in ("L", "RGB"):
        report.add("odd mode", f"colour mode {image.mode}")


def sharpness(gray: Image.Image) -> float:
    """How strong the finest detail is, beside detail four times as coarse.

    Detail is the mean squared bend of the grey values: 2·middle − left − right, with the
    neighbours 1 or 4 points away. A point is the sum of 2 × 2 pixels, because the rounding
    of single pixels looks like detail. Blur takes the finest detail away first, so the
    ratio falls; brightness and contrast do not change it. Of a large picture, the middle
    counts.

    Returns:
        A number without unit; NaN for a picture without contrast.
    """
    side = 384
    left, top = max(0, (gray.width - side) // 2), max(0, (gray.height - side) // 2)
    width, height = (min(length, side) // 2 * 2 for length in gray.size)
    if min(width, height) < 20:
        return float("nan")
    pixels = np.asarray(gray.crop((left, top, left + width, top + height)), np.float32)
    pairs = pixels[:, ::2] + pixels[:, 1::2]
    points = pairs[::2] + pairs[1::2]
    fine, coarse = (_bend(points, step) for step in (1, 4))
    return fine / coarse if coarse > 1 else float("nan")


def _bend(points: np.ndarray, step: int) -> float:
    """Mean squared bend, across and down, at every second row."""
    across = 2 * points[::2, step:-step] - points[::2, : -2 * step] - points[::2, 2 * step :]
    down = 2 * points[step:-step:2] - points[: -2 * step : 2] - points[2 * step :: 2]
    return float(np.square(across).mean() + np.square(down).mean())
