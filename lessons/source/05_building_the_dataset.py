# %% [markdown]
# # 05 Building the dataset
#
# You divide the photos: some to learn from, some to choose with, some for the test. Then you check that nothing slips from
# one part into another, and hand the photos in batches to PyTorch, the library that trains the networks of this course. What
# matters you write yourself.
#
# **At the end you have:** a split that you checked for leaks, and a Dataset that you wrote
#
# {{picture}} All photos in file order, each a thin line with the colour of its part: mixed in the random split, in blocks in the split by lot
#
# **Study time:** 60 to 75 minutes

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Split photos into train, validation and test, and say what each part is for.
# - Check whether anything leaks from one part into another, and close the leak.
# - Compare a random split with a split by lot, and say which one comes closer to the factory.
# - Write a Dataset, and build batches of the right shape, type and order.

# %%
# {{setup}} 5

# %% [markdown]
# `PHOTOS` may be a folder of your own, with one sub-folder for each class. What you decided in lesson 4 about the doubtful
# photos holds from here on; if you decided nothing, the experts' labels count. (With photos of your own: if no `index.csv`
# says which lots there are, each photo counts as a lot of its own. Then the split by lot is a random one, and what the lesson
# says about lots and about cells seen twice shows nothing.)

# %%
from course_lib import data, lesson

PHOTOS = data.solar_cells()
decision = lesson.load_decision(PHOTOS)
index = lesson.apply_decision(data.complete(data.index_folder(PHOTOS)), decision)
labels = data.label_numbers(index)
print(len(index), "photos; the doubtful ones:", decision["doubtful_photos"])

# %% [markdown]
# ## Three parts, three jobs
#
# A model that has seen a photo can remember it. If you want to know what it does with new photos, you must keep some from
# it. So the photos are divided into three parts:
#
# - **train**: the model learns from these.
# - **validation**: you choose with these. Which model? How long should it learn?
# - **test**: nobody chooses anything with these. They are opened once for a finished model, and tell how good it is.
#
# A *random split* draws each photo on its own. It should be *stratified*: if three in ten photos are defective, then it should
# be three in ten in each part. You get that by drawing from each class separately. And chance must be repeatable, so a
# number, the *seed*, fixes the draw.
#
# **Task 1: a random split.** Complete `split_at_random`. Inside the loop, `rows` holds the row numbers of one class, already
# shuffled. The first quarter of them goes to `"test"`, the next 15 % to `"validation"`; the rest stays in `"train"`. Use
# `round` for whole numbers. (Hints: `quiz.hint("05-split-at-random")`.)

# %%
import numpy as np
from course_lib import quiz


def split_at_random(labels, seed):
    """The part of each photo: of each class a quarter "test", 15 % "validation", the rest "train"."""
    parts = np.full(len(labels), "train", dtype=object)
    generator = np.random.default_rng(seed)
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        ...
    return parts


quiz.check("05-split-at-random", split_at_random)

# %% [markdown]
# Your function, on the labels of all photos. (If it is not finished, the course's takes its place.)

# %%
import pandas as pd

split = quiz.yours("05-split-at-random", split_at_random)
parts = split(labels, seed=0)
print(pd.Series(parts).value_counts().to_string())
pd.crosstab(index["label"], parts, normalize="columns").round(3)

# %% [markdown]
# Read a row from left to right: each part has the same share of each class.
#
# A colleague repeats your work, but with seed 1 instead of 0. Some photos will still land in the same part as before. *Predict
# first:*

# %%
quiz.guess("05-other-seed")

# %%
other = split(labels, seed=1)
quiz.compare("05-other-seed", round(100 * float((parts == other).mean())))

# %% [markdown]
# So write the seed down, or better: save the split as a table.
#
# The course's `splits.random_split` draws the same shares. It draws by the names of the files, so that the order of the rows
# does not matter. And it keeps the shares of the cell types, where they are known.

# %%
from course_lib import splits

random_index = splits.random_split(index, seed=0)
random_index[["path", "label", "split"]].head(4)

