# %% [markdown]
# # 02 Loading and checking images
#
# You read photos as tables of numbers, then you hunt through a messy photo folder, as factories have them, and set aside
# what cannot be used.
#
# **At the end you have:** a list of every unusable photo in a deliberately messy folder, and none of them deleted

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Read a photo into an array and name its shape, type and mode.
# - Find photos that cannot be used: broken, empty, or something else behind an image ending.
# - Tell exact duplicates from near duplicates, and say what each does to a test.
# - Set photos aside so that nothing is lost and every step can be undone.

# %%
# {{setup}} 2

# %% [markdown]
# `PHOTOS` names the photo folder. You may put your own folder there; it needs one sub-folder for each class. (A *class* is one
# of the groups that photos are sorted into, here `functional` and `defective`.)
#
# The *index* is a table with one row for each photo. It knows the path and the label of each photo. (The solar cells have three more columns: how sure the experts
# were of a defect, the type of the cell, and its place in the file order. Lesson 4 uses them.) No photo was opened for it yet.

# %%
from course_lib import data

PHOTOS = data.solar_cells()
index = data.index_folder(PHOTOS)
index.head(3)

# %% [markdown]
# ## A photo is a table of numbers
#
# Read the first photo of the index. `np.asarray` turns it into an *array*: numbers in rows and columns, one for each
# *pixel* (point of the photo).

# %%
import numpy as np
from PIL import Image

with Image.open(data.photo_path(index, 0)) as photo:
    pixels = np.asarray(photo.convert("L"))  # "L": grey; the solar cells are grey already
    print("mode of the photo:", photo.mode)
print("shape:", pixels.shape, "| type:", pixels.dtype)
print("darkest:", pixels.min(), "| brightest:", pixels.max())

# %% [markdown]
# Four words to keep:
#
# - *Shape* is (height, width): the array counts rows first.
# - *Type* `uint8` means whole numbers from 0 to 255, one byte each.
# - *Value range*: 0 is black, 255 is white.
# - *Mode* `L` is Pillow's name for one grey channel of 8 bits. (Pillow is the library that reads photos here.)
#
# The picture shows the photo and, enlarged, a corner of 12 × 12 of its numbers.

# %%
from course_lib import plots

top, left = int(0.454 * pixels.shape[0]), int(0.22 * pixels.shape[1])
corner = pixels[top : top + 12, left : left + 12]
plots.photo_grid(
    [pixels, corner],
    ["the photo", "12 × 12 of its pixels"],
    size=2.6,
    alt="Left: a grey photo of a solar cell. Right: 12 by 12 of its pixels, enlarged to squares of different grey.",
)
print(corner[:3])

# %% [markdown]
# Each square on the right is one number. The three printed rows are the top three rows of squares. A model sees only
# these numbers.
#
# ## Colour has three channels, and an order
#
# A colour photo has a third axis: red, green and blue for each pixel. The flower photo comes with scikit-learn.
#
# *Predict first:* the library OpenCV keeps the order blue, green, red (BGR). What does an orange flower look like if
# you show a BGR array as if it were RGB?

# %%
with Image.open(data.everyday_photos()["flower"]) as photo:
    colour = np.asarray(photo.convert("RGB"))
    print("mode:", photo.mode, "| size:", photo.size, "| shape:", colour.shape)
swapped = colour[:, :, ::-1]
plots.photo_grid(
    [colour, swapped],
    ["RGB shown as RGB", "BGR shown as RGB"],
    size=3,
    alt="A flower, left in its real colours, right with red and blue exchanged.",
)

# %% [markdown]
# Red and blue changed places. Nothing failed and nothing warned you. A model that was trained on one order and gets the
# other one only becomes worse. Note also that Pillow's `size` is (width, height), while the shape of the array is
# (height, width, channels).
#
# ## 8 bit and 16 bit
#
# Industrial cameras often store 12 bits in a file of 16 bits: values from 0 to 4095 instead of 0 to 255. Here you make
# such a photo from the first one, and bring it back to 8 bits in three ways.
#
# *Predict first:* which of the three gives back the photo?

# %%
wide = pixels.astype(np.uint16) * 16
print("type:", wide.dtype, "| brightest:", wide.max())
three_ways = {
    "cut to 8 bits\nastype(uint8)": wide.astype(np.uint8),
    "Pillow's convert": np.asarray(Image.fromarray(wide).convert("L")),
    "scaled by 4095": (wide * (255 / 4095)).astype(np.uint8),
}
plots.photo_grid(
    list(three_ways.values()),
    list(three_ways),
    size=2.2,
    alt="Three versions of a solar cell: the first full of edges that are not there, the second nearly all white, the third right.",
)

