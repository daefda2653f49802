# %% [markdown]
# # 08 Inference and evaluation
#
# "How good is it?" asks your manager. "80 per cent" is not an answer: it does not say how many defects get through, what
# that costs, or whether to believe the number. In this lesson your model of lesson 7 inspects photos, and you find out.
#
# **At the end you have:** the missed-defect and overkill rates of your model, a threshold chosen by cost, heat maps, the worst mistakes, and a report in one file
#
# {{picture}} Six solar cells, three of them defective, and below each in orange the places that spoke for a defect
#
# **Study time:** 80 to 100 minutes

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Read a confusion matrix: missed defects and overkill.
# - Choose a threshold from what a missed defect and an overkill cost.
# - Check whether a stated probability can be taken at its word.
# - Question a heat map before believing it.
# - Report a score with its interval and beside the trivial baseline.

# %%
# {{setup}} 8

# %% [markdown]
# `PHOTOS` is the folder with your photos. It may be a folder of your own; it needs two sub-folders, one for the good
# parts and one for the defective ones. (This lesson asks one question, defective or not. If your photos are sorted by
# kinds of defects, put these together into one folder.)
#
# The model of lesson 7 is loaded. If it is not there, it is trained again with the same settings, which takes about half
# a minute. Training differs a little from machine to machine, so your numbers will differ a little from those stored
# here. What the text says about them holds for yours as well, unless it says otherwise.

# %%
from course_lib import data, lesson, plots, quiz

PHOTOS = data.solar_cells()
print(data.credits(PHOTOS).splitlines()[0])
model, loaders = lesson.scratch_model(PHOTOS)
index = lesson.split_index(PHOTOS)
names = data.class_names(index)
index["split"].value_counts().rename("photos").to_frame()

# %% [markdown]
# The model learned from *train*. In this lesson all choices are made on *validation*. The *test* photos stay closed until
# everything is chosen.
#
# ## One photo
#
# Let the model inspect one photo. It gives two numbers, the *logits*, one for each class. The function *softmax* turns
# them into probabilities that add up to 1; the second one belongs to "defective".

# %% tags=["nbval-approx-0.3"]
import torch

from course_lib.evaluation import softmax

images, labels = next(iter(loaders["validation"]))
photo = images[:5][-1:]  # the fifth, or the last of fewer
model.eval()
with torch.no_grad():
    logits = model(photo).numpy()
print("logits:", logits.round(1), "| probabilities:", softmax(logits).round(2))

# %% [markdown]
# Before inspecting, the cell called `model.eval()`, which switches the model from *training mode* to *evaluation mode*
# (train mode and eval mode, as lesson 7 calls them). *Predict first:*

# %%
quiz.guess("08-three-times")

# %% tags=["nbval-approx-0.3"]
from copy import deepcopy

import pandas as pd

torch.manual_seed(0)
answers = {}
for mode in ("training mode", "evaluation mode"):
    copy = deepcopy(model).train(mode == "training mode")
    with torch.no_grad():
        answers[mode] = [softmax(copy(photo).numpy())[0, 1] for _ in range(3)]
answers = pd.DataFrame(answers, index=["first time", "second time", "third time"])
same = answers["training mode"].nunique() == 1
quiz.compare("08-three-times", {True: "other", False: "differ"}[same])
answers.round(2)

# %% [markdown]
# This mistake is easily made when a model leaves the notebook, and nothing warns you. The cure is one line:
# `model.eval()`.
#
# ## A handful of new photos
#
# A model alone cannot inspect a file: somebody must know the size of the photos, the grey scale and the names of the
# classes. An *inspector* keeps them together. It gets four photos, and one file that is not a photo.

# %% tags=["nbval-approx-0.3"]
from course_lib import datasets
from course_lib.inference import Inspector, InspectorSettings

size = lesson.SCRATCH_SETTINGS["size"]
settings = InspectorSettings(names, size, 1, datasets.GREY_MEAN, datasets.GREY_STD)
inspector = Inspector(model, settings)
broken = lesson.kept_folder(PHOTOS) / "broken.png"
broken.write_text("no picture")
new = [data.photo_path(index, row) for row in index.index[index["split"] == "validation"][:4]]
inspector.inspect([*new, broken], progress=False)[["path", "probability", "decision"]].round(2)

