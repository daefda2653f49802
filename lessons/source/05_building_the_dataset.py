# %% [markdown]
# # 05 Building the dataset
#
# You divide the photos into parts for learning, choosing and testing, check that nothing leaks from one part into another, and hand the photos to a model in batches.
#
# **At the end you have:** train, validation and test tables, by image and by lot, checked for leaks; loaders

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Split photos into train, validation and test, and say what each part is for.
# - Check whether anything leaks from one part into another.
# - Compare a random split with a split by lot, and say which one the factory will see.
# - Build loaders that give batches of the right shape, type and order.

# %%
# {{setup}} 5

# %% [markdown]
# `PHOTOS` may name your own folder with one sub-folder for each class. The split by lot needs a column `lot` in its `index.csv`; without it, each photo counts as a lot of its own, and the split by lot is a random one. The decision of lesson 4 is loaded; if you have not run lesson 4, its default is used.

# %%
from course_lib import checks, data, lesson

PHOTOS = data.solar_cells()
print(data.credits(PHOTOS).splitlines()[0])
index = checks.find_parts(data.complete(data.index_folder(PHOTOS)))
*others, positive = data.class_names(index)
decision = lesson.load_decision(PHOTOS)
index = lesson.apply_decision(index, decision)
print(len(index), "photos; doubtful ones:", decision["doubtful_photos"])

# %% [markdown]
# ## Three parts, three jobs
#
# A model that has seen a photo can remember it. So you need photos that it has never seen. You divide them into three parts:
#
# - **train**: the model learns from these photos.
# - **validation**: you compare and choose with these photos (which model? how long to train?).
# - **test**: no choice uses this part. It is opened once for each finished model, to say how good it is: in lesson 8 for the model from scratch, in lesson 10 for the transfer model.
#
# The first way is a **random split**: each photo is drawn on its own. It is **stratified**: each part gets the same share of every label and every cell type.

# %%
import numpy as np
import pandas as pd
from course_lib import splits

random_index = splits.random_split(index, seed=0, validation=0.15, test=0.25)
kind = (random_index["label"] + " " + random_index["cell_type"]).rename("kind of photo")
print(random_index["split"].value_counts().to_string())
pd.crosstab(kind, random_index["split"], normalize="columns").round(3)

# %% [markdown]
# Read a row from left to right: the shares agree to the third decimal or nearly so. Here are three photos of train and three of validation. The title names the part. Could you have told it from the photo alone?

# %%
from course_lib import plots

rows = [row for part in ("train", "validation") for row in random_index.index[random_index["split"] == part][-3:]]
plots.photo_grid(
    [data.read_image(data.photo_path(index, row)) for row in rows],
    [f"{random_index['split'][row]}\n{index['label'][row]}" for row in rows],
    alt="Three photos each of the train and the validation part; nothing in them tells which is which.",
)

# %% [markdown]
# You could not, and that is how it should be: the draw did not look at the photos.

# %% [markdown]
# ## The same seed, the same table
#
# Chance must be repeatable. The **seed** is a number that fixes the draw: the same seed gives the same split, on every computer and in every order of the rows. So a colleague can check your work.
#
# *Predict first:* the next cell shuffles the rows of the index and splits again. Do the photos go to the same parts?

# %%
shuffled = splits.random_split(index.sample(frac=1, random_state=1), seed=0, validation=0.15, test=0.25)
other = splits.random_split(index, seed=1)
same = (shuffled["split"].sort_index() == random_index["split"]).mean()
print(f"same seed, rows shuffled: {same:.0%} of the photos are in the same part")
print(f"another seed: {(other['split'] == random_index['split']).mean():.0%}")
assert same == 1

# %% [markdown]
# With another seed nearly half of the photos are in the same part, and that is chance: 0.6 · 0.6 + 0.15 · 0.15 + 0.25 · 0.25 is about 0.45. For the same photos, labels and shares the split depends on the file names and the seed, not on the order of the rows. Save it as a table, because a saved table survives even a change of the software.

# %%
path = lesson.kept_folder(PHOTOS) / "split_random.csv"
splits.save_split(random_index, path)
again = splits.load_split(path, PHOTOS)
assert (again["split"] == random_index["split"]).all()
print(path.name, "loaded again:", len(again), "photos, columns", list(again.columns))

