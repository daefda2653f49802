"""Look at one file: is it a photo, is it whole, and what is in it?

Introduced in lesson 2. `look_at` never raises and never changes the file: whatever bytes it
meets, it answers with `Facts`. `course_lib.checks.folder` asks it about every file of a folder.
"""

import hashlib
import re
import stat
import zlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from course_lib.checks.duplicates import THUMBNAIL_SIZE

FORMAT_OF_ENDING = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".gif": "GIF",
}
# Raw photos look like TIFF inside, but only the maker's own software reads them rightly.
RAW_ENDINGS = {".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef"}

LARGEST_FILE = 1_000_000_000  # bytes; a larger file is not read into memory
MOST_PIXELS = 100_000_000  # a header that promises more is not believed
LARGE_PHOTO = 16_000_000  # pixels; of these, one at a time is decoded

# What the first bytes of a file say about it. A format in capitals can be read.
SIGNATURES = (
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"BM.{4}\0\0\0\0", "BMP"),
    (rb"II\*\0|MM\0\*", "TIFF"),
    (rb"RIFF.{4}WEBP", "WEBP"),
    (rb"%PDF", "a PDF document"),
    (rb"8BPS", "a Photoshop file"),
    (rb".{4}ftyp(hei|hev|mif|msf)", "a HEIC photo"),
    (rb".{4}ftypavi", "an AVIF picture"),
    (rb".{4}ftyp", "a video"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (rb"%!PS", "a PostScript file"),
    (rb"P[1-7]\s", "a Netpbm picture"),
    (rb"\0\0\x01\0", "an icon"),
    (rb"II\+\0|MM\0\+", "a BigTIFF picture"),
    (rb"PK\x03\x04", "a ZIP archive"),
    (rb".{128}DICM", "a DICOM picture"),
    (rb"SIMPLE  =", "a FITS picture"),
    (rb"(\xef\xbb\xbf)?\s*<(\?xml[^>]*>\s*)?(<!--.{0,200}-->\s*)?<?svg", "an SVG drawing"),
    (rb"(\xef\xbb\xbf)?\s*<(!doctype|html)", "an HTML page"),
)


@dataclass
class Facts:
    """What one look at a file found out (lesson 2)."""

    path: str
    problems: list[tuple[str, str]] = field(default_factory=list)  # (problem, detail)
    is_photo: bool = False  # it could be decoded
    digest: str = ""  # equal for files of equal bytes
    format: str = ""
    mode: str = ""
    size: tuple[int, int] = (0, 0)  # (width, height), upright
    sharpness: float = np.nan
    thumbnail: np.ndarray | None = None  # uint8 (64, 64)

    @property
    def has_contrast(self) -> bool:
        """Only then can it be compared: one black photo equals another."""
        return self.thumbnail is not None and int(np.ptp(self.thumbnail)) > 5

    def add(self, problem: str, detail: str) -> None:
        self.problems.append((problem, detail))


def look_at(path: Path, name: str, one_large_photo: AbstractContextManager | None = None) -> Facts:
    """Read one file once and say what it is and what is wrong with it (lesson 2).

    Args:
        path: the file.
        name: what the findings call it.
        one_large_photo: held while a photo of more than 16 million pixels is decoded, so
            that threads do not fill the memory together.

    Example:
        >>> from course_lib.data import solar_cells
        >>> facts = look_at(solar_cells() / "functional" / "cell0004.png", "cell0004.png")
        >>> facts.format, facts.mode, facts.size, facts.problems
        ('PNG', 'L', (300, 300), [])
    """
    facts = Facts(name)
    try:
        data = _read(path, facts)
        if data is not None:
            facts.digest = hashlib.sha256(data).hexdigest()
            _decode(data, facts, path.suffix.lower(), one_large_photo or nullcontext())
    except PermissionError:
        facts.add("no permission", "this user may not read the file")
    except FileNotFoundError:
        facts.add("unreadable", "the file vanished during the check")
    except Image.DecompressionBombError as error:
        promised = re.search(r"\d+", str(error))
        count = f"{int(promised[0]):,}" if promised else "far too many"
        facts.add("too many pixels", f"its header promises {count} pixels")
    except Exception as error:  # a decoder that meets foreign bytes may raise anything
        problem = "truncated" if "truncated" in str(error).lower() else "unreadable"
        facts.add(problem, f"{type(error).__name__}: {str(error)[:120]}")
    return facts


