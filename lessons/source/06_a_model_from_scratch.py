# %% [markdown]
# # 06 A model from scratch
#
# In lesson 3 you chose the features yourself: brightness, edges, dark lines. From now on the network finds its own. You build a
# small one, block by block. Then you put it through the test that every new model should pass before anybody trains it for
# hours.
#
# **At the end you have:** a small network with a block that you wrote, its size counted by hand, and a first batch that it has memorised
#
# {{picture}} A solar cell with cracks; beside it the same cell as a kernel sees it, then without negative numbers, then made smaller: only the edges are left
#
# **Study time:** 75 to 90 minutes

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Trace the shape of a batch through a small network, and say how much of the photo one number sees.
# - Count the parameters of a layer by hand.
# - Write a block of a network as a class of your own.
# - Give the loss what it takes: logits, not probabilities.
# - Check a new model by letting it memorise one batch.

# %%
# {{setup}} 6

# %% [markdown]
# `PHOTOS` may be a folder of your own, with one sub-folder for each class. `split_index` loads the table of lesson 5, in which
# each photo has its split. If you have not run lesson 5, it makes the table again.

# %%
from course_lib import data, lesson

PHOTOS = data.solar_cells()
index = lesson.split_index(PHOTOS)
names = data.class_names(index)
print(len(index), "photos, classes:", ", ".join(names))

# %% [markdown]
# One photo stays with us through the lesson. It is a defective cell, with cracks and a few dead, dark areas. (With a folder of
# your own it is one of your photos, in grey and made square.)

# %%
import numpy as np

from course_lib import plots

defective = np.flatnonzero(index["label"] == names[-1])
path = data.photo_path(index, defective[min(36, len(defective) - 1)])
photo = data.read_pixels(path, 300)[0]  # the only channel
plots.photo_grid([photo], [f"{names[-1]}, {photo.shape[0]} × {photo.shape[1]} pixels"], size=2.8)

# %% [markdown]
# ## A convolution: many kernels at once
#
# In lesson 3 a *kernel* was a small table of numbers. You laid it on a photo, multiplied each pixel by the number above it, and
# added up the products. Doing this at every place of the photo is called a *convolution*. The picture that comes out is a
# *feature map*.
#
# Back then a person wrote the nine numbers. In a network nobody writes them: training finds them. PyTorch's layer `nn.Conv2d`
# holds as many kernels as you like, and they start as random numbers. This one has 16. It expects a batch of photos with
# channels: `[None, None]` puts these two dimensions in front.

# %%
import torch
from torch import nn

image = torch.tensor(photo)[None, None] / 255  # (photos, channels, height, width)
layer = nn.Conv2d(1, 16, kernel_size=3)
feature_maps = layer(image)
print(tuple(image.shape), "->", tuple(feature_maps.shape))

# %% [markdown]
# One photo with one channel went in. One photo with 16 channels came out, a feature map for each kernel. But 300 pixels became
# 298. Where did two of them go?
#
# Count the places of the window. In a row of 7 pixels, a window of 3 can begin at pixel 0, 1, 2, 3 or 4. That makes 5 numbers
# out of 7. If the window moves by two pixels each time, it begins at 0, 2 and 4, which makes 3. This step is called the
# *stride*. *Padding* is a border of zeros around the photo: `padding=1` adds one pixel at each end of the row, so that the
# window reaches over the edge.
#
# **Task 1: the size of a feature map.** Write `size_after`. It returns how many places the window has along one side of the
# photo. (Hints: `quiz.hint("06-size-after")` in a new cell.)

# %%
from course_lib import quiz


def size_after(size, kernel, stride=1, padding=0):
    """How many places a window has along a side of a photo."""
    ...


quiz.check("06-size-after", size_after)

# %% [markdown]
# Now let the real layers speak. Each row of the table starts with photos of 96 pixels. (`quiz.yours` takes your function if its
# check was right, and the course's if not.)

# %%
import pandas as pd

size_of = quiz.yours("06-size-after", size_after)
rows = []
for kernel, stride, padding in [(3, 1, 0), (3, 1, 1), (3, 2, 1), (7, 2, 3), (5, 1, 2)]:
    measured = nn.Conv2d(1, 16, kernel, stride, padding)(torch.zeros(1, 1, 96, 96)).shape[-1]
    rows.append((kernel, stride, padding, size_of(96, kernel, stride, padding), measured))