# %% [markdown]
# ## Split by lot
#
# Lesson 4 found that neighbouring files are cells of one module. A random split puts cells of the same module into train *and* test. The factory will send new modules. So the second way keeps each lot together: all its photos go to one part.

# %%
lot_index = splits.lot_split(index, seed=0, lot_size=decision["lot_size"])
splits.save_split(lot_index, lesson.kept_folder(PHOTOS) / "split_lot.csv")
table = lot_index.groupby("split", sort=False).agg(
    photos=("path", "size"),
    lots=("lot", "nunique"),
    defective=("label", lambda label: (label == positive).mean()),
    mono=("cell_type", lambda cell_type: (cell_type == "mono").mean()),
)
table.loc[list(splits.SPLITS)].round(3)

# %% [markdown]
# A lot cannot be cut, so the shares agree only roughly. This is the price. The picture shows the two splits in the file order:

# %%
figure, axes = plots.new_figure(rows=2, height=3.2, width=8)
tables = {"random": random_index, "by lot": lot_index}
for axis, name in zip(axes[:, 0], tables, strict=True):
    table = tables[name]
    height = table["split"].map({part: number for number, part in enumerate(splits.SPLITS)})
    axis.scatter(range(len(table)), height, s=12, marker="|", c=[plots.COLOURS[n] for n in height])
    axis.set_yticks(range(3), splits.SPLITS)
    axis.set_ylim(2.5, -0.5)
    axis.set_title(name, fontsize=10)
axes[1, 0].set_xlabel("place in the file order")
plots.show(
    figure,
    alt="Each photo as a small line at the height of its part. Random: all three parts are spread "
    "over the whole file order. By lot: each part consists of blocks.",
)

# %% [markdown]
# Above, all three colours run through the whole order. Below, each part consists of blocks: whole lots.
#
# ## Check for leaks
#
# A **leak** is anything that tells the model about the test photos before the test. Five checks: is a path in two parts? Are the same bytes in two parts (a copy under another name)? Is a **near duplicate** in two parts, a copy that was turned, brightened or saved again (lesson 2)? Are two photos of one cell in two parts (the 50 cells that lesson 4 saw twice)? Is a lot in two parts? The third check reads every photo and takes some seconds. First the split by lot.

# %%
splits.check_for_leaks(lot_index)

# %% [markdown]
# Now the random split. You tell the check which lots there are.

# %%
splits.check_for_leaks(random_index.assign(lot=lot_index["lot"]))

# %% [markdown]
# No path and no bytes are in two parts, but **every lot** is. The check also counts one pair of near duplicates; lesson 2 shows it. Nobody can be sure that it is one cell twice. In your own folder keep such a pair together: give both photos the same `part` in `index.csv`. Here the split stays as it is: one pair among 2,624 photos.
#
# Whether this is a leak depends on your question. For "how well do you sort more cells of these same modules?" it is none. For "how well do you sort new modules?" it is one.

# %% [markdown]
# ## A leak, and what it does to the accuracy
#
# Now something goes wrong on purpose. Part of a folder was saved twice: half of the photos are there a second time under another name. This happens with backups and with photos from two sources. You build such a folder. It is thrown away afterwards, and the real test photos are not in it.

# %%
import shutil
from pathlib import Path
from course_lib.paths import make_folder

pool = random_index[random_index["split"] != "test"]
folder = make_folder(lesson.kept_folder(PHOTOS) / "saved_twice")
for number, photo in enumerate(pool["path"]):
    target = folder / photo
    make_folder(target.parent)
    shutil.copyfile(Path(PHOTOS) / photo, target)
    if number % 2 == 0:
        shutil.copyfile(Path(PHOTOS) / photo, target.with_stem(target.stem + "_copy"))
twice = splits.random_split(data.index_folder(folder), seed=0)
print(len(pool), "photos became", len(twice))

# %% [markdown]
# *Predict first:* the check now gets a folder with copies, split photo by photo. This folder names no lots and no parts, so three of the checks are left: path, bytes, near duplicate. Which of them will find leaks?

# %%
splits.check_for_leaks(twice)

