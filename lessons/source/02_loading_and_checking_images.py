# %% [markdown]
# # 02 Loading and checking images
#
# Somebody in your factory hands you a folder of photos and says: "Train the inspector with these." Some of the files are
# broken. Some are copies. Some are not photos at all. Nobody knows which ones, so you write the checks that find them.
#
# **At the end you have:** every planted fault of a messy folder found, as many as you can by your own functions, and nothing deleted
#
# {{picture}} Six of the faults that you will find: a nearly white photo, a blurred one, one of another size, one that lies on its side, one with a wrong ending, one with two labels
#
# **Study time:** 60 to 75 minutes

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Read a photo into an array and name its shape, type and range.
# - Find photos that cannot be used: broken, empty, or something else behind an image ending.
# - Tell exact duplicates from near duplicates, and say what each does to a test.
# - Decide what happens to a doubtful photo, and set photos aside so that every step can be undone.

# %%
# {{setup}} 2

# %% [markdown]
# As in lesson 1, `PHOTOS` is the folder with your photos. It may be a folder of your own, with one sub-folder for each class;
# here these are `functional` and `defective`. The index has one row for each photo: where the file is, and which class it
# belongs to. (The other columns are for lesson 4.) Making it opens no photo, so it says nothing yet about what is in the files.

# %%
from course_lib import data

PHOTOS = data.solar_cells()
index = data.index_folder(PHOTOS)
index.head(3)

# %% [markdown]
# ## A photo is a table of numbers
#
# Let us read the first photo. Pillow (`PIL`) is the library that opens image files. `np.asarray` turns the photo into an
# array. A grey photo has one number for each *pixel*, that is, each point of the photo.

# %%
import numpy as np
from PIL import Image

photo = Image.open(data.photo_path(index, 0))
image = np.asarray(photo.convert("L"))  # "L": grey, 8 bits
print("mode:", photo.mode)
print("shape:", image.shape)
print("type:", image.dtype)
print("darkest:", image.min(), "| brightest:", image.max())

# %% [markdown]
# Four words that you will meet in every lesson:
#
# - *Mode* is Pillow's name for the kind of photo. `L` is grey with 8 bits.
# - *Shape* is (height, width). An array counts rows first.
# - *Type* `uint8` means whole numbers from 0 to 255, one byte each.
# - *Range*: 0 is black, 255 is white.
#
# Now look at the numbers themselves. The orange box marks 10 × 10 pixels; on the right you see them enlarged, each with its
# value.

# %%
from course_lib import plots

plots.numbers(image, at=(0.42, 0.22))

# %% [markdown]
# The dark squares have the small numbers: that is the crack. A model gets nothing but these numbers, so a defect is a
# place where the numbers are unusual.
#
# You cut such a box out of an array with `image[first_row:end_row, first_column:end_column]`. The end is not included.
#
# **Task 1: the mean of a box.** Write `mean_of_box`. It returns the mean of the numbers in a box that begins at row `top` and
# column `left`, and is `height` rows high and `width` columns wide. (Hints: `quiz.hint("02-mean-of-box")`.)

# %%
from course_lib import quiz


def mean_of_box(image, top, left, height, width):
    """Mean of the numbers in a box of a grey photo."""
    ...


quiz.check("02-mean-of-box", mean_of_box)

# %% [markdown]
# ## Colour has three channels, and an order
#
# A colour photo has a third axis, the *channels*: red, green and blue for each pixel. The example is an orange flower, which
# comes with scikit-learn. Your function now looks at a box on its petals, in each channel.

# %%
photo = Image.open(data.everyday_photos()["flower"])
flower = np.asarray(photo.convert("RGB"))
print("mode:", photo.mode, "| size:", photo.size, "| shape:", flower.shape)
mean = quiz.yours("02-mean-of-box", mean_of_box)
for channel, name in enumerate(["red", "green", "blue"]):
    print(f"petals, {name}: {mean(flower[:, :, channel], 150, 250, 40, 40):.0f}")

# %% [markdown]
# Orange is much red, some green and little blue. And mind the order: Pillow's `size` is (width, height), but the shape of the
# array is (height, width, channels).
#
# The channels have an order, too, and not every library uses the same one. *Predict first:*

# %%
quiz.guess("02-swapped-colours")