# %% [markdown]
# The broken file stopped nothing. It is listed as *not inspected*, so nobody can take it for a good part.
#
# ## All validation photos
#
# `predict_logits` does the same for all photos of a loader, in evaluation mode. Keep the logits: everything that follows
# is computed from them.

# %% tags=["nbval-approx-0.3"]
import numpy as np

from course_lib import evaluation

logits, labels = evaluation.predict_logits(model, loaders["validation"])
probabilities = softmax(logits)[:, 1]
inspected = index[index["split"] == "validation"].assign(probability=probabilities)
inspected["decision"] = np.where(probabilities >= 0.5, "reject", "pass")
inspected[["path", "probability", "decision"]].head(8).round(2)

# %% [markdown]
# One row for each photo: how probable a defect is, and what to do with the part. The decision follows a rule: from
# probability 0.5 on, reject. This limit is the *threshold*.
#
# ## Four outcomes
#
# A part is good or defective, and it passes or is rejected. That makes four outcomes. Two of them are right, and two are
# mistakes of different kinds:
#
# - A *missed defect*: a defective part passes.
# - *Overkill*: a good part is rejected.
#
# **Task 1: count the outcomes.** Write `count_outcomes`. It returns four counts: the good parts that pass, the overkill,
# the missed defects, and the defects found. `labels` is 1 for a defective part and 0 for a good one; `rejected` is `True`
# for a part that is rejected. (Hints: `quiz.hint("08-count-outcomes")`.)


# %%
def count_outcomes(labels, rejected):
    """How many parts: good and passed, good and rejected, defective and passed, defective and rejected."""
    ...
    return passed, overkill, missed, found


quiz.check("08-count-outcomes", count_outcomes)

# %% [markdown]
# Now count what your model did with the validation photos.

# %% tags=["nbval-approx-0.1"]
count = quiz.yours("08-count-outcomes", count_outcomes)
passed, overkill, missed, found = count(labels, probabilities >= 0.5)
print(f"accuracy: {(passed + found) / len(labels):.2f}")
print(f"accuracy of always saying {names[0]!r}: {(labels == 0).mean():.2f}")

# %% [markdown]
# *Predict first:*

# %%
quiz.guess("08-missed-share")

# %% tags=["nbval-approx-0.3"]
quiz.compare("08-missed-share", round(100 * missed / (missed + found)))
rows, columns = [f"is {name}" for name in names], [f"says {name}" for name in names]
plots.confusion_matrix(pd.DataFrame([[passed, overkill], [missed, found]], rows, columns))

# %% [markdown]
# This table is the *confusion matrix*. (The library counts the same: `evaluation.confusion`.) Each mistake has its own
# rate, and what matters is what you divide by. The *missed-defect rate* divides by all **defective** parts, the *overkill
# rate* by all **good** parts. `from` and `to` are the 95 % interval of lesson 1; the last column belongs to an
# "inspector" that lets everything pass.

# %% tags=["nbval-approx-0.1"]
rates = {
    "accuracy": (passed + found, len(labels), (labels == 0).mean()),
    "missed-defect rate": (missed, missed + found, 1.0),
    "overkill rate": (overkill, overkill + passed, 0.0),
}
rows = {
    name: (part / whole, *evaluation.wilson_interval(part, whole), baseline)
    for name, (part, whole, baseline) in rates.items()
}
pd.DataFrame.from_dict(rows, orient="index", columns=["value", "from", "to", "pass everything"]).round(3)

# %% [markdown]
# The accuracy lies above the baseline, and yet a large share of the defects gets through. These are the photos on which
# lesson 7 judged its training, so all of this may look a little too good; the test below will tell.
#
# Two more words that you will meet: *recall* is the share of the defects that are found, 1 minus the missed-defect rate.
# *Precision* is the share of the rejected parts that are really defective.
#
# ## All thresholds at once
#
# With a lower threshold the model finds more defects and rejects more good parts. Two curves show all thresholds. The
# *ROC curve* (receiver operating characteristic) draws found defects over overkill; guessing gives the dotted diagonal.
# The *precision-recall curve* shows how clean the rejected pile is when you want to find more; guessing gives the share
# of defects (dotted).

