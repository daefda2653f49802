# %% [markdown]
# # Tuning
#
# Some settings no photo can teach: how large the steps are, how many photos are in a batch, which optimizer takes the steps. Here
# you try out sixteen trainings in about a minute. You keep a record of all of them, and you find out how much
# of what your tables show is luck.
#
# **At the end you have:** a learning rate found in one go, tables of settings with a measure of luck beside them, and a record of every run
#
# **Study time:** 30 minutes

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Find a learning rate in one short trial, and read its figure.
# - Compare settings in a small table, and say which differences luck alone would make.
# - Change one thing at a time, and compare two runs photo by photo.
# - Keep a record of runs, and say why the best row of a table looks better than it is.

# %%
# {{setup}} tuning

# %% [markdown]
# You should know lessons [7](../07_training_the_scratch_model.ipynb) and [9](../09_a_transfer_model.ipynb). Tuning means
# choosing, and you choose on validation photos. So the test photos stay closed here. A third of the training photos is enough to
# see how tuning goes; all the validation photos judge.

# %%
import pandas as pd

from course_lib import data, lesson

PHOTOS = data.solar_cells()
index = lesson.split_index(PHOTOS)
validation = index[index["split"] == "validation"]
train = index[index["split"] == "train"].groupby("label").sample(frac=0.3, random_state=0)
known = pd.concat([train, validation])
known["split"].value_counts().rename("photos").to_frame()

# %% [markdown]
# ## Make a training cheap
#
# To compare many trainings, each of them must be short. The backbone of lesson 9 has nine stages. Here only the last one is
# trained, with a new head. The eight before it are frozen, so they make the same maps of a photo in each epoch. The maps
# are computed once and kept.

# %%
from course_lib import features, models

SIZE = 96
backbone = models.load_backbone()
maps = features.extract(known, backbone, stages=7, maps=True, size=SIZE)
print(f"{maps.shape[1]} maps of {maps.shape[2]} × {maps.shape[3]} points for each of {len(maps)} photos")

# %% [markdown]
# `AfterStage` is the part of the network behind the maps. A seed fixes the random weights of its head.

# %%
from copy import deepcopy

from course_lib import device


def last_stage(seed=0):
    """The last stage of the backbone and a new head, as a network that takes maps."""
    device.seed_everything(seed)
    model = models.Classifier(deepcopy(backbone), classes=known["label"].nunique())
    models.freeze(model)
    models.unfreeze(model, last=1)
    return models.AfterStage(model, stage=7)


models.trainable_parameters(last_stage())

# %% [markdown]
# And the loaders: maps and labels of one part of the photos.

# %%
import numpy as np

from course_lib import datasets

labels = data.label_numbers(known)
rows = {part: np.flatnonzero(known["split"] == part) for part in ("train", "validation")}


def loader(part, batch_size=32, seed=0):
    shuffle = part == "train"
    return datasets.FeatureLoader(maps, labels, rows=rows[part], batch_size=batch_size, shuffle=shuffle, seed=seed)


# %% [markdown]
# ## The learning rate, found in one go
#
# A *learning-rate finder* takes its first step with a tiny learning rate, the next one with a slightly larger one, and so on, and
# notes the loss of each batch (Smith 2017). It trains a copy, and needs one or two epochs.
#
# **Predict first:** what does the loss do, from the smallest steps to the largest? Make a sketch before you go on.

# %% tags=["nbval-approx-0.1"]
from course_lib import training

curves = {
    name: training.learning_rate_curve(last_stage(), loader("train"), optimizer=name) for name in ("adamw", "sgd")
}
curves["adamw"].head(3).round(5)

# %% [markdown]
# These are its first three steps. The losses begin near 0.7, which is what guessing costs with two classes. The last ones are far higher; drawn to scale, they would press all the others flat.
# So the axis below ends a little above the first loss. The faint points are single batches; the lines are smoothed, and a triangle marks
# the lowest place of each.

# %% tags=["nbval-any-figure"] reason="where the losses of single batches lie depends on the machine's rounding"
from course_lib import plots

figure, axis = plots.new_axis(height=3.4)
for name, style in plots.styles(curves).items():
    curve = curves[name]
    axis.plot(curve["learning_rate"], curve["loss"], ".", color=style.colour, alpha=0.3)
    axis.plot(curve["learning_rate"], curve["smoothed"], style.line, color=style.colour, linewidth=2, label=name)
    best = curve.loc[curve["smoothed"].idxmin()]
    axis.plot(best["learning_rate"], best["smoothed"], "v", color=style.colour, markersize=10)
axis.set(xscale="log", ylim=(0, 1.3 * curve["loss"].iloc[0]), xlabel="learning rate", ylabel="loss")
axis.legend()
plots.show(
    figure, "Loss over learning rate for two optimizers: it falls slowly, is lowest far to the right, then shoots up"
)