# %% [markdown]
# ## Split by lot
#
# In lesson 4 you saw that neighbouring files are cells of one module, and look alike. A random split puts some cells of a
# module into train and others into the test. The factory will not be so kind: it sends *new* modules. So the second way
# draws whole lots.


# %%
def split_by_lot(lots, seed):
    """The part of each photo; all photos of a lot are in the same part."""
    names = np.random.default_rng(seed).permutation(np.unique(lots))
    first, second = round(0.25 * len(names)), round(0.40 * len(names))
    part_of = dict.fromkeys(names, "train")
    part_of |= dict.fromkeys(names[:second], "validation")
    part_of |= dict.fromkeys(names[:first], "test")
    return np.array([part_of[lot] for lot in lots], dtype=object)


lots = splits.lots(index, decision["lot_size"])
by_lot = split_by_lot(lots, seed=0)

# %% [markdown]
# `dict.fromkeys(names, "train")` notes "train" for each lot. The next two lines overwrite that for the first lots of the
# shuffled list. That is all there is to it. But a lot cannot be cut: if the defects sit in a few lots, one part gets too
# many of them. The course's `splits.lot_split` deals the lots out one by one, each to the part that needs its kind of photos
# most. Compare the share of the last class (here `defective`) in each part:

# %%
lot_index = splits.lot_split(index, seed=0, lot_size=decision["lot_size"])
last = data.class_names(index)[-1]
ways = {"drawn": by_lot, "dealt out": lot_index["split"], "random": random_index["split"]}
shares = {way: (index["label"] == last).groupby(np.asarray(of)).mean() for way, of in ways.items()}
pd.DataFrame(shares).T[list(splits.SPLITS)].round(3)

# %% [markdown]
# Drawn lots can be far off, dealt lots come closer, and only the random split gives each part the same share. Now look at both splits in
# file order. Each photo is one thin line.

# %% tags=["picture"]
from course_lib import plots