# %% tags=["nbval-approx-0.05"]
figure, axes = plots.new_figure(columns=2, width=8.0)
plots.draw_roc(axes[0, 0], labels, probabilities)
plots.draw_precision_recall(axes[0, 1], labels, probabilities)
words = "The ROC curve runs above the diagonal. Precision falls towards the share of defects."
plots.show(figure, words)

# %% [markdown]
# The area under the right curve is called *average precision*. It judges the order in which the model puts the photos,
# without any threshold. And look at the right end of both curves: to find nearly all defects, this model must reject most
# of the good cells, too.
#
# ## What a mistake costs
#
# Which threshold is best? That depends on money. Say that a missed defect costs 10 coins, because a module fails on the
# roof, and an overkill costs 1 coin, because a good cell is thrown away.
#
# **Task 2: the expected cost.** Write `expected_cost`. It returns what the mistakes cost for each inspected part. A part
# is rejected if its probability is `threshold` or more. A missed defect costs `cost_missed`, an overkill `cost_overkill`;
# right decisions cost nothing.


# %%
def expected_cost(labels, probabilities, threshold, cost_missed, cost_overkill):
    """What the mistakes cost, for each inspected part."""
    ...


quiz.check("08-expected-cost", expected_cost)

# %% [markdown]
# Your function compares three rules. Two of them need no model at all.

# %% tags=["nbval-approx-0.15"]
PRICES = 10, 1  # a missed defect, an overkill
cost = quiz.yours("08-expected-cost", expected_cost)
rules = {"pass everything": 1.1, "reject everything": 0.0, "model, threshold 0.5": 0.5}
costs = {rule: cost(labels, probabilities, limit, *PRICES) for rule, limit in rules.items()}
pd.Series(costs, name="coins for each part").to_frame().round(2)

# %% [markdown]
# Passing everything is expensive. But at 0.5 your model costs more than a rule that throws every cell away! The model is
# not to blame. The threshold is.
#
# **Task 3: the cheapest threshold.** Write `cheapest_threshold`. It returns the threshold at which
# `evaluation.expected_cost`, the library's version of task 2, is lowest for these photos. Every probability is worth a
# try as a threshold. Do not forget the rule that lets everything pass.


# %%
def cheapest_threshold(labels, probabilities, cost_missed, cost_overkill):
    """A threshold at which the mistakes on these photos cost least."""
    ...


quiz.check("08-cheapest-threshold", cheapest_threshold)

# %% [markdown]
# Here is the cost in steps of 0.005, and the threshold that your search finds. It may lie between two steps, where the
# curve does not show its cost: the search tries every probability.

# %% tags=["nbval-approx-0.1"]
search = quiz.yours("08-cheapest-threshold", cheapest_threshold)
threshold = search(labels, probabilities, *PRICES)
grid = np.linspace(0, 0.8, 161)
curve = [evaluation.expected_cost(labels, probabilities, limit, *PRICES) for limit in grid]
marks = {"0.5": 0.5, "cheapest": threshold}
plots.lines(grid, {"cost on validation": curve}, xlabel="threshold", ylabel="coins for each part", mark=marks)
print(f"cheapest threshold on validation: {threshold:.2f}")

# %% [markdown]
# It lies far below 0.5: where a missed defect is expensive, a small suspicion is enough to reject. How small? That you
# can calculate without any photo. If a part is defective with probability p, passing it costs p · `cost_missed` on
# average, and rejecting it costs (1 − p) · `cost_overkill`.
#
# **Task 4: the break-even point.** Write `break_even`. It returns the probability p at which passing and rejecting cost
# the same.


# %%
def break_even(cost_missed, cost_overkill):
    """The probability at which passing and rejecting cost the same on average."""
    ...


quiz.check("08-break-even", break_even)

# %% [markdown]
# Compare your rule with your search, for four prices of a missed defect.

# %% tags=["nbval-approx-0.2"]
rule = quiz.yours("08-break-even", break_even)
rows = [(price, rule(price, 1), search(labels, probabilities, price, 1)) for price in (1, 3, 10, 30)]
pd.DataFrame(rows, columns=["a missed defect costs", "by the rule", "by the search"]).round(2)

