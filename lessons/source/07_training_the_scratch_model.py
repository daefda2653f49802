# %% [markdown]
# # 07 Training the scratch model
#
# The network of lesson 6 can learn sixteen photos by heart. Now it has to learn from all the training photos, and learn
# something that also holds for photos it has never seen. You write the loop that does this, compare it with that of the library,
# train the network, and watch trainings go wrong in the usual ways.
#
# **At the end you have:** your own training loop, learning curves, and a checkpoint that can be resumed
#
# {{picture}} Loss and accuracy over thirty epochs: both lines, training and validation, leave the trivial baseline behind
#
# **Study time:** 75 to 90 minutes

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Write the training loop with its steps in the right order.
# - Set train mode and eval mode where they belong, and say what they change.
# - Read learning curves, recognise overfitting, and stop in time.
# - Save a checkpoint from which training resumes as if nothing had happened.

# %%
# {{setup}} 7

# %% [markdown]
# `PHOTOS` may be a folder of your own. Lesson 5 divided its photos; here we take the *training* photos, from which the network
# learns, and the *validation* photos, which tell us how well it does. The test photos stay closed until lesson 8. No result
# is worth anything if the same solar cell is in two of the three, so we count that first.

# %%
from course_lib import data, datasets, device, lesson, transforms

PHOTOS = data.solar_cells()
index = lesson.split_index(PHOTOS)  # the table of lesson 5: each photo has a split
print("cells in two splits:", (index.groupby("part")["split"].nunique() > 1).sum())
names = data.class_names(index)
processor = device.choose()  # the GPU if there is one, else the CPU
settings = {"size": 64, "batch_size": 32, "device": processor}
batches = datasets.loaders(index, augment=transforms.flips_and_quarter_turns, **settings)
for name in ("train", "validation"):
    print(f"{name}: {len(batches[name].labels)} photos in {len(batches[name])} batches")

# %% [markdown]
# A *loader* gives photos and labels batch by batch. This one also flips and turns each training photo at random, anew each
# time. That is *augmentation* (データ拡張): a cell that lies on its side has the same defect, so the label stays right. Here
# is what the network gets to see:

# %%
from course_lib import plots

images, labels = next(iter(batches["train"]))
pictures = (images * 0.25 + 0.5).clamp(0, 1) * 255  # from the network's numbers back to grey
titles = [names[label] for label in labels[:12]]
plots.photo_grid(pictures[:12].byte().cpu().numpy(), titles, size=1.4)

# %% [markdown]
# In some photos the dark bars of the cell are vertical, in others horizontal.
#
# ## One step, in slow motion
#
# Training is one small step, many times over. We take the batch from above and go through a step slowly. First comes the
# *forward pass*, from photos to logits, and the loss: one number that says how wrong the logits are (lesson 6).

# %% tags=["nbval-approx-0.15"]
import torch
from torch.nn import functional

from course_lib import models

device.seed_everything(0)
model = models.ScratchCNN(classes=len(names)).to(processor)
logits = model(images)
loss = functional.cross_entropy(logits, labels)
print("logits:", tuple(logits.shape), f"| loss: {loss.item():.2f}")

# %% [markdown]
# The *backward pass*, `loss.backward()`, works out for each weight how much the loss changes if that weight changes a
# little. This number is the *gradient* (勾配) of the weight, and PyTorch keeps it in `weight.grad`. What happens if the
# backward pass is made twice? *Predict first:*

# %%
from course_lib import quiz

quiz.guess("07-backward-twice")

# %%
model.zero_grad()
weight = model.head[1].weight
loss = functional.cross_entropy(model(images), labels)
loss.backward(retain_graph=True)  # keeps what a second backward pass needs
first = weight.grad.clone()
loss.backward()
ratio = (weight.grad / first).median().item()
outcomes = {0: "nothing", 1: "same", 2: "twice"}
quiz.compare("07-backward-twice", outcomes.get(round(ratio)))
print(f"second gradient / first gradient: {ratio:.1f}")

# %% [markdown]
# That is what `zero_grad()` is for: it forgets the gradients. The last part of a step is done by an *optimizer*
# (オプティマイザー). It moves each weight against its gradient, so that the loss falls. How far it goes is set by the
# *learning rate* (学習率), `lr`. Ours is AdamW; "Going deeper" at the end compares it with others.

