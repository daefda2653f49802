# %% [markdown]
# # 03 Understanding image features
#
# A photo of a solar cell has 90,000 numbers, and none of them means anything on its own. In this lesson you turn each photo into
# ten numbers that do mean something, and look inside a classifier that decides with them.
#
# **At the end you have:** a classifier on hand-made features, one of them yours, and a suspicion about what it really looks at
#
# **Study time:** 60 to 75 minutes
#
# {{picture}} A solar cell after six kernels: left as it is, blurred, sharpened, left-right edges, up-down edges, spots

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Compute simple features of a photo, such as mean brightness and contrast.
# - Apply a 3×3 kernel by hand, predict what it shows, and design one of your own.
# - Read a linear classifier: compare it with the trivial baseline, and find out what it leans on.
# - Contrast hand-made features with learned features.

# %%
# {{setup}} 3

# %% [markdown]
# The index now has one more column, `split`. *Train* photos are for learning, *validation* photos for judging. A third part,
# *test*, stays closed until lesson 8, so we leave it out. (Lesson 5 explains how a split is made.) `PHOTOS` may be a folder of your
# own. Then every cell works on your photos, but the sentences below describe the solar cells.

# %%
from course_lib import data, lesson

PHOTOS = data.solar_cells()
index = lesson.split_index(PHOTOS)
index = index[index["split"] != "test"].reset_index(drop=True)
index.groupby(["split", "label"]).size().unstack()

# %% [markdown]
# Read all of them in grey, 96 pixels wide and high. That is small, but quick.

# %%
from course_lib import datasets

photos = datasets.pixels(index, size=96, progress=False)[:, 0]
print(photos.shape, photos.dtype)

# %% [markdown]
# We look closely at four solar cells first. (They are the same four if `PHOTOS` is a folder of your own.)

# %%
from course_lib import plots

cells = data.index_folder(data.solar_cells())
rows = {"functional": 1224, "functional, grainy": 359, "defective, dark area": 47, "defective, crack": 0}
examples = {name: data.read_pixels(data.photo_path(cells, row), size=96)[0] for name, row in rows.items()}
plots.photo_grid(list(examples.values()), list(examples), columns=4, size=2.2)

# %% [markdown]
# ## How many, not where
#
# A *histogram* shows how often each brightness occurs.

# %%
plots.histogram(
    {name: examples[name] for name in ["functional", "defective, dark area"]},
    xlabel="brightness of a pixel (0 black, 255 white)",
)

# %% [markdown]
# The dark area shows up at the far left. So can we find defects by counting dark pixels? *Predict first:*

# %%
from course_lib import quiz

quiz.guess("03-shuffled")

# %%
import numpy as np

crack = examples["defective, crack"]
shuffled = np.random.default_rng(0).permutation(crack.ravel()).reshape(crack.shape)
same = np.array_equal(np.bincount(crack.ravel()), np.bincount(shuffled.ravel()))
quiz.compare("03-shuffled", ["other", "same"][int(same)])
plots.photo_grid([crack, shuffled], ["the photo", "its pixels, shuffled"], size=2.6)

# %% [markdown]
# ## A feature is a number computed from a photo
#
# The two simplest are the mean of the pixels, which is the *brightness*, and their *standard deviation*: how far the pixels lie
# from the mean. It measures *contrast*; an even grey has none, 0.

# %%
import pandas as pd

rows = {name: {"mean": photo.mean(), "standard deviation": photo.std()} for name, photo in examples.items()}
pd.DataFrame(rows).T.round(1)

# %% [markdown]
# The dark area has by far the largest standard deviation. The crack has the lowest mean, but not because of the crack: the whole
# photo is dark, and the crack is only a few of its 9,216 pixels.
#
# **Task 1: the dark share.** Write `dark_share`. It returns the share (0 to 1) of pixels that are darker than 0.6 times the
# *median* of the photo, `np.median(photo)`. (Half of the pixels are darker than the median. A few dark pixels hardly change it.)


# %%
def dark_share(photo):
    """Share of the pixels that are darker than 0.6 times the median of the photo."""
    ...


quiz.check("03-dark-share", dark_share)

# %% [markdown]
# What does it say about the four?

# %%
share_of_dark = quiz.yours("03-dark-share", dark_share)
pd.Series({name: share_of_dark(photo) for name, photo in examples.items()}, name="dark share").round(3)

# %% [markdown]
# The dark area stands out. In the photo with the crack, a tenth of the pixels are dark. Are these the crack, or the bars and the dark
# corners? A share cannot say: it counts, and does not look where. To see a line, you must look at neighbours.
#
# ## A kernel, by hand
#
# A *kernel* is a small table of numbers, here 3 × 3. Lay it on nine pixels, multiply each pixel by the number on it, and
# add the nine products.