# %% [markdown]
# The paths differ, but the bytes are equal: hundreds of photos have their copy in another part. Read such a table before you believe the accuracy.
#
# How much would you have believed? Turn the photos into **features** with a frozen network (lesson 9 explains it) and train a **linear probe**, a simple classifier, on them. The model is the same in every comparison of this lesson; only the split changes. Computing the features takes up to half a minute, unless an earlier run kept them. (A *stage* is a group of layers. `stages="last"` takes the 1,280 features of the last stage only; lessons 1, 3 and 4 took 2,768 features of several stages, so their accuracies differ a little.)

# %%
from course_lib import features, models

backbone = models.load_backbone()
feature_table = features.extract(index, backbone, stages="last")
labels = (index["label"] == positive).to_numpy(int)  # 1 for defective, 0 for functional
print("photos, features of each photo:", feature_table.shape)


# %%
from course_lib.evaluation import accuracy_row


def test_accuracy(name: str, table: pd.DataFrame) -> tuple[dict, pd.DataFrame]:
    """Train a probe on the train part, score it on the test part; also each test photo's result."""
    inputs = features.extract(table, backbone, stages="last")
    answers = (table["label"] == positive).to_numpy(int)
    train, test = (table["split"] == part for part in ("train", "test"))
    probe = features.linear_probe().fit(inputs[train], answers[train])
    predictions = probe.predict(inputs[test])
    result = table[test].assign(right=predictions == answers[test])
    return accuracy_row(name, answers[test], predictions), result


# %% tags=["nbval-approx-0.03"]
once = twice[~twice["path"].str.contains("_copy")].reset_index(drop=True)
leaky, photos = test_accuracy("with copies", twice)
clean, _ = test_accuracy("without copies", splits.random_split(once, seed=0))
if data.solar_cells() == PHOTOS:
    assert leaky["accuracy"] > clean["accuracy"] + 0.01
pd.DataFrame([leaky, clean]).round(3)

# %% [markdown]
# The copies lift the accuracy, and nothing became better: the photos are the same. The two intervals overlap, so look closer at where the gain comes from. Divide the leaky test photos into those with a copy in train, and those without.

# %% tags=["nbval-approx-0.03"]
original = twice["path"].str.replace("_copy", "")
known = photos["path"].str.replace("_copy", "").isin(original[twice["split"] == "train"])
table = photos.groupby(known.map({True: "a copy in train", False: "no copy in train"}))["right"]
accuracy = table.agg(["mean", "size"])
if data.solar_cells() == PHOTOS:
    assert accuracy["mean"]["a copy in train"] > accuracy["mean"]["no copy in train"] + 0.03
accuracy.set_axis(["accuracy", "photos"], axis=1).rename_axis("test photos with").round(3)

# %% [markdown]
# The photos with a copy in train are right clearly more often: the probe has seen them with their answer. The others tell the truth, and their accuracy is that of the clean folder. The mending: remove copies before you split (lesson 2 finds them), or give a photo and its copies the same part. This also holds for augmented photos: **split first, augment afterwards**, and only the train part.
#
# The throw-away folder goes now. Your photos were only read.

# %%
shutil.rmtree(folder)

# %% [markdown]
# ### The same part, photographed twice
#
# A copy that was brightened or saved again has other bytes; the row "near duplicate" of the check counts such copies. In your own folder, look at each pair. But no finder knows everything: it does not find a copy that was cropped, or turned by a few degrees, and it did not find the 50 solar cells that lesson 4 saw twice, 542 places apart. `checks.find_parts` looks for such a series and wrote the column `part`. What would the splits have done without it?

# %%
without = index.drop(columns="part")
old = {"random": splits.random_split(without), "by lot": splits.lot_split(without, lot_size=decision["lot_size"])}
for name, table in old.items():
    apart = (table.groupby(index["part"])["split"].nunique() > 1).sum()
    print(f"{name}: {apart} of {(index['part'] != index['path']).sum()} cells seen twice in two parts,", end=" ")
    print(f"now {(tables[name].groupby('part')['split'].nunique() > 1).sum()}")
sizes = lot_index["lot"].value_counts()
print(f"lots: {old['by lot']['lot'].nunique()}, now {len(sizes)}; the largest holds {sizes.iloc[0]} photos")

# %% [markdown]
# A random split that does not know of the pairs separates about half of them. The split by lot separated all 50: the two series lie 542 places apart, so they were in different lots. Now lots that share a part are one lot, and of the photos of one part one is drawn and the others follow it. If your factory photographs a part twice, give both photos the same value in a column `part` of `index.csv`.

