"""One photo is read the same way for everybody, or refused in one sentence that helps."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from course_lib import data
from course_lib.checks import look_at
from course_lib.errors import CourseError


def save(image: Image.Image, **settings) -> BytesIO:
    buffer = BytesIO()
    image.save(buffer, **settings)
    buffer.seek(0)
    return buffer


def test_16_bit_photos_keep_their_range(tmp_path: Path) -> None:
    wide = np.array([[0, 256, 32768, 65535]], dtype=np.uint16)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert data.read_image(tmp_path / "wide.png").tolist() == [[0, 1, 128, 255]]


def test_a_photo_lying_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    Image.new("L", (30, 20)).save(tmp_path / "side.jpg", exif=exif)
    assert data.read_image(tmp_path / "side.jpg").shape == (30, 20)


@pytest.mark.parametrize("width", [struct.pack("<HHIf", 256, 11, 1, 30.0), struct.pack("<HHIi", 256, 9, 1, -30)])
def test_an_exif_note_that_cannot_be_does_not_make_the_pixels_unusable(tmp_path: Path, width: bytes) -> None:
    turned = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    note = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + width + turned + bytes(4)
    Image.new("L", (30, 20)).save(tmp_path / "odd.jpg", exif=note)
    assert data.read_image(tmp_path / "odd.jpg").shape == (30, 20)


@pytest.mark.parametrize("number", range(2, 9))
@pytest.mark.parametrize("kind", ["tif", "png", "webp"])
def test_every_turn_of_a_note_is_obeyed(tmp_path: Path, number: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = number
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    for name in (f"photo.{kind}", "turned.png"):
        Image.fromarray(pixels).save(tmp_path / name, exif=exif, **{"lossless": True} if kind == "webp" else {})
    with Image.open(tmp_path / "turned.png") as photo:
        turned = np.asarray(ImageOps.exif_transpose(photo))
    assert (data.read_image(tmp_path / f"photo.{kind}", "RGB") == turned).all()
    report = look_at(tmp_path / f"photo.{kind}", "")
    assert report.size == turned.shape[1::-1] and [name for name, _ in report.problems] == ["EXIF rotation"]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_photos_of_every_kind_become_grey_or_colour(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "photo.tif"
    Image.new(mode, (7, 5)).save(path)
    assert data.read_image(path).shape == (5, 7)
    assert data.read_image(path, "RGB").shape == (5, 7, 3)


def test_a_missing_photo_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"There is no photo .*gone\.png"):
        data.read_image(tmp_path / "gone.png")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"This is a letter.", "is not an image .the content is text"),
        (b"<html>404</html>", "is not an image .the content is an HTML page"),
        (b"", "empty file"),
        (bytes(99), "zero bytes"),
        (b"\0\0\0\x18ftypheic", "a HEIC photo.; convert it to PNG"),
    ],
)
def test_a_file_that_is_not_an_image_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "fake.png").write_bytes(content)
    with pytest.raises(CourseError, match=rf"fake\.png .*{why}"):
        data.read_image(tmp_path / "fake.png")


@pytest.mark.parametrize("ending", [".cr2", ".NEF", ".dng"])
def test_a_raw_photo_is_not_read_as_the_tiff_that_it_seems(tmp_path: Path, ending: str) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "raw.tif")
    (tmp_path / "raw.tif").rename(tmp_path / f"raw{ending}")
    with pytest.raises(CourseError, match=r"unsupported format .a raw photo"):
        data.read_image(tmp_path / f"raw{ending}")


FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(FORMATS),
    places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    kept=st.floats(0, 1),
)
@pytest.mark.filterwarnings("ignore")
def test_whatever_bytes_a_photo_holds_it_is_read_or_refused_in_one_sentence(
    tmp_path: Path, kind: str, places: list, kept: float
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (9, 11, 3), dtype=np.uint8)
    content = bytearray(save(Image.fromarray(noise), format=kind).getvalue())
    for place, value in places:
        content[int(place * (len(content) - 1))] = value
    path = tmp_path / f"photo.{kind.lower()}"
    path.write_bytes(content[: int(kept * len(content))] if kept < 0.5 else content)

    try:
        image = data.read_image(path)
    except CourseError:
        return
    assert image.dtype == np.uint8 and image.ndim == 2


# read_pixels


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_square_with_the_channels_first(photos: Path, channels: int) -> None:
    pixels = data.read_pixels(photos / "defective" / "0.png", 16, channels)
    assert pixels.shape == (channels, 16, 16) and pixels.dtype == np.uint8


def test_a_photo_of_one_grey_keeps_it(tmp_path: Path) -> None:
    Image.new("L", (50, 30), 77).save(tmp_path / "grey.png")
    assert (data.read_pixels(tmp_path / "grey.png", 8) == 77).all()


# more than 8 bit


EIGHT = np.asarray(Image.effect_noise((40, 30), 60)).clip(1, 254)


def pgm(values: np.ndarray, top: int) -> bytes:
    return b"P5\n%d %d\n%d\n" % (values.shape[1], values.shape[0], top) + values.astype(">u2").tobytes()


def tiff(values: np.ndarray, bits: int, kind: int) -> bytes:
    """An uncompressed TIFF, as Pillow itself does not write it."""
    data = values.tobytes()
    tags = [(256, 3, values.shape[1]), (257, 3, values.shape[0]), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 0),
            (277, 3, 1), (278, 3, values.shape[0]), (279, 4, len(data)), (339, 3, kind)]  # fmt: skip
    start = 8 + 2 + 12 * len(tags) + 4
    header = b"II*\0" + struct.pack("<IH", 8, len(tags))
    for tag, form, value in tags:
        value = start if tag == 273 else value
        header += struct.pack("<HHI", tag, form, 1)
        header += struct.pack("<HH", value, 0) if form == 3 else struct.pack("<I", value)
    return header + bytes(4) + data


DEEP = {
    "8 of 16.png": lambda deep: save(Image.fromarray(deep), format="PNG").getvalue(),
    "10 of 16.png": lambda deep: save(Image.fromarray(deep * 4), format="PNG").getvalue(),
    "12 of 16.png": lambda deep: save(Image.fromarray(deep * 16), format="PNG").getvalue(),
    "14 of 16.tif": lambda deep: save(Image.fromarray(deep * 64), format="TIFF").getvalue(),
    "16.png": lambda deep: save(Image.fromarray(deep * 257), format="PNG").getvalue(),
    "upper 12 of 16.tif": lambda deep: save(Image.fromarray(deep * 256), format="TIFF").getvalue(),
    "big ends.tif": lambda deep: save(Image.fromarray(deep.astype(">u2") * 257), format="TIFF").getvalue(),
    "12.pgm": lambda deep: pgm(deep * 16, 4095),
    "16.pgm": lambda deep: pgm(deep * 257, 65535),
    "32 int.tif": lambda deep: save(Image.fromarray((deep * 257).astype(np.int32)), format="TIFF").getvalue(),
    "0 to 1.tif": lambda deep: save(Image.fromarray((deep / 255).astype(np.float32)), format="TIFF").getvalue(),
    "a little beyond 0 to 1.tif": lambda deep: save(
        Image.fromarray((deep / 255 * 1.002 - 0.001).astype(np.float32)), format="TIFF"
    ).getvalue(),
    "decimals of 12 bit.tif": lambda deep: save(
        Image.fromarray((deep * 16).astype(np.float32)), format="TIFF"
    ).getvalue(),
}


@pytest.mark.parametrize("name", DEEP)
def test_photos_of_more_than_8_bit_are_seen_as_in_8_bit(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DEEP[name](EIGHT.astype(np.uint16)))
    seen = data.read_image(tmp_path / name).astype(int)
    assert np.abs(seen - EIGHT).max() <= 1
    Image.fromarray(EIGHT).save(tmp_path / "eight.png")
    deep, eight = (look_at(tmp_path / each, each) for each in (name, "eight.png"))
    assert deep.brightness == pytest.approx(eight.brightness, abs=1), "the check sees other pixels"
    assert {problem for problem, _ in deep.problems} <= {"odd mode"}


def test_numbers_below_zero_and_no_numbers_are_read(tmp_path: Path) -> None:
    values = np.array([[-100, 0, 155, np.nan, np.inf]], np.float32)
    Image.fromarray(values).save(tmp_path / "odd.tif")
    assert data.read_image(tmp_path / "odd.tif").tolist() == [[0, 100, 255, 100, 100]]


# whole photos are not called broken


def png_with(*chunks: tuple[bytes, bytes], at: int = 33) -> bytes:
    content = save(Image.fromarray(EIGHT), format="PNG").getvalue()
    more = b"".join(
        struct.pack(">I", len(text)) + name + text + struct.pack(">I", zlib.crc32(name + text)) for name, text in chunks
    )
    return content[:at] + more + content[at:]


def bmp_with(place: int, value: bytes) -> bytes:
    content = save(Image.fromarray(EIGHT), format="BMP").getvalue()
    return content[:place] + value + content[place + len(value) :]


WHOLE = {
    "a profile of 3 MB.png": png_with((b"iCCP", b"p\0\0" + zlib.compress(bytes(3_000_000)))),
    "a text of 3 MB.png": png_with((b"zTXt", b"log\0\0" + zlib.compress(b"x" * 3_000_000))),
    "a text of 3 MB behind the pixels.png": png_with((b"zTXt", b"log\0\0" + zlib.compress(b"x" * 3_000_000)), at=-12),
    "another language.png": png_with((b"iTXt", b"log\0\1\0\0\0" + zlib.compress(b"x" * 3_000_000))),
    "a stated size of 0.bmp": bmp_with(2, bytes(4)),
    "too large a stated size.bmp": bmp_with(2, struct.pack("<I", 10**6)),
    "reserved bytes in use.bmp": bmp_with(6, b"CAM1"),
    "no planes.bmp": bmp_with(26, bytes(2)),
    "a wrong size of the pixels.bmp": bmp_with(34, struct.pack("<I", 77)),
    "more behind the end.jpg": save(Image.fromarray(EIGHT), format="JPEG", quality=100).getvalue() + b"camera log",
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_photo_with_an_odd_header_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(WHOLE[name])
    assert np.abs(data.read_image(tmp_path / name).astype(int) - EIGHT).mean() < 2
    assert look_at(tmp_path / name, name).problems == []


@pytest.mark.parametrize(("bits", "values"), [(64, EIGHT / 255), (16, (EIGHT / 255).astype(np.float16))])
def test_a_tiff_of_an_unknown_kind_is_to_be_converted(tmp_path: Path, bits: int, values: np.ndarray) -> None:
    (tmp_path / "photo.tif").write_bytes(tiff(values, bits, 3))
    with pytest.raises(CourseError, match=r"photo\.tif cannot be read: unsupported format .*; convert it to PNG"):
        data.read_image(tmp_path / "photo.tif")
    assert [problem for problem, _ in look_at(tmp_path / "photo.tif", "").problems] == ["unsupported format"]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_one_limit_of_pixels_for_everybody_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (100, 100), 5).save(tmp_path / "photo.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)
    assert data.read_image(tmp_path / "photo.png").shape == (100, 100)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4999)
    with pytest.raises(
        CourseError, match=r"too many pixels \(its header promises 10,000 pixels; at most 9,998 .*tiles"
    ):
        data.read_image(tmp_path / "photo.png")
    assert [problem for problem, _ in look_at(tmp_path / "photo.png", "").problems] == ["too many pixels"]


# cut photos


def part(colour: bool = False, border: int = 0, side: int = 200) -> Image.Image:
    """A photo with noise, as cameras make it; perhaps with a black border below and at the right."""
    generator = np.random.default_rng(side)
    coarse = Image.fromarray(generator.integers(40, 220, (10, 10)).astype(np.uint8)).resize((side, side))
    pixels = (np.asarray(coarse) + generator.normal(0, 6, (side, side))).clip(1, 254).astype(np.uint8)
    if border:
        pixels[-border:] = 0
        pixels[:, -border:] = 0
    return Image.fromarray(pixels).convert("RGB" if colour else "L")


def problems_of(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    found = [problem for problem, _ in look_at(path, path.name).problems]
    if set(found) & set(data.UNREADABLE):
        with pytest.raises(CourseError, match="cannot be read"):
            data.read_image(path)
    else:
        data.read_image(path)
    return found


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("border", [0, 60])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"restart_marker_rows": 2},
        {"restart_marker_blocks": 3},
        {"quality": 30},
        {"optimize": True},
    ],
)
def test_a_jpeg_that_was_closed_too_early_is_truncated(
    tmp_path: Path, options: dict, border: int, colour: bool
) -> None:
    content = save(part(colour, border), format="JPEG", **{"quality": 90} | options).getvalue()
    assert problems_of(tmp_path / "whole.jpg", content) == []
    for share in (0.3, 0.5, 0.8):
        cut = content[: int(share * len(content))] + b"\xff\xd9"
        assert problems_of(tmp_path / "cut.jpg", cut) == ["truncated"], share


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("side", [200, 201, 256])
@pytest.mark.parametrize("filling", [b"\0", b"\xff"])
def test_a_file_that_ends_in_filling_is_truncated(tmp_path: Path, kind: str, side: int, filling: bytes) -> None:
    content = save(part(side=side), format=kind).getvalue()
    cut = len(content) // 2 // 512 * 512
    path = tmp_path / f"photo.{kind.lower()}"
    assert problems_of(path, content) == []
    assert problems_of(path, content[:cut] + filling * (len(content) - cut)) == ["truncated"]
    assert problems_of(path, save(part(side=side, border=50), format=kind).getvalue()) == [], "a black border"
    padded = np.asarray(part(side=side)).copy()
    padded[: side // 4] = padded[-side // 4 :] = 0
    assert problems_of(path, save(Image.fromarray(padded), format=kind).getvalue()) == [], "made square with black"


@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_whose_end_is_empty_is_truncated(tmp_path: Path, lossless: bool) -> None:
    content = save(part(), format="WEBP", lossless=lossless).getvalue()
    half = len(content) // 2
    assert problems_of(tmp_path / "photo.webp", content) == []
    assert problems_of(tmp_path / "photo.webp", content[:half] + bytes(len(content) - half)) == ["truncated"]
    assert problems_of(tmp_path / "photo.webp", content[:half]) == ["truncated"]


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_a_png_of_too_few_rows_is_truncated(tmp_path: Path, mode: str) -> None:
    picture = part().convert(mode)
    whole = save(picture, format="PNG").getvalue()
    half = save(picture.crop((0, 0, 200, 100)), format="PNG").getvalue()
    header = b"IHDR" + whole[16:29]
    stated = half[:12] + header + struct.pack(">I", zlib.crc32(header)) + half[33:]
    assert problems_of(tmp_path / "cut.png", stated) == ["truncated"]
    bordered = save(part(border=60).convert(mode), format="PNG").getvalue()
    assert "truncated" not in problems_of(tmp_path / "border.png", bordered)


def test_a_grabber_that_repeats_its_last_row_is_noticed(tmp_path: Path) -> None:
    pixels = np.asarray(part()).copy()
    pixels[120:] = pixels[119]
    assert problems_of(tmp_path / "photo.png", save(Image.fromarray(pixels), format="PNG").getvalue()) == ["truncated"]
    bars = Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (200, 1)))
    assert problems_of(tmp_path / "bars.png", save(bars, format="PNG").getvalue()) == [], "a drawing"
    titled = np.asarray(bars).copy()
    titled[0] = 200 - titled[0]
    assert problems_of(tmp_path / "title.png", save(Image.fromarray(titled), format="PNG").getvalue()) == []


# photos without a picture


@pytest.mark.parametrize(
    ("problem", "low", "high"),
    [("nearly black", 0, 9), ("nearly white", 245, 255), ("constant", 128, 129), ("constant", 130, 134)],
)
@pytest.mark.parametrize("side", [60, 500])
def test_black_white_and_grey_photos_are_findings(tmp_path: Path, problem: str, low: int, high: int, side: int) -> None:
    noise = np.random.default_rng(0).integers(low, high, (side, side), dtype=np.uint8)
    assert problems_of(tmp_path / "photo.png", save(Image.fromarray(noise), format="PNG").getvalue()) == [problem]


def test_fine_lines_on_a_plain_ground_are_a_picture(tmp_path: Path) -> None:
    pixels = np.full((2000, 2000), 120, np.uint8)
    pixels[::50] = 140
    assert problems_of(tmp_path / "lines.png", save(Image.fromarray(pixels), format="PNG").getvalue()) == []
