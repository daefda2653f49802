# %% [markdown]
# # Speed and memory
#
# Lesson 7 trains a network without asking what it costs. Here you measure both costs: the time of a step, and the memory
# that it needs. Nothing is trained, so nothing gets better or worse; it only gets faster, or smaller.
#
# **At the end you have:** a speed with its interval, measured on your own computer, and four ways to train with less memory
#
# **Study time:** 20 to 30 minutes

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Measure whether one way of computing is faster than another, and say how sure you are.
# - Say what fills the memory in a training, and what of it grows with the batch.
# - Choose a way to need less memory, and say what it changes.

# %%
# {{setup}} speed and memory

# %% [markdown]
# You should know the training loop of [lesson 7](../07_training_the_scratch_model.ipynb). We take 64 photos and the network
# of lesson 6. Only the time and the memory of a step count here, not how good its answers are. So no photo is a test photo.

# %%
from course_lib import data, datasets

PHOTOS = data.solar_cells()
everything = data.index_folder(PHOTOS)
index = everything.sample(min(64, len(everything)), random_state=0)
loader = datasets.BatchLoader(datasets.pixels(index, size=64), data.label_numbers(index), batch_size=64)
images, labels = next(iter(loader))
print("photos in a batch:", tuple(images.shape))

# %% [markdown]
# ## One time is not enough
#
# Here is a step, as far as it takes time: forward, loss, backward.

# %%
from torch.nn import functional

from course_lib import device, models

processor = device.choose()
device.seed_everything(0)
network = models.ScratchCNN(classes=everything["label"].nunique()).to(processor)
images, labels = images.to(processor), labels.to(processor)


def step(network, images):
    functional.cross_entropy(network(images), labels).backward()


# %% [markdown]
# How long does it take? Ask twice, and you get two answers: the computer does other things as well, and becomes slower as
# it becomes warm. If you time way A today and way B tomorrow, you compare today with tomorrow.
#
# So let two ways take *turns*. In each turn both are timed, one right after the other, and their *ratio* is kept: the speed
# of one way, if the other is 1.

# %%
from course_lib import training


def seconds(network, images):
    """Seconds of a step, the mean of three. The timer waits until a GPU has finished, too."""
    return training.timer(lambda: step(network, images)).timeit(3).mean


# %% [markdown]
# Twenty turns give twenty ratios. Their median is the result. To see how far it can be trusted, draw twenty of the ratios with
# replacement, again and again, and look at how the median wanders.

# %%
import numpy as np


def speed(way, turns=20):
    """Median speed of a way against the plain network, and its 95 % interval."""
    ratios = [seconds(network, images) / seconds(*way) for _ in range(turns)]
    drawn = np.random.default_rng(0).choice(ratios, size=(1000, turns))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    return np.median(ratios), low, high


# %% [markdown]
# What shall we compare? First the network with a copy of itself. The true ratio is 1, so this tells us whether our measurement
# is any good. Then with another *memory order*: PyTorch keeps a photo channel by channel, but it can also keep all
# channels of a pixel side by side (*channels last*). The numbers are the same, only their places change.

# %%
from copy import deepcopy

import torch

last = torch.channels_last
ways = {
    "a copy of itself": (deepcopy(network), images),
    "channels last": (deepcopy(network).to(memory_format=last), images.to(memory_format=last)),
}
speeds = {name: speed(way) for name, way in ways.items()}

# %% tags=["nbval-any-figure"] reason="the times of a computer differ from run to run"
from course_lib import plots


def draw(alt):
    """All speeds so far, with their intervals."""
    figure, axis = plots.new_axis(height=1 + 0.4 * len(speeds))
    for name, (middle, low, high) in speeds.items():
        axis.errorbar(middle, name, xerr=[[middle - low], [high - middle]], fmt="o", capsize=5, color=plots.BLUE)
    axis.axvline(1, color=plots.GREY, linestyle="--")
    axis.margins(y=0.5)
    axis.set_xlabel("speed: plain = 1, larger is faster")
    plots.show(figure, alt)