pd.DataFrame(rows, columns=["kernel", "stride", "padding", "size_after", "the layer"])

# %% [markdown]
# Two rules of thumb. A window of 3 with padding 1, or of 5 with padding 2, keeps the size. With a
# stride of 2, the same padding halves it.
#
# What happens in the second layer of a network? There, the input has 16 channels, and so has each kernel: 16 × 3 × 3 numbers.
# The window covers the same place in all 16 maps at once. All the products go into one sum. Last, one more number is added,
# the *bias* of the kernel.
#
# **Task 2: a convolution by hand.** Fill in the loop of `convolve`. At each place, cut the box under the window out of all
# maps, multiply it by the kernel, add everything up, and add the bias. Mind the stride: it says how far apart the boxes are.


# %%
def convolve(maps, kernel, bias, stride=1):
    """One feature map from maps (channels, height, width) and a kernel (channels, 3, 3)."""
    rows, columns = (maps.shape[1] - 3) // stride + 1, (maps.shape[2] - 3) // stride + 1
    result = torch.zeros(rows, columns)
    for row in range(rows):
        for column in range(columns):
            ...
    return result


quiz.check("06-convolve", convolve)

# %% [markdown]
# Does it give the same numbers as PyTorch? We take the 16 maps of the first layer and the first kernel of a second layer.

# %%
by_hand = quiz.yours("06-convolve", convolve)
second = nn.Conv2d(16, 32, kernel_size=3, stride=2)
with torch.no_grad():  # we only look; nothing is to be learned here
    maps = layer(torch.tensor(data.read_pixels(path, 64)) / 255)
    difference = by_hand(maps, second.weight[0], second.bias[0], stride=2) - second(maps)[0]
print("maps:", tuple(maps.shape), "| kernels:", tuple(second.weight.shape))
print(f"largest difference: {difference.abs().max():.5f}")

# %% [markdown]
# No difference. A convolution layer is your loop, run once for each of its 32 kernels, only much faster.
#
# ## ReLU and pooling: keep what was found, make it smaller
#
# Two simple operations follow most convolutions. *ReLU* turns negative numbers into 0 and leaves the others alone. Without such
# a bend between them, two convolutions in a row could do no more than one. *Max pooling* keeps the largest of each 2 × 2
# numbers, which halves height and width.
#
# Random kernels show little, so here is one by hand. It asks at every place: is it brighter above than below?

# %% tags=["picture"]
from torch.nn import functional

kernel = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]])
found = functional.conv2d(image, kernel[None, None], padding=1)
kept = functional.relu(found)
pooled = functional.max_pool2d(functional.max_pool2d(kept, 2), 2)
pictures = [(255 * step[0, 0].clamp(0, 1)).byte().numpy() for step in (found + 0.5, 2 * kept, 2 * pooled)]
titles = ["feature map\n(grey is 0)", "after ReLU\n(black is 0)", "after pooling twice\n(75 × 75)"]
plots.photo_grid([photo, *pictures], ["the photo", *titles], size=2.1)

# %% [markdown]
# In the feature map each dark bar has two sides, a light and a dark one. After ReLU only the light side is left: the step from
# bright to dark that the kernel asked for. After pooling the map has a sixteenth of the numbers, and you can still see what
# was found and roughly where. That is the trade. The exact place is lost, the computing gets cheaper, and the next window
# covers more of the cell.
#
# ## Parameters: what training can change
#
# The numbers in a layer that training can change are its *parameters*: here the weights in the kernels, and the biases. They
# decide how much the layer can learn, and how large the file will be. *Predict first:*

# %%
quiz.guess("06-larger-photo")


# %%
def parameters_in(layer):
    """How many numbers training can change, as PyTorch counts them."""
    return sum(parameter.numel() for parameter in layer.parameters())


rows = []
for size in (64, 128):
    convolution, linear = nn.Conv2d(1, 16, kernel_size=3), nn.Linear(size * size, 16)
    rows.append((size, parameters_in(convolution), parameters_in(linear)))
