# %% [markdown]
# # 07 Training the scratch model
#
# You write the training loop yourself, train the network of lesson 6 on all training photos, and learn to see when training goes wrong.
#
# **At the end you have:** your own training loop, learning curves, and a checkpoint that can be resumed

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Write the training loop with its steps in the right order.
# - Read learning curves and recognise overfitting.
# - Set train mode and eval mode where they belong, and say what they change.
# - Save a checkpoint from which training resumes as if nothing had happened.

# %%
# {{setup}} 7

# %% [markdown]
# `PHOTOS` may name your own folder, with two sub-folders: one for the good parts, and one called `defective`. Run lesson 5 with it first: the sections on new lots need the lots that it writes down. A cell may stop at a line that begins with `assert`, because its limit was set for the solar cells; put a # before that line and run the cell again. The course's photos are the solar cells of the ELPV dataset, licence CC BY-NC-SA 4.0.

# %%
from course_lib import data, datasets, lesson, transforms

PHOTOS = data.solar_cells()
print(data.credits(PHOTOS).splitlines()[0])
index = lesson.split_index(PHOTOS)  # the table of lesson 5: each photo has a split
turns = transforms.flips_and_quarter_turns
batches = datasets.loaders(index, size=64, batch_size=32, augment=turns)
for name in ("train", "validation"):
    print(f"{name}: {len(batches[name].labels)} photos in {len(batches[name])} batches")

# %% [markdown]
# The test photos stay closed until lesson 8. The settings of the long training below were chosen on the validation photos before this lesson was written, so the validation accuracy looks a little too good. You take them over; what each of them brings is not measured here.
#
# The training photos are flipped and turned by quarters at random each time they are seen. A solar cell that lies on its side has the same defect, so the label stays right. This is called *augmentation* (データ拡張). Here is what the model gets to see:

# %%
import torch

from course_lib import plots

images, labels = next(iter(batches["train"]))
pictures = (images * 0.25 + 0.5).clamp(0, 1) * 255  # back from the model's numbers to grey levels
names = data.class_names(index)
plots.photo_grid(
    pictures[:12].byte().numpy(),
    [names[label] for label in labels[:12]],
    alt="Twelve training photos of 64 pixels, flipped and turned, with their labels",
)

# %% [markdown]
# The dark bars of a cell stand upright in some photos and lie in others. The labels did not change.

# %% [markdown]
# ## One step, in slow motion
#
# Training is one small step, repeated. It has five parts. We take the first batch and do them one at a time.

# %% tags=["nbval-approx-0.15"]
from torch.nn import functional

from course_lib import device, models

processor = device.choose()  # the GPU if there is one, else the CPU
device.seed_everything(0)
model = models.ScratchCNN(classes=len(names)).to(processor)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
images, labels = images.to(processor), labels.to(processor)
logits = model(images)  # 1. forward: from photos to logits
loss = functional.cross_entropy(logits, labels)  # 2. loss: how wrong the logits are
print("logits:", tuple(logits.shape), f"  loss: {loss.item():.2f}")

# %% [markdown]
# A model that favours neither class would have a loss of 0.69 (lesson 6). Ours is higher: by chance its random weights favour one class. That is normal before training. Now the *backward pass*: it works out for each weight how much the loss changes if this weight changes a little. That number is the *gradient* (勾配) of the weight.
#
# *Predict first:* the next cell makes the backward pass twice for the same batch and clears nothing in between. (`retain_graph=True` keeps what a second backward pass needs. To run the cell again, first run the one before it.) What happens to the gradients?

# %%
optimizer.zero_grad()  # 3. forget the old gradients
loss.backward(retain_graph=True)  # 4. backward: a gradient for each weight
weight = model.head[1].weight
once = weight.grad.clone()
loss.backward()  # once more, without clearing
print("twice as large:", torch.allclose(weight.grad, 2 * once))
assert torch.allclose(weight.grad, 2 * once)

# %% [markdown]
# `backward()` *adds* to what is there. So a loop that forgets `zero_grad()` follows all old batches too, and no error tells you. We clear, make one clean backward pass, and let the *optimizer* (オプティマイザー) move each weight a little against its gradient. The *learning rate* (学習率) says how little.