# %%
optimizer = torch.optim.AdamW(model.parameters(), lr=0.001)
before = weight.detach().clone()
optimizer.step()
moved = (weight - before).abs()
print(f"the weights of the last layer moved by {moved.min():.4f} to {moved.max():.4f}")

# %% [markdown]
# In its first step AdamW moves every weight by about the learning rate, however large or small its gradient is. The gradient
# gives only the direction.
#
# **Task 1: the five steps.** Put the pieces together. Write `train_step`: forward, loss, forget the old gradients, backward,
# step. It returns the loss as a plain number, `loss.item()`. (Stuck? `quiz.hint("07-train-step")` in a new cell.)


# %%
def train_step(model, images, labels, optimizer):
    """Change the weights once so that the loss of these photos falls; returns the loss before it."""
    ...


quiz.check("07-train-step", train_step)

# %% [markdown]
# The library has a training loop, too: `training.fit`. Does it do the same as your step? We give both the same network, with
# the same random start, and one batch. (`plain` switches off what `fit` can do besides. The schedule comes below;
# `channels_last` is about speed, see the notebook `deeper/speed_and_memory.ipynb`.)

# %% tags=["nbval-approx-0.05"]
from course_lib import training


def fresh_network():
    device.seed_everything(0)
    return models.ScratchCNN(classes=len(names)).to(processor)


step = quiz.yours("07-train-step", train_step)
mine = fresh_network()
loss = step(mine, images, labels, torch.optim.AdamW(mine.parameters(), lr=0.001))
plain = {"learning_rate": 0.001, "schedule": None, "channels_last": False, "progress": False}
theirs = fresh_network()
history = training.fit(theirs, [(images, labels)], epochs=1, **plain)
print(f"loss: by your step {loss:.4f}, by fit {history['train_loss'][0]:.4f}")

# %% [markdown]
# The same loss. And the weights afterwards? We look for the largest difference between the two networks.


# %%
def furthest(one, other):
    """By how much two networks differ in one weight, at most."""
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max((first - second).abs().max().item() for first, second in pairs)


print("largest difference of a weight after the step below 0.000001:", furthest(mine, theirs) < 1e-6)

# %% [markdown]
# So there is no magic in `fit`. What you wrote *is* training.
#
# ## An epoch
#
# One *epoch* (エポック) is one pass over all training photos, batch by batch. We want its loss as a mean over photos. But the
# last batch is smaller than the others, so the mean of the batches' means will not do.
#
# **Task 2: the mean over photos.** Write `epoch_mean`. It gets two lists in the same order: the mean of each batch, and the
# number of its photos.


# %%
def epoch_mean(batch_means, batch_sizes):
    """Mean over all photos, from the mean of each batch and the number of its photos."""
    ...


quiz.check("07-epoch-mean", epoch_mean)

# %% [markdown]
# Your step and your mean make an epoch:

# %% tags=["nbval-approx-0.1"]
mean_of = quiz.yours("07-epoch-mean", epoch_mean)


def train_one_epoch(model, loader, optimizer):
    model.train()  # what this switches comes next
    losses, sizes = [], []
    for images, labels in loader:
        losses.append(step(model, images, labels, optimizer))
        sizes.append(len(labels))
    return mean_of(losses, sizes)


by_hand = fresh_network()
optimizer = torch.optim.AdamW(by_hand.parameters(), lr=0.001)
print(f"loss of epoch 1: {train_one_epoch(by_hand, batches['train'], optimizer):.2f}")

# %% [markdown]
# A network that cannot tell the classes apart, and knows it, has a loss of 0.69 (two classes, lesson 6). Ours is better
# already.
#
# ## Train mode and eval mode
#
# Two kinds of layers work differently while a network learns. *Dropout* sets some numbers to 0 at random. *Batch
# normalisation* uses the mean and the spread of the photos in the batch. `model.train()` and `model.eval()` switch between
# the two ways, *train mode* and *eval mode* (in full: training mode and evaluation mode). *Predict first:*

# %%
quiz.guess("07-two-modes")

# %% tags=["nbval-approx-0.3"]
import pandas as pd

