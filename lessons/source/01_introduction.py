# %% [markdown]
# # 01 Introduction
#
# In this lesson a computer looks at photos, gets things wrong, and learns to find broken solar cells.
#
# **At the end you have:** a first prediction of a real network on real photos, a first defect detector, and the map of the course.

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Place deep learning inside machine learning and machine learning inside AI.
# - Explain what transfer learning takes from another task, and why it helps with few photos.
# - Choose between CPU and GPU, and say what the choice changes and what it does not.
# - Judge a first prediction against the trivial baseline.
#
# A *notebook* like this one is a row of cells. Click on a cell and press Shift+Enter to run it.
# The result appears below the cell. Run the cells from top to bottom.

# %%
# {{setup}} 1

# %% [markdown]
# ## A first prediction
#
# Some people have already trained a computer program on more than a million everyday photos.
# Such a program is called a *network*. We load one from this computer.

# %%
from course_lib import data, models

network = models.load_backbone("efficientnet_lite0")
names = models.imagenet_classes()
print(f"{network.name} knows {len(names):,} things, such as {names[0]}, {names[281]} and {names[968]}.")

# %% [markdown]
# The next cell defines one function: photo in, three best guesses out. You do not need to understand each line yet.
# Four steps are enough for now: make the photo 224 pixels wide and high, turn it into numbers, send the numbers through the
# network, take the three largest of the 1,000 *probabilities* (numbers from 0 to 1 that say how sure the network is).

# %%
import torch
from course_lib.transforms import to_float


def three_guesses(path, mean=network.mean, std=network.std):
    photo = torch.tensor(data.read_pixels(path, network.size, channels=3))[None]
    with torch.no_grad():
        logits = network.imagenet_head(network.cpu()(to_float(photo, mean, std)))
    best = logits.softmax(dim=1)[0].topk(3)
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [f"{names[number]} {probability:.2f}" for number, probability in pairs]


# %% [markdown]
# Now show the network three everyday photos.

# %% tags=["nbval-approx-0.05"]
from course_lib import plots

everyday = data.everyday_photos()
plots.photo_grid(
    [data.read_image(path, "RGB") for path in everyday.values()],
    ["\n".join(three_guesses(path)) for path in everyday.values()],
    columns=3,
    size=2.6,
    alt="An orange flower, a Chinese palace by the water and a portrait of a woman in uniform, "
    "each with the network's three best guesses.",
)

# %% [markdown]
# Above each photo stand the guesses and their probabilities. The best guesses are close to what the photos show, but the network is
# not very sure. The palace is a "bell cote" (a small tower for a bell) to it. Nobody wrote a rule such as "petals mean flower":
# the network found out by itself, from examples. The next section gives names to this.
#
# Credits: flower by vultilion and palace by danielbuechele, both CC BY 2.0; the portrait of Grace Hopper is in the public domain.

# %% [markdown]
# ## AI, machine learning, deep learning
#
# The three words are often mixed up. They lie inside each other, like this:

# %%
from matplotlib.patches import Ellipse

figure, axes = plots.new_figure(width=7, height=3.6)
fields = [
    ("AI: a machine does what seems to need thinking", 10.0, 6.0, 2.0, "#E8F1F8"),
    ("machine learning: it learns from examples", 7.6, 4.3, 0.5, "#BFDCEE"),
    ("deep learning: it learns with\nnetworks of many layers", 5.0, 2.5, -1.6, "#56B4E9"),
]
for text, width, height, y, colour in fields:
    axes[0, 0].add_patch(Ellipse((0, (height - 6) / 2.4), width, height, fc=colour, ec="black"))
    axes[0, 0].text(0, y, text, ha="center", va="center")
axes[0, 0].set(xlim=(-5.2, 5.2), ylim=(-3.2, 3.2))
axes[0, 0].set_axis_off()
plots.show(figure, "Deep learning lies inside machine learning, and machine learning inside AI.")

# %% [markdown]
# - **AI** (artificial intelligence) is the widest word. A program with rules that a person wrote can be AI too.
# - **Machine learning** is the part of AI that gets better from examples. Nobody writes the rules.
# - **Deep learning** is the part of machine learning that uses *deep* networks: many *layers*, one after the other. Each layer
#   computes new numbers from the numbers of the layer before.

