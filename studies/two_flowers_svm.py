"""Two kinds of flowers: a linear SVM on frozen features, and which labels are doubtful.

    python studies/two_flowers_svm.py --data FOLDER [--backbone vgg16 --weights FILE]

FOLDER has one sub-folder for each of two classes, or the parts train and test with these sub-folders (the
parts are joined: five times another third of all photos is held out). The article with this recipe
(average-pooled VGG16 features, linear SVM, PCA picture) reports 100 % on clean photos of two blossoms.

A label is doubtful if probes that never saw the photo say the other class: the mean of three
out-of-fold probabilities of its own label is below one half. Whether a doubtful label is wrong, a person
must decide: the pictures of these photos are written to ``work/studies``. A test without the doubtful
photos flatters every model, because hard photos with right labels are among them.

Results: studies/results/two_flowers_svm.csv and two_flowers_pca.png. The list of mistakes and doubtful
labels, with pictures, goes to ``work/studies``.
"""

import argparse
from time import perf_counter

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from study_tools import arguments, photo_index, print_and_save, results_folder, run

from course_lib import data, evaluation, features, models
from course_lib.errors import CourseError
from course_lib.paths import shorten, work_folder, write_atomically

FOLDS, REPEATS = 5, 3


def main(given: argparse.Namespace) -> None:
    """Fit, find the doubtful labels, fit without them, draw."""
    index = photo_index(given.data, given.limit).drop(columns="split", errors="ignore")
    names, labels = data.class_names(index), data.label_numbers(index)
    if len(names) != 2:
        raise CourseError(
            f"This study compares two classes but the folder has {len(names)} ({', '.join(names)}); "
            "give a folder with two sub-folders."
        )
    backbone = models.load_backbone(given.backbone, given.weights)
    start = perf_counter()
    inputs = np.array(features.extract(index, backbone, stages="last", size=given.size))
    print(f"{len(index)} photos, {inputs.shape[1]} features each, {perf_counter() - start:.1f} s")

    doubtful = doubtful_labels(inputs, labels, given.seed)
    rows, wrong = [], np.zeros(len(index), dtype=int)
    for seed in range(given.seed, given.seed + given.splits):
        found, mistakes = one_split(inputs, labels, doubtful, seed)
        rows += found
        wrong[mistakes] += 1
    table = pd.DataFrame(rows).rename(columns={"model": "fitted and tested on"})
    summary = table.groupby("fitted and tested on", sort=False)["accuracy"]
    print(summary.agg(["mean", "min", "max"]).round(4).to_string())
    print_and_save(table, "two_flowers_svm", given.limit)

    listed = index[["path", "label"]].assign(times_wrong=wrong, doubtful=doubtful)
    listed = listed[(wrong > 0) | doubtful].sort_values(["doubtful", "times_wrong"], ascending=False, kind="stable")
    print(f"{doubtful.sum()} labels are doubtful, {(wrong > 0).sum()} photos were taken wrongly.")
    print(listed.head(20).to_string(index=False))
    with write_atomically(work_folder() / "studies" / "two_flowers_doubtful.csv") as file:
        listed.to_csv(file, index=False, lineterminator="\n")
    draw_photos(index, listed)
    draw_pca(inputs, labels, names, doubtful, given.limit)


def svm():
    """A linear support vector machine on scaled features, as in the article."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(kernel="linear", C=0.01))


def doubtful_labels(inputs: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Which labels are contradicted by probes that did not see the photo (N,)."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    own = np.zeros(len(labels))
    for repeat in range(REPEATS):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed + 1000 * repeat)
        probe = features.linear_probe()
        found = cross_val_predict(probe, inputs, labels, cv=folds, method="predict_proba")
        own += found[np.arange(len(labels)), labels] / REPEATS
    return own < 0.5


def one_split(inputs: np.ndarray, labels: np.ndarray, doubtful: np.ndarray, seed: int) -> tuple[list[dict], np.ndarray]:
    """Hold out a third; accuracies with and without doubtful labels, and the rows taken wrongly."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(labels))
    train, test = train_test_split(rows, test_size=1 / 3, stratify=labels, random_state=seed)
    # For the fit, the doubtful labels are found among the training photos only: the test stays unseen.
    kept = train[~doubtful_labels(inputs[train], labels[train], seed)]
    sure = test[~doubtful[test]]
    plain = svm().fit(inputs[train], labels[train])
    cleaned = svm().fit(inputs[kept], labels[kept])
    answers = plain.predict(inputs[test])
    cases = [
        ("all, all", test, answers),
        ("all without doubtful, all", test, cleaned.predict(inputs[test])),
        ("both without doubtful", sure, cleaned.predict(inputs[sure])),
    ]
    found = [evaluation.accuracy_row(name, labels[part], guesses) | {"seed": seed} for name, part, guesses in cases]
    return found, test[answers != labels[test]]


def draw_photos(index: pd.DataFrame, listed: pd.DataFrame, most: int = 24) -> None:
    """The doubtful and the mistaken photos with their labels, for a person to decide."""
    figure = new_figure(12, 9)
    for number, (row, facts) in enumerate(listed.head(most).iterrows()):
        axis = figure.add_subplot(4, 6, number + 1)
        axis.imshow(data.read_image(data.photo_path(index, row), "RGB"))
        mark = "doubtful" if facts["doubtful"] else f"wrong {facts['times_wrong']}×"
        axis.set_title(f"label: {facts['label']}\n{mark}", fontsize=8)
        axis.axis("off")
    save(figure, work_folder() / "studies" / "two_flowers_doubtful.png")


def draw_pca(inputs: np.ndarray, labels: np.ndarray, names: list[str], doubtful: np.ndarray, limit: int | None) -> None:
    """All photos in the two directions in which their features differ most."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(inputs)
    points = PCA(2, svd_solver="full").fit_transform(scaled)
    figure = new_figure(7, 5)
    axis = figure.add_subplot()
    for number, colour in enumerate(("#0072B2", "#D55E00")):
        chosen = points[labels == number]
        axis.scatter(chosen[:, 0], chosen[:, 1], s=14, color=colour, label=f"label {names[number]}")
    ring = {"s": 60, "facecolors": "none", "edgecolors": "black", "label": "doubtful label"}
    axis.scatter(points[doubtful, 0], points[doubtful, 1], **ring)
    axis.set_xlabel("first direction")
    axis.set_ylabel("second direction")
    axis.legend()
    save(figure, results_folder(limit) / "two_flowers_pca.png")


def new_figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, file) -> None:
    with write_atomically(file) as temporary:
        figure.savefig(temporary, dpi=80)
    print(f"saved in {shorten(file)}")


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0], "a folder with two kinds of photos")
    parser.add_argument("--backbone", default="efficientnet_lite0", help="any of load_backbone")
    parser.add_argument("--weights", help="file or folder with the weights of the backbone")
    parser.add_argument("--size", type=int, help="pixels; default: the backbone's own")
    parser.add_argument("--splits", type=int, default=5, help="how often a third is held out")
    run(main, parser)