# %% tags=["nbval-approx-0.15"]
model.head.eval()  # without dropout, so that before and after can be compared
for moment in ("before", "after"):
    loss = functional.cross_entropy(model(images), labels)
    print(f"loss {moment} the step: {loss.item():.2f}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()  # 5. step: move each weight a little

# %% [markdown]
# The same photos have a lower loss after the step. That is all a training does, again and again: here 30 times 50 batches, which makes 1,500 steps.

# %% [markdown]
# ## The loop, in plain sight
#
# One *epoch* (エポック) takes each training photo once. Correct answers and loss are summed over *photos*. The mean of the batches' means would be wrong, because the last batch is smaller.


# %%
def train_one_epoch(model, loader, optimizer):
    model.train()
    total_loss, correct, photos = 0.0, 0, 0
    for images, labels in loader:
        images, labels = images.to(processor), labels.to(processor)
        logits = model(images)  # 1. forward
        loss = functional.cross_entropy(logits, labels)  # 2. loss
        optimizer.zero_grad()  # 3. forget the old gradients
        loss.backward()  # 4. backward
        optimizer.step()  # 5. step
        photos += len(labels)
        total_loss += loss.item() * len(labels)
        correct += (logits.argmax(dim=1) == labels).sum().item()
    return total_loss / photos, correct / photos


# %% [markdown]
# The validation photos are only looked at: eval mode (a switch that the section *Train mode and eval mode* explains), no gradients, no step.


# %%
@torch.no_grad()
def validate(model, loader):
    model.eval()
    total_loss, correct, photos = 0.0, 0, 0
    for images, labels in loader:
        images, labels = images.to(processor), labels.to(processor)
        logits = model(images)
        photos += len(labels)
        total_loss += functional.cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(dim=1) == labels).sum().item()
    return total_loss / photos, correct / photos


# %% tags=["nbval-approx-0.15"]
import pandas as pd

device.seed_everything(0)
by_hand = models.ScratchCNN(classes=len(names)).to(processor)
optimizer = torch.optim.AdamW(by_hand.parameters(), lr=1e-3)
rows = []
for epoch in (1, 2):
    rows.append((epoch, *train_one_epoch(by_hand, batches["train"], optimizer)))
    rows[-1] += validate(by_hand, batches["validation"])