colour = {"train": (0, 158, 115), "validation": (240, 228, 66), "test": (204, 121, 167)}
strips = [
    np.repeat([[colour[part] for part in table["split"]]], len(index) // 12, axis=0).astype(np.uint8)
    for table in (random_index, lot_index)
]
plots.photo_grid(strips, ["random", "by lot (green: train, yellow: validation, pink: test)"], columns=1, size=7)

# %% [markdown]
# Above, the colours are mixed so finely that hardly a line stands out. Below there are blocks: whole lots.
#
# ## Check for leaks
#
# A *leak* is anything that tells a model about the test before the test. The plainest one: something is in two parts.
#
# **Task 2: what is in two parts?** Write `in_two_parts`. It gets a list of things, one for each photo, and the part of each
# photo. It returns the *set* of those things that are in more than one part. (Hints: `quiz.hint("05-in-two-parts")`.)


# %%
def in_two_parts(things, parts):
    """The set of all things that are in more than one part."""
    ...


quiz.check("05-in-two-parts", in_two_parts)

# %% [markdown]
# One function, many questions. The things can be paths, or lots, or the bytes of the files (as in lesson 2, their hash).

# %%
import hashlib
from pathlib import Path

shared = quiz.yours("05-in-two-parts", in_two_parts)
digests = [hashlib.sha256((Path(PHOTOS) / path).read_bytes()).hexdigest() for path in index["path"]]
things = {"path": list(index["path"]), "bytes": digests, "lot": list(lots)}
found = [[len(shared(thing, list(of["split"]))) for thing in things.values()] for of in (random_index, lot_index)]
pd.DataFrame(found, index=["random", "by lot"], columns=list(things))

# %% [markdown]
# No path and no bytes are in two parts. The random split tears nearly every lot apart, the split by lot none. Is that
# a leak? It depends on your question. If you ask how well the model sorts more cells of *these* modules, it is none. If you ask
# how well it sorts *new* modules, it is one.
#
# So the split by lot is clean? Remember the twins of lesson 4: fifty cells were photographed twice, in two series that lie far
# apart in the file order. (If you leave the doubtful photos out, 37 of these pairs are left.) *Predict first:*

# %%
quiz.guess("05-seen-twice")

# %%
from course_lib import checks

index = checks.find_parts(index)
cells = list(index["part"])
quiz.compare("05-seen-twice", len(shared(cells, list(lot_index["split"]))))
print("random split:", len(shared(cells, list(random_index["split"]))))

# %% [markdown]
# `find_parts` looks for such a series: many pairs of photos that are alike, all the same number of files apart. It writes
# the column `part`, where photos of one and the same cell have the same value.
#
# > **Tip.** Mind the word: this `part` is a part that your factory makes, such as a cell. If you photograph each of yours
# > several times, write the column into your `index.csv`.
#
# Now close the leak. `random_split` and `lot_split` obey the column: photos of one cell stay together, and lots that share a
# cell become one lot.

# %%
before = lots
random_index = splits.random_split(index, seed=0)
lot_index = splits.lot_split(index, seed=0, lot_size=decision["lot_size"])
rows = []
for name, lot in {"before": before, "now": lot_index["lot"]}.items():
    sizes = lot.value_counts()
    rows.append((name, len(sizes), sizes.iloc[0], sizes.iloc[0] / len(index)))
pd.DataFrame(rows, columns=["", "lots", "photos in the largest", "its share"]).round(3)

# %% [markdown]
# The price is small: a few lots became one. The course's `check_for_leaks` asks your questions, and one more: is a *near
# duplicate* in two parts, a copy that was turned, brightened or saved again? It reads every photo, so it takes some seconds.

# %%
splits.check_for_leaks(lot_index)

# %%
splits.check_for_leaks(random_index)

# %% [markdown]
# In the random split it found one pair of near duplicates, the second one in the table at the end of lesson 2. As with the first, which
# you looked at there, nobody can be sure that it is one cell twice. One pair among so many photos can stay. If you find more in a
# folder of your own, give both photos of a pair the same value in the column `part`.
#
# > **Warning.** This is a check and no proof. It does not find a copy that was cropped by a few pixels, and it knows only
# > the lots and cells that somebody wrote down or a finder found. The fifty cells passed the checks of path, bytes and near duplicate.
#
# Save both splits. The lessons from 6 on load them.

# %%
for name, table in {"random": random_index, "lot": lot_index}.items():
    path = splits.save_split(table, lesson.kept_folder(PHOTOS) / f"split_{name}.csv")
    print(path.name, table["split"].value_counts().to_dict())

# %% [markdown]
# Not every leak is a photo in two parts.
#
# **Task 3: leak, or no leak?** For each of the seven, write `"leak"` if the model or its maker learns something about the
# test before the test, and `"no leak"` if not. The factory will send new modules.

# %%
verdicts = {
    "a brightened copy of a test photo is in train": "?",
    "all parts have the same share of defects": "?",
    "photos are mirrored, and then split": "?",
    "photos are split, and then the train photos are mirrored": "?",
    "the mean brightness of all photos is subtracted from each": "?",
    "of twenty settings, the best one on validation is kept": "?",
    "of twenty settings, the best one on the test is kept": "?",
}

quiz.check("05-verdicts", verdicts)

# %% [markdown]
# ## What a leak does
#
# Now make a leak on purpose. Half of the photos are there twice, as after a backup, and the table is split row by row. (The
# real test photos are kept out of this game.)

# %%
pool = np.flatnonzero(random_index["split"] != "test")
twice = np.concatenate([pool, pool[::2]])  # every second photo a second time
leaky, clean = split(labels[twice], seed=0), split(labels[pool], seed=0)
print("in two parts:", len(shared(twice, leaky)), "of", len(pool), "photos; without copies:", len(shared(pool, clean)))

# %% [markdown]
# How good does a model look on either? As in lessons 1 and 3, a network that was trained on everyday photos turns each photo into
# features, and a linear probe learns from these. The first time, the features of all photos may take a minute; then they are kept.

# %%
from course_lib import features, models

inputs = features.extract(index, models.load_backbone(), size=112)


def answers_of(rows, parts):
    """Train a probe on the train part; the rows of the test part, and its answers there."""
    train, test = rows[parts == "train"], rows[parts == "test"]
    probe = features.linear_probe().fit(inputs[train], labels[train])
    return test, probe.predict(inputs[test])


# %% [markdown]
# The same photos, the same probe, and some of the rows twice. *Predict first:*

# %%
quiz.guess("05-copies")

# %% tags=["nbval-approx-0.03"]
from course_lib.evaluation import accuracy_row

(leaky_rows, leaky_answers), (clean_rows, clean_answers) = answers_of(twice, leaky), answers_of(pool, clean)
with_copies = accuracy_row("with copies", labels[leaky_rows], leaky_answers)
without = accuracy_row("without copies", labels[clean_rows], clean_answers)
gain = with_copies["accuracy"] - without["accuracy"]
outcome = "rises" if gain > 0.01 else "falls" if gain < -0.01 else "same"
quiz.compare("05-copies", outcome)
pd.DataFrame([with_copies, without]).round(3)

# %% [markdown]
# The columns `from` and `to` are the 95 % interval. The two intervals may overlap, so look closer: where does the gain come from?
# Divide the leaky test into photos that are in train as well, and the others.

# %% tags=["nbval-approx-0.03"]
known = np.isin(leaky_rows, twice[leaky == "train"])
rows = [
    accuracy_row(name, labels[leaky_rows[chosen]], leaky_answers[chosen])
    for name, chosen in {"also in train": known, "in the test only": ~known}.items()
]
pd.DataFrame(rows).rename(columns={"model": "test photos"}).round(3)

# %% [markdown]
# The probe has seen the first group with its answers. Only the second group is a test. So look for copies before you split,
# and change or mirror photos only after you have split.
#
# ## Random or by lot: the same model twice
#
# Now the main question. How much does a random split flatter a model? A single split depends on luck: which lots happen to be in
# the test? So use *folds*. Divide the photos into four groups, train on three of them and score the fourth, until each group
# was scored once. The test part stays closed.
#
# `lot_folds` keeps lots together. For the random folds, each cell counts as a lot of its own.

# %%
open_rows = np.flatnonzero(lot_index["split"] != "test")
open_index = lot_index.iloc[open_rows].reset_index(drop=True)
ways = {"random": open_index.assign(lot=open_index["part"]), "by lot": open_index}


def fold_answers(folds):
    """The answer to each photo, from a probe that was trained on the other three folds."""
    answers = np.zeros(len(folds), int)
    for fold in range(4):
        train, scored = open_rows[folds != fold], open_rows[folds == fold]
        answers[folds == fold] = features.linear_probe().fit(inputs[train], labels[train]).predict(inputs[scored])
    return answers


# %% [markdown]
# Photos, model and the size of the folds are the same. Only the way to draw the folds differs. *Predict first:*

# %%
quiz.guess("05-random-or-lot")

# %% tags=["nbval-approx-0.1"]
rows, truth = [], labels[open_rows]
for seed in (0, 1):
    for way, table in ways.items():
        folds = splits.lot_folds(table, seed=seed).to_numpy()
        answers = fold_answers(folds)
        single = [(answers == truth)[folds == fold].mean() for fold in range(4)]
        row = {"seed": seed} | accuracy_row(way, truth, answers)
        rows.append(row | {"worst fold": min(single), "best": max(single)})
scores = pd.DataFrame(rows).rename(columns={"model": "folds"})
mean = scores.groupby("folds")["accuracy"].mean()
gain = mean["random"] - mean["by lot"]
outcome = "random" if gain > 0.01 else "lot" if gain < -0.01 else "same"
quiz.compare("05-random-or-lot", outcome)
scores.drop(columns="photos").round(3)

# %% [markdown]
# `baseline` is the accuracy of the commonest answer alone. Look at the last two columns, too: with lots, one fold can be far
# better than another, because some modules are easier than others. So the interval of the folds by lot is really wider than
# printed, and one split by lot says little.
#
# Why keep the random split at all? Published results use it, and you may want to compare yours with them. From now on the course shows
# both.
#
# ## From files to numbers, once
#
# Now the photos themselves. Reading an image file is slow, so each photo is read and resized once, and the pixels are kept.

# %%
from course_lib import datasets

images = datasets.pixels(index, size=96)
print("shape (photos, channels, height, width):", images.shape)
print("type:", images.dtype, "| darkest:", images.min(), "| brightest:", images.max())

# %% [markdown]
# ## A Dataset of your own
#
# PyTorch asks two questions of a collection of photos: how many are there, and what is number 17? Whatever answers them is a
# *Dataset*. In Python, `len(dataset)` calls the method `__len__`, and `dataset[17]` calls `__getitem__(17)`.
#
# A Dataset may have a *transform*: a function that changes each photo when it is asked for, for example one that mirrors it.
#
# **Task 4: write a Dataset.** Fill in the two methods. `__getitem__` returns two things: the photo as a *tensor*, which is what
# PyTorch calls an array of its own (`torch.tensor(array)`), changed by `self.transform` if there is one, and its label. (Hints:
# `quiz.hint("05-photo-dataset")`.)

# %%
import torch


class PhotoDataset(torch.utils.data.Dataset):
    """Photos and labels, one at a time."""

    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self): ...

    def __getitem__(self, number): ...


