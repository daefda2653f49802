# %% [markdown]
# # 06 A model from scratch
#
# You build a small *convolutional neural network* (CNN, 畳み込みニューラルネットワーク) layer by layer, look at what each layer makes of a solar cell, and test that it is able to learn at all.
#
# **At the end you have:** a small CNN you can draw, its parameter count, and a first batch it can memorise

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Trace the shape of a batch through the layers of a small CNN.
# - Count the parameters of a layer by hand.
# - Give the loss what it takes: logits, not probabilities.
# - Check a new model by letting it memorise one batch.

# %%
# {{setup}} 6

# %% [markdown]
# `PHOTOS` may name your own folder, with two sub-folders: one for the good parts, and one called `defective`. The course's photos are the solar cells of the ELPV dataset, licence CC BY-NC-SA 4.0.

# %%
from course_lib import data, lesson

PHOTOS = data.solar_cells()
index = lesson.split_index(PHOTOS)  # the table of lesson 5: each photo has a split
positive = data.class_names(index)[-1]
print(data.credits(PHOTOS).splitlines()[0])
print("positive class:", positive)

# %% [markdown]
# One photo goes with us through the lesson: a cell with cracks and dead, dark areas. Each picture below is this same photo after one more layer of a network.

# %%
from course_lib import plots

example = index.index[index["label"] == positive][36]  # with your own photos, another number
path = data.photo_path(index, example)
photo = data.read_image(path)
print("shape:", photo.shape, " type:", photo.dtype)
plots.photo_grid([photo], [index["label"][example]], size=2.6, alt="A solar cell with cracks and dark areas")

# %% [markdown]
# In lesson 3 you chose the features: brightness, edges, dark lines. From now on the network finds its features itself. It is made of a few kinds of layers. You meet them one by one.

# %% [markdown]
# ## Convolution: a small window slides over the photo
#
# A *convolution* (畳み込み) puts a small table of numbers, the *kernel*, on each place of the photo. It multiplies each number with the pixel below it and adds up the products. The sum is one pixel of the result. We write a kernel by hand: bright pixels above count as plus, below as minus.

# %%
import torch
from torch.nn import functional

image = torch.from_numpy(photo)[None, None] / 255  # (photos, channels, height, width)
kernel = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]])
across = functional.conv2d(image, kernel[None, None], padding=1)
upright = functional.conv2d(image, kernel.T[None, None], padding=1)
print(tuple(image.shape), "->", tuple(across.shape))

# %% [markdown]
# The photo has the shape (1, 1, 300, 300): one photo, one channel (grey), height, width. So does the result, which is called a *feature map* (特徴マップ). `padding=1` adds a border of zeros around the photo, so that the window fits on the pixels at the edge too.

# %%
maps = [(255 * (2 * result[0, 0].abs()).clamp(max=1)).byte().numpy() for result in (across, upright)]
plots.photo_grid(
    [photo, *maps],
    ["the photo", "edges that lie", "edges that stand"],
    size=2.2,
    alt="The photo and two feature maps: one with bright horizontal edges, one with upright ones",
)

# %% [markdown]
# The same nine numbers, turned by 90°, find other edges. The map in the middle shows the dark bars of the cell, which run from left to right. The map on the right lost them and keeps the steep cracks. A kernel is a small question that is asked at every place.
#
# In a network nobody writes these numbers. Training finds them. `nn.Conv2d` holds many kernels at once and starts with random ones.
#
# *Predict first:* the layer below turns 1 channel into 16. How many numbers can training change in it? Does your answer depend on the size of the photo?

# %%
from torch import nn

layer = nn.Conv2d(1, 16, kernel_size=3)
for name, parameter in layer.named_parameters():
    print(name, tuple(parameter.shape), parameter.numel())
print("by hand: 16 kernels * (1 * 3 * 3) weights + 16 biases =", 16 * (1 * 3 * 3) + 16)
assert sum(parameter.numel() for parameter in layer.parameters()) == 16 * (1 * 3 * 3) + 16