photos, answers = next(iter(batches["validation"]))[0], {}
for mode in ("train", "eval"):
    by_hand.train(mode == "train")
    with torch.no_grad():
        logits = [by_hand(photos[:count])[0] for count in (32, 32, 4)]
    answers[mode] = [row.softmax(dim=0)[-1].item() for row in logits]
same = [mode for mode, row in answers.items() if max(row) - min(row) < 0.0001]
modes = " and ".join(same) or "neither"
quiz.compare("07-two-modes", modes)
columns = ["in a batch of 32", "once more", "in a batch of 4"]
pd.DataFrame.from_dict(answers, orient="index", columns=columns).round(3)

# %% [markdown]
# The numbers are how probable the network finds it that the first photo is defective. (`torch.no_grad()` tells PyTorch that no
# gradients are needed, which saves time and memory.)
#
# > **Warning.** In train mode, looking is enough to change the network: batch normalisation updates the mean and spread that it
# > stores for later. So a forgotten `model.eval()` spoils both the answers and the network.
#
# **Task 3: validation.** Write `validate`. It goes through the photos of a loader in eval mode, without gradients and without
# a step, and returns two things: the mean loss over the photos, and the *accuracy*, the share of photos that the network
# gets right. (For one batch, `(logits.argmax(dim=1) == labels).sum().item()` is how many are right.)


# %%
def validate(model, loader):
    """Mean loss over the photos, and the share answered right (0 to 1); no weight changes."""
    ...


quiz.check("07-validate", validate)

# %% [markdown]
# Now you have all the parts of a training. Two more epochs, each followed by a look at the validation photos:

# %% tags=["nbval-approx-0.15"]
judge = quiz.yours("07-validate", validate)
rows = []
for epoch in (2, 3):
    loss = train_one_epoch(by_hand, batches["train"], optimizer)
    rows.append((epoch, loss, *judge(by_hand, batches["validation"])))
columns = ["epoch", "training loss", "validation loss", "validation accuracy"]
pd.DataFrame(rows, columns=columns).round(2)

# %% [markdown]
# For comparison: always answering with the commonest class, the *trivial baseline*, is right for about 69 % of the solar
# cells. Three epochs are a beginning, not a trained network.
#
# ## What the library's loop adds
#
# `fit` is your loop with a progress bar, and with a table that keeps the results of each epoch. It can also do three more
# things, and we use all three here. The first is a *schedule*: a plan for the learning rate. Here are three such plans. (A
# schedule is tied to an optimizer, so we give it one with a single weight.)

# %%
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, OneCycleLR


def planned(schedule, **settings):
    """The learning rate of each of 1,500 steps."""
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=0.005)
    plan, rates = schedule(optimizer, **settings), []
    for _ in range(1500):
        rates.append(plan.get_last_lr()[0])
        optimizer.step()
        plan.step()
    return rates


# %%
rates = {
    "constant": planned(ConstantLR, factor=1),
    "cosine": planned(CosineAnnealingLR, T_max=1500),
    "one_cycle": planned(OneCycleLR, max_lr=0.005, total_steps=1501),
}
plots.lines(range(1500), rates, xlabel="step", ylabel="learning rate")

# %% [markdown]
# Long steps get the network ahead, short steps let it settle: so both plans that change end near 0. `one_cycle`, which `fit` takes
# if you say nothing, also begins with short steps, while the weights are still random.
#
# The other two are smaller:
#
# - `average_weights=0.98`: every step moves the weights a little to and fro. `fit` also keeps a *moving average* (移動平均) of
#   the weights over the last 50 steps or so. It is this average that is validated, and that you get in the end.
# - *Soft labels*: for each solar cell the experts wrote down how probable a defect is, 0, 1/3, 2/3 or 1 (lesson 4). The loss
#   can take this probability in place of a yes or no, so that a photo in doubt pulls less. (Photos of your own have
#   no such column; they keep their labels.)
#
# ## Train the network
#
# All training photos, thirty epochs. The settings were chosen on the validation photos, before this lesson was written. So
# the validation accuracy looks a little too good, and the test in lesson 8 has the last word.

