# %% [markdown]
# # 01 Introduction
#
# You take over the visual inspection in a factory for solar modules. In this lesson a computer looks at its first photos, gets things wrong, and
# learns to find broken cells.
#
# **At the end you have:** a first prediction of a real network, changed by you, a first detector that you have judged, and the map of the course
#
# **Study time:** 45 to 60 minutes
#
# {{picture}} Eight solar cells, each with the experts' label and the probability of a defect that the first detector gives

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
# - Judge a first prediction against the trivial baseline, with an interval.
#
# A *notebook* like this one is a row of cells. Click on a cell and press Shift+Enter to run it. The result appears below. Run the
# cells from top to bottom.
#
# The course expects the basics of Python: variables, lists, loops, functions. It also uses two libraries all the time, NumPy and
# pandas. What you need of them stands on one page at the end of this notebook, under *NumPy and pandas on one page*. If the names
# are new to you, read that page first.

# %%
# {{setup}} 1

# %% [markdown]
# ## A first prediction
#
# Other people have trained a program on more than a million everyday photos. Such a program is called a *network*. We load one
# from this computer.

# %%
from course_lib import data, models

network = models.load_backbone("efficientnet_lite0")
names = models.imagenet_classes()
print(f"{network.name} knows {len(names):,} things, such as {names[0]}, {names[281]} and {names[968]}.")

# %% [markdown]
# The next cell defines a function: photo in, three best guesses out. You need not understand each line yet. It makes the
# photo 224 pixels wide and high, sends its numbers through the network, and gets 1,000 *probabilities* (numbers from 0 to 1 that
# say how sure the network is). The three largest are the best guesses.

# %%
import torch

from course_lib.transforms import to_float


def three_guesses(photo):
    pixels = torch.tensor(data.to_pixels(photo, network.size))[None]
    with torch.no_grad():  # we only ask, so it need not prepare for learning
        scores = network.imagenet_head(network.cpu()(to_float(pixels, network.mean, network.std)))
    best = scores.softmax(dim=1)[0].topk(3)
    return [(names[number], float(sure)) for number, sure in zip(best.indices, best.values, strict=True)]


# %% [markdown]
# Show it three everyday photos.

# %% tags=["nbval-approx-0.05"]
from course_lib import plots


def show_guesses(photos, size):
    titles = ["\n".join(f"{name} {sure:.2f}" for name, sure in three_guesses(photo)) for photo in photos]
    plots.photo_grid(photos, titles, columns=4, size=size)


everyday = [data.read_image(path, "RGB") for path in data.everyday_photos().values()]
show_guesses(everyday, size=2.4)

# %% [markdown]
# Above each photo stand the three guesses. The best ones are close to what the photos show, but the network is not very
# sure. To it, the palace is a "bell cote", a small tower for a bell. Nobody wrote a rule such as "petals mean daisy".
# The network found its rules by itself, from examples.
#
# (Flower by vultilion and palace by danielbuechele, both CC BY 2.0; the portrait of Grace Hopper is in the public domain.)
#
# ## Change the prediction
#
# To a computer, a photo is an *array*: numbers in rows and columns, and three of them for each point, for red, green and blue. So
# you can calculate with it. Each line below makes a new photo out of the flower.

# %%
flower, palace, portrait = everyday
print("shape:", flower.shape)
changed = {
    "upside down": flower[::-1],  # the rows in reverse order
    "mirrored": flower[:, ::-1],  # the columns in reverse order
    "darker": flower // 3,  # each number divided by 3
    "cut": flower[:300, 200:500],  # rows 0 to 299, columns 200 to 499
    "coarse": flower[::12, ::12],  # every twelfth row and column
}
plots.photo_grid(list(changed.values()), list(changed), columns=5, size=1.9)

# %% [markdown]
# What does the network say to such photos? *Predict first.* Choose an answer below. Then run the cell after it, which shows your
# guess beside what happens.

# %%
from course_lib import quiz

quiz.guess("01-upside-down")

