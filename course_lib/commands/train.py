"""``python -m course_lib train FOLDER --out inspector``: from a folder of photos to an inspector (lesson 10).

Each step is a function of the door that its lesson explained. Photos are only read. What is computed
on the way lies in the work folder, so an interrupted training goes on where it was.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib import datasets, device, evaluation, plots, training
from course_lib.commands.candidates import chosen, probe_network, test_table, try_sizes
from course_lib.commands.good_only import train_good_only
from course_lib.commands.plan import Plan, TimeLimit, announcement, fresh_classifier, make_plan
from course_lib.commands.prepare import Prepared, Tell, TrainingOptions, prepare, rows_of, sample
from course_lib.data import class_names, credits, label_numbers, label_probabilities, photo_folder, photo_path
from course_lib.errors import CourseError, Interrupted
from course_lib.evaluation import Predictions
from course_lib.inference import Inspector, InspectorSettings, checked_program, inspector_file
from course_lib.inspection import photos_at_once
from course_lib.models import Backbone, Classifier, load_backbone, weights_hash
from course_lib.paths import file_hash, kept_folder, make_folder, say, shorten, write_atomically
from course_lib.training import current_group
from course_lib.transforms import brightness_and_contrast, compose, flips_and_quarter_turns

BACKBONE = "efficientnet_lite0"  # another name changes this command alone
KNOWN = 1000  # training photos whose features are kept, to tell photos that are unlike them: 0.6 MB


def main(arguments: Sequence[str]) -> int:
    """Train an inspector on a folder with one sub-folder for each class.

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
    add("--good-only", action="store_true", help="learn from good photos alone; any others only judge")
    add("--overkill", type=float, default=0.05, help="share of good parts that --good-only may reject (default: 0.05)")
    add("--upright", action="store_true", help="the photos have a top and a bottom: never turn or mirror them")
    add("--size", type=int, metavar="PIXELS", help="at which the photos are seen; without it several sizes are tried")
    add("--labels", metavar="TABLE.csv", help="labels that you corrected, such as in the table of check --doubtful")
    add("--replace", action="store_true", help="replace an inspector and its report of that name")
    wishes = vars(parser.parse_args(arguments))
    folder, out, replace = (wishes.pop(name) for name in ("folder", "out", "replace"))
    with training.joined() as group:
        try:
            options = TrainingOptions(**wishes)
            if options.good_only:
                group.first_does(lambda: train_good_only(folder, _free(out, replace), options))
            else:
                train(folder, out, options, replace=replace)
        except (KeyboardInterrupt, Interrupted):
            if group.is_first:
                print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
            return 130
    return 0


@dataclass(frozen=True)
class Job:
    """One training: its photos, what was chosen, what is planned, where its work and its inspector lie."""

    prepared: Prepared
    options: TrainingOptions
    plan: Plan
    work: Path
    path: Path
    progress: bool

    @property
    def index(self) -> pd.DataFrame:
        return self.prepared.index

    @property
    def classes(self) -> list[str]:
        return self.prepared.classes

    def inspector(self, model: Classifier, size: int) -> Inspector:
        """A model with what belongs to it."""
        mean, std = list(model.backbone.mean), list(model.backbone.std)
        return Inspector(model, InspectorSettings(self.classes, size, 3, mean, std, usual=self.prepared.usual))

    def pixels(self, split: str, inspector: Inspector) -> np.ndarray:
        """The photos of one split as an inspector sees them."""
        return datasets.pixels(self.index[self.index["split"] == split], inspector.settings.size, 3, self.progress)

    def familiar(self, inspector: Inspector) -> Inspector:
        """An inspector that also tells photos unlike those it was trained on."""
        train = self.pixels("train", inspector)
        some = np.sort(np.random.default_rng(0).permutation(len(train))[:KNOWN])
        return inspector.familiar_with(train[some], self.pixels("validation", inspector))

    def predictions(self, inspector: Inspector, split: str, temperature: float = 1.0) -> Predictions:
        """What an inspector says about the photos of one split."""
        rows = self.index[self.index["split"] == split]
        logits = inspector.logits(self.pixels(split, inspector))
        return Predictions(logits, label_numbers(rows, self.classes), rows, self.classes, temperature)