# %%
kernel = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
nine_pixels = crack[40:43, 20:23].astype(int)  # uint8 knows no minus
print("nine pixels:", nine_pixels.tolist())
print("products:   ", (nine_pixels * kernel).tolist())
print("sum:        ", (nine_pixels * kernel).sum())

# %% [markdown]
# This kernel compares right with left. On an even area the sum is 0. Here it is negative: on the right, where the crack is, the
# photo is darker. So the kernel finds *edges* that run up and down.
#
# **Task 2: slide it.** Write `slide`. It lays the kernel on every place where it fits: first on the rows 0 to 2 and columns 0 to
# 2, then one column further, and so on. It returns an array with all the sums. A 3 × 3 kernel has
# `height - 2` places from top to bottom, and `width - 2` from left to right.


# %%
def slide(photo, kernel):
    """The sum of products at each place of a photo, (height - 2, width - 2)."""
    height, width = photo.shape
    sums = np.zeros((height - 2, width - 2))
    ...
    return sums


quiz.check("03-slide", slide)

# %% [markdown]
# The course has the same as `apply_kernel`. It is much faster, and it also gives a sum for the pixels at the border, by repeating
# the outermost pixels. Inside, both must agree.

# %%
from course_lib.widgets import apply_kernel, visible

sums = quiz.yours("03-slide", slide)(crack, kernel)
print("same as the library:", np.array_equal(sums, apply_kernel(crack, kernel)[1:-1, 1:-1]))
plots.photo_grid([crack, visible(sums)], ["the photo", "left-right edges"], size=2.6)

# %% [markdown]
# In the right picture bright means "large sum". `visible` leaves out the sign, so it does not matter which side is darker.
#
# ## Six kernels
#
# Other numbers look for other things. Here are six kernels.

# %%
from course_lib.widgets import KERNELS

kernels = {name: np.reshape(numbers, (3, 3)) for name, numbers in KERNELS.items()}
for name, table in kernels.items():
    print(f"{name:17}", table.round(2).tolist(), "sum:", round(table.sum(), 2))

# %% [markdown]
# Look at the sums. On an even area, where all nine pixels are equal, a kernel whose numbers add up to 0 gives 0. It responds to
# changes only. *Predict first:*

# %%
quiz.guess("03-six-kernels")

# %% tags=["picture"]
quiz.compare("03-six-kernels")
pictures = [visible(apply_kernel(crack, table)) for table in kernels.values()]
plots.photo_grid(pictures, list(kernels), columns=3, size=2.6)

# %% [markdown]
# **Task 3: a kernel of your own.** Neither edge kernel likes slanted lines, and cracks are often slanted. Write a 3 × 3 kernel
# that responds to a line from the top left to the bottom right, but gives 0 on an even area, on upright and on level lines. Then
# the bars disappear. (It works if the numbers in each row add up to 0, and those in each column, too.)

# %%
my_kernel = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 0]])

quiz.check("03-my-kernel", my_kernel)

# %% [markdown]
# Here is a drawing with four lines, and what your kernel makes of it.

# %%
drawing = np.full((60, 60), 200, np.uint8)
drawing[:, 10], drawing[30, :] = 40, 40  # an upright and a level line
for step in range(40):
    drawing[5 + step, 15 + step] = drawing[55 - step, 15 + step] = 40  # and two slanted ones
slanted = quiz.yours("03-my-kernel", my_kernel)
plots.photo_grid([drawing, visible(apply_kernel(drawing, slanted))], ["lines", "after the kernel"], size=2.6)

# %% [markdown]
# The slanted lines remain, and one dot where the two others cross. (The line in the other direction responds as well, but with the
# opposite sign.) Now play: choose a kernel below, or
# change its nine numbers. Without a running notebook you see the first state.

# %%
from course_lib.widgets import FilterWidget

view = FilterWidget(crack, start="left-right edges")
view

# %% [markdown]
# ## Ten features
#
# Now we write down ten features. Each one is a guess of ours: what does a defect change? Six of them look at brightness. For the
# last two, the photo is divided into 6 × 6 areas.


# %%
def brightness_features(photo):
    side = len(photo) // 6
    corners = [(row * side, column * side) for row in range(6) for column in range(6)]
    areas = [photo[top : top + side, left : left + side].mean() for top, left in corners]
    return {
        "brightness": photo.mean(),
        "contrast": photo.std(),
        "darkest 5 %": np.quantile(photo, 0.05),  # 5 % of the pixels are darker than this
        "dark share": share_of_dark(photo),
        "unevenness": np.std(areas),
        "darkest area": min(areas) / np.median(photo),
    }