# %% [markdown]
# Rule and search agree in direction: the more a missed defect costs, the lower the threshold. The numbers need not be
# the same. The search fits the threshold to these few photos, and the rule trusts the probabilities, which you will
# check below.
#
# Try it yourself. Find a threshold at which at most 5 % of the defects are missed (0.05). What share of the good cells
# is rejected there? (In a saved notebook you see a list instead of the slider.)

# %% tags=["nbval-approx-0.3"]
from course_lib.widgets import cost_slider

cost_slider(labels, probabilities, *PRICES)

# %% [markdown]
# ## The test photos, opened once
#
# Everything is chosen: the model, its weights, the threshold. Now, and only now, the test photos are opened, and the
# course writes down which model has seen them. Inspect again with the same model, and the number stays. Change the
# model and look again, and it grows. Then the result is no longer honest, because you have chosen with the help of
# these photos. (Later cells use the test photos again to measure, but never to choose.)
#
# The columns `from` and `to` hold the *bootstrap interval*: draw test photos at random, from each class as many as it
# has, where a photo may come up more than once. Compute the measure, do this 500 times, and keep the middle 95 % of the
# results. The two measures at the end need no threshold; for the area under the ROC curve, 0.5 is guessing and 1 is
# perfect.

# %% tags=["nbval-approx-0.06"]
opened = evaluation.record_test_opening(PHOTOS, f"lesson 8, scratch model {inspector.fingerprint()}")
print("models that have seen these test photos:", opened)
test_logits, test_labels = evaluation.predict_logits(model, loaders["test"])
test_probabilities = softmax(test_logits)[:, 1]
evaluation.inspection_table(test_labels, test_probabilities).set_index("measure").round(3)

# %% [markdown]
# The whole interval of accuracy and of average precision lies above the baseline, so the model has learned something. And
# it misses many of the defects, here too. (The interval belongs to this one trained model. Another random start gives
# another model, with a result of its own.)
#
# Now the cost. The threshold that you chose on validation competes with three rules. (A threshold of `inf`, infinity, is
# never reached.)

# %% tags=["nbval-approx-0.25"]
money = evaluation.cost_table(test_labels, test_probabilities, threshold, *PRICES).set_index("rule")
money.round(2)

# %% [markdown]
# One number changed, the model is the same, and its mistakes cost far less than at 0.5. What has become of the two kinds
# of mistakes? The same measures at the chosen threshold:

# %% tags=["nbval-approx-0.25"]
at_chosen = evaluation.inspection_table(test_labels, test_probabilities, threshold).set_index("measure")
at_chosen.loc[["missed-defect rate", "overkill rate"]].round(3)

# %% [markdown]
# The model misses few defects now, and it pays for that: it rejects a large share of the good cells. Look once more at
# "reject everything" in the table above. It needs no model, and it does not cost much more than ours; compare the
# interval of our cost. Without the trivial rules beside it, you would not have noticed. This model is too weak for such
# prices. A better one is needed; lesson 9 makes one.
#
# ## A trap: choosing on the test photos
#
# Why so strict? Suppose that you choose the threshold on the test photos themselves. *Predict first:*

# %%
quiz.guess("08-chosen-on-test")

# %% tags=["nbval-approx-0.15"]
quiz.compare("08-chosen-on-test")
thresholds = {"validation (honest)": threshold, "test (flatters itself)": search(test_labels, test_probabilities, *PRICES)}
rows = [
    (name, limit, evaluation.expected_cost(test_labels, test_probabilities, limit, *PRICES))
    for name, limit in thresholds.items()
]
pd.DataFrame(rows, columns=["chosen on", "threshold", "cost on test"]).round(3)

# %% [markdown]
# The gain is small here, because a threshold is only one number. Choose a network, its settings and its epochs in this
# way, and it grows. So choose on validation, and judge on test.
#
# ## Can a probability be taken at its word?
#
# Of all parts with probability 0.8, about 80 in 100 should be defective. Then the model is *calibrated*. The table groups
# the test photos by what the model said, and counts what came true.