# %% [markdown]
# The kernel slides, so the photo may have any size. The numbers that training may change are called *parameters* (パラメーター). A *bias* is a number that is added to the sum.
#
# How large is the result? The window starts at each pixel (*stride* 1) or at each second one (stride 2):
#
# size after = (size before + 2 · padding − kernel) // stride + 1, where `//` divides and rounds down

# %%
import pandas as pd


def size_after(size, kernel, stride=1, padding=0):
    return (size + 2 * padding - kernel) // stride + 1


rows = []
for kernel_size, stride, padding in [(3, 1, 0), (3, 1, 1), (3, 2, 1), (7, 2, 3)]:
    layer = nn.Conv2d(1, 16, kernel_size, stride, padding)
    measured = layer(torch.zeros(1, 1, 96, 96)).shape[-1]
    formula = size_after(96, kernel_size, stride, padding)
    rows.append((kernel_size, stride, padding, formula, measured))
pd.DataFrame(rows, columns=["kernel", "stride", "padding", "by formula", "measured"])

# %% [markdown]
# Each row starts with photos of 96 pixels. A 3×3 kernel with stride 1 and padding 1 keeps the size. Stride 2 halves it.
#
# **Your turn:** a 5×5 kernel, stride 1, shall keep the size of 96 pixels. Which padding does it need? Change it below until the two numbers are equal.

# %%
padding = 0
print("wanted: 96   you have:", size_after(96, kernel=5, stride=1, padding=padding))

# %% [markdown]
# ## ReLU and pooling: keep what was found, make it smaller
#
# *ReLU* turns negative numbers into 0 and leaves the others. Without such a bend between them, two convolutions would be no more than one convolution. *Max pooling* (最大値プーリング) keeps the strongest of each 2×2 pixels: height and width are halved.

# %%
found = functional.relu(across)
pooled = functional.max_pool2d(functional.max_pool2d(found, 2), 2)
print("map", tuple(across.shape), "-> pooled twice", tuple(pooled.shape))
steps = [across + 0.5, 2 * found, 2 * pooled]
plots.photo_grid(
    [(255 * step[0, 0].clamp(0, 1)).byte().numpy() for step in steps],
    ["feature map\n(grey is 0)", "after ReLU\n(black is 0)", "after pooling\ntwice"],
    size=2.2,
    alt="A feature map of light and dark edges; after ReLU only the light ones; then coarser",
)

# %% [markdown]
# After ReLU only one side of each bar is left: the side with the step the kernel asked for. After pooling the map has a sixteenth of the pixels, and one still sees what was found and roughly where. That is the trade: exact places are lost, computing gets cheaper, and the next layer's window covers more of the cell.

# %% [markdown]
# ## Normalisation: numbers of a size the next layer can use
#
# The numbers in the maps of a layer may be of very different size: one channel lives around 0.01, another around 3. *Batch normalisation* (バッチ正規化) brings each channel of a batch to mean 0 and spread 1. Then it multiplies by a number and adds another; these two are parameters, which start at 1 and 0.
#
# We need a batch now. The loaders of lesson 5 give us one of 32 photos, at 64×64 pixels. (This time we pass no mean and no standard deviation. The loader then takes the fixed numbers 0.5 and 0.25: they come from no photo, so they cannot leak, and a layer inside the network does the fine adjustment. Lessons 7 and 8 do the same.)

# %%
from course_lib import datasets

batches = datasets.loaders(index, size=64, batch_size=32)
images, labels = next(iter(batches["train"]))
print("images", tuple(images.shape), images.dtype, " labels", tuple(labels.shape), labels.dtype)

