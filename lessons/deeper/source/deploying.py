# %% [markdown]
# # Deploying
#
# An inspector is made in a notebook, but it works beside a conveyor belt, in a program that somebody else wrote. Here you hand one
# over: as a file that needs neither PyTorch nor this course, with a proof that it decides like yours, and with a measured time.
#
# **At the end you have:** an inspector as an ONNX file, a program of a dozen lines that inspects with it, and a training that ran in two processes
#
# **Study time:** 30 minutes

# %% [markdown]
# {{badge}}

# %% [markdown]
# {{facts}}

# %% [markdown]
# ## You will be able to
#
# - Say what a factory program must read from the file of an inspector, and what the file cannot tell it.
# - Export an inspector, and check that the export decides alike.
# - Measure how long a decision takes, for one photo and for many.
# - Start a training in two processes, and say what they share.

# %%
# {{setup}} deploying

# %% [markdown]
# You should know the inspector of [lesson 10](../10_improving_the_transfer_model.ipynb). Here is a quick one: a probe on a third of the
# training photos. How good it is does not matter here, so the test photos stay closed.

# %%
from course_lib import data, features, lesson, models

PHOTOS = data.solar_cells()
SIZE = 96
index = lesson.split_index(PHOTOS)
train = index[index["split"] == "train"].groupby("label").sample(frac=0.3, random_state=0)
backbone = models.load_backbone()
kept = features.extract(train, backbone, stages="last", size=SIZE)
probe = features.linear_probe().fit(kept, data.label_numbers(train))
print("learned from", len(train), "photos,", kept.shape[1], "features each")

# %% [markdown]
# The probe becomes the head of a network. With it go all the things that a network does not know by itself: the names of the classes, the size
# of a photo, mean and spread of the pixels.

# %%
from course_lib.inference import Inspector, InspectorSettings

classes = data.class_names(index)
model = models.Classifier(backbone, classes=len(classes))
models.head_from_probe(model, probe)
settings = InspectorSettings(classes, SIZE, 3, list(backbone.mean), list(backbone.std))
inspector = Inspector(model, settings)

# %% [markdown]
# And the threshold, chosen on the validation photos: a missed defect costs ten times as much as a good part that is rejected.

# %% tags=["nbval-approx-0.1"]
from dataclasses import replace

from course_lib import datasets, evaluation

validation = index[index["split"] == "validation"]
photos = datasets.pixels(validation, SIZE, channels=3)
probabilities = inspector.probabilities(photos)[:, 1]
threshold = evaluation.choose_threshold(data.label_numbers(validation), probabilities, cost_missed=10, cost_overkill=1)
inspector = Inspector(model, replace(settings, threshold=threshold, notes={"trained on": f"{len(train)} photos"}))
print(f"threshold {threshold:.3f}, fingerprint of the inspector has {len(inspector.fingerprint())} letters and digits")

# %% [markdown]
# The *fingerprint* is a short code of the weights and the settings. Write it down with every decision, and years later you can still say which
# inspector made it. Does another threshold give another fingerprint?

# %%
other = Inspector(model, replace(inspector.settings, threshold=0.5))
print("same fingerprint with another threshold:", other.fingerprint() == inspector.fingerprint())

# %% [markdown]
# ## What is in the file
#
# `save` writes everything into one file. Its format, *safetensors*, holds numbers and text, and no code. So nobody can hide a
# program in it, and any program can read it. We read it here without the course:

# %% tags=["nbval-approx-0.1"]
import json

from safetensors import safe_open

from course_lib.paths import make_folder, work_folder

folder = make_folder(work_folder() / "deploying")
path = inspector.save(folder / "inspector")
with safe_open(path, framework="np") as file:
    header, tensors = file.metadata(), list(file.keys())
print(path.name, f"{path.stat().st_size / 1e6:.1f} MB,", len(tensors), "tensors, such as", tensors[0])
json.loads(header["settings"])

# %% [markdown]
# Read the list as the one who writes the program for the factory. `size` and `channels`: make each photo this large. `mean` and
# `std`: scale its pixels with these. `classes`: the last one is the defect. `threshold`: reject from here on. Each of them, if it is missing or
# wrong, makes other decisions, and no error tells you.
#
# ## Export to ONNX
#
# The weights alone are no network: a program would have to know how to compute with them. *ONNX* is a common format that holds the computation
# as well. *ONNX Runtime* carries it out, in many languages.

# %%
from course_lib import inference