# %% tags=["nbval-approx-0.1"]
first, sure = three_guesses(portrait[::-1])[0]
quiz.compare("01-upside-down", {"military uniform": "same", "ski mask": "mask"}.get(first, "other"))
show_guesses([portrait, portrait[::-1]], size=2.4)

# %% [markdown]
# **Task 1: change its mind.** The network calls the flower a daisy. Write `change`. It gets the photo, and returns a changed photo
# for which "daisy" is no longer the first guess. A person should still see something in it, so all black does not count. Not
# every change works. Try some. If you are stuck, run `quiz.hint("01-change")` in a new cell; each run gives one hint more.
# After the last one there is `quiz.solution("01-change")`.


# %%
def change(photo):
    """A changed photo that the network no longer calls a daisy; uint8, (height, width, 3)."""
    ...


quiz.check("01-change", change)

# %% [markdown]
# Here is the changed photo. Why does the network answer as it does? Look at what is left of the photo: colours, lines, a pattern.
# (`quiz.yours` takes your function if its check was right, and the course's if not, so you can always go on.) Keep your explanation for
# the memo at the end.

# %% tags=["nbval-approx-0.05"]
after_change = quiz.yours("01-change", change)(flower)
show_guesses([flower, after_change], size=2.4)

# %% [markdown]
# ## AI, machine learning, deep learning
#
# The three words are often mixed up. Each one is a part of the one before:
#
# > **AI** (artificial intelligence): a machine does what seems to need thinking. A program with rules that a person wrote counts, too.
# >
# > > **Machine learning**: the part of AI that gets better from examples. Nobody writes the rules. What has learned is called a *model*.
# > >
# > > > **Deep learning**: the part of machine learning that uses *deep* networks. They have many *layers*, one after the other, and each layer
# > > > computes new numbers from the numbers of the layer before.
#
# The network above has learned from examples and has many layers, so it is all three.
#
# ## Your factory
#
# *Visual inspection* means: look at a part, and decide whether it is good. Your parts are solar cells. When current flows through a
# solar cell, it glows a little. A special camera takes a photo of the glow (this is called *electroluminescence*). Broken areas stay
# dark.
#
# `PHOTOS` is the folder with the photos. It may be a folder of your own, with one sub-folder for each *class*, the kinds of
# parts. Then every cell works on your photos, but the sentences describe the solar cells. The table with one row for each photo is called an *index*.
# Its column `label` says what experts saw.

# %%
PHOTOS = data.solar_cells()
index = data.index_folder(PHOTOS)
print(data.credits(PHOTOS))
index["label"].value_counts()

# %% [markdown]
# Look at six photos of each class.

# %%
mixed = index.sample(frac=1, random_state=0)  # in random order, but always the same one
some = mixed.groupby("label").head(6).sort_values("label", kind="stable")
cells = [data.read_image(data.photo_path(some, row)) for row in range(len(some))]
plots.photo_grid(cells, list(some["label"]), columns=6, size=1.6)

# %% [markdown]
# Some defects are large and dark, some are lines as thin as a hair. Functional cells are not perfect either: dust, grain, and the
# dark horizontal bars that carry the current are normal. So no simple rule such as "dark is bad" will do.
#
# ## A network always answers
#
# The network knows 1,000 things. We show it a solar cell. *Predict first:*

# %%
quiz.guess("01-solar-cell")

# %% tags=["nbval-approx-0.1"]
quiz.compare("01-solar-cell")
colour_cells = [data.read_image(data.photo_path(some, row), "RGB") for row in range(0, len(some), 3)]
show_guesses(colour_cells, size=2.2)

# %% [markdown]
# Is there a word for a defect among the 1,000 at all?

# %%
{word: [name for name in names if word in name] for word in ["solar", "crack", "defect", "scratch"]}

# %% [markdown]
# There is a solar dish (a mirror that collects sunlight), but no word for a damaged part. So this network *fails* at our task, and it
# does not say so. Remember this: **a network always answers.** It never says that a photo is strange to it.
#
# ## Errors that speak
#
# A good program says clearly what it cannot do. The course's own errors are one sentence: what is wrong, and what to do. **The next cell
# fails, and is meant to:** its folder is not there.