# %% tags=["nbval-approx-0.02"]
torch.manual_seed(0)
feature_maps = nn.Conv2d(1, 4, kernel_size=3, padding=1, bias=False)(images)
normalised = nn.BatchNorm2d(4)(feature_maps)
table = pd.DataFrame({"channel": range(4)})
for name, values in {"before": feature_maps.detach(), "after": normalised.detach()}.items():
    table[f"mean {name}"] = values.mean(dim=(0, 2, 3)).abs()  # no sign, so that there is no -0.000
    table[f"spread {name}"] = values.std(dim=(0, 2, 3))
assert (table["spread after"] - 1).abs().max() < 0.01
table.round(3)

# %% [markdown]
# Before, the channels differ in mean (shown without its sign) and spread. After, all are alike. The convolution before it needs no bias: batch normalisation would take it away again. Hence `bias=False`.
#
# During training the layer uses the mean and spread of the present batch. For single photos later it uses a moving average, in which the last batches it has seen count most. Lesson 7 shows why one must tell the model which of the two is wanted.

# %% [markdown]
# ## What trained layers see
#
# Random kernels show little. So look into a network that has been trained on a million photos, the one of lesson 1. We stop after three of its stages and show four feature maps of each.

# %%
from course_lib import models

backbone = models.load_backbone().eval()
in_colour = data.read_pixels(path, backbone.size, channels=3)
activations = torch.tensor(in_colour)[None] / 127.5 - 1
kept = {}
with torch.no_grad():
    for number, stage in enumerate(backbone.stages):
        activations = stage(activations)
        kept[number] = activations[0]
        print(f"after stage {number}:", tuple(activations.shape))

# %% [markdown]
# On the whole height and width shrink, from 112 to 7, and the channels grow, from 32 to 1,280, though not at every stage. So the network trades *where* for *what*.


# %% tags=["nbval-approx-0.05"]
def as_picture(feature_map):
    values = feature_map - feature_map.min()
    return (255 * values / values.max().clamp(min=1e-6)).byte().numpy()


pictures, titles = [], []
for number in (0, 2, 4):
    for channel in kept[number].std(dim=(1, 2)).topk(4).indices.tolist():
        pictures.append(as_picture(kept[number][channel]))
        titles.append(f"stage {number}, channel {channel}")
alt = "Feature maps. Stage 0: edges of wires and cracks. Stage 2: wires and cracks, bright or dark by direction. Stage 4: blocks"
plots.photo_grid(pictures, titles, columns=4, size=1.8, alt=alt)

# %% [markdown]
# These are the four channels of each stage that change most over the cell. Stage 0 still looks like the photo: light against dark, and edges. In stage 2 some maps tell directions apart: in channel 8, cracks that fall to the right are bright and cracks that rise are dark. In stage 4 only coarse blocks are left. Each says "something of my kind is here", and no person can tell at a glance what kind. In lesson 9 such numbers become your features.

# %% [markdown]
# ## Receptive field: how much of the photo one number sees
#
# The *receptive field* (受容野) of a number is the part of the photo that can change it. A 3×3 convolution sees 3 pixels in width. After a stride of 2, each step on the map is 2 pixels of the photo, so the next 3×3 window reaches further:
#
# field after = field before + (kernel − 1) · step; each stride multiplies the step.
#
# Below, you build a network of four *blocks*. The first is a 7×7 convolution and a 3×3 pooling, the others are 3×3 convolutions. All have stride 2. How far does each see?

# %%
field, step, fields = 1, 1, []
for block, kernels in enumerate([(7, 3), (3,), (3,), (3,)], start=1):
    for kernel_size in kernels:
        field += (kernel_size - 1) * step
        step *= 2
    fields.append(field)
    print(f"after block {block}: one number sees {field} x {field} pixels of the photo")

# %% [markdown]
# A measurement must agree with the formula. We ask for the *gradient*: how much does one number change if a pixel changes? Where the gradient is not zero, the pixel is in the receptive field.

# %%
from course_lib import device