def train(
    folder: str | os.PathLike,
    out: str | os.PathLike,
    options: TrainingOptions | None = None,
    *,
    replace: bool = False,
    progress: bool = True,
) -> Inspector:
    """Check, split, probe, fine-tune, choose on validation, test once, save.

    Calling again after an interruption goes on from the last complete epoch. Inside
    `course_lib.training.joined` several processes fine-tune together; the first one does all the
    rest, and the others wait for it.

    Args:
        folder: photos, one sub-folder for each class. They are only read.
        out: where the inspector goes; the report lies beside it.
        options: see `TrainingOptions`.
        replace: the inspector and its report may take the place of earlier ones.
        progress: print what is done and show progress bars.

    Returns:
        The saved inspector; its notes say how it was chosen.

    Raises:
        CourseError: photos that cannot be read, too few photos, a folder that cannot be written to,
            or results of that name that are there already.
        Interrupted: you interrupted the fine-tuning; nothing is lost.
    """
    options, group = options or TrainingOptions(), current_group()
    progress = progress and group.is_first
    tell = say if progress else (lambda _: None)
    backbone = load_backbone(BACKBONE)
    job = group.first_does(lambda: _planned(folder, _free(out, replace), options, backbone, progress, tell))
    limit, history = TimeLimit(options.minutes), pd.DataFrame()
    candidates = {"probe": group.first_does(lambda: _probe(job, backbone, tell))}
    if job.plan.epochs:
        candidates["fine-tuned"], history = _fine_tune(job, limit)
        if len(history) < job.plan.epochs:
            done = f"{len(history)} of {job.plan.epochs}"
            tell(f"Another epoch would take too long: fine-tuning ends after {done} and keeps its best weights.")
    return group.first_does(lambda: _finished(job, candidates, history, tell))


def _free(out: str | os.PathLike, replace: bool) -> Path:
    """The file of the inspector; what could not be written at the end is refused now."""
    if not Path(out).name:
        raise CourseError(f"'{out}' does not name an inspector; give a name, such as --out inspector.")
    path = inspector_file(out)
    taken = [shorten(file) for file in (path, path.with_suffix(".html")) if os.path.exists(file)]
    if taken and not replace:
        raise CourseError(
            f"{' and '.join(taken)} would be replaced; give another name with --out, or allow it with --replace."
        )
    if not os.access(make_folder(path.parent), os.W_OK):
        raise CourseError(f"Writing to the folder {shorten(path.parent)} is not allowed; choose another with --out.")
    return path


def _planned(
    folder: str | os.PathLike, path: Path, options: TrainingOptions, backbone: Backbone, progress: bool, tell: Tell
) -> Job:
    """The photos that are used, the folder for this training, and what fits into the time."""
    prepared = prepare(folder, options, progress=progress, tell=tell)
    index, processes = prepared.index, current_group().count
    work = _work_folder(index, options, backbone)
    plan = make_plan(index, len(prepared.classes), backbone, options, work, processes)
    if plan.photos < len(index):
        tell(f"In this time {plan.photos} of {len(index)} photos can be used, drawn from all classes.")
        prepared = dataclasses.replace(prepared, index=sample(index, plan.photos, options.seed))
    for line in announcement(plan):
        tell(line)
    return Job(prepared, options, plan, work, path, progress)


def _work_folder(index: pd.DataFrame, options: TrainingOptions, backbone: Backbone) -> Path:
    """A folder for this training: other photos, another split, network or options get another one."""
    facts = [index[["path", "label", "split"]].to_numpy().tolist(), asdict(options), backbone.sha256]
    facts += [file_hash(photo_path(index, row)) for row in range(len(index))]
    key = hashlib.sha256(json.dumps(facts).encode(errors="surrogateescape")).hexdigest()[:12]
    return make_folder(kept_folder(photo_folder(index)) / f"train-{key}")


