"""The ten banks, and the messages a faulty bank gets."""

import copy
import random
import re
from collections import Counter

import pytest
import yaml

from course_lib.errors import CourseError
from course_lib.paths import project_folder
from course_lib.quiz.bank import bank_folder, find_bank, load_bank, load_banks
from course_lib.quiz.grading import grade, reveal, right_answer
from course_lib.quiz.kinds import KINDS
from course_lib.quiz.kinds.code import run_learner_code
from course_lib.quiz.kinds.hotspot import read_photo
from course_lib.quiz.kinds.options import WithOptions
from course_lib.quiz.questions import NOT_ATTEMPTED, RIGHT, WRONG
from course_lib.quiz.schema import fingerprint, parse_bank
from course_lib.quiz.tasks.content import Task, of_lesson

JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
BANKS = load_banks()
QUESTIONS = [question for bank in BANKS for question in bank.questions]


def each_question(*types):
    chosen = [question for question in QUESTIONS if not types or question.type in types]
    return pytest.mark.parametrize("question", chosen, ids=lambda question: question.id)


def texts_of(question):
    yield question.prompt
    yield from (remark.text for remark in reveal(question))
    if isinstance(question, WithOptions):
        yield from (option.text for option in question.options)
    if question.type == "numeric":
        yield from (mistake.reason for mistake in question.number.mistakes)
    if question.type == "hotspot":
        yield question.photo.description
        yield question.photo.elsewhere
    if question.type == "code":
        yield from (mistake.reason for mistake in question.code.mistakes)


def test_every_lesson_has_a_bank_of_at_least_six_questions():
    assert [bank.lesson for bank in BANKS] == list(range(1, 11))
    assert [bank.path.name[:2] for bank in BANKS] == [f"{bank.lesson:02d}" for bank in BANKS]
    assert min(len(bank.questions) for bank in BANKS) >= 6


def test_an_id_is_never_forgotten_so_it_is_never_used_again():
    lines = (bank_folder() / "ids.txt").read_text(encoding="utf-8").splitlines()
    ever_given = [line for line in lines if not line.startswith("#")]
    retired = {identifier for bank in BANKS for identifier in bank.retired}
    now = {question.id for question in QUESTIONS}
    assert not now & retired
    assert len(ever_given) == len(set(ever_given))
    assert now | retired == set(ever_given), (
        "add a new id to quizzes/ids.txt, and put the id of a removed question under 'retired'"
    )


def test_ids_name_their_lesson():
    for bank in BANKS:
        for question in bank.questions:
            assert question.id.startswith(f"{bank.lesson:02d}-")


def test_every_objective_is_tested_and_there_are_three_to_five():
    for bank in BANKS:
        assert 3 <= len(bank.objectives) <= 5
        assert {o.id for o in bank.objectives} == {q.objective for q in bank.questions}


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_every_objective_is_asked_at_least_twice(bank):
    tasks = [task.objective for task in of_lesson(bank.lesson, Task)]
    assert set(tasks) <= {objective.id for objective in bank.objectives}
    asked = Counter([*tasks, *(question.objective for question in bank.questions)])
    assert {objective.id: asked[objective.id] for objective in bank.objectives if asked[objective.id] < 2} == {}


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.path.stem)
def test_objectives_are_those_that_the_lesson_states(bank):
    (source,) = (project_folder() / "lessons" / "source").glob(f"{bank.lesson:02d}_*.py")
    stated = source.read_text(encoding="utf-8").split("## You will be able to")[1]
    stated = stated.split("\n# %%")[0].split("\n\n")[0]
    bullets = [line.removeprefix("# - ") for line in stated.splitlines() if line.startswith("# - ")]
    assert bullets == [objective.text.en for objective in bank.objectives]


def test_every_type_is_used():
    assert {question.type for question in QUESTIONS} == set(KINDS)


def test_closing_lesson_asks_the_three_questions_of_the_source_article():
    names = {question.id for question in BANKS[9].questions}
    assert {"10-purpose-of-augmentation", "10-grid-shuffle", "10-cut-out"} <= names


@each_question()
def test_japanese_is_japanese_and_english_is_not(question):
    for text in texts_of(question):
        assert not JAPANESE.search(text.en), text.en
        only_code = text.ja.startswith("`") and text.ja.endswith("`") and text.ja.count("`") == 2
        only_number = text.ja == text.en and not re.search("[a-zA-Z]", text.ja)
        assert only_code or only_number or JAPANESE.search(text.ja), text.ja
        assert text.en.count("`") % 2 == 0 and text.en.count("`") == text.ja.count("`"), text.en


SINGLES = [question for question in QUESTIONS if question.type == "single"]
# A clause that gives a reason, or stands behind a colon or another full stop.
REASON = {
    "en": re.compile(r"\b(because|since|so that)\b|, (as|for|so|and) |[:;] "),
    "ja": re.compile(r"ので|ため(?![にのな])|(?<=[るたいだうすくむぶつぬ])から|[。：]"),
}