# %% [markdown]
# The other four look at neighbours. The last one, `dark lines`, is made for cracks: *closing* fills all dark lines that are
# thinner than 7 pixels. What had to be filled is the dark lines.

# %%
from scipy import ndimage


def neighbour_features(photo):
    closed = ndimage.grey_closing(photo, size=(7, 7))
    return {
        "left-right edges": abs(apply_kernel(photo, kernels["left-right edges"])).mean(),
        "up-down edges": abs(apply_kernel(photo, kernels["up-down edges"])).mean(),
        "sharpness": ndimage.laplace(photo).std(),  # laplace is a kernel much like "spots"
        "dark lines": (closed - photo).mean(),
    }


# %% [markdown]
# Compute them all: one row for each photo, one column for each feature.


# %%
def feature_table(photos):
    photos = np.asarray(photos, float)  # uint8 knows no minus
    rows = [brightness_features(photo) | neighbour_features(photo) for photo in photos]  # | joins dictionaries
    return pd.DataFrame(rows)


by_hand = feature_table(photos)
by_hand.head(3).round(2)

# %% [markdown]
# We made `dark lines` for cracks. Did that work? *Predict first:*

# %%
quiz.guess("03-dark-lines")

# %%
train, validation = (index["split"] == "train").to_numpy(), (index["split"] == "validation").to_numpy()
names = data.class_names(index)  # the defect comes last
positive, sound = names[-1], " or ".join(names[:-1])
defective = (index["label"] == positive).to_numpy()
group = np.where(defective, positive, sound)
means = by_hand[train].groupby(group[train]).mean().T
quiz.compare("03-dark-lines", means.loc["dark lines"].idxmax())
means.round(2)

# %% [markdown]
# ## Why did it fail?
#
# Look at the first row of the table: defective cells are darker. Now watch what darkness does to the other features. We take the
# cell with the crack and dim the whole photo by half. The crack stays where it is.

# %%
pd.DataFrame({"the photo": feature_table([crack]).iloc[0], "dimmed": feature_table([crack / 2]).iloc[0]}).T.round(2)

# %% [markdown]
# `dark lines` falls by half, and so do the edges, the sharpness and the contrast. Every difference between pixels shrinks with
# the light. So what we took for a measure of lines is also a measure of brightness, and brightness won. Divide it out, and take the means again:

# %%
relative = by_hand[["dark lines", "left-right edges", "up-down edges"]].div(by_hand["brightness"], axis=0)
relative[train].groupby(group[train]).mean().T.round(4)

# %% [markdown]
# Now the defective cells have more of all three, but by less than a fifth. The other reason is that every cell is full of thin dark lines:
# bars and grain. A crack adds a few pixels to them. So our guess was wrong twice, and no error told us. The table did.
#
# ## One feature on trial
#
# How well does one number tell the classes apart? Take one defective and one functional photo. Say that the defective one is the
# one with the smaller number (or the larger one, if that works better). In what share of all such pairs are you right? Guessing gives 0.5.


# %%
def pairs_right(values, defective):
    """Share of pairs, one defective and one functional photo, that the feature puts in the right order."""
    values = np.asarray(values)
    differences = np.subtract.outer(values[defective], values[~defective])  # a table of all pairs
    larger = (differences > 0).mean() + (differences == 0).mean() / 2
    return max(larger, 1 - larger)


alone = {name: pairs_right(by_hand[name][validation], defective[validation]) for name in by_hand}
pd.Series(alone, name="pairs right").sort_values(ascending=False).round(3)

# %% [markdown]
# The three best ones measure darkness. The features made for lines hardly beat guessing.
#
# **Task 4: a feature of your own.** Write `my_feature`, one number for each photo. On the validation photos of the solar cells it must
# put more pairs in the right order than any of our ten. Try as many ideas as you like; each check says how far you are. You
# may use what you have seen (`photo.mean()`, `np.quantile`, areas, `apply_kernel`), and combine it.


# %%
def my_feature(photo):
    """One number for a grey photo of 96 × 96 pixels."""
    ...


quiz.check("03-my-feature", my_feature)

# %% [markdown]
# > **Warning.** Each try looks at the validation photos again. After fifty tries the best one is partly luck. That is why the
# > test photos stay closed.
#
# ## A classifier, opened
#
# Ten features together know more than one. A *linear classifier* gives each feature a *weight*, multiplies, adds everything up, and adds one
# more number, the *intercept*. If the sum is above 0, it says "defective".
#
# Features come in different sizes, so first we *scale* them: minus the mean, divided by the standard deviation. Both come from the
# train photos only.

