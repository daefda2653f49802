"""The studies of speed and of the articles' recipes: their logic, on photos that take seconds."""

import argparse
import ast
import json
import runpy
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

from course_lib import data, models
from course_lib.errors import CourseError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "studies"))

import article_recipe
import cifar10_fast_gpu
import cifar10_resnet50_recipe as resnet_recipe
import data_path
import growth
import learning_curves
import own_photos
import resnet50_finetuning_gpu
from study_tools.crops import random_crops
from study_tools.kept_rows import KeptRows
from study_tools.plain_way import image_folder

STUDIES = Path(growth.__file__).parent
pytestmark = pytest.mark.usefixtures("one_thread")
NAMES = (
    "article_recipe",
    "cifar10_fast_gpu",
    "cifar10_resnet50_recipe",
    "data_path",
    "growth",
    "learning_curves",
    "resnet50_finetuning_gpu",
)


@pytest.fixture
def study(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    """Run a study as from the command line, on the CPU; gives what it printed."""
    monkeypatch.setenv("COURSE_DEVICE", "cpu")  # put back after the test

    def run_study(name: str, *words: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        runpy.run_path(str(STUDIES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run_study


@pytest.fixture
def coloured(tmp_path: Path) -> Path:
    """The parts train and test, each with red and blue photos, which any network can tell apart."""
    generator = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 6)):
        for channel, label in ((0, "red"), (2, "blue")):
            folder = tmp_path / "coloured" / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(0, 60, (32, 32, 3), dtype=np.uint8)
                pixels[..., channel] += 150
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "coloured"


@pytest.mark.parametrize("name", NAMES)
def test_each_study_explains_itself(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(STUDIES / f"{name}.py"), run_name="__main__")
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("--data", "--device", "--seed"))


# What several of them share


def test_kept_rows_are_there_again_and_a_row_is_replaced_by_its_keys(work: Path) -> None:
    rows = KeptRows("speeds", ["way", "size"], limit=4)
    assert {"way": "fast", "size": 64} not in rows
    rows.add({"way": "fast", "size": 64, "seconds": 1.23456})
    rows.add({"way": "slow", "size": 64, "seconds": 9})
    rows.add({"way": "fast", "size": 64, "seconds": 2})
    again = KeptRows("speeds", ["way", "size"], limit=4)
    assert again.table["seconds"].tolist() == [9, 2]
    assert {"way": "fast", "size": 64} in again
    assert {"way": "fast", "size": 96} not in again
    assert again.file == work / "studies" / "speeds.csv"


def test_a_table_of_another_study_is_not_continued(work: Path) -> None:
    KeptRows("speeds", ["way"], limit=4).add({"way": "fast"})
    with pytest.raises(CourseError, match="have no column 'seed'"):
        KeptRows("speeds", ["way", "seed"], limit=4)


def test_each_photo_gets_a_window_of_its_own() -> None:
    padded = torch.arange(36).view(1, 1, 6, 6).repeat(200, 1, 1, 1)
    crops = random_crops(padded, 4, torch.Generator().manual_seed(0))
    corners = {tuple(divmod(int(corner), 6)) for corner in crops[:, 0, 0, 0]}
    assert corners == {(down, right) for down in range(3) for right in range(3)}
    for crop in crops[:, 0]:
        down, right = divmod(int(crop[0, 0]), 6)
        assert torch.equal(crop, padded[0, 0, down : down + 4, right : right + 4])


def test_the_plain_way_has_the_rows_and_labels_of_the_index(index: pd.DataFrame) -> None:
    rows = np.array([0, 3, 15])
    photos = image_folder(index, rows, pil_to_tensor)
    labels = data.label_numbers(index)
    assert [label for _, label in photos] == labels[rows].tolist()
    image, _ = photos[1]
    assert np.array_equal(image[0], data.read_image(data.photo_path(index, 3)))


# cifar10_resnet50_recipe


@pytest.mark.parametrize(
    ("seconds_of_a_small_photo", "budget", "plan"),
    [
        (0.001, 100, (1000, 64, 25)),  # a photo of 64 pixels takes four times as long
        (0.001, 5000, (1000, 64, 200)),
        (0.001, 60, (1000, 32, 60)),  # at 64 pixels only 15 epochs would fit
        (0.1, 1000, (1000, 32, 10)),
        (1.0, 400, (400, 32, 1)),
        (1.0, 385, (384, 32, 1)),  # a last batch of one photo is avoided
        (1.0, 2, (128, 32, 1)),
    ],
)
def test_the_plan_fits_into_the_time(seconds_of_a_small_photo: float, budget: float, plan: tuple) -> None:
    def seconds(size: int) -> float:
        return seconds_of_a_small_photo * (size / 32) ** 2

    found = resnet_recipe.make_plan(seconds, 1000, budget, (32, 64))
    assert found == resnet_recipe.Plan(*plan)


def test_trivial_augment_changes_eight_photos_alike() -> None:
    photo = torch.randint(256, (1, 3, 32, 32), dtype=torch.uint8)
    images = photo.repeat(19, 1, 1, 1)
    changed = resnet_recipe.trivial_in_groups(images, torch.Generator().manual_seed(0))
    again = resnet_recipe.trivial_in_groups(images, torch.Generator().manual_seed(0))
    assert changed.shape == images.shape and changed.dtype == torch.uint8
    assert torch.equal(changed, again)
    for group in (slice(0, 8), slice(8, 16), slice(16, 19)):
        assert (changed[group] == changed[group][:1]).all()
    assert not torch.equal(changed[0], changed[8]) or not torch.equal(changed[8], changed[16])
    few = resnet_recipe.trivial_in_groups(images[:3], torch.Generator())
    assert few.shape == (3, 3, 32, 32)


def test_a_crop_moves_the_photo_and_mirrors_half() -> None:
    images = torch.full((400, 1, 16, 16), 7, dtype=torch.uint8)
    images[..., :8] = 3  # left
    changed = resnet_recipe.crop_and_mirror(images, torch.Generator().manual_seed(0))
    middle = changed[:, 0, 8, 3]
    assert changed.shape == images.shape
    assert 150 < (middle == 7).sum() < 250
    assert (changed[:, 0, 0] == 0).all(dim=1).any(), "no photo has the black margin"


def test_the_small_stem_keeps_the_size_and_larger_photos_are_made_inside() -> None:
    images = torch.rand(2, 3, 32, 32)
    small = resnet_recipe.network("resnet18", 5, 32, resnet_recipe.STEPS["stem"], seed=0)
    stem = torch.nn.Sequential(small[1].conv1, small[1].maxpool)
    assert stem(images).shape == (2, 64, 32, 32)
    large = resnet_recipe.network("resnet18", 5, 64, resnet_recipe.STEPS["none"], seed=0)
    assert large[0](images).shape == (2, 3, 64, 64)
    assert small(images).shape == large(images).shape == (2, 5)


@pytest.mark.slow
def test_the_recipe_is_trained_once_and_kept(study, coloured: Path, work: Path) -> None:
    words = ["--data", coloured, "--limit", 12, "--network", "resnet18", "--minutes", 0.001]
    words += ["--steps", "both"]
    assert "TrivialAugment: 24 photos of 32 pixels" in study("cifar10_resnet50_recipe", *words)
    file = work / "studies" / "cifar10_resnet50_recipe.csv"
    table = pd.read_csv(file)
    assert table["views"].tolist() == [1, 2] and (table["photos"] == 12).all()
    assert "photos of 32 pixels" not in study("cifar10_resnet50_recipe", *words)
    assert pd.read_csv(file).equals(table)


# ablation


@pytest.mark.slow
def test_the_ablation_goes_on_and_tells_settings_apart(study, work: Path, capsys) -> None:
    words = ["--limit", 16, "--size", 64, "--seeds", 2, "--steps", "probes", "+ mirrored photos"]
    said = study("ablation", *words, "--epochs", 1)
    assert said.count("seed 0: ") == said.count("seed 1: ") == 5  # 2 probes, 1 and 4 views, 2 networks
    table = pd.read_csv(work / "studies" / "ablation.csv")
    assert len(table) == 10
    networks = table[table["step"] == "+ two networks"]
    assert (networks["seconds"].to_numpy() > table[table["step"] == "+ four views"]["seconds"]).all()
    said = study("ablation", *words[:-1], "… and MixUp", "--epochs", 1)
    assert "seed 0: + mirrored" not in said
    gain = table.pivot(index="seed", columns="step", values="accuracy")
    mixed = pd.read_csv(work / "studies" / "ablation.csv").query("step == '… and MixUp'")
    expected = (mixed.set_index("seed")["accuracy"] - gain["+ mirrored photos"]).mean()
    shown = next(line for line in said.splitlines() if line.strip().startswith("… and MixUp"))
    assert f"{expected:.3f}" in shown
    said = study("ablation", "--limit", 16, "--size", 64, "--seeds", 1, "--steps", "probes", "--epochs", 2)
    assert said.count("seed 0: ") == 2  # other settings are measured anew


# own_photos


def test_made_parts_differ_by_a_scratch_only_and_come_back(tmp_path: Path) -> None:
    folder = own_photos.make_parts(tmp_path / "a", seed=0, limit=6)
    again = own_photos.make_parts(tmp_path / "b", seed=0, limit=6)
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.jpg"))
    assert len(names) == 12
    assert all((folder / name).read_bytes() == (again / name).read_bytes() for name in names)
    generator = np.random.default_rng(1)
    metal = own_photos.brushed_metal(generator)
    changed = np.asarray(own_photos.scratched(metal, generator)) != np.asarray(metal)
    assert 10 < changed.sum() < 0.05 * changed.size


@pytest.mark.slow
def test_a_command_that_fails_ends_the_study(capfd: pytest.CaptureFixture) -> None:
    with pytest.raises(CourseError, match="'train' ended with status 2"):
        own_photos.command("train", "no-such-folder", "--out", "nowhere")
    assert "no-such-folder" in capfd.readouterr().err


# article_recipe


def epochs(recipe: str, seconds: list[float], accuracy: list[float], seed: int = 0) -> list[dict]:
    common = {"recipe": recipe, "settings": recipe, "photos": 8, "computed on": "CPU", "seed": seed}
    return [
        {**common, "epoch": number, "seconds": second, "validation accuracy": share}
        for number, (second, share) in enumerate(zip(seconds, accuracy, strict=True))
    ]


def test_time_to_accuracy_counts_everything_until_the_articles_best() -> None:
    nothing = float("nan")
    rows = epochs("article", [10, 100, 100, 100], [nothing, 0.8, 0.9, 0.85])
    rows += epochs("ours", [5, 20, 20, 20], [nothing, 0.7, 0.9, 0.95])
    rows += epochs("ours", [5, 1], [nothing, 1.0], seed=1)  # nothing to compare it with
    found = article_recipe.time_to_accuracy(pd.DataFrame(rows).sample(frac=1, random_state=0))
    assert len(found) == 1
    pair = found.iloc[0]
    assert pair["article: seconds until its best"] == 210
    assert pair["ours: seconds until the article's best"] == 45
    assert pair["ratio to the article's seconds until its best"] == round(45 / 210, 3)
    assert pair["ratio to the article's seconds in all"] == round(45 / 310, 3)
    assert pair["ours: accuracy at the end"] == 0.95


def test_an_accuracy_that_is_never_reached_has_no_time() -> None:
    nothing = float("nan")
    rows = epochs("article", [1, 1], [nothing, 0.9]) + epochs("ours", [1, 1], [nothing, 0.8])
    pair = article_recipe.time_to_accuracy(pd.DataFrame(rows)).iloc[0]
    assert np.isnan(pair["ours: seconds until the article's best"])
    assert np.isnan(pair["ratio to the article's seconds in all"])


@pytest.mark.slow
def test_a_stopped_article_goes_on_with_its_next_epoch(index: pd.DataFrame, work: Path) -> None:
    given = argparse.Namespace(seed=0, epochs=2, workers=0)
    validation, checkpoint, kept = np.arange(20) % 5 < 3, work / "article.pt", []

    def stop(row: dict) -> None:
        kept.append(row["epoch"])
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        article_recipe.article(index, validation, given, checkpoint, stop)
    rest = []
    history = article_recipe.article(index, validation, given, checkpoint, lambda row: rest.append(row["epoch"]))
    assert (kept, rest) == ([0, 1], [2])
    assert [row["epoch"] for row in history] == [1, 2]
    assert all(0 <= row["validation_accuracy"] <= 1 for row in history)


@pytest.mark.slow
def test_both_recipes_meet_in_one_table(study, photos: Path, work: Path) -> None:
    words = ["--data", photos, "--limit", 4, "--epochs", 1, "--our-epochs", 2, "--size", 64]
    said = study("article_recipe", *words, "--workers", 0)
    assert "ratio to the article's seconds in all" in said
    table = pd.read_csv(work / "studies" / "article_recipe.csv")
    assert table.groupby("recipe")["epoch"].apply(list).to_dict() == {"article": [0, 1], "ours": [0, 1, 2]}
    assert table["validation accuracy"].isna().tolist() == (table["epoch"] == 0).tolist()
    before = work.joinpath("studies/article_recipe.csv").stat().st_mtime_ns
    study("article_recipe", *words, "--workers", 0)
    assert work.joinpath("studies/article_recipe.csv").stat().st_mtime_ns == before


# data_path


def test_all_ways_give_the_same_kind_of_batches(index: pd.DataFrame) -> None:
    from course_lib import datasets

    pixels = datasets.pixels(index, 24, channels=3, progress=False)
    ways = data_path.loaders(index, pixels, seed=0)
    assert next(iter(ways)) == data_path.OURS and len(ways) == 4
    brightness = []
    for name in (data_path.OURS, "BatchLoader, Albumentations", "ImageFolder, 0 workers"):
        batches = list(ways[name])
        images = torch.cat([images for images, _ in batches])
        labels = torch.cat([labels for _, labels in batches])
        assert images.shape == (20, 3, 24, 24) and images.dtype == torch.float32
        assert sorted(labels.tolist()) == sorted(data.label_numbers(index))
        brightness.append(images.mean().item())
    assert max(brightness) - min(brightness) < 0.02


def test_the_wait_for_batches_is_noted() -> None:
    def slow():
        for _ in range(5):
            time.sleep(0.01)
            yield torch.zeros(1), torch.zeros(1)

    class Loader:
        def __len__(self) -> int:
            return 5

        def __iter__(self):
            return slow()

    watched = data_path.Watched(Loader(), steps=3)
    for _ in range(2):
        assert len(list(watched)) == len(watched) == 3
        assert watched.waited >= 3 * 0.01  # a sleep is never shorter


def test_on_a_gpu_the_wait_is_what_resident_batches_save(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def fit(model, batches, *, epochs: int, progress: bool) -> pd.DataFrame:
        for _ in range(epochs):
            seen.append([images.device.type for images, _ in batches])
        return pd.DataFrame({"seconds": [9.0, 3.0 if isinstance(batches, list) else 4.0]})

    monkeypatch.setattr(data_path, "fit", fit)
    monkeypatch.setattr(data_path.device, "choose", lambda: torch.device("meta"))
    loader = [(torch.zeros(2, 3, 8, 8), torch.zeros(2)) for _ in range(5)]
    given = argparse.Namespace(steps=3, seed=0)
    assert data_path.waiting(loader, 2, given) == 0.25
    assert seen == [["cpu"] * 3] * 2 + [["meta"] * 3] * 2


def test_the_ratio_belongs_to_one_repetition() -> None:
    common = {"size": 128, "photos": 8, "computed on": "CPU"}
    rows = [
        {"repetition": 1, **common, "BatchLoader": 100.0, "ImageFolder, 0 workers": 10.0},
        {"repetition": 2, **common, "BatchLoader": 40.0, "ImageFolder, 0 workers": 5.0},
        {"repetition": 3, **common, "BatchLoader": 90.0, "ImageFolder, 0 workers": 10.0},
    ]
    found = data_path.summary(pd.DataFrame(rows)).set_index("way").loc["ImageFolder, 0 workers"]
    assert found["BatchLoader is faster by"] == "9.00 (8.00 to 10.00)"
    assert found["images per second"] == "10 (5 to 10)" and found["wanted"] == 10


@pytest.mark.slow
def test_the_data_path_runs_and_goes_on(study, photos: Path, work: Path) -> None:
    words = ["--data", photos, "--limit", 4, "--sizes", 64, "--steps", 1]
    study("data_path", *words, "--repetitions", 1)
    first = pd.read_csv(work / "studies" / "data_path.csv")
    study("data_path", *words, "--repetitions", 2)
    both = pd.read_csv(work / "studies" / "data_path.csv")
    assert both["repetition"].tolist() == [1, 2] and both.head(1).equals(first)
    waits = pd.read_csv(work / "studies" / "data_path_waiting.csv")[data_path.OURS]
    assert waits.between(0, 1).all()


# growth


def test_a_made_photo_depends_on_its_number_and_the_seed_alone(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 1, 96, 96), np.uint8)
    labels = pd.Series(["a", "b"] * 3)
    for name, parts, seed in (("once", [range(8)], 0), ("twice", [range(3), range(3, 8)], 0), ("other", [range(8)], 1)):
        (tmp_path / name).mkdir()
        for part in parts:
            growth.make_photos(tmp_path / name, pixels, labels, part, seed)
    content = {
        name: {
            file.relative_to(tmp_path / name).as_posix(): file.read_bytes() for file in (tmp_path / name).rglob("*.jpg")
        }
        for name in ("once", "twice", "other")
    }
    assert content["once"] == content["twice"] and len(content["once"]) == 8
    assert content["once"].keys() == content["other"].keys()
    assert not set(content["once"].values()) & set(content["other"].values())
    assert len(set(content["once"].values())) == 8
    assert data.index_folder(tmp_path / "once")["label"].value_counts().to_dict() == {"a": 4, "b": 4}


def test_growth_is_counted_for_each_added_photo() -> None:
    row = {f"{step} (s)": 1.0 for step in growth.STEPS}
    kinds = ("peak after checks", "own after checks", "peak after epoch", "own after epoch")
    row |= {f"{kind} (MiB)": 100.0 for kind in kinds}
    more = row | {"own after epoch (MiB)": 110.0}
    table = pd.DataFrame([
        {"photos": 1000, "seed": 0, "seconds in all": 6.0, **row},
        {"photos": 2024, "seed": 0, "seconds in all": 6.072, **more},
    ])  # fmt: skip
    found = growth.summary(table)
    assert found.loc["own after epoch: KiB for each added photo", 2024] == 10
    assert found.loc["peak after epoch: KiB for each added photo", 2024] == 0
    assert found.loc["in all: s for 1,000 photos"].tolist() == [6, 3]


@pytest.mark.slow
def test_growth_measures_in_a_process_of_its_own_and_cleans_up(
    study, photos: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "made"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "made"))
    study("growth", "--data", photos, "--limit", 10, "--counts", 24)
    row = pd.read_csv(work / "studies" / "growth.csv").iloc[0]
    assert row["photos"] == 24
    assert row["seconds in all"] == pytest.approx(sum(row[f"{step} (s)"] for step in growth.STEPS), abs=1e-3)
    if Path("/proc/self/status").exists():
        assert row["peak after epoch (MiB)"] >= row["peak at the start (MiB)"] > 0
        assert row["peak after epoch (MiB)"] >= row["own after epoch (MiB)"] > 0
    assert not list((tmp_path / "made").iterdir())