# %% [markdown]
# `astype(np.uint8)` counts to 255 and starts again at 0: the photo is full of edges that are not there. `convert("L")` turns every value above 255 into 255: a
# white photo. Only scaling by the real range gives the photo back. Both wrong ways run without any error, so a check
# must tell you which photos have 16 bits. The course does not know the real range of your camera either: `data.read_image` divides 16-bit values by 256, and a photo with
# 12 bits becomes nearly black (0 to 15). So save such photos with 8 bits first, scaled as here: `Image.fromarray(three_ways["scaled by 4095"]).save("photo.png")`.

# %%
correct = three_ways["scaled by 4095"].astype(int)
assert np.abs(correct - pixels).max() <= 1
assert three_ways["Pillow's convert"].mean() > pixels.mean()

# %% [markdown]
# ## A messy folder
#
# Real folders are not clean. `make_messy_folder` copies 120 solar-cell photos and plants faults in the copies. The photos
# themselves stay as they are. You hunt in the copies. A *seed* (a number that fixes all random choices) makes sure that the
# faults lie in the same photos each time.

# %%
from course_lib import checks

FOLDER = checks.make_messy_folder()
files = sorted(path for path in FOLDER.glob("*/*"))
print(len(files), "files,", len(checks.messy_answers()), "planted faults")

# %% [markdown]
# The simplest check is to open each file. `Image.open` raises an *error* if it cannot. The cell counts such files.

# %%
from pathlib import Path


def cannot_open(path: Path) -> bool:
    try:
        with Image.open(path):
            return False
    except Exception:
        return True


not_opened = [path.name for path in files if cannot_open(path)]
not_opened

# %% [markdown]
# Look at the first bytes of two of these files. The first bytes of a file tell what it really is; its name does not.

# %%
answers = checks.messy_answers().set_index("path")
disguised = answers.index[answers["problem"] == "not an image"]
for name in disguised:
    print(name, (FOLDER / name).read_bytes()[:14])

# %% [markdown]
# One is a web page with an error message that was saved as if it were a photo, the other is a PDF document.
#
# ## Opening is not reading
#
# The list above misses some broken photos. This cell takes a photo of which two fifths are missing. `Image.open` reads
# only the beginning of the file and finds nothing wrong. **The next cell fails on purpose**, because it reads all pixels.

# %% tags=["raises-exception"]
broken = next(path for path in answers.index[answers["problem"] == "truncated"] if path.endswith(".png"))
with Image.open(FOLDER / broken) as photo:
    print("opened:", photo.size)
data.read_image(FOLDER / broken)

# %% [markdown]
# The size is there, the pixels are not: the file is *truncated*, that is, cut off. It happens when a disk is full or a
# copy is interrupted. So a check must read every photo to its end. `Image.load` does so.

# %%
def cannot_load(path: Path) -> bool:
    try:
        with Image.open(path) as photo:
            photo.load()
            return False
    except Exception:
        return True


not_loaded = [path.name for path in files if cannot_load(path)]
print("cannot be opened:", len(not_opened), "| cannot be read to the end:", len(not_loaded))

# %% [markdown]
# ## All checks at once
#
# `check_folder` reads each file once and asks many more questions: Does the ending fit? Is the photo black, blurred, of
# another size? Is it a copy? Does the label table (`labels.csv`, a list of all photos with their labels) fit? It answers with one row for each *finding*.
# It counts one file more than before, the label table. There are more findings than faults, because the photo with two labels is found three times: as a copy, and once under each label.

# %%
from course_lib import checks

findings = checks.check_folder(FOLDER, progress=False)
print(findings.attrs["files"], "files,", len(findings), "findings")
findings[["path", "problem", "detail"]].head(8)

# %% [markdown]
# Each row names the file, the problem and a detail. A fourth column suggests what to do. The next table counts the
# findings.

# %%
counts = findings.groupby(["problem", "suggested_action"]).size().rename("findings")
counts.reset_index()

# %% [markdown]
# *Decompression bomb* is the name for the file under "too many pixels": a few hundred bytes that promise 60,000 × 60,000
# pixels. Reading it would fill the memory. The check reads the promised size first and stops there.
#
# Look at some photos that can be read but should not be used as they are.

# %%
doubtful = ["nearly black", "nearly white", "constant", "blurred", "odd size", "EXIF rotation"]
shown = findings[findings["problem"].isin(doubtful)].drop_duplicates("problem")
with_pixels = [np.asarray(Image.open(FOLDER / path).convert("L")) for path in shown["path"]]
plots.photo_grid(
    with_pixels,
    list(shown["problem"]),
    alt="Six doubtful photos: one nearly white, one of a single grey, one cut to half its height, one blurred, one lying on its side, one nearly black.",
)