# %%
print(lesson.SCRATCH_SETTINGS)
batches = lesson.scratch_loaders(index)  # turned photos, soft labels
soft = batches["train"].labels
doubted = soft[soft.max(dim=1).values.argmin()]
print("a soft label, in the order of", names, "is", [round(share.item(), 2) for share in doubted])
chosen = {name: lesson.SCRATCH_SETTINGS[name] for name in ("epochs", "learning_rate", "average_weights")}

# %% tags=["nbval-approx-0.12"]
device.seed_everything(0)
model = models.ScratchCNN(classes=len(names))
history = training.fit(model, batches["train"], batches["validation"], **chosen)
history.drop(columns=["learning_rate", "seconds"]).tail(3).round(3)

# %% [markdown]
# The table has the last three epochs. The whole table, drawn, gives the *learning curves* (学習曲線):

# %% tags=["nbval-approx-0.1", "picture"]
from course_lib import evaluation

_, truth = evaluation.predict_logits(model, batches["validation"])
baseline = evaluation.accuracy_row("", truth, truth)["baseline"]
plots.learning_curves({"all photos": history}, baseline=baseline)

# %% [markdown]
# How to read them:
#
# - The solid line, training, falls in loss and rises in accuracy: the network learns.
# - The dashed line, validation, goes with it: what the network learns is of use for other photos.
# - For most of the time the dashed loss is even the lower one. That is no mistake. A soft label of 1/3 can never be met with a
#   loss of 0; and training is measured with dropout, on turned photos, while the weights still change.
#
# How good is it? A number alone says little, so it gets the baseline beside it, and an interval that probably contains the true
# accuracy. The last row comes at no extra cost in training: the network looks at each photo in its eight orientations, and the
# mean of the eight answers counts.

# %% tags=["nbval-approx-0.06"]
tries = {
    "3 epochs by hand": (by_hand, None),
    "30 epochs with fit": (model, None),
    "30 epochs with fit, eight views": (model, transforms.eight_views),
}
rows = []
for name, (network, views) in tries.items():
    logits, truth = evaluation.predict_logits(network, batches["validation"], views=views)
    rows.append(evaluation.accuracy_row(name, truth, logits.argmax(axis=1)))
table = pd.DataFrame(rows)
plots.accuracies(table)
table.round(3)

# %% [markdown]
# The whole interval of the trained network lies above the baseline. A network of under 100,000 parameters has learned from
# some 1,600 photos, and from nothing else. But compare the rows with each other: where two intervals overlap widely, these
# photos cannot prove that one row is better than the other. Nor does the interval contain the luck of the random start. The script
# `studies/scratch_accuracy.py` trains the network from five starts; `studies/README.md` has its results (measured before photos
# of one cell were kept together).
#
# ## Keep it
#
# A *checkpoint* (チェックポイント) is a file with the weights. Lesson 8 loads this one. It is written under another
# name and renamed at the end, so if the computer stops in the middle, the old file is still whole.

# %%
path = lesson.kept_folder(PHOTOS) / "scratch_random.pt"
training.save_checkpoint(model, path, classes=names, **lesson.scratch_facts(index))
loaded, _ = lesson.scratch_model(PHOTOS)  # loads the file
logits, _ = evaluation.predict_logits(model, batches["validation"])
again, _ = evaluation.predict_logits(loaded, batches["validation"])
print("the loaded network gives the same answers:", bool((abs(logits - again) < 0.001).all()))

# %% [markdown]
# ## New lots
#
# In this split, photos of one solar module lie in training and in validation. Lesson 5 made a second split, in which no
# *lot* (photos made together) is divided. `scratch_model` loads the network of a split, or trains it in the same way
# if it is not there yet. (If nobody knows the lots of your photos, your table has one row. If you ran lesson 5 with them, it
# has a second row that shows nothing: each photo is a lot of its own.)

# %% tags=["nbval-approx-0.08"]
kinds = ["random", "lot"] if {"lot", "position"} & set(index) else ["random"]
rows = []
for kind in kinds:
    network, loaders = lesson.scratch_model(PHOTOS, kind, progress=False)
    logits, truth = evaluation.predict_logits(network, loaders["validation"])
    rows.append(evaluation.accuracy_row(f"{kind} split", truth, logits.argmax(axis=1)))
pd.DataFrame(rows).round(3)

