"""What is a file, and is all of it there? Decoders pass over more than one thinks (lesson 2).

A file counts as damaged only where pixels are missing: odd notes beside the pixels do not matter.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

# What the first bytes of a file say about it. A format in capitals can be read.
SIGNATURES = (
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", "BMP"),
    (rb"II[*+]\0|MM\0[*+]", "TIFF"),
    (rb"RIFF.{4}WEBP", "WEBP"),
    (rb"P[1-6]\s", "PPM"),
    (rb"%PDF", "a PDF document"),
    (rb"8BPS", "a Photoshop file"),
    (rb".{4}ftyp(hei|hev|mif|msf)", "a HEIC photo"),
    (rb".{4}ftypavi", "an AVIF picture"),
    (rb".{4}ftyp", "a video"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (rb"PK\x03\x04", "a ZIP archive"),
    (rb".{128}DICM", "a DICOM picture"),
    (rb"(\xef\xbb\xbf)?\s*<(\?xml[^>]*>\s*)?(<!--.{0,200}-->\s*)?<?svg", "an SVG drawing"),
    (rb"(\xef\xbb\xbf)?\s*<(!doctype|html)", "an HTML page"),
)


def sniff(data: bytes) -> str:
    """Guess from its first bytes what a file is.

    Example:
        >>> sniff(b"\\xff\\xd8\\xff\\xe0"), sniff(b"%PDF-1.7"), sniff(b"Dear all,")
        ('JPEG', 'a PDF document', 'text')
    """
    start = data[:512]
    for pattern, kind in SIGNATURES:
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            return kind
    if not start:
        return "nothing"
    if not start.strip(b"\0"):
        return "zero bytes"
    printable = sum(byte >= 32 or byte in b"\t\n\r" for byte in start)
    return "text" if b"\0" not in start and printable > 0.95 * len(start) else "unknown bytes"


def is_picture(kind: str) -> bool:
    """Whether `sniff` has named a picture, of a format that can be read or of another.

    Example:
        >>> is_picture("PNG"), is_picture("a HEIC photo"), is_picture("a ZIP archive")
        (True, True, False)
    """
    return kind.isupper() or any(word in kind.lower() for word in ("picture", "photo", "drawing"))


def fault_in(kind: str, data: bytes) -> tuple[str, str] | None:
    """Find damage in the bytes of a file that decoders pass over in silence.

    Args:
        kind: as `sniff` calls it.
        data: the whole file.

    Returns:
        (problem, detail), or None where nothing is wrong.
    """
    if kind == "PNG":
        return _png_fault(data)
    if kind == "JPEG":
        return _jpeg_fault(data)
    if kind == "GIF" and not data.rstrip(b"\0").endswith(b";"):
        return "truncated", "the end mark is missing"
    if kind == "WEBP":
        stated = int.from_bytes(data[4:8], "little") + 8
        if len(data) < stated:
            return "truncated", f"{len(data):,} of {stated:,} bytes are there"
        if (empty := stated - len(data[:stated].rstrip(b"\0"))) > 64:  # compressed data is never empty
            return "truncated", f"the last {empty:,} bytes are empty"
    return None


def _png_parts(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of the parts of a PNG: length (4 bytes), name (4), content, checksum (4)."""
    start = 8
    while start + 12 <= len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        yield data[start + 4 : start + 8], start, end
        start = end


def _png_fault(data: bytes) -> tuple[str, str] | None:
    for name, start, end in _png_parts(data):
        if end > len(data):
            return "truncated", f"it breaks off inside the part {name!r}"
        checksum, needed = int.from_bytes(data[end - 4 : end], "big"), name[:1].isupper()
        if needed and zlib.crc32(memoryview(data)[start + 4 : end - 4]) != checksum:
            return "damaged", f"the checksum of the part {name!r} is wrong"
        if name == b"IEND":
            return None
    return "truncated", "the end mark is missing"


def _png_rows(data: bytes) -> float:
    """How many rows of pixels a PNG really holds; a decoder makes up the others, in black."""
    width, _, depth, colour, _, _, woven = struct.unpack(">IIBBBBB", data[16:29])
    packed = b"".join(data[start + 8 : end - 4] for name, start, end in _png_parts(data) if name == b"IDAT")
    row = 1 + (width * depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] + 7) // 8
    return np.inf if woven else len(zlib.decompressobj().decompress(packed)) // row


# Byte pairs that may not stand inside compressed JPEG data.
_FOREIGN_MARKER = re.compile(rb"\xff[\x01-\xc3\xc5-\xcb\xcd-\xcf\xd8\xdc\xde\xdf\xf0-\xfd]")