def lengths(question, language):
    return [len(option.text.as_dict()[language].replace("`", "")) for option in question.options]


def of_length(choose):
    """A guess: the options of the length that ``choose`` takes among all."""

    def guess(question, language):
        found = lengths(question, language)
        return {place for place, length in enumerate(found) if length == choose(found)}

    return guess


def with_reason(question, language):
    return {
        place
        for place in question.positions()
        if REASON[language].search(question.options[place].text.as_dict()[language])
    }


def in_place(place):
    """A guess: always the option in one place of the bank (-1: the last one)."""
    return lambda question, language: set(question.positions()[place:][:1])


def without(guess):
    """A guess: any option but those of another guess."""
    return lambda question, language: set(question.positions()) - guess(question, language)


GUESSES = {
    "longest": of_length(max),
    "shortest": of_length(min),
    "not the longest": without(of_length(max)),
    "not the shortest": without(of_length(min)),
    "gives a reason": with_reason,
    "gives no reason": without(with_reason),
    **{f"place {place}": in_place(place) for place in (0, 1, 2, 3, -1)},
}


def rate_of(guess, language):
    """Per cent of the single choices that are right by this guess; where it names none or several, by chance among them."""
    shares = []
    for question in SINGLES:
        chosen = guess(question, language) or set(question.positions())
        shares.append((right_answer(question) in chosen) / len(chosen))
    return 100 * sum(shares) / len(shares)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", GUESSES)
def test_guessing_by_the_look_of_an_option_is_at_most_two_points_above_chance(name, language):
    chance = rate_of(lambda question, language: set(question.positions()), language)
    assert rate_of(GUESSES[name], language) <= chance + 2


def test_a_reason_in_an_option_is_recognised():
    assert REASON["en"].search("0.001, because it is small") and not REASON["en"].search("It falls")
    assert REASON["ja"].search("小さいので 0.001") and REASON["ja"].search("速く着くから 0.01")
    assert not REASON["ja"].search("最初から最後まで") and not REASON["ja"].search("画像から計算した")


@each_question()
def test_right_answer_is_right(question):
    judgement = grade(question, right_answer(question))
    assert (judgement.outcome, judgement.score) == (RIGHT, 1.0)


def wrong_answers(question):
    right = right_answer(question)
    if question.type == "single":
        return [place for place in range(len(question.options)) if place != right]
    if question.type == "multiple":
        every = range(len(question.options))
        subsets = [[i for i in every if bits >> i & 1] for bits in range(1, 2 ** len(every))]
        return [subset for subset in subsets if subset != right]
    if question.type == "ordering":
        swapped = [[*right[:i], right[i + 1], right[i], *right[i + 2 :]] for i in range(len(right) - 1)]
        return [*swapped, right[::-1]]
    if question.type == "numeric":
        number = question.number
        beyond = number.tolerance * 1.01 + 1e-3
        values = [m.value for m in number.mistakes] + [number.value + beyond, number.value - beyond]
        return [f"{value!r}" for value in values] + [f"{number.value!r} furlongs"]
    if question.type == "hotspot":
        return [list(square) for square in question.photo.squares(right=False)]
    return [run_code(mistake.code, question) for mistake in question.code.mistakes]


def run_code(code, question):
    names = {}
    exec(code, names)  # code of the course's own banks, run in its tests only
    return run_learner_code(question, names)


@each_question()
def test_every_wrong_answer_is_wrong_and_is_told_why(question):
    answers = wrong_answers(question)
    assert answers
    for answer in answers:
        judgement = grade(question, answer)
        assert judgement.outcome == WRONG, answer
        assert judgement.score < 1
        assert judgement.remarks, answer


@each_question()
@pytest.mark.parametrize("nothing", [None, "", "  ", []], ids=repr)
def test_no_answer_is_not_a_wrong_answer(question, nothing):
    assert grade(question, nothing).outcome == NOT_ATTEMPTED


@each_question("numeric")
def test_typical_mistakes_get_their_own_reason(question):
    for mistake in question.number.mistakes:
        assert grade(question, f"{mistake.value!r}").remarks[0].text == mistake.reason


@each_question("code")
def test_solution_of_a_code_question_passes(question):
    assert grade(question, run_code(question.code.solution, question)).outcome == RIGHT


@each_question("code")
def test_code_that_is_not_there_yet_or_fails(question):
    assert run_learner_code(question, {}) is None

    def unfinished(*arguments):
        raise NotImplementedError

    def broken(*arguments):
        raise ValueError("no")

    name = question.code.name
    assert grade(question, run_learner_code(question, {name: unfinished})).outcome == NOT_ATTEMPTED
    judgement = grade(question, run_learner_code(question, {name: broken}))
    assert judgement.outcome == WRONG
    assert "ValueError: no" in judgement.remarks[0].text.en


@each_question("hotspot")
def test_photo_of_a_hotspot_is_there_and_credited(question):
    assert read_photo(question.photo).startswith(b"\x89PNG")
    assert "CC BY-NC-SA 4.0" in question.photo.credit


