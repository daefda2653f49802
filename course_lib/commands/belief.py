"""Can a result be believed? What `train` looked at before, for the first section of its report (lesson 10)."""

from collections.abc import Mapping, Sequence

import pandas as pd

from course_lib.checks import NO_PICTURE
from course_lib.commands.prepare import ENOUGH, Prepared

FEW_TEST = 10  # test photos of a class of which each one moves the result by a tenth or more
TOLD = ("told by the file", "told by the light")


def belief(made: Prepared) -> pd.DataFrame:
    """What was looked at, what was found, and what it means for the result: one row for each question.

    Args:
        made: from `course_lib.commands.prepare.prepare`.

    Example:
        >>> index = pd.DataFrame({"path": ["a", "b"], "label": ["good", "bad"], "split": ["train", "test"]})
        >>> none = pd.DataFrame(columns=["path", "problem", "detail", "suggested_action"])
        >>> belief(Prepared(index, ["good", "bad"], {}, [], none, [], 0))["found"].tolist()[0]
        'good: 1 (0 of them for the test); bad: 1 (1 of them for the test)'
    """
    used = set(made.index["path"])
    foreign = _foreign(made.findings, used | set(made.left_out))
    rows = [
        ("Photos per class", *_counts(made.index, made.classes)),
        ("Lots", *_lots(made.index)),
        ("Near duplicates between parts", *_copies(made.alike)),
        ("Facts of the files, and light", *_told(made.findings)),
        ("Photos that need a look", *_doubtful(made.findings, used)),
        ("Left out", *_left_out(made.left_out, made.passed_over, foreign)),
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
        found = f"{index['lot'].nunique()} lots are known"
        if (index.groupby("lot")["split"].nunique() > 1).any():
            known = "The result flatters: the model has seen lots that it is tested on."
            return found + "; some are in two parts", known
        return found + "; each is in one part only", "The result holds for lots that the model has not seen."
    return "no lots are known", (
        "Photos of one lot, day or piece may be in training and test; then new lots do worse. Name the lots with "
        "--lot-pattern or a column lot in index.csv."
    )


def _copies(alike: int) -> tuple[str, str]:
    if alike:
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
    seen = findings[findings["path"].isin(used) & findings["problem"].isin(words)]
    if seen.empty:
        return "none", "No used photo is empty, blurred, or nearly one of another class."
    groups = seen.groupby(seen["problem"].map(words), sort=False)["path"].unique()
    found = "; ".join(f"{len(paths)} {why}, such as {paths[0]}" for why, paths in groups.items())
    meaning = "They were used. A wrong label or an empty photo counts as a mistake, or teaches one; check names each."
    return found, meaning


def _foreign(findings: pd.DataFrame, known: set[str]) -> list[str]:
    """Files in the class folders whose format or ending the course does not read."""
    foreign = findings["problem"].isin(["unsupported format", "wrong ending"]) & ~findings["path"].isin(known)
    return findings.loc[foreign, "path"].tolist()


def _left_out(left_out: Mapping[str, str], passed_over: Sequence[str], foreign: Sequence[str]) -> tuple[str, str]:
    found = [f"{len(left_out)} photos, the first is {next(iter(left_out))}"] if left_out else []
    found += [f"{len(foreign)} files of another format or ending, the first is {foreign[0]}"] if foreign else []
    found += [sentence.removeprefix("Left out: ").rstrip(".") for sentence in passed_over]
    if not found:
        return "nothing", "The result is about all photos of the folder."
    return "; ".join(found), "The result says nothing about these; check names each of them, and the reason."