draw("Two speeds with their intervals, beside a dashed line at 1")

# %% [markdown]
# The dashed line is the plain network. Does the interval of the copy contain 1? It should, in about 19 of 20 runs. If it
# does not, something disturbed the measurement: run the two cells again. How wide it is tells you how small a difference
# you could see at all.
#
# Now look at the interval of *channels last*. Is all of it to the right of 1? Then this order is faster, for this network on this
# computer. Is all of it to the left? Then it is slower. Does it contain 1? Then you have not shown anything, however good
# the median looks.
#
# **Your turn:** write a third line into `ways`, `"small photos": (network, images[:, :, ::2, ::2]),`, and run the two cells again.
# How many times as fast is a step with a quarter of the pixels, at least and at most?
#
# ## Half as many digits
#
# The second thing to try is the *precision*. The weights are numbers of the kind *float32*, with about seven digits.
# *bfloat16* keeps two or three, and needs half the memory. Some processors have instructions for it and may compute several times
# faster. Others must imitate it, and may be many times slower. PyTorch tells which kind yours is:

# %% tags=["nbval-ignore-output"] reason="processors differ in what they can do"
device.precisions(processor)

# %% [markdown]
# Under `autocast` PyTorch computes in bfloat16 where rounding does little harm. Let it take turns with the plain network; five turns
# are enough for a first look.


# %%
def rounded(images):
    """The network in bfloat16."""
    with torch.autocast(processor.type, torch.bfloat16):
        return network(images)


# %% tags=["nbval-any-figure"] reason="the times of a computer differ from run to run"
speeds["bfloat16"] = speed((rounded, images), turns=5)
draw("The two speeds from above and that of bfloat16, beside a dashed line at 1")

# %% [markdown]
# Does your processor have instructions of its own for bfloat16, and is it faster with them? The first does not promise the second: no rule holds for every network
# and every computer. And faster is not all: the answers are rounded. By how much does a probability change?

# %% tags=["nbval-approx-0.05"]
with torch.no_grad():
    plain, other = (way(images).float().softmax(dim=1) for way in (network.eval(), rounded))
network.train()
print(f"largest change of a probability: {(plain - other).abs().max():.3f}")

# %% [markdown]
# This network is not trained yet. After a training the answers are surer, and you would look again. You use the precision as `fit(…, precision="bfloat16")`. The lessons stay
# with float32, so that their numbers come out nearly alike on every computer. `train` takes half as long numbers on a GPU that has instructions for them.
#
# ## What fills the memory
#
# Four kinds of numbers lie in memory during a training. Three of them depend on the network alone:

# %%
step(network, images)
optimizer = torch.optim.AdamW(network.parameters())
optimizer.step()
weights = list(network.parameters())
averages = [kept for state in optimizer.state.values() for kept in state.values() if kept.ndim > 0]
print(f"weights:   {sum(weight.nbytes for weight in weights) / 1e6:.2f} MB")
print(f"gradients: {sum(weight.grad.nbytes for weight in weights) / 1e6:.2f} MB")
print(f"AdamW:     {sum(average.nbytes for average in averages) / 1e6:.2f} MB")

# %% [markdown]
# A gradient for each weight, and two averages that AdamW keeps for each weight: four times the weights in all. That is little
# here, and 16 GB for a network with a billion weights.
#
# The fourth kind is what the *forward pass* leaves behind. The backward pass needs the maps that each layer has made, so they
# are kept until then. PyTorch tells us about each tensor that it keeps, if we ask:

# %%
from torch.autograd.graph import saved_tensors_hooks


def kept(images):
    """Megabytes that a forward pass keeps for the backward pass, beside the weights."""
    own, sizes = {weight.data_ptr() for weight in network.parameters()}, {}

    def note(tensor):
        sizes[tensor.data_ptr()] = tensor.nbytes
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        logits = network(images)  # as long as it is there, nothing is thrown away
    del logits
    return sum(size for place, size in sizes.items() if place not in own) / 1e6