def _jpeg_fault(data: bytes) -> tuple[str, str] | None:
    """A JPEG is a chain of segments, then compressed data up to the mark FF D9."""
    start = _jpeg_start(data)
    end = data.find(b"\xff\xd9", start)
    if end < 0:
        return "truncated", "the end mark is missing"
    if _FOREIGN_MARKER.search(data, start + 2, end):
        return "damaged", "foreign bytes stand inside the compressed data"
    if re.search(rb"\xff\xc2..\x08", data[:start], re.DOTALL) and not _is_refined(data, start, end):
        return "truncated", "the last passes of a progressive JPEG, its fine detail, are missing"
    return None


def _jpeg_start(data: bytes) -> int:
    """Where the header ends: the first segment of compressed data (FF DA)."""
    position = 2
    while data[position : position + 1] == b"\xff" and (name := data[position + 1 : position + 2]) != b"\xda":
        is_filling = name == b"\xff"
        position += 1 if is_filling else 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return position


def _is_refined(data: bytes, start: int, end: int) -> bool:
    """Whether the passes of a progressive JPEG bring all 64 numbers of a block to their last bit."""
    missing = set(range(64))
    for scan in re.finditer(rb"\xff\xda\0.", data[start:end], re.DOTALL):
        count = data[start + scan.start() + 4]
        first, last, bits = data[start + scan.start() + 5 + 2 * count :][:3]
        if not bits & 15:
            missing -= set(range(first, last + 1))
    return not missing


def is_cut_off(image: Image.Image, kind: str, data: bytes) -> str:
    """Whether the end of a decoded picture is made up, because its file was closed too early.

    Args:
        image: decoded; a JPEG may be shrunk.
        kind: as `sniff` calls it.
        data: the whole file.

    Returns:
        What was found, or "" for a whole picture.
    """
    pixels, progressive = np.asarray(image), bool(image.info.get("progressive"))
    if kind == "JPEG" and (progressive or np.ptp(pixels[-4:, -4:].reshape(-1, pixels[0, 0].size), 0).max() <= 1):
        return _jpeg_goes_on(data, progressive)
    rows = pixels.reshape(len(pixels), -1)
    if len(rows) <= 16 or (rows[-1] != rows[-2]).any():
        return ""
    if kind == "PNG" and not rows[-1].any() and (there := _png_rows(data)) < len(rows):
        return f"{there} of {len(rows)} rows are there"
    equal = (rows[1:] == rows[:-1]).all(axis=1)
    repeated = int(np.argmin(equal[::-1]))
    # A border has one colour, and drawings repeat rows elsewhere too.
    if (
        len(rows) // 8 < repeated < 7 * len(rows) // 8
        and np.ptp(rows[-1].astype(float)) > 3
        and equal[: -repeated - 1].mean() < 0.01
    ):
        return f"the last {repeated + 1} rows are all the same"
    return ""


def _jpeg_goes_on(data: bytes, progressive: bool) -> str:
    """A decoder that still waits for data takes what is put before the end mark; a whole JPEG leaves it alone."""
    end = data.find(b"\xff\xd9", _jpeg_start(data))
    noise = b"\0" + bytes(range(1, 255)) * 4
    # Where marks divide the data (FF D0 to FF D7, in turn), the next of them is waited for.
    noise += b"".join(bytes((0xFF, 0xD0 + number)) + noise for number in (*range(8), *range(8)))
    pictures = []
    for more in (b"", noise):
        with Image.open(BytesIO(data[:end] + more + data[end:]), formats=["JPEG", "MPO"]) as image:
            if not progressive:  # the coarse look tells as much
                image.draft(image.mode, (image.width // 8, image.height // 8))
            image.load()
            pictures.append(image.tobytes())
    return "" if pictures[0] == pictures[1] else "the compressed data ends before the picture does"


def ends_in_filling(image: Image.Image, data: bytes) -> str:
    """Whether the pixels of an uncompressed file end in one repeated byte, as after a broken copy.

    A black border looks alike. But it begins with a row, or black stands elsewhere in the picture too.

    Args:
        image: opened, and not yet decoded.
        data: the whole file.
    """
    tiles = getattr(image, "tile", [])  # how the decoder would go about it
    if not tiles or tiles[0].codec_name != "raw":
        return ""
    offset, pixels = tiles[0].offset, data[tiles[0].offset :]
    row = max(1, len(pixels) // image.height)
    filling = pixels[-1:]
    start = len(pixels.rstrip(filling))
    length = len(pixels) - start
    usual = start / 100 + 3 * (start // row)  # rows of a BMP end with up to three zeros
    if length < max(row, len(pixels) // 50) or pixels.count(filling, 0, start) > usual:
        return ""
    if (start % row and row - start % row > 4) or (offset + start) % 512 == 0:
        return f"its last {length:,} bytes are all {filling[0]}"
    return ""
