"""The head of every lesson, and what earlier lessons have made.

Introduced in lesson 1. Every lesson runs alone: what an earlier lesson produced is loaded
here, or made again by the same calls.
"""

import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from course_lib import checks, splits
from course_lib.data import class_names, index_folder, positive_class
from course_lib.errors import CourseError
from course_lib.paths import kept_folder, shorten, work_folder, write_atomically
from course_lib.quiz import Memo

if TYPE_CHECKING:
    from torch import nn

    from course_lib.inference import Inspector
    from course_lib.models import Classifier

LESSONS = (
    "introduction",
    "loading and checking images",
    "understanding image features",
    "exploring the collected data",
    "building the dataset",
    "a model from scratch",
    "training the scratch model",
    "inference and evaluation",
    "a transfer model",
    "improving the transfer model",
)


def start(lesson: int | str) -> None:
    """Print the head of a lesson in three lines: device, versions, where files go.

    Versions are shown as major.minor, which is what decides whether a lesson still fits.

    Args:
        lesson: its number, 1 to 10, or the title of a notebook beside the ten.
    """
    from course_lib import device

    names = ("torch", "torchvision", "timm", "scikit-learn")
    versions = ", ".join(f"{name} {'.'.join(version(name).split('.')[:2])}" for name in names)
    title = f"Beside the lessons: {lesson}" if isinstance(lesson, str) else f"Lesson {lesson}, {LESSONS[lesson - 1]}"
    print(f"{title}. Computing on: {device.describe()}")
    print(f"Versions: {versions}")
    print(f"Files you make go to {shorten(work_folder())}/; your photos are only read.")


def memo(number: int, photos: str | os.PathLike | None = None) -> Memo:
    """The memo, open at the slot of a lesson: one figure and one finding of your own.

    Args:
        number: the lesson, 1 to 10.
        photos: your own photo folder, where the memo is about that.
    """
    return Memo(LESSONS, photos, number)


def show_memo(photos: str | os.PathLike | None = None) -> Memo:
    """Show the memo, all that is missing included, and write it as one page.

    Args:
        photos: as for `memo`.
    """
    whole = Memo(LESSONS, photos)
    whole.save()
    return whole


# What was chosen for the solar cells on validation photos; lesson 7 explains each value.
SCRATCH_SETTINGS = {"size": 64, "batch_size": 32, "epochs": 30, "learning_rate": 5e-3, "average_weights": 0.98}
# The same for lesson 9: the last so many stages are trained, after the head has learned alone.
TRANSFER_SETTINGS: dict[str, Any] = {
    "backbone": "efficientnet_lite0",
    "size": 160,
    "last": 3,
    "head": {"epochs": 8, "learning_rate": 1e-2},
    "stages": {"epochs": 3, "learning_rate": 2e-4, "average_weights": 0.98},
}
DOUBTFUL_PHOTOS = ("follow the experts", "defective", "leave out")  # the three ways to draw the line
DEFAULT_DECISION = {
    "positive_class": "defective",
    "doubtful_photos": "follow the experts",
    "reason": "the course's default, nobody has decided",
    "lot_size": 60,
}


def save_decision(photos: str | os.PathLike, **decision: Any) -> Path:
    """Write down what lesson 4 decided about the photos, as a small JSON file.

    Args:
        photos: the photo folder.
        decision: plain values, such as ``lot_size=60``; what is not given keeps its default.
            ``doubtful_photos`` is one of `DOUBTFUL_PHOTOS`, and ``reason`` says why.

    Raises:
        CourseError: another word for the doubtful photos.
    """
    decision, path = _checked(DEFAULT_DECISION | decision), kept_folder(photos) / "decision.json"
    text = json.dumps(decision, indent=2, ensure_ascii=False)
    with write_atomically(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def load_decision(photos: str | os.PathLike) -> dict:
    """The decision of lesson 4, or its default where lesson 4 has not been run.

    Raises:
        CourseError: another word for the doubtful photos, or a file that is no decision.
    """
    path = kept_folder(photos) / "decision.json"
    try:
        return _checked(DEFAULT_DECISION | (json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}))
    except (ValueError, TypeError) as error:
        raise CourseError(f"The file {shorten(path)} holds no decision ({error}); make it again (lesson 4).") from error


def _checked(decision: dict) -> dict:
    if decision["doubtful_photos"] not in DOUBTFUL_PHOTOS:
        raise CourseError(
            f"The decision '{decision['doubtful_photos']}' about doubtful photos is unknown; choose one of "
            f"{', '.join(DOUBTFUL_PHOTOS)}."
        )
    return decision


