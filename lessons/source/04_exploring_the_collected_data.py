# %% [markdown]
# # 04 Exploring the collected data
#
# You look at all photos together before you train anything. At the end you write down what counts as defective, which photos are doubtful, and which photos were made together.
#
# **At the end you have:** a decision: what counts as defective, which photos are doubtful, which lots there are

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Measure class balance and derive the trivial baseline from it.
# - Decide what counts as defective when the experts were not sure.
# - Recognise lots: photos that were made together resemble each other.
# - Inspect contact sheets and outliers before training.

# %%
# {{setup}} 4

# %% [markdown]
# `PHOTOS` names the folder with the photos. It may also name your own folder with one sub-folder for each class. Some sections need columns that only the solar cells have (the experts' probability, the cell type, the position). `data.complete` fills in stand-ins, so that every cell runs; it names them in one sentence, and what these sections say holds for the solar cells only then.

# %%
from course_lib import data

PHOTOS = data.solar_cells()
print(data.credits(PHOTOS).splitlines()[0])
index = data.complete(data.index_folder(PHOTOS))
index.head(3).round(2)

# %% [markdown]
# One row is one photo. `position` is the place of the photo in the order of the files. This column will tell you the most important fact of the lesson.
#
# Six photos, evenly spread over the folder:

# %%
from course_lib import plots