# cifar10_fast_gpu

SMALL = cifar10_fast_gpu.Recipe(4, (8, 16), added=1, shift=2, hole=0, learning_rate=0.5, batch=16, label_smoothing=0.1)


def test_the_first_layer_makes_neighbouring_pixels_uncorrelated() -> None:
    noise = torch.randn(64, 3, 34, 34, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(noise, 3, stride=1) * 3
    model = cifar10_fast_gpu.network(SMALL, 2)
    cifar10_fast_gpu.start_anew(model, smooth)
    answers = torch.nn.functional.conv2d(smooth, model[0].weight)
    spread = torch.cov(answers[:, :27].transpose(0, 1).reshape(27, -1))
    # 1 but for the small number that keeps it from dividing by almost nothing.
    assert torch.allclose(spread, torch.eye(27), atol=0.05)
    assert torch.equal(model[0].weight[27:], -model[0].weight[:27])
    assert not model[0].weight.requires_grad


def test_an_augmented_photo_is_mirrored_moved_or_covered() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(64, 3, 32, 32) + 1
    still = replace(SMALL, shift=0)
    mirrored = cifar10_fast_gpu.augmented(images, still, generator)
    same = (mirrored == images).flatten(1).all(dim=1)
    turned = (mirrored == images.flip(-1)).flatten(1).all(dim=1)
    assert (same ^ turned).all() and 16 < same.sum() < 48
    covered = cifar10_fast_gpu.augmented(images, replace(still, hole=8), generator)
    holes = (covered == 0).all(dim=1).sum(dim=(1, 2))
    assert holes.max() == 64 and (holes > 0).all()
    moved = cifar10_fast_gpu.augmented(images, replace(SMALL, shift=4), generator)
    assert moved.shape == images.shape and (moved >= 1).all(), "the margin is a reflection"


def test_the_fast_network_learns_and_a_seed_repeats() -> None:
    labels = torch.arange(64) % 2
    images = torch.randn(64, 3, 16, 16) * 0.3
    images[:, 0] += labels.view(-1, 1, 1) * 2 - 1
    model = cifar10_fast_gpu.network(SMALL, 2)
    found = []
    for _ in range(2):
        seconds = cifar10_fast_gpu.train(model, model, images, labels, SMALL, seed=0)
        assert seconds > 0
        found.append(cifar10_fast_gpu.answers(model, images))
    assert (found[0] == labels.numpy()).mean() > 0.95
    assert (found[0] == found[1]).all()


def test_without_a_c_compiler_the_network_computes_uncompiled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    class Broken(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("Failed to find C compiler.\nPlease specify …")

    images, labels = torch.randn(32, 3, 16, 16), torch.arange(32) % 2
    model = cifar10_fast_gpu.network(SMALL, 2)
    monkeypatch.setattr(torch, "compile", lambda model: Broken())
    fast, facts = cifar10_fast_gpu.prepared(model, images, labels, SMALL, compiled=True)
    assert fast is model and not facts["compiled"] and facts["first steps (s)"] > 0
    assert "Failed to find C compiler. Please" in capsys.readouterr().out
    monkeypatch.setattr(torch, "compile", torch.nn.Sequential)
    fast, facts = cifar10_fast_gpu.prepared(model, images, labels, SMALL, compiled=True)
    assert fast is not model and facts["compiled"]


def test_the_fast_recipe_is_short() -> None:
    text = Path(cifar10_fast_gpu.__file__).read_text(encoding="utf-8")
    said, kinds = set(), ast.Module | ast.FunctionDef | ast.ClassDef
    for part in ast.walk(ast.parse(text)):
        if isinstance(part, kinds) and ast.get_docstring(part):
            said |= set(range(part.body[0].lineno, part.body[0].end_lineno + 1))
    lines = [line for number, line in enumerate(text.splitlines(), 1) if number not in said]
    assert sum(bool(line.strip()) for line in lines) <= 150


def test_the_fast_study_runs_for_a_trial_and_refuses_more_without_a_gpu(
    study, coloured: Path, work: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["--data", coloured, "--device", "cpu"]
    study("cifar10_fast_gpu", *words, "--photos", 16, "--epochs", 1, "--runs", 1)
    row = pd.read_csv(work / "studies" / "cifar10_fast_gpu.csv").iloc[0]
    assert row["training photos"] == 16 and row["photos"] == 12
    assert row["first steps (s)"] > 0 and not row["compiled"]
    with pytest.raises(SystemExit) as stopped:
        study("cifar10_fast_gpu", *words)
    assert stopped.value.code == 77
    assert "needs an NVIDIA GPU" in capsys.readouterr().err


# resnet50_finetuning_gpu


def test_overlapping_spans_count_once() -> None:
    covered = resnet50_finetuning_gpu.covered
    assert covered([]) == 0
    assert covered([(5, 7), (0, 2)]) == 4
    assert covered([(0, 10), (2, 3), (8, 12), (12, 13), (20, 21)]) == 14


def test_only_kernels_count_as_work(tmp_path: Path) -> None:
    events = [
        {"ph": "X", "cat": "kernel", "ts": 1_000_000.5, "dur": 200_000},
        {"ph": "X", "cat": "kernel", "ts": 1_100_000.5, "dur": 200_000},  # in another stream
        {"ph": "X", "cat": "gpu_user_annotation", "ts": 0, "dur": 9_000_000},
        {"ph": "X", "cat": "gpu_memcpy", "ts": 3_000_000, "dur": 100_000},
        {"ph": "M", "name": "process_name"},
    ]
    trace = tmp_path / "trace.json"
    trace.write_text(json.dumps({"traceEvents": events}), encoding="utf-8")
    seconds = resnet50_finetuning_gpu.seconds_at_work(trace, "kernel")
    assert seconds == pytest.approx(0.3)
    with pytest.raises(CourseError, match="saw no work of the GPU"):
        resnet50_finetuning_gpu.seconds_at_work(trace, "cpu_op")


def test_each_way_has_its_own_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    def switches() -> tuple[bool, bool]:
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    def fit(copy, loader, *, precision: str, channels_last: bool, **others) -> None:
        assert copy is not model
        seen.append((precision, channels_last, *switches()))

    seen, before, model = [], switches(), torch.nn.Linear(1, 1)
    monkeypatch.setattr(resnet50_finetuning_gpu, "fit", fit)
    for way in resnet50_finetuning_gpu.WAYS:
        resnet50_finetuning_gpu.train(model, [], way, "bfloat16", epochs=1)
        assert switches() == before
    assert seen == [("float32", False, False, False), ("float32", False, False, True), ("bfloat16", True, False, True)]


def test_weights_are_taken_from_this_machine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet50_finetuning_gpu, "data_folder", lambda: tmp_path / "data")
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    (tmp_path / "data" / "weights").mkdir(parents=True)
    assert resnet50_finetuning_gpu.weights_at_hand("resnet50") is None
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "resnet50-0676ba61.pth").touch()
    found = resnet50_finetuning_gpu.weights_at_hand("resnet50")
    assert found == tmp_path / "checkpoints" / "resnet50-0676ba61.pth"


@pytest.mark.slow
def test_the_finetuning_study_runs_for_a_trial_and_refuses_more_without_a_gpu(
    study, photos: Path, work: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    untrained = models.untrained_backbone  # a smaller network does for a trial
    monkeypatch.setattr(models, "untrained_backbone", lambda name: untrained("mobilenetv3_small_050"))
    monkeypatch.setenv("TORCH_HOME", str(work / "no weights"))
    words = ["--data", photos, "--size", 32, "--batch", 4, "--photos", 6, "--repetitions", 1]
    said = study("resnet50_finetuning_gpu", *words, "--limit", 4, "--epochs", 1)
    assert "at least 2" in said and "wanted: at least 0.9" in said
    ways = list(resnet50_finetuning_gpu.WAYS)
    speeds = pd.read_csv(work / "studies" / "resnet50_finetuning_gpu.csv")
    shares = pd.read_csv(work / "studies" / "resnet50_finetuning_gpu_busy.csv")
    assert speeds["photos"].tolist() == shares["photos"].tolist() == [4]
    assert (speeds[ways] > 0).all(axis=None)
    assert (shares[ways] > 0).all(axis=None) and (shares[ways] <= 1).all(axis=None)
    with pytest.raises(SystemExit) as stopped:
        study("resnet50_finetuning_gpu", *words)
    assert stopped.value.code == 77
    assert "needs an NVIDIA GPU" in capsys.readouterr().err


# learning curves


def test_early_stopping_keeps_the_lowest_loss_that_patience_allows() -> None:
    losses = [0.9, 0.5, 0.6, 0.4, 0.7, 0.8, 0.3]
    table = pd.DataFrame({"run": "a", "seed": 0, "epoch": range(1, 8), "validation_loss": losses})
    table = table.assign(aside_loss=losses, aside_accuracy=0.5)
    found = pd.concat([learning_curves.early_stopping(table, patience) for patience in (1, 2, 3)])
    assert found["stops after"].tolist() == [3, 6, 7]
    assert found["keeps"].tolist() == [2, 4, 7]
    assert found["kept, aside_loss"].tolist() == [0.5, 0.4, 0.3]
    assert (found["last, aside_loss"] == 0.3).all()


def test_the_study_of_learning_curves_keeps_every_epoch_and_goes_on_where_it_was(study, photos: Path) -> None:
    words = ("learning_curves", "--data", photos, "--limit", 4, "--seeds", 1, "--epochs", 2)
    first, again = study(*words), study(*words)
    assert first.count("seed 0: {") == 4
    assert again.count("seed 0: {") == 0
    assert again.splitlines()[1:] == first.splitlines()[-len(again.splitlines()) + 1 :]