# %% tags=["nbval-approx-0.3"]
groups = evaluation.calibration_table(test_labels, test_probabilities, bins=5)
gap = np.average((groups["said"] - groups["true"]).abs(), weights=groups["photos"])
print(f"mean gap: {gap:.2f}")
groups.round(2)

# %% [markdown]
# Compare `said` and `true` in each row. Where they lie far apart, look at the number of photos first: a handful of photos
# proves little. The mean gap, weighted by the number of photos, is the *expected calibration error* (ECE); 0 is perfect.
# (Below it is computed with ten groups instead of five, so it comes out a little different.)
#
# What does a model look like that is *not* calibrated? Train one: the same network on only 300 of the training photos,
# without augmentation, until it knows them by heart.

# %% tags=["nbval-approx-0.05"]
from course_lib import device, models, training

chosen = np.random.default_rng(0).permutation(len(loaders["train"].labels))[:300]
answers = data.label_numbers(index[index["split"] == "train"])[chosen]
few = datasets.BatchLoader(loaders["train"].images.numpy()[chosen], answers, batch_size=32, shuffle=True)
device.seed_everything(0)
memoriser = models.ScratchCNN()
history = training.fit(memoriser, few, epochs=30, learning_rate=1e-2, weight_decay=0)
print(f"right on its own photos: {history['train_accuracy'].iloc[-1]:.0%}")

# %% [markdown]
# It calls some of the test photos defective and is at least 90 % sure of it. *Predict first:*

# %%
quiz.guess("08-sure-and-right")

# %% tags=["nbval-approx-0.3"]
on_test = {"memoriser": evaluation.predict_logits(memoriser, loaders["test"])[0], "lesson 7": test_logits}
rows = []
for name, said in on_test.items():
    sure = softmax(said)[:, 1] >= 0.9
    right, photos = test_labels[sure].sum(), max(sure.sum(), 1)
    rows.append((name, right / photos, *evaluation.wilson_interval(right, photos), photos))
quiz.compare("08-sure-and-right", round(100 * rows[0][1]))
pd.DataFrame(rows, columns=["at least 90 % sure", "really defective", "from", "to", "photos"]).round(2)

# %% [markdown]
# *Temperature scaling* repairs probabilities. All logits are divided by one number, the *temperature*. Above 1, the model
# becomes less sure. Which temperature is right? The one whose probabilities fit the answers best, that is, with the
# lowest loss. This is the loss of lesson 7, written out:

# %% tags=["nbval-approx-0.2"]
TEMPERATURES = np.geomspace(0.25, 16, 200)  # equal factors, from very sure to very careful


def loss_of(logits, labels):
    """Mean of −log of the probability that the right class got."""
    right = softmax(logits)[np.arange(len(labels)), labels]
    return -np.log(right).mean()


print(f"loss of our model on validation: {loss_of(logits, labels):.2f}")

# %% [markdown]
# **Task 5: the temperature.** Write `best_temperature`. It divides the logits by each of the `TEMPERATURES`, and returns
# the one with the smallest `loss_of`.


# %%
def best_temperature(logits, labels):
    """The temperature in TEMPERATURES whose probabilities fit these photos best."""
    ...


quiz.check("08-best-temperature", best_temperature)

# %% [markdown]
# The temperature is fitted on validation, and the ECE is measured on test, `before` and `after`. The column `by chance`
# is the yardstick: with so few photos in a group, even a model whose every probability is true would have about this
# error.

# %% tags=["nbval-approx-0.2"]
fit = quiz.yours("08-best-temperature", best_temperature)
on_validation = {"lesson 7": logits, "memoriser": evaluation.predict_logits(memoriser, loaders["validation"])[0]}
rows, scaled = {}, {}
for name in on_validation:
    temperature = fit(on_validation[name], labels)
    scaled[name] = {"before": softmax(on_test[name])[:, 1], "after": softmax(on_test[name], temperature)[:, 1]}
    errors = [evaluation.expected_calibration_error(test_labels, p) for p in scaled[name].values()]
    rows[name] = (temperature, *errors, evaluation.calibration_error_by_chance(scaled[name]["after"]))