device.seed_everything(0)
model = models.ScratchCNN().eval()
pixels = torch.rand(32, 1, 192, 192, requires_grad=True)  # noise, larger than the field
model.blocks(pixels)[:, :, 3, 3].sum().backward()  # one place of the last feature map, all channels
touched = (pixels.grad.abs().amax(dim=(0, 1)) > 0).any(dim=0).nonzero()
width = int(touched.max() - touched.min()) + 1
print("the number at place (3, 3) is changed by", width, "columns of pixels")
assert width == fields[-1]

# %% [markdown]
# Formula and measurement agree. The frames below show the first three fields on our cell at 64×64 pixels. The fourth is larger than the cell.

# %%
from matplotlib.patches import Rectangle

figure, axes = plots.new_figure(width=3.4, height=3.4)
axis = axes[0, 0]
plots.draw_photo(axis, data.read_pixels(path, 64))
for number, (field, colour) in enumerate(zip(fields[:3], plots.COLOURS, strict=False), start=1):
    corner, style = 32 - field / 2, {"fill": False, "color": colour, "linewidth": 2}
    axis.add_patch(Rectangle((corner, corner), field, field, label=f"block {number}", **style))
axis.legend(fontsize=8, loc="upper right")
plots.show(figure, alt="The cell at 64 pixels with three nested frames: 11, 19 and 35 pixels wide")

# %% [markdown]
# After block 1 a number sees a scratch. After block 3 it sees half the width of the cell: a long piece of a crack together with what lies around it. After block 4 the window is wider than the cell.

# %% [markdown]
# ## Build the network, layer by layer
#
# Now put the parts together. One *block* is convolution with stride 2, normalisation, ReLU: channels up, size down by half. The first block uses a larger window, 7×7, and a pooling behind it: so it sees a piece of a crack at once, and leaves less to compute for the others. The network is four blocks, then the mean of each feature map, then the *head*: a *linear layer*, in which each output is a weighted sum of the 128 means plus a bias, as in the linear classifier of lesson 3. It gives 2 numbers, one for each class. They are called *logits* (ロジット). A network made of convolutions is called a *convolutional neural network*, CNN for short.


# %%
def block(channels_in, channels_out, kernel=3):
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride=2, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


def first_block(channels):
    return block(channels, 16, kernel=7).append(nn.MaxPool2d(3, stride=2, padding=1))


device.seed_everything(0)
blocks = nn.Sequential(first_block(1), block(16, 32), block(32, 64), block(64, 128))
head = nn.Sequential(nn.Dropout(0.2), nn.Linear(128, 2))

# %% [markdown]
# *Dropout* sets a fifth of the numbers to 0 at random during training, so that the network does not rely on a single one.
#
# *Predict first:* a batch of 32 photos of 64×64 pixels goes in. Write down its shape after each block. Then run the cell.

# %%
activations, rows = images, [("the batch", tuple(images.shape), 0)]
for number, part in enumerate(blocks, start=1):
    activations = part(activations)
    weights = sum(parameter.numel() for parameter in part.parameters())
    rows.append((f"block {number}", tuple(activations.shape), weights))
means = activations.mean(dim=(2, 3))
rows.append(("mean of each map", tuple(means.shape), 0))
logits = head(means)
rows.append(("head: the logits", tuple(logits.shape), sum(p.numel() for p in head.parameters())))
pd.DataFrame(rows, columns=["after", "shape", "parameters"])

# %% [markdown]
# The first block leaves a quarter of height and width: its convolution halves them, and its pooling once more. The other blocks halve them and double the channels. Block 2 by hand: 32 kernels of 16·3·3 weights are 4,608, and batch normalisation has 2 parameters for each of 32 channels: 4,672 in all.
#
# In a program the parts live in one class. `__init__` makes them, `forward` says how the photos pass through.


