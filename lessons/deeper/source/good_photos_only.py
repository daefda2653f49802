# %% [markdown]
# # Good photos only
#
# Your line makes good parts. A defect is so rare that nobody has photos of any. Can there be an inspector all the same? Yes: one that
# learns what good parts look like, and rejects what looks different. It cannot know what a defect is. It only knows what is
# *usual*.
#
# **At the end you have:** an inspector that has never seen a defect, with its limit, its doubt and its heat maps, beside a classifier that had labels
#
# **Study time:** 40 minutes

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Say what a distance from good photos is, and why a ruler is not enough.
# - Set a limit from good photos alone, and say how sure it is.
# - Say what such an inspector cannot know, and when labels are better.

# %%
# {{setup}} good photos only

# %% [markdown]
# You should know lessons [8](../08_inference_and_evaluation.ipynb) and [9](../09_a_transfer_model.ipynb). `PHOTOS` may be a folder of your
# own with two classes. The test photos of the course stay closed here, as they belong to lessons 8 and 10.
#
# From the other photos we draw three heaps: good cells to learn from, defective ones that only the classifier at the end may
# learn from, and cells of both kinds that judge. Each photo also gets its lot (lesson 5).

# %%
from course_lib import data, lesson, splits

PHOTOS = data.solar_cells()
index = data.complete(lesson.split_index(PHOTOS))
GOOD, BAD = data.class_names(index)
index["lot"] = splits.lots(index)
known = index[index["split"] != "test"].sample(frac=1, random_state=0)
good, bad = (known[known["label"] == name] for name in (GOOD, BAD))
n = min(60, len(good) // 4, len(bad) // 3)
heaps = {"learn": good[n : n + 200], "defects": bad[n : n + 80], "good to judge": good[:n], "defective to judge": bad[:n]}
{name: len(heap) for name, heap in heaps.items()}

# %% [markdown]
# ## What a frozen network sees
#
# As in lesson 9, the network is frozen: nothing in this notebook is trained. Each *stage* turns the maps of the stage before into
# new ones. We take two numbers from each map: its mean says how much of a pattern there is, its spread how unevenly. Five middle stages
# are kept, numbers 3 to 7. The last one, number 8, knows cups and dogs, and would only disturb.

# %%
import torch

from course_lib import datasets, models
from course_lib.transforms import to_float

SIZE = 224
backbone = models.load_backbone()


# %%
@torch.no_grad()
def describe(photos):
    """For each of five stages two numbers of each map: a list of arrays (N, numbers)."""
    batches = []
    for images in torch.split(torch.tensor(photos), 16):
        maps, found = to_float(images, backbone.mean, backbone.std), []
        for number, stage in enumerate(backbone.stages[:8]):
            maps = stage(maps)
            if number >= 3:
                found.append(torch.cat([maps.mean(dim=(2, 3)), maps.std(dim=(2, 3))], dim=1))
        batches.append(found)
    return [torch.cat(parts).numpy() for parts in zip(*batches, strict=True)]


# %%
import pandas as pd

everything = pd.concat(heaps.values(), keys=heaps)
everything.attrs["folder"] = str(PHOTOS)
photos = datasets.pixels(everything, size=SIZE, channels=3)
stages = describe(photos)
heap = everything.index.get_level_values(0)
[stage.shape for stage in stages]

# %% [markdown]
# ## A ruler is not enough
#
# How far is a photo from the good ones? Look at just two of these numbers, for the good cells: the mean of a map in stage 5, and its spread.

# %%
import numpy as np

from course_lib import plots

learn = stages[2][heap == "learn"]
scaled = (learn - learn.mean(axis=0)) / (learn.std(axis=0) + 1e-6)
maps_of_stage = scaled.shape[1] // 2
together = (scaled[:, :maps_of_stage] * scaled[:, maps_of_stage:]).mean(axis=0)  # the correlation in each map
number = int(np.argsort(together)[-3])
pair = scaled[:, [number, number + maps_of_stage]]

# %% tags=["nbval-any-figure"] reason="which of many maps is drawn hangs on the last digits"
along, across = np.array([2.0, 2.0]), np.array([2.0, -2.0])
figure, axis = plots.new_axis(width=4.4, height=4)
axis.scatter(*pair.T, s=12, color=plots.BLUE, label="good cells")
axis.plot(*along, "D", color=plots.GREY, markersize=10, label="along")
axis.plot(*across, "s", color=plots.ORANGE, markersize=10, label="across")
axis.set(xlabel="mean of a map (in spreads)", ylabel="spread of this map (in spreads)", aspect="equal")
axis.legend(fontsize=8)
plots.show(figure, "Good cells as a long cloud from lower left to upper right, with one point along it and one across")

# %% [markdown]
# The grey diamond and the orange square are equally far from the middle if you use a ruler. But good cells do lie where the diamond is. None
# lies near the square. So we need a ruler that is long in the direction in which good cells differ, and short in the other one. The
# *covariance* knows both directions, and its inverse is that ruler. The result is called the *Mahalanobis distance*.

# %% tags=["nbval-approx-0.3"]
ruler = np.linalg.inv(np.cov(pair.T))
for name, point in {"along": along, "across": across}.items():
    print(f"{name}: {np.sqrt(point @ point):.1f} with a plain ruler, {np.sqrt(point @ ruler @ point):.1f} with the new one")

# %% [markdown]
# ## More numbers than photos
#
# With two numbers this is easy. But stage 7 has 640 numbers, and we have 200 photos. **The next cell fails, and is meant to.** Or rather, it
# does what is worse: it gives an answer.

# %% tags=["nbval-approx-0.1"]
last = stages[4][heap == "learn"]
covariance = np.cov(last.T)
print(f"{len(covariance)} directions; the photos tell something about {np.linalg.matrix_rank(covariance)} of them")

# %% [markdown]
# In all other directions the good photos do not differ at all, as far as 200 photos can tell. There the ruler would be endlessly short, and any new photo endlessly
# far away. Ledoit and Wolf (2004) found the cure: mix the covariance with one that is equal in all directions. How much of it is needed they
# compute from the photos. scikit-learn has it.

# %%
from sklearn.covariance import ledoit_wolf


def fit(stages):
    """What good photos have in common: for each stage mean, spread and the inverse of the covariance."""
    facts = []
    for stage in stages:
        mean, spread = stage.mean(axis=0), stage.std(axis=0) + 1e-6
        covariance, _ = ledoit_wolf((stage - mean) / spread)
        facts.append((mean, spread, np.linalg.inv(covariance)))
    return facts


# %%
def distance(stages, facts):
    """How far each photo lies from the good ones (N,): the distances of all stages, added."""
    total = 0
    for stage, (mean, spread, ruler) in zip(stages, facts, strict=True):
        scaled = (stage - mean) / spread
        total = total + np.sqrt(((scaled @ ruler) * scaled).sum(axis=1))
    return total


# %% [markdown]
# That is the whole inspector. Let us fit it to the 200 good photos, and ask how far they lie from themselves, and how far new ones do.

# %% tags=["nbval-any-figure"] reason="the heights of the bars hang on rounding"
facts = fit([stage[heap == "learn"] for stage in stages])
far = distance(stages, facts)
shown = {"good, learned": "learn", "good, new": "good to judge", "defective, new": "defective to judge"}
colours = [plots.GREY, plots.BLUE, plots.ORANGE]
figure, axis = plots.new_axis(height=2.6)
for (name, part), colour in zip(shown.items(), colours, strict=True):
    axis.hist(far[heap == part], bins=np.linspace(0, far.max(), 40), density=True, histtype="step", lw=2, color=colour, label=name)
axis.set(xlabel="distance", ylabel="how often (area 1)")
axis.legend(fontsize=8)
plots.show(figure, "Distances: photos that were learned lie near, new good ones farther, defective ones farthest, with much overlap")

# %% [markdown]
# Blue and orange lie apart, though not fully. But look at grey and blue. All of them are good cells! The ruler was made to fit the grey ones,
# so they lie much too near. If you set the limit where nearly all grey photos pass, nearly every new good cell is rejected.
#
# ## The limit, from good photos alone
#
# The cure is known from lesson 5: never judge a photo by what it taught. Five times, we fit the ruler to four fifths and judge
# the last fifth. Lots stay together, because a new cell comes from a new lot. This is called *cross-fitting*.

# %%
from sklearn.model_selection import GroupKFold

rows = np.flatnonzero(heap == "learn")
lots = everything["lot"].to_numpy()[rows]
judged = np.zeros(len(rows))
for others, fifth in GroupKFold(5).split(rows, groups=lots):
    some = fit([stage[rows[others]] for stage in stages])
    judged[fifth] = distance([stage[rows[fifth]] for stage in stages], some)

# %% tags=["nbval-approx-0.1"]
OVERKILL = 0.05
limit = np.quantile(judged, 1 - OVERKILL)
new = far[heap == "good to judge"]
print(f"rejected of the good photos that were learned: {(far[heap == 'learn'] > limit).mean():.2f}")
print(f"rejected of the same photos, judged by others: {(judged > limit).mean():.2f}")
print(f"rejected of good photos that are new:          {(new > limit).mean():.2f}")

# %% [markdown]
# The limit is the distance that 95 of 100 good photos stay below. We wanted 5 % overkill. How near is the last line to it? It comes from 60 photos, so one photo more
# or less is nearly two points.
#
# And how sure is the limit itself? It hangs on the few good photos that lie farthest. Draw the lots anew, with replacement, as often as you like:

# %% tags=["nbval-approx-0.1"]
random = np.random.default_rng(0)
members = [np.flatnonzero(lots == lot) for lot in np.unique(lots)]
draws = [np.concatenate([members[n] for n in random.choice(len(members), len(members))]) for _ in range(500)]
low, high = np.quantile([np.quantile(judged[draw], 1 - OVERKILL) for draw in draws], [0.025, 0.975])
bad_ones = far[heap == "defective to judge"]
rows_of_table = [(name, (new > at).mean(), (bad_ones <= at).mean()) for name, at in (("lowest", low), ("ours", limit), ("highest", high))]
pd.DataFrame(rows_of_table, columns=["limit", "overkill", "missed defects"]).round(2)

# %% [markdown]
# Three limits that other lots might have given us, and each is as honest as ours. Compare the column of the missed defects. Whoever promises you *one* number has not drawn again.
#
# Here a limit that spares good cells lets about half of the defects pass. But they stand in this table only because *we* have photos of defects. With good photos alone this column would be empty. You would know how often
# good parts are rejected, and nothing about the rest.
#
# ## Beside a classifier that has labels
#
# What would labels have brought? A linear classifier on the same numbers, with about as many photos (good ones and the heap of defects), judged on the
# same cells.

# %%
from course_lib import evaluation, features

labels = (everything["label"] == BAD).to_numpy().astype(int)
numbers = np.concatenate(stages, axis=1)
taught = np.flatnonzero((heap == "defects") | ((heap == "learn") & (np.arange(len(heap)) < 120)))
probe = features.linear_probe().fit(numbers[taught], labels[taught])
judge = np.flatnonzero((heap == "good to judge") | (heap == "defective to judge"))
print(len(taught), "photos with labels,", len(judge), "to judge")

# %% tags=["nbval-approx-0.1"]
from sklearn.metrics import roc_auc_score

answers = {
    "good photos only": np.log(far[judge]),
    "classifier": probe.predict_proba(numbers[judge])[:, 1],
}
areas = []
for name, scores in answers.items():
    low, high = evaluation.bootstrap_interval(roc_auc_score, labels[judge], scores)
    areas.append((name, roc_auc_score(labels[judge], scores), low, high))
pd.DataFrame(areas, columns=["inspector", "area under ROC", "from", "to"]).round(2)

# %% [markdown]
# The area under the ROC curve (lesson 8) needs no limit: it says how often a defective cell gets a higher score than a good one. One half is
# guessing. The inspector without labels is far above that, and has never seen a defect. Is the classifier better? Compare the intervals: 120 cells are few.
# Solar cells are hard for an inspector without labels: they come in many kinds, and some good ones look stranger than a crack.
# Where all parts look alike, it may be another story: try your own.
#
# So: **no defects yet? Begin like this. As soon as you have some dozen photos of defects, train a classifier, too, and compare.**
#
# ## Where?
#
# One distance for a whole photo does not say *where* it differs. The maps of stage 5 do: each of their 14 × 14 places has 112 numbers. For each place, good cells
# have a mean and a covariance of their own, and so each place gets a distance. (Defard et al. 2020 call this PaDiM.) To keep it small, we first take the
# 24 directions in which the maps of good cells differ most.


# %%
@torch.no_grad()
def places(photos):
    """The maps of stage 5, place by place: (N, 14 * 14, 112)."""
    batches = torch.split(torch.tensor(photos), 16)
    maps = torch.cat([backbone.stages[:6](to_float(images, backbone.mean, backbone.std)) for images in batches])
    return maps.flatten(2).transpose(1, 2).numpy()


seen = places(photos[rows[:80]])  # good photos that were learned
directions = np.linalg.svd(np.cov(seen.reshape(-1, seen.shape[2]).T))[2][:24].T
seen = seen @ directions
middle = seen.mean(axis=0)
spreads = [0.9 * np.cov(place.T) + 0.1 * np.trace(np.cov(place.T)) / 24 * np.eye(24) for place in seen.swapaxes(0, 1)]
rulers = np.linalg.inv(spreads)

# %%
far_ones = np.flatnonzero(heap == "defective to judge")[np.argsort(-bad_ones)[1:15:4][:3]]
usual = np.flatnonzero(heap == "good to judge")[np.argsort(new)[n // 2]]
chosen = [*far_ones, usual]
away = places(photos[chosen]) @ directions - middle
heat = np.sqrt(np.einsum("npi,pij,npj->np", away, rulers, away))

# %% tags=["nbval-any-figure"] reason="which photos lie farthest hangs on rounding"
titles = [f"{name}\ndistance {far[row]:.0f}" for row, name in zip(chosen, [BAD] * 3 + [GOOD], strict=True)]
warm = ((heat / np.quantile(heat[-1], 0.99) - 1) / 1.2).clip(0, 1)  # 0: as unusual as the strangest places of the good cell
side = int(heat.shape[1] ** 0.5)
plots.heat_maps([photos[row][:1] for row in chosen], warm.reshape(-1, side, side), titles)

# %% [markdown]
# Look at the orange places. Are they where *you* see the defect? Nobody told the network what a crack is.
#
# ## The same with the library
#
# `course_lib.features` holds the same few lines. It wants the spreads of a stage before its means, so we turn each stage by half:

# %%
turned = np.concatenate([np.roll(stage, stage.shape[1] // 2, axis=1) for stage in stages], axis=1)
facts_of_library = features.fit(turned[rows], backbone)
far_of_library = features.distance(torch.tensor(turned), facts_of_library).numpy()
print("the same distances:", np.allclose(far, far_of_library, rtol=0.01))

# %% [markdown]
# And this command makes an inspector out of a folder with good photos, with a limit, its interval, heat maps and a report that says what it cannot know:
#
# `python -m course_lib train photos --good-only --out inspector`
#
# **Your turn:** put five of the heap `defects` among the 200 good photos, fit again, and look at `judged`. Do the five stand out? What happens to the limit? Good
# folders are hardly ever all good.
#
# **Your turn, without scrolling up:** why is a plain ruler not enough? Why must a photo not be judged by a ruler that it helped to make? And which number
# does nobody know who has good photos only? The bullets below answer it.
#
# ## What you take with you
#
# - An inspector without defects knows what is usual. The covariance is a ruler that knows in which directions good parts differ.
# - A limit from photos that were learned is far too tight. Let others judge each photo, keep lots together, and draw the lots again to see how sure the limit is.
# - Without photos of defects, nobody knows how many are missed. Say so.
#
# Back to [lesson 9](../09_a_transfer_model.ipynb), or on to [In plain PyTorch](plain_pytorch.ipynb).
