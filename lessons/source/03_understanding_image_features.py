# %% [markdown]
# # 03 Understanding image features
#
# A computer sees only numbers. In this lesson you turn photos into a few useful numbers, and let a classifier decide with them.
#
# **At the end you have:** a baseline classifier on hand-made features, and a feeling for what a feature is.

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Compute simple features of a photo, such as mean brightness and contrast.
# - Apply a 3×3 kernel by hand and predict what it shows.
# - Compare a classifier on hand-made features with the trivial baseline.
# - Contrast hand-made features with learned features.

# %%
# {{setup}} 3

# %% [markdown]
# `PHOTOS` may name your own folder too. The *index* is the table with one row for each photo (lesson 2). Its column `split` says which
# photos are for learning (*train*) and which for judging (*validation*); lesson 5 explains how it is made.

# %%
from course_lib import data, lesson

PHOTOS = data.solar_cells()
index = data.complete(lesson.split_index(PHOTOS, "random"))
index.groupby(["split", "label"]).size().unstack()

# %% [markdown]
# The rows `test` stay closed until the end: lesson 8 opens them for the model from scratch, lesson 10 for the best model. Read all photos once, in grey and 96 pixels wide and high. The first half of
# the lesson looks closely at four solar cells (even if `PHOTOS` names your own folder).

# %%
from course_lib import datasets, plots

photos = datasets.pixels(index, size=96, progress=False)[:, 0]
cells = data.index_folder(data.solar_cells())
rows = [1224, 359, 47, 0]
names = ["functional", "functional, grainy", "defective, dark area", "defective, crack"]
pictures = [data.read_pixels(data.photo_path(cells, row), size=96)[0] for row in rows]
examples = dict(zip(names, pictures, strict=True))
plots.photo_grid(
    pictures, names, columns=4, size=2.0,
    alt="Four solar cells: two functional ones, one with a dark area and one with a crack.",
)  # fmt: skip

# %% [markdown]
# ## A photo is a table of numbers
#
# Each *pixel* (point) of a grey photo is a number from 0 (black) to 255 (white). Here are the numbers around the crack of the last photo.

# %%
crack = examples["defective, crack"]
patch = crack[38:46, 20:32]
print("shape of the photo:", crack.shape, "type:", crack.dtype)
print(patch)

# %% [markdown]
# The numbers fall and rise again around the fourth column: that is the dark line. To you it is a crack. To a computer it is a few lower numbers.
#
# ## The histogram
#
# A *histogram* shows how often each brightness occurs. Each outline is scaled so that the area below it is 1; so groups of different size can be
# compared. Compare the shapes; the height itself has no meaning.

# %%
plots.histogram(
    {name: examples[name] for name in ("functional", "defective, dark area")},
    xlabel="brightness of a pixel (0 black, 255 white)",
    alt="The cell with a dark area has many pixels far darker than any of the functional one.",
)

# %% [markdown]
# The dark area adds pixels far to the left. So counting dark pixels may help to find defects.
#
# *Predict first:* we put all pixels of the photo in random places. What happens to the histogram?

# %%
import numpy as np

generator = np.random.default_rng(0)
shuffled = generator.permutation(crack.ravel()).reshape(crack.shape)
plots.photo_grid(
    [crack, shuffled], ["the photo", "its pixels, shuffled"], size=2.0,
    alt="The cell with a crack, and grey noise made of the same pixels.",
)  # fmt: skip
same = np.array_equal(np.bincount(crack.ravel()), np.bincount(shuffled.ravel()))
print("the histograms are the same:", same)
assert same

# %% [markdown]
# A histogram knows *how many*, not *where*. It cannot tell a crack from scattered dark dots. For that we need to look at neighbours.
#
# ## Brightness and contrast
#
# A *feature* is a number computed from a photo. The two simplest are the mean of the pixels (brightness) and their *standard deviation*: how far the pixels lie from the
# mean, on average. It is a measure of *contrast*; an even grey has 0.

# %%
import pandas as pd

rows = {name: {"mean": photo.mean(), "standard deviation": photo.std()} for name, photo in examples.items()}
pd.DataFrame(rows).T.round(1)

