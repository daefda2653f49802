"""``python -m course_lib train FOLDER --out inspector``: from a folder of photos to an inspector (lesson 10).

Each step is a function of the door that its lesson explained. Photos are only read. What is computed
on the way lies in the work folder, so an interrupted training goes on where it was.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib import datasets, device, evaluation, features, plots, training
from course_lib.commands.plan import Plan, Watch, announcement, fresh_classifier, make_plan
from course_lib.commands.prepare import (
    TrainingOptions,
    label_numbers,
    prepare,
    rows_of,
    sample,
)
from course_lib.data import class_names, credits, label_probabilities, photo_path
from course_lib.errors import CourseError, Interrupted
from course_lib.evaluation import Predictions, decide
from course_lib.inference import Inspector, InspectorSettings, inspector_file
from course_lib.models import Backbone, Classifier, head_from_probe, load_backbone, weights_hash
from course_lib.paths import kept_folder, make_folder, say, shorten, write_atomically
from course_lib.training import current_group
from course_lib.transforms import brightness_and_contrast, flips_and_quarter_turns, in_turn


def main(arguments: Sequence[str]) -> int:
    """Train an inspector on a folder with one sub-folder for each class.

    Started by ``torchrun --nproc-per-node N -m course_lib train …``, it trains in N processes, see
    `course_lib.training.joined`.

    Returns:
        The exit status: 0 good, 130 interrupted.

    Raises:
        CourseError: as `train`.
        SystemExit: wrong use (2), or help was asked for (0).
    """
    parser = argparse.ArgumentParser(
        prog="python -m course_lib train",
        description="Train an inspector on a folder with one sub-folder for each class.",
        epilog="Your photos are only read. Exit status: 0 good, 2 wrong use, 130 interrupted. For N GPUs: "
        "torchrun --nproc-per-node N -m course_lib train …",
    )
    add = parser.add_argument
    add("folder", help="photos, one sub-folder for each class")
    add("--out", required=True, metavar="FILE", help="the inspector; the report lies beside it")
    add("--minutes", type=float, default=5.0, help="for probe and fine-tuning (default: 5)")
    add("--seed", type=int, default=0, help="another seed, another split (default: 0)")
    add("--set-aside", action="store_true", help="leave out photos that cannot be read")
    add("--lot-pattern", metavar="REGEX", help=r'finds the lot in a path, such as "lot(\d+)"')
    add("--positive", metavar="CLASS", help="the class that is looked for, such as defective")
    cost = "what a missed defect costs if overkill costs 1 (default: 1)"
    add("--cost-missed", type=float, default=1.0, metavar="COST", help=cost)
    upright = "the photos have a top and a bottom: never turn or mirror them"
    add("--upright", action="store_true", help=upright)
    add("--replace", action="store_true", help="replace an inspector and its report of that name")
    wishes = vars(parser.parse_args(arguments))
    folder, out, replace = (wishes.pop(name) for name in ("folder", "out", "replace"))
    with training.joined() as group:
        try:
            train(folder, out, TrainingOptions(**wishes), replace=replace)
        except (KeyboardInterrupt, Interrupted):
            if group.is_first:
                print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
            return 130
    return 0


@dataclass(frozen=True)
class Trained:
    """What `train` made: the saved inspector and what is known about it (lesson 10)."""

    path: Path
    inspector: Inspector
    index: pd.DataFrame
    candidates: pd.DataFrame
    test: pd.DataFrame
    history: pd.DataFrame
    openings: int


def train(
    folder: str | os.PathLike,
    out: str | os.PathLike,
    options: TrainingOptions | None = None,
    *,
    replace: bool = False,
    progress: bool = True,
) -> Trained:
    """Check, split, probe, fine-tune, choose on validation, test once, save (lesson 10).

    Calling again after an interruption goes on from the last complete epoch. Inside
    `course_lib.training.joined` several processes fine-tune together; the first one does all the
    rest, and the others wait for it.

    Args:
        folder: photos, one sub-folder for each class. They are only read.
        out: where the inspector goes; the report lies beside it.
        options: see `TrainingOptions`.
        replace: the inspector and its report may take the place of earlier ones.
        progress: print what is done and show progress bars.

    Raises:
        CourseError: photos that cannot be read, too few photos, an impossible option, a folder that
            cannot be written to, or results of that name that are there already.
        Interrupted: you interrupted the fine-tuning; nothing is lost.
    """
    options = options or TrainingOptions()
    group = current_group()
    progress = progress and group.is_first
    tell = say if progress else (lambda _: None)
    index, work, plan = group.first_does(lambda: _plan(folder, out, options, replace, progress, tell))
    watch = Watch(options.minutes)
    labels, backbone = label_numbers(index), load_backbone()
    candidates, history = {}, pd.DataFrame()
    candidates["probe"] = group.first_does(lambda: _probe(index, labels, backbone, plan, options, progress))
    if plan.epochs:
        candidates["fine-tuned"], history = _fine_tune(index, labels, plan, options, work, watch, progress)
        if len(history) < plan.epochs:
            tell(
                f"Another epoch would take too long: fine-tuning ends after {len(history)} of "
                f"{plan.epochs} and keeps its best weights."
            )

    def finish() -> Trained:
        name, inspector, table = _choose(candidates, index, labels, progress)
        inspector = _with_threshold(inspector, index, labels, options, progress)
        tell(table.round(3).to_string(index=False))
        tell(f"Chosen on validation: {name}.")
        weights = weights_hash(inspector.model)[:12]
        # Written down before it happens, so that no interruption hides it.
        openings = evaluation.record_test_opening(folder, f"train command, weights {weights}")
        test = _test(inspector, index, labels, options, progress)
        results = {
            "validation_accuracy": float(table.set_index("model")["accuracy"][name]),
            "test_accuracy": float(test["accuracy"].iloc[0]),
        }
        notes = _notes(index, options, plan, len(history), name, table, test, openings)
        inspector = Inspector(inspector.model, dataclasses.replace(inspector.settings, notes=notes))
        path, page = _results(out)
        # Written at the end, one right after the other: an interruption before leaves neither.
        draft = work / "report.html"
        _write_report(inspector, index, labels, options, draft, progress)
        inspector.save(path)
        with write_atomically(page) as temporary:
            temporary.write_bytes(draft.read_bytes())
        tell(test.round(3).to_string(index=False))
        tell(f"The test photos of this folder have now been seen by {openings} model(s).")
        tell(f"Inspector: {shorten(path)}. Report: {shorten(page)}.")
        settings = asdict(options) | asdict(plan)
        training.record(f"train {Path(folder).name}", settings, results, history)
        shutil.rmtree(work, ignore_errors=True)  # the way to the result; the result itself is saved
        return Trained(path, inspector, index, table, test, history, openings)

    return group.first_does(finish)


def _plan(
    folder: str | os.PathLike, out: str | os.PathLike, options: TrainingOptions, replace: bool,
    progress: bool, tell: Callable[[str], None],
) -> tuple[pd.DataFrame, Path, Plan]:  # fmt: skip
    """The photos that are used, the folder for this training, and what fits into the time."""
    _check_options(options, out, replace)
    index = prepare(folder, options, progress=progress, tell=tell)
    work = _work_folder(index, options)
    processes = current_group().count
    plan = make_plan(index, load_backbone(), options, work, processes)
    if plan.photos < len(index):
        tell(f"In this time {plan.photos} of {len(index)} photos can be used, drawn from all classes.")
        index = sample(index, plan.photos, options.seed)
    for line in announcement(plan, index, processes):
        tell(line)
    return index, work, plan


def _check_options(options: TrainingOptions, out: str | os.PathLike, replace: bool) -> None:
    device.check_seed(options.seed)
    if not 0 < options.minutes < 10_000:
        raise CourseError(f"{options.minutes} minutes is no time to train in; choose 1 or more.")
    if not 0 < options.cost_missed < float("inf"):
        raise CourseError(f"A missed defect cannot cost {options.cost_missed}; choose a cost above 0.")
    if options.lot_pattern is not None:
        try:
            re.compile(options.lot_pattern)
        except re.error as error:
            raise CourseError(
                f"The lot pattern '{options.lot_pattern}' is no regular expression ({error}); write "
                r"for example 'lot(\d+)'."
            ) from error
    if not Path(out).name:
        raise CourseError(f"'{out}' is no name for an inspector; give one, such as --out inspector.")
    taken = [file for file in _results(out) if os.path.exists(file)]
    if taken and not replace:
        raise CourseError(
            f"{' and '.join(map(shorten, taken))} would be replaced; give another name with --out, or "
            "allow it with --replace."
        )
    folder = make_folder(Path(out).parent)
    if not os.access(folder, os.W_OK):
        raise CourseError(f"Writing to the folder {shorten(folder)} is not allowed; give another place with --out.")


def _results(out: str | os.PathLike) -> tuple[Path, Path]:
    """The inspector and its report."""
    path = inspector_file(out)
    return path, path.with_suffix(".html")


def _work_folder(index: pd.DataFrame, options: TrainingOptions) -> Path:
    """A folder for this training: other photos, another split or other options get another one."""
    facts = [index[["path", "label", "split"]].to_numpy().tolist(), asdict(options)]
    facts += [os.stat(photo_path(index, row)).st_mtime_ns for row in range(len(index))]
    key = hashlib.sha256(json.dumps(facts).encode(errors="surrogateescape")).hexdigest()[:12]
    return make_folder(kept_folder(index.attrs["folder"]) / f"train-{key}")


# candidates


def _settings(index: pd.DataFrame, backbone: Backbone, size: int) -> InspectorSettings:
    return InspectorSettings(index.attrs["classes"], size, 3, list(backbone.mean), list(backbone.std))


def _probe(
    index: pd.DataFrame, labels: np.ndarray, backbone: Backbone, plan: Plan,
    options: TrainingOptions, progress: bool,
) -> Inspector:  # fmt: skip
    """A linear classifier on frozen features, put into a network of its own."""
    inputs = features.extract(index, backbone, size=plan.probe_size, progress=progress)
    rows = rows_of(index, "train")
    probe = features.linear_probe().fit(inputs[rows], labels[rows])
    model = Classifier(backbone, len(index.attrs["classes"]), stages="all")
    head_from_probe(model, probe)
    # Several processes on GPUs get a copy each, which shall not lie on the first one's GPU.
    return Inspector(model.cpu(), _settings(index, backbone, plan.probe_size))


def _fine_tune(
    index: pd.DataFrame, labels: np.ndarray, plan: Plan, options: TrainingOptions, work: Path,
    watch: Watch, progress: bool,
) -> tuple[Inspector, pd.DataFrame]:  # fmt: skip
    """Later stages and a new head, trained by `training.fit` as in lesson 10, but for any part.

    Alike: learning rate, optimizer, schedule, and weights averaged near the end. Lesson 10 knows its
    part: it mirrors only, so it can keep the maps of the frozen stages, and trains five stages on
    them in five epochs. Here nobody knows the part. So photos are also turned by quarters (with
    ``upright`` not even mirrored), their brightness and contrast vary, labels are smoothed, six stages
    may learn, and the time decides on size and epochs.
    """
    device.seed_everything(options.seed)
    backbone = load_backbone()
    model = fresh_classifier(backbone, len(index.attrs["classes"]))
    # The first process decodes and keeps the photos, then all read what is kept.
    current_group().first_does(lambda: len(datasets.pixels(index, plan.size, 3, progress)))
    images = datasets.pixels(index, plan.size, 3, progress)
    light = brightness_and_contrast(0.2)
    # Where experts were in doubt, the network learns their doubt; judged are the labels.
    doubt = "defect_probability" in index and index.attrs["classes"] == class_names(index)
    targets = {"train": label_probabilities(index) if doubt else labels, "validation": labels}
    steps = plan.epochs * len(rows_of(index, "train")) // plan.batch_size
    loaders = {
        split: datasets.BatchLoader(
            images,
            targets[split],
            rows=rows_of(index, split),
            batch_size=plan.batch_size if split == "train" else 32,
            shuffle=split == "train",
            seed=options.seed,
            augment=(light if options.upright else in_turn(flips_and_quarter_turns, light))
            if split == "train"
            else None,
            mean=backbone.mean,
            std=backbone.std,
        )
        for split in ("train", "validation")
    }
    history = training.fit(
        model,
        loaders["train"],
        loaders["validation"],
        epochs=plan.epochs,
        learning_rate=1e-3,
        label_smoothing=0.05,
        average_weights=1 - 1 / max(steps / 10, 1),  # over about the last tenth of all steps
        precision=plan.precision,
        channels_last=plan.channels_last,
        patience=plan.epochs,  # all epochs; then the weights of the best one on validation
        checkpoint=work / "checkpoint.pt",
        on_epoch_end=[watch],
        progress=progress,
    )
    if history.interrupted:
        raise Interrupted("The training was interrupted; the same command goes on after its last complete epoch.")
    return Inspector(model, _settings(index, backbone, plan.size)), history


def _pixels_of(index: pd.DataFrame, split: str, inspector: Inspector, progress: bool) -> np.ndarray:
    return datasets.pixels(index[index["split"] == split], inspector.settings.size, 3, progress)


def _choose(
    candidates: dict[str, Inspector], index: pd.DataFrame, labels: np.ndarray, progress: bool
) -> tuple[str, Inspector, pd.DataFrame]:
    """The candidate with the lower loss on validation, after both are calibrated there.

    The loss sees how sure each answer is; the accuracy of few photos would often be a tie.
    """
    truth = labels[rows_of(index, "validation")]
    rows = []
    for name, inspector in candidates.items():
        logits = inspector.logits(_pixels_of(index, "validation", inspector, progress))
        # Few photos that are all right would ask for endless certainty.
        temperature = float(np.clip(evaluation.fit_temperature(logits, truth), 0.25, 4))
        probabilities = evaluation.softmax(logits, temperature)
        loss = -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean()
        row = evaluation.accuracy_row(name, truth, probabilities.argmax(axis=1))
        rows.append(row | {"loss": float(loss), "temperature": temperature})
    table = pd.DataFrame(rows)
    best = table.loc[table["loss"].idxmin()]
    chosen = candidates[best["model"]]
    settings = dataclasses.replace(chosen.settings, temperature=float(best["temperature"]))
    return best["model"], Inspector(chosen.model, settings), table


def _with_threshold(
    inspector: Inspector, index: pd.DataFrame, labels: np.ndarray, options: TrainingOptions,
    progress: bool,
) -> Inspector:  # fmt: skip
    """The threshold for these costs, from validation; with more than two classes there is none."""
    if len(index.attrs["classes"]) != 2:
        return inspector
    truth = labels[rows_of(index, "validation")]
    probabilities = inspector.probabilities(_pixels_of(index, "validation", inspector, progress))[:, 1]
    threshold = evaluation.careful_threshold(truth, probabilities, options.cost_missed)
    return Inspector(inspector.model, dataclasses.replace(inspector.settings, threshold=threshold))


# test


def _test(
    inspector: Inspector, index: pd.DataFrame, labels: np.ndarray, options: TrainingOptions,
    progress: bool,
) -> pd.DataFrame:  # fmt: skip
    """Accuracy on the test photos, as decided and, with two classes, at one half."""
    truth = labels[rows_of(index, "test")]
    probabilities = inspector.probabilities(_pixels_of(index, "test", inspector, progress))
    threshold = inspector.settings.threshold
    decisions = decide(probabilities, threshold)
    if len(inspector.settings.classes) > 2:
        return pd.DataFrame([evaluation.accuracy_row("most probable class", truth, decisions)])
    cost, rows = options.cost_missed, []
    values = {f"threshold {threshold:.2f}": threshold}
    values.setdefault("threshold 0.50", 0.5)
    for name, value in values.items():
        row = evaluation.accuracy_row(name, truth, decide(probabilities, value))
        row["missed"] = evaluation.missed_defect_rate(truth, probabilities[:, 1], value)
        row["overkill"] = evaluation.overkill_rate(truth, probabilities[:, 1], value)
        row["cost"] = evaluation.expected_cost(truth, probabilities[:, 1], value, cost, 1.0)
        rows.append(row)
    return pd.DataFrame(rows)


def _write_report(
    inspector: Inspector, index: pd.DataFrame, labels: np.ndarray, options: TrainingOptions,
    path: Path, progress: bool,
) -> None:  # fmt: skip
    """The report of lesson 8, with the facts of this training at its end."""
    settings = inspector.settings
    predictions = {}
    for split in ("validation", "test"):
        rows = rows_of(index, split)
        logits = inspector.logits(_pixels_of(index, split, inspector, progress))
        predictions[split] = Predictions(
            logits, labels[rows], index[index["split"] == split], settings.classes, settings.temperature
        )
    evaluation.report(
        {"lot split" if "lot" in index else "random split": predictions},
        path,
        title=f"Inspector of {Path(index.attrs['folder']).name}",
        threshold=settings.threshold,
        cost_missed=options.cost_missed,
        facts=_facts(inspector, index),
    )


def _facts(inspector: Inspector, index: pd.DataFrame) -> list[str]:
    """How the inspector was trained, who has seen the test photos, and the licences."""
    notes = inspector.settings.notes
    openings = evaluation.test_openings(index.attrs["folder"])
    facts = [(key, notes[key]) for key in ("trained", "split", "model", "epochs of fine-tuning")]
    facts += [*notes["options"].items()]
    facts += [(key, value) for key, value in notes["plan"].items() if key != "epochs"]
    facts += [(path, f"left out: {why}") for path, why in index.attrs["left_out"].items()]
    facts += [(key, notes[key]) for key in notes if key.startswith("licence")]
    seen = "The first model that sees the test photos has an honest result; later ones less so."
    return [
        plots.heading("The training"),
        plots.table(pd.DataFrame(notes["validation"]), "Candidates on validation photos"),
        plots.table(pd.DataFrame(facts, columns=["fact", "value"]).astype(str), "Facts"),
        plots.heading("The test photos were opened"),
        plots.table(openings, f"By {len(openings)} model(s) so far. {seen}"),
    ]


def _notes(
    index: pd.DataFrame, options: TrainingOptions, plan: Plan, epochs: int, name: str,
    candidates: pd.DataFrame, test: pd.DataFrame, openings: int,
) -> dict:  # fmt: skip
    """Plain facts that travel with the inspector: the training, its results, the licences."""
    folder = Path(index.attrs["folder"])
    counts = pd.crosstab(index["label"], index["split"])
    return {
        "trained": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "photos": folder.name,
        "counts": {split: counts[split].to_dict() for split in counts},
        "split": "by lot" if "lot" in index else "by photo, at random",
        "left out": len(index.attrs["left_out"]),
        "model": name,
        "options": asdict(options),
        "plan": asdict(plan),
        "epochs of fine-tuning": f"{epochs} of {plan.epochs}",
        "validation": candidates.round(4).to_dict("records"),
        "test": test.round(4).to_dict("records"),
        "test openings": openings,
        "environment": training.environment(),
        "licence of the photos": credits(folder),
        "licence of the pretrained weights": "EfficientNet-Lite0, Apache-2.0",
    }