table = pd.DataFrame(rows, columns=["pixels along a side", "Conv2d", "Linear"])
growth = table["Conv2d"][1] // table["Conv2d"][0]
quiz.compare("06-larger-photo", {1: "same", 2: "twice", 4: "four times"}[growth])
table

# %% [markdown]
# `nn.Linear` is the layer from the linear classifier of lesson 3: each of its 16 outputs has a weight for every single pixel, and a bias.
# At 64 pixels it has about 400 times as many parameters as the convolution, and it would have to learn a crack anew for every place on the cell.
#
# **Task 3: count the parameters.** Write `parameters_of`. It returns the number of parameters of a convolution layer with square
# kernels. `bias=False` means that the layer has no biases.


# %%
def parameters_of(channels_in, channels_out, kernel, bias=True):
    """How many numbers training can change in a convolution layer."""
    ...


quiz.check("06-parameters-of", parameters_of)

# %% [markdown]
# Here are the four convolutions of the network that you are about to build.

# %%
count = quiz.yours("06-parameters-of", parameters_of)
rows = []
for channels_in, channels_out, kernel in [(1, 16, 7), (16, 32, 3), (32, 64, 3), (64, 128, 3)]:
    measured = parameters_in(nn.Conv2d(channels_in, channels_out, kernel, bias=False))
    rows.append((channels_in, channels_out, kernel, count(channels_in, channels_out, kernel, bias=False), measured))
pd.DataFrame(rows, columns=["channels in", "channels out", "kernel", "parameters_of", "the layer"])

# %% [markdown]
# Three quarters of all weights sit in the last convolution. The channels count twice, those that come in and those that go out.
#
# ## Normalisation: numbers of a size that the next layer can use
#
# The channels of a layer can have very different ranges: in one, all numbers lie close to 0, in another they are spread far apart.
# *Batch normalisation* brings each channel of a batch to mean 0 and spread 1. (The *spread* is the standard deviation of lesson 3.)
# Then it multiplies the channel by one number and adds another; these two are parameters, and they start at 1 and 0.
#
# For this we need a batch. The loaders of lesson 5 give us one: 32 training photos of 64 × 64 pixels, in grey.

# %%
from course_lib import datasets

batches = datasets.loaders(index, size=64, batch_size=32)
images, labels = next(iter(batches["train"]))
print("images", tuple(images.shape), images.dtype, "| labels", tuple(labels.shape), labels.dtype)

# %% tags=["nbval-approx-0.02"]
from course_lib import device

device.seed_everything(0)
before = nn.Conv2d(1, 4, kernel_size=3, padding=1, bias=False)(images)
after = nn.BatchNorm2d(4)(before)
table = pd.DataFrame({"channel": range(4)})
for name, values in {"before": before.detach(), "after": after.detach()}.items():
    table[f"mean {name}"] = values.mean(dim=(0, 2, 3)).abs()  # without its sign, so that no -0.000 is shown
    table[f"spread {name}"] = values.std(dim=(0, 2, 3))
table.round(3)

# %% [markdown]
# Before, the channels differ in mean and spread. After, they are all alike. So a convolution in front of it needs no bias: it
# would be taken away again at once. That is why the table of Task 3 was made with `bias=False`.
#
# > **Warning.** In training, the layer uses the mean and spread of the batch. For a single photo later on, it uses averages that
# > it has kept from the last batches. Lesson 7 shows what happens if you forget to tell the model which of the two you want.
#
# ## A block of your own
#
# In PyTorch the parts of a network are classes. `__init__` makes the layers and keeps them in `self`. `forward` says which way the
# photos go through them. Here is a small example: a convolution and a ReLU.


# %%
class Edges(nn.Module):
    def __init__(self, kernels):
        super().__init__()  # lets PyTorch keep a list of the layers that follow
        self.convolution = nn.Conv2d(1, kernels, kernel_size=3)

    def forward(self, images):
        return functional.relu(self.convolution(images))


edges = Edges(kernels=4)
print(tuple(images.shape), "->", tuple(edges(images).shape), "| parameters:", parameters_in(edges))

# %% [markdown]
# `edges(images)` calls `forward`. And because the layer is kept in `self`, PyTorch finds its parameters: 4 · 9 + 4 = 40.
#
# **Task 4: write the block.** Our network is made of blocks that are all built in the same way. Write one: a convolution with
# stride 2 and without bias, then batch normalisation, then ReLU. The padding is half the kernel, rounded down, so that each
# block halves the size. The rest of the lesson computes with your block.