def _read(path: Path, facts: Facts) -> bytes | None:
    """The bytes of a file that is meant as a photo, or None."""
    try:
        status = path.stat()
    except FileNotFoundError:
        if not path.is_symlink():
            raise
        facts.add("broken link", "the file it points to does not exist")
        return None
    if not stat.S_ISREG(status.st_mode):
        facts.add("not a file", "it is a pipe, a device or a folder")
        return None
    if not status.st_mode & 0o444:
        facts.add("no permission", "nobody may read the file")
        return None
    suffix = path.suffix.lower()
    if suffix in RAW_ENDINGS:
        facts.add("unsupported format", "a raw photo of a camera")
        return None
    if suffix not in FORMAT_OF_ENDING:
        with path.open("rb") as file:
            kind = sniff(file.read(512))
        if _is_foreign_picture(kind):
            facts.add("unsupported format", kind)
        if kind not in FORMAT_OF_ENDING.values():
            return None  # tables, notes and the like may lie beside photos
    if status.st_size == 0:
        facts.add("empty file", "0 bytes")
        return None
    if status.st_size > LARGEST_FILE:
        facts.add("too many pixels", f"the file has {status.st_size:,} bytes")
        return None
    return path.read_bytes()


def sniff(data: bytes) -> str:
    """Guess from its first bytes what a file is (lesson 2).

    Example:
        >>> sniff(b"\\xff\\xd8\\xff\\xe0"), sniff(b"%PDF-1.7"), sniff(b"Dear all,")
        ('JPEG', 'a PDF document', 'text')
    """
    for pattern, kind in SIGNATURES:
        if re.match(pattern, data[:512], re.DOTALL | re.IGNORECASE):
            return kind
    start = data[:512]
    if not start:
        return "nothing"
    if not start.strip(b"\0"):
        return "zero bytes"
    printable = sum(byte >= 32 or byte in b"\t\n\r" for byte in start)
    return "text" if b"\0" not in start and printable > 0.95 * len(start) else "unknown bytes"