# %% [markdown]
# The two rows are about different photos, whose baselines need not be equal. So compare how far each row is above its own
# baseline, not the accuracies. And a split by lot is only one draw of the lots: another draw would give another number.
# Lesson 8 opens the test photos of both.

# %% [markdown]
# ## Overfitting, on purpose
#
# *Overfitting* (過学習): the network learns its training photos by heart, and that does not help with other photos. We make it
# easy: few photos, and always the same way up.


# %% tags=["nbval-approx-0.3"]
def fewer(count, augment=None):
    """Loaders with about so many of the training photos, and all the validation photos."""
    share = min(1, count / (index["split"] == "train").sum())
    parts = index.groupby(["split", "label"]).sample(frac=share, random_state=0).index
    chosen = index[(index["split"] == "validation") | index.index.isin(parts)]
    chosen.attrs = index.attrs
    return datasets.loaders(chosen, augment=augment, **settings)


few = fewer(95)
memorised = training.fit(fresh_network(), few["train"], few["validation"], epochs=25, **plain)
plots.learning_curves({f"{len(few['train'].labels)} photos": memorised}, baseline=baseline)

# %% [markdown]
# The solid lines go nearly all the way: the loss towards 0, the accuracy towards 1. The dashed lines stay behind. Is it the small
# number of photos? Or do the turns matter, too? One more run has the same few photos, and turns them.

# %% tags=["nbval-approx-0.15"]
few = fewer(95, augment=transforms.flips_and_quarter_turns)
turned = training.fit(fresh_network(), few["train"], few["validation"], epochs=25, **plain)
runs = {"few photos": memorised, "few photos, turned": turned, "all photos, turned": history}
gaps = pd.DataFrame({name: run.tail(3).mean() for name, run in runs.items()}).T
gaps = gaps[["train_accuracy", "validation_accuracy"]]
gaps["gap"] = gaps["train_accuracy"] - gaps["validation_accuracy"]
gaps.round(2)

# %% [markdown]
# Accuracies, mean of the last three epochs. The gap between training and validation is the mark of overfitting, and it is
# widest in the first row. Turning the photos makes it smaller, because a photo in eight orientations is harder to learn by heart
# than one. All photos make it smaller again. (That run differs in its soft labels and its schedule, too.)
#
# > **Tip.** Augmentation is a cheap remedy, and here it narrows the gap. But it does not always help: lesson 10 shows a training
# > in which it costs accuracy. Measure it.
#
# ## Stop in time
#
# Another remedy is *early stopping* (早期終了): end the training when the validation loss no longer falls, and go back to
# the weights of the best epoch. The loss jumps about by chance from epoch to epoch, so one bad epoch is no reason to stop.
# *Patience* is how many epochs in a row you wait for a new lowest loss.
#
# First a trap. `state_dict()` gives all the weights of a network by their names. Is it enough to keep that?

# %%
from copy import deepcopy

network = fresh_network()
as_it_is, copied = network.state_dict(), deepcopy(network.state_dict())
step(network, images, labels, torch.optim.AdamW(network.parameters(), lr=0.001))
for name, kept in (("state_dict()", as_it_is), ("its deepcopy", copied)):
    old = torch.equal(kept["head.1.weight"], fresh_network().head[1].weight)
    print(f"after a step, {name} holds the weights from before:", old)

# %% [markdown]
# What looks like a record is a view of weights that go on changing. Only a copy stays what it is.
#
# **Task 4: early stopping.** `is_over` is called after each epoch. If the loss is the lowest so far, it keeps the loss in
# `best_loss` and a copy of the weights in `best_weights`: `deepcopy(model.state_dict())`. It returns `True` when `patience`
# epochs in a row have brought no lower loss, and `False` before that.


# %%
class EarlyStopping:
    """Keeps the best weights, and says when the loss has not become lower for `patience` epochs."""

    def __init__(self, patience):
        self.patience, self.waited = patience, 0
        self.best_loss, self.best_weights = float("inf"), None

    def is_over(self, loss, model):
        """Take in the validation loss of an epoch; True if the training should end now."""
        ...


quiz.check("07-early-stopping", EarlyStopping)

# %% [markdown]
# The few photos once more, with nothing but your own code: your step, your mean, your validation, your early stopping.

