"""``train --good-only``: an inspector from photos of good parts alone (deeper/good_photos_only).

A frozen network describes the photos, and what good parts have in common is measured. Nothing is trained, so
there is nothing to choose on a validation split: each good photo is judged by the others.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib import data, features, plots
from course_lib.commands.plan import look_at_photos
from course_lib.commands.prepare import Prepared, Tell, TrainingOptions, prepare
from course_lib.errors import CourseError
from course_lib.inference import Familiar, Inspector, InspectorSettings, checked_program
from course_lib.inspection import heat_picture
from course_lib.models import load_backbone
from course_lib.paths import say, shorten, write_atomically

SIZES = (224, 320, 448)  # pixels; a small defect needs a large photo
FAR = 3.0  # usual spreads above the middle: few good photos lie so far away
DRAWS = 500  # of other photos that might have been there
SHOWN = 6  # photos of each kind in the report
TEMPLATE = Path(__file__).with_name("good_only.html")  # the words of the report


@dataclass(frozen=True)
class Scores:
    """How far photos lie from good ones: 0 is the limit of the inspector, 1 is one usual spread beyond it.

    Attributes:
        good: of good photos, each judged by other lots, (N,).
        defective: of photos that only judge, (D,); there may be none.
        lots: which good photos belong together, (N,).
        overkill: the share of good photos that is meant to lie beyond the limit.
    """

    good: np.ndarray
    defective: np.ndarray
    lots: np.ndarray
    overkill: float

    @property
    def far(self) -> np.ndarray:
        """Rows of the good photos that lie far from the others, the furthest first."""
        order = np.argsort(-self.good)
        return order[self.good[order] - np.median(self.good) > FAR]

    def measured(self) -> pd.DataFrame:
        """Overkill and, where there are defective photos, missed defects and area under the ROC curve.

        Beside each its interval: of other lots and other defective photos, which give another limit, too.
        """
        from sklearn.metrics import roc_auc_score

        def measure(good: np.ndarray, defective: np.ndarray) -> list[float]:
            limit = np.quantile(good, 1 - self.overkill)
            labels, scores = np.repeat([0, 1], [len(good), len(defective)]), np.concatenate([good, defective])
            found = [(defective < limit).mean(), roc_auc_score(labels, scores)] if len(defective) else []
            return [(self.good >= limit).mean(), *found]

        generator, lots = np.random.default_rng(0), [self.good[self.lots == lot] for lot in np.unique(self.lots)]
        draws = []
        for _ in range(DRAWS):
            good = np.concatenate([lots[lot] for lot in generator.integers(len(lots), size=len(lots))])
            draws.append(measure(good, generator.choice(self.defective, len(self.defective))))
        table = pd.DataFrame([measure(self.good, self.defective), *np.quantile(draws, [0.025, 0.975], axis=0)]).T
        table.columns = ["value", "from", "to"]
        table.insert(0, "measure", ["overkill", "missed defects", "area under ROC"][: len(table)])
        return table


def train_good_only(
    folder: str | os.PathLike, path: Path, options: TrainingOptions, *, progress: bool = True, tell: Tell = say
) -> tuple[Inspector, Scores]:
    """Fit an inspector to photos of good parts; where there are defective ones, they only judge it.

    Args:
        folder: one sub-folder with photos of good parts; those in others are defective.
        path: the file of the inspector; its report lies beside it.
        options: see `TrainingOptions`.
        progress: show progress bars.
        tell: takes each sentence that the learner should read.

    Raises:
        CourseError: as `prepare`, or the folder of the inspector cannot be written to.
    """
    prepared, backbone = prepare(folder, options, progress=progress, tell=tell), load_backbone()
    index, (_, side) = prepared.index, look_at_photos(prepared.index)
    size = options.size or next((size for size in SIZES if size >= side), SIZES[-1])
    tell(f"The photos are described at {size} pixels. Interrupt it when you like (Ctrl+C): what was computed is kept.")
    seen = features.extract(index, backbone, size=size, progress=progress)
    is_good = np.array(index["split"] == "train")
    good, lots = seen[is_good], index["lot"].to_numpy()
    some, stage = index[is_good].iloc[: features.FOR_PLACES], features.PLACE_STAGE
    maps = features.extract(some, backbone, stages=stage, maps=True, size=size, progress=progress)
    judged, facts = features.cross_fitted(seen, is_good, lots, backbone), features.fit(good, backbone)
    facts |= features.limit_of(judged[is_good], options.overkill) | features.fit_places(maps)
    model = features.GoodOnly(backbone, facts)
    scored = model.score(judged).numpy()
    scores = Scores(scored[is_good], scored[~is_good], lots[is_good], options.overkill)
    notes = {
        "trained": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "model": f"distance from {len(good)} good photos; overkill aimed at {options.overkill:g}",
        "tells": "score (a distance, no probability)",
        "measured": scores.measured().round(4).to_dict("records"),
        "licence of the photos": data.credits(data.photo_folder(index)),
        "licence of the pretrained weights": backbone.licence,
    }
    classes, normal = [prepared.classes[0], "defective"], (list(backbone.mean), list(backbone.std))
    settings = InspectorSettings(classes, size, 3, *normal, notes=notes, usual=prepared.usual)
    familiar = Familiar.of(backbone.middle_means(good), good[:0])
    inspector = Inspector(model, settings, familiar)
    page, program = _report(inspector, scores, prepared), None
    with suppress(CourseError):  # then predict computes with PyTorch
        some_pixels = [data.read_pixels(data.photo_path(some, row), size, 3) for row in range(8)]
        program = checked_program(inspector, np.stack(some_pixels))
    inspector.save(path, program)
    with write_atomically(path.with_suffix(".html")) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")
    tell(scores.measured().round(3).to_string(index=False))
    if is_good.all():
        tell("How many defects are missed cannot be known without photos of defective parts.")
    if len(scores.far):
        first = index["path"][is_good].iloc[scores.far[0]]
        tell(f"{len(scores.far)} good photos lie far from the others, the first is {first}; are they good?")
    tell(f"Inspector: {shorten(path)}. Report: {shorten(path.with_suffix('.html'))}.")
    return inspector, scores


def _report(inspector: Inspector, scores: Scores, prepared: Prepared) -> str:
    """The page beside the inspector."""
    figure, axis = plots.new_axis()
    edges = np.histogram_bin_edges(np.concatenate([scores.good, scores.defective]), 40).tolist()
    for name, values, colour in (("good", scores.good, plots.BLUE), ("defective", scores.defective, plots.ORANGE)):
        axis.hist(values, edges, histtype="step", linewidth=2, color=colour, label=name)
    axis.axvline(0, color=plots.GREY, linestyle="--", label="limit")
    axis.set(xlabel="score: how far from good photos", ylabel="photos")
    axis.legend(fontsize=8)
    notes, index = inspector.settings.notes, prepared.index
    facts = [(key, value) for key, value in notes.items() if key != "measured"]
    facts += [(path, f"left out: {why}") for path, why in prepared.left_out.items()]

    def pictures(part: str, values: np.ndarray, rows: np.ndarray) -> str:
        photos, pieces = index[index["split"] == part], []
        for row in rows[:SHOWN]:
            image = data.read_pixels(data.photo_path(photos, row), inspector.settings.size, 3)
            drawn = plots.photo_png(heat_picture(image, inspector.heat_maps(image[None], [1])[0]))
            text = f"{photos['path'].iloc[row]}: score {values[row]:.1f}"
            pieces.append(plots.picture(drawn, f"Photo {text}", text, width=220))
        return plots.join(*pieces)

    body = plots.html(
        TEMPLATE.read_text(encoding="utf-8"),
        table=plots.table,
        figure=plots.figure,
        drawn=figure,
        classes=inspector.settings.classes,
        good=scores.good,
        defective=scores.defective,
        overkill=scores.overkill,
        lots=len(np.unique(scores.lots)),
        measured=pd.DataFrame(notes["measured"]),
        far=len(scores.far),
        furthest=pictures("train", scores.good, np.argsort(-scores.good)),
        missed=pictures("test", scores.defective, np.argsort(scores.defective)[: (scores.defective < 0).sum()]),
        facts=pd.DataFrame(facts, columns=["fact", "value"]),
    )
    return plots.page(f"Inspector of {data.photo_folder(index).name}, from good photos only", body)