# %%
class Block(nn.Module):
    """Convolution with stride 2, batch normalisation, ReLU: half the size."""

    def __init__(self, channels_in, channels_out, kernel=3):
        super().__init__()
        ...

    def forward(self, images):
        """Photos or maps (N, channels, height, width) to maps of half the size."""
        ...


quiz.check("06-block", Block)

# %% [markdown]
# ## The whole network
#
# The network has four blocks. Like everything in Python they are counted from 0. Block 0 has a larger window of 7 × 7 and
# a pooling behind it with windows of 3 × 3, so it soon gets rid of most of the pixels. Blocks 1 to 3 halve the size and double
# the channels.
#
# After them, the mean of each feature map is taken, which leaves 128 numbers: the features of the photo. The *head* turns them
# into one number for each class, the *logits*. It is a linear layer behind a *dropout*, which sets a fifth of the numbers to 0
# at random during training, so that the network does not rely on a single one. `nn.Sequential` runs its parts one after another.

# %%
block = quiz.yours("06-block", Block)


class SmallCNN(nn.Module):
    def __init__(self, classes):
        super().__init__()
        first = nn.Sequential(block(1, 16, kernel=7), nn.MaxPool2d(3, stride=2, padding=1))
        self.blocks = nn.Sequential(first, block(16, 32), block(32, 64), block(64, 128))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(128, classes))

    def forward(self, images):
        return self.head(self.blocks(images).mean(dim=(2, 3)))


# %% [markdown]
# A network made of convolutions is called a *convolutional neural network*, CNN for short. Follow the batch through it. The
# column "size_after" comes from your function of Task 1, applied to each window of the block.

# %%
windows = [[(7, 2, 3), (3, 2, 1)], [(3, 2, 1)], [(3, 2, 1)], [(3, 2, 1)]]  # kernel, stride, padding
device.seed_everything(0)
model = SmallCNN(classes=len(names))
activations, size, rows = images, images.shape[-1], []
for number, part in enumerate(model.blocks):
    for window in windows[number]:
        size = size_of(size, *window)
    activations = part(activations)
    rows.append((f"block {number}", tuple(activations.shape), size, parameters_in(part)))
logits = model.head(activations.mean(dim=(2, 3)))
rows.append(("head", tuple(logits.shape), "", parameters_in(model.head)))
pd.DataFrame(rows, columns=["after", "shape", "size_after", "parameters"])

# %% [markdown]
# Down the column "shape" the maps shrink and their number grows, until one number for each class is left of a photo. The
# parameters are those of the table above, plus two for each channel from batch normalisation. Block 1, for example: 4,608 + 2 · 32 =
# 4,672.
#
# The course's library has the same network as `models.ScratchCNN`. "The same" is easy to claim, so let us prove it. Built with the
# same seed, both must answer the same photos with the same logits. (`eval()` switches the dropout off; lesson 7 says more.)

# %%
from course_lib import models

answers = []
for network in (SmallCNN, models.ScratchCNN):
    device.seed_everything(0)
    model = network(classes=len(names)).eval()
    with torch.no_grad():
        answers.append(model(images))
    print(f"{network.__name__}: {parameters_in(model):,} parameters")
print(f"largest difference of the logits: {(answers[0] - answers[1]).abs().max():.5f}")

# %% [markdown]
# The same network, and if you solved Task 4, all four of its blocks are yours. From lesson 7 on it is imported, and you know what
# is in it.
#
# ## Receptive field: how much of the photo one number sees
#
# The *receptive field* of a number in a feature map is the part of the photo that can change it. After one 3 × 3 convolution it is 3
# pixels wide. How wide is it after the last block? The widest window in the network has 7 pixels. *Predict first:*

# %%
quiz.guess("06-field")

# %% [markdown]
# We measure it, with noise in place of a photo. PyTorch can tell how much a number would change if this or that pixel changed:
# that is the *gradient*, and lesson 7 explains it. Where the gradient is not 0, the pixel is in the receptive field.

