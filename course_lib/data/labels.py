"""The classes of an index: their names, their numbers, and which of them is the defect (lesson 2)."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from course_lib.errors import CourseError

# Words for sound and for defective parts, in small letters and without blanks or signs. A class whose
# name holds none of them, or words of both kinds, is not clear: somebody has to say it.
GOOD_WORDS = """
good goods ok okay io functional working pass passed passing normal sound intact perfect fine healthy clean conforming
accept accepted acceptable approved negative none false no undamaged unbroken flawless defectfree faultfree nodefect nodefects
nondefective notdefective noanomaly 良品 良 良好 合格 合格品 正常 正常品 異常なし 異常無し 欠陥なし 欠陥無し 問題なし
"""
BAD_WORDS = """
bad defect defects defective defected def ng nok nio notok notgood fail fails failed failure true yes reject rejects rejected
anomaly anomalies anomalous abnormal faulty fault faults flaw flawed broken damage damaged positive nonconforming scrap error
不良 不良品 不合格 不合格品 異常 異常品 欠陥 欠陥品 破損 故障
"""
GOOD, BAD = frozenset(GOOD_WORDS.split()), frozenset(BAD_WORDS.split())
NEGATIONS = {"no", "not", "non", "un", "without"}
LATIN = "A-Za-z\u00c0-\u024f"


def same_name(name: str) -> str:
    """A name as names are compared: one form of its accents, wide letters made narrow, no capitals.

    Example:
        >>> same_name(" ＯＫ"), same_name("Groß") == same_name("GROSS")
        ('ok', True)
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", str(name)).casefold()).strip()


def words_of(name: str) -> list[str]:
    """The words of a folder's name, in small letters; digits and signs part them.

    Example:
        >>> words_of("Grade1_NotGood"), words_of("NG品")
        (['grade', 'not', 'good'], ['ng', '品'])
    """
    name = unicodedata.normalize("NFKC", str(name))
    # "NotGood", "OKParts" and "NG品" have two words each.
    parted = re.sub(
        rf"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[{LATIN}])(?=[^\W\d_{LATIN}])|(?<=[^\W\d_{LATIN}])(?=[{LATIN}])",
        " ",
        name,
    )
    return re.findall(r"[^\W\d_]+", same_name(parted))


def kind_of_class(name: str) -> str:
    """What the words of a class name say: "good", "bad", "unknown", or "unclear" for words of both kinds."""
    words = words_of(name)
    for kind, known in (("good", GOOD), ("bad", BAD)):
        if "".join(words) in known:
            return kind
    good, bad = GOOD & set(words), BAD & set(words)
    if (good and bad) or NEGATIONS & set(words):  # "not yet good" may mean anything
        return "unclear"
    return "good" if good else "bad" if bad else "unknown"


def positive_class(classes: Iterable[str], wanted: str | None = None) -> str:
    """The class that is looked for, which is the defect: the one rule of the course.

    Args:
        classes: names of the classes.
        wanted: the learner's choice; capitals, accents and wide letters do not matter.

    Raises:
        CourseError: the wanted class is not there, or the names do not tell which one it is.

    Example:
        >>> positive_class(["OK", "NG"]), positive_class(["scratch", "good"]), positive_class(["良品", "不良品"])
        ('NG', 'scratch', '不良品')
        >>> positive_class(["daisy", "rose"], wanted="Rose")
        'rose'
        >>> positive_class(["daisy", "rose"])
        Traceback (most recent call last):
        course_lib.errors.CourseError: Nothing in the class names daisy, rose tells which of them is \
the defect; say it with --positive (positive=…), such as --positive daisy, or call the folder of the sound parts 'good'.
    """
    names = sorted(set(classes))
    if wanted is not None:
        found = {wanted} & set(names) or {name for name in names if same_name(name) == same_name(wanted)}
        if len(found) != 1:
            raise CourseError(f"The positive class '{wanted}' is not there; the classes are {', '.join(names)}.")
        return found.pop()
    kinds = {name: kind_of_class(name) for name in names}
    bad = [name for name in names if kinds[name] == "bad"]
    if len(bad) == 1:
        return bad[0]
    if sorted(kinds.values()) == ["good", "unknown"]:  # beside "good", the other one may have any name
        return next(name for name in names if kinds[name] == "unknown")
    if len(names) == 2 and all(name.isdecimal() for name in names):  # 0 and 1: by an old custom, 1 is looked for
        return max(names, key=int)
    raise CourseError(
        f"Nothing in the class names {', '.join(names)} tells which of them is the defect; say it with "
        f"--positive (positive=…), such as --positive {names[0]}, or call the folder of the sound parts 'good'."
    )