# %%
swapped = flower[:, :, ::-1]  # the channels in reverse order
petals = [mean(swapped[:, :, channel], 150, 250, 40, 40) for channel in range(3)]
strongest = int(np.argmax(petals))
quiz.compare("02-swapped-colours", ["orange", "green", "blue"][strongest])
plots.photo_grid([flower, swapped], ["RGB shown as RGB", "BGR shown as RGB"], size=3.8)

# %% [markdown]
# ## Eight bits and sixteen
#
# Cameras in factories often measure in finer steps. With 12 bits they count from 0 to 4095, and the file keeps each number in
# 16 bits. Let us make such a photo out of ours (each number times 16) and bring it back to 8 bits in three ways. *Predict
# first:*

# %%
quiz.guess("02-sixteen-bits")

# %%
wide = image.astype(np.uint16) * 16
three_ways = {
    "cut": wide.astype(np.uint8),
    "convert": np.asarray(Image.fromarray(wide).convert("L")),
    "scaled": (wide * (255 / 4095)).round().astype(np.uint8),
}
away = {name: np.abs(way.astype(int) - image).mean() for name, way in three_ways.items()}
quiz.compare("02-sixteen-bits", min(away, key=away.get))
titles = [f"{name}\non average {away[name]:.0f} away from the photo" for name in three_ways]
plots.photo_grid(list(three_ways.values()), titles, size=2.8)

# %% [markdown]
# ## The messy folder
#
# Now to the folder from your factory. `make_messy_folder` copies 120 photos of solar cells and plants 28 faults among the
# copies. The photos of the course stay as they are. The faults are the same each time, so you can compare your score with
# others.

# %%
from course_lib import checks

FOLDER = checks.make_messy_folder()
files = sorted(FOLDER.glob("*/*"))
print(len(files), "files")

# %% [markdown]
# ## Opening is not reading
#
# Here is one of the files. `Image.open` has no objection to it. **But the next cell fails, and is meant to:**

# %% tags=["raises-exception"]
suspect = FOLDER / "defective" / "cell0448.png"
print("opened:", Image.open(suspect).size)
data.read_image(suspect)

# %% [markdown]
# `Image.open` reads only the beginning of a file, and there the size is written. The pixels come later, and two fifths of them
# are missing: the file is *truncated*, cut off. That happens when a disk is full or somebody pulls out the cable. So a check
# must read each photo to its end.
#
# It must also go on after a broken file. Python does that with `try` and `except`: if a line under `try` fails, Python does
# what stands under `except Exception:` instead of stopping.
#
# **Task 2: read everything.** Write `read_all`. It reads each photo with `data.read_image`, keeps those that work in the
# dictionary `images`, and the paths of the others in the list `broken`. (Hints: `quiz.hint("02-read-all")`.)


# %%
def read_all(paths):
    """Read every photo; returns {path: image} and a list of the paths that cannot be read."""
    images, broken = {}, []
    ...
    return images, broken


quiz.check("02-read-all", read_all)

# %% [markdown]
# Off we go, through all 124 files. For each broken file, the cell prints the size and the first bytes. They tell what a file
# really is. Its name does not.

# %%
images, broken = quiz.yours("02-read-all", read_all)(files)
print(len(images), "photos can be read,", len(broken), "files cannot")
for path in broken:
    print(f"{path.name}: {path.stat().st_size:6} bytes, beginning with {path.read_bytes()[:12]}")

# %% [markdown]
# Two of them are a web page and a PDF document that carry the name of a photo. One file is empty, and one holds nothing
# but zeros. The other four begin like a photo should (`\x89PNG` or `\xff\xd8`). Two of these are truncated, and one is damaged
# in the middle. The last one, with 312 bytes, is nasty: it claims to have 60,000 × 60,000 pixels, and a program that
# believes it runs out of memory. Such a file is called a *decompression bomb*.
#
# ## Readable, and still useless
#
# The other photos can be read. That does not mean that there is anything to see in them.
#
# **Task 3: black photos.** Write `is_black`. It returns `True` if no pixel is brighter than 20.


# %%
def is_black(image):
    """True if no pixel of the photo is brighter than 20."""
    ...


quiz.check("02-is-black", is_black)

