# %% [markdown]
# # 08 Inference and evaluation
#
# You let the model of lesson 7 inspect photos, count what it misses and what it wrongly rejects, choose a threshold
# from what mistakes cost, and look at where the model is wrong.
#
# **At the end you have:** the missed-defect and overkill rates of your model, a threshold chosen by cost, heat maps, the worst mistakes, and a report in one file

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
# `PHOTOS` names the photo folder. You may put your own folder there; it needs two sub-folders: one for the good parts, and one called `defective`. Run lesson 5 with it
# first: the sections on new lots need the lots that it writes down. A cell may stop at a line that begins with `assert`, because its limit was set for
# the solar cells; put a # before that line and run the cell again.
#
# The model of lesson 7 is loaded. If it is not there, it is trained again with the same settings. That takes about half a
# minute.

# %%
from course_lib import data, lesson

PHOTOS = data.solar_cells()
print(data.credits(PHOTOS).splitlines()[0])
model, loaders = lesson.scratch_model(PHOTOS)
index = lesson.split_index(PHOTOS)
index["split"].value_counts().rename("photos").to_frame()

# %% [markdown]
# These are three groups of photos. The model learned from *train*. In this lesson all choices are made on *validation*.
# The *test* photos stay closed until everything is chosen. They are opened once, in the middle of this lesson.
#
# ## A file that is damaged
#
# Trained weights lie in a file, the *checkpoint*. Files get damaged: a disk is full, a download breaks off. We make such a
# file on purpose. It holds the first half of the checkpoint.

# %%
from course_lib import models, training
from course_lib.errors import CourseError