pd.DataFrame.from_dict(rows, orient="index", columns=["temperature", "before", "after", "by chance"]).round(2)

# %% [markdown]
# The memoriser is far too sure. Its temperature lies far above 1, and dividing by it removes more than half of its
# calibration error. The model of lesson 7 was trained with augmentation and averaged weights. Its temperature is about
# 1, so there is little to repair.
#
# Scaling changes neither a decision at 0.5 nor the order of the photos, so accuracy, ROC curve and average precision stay
# what they are.

# %% tags=["nbval-approx-0.1"]
figure, axes = plots.new_figure(columns=2, width=8.0)
for axis, (name, versions) in zip(axes[0], scaled.items(), strict=True):
    tables = {f"{when} scaling": evaluation.calibration_table(test_labels, p, bins=5) for when, p in versions.items()}
    plots.draw_calibration(axis, tables)
    axis.set_title(name)
plots.show(figure, "Lesson 7: near the diagonal. Memoriser: too flat before scaling, nearer to it after.")

# %% [markdown]
# On the dotted line a model can be taken at its word. On the left the two curves nearly lie on each other. On the right,
# the curve before scaling lies below the line at its right end: "nearly certain" was wrong far too often.
#
# ## Where does the model look?
#
# *Grad-CAM* draws a heat map: which places of the photo raised the logit of "defective"? It needs two things from inside
# the network. One is the *feature maps* of a block: 64 small pictures of 4 × 4 fields each, for block 2, the third of the
# four. The other is their *gradients*: how much the logit would rise if a number in these maps rose a little. A *hook*
# is a function that PyTorch calls when a block has computed something; ours keeps it.


# %%
def maps_and_gradients(model, block, photo):
    """Feature maps of a block for one photo, and the gradients of the logit of "defective"; (channels, height, width)."""
    model, kept = model.cpu().eval(), []
    hook = block.register_forward_hook(lambda block, inputs, output: kept.append(output))
    logits = model(photo)
    hook.remove()
    (gradients,) = torch.autograd.grad(logits[0, 1], kept[0])
    return kept[0][0].detach().numpy(), gradients[0].numpy()


maps, gradients = maps_and_gradients(model, model.blocks[2], photo)
print("maps:", maps.shape, "| gradients:", gradients.shape)

# %% [markdown]
# **Task 6: the heat map.** Write `heat_map`. A map whose gradients are positive on average speaks for a defect, and one
# with negative gradients speaks against it. So multiply each map by the mean of its gradients, and add all maps up (a
# loop over the maps will do). Set what is negative to 0, and divide by the largest value, so that the warmest field
# gets 1. (If all are 0, the heat map must be all 0, too.)


# %%
def heat_map(maps, gradients):
    """Where the photo speaks for a defect: (height, width), from 0 to 1."""
    ...


quiz.check("08-heat-map", heat_map)

# %% [markdown]
# That is all there is to Grad-CAM. Use it on six validation photos: the three defective cells and the three good cells
# that have the highest probability of a defect. The library's `grad_cam` does the same for many photos at once; do the
# two agree?

# %%
from course_lib.transforms import to_float

pixels = to_float(loaders["validation"].images, datasets.GREY_MEAN, datasets.GREY_STD)
surest = np.argsort(-probabilities)
six = [*surest[labels[surest] == 1][:3], *surest[labels[surest] == 0][:3]]
draw, third = quiz.yours("08-heat-map", heat_map), model.blocks[2]
maps = np.stack([draw(*maps_and_gradients(model, third, pixels[row : row + 1])) for row in six])
print("as the library's:", np.allclose(maps, evaluation.grad_cam(model, third, pixels[six]), atol=1e-3))

# %% tags=["nbval-any-figure", "nbval-approx-0.3", "picture"] reason="the network decides which six photos are shown, and where the maps are warm"
pictures = [data.read_image(data.photo_path(inspected, row)) for row in six]
titles = [f"{names[labels[row]]}: {probabilities[row]:.2f}" for row in six]
plots.heat_maps(pictures, maps, titles, alt="Six cells and their heat maps: three defective ones, three good ones")