# %% tags=["nbval-approx-0.3"]
Stopping = quiz.yours("07-early-stopping", EarlyStopping)
stopping, network, few = Stopping(patience=3), fresh_network(), fewer(95)
optimizer = torch.optim.AdamW(network.parameters(), lr=0.001)
for _ in range(25):
    train_one_epoch(network, few["train"], optimizer)
    loss, accuracy = judge(network, few["validation"])
    if stopping.is_over(loss, network):
        print("over, before all 25 epochs are done")
        break
network.load_state_dict(stopping.best_weights)
loss, accuracy = judge(network, few["validation"])
print(f"the kept weights: validation loss {loss:.2f}, accuracy {accuracy:.2f}")

# %% [markdown]
# Was that wise? To see what another patience would have done, we need not train again. `memorised` has the losses of the 25
# epochs without a stop; we give them to your class one by one.


# %% tags=["nbval-approx-0.3"]
def kept_epoch(run, patience):
    """The epoch that early stopping would keep: a row of the table."""
    stopping = Stopping(patience)
    for epoch in range(len(run)):
        if stopping.is_over(run["validation_loss"][epoch], network):
            break
    return run.loc[run["validation_loss"][: epoch + 1].idxmin()]


rows = {f"patience {patience}": kept_epoch(memorised, patience) for patience in (1, 3, 10)}
rows["no stop: epoch 25"] = memorised.iloc[-1]
pd.DataFrame(rows).T[["validation_loss", "validation_accuracy"]].round(2)

# %% [markdown]
# Compare the rows with the last one, and the accuracies with the baseline. When we ran this, the kept network was no better than
# the baseline, and that of epoch 25 made fewer mistakes, although its loss was higher. (Yours may differ.) How can that be? The loss
# also counts how *sure* a wrong answer is: a network that has learned its few photos by heart is very sure of everything.
# So in this short training early stopping saved time, but made no better inspector.
#
# Early stopping helps where the validation loss falls, turns, and then rises for good. The script
# `studies/learning_curves.py` trained our network for 40 epochs on four fifths of the training photos, never turned. It did so
# three times, each time from another random start and with another fifth set aside. That fifth had no part in the choice of
# the epoch, so it is a fair judge of it.

# %%
from course_lib.paths import project_folder

study = pd.read_csv(project_folder() / "studies" / "results" / "learning_curves.csv")
long = study[study["run"] == "no turns"].drop(columns="run")
run = long[long["seed"] == 0].reset_index(drop=True)
curves = {"training": run["train_loss"], "validation": run["validation_loss"]}
mark = {"kept with patience 5": kept_epoch(run, patience=5)["epoch"]}
plots.lines(run["epoch"], curves, xlabel="epoch", ylabel="loss", mark=mark)

# %%
rows = {}
for seed, run in long.groupby("seed"):
    run = run.reset_index(drop=True)
    rows[f"start {seed}, patience 5"] = kept_epoch(run, patience=5)
    rows[f"start {seed}, no stop"] = run.iloc[-1]
table = pd.DataFrame(rows).T[["epoch", "aside_loss", "aside_accuracy"]]
table.astype({"epoch": int}).round(2)

# %% [markdown]
# These are loss and accuracy on the photos set aside, 317 or 318 each time. From each of the three starts the kept epoch has
# about half the loss of epoch 40, and it came early. It has the higher accuracy, too, but that difference is smaller: 2, 7 and 4
# points, where the interval of each number is about 4 points to each side. Lesson 8 shows how to find out that a network is too
# sure, and what helps.
#
# In the library, `fit(…, patience=5)` does what your `EarlyStopping` does.
#
# ## Read the curves
#
# Here are four trainings of that study, all of the same network and with the same scale. For comparison: in a good training
# this network comes down to a loss of about 0.4.

# %%
figure, axes = plots.new_figure(columns=4, width=10, height=3)
runs = ("large rate", "no turns", "turns", "small rate")
for axis, letter, run in zip(axes[0], "ABCD", runs, strict=True):
    curve = study[(study["run"] == run) & (study["seed"] == 0)]
    axis.plot(curve["epoch"], curve["train_loss"], color=plots.BLUE, label="training")
    axis.plot(curve["epoch"], curve["validation_loss"], "--", color=plots.BLUE, label="validation")
    axis.set(title=letter, xlabel="epoch", ylim=(0, 1.05))
