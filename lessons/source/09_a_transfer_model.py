# %% [markdown]
# # 09 A transfer model
#
# You take a network that has learned from a million everyday photos, and make it judge solar cells: first with a small
# classifier on its frozen features (a *probe*), then with a new last layer (a *head*), then with its last stages trained again (*fine-tuning*).
#
# **At the end you have:** frozen features with a linear classifier, a fine-tuned network, and one table that compares them with a network from scratch
#
# {{picture}} A solar cell, and what early, middle and late stages of the network make of it

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Train a linear head on frozen features, and say why it is quick.
# - Freeze and unfreeze layers, and prove which parameters train.
# - Match the preprocessing to the weights.
# - Choose between a probe, fine-tuning and scratch from the size and kind of the data.

# %%
# {{setup}} 9

# %% [markdown]
# `PHOTOS` names the photo folder. You may put your own folder there; it needs two sub-folders: one for the good parts, and one called `defective`. Run lesson 5 with it
# first: the sections on new lots need the lots that it writes down.
#
# This lesson makes choices, so it leaves the test photos alone: their rows are removed right here. (One section also uses the split by lot,
# which has test photos of its own. Some test photos of the random split are train or validation photos there. Another section shows a study on
# five random splits and on four groups of whole lots. It was made before cells that were photographed twice were kept together. One of the five is nearly
# the split of this course: its row was measured on nearly the same test photos, and the settings of the study were
# tried out on just these, so that row may flatter a little. The other splits contain some of our test photos. Read the study, but choose nothing by that one row.)

# %%
from course_lib import data, lesson

PHOTOS = data.solar_cells()
print(data.credits(PHOTOS).splitlines()[0])
index = lesson.split_index(PHOTOS)
index = index[index["split"] != "test"].reset_index(drop=True)
labels = data.label_numbers(index)
train = (index["split"] == "train").to_numpy()
validation = (index["split"] == "validation").to_numpy()
index["split"].value_counts().rename("photos").to_frame()

# %% [markdown]
# ## Why a network that knows cats can help with solar cells
#
# The network `efficientnet_lite0` was trained on ImageNet: over a million photos of a thousand things, such as dogs and cups.
# None of these things is a solar cell. But to tell a thousand things apart, it had to learn edges, lines, spots and textures. A crack is a
# line. A dark area is a spot. To use what was learned for one task in another task is called *transfer learning*.
#
# The part without its last layer is the *backbone*. It works in stages. Each stage turns maps into new maps. On the whole they become smaller, and there are more of them.
#
# `BACKBONE` names the network. It is on your computer already. You may put another one there, such as `resnet18`, `resnet50` or `vgg16`, or
# any classification network of the library timm. Its weights must be in `data/weights`, or your computer must be
# online once. It brings its own preprocessing along. Expect five stages instead of nine; `resnet18` takes about the same time, `resnet50`
# and `vgg16` several times as long. The numbers in the sentences below belong to `efficientnet_lite0`.

# %%
import pandas as pd
import torch
from course_lib import models

BACKBONE = "efficientnet_lite0"
backbone = models.load_backbone(BACKBONE)
photo = data.read_pixels(data.photo_path(index, 12), backbone.size, channels=3)
mean, std = (torch.tensor(numbers).reshape(3, 1, 1) for numbers in (backbone.mean, backbone.std))
maps, activations = [], (torch.tensor(photo) / 255 - mean)[None] / std  # its own preprocessing
with torch.no_grad():
    for stage in backbone.stages:
        activations = stage(activations)
        maps.append(activations)
shapes = [(number, m.shape[1], f"{m.shape[2]} × {m.shape[3]}") for number, m in enumerate(maps)]
pd.DataFrame(shapes, columns=["stage", "maps", "size of a map"]).set_index("stage").T

# %% [markdown]
# Stages are counted from 0, as in lesson 6. The last one, stage 8, gives 1,280 maps of 7 × 7 fields. Here is the photo with the three
# strongest maps each of an early, a middle and the last stage.

# %%
import numpy as np

from course_lib import plots