# %% tags=["nbval-approx-0.1"]
import pandas as pd

rows = []
for count in (8, 16, 32, 64):
    in_training = kept(images[:count])
    with torch.no_grad():
        in_prediction = kept(images[:count])
    rows.append((count, in_training, in_prediction))
pd.DataFrame(rows, columns=["photos", "MB kept in training", "MB kept in prediction"]).round(1)

# %% [markdown]
# Twice the photos, twice the memory. Already the maps of 8 photos need more than weights, gradients and averages together. So if a
# training runs out of memory, the batch is the place to begin. In prediction, under `torch.no_grad()`, nothing is kept: each map
# is thrown away as soon as the next layer has read it.
#
# ## Four ways to need less
#
# - **bfloat16**: the layers that compute with it leave maps of half the size.
# - **Frozen first layers**: what is not trained needs no gradient. If the first layers are frozen, their maps are not kept.
# - **Smaller photos**: half the width and half the height are a quarter of the pixels.
# - **Micro-batches**: 64 photos in four parts of 16. Each part makes its backward pass at once, and the gradients add up.

# %% tags=["nbval-approx-0.1"]
rows = [("as it is", kept(images))]
with torch.autocast(processor.type, torch.bfloat16):
    rows.append(("bfloat16", kept(images)))
network.blocks[:2].requires_grad_(False)
rows.append(("first two of four blocks frozen", kept(images)))
network.blocks[:2].requires_grad_(True)
rows.append(("photos of 32 × 32 pixels", kept(images[:, :, ::2, ::2])))
rows.append(("micro-batches of 16", kept(images[:16])))
less = pd.DataFrame(rows, columns=["64 photos", "MB kept"])
less.assign(share=less["MB kept"] / less["MB kept"][0]).round(2)

# %% [markdown]
# All four help, and none is free. bfloat16 rounds. Frozen layers do not learn. Small photos may lose the defect. And
# micro-batches?
#
# They look free. `backward()` *adds* gradients to what is there (lesson 7 shows this as a fault). Here it is just what we want:
# add up the gradients of four parts, then take one step. Is the sum the gradient of the whole batch? We ask
# twice: in eval mode, and in train mode.


# %%
def gradient(part_size):
    """Gradient of the mean loss over the batch, added up from parts."""
    network.zero_grad()
    for part, answers in zip(images.split(part_size), labels.split(part_size), strict=True):
        loss = functional.cross_entropy(network(part), answers, reduction="sum") / len(images)
        loss.backward()
    return network.blocks[0][0].weight.grad.clone()


for mode in ("eval", "train"):
    network.blocks.train(mode == "train")
    network.head.eval()  # without dropout, which draws anew each time
    whole, added = gradient(64), gradient(16)
    print(f"{mode} mode, same gradient:", ((whole - added).abs().max() < 1e-3 * whole.abs().max()).item())

# %% [markdown]
# In eval mode they are equal. In train mode they are not: *batch normalisation* takes mean and spread from the photos that it
# sees together, and 16 photos have another mean than 64. So in a network with batch normalisation, micro-batches are
# another training. It may be as good; measure it. (Note the sum divided by all photos. With the mean of each part, the
# gradient would come out four times too large.)
#
# **Your turn:** change `images[:16]` in the table above to `images[:4]`. What share is left? Then set `network.blocks[:2]` to
# `network.blocks[:3]` in both places. Why does freezing the third block save less than freezing the first?
#
# ## What you take with you
#
# - A speed is a ratio, measured in turns, with an interval. A comparison of a thing with itself shows what the measurement is worth.
# - In a training of small networks the kept maps fill the memory, and they grow with the batch. Prediction keeps none.
# - bfloat16, frozen first layers, smaller photos and micro-batches need less. Each changes something.
#
# Back to [lesson 7](../07_training_the_scratch_model.ipynb), or on to [In plain PyTorch](plain_pytorch.ipynb).