axes[0, 0].set_ylabel("loss")
axes[0, 3].legend(fontsize=8)
plots.show(figure, "Training and validation loss over 40 epochs in the trainings A, B, C and D")

# %% [markdown]
# **Task 5: your diagnosis.** Write one of four for each: `"fine"`, `"overfitting"`, `"rate too small"` or `"rate too large"`.

# %%
diagnoses = {"A": "?", "B": "?", "C": "?", "D": "?"}

quiz.check("07-diagnoses", diagnoses)

# %% [markdown]
# ## When the learning rate is far too large
#
# Now we exaggerate: a learning rate of 1000. The optimizer is *SGD*, the plainest of all: it multiplies the gradient by the
# learning rate, and that is the step. *Predict first:*

# %%
quiz.guess("07-far-too-large")

# %% tags=["nbval-approx-0.3"]
network = fresh_network()
optimizer = torch.optim.SGD(network.parameters(), lr=1000)
images, labels = next(iter(fewer(95)["train"]))
losses = [step(network, images, labels, optimizer) for _ in range(4)]
change = losses[-1] / losses[0]
what = "grows" if change > 1.5 else "falls" if change < 0.7 else "stays"
quiz.compare("07-far-too-large", what)
for number, loss in enumerate(losses, 1):
    print(f"loss before step {number}: about 10 to the power of {round(torch.tensor(loss).log10().item())}")

# %% [markdown]
# Where does that end? We let `fit` find out. **The next cell fails, and is meant to:**

# %% tags=["raises-exception", "nbval-approx-0.3"]
wild = {**plain, "optimizer": "sgd", "learning_rate": 1000.0}
training.fit(fresh_network(), fewer(500)["train"], epochs=20, **wild)

# %% [markdown]
# At some step a number no longer fits into the computer and becomes infinite (`inf`). Calculations such as inf − inf have no
# answer: `nan`, *not a number*. From there on every weight is lost. Your loop would go on for hours and keep a useless
# network; `fit` stops and names the batch. The cure: divide the learning rate by ten until the loss falls.
#
# > **Tip.** A broken photo can do the same. If it is always the same batch, look at its photos.
#
# ## Interrupted, and resumed
#
# A laptop closes, Colab ends the session: long trainings get interrupted. If you have saved what is needed, you can go on.
# Besides the weights, that is the optimizer, which remembers its earlier steps, and the number of epochs that are done.


