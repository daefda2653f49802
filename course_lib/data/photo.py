"""Read one photo the same way for everybody: check, training and prediction (lesson 2)."""

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from course_lib.data.damage import ends_in_filling, fault_in, is_cut_off, is_picture, sniff
from course_lib.errors import CourseError
from course_lib.paths import shorten

FORMAT_OF_ENDING = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"}
FORMAT_OF_ENDING |= {".webp": "WEBP", ".gif": "GIF", ".pgm": "PPM", ".ppm": "PPM", ".pnm": "PPM", ".pbm": "PPM"}
IMAGE_ENDINGS = tuple(FORMAT_OF_ENDING)
# Raw photos look like TIFF inside, but only the maker's own software reads them rightly.
RAW_ENDINGS = {".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef"}
# A name that ends so is meant as a photo, also where the course cannot read it.
OTHER_ENDINGS = [".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".jfif", ".jpe", ".psd", ".dcm", ".svg", ".tga"]
PHOTO_ENDINGS = RAW_ENDINGS.union(IMAGE_ENDINGS, OTHER_ENDINGS)

# Problems that make a file useless, and what to do.
BROKEN = ("unreadable", "truncated", "damaged", "empty file", "zero bytes")
UNREADABLE = dict.fromkeys(BROKEN, "set it aside; copy it again from its source") | {
    "not an image": "set it aside; look for the photo it should have been",
    "unsupported format": "convert it to PNG",
    "too many pixels": "shrink it or cut it into tiles; if it is not a photo, ask where it comes from",
    "broken link": "remove the link or bring back the file it points to",
    "no permission": "ask for the right to read it",
    "not a file": "remove it from the photo folder",
}
LEFT_RIGHT, TOP_BOTTOM, LEFT, HALF, RIGHT, FIRST, SECOND = Image.Transpose
TURNS = (LEFT_RIGHT, HALF, TOP_BOTTOM, FIRST, RIGHT, SECOND, LEFT)  # for the notes 2 to 8
TOLD_BY_WORDS = {
    "truncated": "truncated",
    "unsupported format": "unknown|unsupported|not supported|unrecogni[sz]ed|not available",
}
# A warning for 89 million pixels or more; twice as many are refused, see `explained`.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Notes and colour profiles may be larger than Pillow allows; the pixels have a limit of their own.
PngImagePlugin.MAX_TEXT_CHUNK = 1 << 26


class Unreadable(Exception):
    """Why a file cannot be used: a key of `UNREADABLE`, and a detail."""

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(f"{problem} ({detail})")
        self.problem, self.detail = problem, detail


@contextmanager
def explained() -> Iterator[None]:
    """Whatever goes wrong inside while a photo is read becomes `Unreadable`, with a problem that has a name.

    Example:
        >>> with explained():
        ...     raise OSError("image file is truncated (7 bytes not processed)")
        Traceback (most recent call last):
        course_lib.data.photo.Unreadable: truncated (image file is truncated (7 bytes not processed))
    """
    try:
        yield
    except Unreadable:
        raise
    except PermissionError as error:
        raise Unreadable("no permission", "this user may not read the file") from error
    except FileNotFoundError as error:
        raise Unreadable("unreadable", "the file is not there") from error
    except Image.DecompressionBombError as error:
        promised = re.findall(r"\d+", str(error)) or ["0", "0"]
        detail = f"its header promises {int(promised[0]):,} pixels; at most {int(promised[-1]):,} are opened"
        raise Unreadable("too many pixels", detail) from error
    except Exception as error:  # a decoder that meets foreign bytes may raise anything
        words = str(error)[:120]
        for problem, pattern in TOLD_BY_WORDS.items():
            if re.search(pattern, words, re.IGNORECASE):
                raise Unreadable(problem, words) from error
        raise Unreadable("unreadable", f"{type(error).__name__}: {words}") from error


def read_file(path: Path) -> bytes:
    """The bytes of a photo.

    Raises:
        Unreadable: it is not a file that could hold a photo.
    """
    with explained():
        if path.is_symlink() and not path.exists():
            raise Unreadable("broken link", "the file it points to does not exist")
        if path.exists() and not path.is_file():
            raise Unreadable("not a file", "it is a pipe, a device or a folder")
        if path.suffix.lower() in RAW_ENDINGS:
            raise Unreadable("unsupported format", "a raw photo of a camera")
        if data := path.read_bytes():
            return data
        raise Unreadable("empty file", "0 bytes")


def other_than_photo(path: Path) -> str:
    """What a file is that nobody means as a photo, such as a table; "" for a photo, by its ending or its first bytes.

    Example:
        >>> import tempfile
        >>> notes = Path(tempfile.mkdtemp(), "notes.txt")
        >>> _ = notes.write_text("These are my photos.")
        >>> other_than_photo(notes)
        'text'
    """
    if path.suffix.lower() in PHOTO_ENDINGS or not os.path.isfile(path):
        return ""
    try:
        with path.open("rb") as file:
            kind = sniff(file.read(512))
    except OSError:
        return ""
    # Bytes without any meaning and without an ending may be what is left of a photo.
    unclear = kind in ("nothing", "zero bytes", "unknown bytes") and not path.suffix
    return "" if unclear or is_picture(kind) else kind


def open_photo(data: bytes) -> Image.Image:
    """Open a photo without decoding it; `load_photo` does that.

    Raises:
        Unreadable: it is not a photo, of an unknown kind, too large, or not all there.
    """
    kind = sniff(data)
    if kind not in FORMAT_OF_ENDING.values():
        if kind == "zero bytes" and not data.strip(b"\0"):
            raise Unreadable("zero bytes", f"all {len(data):,} bytes are zero")
        if is_picture(kind):
            raise Unreadable("unsupported format", kind)
        raise Unreadable("not an image", f"the content is {kind}")
    if fault := fault_in(kind, data):
        raise Unreadable(*fault)
    with explained():
        try:
            image = Image.open(BytesIO(data), formats=["JPEG", "MPO"] if kind == "JPEG" else [kind])
        except UnidentifiedImageError as error:
            raise Unreadable("unsupported format", f"a kind of {kind} that Pillow does not know") from error
        if kind in ("BMP", "TIFF", "PPM") and (filling := ends_in_filling(image, data)):
            raise Unreadable("truncated", filling)
        return image


def load_photo(image: Image.Image, data: bytes) -> Image.Image:
    """Decode an opened photo to its end; the one decoder of check, training and prediction.

    Args:
        image: from `open_photo`; a JPEG may be asked to come smaller.
        data: the bytes of its file.

    Raises:
        Unreadable: pixels are missing.
    """
    kind = sniff(data)
    with explained():
        image.load()
        if cut := is_cut_off(image, kind, data):
            raise Unreadable("truncated", cut)
    return image


def orientation(image: Image.Image) -> int:
    """How the pixels lie, by a note in the file: 1 (upright) to 8. Pillow turns a TIFF when it is decoded."""
    found = note(image, 0x0112, 1)
    return found if found in range(1, 9) else 1


def note(image: Image.Image, number: int, otherwise: Any) -> Any:
    """What a camera has noted in the file under a number of EXIF, or something else where it has not."""
    if image.format != "TIFF" and not {"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"} & set(image.info):
        return otherwise  # asking costs as much as decoding a small photo
    try:
        return image.getexif().get(number, otherwise)
    except Exception:  # a damaged note does not make the pixels unusable
        return otherwise


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture turned as its note says."""
    return image if orientation == 1 else image.transpose(TURNS[orientation - 2])


def eight_bit(image: Image.Image) -> Image.Image:
    """Any picture in 8 bit, grey ("L") or colour ("RGB"): the one conversion of pixels.

    Whole numbers of more than 8 bit lose their last bits: how many depends on the largest value, because
    cameras of 10, 12 or 14 bit store theirs in 16. Decimals go from 0 to 1 (or a little beyond, after a computation),
    or are treated like whole numbers.

    Example:
        >>> wide = Image.fromarray(np.array([[0, 2048], [4080, 4095]], dtype=np.uint16))
        >>> np.asarray(eight_bit(wide)).tolist()
        [[0, 128], [255, 255]]
    """
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode[0] in "IF":
        return Image.fromarray(_scaled(np.asarray(image)))
    return image.convert("RGB")


def _scaled(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, posinf=0, neginf=0)
    if (lowest := values.min(initial=0)) < 0:
        values = values.astype(np.float64) - lowest
    highest = float(values.max(initial=0))
    if values.dtype.kind == "f" and highest < 8:  # no camera counts so few steps
        return (values * (255 / max(highest, 1)) + 0.5).astype(np.uint8)
    return (values // 2 ** (bits_for(highest) - 8)).astype(np.uint8)


def bits_for(highest: float) -> int:
    """How many bits a camera uses whose largest value this is.

    Example:
        >>> bits_for(255), bits_for(3500), bits_for(4096)
        (8, 12, 14)
    """
    return next((bits for bits in (8, 10, 12, 14, 16, 24) if highest < 2**bits), 32)


def read_image(path: str | os.PathLike, mode: str = "L") -> np.ndarray:
    """Read one photo as an array of whole numbers from 0 (black) to 255 (white).

    The photo is turned upright if its EXIF note says so, and more than 8 bit become 8, see `eight_bit`.

    Args:
        path: the photo.
        mode: ``"L"`` for grey, shape (height, width); ``"RGB"`` for colour,
            shape (height, width, 3).

    Raises:
        CourseError: the file is missing, not an image, or broken off.

    Example:
        >>> from course_lib.data import solar_cells
        >>> image = read_image(solar_cells() / "functional" / "cell0004.png")
        >>> image.shape, image.dtype
        ((300, 300), dtype('uint8'))
    """
    path = Path(path)
    if not os.path.lexists(path):
        raise CourseError(f"There is no photo {shorten(path)}; check the path.")
    try:
        data = read_file(path)
        with open_photo(data) as opened:
            photo = load_photo(opened, data)
            with explained():
                return np.array(upright(eight_bit(photo), orientation(photo)).convert(mode))
    except Unreadable as reason:
        why = f"is {reason}" if reason.problem.startswith("not an") else f"cannot be read: {reason}"
        raise CourseError(f"The photo {shorten(path)} {why}; {UNREADABLE[reason.problem]} (lesson 2).") from reason


def read_pixels(path: str | os.PathLike, size: int, channels: int = 1) -> np.ndarray:
    """Read one photo and resize it to a square, in the layout that networks want.

    Args:
        path: the photo.
        size: width and height of the result in pixels.
        channels: 1 for grey, 3 for colour.

    Returns:
        uint8, (channels, size, size).

    Raises:
        CourseError: the photo cannot be read.

    Example:
        >>> from course_lib.data import solar_cells
        >>> read_pixels(solar_cells() / "functional" / "cell0004.png", size=64, channels=3).shape
        (3, 64, 64)
    """
    return to_pixels(read_image(path, "L" if channels == 1 else "RGB"), size)


def to_pixels(image: np.ndarray, size: int) -> np.ndarray:
    """A photo from `read_image`, resized to a square in the layout that networks want.

    Args:
        image: uint8, (height, width) or (height, width, 3).
        size: width and height of the result in pixels.

    Returns:
        uint8, (channels, size, size).
    """
    resized = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3)
    return np.asarray(resized).reshape(size, size, -1).transpose(2, 0, 1)