# %% tags=["raises-exception"]
data.index_folder("my_fotos")

# %% [markdown]
# Nothing is lost. Read the sentence, write `PHOTOS` (without quotation marks) in place of `"my_fotos"`, and run the cell again.
#
# > **Tip.** Some lessons have a cell that fails on purpose, and say so before. In Colab, *Run all* stops there: click on the next cell, and choose
# > *Run cell and below*.
#
# ## What you get without learning
#
# Before anything learns, ask what you get for nothing. Here is a program that needs no training: it says "functional", whatever it
# sees. Its result is the *trivial baseline*.
#
# **Task 2: always functional.** Write `always_functional`. It gets a list of labels, such as
# `["functional", "defective", "functional"]`, and returns the share (0 to 1) of photos for which this program is right.


# %%
def always_functional(labels):
    """Share of the photos for which the answer "functional" is right."""
    ...


quiz.check("01-always-functional", always_functional)

# %% [markdown]
# What does it get on all your photos, without having learned anything?

# %%
baseline = quiz.yours("01-always-functional", always_functional)
print(f"always functional: {baseline(list(index['label'])):.3f}")

# %% [markdown]
# More than two of three answers are right, and not one defect is found. So 0.7 would be no news here. Set every result
# beside the baseline of *the same* photos. (If the sound parts in your own folder have another name, this prints 0.)
#
# ## Transfer: new answers for a trained network
#
# Labelled photos are rare, because the time of experts is expensive. So we do not start from nothing. We keep the network's *weights*, the
# numbers that it learned from everyday photos. Its first layers look for edges, lines and textures, and solar cells have these, too.
# Only the last step, which chooses among 1,000 things, is replaced by one that chooses between *functional* and
# *defective*. This is **transfer learning**: what was learned in one task is used in another.
#
# Take 200 photos to learn from (*known*), and 200 other photos to judge the result (*unseen*). (Lesson 5 explains how to divide
# photos properly. Here we use its result.)

# %%
from course_lib import lesson

mixed = lesson.split_index(PHOTOS).sample(frac=1, random_state=0)
known = mixed[mixed["split"] == "train"].head(200)
unseen = mixed[mixed["split"] == "validation"].head(200)
print(len(known), "photos to learn from,", len(unseen), "other photos to judge the result")

# %% [markdown]
# The network without its last step is called the *backbone*. It turns each photo into a few thousand numbers, its *features*. We
# change nothing in it.

# %%
from course_lib import features

known_features = features.extract(known, network, progress=False)
unseen_features = features.extract(unseen, network, progress=False)
known_features.shape, unseen_features.shape

# %% [markdown]
# On these features we train a small *classifier*, a model that names the class. This one is called a *probe*: it multiplies each
# feature by a weight, adds everything up, and says "defective" if the sum is large. Learning means: find good weights for it.
# Backbone and probe together are your first *detector*.

# %%
known_labels, unseen_labels = data.label_numbers(known), data.label_numbers(unseen)  # 0 functional, 1 defective
probe = features.linear_probe().fit(known_features, known_labels)
answers = probe.predict(unseen_features)
print(f"kept from the network: {sum(weights.numel() for weights in network.parameters()):,} weights")
print(f"learned from our photos: {known_features.shape[1] + 1:,}")

# %% [markdown]
# That is why transfer helps with few photos: fewer than one weight in a thousand must be learned from them.
#
# ## How good is it?
#
# **Task 3: the accuracy.** Write `accuracy`. It gets two arrays of zeros and ones, the labels and the answers, and returns the
# share of answers that are right.


# %%
def accuracy(labels, answers):
    """Share of the answers that are equal to the label."""
    ...


quiz.check("01-accuracy", accuracy)

# %%
share_right = quiz.yours("01-accuracy", accuracy)

# %% [markdown]
# Your function counts in a moment. What will the detector reach on the 200 unseen photos? *Predict first:*

# %%
quiz.guess("01-detector")

# %% tags=["nbval-approx-0.3"]
reached = share_right(unseen_labels, answers)
quiz.compare("01-detector", round(100 * float(reached), 1))

