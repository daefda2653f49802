"""The plan of a training: it keeps to the time, and says what it will do."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from course_lib import splits
from course_lib.commands import plan as planning
from course_lib.commands.plan import Plan, announcement, make_plan
from course_lib.commands.prepare import TrainingOptions
from course_lib.errors import CourseError
from course_lib.models import Backbone, load_backbone, weights_hash

pytestmark = pytest.mark.usefixtures("work", "one_thread")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone()


@pytest.fixture
def index(index: pd.DataFrame) -> pd.DataFrame:
    """Twenty small photos with a split."""
    return splits.random_split(index, validation=0.2)


@pytest.mark.slow
def test_the_plan_keeps_to_the_time_and_is_kept(index: pd.DataFrame, backbone: Backbone, tmp_path: Path) -> None:
    before = weights_hash(backbone)
    plans = {}
    for minutes in (0.001, 60):
        folder = tmp_path / str(minutes)
        folder.mkdir()
        plans[minutes] = make_plan(index, 2, backbone, TrainingOptions(minutes), folder)
        assert make_plan(index, 2, backbone, TrainingOptions(minutes), folder) == plans[minutes]
    assert plans[0.001].epochs == 0 and plans[0.001].probe_sizes == [64]
    assert plans[60].epochs > 0 and plans[60].probe_seconds + plans[60].seconds < 3600
    assert weights_hash(backbone) == before, "measuring has changed the backbone"


def test_a_damaged_plan_is_made_anew(index: pd.DataFrame, backbone: Backbone, tmp_path: Path, speed: None) -> None:
    (tmp_path / "plan.json").write_text('{"photos": 1')
    plan = make_plan(index, 2, backbone, TrainingOptions(0.1), tmp_path)
    assert plan.photos == len(index)
    assert make_plan(index, 2, backbone, TrainingOptions(0.1), tmp_path) == plan


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer of eight cores whose speed is known."""
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    monkeypatch.setattr(planning, "look_at_photos", lambda _: (1e-3, 200))
    monkeypatch.setattr(planning, "_seconds_per_pixel", lambda *_: (1e-7, 1e-6))
    monkeypatch.setattr("course_lib.device.cores", lambda: 8)


def plan_for_thousand(
    backbone: Backbone, folder: Path, processes: int = 1, minutes: float = 5, size: int | None = None
) -> Plan:
    index = pd.DataFrame({"split": ["train"] * 700 + ["validation"] * 150 + ["test"] * 150})
    folder.mkdir(exist_ok=True)
    return make_plan(index, 2, backbone, TrainingOptions(minutes, size=size), folder, processes)


def test_a_resumed_training_computes_in_the_precision_that_it_began_with(
    backbone: Backbone, tmp_path: Path, speed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan_for_thousand(backbone, tmp_path / "cpu").precision == "float32"
    monkeypatch.setattr("course_lib.device.quick_precision", lambda: "bfloat16")
    plan = plan_for_thousand(backbone, tmp_path / "plan")
    assert plan.precision == "bfloat16"
    monkeypatch.setattr("course_lib.device.quick_precision", lambda: "float32")
    assert plan_for_thousand(backbone, tmp_path / "plan") == plan


@pytest.mark.parametrize(("cores", "times"), [(8, 2), (2, 2), (1, 1)])
def test_two_processes_do_twice_as_much_in_the_same_time_if_each_has_a_core(
    backbone: Backbone, tmp_path: Path, speed: None, monkeypatch: pytest.MonkeyPatch, cores: int, times: int
) -> None:
    monkeypatch.setattr("course_lib.device.cores", lambda: cores)
    one, two = (plan_for_thousand(backbone, tmp_path / str(count), count) for count in (1, 2))
    assert one.size == two.size == 224 and 0 <= two.epochs - times * one.epochs < times
    assert 0.6 * 300 < two.seconds + two.probe_seconds < 300


def test_two_thirds_of_the_stages_may_learn(backbone: Backbone) -> None:
    model = planning.fresh_classifier(backbone, 3)
    learning = [any(p.requires_grad for p in stage.parameters()) for stage in backbone.stages]
    assert learning == [False] * 3 + [True] * 6 and model.head.out_features == 3


@pytest.mark.parametrize(
    ("own", "minutes", "sizes"),
    [
        (32, 5, [224]),
        (224, 5, [224]),
        (300, 5, [224, 320]),
        (1024, 5, [224, 320, 448, 640]),
        (1024, 1, [224, 320, 448]),
        (1024, 0.7, [224, 320]),
        (1024, 0.1, [128]),
    ],
)
def test_larger_sizes_are_tried_up_to_the_photos_own_and_within_the_time(
    backbone: Backbone,
    tmp_path: Path,
    speed: None,
    monkeypatch: pytest.MonkeyPatch,
    own: int,
    minutes: float,
    sizes: list,
) -> None:
    monkeypatch.setattr(planning, "look_at_photos", lambda _: (1e-3, own))
    plan = plan_for_thousand(backbone, tmp_path, minutes=minutes)
    assert plan.probe_sizes == sizes and plan.probe_seconds + plan.seconds < 60 * minutes


def test_a_size_that_is_wished_is_the_only_one(
    backbone: Backbone, tmp_path: Path, speed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "look_at_photos", lambda _: (1e-3, 1024))
    plan = plan_for_thousand(backbone, tmp_path, minutes=60, size=448)
    assert plan.probe_sizes == [448] and plan.size == 448 and plan.epochs >= 12 and plan.batch_size == 8
    short = plan_for_thousand(backbone, tmp_path / "short", minutes=3, size=448)
    assert short.probe_sizes == [448] and short.epochs == 0, "fine-tuning at another size was not asked for"
    with pytest.raises(CourseError, match="32 to 2048"):
        TrainingOptions(size=5000)


def test_the_plan_says_what_shrinking_does_to_a_defect() -> None:
    plan = Plan(20, [224, 320], 224, epochs=0, batch_size=4, probe_seconds=1, seconds=1, own_size=640)
    assert announcement(plan)[1].endswith("a defect of 20 pixels has 7 of them left at 224, 10 at 320.")
    many = replace(plan, probe_sizes=[224, 320, 448], own_size=400)
    assert "a probe at 224, 320 or 448 pixels" in announcement(many)[0]
    assert announcement(many)[1].endswith("20 at 448."), "no photo gains by being enlarged"
    assert len(announcement(replace(plan, probe_sizes=[224], own_size=200))) == 1, "nothing is shrunk"
    assert "at 320 they are made larger" in announcement(replace(plan, own_size=200))[1]