def apply_decision(index: pd.DataFrame, decision: dict) -> pd.DataFrame:
    """The index as lesson 4 decided: the doubtful photos as the experts had them, defective, or left out.

    Photos without ``defect_probability`` leave nothing to decide: they keep their labels, all of them.

    Args:
        index: table of photos.
        decision: as `load_decision` gives it.

    Returns:
        An index whose rows are counted from 0. A doubtful photo that counts as defective gets the label of that
        class and the probability 2/3: "defective, not sure".

    Example:
        >>> index = pd.DataFrame({"label": ["OK", "OK", "NG"], "defect_probability": [0, 1 / 3, 1]})
        >>> [len(apply_decision(index, {"doubtful_photos": way})) for way in DOUBTFUL_PHOTOS]
        [3, 3, 2]
        >>> apply_decision(index, {"doubtful_photos": "defective"})["label"].tolist()
        ['OK', 'NG', 'NG']
    """
    from course_lib.evaluation import is_doubted

    doubted = is_doubted(index)
    if decision["doubtful_photos"] == "leave out":
        return index[~doubted].reset_index(drop=True)
    if decision["doubtful_photos"] == "defective" and doubted.any():
        label = index["label"].mask(doubted, class_names(index)[-1])
        return index.assign(label=label, defect_probability=index["defect_probability"].mask(doubted, 2 / 3))
    return index


def split_index(photos: str | os.PathLike, kind: str = "random") -> pd.DataFrame:
    """The index with its split, as lesson 5 saved it; made again where it is not there.

    Args:
        photos: the photo folder.
        kind: "random" (photo by photo) or "lot" (lot by lot).

    Raises:
        CourseError: an unknown kind, two classes whose names do not tell which one is the defect, or
            photos were added or removed after the split.
    """
    if kind not in ("random", "lot"):
        raise CourseError(f"The kind of split '{kind}' is unknown; choose 'random' or 'lot'.")
    path = kept_folder(photos) / f"split_{kind}.csv"
    index, decision = index_folder(photos), load_decision(photos)
    if index["label"].nunique() == 2:
        positive_class(index["label"])  # a rate of missed defects is of no use where nobody knows which class they are
    index = apply_decision(index, decision)
    if path.exists():
        saved = splits.load_split(path, photos)
        # An earlier version knew of no parts, and a column in index.csv may be newer than the split.
        part = saved["path"].map(index.set_index("path")["part"]) if "part" in index else saved.get("part")
        if part is not None and not (saved["split"].groupby(part).nunique() > 1).any():
            _check_complete(saved, index, photos)
            return saved
        print(f"{shorten(path)} does not keep photos of the same part together, so they are split anew.")
    index = checks.find_parts(index)
    index = splits.lot_split(index, lot_size=decision["lot_size"]) if kind == "lot" else splits.random_split(index)
    splits.save_split(index, path)
    return index


def _check_complete(saved: pd.DataFrame, index: pd.DataFrame, photos: str | os.PathLike) -> None:
    """A photo that came after the split would be in no part, or later in the wrong one."""
    added = sorted(set(index["path"]) - set(saved["path"]))
    if added:
        raise CourseError(
            f"{len(added)} photos of {shorten(photos)} came after it was split, or were left out then "
            f"(the first is {added[0]}); delete {shorten(kept_folder(photos))} to split and train anew."
        )
    if set(zip(saved["path"], saved["label"], strict=True)) - set(zip(index["path"], index["label"], strict=True)):
        raise CourseError(
            f"The split of {shorten(photos)} was made under another decision about the doubtful photos than that of "
            "lesson 4 now; run lesson 5 again, and train anew."
        )


def scratch_model(photos: str | os.PathLike, kind: str = "random", progress: bool = True) -> "tuple[nn.Module, dict]":
    """The model that lesson 7 trained, or the same trained again (about 20 s on two cores).

    Args:
        photos: the photo folder.
        kind: on which split it was trained, "random" or "lot".

    Returns:
        The model in evaluation mode, on the CPU, and fresh loaders of its split, as
        `datasets.loaders` gives them.

    Raises:
        CourseError: the training was stopped; nothing is kept of it.
    """
    from course_lib import models, training

    index = split_index(photos, kind)
    path = kept_folder(photos) / f"scratch_{kind}.pt"
    saved = models.read_weights(path) if path.exists() else {}
    facts = scratch_facts(index)
    # Other settings come from an older release. Another split would be worse: photos that are test
    # photos now may be among those that the kept model has learned from.
    if all(saved.get(name) == value for name, value in facts.items()):
        model = models.ScratchCNN(classes=index["label"].nunique())
        training.load_checkpoint(path, model)
    else:
        model, _, history = train_scratch(index, progress=progress)
        if len(history) < SCRATCH_SETTINGS["epochs"]:
            raise CourseError(
                f"The training was stopped after {len(history)} of {SCRATCH_SETTINGS['epochs']} epochs, so its "
                "network is not kept; run the cell again to train it anew."
            )
        training.save_checkpoint(model, path, classes=class_names(index), **facts)
    return model.cpu(), scratch_loaders(index, progress=progress)


def scratch_facts(index: pd.DataFrame) -> dict:
    """What tells one scratch model from another: its settings, and the labels and the split of its photos.

    Args:
        index: table of photos with the columns ``path``, ``label`` and ``split``.
    """
    lines = "\n".join(sorted(index["path"] + "\t" + index["label"] + "\t" + index["split"]))
    split = hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()[:12]
    return SCRATCH_SETTINGS | {"split": split}