# %% [markdown]
# Above each photo: what it is, and how probable a defect is according to the model. Below it, orange marks where the
# photo speaks for a defect, and the line goes around the warmest part. The fields are coarse, a quarter of the photo
# wide, so read only the rough place. Where a cell has one large dark area, the map tends to mark it. For other cells it
# may mark a border or a corner where no defect is; look for such maps among yours.
#
# Pictures like these persuade people quickly, so they need a test. Three questions:
#
# - Mirror the photo. Is the map mirrored, too? It should be.
# - Take the map of *another* photo. Is its likeness smaller? Only then does a likeness mean anything.
# - Take networks with *random weights*, which know nothing. If their maps look like yours, your maps do not show what was
#   learned.


# %%
def likeness(first, second):
    """Mean correlation of maps in pairs: 1 is the same picture, 0 is no relation."""
    one, two = (maps.reshape(len(maps), -1) for maps in (first, second))
    one, two = one - one.mean(axis=1, keepdims=True), two - two.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    return ((one * two).sum(axis=1) / np.maximum(lengths, 1e-9)).mean()


many = pixels[surest[:40].copy()]
maps = evaluation.grad_cam(model, third, many)
mirrored = evaluation.grad_cam(model, third, many.flip(-1))[:, :, ::-1]

# %% tags=["nbval-approx-0.3"]
random_maps = []
for seed in range(5):
    device.seed_everything(seed)
    untrained = models.ScratchCNN()
    random_maps.append(evaluation.grad_cam(untrained, untrained.blocks[2], many))
same = {"the photo mirrored": likeness(maps, mirrored)}
same["another photo"] = likeness(maps, np.roll(maps, 1, axis=0))
same["random weights, mean of 5"] = np.mean([likeness(maps, one) for one in random_maps])
pd.Series(same, name="likeness to the map").to_frame().round(2)

# %% [markdown]
# The maps of random weights have little to do with ours, so ours depend on what was learned. The mirrored photo gives a
# similar map, more like ours than the map of another photo, but not the same. So much for the good news. A map that
# marks a bare corner is still a reason to distrust the model, even where its answer is right.
#
# ## The surest mistakes
#
# Look at the validation photos on which the model was most certain and wrong. (Not at test photos: whoever takes ideas
# from them cannot test those ideas on them later.) For each photo of the solar cells, the experts wrote down a
# probability of a defect: 0, 1/3, 2/3 or 1. The values in between mean that they had doubts.

# %% tags=["nbval-any-figure"] reason="which photos are the surest mistakes differs between trainings"
worst = evaluation.worst_mistakes(inspected, probabilities, labels, count=12)
titles = [
    f"{row.mistake}\nmodel says {row.probability:.2f}\n{'experts doubted' if doubt else ''}"
    for row, doubt in zip(worst.itertuples(), evaluation.is_doubted(worst), strict=True)
]
cells = [data.read_image(data.photo_path(inspected, row)) for row in worst["row"]]
plots.photo_grid(cells, titles, alt="Twelve validation photos on which the model was sure and wrong")

# %% [markdown]
# Which photos these are differs from training to training. Two things to look for in yours. Fine lines and small marks:
# the model sees photos of 64 × 64 pixels, and a fine crack may be gone at this size, so larger photos are worth a try.
# And photos that the experts doubted: you might disagree with them yourself.
#
# Does the model err more often where the experts doubted? The test photos say:

# %% tags=["nbval-approx-0.1"]
test = index[index["split"] == "test"]
doubt = np.where(evaluation.is_doubted(test), "experts doubted", "experts were certain")
rows = [
    evaluation.accuracy_row(name, test_labels[doubt == name], test_probabilities[doubt == name] >= 0.5)
    for name in np.unique(doubt)
]
pd.DataFrame(rows).round(3)

# %% [markdown]
# The accuracy is lower on doubted photos. Compare it with the baseline of these photos, which is not the same either:
# there the model is hardly better than always giving the same answer, if at all. A doubtful label puts a limit on what
# any model can reach.
#
# ## New lots
#
# Until now the split was random: photos of one solar module lie in train and in test. A factory inspects *new* modules.
# Lesson 5 made a second split, in which no lot is in two parts. The same network was trained on it in lesson 7; it is
# loaded, or trained again (about half a minute). It has test photos of its own, and these are opened now. (Photos of your
# own need lots for this, see lesson 5. Where there are none, the cell stops with a sentence that says so, and the cells
# after it go on with the random split alone. Where each photo is a lot of its own, the second split is a random one, too,
# and the comparison shows nothing.)