# %%
device.seed_everything(0)
noise = torch.rand(32, 1, 192, 192, requires_grad=True)
model.blocks(noise)[:, :, 3, 3].sum().backward()  # the numbers at one place of the last maps
touched = (noise.grad.abs().amax(dim=(0, 1)) > 0).any(dim=0).nonzero()
quiz.compare("06-field", int(touched.max() - touched.min()) + 1)

# %% [markdown]
# Where does so wide a field come from? From the strides. Follow block 0. The convolution sees 7 pixels, and because of its stride of
# 2, neighbours in its map are 2 pixels of the photo apart. The pooling has a window of 3. It reaches one neighbour further to
# each side, so it adds 2 neighbours of 2 pixels each: 7 + 2 · 2 = 11. The pooling has a stride of 2 as well. Neighbours are now 4
# pixels apart, and the 3 × 3 window of block 1 adds 2 · 4: 11 + 8 = 19.
#
# **Task 5: the receptive field.** Write `receptive_field`. It gets the windows of a network as pairs (kernel, stride) and
# returns how many pixels wide one number sees in the end.


# %%
def receptive_field(layers):
    """How many pixels wide one number sees after layers such as [(7, 2), (3, 2)]."""
    field, step = 1, 1  # of the photo itself: a pixel sees itself, and neighbours are 1 pixel apart
    ...
    return field


quiz.check("06-receptive-field", receptive_field)

# %% [markdown]
# Now the field after each block. The pictures show what one number in the middle sees: this piece of the photo, and nothing else.