# %% [markdown]
# At the left the steps are too small to change much. In the middle the loss falls. At the right the steps are too large, and it shoots
# up. The curve of SGD lies further to the right: AdamW gives each weight a step size of its own, SGD does not, so it wants a larger
# rate. A rate that is good for one optimizer tells you little about another.
#
# The suggestion is a tenth of the rate at the triangle, well away from the place where steps become too large.

# %% tags=["nbval-approx-0.02"]
suggested = {name: training.suggest_learning_rate(curve) for name, curve in curves.items()}
pd.Series(suggested, name="suggested learning rate").round(4).to_frame()

# %% [markdown]
# ## A small table
#
# The finder looks at training photos only, and at few of them. Validation photos must say whether a rate is good. Here is
# one trial: it trains, writes the run into a record, and keeps which validation photos were answered right.

# %%
from course_lib import evaluation

right = {}  # name of a trial → which validation photos it answers right


def trial(name, seed=0, batch_size=32, epochs=5, **settings):
    """Train with these settings, and keep what came of it."""
    model, to_judge = last_stage(seed), loader("validation")
    history = training.fit(
        model, loader("train", batch_size, seed), to_judge, epochs=epochs, progress=False, **settings
    )
    results = history[["train_loss", "validation_loss", "validation_accuracy"]].iloc[-1].to_dict()
    training.record(name, {"seed": seed, "batch_size": batch_size} | settings, results, history)
    logits, truth = evaluation.predict_logits(model, to_judge)
    right[name] = logits.argmax(axis=1) == truth


# %% [markdown]
# Four learning rates and two batch sizes make eight trials. The record already holds what we want to see, so the table is made
# from it: the loss on the validation photos after the last epoch.

# %% tags=["nbval-approx-0.2"]
for rate in (1e-5, 1e-4, 1e-3, 1e-2):
    for batch_size in (32, 128):
        trial(f"rate {rate}, batches of {batch_size}", batch_size=batch_size, learning_rate=rate)
table = training.runs().tail(8)
table.pivot(index="learning_rate", columns="batch_size", values="validation_loss").round(3)

# %% [markdown]
# Read down a column: with the smallest rate five epochs are not enough, and the loss is still high. From there it falls, and when we ran this it rose again
# with the largest rate. Read across the first row: with batches of 128 an epoch has a quarter of the steps, so less was learned. Now the same table
# with the accuracy:

# %% tags=["nbval-approx-0.1"]
table.pivot(index="learning_rate", columns="batch_size", values="validation_accuracy").round(3)

# %% [markdown]
# Which fields would you call equal, and which field is the best? You cannot say yet: you do not know how far a field moves by luck alone.
#
# ## How large is luck?
#
# The same settings, with another *seed*: other random weights in the head, another order of the photos. Nothing else changes.

# %% tags=["nbval-approx-0.08"]
for seed in (1, 2):
    trial(f"seed {seed}", seed=seed, learning_rate=1e-3)
seeds = training.runs().query("learning_rate == 0.001 and batch_size == 32")
seeds[["seed", "train_loss", "validation_loss", "validation_accuracy"]].tail(3).round(3)

# %% [markdown]
# The distance between these rows is luck. A difference of this size between two fields of the tables above says nothing. Look at both tables again:
# which differences are larger? That the smallest rate is too small, is sure. Between the other rates the losses tell more than the accuracies, some of which lie as close
# together as the seeds. We take 0.001, which had the lowest loss. The finder's suggestion was not far from it.
#
# ## One change at a time, photo by photo
#
# Now keep everything, and change one thing in each trial:
#
# - the *schedule*: `cosine` lowers the rate from the first step on, `None` keeps it as it is. All trials so far used `one_cycle`, which raises it first.
# - the *optimizer*: SGD, with ten times the rate.
# - *label smoothing*: the network is asked to be 95 % sure of the right class instead of 100 %.

# %%
usual = {"learning_rate": 1e-3}
changes = {
    "cosine": {"schedule": "cosine"},
    "constant": {"schedule": None},
    "SGD": {"optimizer": "sgd", "learning_rate": 1e-2},
    "label smoothing": {"label_smoothing": 0.1},
}
for name, change in changes.items():
    trial(name, **(usual | change))

# %% [markdown]
# All trials are judged on the same photos, so they can be compared photo by photo. What both get right, and what both get wrong, says nothing about
# the difference. Only the photos count on which they disagree: those that the change has *lost*, and those that it has *won*.