# ---- faulty banks --------------------------------------------------------------------


def good_content():
    return yaml.safe_load(find_bank(1).read_text(encoding="utf-8"))


def question_of(content, kind):
    return next(item for item in content["questions"] if item["type"] == kind)


def faults():
    def two_right(content):
        for option in question_of(content, "single")["options"]:
            option["right"] = True

    def none_right(content):
        for option in question_of(content, "single")["options"]:
            option["right"] = False

    def all_right(content):
        for option in question_of(content, "multiple")["options"]:
            option["right"] = True

    def no_reason(content):
        del question_of(content, "single")["options"][2]["reason"]

    def no_japanese(content):
        del question_of(content, "single")["prompt"]["ja"]

    def empty_japanese(content):
        question_of(content, "single")["options"][0]["text"]["ja"] = " "

    def all_of_the_above(content):
        question_of(content, "single")["options"][0]["text"]["en"] = "All of the above"

    def all_of_the_above_in_japanese(content):
        question_of(content, "single")["options"][0]["text"]["ja"] = "上記のすべて"

    def unknown_objective(content):
        content["questions"][0]["objective"] = "fly"

    def twin_ids(content):
        content["questions"][1]["id"] = content["questions"][0]["id"]

    def reused_id(content):
        content["retired"] = [content["questions"][0]["id"]]

    def unknown_type(content):
        content["questions"][0]["type"] = "essay"

    def misspelt_key(content):
        content["questions"][0]["dificulty"] = 2

    def no_difficulty(content):
        del content["questions"][0]["difficulty"]

    def solved_ordering(content):
        options = question_of(content, "ordering")["options"]
        options.sort(key=lambda option: option["place"])

    def twin_places(content):
        question_of(content, "ordering")["options"][0]["place"] = 1

    def word_for_number(content):
        question_of(content, "numeric")["answer"]["value"] = "many"

    def right_mistake(content):
        question_of(content, "numeric")["answer"]["mistakes"][0]["value"] = 68.75

    def not_a_table(content):
        content["questions"][0] = "a question"

    def no_questions(content):
        del content["questions"]

    return [fault for fault in locals().values()]


@pytest.mark.parametrize("spoil", faults(), ids=lambda fault: fault.__name__)
def test_faulty_bank_is_refused_with_a_message_that_names_it(spoil):
    content = good_content()
    parse_bank(copy.deepcopy(content), "my_bank.yaml")  # sound before it is spoilt
    spoil(content)
    with pytest.raises(CourseError, match=r"my_bank\.yaml") as error:
        parse_bank(content, "my_bank.yaml")
    assert ";" in str(error.value), "the message says what to do"


def test_broken_yaml_and_missing_files_get_one_sentence(tmp_path):
    broken = tmp_path / "01_broken.yaml"
    broken.write_text("lesson: 1\nquestions: [", encoding="utf-8")
    with pytest.raises(CourseError, match=r"01_broken\.yaml"):
        load_bank(broken)
    with pytest.raises(CourseError, match="lesson 3"):
        find_bank(3, tmp_path)
    with pytest.raises(CourseError, match="lesson 99"):
        find_bank(99)


def test_yaml_of_a_bank_cannot_run_code(tmp_path):
    bank = tmp_path / "01_evil.yaml"
    bank.write_text("lesson: !!python/object/apply:os.getcwd []\n", encoding="utf-8")
    with pytest.raises(CourseError, match=r"01_evil\.yaml"):
        load_bank(bank)


def test_an_id_in_two_banks_is_refused(tmp_path):
    for name in ("01_one.yaml", "02_two.yaml"):
        text = find_bank(1).read_text(encoding="utf-8").replace("lesson: 1", f"lesson: {int(name[:2])}")
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match="in 2 banks"):
        load_banks(tmp_path)


def test_photo_of_a_bank_stays_inside_the_package():
    content = yaml.safe_load(find_bank(4).read_text(encoding="utf-8"))
    question_of(content, "hotspot")["photo"]["file"] = "../../secret.png"
    with pytest.raises(CourseError, match="outside"):
        parse_bank(content)


def test_fingerprint_follows_what_the_learner_sees():
    item = question_of(good_content(), "single")
    reworded, corrected = copy.deepcopy(item), copy.deepcopy(item)
    reworded["prompt"]["en"] += " Really?"
    for option in corrected["options"]:
        option["right"] = not option["right"]
        option["reason"]["en"] = "Another reason."
    assert fingerprint(reworded) != fingerprint(item)
    assert fingerprint(corrected) == fingerprint(item)


def test_random_bytes_never_crash_the_reader(tmp_path):
    generator = random.Random(0)
    bank = tmp_path / "01_soup.yaml"
    for _ in range(200):
        bank.write_bytes(generator.randbytes(generator.randrange(1, 200)))
        with pytest.raises(CourseError, match=r"01_soup\.yaml"):
            load_bank(bank)