def as_picture(values: torch.Tensor) -> np.ndarray:
    """A map as a grey picture: its lowest value black, its highest white."""
    low, high = values.min(), values.max()
    return ((values - low) / (high - low + 1e-9) * 255).to(torch.uint8).numpy()


# %% tags=["picture"]
shown, last = [], len(backbone.stages) - 1
for stage in (1, last // 2, last):
    strongest = maps[stage][0].std(dim=(1, 2)).topk(3).indices
    shown += [(stage, maps[stage][0, channel]) for channel in strongest]
plots.photo_grid(
    [photo, *(as_picture(values) for _, values in shown)],
    ["the photo", *(f"stage {stage}" for stage, _ in shown)],
    columns=5,
    alt="A solar cell and nine feature maps: stage 1 shows edges and lines of the cell, stage 4 "
    "coarser patterns, stage 8 large bright and dark areas that no longer resemble the cell.",
)

# %% [markdown]
# Find the dark bar at the upper left of the photo. The maps of stage 1 still show it sharply, and the cell around it. In stage 4 it is a
# few coarse fields. In stage 8 you cannot point to it any more: late maps answer questions like "is something of this kind here?".
#
# ## Frozen features, computed once
#
# *Frozen* means: the weights of the backbone stay as they are. Then the features of a photo never change either. So they are computed
# once for each photo and kept in a file. This is a slow cell: about half a minute on two cores. On a second run it takes a second.
#
# A feature is the mean of one map: how much of this pattern is in the photo? `"all"` takes the maps of the middle and late stages
# (and how unevenly each pattern is spread); `"last"` takes the last stage only, as most articles do.

# %%
from course_lib import features

all_features = features.extract(index, backbone, stages="all")
last_features = features.extract(index, backbone, stages="last", progress=False)
print("all:", all_features.shape, " last:", last_features.shape)

# %% [markdown]
# ## A linear classifier on top: the probe
#
# Each photo is now a row of numbers. A *linear* classifier gives each number a weight and adds everything up. Two kinds are common:
# *logistic regression* (it gives probabilities) and the *support vector machine*, SVM (it looks for the widest gap between the
# classes). Such a small classifier on frozen features is called a *probe*.

# %% tags=["nbval-approx-0.02"]
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from course_lib import evaluation

rows = []
for stages, inputs in (("last", last_features), ("all", all_features)):
    svm = make_pipeline(StandardScaler(), LinearSVC(C=0.0003, random_state=0))
    for name, probe in (("logistic regression", features.linear_probe()), ("linear SVM", svm)):
        answers = probe.fit(inputs[train], labels[train]).predict(inputs[validation])
        rows.append(evaluation.accuracy_row(f"{name}, {stages}", labels[validation], answers))
probes = pd.DataFrame(rows).set_index("model")
probes.round(3)

# %% [markdown]
# All four are far above the baseline (always answering "functional"). Which of the four is best? Look at the intervals: they
# overlap, so this table cannot tell. Training took about a second each, because only a small table of numbers is fitted. The backbone ran once.
#
# ## A picture of the features
#
# 1,280 numbers cannot be drawn. *PCA* (principal component analysis) finds the two directions in which the photos differ most.
#
# *Predict first:* the network has never seen a label of ours. Will the two classes lie apart? Will the two cell types
# (monocrystalline and polycrystalline)?

# %% tags=["nbval-approx-0.05"]
from sklearn.decomposition import PCA

points = PCA(2, svd_solver="full").fit_transform(StandardScaler().fit_transform(last_features[train]))
axis_names = {"xlabel": "first direction", "ylabel": "second direction"}
plots.scatter(
    points, index["label"][train].tolist(), **axis_names, title="by class",
    alt="Each point is a photo, coloured by class: defective and functional cells overlap strongly.",
)  # fmt: skip
if "cell_type" in index:
    plots.scatter(
        points, index["cell_type"][train].tolist(), **axis_names, title="by cell type",
        alt="The same points coloured by cell type: mono and poly form two groups, and only a few points mix.",
    )  # fmt: skip

# %% [markdown]
# Look at the second picture first: mono lies on one side, poly on the other, and only few mix. In the first picture both dense groups hold both
# classes; the loose points between them are mostly defective. So the strongest difference between two photos is the cell type, and most defects hide in weaker directions. The probe finds
# them because it is told the labels; PCA is not. So a PCA picture without clear groups does not mean that a classifier must fail.
#
# ## Early, middle or last stage?
#
# Solar cells are unlike dogs and cups. Perhaps the last stage knows too much about dogs. The features of `"all"` hold the stages
# one after the other, so we can cut out the means of each stage and fit a probe on each.

# %% tags=["nbval-approx-0.02"]
rows, start = [], 0
for stage in range(len(backbone.stages) // 3, last):  # "all" leaves out the earliest stages
    width = maps[stage].shape[1]
    means = all_features[:, start + width : start + 2 * width]  # the spreads stand before the means
    start += 2 * width
    answers = features.linear_probe().fit(means[train], labels[train]).predict(means[validation])
    rows.append(evaluation.accuracy_row(f"stage {stage}", labels[validation], answers))
rows.append(evaluation.accuracy_row(f"stage {last} (last)", labels[validation],
    features.linear_probe().fit(last_features[train], labels[train]).predict(last_features[validation])))  # fmt: skip
by_stage = pd.DataFrame(rows)
plots.accuracies(by_stage, alt="Accuracy rises from stage 3 to stage 5 and then stays about level.")

# %% [markdown]
# Accuracy rises up to stage 5 and then stays about level; the intervals overlap. So the last stage does not know too much about dogs, but
# stage 5 does nearly as well with 112 features instead of 1,280. For photos unlike ImageNet's, look at the middle too.
#
# ## How many photos are needed?
#
# Labels cost work. So we fit the probe on 50, 200 and 800 photos, three times each with other photos, and train the network of
# lesson 7 from scratch on the same numbers of photos (once each, some seconds).

# %%
from course_lib import datasets, device, training, transforms

grey = datasets.pixels(index, size=64, progress=False)
shuffled = np.flatnonzero(train)[np.random.default_rng(0).permutation(train.sum())]
to_judge = datasets.BatchLoader(grey[validation], labels[validation])


# %%
def train_scratch(rows: np.ndarray) -> models.ScratchCNN:
    """The small network of lesson 7, trained on these rows alone."""
    device.seed_everything(0)
    model = models.ScratchCNN()
    turns = transforms.flips_and_quarter_turns
    loader = datasets.BatchLoader(grey[rows], labels[rows], batch_size=32, shuffle=True, augment=turns)
    training.fit(model, loader, epochs=12, learning_rate=5e-3, progress=False)
    return model


# %% tags=["nbval-approx-0.05"]
by_number, scratch = [], {}
for number in (50, 200, 800):
    draws = [np.random.default_rng(seed).permutation(np.flatnonzero(train))[:number] for seed in range(3)]
    scores = [
        features.linear_probe().fit(all_features[rows], labels[rows])
        .score(all_features[validation], labels[validation]) for rows in draws
    ]  # fmt: skip
    scratch[number] = train_scratch(shuffled[:number])
    accuracy = training.evaluate(scratch[number], to_judge)[1]
    by_number.append((number, min(scores), np.mean(scores), max(scores), accuracy))
columns = ["photos", "probe: lowest", "probe: mean", "probe: highest", "scratch"]
by_number = pd.DataFrame(by_number, columns=columns).set_index("photos")
by_number.round(3)

# %% tags=["nbval-approx-0.05"]
baseline = np.full(3, 1 - labels[validation].mean())
plots.lines(
    np.array([50, 200, 800]),
    {"probe (mean of 3)": by_number["probe: mean"], "scratch": by_number["scratch"], "baseline": baseline},
    xlabel="labelled photos", ylabel="accuracy on validation",
    alt="Accuracy over the number of photos: the probe rises and stays above scratch everywhere.",
)  # fmt: skip

# %% [markdown]
# The network from scratch beats the baseline, but it stays behind. (It sees grey photos of 64 pixels, and trains for 12 epochs here, not 30 as in lesson 7. With 50
# photos that is only 24 steps.)
# On average the probe is ahead at each number of photos: with 200 it is better than scratch with 800.
#
# ## New lots
#
# A factory inspects new lots. So we divide the photos into four parts (*folds*), once at random and once lot by lot (lesson 5). Each photo is
# judged by a probe (on the last stage) that was fitted on the other three parts.

# %% tags=["nbval-approx-0.02"]
from sklearn.model_selection import PredefinedSplit, StratifiedKFold, cross_val_predict

from course_lib import splits

ways = {
    "random folds": StratifiedKFold(4, shuffle=True, random_state=0),
    "lot folds": PredefinedSplit(splits.lot_folds(index).to_numpy()),
}
rows = []
for name, folds in ways.items():
    answers = cross_val_predict(features.linear_probe(), last_features, labels, cv=folds)
    rows.append(evaluation.accuracy_row(name, labels, answers))
pd.DataFrame(rows).round(3)

# %% [markdown]
# Here the random folds promise more than the lot folds give. In the study below both probes, too, do better on random splits than on lots, on average. Report
# both; believe the lower one. (Photos of one lot are alike, so the true
# interval of the second row is wider than the one printed.)
#
# ## A new head on the frozen backbone
#
# A `Classifier` is a backbone with a new *head*: one linear layer with a logit for each class. First everything is
# frozen, then the head alone is unfrozen. To keep this quick, we use 200 photos of 128 × 128 pixels. The photos get the preprocessing that belongs to
# the backbone: its own mean and standard deviation.
#
# In PyTorch each parameter has a switch, `requires_grad`: where it is `False`, training leaves the parameter as it is. `models.trainable_parameters` reads
# these switches. Its table shows how many weights (parameters, biases included) each part has, and how many of them are trainable.

# %%
few = shuffled[:200]
colour = datasets.pixels(index, size=128, channels=3, progress=False)
own = {"mean": backbone.mean, "std": backbone.std, "batch_size": 32}
few_loader = datasets.BatchLoader(
    colour[few], labels[few], shuffle=True, augment=transforms.flips_and_quarter_turns, **own
)
judge_loader = datasets.BatchLoader(colour[validation], labels[validation], **own)
device.seed_everything(0)
model = models.Classifier(models.load_backbone(BACKBONE), classes=2)
models.freeze(model)
models.unfreeze(model, last=0)
models.trainable_parameters(model)

# %% [markdown]
# Look at this table before each training. Millions of weights are in the backbone, and none of them may change. Only the head
# trains. (2,562 are 2 × 1,280 weights and 2 biases.) Does it hold? We take a *hash* of the backbone before and after. It is a short text that changes when any weight
# changes, or any running mean of a batch normalisation (lesson 6).

# %% tags=["nbval-approx-0.05"]
from course_lib.models import weights_hash

before = weights_hash(model.backbone)
training.fit(model, few_loader, epochs=3, learning_rate=1e-2, progress=False)
head_accuracy = training.evaluate(model, judge_loader)[1]
print(f"accuracy on validation: {head_accuracy:.3f}")
print("the backbone has moved:", weights_hash(model.backbone) != before)

# %% [markdown]
# `fit` did one thing more than you asked for: it kept the frozen parts in eval mode (lesson 7). *Predict first:* all weights are frozen, but somebody
# calls `model.train()` and shows one batch to the network, without any training. Is the hash still the same?

# %%
moved = models.Classifier(models.load_backbone(BACKBONE), classes=2)
models.freeze(moved)
moved.train()
with torch.no_grad():
    moved(next(iter(few_loader))[0].cpu())
print("same hash:", weights_hash(moved.backbone) == before)

# %% [markdown]
# It is not. In train mode batch normalisation updates the mean and spread that it stores (its *running* mean and variance) with each batch.
# They are not trained, so freezing does not stop them. Eval mode does.
#
# ## A mistake that nobody notices
#
# Many articles unfreeze layers by name. Here is such a loop, with one typing error. Run it, and see what happens.

# %%
wanted = ["head.weight", "head.baias"]
misspelt = models.Classifier(models.load_backbone(BACKBONE), classes=2)
models.freeze(misspelt)
for name, parameter in misspelt.named_parameters():
    if name in wanted:
        parameter.requires_grad = True
models.trainable_parameters(misspelt)

# %% [markdown]
# Nothing happens: no error, no warning. Training would run, too. But look at the row `head`: two weights fewer are trainable than there are.
# These two are the *bias*, and it stays frozen. The table is the habit that catches it. The cure is to let the program check the names.
# The next cell is meant to stop with an error; its last line names the wrong entry.

# %% tags=["raises-exception"]
unknown = set(wanted) - {name for name, _ in misspelt.named_parameters()}
if unknown:
    raise ValueError(f"the network has no parameter called {', '.join(unknown)}")

# %% [markdown]
# ## Fine-tuning: the last stages learn too
#
# The head has learned. Now the last two stages of the backbone may learn as well. This is *fine-tuning*. Two rules protect what the
# backbone knows:
#
# - Head first, then the backbone. A random head would send large, useless corrections into the backbone.
# - A smaller learning rate for the backbone than for the head. `fit` takes one for each part.

# %%
models.unfreeze(model, last=2)
models.trainable_parameters(model)

# %% tags=["nbval-approx-0.06"]
rates = {"backbone": 5e-4, "head": 2e-3}
history = training.fit(model, few_loader, judge_loader, epochs=3, learning_rate=rates, progress=False)
print("the backbone has moved:", weights_hash(model.backbone) != before)
history[["epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]].round(2)

# %% [markdown]
# The backbone has moved now. At last all nine stages may learn, with learning rates four to five times smaller still: the early stages know
# edges, and edges are the same everywhere.

# %% tags=["nbval-approx-0.06"]
models.unfreeze(model)
rates = {"backbone": 1e-4, "head": 5e-4}
training.fit(model, few_loader, epochs=1, learning_rate=rates, progress=False)
print(f"accuracy on validation: {training.evaluate(model, judge_loader)[1]:.3f}")
models.trainable_parameters(model)

# %% [markdown]
# Compare with the last row of the history above, and with the head alone. When we ran this, one epoch more with all weights did not help, and on 200 photos
# fine-tuning brought no more than the head alone. (Yours may differ by some photos.) So measure before you unfreeze more.
#
# ## The same 200 photos, four ways, on two splits
#
# Now the comparison that counts. Four routes get 200 training photos and the same network:
#
# - *probe*: frozen backbone, linear classifier on features of 224-pixel photos;
# - *head first, then fine-tune*: the head alone, then the last two stages too (articles call it *LP-FT*, linear probing, then fine-tuning);
# - *fine-tune at once*: all weights from the first batch on, with a new random head;
# - *from scratch*: the same network, but all its weights are random at the start.
#
# The last three see photos of 128 pixels, for five epochs. Each is a function that takes a loader of training photos and gives a trained
# network. They differ in what is frozen, in the weights at the start, and in the learning rates.

# %%
CLASSES = len(data.class_names(index))


def head_first(loader: datasets.BatchLoader) -> models.Classifier:
    """A frozen backbone and a new head; then the last two stages learn too."""
    network = models.Classifier(models.load_backbone(BACKBONE), CLASSES)
    models.freeze(network)
    models.unfreeze(network, last=0)
    training.fit(network, loader, epochs=3, learning_rate=1e-2, progress=False)
    models.unfreeze(network, last=2)
    rates = {"backbone": 5e-4, "head": 2e-3}
    training.fit(network, loader, epochs=2, learning_rate=rates, progress=False)
    return network


# %%
def all_at_once(loader: datasets.BatchLoader) -> models.Classifier:
    """All weights learn from the first batch on; the head starts at random."""
    network = models.Classifier(models.load_backbone(BACKBONE), CLASSES)
    training.fit(network, loader, epochs=5, learning_rate=1e-3, progress=False)
    return network


def from_scratch(loader: datasets.BatchLoader) -> models.Classifier:
    """The same network, and nothing transferred: all weights start at random."""
    network = models.Classifier(models.untrained_backbone(BACKBONE), CLASSES)
    training.fit(network, loader, epochs=5, learning_rate=1e-3, progress=False)
    return network


# %% [markdown]
# The photos come once from the random split and once from the split by lot (lesson 5). So each split needs its own loaders.


# %%
def loaders_of(table: pd.DataFrame) -> tuple[datasets.BatchLoader, datasets.BatchLoader]:
    """200 training photos and all validation photos of a split, as this backbone wants them."""
    numbers = data.label_numbers(table)
    some = few_rows(table)
    judged = np.flatnonzero(table["split"] == "validation")
    pixels = datasets.pixels(table, size=128, channels=3, progress=False)
    turns = {"shuffle": True, "augment": transforms.flips_and_quarter_turns}
    to_train = datasets.BatchLoader(pixels[some], numbers[some], **turns, **own)
    return to_train, datasets.BatchLoader(pixels[judged], numbers[judged], **own)


def few_rows(table: pd.DataFrame) -> np.ndarray:
    """200 rows of the training part, drawn at random with seed 0."""
    rows = np.flatnonzero(table["split"] == "train")
    return np.random.default_rng(0).permutation(rows)[:200]


# %% [markdown]
# *Predict first:* which of the four is best with 200 photos, and which is worst? The next cell trains six networks. It takes about a
# minute on two cores.

# %%
from time import perf_counter

routes = {"head first, then fine-tune": head_first, "fine-tune at once": all_at_once, "from scratch": from_scratch}
measured = []
for kind in ("random", "lot"):
    to_train, to_judge_them = loaders_of(lesson.split_index(PHOTOS, kind))
    for name, route in routes.items():
        device.seed_everything(0)
        start = perf_counter()
        network = route(to_train)
        trained, start_judging = perf_counter() - start, perf_counter()
        logits, truth = evaluation.predict_logits(network, to_judge_them)
        row = {"split": kind, **evaluation.accuracy_row(name, truth, logits.argmax(1))}
        row["trained weights"] = models.trainable_parameters(network)["trainable"].iloc[-1]
        measured.append(row | {"seconds": trained, "photos/s": len(truth) / (perf_counter() - start_judging)})

# %% [markdown]
# Now the probe on the same photos. Its features are in the file of the first cells; those that are missing there are computed.

# %%
for kind in ("random", "lot"):
    table = lesson.split_index(PHOTOS, kind)
    some, judged = few_rows(table), np.flatnonzero(table["split"] == "validation")
    inputs = features.extract(table.iloc[[*some, *judged]], backbone, progress=False)
    numbers = data.label_numbers(table)
    probe = features.linear_probe().fit(inputs[: len(some)], numbers[some])
    row = evaluation.accuracy_row("probe", numbers[judged], probe.predict(inputs[len(some) :]))
    measured.append({"split": kind, **row, "trained weights": inputs.shape[1] + 1})

# %% tags=["nbval-approx-0.2"]
table = pd.DataFrame(measured).drop(columns=["seconds", "photos/s"])
table.set_index(["split", "model"]).round(3)

# %% [markdown]
# From scratch, the large network is about as good as the trivial baseline (`baseline`): 200 photos and five epochs (about
# 35 steps) are not enough for millions of weights that start at random. On both splits the probe and *head first* are well ahead of it; *fine-tune at once* lies between. Look at the
# intervals (`from` and `to`) before you name a winner. One draw of 200 photos cannot decide, and the lot rows are one draw of lots.
#
# What did it cost? Seconds of training, and photos judged in a second, on this computer:

# %% tags=["nbval-ignore-output"] reason="times differ between computers and runs"
costs = pd.DataFrame(measured).dropna().groupby("model", sort=False)[["seconds", "photos/s"]].mean()
costs.round(0).astype(int)

# %% [markdown]
# Head first is trained in the shortest time: the pass that computes the gradients ends where the frozen part begins. Judging photos is the same work for
# all three, because they are the same network (the probe is not in this table: its features were ready before); where the last column differs, the computer was busy with something else.
#
# ## All photos, five random splits and four lot folds
#
# With 200 photos no route that starts from ImageNet is a clear winner. What if you take all photos, larger pictures and more time? One training
# takes five to seven minutes then, and one split is not enough: another split gives another result. So a script has
# done it, `studies/transfer_routes.py`: five random splits (75 % for training, as in the published articles) and four folds
# of whole lots. Here you read its results file.
#
# - *Fine-tuned*: photos of 192 pixels; the first four stages are frozen, the last five are trained for twelve epochs. Each epoch shows a photo in another of its eight
#   orientations, the labels are the experts' probabilities, a little smoothed (label smoothing, lesson 10), and the weights are averaged (lesson 7). What each of
#   these steps brings was not measured here; lesson 10 has a table of such steps.
# - *8 views*: the mean over the eight orientations of a cell decides (lesson 7).
# - *And the probe*: the network's answer is averaged with that of the probe.
# - *Fine-tuned on labels alone*: a second network, trained on the labels instead of the experts' probabilities, with another start and another order of the photos.
# - *Two fine-tuned*: the mean of the answers of both networks. This and the row before were measured on the random splits only.

# %%
from course_lib.paths import project_folder

study = pd.read_csv(project_folder() / "studies" / "results" / "transfer_routes.csv")
study["kind"] = study["split"].str.split().str[0]
study = study.sort_values("kind", ascending=False, kind="stable")
rows = []
for (kind, route), part in study.groupby(["kind", "route"], sort=False):
    mean, photos = part["accuracy"].mean(), int(part["photos"].mean())
    low, high = evaluation.wilson_interval(round(mean * photos), photos)
    row = {"split": kind, "model": route, "splits": len(part), "lowest": part["accuracy"].min(), "mean": mean}
    row |= {"highest": part["accuracy"].max(), "from": low, "to": high, "baseline": part["baseline"].mean()}
    rows.append(row)
many_splits = pd.DataFrame(rows).set_index(["split", "model"])
many_splits.round(3)

# %% [markdown]
# `lowest`, `mean` and `highest` are over the splits; `from` and `to` are the 95 % interval that one split with the mean
# accuracy has. For lots the true interval is wider, because photos of one lot are alike: single folds lie outside the printed one.
#
# Compare with the probe on all stages. Fine-tuning gains about two points on the random splits and more than three on new lots; with 8 views it gains more than two and more than
# four. The rows of the single folds are in the results file: with 8 views each of the four gained at least three points. Two networks are a third of a point ahead of one, and the
# second alone is as good: such a difference can be luck. Look also at the rows with *and the probe*: what is added to a better model need not make it better still.

# %% [markdown]
# ## The preprocessing belongs to the weights
#
# This backbone was trained with mean 0.5 and standard deviation 0.5. Many examples on the web use the "ImageNet numbers" for every network. We
# take the probe as it was fitted above, and prepare 200 validation photos in both ways.

# %% tags=["nbval-approx-0.05"]
some = np.random.default_rng(0).permutation(np.flatnonzero(validation))[:200]
good_probe = features.linear_probe().fit(last_features[train], labels[train])
pixels = datasets.pixels(index.iloc[some], backbone.size, channels=3, progress=False)
usual = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
wrong_loader = datasets.BatchLoader(pixels, labels[some], batch_size=32, **usual)
wrong_features, _ = evaluation.predict_logits(backbone, wrong_loader)
prepared = {"its own": last_features[some], "the usual ImageNet numbers": wrong_features}
rows = [evaluation.accuracy_row(name, labels[some], good_probe.predict(values)) for name, values in prepared.items()]
pd.DataFrame(rows).rename(columns={"model": "mean and deviation"}).round(3)

# %% [markdown]
# No error, no warning, but many more wrong answers. So the backbone carries its own numbers with it (`backbone.mean`, `backbone.std`), and the
# library uses these.
#
# ## Which of four situations are you in?
#
# Two questions help to choose: how many labelled photos do you have, and how similar are they to everyday photos?

# %% tags=["nbval-approx-0.02"]
figure, axes = plots.new_figure(width=7.5, height=3.6)
axis = axes[0, 0]
advice = {
    (0, 1): "probe on the last stage",
    (1, 1): "fine-tune the last stages,\nthen all",
    (0, 0): "probe on middle and last stages\n(solar cells, 50 to 800 photos)",
    (1, 0): "fine-tune many stages;\ncompare with scratch\n(solar cells, about 2,000 photos)",
}
for (column, row), text in advice.items():
    axis.text(column, row, text, ha="center", va="center", fontsize=10)
axis.plot([-0.5, 1.5, np.nan, 0.5, 0.5], [0.5, 0.5, np.nan, -0.5, 1.5], color=plots.GREY)
axis.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5))
axis.set_xticks([0, 1], ["few photos", "many photos"])
axis.set_yticks([0, 1], ["unlike everyday", "like everyday"])
plots.show(figure, "Four fields: few or many photos, like or unlike everyday photos, with advice.")

# %% [markdown]
# This lesson measured the lower two fields. Few photos: on average the probe beat scratch with 50, 200 and 800 photos. Many, here about 2,000:
# fine-tuning five of nine stages beat the probe. The upper two fields need everyday photos. The studies `two_flowers_svm` (472 photos) and `cifar10_transfer_or_scratch`
# (10,000 photos) of this course measure them; `studies/README.md` shows their results.
#
# ## When transfer harms
#
# Not everything that was learned helps. The solar cells are of two types, mono and poly. A factory has labelled cells of one type
# only, and uses its probe on the other.
#
# *Predict first:* the same backbone, the same kinds of defect, only another crystal. How many points will it cost?

# %% tags=["nbval-approx-0.03"]
from IPython.display import display

if {"mono", "poly"} <= set(index.get("cell_type", [])):
    poly = (index["cell_type"] == "poly").to_numpy()
    types, rows = {"mono": ~poly, "poly": poly}, []
    for trained_on, source in {**types, "both": np.ones_like(poly)}.items():
        probe = features.linear_probe().fit(all_features[train & source], labels[train & source])
        for judged_on, target in types.items():
            answers = probe.predict(all_features[validation & target])
            row = evaluation.accuracy_row(trained_on, labels[validation & target], answers)
            rows.append({"judged on": judged_on, **row})
    crossed = pd.DataFrame(rows).rename(columns={"model": "trained on"})
    crossed = crossed.set_index(["judged on", "trained on"]).sort_index()
    display(crossed.round(3))

# %% [markdown]
# On poly cells it costs more than fifty points: the probe that learned from mono cells is *far worse than the trivial baseline*. Its accuracy
# there is about 1 minus the baseline, so it calls nearly all of them defective. Perhaps the grain of poly cells looks like damage to it. The other way round it costs
# less, but enough to fall to the baseline. This is *negative transfer*: what was learned does harm. A probe that learned from both
# types is good on both. So before you use a model on a new product, measure it on labelled photos of this product.

# %% [markdown]
# **Your turn:** the cell fits the probe on 100 photos. Change `number` to 400, and guess before you run it: where between 200 and 800 will it land?

# %% tags=["nbval-approx-0.02"]
number = 100
rows = shuffled[:number]
yours = features.linear_probe().fit(all_features[rows], labels[rows])
answers = yours.predict(all_features[validation])
pd.DataFrame([evaluation.accuracy_row(f"{number} photos", labels[validation], answers)]).round(3)

# %% [markdown]
# **Your turn:** let only the last four stages and the head train: `models.freeze(model)` first, then
# `models.unfreeze(model, last=4)`. Prove with `models.trainable_parameters(model)` how many weights train now.
#
# ## Quiz

# %%
from course_lib import quiz

quiz.show(9)

# %% [markdown]
# ## What you take with you
#
# - Features learned on a million everyday photos help with solar cells. A linear probe on them is trained in seconds and beats scratch.
# - Before each training look at `trainable_parameters`. Frozen parts also need eval mode.
# - Preprocessing belongs to the weights. Wrong numbers give no error, only worse answers.
# - With few photos start with the probe. With all photos of this course fine-tuning was better, most clearly on new lots. Measure on several splits before you choose.
#
# Still unsolved: which of many improvements really help, and how good the final model is on the test photos. Lesson 10 answers both.