def scratch_loaders(index: pd.DataFrame, seed: int = 0, progress: bool = True) -> dict:
    """The loaders that the scratch model is trained and judged with.

    Training photos are flipped and turned, and labelled with the experts' probabilities.
    """
    from course_lib import datasets, transforms

    settings = _settings("size", "batch_size") | {"augment": transforms.flips_and_quarter_turns, "soft_labels": True}
    return datasets.loaders(index, **settings, seed=seed, progress=progress)


def _settings(*names: str) -> dict[str, Any]:
    return {name: SCRATCH_SETTINGS[name] for name in names}


def train_scratch(index: pd.DataFrame, seed: int = 0, progress: bool = True) -> tuple:
    """Train the network of lesson 6 from random weights, as lesson 7 does.

    Args:
        index: table of photos with the column ``split``.
        seed: decides the first weights, the order and the turns of the photos.

    Returns:
        The model in evaluation mode, its loaders, and the history.
    """
    from course_lib import device, models, training

    batches = scratch_loaders(index, seed, progress)
    device.seed_everything(seed)
    model = models.ScratchCNN(classes=index["label"].nunique())
    settings = _settings("epochs", "learning_rate", "average_weights")
    history = training.fit(model, batches["train"], batches["validation"], **settings, progress=progress)
    return model, batches, history


def transfer_models(photos: str | os.PathLike, progress: bool = True) -> "tuple[Inspector, Inspector]":
    """The probe and the fine-tuned network of lesson 9, or the same made again (under a minute on two cores).

    Args:
        photos: the photo folder.

    Returns:
        Both as inspectors with a threshold of 0.5. No test photo had a part in them.

    Raises:
        CourseError: a training was stopped; nothing is kept of it.
    """
    from course_lib.inference import Inspector

    index, found = split_index(photos), []
    for route in ("probe", "fine-tuned"):
        path = kept_folder(photos) / f"{route}.safetensors"
        # As for the scratch model: other settings, or a split that would have let it learn from test photos.
        if not path.exists() or Inspector.load(path).settings.notes != transfer_facts(index):
            transfer_inspector(transfer_network(index, route, progress=progress), index).save(path)
        found.append(Inspector.load(path))
    return found[0], found[1]


def transfer_facts(index: pd.DataFrame) -> dict:
    """What tells one pair of transfer models from another, as `scratch_facts` for the scratch model."""
    return TRANSFER_SETTINGS | {"split": scratch_facts(index)["split"]}


def transfer_inspector(model: "Classifier", index: pd.DataFrame) -> "Inspector":
    """A network of lesson 9 with all that belongs to it; ``index`` is the table that it was trained with."""
    from course_lib.inference import Inspector, InspectorSettings

    preprocessing = TRANSFER_SETTINGS["size"], 3, model.backbone.mean, model.backbone.std
    settings = InspectorSettings(class_names(index), *preprocessing, notes=transfer_facts(index))
    return Inspector(model.cpu(), settings)


def transfer_network(index: pd.DataFrame, route: str, seed: int = 0, progress: bool = True) -> "Classifier":
    """One of the networks of lesson 9, on frozen features or kept maps of the training photos.

    Args:
        index: table of photos with the column ``split``.
        route: "probe" (logistic regression as a head), "new head", or "fine-tuned" (the new head, then the last stages).
        seed: decides the first weights of the head and the order of the photos.

    Raises:
        CourseError: a training was stopped.
    """
    from torch import nn

    from course_lib import data, datasets, device, features, models, training

    settings, train = TRANSFER_SETTINGS, (index["split"] == "train").to_numpy()
    labels = data.label_numbers(index)[train]
    batches: dict[str, Any] = {"labels": labels, "batch_size": 32, "shuffle": True, "seed": seed}
    device.seed_everything(seed)
    seen = "all" if route == "probe" else "last"
    model = models.Classifier(models.load_backbone(settings["backbone"]), index["label"].nunique(), seen)
    shape: dict[str, Any] = {"size": settings["size"], "progress": progress}
    pooled = features.extract(index[train], model.backbone, stages=seen, **shape)
    if route == "probe":
        models.head_from_probe(model, features.linear_probe().fit(pooled, labels))
        return model
    models.freeze(model.backbone)
    fits = [training.fit(model.head, datasets.FeatureLoader(pooled, **batches), **settings["head"], progress=False)]
    if route == "fine-tuned":
        frozen = len(model.backbone.stages) - 1 - settings["last"]
        maps = features.extract(index[train], model.backbone, stages=frozen, maps=True, **shape)
        models.unfreeze(model, settings["last"])
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):  # a batch is too small to estimate anew what a million photos gave
                models.freeze(layer)
        later, loader = models.AfterStage(model, frozen), datasets.FeatureLoader(maps, **batches)
        fits.append(training.fit(later, loader, **settings["stages"], progress=progress))
    if any(history.attrs["interrupted"] for history in fits):
        raise CourseError("The training was stopped, so its network is not kept; run the cell again.")
    return model
