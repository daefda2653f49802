# %% [markdown]
# # 04 Exploring the collected data
#
# All photos can be read, so the training could begin. But which photos were made together? How sure are the labels? And does the
# folder hold a trap that makes a model look good? Nobody wrote that down. You can find it out, though, with no model at all.
#
# **At the end you have:** a decision with your reason: what counts as defective, which photos are doubtful, which lots there are
#
# {{picture}} One cell, photographed twice: sharp, with a fine crack, and called defective; blurred, without the crack, and called functional
#
# **Study time:** 60 to 75 minutes

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Measure class balance and derive the trivial baseline from it.
# - Recognise lots: photos that were made together resemble each other.
# - Test a rule inside lots before you believe it.
# - Inspect outliers and repeated photos before training.
# - Decide what counts as defective when the experts were not sure.

# %%
# {{setup}} 4

# %% [markdown]
# `PHOTOS` may be a folder of your own, with one sub-folder for each class. Some sections need columns that only the solar cells
# have. For your photos `data.complete` fills in stand-ins and says which. Every cell still runs, and the last of your classes counts
# as the defect. But the text speaks of the solar cells throughout: read your own numbers in the tables, not ours in the text.

# %%
from course_lib import data

PHOTOS = data.solar_cells()
index = data.complete(data.index_folder(PHOTOS))
index.iloc[:: len(index) // 3 + 1]

# %% [markdown]
# One row is one photo. `defect_probability` is what the experts said. `cell_type` is *mono* (cut from one crystal, evenly grey) or
# *poly* (many crystals, with a pattern that is no defect). `position` is the place of the photo in the order of the files. Keep an
# eye on that last one.
#
# ## How many photos has each class?

# %%
import pandas as pd

pd.crosstab(index["cell_type"], index["label"], margins=True, margins_name="all")

# %% [markdown]
# Whoever answers "functional" to everything is right quite often, as you saw in lesson 1. In any folder, the accuracy of such a lazy
# answer, always the commonest label, is the *trivial baseline*.
#
# **Task 1: the trivial baseline.** Write `baseline`. `labels` is a column of a table, such as `index["label"]`. It must work for
# any folder, also for one with more defective photos than functional ones. (Hints: `quiz.hint("04-baseline")`.)

# %%
from course_lib import quiz


def baseline(labels):
    """The accuracy of always giving the commonest label, from 0 to 1."""
    ...


quiz.check("04-baseline", baseline)

# %% [markdown]
# Is the lazy answer equally good for both types of cell?

# %%
commonest = quiz.yours("04-baseline", baseline)
print(f"all cells: {commonest(index['label']):.3f}")
for kind, cells in index.groupby("cell_type"):
    print(f"{kind}: {commonest(cells['label']):.3f}")

# %% [markdown]
# The two differ by a few points. So a model that is right for 69 % of the cells of each type beats the lazy answer on mono cells,
# and loses to it on poly cells. And the lazy answer finds not one defect.
#
# > **Tip.** If your folder holds only good parts, a classifier has nothing to compare them with, and `index_folder` says so. There
# > are methods that learn from good parts alone and report what looks unusual, called *anomaly detection*. This course does not
# > cover them.
#
# ## How sure were the experts?
#
# Experts judged each photo. They said "functional" or "defective", and whether they were sure. The authors of the data set turned
# these four answers into four numbers.

# %%
meaning = {0: "functional, sure", 1: "functional, not sure", 2: "defective, not sure", 3: "defective, sure"}
thirds = (index["defect_probability"] * 3).round().astype(int)
opinion = thirds.map(meaning)
answers = index.groupby(opinion).agg(probability=("defect_probability", "first"), photos=("path", "size"))
answers.sort_values("probability").round(2)

# %% [markdown]
# 0.33 was **not** measured. It does not say that a third of the cell is broken. It is a code for "we think it is functional, but we
# are not sure". Here are five photos for each answer, on a *contact sheet*: many small photos on one page.

# %%
from course_lib import plots

images, titles = [], []
for number in sorted(thirds.unique()):
    rows = index.index[thirds == number]
    images += [data.read_image(data.photo_path(index, row)) for row in rows[:: max(1, len(rows) // 5)][:5]]
    titles += [meaning[number], "", "", "", ""][: len(images) - len(titles)]
plots.photo_grid(images, titles, columns=5, size=1.8)

# %% [markdown]
# Only in the last row do you see cracks and broken pieces, though not in every photo of it. In the two rows in the middle there
# are stains, faint lines, or nothing that you could name. Look at two of these doubtful cells closely:

# %%
pair = index[index["path"].isin(["functional/cell1282.png", "defective/cell0987.png"])]
if len(pair) == 2:
    both = [data.read_image(data.photo_path(index, row)) for row in pair.index]
    plots.close_ups(both, list(opinion[pair.index]), at=(0.5, 0.28), size=0.4, arrows=[(0.7, 0.505)])

# %% [markdown]
# The arrows point at the same kind of mark, a faint upright line. The experts called one cell "defective, not sure" and the other
# one "functional, not sure". Would you have known? The experts were not sure about some 400 photos, and a model that learns
# their labels takes guesses for facts. These are the *doubtful photos*. At the end of this lesson you decide what happens to them.
#
# ## Something is in the order
#
# From here on you work with tiny versions of all photos, 16 × 16 pixels each. They are enough for what follows. (The test photos,
# which lesson 3 left out, are among them. Here you get to know the folder, and nothing that you measure goes into a model.)

# %%
import numpy as np
from course_lib import datasets

tiny = datasets.pixels(index, size=16, progress=False).reshape(len(index), 256).astype(float)
brightness = tiny.mean(axis=1)  # one number for each photo
print("photos, pixels of each:", tiny.shape)

# %% [markdown]
# The files are numbered, but nobody says in what order. *Predict first:*

# %%
quiz.guess("04-file-order")

# %%
quiz.compare("04-file-order")
shuffled = np.random.default_rng(0).permutation(brightness)
curves = {"in file order": brightness, "shuffled": shuffled}
means = {name: pd.Series(values).rolling(50).mean()[49::50] for name, values in curves.items()}
plots.lines(index.index[49::50], means, xlabel="place in the file order", ylabel="mean brightness of 50 photos")

# %% [markdown]
# To find out what changes there, look at a column that you have: the type of the cell. A *run* is a stretch of files of the same
# type.
#
# **Task 2: how long are the runs?** Write `run_lengths`. For `["mono", "mono", "poly", "mono"]` it returns `[2, 1, 1]`.


# %%
def run_lengths(types):
    """How many equal types follow each other, for each run: a list of numbers."""
    ...


quiz.check("04-run-lengths", run_lengths)

# %% [markdown]
# Do these numbers have something in common?

# %%
runs = pd.DataFrame({"photos": quiz.yours("04-run-lengths", run_lengths)(list(index["cell_type"]))})
runs["photos / 60"] = runs["photos"] / 60
runs.head(12).round(2)

# %% [markdown]
# Six of the ten runs are a multiple of 60. A solar *module*, the panel that you see on a roof, often has 60 cells, in 6 rows of
# 10. (Others have 72, and there is a run of 72, too.) So here is a guess: the files are sorted by module, and 60 neighbours were
# cut out of one panel. One clue is not enough. Look for a second one.
#
# ## Who looks like whom?
#
# If neighbours come from one module, they should look alike: the same silicon, the same camera, the same light. To compare two
# photos, take from each its tiny version, subtract its mean, and divide by its length (`np.linalg.norm`). What is left is its
# *pattern*, 256 numbers that do not depend on how bright the photo is. Multiply two patterns number by number and add it all up;
# `@` does both. That is their *similarity*: 1 for the same pattern, about 0 if they have nothing in common.

# %%
patterns = tiny - tiny.mean(axis=1, keepdims=True)  # of each row its own mean
patterns /= np.linalg.norm(patterns, axis=1, keepdims=True) + 1e-6  # a black photo has no length
print(f"photos 0 and 1: {patterns[0] @ patterns[1]:.2f}")
print(f"the first and the last photo: {patterns[0] @ patterns[-1]:.2f}")

# %% [markdown]
# Even the first and the last photo have something in common: both are darker at the edges, and dark lines run across both.
#
# The *nearest neighbour* of a photo is the one with the greatest similarity. The patterns know nothing of file names or places.
# *Predict first:*

# %%
quiz.guess("04-nearest-gap")

# %%
from sklearn.neighbors import NearestNeighbors

search = NearestNeighbors(n_neighbors=min(5, len(index) - 1), metric="cosine").fit(patterns)
distances, neighbours = search.kneighbors()  # for each photo the five most similar others
nearest, places = neighbours[:, 0], np.arange(len(index))
quiz.compare("04-nearest-gap", float(np.median(np.abs(nearest - places))))
drawn = np.random.default_rng(0).permutation(len(index))
gaps = {"nearest neighbour": np.abs(nearest - places), "drawn at random": np.abs(drawn - places)}
pd.DataFrame(
    {name: {"median gap": np.median(gap), "within 60": (gap <= 60).mean()} for name, gap in gaps.items()}
).T.round(2)

# %% [markdown]
# Seven of ten photos have their nearest neighbour within 60 places. Here are three photos, each with its nearest neighbour to the
# right of it:

# %%
pairs = [row for place in (300, 1200, 2400) if place < len(index) for row in (place, nearest[place])]
images = [data.read_image(data.photo_path(index, row)) for row in pairs]
if pairs:
    plots.photo_grid(images, [f"place {row}" for row in pairs], columns=6, size=1.6)

# %% [markdown]
# That is the second clue, and it fits. The files *are* sorted by module, or by something very much like it.
#
# ## Lots
#
# A *lot* is a group of parts that were made or photographed together. Here a lot is a module. Its number is in no column, so you
# make one: count the photos of each type in file order, and take 60 at a time.
#
# **Task 3: name the lots.** Write `lots`; four lines are enough. The first 60 mono cells are `"mono-00"`, the next 60 `"mono-01"`.
# If poly cells come between, counting the mono cells simply goes on after them. (`dict.fromkeys(types, 0)` is a dictionary in which
# each type has the count 0, and `f"{kind}-{number:02}"` writes such a name.)


# %%
def lots(types, size):
    """The lot of each photo: blocks of `size` photos of one type, in file order."""
    names = []
    ...
    return names


quiz.check("04-lots", lots)

# %% [markdown]
# Now for the comparison with the nearest neighbours. `splits.lots` is the course's version, which the later lessons use. It does
# the same as yours. But where the table has a column `lot`, because your factory wrote the number down, it takes that.

# %%
from course_lib import splits

mine = np.array(quiz.yours("04-lots", lots)(list(index["cell_type"]), 60))
lot = splits.lots(index, size=60)
print(f"{lot.nunique()} lots; same as the course's: {(mine == lot).mean():.0%} of the photos")
print(f"nearest neighbour in the same lot: {(mine == mine[nearest]).mean():.2f}")
print(f"a photo drawn at random: {(mine == mine[drawn]).mean():.2f}")

# %% [markdown]
# Nearly two of three nearest neighbours are in the same lot; by chance it would be one in fifty. Note what that means: a model can
# recognise the module instead of the defect. Lesson 5 measures how much this flatters a test.
#
# > **Warning.** These lots are an approximation. Some modules have 72 cells, and some cells are missing, so a lot may hold the end
# > of one module and the beginning of the next. The authors speak of 44 modules, too, but not every one of them is one of your lots.
# > If your factory knows the lot, write it into a column `lot` of `index.csv`.
#
# ## A hasty conclusion
#
# Lesson 3 left a question open. Its classifier leaned on brightness: the less light, the more cells it called defective. That
# sounds sensible, since a broken cell gives less light. But is a dark cell a broken cell? Take one defective and one functional
# photo. How often is the defective one darker?
#
# **Task 4: compare all pairs.** Write `darker_share`. It gets two arrays of brightness. A pair is one number from each, and it
# counts as 1 if the defective one is darker, as one half if both are equal. Return the mean over *all* pairs: 0.5 means chance.


# %%
def darker_share(defective, functional):
    """In which share of all pairs is the defective photo darker? Equal ones count half."""
    ...


quiz.check("04-darker-share", darker_share)

# %%
share = quiz.yours("04-darker-share", darker_share)
bad = data.label_numbers(index) == len(data.class_names(index)) - 1  # the last class is the defect
print(f"the defective photo is darker in {share(brightness[bad], brightness[~bad]):.2f} of all pairs")

# %% [markdown]
# Three of four. (`bad` is true for each defective photo, and `~bad` means "not bad".) So let us make a rule of it: "darker than a
# limit means defective". The code tries each limit and keeps the one with the best accuracy.

# %%
from course_lib.evaluation import accuracy_row

accuracies = [((brightness < limit) == bad).mean() for limit in range(256)]
limit = int(np.argmax(accuracies))
rule = brightness < limit
pd.DataFrame([accuracy_row(f"defective if darker than {limit}", bad.astype(int), rule.astype(int))]).round(3)

# %% [markdown]
# Clearly better than the baseline, and the interval (`from`, `to`) is well above it. Would you install this rule? The report
# is nearly written: "defective cells are darker, a light meter will do".
#
# Before that, a test. If brightness shows the *defect*, it must also work among cells of one lot, which had the same light and the
# same camera. (If each of your own photos is a lot by itself, there is no such pair, and the result is `nan`, "not a number".)
# *Predict first:*

# %%
quiz.guess("04-inside-a-lot")

# %%
inside, pairs = [], []
for name in lot.unique():
    dark, light = brightness[bad & (lot == name)], brightness[~bad & (lot == name)]
    if len(dark) > 0 and len(light) > 0:
        inside.append(share(dark, light))
        pairs.append(len(dark) * len(light))  # a lot with more pairs counts for more
in_one_lot = np.average(inside, weights=pairs) if pairs else np.nan
quiz.compare("04-inside-a-lot", round(100 * in_one_lot, 1))

# %% [markdown]
# So what else did brightness know? Perhaps simply which lot a cell is from. To test this, forget the single photo: give each
# cell the mean brightness *of its lot*, and count the pairs again.

# %%
values = pd.Series(brightness)
by_lot = {
    "its own brightness": values,
    "mean of its lot, all cells": values.groupby(lot).transform("mean"),
    "mean of its lot, functional cells only": values.where(~bad).groupby(lot).transform("mean"),
}
rows = {name: share(v[bad & v.notna()].to_numpy(), v[~bad & v.notna()].to_numpy()) for name, v in by_lot.items()}
rows |= {"its own brightness, inside one lot": in_one_lot, "chance": 0.5}
pd.DataFrame({"compared by": rows.keys(), "defective is darker": rows.values()}).round(2)

# %% [markdown]
# Look at the second row first. The mean of the lot, which says nothing about the single cell, does as well as the cell's own
# brightness. A fine argument, with a hole in it: **it is circular**. The defective cells are part of that mean. If they are dark,
# they make their lot dark, and the lot "predicts" them.
#
# The third row mends this. There the mean is taken over the functional cells only, in which nothing is broken. The share drops a
# little, but it stays well above chance: even the sound cells of a lot tell you something about how many of the others are broken.
# So most of what brightness knows is *which lot* a cell comes from, and some lots have many defects. Not all of it, though: inside
# one lot it is better than chance as well.
#
# ## What the rule would have done
#
# Your rule, lot by lot: which share of the good cells would it reject, and which share of the defects would it miss? Only lots
# with at least ten cells of each class count. You see the three lots with the most good cells rejected, and three of those with
# the most defects missed.

# %%
table = pd.DataFrame({"lot": lot, "defective": bad, "brightness": brightness})
table["good rejected"] = np.where(bad, np.nan, rule)  # nan: a defective cell does not count here
table["defects missed"] = np.where(bad, ~rule, np.nan)
enough = table.groupby("lot")["defective"].transform(lambda label: min(label.sum(), (~label).sum()) >= 10)
verdict = table[enough].groupby("lot").mean()
pd.concat([verdict.nlargest(3, "good rejected"), verdict.nlargest(3, "defects missed")]).round(2)

# %% [markdown]
# Look at poly-01. One cell in five is defective there, but the module is dark, so the rule throws away three of four good
# cells. In mono-06 half of the cells are defective, the module is bright, and the rule finds none of them. In the mean over the
# whole folder these lots vanish.
#
# Now you know what lesson 3's classifier leaned on. Brightness does not know what a crack is. It knows, for the most part, which
# module a cell comes from. On the next module, or with another exposure, such a rule may fail, and a test with photos of the *same*
# modules does not warn you. The cure is to test on lots that the rule has never seen. Lesson 5 builds such a test.
#
# ## Outliers
#
# An *outlier* is a photo that differs much from all others. To find some, look at the five nearest neighbours of each photo:
# where even these are hardly similar, nothing else in the folder looks like it. Some clean-up scripts delete such photos.
# *Predict first:*

# %%
quiz.guess("04-outliers")

# %%
loneliest = np.argsort(-distances.mean(axis=1))  # first the photo whose neighbours are the least similar
below = values - values.groupby(lot).transform("median")
ways = {"resembles no other photo": loneliest[:40], "much darker than its lot": below.nsmallest(40).index}
shares = {name: bad[rows].mean() for name, rows in ways.items()} | {"the whole folder": bad.mean()}
quiz.compare("04-outliers", round(100 * shares["resembles no other photo"]))
pd.DataFrame({"photos": shares.keys(), "share defective": shares.values()}).round(2)

# %% [markdown]
# The second row looks for outliers in another way: the 40 photos that are the furthest below the brightness of their lot. It finds
# defects, too. Here are the first eight of the first row:

# %%
images = [data.read_image(data.photo_path(index, row)) for row in loneliest[:8]]
plots.photo_grid(images, [f"place {row}" for row in loneliest[:8]], columns=4, size=2.2)

# %% [markdown]
# So look first, and delete nothing because it is rare. Only a photo that shows no part at all (a failed exposure, a hand) may go,
# and lesson 2 showed how to set it aside.
#
# ## Photographed twice
#
# One more look at the order. If a module was photographed *twice*, each of its cells has a twin, and all twins lie the same number
# of places apart.
#
# **Task 5: find the twins.** Write `count_alike`. It compares each row of `patterns` with the row `offset` places later, and counts
# the pairs whose similarity is above 0.98. (The last `offset` rows have no partner. `a[offset:]` begins later, `a[:-offset]` ends
# earlier.)


# %%
def count_alike(patterns, offset):
    """How many photos have a similarity above 0.98 to the photo `offset` places later?"""
    ...


quiz.check("04-count-alike", count_alike)

# %% [markdown]
# At a distance that was taken at random, there is nothing to find:

# %%
count = quiz.yours("04-count-alike", count_alike)
print("similar pairs 1,000 places apart:", count(patterns, 1000))

# %% [markdown]
# Now every distance from 100 to 3,000 places; nearer photos are alike anyway. (A folder of fewer than 100 photos has no such
# pairs.) *Predict first:*

# %%
quiz.guess("04-photographed-twice")

# %%
alike = pd.Series({offset: count(patterns, offset) for offset in range(100, min(3000, len(index)))}, dtype=int)
quiz.compare("04-photographed-twice", int(alike.max()) if len(alike) else 0)
alike.nlargest(4).rename_axis("offset").rename("pairs").to_frame()

# %% [markdown]
# Fifty cells were photographed twice, and no file says so. Where are they? And what did the experts say about the two photos of one
# cell?

# %%
offset = int(alike.idxmax()) if len(alike) else 1
first = np.flatnonzero((patterns[:-offset] * patterns[offset:]).sum(axis=1) > 0.98)
print("places of the first photos:", first[:3], "to", first[-3:])
one, other = opinion[first].to_numpy(), opinion[first + offset].to_numpy()
print(f"the same answer for both photos: {(one == other).sum()} of {len(first)} pairs")
print(f"labels on different sides of the line: {(bad[first] != bad[first + offset]).sum()}")

# %% [markdown]
# The fifty lie side by side. Nine of them got two different answers, and for three even the label changed. Here is one of the
# three:

# %% tags=["picture"]
if 1760 in first:
    both = [data.read_image(data.photo_path(index, row)) for row in (1760, 1760 + offset)]
    titles = [f"place {row}: {opinion[row]}" for row in (1760, 1760 + offset)]
    plots.close_ups(both, titles, at=(0.03, 0.02), size=0.5, arrows=[(0.36, 0.22)])

# %% [markdown]
# It is the same cell: the same clouds at the same places. In the sharp photo the arrow points at a fine crack, and the experts were
# sure that the cell is defective. In the blurred photo the crack is gone, and they were sure that it is functional. A model that
# gives the same answer to both is wrong about one of them, whatever it says.
#
# Two things follow. Labels have an accuracy of their own, and where they are wrong, even a perfect model is marked wrong. And
# twins must stay together: if one is learned from and the other tested on, the test is no test. Lesson 5 keeps them on one side.
# There the course's finder, `checks.find_parts`, looks for them in the same way.
#
# ## Draw the line
#
# You have seen everything you need. There are three ways to treat the doubtful photos:
#
# - `"follow the experts"`: each keeps its label, the better of two guesses. The course does this.
# - `"defective"`: each of them counts as defective. Fewer defects slip through, and more good cells are thrown away.
# - `"leave out"`: they take no part. What remains is easier than the factory, which goes on sending doubtful cells.

# %%
from course_lib import lesson

drawn_line = {way: lesson.apply_decision(index, {"doubtful_photos": way})["label"] for way in lesson.DOUBTFUL_PHOTOS}
rows = [
    (way, len(labels), (labels == data.class_names(index)[-1]).sum(), commonest(labels))
    for way, labels in drawn_line.items()
]
pd.DataFrame(rows, columns=["doubtful photos", "photos", "defective", "baseline"]).round(3)

# %% [markdown]
# The folder is the same, and there are between 715 and 1,116 defects in it. Even the lazy answer scores anything from 57 % to 69 %.
# So two teams that drew different lines cannot compare their accuracies. (Photos of your own without the experts' probability leave
# nothing to decide: all three rows are equal.)
#
# **Task 6: you decide.** Choose one of the three, and give your reason in a sentence that somebody else would understand. Think of
# what a missed defect costs, and what a good cell in the bin costs.

# %%
decision = {"doubtful_photos": "?", "reason": "?"}

quiz.check("04-decision", decision)

# %% [markdown]
# A decision that is only in your head is lost in a week, so it goes into a small file. From here on every lesson obeys it. If
# yours is not `"follow the experts"`, your numbers in the later lessons will differ from the printed ones, and they should.

# %%
decided = quiz.yours("04-decision", decision)
path = lesson.save_decision(PHOTOS, positive_class=data.class_names(index)[-1], lot_size=60, **decided)
print(path.read_text(encoding="utf-8"))

# %% [markdown]
# ## Your memo
#
# Your manager will ask: "What is wrong with our photos?" Choose the figure that surprised you most, and write what you found in
# one sentence. Take away the two `#` and the space after each, and run the cell.

# %%
memo = lesson.memo(4, PHOTOS)
# memo.figure("What the photo shows", data.read_image(data.photo_path(index, loneliest[0])))
# memo.finding("What you found, in one sentence")
lesson.show_memo(PHOTOS)

# %% [markdown]
# ## Your guesses
#
# What you guessed, and what came out:

# %%
quiz.guesses(4)

# %% [markdown]
# ## Quiz

# %%
quiz.show(4)

# %% [markdown]
# ## What you take with you
#
# - Count first. The commonest answer gives the trivial baseline, and where you draw the line between good and defective moves it.
# - Photos that were made together resemble each other. Brightness looked like a defect detector, and was mostly a lot detector.
# - Look at outliers and at twins before you train. The rare photos are the ones you look for, and not even experts always agree
#   with themselves.
#
# Still unsolved: you know now that lots can flatter a test. But by how much?
#
# Next comes lesson 5. There you divide the photos into some for training and some for the test, in two ways, and measure it.