# %% [markdown]
# ## The task: visual inspection
#
# *Visual inspection* means: look at a part and decide whether it is good. In many factories people do it, thousands of times a day.
# Our parts are solar cells. When current flows through a solar cell, it glows. A special camera takes a photo of
# the glow; this is called *electroluminescence*. Broken areas stay dark.
#
# `PHOTOS` names the folder of photos. Later you can write the folder of your own photos here, with one sub-folder for each class.

# %%
PHOTOS = data.solar_cells()
print(data.credits(PHOTOS))

# %% [markdown]
# A table with one row for each photo is called an *index*. Its column `label` says what experts saw. The next cell makes
# the index and shows how many photos each label has.

# %%
index = data.index_folder(PHOTOS)
index["label"].value_counts().rename("photos").to_frame().assign(
    share=lambda table: (table["photos"] / len(index)).round(3)
)

# %% [markdown]
# About two of three cells are functional. Look at six photos of each *class* (kind).

# %%
shown = index.groupby("label", sort=False).nth([0, 100, 250, 300, 500, 700]).sort_values("label")
paths = [PHOTOS / path for path in shown["path"]]
plots.photo_grid(
    [data.read_image(path) for path in paths], list(shown["label"]),
    alt="Six defective cells with dark areas or fine dark lines, and six functional cells.",
)  # fmt: skip

# %% [markdown]
# Some defects are large and dark, some are lines as thin as a hair. Functional cells are not perfect either: dust, grain and the
# dark horizontal bars (they carry the current) are normal. No simple rule such as "dark is bad" will do.

# %% [markdown]
# ## The network meets a solar cell
#
# *Predict first:* the network knows 1,000 everyday things. What will it say about a solar cell? Write down a guess, then run
# the cell.

# %% tags=["nbval-approx-0.05"]
plots.photo_grid(
    [data.read_image(path) for path in paths[::3]],
    ["\n".join(three_guesses(path)) for path in paths[::3]],
    columns=4,
    size=2.1,
    alt="Four solar cells; the network calls them everyday things such as window shade.",
)

# %% [markdown]
# Nonsense, but nonsense with a reason: a solar cell has stripes and is bright, and so is a window shade. The network can only choose
# among the classes it was trained on. "None of these" is not among them. Is a crack?
#
# (The collection of photos it was trained on is called *ImageNet*. A line that begins with `assert` checks that something is true, and stops
# with an error if it is not. With your own photos such a line may stop; then go on with the next cell.)

# %%
wanted = ("crack", "defect", "scratch", "solar")
found = {word: [name for name in names if word in name] for word in wanted}
found

# %%
assert not found["defect"] and not found["scratch"], "ImageNet has no class for defects"

# %% [markdown]
# There is a solar dish (a mirror that collects sunlight), but no class for a damaged part. So this network *fails* at our task, and
# it does not say so. Remember this: **a network always answers.** It never says that a photo is strange to it.
# The section *Why transfer?* gives it new answers to choose from. That it always answers stays so.

# %% [markdown]
# ## Errors that speak
#
# A program should say clearly when it cannot do something. The course's own errors are one sentence: what is wrong, and what
# to do. The next cell fails on purpose: its folder is not there.

# %% tags=["raises-exception"]
data.index_folder("my_fotos")

# %% [markdown]
# Read the sentence. Then write `PHOTOS` (without quotation marks) in place of `"my_fotos"`, and run the cell again: now the index appears. An error is not a disaster: nothing is lost. Some lessons have a cell
# that fails on purpose; the text before it says so. (In Colab, *Run all* stops here: click on the next cell and choose *Run cell and below*.)

# %% [markdown]
# ## The photo must be prepared in the right way
#
# Before training, the network's makers turned pixels (0 to 255) into small numbers around 0: subtract a *mean*, divide by a
# *standard deviation* (std). This is called *preprocessing*. What happens if we forget it, or use the numbers of another network?
# (In all three rows the pixels are divided by 255 first, so that they lie between 0 and 1.)

# %% tags=["nbval-approx-0.05"]
import pandas as pd

ways = {
    "its own": (network.mean, network.std),
    "another network's": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "none": ((0, 0, 0), (1, 1, 1)),
}
rows = {way: three_guesses(everyday["flower"], *numbers) for way, numbers in ways.items()}
pd.DataFrame(rows, index=["best guess", "second", "third"]).T

