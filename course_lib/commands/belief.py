"""Can a result be believed? What was looked at before: `train` says it, and its report begins with it (lesson 10)."""

from collections.abc import Mapping, Sequence

import pandas as pd

from course_lib.checks import NO_PICTURE

ENOUGH = 30  # photos of a class below which a result says little
FEW_TEST = 10  # test photos of a class of which each one moves the result by a tenth or more
TOLD = ("told by the file", "told by the light")


def belief(
    index: pd.DataFrame,
    classes: Sequence[str],
    findings: pd.DataFrame,
    left_out: Mapping[str, str],
    passed_over: Sequence[str] = (),
) -> pd.DataFrame:
    """What was looked at, what was found, and what it means for the result: one row for each question.

    Args:
        index: the photos that are used, with the column ``split``, and ``lot`` where lots are known.
        classes: class names.
        findings: of `course_lib.checks.check_folder`.
        left_out: photos that are not used, and why.
        passed_over: what the structure of the folder and its table made unusable, in sentences.

    Example:
        >>> index = pd.DataFrame({"path": ["a", "b"], "label": ["good", "bad"], "split": ["train", "test"]})
        >>> none = pd.DataFrame(columns=["path", "problem", "detail", "original"])
        >>> belief(index, ["good", "bad"], none, {})["found"].tolist()[0]
        'good: 1 (0 of them for the test); bad: 1 (1 of them for the test)'
    """
    used = set(index["path"])
    rows = [
        ("Photos per class", *_counts(index, classes)),
        ("Lots", *_lots(index)),
        ("Near duplicates between parts", *_copies(index, findings)),
        ("Facts of the files, and light", *_told(findings)),
        ("Photos that need a look", *_doubtful(findings, used)),
        ("Left out", *_left_out(left_out, passed_over, findings[~findings["path"].isin(used | set(left_out))])),
    ]
    return pd.DataFrame(rows, columns=["looked at", "found", "what it means"])


def _counts(index: pd.DataFrame, classes: Sequence[str]) -> tuple[str, str]:
    photos = index["label"].value_counts().reindex(classes, fill_value=0)
    test = index.loc[index["split"] == "test", "label"].value_counts().reindex(classes, fill_value=0)
    found = "; ".join(f"{name}: {photos[name]} ({test[name]} of them for the test)" for name in classes)
    if photos.min() < ENOUGH or test.min() < FEW_TEST:
        few = "Few: one photo more or less moves the result much. Read the interval, not the number; add photos."
        return found, few
    return found, "Enough to begin with; the interval beside each number says how sure it is."


def _lots(index: pd.DataFrame) -> tuple[str, str]:
    if "lot" in index:
        counts = index["lot"].value_counts()
        some = ", ".join(f"{lot} ({count} photos)" for lot, count in counts.head(5).items())
        found = f"{len(counts)} lots are known, such as {some}; each is in one part only"
        return found, "The result holds for lots that the model has not seen."
    return "no lots are known", (
        "Photos of one lot, day or piece may be in training and test; then new lots do worse. Name the lots with "
        "--lot-pattern or a column lot in index.csv."
    )


def _copies(index: pd.DataFrame, findings: pd.DataFrame) -> tuple[str, str]:
    pairs, split = findings[findings["problem"] == "near duplicate"], index.set_index("path")["split"]
    both = pairs["path"].map(split), pairs["original"].map(split)
    if alike := (both[0].notna() & both[1].notna() & (both[0] != both[1])).sum():
        return f"{alike} times in two parts", "The test knows some photos nearly from training: the result may flatter."
    return "none", "No test photo is nearly one that the model has learned from."


def _told(findings: pd.DataFrame) -> tuple[str, str]:
    told = findings.loc[findings["problem"].isin(TOLD), "detail"]
    if len(told):
        return "; ".join(told), (
            "The model may have learned the camera, format or light in place of the defect. Do not believe the result "
            "before all classes were taken in the same way."
        )
    return "they tell no classes apart", "Found only for classes of 6 photos or more; a background can still tell."


def _doubtful(findings: pd.DataFrame, used: set[str]) -> tuple[str, str]:
    words = {"two labels": "look like a photo of another class", "blurred": "are blurred"}
    words |= dict.fromkeys(NO_PICTURE, "show nothing but black, grey or white")
    words["odd mode"] = "have more than 8 bit, and their brightness depends on their largest value"
    deep = (findings["problem"] != "odd mode") | findings["detail"].str.match("16 bit|decimal")
    seen = findings[findings["path"].isin(used) & findings["problem"].isin(words) & deep]
    if seen.empty:
        return "none", "No used photo is empty, blurred, or nearly one of another class."
    groups = seen.groupby(seen["problem"].map(words), sort=False)["path"].unique()
    found = "; ".join(f"{len(paths)} {why}, such as {paths[0]}" for why, paths in groups.items())
    meaning = "They were used. A wrong label or an empty photo counts as a mistake, or teaches one; check names each."
    return found, meaning


def _left_out(left_out: Mapping[str, str], passed_over: Sequence[str], others: pd.DataFrame) -> tuple[str, str]:
    foreign = others.loc[others["problem"].isin(["unsupported format", "wrong ending"]), "path"].tolist()
    found = [f"{len(left_out)} photos, the first is {next(iter(left_out))}"] if left_out else []
    found += [f"{len(foreign)} files of another format or ending, the first is {foreign[0]}"] if foreign else []
    found += [sentence.removeprefix("Left out: ").rstrip(".") for sentence in passed_over]
    if not found:
        return "nothing", "The result is about all photos of the folder."
    return "; ".join(found), "The result says nothing about these; check names each of them, and the reason."