# %%
field_of = quiz.yours("06-receptive-field", receptive_field)
small = data.read_pixels(path, 64)[0]
pieces, titles = [], []
for number in range(4):
    layers = [(kernel, stride) for part in windows[: number + 1] for kernel, stride, _ in part]
    half = min(field_of(layers) // 2, 32)
    pieces.append(small[32 - half : 33 + half, 32 - half : 33 + half])
    titles.append(f"block {number}\nsees {field_of(layers)} pixels")
plots.photo_grid(pieces, titles, columns=4, size=2.2)

# %% [markdown]
# 67 pixels, as measured. A number of block 0 sees a scratch at most. One of block 2 sees half the width of the cell, a long piece
# of a crack together with what lies around it. After block 3 the window is wider than the cell.
#
# ## What trained layers look at
#
# Our kernels are still random. Let us look into a network that has been trained on a million photos, the one of lesson 1. Its
# parts are called *stages*, and they too are counted from 0. After each stage we note the shape.

# %%
backbone = models.load_backbone().eval()
activations = torch.tensor(data.read_pixels(path, backbone.size, channels=3))[None] / 127.5 - 1  # from 0…255 to −1…1
stages = []
with torch.no_grad():
    for number, stage in enumerate(backbone.stages):
        activations = stage(activations)
        stages.append(activations[0])
        print(f"after stage {number}:", tuple(activations.shape))

# %% [markdown]
# The same pattern as in yours: height and width fall, from 112 to 7, and the channels grow, from 32 to 1,280. The network gives up
# *where* and gets *what*. Here are four maps from each of three stages, those that change most over the cell.

# %% tags=["nbval-approx-0.05"]
pictures, titles = [], []
for number in (0, 2, 4):
    for channel in stages[number].std(dim=(1, 2)).topk(4).indices.tolist():
        values = stages[number][channel] - stages[number][channel].min()
        pictures.append((255 * values / values.max().clamp(min=1e-6)).byte().numpy())
        titles.append(f"stage {number}, channel {channel}")
plots.photo_grid(pictures, titles, columns=4, size=1.8)

# %% [markdown]
# Stage 0 still looks like the photo: light and dark, and edges. In stage 2 the maps differ more. On our cell,
# one shows cracks that fall to the right as bright lines and cracks that rise as dark ones. In stage 4 only coarse blocks are
# left. Each says "here is something of my kind", and no person can tell at a glance which kind. In lesson 9 such numbers become
# your features.
#
# ## How wrong is an answer? The loss
#
# Training needs one number that says how wrong the answers are, the *loss*. It is computed in two steps. *Softmax* turns the logits of
# a photo into probabilities: positive numbers that add up to 1. The *cross-entropy* takes the probability that the right class got;
# the loss is minus its natural logarithm. An answer that is right and sure has a loss of nearly 0. The less the right class got,
# the larger the loss.

# %%
logits, label = torch.tensor([[0.2, 1.5]]), torch.tensor([1])  # one photo; the right class is 1
probabilities = logits.softmax(dim=1)
print("probabilities:   ", probabilities.numpy().round(3))
print("loss by hand:    ", f"{-probabilities[0, 1].log():.4f}")
print("CrossEntropyLoss:", f"{nn.CrossEntropyLoss()(logits, label):.4f}")

# %% [markdown]
# `nn.CrossEntropyLoss` takes the logits and does the rest.
#
# A model that knows nothing gives both classes the probability 1/2, and its loss is −log(1/2), about 0.69. (With three classes: −log(1/3),
# about 1.10.) A fresh model should not be far from that, and this is the first check of it.

# %% tags=["nbval-approx-0.15"]
images, labels = images[:16], labels[:16]
device.seed_everything(0)
with torch.no_grad():
    first_loss = nn.CrossEntropyLoss()(SmallCNN(classes=len(names))(images), labels).item()
print(f"first loss: {first_loss:.2f}")

# %% [markdown]
# It is not exactly 0.69: by chance the random weights favour one class for some photos. That is normal. A first loss of 10 would be a
# reason to look at the numbers in the photos and at the last layer.
#
# ## Can it memorise one batch?
#
# Before hours of training comes a check of a few seconds. Give the model the same few photos again and again. It has nearly 100,000
# parameters for 16 photos, so it must be able to learn them by heart. If it cannot, something is wrong in the model, the loss or the steps,
# and more photos will not help.
#
# `memorise` does this. In each *step* an *optimizer* moves all parameters a little, so that the loss falls; lesson 7 takes these lines
# apart. The loss is handed in as a function, `loss_of`.


# %%
def memorise(loss_of, labels, steps=60):
    """Train a fresh network on the 16 images; returns the loss of each step."""
    device.seed_everything(0)
    model, losses = SmallCNN(classes=len(names)), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(steps):
        loss, _ = loss_of(model, images, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% [markdown]
# A colleague has written the loss. The function also returns the probabilities, because the inspectors want to see how sure the network is.


# %%
def colleagues_loss(model, images, labels):
    """The loss of a batch, and the probability of each class for each photo."""
    probabilities = model(images).softmax(dim=1)
    loss = nn.CrossEntropyLoss()(probabilities, labels)
    return loss, probabilities


# %% [markdown]
# It looks reasonable. The network gets 16 photos and 60 steps. *Predict first:*

# %%
quiz.guess("06-colleague")

# %% tags=["nbval-approx-0.1"]
stuck = memorise(colleagues_loss, labels)
reached = "zero" if stuck[-1] < 0.15 else "stuck" if stuck[-1] < 0.85 * stuck[0] else "chance"
quiz.compare("06-colleague", reached)
curves = {"the colleague's loss": stuck, "the aim": [0.0] * len(stuck)}
plots.lines(range(1, 61), curves, xlabel="step", ylabel="loss on the same 16 photos")

# %% [markdown]
# **This run fails, and is meant to.** There is no error and no warning; the curve even falls. But it goes flat far above 0.
# What is going on? We try three answers for a photo of class 1, once as logits and once after a softmax, and look at two
# numbers: the loss, and the gradient, which says how strongly the answer is to be corrected.

# %%
rows = []
answers = {"right and sure": [-10.0, 10.0], "unsure": [0.0, 0.0], "wrong and sure": [10.0, -10.0]}
for name, values in answers.items():
    row = {"the answer is": name}
    for way in ("logits", "softmax first"):
        logits = torch.tensor([values], requires_grad=True)
        loss = nn.CrossEntropyLoss()(logits if way == "logits" else logits.softmax(dim=1), label)
        loss.backward()
        row |= {f"loss, {way}": loss.item(), f"gradient, {way}": logits.grad.abs().max().item()}
    rows.append(row)
pd.DataFrame(rows).round(2)

# %% [markdown]
# Look at the columns "softmax first". Two things are wrong.
#
# - *There is a floor.* The loss of a perfect answer is 0.31 and not 0. The softmax inside the loss sees the numbers 0 and 1,
#   takes them for logits that are nearly equal, and finds the answer unsure. (With three classes the floor is 0.55.)
# - *It stops teaching.* Where the answer is wrong and sure, the gradient should be largest. With logits it is 1. Here it is 0,
#   so the worst mistakes are hardly corrected.
#
# **Task 6: find the softmax that does not belong.** Here is the colleague's function again, under a new name. Repair it. It must
# still return both things, the loss and the probabilities.


# %%
def loss_of(model, images, labels):
    """The loss of a batch, and the probability of each class for each photo."""
    probabilities = model(images).softmax(dim=1)
    loss = nn.CrossEntropyLoss()(probabilities, labels)
    return loss, probabilities


quiz.check("06-loss-of", loss_of)

# %% [markdown]
# The same network, the same photos, the same seed, with the repaired function:

# %% tags=["nbval-approx-0.1"]
right_loss = quiz.yours("06-loss-of", loss_of)
losses = {"the colleague's loss": stuck, "repaired": memorise(right_loss, labels)}
plots.lines(range(1, 61), losses, xlabel="step", ylabel="loss on the same 16 photos")
table = {name: [values[0], values[19], values[59]] for name, values in losses.items()}
pd.DataFrame(table, index=["step 1", "step 20", "step 60"]).round(2)

# %% [markdown]
# Now the loss comes close to 0. The network has learned the 16 photos by heart, so it is able to learn, and the model, the
# loss and the steps fit together. The cure was to move one word: the loss gets the logits, and the softmax is for the reader.
#
# Is everything all right, then? One more run. This time the 16 labels are shuffled, so that many photos carry the wrong one.
# *Predict first:*

# %%
quiz.guess("06-wrong-labels")

# %% tags=["nbval-approx-0.15"]
order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
shuffled = memorise(right_loss, labels[order])
reached = "low" if shuffled[-1] < 0.2 else "chance" if shuffled[-1] > 0.8 * shuffled[0] else "between"
quiz.compare("06-wrong-labels", reached)
table = {"right labels": losses["repaired"], "shuffled labels": shuffled}
pd.DataFrame({name: [values[0], values[59]] for name, values in table.items()}, index=["step 1", "step 60"]).round(2)

# %% [markdown]
# A network that has memorised a batch knows these photos and nothing else. The check finds mistakes in the model, the loss and
# the steps. It cannot find wrong labels, and it says nothing about photos that the network has not seen.
#
# ## Your memo
#
# You now know a network layer by layer. Write one sentence about it that your manager would understand:
# how large it is, what it sees, or what you checked before training it. Take away the two `#` and the space after each, and run the cell.

# %%
memo = lesson.memo(6, PHOTOS)
# memo.figure("What one number of block 2 sees", pieces[2])
# memo.finding("What you checked, in one sentence")
lesson.show_memo(PHOTOS)

# %% [markdown]
# ## Your guesses
#
# What you guessed, and what came out:

# %%
quiz.guesses(6)

# %% [markdown]
# ## Quiz

# %%
quiz.show(6)

# %% [markdown]
# ## What you take with you
#
# - A convolution lays the same small kernels on every place. Its parameters do not depend on the size of the photo, and you can
#   count them by hand.
# - The strides make the receptive field grow: after four blocks, one number sees the whole cell.
# - The loss takes logits. One softmax too many raises no error. A batch that the network cannot memorise gives it away.
#
# Still unsolved: your network knows 16 photos by heart and nothing about all the others.
#
# Next comes lesson 7. There you write the training loop, and train this network on all training photos.

# %% [markdown]
# ## Going deeper: where this network stands in history
#
# This and the next section are for the curious; no later lesson needs them. Here are six famous networks. Five of them come with
# torchvision. The oldest is *LeNet*, which read handwritten digits on cheques, and it is small enough to write down.

# %%
from torchvision.models import get_model

famous = {
    "alexnet": (2012, "ReLU, dropout, trained on GPUs"),
    "vgg16": (2014, "only 3 × 3 kernels, deep"),
    "googlenet": (2014, "several kernel sizes side by side"),
    "resnet18": (2015, "shortcuts around blocks"),
    "efficientnet_b0": (2019, "depth, width and photo size grown together"),
}
convolutions = [nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)]
linear = [nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)]
networks = [
    ("LeNet", 1998, "convolution and pooling", nn.Sequential(*convolutions, nn.Flatten(), *linear), (1, 32, 32))
]