# %% [markdown]
# The same photo, the same network. With the numbers of another network the daisy is not among the three guesses; without mean and std it is only the
# third. No error appeared. So preprocessing belongs to the network: in
# this course it is stored together with the network, and you need not type it.

# %% [markdown]
# ## Why transfer?
#
# We have few photos of solar cells, and labels cost an expert's time. So we do not start from nothing. We keep the network's *weights*, the
# numbers it learned from everyday photos. Its first layers look for edges, lines and textures, and solar cells have these
# too. We only replace the last step, which chose among 1,000 things, by a new one that chooses between *functional* and *defective*.
# This is **transfer learning**: use in one task what was learned in another.
#
# Take 120 photos of each class to learn from (*known*), and 100 other photos of each class to judge the result (*unseen*).
# Lesson 5 explains how to divide photos properly; here we use its result.

# %%
from course_lib import features, lesson

mixed = lesson.split_index(PHOTOS).sample(frac=1, random_state=0)
known = mixed[mixed["split"] == "train"].groupby("label").head(120)
unseen = mixed[mixed["split"] == "validation"].groupby("label").head(100)
print(len(known), "photos to learn from,", len(unseen), "other photos to judge the result")
assert not set(known["path"]) & set(unseen["path"])

# %% [markdown]
# The network without its last step is called the *backbone*. It turns each photo into a few thousand numbers, its *features*.
# We change nothing in it: it is *frozen*.

# %%
known_features = features.extract(known, network, progress=False)
unseen_features = features.extract(unseen, network, progress=False)
known_features.shape, unseen_features.shape

# %% [markdown]
# On these features we train a small linear classifier. It is called a *probe*. It multiplies each feature with a weight, adds everything up, and says
# "defective" if the sum is large. Learning means: find good weights. For comparison we train the same classifier on the pixels
# themselves, without the network (the photos made small, 32 × 32 pixels).

# %%
from course_lib import datasets

known_labels, unseen_labels = data.label_numbers(known), data.label_numbers(unseen)
probe = features.linear_probe().fit(known_features, known_labels)

known_pixels = datasets.pixels(known, size=32, progress=False).reshape(len(known), -1)
unseen_pixels = datasets.pixels(unseen, size=32, progress=False).reshape(len(unseen), -1)
pixel_probe = features.linear_probe().fit(known_pixels, known_labels)

# %% [markdown]
# *Predict first:* three programs are compared: A always answers "functional", B is the classifier on pixels, C the one on the network's features. What share
# of the 200 unseen photos will each get right? A is the *trivial baseline*: the result that needs no learning at all. What is its *accuracy* (its share
# of right answers) with 100 photos of each class?

# %% tags=["nbval-approx-0.05"]
from course_lib.evaluation import accuracy_row

always = 0 * unseen_labels
table = pd.DataFrame([
    accuracy_row("A: always functional", unseen_labels, always),
    accuracy_row("B: linear, on pixels", unseen_labels, pixel_probe.predict(unseen_pixels)),
    accuracy_row("C: linear, on the network's features", unseen_labels, probe.predict(unseen_features)),
])  # fmt: skip
table.round(3)

# %% tags=["nbval-approx-0.05"]
plots.accuracies(
    table, alt="Accuracy with interval: always functional 0.5, pixels higher, the network's features highest."
)
assert table["accuracy"][2] > table["baseline"][2] + 0.2, "the probe should beat the baseline"

# %% [markdown]
# *Accuracy* is the share of right answers. `from` and `to` are an *interval*: the accuracy on very many photos of the same kind
# probably lies between these two numbers. With 200 photos it is wide. Compare whole intervals, not only the single accuracies.
#
# All three were judged on the same photos. B and C learned from the same 240 photos with the same kind of classifier. B saw them in 32 × 32
# pixels; C saw them in 224 × 224, through a network that learned from photos of dogs and cups. So the difference comes from the features and the finer photos together.
#
# Always set a result beside the baseline of the *same* photos. Here half are functional, so "always functional" is right half of the time. In the whole
# folder it would be right in about two of three cases (see the column `share` above), and an accuracy of 0.7 would be no news.

# %% [markdown]
# Here are eight of the unseen photos with the probe's answer.

# %% tags=["nbval-approx-0.1"]
import numpy as np