# %% [markdown]
# **Task 4: photos of the wrong size.** Write `has_wrong_size`. It returns `True` if a photo is not `height` × `width` pixels
# in size. It must work for colour photos, too; look again at the shape of the flower.


# %%
def has_wrong_size(image, height, width):
    """True if the photo, grey or colour, is not height × width pixels in size."""
    ...


quiz.check("02-has-wrong-size", has_wrong_size)

# %% [markdown]
# Solar cells should have 300 × 300 pixels. Which photos are black, and which have the wrong size?

# %%
black_check = quiz.yours("02-is-black", is_black)
size_check = quiz.yours("02-has-wrong-size", has_wrong_size)
black = [path for path in images if black_check(images[path])]
odd_size = [path for path in images if size_check(images[path], 300, 300)]
found = black + odd_size
plots.photo_grid([images[path] for path in found], [path.name for path in found], size=2.6)

# %% [markdown]
# One photo was taken in the dark, and the other has lost its lower part. Both files are perfectly readable, and a model would
# learn from them without a complaint.
#
# ## Copies
#
# If a model is trained on a photo and tested on a copy of it, it has seen the answer, and the test looks too good. So copies
# must be found before the photos are divided into some for training and some for the test (lesson 5).
#
# An *exact duplicate* has the same bytes, under whatever name.
#
# **Task 5: exact copies.** Write `exact_copies`. It returns a list of the paths whose file has the same bytes as a file earlier
# in `paths`. The earlier one, the original, is not in the list.


# %%
def exact_copies(paths):
    """The paths whose file has the same bytes as a file before it in the list."""
    ...


quiz.check("02-exact-copies", exact_copies)

# %% [markdown]
# Which files of the folder are exact copies?
#
# > **Tip.** The bytes of a large folder do not fit into memory. Keep a *hash* of each file instead, a short number computed
# > from all its bytes: `hashlib.sha256(path.read_bytes()).hexdigest()`. Equal files have equal hashes.

# %%
copies = quiz.yours("02-exact-copies", exact_copies)(files)
for path in copies:
    print(path.parent.name, "/", path.name)

# %% [markdown]
# ## One more, of your own
#
# What else can be wrong with a photo? Put an idea of your own into `my_check`. Some to choose from:
#
# - It is nearly white, or has one grey everywhere: `image.min()`, or `image.max()` and `image.min()` together. (Turn them into
#   `int` before you subtract.)
# - Its mode is not `L`: `Image.open(path).mode`.
# - Its ending does not fit its content: `path.suffix`, and `Image.open(path).format`, which is `"PNG"` or `"JPEG"`.
#
# There is no check for this one. The score below will tell.


# %%
def my_check(path, image):
    """True if something is wrong with this photo."""
    return False


mine = [path for path in images if my_check(path, images[path])]
print(len(mine), "suspects")
for path in mine:
    print(path.name)

# %% [markdown]
# ## Your score
#
# That makes five finders. `score_hunt` knows where the faults are. It counts how many each finder found, and the *false alarms*:
# sound files under suspicion. *Predict first:*

# %%
quiz.guess("02-faults-found")

# %%
suspects = {"read_all": broken, "is_black": black, "has_wrong_size": odd_size}
suspects |= {"exact_copies": copies, "my_check": mine}
suspects["all together"] = {path for paths in suspects.values() for path in paths}
score = checks.score_hunt(suspects)
quiz.compare("02-faults-found", int(score["faults found"].iloc[-1]))
score

# %% [markdown]
# Not content with your score? Improve `my_check`, and run the cells from there on again.
#
# ## What the course's check finds
#
# The course has a check of its own, `check_folder`. It asks your questions and many more, and returns a table with one row
# for each *finding*.

# %%
findings = checks.check_folder(FOLDER, progress=False)
checks.score_hunt({"check_folder": [FOLDER / path for path in findings["path"]]})

# %% [markdown]
# It finds all 28. Here is what your finders missed.

# %%
import pandas as pd

pd.set_option("display.max_colwidth", None)  # show long sentences whole
names = {path.relative_to(FOLDER).as_posix() for path in suspects["all together"]}
findings.loc[~findings["path"].isin(names), ["path", "problem", "detail"]]