quiz.check("05-photo-dataset", PhotoDataset)

# %% [markdown]
# **Task 5: batches.** A network takes many photos at once, a *batch*. Complete `batches`. `order` holds numbers of photos, and each
# batch takes the next `batch_size` of them; the last batch may be smaller. A batch is a pair: the images in one tensor
# (batch, channels, height, width), and the labels in one tensor. `torch.stack` makes one tensor of a list of tensors.


# %%
def batches(dataset, order, batch_size):
    """A list of batches, each a pair (images, labels), with the photos in this order."""
    result = []
    for first in range(0, len(order), batch_size):
        ...
    return result


quiz.check("05-batches", batches)

# %% [markdown]
# Let us try both on the validation photos, and hand the first batch to a layer such as many networks begin with.
# **The next cell fails, and is meant to:**

# %% tags=["raises-exception"]
Photos = quiz.yours("05-photo-dataset", PhotoDataset)
in_batches = quiz.yours("05-batches", batches)
validation = np.flatnonzero(random_index["split"] == "validation")
dataset = Photos(images[validation], labels[validation])
first_images, first_labels = in_batches(dataset, range(len(dataset)), 64)[0]
print(tuple(first_images.shape), first_images.dtype)
torch.nn.Conv2d(1, 8, kernel_size=3)(first_images)