# %% [markdown]
# A model would learn from all six without complaint. *EXIF* is a note inside the file; here it says "turn me by a
# quarter". `data.read_image` obeys the note, plain `np.asarray` does not.
#
# ## Which check finds how much?
#
# You know what was planted, so you can compare the three checks: how many of the faults does each one find, and how many
# *false alarms* does it give, that is, findings about good files?

# %%
import pandas as pd

faulty_files = {Path(path).name for path in answers.index}
found_by = {
    "open each file": set(not_opened),
    "read each file to the end": set(not_loaded),
    "check_folder": {Path(path).name for path in findings["path"]},
}
involved = faulty_files | {Path(path).name for path in answers["made_from"]}
comparison = pd.DataFrame(
    [(name, len(found & faulty_files), len(found - involved)) for name, found in found_by.items()],
    columns=["check", "faults found", "false alarms"],
)
comparison

# %%
assert comparison["faults found"].is_monotonic_increasing
assert comparison["faults found"].iloc[-1] == len(answers)
assert (comparison["false alarms"] == 0).all()

# %% [markdown]
# Reading to the end finds more than opening. Most faults, however, lie in photos that can be read. Only questions about
# the content find those.
#
# ## Copies: exact and nearly
#
# If a copy of a training photo is among the test photos, the model has seen the answer. The test then looks too good. So
# you must find copies before you divide the photos (lesson 5).
#
# An *exact duplicate* has the same bytes. A *hash* is a short number computed from all bytes: equal files have equal
# hashes.
#
# *Predict first:* the folder has two exact copies, and three copies that were turned, made brighter, or saved again as
# JPEG. How many of the five does comparing hashes find?

# %%
import hashlib

first_with_hash: dict[str, str] = {}
for path in files:
    code = hashlib.sha256(path.read_bytes()).hexdigest()
    if code in first_with_hash:
        print(path.name, "has the same bytes as", first_with_hash[code])
    first_with_hash.setdefault(code, path.name)

# %% [markdown]
# Two. The others are *near duplicates*: a person sees the same photo, but the bytes differ. To find them, you compare what
# the photos show. Shrink each photo to 8 × 8 pixels and note for each pixel whether it is brighter than the *median* (half of the pixels are darker).
# That gives 64 bits, a form of the *average hash* (the usual one compares with the mean). Nearly equal photos should differ in few bits.

# %%
def average_hash(path: Path) -> np.ndarray:
    with Image.open(path) as photo:
        small = np.asarray(photo.convert("L").resize((8, 8)))
    return (small > np.median(small)).ravel()


