"""Whoever writes questions: all faults at once and never a traceback, a format guide, a schema, a bank to begin with."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from notebook_samples import REAL_PROJECT
from PIL import Image

from course_lib.errors import CourseError
from course_lib.quiz import show
from course_lib.quiz.bank import load_bank
from course_lib.quiz.cli import main
from course_lib.quiz.export import export
from course_lib.quiz.grading import right_answer
from course_lib.quiz.kinds import KINDS
from course_lib.quiz.kinds.hotspot import read_photo
from course_lib.quiz.new_bank import SCHEMA, new_bank
from course_lib.quiz.release import release
from course_lib.quiz.schema import json_schema, parse_bank
from course_lib.quiz.soundness import check_folder

QUIZZES = REAL_PROJECT / "quizzes"
EXAMPLES = REAL_PROJECT / "course_lib" / "quiz" / "template.yaml"


def examples() -> dict[str, Any]:
    return dict(yaml.safe_load(EXAMPLES.read_text("utf-8")))


def of(content: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(item for item in content["questions"] if item["type"] == kind)


def faults_of(content: Any, name: str = "11_mine.yaml") -> list[str]:
    try:
        parse_bank(content, name)
    except CourseError as error:
        return str(error).splitlines()
    return []


def write(folder: Path, content: Any, name: str = "11_mine.yaml") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    return path


# ---- one fault, one sentence ---------------------------------------------------------------

Spoil = Callable[[dict[str, Any]], Any]
FAULTS: dict[str, tuple[Spoil, str]] = {
    "a word for yes": (lambda bank: of(bank, "single")["options"][1].update(right="no"), "entry 2 of 'options'.*false"),
    "an id with a blank": (lambda bank: bank["questions"][0].update(id="設問 1"), "'設問 1'.*letters, digits"),
    "an id that is a number": (lambda bank: bank["questions"][0].update(id=7), "number 1.*has the id 7"),
    "lesson 12 in file 11": (lambda bank: bank.update(lesson=12), "is of lesson 12; name the file 12_"),
    "an unknown key of the bank": (lambda bank: bank.update(retried=[]), "unknown key 'retried'"),
    "an unknown key of an option": (
        lambda bank: of(bank, "single")["options"][0].update(correct=True),
        "'correct' in entry 1 of 'options'",
    ),
    "an unknown key of a photo": (lambda bank: of(bank, "hotspot")["photo"].update(size=3), "'size' in 'photo'"),
    "an unknown key of a text": (lambda bank: bank["questions"][0]["prompt"].update(fr="Quoi"), "'fr' in 'prompt'"),
    "full-width quotes": (lambda bank: bank["questions"][0]["prompt"].update(ja="“何ですか”"), "typographic.*“…”"),
    "squares that are numbers": (
        lambda bank: of(bank, "hotspot")["photo"]["regions"][0].update(squares=[1, 2]),
        "entry 1 of 'regions', has a square that is no pair",
    ),
    "no squares": (lambda bank: of(bank, "hotspot")["photo"]["regions"][1].pop("squares"), "has no list 'squares'"),
    "a word for a tolerance": (lambda bank: of(bank, "numeric")["answer"].update(tolerance="abc"), "no number 'tol"),
    "no finite number": (lambda bank: of(bank, "numeric")["answer"].update(value=float("nan")), "no number 'value'"),
    "arguments without brackets": (
        lambda bank: of(bank, "code")["code"]["cases"][0].update(arguments=1),
        "entry 1 of 'cases', has no list 'arguments'",
    ),
    "retired without brackets": (lambda bank: bank.update(retired=5), "has no list 'retired'"),
    "a language that is not there": (lambda bank: bank.update(language="fr"), "language 'fr'"),
    "a text in one language": (lambda bank: bank.update(title="Mine"), "no 'en' text in 'title'"),
    "a photo outside": (lambda bank: of(bank, "hotspot")["photo"].update(file="../a.png"), "outside of its folder"),
    "a photo of a kind that no browser shows": (
        lambda bank: of(bank, "hotspot")["photo"].update(file="a.tif"),
        "'a.tif'.*png",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_place_and_cure(fault: str) -> None:
    spoil, told = FAULTS[fault]
    content = examples()
    assert faults_of(content) == []
    spoil(content)
    found = faults_of(content)
    assert any(re.search(told, line) for line in found), found
    assert all("11_mine.yaml" in line and "; " in line and line.endswith(".") for line in found)
    assert len(found) <= 2, found


def test_all_faults_of_a_bank_are_named_at_once() -> None:
    content = examples()
    names = [
        name for name in FAULTS if name not in ("an id that is a number", "a photo of a kind that no browser shows")
    ]
    for name in names:
        FAULTS[name][0](content)
    found = "\n".join(faults_of(content))
    for name in names:
        assert re.search(FAULTS[name][1], found), name


ODD: tuple[Any, ...] = (None, 5, -1.5, True, "word", "", [], [1, 2], {}, {"a": 1}, [[]], [{"en": 1}])


def places(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield from places(value, (*path, key))


@pytest.mark.slow
def test_nothing_in_a_bank_ends_in_a_traceback() -> None:
    content = examples()
    for *way, last in places(content):
        for odd in ODD:
            spoilt = copy.deepcopy(content)
            part = spoilt
            for key in way:
                part = part[key]
            part[last] = odd
            for line in faults_of(spoilt):  # anything else than a CourseError fails here
                assert line.endswith("."), (way, last, odd)


# ---- a folder ------------------------------------------------------------------------------


def test_files_that_would_not_be_read_are_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("7_x.yaml", "12_x.yml", "013_x.yaml", "mine.yaml", "11_mine.yaml"):
        write(tmp_path, examples(), name)
    assert main(["check", "--banks", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    for name, wanted in {"7_x.yaml": "07_x", "12_x.yml": "12_x", "013_x.yaml": "13_x", "mine.yaml": "07_name"}.items():
        assert re.search(rf"^{re.escape(name)} is not read.*{wanted}\.yaml\.$", told, re.MULTILINE)
    assert "4 faults; 1 banks with 6 questions could be read." in told


def test_faults_of_all_files_are_told_together(tmp_path: Path) -> None:
    write(tmp_path, {"lesson": 12}, "12_empty.yaml")
    (tmp_path / "13_broken.yaml").write_text("a: [", "utf-8")
    write(tmp_path, examples(), "11_one.yaml")
    write(tmp_path, examples(), "11_two.yaml")
    _, faults = check_folder(tmp_path)
    for told in ("12_empty.*questions", "13_broken.*YAML", "more than one bank", "'11-overkill' stands in 2 banks"):
        assert any(re.search(told, fault) for fault in faults), told


@pytest.mark.parametrize(
    ("solution", "told"),
    [
        ("def overkill(rejected, good):\n    return rejected", "gave 5"),
        ("def overkill(rejected, good)\n    return 1", "SyntaxError"),
        ("def another():\n    pass", "gives no overkill"),
        ("raise SystemExit", "SystemExit"),
    ],
)
def test_a_solution_that_fails_its_own_cases_is_named(tmp_path: Path, solution: str, told: str) -> None:
    content = examples()
    of(content, "code")["code"]["solution"] = solution
    write(tmp_path, content)
    (fault,) = check_folder(tmp_path)[1]
    assert "'11-overkill'" in fault and "solution that is not right" in fault and told in fault


def test_a_typical_mistake_that_is_right_is_named(tmp_path: Path) -> None:
    content = examples()
    code = of(content, "code")["code"]
    code["mistakes"][1]["code"] = code["solution"]
    write(tmp_path, content)
    (fault,) = check_folder(tmp_path)[1]
    assert "mistake number 2" in fault


def with_own_photo(folder: Path, there: bool = True) -> Path:
    content = examples()
    of(content, "hotspot")["photo"]["file"] = "photos/part.jpg"
    if there:
        (folder / "photos").mkdir(parents=True)
        Image.new("RGB", (60, 60), "red").save(folder / "photos" / "part.jpg")
    return write(folder, content)


def test_an_own_photo_lies_beside_its_bank_and_goes_along(tmp_path: Path) -> None:
    bank = load_bank(with_own_photo(tmp_path / "mine"))
    question = bank.question("11-find-the-defect")
    assert check_folder(tmp_path / "mine")[1] == []
    assert question.shown()["photo"].startswith("data:image/jpeg;base64,")
    assert b"data:image/jpeg" in export(bank, "print", "en").content
    for released in release(bank.path, tmp_path / "out"):
        assert read_photo(load_bank(released).question(question.id).photo).startswith(b"\xff\xd8")


def test_a_photo_as_a_camera_writes_it_is_too_large_to_travel(tmp_path: Path) -> None:
    path = with_own_photo(tmp_path)
    (tmp_path / "photos" / "part.jpg").write_bytes(bytes(3_000_000))
    (fault,) = check_folder(tmp_path)[1]
    assert "photo of 3,000,000 bytes; make it smaller" in fault
    with pytest.raises(CourseError, match="make it smaller"):
        release(path, tmp_path / "out")


def test_a_missing_photo_is_named_and_not_released(tmp_path: Path) -> None:
    path = with_own_photo(tmp_path, there=False)
    (fault,) = check_folder(tmp_path)[1]
    assert "'11-find-the-defect'" in fault and "photos/part.jpg" in fault
    with pytest.raises(CourseError, match=r"photos/part\.jpg"):
        release(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ---- one language --------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "other"), [("en", "ja"), ("ja", "en")])
def test_a_class_may_need_only_one_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, other: str
) -> None:
    monkeypatch.setenv("COURSE_QUIZ", str(tmp_path / "answers"))
    path = new_bank(tmp_path / "11_mine.yaml", language)
    both = parse_bank(examples(), "11_both.yaml")
    bank = load_bank(path)
    assert bank.language == language and check_folder(tmp_path)[1] == []
    for one, two in zip(bank.questions, both.questions, strict=True):
        assert one.prompt.en == one.prompt.ja == two.prompt.plain(language)
    assert two.prompt.plain(other) not in path.read_text("utf-8")
    widget = show(11, tmp_path)
    assert widget.language == language
    page = widget._repr_mimebundle_()[0]["text/html"]
    assert page.count("<details") == 1 and f'<details lang="{language}"' in page
    assert export(bank, "html", "both").content.decode().count(one.prompt.html(language)) == 1
    for file in release(path, tmp_path / "out"):
        assert [q.prompt for q in load_bank(file).questions] == [q.prompt for q in bank.questions]
        assert load_bank(file).language == language


# ---- guide, schema, a bank to begin with -----------------------------------------------------


def test_the_guide_has_one_example_of_each_kind_and_each_passes_the_check(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (QUIZZES / "FORMAT.md").read_text("utf-8"), re.DOTALL)
    head, *questions = blocks
    (tmp_path / "11_guide.yaml").write_text(head + "questions:\n" + "".join(questions), "utf-8")
    banks, faults = check_folder(tmp_path)
    assert faults == [] and [question.type for question in banks[0].questions] == list(KINDS)
    plain = re.sub(r"(?m)^  #.*\n", "", EXAMPLES.read_text("utf-8"))
    assert all(block in plain for block in blocks), "the guide shows what `quiz new` writes"


def test_a_new_bank_is_sound_numbered_and_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "mine" / "23_mine.yaml"
    assert main(["new", str(file)]) == 0
    assert main(["check", "--banks", str(file.parent)]) == 0
    bank = load_bank(file)
    assert bank.lesson == 23 and all(question.id.startswith("23-") for question in bank.questions)
    assert {question.type for question in bank.questions} == set(KINDS)
    assert (file.parent / SCHEMA).is_file()
    before = file.read_bytes()
    assert main(["new", str(file)]) == 1 and file.read_bytes() == before
    assert "kept as it is" in capsys.readouterr().err
    assert main(["new", str(tmp_path / "7_mine.yaml")]) == 1 and main(["new", str(file), "--lang", "fr"]) == 1


def test_the_schema_is_the_one_that_the_code_gives() -> None:
    stored = json.loads((QUIZZES / SCHEMA).read_text("utf-8"))
    assert stored == json_schema(), "run: python -m course_lib quiz schema"
    jsonschema.Draft7Validator.check_schema(stored)


BANKS = sorted(QUIZZES.glob("*.yaml"))


@pytest.mark.parametrize("bank", [*BANKS, EXAMPLES], ids=lambda path: path.stem)
def test_the_schema_fits_every_bank_and_each_points_to_it(bank: Path) -> None:
    text = bank.read_text("utf-8")
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA}\n")
    jsonschema.Draft7Validator(json_schema()).validate(yaml.safe_load(text))


SEEN_BY_AN_EDITOR = set(FAULTS) - {
    "lesson 12 in file 11",
    "full-width quotes",
    "no finite number",
    "a text in one language",
    "a photo outside",
    "a photo of a kind that no browser shows",
}


@pytest.mark.parametrize("fault", sorted(SEEN_BY_AN_EDITOR))
def test_the_schema_sees_what_an_editor_can_see(fault: str) -> None:
    content = examples()
    FAULTS[fault][0](content)
    assert not jsonschema.Draft7Validator(json_schema()).is_valid(content)


def test_each_key_of_a_bank_is_explained_to_an_editor_or_speaks_for_itself() -> None:
    text = json.dumps(json_schema())
    for word in ("difficulty", "tolerance", "squares", "reason", "place"):
        assert re.search(rf'"{word}": {{"description": "', text)


def test_right_answers_of_the_examples_are_right() -> None:
    for question in parse_bank(examples(), "11_x.yaml").questions:
        assert question.judge(right_answer(question)).score == 1