# %%
class SmallCNN(nn.Module):
    def __init__(self, classes=2, channels=1):
        super().__init__()
        self.blocks = nn.Sequential(first_block(channels), block(16, 32), block(32, 64), block(64, 128))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(128, classes))

    def forward(self, images):
        return self.head(self.blocks(images).mean(dim=(2, 3)))


mine = SmallCNN()
models.trainable_parameters(mine)

# %% [markdown]
# Look at this table before every training: it shows at once if a part cannot be trained that should be. Here all can.
#
# The course's library holds the same network as `models.ScratchCNN`. "The same" can be proved: the parameters have the same names and shapes, and with the same numbers in them the same logits come out.

# %%
library_model = models.ScratchCNN()
shapes = {name: tuple(values.shape) for name, values in mine.state_dict().items()}
assert shapes == {name: tuple(values.shape) for name, values in library_model.state_dict().items()}
mine.load_state_dict(library_model.state_dict())
with torch.no_grad():
    same = torch.equal(mine.eval()(images), library_model.eval()(images))
print("same names and shapes: True   same logits:", same)
assert same

# %% [markdown]
# **Your turn:** how many parameters does block 2 have if its kernels are 5×5? Calculate first, then change `kernel_size` and check.

# %%
kernel_size = 3
parts = nn.Sequential(nn.Conv2d(16, 32, kernel_size, padding=1, bias=False), nn.BatchNorm2d(32))
print(sum(parameter.numel() for parameter in parts.parameters()))

# %% [markdown]
# ## Where our network stands in history
#
# Seven famous networks, from 1998 to 2019. torchvision knows six of them. The oldest, LeNet, is small enough to write down.

# %%
lenet = nn.Sequential(
    nn.Conv2d(1, 6, 5),
    nn.Tanh(),
    nn.AvgPool2d(2),
    nn.Conv2d(6, 16, 5),
    nn.Tanh(),
    nn.AvgPool2d(2),
    nn.Flatten(),
    nn.Linear(16 * 5 * 5, 120),
    nn.Tanh(),
    nn.Linear(120, 84),
    nn.Tanh(),
    nn.Linear(84, 10),
)
print(tuple(lenet(torch.zeros(1, 1, 32, 32)).shape), "one logit for each of ten digits")

# %% [markdown]
# We count parameters, and the multiplications for one photo. To count, one needs no numbers, only shapes. The device `meta` builds networks of shapes without numbers: VGG16 would take half a gigabyte, here it takes nothing.

# %%
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_model


def count(network, shape):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.to("meta").eval()(torch.zeros(1, *shape, device="meta"))
    weights = sum(parameter.numel() for parameter in network.parameters())
    # The counter counts a multiplication and its addition as two.
    return weights / 1e6, counter.get_total_flops() / 2 / 1e9


# %%
networks = [("LeNet", 1998, "convolution and pooling", lenet, (1, 32, 32))]
famous = {
    "alexnet": (2012, "ReLU, dropout, trained on GPUs"),
    "vgg16": (2014, "only 3x3 kernels, deep"),
    "googlenet": (2014, "several kernel sizes side by side"),
    "resnet18": (2015, "shortcuts around blocks"),
    "resnet50": (2015, "shortcuts, 50 layers"),
    "efficientnet_b0": (2019, "depth, width and photo size grown together"),
}
for name, (year, idea) in famous.items():
    extra = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        networks.append((name, year, idea, get_model(name, weights=None, **extra), (3, 224, 224)))
networks.append(("our ScratchCNN", "-", "what you built above", models.ScratchCNN(), (1, 64, 64)))

# %%
rows = [(name, year, idea, shape[-1], *count(network, shape)) for name, year, idea, network, shape in networks]
columns = ["network", "year", "new idea", "pixels", "million parameters", "billion multiply-adds"]
table = pd.DataFrame(rows, columns=columns)
assert round(table.set_index("network")["million parameters"]["vgg16"], 1) == 138.4
table.round(3)