# %%
parts = ("validation", "test")
sides = {"random split": {part: evaluation.predict(model, loaders[part], index, part) for part in parts}}
lot_model, lot_loaders = lesson.scratch_model(PHOTOS, "lot")
lot_inspector = Inspector(lot_model, settings)
evaluation.record_test_opening(PHOTOS, f"lesson 8, lot split, scratch model {lot_inspector.fingerprint()}")
lot_index = lesson.split_index(PHOTOS, "lot")
sides["lot split"] = {part: evaluation.predict(lot_model, lot_loaders[part], lot_index, part) for part in parts}

# %% [markdown]
# Each model gets its threshold from its own validation photos. Then both are compared, each on its own test photos.

# %% tags=["nbval-approx-0.3"]
rows = []
for name, side in sides.items():
    test, validation = side["test"], side["validation"]
    limit = search(validation.labels, validation.positive, *PRICES)
    row = evaluation.accuracy_row(name, test.labels, test.positive >= 0.5)
    row["ECE"] = evaluation.expected_calibration_error(test.labels, test.positive)
    row["cost"] = evaluation.expected_cost(test.labels, test.positive, limit, *PRICES)
    row["reject all"] = evaluation.expected_cost(test.labels, test.positive, 0.0, *PRICES)
    rows.append(row)
pd.DataFrame(rows).set_index("model").round(2)

# %% [markdown]
# Both accuracies lie above their baseline. Now look at the last two columns. On the random split our threshold is cheaper
# than rejecting every cell. On new lots this advantage shrinks or is gone; how much of it is left differs from training
# to training. A threshold belongs to the lots on which it was chosen. One lot split is only one draw of lots, so read
# this as a warning and not as a law.
#
# ## The report
#
# A notebook is for you. Your manager or your customer gets a file. `report` computes the tables and curves of this lesson
# once more, for both splits, and writes one HTML file with the figures in it. It can be mailed, and opened without a
# network. It shows the surest mistakes among the *test* photos: they are for your reader; take no ideas for the next
# model from them.

# %%
from course_lib.paths import shorten

prices = {"cost_missed": PRICES[0], "cost_overkill": PRICES[1]}
path = lesson.kept_folder(PHOTOS) / "report.html"
file = evaluation.report(sides, path, title="The network of lesson 7", **prices)
pictures_inside = file.read_text(encoding="utf-8").count('src="data:image/png')
print(shorten(file), "| figures and photos inside:", pictures_inside)

# %% [markdown]
# Open the file: in JupyterLab, click the folder symbol at the left, go up to the folder of the course, then to the file
# printed above, and double-click it. It names the licence of the photos, too, because it shows some of them.
#
# ## Your memo
#
# What does your manager need to know about this model? One figure, and one sentence with the missed-defect rate, its
# interval, and what the trivial rule costs. Take away the two `#` and the space after each, and run the cell.

# %%
memo = lesson.memo(8, PHOTOS)
# memo.figure("What the photo shows", pictures[0])
# memo.finding("What you found, in one sentence")
lesson.show_memo(PHOTOS)

# %% [markdown]
# ## Your guesses
#
# What you guessed, and what came out:

# %% tags=["nbval-approx-0.3"]
quiz.guesses(8)

# %% [markdown]
# ## Quiz

# %%
quiz.show(8)

# %% [markdown]
# ## What you take with you
#
# - Accuracy hides what matters. Report missed defects and overkill, with intervals and beside the trivial rule.
# - The threshold follows from what mistakes cost. Choose it on validation, and judge it once on test.
# - Probabilities and heat maps look convincing, whether they are right or not. Test both before you believe them.
#
# Still unsolved: the model misses too many defects or rejects too many good cells, whatever the threshold, and nobody
# knows if its threshold holds on the next lot.
#
# Next comes lesson 9. There you start from a network that has already seen a million photos.