# %% [markdown]
# Look down the column *detail*. Some of these you could have found with `my_check`. For others, one photo alone is not
# enough: to call a photo "blurred", the check compares it with all the others, and a "row without file" comes from
# `labels.csv`, a list of all photos and their labels.
#
# > **Warning.** `cell0465.png` has 16 bits, and the check noted "read as 12 bit". `data.read_image` tells the number of bits
# > by the brightest pixel. If a photo of a 12-bit camera is so dark that no pixel reaches 1024, it is taken for one of 10
# > bits and comes out too bright. So save your photos with 8 bits, all scaled alike.
#
# ## Near duplicates
#
# Three findings are *near duplicates*: a person sees the same photo, but the bytes differ, because the copy was turned,
# brightened or saved as JPEG. To find such copies you must compare what the photos show.
#
# A simple way is a kind of *average hash*. Shrink each photo to 8 × 8 squares, and note for each square whether it is brighter
# than the middle value of all 64. Equal photos give the same 64 answers, and nearly equal ones differ in a few.


# %%
def average_hash(image):
    """64 answers: is this square of the shrunken photo brighter than the middle value?"""
    small = np.asarray(Image.fromarray(image).resize((8, 8)))
    return (small > np.median(small)).ravel()


hashes = {path: average_hash(image) for path, image in images.items()}

# %% [markdown]
# Now compare every photo with every other one, and print the pairs that differ in at most 4 of the 64 answers.

# %%
from itertools import combinations

for first, second in combinations(hashes, 2):
    different = (hashes[first] != hashes[second]).sum()
    if different <= 4:
        print(different, "answers differ:", first.name, "and", second.name)

# %% [markdown]
# Nine pairs. Four of them are planted copies, as the names tell. The other five are different cells that look alike: the same
# square, the same bars. And the copy that was turned is not among them. So this finder misses copies *and* gives false alarms.
#
# The finder inside `check_folder` looks at finer detail and also tries turned and mirrored photos. Here are the copies that it
# found, each beside its original.

# %%
copied = findings[findings["problem"].isin(["exact duplicate", "near duplicate"])]
pairs = [data.read_image(FOLDER / path) for row in copied.itertuples() for path in (row.original, row.path)]
titles = [text for row in copied.itertuples() for text in ("original", row.problem)]
plots.photo_grid(pairs, titles, columns=4, size=2)

# %% [markdown]
# All five. In each pair the bars and the faint marks are the same; in the first pair they are turned. Is this
# finder perfect, then? Let us change one photo in three ways. *Predict first:*

# %%
quiz.guess("02-altered-copies")