# %%
center, spread = by_hand[train].mean(), by_hand[train].std()
scaled = (by_hand - center) / spread
scaled[train].describe().loc[["mean", "std"]].abs().round(2)

# %% [markdown]
# Finding good weights is what "learning" means here. With scikit-learn, learning takes one line and answering another.

# %% tags=["nbval-approx-0.05"]
from sklearn.linear_model import LogisticRegression

model = LogisticRegression().fit(scaled[train], defective[train])
answers = model.predict(scaled[validation])
weights, intercept = model.coef_[0], model.intercept_[0]
print("weights:", weights.round(2), "| intercept:", intercept.round(2))
print("first answers:", answers[:5].tolist())

# %% [markdown]
# That is all that it knows: eleven numbers.
#
# **Task 5: be the classifier.** Write `says_defective`. It gets the scaled features of one photo (`numbers`), the weights and the
# intercept, and returns `True` or `False`.


# %%
def says_defective(numbers, weights, intercept):
    """True if the weighted sum of a photo's features plus the intercept is above 0."""
    ...


quiz.check("03-says-defective", says_defective)

# %% [markdown]
# Does it give the answers of scikit-learn?

# %%
decide = quiz.yours("03-says-defective", says_defective)
own_answers = [decide(numbers, weights, intercept) for numbers in scaled[validation].to_numpy()]
print("the same answers:", np.array_equal(own_answers, answers))

# %% [markdown]
# How good are they? *Predict first:*

# %%
quiz.guess("03-accuracy")

# %% tags=["nbval-approx-0.3"]
right = (answers == defective[validation]).mean()
quiz.compare("03-accuracy", round(100 * float(right), 1))

# %% [markdown]
# ## Features that nobody wrote
#
# Now the competitor: the features that a network finds in the same photos, also at 96 pixels. It is the one from lesson 1. `linear_probe` scales and
# fits as you did. (`LogisticRegression` has a brake, `C`: the smaller it is, the smaller the weights stay. Thousands of features
# need a strong brake, so `linear_probe` sets it to 0.01.)

# %%
from course_lib import features, models

backbone = models.load_backbone("efficientnet_lite0")
learned = features.extract(index, backbone, size=96, progress=False)
learned_answers = features.linear_probe().fit(learned[train], defective[train]).predict(learned[validation])
print("features of each photo:", learned.shape[1])

# %% tags=["nbval-approx-0.02"]
from course_lib.evaluation import accuracy_row

truth = defective[validation].astype(int)
competitors = {f"always {sound}": 0 * truth, "ten features by hand": answers, "learned features": learned_answers}
table = pd.DataFrame([accuracy_row(name, truth, said) for name, said in competitors.items()])
plots.accuracies(table)
table.round(3)

# %% [markdown]
# Ten numbers with a meaning beat the baseline clearly: their interval lies above it. The learned features are better still. What do they look
# for? The first layer of the network consists of 3 × 3 kernels. Training found their numbers. Here they are, as pictures: grey is 0, bright
# is positive, dark is negative.

# %%
first_layer = backbone.stages[0][0].weight.detach().cpu().numpy().mean(axis=1)  # the mean over three colours
pictures = [np.uint8(127 + 127 * found / abs(found).max()) for found in first_layer]
plots.photo_grid(pictures, columns=16, size=0.6)

# %% [markdown]
# Several are edge kernels, much like ours. The layers behind them combine them into corners, textures and shapes. That is the difference: **by hand, a person
# guesses what counts. Learned, the photos decide.** The price: those features have no names.
#
# ## What does it lean on?
#
# Ours have names, so we can ask. A positive weight (orange) speaks for "defective", a negative one (blue) for "functional".

# %% tags=["nbval-approx-0.05"]
named = pd.DataFrame({"feature": by_hand.columns, "weight": weights}).sort_values("weight")
plots.bars(named, x="weight", y="feature")

# %% [markdown]
# Strange: `up-down edges` has the largest positive weight, although defective cells have *less* of it (see the table of means). And
# `left-right edges`, whose kernel showed the crack so well, has almost none. Is the classifier wrong? Let us fit it twice more: with that one
# feature alone, and with all but `sharpness`.