# %% [markdown]
# Read the last two columns. Until 2014 networks grew. VGG16 has over a hundred million parameters; most of them sit in its first linear layer. Then came better ideas: GoogLeNet and ResNet take the mean of each map before the linear layer, as we do, and need far fewer. EfficientNet-B0 needs about a fortieth of the multiplications of VGG16, and is better on ImageNet. Ours is of LeNet's size and a dwarf beside the others. With some 1,600 training photos we start small, because it trains in seconds; lesson 9 shows how a larger network can be used all the same.
#
# Multiplications are not time. Run the next cell to see how many photos in a second *your* machine can do.

# %%
import time


@torch.inference_mode()
def photos_per_second(network, shape, batch_size=8):
    photos = torch.zeros(batch_size, *shape)
    network.eval()(photos)  # once without the clock: the first call prepares much
    start = time.perf_counter()
    network(photos)
    return batch_size / (time.perf_counter() - start)


# %% tags=["nbval-ignore-output"] reason="speeds differ from machine to machine and from run to run"
speeds = {"our ScratchCNN": photos_per_second(models.ScratchCNN(), (1, 64, 64))}
for name in ("resnet18", "efficientnet_b0"):
    speeds[name] = photos_per_second(get_model(name, weights=None), (3, 224, 224))
for name, speed in speeds.items():
    print(f"{name:16} {speed:8.0f} photos per second on this CPU")

# %% [markdown]
# EfficientNet-B0 has about a fifth of the multiplications of ResNet18, but it is not five times as fast: many small steps keep a processor less busy than a few large ones. Count, but also measure.

# %% [markdown]
# ## The first layer: made for large photos or for small ones
#
# The first layer of a network is called its *stem*. ResNet's stem was made for photos of 224 pixels: a 7×7 convolution with stride 2, then a pooling with stride 2. For small photos people replace it by a 3×3 convolution with stride 1 and no pooling.


# %%
def imagenet_stem():
    convolution = nn.Conv2d(1, 16, kernel_size=7, stride=2, padding=3, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1))


def small_image_stem():
    convolution = nn.Conv2d(1, 16, kernel_size=3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(16), nn.ReLU())


for stem in (imagenet_stem, small_image_stem):
    for size in (8, 32, 224):
        after = stem()(torch.zeros(1, 1, size, size)).shape[-1]
        print(f"{stem.__name__:16}  {size} x {size} pixels -> {after} x {after}")

# %% [markdown]
# A photo of 8×8 pixels becomes 2×2: nearly nothing is left to look at. Does that matter? We measure on two sets of small photos: handwritten digits of 8×8 pixels, which come with scikit-learn, and our solar cells made as small as 32×32.
#
# The rest of the network is the same for both stems: three convolutions with stride 2.


# %%
def network_with(stem, classes):
    layers = [stem()]
    for channels in (16, 32, 64):
        layers += [nn.Conv2d(channels, 2 * channels, kernel_size=3, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(2 * channels), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, classes))


# %%
from sklearn.datasets import load_digits

digits = load_digits()
pictures = (digits.images * 15).astype("uint8")[:, None]  # 0...16 becomes 0...240
settings = {"batch_size": 32, "seed": 0}
photo_sets = {"digits": {}, "solar cells": datasets.loaders(index, size=32, **settings)}
for name, rows in {"train": slice(0, 1200), "validation": slice(1200, None)}.items():
    photo_sets["digits"][name] = datasets.BatchLoader(
        pictures[rows], digits.target[rows], shuffle=name == "train", **settings
    )
print({name: tuple(loaders["train"].images.shape) for name, loaders in photo_sets.items()})

# %% [markdown]
# *Predict first:* which stem wins on the digits, and which on the solar cells? Two epochs each (an *epoch* is one pass over all training photos) and three random starts, because a single run may be luck. `training.fit` is the training loop; lesson 7 opens it up.

# %%
from course_lib import evaluation, training