columns = ["epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]
pd.DataFrame(rows, columns=columns).drop(columns="validation_loss").round(2)

# %% [markdown]
# `loss` falls and `accuracy` (the share of right answers) grows. Two passes, and the model is already better than the *trivial baseline*: always answering "functional" is right for about 69 % of these photos.
#
# **Your turn:** write the five steps in the right order on paper, without looking. Then move `optimizer.zero_grad()` behind `loss.backward()` in the loop above, and run that cell and the cell with the table again. (Do it before you go on: a later cell gives `batches` other labels. If that one has run already, first run the cell with `PHOTOS` again.) What does the loss do, and why? Put the line back and run both once more before you go on.

# %% [markdown]
# ## The same loop from the library
#
# `course_lib.training.fit` is this loop, with a progress bar, a table as history, and what you meet below. Is it really the same? We give both the same start and compare the losses, on a fifth of the training photos to save time.

# %%
from course_lib import training


def fewer(share):
    part = index.groupby(["split", "label"]).sample(frac=share, random_state=0).index
    smaller = index[(index["split"] == "validation") | index.index.isin(part)]
    smaller.attrs = index.attrs
    return smaller


def start(share, augment=turns):
    device.seed_everything(0)
    loaders = datasets.loaders(fewer(share), size=64, batch_size=32, augment=augment)
    return models.ScratchCNN(classes=len(names)).to(processor), loaders


# %%
mine, loaders = start(0.2)
own_loss, _ = train_one_epoch(mine, loaders["train"], torch.optim.AdamW(mine.parameters(), lr=1e-3))
other, loaders = start(0.2)
history = training.fit(other, loaders["train"], epochs=1, learning_rate=1e-3, schedule=None, channels_last=False)
same = abs(own_loss - history["train_loss"][0]) < 1e-3
print(len(loaders["train"].labels), "photos. Same loss:", same)
assert same

# %% [markdown]
# ## Train the model
#
# Now the real thing: all training photos, thirty epochs. Three things are new. Each is one argument; the first is set inside `lesson.scratch_loaders`, the second is the default.
#
# - `soft_labels=True`: for each cell the experts wrote down how probable a defect is: 0, 1/3, 2/3 or 1 (lesson 4). Until now we made it a yes or a no. The loss can take the probability itself, so that a doubted photo pulls less. The validation photos keep their yes or no.
# - `schedule="one_cycle"`, the default of `fit`: the learning rate goes up at first and then down. Large steps to get there, small steps to settle.
# - `average_weights=0.98`: each step moves the weights to and fro a little. A *moving average* (移動平均) of the weights over about the last 50 steps is calmer. `fit` keeps it beside the model, validates it, and leaves it in the model at the end.
#
# The settings stand in `lesson.SCRATCH_SETTINGS`, so that later lessons can make exactly this model again.

# %%
print(lesson.SCRATCH_SETTINGS)
batches = lesson.scratch_loaders(index)  # turned photos, soft labels
soft = batches["train"].labels
print("a soft label, [functional, defective]:", soft[soft.max(dim=1).values.argmin()].tolist())
device.seed_everything(0)
model = models.ScratchCNN(classes=len(names))
models.trainable_parameters(model)

# %% tags=["nbval-approx-0.12"]
history = training.fit(
    model, batches["train"], batches["validation"],
    epochs=lesson.SCRATCH_SETTINGS["epochs"],
    learning_rate=lesson.SCRATCH_SETTINGS["learning_rate"],
    average_weights=lesson.SCRATCH_SETTINGS["average_weights"],
)  # fmt: skip
history.drop(columns=["seconds", "learning_rate"]).tail(3).round(3)

# %% tags=["nbval-approx-0.1"]
from course_lib import evaluation

_, truth = evaluation.predict_logits(model, batches["validation"])
baseline = evaluation.accuracy_row("baseline", truth, truth)["baseline"]
plots.learning_curves(
    {"all photos": history},
    baseline=baseline,
    alt="Training and validation loss fall; both accuracies rise above the baseline and end near 0.8",
)

# %% [markdown]
# The table shows the last three epochs, the figure all. These are *learning curves* (学習曲線). Read three things.
#
# - The solid line, training, goes down in loss and up in accuracy: the model learns.
# - The dashed line, validation, follows it: what it learns is of use for other photos too.
# - The dashed line hardly jumps: it is measured on the averaged weights. For many epochs its loss is even lower than that of training. That is no mistake: a soft label of 1/3 can never be met with a loss of 0. Also, training is measured with dropout, on turned photos, and while the weights still change. In the second half the solid accuracy still rises, and the dashed one falls by about a point. That is only a handful of photos, so it may be chance; it may also be a first, small sign of what the section on overfitting shows.
#
# One number alone says little. So we put it beside the baseline, with the interval in which the true accuracy probably lies. One more row costs no training: the model looks at each photo in all eight orientations, and the mean of the eight answers counts (lesson 10 says more about it).

# %% tags=["nbval-approx-0.06"]
rows = [evaluation.accuracy_row("always the commonest class", truth, 0 * truth + (truth.mean() > 0.5))]
tries = {"2 epochs by hand": (by_hand, None), "trained with fit": (model, None)}
tries["trained with fit, eight views"] = (model, transforms.eight_views)
for name, (network, views) in tries.items():
    logits, truth = evaluation.predict_logits(network, batches["validation"], views=views)
    rows.append(evaluation.accuracy_row(name, truth, logits.argmax(axis=1)))
table = pd.DataFrame(rows)
plots.accuracies(table, alt="All three trained rows lie above the baseline, the longer trained ones further")
table.round(3)

# %%
result = table.iloc[-1]
assert result["accuracy"] > 0.76, "the scratch model should reach about 0.8"
assert result["from"] > result["baseline"], "the gain over the baseline should not be luck"

# %% [markdown]
# The whole interval lies above the baseline. A network of under 100,000 parameters has learned from nothing but some 1,600 photos. Compare the rows too: the three trained ones differ by less than their intervals. So these photos do not prove that 30 epochs are better than 2, nor that eight views are better than one.
#
# The interval does not contain the luck of the random start. `studies/scratch_accuracy.py` trains the network from five of them: between 0.80 and 0.83 on these validation photos, with eight views between 0.81 and 0.84.
#
# ### New lots
#
# In this split, photos of one solar module lie in training and in validation. Lesson 5 made a second split, in which each *lot* (photos made together) lies in one part only. The same training on it:

# %% tags=["nbval-approx-0.08"]
lot_model, lot_batches = lesson.scratch_model(PHOTOS, "lot")
rows = []
for name, network, part in (
    ("random split", model, batches["validation"]),
    ("lot split", lot_model, lot_batches["validation"]),
):
    logits, answers = evaluation.predict_logits(network, part, views=transforms.eight_views)
    rows.append(evaluation.accuracy_row(name, answers, logits.argmax(axis=1)))
pd.DataFrame(rows).round(3)

# %% [markdown]
# The lot row looks better, but its photos are easier: its baseline is higher too. Look at the distance to the baseline: on the random split the model gains more than on the lots. One lot split is one draw of lots; lesson 8 opens the test photos of both.

# %% [markdown]
# ## Keep it: a checkpoint
#
# A *checkpoint* (チェックポイント) is a file with the weights. Lesson 8 loads this one. It is enough to inspect photos, not to go on training; the last section writes one that holds everything. The file is written under another name first and renamed at the end. So if the computer stops while writing, the old file is still whole.

# %%
from course_lib.paths import shorten

path = lesson.kept_folder(PHOTOS) / "scratch_random.pt"
training.save_checkpoint(model, path, classes=names, **lesson.scratch_facts(index))
again, _ = lesson.scratch_model(PHOTOS)  # loads the file; without it, it would train anew
logits, _ = evaluation.predict_logits(model, batches["validation"])
logits_again, _ = evaluation.predict_logits(again, batches["validation"])
same = bool((abs(logits - logits_again) < 1e-3).all())
print("saved:", shorten(path), "  the loaded model gives the same logits:", same)
assert same

# %% [markdown]
# ## Train mode and eval mode
#
# Two layers behave differently while training: dropout sets numbers to 0 at random, and batch normalisation uses the mean and spread of the present batch. `model.train()` and `model.eval()` switch between the two ways.
#
# *Predict first:* the same photo goes through the model three times in each mode: twice in the whole batch, once with only three of the others. When is its probability of a defect the same?

# %% tags=["nbval-approx-0.3"]
photos, _ = next(iter(batches["validation"]))
photos = photos.to(processor)
rows = []
device.seed_everything(0)
for mode in (True, False):
    again.train(mode).to(processor)
    with torch.no_grad():
        runs = [again(photos), again(photos), again(photos[:4])]
    rows.append(("train" if mode else "eval", *(run.softmax(1)[0, 1].item() for run in runs)))
modes = pd.DataFrame(rows, columns=["mode", "first time", "second time", "in a batch of 4"])
modes.round(3)

# %%
_, *in_train_mode = modes.iloc[0]
_, *in_eval_mode = modes.iloc[1]
assert max(in_train_mode) - min(in_train_mode) > 0.01
assert max(in_eval_mode) - min(in_eval_mode) < 1e-3

# %% [markdown]
# In train mode the answer depends on the other photos of the batch, as the last column shows, and on chance: dropout draws anew each time, though two answers may look equal after rounding. No inspector may do that. In eval mode the photo has one answer. So: `model.train()` at the start of each training epoch, `model.eval()` before each prediction. `fit` does both.
#
# Even with no step taken, train mode changed the model: batch normalisation updated its stored mean and spread. That is why we used `again`, a copy, and not `model`.

# %% [markdown]
# ## Overfitting, on purpose
#
# *Overfitting* (過学習): the model learns the training photos by heart, and that does not help with others. To see it, make it easy for the model: only a few photos, and no flips and turns.

# %% tags=["nbval-approx-0.3"]
few_model, few = start(0.06, augment=None)
few_history = training.fit(few_model, few["train"], few["validation"], epochs=25, learning_rate=1e-3, schedule=None)
print("training photos:", len(few["train"].labels))
plots.learning_curves(
    {"few photos": few_history},
    baseline=baseline,
    alt="Training accuracy climbs to 1; validation jumps around 0.75, its loss far above that of training",
)

# %% [markdown]
# The solid lines run to the ends: the loss to 0, the accuracy to 1. The dashed ones stay behind. Is it the small number of photos, or do the turns matter as well? One more run has the same few photos, but turns them.

# %% tags=["nbval-approx-0.15"]
turned_model, few = start(0.06)
turned_history = training.fit(
    turned_model, few["train"], few["validation"], epochs=25, learning_rate=1e-3, schedule=None
)
runs = {"few photos, no turns": few_history, "few photos, with turns": turned_history}
runs["all photos, with turns"] = history
rows = [(name, *run[["train_accuracy", "validation_accuracy"]].iloc[-3:].mean()) for name, run in runs.items()]
gaps = pd.DataFrame(rows, columns=["training run", "train", "validation"])
gaps["gap"] = gaps["train"] - gaps["validation"]
assert gaps["gap"][0] > gaps["gap"][2] + 0.05 and gaps["gap"][0] > 0.1
gaps.round(2)

# %% [markdown]
# The accuracies, mean of the last three epochs. On few photos the training accuracy climbs close to 1 and the validation accuracy does not follow: the gap is the mark of overfitting. It does not mean that nothing useful is learned any more: in the figure the validation accuracy rises again in the second half. The same few photos with turns: the gap is less than half as wide, because each photo now comes in eight orientations, and these are harder to learn by heart than one. *Augmentation* is a cheap remedy, and here it helps. Lesson 10 shows a training in which it costs accuracy: measure it. All photos, with turns: the gap is small. (That run differs in soft labels, averaged weights and learning rate too, so the last row does not show what the photos alone bring.)
#
# ## Stop in time
#
# Another remedy is *early stopping* (早期終了). `fit(…, patience=3)` ends when the validation loss has not become lower for three epochs, and takes back the weights of the best epoch. The same few photos, the same start:

# %% tags=["nbval-approx-0.15"]
stopped_model, few = start(0.06, augment=None)
stopped = training.fit(
    stopped_model, few["train"], few["validation"],
    epochs=25, learning_rate=1e-3, schedule=None, patience=3,
)  # fmt: skip
kept_loss, _ = training.evaluate(stopped_model, few["validation"])
best = stopped["validation_loss"].idxmin()
print("stopped before epoch 25:", len(stopped) < 25)
print("epochs after the best one:", len(stopped) - 1 - best)
print(f"validation accuracy of the kept epoch: {stopped['validation_accuracy'][best]:.2f}", end=", ")
print(f"the baseline: {baseline:.2f}")
print("its weights are back:", abs(kept_loss - stopped["validation_loss"].min()) < 1e-3)
assert abs(kept_loss - stopped["validation_loss"].min()) < 1e-3

# %% [markdown]
# After the best epoch `fit` waited for three more, none was better, and it took the best weights back. Look at the figure above again: much later the validation loss falls once more. So here it stopped too early, with a model that is hardly above the baseline. Early stopping limits how long a model can overfit; it does not make few photos more. Little patience saves time and may miss a later gain; with patience 1 the first jump by chance ends the training. And the best epoch was chosen on the validation photos, so its loss looks a little too good.

# %% [markdown]
# **Your turn:** read the two learning-curve figures above again (all photos, few photos). For each, say in one sentence whether the model overfits and from which line you see it. Then set `share` to 0.1, 0.3 and 1 (1 means all training photos). Does the gap shrink with more photos? One run may go the other way by chance: look at all of them together.

# %% tags=["nbval-approx-0.3"]
share = 0.03
test_model, some = start(share, augment=None)
run = training.fit(test_model, some["train"], some["validation"], epochs=5, schedule=None)
print(
    len(some["train"].labels),
    "photos, gap:",
    round(run["train_accuracy"].iloc[-1] - run["validation_accuracy"].iloc[-1], 2),
)

# %% [markdown]
# ## Which optimizer?
#
# *SGD with momentum* moves each weight against its gradient and keeps some of its earlier speed. *Adam* gives each weight its own step size, so it asks for a smaller learning rate. *Weight decay* (重み減衰) pulls all weights a little towards zero in each step. *AdamW* is Adam with a weight decay that does not get mixed up with the step sizes.
#
# Three short runs on a third of the photos, the first two without weight decay. The last column is the mean size of a weight; it only checks that the decay acts. (In our network batch normalisation takes the size of the convolution weights away again, so smaller weights do not by themselves mean less learning by heart.)

# %%
choices = {
    "SGD, momentum 0.9": {"optimizer": "sgd", "learning_rate": 0.05},
    "Adam": {"optimizer": "adam", "learning_rate": 5e-3},
    "AdamW, strong decay": {"optimizer": "adamw", "learning_rate": 5e-3, "weight_decay": 2.0},
}
runs, rows = {}, []
for name, settings in choices.items():
    network, third = start(0.33)
    settings = {"weight_decay": 0.0, **settings}
    runs[name] = training.fit(network, third["train"], third["validation"], epochs=4, **settings)
    sizes = torch.cat([block[0].weight.detach().abs().flatten() for block in network.blocks])
    logits, truth = evaluation.predict_logits(network, third["validation"])
    row = evaluation.accuracy_row(name, truth, logits.argmax(axis=1))
    rows.append(row | {"mean size of a weight": sizes.mean().item()})

# %% tags=["nbval-approx-0.2"]
plots.learning_curves(
    runs,
    baseline=baseline,
    alt="Three optimizers: Adam and AdamW run almost alike, SGD starts with a higher loss; all end near each other",
)
optimizers = pd.DataFrame(rows)
optimizers.drop(columns=["baseline", "photos"]).round(3)

# %%
weight_sizes = optimizers["mean size of a weight"]
assert weight_sizes[2] < weight_sizes[1], "weight decay makes the weights smaller"

# %% [markdown]
# The solid lines of Adam and AdamW lie almost on each other; that of SGD starts with a higher loss and meets them. The intervals in the table overlap: after four epochs on so few photos nobody can name a winner, although the learning rates differ by ten. Strong weight decay does what it says: the weights are smaller. Use AdamW when you have no reason for another, and spend your time on the learning rate.

# %% [markdown]
# ## When the learning rate is far too large
#
# On purpose: SGD with a learning rate of 1000 instead of 0.05.
#
# *Predict first:* will the loss fall faster, stay, or grow? First some steps by hand, on one batch.

# %% tags=["nbval-approx-0.3"]
network, third = start(0.33)
images, labels = (part.to(processor) for part in next(iter(third["train"])))
optimizer = torch.optim.SGD(network.parameters(), lr=1000.0)
for step in range(4):
    loss = functional.cross_entropy(network(images), labels)
    print(f"loss before step {step + 1}: about 10 to the power of {round(loss.log10().item())}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% [markdown]
# It grows. Now the same learning rate with `fit`:

# %% tags=["nbval-approx-0.3"]
from course_lib.errors import CourseError

network, third = start(0.33)
try:
    training.fit(network, third["train"], epochs=2, optimizer="sgd", learning_rate=1000.0, schedule=None)
    failed = False
except CourseError as error:
    failed = True
    print(error)
assert failed

# %% [markdown]
# Each step jumps over the goal and lands further away: in three steps the loss grows from below 1 to about ten billion. At some step a number no longer fits into the computer and becomes infinite (`inf`). Calculations such as inf − inf have no answer: `nan`, *not a number*. From there on every weight is lost. `fit` stops at once and names the batch. Without such a check the training runs on for hours and saves a useless model. The cure: divide the learning rate by ten until the loss falls.
#
# A broken photo can have the same effect. So if the batch is always the same one, look at its photos.

# %% [markdown]
# ## Is there a faster way to compute?
#
# The weights are numbers of the kind *float32*, with about seven digits. *bfloat16* keeps about three and needs half the memory. Some processors compute several times faster with it. Others must imitate it and are many times slower. The order of the numbers in memory matters too: *channels last* keeps all channels of a pixel side by side. No rule holds for every network and every computer. So you measure: `fastest_settings` lets the ways take turns on copies of the network, for about five seconds. Another run may choose another way: the times of a computer wander.

# %% tags=["nbval-ignore-output"] reason="times differ between computers and runs"
fastest = training.fastest_settings(again, photos, training=True)
print("fastest for training this network here:", fastest)
fastest.measured.round(3)

# %% [markdown]
# `plain` is float32 in the usual order; a `speed` of 2 means half the time. `change` says how far the answers move: a way that changes them too much is refused. A way that takes 1.5 times as long as the best one is given up. The fastest way is chosen only if it is clearly faster than plain float32, and in nearly every turn. You use the answer as `fit(…, precision=fastest.precision, channels_last=fastest.channels_last)`. The lessons themselves stay with float32, so that their numbers come out nearly alike everywhere; after many steps the third digit can still differ between computers.

# %% [markdown]
# %% [markdown]
# ## Interrupted, and resumed
#
# Trainings get interrupted: a laptop closes, Colab ends the session. With `checkpoint=…`, `fit` saves after each epoch not only the weights, but all that decides how it goes on: the optimizer's memory, the place in the learning-rate plan, the state of the random numbers, the order of the photos.
#
# Here a small function plays the interruption after epoch 2 of 4: it raises what the stop button of Jupyter raises. This runs on the CPU, since a GPU may add up numbers in another order each time.


# %%
def stop_after_two(row):
    if row["epoch"] == 2:
        raise KeyboardInterrupt


file = lesson.kept_folder(PHOTOS) / "interrupted.pt"
file.unlink(missing_ok=True)  # from an earlier run of this cell
settings = {"epochs": 4, "learning_rate": 5e-3, "device": "cpu", "progress": False}
network, loaders = start(0.1)
half = training.fit(network, loaders["train"], **settings, checkpoint=file, on_epoch_end=[stop_after_two])
print("epochs in the history:", half["epoch"].tolist())

# %% [markdown]
# The kernel could be restarted now. We start with a fresh model and fresh loaders, and call `fit` with the same arguments. Beside it runs a training that was never interrupted.

# %%
resumed, loaders = start(0.1)
resumed_history = training.fit(resumed, loaders["train"], **settings, checkpoint=file)
straight, loaders = start(0.1)
straight_history = training.fit(straight, loaders["train"], **settings)
pairs = zip(resumed.state_dict().values(), straight.state_dict().values(), strict=True)
equal = all(torch.equal(first, second) for first, second in pairs)
print("epochs:", resumed_history["epoch"].tolist(), "  every weight equal:", equal)
assert equal and len(resumed_history) == 4

# %% [markdown]
# Not only nearly equal: every weight is the same to the last bit. Nobody can tell that this training was interrupted.
#
# **Your turn:** what does resuming lose if only the weights are saved? Below, the last two epochs start with a new optimizer and a new learning-rate plan. Change it so that the file is used, and the weights are equal again.

# %%
file.unlink()
beginner, loaders = start(0.1)
first_half = {**settings, "checkpoint": file, "on_epoch_end": [stop_after_two]}
training.fit(beginner, loaders["train"], **first_half)
training.fit(beginner, loaders["train"], **{**settings, "epochs": 2})  # no checkpoint: all but weights is new
difference = (beginner.head[1].weight - straight.head[1].weight).abs().max().item()
print("the weights differ:", difference > 0)

# %% [markdown]
# ## Quiz

# %%
from course_lib import quiz

quiz.show(7)

# %% [markdown]
# ## What you take with you
#
# - Forward, loss, forget, backward, step: the loop has five parts. `fit` is the same loop with more comfort.
# - Look at both curves. A growing gap between training and validation is overfitting; a loss that becomes `nan` is a learning rate far too large.
# - Train mode for training, eval mode for answers. A checkpoint that holds everything lets a training go on as if nothing had happened.
#
# Still unsolved: about four in five right, but which mistakes are left? A missed defect costs more than a good cell thrown away. Lesson 8 judges this model as an inspector judges.