# %% [markdown]
# The dark area gives by far the largest standard deviation. The mean does not show it: the grainy functional cell is darker. And the cell with the crack has
# the lowest mean, but not because of its crack: the whole photo is dark, and a thin line is a small part of its 9,216 pixels.
#
# ## A kernel, by hand
#
# A *kernel* is a small table of numbers, here 3×3. Lay it on nine pixels, multiply each pair, and add the nine products. The sum tells how much
# the nine pixels look like the kernel.

# %%
kernel = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
nine_pixels = crack[40:43, 20:23].astype(int)
print("nine pixels:", nine_pixels.tolist())
print("products:   ", (nine_pixels * kernel).tolist())
print("sum:        ", (nine_pixels * kernel).sum())

# %% [markdown]
# This kernel compares right with left. Where both sides are equal, the sum is 0. A negative sum means: darker at the right, as here at the crack. So the kernel
# finds *edges* that run up and down.
#
# Now slide it over the whole photo. A loop does it pixel by pixel; the library does the same, many times faster.

# %%
import time

from course_lib.widgets import apply_kernel

apply_kernel(crack, kernel)  # the first call takes longer, because it loads the library
begin = time.perf_counter()
by_hand = np.zeros((94, 94))
for row in range(94):
    for column in range(94):
        by_hand[row, column] = (crack[row : row + 3, column : column + 3] * kernel).sum()
middle = time.perf_counter()
by_library = apply_kernel(crack, kernel)[1:-1, 1:-1]  # the loop leaves out the border
end = time.perf_counter()
print("same result:", np.array_equal(by_hand, by_library))
print("library more than 5 times faster:", middle - begin > 5 * (end - middle))

# %% [markdown]
# *Predict first:* what will each of these kernels show? "Left-right edges" is the kernel from above: it compares left with
# right, so it shows lines that run up and down. "Up-down edges" compares above with below. "Spots" has 8 in the middle and −1 around it. What does it give on an even area?

# %%
from course_lib.widgets import KERNELS, visible

kernels = {name: np.reshape(numbers, (3, 3)) for name, numbers in KERNELS.items()}
plots.photo_grid(
    [visible(apply_kernel(crack, table)) for table in kernels.values()], list(kernels), size=2.0,
    columns=3, alt="One cell after six kernels: unchanged, blurred, sharpened, upright edges, "
    "level edges, spots.",
)  # fmt: skip
assert np.allclose(apply_kernel(np.full((5, 5), 100), kernels["spots"]), 0)

# %% [markdown]
# In the edge pictures bright means "strong change", whichever side is brighter. The kernel for left-right edges shows the crack; the one
# for up-down edges shows the bars, which every cell has. On an even area the last three give 0: their numbers add up to 0.
#
# ## Try it
#
# Choose a kernel, or change its nine numbers. Without a running notebook you see the first state.

# %%
from course_lib.widgets import FilterWidget

view = FilterWidget(crack, start="left-right edges")
view

# %% [markdown]
# ## What a defect looks like to a number
#
# Now we write down features. Each one is a guess of ours about what a defect changes. First those that look at brightness.