def accuracy_with(stem, loaders, name):
    rows = []
    for seed in range(3):
        device.seed_everything(seed)
        network = network_with(stem, classes=int(loaders["train"].labels.max()) + 1)
        training.fit(network, loaders["train"], epochs=2, learning_rate=5e-3, progress=False)
        logits, truth = evaluation.predict_logits(network, loaders["validation"])
        rows.append(evaluation.accuracy_row(name, truth, logits.argmax(1)))
    return {"model": name} | pd.DataFrame(rows).drop(columns="model").mean().to_dict()


# %% tags=["nbval-approx-0.06"]
stems = pd.DataFrame(
    accuracy_with(stem, loaders, f"{name}, {stem.__name__}")
    for name, loaders in photo_sets.items()
    for stem in (imagenet_stem, small_image_stem)
)
stems.round(3)

# %% [markdown]
# Accuracy on the validation photos, mean of three starts, with the 95 % interval of one run, beside the trivial baseline of always answering the commonest class.
#
# On the digits the small-image stem wins by several points: compare the two intervals. On the solar cells there is no such gain, although this stem leaves sixteen times as many numbers to compute with. Perhaps because dark areas and long cracks are still there after the coarse stem. These are two epochs with small photos, so it is a hint, no more. Our own first block is coarse too. It leaves less to compute, and in this test no loss from a coarse stem can be seen; a loss of a few points would hide in the intervals. "Small photos need a small stem" is a good first guess, and no law. Measure on your own photos.

# %%
accuracy = stems.set_index("model")["accuracy"]
assert accuracy["digits, small_image_stem"] > accuracy["digits, imagenet_stem"]
assert abs(accuracy["solar cells, small_image_stem"] - accuracy["solar cells, imagenet_stem"]) < 0.08

# %% [markdown]
# ## What the loss takes: logits, not probabilities
#
# The *loss* (損失) says how wrong the answers are; training makes it small. For classes one uses the *cross-entropy*: turn the logits into probabilities with *softmax*, take the probability that the right class got, and the loss is minus its logarithm. `CrossEntropyLoss` does all of this itself, so it wants the logits as they are.

# %% tags=["nbval-approx-0.01"]
logits = torch.tensor([[0.2, 1.5]])  # the model leans towards class 1
label = torch.tensor([1])
probabilities = logits.softmax(dim=1)
print("probabilities:", probabilities.numpy().round(3))
print("by hand:       ", round(-probabilities[0, 1].log().item(), 4))
print("CrossEntropyLoss:", round(nn.CrossEntropyLoss()(logits, label).item(), 4))

# %% [markdown]
# Many people put a softmax at the end of the network, "because the network shall give probabilities". Then softmax is taken twice. Nothing complains: the shapes fit.
#
# *Predict first:* the model is right and completely sure. How large is the loss, right and wrong way? And if it is wrong and completely sure?

# %% tags=["nbval-approx-0.01"]
rows = []
for case, values in {"right and sure": [-10.0, 10.0], "unsure": [0.0, 0.0], "wrong and sure": [10.0, -10.0]}.items():
    row = {"the model is": case}
    for way in ("logits", "softmax first"):
        logits = torch.tensor([values], requires_grad=True)
        loss = nn.CrossEntropyLoss()(logits if way == "logits" else logits.softmax(dim=1), label)
        loss.backward()
        row |= {f"loss, {way}": loss.item(), f"gradient, {way}": logits.grad.abs().max().item()}
    rows.append(row)
table = pd.DataFrame(rows)
table.round(3)

# %% [markdown]
# Two things are wrong with "softmax first".
#
# - *It has a floor.* Even a perfect answer has a loss of about 0.31, which is −log(e / (e + 1)). It can never come near zero.
# - *It stops teaching.* When the model is wrong and sure, the gradient, which says how to change, is nearly 0. That is the moment when it should be largest; with logits it is 1. In the unsure case it is half of what it should be.

