"""The report: one file, whole without a network, with the numbers that the library computes."""

import base64
import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_lib import evaluation, plots
from course_lib.data import index_folder, label_numbers
from course_lib.errors import CourseError
from course_lib.evaluation import Predictions, report

pytestmark = pytest.mark.usefixtures("few_draws")

TITLE = "Cells <script>alert(1)</script>"


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Predictions:
    """Twenty photos that a model judges well, but not always rightly."""
    folder, generator = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number in range(20):
        file = folder / ("defective", "functional")[number % 2] / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(generator.integers(0, 255, (40, 40), dtype=np.uint8)).save(file)
    (folder / "LICENCE.txt").write_text("CC BY 4.0, A. Author")
    index = index_folder(folder)
    labels = label_numbers(index)
    logits = generator.normal(0, 1.5, (len(labels), 2)) + np.eye(2)[labels] * 2
    return Predictions(logits, labels, index)


def both(side: Predictions) -> dict[str, Predictions]:
    """The same predictions for validation and test, so that a test can compute what it expects."""
    return {"validation": side, "test": side}


@pytest.fixture(scope="module")
def html(side: Predictions, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of one split, written once for the tests that only read it."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    report({"random split": both(side)}, path, title=TITLE, cost_missed=7, cost_overkill=2)
    return path.read_text(encoding="utf-8")


class Seen(HTMLParser):
    """All tags with their attributes, and all text."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def test_everything_lies_inside_the_file(html: str) -> None:
    seen = Seen(html)
    sources = [a for _, attributes in seen.tags for a in attributes.items() if a[0] in ("src", "href")]
    assert sources and all(value.startswith("data:image/png;base64,") for _, value in sources)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in seen.tags}
    for _, value in sources:
        Image.open(BytesIO(base64.b64decode(value.split(",")[1]))).verify()


def test_each_picture_and_each_table_says_what_it_is(html: str) -> None:
    seen = Seen(html)
    pictures = [attributes for tag, attributes in seen.tags if tag == "img"]
    assert len(pictures) >= 5 and all(len(picture["alt"]) > 20 for picture in pictures)
    tags = [tag for tag, _ in seen.tags]
    assert tags.count("table") == tags.count("caption") == 5
    assert tags.count("h1") == 1


def test_the_numbers_are_those_of_the_library(side: Predictions, html: str) -> None:
    probabilities = evaluation.softmax(side.logits)[:, 1]
    threshold = evaluation.choose_threshold(side.labels, probabilities, 7, 2)
    for table in (
        evaluation.inspection_table(side.labels, probabilities),
        evaluation.inspection_table(side.labels, probabilities, threshold),
        evaluation.cost_table(side.labels, probabilities, threshold, 7, 2),
    ):
        for row in table.itertuples(index=False):
            numbers = [f"{value:.3f}" for value in row[1:]]
            cells = "".join(rf"\s*<td>{number}</td>" for number in numbers)
            assert re.search(rf"<td>{row[0]}</td>{cells}", html), row
    assert "A missed defect costs 7, a good part that is rejected 2." in html


def test_the_surest_mistakes_are_shown(side: Predictions, html: str) -> None:
    wrong = int((side.logits.argmax(1) != side.labels).sum())
    captions = re.findall("<figcaption>(.*?)</figcaption>", html)
    assert len(captions) == wrong > 0
    assert not any("the experts doubted" in caption for caption in captions)


@pytest.mark.slow
def test_splits_stand_side_by_side_and_doubted_photos_are_marked(side: Predictions, tmp_path: Path) -> None:
    stated = side.index.assign(defect_probability=1 / 3)
    stated.attrs = side.index.attrs
    sides = {"random split": both(replace(side, index=stated)), "lot split": both(side)}
    text = report(sides, tmp_path / "report.html", mistakes=2).read_text(encoding="utf-8")

    (first,) = re.findall(r"Accuracy at threshold 0\.5.*?</table>", text, re.DOTALL)
    assert first.count("random split") == first.count("lot split") == 1
    assert re.findall("<h2>(.*?)</h2>", text)[:2] == ["Random split", "Lot split"]
    captions = re.findall("<figcaption>(.*?)</figcaption>", text)
    assert len(captions) == 2 and all("the experts doubted" in caption for caption in captions)


def test_names_are_text_and_never_code(html: str) -> None:
    assert "<script" not in html and "Cells &lt;script&gt;" in html


def test_the_licence_of_the_photos_stands_in_the_report(html: str) -> None:
    assert "CC BY 4.0, A. Author" in html


@pytest.mark.slow
def test_the_same_report_is_the_same_bytes(side: Predictions, html: str, tmp_path: Path) -> None:
    again = report({"random split": both(side)}, tmp_path / "again.html", title=TITLE, cost_missed=7, cost_overkill=2)
    assert again.read_text(encoding="utf-8") == html


def test_what_cannot_be_reported_is_one_sentence(side: Predictions, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="at least one split"):
        report({}, tmp_path / "report.html")
    assert list(tmp_path.glob("*.html")) == []


def test_three_classes_have_a_table_of_what_each_was_taken_for(side: Predictions, tmp_path: Path) -> None:
    labels = np.arange(20) % 3
    says = np.where(np.arange(20) < 6, 0, labels)
    three = Predictions(np.eye(3)[says], labels, side.index, ["crack", "<dent>", "good"])
    page = report({"random split": both(three)}, tmp_path / "r.html", facts=["1 < 2"]).read_text(encoding="utf-8")
    assert "Accuracy of the most probable class" in page and "What mistakes cost" not in page
    dent = [r"&lt;dent&gt;", f"{5 / 7:.3f}", "2", "5", "0"]
    assert re.search("".join(rf"<td>{cell}</td>\s*" for cell in dent), page)
    assert "<p>1 &lt; 2</p>" in page


@pytest.mark.slow
def test_facts_stand_at_the_end(side: Predictions, tmp_path: Path) -> None:
    facts = [plots.heading("Facts"), "made of <b>"]
    page = report({"random split": both(side)}, tmp_path / "r.html", facts=facts).read_text(encoding="utf-8")
    assert page.index("The photos</h2>") < page.index("<h2>Facts</h2>") < page.index("<p>made of &lt;b&gt;</p>")


@pytest.mark.slow
def test_the_threshold_of_an_inspector_is_the_one_that_is_shown(side: Predictions, tmp_path: Path) -> None:
    for threshold, words in ((0.5, "0.50"), (0.25, "0.25")):
        path = report({"random split": both(side)}, tmp_path / "r.html", title="r", threshold=threshold)
        page = path.read_text(encoding="utf-8")
        assert f"the threshold used is {words}" in page
        assert page.count("Measures at threshold") == (1 if threshold == 0.5 else 2)


def captions(page: str) -> list[str]:
    return re.findall("<figcaption>(.*?)</figcaption>", page)


@pytest.mark.slow
def test_the_surest_mistakes_are_those_of_the_inspectors_own_threshold(side: Predictions, tmp_path: Path) -> None:
    path = report({"random split": both(side)}, tmp_path / "r.html", threshold=0.09, mistakes=20)
    page = path.read_text(encoding="utf-8")
    wrong = (evaluation.softmax(side.logits)[:, 1] >= 0.09) != (side.labels == 1)
    assert len(captions(page)) == wrong.sum()
    assert "At threshold 0.09" in page


@pytest.mark.slow
def test_the_calibration_of_an_inspector_is_shown_before_and_after(side: Predictions, tmp_path: Path) -> None:
    inspector = replace(side, temperature=3.0)
    page = report({"lot split": both(inspector)}, tmp_path / "r.html", threshold=0.5).read_text(encoding="utf-8")
    for name, temperature in (("as trained", 1.0), ("temperature 3.00, as used above", 3.0)):
        probabilities = evaluation.softmax(side.logits, temperature)[:, 1]
        error = evaluation.expected_calibration_error(side.labels, probabilities)
        assert re.search(rf"<td>{name}</td>\s*<td>{error:.3f}</td>", page), name
    cost = evaluation.expected_cost(side.labels, evaluation.softmax(side.logits, 3.0)[:, 1], 0.5)
    assert f"at 0.5 it costs {cost:.2f}" in page
    said = evaluation.softmax(side.logits, 3.0)[:, 1]
    assert all(any(f"says {p:.2f} " in words for p in said) for words in captions(page))


@pytest.mark.filterwarnings("error:Glyph")
@pytest.mark.parametrize("classes", [["daisy", "<rose>"], ["良品", "不良品"], ["$a", "b$\\x"]])
def test_classes_are_called_by_their_names(side: Predictions, tmp_path: Path, classes: list[str]) -> None:
    named = replace(side, classes=classes)
    page = report({"random split": both(named)}, tmp_path / "r.html").read_text(encoding="utf-8")
    good, defect = (escape(name) for name in classes)
    assert f'<th scope="col">always {good}</th>' in page and f"always answers “{good}”" in page
    assert f"of them {defect}." in page and f"A photo of “{defect}” that passes" in page
    assert all(f"{defect}" in words for words in captions(page))
    assert not re.search("(always|says|is|“) ?functional", page) and "<rose>" not in page


def test_it_does_not_say_that_each_threshold_was_chosen_on_validation(html: str) -> None:
    assert "thresholds from there, or from the costs of the mistakes alone" in html