onnx_file = inference.export_onnx(inspector, folder / "inspector")
print(onnx_file.name, f"{onnx_file.stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# Two programs compute the same network, each in its own order, so the last digits differ. Do the decisions? Compare them
# on all validation photos before you trust the file.

# %% tags=["nbval-approx-0.1"]
inference.compare(inspector, onnx_file, photos)

# %% [markdown]
# All decisions should be equal, and the logits differ by rounding only. A decision could change only where a probability lies that close to the
# threshold. How close does a photo come?

# %% tags=["nbval-approx-0.01"]
import numpy as np

distances = np.sort(np.abs(probabilities.astype(float) - threshold))
print("closest three:", distances[:3].round(4).tolist())

# %% [markdown]
# The first two are equally far, because the threshold was chosen midway between them. Their distance is small, but large beside what rounding changes.
#
# ## A program for the factory
#
# Here is a program that inspects photos with the exported file. It knows three packages and the name of the file; everything else it reads from the file. It never
# imports PyTorch or `course_lib`, and its last line proves that.

# %%
PROGRAM = """
import json, sys
import numpy as np, onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(sys.argv[1])
settings = json.loads(session.get_modelmeta().custom_metadata_map["settings"])
size, threshold = settings["size"], settings["threshold"]
for path in sys.argv[2:]:
    photo = Image.open(path).convert("RGB").resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3)
    pixels = np.asarray(photo).transpose(2, 0, 1)[None]  # (1, 3, size, size), whole numbers from 0 to 255
    defect = session.run(["probabilities"], {"images": pixels})[0][0, 1]
    print(f"{defect:.3f}", settings["classes"][int(defect >= threshold)])
print("PyTorch loaded:", "torch" in sys.modules)"""

# %% [markdown]
# It is written into a file and started as a program of its own, with three validation photos. Below it is what the inspector says
# about the same three.

# %% tags=["nbval-approx-0.05"]
import subprocess
import sys

program = folder / "inspect_parts.py"
program.write_text(PROGRAM, encoding="utf-8")
three = [data.photo_path(validation, row) for row in (0, len(validation) // 2, len(validation) - 1)]
done = subprocess.run([sys.executable, program, onnx_file, *three], capture_output=True, text=True)
print(done.stdout, done.stderr[-500:])
inspector.inspect(three, progress=False)[["probability", "decision"]].round(3)

# %% [markdown]
# The scaling of the pixels is *not* in the program: the exported file takes whole numbers and does it itself. What has to be in the program is
# the way to these numbers: how a photo is read, and how it is made smaller.
#
# ## What the file cannot tell
#
# **Predict first:** the programmer makes the photos smaller in another way, with the right size and the right threshold. How many of the
# decisions on the validation photos change: none, a few, or many?

# %% tags=["nbval-approx-0.1"]
import pandas as pd
from PIL import Image

whole = [Image.fromarray(data.read_image(data.photo_path(validation, row), "RGB")) for row in range(len(validation))]
rows = []
for name in ("BILINEAR", "LANCZOS", "NEAREST"):
    shrunk = [photo.resize((SIZE, SIZE), Image.Resampling[name], reducing_gap=3) for photo in whole]
    said = inspector.probabilities(np.stack([np.asarray(photo).transpose(2, 0, 1) for photo in shrunk]))[:, 1]
    other = (said >= threshold) != (probabilities >= threshold)
    rows.append((name, np.abs(said - probabilities).max(), other.mean()))
pd.DataFrame(rows, columns=["made smaller by", "largest change of a probability", "share of other decisions"]).round(3)

# %% [markdown]
# The first row is the way of the training, so nothing changes. In the other rows the size is right, the photo looks the same to you, and some
# decisions are others all the same: the network has learned from pixels that were averaged in one way, and fine lines look different in
# another. No error tells you. So the line with `resize` belongs into the hand-over, word by word.
#
# The course turns a photo upright if a note in the file (EXIF) says so, and brings 16 bits to 8. The program above does neither. If your camera writes such
# photos, compare program and inspector on them before you trust it.
#
# ## How long does a decision take?
#
# A conveyor belt asks for the time of *one* photo, and not for its mean: if one part in twenty waits too long, the belt stops. So look at the median and at
# the *95th percentile*: 95 of 100 calls are faster. PyTorch and ONNX Runtime take turns, each on one thread.

# %% tags=["nbval-ignore-output"] reason="times differ between computers and runs"
inference.latency(inspector, onnx_file, photos[:1], repeats=30).round(1)

# %% [markdown]
# And many photos at once, as in a check of last week's photos:

# %% tags=["nbval-any-figure"] reason="times differ between computers and runs"
from course_lib import plots

figure, axis = plots.new_axis()
counts, times = (1, 4, 16), []
for count in counts:
    times.append(inference.latency(inspector, onnx_file, photos[:count], repeats=6).set_index("computed by"))
for name, style in plots.styles(times[0].index).items():
    speeds = [1000 * count / table.loc[name, "median ms"] for count, table in zip(counts, times, strict=True)]
    axis.plot(counts, speeds, style.line, marker=style.marker, color=style.colour, label=name)
axis.set(xscale="log", xlabel="photos in one call", ylabel="photos in a second", ylim=(0, None))
axis.set_xticks(counts, counts)
axis.minorticks_off()
axis.legend()
plots.show(figure, "Photos in a second over the photos in one call, for PyTorch and ONNX Runtime")

# %% [markdown]
# Does a larger call bring more photos in a second on your computer? And how long does the first of 16 photos wait for its answer? Beside a belt you
# take one photo at a time, whatever the figure says; for last week's photos you take what is fastest.
#
# ## From the command line
#
# Where Python may be installed, no program needs to be written: `predict` inspects photos with the saved file. One of the three photos
# here does not exist.

# %% tags=["nbval-approx-0.05"]
from course_lib.paths import project_folder

command = [sys.executable, "-m", "course_lib", "predict", path, *three[:2], folder / "no_such_photo.png", "--csv"]
done = subprocess.run(command, capture_output=True, text=True, cwd=project_folder())
print(done.stdout)
print("exit status:", done.returncode)

# %% [markdown]
# A broken photo has its own row with the reason, the others are inspected all the same, and the exit status 1 tells the program that
# called it: look here.
#
# ## Training in two processes
#
# With several GPUs, each takes its share of every batch. PyTorch's own `torchrun` starts the same script once for each, and
# tells each copy its number. Try it here with two processes on the processor: a head, on the features from above.

# %%
SCRIPT = """
import sys, numpy as np, torch
from course_lib import datasets, training

kept = np.load(sys.argv[1])
torch.manual_seed(0)
head = torch.nn.Linear(kept["features"].shape[1], 2)
loader = datasets.FeatureLoader(kept["features"], kept["labels"], batch_size=32, shuffle=True)
with training.joined() as group:
    share = sum(len(labels) for _, labels in group.shares(loader))
    history = training.fit(head, loader, epochs=3, progress=False)
    losses = [f"{loss:.4f}" for loss in history["train_loss"]]
    said = f"{group.rank} of {group.count}: {share} photos, losses {losses}, weights {head.weight.abs().sum():.3f}"
    print(said + "\\n", end="")  # in one piece, or two processes may mix their lines
"""

# %% [markdown]
# Only `training.joined()` is about several processes: it finds the others, and does nothing if there are none.

# %% tags=["nbval-approx-0.05"]
import os

(folder / "train_head.py").write_text(SCRIPT, encoding="utf-8")
even = len(kept) // 2 * 2
np.savez(folder / "kept.npz", features=kept[:even], labels=data.label_numbers(train)[:even])
surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", "COURSE_DEVICE": "cpu"}
torchrun = ["-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1", "--nproc-per-node=2"]
for launcher in ([], torchrun):
    command = [sys.executable, *launcher, folder / "train_head.py", folder / "kept.npz"]
    done = subprocess.run(command, capture_output=True, text=True, env=surroundings)
    print("\n".join(sorted(done.stdout.splitlines())) or done.stderr[-1000:])

# %% [markdown]
# The first line comes from one process, the other two from two processes. Each of the two sees half of the photos. Both end with the same weights: after each batch PyTorch
# averages their gradients, so both take the same step. And the losses are those of one process: each batch can be shared evenly here, because their number is even.
#
# Other networks differ more. Batch normalisation looks at the whole batch; on a processor each of the two sees only its own half.
#
# `train` does all this by itself: `torchrun --nproc-per-node 2 -m course_lib train photos --out inspector`. On a computer without
# several GPUs it saves no time, because one process already uses all cores.
#
# **Your turn:** set `--nproc-per-node=3` and run the cell again. Which share has each process now? Do the losses stay?
#
# **Your turn, without scrolling up:** which four things must a factory program read from the file? Which two does the file not tell? And
# which time does a conveyor belt ask for?
#
# ## What you take with you
#
# - An inspector is one file: network, classes, size, preprocessing and threshold. The export is compared on all validation photos before it is trusted.
# - How a photo is read and made smaller is not in the file. Done in another way it changes decisions, and no error is raised.
# - Measure the time for the call that you will make: one photo, the 95th percentile, on the computer that will do it.
#
# Back to [lesson 10](../10_improving_the_transfer_model.ipynb), or on to [Tuning](tuning.ipynb).