def _probe(job: Job, backbone: Backbone, tell: Tell) -> Inspector:
    """A linear classifier on frozen features, at the size that suits the photos."""
    given = (job.index, job.classes, backbone)
    tried = try_sizes(*given, job.plan.probe_sizes, job.options.seed, job.progress)
    best = tried[tried["chosen"]].iloc[0]
    size, freedom = int(best["size"]), float(best["freedom"])
    if len(job.plan.probe_sizes) > 1:
        tell(f"{tried.round(3).to_string(index=False)}\nThe probe sees photos of {size} pixels.")
    inspector = job.inspector(probe_network(*given, size, freedom, job.progress), size)
    inspector.settings.notes["sizes tried"] = tried.round(4).to_dict("records")
    return inspector


def _fine_tune(job: Job, limit: TimeLimit) -> tuple[Inspector, pd.DataFrame]:
    """Later stages and a new head, trained by `training.fit` as in lesson 10, but for any part.

    Alike: learning rate, optimizer, schedule, and weights averaged near the end. Lesson 10 knows its
    part: it mirrors only, so it can keep the maps of the frozen stages, and trains five stages on
    them in five epochs. Here nobody knows the part. So photos are also turned by quarters, their brightness and
    contrast vary, labels are smoothed, six of nine stages may learn, and the time decides on size and epochs.
    """
    plan = job.plan
    device.seed_everything(job.options.seed)
    model = fresh_classifier(load_backbone(BACKBONE), len(job.classes))
    train, validation = _loaders(job, model.backbone)
    steps = plan.epochs * len(rows_of(job.index, "train")) // plan.batch_size
    history = training.fit(
        model,
        train,
        validation,
        epochs=plan.epochs,
        learning_rate=1e-3,
        label_smoothing=0.05,
        average_weights=1 - 1 / max(steps / 10, 1),  # over about the last tenth of all steps
        precision=plan.precision,
        patience=plan.epochs,  # all epochs; then the weights of the best one on validation
        checkpoint=job.work / "checkpoint.pt",
        on_epoch_end=[limit],
        progress=job.progress,
    )
    if history.attrs["interrupted"]:
        raise Interrupted("The training was interrupted; the same command goes on after its last complete epoch.")
    return job.inspector(model, plan.size), history


def _loaders(job: Job, backbone: Backbone) -> tuple[datasets.BatchLoader, datasets.BatchLoader]:
    """Batches of the training photos, changed at random, and of the validation photos as they are."""
    index, size = job.index, job.plan.size
    # The first process decodes and keeps the photos, then all read what is kept.
    current_group().first_does(lambda: len(datasets.pixels(index, size, 3, job.progress)))
    images, labels = datasets.pixels(index, size, 3, job.progress), label_numbers(index, job.classes)
    light = brightness_and_contrast(0.2)
    # Where experts were in doubt, the network learns their doubt; judged are the labels.
    doubt = "defect_probability" in index and job.classes == class_names(index)
    train = datasets.BatchLoader(
        images,
        label_probabilities(index) if doubt else labels,
        rows=rows_of(index, "train"),
        batch_size=job.plan.batch_size,
        shuffle=True,
        seed=job.options.seed,
        augment=light if job.options.upright else compose(flips_and_quarter_turns, light),
        mean=backbone.mean,
        std=backbone.std,
    )
    rows = rows_of(index, "validation")
    count = photos_at_once(size)
    validation = datasets.BatchLoader(images, labels, rows=rows, batch_size=count, mean=backbone.mean, std=backbone.std)
    return train, validation