# %% [markdown]
# We count the parameters, and the multiplications for one photo. Counting needs only shapes, no numbers. The device `meta` builds
# just that: VGG16 would take half a gigabyte, and here it takes nothing.

# %%
from torch.utils.flop_counter import FlopCounterMode

with torch.device("meta"):
    for name, (year, idea) in famous.items():
        extra = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
        networks.append((name, year, idea, get_model(name, weights=None, **extra), (3, 224, 224)))
networks.append(("yours", "", "the one of this lesson", SmallCNN(classes=2), (1, 64, 64)))
rows = []
for name, year, idea, network, shape in networks:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.to("meta").eval()(torch.zeros(1, *shape, device="meta"))
    millions = counter.get_total_flops() / 2e6  # it counts a multiplication and its addition as two
    rows.append((name, year, idea, shape[-1], parameters_in(network) / 1e6, millions))
columns = ["network", "year", "new idea", "pixels", "million parameters", "million multiplications"]
pd.DataFrame(rows, columns=columns).round(2)

# %% [markdown]
# Until 2014 networks grew. VGG16 has over a hundred million parameters, and most of them sit in its first linear layer. GoogLeNet and
# ResNet take the mean of each map before the linear layer, as yours does, and need far fewer. EfficientNet-B0 needs about a
# fortieth of the multiplications of VGG16. Yours is a dwarf, about as small as LeNet. With some 1,600 training photos that is
# a good start, because one pass over them takes only seconds. Lesson 9 shows how a larger network can be used all the same.
#
# ## Going deeper: does a small photo need another first block?
#
# The first block of a network is called its *stem*. Ours is coarse: of 64 pixels it leaves 16. "Small photos need a fine stem",
# people say, with a 3 × 3 kernel, stride 1 and no pooling. We try both stems on two kinds of small photos: the handwritten
# digits of scikit-learn with 8 × 8 pixels, and our cells with 32 × 32. The rest of the network is the same.