# %% [markdown]
# But 200 photos are only a sample. With 200 others the number would be different. How far can it wander? For a share `p` of `n`
# photos there is an old rule: in 95 of 100 cases, the accuracy on very many photos lies within
#
# $$p \pm 1.96 \, \sqrt{\frac{p \, (1 - p)}{n}}$$
#
# This is the *95 % interval*.
#
# **Task 4: the interval.** Write `interval`. It gets how many answers are right and how many photos there are, and returns both ends of the
# interval. `x ** 0.5` is the square root of x.


# %%
def interval(right, photos):
    """Lower and upper end of the 95 % interval of an accuracy."""
    ...


quiz.check("01-interval", interval)

# %% [markdown]
# What is the detector worth beside the baseline? From here on the course uses its own function, `accuracy_row`. Its interval (Wilson's) is nearly
# the same as yours, but can be trusted with few photos, too.

# %% tags=["nbval-approx-0.03"]
import pandas as pd

from course_lib.evaluation import accuracy_row

low, high = quiz.yours("01-interval", interval)(round(len(unseen) * reached), len(unseen))
print(f"by hand: from {low:.3f} to {high:.3f}")
rows = [accuracy_row("always functional", unseen_labels, 0 * unseen_labels)]
rows.append(accuracy_row("detector", unseen_labels, answers))
pd.DataFrame(rows).round(3)

# %% [markdown]
# `from` and `to` are the ends of the interval. The whole interval of the detector lies above the baseline. So it has learned something, from
# 200 photos, and with a network that knows dogs and cups. Now look at single answers.

# %% tags=["nbval-approx-0.1", "picture"]
sure = probe.predict_proba(unseen_features)[:, -1]
chosen = [*(unseen_labels == 0).nonzero()[0][:4], *(unseen_labels == unseen_labels.max()).nonzero()[0][:4]]
titles = [f"is {unseen['label'].iloc[row]}\ndefective? {sure[row]:.2f}" for row in chosen]
plots.photo_grid([data.read_image(data.photo_path(unseen, row)) for row in chosen], titles, columns=4, size=2.2)

# %% [markdown]
# The first line is the experts' label, the second the detector's probability of a defect. Above 0.5 it says "defective". (With three
# or more classes of your own, the second line is the probability of the last class.) Would you
# have decided better? Look for a wrong answer. A *missed defect* goes to the customer. *Overkill* throws a good part away. Lesson 8 weighs one against the
# other.
#
# ## CPU or GPU
#
# The *CPU* is the ordinary processor; every computer has one. A *GPU* does many sums at the same time. What is here?

# %% tags=["nbval-ignore-output"] reason="it lists the processors of this machine"
import time

from course_lib import device

begin = time.perf_counter()
processors = device.table()
print(f"This notebook computes on: {device.describe()}. (Finding out took {time.perf_counter() - begin:.2f} seconds.)")
processors

# %% [markdown]
# `cuda`, `mps` and `xpu` stand for GPUs of different makers. If all three say "no", the course works on the CPU. (You will not need the
# columns `capability` and `precision`.) *Predict first:*

# %%
quiz.guess("01-gpu")

# %%
quiz.compare("01-gpu")

# %% [markdown]
# **Task 5: time the network.** Write `seconds_per_photo`. It moves the network and the images to a device, runs the network once to warm up
# (the first run is always slower), then runs it again and measures the time. You need these lines, in the right order:
#
# - `network.to(where)` and `images.to(where)` give the network and the images on the device.
# - `network(images).cpu()` runs the network and brings the result back. Without `.cpu()` a GPU would still be at work when you stop the clock.
# - `time.perf_counter()` is the clock, in seconds.


# %%
def seconds_per_photo(network, images, where):
    """Seconds that the network needs for one photo on a device; images: (photos, 3, height, width)."""
    ...


quiz.check("01-seconds", seconds_per_photo)

# %% [markdown]
# Measure it here, with 16 photos: on the CPU, and on a GPU if there is one.

