"""How many planted faults does the folder check report, and how often is it wrong?

    python studies/planted_faults.py          about ten seconds on two cores

Each of 8 seeded folders holds 46 solar-cell photos in deep folders with letters of many
scripts, in one size and in one or several formats. Half of the photos get a fault of their own,
seven get a copy, some in the folder of another label. Reported: of each fault, how many were
found, and how many good photos were called unreadable or a copy. That no file changes is checked.
"""

import hashlib
import random
import struct
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pandas as pd
from PIL import Image, ImageEnhance, PngImagePlugin

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from course_lib.checks import UNREADABLE, check_folder
from course_lib.data import solar_cells
from course_lib.paths import write_atomically

RESULT = Path(__file__).resolve().parent / "results" / "planted_faults.csv"
FOLDERS, PHOTOS = 8, 46
ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp"}
PLACES = ("good", "bad/深い/フォルダ", "third é/a/b/c/d")
SIZES = ((64, 64), (300, 300), (500, 400), (520, 520))
FALSE_ALARMS = {*UNREADABLE, "exact duplicate", "near duplicate", "two labels"}


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def bomb() -> bytes:
    """A small PNG file that promises 50,000 × 50,000 pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(9_999))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


def long_text(image: Image.Image) -> bytes:
    """A PNG photo with a packed note of 80 million letters."""
    note = PngImagePlugin.PngInfo()
    note.add_text("note", "A" * 80_000_000, zip=True)
    return encoded(image, "PNG", pnginfo=note)


def lying(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(image, "JPEG", exif=exif)


def pages(image: Image.Image, kind: str) -> bytes:
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return encoded(image, kind, save_all=True, append_images=[mirrored])


CUT = {"truncated", "damaged", "unreadable", "not an image"}
# name: (accepted problems, what becomes of the photo and its bytes, ending of the new file)
Spoil = Callable[[Image.Image, bytes, random.Random], bytes]
FAULTS: dict[str, tuple[set[str], Spoil, str]] = {
    **{
        f"cut off at any byte ({number})": (CUT, lambda p, d, r: d[: r.randrange(1, len(d))], "")
        for number in range(1, 5)
    },
    "empty": ({"empty file"}, lambda p, d, r: b"", ""),
    "zero bytes": ({"zero bytes"}, lambda p, d, r: bytes(5_000), ""),
    "random bytes": ({"not an image"}, lambda p, d, r: r.randbytes(3_000), ""),
    "text": ({"not an image"}, lambda p, d, r: b"Dear all, " * 30, ""),
    "PDF": ({"not an image"}, lambda p, d, r: b"%PDF-1.7\n" + r.randbytes(400), ""),
    "decompression bomb": ({"too many pixels"}, lambda p, d, r: bomb(), ".png"),
    "packed note": ({"unreadable", "too many pixels"}, lambda p, d, r: long_text(p), ".png"),
    "wrong ending": ({"wrong ending"}, lambda p, d, r: encoded(p, "JPEG"), ".png"),
    "moving GIF": ({"several pictures"}, lambda p, d, r: pages(p, "GIF"), ".gif"),
    "TIFF of two pages": ({"several pictures"}, lambda p, d, r: pages(p, "TIFF"), ".tif"),
    "palette": ({"odd mode"}, lambda p, d, r: encoded(p.convert("P"), "PNG"), ".png"),
    "CMYK": ({"odd mode"}, lambda p, d, r: encoded(p.convert("CMYK"), "JPEG"), ".jpg"),
    "alpha": ({"odd mode"}, lambda p, d, r: encoded(p.convert("RGBA"), "PNG"), ".png"),
    "16 bit": ({"odd mode"}, lambda p, d, r: encoded(p.convert("I;16"), "PNG"), ".png"),
    "EXIF rotation": ({"EXIF rotation"}, lambda p, d, r: lying(p), ".jpg"),
    "black": ({"nearly black", "constant"}, lambda p, d, r: encoded(p.point(lambda value: value // 16), "PNG"), ".png"),
    "one grey": ({"constant"}, lambda p, d, r: encoded(Image.new("L", p.size, 90), "PNG"), ".png"),
}
# name: (accepted problem, how the copy is made, ending of the copy, under another label?)
COPIES: dict[str, tuple[str, Callable[[Image.Image, bytes], bytes], str, bool]] = {
    "same bytes": ("exact duplicate", lambda p, d: d, "", False),
    "same bytes, other label": ("two labels", lambda p, d: d, "", True),
    "JPEG 40, other label": ("two labels", lambda p, d: encoded(p, "JPEG", quality=40), ".jpg", True),
    "turned": ("near duplicate", lambda p, d: encoded(p.transpose(Image.Transpose.ROTATE_90), "PNG"), ".png", False),
    "brighter": ("near duplicate", lambda p, d: encoded(ImageEnhance.Brightness(p).enhance(1.2), "PNG"), ".png", False),
    "half the size": (
        "near duplicate",
        lambda p, d: encoded(p.resize((p.width // 2, p.height // 2)), "JPEG", quality=85),
        ".jpg",
        False,
    ),
    "mirrored": (
        "near duplicate",
        lambda p, d: encoded(p.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "BMP"),
        ".bmp",
        False,
    ),
}


def fingerprint(folder: Path) -> dict[Path, tuple[str, int]]:
    return {
        path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def plant(folder: Path, seed: int) -> list[tuple[str, set[str], set[str]]]:
    """Fill a folder. Returns (fault, files of which one must be named, accepted problems)."""
    choose = random.Random(seed)
    size, kinds = choose.choice(SIZES), choose.choice([["JPEG"], ["PNG"], list(ENDINGS)])
    for place in PLACES:
        (folder / place).mkdir(parents=True)
    files = []
    for source in choose.sample(sorted(solar_cells().glob("*/*.png")), PHOTOS):
        with Image.open(source) as opened:
            photo = opened.convert(choose.choice(["L", "RGB"])).resize(size)
        kind = choose.choice(kinds)
        name = f"{choose.choice(['cell', '写真', 'ü', 'p q'])}{len(files)}{ENDINGS[kind]}"
        path = folder / choose.choice(PLACES) / name
        path.write_bytes(encoded(photo, kind))
        files.append((path, photo))
    planted = []
    for (path, photo), (name, (problems, spoil, ending)) in zip(files, FAULTS.items(), strict=False):
        content = spoil(photo, path.read_bytes(), choose)
        path.unlink()
        path = path.with_suffix(ending or path.suffix)
        path.write_bytes(content)
        planted.append((name.split(" (")[0], {path.relative_to(folder).as_posix()}, problems))
    originals = files[len(FAULTS) :]
    for (path, photo), (name, (problem, change, ending, elsewhere)) in zip(originals, COPIES.items(), strict=False):
        label = path.relative_to(folder).parts[0]
        if elsewhere:
            label = next(place for place in ("good", "bad") if place != label)
        copy = folder / label / f"copy of {path.stem}{ending or path.suffix}"
        copy.write_bytes(change(photo, path.read_bytes()))
        both = {file.relative_to(folder).as_posix() for file in (path, copy)}
        planted.append((name, both, {problem}))
    return planted


def main() -> None:
    found, total, false_alarms, good = Counter(), Counter(), 0, 0
    for seed in range(FOLDERS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            planted = plant(folder, seed)
            before = fingerprint(folder)
            findings = check_folder(folder, progress=False)
            assert fingerprint(folder) == before, f"folder {seed}: the check changed a file"
        for fault, files, problems in planted:
            named = findings[findings["path"].isin(files)]
            total[fault] += 1
            found[fault] += bool(set(named["problem"]) & problems)
        involved = set().union(*(files for _, files, _ in planted))
        alarms = findings[findings["problem"].isin(FALSE_ALARMS)]
        false_alarms += alarms.loc[~alarms["path"].isin(involved), "path"].nunique()
        good += PHOTOS - len(FAULTS) - len(COPIES)
    rows = [(fault, found[fault], count) for fault, count in total.items()]
    rows.append(("false alarms among good photos", false_alarms, good))
    table = pd.DataFrame(rows, columns=["planted", "reported", "of"])
    print(table.to_string(index=False))
    with write_atomically(RESULT) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