# %% [markdown]
# The shape is right, the type is not. Our pixels are `uint8` (PyTorch says "unsigned char" or "Byte"), and the layer computes with decimal numbers,
# `float32`. Networks also learn best from numbers around 0. Both are the work of *normalising*: `(pixel / 255 − mean) / std`, where
# *std* is the standard deviation, the usual distance from the mean. Mean and std come from the train part only: the other
# photos count as unknown.

# %%
from torchvision.transforms import v2

train_images = images[np.flatnonzero(random_index["split"] == "train")] / 255
mean, std = float(train_images.mean()), float(train_images.std())
normalise = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([mean], [std])])
dataset = Photos(images[validation], labels[validation], normalise)
first_images, first_labels = in_batches(dataset, range(len(dataset)), 64)[0]
print(f"mean {mean:.3f}, std {std:.3f}; the first batch: {first_images.dtype}")
print("the layer gives", tuple(torch.nn.Conv2d(1, 8, kernel_size=3)(first_images).shape))

# %% [markdown]
# ## Loaders
#
# What you wrote is called a *loader*. PyTorch has one, `DataLoader`, which works with your Dataset just like that. The course has
# another one, which takes a whole batch out of the kept pixels in one step and is therefore faster. Do all three give the same
# batches?

# %% tags=["nbval-approx-0.001"]
ways = {
    "yours": in_batches(dataset, range(len(dataset)), 64),
    "PyTorch's DataLoader": list(torch.utils.data.DataLoader(dataset, batch_size=64)),
    "the course's loaders": list(datasets.loaders(random_index, size=96, mean=[mean], std=[std])["validation"]),
}
rows = []
for way, all_batches in ways.items():
    pairs = zip(ways["yours"], all_batches, strict=True)
    apart = max(float((mine[0] - theirs[0]).abs().max()) for mine, theirs in pairs)
    rows.append((way, len(all_batches), len(all_batches[-1][1]), apart))