def _decode(data: bytes, facts: Facts, suffix: str, one_large_photo: AbstractContextManager) -> None:
    kind = sniff(data)
    if kind not in FORMAT_OF_ENDING.values():
        _explain_foreign(kind, data, facts)
        return
    facts.format = kind
    expected = FORMAT_OF_ENDING.get(suffix)
    if kind != expected:
        facts.add("wrong ending", f"the content is {kind}, the ending is '{suffix}'")
    fault = fault_in(kind, data)
    if fault:
        facts.add(*fault)
        return
    formats = ["JPEG", "MPO"] if kind == "JPEG" else [kind]
    with Image.open(BytesIO(data), formats=formats) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            facts.add("too many pixels", f"its header promises {width:,} × {height:,} pixels")
            return
        facts.mode = image.mode
        facts.size = image.size
        if kind == "JPEG":
            # The measures need no colour and no large size; the decoder can leave both out.
            step = shrinking(image.size)
            gray = "L" if image.mode == "RGB" else None
            image.draft(gray, (width // step, height // step))
        with one_large_photo if width * height > LARGE_PHOTO else nullcontext():
            image.load()
            _describe(image, facts)
    facts.is_photo = True


def _explain_foreign(kind: str, data: bytes, facts: Facts) -> None:
    if kind == "zero bytes" and not data.strip(b"\0"):
        facts.add("zero bytes", f"all {len(data):,} bytes are zero")
    elif _is_foreign_picture(kind):
        facts.add("unsupported format", kind)
    else:
        facts.add("not an image", f"the content is {kind}")


def is_picture(kind: str) -> bool:
    """Whether `sniff` has named a picture, of a format that can be read or of another.

    Example:
        >>> is_picture("PNG"), is_picture("a HEIC photo"), is_picture("a ZIP archive")
        (True, True, False)
    """
    return kind in FORMAT_OF_ENDING.values() or _is_foreign_picture(kind)


def _is_foreign_picture(kind: str) -> bool:
    return any(word in kind.lower() for word in ("picture", "photo", "drawing"))


def fault_in(kind: str, data: bytes) -> tuple[str, str] | None:
    """Find damage that decoders pass over in silence (lesson 2).

    Returns:
        (problem, detail), or None where nothing is wrong.
    """
    if kind == "PNG":
        return _png_fault(data)
    if kind == "JPEG":
        return _jpeg_fault(data)
    if kind == "GIF" and not data.rstrip(b"\0").endswith(b";"):
        return "truncated", "the end mark is missing"
    if kind in ("WEBP", "BMP"):
        # Both formats state the length of the file near its beginning.
        stated = int.from_bytes(data[4:8] if kind == "WEBP" else data[2:6], "little")
        stated += 8 if kind == "WEBP" else 0
        if len(data) < stated:
            return "truncated", f"{len(data):,} of {stated:,} bytes are there"
    return None


def _png_fault(data: bytes) -> tuple[str, str] | None:
    """A PNG is a chain of chunks: length (4 bytes), name (4), content, checksum (4)."""
    position = 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        name = data[position + 4 : position + 8]
        end = position + 12 + length
        if end > len(data):
            return "truncated", f"it breaks off inside the part {name!r}"
        checksum = int.from_bytes(data[end - 4 : end], "big")
        needed = name[:1].isupper()
        if needed and zlib.crc32(memoryview(data)[position + 4 : end - 4]) != checksum:
            return "damaged", f"the checksum of the part {name!r} is wrong"
        if name == b"IEND":
            return None
        position = end
    return "truncated", "the end mark is missing"


# Byte pairs that may not stand inside compressed JPEG data.
_FOREIGN_MARKER = re.compile(rb"\xff[\x01-\xc3\xc5-\xcb\xcd-\xcf\xd8\xdc\xde\xdf\xf0-\xfd]")


def _jpeg_fault(data: bytes) -> tuple[str, str] | None:
    """A JPEG is a chain of segments, then compressed data up to the mark FF D9."""
    position = 2
    while data[position : position + 1] == b"\xff" and data[position + 1 : position + 2] != b"\xda":
        if data[position + 1] == 0xFF:  # a fill byte
            position += 1
            continue
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    end = data.find(b"\xff\xd9", position)
    if end < 0:
        return "truncated", "the end mark is missing"
    if _FOREIGN_MARKER.search(data, position + 2, end):
        return "damaged", "foreign bytes stand inside the compressed data"
    return None


def _describe(image: Image.Image, facts: Facts) -> None:
    """Everything that is read off the decoded picture."""
    orientation = _orientation(image)
    if getattr(image, "is_animated", False):
        image.seek(0)
        facts.add("several pictures", f"the {facts.format} file holds more than one picture")
    if orientation > 4:
        facts.size = facts.size[::-1]
    if orientation > 1:
        facts.add("EXIF rotation", f"orientation {orientation}: the stored pixels lie otherwise")
    _describe_mode(image, facts)
    gray = grey(image)
    step = shrinking(gray.size)
    gray = gray.reduce(step) if step > 1 else gray
    _describe_brightness(gray, facts)
    facts.sharpness = sharpness(gray)
    facts.thumbnail = np.asarray(_upright(thumbnail_of(gray), orientation))


def shrinking(size: tuple[int, int]) -> int:
    """By how much a large photo is shrunk before it is measured: 1, 2, 4 or 8 (lesson 2).

    A network sees some 100 to 300 pixels of a side, so the measures look at as many.

    Example:
        >>> shrinking((300, 300)), shrinking((500, 600)), shrinking((6000, 4000))
        (1, 2, 8)
    """
    return next((step for step in (8, 4, 2) if min(size) >= 240 * step), 1)


def thumbnail_of(gray: Image.Image) -> Image.Image:
    """64 × 64 pixels, each an average over its neighbourhood (lesson 2)."""
    # reducing_gap averages whole blocks first, which is faster.
    size = (THUMBNAIL_SIZE, THUMBNAIL_SIZE)
    return gray.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.5)


def _orientation(image: Image.Image) -> int:
    if "exif" not in image.info and image.format != "TIFF":
        return 1  # asking costs as much as decoding a small photo
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:  # a damaged EXIF note does not make the pixels unusable
        return 1
    return orientation if orientation in range(1, 9) else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    if orientation == 1:
        return image
    exif = image.getexif()
    exif[0x0112] = orientation
    return ImageOps.exif_transpose(image)


def grey(image: Image.Image) -> Image.Image:
    """Any picture as 8-bit grey; 16 bit and decimals are scaled to the range in use (lesson 2).

    Example:
        >>> wide = Image.fromarray(np.array([[0, 2048], [4080, 4095]], dtype=np.uint16))
        >>> np.asarray(grey(wide)).tolist()
        [[0, 127], [254, 255]]
    """
    if image.mode == "L":
        return image
    if image.mode.startswith("I") or image.mode == "F":
        values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0, neginf=0)
        # A camera of 10, 12 or 14 bit stores its values in 16 bit.
        highest = float(values.max(initial=0))
        ranges = [1.0] if image.mode == "F" else []
        full = next((top for top in (*ranges, 255, 1023, 4095, 16383, 65535) if highest <= top), 0)
        return Image.fromarray((values.clip(0) * (255 / (full or highest))).astype(np.uint8))
    if image.mode in ("1", "RGB"):
        return image.convert("L")
    if image.mode in ("P", "PA", "LA", "RGBa", "La"):
        image = image.convert("RGBA")
    return image.convert("RGB").convert("L")