# %% tags=["nbval-ignore-output"] reason="how fast this machine is"
timer = quiz.yours("01-seconds", seconds_per_photo)
images = torch.zeros(16, 3, network.size, network.size)
with torch.no_grad():
    for where in sorted({"cpu", device.choose().type}):
        seconds = timer(network, images, where)
        print(f"{where}: {1000 * seconds:.1f} milliseconds for one photo, {1 / seconds:,.0f} photos in a second")

# %% [markdown]
# How many parts does your line make in a second? For one camera, a CPU is often enough. Training needs millions of such runs, and
# there a GPU pays off. The course works on a CPU, and uses a GPU where it finds one.
#
# ## The map of the course
#
# Each box is a lesson. At the end of the road there is an inspector: one file that judges new photos.

# %%
early = ["1\nfirst\nprediction", "2\ncheck\nthe photos", "3\nphotos as\nnumbers", "4\nexplore\nthe photos"]
middle = ["5\ndivide\nthe photos", "6\nbuild\na network", "7\ntrain it", "8\njudge it"]
plots.flow([*early, *middle, "9\nuse a\ntrained one", "10\nimprove it:\nthe inspector"], columns=5)

# %% [markdown]
# ## Your memo
#
# You are the inspector of this factory, and somebody will ask you what you found. Each lesson keeps a place for one figure and
# one finding of yours; after lesson 10 they make one page that you can show your manager. Explain in one sentence why the network
# changed its mind in task 1. Take away the two `#` and the space after each, and run the cell.

# %%
memo = lesson.memo(1, PHOTOS)
# memo.figure("A photo that changed the network's mind", after_change)
# memo.finding("Why the network changed its mind, in one sentence")
lesson.show_memo(PHOTOS)

# %% [markdown]
# ## Your guesses
#
# What you guessed, and what came out:

# %%
quiz.guesses(1)

# %% [markdown]
# ## Quiz

# %%
quiz.show(1)

# %% [markdown]
# ## What you take with you
#
# - Deep learning is a part of machine learning, which is a part of AI. A network learns from examples, and always answers, even
#   when it should not.
# - Transfer learning keeps what a network learned from everyday photos. A small probe on top finds defects after 200 photos.
# - A result counts only beside the trivial baseline, with an interval. A GPU changes the time, not the answers.
#
# Still unsolved: can all these photos be used? Perhaps some are broken, and some are there twice.
#
# Next comes lesson 2. There you check the photos before anything learns from them.
#
# ## Going deeper: NumPy and pandas on one page
#
# **NumPy** calculates with arrays: many numbers at once, without a loop.

# %%
import numpy as np

numbers = np.array([[10, 20, 30], [40, 50, 60]])  # two rows, three columns
print("shape:", numbers.shape, "| one number:", numbers[1, 2], "| a row:", numbers[0])
print("the first two columns:", numbers[:, :2].tolist())
print("times 2:", (numbers * 2).tolist())
print("mean of all:", numbers.mean(), "| of each column:", numbers.mean(axis=0))

# %% [markdown]
# Rows and columns count from 0. In `a:b` the end `b` is not included, and `:` alone means all. A comparison gives an array of
# `True` and `False`. It can be counted (`True` is 1), averaged, and used to choose.

# %%
large = numbers > 25
print(large.tolist())
print("how many:", large.sum(), "| share:", round(large.mean(), 2), "| which:", numbers[large])

# %% [markdown]
# **pandas** has tables. A column has a name, `table["column"]`, and works like an array.

# %%
table = pd.DataFrame({"label": ["functional", "defective", "functional"], "light": [160, 90, 150]})
dark = table[table["light"] < 155]  # the rows where this is true
print(
    "mean light:", round(table["light"].mean(), 1), "| dark cells:", len(dark), "| first label:", dark["label"].iloc[0]
)
table.groupby("label")["light"].mean()

# %% [markdown]
# `groupby` makes groups by one column and computes something for each. `.iloc[0]` is the first row, whatever its name is. For all
# other words, put a question mark behind one and run it: `table.groupby?` shows its help.