def _finished(job: Job, candidates: dict[str, Inspector], history: pd.DataFrame, tell: Tell) -> Inspector:
    """Choose on validation, test once, and write inspector, report and the record of the run."""
    cost = job.options.cost_missed
    name, validation, table = chosen({name: job.predictions(candidates[name], "validation") for name in candidates})
    tell(f"{table.round(3).to_string(index=False)}\nChosen on validation: {name}.")
    two, model = len(job.classes) == 2, candidates[name].model
    threshold = evaluation.careful_threshold(validation.labels, validation.positive, cost) if two else 0.5
    # Written down before it happens, so that no interruption hides it.
    openings = evaluation.record_test_opening(
        photo_folder(job.index), f"train command, weights {weights_hash(model)[:12]}"
    )
    test = job.predictions(candidates[name], "test", validation.temperature)
    tested = test_table(test, threshold, cost)
    notes = _notes(job, name, len(history), table, tested, openings) | candidates["probe"].settings.notes
    notes["seen at"] = f"{candidates[name].settings.size} pixels"
    # Written at the end, one right after the other: an interruption before leaves neither.
    draft = evaluation.report(
        {"lot split" if "lot" in job.index else "random split": {"validation": validation, "test": test}},
        job.work / "report.html",
        title=f"Inspector of {photo_folder(job.index).name}",
        threshold=threshold,
        cost_missed=cost,
        before=[plots.heading("Can this result be believed?"), plots.table(job.prepared.believed)],
        facts=_facts(job, notes),
    )
    settings, temperature = candidates[name].settings, validation.temperature
    settings = dataclasses.replace(settings, temperature=temperature, threshold=threshold, notes=notes)
    inspector = job.familiar(Inspector(model, settings))
    inspector.save(job.path, _program(job, inspector, tell))
    page = job.path.with_suffix(".html")
    with write_atomically(page) as temporary:
        temporary.write_bytes(draft.read_bytes())
    tell(tested.round(3).to_string(index=False))
    tell(f"The test photos of this folder have now been seen by {openings} model(s).")
    tell(f"Inspector: {shorten(job.path)}. Report: {shorten(page)}.")
    results = {
        "validation_accuracy": float(table.set_index("model")["accuracy"][name]),
        "test_accuracy": float(tested["accuracy"].iloc[0]),
    }
    training.record(f"train {photo_folder(job.index).name}", asdict(job.options) | asdict(job.plan), results, history)
    shutil.rmtree(job.work, ignore_errors=True)  # the way to the result; the result itself is saved
    return inspector


def _program(job: Job, inspector: Inspector, tell: Tell) -> bytes | None:
    """The inspector as an ONNX program, if that says of the validation photos what PyTorch says."""
    try:
        return checked_program(inspector, job.pixels("validation", inspector))
    except CourseError as error:
        tell(f"{error} So predict starts later and takes longer.")
        return None


def _notes(job: Job, name: str, epochs: int, candidates: pd.DataFrame, test: pd.DataFrame, openings: int) -> dict:
    """Plain facts that travel with the inspector: the training, its results, the licences."""
    counts = pd.crosstab(job.index["label"], job.index["split"])
    return {
        "trained": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "photos": photo_folder(job.index).name,
        "counts": {split: counts[split].to_dict() for split in counts},
        "split": "by lot" if "lot" in job.index else "by photo, at random",
        "left out": len(job.prepared.left_out),
        "model": name,
        "options": asdict(job.options),
        "plan": asdict(job.plan),
        "epochs of fine-tuning": f"{epochs} of {job.plan.epochs}",
        "validation": candidates.round(4).to_dict("records"),
        "test": test.round(4).to_dict("records"),
        "test openings": openings,
        "environment": training.environment(),
        "licence of the photos": credits(photo_folder(job.index)),
        "licence of the pretrained weights": load_backbone(BACKBONE).licence,
    }


def _facts(job: Job, notes: dict) -> list[str]:
    """How the inspector was trained, who has seen the test photos, and the licences: for the report."""
    openings = evaluation.test_openings(photo_folder(job.index))
    facts = [(key, notes[key]) for key in ("trained", "split", "model", "seen at", "epochs of fine-tuning")]
    facts += [*notes["options"].items()]
    facts += [(key, value) for key, value in notes["plan"].items() if key != "epochs"]
    facts += [(path, f"left out: {why}") for path, why in job.prepared.left_out.items()]
    facts += [(key, notes[key]) for key in notes if key.startswith("licence")]
    seen = "The first model that sees the test photos has an honest result; later ones less so."
    return [
        plots.heading("The training"),
        plots.table(
            pd.DataFrame(notes["sizes tried"]), "Probes at several sizes of the photos, each judged out of fold"
        ),
        plots.table(pd.DataFrame(notes["validation"]), "Candidates on validation photos"),
        plots.table(pd.DataFrame(facts, columns=["fact", "value"]).astype(str), "Facts"),
        plots.heading("The test photos were opened"),
        plots.table(openings, f"By {len(openings)} model(s) so far. {seen}"),
    ]