def _describe_mode(image: Image.Image, facts: Facts) -> None:
    names = {
        "P": "palette: each pixel is a row number of a colour table",
        "PA": "palette with transparency",
        "LA": "grey with transparency (alpha)",
        "RGBA": "colour with transparency (alpha)",
        "CMYK": "CMYK: the four inks of a printer, not red, green, blue",
        "1": "1 bit: black or white, no grey",
        "F": "decimal numbers (32 bit)",
    }
    if image.mode.startswith("I"):
        lowest, highest = image.getextrema()
        facts.add("odd mode", f"16 bit or more: values {lowest} to {highest}")
    elif image.mode in names:
        facts.add("odd mode", names[image.mode])
    elif image.mode not in ("L", "RGB"):
        facts.add("odd mode", f"colour mode {image.mode}")


def _describe_brightness(gray: Image.Image, facts: Facts) -> None:
    counts = np.cumsum(gray.histogram())
    low, high = np.searchsorted(counts, counts[-1] * np.array([0.01, 0.99]))
    lowest, highest = gray.getextrema() if low == high else (low, high)
    if lowest == highest:
        facts.add("constant", f"every pixel has the value {lowest}")
    elif high < 20:
        facts.add("nearly black", f"99 % of the pixels are below {high + 1} of 255")
    elif low > 235:
        facts.add("nearly white", f"99 % of the pixels are above {low - 1} of 255")
    elif high - low <= 3:
        facts.add("constant", f"98 % of the pixels lie between {low} and {high}")


def sharpness(gray: Image.Image) -> float:
    """How strong the finest detail is, beside detail four times as coarse (lesson 2).

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
    pixels = np.asarray(gray.crop((left, top, left + width, top + height)))
    # Two neighbours are read as one number of 16 bit: its low half and its high half.
    pairs = pixels.view(np.uint16)
    pairs = (pairs & 255) + (pairs >> 8)
    points = (pairs[::2] + pairs[1::2]).astype(np.float32)
    fine, coarse = (_bend(points, step) for step in (1, 4))
    return fine / coarse if coarse > 1 else float("nan")


def _bend(points: np.ndarray, step: int) -> float:
    """Mean squared bend, across and down, at every second row."""
    across = points[::2, step:-step] * 2
    across -= points[::2, : -2 * step]
    across -= points[::2, 2 * step :]
    down = points[step:-step:2] * 2
    down -= points[: -2 * step : 2]
    down -= points[2 * step :: 2]
    return float(np.vdot(across, across) / across.size + np.vdot(down, down) / down.size)