# %% [markdown]
# ## Random or by lot: the same model twice
#
# Now the main question. How much does a random split flatter the model, that is, how much too good does the model look? One split depends on luck: which lots happen to be in the test part? So you use **folds**. Divide the photos into four folds; train on three and score the fourth, until each fold was scored once. Here you use the train and validation photos of the split by lot only; its test part stays closed. (Some of these photos are test photos of the random split. Nothing is chosen here, and these probes are thrown away.)

# %%
from sklearn.model_selection import StratifiedKFold

open_rows = (lot_index["split"] != "test").to_numpy()
inputs, answers = feature_table[open_rows], labels[open_rows]
open_index = lot_index[open_rows].reset_index(drop=True)
kind = open_index["label"] + " " + open_index["cell_type"]


def random_folds(seed: int) -> np.ndarray:
    """The number of the fold, 0 to 3, of each photo, drawn photo by photo."""
    folds = np.zeros(len(kind), int)
    dealer = StratifiedKFold(4, shuffle=True, random_state=seed)
    for number, (_, rows) in enumerate(dealer.split(inputs, kind)):
        folds[rows] = number
    return folds


# %%
def fold_predictions(folds: np.ndarray) -> np.ndarray:
    """Predict each photo with a probe that was trained on the other three folds."""
    predictions = np.zeros(len(answers), int)
    for number in range(4):
        scored = folds == number
        probe = features.linear_probe().fit(inputs[~scored], answers[~scored])
        predictions[scored] = probe.predict(inputs[scored])
    return predictions


# %% [markdown]
# *Predict first:* which folds give the higher accuracy, random ones or folds by lot? By how many points?

# %%
folds = {}
for seed in (0, 1):
    folds["random folds", seed] = random_folds(seed)
    by_lot = splits.lot_folds(open_index, seed=seed, lot_size=decision["lot_size"])
    folds["folds by lot", seed] = by_lot.to_numpy()
predictions = {key: fold_predictions(numbers) for key, numbers in folds.items()}

# %% tags=["nbval-approx-0.04"]
names = ("random folds", "folds by lot")
comparison = pd.DataFrame([accuracy_row(name, answers, predictions[name, 0]) for name in names])
plots.accuracies(
    comparison,
    alt="Accuracy on random folds is several points higher than on folds by lot; both are above the baseline.",
)
comparison.round(3)

# %% [markdown]
# The model and the photos are the same, and the number of training photos nearly so. Only the folds differ. Is it luck? The cell above computed two seeds. Compare them, and look at the single folds too.

# %% tags=["nbval-approx-0.03"]
rows = []
for (name, seed), numbers in folds.items():
    right = predictions[name, seed] == answers
    single = [right[numbers == number].mean() for number in range(4)]
    rows.append((seed, name, right.mean(), min(single), max(single)))
seeds = pd.DataFrame(rows, columns=["seed", "folds", "accuracy", "worst fold", "best fold"])
seeds.round(3)

# %% tags=["nbval-approx-0.2"]
means = seeds.groupby("folds")["accuracy"].mean()
points = 100 * (means["random folds"] - means["folds by lot"])
print(f"the random folds flatter the model by {points:.1f} points")
assert points > 1 or data.solar_cells() != PHOTOS

# %% [markdown]
# With each seed the random folds are higher. These (percentage) points are not skill: the model knew the modules. **The factory will see something like the lower number, or less**: each new module is a new lot, and our lots are only an approximation. Look also at the worst and the best fold: with lots the result depends much on which modules you meet. So the interval of the folds by lot, in the table above, is too narrow: it counts photos as if each were a new draw, but photos of one lot are alike. One lot split alone says little.
#
# So why keep the random split at all? Published results use it, and you can compare with them. The course shows both from now on.

# %% [markdown]
# ## From photos to numbers: decode once
#
# Reading a PNG file is slow. So each photo is read and resized once, and the pixels are kept in one file. The next call opens that file.

# %%
from course_lib import datasets

images = datasets.pixels(index, size=96)
print("shape (photos, channels, height, width):", images.shape)
print("type:", images.dtype, "| smallest:", images.min(), "| largest:", images.max())
assert images.shape == (len(index), 1, 96, 96) and images.dtype == np.uint8