whole = (lesson.kept_folder(PHOTOS) / "scratch_random.pt").read_bytes()
damaged = lesson.kept_folder(PHOTOS) / "damaged.pt"
damaged.write_bytes(whole[: len(whole) // 2])
try:
    training.load_checkpoint(damaged, models.ScratchCNN())
except CourseError as error:
    print(error)

# %% [markdown]
# Now you know what to do. A checkpoint can also be a trap: the usual Python format may hold
# code that runs when the file is opened. `load_checkpoint` reads numbers and text only, and refuses everything else, so opening
# a file runs no code from it. Whether its weights are any good, only a test shows.
#
# ## One photo
#
# Now the model inspects one photo, a cell with a plain defect. It gives two numbers, the *logits*, one for each class. The function *softmax* turns
# them into probabilities that add up to 1.

# %% tags=["nbval-approx-0.3"]
import torch

from course_lib.evaluation import softmax

images, labels = next(iter(loaders["validation"]))
photo = images[4:5]
model.eval()
with torch.no_grad():
    logits = model(photo).numpy()
print("logits", logits.round(2), "probabilities", softmax(logits).round(2))

# %% [markdown]
# The second probability belongs to "defective". The cell called `model.eval()` first. It switches the model from *training
# mode* to *evaluation mode*.
#
# *Predict first:* you forget this line, and inspect the same photo three times. Do you get the same answer three times?

# %% tags=["nbval-approx-0.3"]
from copy import deepcopy

import pandas as pd

torch.manual_seed(0)
answers = {}
for mode in ("train", "eval"):
    copy = deepcopy(model).train(mode == "train")
    with torch.no_grad():
        answers[f"{mode} mode"] = [softmax(copy(photo).numpy())[0, 1] for _ in range(3)]
answers = pd.DataFrame(answers, index=["first time", "second time", "third time"])
assert answers["eval mode"].nunique() == 1 < answers["train mode"].nunique()
answers.round(3)

# %% [markdown]
# In training mode the answers differ, and all are far from the answer of evaluation mode. Dropout switches off features by chance, and batch
# normalisation uses the mean of the photos at hand instead of the one it has stored; it also moves what it has stored a little towards those photos. So each inspection changes the model.
# We used a copy, so our model is unharmed. The cure is one line: call `model.eval()` before you inspect.
#
# ## A folder of photos: a table
#
# A model alone cannot inspect a photo: it must know the size, the grey scale and the names of the classes. An *inspector*
# keeps them together. We give it a small folder: four validation photos, and a file that is no picture.

# %%
import shutil

from course_lib.paths import make_folder

folder = make_folder(lesson.kept_folder(PHOTOS) / "new_photos")
for row in index.index[index["split"] == "validation"][:4]:
    shutil.copy(data.photo_path(index, row), folder)
(folder / "broken.png").write_text("no picture")
print(len(list(folder.iterdir())), "files")

# %% tags=["nbval-approx-0.3"]
from course_lib import datasets
from course_lib.inference import Inspector, InspectorSettings

settings = InspectorSettings(
    data.class_names(index), lesson.SCRATCH_SETTINGS["size"], 1, datasets.GREY_MEAN, datasets.GREY_STD
)
found = Inspector(model, settings).inspect(folder, progress=False)
assert list(found["decision"]).count("not inspected") == 1
found[["path", "probability", "decision"]].round(2)

# %% [markdown]
# The broken file stopped nothing. It is listed as *not inspected*, so nobody can take it for a good part. `inspect` also takes a
# single photo.
#
# ## All validation photos
#
# `predict_logits` does this for all photos of a loader. We keep the logits: everything that follows is computed from them.

# %% tags=["nbval-approx-0.3"]
from course_lib import evaluation

logits, labels = evaluation.predict_logits(model, loaders["validation"])
probabilities = softmax(logits)[:, 1]
inspected = index[index["split"] == "validation"].assign(probability=probabilities)
inspected["decision"] = inspected["probability"].ge(0.5).map({True: "reject", False: "pass"})
inspected[["path", "probability", "decision"]].head(8).round(2)

# %% [markdown]
# One row for each photo: where it lies, how probable a defect is, and what to do with the part. The decision follows a
# rule: from probability 0.5 on, reject. This limit is the *threshold*.
#
# ## Four outcomes
#
# A part is functional or defective, and the model passes or rejects it. That makes four outcomes. The table that counts
# them is the *confusion matrix*.

# %% tags=["nbval-approx-0.3"]
from course_lib import plots

table = evaluation.confusion(labels, (probabilities >= 0.5).astype(int))
plots.confusion_matrix(
    table,
    alt="Four fields with counts. Most good cells pass, few are rejected; of the defective cells many are missed.",
)

# %% [markdown]
# Two of the outcomes are right. The other two are different mistakes:
#
# - A *missed defect*: a defective part passes. The *missed-defect rate* divides by all **defective** parts.
# - *Overkill*: a good part is rejected. The *overkill rate* divides by all **functional** parts.
#
# Two more words are common. *Recall* is the share of defects that are found, so 1 minus the missed-defect rate.
# *Precision* is the share of rejected parts that are really defective.

# %% tags=["nbval-approx-0.1"]
rates = {
    "accuracy": ((probabilities >= 0.5) == labels).mean(),
    "missed-defect rate": evaluation.missed_defect_rate(labels, probabilities),
    "overkill rate": evaluation.overkill_rate(labels, probabilities),
}
pd.Series(rates, name="validation, threshold 0.5").to_frame().round(3)

# %% [markdown]
# The accuracy looks fair beside the 0.69 of always answering "functional". But look at the second row: almost half of the defects pass. Accuracy
# hides this, because most cells are good. (These are the photos on which lesson 7 judged its training, and this is one random start. The test below has intervals.)
#
# ## All thresholds at once
#
# With a lower threshold the model finds more defects and rejects more good cells. Two curves show all thresholds:
#
# - The *ROC curve* (receiver operating characteristic): found defects against overkill. Guessing gives the dotted diagonal.
# - The *precision-recall curve*: how clean the rejected pile is, against how many defects are found. Guessing gives the
#   share of defects (dotted).

# %% tags=["nbval-approx-0.05"]
figure, axes = plots.new_figure(columns=2, width=8.0)
plots.draw_roc(axes[0, 0], labels, probabilities)
plots.draw_precision_recall(axes[0, 1], labels, probabilities)
plots.show(figure, "Left: the ROC curve runs well above the diagonal. Right: precision is high at "
           "first, then falls towards the share of defects.")  # fmt: skip

# %% [markdown]
# The area under the right curve is called *average precision*. It judges the order in which the model puts the photos, without any
# threshold. It is computed from the raw probabilities, never from rounded ones.
#
# Right end of both curves: to find nearly all defects, this model must reject most good cells too.
#
# ## What a mistake costs
#
# Which threshold is best? That depends on money. Suppose a missed defect costs 10 coins, because a module fails on the
# roof. Overkill costs 1 coin, because a good cell is thrown away. For each threshold we add up the cost of all mistakes
# and divide by the number of parts: the *expected cost* of one inspected part.

# %% tags=["nbval-approx-0.1"]
import numpy as np

COST_MISSED, COST_OVERKILL = 10, 1
costs = (COST_MISSED, COST_OVERKILL)
threshold = evaluation.choose_threshold(labels, probabilities, *costs)
grid = np.linspace(0, 0.8, 161)
curve = [evaluation.expected_cost(labels, probabilities, value, *costs) for value in grid]
plots.lines(
    grid, {"cost on validation": curve}, xlabel="threshold", ylabel="coins for each part",
    mark={"0.5": 0.5, "cheapest": threshold},
    alt="Cost over threshold: lowest far below 0.5, then rising steadily.",
)  # fmt: skip
print(f"cheapest threshold on validation: {threshold:.2f}")

# %% [markdown]
# The cheapest threshold lies far below 0.5. There is a rule behind it. At probability p, passing a part costs 10·p on
# average, and rejecting it costs 1·(1 − p). Rejecting is cheaper from p = 1 / (1 + 10), about 0.09, on. This rule holds
# when the probabilities can be taken at their word. We check that below.
#
# The slider shows the money for the validation photos. (In a saved notebook you see a list instead.)

# %% tags=["nbval-approx-0.3"]
from course_lib.widgets import cost_slider

cost_slider(labels, probabilities, *costs)

# %% [markdown]
# **Your turn:** find a threshold at which at most 5 % of the defects on validation are missed (0.05). Which share of the good cells does this threshold reject?
#
# **Your turn:** set `COST_MISSED` to 3 in the code cell under *What a mistake costs*, and run that cell: it chooses the threshold again. Does it go up or down? Why? Set it
# back to 10 and run the cell once more before you go on.
#
# ## The test photos, opened once
#
# Everything is chosen: the model, its weights, the threshold. Now the test photos of this model are opened. First, the measures at threshold 0.5, and two that need no threshold: average precision, and the area under the ROC curve (0.5 is
# guessing, 1 is perfect). The columns `from` and `to` hold the *bootstrap interval*: we draw from each class as many test photos as it
# has, with replacement, 500 times, and keep the middle 95 % of the results. The last column belongs to an "inspector" that always
# says "functional". It is the trivial baseline.

# %% tags=["nbval-approx-0.06"]
test_logits, test_labels = evaluation.predict_logits(model, loaders["test"])
test_probabilities = softmax(test_logits)[:, 1]
measures = evaluation.inspection_table(test_labels, test_probabilities).set_index("measure")
average = measures.loc["average precision"]
assert average["from"] > average["always functional"]
measures.round(3)

# %% [markdown]
# The whole interval of accuracy and of average precision lies above the baseline, so the model has learned something. But it misses
# many of the defects. (The interval belongs to this one trained model. Five random starts gave accuracies from 0.794 to 0.817 on these photos.) Now the cost. Four rules are compared on the same test photos: pass everything, reject
# everything, threshold 0.5, and the threshold chosen on validation. (A threshold of `inf`, infinity, is never reached.)

# %% tags=["nbval-approx-0.25"]
money = evaluation.cost_table(test_labels, test_probabilities, threshold, *costs).set_index("rule")
saved = 1 - money.loc["chosen", "cost"] / money.loc["0.5", "cost"]
print(f"the chosen threshold costs {saved:.0%} less than 0.5")
assert saved > 0.2
money.round(2)

# %% [markdown]
# What does this threshold do to the two mistakes? The same table as above, at the chosen threshold:

# %% tags=["nbval-approx-0.25"]
at_chosen = evaluation.inspection_table(test_labels, test_probabilities, threshold)
at_chosen.set_index("measure").loc[["missed-defect rate", "overkill rate"]].round(3)

# %% [markdown]
# Three things to see:
#
# - The threshold chosen on validation costs far less than 0.5. The model is the same; one number changed.
# - It now misses few defects. The price: it rejects about two thirds of the good cells.
# - "Reject everything" needs no model, and is not much dearer than ours: the interval of our cost reaches up to it. So it is not certain that this
#   weak model saves anything at 10 : 1. Without the trivial rules beside it, you would not have noticed. A better model is needed; lesson 9 makes one.
#
# ## A mistake: choosing the threshold on the test photos
#
# *Predict first:* we choose the threshold on the test photos, and judge it on the same test photos. Will the cost look higher
# or lower than before?

# %% tags=["nbval-approx-0.15"]
flattering = evaluation.choose_threshold(test_labels, test_probabilities, *costs)
both = {"chosen on validation (honest)": threshold, "chosen on test (flatters itself)": flattering}
rows = [
    (name, value, evaluation.expected_cost(test_labels, test_probabilities, value, *costs))
    for name, value in both.items()
]
assert rows[1][2] <= rows[0][2]
pd.DataFrame(rows, columns=["threshold", "value", "cost on test"]).round(3)

# %% [markdown]
# It can never look higher: of all thresholds, the cheapest one for exactly these photos was taken. New photos will not know about this
# choice. So the lower cost is no gain; it is self-praise. The cure: choose on validation, judge on test.
#
# ## Can a probability be taken at its word?
#
# Of all parts with probability 0.8, about 80 in 100 should be defective. Then the model is *calibrated*. The table groups
# the test photos by what the model said, and counts what came true.

# %% tags=["nbval-approx-0.3"]
evaluation.calibration_table(test_labels, test_probabilities, bins=5).round(2)

# %% [markdown]
# Compare `said` and `true` in each row. Where `true` is larger, the model gave the defect too little probability; where it is smaller, too
# much. A model is too sure if what it says lies nearer to 0 or 1 than what came true.
# Here they lie near each other, except in the row with the fewest photos. The mean gap, weighted by the number of photos, is the *expected calibration
# error* (ECE). 0 is perfect. (Below it is computed with ten groups instead of five, so it comes out a little larger than from this table.)
#
# For comparison we make a model that is too sure of itself. It is the same network, trained for 60 epochs on 400 of the training photos at half size,
# without augmentation, until it knows them by heart (some seconds).


# %%
def half_size(name: str, rows=slice(None), **settings) -> datasets.BatchLoader:
    """Photos of one split with every second pixel."""
    photos = loaders[name].images.numpy()[rows, :, ::2, ::2]
    answers = data.label_numbers(index[index["split"] == name])[rows]  # yes or no, no doubt
    return datasets.BatchLoader(photos, answers, batch_size=32, **settings)


# %% tags=["nbval-approx-0.05"]
from course_lib import device

device.seed_everything(0)
chosen = np.random.default_rng(0).permutation(len(loaders["train"].labels))[:400]
memoriser = models.ScratchCNN()
few = half_size("train", chosen, shuffle=True)
history = training.fit(memoriser, few, epochs=60, learning_rate=1e-2, weight_decay=0)
print(f"right on its own 400 photos: {history['train_accuracy'].iloc[-1]:.0%}")

# %% [markdown]
# *Temperature scaling* repairs probabilities. All logits are divided by one number, the *temperature*. Above 1, the model becomes
# less sure. The number is fitted on validation; the ECE is measured on test.

# %%
outputs = {"lesson 7": (logits, test_logits)}
outputs["memoriser"] = tuple(
    evaluation.predict_logits(memoriser, half_size(name))[0] for name in ("validation", "test")
)
rows, scaled = [], {}
for name, (on_validation, on_test) in outputs.items():
    temperature = evaluation.fit_temperature(on_validation, labels)
    before, after = softmax(on_test)[:, 1], softmax(on_test, temperature)[:, 1]
    scaled[name] = {"before": before, "after": after}
    row = evaluation.accuracy_row(name, test_labels, before >= 0.5)
    errors = [evaluation.expected_calibration_error(test_labels, p) for p in (before, after)]
    by_chance = evaluation.calibration_error_by_chance(after)
    row |= {"temperature": temperature, "before": errors[0], "after": errors[1]}
    rows.append(row | {"by chance": by_chance})

# %% tags=["nbval-approx-0.2"]
calibration = pd.DataFrame(rows)
calibration.set_index("model").drop(columns="photos").round(2)

# %% [markdown]
# `before` and `after` are the ECE on test. The last column is what chance alone gives: with so few photos in a group, even a model whose every probability is true would have about this error.
#
# - The memoriser is far too sure: its ECE is large, and its temperature far above 1. Dividing by it removes more than half of the error.
# - Our model of lesson 7 was trained with augmentation, soft labels and averaged weights. Its ECE is about what chance alone gives, so on these photos no error can be seen that is larger than chance.
#
# The accuracy (`from` to `to` is its interval) does not change: dividing by one number keeps the order of the photos and the decision at 0.5.

# %% tags=["nbval-approx-0.1"]
figure, axes = plots.new_figure(columns=2, width=8.0)
for axis, (name, versions) in zip(axes[0], scaled.items(), strict=True):
    groups = {f"{when} scaling": evaluation.calibration_table(test_labels, p, bins=5) for when, p in versions.items()}
    plots.draw_calibration(axis, groups)
    axis.set_title(name)
assert calibration["after"].iloc[1] < 0.5 * calibration["before"].iloc[1]
plots.show(figure, "Left: the curve of the lesson 7 model lies near the diagonal before and after. Right: "
           "the memoriser's curve is too flat before scaling and nearer to the diagonal after it.")  # fmt: skip

# %% [markdown]
# On the dotted line a model can be taken at its word. On the left the two curves lie on each other,
# because the temperature is about 1. The memoriser's dashed curve lies below the line on the right: it said
# "nearly certain", and it was wrong far too often.
#
# ## Where does the model look?
#
# *Grad-CAM* draws a heat map: which places of the photo raised the logit of "defective"? It uses the maps of the third
# block, here 4 × 4 fields, so it is coarse. We look at the defective validation cells that the model is surest of.

# %% tags=["nbval-any-figure"] reason="the network decides where the maps are bright, and which six it is surest of"
from course_lib.transforms import to_float

photos = loaders["validation"].images
surest = np.argsort(-probabilities * labels)[:6]
inputs = to_float(photos[surest], datasets.GREY_MEAN, datasets.GREY_STD)
maps = evaluation.grad_cam(model, model.blocks[2], inputs)
plots.heat_maps(
    photos[surest].numpy(), maps, [f"{probabilities[row]:.2f}" for row in surest],
    alt="Six defective cells, and beside each the same cell with a heat map: bright fields where the photo "
    "speaks for a defect. A ring marks the brightest field in both.",
)  # fmt: skip

# %% [markdown]
# The number above a photo is its probability of a defect. Yellow marks where the photo speaks most for a defect, dark violet where it
# does not; the ring is the peak. (The black photo is a cell that hardly shines.) Where a cell has one dark area, the map often marks it. In other cells it marks the border or a corner of the photo, where no
# defect is.
#
# The maps with a dark area look convincing. Pictures like these persuade people quickly, so they need a test. A heat map that explains the
# *model* must change when the model changes. So we compute the maps of a network with random weights, which knows
# nothing, and compare. As a second check, we mirror the photo: a good map should be mirrored too. To know which likeness means something, a third row
# compares each map with that of another photo.


# %%
def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Mean correlation of two sets of maps: 1 is the same picture, 0 is no relation."""
    pairs = zip(first.reshape(len(first), -1), second.reshape(len(first), -1), strict=True)
    return float(np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs]))


device.seed_everything(0)
untrained = models.ScratchCNN().eval()
many = to_float(photos[np.argsort(-probabilities)[:40]], datasets.GREY_MEAN, datasets.GREY_STD)
maps = evaluation.grad_cam(model, model.blocks[2], many)
mirrored = evaluation.grad_cam(model, model.blocks[2], many.flip(-1))[:, :, ::-1]
random_maps = evaluation.grad_cam(untrained, untrained.blocks[2], many)

# %% tags=["nbval-approx-0.3"]
same = {"same model, photo mirrored": likeness(maps, mirrored)}
same["another photo"] = likeness(maps, np.roll(maps, 1, axis=0))
same["random weights"] = likeness(maps, random_maps)
assert same["same model, photo mirrored"] > same["random weights"] + 0.2
pd.Series(same, name="likeness to the map").to_frame().round(2)

# %% [markdown]
# The maps of random weights are unrelated to ours, so ours depend on what was learned. The mirrored photo gives a similar map, more alike than that of
# another photo, but not the same: read only the rough place. And the bright borders and corners above are a reason to distrust this model,
# even where its answer is right: a map does not prove that the model uses the defect for the right reason.
#
# ## The surest mistakes
#
# Look at the validation photos on which the model was most certain and wrong. (Not at test photos: whoever takes ideas from them may not judge these ideas on
# them later.) For each photo of the solar cells, the experts
# wrote down a probability of a defect: 0, 1/3, 2/3 or 1. Values between 0 and 1 mean that they doubted.

# %% tags=["nbval-any-figure"] reason="which photos are the surest mistakes differs between trainings"
worst = evaluation.worst_mistakes(inspected, probabilities, labels, count=12)
titles = [
    f"{row.mistake}\nmodel says {row.probability:.2f}\n{'experts doubted' if doubt else ''}"
    for row, doubt in zip(worst.itertuples(), evaluation.is_doubted(worst), strict=True)
]
cells = [data.read_image(data.photo_path(inspected, row)) for row in worst["row"]]
plots.photo_grid(cells, titles, alt="Twelve validation photos on which the model was sure and wrong; most are "
                 "missed defects: thin cracks or dark marks that are hard to see.")  # fmt: skip

# %% [markdown]
# Eleven of the twelve are missed defects. Some show fine lines or small marks. The model sees photos of 64 × 64 pixels; a fine crack may be gone at this
# size, so larger photos are worth a try. The one overkill is the cell with the largest dark spots. In seven of the twelve the experts doubted: you might
# disagree with them yourself.
#
# Does the model err more often where the experts doubted? The test photos say:

# %% tags=["nbval-approx-0.1"]
predictions = (test_probabilities >= 0.5).astype(int)
test = index[index["split"] == "test"]
doubt = np.where(evaluation.is_doubted(test), "experts doubted", "experts were certain")
rows = [
    evaluation.accuracy_row(name, test_labels[doubt == name], predictions[doubt == name]) for name in np.unique(doubt)
]
pd.DataFrame(rows).round(3)

# %% [markdown]
# The accuracy is lower on doubted photos, and its interval reaches their own baseline: here it cannot be shown to be better than always giving the
# same answer. The interval is wide, because
# they are few. A doubtful label puts a limit on what
# any model can reach.
#
# ## New lots
#
# Until now the split was random: photos of one solar module lie in train and in test. A factory inspects *new* modules.
# Lesson 5 made a second split, in which no lot is in two parts. The same network was trained on it in lesson 7; it is loaded, or trained again (about half a minute). We choose its
# threshold on its own validation lots. Then both are compared, each on its own test photos.

# %%
lot_model, lot_loaders = lesson.scratch_model(PHOTOS, "lot")
lot_logits, lot_labels = evaluation.predict_logits(lot_model, lot_loaders["validation"])
lot_threshold = evaluation.choose_threshold(lot_labels, softmax(lot_logits)[:, 1], *costs)
lot_test_logits, lot_test_labels = evaluation.predict_logits(lot_model, lot_loaders["test"])

# %% tags=["nbval-approx-0.3"]
lot_probabilities = softmax(lot_test_logits)[:, 1]
sides = []
for name, y, p, limit in (
    ("random split", test_labels, test_probabilities, threshold),
    ("lot split", lot_test_labels, lot_probabilities, lot_threshold),
):
    row = evaluation.accuracy_row(name, y, (p >= 0.5).astype(int))
    row["calibration error"] = evaluation.expected_calibration_error(y, p)
    row["cost"] = evaluation.expected_cost(y, p, limit, *costs)
    row["cost: reject all"] = evaluation.expected_cost(y, p, 0.0, *costs)
    sides.append(row)
sides = pd.DataFrame(sides).set_index("model")
assert (sides["from"] > sides["baseline"]).all()
sides.round(3)

# %% [markdown]
# Both accuracies lie above their baseline. But look at the last three columns: on the new lots the probabilities fit less well, and here the threshold that was chosen on other
# lots costs more than rejecting every cell. A threshold belongs to the lots on which it was chosen.
# One lot split is only one draw of lots, and the baselines differ. (`from` and `to` come from the formula of lesson 3
# here, so they differ a little from the bootstrap interval above.) So read this as a warning, not as a law.
#
# ## The report
#
# A notebook is for you. Your boss or your customer gets a file. `report` computes the tables and curves of this lesson once more, for both splits,
# and writes one HTML file. The figures lie inside it, so it can be mailed and opened without a network. It shows the surest mistakes among the *test* photos: they are for
# your reader; take no ideas for the next model from them.

# %%
from course_lib.paths import shorten
from course_lib.evaluation import predict, report

lot_index = lesson.split_index(PHOTOS, "lot")
parts = ("validation", "test")
sides = {"random split": {part: predict(model, loaders[part], index, part) for part in parts}}
sides["lot split"] = {part: predict(lot_model, lot_loaders[part], lot_index, part) for part in parts}
file = report(
    sides, lesson.kept_folder(PHOTOS) / "report.html", title="Solar cells: the network of lesson 7",
    cost_missed=COST_MISSED, cost_overkill=COST_OVERKILL,
)  # fmt: skip
text = file.read_text(encoding="utf-8")
print(shorten(file), "figures and photos inside:", text.count('src="data:image/png'))
assert 'src="http' not in text

# %% [markdown]
# Open the file: in JupyterLab, click the folder symbol at the left, go up to the folder of the course, then to the file printed above,
# and double-click it. It names the licence of
# the photos too, because it shows some of them.
#
# ## Quiz

# %%
from course_lib import quiz

quiz.show(8)

# %% [markdown]
# ## What you take with you
#
# - Accuracy hides what matters. Report missed defects and overkill, with intervals and beside the trivial baseline.
# - The threshold follows from what mistakes cost. Choose it on validation, and judge it once on test.
# - Check probabilities (calibration) and heat maps (random weights) before you believe them.
#
# Still unsolved: the model misses too many defects, and nobody knows if its threshold holds on the next lot. Lesson 9 starts from a
# network that has already seen a million photos.