# %%
def compared(name, usual="rate 0.001, batches of 32"):
    """Shares of the photos that a trial lost and won, and the gain with its 95 % interval."""
    lost, won = (right[usual] & ~right[name]).mean(), (right[name] & ~right[usual]).mean()
    gain = won - lost
    margin = 1.96 * np.sqrt((won + lost - gain**2) / len(right[name]))
    return {"lost": lost, "won": won, "gain": gain, "from": gain - margin, "to": gain + margin}


# %% tags=["nbval-approx-0.05"]
pd.DataFrame({name: compared(name) for name in ("seed 1", *changes)}).T.round(3)

# %% [markdown]
# A gain of 0.010 is one point. The first row is the yardstick: no change at all but another seed. Is there a row whose interval lies on one side of 0?
# Even if there is, be careful. At 95 %, one interval in twenty misses the truth by chance, and here you look at five.
#
# So do not look further; repeat. How this is done, SGD shows: with two other seeds, each compared with the usual settings at the same seed.

# %% tags=["nbval-approx-0.05"]
for seed in (1, 2):
    trial(f"SGD, seed {seed}", seed=seed, **(usual | changes["SGD"]))
again = {"seed 0": compared("SGD")}
again |= {f"seed {seed}": compared(f"SGD, seed {seed}", usual=f"seed {seed}") for seed in (1, 2)}
pd.DataFrame(again).T.round(3)

# %% [markdown]
# Believe a gain only if it comes back, with the same sign for each seed. When we ran this, SGD gained once, lost once, and once did neither: as far as 397 photos can tell, it is
# as good as AdamW here.
#
# The curves of these runs tell one thing more:

# %% tags=["nbval-any-figure"] reason="how the losses of short trainings go depends on the machine's rounding"
four = training.read_runs()[-6:-2]  # the last two are SGD with other seeds
losses = {run["name"]: [row["validation_loss"] for row in run["history"]] for run in four}
epochs = np.arange(len(losses["constant"])) + 1
plots.lines(epochs, losses, xlabel="epoch", ylabel="validation loss")

# %% [markdown]
# Find *constant* in the table of changes and in this figure. When we ran this, it had won two points of accuracy, and it ended with the highest loss of all. Both are true. The accuracy only asks
# on which side of one half an answer lies; the loss also asks how sure it is. Steps that stay large make the network surer of its mistakes. If you choose a threshold by
# cost (lesson 8), you need probabilities that are right, so look at both.
#
# ## Why the best row looks better than it is
#
# You have tried sixteen trainings and you take the best one. Its accuracy on the validation photos was the *reason* for taking it, so it is no honest measure of it any more.
# By how much does it flatter? Let half of the validation photos choose the best trial, and look at it with the other half. Five hundred times, with other halves:

# %% tags=["nbval-approx-0.03"]
table, random = np.array(list(right.values())), np.random.default_rng(0)
found = []
for _ in range(500):
    half, other = np.array_split(random.permutation(table.shape[1]), 2)
    best = table[:, half].mean(axis=1).argmax()
    found.append((table[best, half].mean(), table[best, other].mean()))
pd.DataFrame(found, columns=["where it was chosen", "on the other half"]).mean().round(3).to_frame("accuracy")

# %% [markdown]
# The winner falls as soon as it is looked at with photos that did not choose it. The more rows you try, the more it falls. This is why the test photos are opened
# once, after all choices.
#
# ## A record of every run
#
# Sixteen runs, and you have forgotten the third one already. `training.record` has not: each run is one line of a text file, with its settings, its results, its
# history, and what it was computed on.

# %%
from course_lib.paths import shorten

last = training.read_runs()[-1]
print(shorten(training.log_file()))
print(last["name"], last["settings"])
print("kept as well:", ", ".join(last["environment"]))

# %% [markdown]
# `training.runs()` is all of them as a table. There are many programs for such records, and most send your runs to a server. TensorBoard
# stays on your computer; `SummaryWriter` of `torch.utils.tensorboard` writes what it shows.
#
# **Your turn:** choose a change of your own, such as `weight_decay=0.5` or `average_weights=0.98`. Write down what you expect. Then run it with three seeds,
# and compare each with the usual settings at the same seed. Did it come back? And do the two points of *constant* come back?
#
# **Your turn, without scrolling up:** why does the finder need another run for another optimizer? Which photos count when two runs are compared? And why
# does the best of sixteen rows look better than it is?
#
# ## What you take with you
#
# - One short trial finds a learning rate that is good enough to begin with. It belongs to its optimizer.
# - First measure luck: the same settings with other seeds. Then change one thing, compare photo by photo, and believe what comes back.
# - Whoever chooses the best of many rows has chosen luck as well. Record all rows, and keep the test photos closed.
#
# Back to [lesson 10](../10_improving_the_transfer_model.ipynb), or on to [Deploying](deploying.ipynb).