# %%
photo = Image.open(data.photo_path(index, 0)).convert("L")
width, height = photo.size
changes = {
    "quarter turn": photo.transpose(Image.Transpose.ROTATE_90),
    "crop": photo.crop((width // 50, height // 50, width * 49 // 50, height * 49 // 50)),
    "3 degrees": photo.rotate(3),
}
found = []
for name, copy in changes.items():
    both = np.stack([np.asarray(version.resize((64, 64))) for version in (photo, copy)])
    if len(checks.near_duplicates(both)) > 0:
        found.append(name)
recognised = " and ".join(found) or "none"
quiz.compare("02-altered-copies", recognised)

# %% [markdown]
# ## Doubtful photos
#
# A finding is a question, not a verdict. Here is one photo for each of six kinds of finding. "Two labels" means that the same
# photo lies in `functional` and in `defective`.

# %% tags=["picture"]
kinds = ["nearly white", "blurred", "odd size", "EXIF rotation", "wrong ending", "two labels"]
examples = findings[findings["problem"].isin(kinds)].drop_duplicates("problem")
pictures = [np.asarray(Image.open(FOLDER / path).convert("L")) for path in examples["path"]]
plots.photo_grid(pictures, list(examples["problem"]), columns=3, size=2.6)

# %% [markdown]
# *EXIF* is a note inside the file. Here it says: "turn me by a quarter". `np.asarray` ignores it, so the photo lies on its side;
# `data.read_image` obeys it. The photo with the "wrong ending" is a good JPEG that somebody named `.png`.
#
# **Task 6: you decide.** Write one of three things for each: `"use"`, `"leave out"`, or `"ask"` (the person who took the photo or
# gave it its label).

# %%
decisions = {
    "nearly white": "?",
    "blurred": "?",
    "odd size": "?",
    "EXIF rotation": "?",
    "wrong ending": "?",
    "two labels": "?",
}

quiz.check("02-decisions", decisions)

# %% [markdown]
# ## Set aside, do not delete
#
# A check can be wrong, and a deleted photo does not come back. So you move photos into *quarantine*: a folder beside the photo
# folder, with a list of where each one came from. Three kinds go there: files that cannot be read, copies, and what you
# decided to leave out. The copy with the second label is among them; it waits there until somebody knows which label is right.

# %%
from course_lib.paths import work_folder

decided = quiz.yours("02-decisions", decisions)
left_out = [problem for problem, decision in decided.items() if decision == "leave out"]
problems = [*checks.UNREADABLE, "exact duplicate", "near duplicate", *left_out]
chosen = findings[findings["problem"].isin(problems)]
log = checks.quarantine(chosen, work_folder() / "messy_quarantine")
print(len(log), "files set aside;", len(list(FOLDER.glob("*/*"))), "are left")

# %% [markdown]
# Changed your mind? With the list, every file finds its way back. The cell also compares the folder with `files`, made at the
# start.

# %%
restored = checks.undo_quarantine(work_folder() / "messy_quarantine")
print(len(restored), "files put back; all in place:", sorted(FOLDER.glob("*/*")) == files)

# %% [markdown]
# ## The real photos
#
# So far you have hunted in copies. What about the photos themselves, all that are in `PHOTOS`?

# %%
real = checks.check_folder(PHOTOS, progress=False)
print(real.attrs["files"], "files checked,", len(real), "findings")
real[["path", "problem", "detail"]].head(12)

# %% [markdown]
# All photos of solar cells can be read, and seven findings ask for a look. (The check counts two files more than there are photos:
# the table and the licence.) First the "blurred" ones:

# %%
from pathlib import Path

blurred = real.loc[real["problem"] == "blurred", "path"].head(5)
if len(blurred) > 0:
    pictures = [data.read_image(Path(PHOTOS) / path) for path in blurred]
    plots.photo_grid(pictures, list(blurred), columns=5, size=1.7)

# %% [markdown]
# They are a little soft, but the stains and cracks are easy to see. A person can judge them, so use them. Now a pair that the
# check calls near duplicates. Is it one cell, photographed twice?

# %%
for pair in real[real["problem"] == "near duplicate"].head(1).itertuples():
    names = [pair.original, pair.path]
    both = [data.read_image(Path(PHOTOS) / name) for name in names]
    plots.close_ups(both, names, at=(0.02, 0.02), size=0.47, arrows=[(0.36, 0.21), (0.09, 0.1)])

# %% [markdown]
# The lower arrow points at a faint upright line. Both photos have it, which speaks for one cell. The upper arrow points at a line
# that only the left photo has, which speaks for two. Nobody can be sure. In such a case keep both. But if one of them goes to
# training and the other to the test, the model may know the answer. Lesson 5 looks for such pairs.
#
# > **Tip.** For your own photos, the same check runs in a terminal and writes a page with pictures:
# >
# > ```
# > python -m course_lib check FOLDER --sheet findings.html
# > ```
#
# ## Your memo
#
# Choose a photo that surprised you, and write one sentence about it in words your manager would understand. Take away the two
# `#` and the space after each, and run the cell.

# %%
from course_lib import lesson

memo = lesson.memo(2, PHOTOS)
# memo.figure("What the photo shows", images[odd_size[0]])
# memo.finding("What you found, in one sentence")
lesson.show_memo(PHOTOS)

# %% [markdown]
# ## Your guesses
#
# What you guessed, and what came out:

# %%
quiz.guesses(2)

# %% [markdown]
# ## Quiz

# %%
quiz.show(2)

# %% [markdown]
# ## What you take with you
#
# - A photo is an array with a shape, a type, a range and an order of channels. A wrong guess about them raises no error.
# - Opening is not reading, and reading is not enough: most of the 28 faults lay in files that can be read.
# - Copies make a test look too good. Exact ones share their bytes. For near ones you must compare what the photos show, and no
#   finder gets them all.
#
# Still unsolved: all your photos can be read now. But which of their numbers tell a crack from a shadow?
#
# Next comes lesson 3. There you turn a photo into a few numbers that describe it, and find out how far they get you.