def good_class(classes: Iterable[str], positive: str | None = None) -> str:
    """The class of the good parts; all others are defects, of which there may be several or none.

    Args:
        classes: names of the classes.
        positive: the defect, where there are two and their names do not tell; see `positive_class`.

    Raises:
        CourseError: the names do not tell which class is the good one.

    Example:
        >>> good_class(["scratch", "good", "dent"]), good_class(["rose", "tulip"], positive="rose"), good_class(["screws"])
        ('good', 'tulip', 'screws')
    """
    names = sorted(set(classes))
    kinds = {name: kind_of_class(name) for name in names}
    good = [name for name in names if kinds[name] == "good" or (len(names) == 1 and kinds[name] != "bad")]
    if len(good) != 1 or positive is not None:
        bad = positive_class(names, positive)
        good = [name for name in names if name != bad]
    if len(good) != 1:
        raise CourseError(f"Which of the classes {', '.join(names)} holds the good parts? Call its folder 'good'.")
    return good[0]


def class_names(index: pd.DataFrame, positive: str | None = None) -> list[str]:
    """The classes in the order of their numbers: the positive class last, where the names tell it.

    Where they do not, the alphabet decides the order; ask `positive_class` before you call the
    last one a defect.

    Args:
        index: table of photos.
        positive: see `positive_class`.

    Example:
        >>> class_names(pd.DataFrame({"label": ["defective", "functional"]}))
        ['functional', 'defective']
    """
    names = sorted(index["label"].unique())
    try:
        last = positive_class(names, positive)
    except CourseError:
        if positive is not None:
            raise
        return names
    return [*(name for name in names if name != last), last]


def label_numbers(index: pd.DataFrame, classes: Sequence[str] | None = None) -> np.ndarray:
    """Labels as numbers, for a model: shape (N,), int64, 1 for defective.

    Args:
        index: table of photos.
        classes: names in the order of their numbers; by default that of `class_names`.

    Raises:
        CourseError: a label is not among the classes.

    Example:
        >>> index = pd.DataFrame({"label": ["functional", "defective"]})
        >>> label_numbers(index), label_numbers(index, ["defective", "functional"])
        (array([0, 1]), array([1, 0]))
    """
    classes = class_names(index) if classes is None else classes
    numbers = index["label"].map({name: number for number, name in enumerate(classes)})
    if numbers.isna().any():
        unknown = index["label"][numbers.isna()].iloc[0]
        raise CourseError(f"The label '{unknown}' is not one of the classes {', '.join(classes)}; add it to them.")
    return numbers.to_numpy(dtype=np.int64)


def label_probabilities(index: pd.DataFrame) -> np.ndarray:
    """How probable each class is for each photo: float32 (N, classes), rows sum to 1.

    Where experts gave ``defect_probability``, their doubt is kept: a cell that two of three call
    defective counts two thirds for "defective". Elsewhere the label has probability 1.

    Example:
        >>> index = pd.DataFrame({"label": ["functional", "defective"]})
        >>> label_probabilities(index)
        array([[1., 0.],
               [0., 1.]], dtype=float32)
        >>> label_probabilities(index.assign(defect_probability=[0.25, 1.0]))
        array([[0.75, 0.25],
               [0.  , 1.  ]], dtype=float32)
    """
    classes = class_names(index)
    if "defect_probability" in index and classes == ["functional", "defective"]:
        stated = pd.to_numeric(index["defect_probability"], errors="coerce")
        if (index["defect_probability"].notna() & ~stated.between(0, 1)).any():
            raise CourseError(
                "The column defect_probability of index.csv needs numbers from 0 to 1; mend it, or remove the column."
            )
        defective = stated.to_numpy(dtype=np.float32)
        # A photo that came without an expert's probability keeps its label.
        defective = np.where(np.isnan(defective), label_numbers(index), defective)
        return np.stack([1 - defective, defective], axis=1).astype(np.float32)
    return np.eye(len(classes), dtype=np.float32)[label_numbers(index)]