rows = index.index[len(index) // 13 :: len(index) // 6][:6]
plots.photo_grid(
    [data.read_image(data.photo_path(index, row)) for row in rows],
    [f"{index['label'][row]}\nplace {row}" for row in rows],
    alt="Six photos of solar cells from different places of the file order, some functional, some defective.",
)

# %% [markdown]
# ## How many photos has each class?
#
# The first look is a count. If one class is rare, a model can get a high accuracy and still find nothing.
#
# *Predict first:* a "model" answers "functional" for every photo. What accuracy will it have?

# %%
import pandas as pd
from course_lib.evaluation import accuracy_row

*others, positive = data.class_names(index)
labels = (index["label"] == positive).to_numpy(int)  # 1 for defective, 0 for functional
print(index["label"].value_counts().to_string())
pd.DataFrame([accuracy_row("always functional", labels, 0 * labels)]).round(3)

# %% [markdown]
# About seven in ten answers are right, and every defect is missed. This number is the **trivial baseline**: the accuracy of the commonest answer. A model is only useful if it is clearly above it. `from` and `to` are the ends of the 95 % interval that lesson 3 introduced.
#
# **Your turn:** measure the baseline for the other type of cell. Change `"mono"` to `"poly"`. For which type is it higher?

# %%
cells = data.index_folder(data.solar_cells())
some = cells[cells["cell_type"] == "mono"]
some_labels = data.label_numbers(some)
pd.DataFrame([accuracy_row("always functional", some_labels, 0 * some_labels)]).round(3)

# %% [markdown]
# ### What goes wrong with one class only
#
# A folder with functional photos only has nothing to compare with. The baseline would be 100 %, and a classifier could not learn what a defect looks like. So the course refuses such a folder. (There are other methods, which learn from good parts only and report what looks unusual. They are called *anomaly detection*; this course does not treat them.) The next cell makes one on purpose.

# %%
from course_lib import lesson
from course_lib.errors import CourseError

folder = lesson.kept_folder(PHOTOS) / "one_class"
(folder / "functional").mkdir(parents=True, exist_ok=True)
try:
    data.index_folder(folder)
except CourseError as error:
    print(error)

# %% [markdown]
# The sentence names the folder, what is wrong and the way out. In a factory this happens often: good parts are photographed all day, and nobody kept the bad ones.

# %% [markdown]
# ## What did the experts say?
#
# Each photo was judged by experts. They said "functional" or "defective", and whether they were sure. The authors of the data set turned the four answers into four numbers.

# %%
meaning = {0: "functional, sure", 1: "functional, not sure", 2: "defective, not sure", 3: "defective, sure"}
level = (index["defect_probability"] * 3).round().astype(int)
opinion = level.map(meaning)
counts = index.groupby(opinion).agg(probability=("defect_probability", "first"), photos=("path", "size"))
counts.sort_values("probability").round(2)

# %% [markdown]
# The number 0.33 is **not** measured. It does not say that a third of the cell is broken, and nobody found three defects in nine cells. It is a code for "we think it is functional, but we are not sure". Here is a **contact sheet** of each level: a page of many small photos.

# %%
for number in sorted(level.unique()):
    name, rows = meaning[number], index.index[level == number]
    rows = rows[:: max(1, len(rows) // 8)][:8]
    print(f"{name}:")
    plots.photo_grid(
        [data.read_image(data.photo_path(index, row)) for row in rows],
        columns=8, size=1.05,
        alt=f"Eight photos that the experts called: {name}.",
    )  # fmt: skip

# %% [markdown]
# Look at the two rows in the middle. Some "not sure" photos show a thin dark line, some show a spot, some show nothing that you can name. You would not be sure either.

# %% [markdown]
# ## What counts as defective?
#
# Somebody has to draw the line. Here are three ways to draw it.

# %%
ways = {
    "doubtful: follow the experts": (level >= 2, level >= 0),
    "doubtful: all defective": (level >= 1, level >= 0),
    "doubtful: leave out": (level >= 2, level.isin([0, 3])),
}
table = pd.DataFrame(
    [(way, kept.sum(), (bad & kept).sum(), 1 - bad[kept].mean()) for way, (bad, kept) in ways.items()],
    columns=["way", "photos", "defective", "baseline"],
)
table.round(3)

# %% [markdown]
# The folder is the same, but the table counts between 715 and 1,116 defects, and the baseline lies between 0.575 and 0.687. So an accuracy without this decision says little. Two teams with two decisions cannot compare their numbers.
#
# - *Follow the experts*: the line is in the middle, at 0.5. The course does this.
# - *All defective*: you miss fewer defects, and you reject more good cells. Right where a missed defect is dangerous.
# - *Leave out*: the hard photos are gone, so a test is easier than the factory, which will still send you doubtful cells.
#
# Later in this lesson you will see what a model thinks of the doubtful photos.

# %% [markdown]
# ## Two kinds of cells
#
# A **monocrystalline** (mono) cell is cut from one crystal, so it is evenly grey and has cut corners. A **polycrystalline** (poly) cell consists of many crystals, so it has a pattern that is no defect.

# %%
rows = [cells.index[cells["cell_type"] == kind][place] for kind in ("mono", "poly") for place in (700, 800, 900)]
plots.photo_grid(
    [data.read_image(data.photo_path(cells, row)) for row in rows],
    [f"{cells['cell_type'][row]}, {cells['label'][row]}" for row in rows],
    alt="Three monocrystalline cells, evenly grey, and three polycrystalline cells with a pattern of crystals.",
)
pd.crosstab(index["cell_type"], index["label"], margins=True)

# %% [markdown]
# Of the mono cells 66 % are functional, of the poly cells 71 %: that answers the question about the baseline above. Both kinds have functional and defective photos in similar shares. So the kind of cell alone hardly tells you the label. But every part of your data set should hold both kinds; lesson 5 takes care of this.

# %% [markdown]
# ## Brightness in file order
#
# Now you compute one number for each photo: its mean brightness, from 0 (black) to 255 (white). Then you draw it over the place in the file order.
#
# *Predict first:* what would the picture look like if the files were in a random order?

# %%
import numpy as np

brightness = np.array([data.read_image(data.photo_path(index, row)).mean() for row in range(len(index))])
plots.scatter(
    np.column_stack([np.arange(len(index)), brightness]),
    index["cell_type"],
    xlabel="place in the file order",
    ylabel="mean brightness",
    alt="Mean brightness over the file order: blocks of neighbouring photos lie at the same height, "
    "with jumps between the blocks; mono and poly cells come in blocks too.",
)

# %% [markdown]
# In a random order you would see an even cloud. Instead you see steps: neighbours lie at a similar height, then the height jumps. Something changes at the jumps. The types come in blocks as well, so count these first.

# %%
run = (index["cell_type"] != index["cell_type"].shift()).cumsum().rename("run")
runs = index.groupby(run).agg(cell_type=("cell_type", "first"), photos=("path", "size"))
runs["photos / 60"] = runs["photos"] / 60
runs.round(2)

# %% [markdown]
# A **run** is a row of files of one type without a break. Most runs have a multiple of 60 photos. A solar **module** (the panel that you see on a roof) often has 60 cells, in 6 rows of 10 (others have 72). So the guess is: the files are sorted by module, and 60 neighbours are the cells of one module. The files do not say so. You need a second proof.

# %% [markdown]
# ## Who looks like whom?
#
# A network that was trained on a million everyday photos can turn each photo into a list of numbers, its **features** (lesson 3 showed a preview, lesson 9 explains it). Photos that look alike have similar features. If you ran lesson 3, the next cell only reads them from a file; if not, it takes up to a minute.

# %%
from course_lib import features, models

feature_table = features.extract(index, models.load_backbone())
print("photos, features of each photo:", feature_table.shape)

# %% [markdown]
# Now look for the **nearest neighbour** of each photo: the other photo with the most similar features. The features know nothing about file names or places.
#
# *Predict first:* how far away in the file order is the nearest neighbour, for a typical photo? And how far is a photo that you draw at random?

# %%
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

scaled = StandardScaler().fit_transform(feature_table)  # each feature: mean 0, spread 1
search = NearestNeighbors(n_neighbors=5, metric="cosine").fit(scaled)
distances, neighbours = search.kneighbors()  # of each photo the 5 nearest others
nearest = neighbours[:, 0]

# %%
generator = np.random.default_rng(0)
place = np.arange(len(index))
drawn = np.empty(len(index), int)  # for each photo another one of the same type
for kind in index["cell_type"].unique():
    rows = np.flatnonzero(index["cell_type"] == kind)
    drawn[rows] = generator.permutation(rows)
gaps = {"nearest in features": abs(place - nearest), "drawn from the same type": abs(place - drawn)}

# %% tags=["nbval-approx-0.2"]
pd.DataFrame(
    [(name, np.median(gap), (gap <= 60).mean()) for name, gap in gaps.items()],
    columns=["other photo", "median distance in file order", "share within 60 places"],
).round(2)

# %%
if data.solar_cells() == PHOTOS:
    medians = {name: np.median(gap) for name, gap in gaps.items()}
    assert medians["nearest in features"] < 60 < medians["drawn from the same type"]

# %% tags=["nbval-approx-0.1"]
rows = [len(index) // 9, len(index) // 3, len(index) // 7 * 4]
plots.photo_grid(
    [data.read_image(data.photo_path(index, other)) for row in rows for other in (row, nearest[row])],
    [f"{name} {other}" for row in rows for name, other in (("photo", row), ("nearest", nearest[row]))],
    alt="Three photos, each beside its nearest neighbour in the features; the two of each pair look alike.",
)

# %% [markdown]
# Two of the three pairs lie close together in the file order; the first pair, over 200 places apart, is one of the exceptions. This is the discovery of the lesson. Half of all photos have their nearest neighbour within a dozen places or so; a photo drawn at random would be hundreds of places away. Neighbouring files are cells of one module: the same silicon, the same camera, the same exposure.
#
# Why does it matter? A model can learn to recognise the module instead of the defect. In lesson 5 you will measure how much this flatters a test.

# %% [markdown]
# ## Lots
#
# A **lot** is a group of parts that were made or photographed together. Here a lot is one module. The files carry no module number, so the course counts the files of one type in file order and takes 60 at a time. (Files of the other type between them are skipped, so a few of the lots have a piece before such a gap and a piece behind it.)

# %% tags=["nbval-approx-0.1"]
from course_lib import splits

lot = splits.lots(index, size=60)
print("lots:", lot.nunique(), "| the authors name 44 modules")
print(f"nearest neighbour in the same lot: {(lot.to_numpy() == lot.to_numpy()[nearest]).mean():.2f}")
print(f"drawn photo in the same lot: {(lot.to_numpy() == lot.to_numpy()[drawn]).mean():.2f}")

# %% [markdown]
# **This is an approximation.** Some modules have 72 cells, and some cells are missing in the files. So the borders of our lots do not all lie at the borders of the modules. A block may hold the end of one module and the start of the next. If your factory notes a lot number, write it into a column `lot` of `index.csv`; then it is used instead of blocks.

# %% [markdown]
# ## A hasty conclusion
#
# Now something goes wrong on purpose. Ask: *are dark photos defective?* Take one defective and one functional photo. How often is the defective one darker? By chance it would be half of the time.


# %%
def darker_share(values: np.ndarray, bad: np.ndarray) -> float:
    """How often a defective photo is darker than a functional one; equal counts half."""
    difference = values[bad == 1][:, None] - values[bad == 0]
    return float((difference < 0).mean() + (difference == 0).mean() / 2)


print(f"the defective photo is darker in {darker_share(brightness, labels):.2f} of all pairs")

# %% [markdown]
# Three of four pairs. It is tempting to write into the report: "defective cells are darker, we can measure brightness." Test this conclusion before you believe it. If brightness shows the *defect*, it must also work inside one lot, where the lighting and the camera were the same for all photos. And for comparison: how far does a number get that knows only the lot?

# %%
lot_mean = pd.Series(brightness).groupby(lot).transform("mean").to_numpy()
inside, pairs = 0.0, 0
for name in lot.unique():
    chosen = (lot == name).to_numpy()
    count = (labels[chosen] == 1).sum() * (labels[chosen] == 0).sum()
    if count:
        inside += count * darker_share(brightness[chosen], labels[chosen])
        pairs += count
share_inside = inside / pairs if pairs else np.nan  # lots of one photo each hold no pair
shares = [darker_share(brightness, labels), darker_share(lot_mean, labels), share_inside, 0.5]
names = ["the photo's brightness", "only its lot's mean", "the photo's, inside one lot", "chance"]
comparison = pd.DataFrame({"compared by": names, "defective is darker": shares})
comparison.round(2)

# %% [markdown]
# The mean of the lot, which knows **next to nothing** about the single photo, does as well as the photo's own brightness. Inside a lot, more than half of the effect is gone: the share there is nearer to chance (0.50) than to that of the whole folder. So brightness mostly tells you *which module* a cell belongs to, and some modules have many defects.

# %%
overview = pd.DataFrame({"lot": lot, "type": index["cell_type"], "brightness": brightness, "defective": labels})
lots = overview.groupby(["lot", "type"]).mean().reset_index()
plots.scatter(
    lots[["brightness", "defective"]].to_numpy(),
    lots["type"],
    xlabel="mean brightness of the lot",
    ylabel="share of defective photos",
    alt="Each point is a lot: some dark lots have up to nine defective cells in ten, most bright lots few.",
)
if data.solar_cells() == PHOTOS:
    assert comparison["defective is darker"][2] < comparison["defective is darker"][1] - 0.05

# %% [markdown]
# Each point is one lot. Some lots are nearly all defective, many have almost no defects. With a new module and another exposure, the rule "dark is defective" will fail. How to mend it: compare inside a lot, and test on lots that were not used for the rule. This is what lesson 5 builds.

# %% [markdown]
# ## Outliers
#
# An **outlier** is a photo that differs much from the others. First way: photos that are much darker than the median of their own lot.

# %%
below_lot = pd.Series(brightness) - pd.Series(brightness).groupby(lot).transform("median")
darkest = below_lot.nsmallest(8).index
plots.photo_grid(
    [data.read_image(data.photo_path(index, row)) for row in darkest],
    [f"place {row}\n{index['label'][row]}" for row in darkest],
    columns=8,
    size=1.1,
    alt="Eight cells that are far darker than their lot; most of them give almost no light and are labelled defective.",
)

# %% [markdown]
# These cells are nearly black: they give almost no light, and the experts call them defective. They are not failed photos.
#
# Second way: photos whose five nearest neighbours in the features are all far away. Nothing else in the folder looks like them. Below the photos, a table counts the 40 most extreme photos of each way.

# %% tags=["nbval-approx-0.1"]
loneliest = np.argsort(-distances.mean(axis=1))[:8]
plots.photo_grid(
    [data.read_image(data.photo_path(index, row)) for row in loneliest],
    [f"place {row}\n{index['label'][row]}" for row in loneliest],
    columns=8,
    size=1.1,
    alt="Eight cells without similar photos in the folder, with unusual dark areas or patterns.",
)
# %% tags=["nbval-approx-0.1"]
groups = {
    "much darker than its lot": below_lot.nsmallest(40).index,
    "alone in feature space": np.argsort(-distances.mean(axis=1))[:40],
}
rows = [(name, len(rows), labels[rows].mean(), labels.mean()) for name, rows in groups.items()]
table = pd.DataFrame(rows, columns=["outliers", "photos", "share defective", "in the folder"])
table.round(2)

# %% [markdown]
# Nearly all outliers are defective, about three times the share of the whole folder. A script that deletes outliers would delete the very parts you look for. So look first. Only a photo that shows no cell (a failed exposure, a hand) may go, and lesson 2 showed how to set it aside.

# %% [markdown]
# ## What would a model say about the doubtful photos?
#
# Back to the doubt. Train a linear probe (a simple classifier on the features) with the photos of which the experts were *sure*, and ask it about the others. It has not seen these. (This probe may use all sure photos, also those that lesson 5 puts into the test part: it only shows where doubt lies, and is thrown away.)

# %% tags=["nbval-approx-0.05"]
sure = level.isin([0, 3]).to_numpy()
probe = features.linear_probe().fit(feature_table[sure], labels[sure])
answers = probe.predict(feature_table)
doubt = [
    accuracy_row(f"experts: {meaning[number]}", labels[level == number], answers[level == number])
    for number in (1, 2)
    if (level == number).any()
]
pd.DataFrame(doubt).rename(columns={"model": "photos the experts called", "accuracy": "probe agrees"}).drop(
    columns="baseline", errors="ignore"
).round(3)

# %% [markdown]
# With "functional, not sure" the probe agrees in most cases. With "defective, not sure" it disagrees often: it does not see a defect there. Do not read this as "the experts are wrong". A weak defect is hard for both. It tells you where mistakes will lie, and that the doubtful photos should stay in the data: the factory will send such cells, too.

# %% [markdown]
# ## One module, photographed twice
#
# One more look at the file order. Two photos of the *same* cell are alike in every detail, even if one is blurred. The finder of lesson 2 describes each photo by 256 numbers. From those of two photos you compute how alike they are: 1 means the same pattern, and here more than 0.96 counts as alike. Compare each photo with the one a fixed number of places later (100 or more, so that no neighbours are compared), and see for which number most pairs are alike.
#
# *Predict first:* no two files have the same bytes. How many photos may show the same cell?

# %%
from course_lib import datasets, checks

thumbnails = np.array(datasets.pixels(index, size=64, progress=False)[:, 0])
pattern = checks.signatures(thumbnails)
alike = {
    offset: (pattern[:-offset] * pattern[offset:]).sum(axis=1) > 0.96
    for offset in range(min(100, len(index) // 2), len(index))
}
offset = max(alike, key=lambda number: alike[number].sum())
first = np.flatnonzero(alike[offset])
print(len(first), "pairs lie", offset, "places apart; the next best number has", end=" ")
print(sorted(count.sum() for count in alike.values())[-2], "pairs")

# %%
rows = [row for place in first[::20] for row in (place, place + offset)]
if rows:
    plots.photo_grid(
        [data.read_image(data.photo_path(index, row)) for row in rows],
        [f"place {row}\n{index['label'][row]}" for row in rows],
        alt="Three pairs: the same spots and clouds in both photos of a pair, sharp in one, blurred in the other.",
    )
    same = (level[first].to_numpy() == level[first + offset].to_numpy()).mean()
    print(f"the experts gave both photos of a pair the same answer in {same:.0%} of the pairs")

# %% [markdown]
# The same spots, bars and clouds, sharp and blurred: the same cells were photographed twice, and the files do not say so. For the solar cells this tells you two things. First, the experts themselves did not always give the same one of their four answers for the same cell. Where two such answers lie on different sides of the line, a model that says the same about both photos is wrong about one of them. Second, the two photos of a cell belong on the same side of a split. The finder of lesson 2 does not report these pairs: its limits are strict, because different cells of one kind may be as alike as these photos are. Lesson 5 counts how many of the pairs a split separates.
#
# ## Write the decision down
#
# A decision that is only in your head is lost in a week. Write it into a small file. Lesson 5 reads it.
#
# **Your turn:** decide. `doubtful_photos` may be `"follow the experts"`, `"defective"` or `"leave out"`. The numbers in the later lessons belong to `"follow the experts"`.

# %%
why = "the later lessons' numbers belong to this decision"
path = lesson.save_decision(
    PHOTOS, positive_class=positive, doubtful_photos="follow the experts", reason=why, lot_size=60
)
print(path.read_text(encoding="utf-8"))

# %%
decision = lesson.load_decision(PHOTOS)
assert decision["positive_class"] in data.class_names(index)
assert decision["doubtful_photos"] in lesson.DOUBTFUL_PHOTOS
print("doubtful photos:", (~sure).sum(), "of", len(index), "| decision:", decision["doubtful_photos"])

# %% [markdown]
# ## Quiz

# %%
from course_lib import quiz

quiz.show(4)

# %% [markdown]
# ## What you take with you
#
# - Count the classes first. The commonest answer gives the trivial baseline, and what counts as defective is a decision that moves it.
# - Photos made together resemble each other. Here, neighbours in the file order are cells of one module: a lot.
# - Look at outliers, and test a rule inside lots before you believe it. Brightness looked like a defect detector and was mostly a module detector.
#
# Still unsolved: the lots are an approximation, and you do not know yet how much they flatter a test. **Lesson 5** splits the photos in two ways and measures it.