# %% [markdown]
# `uint8` is a whole number from 0 to 255: one byte for each pixel. A network wants small decimals around 0. This is **normalising**: `(pixel / 255 − mean) / std`. The mean and the **std** (standard deviation, the usual distance from the mean) come from the *train part only*; the other parts are supposed to be unknown.

# %%
train = (random_index["split"] == "train").to_numpy()
validation = (random_index["split"] == "validation").to_numpy()
mean, std = float(images[train].mean() / 255), float(images[train].std() / 255)
normal = (images[train] / np.float32(255) - mean) / std
print(f"train part: mean {mean:.3f}, std {std:.3f}")
print(f"after normalising: mean {abs(normal.mean()):.2f}, std {normal.std():.2f}")
assert abs(normal.mean()) < 0.01

# %% [markdown]
# ## Batches, in two ways
#
# A network gets photos in groups, called **batches**. PyTorch needs two things: a **dataset** that gives photo number *i* with its label, and a **loader** that collects them into batches. In the first way, a **transform** prepares each photo on its own. Here it comes from torchvision.

# %%
import torch
from torchvision.transforms import v2

prepare = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([mean], [std])])
dataset = datasets.PhotoDataset(images[validation], labels[validation], prepare)
loader = torch.utils.data.DataLoader(dataset, batch_size=64)
batch, batch_labels = next(iter(loader))
print("one photo:", tuple(dataset[0][0].shape), "| a batch:", tuple(batch.shape), batch.dtype)
print("labels:", tuple(batch_labels.shape), batch_labels.dtype, "| batches:", len(loader))

# %% [markdown]
# The library Albumentations has more transforms. It wants the channels last, (height, width, channels); `PhotoDataset` takes care of that. The second way is the course's `BatchLoader`: it takes a whole batch at once from the decoded pixels. Do all three give the same batch?

# %%
import albumentations

same = albumentations.Normalize(mean=[mean], std=[std])
photos_for_each = datasets.PhotoDataset(images[validation], labels[validation], same)
ways = {
    "torchvision": loader,
    "Albumentations": torch.utils.data.DataLoader(photos_for_each, batch_size=64),
    "BatchLoader": datasets.BatchLoader(images[validation], labels[validation], batch_size=64, mean=[mean], std=[std]),
}

# %% tags=["nbval-approx-0.001"]
rows = []
for name, way in ways.items():
    first, _ = next(iter(way))
    largest = float((first - batch).abs().max())
    rows.append((name, tuple(first.shape), str(first.dtype), len(way), largest))
    assert largest < 1e-3
pd.DataFrame(rows, columns=["way", "shape", "type", "batches", "largest difference"]).round(3)

# %% [markdown]
# All three agree. The difference is the speed: photo by photo, or a whole batch in one step. The times below belong to the machine that built this page.

# %% tags=["nbval-ignore-output"] reason="it measures times, which differ from machine to machine"
from time import perf_counter

for name, way in ways.items():
    seconds = []
    for _ in range(5):  # the best of five passes, because other programs disturb
        start = perf_counter()
        count = sum(len(batch_labels) for _, batch_labels in way)
        seconds.append(perf_counter() - start)
    print(f"{name:15} {count / min(seconds):8,.0f} photos a second")

# %% [markdown]
# ## Loaders for all parts
#
# `datasets.loaders` makes one loader for each part. The train loader **shuffles**: each epoch (one pass over the photos) has another order, so that a batch does not come from one lot. And it may **augment**: show each photo turned or mirrored, so that the model sees more variety. Validation and test photos are never augmented or shuffled.

# %%
from course_lib import transforms

batches = datasets.loaders(
    random_index, size=96, batch_size=64, mean=[mean], std=[std],
    augment=transforms.flips_and_quarter_turns,
)  # fmt: skip
for part in splits.SPLITS:
    print(f"{part:10} {len(batches[part].labels):5} photos in {len(batches[part]):2} batches")
assert sum(len(loader.labels) for loader in batches.values()) == len(index)


# %% [markdown]
# Draw the first photos of a batch of the train and of the validation loader, in two epochs. To draw a photo, undo the normalising.


# %%
def as_photo(image: torch.Tensor) -> np.ndarray:
    """Undo the normalising: float (1, H, W) to uint8 (H, W)."""
    return ((image[0] * std + mean) * 255).round().clamp(0, 255).numpy().astype(np.uint8)


