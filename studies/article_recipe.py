"""The plain recipe of an article beside ours: how long until the same accuracy?

    python studies/article_recipe.py [--data FOLDER] [--epochs 10] [--only article|ours]

Both train the network that the course ships, from ImageNet's weights, on the same three quarters of the
photos, and are judged after each epoch on the other quarter.

- article: ImageFolder opens each file in each epoch, Albumentations changes it (mirrored both ways,
  brightness and contrast), a DataLoader with two workers hands it over; 224 pixels, all layers, Adam 1e-3,
  batches of 32, ten epochs, a bare loop as the article writes it.
- ours: the recipe of lesson 10, but with eight epochs. Each photo is decoded once, at 160 pixels; the first
  four stages are frozen, and their maps of the photo and its three mirror images are computed once and
  kept; the last five stages are trained with AdamW and the one-cycle schedule up to 1e-3, the experts'
  doubt as soft labels, an average of the weights.

Seconds hold all a learner waits for: the preparation (ours decodes all photos and computes their maps
there), and training and validation of each epoch. The time to accuracy is the time until ours first
reaches the best validation accuracy that the article's recipe has in any of its epochs; wanted is at most
a sixth of the article's. As both are judged by the photos that choose the epoch, the accuracies flatter both.

Time on two cores: 205 to 311 s for each epoch of the article's recipe, so about 41 minutes, and
5 minutes for ours. Each finished epoch is saved; started again, the study goes on there.
Results: studies/results/article_recipe.csv
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import albumentations
import numpy as np
import pandas as pd
import torch
from albumentations.pytorch import ToTensorV2
from study_tools import arguments, fresh_work_folder, photo_index, run, test_rows
from study_tools.kept_rows import KeptRows
from study_tools.plain_way import image_folder
from torch import nn
from torch.utils.data import DataLoader

from course_lib import data, datasets, device, features, models, training, transforms
from course_lib.errors import CourseError
from course_lib.models import read_weights
from course_lib.paths import make_folder, shorten, work_folder, write_atomically

BATCH = 32
ARTICLE_SIZE = 224  # pixels
FROZEN = 3  # the last frozen stage of our recipe
WANTED = 1 / 6
RUN = ["recipe", "settings", "photos", "computed on", "seed"]  # what tells one run from another

KeepEpoch = Callable[[dict], None]


class Changes:
    """What a Lambda around Albumentations does; a class, because other processes must find it."""

    def __init__(self, backbone: models.Backbone, at_random: bool):
        flips = [albumentations.HorizontalFlip(), albumentations.VerticalFlip()]
        changes = [*flips, albumentations.RandomBrightnessContrast()] if at_random else []
        self.compose = albumentations.Compose([
            albumentations.Resize(ARTICLE_SIZE, ARTICLE_SIZE),
            *changes,
            albumentations.Normalize(backbone.mean, backbone.std),
            ToTensorV2(),
        ])  # fmt: skip

    def __call__(self, photo) -> torch.Tensor:
        return self.compose(image=np.asarray(photo))["image"]


def main(given: argparse.Namespace) -> None:
    """Train what is not in the results yet, then compare."""
    if given.epochs < 1 or given.our_epochs < 1:
        raise CourseError("Training needs at least one epoch; choose --epochs 1 or more.")
    index = photo_index(given.data, given.limit)
    validation = test_rows(index, given.seed)
    print(f"{len(index)} photos, {validation.sum()} for validation; {device.describe()}")
    rows = KeptRows("article_recipe", [*RUN, "epoch"], given.limit)
    for recipe, train in RECIPES.items():
        if given.only not in (None, recipe):
            continue
        settings, epochs = f"{ARTICLE_SIZE} px", given.epochs
        if recipe == "ours":
            settings, epochs = f"{given.size} px, maps, {given.our_epochs} epochs", given.our_epochs
        facts = {"recipe": recipe, "settings": settings, "photos": len(index)}
        facts |= {"computed on": device.describe(), "seed": given.seed}
        if all(facts | {"epoch": epoch} in rows for epoch in range(epochs + 1)):
            continue

        def keep(epoch: dict, facts: dict = facts) -> None:
            """Save an epoch; number 0 is the preparation."""
            wanted = ("epoch", "seconds", "train_accuracy", "validation_accuracy")
            row = {name.replace("_", " "): epoch.get(name) for name in wanted}
            rows.add(facts | row)
            print(pd.DataFrame([{"recipe": facts["recipe"], **row}]).to_string(index=False))

        folder = make_folder(work_folder() / "studies" / "article_recipe")
        checkpoint = folder / ("-".join(map(str, facts.values())).replace(" ", "_") + ".pt")
        history = train(index, validation, given, checkpoint, keep)
        for row in history:  # an epoch that was kept, but stopped before its row was
            if facts | {"epoch": row["epoch"]} not in rows:
                keep(row)
        if len(history) < epochs:  # fit ends quietly when it is interrupted
            raise CourseError("Interrupted; start the study again to go on from this epoch.")
        checkpoint.unlink(missing_ok=True)
    found = time_to_accuracy(rows.table)
    for number, pair in found.iterrows():
        print(f"\nPair {number + 1}\n" + pair.to_string())
    if found.empty:
        print("Nothing to compare yet: run both recipes on the same photos with the same --seed.")
    print(f"\nWanted: a ratio of at most {WANTED:.3f}. Saved in {shorten(rows.file)}")


def article(
    index: pd.DataFrame, validation: np.ndarray, given: argparse.Namespace, checkpoint: Path, keep: KeepEpoch
) -> list[dict]:
    """The article's recipe in a bare loop, which saves itself after each epoch."""
    start, place = perf_counter(), device.choose()
    device.seed_everything(given.seed)
    backbone = models.load_backbone()
    model = models.Classifier(backbone, len(data.class_names(index))).to(place)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()
    photos = [
        image_folder(index, rows, Changes(backbone, at_random))
        for rows, at_random in ((~validation, True), (validation, False))
    ]
    train, test = (DataLoader(part, BATCH, shuffle=part is photos[0], num_workers=given.workers) for part in photos)
    history: list[dict] = []
    if checkpoint.exists():
        state = read_weights(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        history = state["history"]
    else:
        keep({"epoch": 0, "seconds": perf_counter() - start})
    for epoch in range(len(history) + 1, given.epochs + 1):
        start, correct = perf_counter(), 0
        model.train()
        for images, labels in train:
            images, labels = images.to(place), labels.to(place)
            logits = model(images)
            loss = loss_function(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            correct += int((logits.argmax(1) == labels).sum())
        _, accuracy = training.evaluate(model, test)
        row = {"epoch": epoch, "train_accuracy": correct / len(photos[0])}
        row |= {"validation_accuracy": accuracy, "seconds": perf_counter() - start}
        history.append(row)
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        state |= {"random": torch.get_rng_state(), "history": history}
        with write_atomically(checkpoint) as temporary:
            torch.save(state, temporary)
        keep(row)
    return history


def ours(
    index: pd.DataFrame, validation: np.ndarray, given: argparse.Namespace, checkpoint: Path, keep: KeepEpoch
) -> list[dict]:
    """Our recipe; its preparation begins without any kept pixels or maps."""
    start = perf_counter()
    device.seed_everything(given.seed)
    backbone = models.load_backbone()
    model = models.Classifier(backbone, len(data.class_names(index)))
    models.freeze(model)
    models.unfreeze(model, last=len(backbone.stages) - 1 - FROZEN)
    with fresh_work_folder():
        maps = [maps_of(index[~validation], backbone, number, given.size) for number in transforms.FLIPS]
        judged = maps_of(index[validation], backbone, 0, given.size)
    train = datasets.FeatureLoader(
        maps, data.label_probabilities(index)[~validation], views=len(maps), batch_size=BATCH,
        shuffle=True, seed=given.seed,
    )  # fmt: skip
    test = datasets.FeatureLoader(judged, data.label_numbers(index)[validation], batch_size=BATCH)
    if not checkpoint.exists():
        keep({"epoch": 0, "seconds": perf_counter() - start})
    history = training.fit(
        models.AfterStage(model, FROZEN), train, test, epochs=given.our_epochs, learning_rate=1e-3,
        average_weights=0.98, checkpoint=checkpoint, on_epoch_end=[keep], progress=False,
    )  # fmt: skip
    return history.to_dict("records")


def maps_of(photos: pd.DataFrame, backbone: models.Backbone, orientation: int, size: int) -> np.ndarray:
    """What the frozen stages say to one orientation of each photo, in memory: (N, C, H, W)."""
    turned = transforms.orientation(orientation)
    found = features.extract(photos, backbone, stages=FROZEN, maps=True, size=size, augment=turned, progress=False)
    return np.array(found[0])


def time_to_accuracy(table: pd.DataFrame) -> pd.DataFrame:
    """Compare each run of ours with the article's on the same photos, device and seed.

    Args:
        table: one row for each epoch, the columns of `RUN`, ``epoch`` (0 is the preparation),
            ``seconds`` and ``validation accuracy``.

    Returns:
        One row for each pair. Where ours never reaches the article's best accuracy, its seconds and the
        ratios are missing.
    """
    table = table.sort_values("epoch", kind="stable")
    table = table.assign(clock=table.groupby(RUN)["seconds"].cumsum())
    pairs = []
    for names, run_ in table[table["recipe"] == "ours"].groupby(RUN, sort=False):
        same = dict(zip(RUN, names, strict=True))
        fits = table["recipe"] == "article"
        for column in RUN[2:]:
            fits &= table[column] == same[column]
        plain = table[fits]
        best = plain["validation accuracy"].max()
        if not plain["epoch"].max() > 0 or not run_["epoch"].max() > 0:
            continue
        reached = run_["clock"][run_["validation accuracy"] >= best].min()
        until_best = plain["clock"][plain["validation accuracy"] == best].min()
        pairs.append({
            "seed": same["seed"],
            "ours": same["settings"],
            "article: epochs": plain["epoch"].max(),
            "article: best accuracy": best,
            "article: seconds until its best": until_best,
            "article: seconds in all": plain["clock"].max(),
            "ours: best accuracy": run_["validation accuracy"].max(),
            "ours: accuracy at the end": run_["validation accuracy"].iloc[-1],
            "ours: seconds in all": run_["clock"].max(),
            "ours: seconds until the article's best": reached,
            "ratio to the article's seconds until its best": reached / until_best,
            "ratio to the article's seconds in all": reached / plain["clock"].max(),
        })  # fmt: skip
    return pd.DataFrame(pairs).round(3)


RECIPES = {"ours": ours, "article": article}

if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10, help="of the article's recipe")
    parser.add_argument("--our-epochs", type=int, default=8, help="of ours")
    parser.add_argument("--size", type=int, default=160, help="pixels of ours")
    parser.add_argument("--workers", type=int, default=2, help="of the article's DataLoader")
    parser.add_argument("--only", choices=RECIPES, help="one of the two")
    run(main, parser)