# %% tags=["nbval-approx-0.05"]
for chosen in [list(by_hand), ["up-down edges"], [name for name in by_hand if name != "sharpness"]]:
    again = LogisticRegression().fit(scaled.loc[train, chosen], defective[train])
    weight = again.coef_[0][chosen.index("up-down edges")]
    print(f"{len(chosen):2} features: weight of up-down edges {weight:5.2f}")
print("correlation with sharpness:", round(np.corrcoef(by_hand["up-down edges"], by_hand["sharpness"])[0, 1], 2))

# %% [markdown]
# Alone, its weight is negative, as the means say. It turns positive only beside `sharpness`. The two measure nearly the same (a *correlation* of 1 would mean
# exactly the same), so the classifier uses their *difference*: one weight up, one down. **Never read one weight alone.**
#
# So ask in another way: change one thing, and watch the answers. We change the light of all validation photos. That adds no crack
# to any cell, and takes none away.

# %% tags=["nbval-approx-0.03"]
called = {}
for name, light in {"15 % brighter": 1.15, "as they are": 1.0, "15 % darker": 0.85, "30 % darker": 0.7}.items():
    changed = feature_table(np.clip(photos[validation] * light, 0, 255))
    called[name] = model.predict((changed - center) / spread).mean()
print(f"truly defective: {defective[validation].mean():.3f}")
pd.Series(called, name="called defective").round(3)

# %% [markdown]
# The less light, the more cells are called defective. So the classifier leans on brightness.
#
# Is that good? Perhaps: broken areas of a cell stay dark, and darkness is then a sign of the defect. Perhaps not: something else may
# make a cell dark. Decide now what you believe, and write it into the memo below. Lesson 4 looks into it.
#
# ## What goes wrong: another ruler
#
# A colleague uses your classifier, but reads the photos with 192 pixels instead of 96. No error appears.

# %% tags=["nbval-approx-0.03"]
larger = feature_table(datasets.pixels(index[validation], size=192, progress=False)[:, 0])
results = {}
for size, numbers in {"96 pixels": by_hand[validation], "192 pixels": larger}.items():
    said = model.predict((numbers - center) / spread)
    results[size] = {"accuracy": (said == defective[validation]).mean(), "called defective": said.mean()}
pd.DataFrame(results).T.round(3)

# %% [markdown]
# Many good cells are now called defective, which is *overkill*, and the accuracy falls. In a larger photo the same edge is spread over more pixels, so edges and
# sharpness come out smaller. A feature is a number *and* the way it was measured: the same size, the same light, the same steps.
#
# ## Does your feature help?
#
# Add your number to the ten, and fit again.

# %% tags=["nbval-approx-0.02"]
mine = quiz.yours("03-my-feature", my_feature)
extended = by_hand.assign(mine=[mine(photo) for photo in np.asarray(photos, np.float32)])
scaled_more = (extended - extended[train].mean()) / extended[train].std()
more_answers = LogisticRegression().fit(scaled_more[train], defective[train]).predict(scaled_more[validation])
rows = [accuracy_row("ten features", truth, answers), accuracy_row("ten and mine", truth, more_answers)]
trial = [max(alone.values()), pairs_right(extended["mine"][validation], defective[validation])]
pd.DataFrame(rows).assign(alone=trial).round(3)

# %% [markdown]
# The column `alone` is the share of pairs (in the first row, of the best of our ten). If your feature is the best one alone and still
# adds next to nothing to the ten, you are in good company: the ten already know what it says. A difference of one point is four photos, and the
# intervals are far wider than that. Nobody can call it an effect.
#
# ## Your memo
#
# Choose a figure, and write one sentence: is it good that the classifier leans on brightness, and why do you think so? Take away the
# two `#` and the space after each, and run the cell.

# %%
memo = lesson.memo(3, PHOTOS)
# memo.figure("The cell with a crack, after the kernel for left-right edges", visible(apply_kernel(crack, kernel)))
# memo.finding("What you believe about brightness, in one sentence")
lesson.show_memo(PHOTOS)

# %% [markdown]
# ## Your guesses
#
# What you guessed, and what came out:

# %%
quiz.guesses(3)

# %% [markdown]
# ## Quiz

# %%
quiz.show(3)

# %% [markdown]
# ## What you take with you
#
# - A feature is a number computed from a photo. A histogram counts pixels, a kernel compares neighbours.
# - A feature may measure something else than its name says. Ours for cracks measured light. Look at the numbers, not at the name.
# - A linear classifier is a weighted sum, and one weight alone says nothing. Change one thing, and watch the answers.
#
# Still unsolved: your classifier leans on brightness. Is a dark cell a broken cell?
#
# Next comes lesson 4. There you look at all photos together, and put brightness to the test.