pd.DataFrame(rows, columns=["loader", "batches", "photos in the last", "largest difference"]).round(3)

# %% [markdown]
# The same numbers, down to rounding. From here on the course uses `datasets.loaders`. It makes one loader for each part, and treats
# train in its own way. Train photos are *shuffled*: each *epoch* (one pass over all photos) has another order, so that a batch does
# not come from one lot. And they can be *augmented*: turned or mirrored, so that the model sees more variety. Validation and test
# stay as they are.
#
# Look at a batch before you train. Photos and labels that have lost each other raise no error.

# %%
from course_lib import transforms

loaders = datasets.loaders(random_index, size=96, mean=[mean], std=[std], augment=transforms.flips_and_quarter_turns)
names, shown, titles = data.class_names(index), [], []
for part in ("train", "validation"):
    for epoch in (1, 2):
        photos, numbers = next(iter(loaders[part]))
        shown += [((photo * std + mean) * 255).round().clamp(0, 255).byte().numpy() for photo in photos[:6]]
        titles += [f"{part} {epoch}\n{names[number]}" for number in numbers[:6]]
plots.photo_grid(shown, titles)

# %% [markdown]
# The number behind the part is the epoch. The two rows of train differ, and some photos are turned: their bars run from top to
# bottom. The two rows of validation are equal. (If you follow the experts: does the third solar cell there look sound to
# you? They were sure that it is defective. Perhaps 96 pixels are too few to show why, perhaps they were wrong. But photo and
# label have not lost each other.)
#
# ## Going deeper: when one class is rare
#
# If one photo in a hundred is defective, a batch of 64 often has none. Two remedies are common. *Class weights* make a mistake
# on the rare class count more. A *balanced sampler* draws photos of the rare class more often. Here are class weights, on
# the validation photos. A *missed defect* is a defective cell that passes, *overkill* a good cell that is rejected. (With photos
# of your own, the last class counts as the defect.)

# %% tags=["nbval-approx-0.05"]
from course_lib.evaluation import missed_defect_rate, overkill_rate

train, rows = np.flatnonzero(random_index["split"] == "train"), []
defective = (labels[validation] == labels.max()).astype(int)
for weights in (None, "balanced"):
    probe = features.linear_probe().set_params(logisticregression__class_weight=weights)
    probability = probe.fit(inputs[train], labels[train]).predict_proba(inputs[validation])[:, -1]
    row = accuracy_row(f"class weights: {weights}", defective, probability >= 0.5)
    row["missed defects"] = missed_defect_rate(defective, probability)
    row["overkill"] = overkill_rate(defective, probability)
    rows.append(row)
pd.DataFrame(rows).drop(columns="photos").round(3)

# %% [markdown]
# With weights the probe finds more defects and rejects more good cells. It has not become better; the balance between two kinds
# of mistakes has moved. In lesson 8 you will move it after the training, with a threshold. The course trains without weights.
#
# ## Your memo
#
# Which split would you show your manager, and why? Choose a figure and one sentence, take away the two `#` and the space after each, and run the cell.

# %%
memo = lesson.memo(5, PHOTOS)
# memo.figure("Random split above, split by lot below", np.vstack(strips))
# memo.finding("What you found, in one sentence")
lesson.show_memo(PHOTOS)

# %% [markdown]
# ## Your guesses
#
# What you guessed, and what came out:

# %%
quiz.guesses(5)

# %% [markdown]
# ## Quiz

# %%
quiz.show(5)

# %% [markdown]
# ## What you take with you
#
# - Train is for learning, validation for choosing, and the test is opened once. Photos of one cell stay together; split first,
#   change photos afterwards.
# - A leak makes a test look better and a model no better. Check paths, bytes, near duplicates, cells and lots, and remember that
#   a check is no proof.
# - A random split flatters. The factory sends new lots, so the split by lot comes closer to the truth.
#
# Still unsolved: there are batches now, but no model of your own that could learn from them.
#
# Next comes lesson 6. There you build one from scratch, and feed it with these loaders.
