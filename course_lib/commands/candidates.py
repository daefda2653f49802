"""What `train` chooses from: probes on photos of several sizes, then the candidates on validation (lesson 10)."""

import dataclasses

import numpy as np
import pandas as pd

from course_lib import evaluation, features
from course_lib.commands.plan import TRIED
from course_lib.commands.prepare import rows_of, sample
from course_lib.data import label_numbers
from course_lib.evaluation import Predictions
from course_lib.models import Backbone, Classifier, head_from_probe

FREEDOMS = (0.01, 0.1, 1.0)  # of a probe: how large its weights may become
FOLDS = 3
WORTH = 0.98  # of the loss: a larger photo costs time with each inspection, so it has to bring something


def try_sizes(
    index: pd.DataFrame, classes: list[str], backbone: Backbone, sizes: list[int], seed: int, progress: bool
) -> pd.DataFrame:
    """Try probes on photos of several sizes, each judged on photos that it was not trained on.

    They come from training and validation together, because a few validation photos would choose by chance.

    Returns:
        One row for each ``size`` and ``freedom`` of the probe: ``accuracy``, ``loss``, and which is ``chosen``.
    """
    from sklearn.decomposition import PCA
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.preprocessing import StandardScaler

    seen = index[index["split"] != "test"].reset_index(drop=True)
    some = sample(seen, min(TRIED, len(seen)), seed)
    labels, lots = label_numbers(some, classes), some["lot"] if "lot" in some else np.arange(len(some))
    count = min(FOLDS, len(np.unique(lots)), np.bincount(labels).min())
    dealt = StratifiedGroupKFold(max(count, 2), shuffle=True, random_state=seed)
    folds = list(dealt.split(labels, labels, lots)) if count > 1 else []
    rows = []
    for size in sizes:
        inputs = features.extract(some, backbone, size=size, progress=progress)
        # The same photos seen along other axes: no answer changes, but there are no more axes than photos.
        turned = PCA().fit_transform(StandardScaler().fit_transform(inputs))
        rows += [{"size": size, "freedom": freedom} | _judged(turned, labels, folds, freedom) for freedom in FREEDOMS]
    table, best = pd.DataFrame(rows), 0
    for row, loss in enumerate(table["loss"]):
        best = row if loss < WORTH * table["loss"][best] else best
    return table.assign(chosen=[row == best for row in table.index])


def _judged(inputs: np.ndarray, labels: np.ndarray, folds: list, freedom: float) -> dict[str, float]:
    """Accuracy and loss of a probe, out of fold; folds that leave no photo of a class to learn from do not count."""
    right, losses = [], []
    for fit, judged in folds:
        if len(np.unique(labels[fit])) == len(np.unique(labels)):
            said = features.linear_probe(freedom).set_params(standardscaler=None).fit(inputs[fit], labels[fit])
            probabilities = said.predict_proba(inputs[judged])
            right += (said.classes_[probabilities.argmax(axis=1)] == labels[judged]).tolist()
            column = np.searchsorted(said.classes_, labels[judged])
            losses += (-np.log(probabilities[np.arange(len(judged)), column].clip(1e-12))).tolist()
    return {"accuracy": float(np.mean(right or np.nan)), "loss": float(np.mean(losses or np.nan))}


def probe_network(
    index: pd.DataFrame, classes: list[str], backbone: Backbone, size: int, freedom: float, progress: bool
) -> Classifier:
    """A linear classifier on frozen features of the training photos, put into a network of its own."""
    inputs = features.extract(index, backbone, size=size, progress=progress)
    rows, labels = rows_of(index, "train"), label_numbers(index, classes)
    model = Classifier(backbone, len(classes), stages="all")
    head_from_probe(model, features.linear_probe(freedom).fit(inputs[rows], labels[rows]))
    # Several processes on GPUs get a copy each, which must not lie on the first one's GPU.
    return model.cpu()


def chosen(candidates: dict[str, Predictions]) -> tuple[str, Predictions, pd.DataFrame]:
    """The candidate with the lower loss on validation, calibrated there: its name, its predictions, a table of all.

    The loss sees how sure each answer is; the accuracy of few photos would often be a tie.
    """
    calibrated, rows = {}, []
    for name, said in candidates.items():
        # Few photos that are all right would ask for endless certainty.
        temperature = float(np.clip(evaluation.fit_temperature(said.logits, said.labels), 0.25, 4))
        calibrated[name] = said = dataclasses.replace(said, temperature=temperature)
        right = said.probabilities[np.arange(len(said.labels)), said.labels]
        row = evaluation.accuracy_row(name, said.labels, said.probabilities.argmax(axis=1))
        rows.append(row | {"loss": abs(float(np.log(right.clip(1e-12)).mean())), "temperature": temperature})
    table = pd.DataFrame(rows)
    name = table.loc[table["loss"].idxmin(), "model"]
    return name, calibrated[name], table


def test_table(test: Predictions, threshold: float, cost_missed: float) -> pd.DataFrame:
    """Accuracy on the test photos, as decided and, with two classes, at one half."""
    if len(test.classes) > 2:
        decisions = evaluation.decide(test.probabilities)
        return pd.DataFrame([evaluation.accuracy_row("most probable class", test.labels, decisions)])
    rows = []
    for value in dict.fromkeys([threshold, 0.5]):
        judged = (test.labels, test.positive, value)
        row = evaluation.accuracy_row(f"threshold {value:.2f}", test.labels, evaluation.decide(test.positive, value))
        row["missed"] = evaluation.missed_defect_rate(*judged)
        row["overkill"] = evaluation.overkill_rate(*judged)
        row["cost"] = evaluation.expected_cost(*judged, cost_missed, 1.0)
        rows.append(row)
    return pd.DataFrame(rows)