# %%
assert table["loss, logits"][0] < 1e-3 and abs(table["loss, softmax first"][0] - 0.3133) < 1e-3
assert table["gradient, logits"][2] > 0.99 and table["gradient, softmax first"][2] < 1e-3

# %% [markdown]
# ## Check a new model: can it memorise one batch?
#
# Before hours of training comes a check of a few seconds. Give the model the same few photos again and again. It must learn them by heart. If it cannot, something is wrong in the model, the loss or the update, and more photos will not help.
#
# First look at the loss before any learning. A model that gives both classes the same logit gives each the probability 1/2, and its loss is −log(1/2), about 0.69. A fresh model should not be far from that.

# %% tags=["nbval-approx-0.15"]
images, labels = images[:16], labels[:16]
device.seed_everything(0)
with torch.no_grad():
    first_loss = nn.CrossEntropyLoss()(models.ScratchCNN()(images), labels).item()
print(f"first loss: {first_loss:.2f}")
assert 0.4 < first_loss < 2

# %% [markdown]
# It is a little higher: by chance the random weights favour one of the classes. That is normal. A first loss of 10 would be a reason to look at the photos' numbers and at the last layer.
#
# Now 60 *steps* on these 16 photos. In a step an *optimizer* moves all weights a little, so that the loss falls; lesson 7 explains these lines one by one. Model A gives logits to the loss. Model B does the same with a softmax before the loss: our mistake on purpose.


# %%
def memorise(softmax_first, images, labels, steps=60):
    device.seed_everything(0)
    model, losses = models.ScratchCNN(), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(steps):
        logits = model(images)
        loss = nn.CrossEntropyLoss()(logits.softmax(dim=1) if softmax_first else logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% tags=["nbval-approx-0.1"]
losses = {"A: logits": memorise(False, images, labels), "B: softmax first": memorise(True, images, labels)}
plots.lines(
    range(1, 61),
    losses,
    xlabel="step",
    ylabel="loss on the same 16 photos",
    alt="Loss over 60 steps: A falls to nearly 0, B falls slowly and stays above 0.31",
)
pd.DataFrame(
    {name: [values[0], values[19], values[59]] for name, values in losses.items()},
    index=["step 1", "step 20", "step 60"],
).round(2)

# %% [markdown]
# A comes close to zero: the model is able to learn. B also learns, but more slowly, and its loss is stuck above the floor of 0.31. Both programs run without an error; the floor in the curve gives the mistake away. The cure is to delete one word: give the loss the logits, and take the softmax later, when a person wants to read probabilities.

# %%
assert losses["A: logits"][-1] < 0.1
assert min(losses["B: softmax first"]) > 0.313

# %% [markdown]
# **Your turn:** 64 photos are harder to memorise than 16. Change `photos` to 64 and read the last loss. Then change `steps` until the last loss is about as low as with 16 photos.

# %% tags=["nbval-approx-0.1"]
photos, steps = 16, 60
images, labels = next(iter(datasets.loaders(index, size=64, batch_size=64)["train"]))
print(f"last loss: {memorise(False, images[:photos], labels[:photos], steps)[-1]:.2f}")

# %% [markdown]
# A model that has memorised knows these photos and nothing else. That it can learn is proved. That it learns something *useful* is the matter of lesson 7.

# %% [markdown]
# ## Quiz

# %%
from course_lib import quiz

quiz.show(6)

# %% [markdown]
# ## What you take with you
#
# - A convolution asks one small question everywhere; pooling keeps the strongest answers; the deeper the layer, the more of the photo one number sees. You can follow the shapes and count the parameters by hand.
# - The loss takes logits. A softmax too many gives no error, only a loss that is stuck.
# - A new model must first memorise one batch. It costs seconds, and finds mistakes in the model, the loss and the steps. It cannot find wrong labels or a leak.
#
# Still unsolved: the network has only learnt 16 photos by heart. Next, in lesson 7, you write the training loop and train it on all training photos.