# %%
def save(path, model, optimizer, epochs):
    """Write weights, optimizer and the number of finished epochs into a file."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epochs": epochs}
    torch.save(state, path)


# %% [markdown]
# **Task 6: resume.** Write `resume`, the way back. It loads the file (`torch.load(path)`), puts weights and optimizer into
# `model` and `optimizer` (`load_state_dict`), and returns how many epochs are done.


# %%
def resume(path, model, optimizer):
    """Bring back weights and optimizer from a file; returns how many epochs are done already."""
    ...


quiz.check("07-resume", resume)

# %% [markdown]
# The test: one training of four epochs in one go, and one that is interrupted after two. *Predict first:*

# %%
quiz.guess("07-resumed")


# %%
def begin():
    """A fresh network, its optimizer, and a loader with some of the photos, turned."""
    network = fresh_network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.005)
    return network, optimizer, fewer(150, augment=transforms.flips_and_quarter_turns)["train"]


straight, optimizer, photos = begin()
for _ in range(4):
    train_one_epoch(straight, photos, optimizer)
bring_back = quiz.yours("07-resume", resume)

# %%
file = lesson.kept_folder(PHOTOS) / "interrupted.pt"
half, optimizer, photos = begin()
for _ in range(2):
    train_one_epoch(half, photos, optimizer)
save(file, half, optimizer, epochs=2)

resumed, optimizer, photos = begin()  # as after a restart of the kernel
done = bring_back(file, resumed, optimizer)
for _ in range(done, 4):
    train_one_epoch(resumed, photos, optimizer)
weights = "equal" if furthest(resumed, straight) == 0 else "different"
quiz.compare("07-resumed", weights)

# %% [markdown]
# With `checkpoint=…`, `fit` saves after each epoch everything that decides how the training goes on, including the random
# numbers and the place in the order of the photos. A small function plays the interruption: it raises what the stop button of
# Jupyter raises. (On the CPU, because a GPU may add up numbers in another order each time.)


# %%
def stop_after_two(row):
    if row["epoch"] == 2:
        raise KeyboardInterrupt


file.unlink()  # the file from above
here = {"epochs": 4, "learning_rate": 0.005, "device": "cpu", "progress": False}
network, _, photos = begin()
half = training.fit(network, photos, **here, checkpoint=file, on_epoch_end=[stop_after_two])
print("epochs in the table:", half["epoch"].tolist())

# %% [markdown]
# Now the kernel could be restarted. We begin with a fresh network and a fresh loader, and call `fit` with the same
# arguments. Beside it runs a training that was never interrupted.

# %%
resumed, _, photos = begin()
table = training.fit(resumed, photos, **here, checkpoint=file)
straight, _, photos = begin()
training.fit(straight, photos, **here)
print("epochs in the table:", table["epoch"].tolist())
print("every weight equal:", furthest(resumed, straight) == 0)

# %% [markdown]
# Equal to the last bit. Nobody can tell that this training was interrupted.
#
# ## Going deeper: which optimizer?
#
# *SGD with momentum* keeps some of the speed of its earlier steps. *Adam* scales the step of each weight to
# about the learning rate, whatever the size of its gradient (you saw it in the first step above), so its rate is the smaller
# one. *AdamW* is Adam with *weight decay* (重み減衰): every step also pulls all weights a little towards zero.
# Three short trainings on a third of the photos, with the same schedule:

# %% tags=["nbval-approx-0.2"]
choices = {"sgd": 0.05, "adam": 0.005, "adamw": 0.005}
rows = []
for name, rate in choices.items():
    network, third = fresh_network(), fewer(500)
    training.fit(network, third["train"], epochs=4, optimizer=name, learning_rate=rate, progress=False)
    logits, truth = evaluation.predict_logits(network, third["validation"])
    row = evaluation.accuracy_row(name, truth, logits.argmax(axis=1))
    rows.append(row | {"learning rate": rate})
pd.DataFrame(rows).round(3)

# %% [markdown]
# After four epochs on so few photos nobody can name a winner: look at the intervals. And mind the rates: that of SGD is ten
# times that of Adam. A rate that you read somewhere is worth nothing without the name of its optimizer. Take AdamW
# when you have no reason for another, and spend your time on the learning rate.
#
# Two notebooks go on from here: `deeper/plain_pytorch.ipynb` does all of it without the course's library, and
# `deeper/speed_and_memory.ipynb` asks what makes a training fast, and what fills the memory.
#
# ## Your memo
#
# One figure and one finding for your manager. Which of your curves says most, and what does it say? Write the sentence, take
# away the two `#` and the space after each, and run the cell.

# %%
drawn, axes = plots.new_figure()
axes[0, 0].plot(history["epoch"], history["validation_accuracy"], color=plots.BLUE)
axes[0, 0].set(xlabel="epoch", ylabel="share of validation photos answered right")
memo = lesson.memo(7, PHOTOS)
# memo.figure("What the curve shows", drawn)
# memo.finding("What you found, in one sentence")
lesson.show_memo(PHOTOS)

# %% [markdown]
# ## Your guesses

# %%
quiz.guesses(7)

# %% [markdown]
# ## Quiz

# %%
quiz.show(7)

# %% [markdown]
# ## What you take with you
#
# - Forward, loss, forget, backward, step. A training is this, over and over; `fit` is your loop with some comfort.
# - Train mode to learn, eval mode to answer; means are means over photos.
# - Look at both curves. A gap that grows is overfitting. A loss that jumps, or ends as `nan`, points to
#   a learning rate that is too large.
# - A checkpoint that holds everything lets a training go on as if nothing had happened.
#
# Still unsolved: about four in five answers are right, but which mistakes are left? A missed defect costs more than a good
# cell thrown away.
#
# Next comes lesson 8. There you judge this network as an inspector is judged.