# %%
def brightness_features(photo):
    usual = max(np.median(photo), 1)  # the median: half of the pixels are darker
    blocks = photo.reshape(6, len(photo) // 6, 6, -1).mean(axis=(1, 3))  # 6 × 6 areas
    return {
        "brightness": photo.mean(),
        "contrast": photo.std(),
        "darkest 5 %": np.quantile(photo, 0.05),
        "dark share": (photo < 0.6 * usual).mean(),
        "unevenness": blocks.std(),
        "darkest area": blocks.min() / usual,
    }


# %% [markdown]
# Then those that look at neighbours. *Closing* fills dark lines that are thinner than 7 pixels; what it filled is the dark lines.

# %%
from scipy import ndimage


def neighbour_features(photo):
    return {
        "left-right edges": abs(apply_kernel(photo, kernels["left-right edges"])).mean(),
        "up-down edges": abs(apply_kernel(photo, kernels["up-down edges"])).mean(),
        "sharpness": ndimage.laplace(photo).std(),
        "dark lines": (ndimage.grey_closing(photo, size=(7, 7)) - photo).mean(),
    }


# %% [markdown]
# Compute them for all photos: one row for each photo, one column for each feature.


# %%
def feature_table(photos):
    rows = []
    for photo in photos.astype(np.float32):
        rows.append(brightness_features(photo) | neighbour_features(photo))
    return pd.DataFrame(rows)


features_by_hand = feature_table(photos)
print(features_by_hand.shape)
train = (index["split"] == "train").to_numpy()
features_by_hand[train].groupby(index["label"][train]).mean().T.round(2)

# %% [markdown]
# The two columns are means over the training photos. Defective cells are darker and less even. But look at one feature for all training photos:

# %%
*others, positive = data.class_names(index)  # positive: the class you look for
defective = (index["label"] == positive).to_numpy()
plots.histogram(
    {
        " or ".join(others): features_by_hand["darkest area"][train & ~defective],
        positive: features_by_hand["darkest area"][train & defective],
    },
    xlabel="darkest area (share of the usual brightness)",
    alt="Two humps that overlap; the defective one lies further left.",
)

# %% [markdown]
# The humps overlap. No limit on this one number divides the classes. Several features together may do better.
#
# ## A classifier on ten numbers
#
# A *linear classifier* gives each feature a weight, adds up, and says "defective" if the sum is above zero. Learning finds the weights. First each
# feature is *scaled*: minus its mean, divided by its standard deviation, so that all have about the same size. `C` says how freely the weights may grow: 1.0 suits ten
# features. Without it `linear_probe` takes 0.01, which suits thousands of features.

# %%
from course_lib.features import linear_probe

labels = defective.astype(int)  # 1 for the class you look for, 0 for all others
by_hand_probe = linear_probe(C=1.0).fit(features_by_hand[train], labels[train])

# %% [markdown]
# And the competitor, as a preview of lesson 9: the features that a *backbone* computes, a network trained on a million everyday photos. This takes about a
# minute the first time; the result is kept.

# %% tags=["nbval-approx-0.02"]
from course_lib import features, models

backbone = models.load_backbone("efficientnet_lite0")
learned_features = features.extract(index, backbone, progress=False)
learned_probe = linear_probe().fit(learned_features[train], labels[train])
print("features made by hand:", features_by_hand.shape[1], "| learned:", learned_features.shape[1])

# %% [markdown]
# *Predict first:* always answering "functional" is the *trivial baseline*. How far above it will ten numbers get?

# %% tags=["nbval-approx-0.02"]
from course_lib.evaluation import accuracy_row

validation = (index["split"] == "validation").to_numpy()
truth = labels[validation]
table = pd.DataFrame([
    accuracy_row("always functional", truth, 0 * truth),
    accuracy_row("ten features by hand", truth, by_hand_probe.predict(features_by_hand[validation])),
    accuracy_row("learned features", truth, learned_probe.predict(learned_features[validation])),
])  # fmt: skip
table.round(3)

# %% tags=["nbval-approx-0.02"]
plots.accuracies(table, alt="Features by hand beat the baseline, and learned features beat features by hand.")
accuracy = table.set_index("model")["accuracy"]
if data.solar_cells() == PHOTOS:
    assert accuracy["ten features by hand"] > accuracy["always functional"] + 0.04
    assert accuracy["learned features"] > accuracy["ten features by hand"]

# %% [markdown]
# Ten numbers with a meaning beat the baseline. Learned features are better still. `from` and `to` are the ends of the 95 % *interval*: some 400
# photos are a sample, and with other photos the result would differ; of 100 such intervals about 95 hold the true accuracy. They are wide here,
# so do not read too much into a difference of one or two *points* (percentage points: from 80 % to 82 % are two).
#
# ## The same on whole lots
#
# The photos of one *lot* were made together and resemble each other. Here a lot is a solar *module*, the panel that you see on a roof: it
# consists of many cells, often 60. In the table above the classifier was judged on
# neighbours of its training photos. A factory gets *new* lots. Lesson 5 explains the second split, which keeps each lot in one piece. (If nothing in your own
# folder tells the lots, this table repeats the random split.)

# %% tags=["nbval-approx-0.02"]
lots_known = {"lot", "position"} & set(data.index_folder(PHOTOS))
lots = lesson.split_index(PHOTOS, "lot") if lots_known else index
assert lots["path"].equals(index["path"])
lot_train, lot_validation = lots["split"] == "train", lots["split"] == "validation"
lot_truth = labels[lot_validation]
rows = [accuracy_row("always functional", lot_truth, 0 * lot_truth)]
for name, table_of_features, C in (
    ("ten features by hand", features_by_hand.to_numpy(), 1.0),
    ("learned features", learned_features, 0.01),
):
    lot_probe = linear_probe(C).fit(table_of_features[lot_train], labels[lot_train])
    rows.append(accuracy_row(name, lot_truth, lot_probe.predict(table_of_features[lot_validation])))
pd.DataFrame(rows).round(3)

# %% [markdown]
# The baseline is another one here, because other photos are judged: these lots hold fewer defects. So compare the distance to the baseline, not
# the accuracy. For the learned features this distance is
# smaller than on the random split; for the ten features by hand it stays the same. So perhaps part of the success of the learned features was that they had seen neighbours. One draw of lots is no proof; lesson 5 uses several.
#
# ## Which features count?
#
# The weights of the classifier have names. A positive weight speaks for "defective".

# %% tags=["nbval-approx-0.05"]
weights = by_hand_probe[-1].coef_[0]
named = pd.DataFrame({"feature": features_by_hand.columns, "weight": weights}).sort_values("weight")
plots.bars(named, x="weight", y="feature", alt="Weights of the ten features, sorted.")

# %% [markdown]
# You can read this, and discuss it with an expert. Be careful: features that say nearly the same share their weight between them, sometimes with
# opposite signs. Here *unevenness* has a negative weight, although the table of means showed that defective cells are less even: *contrast* and *darkest area* say much of the same and
# carry that message. So do not read one weight alone. The learned features have no names at all.

# %% [markdown]
# ## Two pictures of the same photos
#
# We cannot draw ten dimensions. *PCA* (principal component analysis) finds the two directions in which the photos differ most. It does not know the labels.

# %% tags=["nbval-approx-0.05"]
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

for name, numbers in (("by hand", features_by_hand.to_numpy()), ("learned", learned_features)):
    flat = make_pipeline(StandardScaler(), PCA(2, random_state=0)).fit(numbers[train])
    plots.scatter(
        flat.transform(numbers[validation]), list(index["label"][validation]),
        xlabel="first direction", ylabel="second direction", title=f"features {name}",
        alt=f"Validation photos by features {name}: the classes overlap.",
    )  # fmt: skip

# %% [markdown]
# In both pictures the classes overlap. The learned features fall into two groups. Are these the classes? The index also knows the type of each
# cell: *mono* (one crystal, even grey) or *poly* (many crystals, grainy).

# %% tags=["nbval-approx-0.1"]
first_direction = flat.transform(learned_features[validation])[:, 0]
pd.DataFrame({
    "mean of the first direction": pd.Series(first_direction).groupby(
        index["cell_type"][validation].to_numpy()
    ).mean().round(0)
})  # fmt: skip

# %% [markdown]
# The groups are the two types. What differs most between photos is not the defect. The classifier uses directions that this picture does not
# show. So a PCA picture helps to find groups; it does not show how good a classifier is.
#
# ## Kernels that nobody wrote
#
# The first layer of the backbone also has 3×3 kernels. Training found their numbers. Here they are, as pictures.

# %%
first_layer = backbone.stages[0][0].weight.detach().cpu().numpy().mean(axis=1)
pictures = [np.uint8(127 + 127 * found / abs(found).max()) for found in first_layer]
plots.photo_grid(
    pictures, columns=16, size=0.6,
    alt="32 small kernels: upright, level and slanted edges, spots and flat ones.",
)  # fmt: skip

# %% [markdown]
# Grey means 0, bright positive, dark negative. Several are edge kernels, much like ours. The layers behind combine them into corners, textures and shapes.
# That is the difference: **by hand, a person guesses what counts; learned, the photos decide.**

# %% [markdown]
# ## What goes wrong: another ruler
#
# The classifier learned from photos of 96 pixels. A colleague feeds it the same validation photos at 192 pixels. No error appears. *Predict first:*
# what happens to the accuracy, and to the share of cells called defective?

# %% tags=["nbval-approx-0.02"]
judged = index[validation]
larger = feature_table(datasets.pixels(judged, size=192, progress=False)[:, 0])
results = {}
for size, numbers in (("96 pixels", features_by_hand[validation]), ("192 pixels", larger)):
    answers = by_hand_probe.predict(numbers)
    results[size] = {"accuracy": (answers == truth).mean(), "called defective": answers.mean()}
results = pd.DataFrame(results).T
print(f"truly defective: {truth.mean():.3f}")
results.round(3)

# %%
called = results["called defective"]
print("at 192 pixels far more cells are called defective:", called["192 pixels"] > 1.5 * called["96 pixels"])
if data.solar_cells() == PHOTOS:
    assert called["192 pixels"] > 1.5 * called["96 pixels"]
    assert results["accuracy"]["192 pixels"] < results["accuracy"]["96 pixels"] - 0.03

# %% [markdown]
# The accuracy falls towards the baseline, because many good cells are now called defective (*overkill*). In a larger photo the same edge is spread over more
# pixels, so "edges" and "sharpness" measure less. Look at the chart of the weights above: sharpness has a large negative weight, so less of it looks defective. (The up-down edges pull the
# other way, but less.) A feature
# is a number *and* the way it was measured. The cure: store the size (and every other step) with the classifier, and always use the same. The course does this from lesson 5 on.

# %% [markdown]
# ## Your turn
#
# **Your turn:** *compute a feature.* The function gives the brightness above which the brightest 5 % of the pixels lie. Change its body to a number of your own, for example the
# difference between the left and the right half: `return photo[:, :48].mean() - photo[:, 48:].mean()`. (The pixels are `uint8`: below 0 they start again at 255. So take means
# before you subtract, as here, or begin with `photo = photo.astype(float)`.) The cell prints the accuracy with your feature added. (Did it help by more than chance? Look at the interval above.)


# %% tags=["nbval-approx-0.02"]
def my_feature(photo):
    return np.quantile(photo, 0.95)


extended = features_by_hand.assign(mine=[my_feature(photo) for photo in photos])
my_probe = linear_probe(C=1.0).fit(extended[train], labels[train])
print(f"without {accuracy['ten features by hand']:.3f}", end=", ")
print(f"with {my_probe.score(extended[validation], truth):.3f}")

# %% [markdown]
# **Your turn:** *apply a kernel.* Write a kernel that shows slanted lines and makes the bars disappear. The numbers of each row, and of each column, should add up to 0. (One
# solution: 2 on the diagonal from top left to bottom right, −1 everywhere else. Lines along the other diagonal become bright, too: their sums have the other sign, and the cell shows the size without the sign.)

# %%
my_kernel = np.array([[0, 0, 0], [0, 1, -1], [0, 0, 0]])
plots.photo_grid(
    [crack, visible(4 * apply_kernel(crack, my_kernel))], ["photo", "after my kernel"], size=2.0,
    alt="The cell with a crack, and the same after a kernel of your own.",
)  # fmt: skip
print("the numbers add up to", my_kernel.sum())

# %% [markdown]
# ## Quiz

# %%
from course_lib import quiz

quiz.show(3)

# %% [markdown]
# ## What you take with you
#
# - A feature is a number computed from a photo. A histogram counts pixels, a kernel compares neighbours.
# - Ten features by hand beat the trivial baseline and can be explained. Learned features beat them, but have no names.
# - A feature holds only together with the way it was measured: the same size, the same steps.
#
# Still unsolved: are the labels sure, and which photos belong together? In **lesson 4** you explore what was collected.
