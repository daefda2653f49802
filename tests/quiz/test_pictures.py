"""A picture in a question: read, refused, shown, released, exported."""

import base64
import io
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest
import quiz_pictures
import yaml
from PIL import Image

from course_lib.errors import CourseError
from course_lib.quiz import show
from course_lib.quiz.bank import load_bank, load_banks
from course_lib.quiz.export import export
from course_lib.quiz.release import release
from course_lib.quiz.soundness import check_folder
from course_lib.quiz.widget import fallback_html

WORDS = {"en": 'Three "waves" & a line', "ja": "3 つの波と 1 本の線"}


@pytest.fixture
def bank_file(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    folder = tmp_path / "banks"
    (folder / "pictures").mkdir(parents=True)
    Image.new("L", (4, 3), 200).save(folder / "pictures" / "waves.png")
    option = {"reason": {"en": "Look.", "ja": "見てください。"}}
    content = {
        "lesson": 11,
        "title": {"en": "Waves", "ja": "波"},
        "objectives": [{"id": "see", "en": "See waves.", "ja": "波を見る。"}],
        "questions": [
            {
                "id": "11-waves",
                "type": "single",
                "objective": "see",
                "difficulty": 1,
                "prompt": {"en": "How many waves?", "ja": "波はいくつですか。"},
                "picture": {"file": "pictures/waves.png", "description": WORDS, "credit": "By A. Person, CC BY 4.0"},
                "options": [
                    {**option, "right": number == 3, "text": {"en": f"{number} waves", "ja": f"{number} つ"}}
                    for number in (1, 2, 3)
                ],
            }
        ],
    }
    file = folder / "11_waves.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


def spoil(bank_file, old, new):
    bank_file.write_text(bank_file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_the_page_gets_the_picture_its_words_and_whose_it_is(bank_file):
    (question,) = show(11, bank_file.parent).content["questions"]
    assert question["picture"]["image"].startswith("data:image/png;base64,")
    assert (question["picture"]["description"], question["picture"]["credit"]) == (WORDS, "By A. Person, CC BY 4.0")
    page = fallback_html(load_bank(bank_file))
    assert "Three &quot;waves&quot; &amp; a line" in page and WORDS["ja"] in page


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("pictures/waves.png", "../waves.png", "outside the folder of its bank"),
        ("pictures/waves.png", "/waves.png", "outside the folder of its bank"),
        ("pictures/waves.png", "pictures/waves.txt", "use one of .png"),
        ("pictures/waves.png", "pictures/wave.png", "put it beside the bank"),
        ("credit:", "owner:", "'owner' in 'picture'"),
    ],
)
def test_a_picture_that_cannot_be_shown_is_refused(bank_file, old, new, told):
    spoil(bank_file, old, new)
    (fault,) = check_folder(bank_file.parent)[1]
    assert "'11-waves'" in fault and told in fault


def test_a_picture_too_large_to_travel_with_the_quiz_is_refused(bank_file):
    (bank_file.parent / "pictures" / "waves.png").write_bytes(bytes(1_000_001))
    (fault,) = check_folder(bank_file.parent)[1]
    assert "make it smaller" in fault
    with pytest.raises(CourseError, match="make it smaller"):
        release(bank_file, bank_file.parent / "graded")


def test_another_picture_makes_another_question_and_a_question_without_one_stays_as_it_was(bank_file):
    (before,) = load_bank(bank_file).questions
    spoil(bank_file, "Three", "Four")
    assert load_bank(bank_file).questions[0].hash != before.hash


def test_a_released_quiz_brings_its_pictures_along(bank_file, tmp_path):
    for path in release(bank_file, tmp_path / "graded"):
        assert load_bank(path).questions[0].picture.content()
    learner = tmp_path / "graded" / "learner"
    (learner / "pictures" / "waves.png").unlink()
    assert "put it beside the bank" in show(11, learner).content["questions"][0]["picture"]["missing"]


@pytest.mark.parametrize("to", ["html", "print", "gift"])
def test_a_page_and_gift_hold_the_picture(bank_file, to):
    page = export(load_bank(bank_file), to, "en").content.decode().replace("\\", "")
    assert 'alt="Three &quot;waves&quot; &amp; a line" src="data:image/png;base64,' in page


def test_moodle_and_canvas_get_the_file(bank_file):
    wanted = (bank_file.parent / "pictures" / "waves.png").read_bytes()
    root = ElementTree.fromstring(export(load_bank(bank_file), "moodle", "en").content)
    text = root.find("question/questiontext")
    assert base64.b64decode(text.findtext("file")) == wanted
    assert 'src="@@PLUGINFILE@@/waves.png"' in text.findtext("text")
    with zipfile.ZipFile(io.BytesIO(export(load_bank(bank_file), "qti", "en").content)) as package:
        assert package.read("waves.png") == wanted
        assert 'href="waves.png"' in package.read("imsmanifest.xml").decode()
        assert "%24IMS-CC-FILEBASE%24/waves.png" in package.read("11_waves.xml").decode()


QUESTIONS = {question.id: question for bank in load_banks() for question in bank.questions}
PICTURED = [question for question in QUESTIONS.values() if question.picture]


def test_fifteen_questions_and_more_show_a_picture_that_is_small_and_described():
    assert len(PICTURED) + sum(question.type == "hotspot" for question in QUESTIONS.values()) >= 15
    for question in PICTURED:
        assert len(question.picture.content()) < 100_000
        assert all(len(text) > 20 for text in question.picture.description.as_dict().values())
        shows_cells = "solar cell" in question.picture.description.en
        assert shows_cells == ("CC BY-NC-SA 4.0" in question.picture.credit), question.id


@pytest.mark.slow
def test_pictures_are_those_that_the_script_draws(tmp_path):
    quiz_pictures.main(tmp_path)
    stored = {path.name: path for path in quiz_pictures.FOLDER.iterdir()}
    assert set(stored) == {path.name for path in tmp_path.iterdir()}
    assert set(stored) == {question.picture.path.name for question in PICTURED}
    for name, path in stored.items():
        old, new = (np.asarray(Image.open(file).convert("L"), float) for file in (path, tmp_path / name))
        assert old.shape == new.shape and np.abs(old - new).mean() < 3, name


def test_intervals_in_the_picture_lie_where_the_key_says():
    above = [quiz_pictures.ends(*run)[0] > quiz_pictures.BASELINE for run in quiz_pictures.RUNS.values()]
    assert above == [option.right for option in QUESTIONS["01-beyond-chance"].options]


def test_numbers_asked_of_a_picture_are_those_drawn():
    losses = quiz_pictures.VALIDATION
    assert QUESTIONS["07-whose-weights"].number.value == 1 + losses.index(min(losses))
    for text in QUESTIONS["07-whose-weights"].picture.description.as_dict().values():
        assert all(str(loss) in text for loss in losses)
    (_, rejected), (missed, _) = quiz_pictures.OUTCOMES
    functional, defective = quiz_pictures.OUTCOMES.sum(axis=1)
    matrix = QUESTIONS["08-overkill-in-a-matrix"].number
    assert matrix.value == 100 * rejected / functional
    assert matrix.mistakes[0].value == 100 * missed / defective
    ahead = [low > 0 for low in (middle - reach for middle, reach in quiz_pictures.DIFFERENCES.values())]
    assert not any(ahead) and QUESTIONS["09-simplest-first"].options[0].right