readable = [path for path in files if path.name not in not_loaded]
hashes = np.array([average_hash(path) for path in readable])
bits = (hashes[:, None] != hashes[None, :]).sum(axis=2)
np.fill_diagonal(bits, 64)
print("pairs of photos that differ in at most 4 of 64 bits:", (bits <= 4).sum() // 2)

# %% [markdown]
# Some of these pairs are copies, others are not. Solar cells look alike: the same square, the same bars. The course's own
# finder (`course_lib.checks`) is stricter. It looks at finer detail, tries four turns and their mirror images, and
# asks whether a change of brightness and contrast explains *all* of the difference.

# %%
copies = findings[findings["problem"].isin(["exact duplicate", "near duplicate"])]
planted = {Path(p).name for p in answers.index[answers["problem"].isin(["exact duplicate", "near duplicate", "two labels"])]}
suspected = {readable[row].name for pair in np.argwhere(bits <= 4) for row in pair}
pd.DataFrame(
    {
        "finder": ["average hash", "check_folder"],
        "planted copies found": [len(suspected & planted), len(planted & {Path(p).name for p in copies["path"]})],
        "photos suspected": [len(suspected), len(copies)],
    }
)

# %% [markdown]
# Both columns matter: how many copies a finder finds, and how many photos it suspects. (They are not counted quite alike: the average hash names both photos of a
# pair, `check_folder` names only the copy.) The average hash misses the turned
# copy and suspects photos that are no copies. Look at the copies that were found, each beside its original.

# %%
pairs = copies.assign(original=copies["detail"].str.extract(r"(\w+/\w+\.png)", expand=False))
pictures = [data.read_image(FOLDER / name) for row in pairs.itertuples() for name in (row.original, row.path)]
titles = [text for problem in pairs["problem"] for text in ("original", problem)]
plots.photo_grid(
    pictures,
    titles,
    columns=4,
    alt="Five pairs of solar cells: an original and its copy, among them one turned by a quarter and one brighter.",
)
assert set(copies["path"].str.split("/").str[1]) == planted

# %% [markdown]
# In each pair you see the same dark spots and cracks. The finder has limits, too. *Predict first:* which of these copies will it find?

# %%

photo = Image.open(data.photo_path(index, 0)).convert("L")
width, height = photo.size
changes = {
    "turned by a quarter": photo.transpose(Image.Transpose.ROTATE_90),
    "cropped by 2 % at each side": photo.crop((width // 50, height // 50, width * 49 // 50, height * 49 // 50)),
    "turned by 3 degrees": photo.rotate(3),
}
for name, copy in changes.items():
    both = np.stack([np.asarray(picture.resize((64, 64))) for picture in (photo, copy)])
    print(f"{name}: {'found' if len(checks.near_duplicates(both)) else 'not found'}")

# %% [markdown]
# It compares point with point. Where the points no longer lie on each other, it finds nothing. So "no near duplicate" is no proof that there is none.
#
# Back to the pairs that were found. One pair is worse than the others: the same photo lies in
# `functional` and in `defective`. One of its two labels must be wrong. The check reports it as "two labels".

# %%
findings.loc[findings["problem"] == "two labels", ["path", "detail"]]

# %% [markdown]
# ## Set aside, do not delete
#
# A check can be wrong, and a deleted photo does not come back. So you *quarantine* photos: move them into a folder beside
# the photo folder, with a log of where each one came from. You choose which. Here: what cannot be read, and copies.
# (Of the pair with two labels only the copy goes. In your own folder, add `"two labels"` to the list, so that both photos wait until somebody knows the right label.)

# %%
from course_lib.paths import work_folder

chosen = findings[findings["problem"].isin([*checks.UNREADABLE, "exact duplicate", "near duplicate"])]
log = checks.quarantine(chosen, work_folder() / "messy_quarantine")
print(len(log), "photos set aside")
again = checks.check_folder(FOLDER, progress=False)
assert not again["problem"].isin(checks.UNREADABLE).any()

# %% [markdown]
# The second check finds nothing unreadable any more. Now undo it: every photo goes back to its place.

# %%
restored = checks.undo_quarantine(work_folder() / "messy_quarantine")
print(len(restored), "photos put back")
assert sorted(FOLDER.glob("*/*")) == files

# %% [markdown]
# For your own photos, the same check runs in a terminal, and writes a page with pictures if you want:
# `python -m course_lib check FOLDER --sheet findings.html`.
#
# ## Check the real photos
#
# Last, check the photos of this course themselves, all 2,624 (or your own, if `PHOTOS` names them). In the folder of the
# solar cells the check also sees two files that are no photos (the table and the licence) and lets them lie.

# %%
real = checks.check_folder(PHOTOS, progress=False)
print(real.attrs["files"], "files checked")
real[["path", "problem", "detail"]]

# %%
if data.solar_cells() == PHOTOS:
    assert not real["problem"].isin(checks.UNREADABLE).any()
    assert len(real) < 0.01 * len(index)

# %% [markdown]
# All solar-cell photos can be read. A finding is a question, not a verdict. "Blurred" and the like say: look at this photo. Look at the pairs that
# are named as near duplicates, too: is it the same cell, photographed twice, or are there two cells that look alike?

# %%
pairs = real[real["problem"] == "near duplicate"]
other = pairs["detail"].str.extract("fits (.+) if ", expand=False)
shown = [name for pair in zip(other, pairs["path"], strict=True) for name in pair][:4]
if shown:
    plots.photo_grid(
        [data.read_image(Path(PHOTOS) / name) for name in shown],
        [Path(name).stem for name in shown], columns=4,
        alt="Two pairs of solar cells; the two of each pair look alike.",
    )

# %% [markdown]
# The two of each pair look very much alike. The small spot at the lower right of the first pair and the short line at the lower left of the second are no proof: the neighbours
# in the file order have them too. The pale upright line at the left of the first pair is not in its neighbours, so it speaks for the same cell; another line, at the top left, is in only one of the two. Nobody can be sure here. So
# keep both photos of a pair together, and let no split separate them; lesson 5 says how.
#
# ## Quiz

# %%
from course_lib import quiz

quiz.show(2)

# %% [markdown]
# ## What you take with you
#
# - A photo is an array with a shape, a type, a value range and a channel order. A wrong guess about them raises no error.
# - Opening is not reading, and reading is not enough: most bad photos can be read. Ask about their content too.
# - Copies make a test look too good. Exact copies share their bytes; near copies must be compared by what they show.
#
# Still unsolved: you know that the photos can be read. You do not know yet what in them tells a defect from a good
# cell.
#
# Next comes lesson 3, where you turn photos into features, numbers that describe what they show.