names = data.class_names(index)
for part in ("train", "validation"):
    for epoch in (1, 2):
        pictures, numbers = next(iter(batches[part]))
        titles = [f"{part} {epoch}\n{names[number]}" for number in numbers[:6]]
        plots.photo_grid(
            [as_photo(picture) for picture in pictures[:6]], titles, size=1.1,
            alt=f"Six photos of the first {part} batch of epoch {epoch}, with their labels.",
        )  # fmt: skip

# %% [markdown]
# The train batches differ between epoch 1 and 2, and some photos are turned: their bars run from top to bottom. The validation batches are the same. As far as you can see, the titles fit. (The third validation photo looks good but is called defective; that is the experts' label, not a mix-up.) Always look at a batch before you train, because photos and labels that lost each other make no error message.
#
# **Your turn:** build a validation loader with a batch size of 100. How many batches will it have, and how many photos are in the last one? Compute it first.

# %%
loader = datasets.BatchLoader(images[validation], labels[validation], batch_size=64)
sizes = [len(batch_labels) for _, batch_labels in loader]
print(len(loader), "batches; the last one holds", sizes[-1], "photos")

# %% [markdown]
# ## When one class is rare
#
# About one photo in three is defective. A model that is unsure will lean towards "functional", and miss defects. Two remedies:
#
# - **Class weights**: a mistake on a rare class counts more.
# - **Balanced sampler**: rare photos are drawn more often, so that on average a batch holds as many of one class as of the other.

# %%
weight = (1 / np.bincount(labels[train]))[labels[train]]  # rare class, larger weight
sampler = torch.utils.data.WeightedRandomSampler(
    weight.tolist(), num_samples=int(train.sum()), generator=torch.Generator().manual_seed(0)
)
drawn = np.flatnonzero(train)[list(sampler)]
print(f"share of defective photos: {labels[train].mean():.2f} in train, {labels[drawn].mean():.2f} drawn")
print(f"of {len(drawn)} draws, {len(set(drawn))} are different photos")

# %% [markdown]
# *Predict first:* will the two remedies find more defects? What will they cost?
#
# A **missed defect** is a defective cell that passes. **Overkill** is a good cell that is rejected.

# %%
weighted = features.linear_probe().set_params(logisticregression__class_weight="balanced")
train_rows = np.flatnonzero(train)
probes = {
    "plain": features.linear_probe().fit(feature_table[train_rows], labels[train_rows]),
    "class weights": weighted.fit(feature_table[train_rows], labels[train_rows]),
    "balanced sampler": features.linear_probe().fit(feature_table[drawn], labels[drawn]),
}

# %% tags=["nbval-approx-0.05"]
from course_lib.evaluation import missed_defect_rate, overkill_rate

rows = []
for name, probe in probes.items():
    probability = probe.predict_proba(feature_table[validation])[:, 1]  # of "defective"
    row = accuracy_row(name, labels[validation], probability >= 0.5)
    row["missed"] = missed_defect_rate(labels[validation], probability)
    row["overkill"] = overkill_rate(labels[validation], probability)
    rows.append(row)
balance = pd.DataFrame(rows)
balance.drop(columns="photos").round(3)

# %%
fewer_missed = balance["missed"][1] < balance["missed"][0]
more_overkill = balance["overkill"][1] > balance["overkill"][0]
print("class weights: fewer missed defects:", fewer_missed, "| more overkill:", more_overkill)
assert (fewer_missed and more_overkill) or data.solar_cells() != PHOTOS

# %% [markdown]
# Both remedies find more defects and reject more good cells. The accuracy falls a little; the three intervals overlap. So they do not make the model better, they move the balance between two kinds of mistakes. The sampler also shows many defective photos several times and leaves others out. In lesson 8 you will move this balance in a third way, with a threshold, after the training. The course trains without weights.

# %% [markdown]
# ## Quiz

# %%
from course_lib import quiz

quiz.show(5)

# %% [markdown]
# ## What you take with you
#
# - Train is for learning, validation for choosing, test is opened once. Same seed, same table, saved as a file.
# - Check that no path, no bytes, no near duplicate, no part and no lot is in two parts. A leak raises the accuracy and nothing else. Split first, augment afterwards.
# - The random split flatters by several points. The factory sees new lots, so the split by lot gives the honest number.
#
# Still unsolved: there is no model of your own yet. **Lesson 6** builds one from scratch and feeds it with these loaders.