chosen = [*np.flatnonzero(unseen_labels == 0)[:4], *np.flatnonzero(unseen_labels == 1)[:4]]
sure = probe.predict_proba(unseen_features)[:, 1]
titles = [f"{unseen['label'].iloc[row]}\ndefective? {sure[row]:.2f}" for row in chosen]
plots.photo_grid(
    [data.read_image(data.photo_path(unseen, row)) for row in chosen], titles, columns=4, size=1.9,
    alt="Eight unseen cells with their true label and the probability of a defect.",
)  # fmt: skip

# %% [markdown]
# The first line is the experts' label, the second the probe's probability of a defect. Above 0.5 it calls the cell defective. Look for a wrong
# answer: would you have seen it? A *missed defect* goes to the customer; *overkill* throws a good part away. Lesson 8 weighs one against the other.

# %% [markdown]
# ## CPU or GPU
#
# The *CPU* is the ordinary processor; every computer has one. A *GPU* does many sums at the same time, so networks run faster on it. What is here?

# %% tags=["nbval-ignore-output"] reason="it lists the processors of this machine"
from course_lib import device

print("This notebook computes on:", device.describe())
device.table()

# %% [markdown]
# *Predict first:* you run the same network on a GPU. Which change: the weights, the answers, the time?
#
# The time. The weights are copied, and the same sums are done. Only the last decimals can differ. The course runs on a CPU; where
# a GPU is there, it is used without a change in the code.

# %% [markdown]
# ## The map of the course
#
# Photos travel in one direction. The number says which lesson explains the step.

# %%
steps = [
    ("folder", 1), ("index", 2), ("checks", 2), ("features", 3), ("lots", 4), ("split", 5),
    ("pixels,\nloaders", 5), ("model", 6), ("fit", 7), ("predictions,\nreport", 8),
    ("transfer\nmodel", 9), ("inspector", 10),
]  # fmt: skip
plots.flow(
    [f"{step}\nlesson {chapter}" for step, chapter in steps],
    alt="The way of the photos, from a folder in lesson 1 to an inspector in lesson 10.",
)

# %% [markdown]
# Some words on the map are new, such as lots, loaders or fit. Each is explained in its lesson.
#
# ## Your turn
#
# **Your turn:** *judge a prediction.* Change `row` to another number from 0 to 199. Hold your hand over the place of the title, run the cell, say aloud what you see, then look at the title.

# %% tags=["nbval-approx-0.1"]
row = 11
answer = "defective" if sure[row] > 0.5 else "functional"
plots.photo_grid(
    [data.read_image(data.photo_path(unseen, row))],
    [f"is {unseen['label'].iloc[row]}\nprobe: {answer}"], size=2.6, alt="One unseen solar cell.",
)  # fmt: skip

# %% [markdown]
# **Your turn:** *from how many photos on does transfer pay?* Change `photos_of_each_class` to 5, 60 or 120, and compare the two numbers each time. With
# very few photos the result also depends on which photos you happened to draw.

# %% tags=["nbval-approx-0.05"]
photos_of_each_class = 20
few = known.reset_index(drop=True).groupby("label").head(photos_of_each_class).index
comparison = {}
for name, numbers, others in (
    ("pixels", known_pixels, unseen_pixels), ("features", known_features, unseen_features)
):  # fmt: skip
    small_probe = features.linear_probe().fit(numbers[few], known_labels[few])
    comparison[name] = small_probe.score(others, unseen_labels)
pd.Series(comparison, name=f"accuracy with {len(few)} photos").to_frame().round(3)

# %% [markdown]
# With 20 photos of each class the two lie so near each other that the difference may be chance: with 200 unseen photos an interval reaches 6 to 7 percentage points
# to each side, such as from 0.60 to 0.73. With 120 of each class (the table further up) the features are far ahead. So 240 photos are few beside the million that the network
# learned from, but 40 are too few to show the gain here.

# %% [markdown]
# ## Quiz

# %%
from course_lib import quiz

quiz.show(1)

# %% [markdown]
# ## What you take with you
#
# - Deep learning is a part of machine learning, which is a part of AI. A network learns from examples and always answers, also when it should not.
# - Transfer learning keeps what a network learned from everyday photos. A small probe on its features finds defects after 240 photos.
# - A result counts only beside the trivial baseline, with an interval. A GPU changes the time, not the answers.
#
# Still unsolved: are all photos usable? Are the labels right? Are neighbouring photos really independent? In **lesson 2** you check
# the photos before anything learns from them.
