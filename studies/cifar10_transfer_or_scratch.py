"""Transfer or scratch? A backbone with a new last layer against the same network from random weights.

    python studies/cifar10_transfer_or_scratch.py --data FOLDER [--backbone vgg16 --weights FILE]

FOLDER is the one torchvision makes of CIFAR-10, or any with the parts train and test and one sub-folder
for each class. Three routes with the same network, the same photos and the same photo size:

1. frozen: only a new last layer is trained, three epochs, on features that are computed once;
2. scratch: all layers from random weights, three epochs;
3. probe first, then fine-tuning (LP-FT): logistic regression on the frozen features becomes the last
   layer, then the last stages are trained. Kumar et al. 2022, Fine-tuning can distort pretrained
   features and underperform out-of-distribution.

The article with this question used VGG16 and all 50,000 photos: 81 % frozen (about 40 minutes), 58 % from
scratch (about 100 minutes). Times here are those of a first run, with no cache.
Results: studies/results/cifar10_transfer_or_scratch.csv; with --routes transfer or --routes scratch
…_transfer.csv or …_scratch.csv
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from study_tools import arguments, fresh_work_folder, photo_index, print_and_save, run, test_rows
from torch import Tensor, nn

from course_lib import data, datasets, device, evaluation, features, models
from course_lib.training import fit

BATCH = 64


@dataclass
class Photos:
    """The photos of the study, decoded for the fits that need pixels."""

    index: pd.DataFrame
    labels: np.ndarray
    test: np.ndarray
    size: int

    def loader(self, backbone: models.Backbone, part: np.ndarray, seed: int, training: bool):
        """Batches for `fit`, mirrored and shifted at random for training."""
        pixels = datasets.pixels(self.index, self.size, channels=3, progress=False)
        return datasets.BatchLoader(
            pixels[part],
            self.labels[part],
            batch_size=BATCH,
            shuffle=training,
            seed=seed,
            augment=mirror_and_shift if training else None,
            mean=backbone.mean,
            std=backbone.std,
            device=device.choose(),
        )


def main(given: argparse.Namespace) -> None:
    """Run the three routes, print and save the table."""
    index = photo_index(given.data, given.limit)
    photos = Photos(index, data.label_numbers(index), test_rows(index, given.seed), given.size)
    print(f"{len(index)} photos, {photos.test.sum()} of them for the test; {device.describe()}")
    rows = []
    with fresh_work_folder():
        for route in ROUTES if given.routes is None else given.routes:
            for found in ROUTES[route](photos, given):
                rows.append(found)
                print(pd.DataFrame([found]).to_string(index=False), flush=True)
    part = f"_{given.routes[0]}" if given.routes else ""
    print_and_save(pd.DataFrame(rows), f"cifar10_transfer_or_scratch{part}", given.limit)
    if given.routes is None:
        frozen, _, scratch = rows
        gain, share = (frozen["accuracy"] - scratch["accuracy"], frozen["seconds"] / scratch["seconds"])
        print(f"Frozen against scratch: {100 * gain:+.1f} points in {share:.2f} of the time.")


def transfer(photos: Photos, given: argparse.Namespace) -> Iterator[dict]:
    """Routes 1 and 3, which both begin with one pass of the frozen backbone over all photos."""
    train, test = ~photos.test, photos.test
    start = perf_counter()
    backbone = models.load_backbone(given.backbone, given.weights)
    inputs = features.extract(photos.index, backbone, stages="last", size=photos.size)
    pass_seconds = perf_counter() - start

    device.seed_everything(given.seed)
    classes = len(data.class_names(photos.index))
    head = nn.Linear(backbone.feature_count, classes)
    mean, spread = inputs[train].mean(axis=0), inputs[train].std(axis=0) + 1e-6
    scaled = (inputs - mean) / spread
    fit(
        head,
        datasets.FeatureLoader(scaled[train], photos.labels[train], shuffle=True, seed=given.seed),
        epochs=3,
        channels_last=False,
        progress=False,
    )
    with torch.no_grad():
        answers = head.cpu()(torch.from_numpy(scaled[test])).argmax(1).numpy()
    seconds = perf_counter() - start
    yield row("frozen, new last layer", photos, answers, 3, seconds, head, given)

    start = perf_counter()
    probe = features.linear_probe().fit(inputs[train], photos.labels[train])
    print(f"logistic regression: {probe.score(inputs[test], photos.labels[test]):.4f}")
    model = models.Classifier(backbone, classes)
    models.head_from_probe(model, probe)
    with torch.no_grad():  # the scale goes into the weights of the head, so that both parts learn at similar rates
        model.head.weight /= model.feature_spread
        model.head.bias -= model.head.weight @ model.feature_mean
        model.feature_mean.zero_()
        model.feature_spread.fill_(1)
    models.freeze(model)
    models.unfreeze(model, last=given.last)
    # Batch normalisation keeps what it learned from a million photos.
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            models.freeze(layer)
    loader = photos.loader(backbone, train, given.seed, training=True)
    epochs = given.epochs or epochs_within(model, loader, given.minutes)
    fit(
        model,
        loader,
        epochs=epochs,
        learning_rate={"backbone": given.learning_rate, "head": given.learning_rate},
        label_smoothing=0.1,
    )
    answers = answers_of(model, photos.loader(backbone, test, 0, training=False))
    seconds = pass_seconds + perf_counter() - start
    name = f"probe, then last {given.last} stages"
    yield row(name, photos, answers, epochs, seconds, model, given)


def epochs_within(model: nn.Module, loader: datasets.BatchLoader, minutes: float) -> int:
    """How many epochs fit into the time, measured on ten batches that change nothing; at most 8."""
    start = None
    for number, (images, labels) in enumerate(loader):
        if number == 2:  # the first two are slower
            start = perf_counter()
        if number == 12:
            break
        nn.functional.cross_entropy(model.to(images.device)(images), labels).backward()
    model.zero_grad()
    loader.epoch = 0
    seconds = (perf_counter() - start) / 10 * len(loader) if start else 1.0
    return int(np.clip(minutes * 60 / seconds, 1, 8))


def from_scratch(photos: Photos, given: argparse.Namespace) -> Iterator[dict]:
    """Route 2: the same network, but its weights start at random and all are trained."""
    device.seed_everything(given.seed)
    start = perf_counter()
    backbone = models.untrained_backbone(given.backbone)
    model = models.Classifier(backbone, len(data.class_names(photos.index)))
    fit(model, photos.loader(backbone, ~photos.test, given.seed, training=True), epochs=3)
    answers = answers_of(model, photos.loader(backbone, photos.test, 0, training=False))
    yield row("scratch, all layers", photos, answers, 3, perf_counter() - start, model, given)


def answers_of(model: nn.Module, loader: datasets.BatchLoader) -> np.ndarray:
    logits, _ = evaluation.predict_logits(model, loader)
    return logits.argmax(axis=1)


def row(
    name: str,
    photos: Photos,
    answers: np.ndarray,
    epochs: int,
    seconds: float,
    trained: nn.Module,
    given: argparse.Namespace,
) -> dict:
    """One line of the table: accuracy with interval and baseline, what it cost, how it was made."""
    found = evaluation.accuracy_row(name, photos.labels[photos.test], answers)
    weights = sum(p.numel() for p in trained.parameters() if p.requires_grad)
    return found | {
        "backbone": given.backbone,
        "size": photos.size,
        "trained weights": weights,
        "epochs": epochs,
        "seconds": round(seconds),
        "seed": given.seed,
    }


def mirror_and_shift(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror half of the photos and move each by up to an eighth of its width; edges are repeated."""
    count, size = len(images), images.shape[-1]
    reach = size // 8
    mirrored = torch.rand(count, generator=generator) < 0.5
    moves = torch.randint(2 * reach + 1, (count, 2), generator=generator)
    images = torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(-1), images)
    # Padding with repeated edges is made for decimal numbers only.
    padded = nn.functional.pad(images.float(), [reach] * 4, mode="replicate").to(images.dtype)
    moved = [
        photo[:, down : down + size, right : right + size]
        for photo, (down, right) in zip(padded, moves.tolist(), strict=True)
    ]
    return torch.stack(moved)


ROUTES = {"transfer": transfer, "scratch": from_scratch}

if __name__ == "__main__":
    parser = arguments(
        __doc__.splitlines()[0],
        "a folder with CIFAR-10, or with the parts train and test and a sub-folder for each class",
    )
    parser.add_argument("--backbone", default="efficientnet_lite0", help="any of load_backbone")
    parser.add_argument("--weights", help="file or folder with the weights of the backbone")
    parser.add_argument("--routes", nargs=1, choices=ROUTES, help="only these, with a results file of their own")
    parser.add_argument("--size", type=int, default=96, help="width of the photos in pixels")
    parser.add_argument("--last", type=int, default=6, help="stages that are fine-tuned")
    parser.add_argument("--learning-rate", type=float, default=5e-4, help="of the fine-tuning")
    parser.add_argument("--epochs", type=int, help="of the fine-tuning; default: as time allows")
    parser.add_argument("--minutes", type=float, default=6, help="for the fine-tuning")
    run(main, parser)