# %%
def network_with(stem, classes):
    first = {
        "coarse": nn.Sequential(block(1, 16, kernel=7), nn.MaxPool2d(3, stride=2, padding=1)),
        "fine": nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
    }[stem]
    blocks = [first, block(16, 32), block(32, 64), block(64, 128)]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, classes))


# %%
from sklearn.datasets import load_digits

digits = load_digits()
pictures = (digits.images * 15).astype("uint8")[:, None]  # from 0…16 to 0…240
parts = {"train": slice(0, 1200), "validation": slice(1200, None)}
photo_sets = {"digits": {}, "photos": datasets.loaders(index, size=32, batch_size=32)}
for part, rows in parts.items():
    how = {"batch_size": 32, "shuffle": part == "train"}
    photo_sets["digits"][part] = datasets.BatchLoader(pictures[rows], digits.target[rows], **how)

# %% [markdown]
# Two *epochs* each (one epoch is one pass over all training photos), and three seeds, because a single run may be luck. The loop is
# `training.fit`, which lesson 7 opens up.

# %% tags=["nbval-approx-0.06"]
from course_lib import evaluation, training

rows = []
for name, loaders in photo_sets.items():
    for stem in ("coarse", "fine"):
        for seed in range(3):
            device.seed_everything(seed)
            network = network_with(stem, classes=int(loaders["train"].labels.max()) + 1)
            training.fit(network, loaders["train"], epochs=2, learning_rate=5e-3, progress=False)
            logits, truth = evaluation.predict_logits(network, loaders["validation"])
            rows.append({"stem": stem} | evaluation.accuracy_row(name, truth, logits.argmax(1)))
table = pd.DataFrame(rows).rename(columns={"model": "pictures"}).groupby(["pictures", "stem"]).mean().round(3)
table.astype({"photos": int})

# %% [markdown]
# This is the accuracy on the validation photos, the mean of three seeds, with the 95 % interval of one run and the trivial baseline of
# always answering the commonest class.
#
# On the digits the fine stem wins by several points. On the cells there is no such gain: the two intervals overlap. Perhaps dark
# areas and long cracks are still there after a coarse stem. Two epochs with small photos are a hint, no more. So
# "small photos need a fine stem" is a good first guess and no law. Measure it on your own photos.
