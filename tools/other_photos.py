"""Run lessons with another photo folder, and some with another network, as their text promises.

    python tools/other_photos.py          lessons 9 and 10, and the notebooks beside the ten (`make elsewhere` calls it)
    python tools/other_photos.py 10       one of them

The photos are made, and random weights know nothing, so how accurate the models are is not looked at: the cells'
own assertions are left out, everything else runs. Exit status 0: all ran to their end and showed what they must.
"""

import ast
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / folder) for folder in ("", "tests")]

import build
import numpy as np
import pandas as pd
from kernel_environment import kernel_environment
from PIL import Image

PHOTOS = "PHOTOS = data.solar_cells()"
BACKBONE = 'BACKBONE = "efficientnet_lite0"'
NETWORK = 'NETWORK = "efficientnet_lite0"'
ROUTES = ("probe", "linear SVM", "new head", "fine-tuned", "from scratch")


def make_photos(folder: Path, sound: str) -> Path:
    """120 photos of 72 pixels in ten lots; those of good parts lie in the folder ``sound``."""
    random, rows = np.random.default_rng(0), []
    for label, number in ((sound, 80), ("defective", 40)):
        (folder / label).mkdir(parents=True)
        for photo in range(number):
            pixels = random.normal(128, 30, (72, 72)).clip(0, 255).astype(np.uint8)
            if label == "defective":
                pixels[30:40, 10:60] //= 3
            path = f"{label}/{photo:03}.png"
            Image.fromarray(pixels).save(folder / path)
            rows.append({"path": path, "label": label, "lot": f"lot {photo % 10}"})
    pd.DataFrame(rows).to_csv(folder / "index.csv", index=False)
    return folder


def run_lesson(source: Path, changes: dict[str, str], work: Path) -> str:
    """Run a lesson with some of its lines changed, without its assertions; all that it showed.

    Args:
        source: of the lesson.
        changes: what stands once in the lesson → what stands there instead.
        work: a folder for everything that the lesson writes.

    Raises:
        BuildError: a text that should be changed does not stand there once, or a cell failed.
    """
    notebook = build.render(source)
    whole = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for text, other in changes.items():
        if whole.count(text) != 1:
            raise build.BuildError(f"{source.name} holds {text!r} {whole.count(text)} times, not once; mend this tool.")
        for cell in notebook.cells:
            cell.source = cell.source.replace(text, other)
    for cell in notebook.cells:
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
            cell.source = without_assertions(cell.source)
    build.run_cells(notebook, source, kernel_environment(work))
    return "\n".join(str(cell.get("outputs", "")) for cell in notebook.cells)


def without_assertions(code: str) -> str:
    """The code of a cell without its assert statements.

    Example:
        >>> without_assertions("seen = 3\\nassert seen > 5\\nprint(seen)")
        'seen = 3\\n\\nprint(seen)'
    """
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        if isinstance(statement, ast.Assert):
            lines[statement.lineno - 1 : statement.end_lineno] = [""] * (statement.end_lineno - statement.lineno + 1)
    return "\n".join(lines)


@contextmanager
def resnet18(folder: Path) -> Iterator[None]:
    """A ResNet18 with random weights where a learner puts its file, and no other."""
    import torch
    import torchvision

    weights = folder / "data" / "weights"
    weights.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18().state_dict(), weights / "resnet18.pth")
    with mock.patch.dict(os.environ, {"COURSE_DATA": str(folder / "data")}):
        yield


def lesson_9(source: Path, folder: Path) -> list[str]:
    """With photos whose good parts lie in "functional", and a ResNet18 where a learner puts it; what is missing."""
    photos = make_photos(folder / "photos", "functional")
    with resnet18(folder):
        changes = {PHOTOS: f"PHOTOS = {str(photos)!r}", BACKBONE: 'BACKBONE = "resnet18"'}
        shown = run_lesson(source, changes, folder)
    # The last stage of a ResNet18 has 512 maps.
    return [text for text in (", 512)", *ROUTES) if text not in shown]


def lesson_10(source: Path, folder: Path) -> list[str]:
    """With photos whose good parts lie in "good"; what is missing."""
    photos = make_photos(folder / "photos", "good")
    shown = run_lesson(source, {PHOTOS: f"PHOTOS = {str(photos)!r}"}, folder)
    missing = [text for text in ("no_such_photo.png", "good", "defective") if text not in shown]
    return missing if list((folder / "work").rglob("inspector.safetensors")) else [*missing, "an inspector"]


def plain_pytorch(source: Path, folder: Path) -> list[str]:
    """With photos whose good parts lie in "good", and a ResNet18 that timm need not fetch; what is missing."""
    photos = make_photos(folder / "photos", "good")
    with resnet18(folder):
        changes = {PHOTOS: f"PHOTOS = {str(photos)!r}", NETWORK: 'NETWORK = "resnet18"'}
        changes["create_model(name, pretrained=True)"] = "create_model(name)"
        shown = run_lesson(source, changes, folder)
    texts = ("{'defective': 0, 'good': 1}", "plain PyTorch, seed 0", "library, seed 0")
    texts += ("with augmentation: three equal answers: False", "without: three equal answers: True")
    return [text for text in texts if text not in shown]


def speed_and_memory(source: Path, folder: Path) -> list[str]:
    """With photos whose good parts lie in "good"; what is missing."""
    photos = make_photos(folder / "photos", "good")
    shown = run_lesson(source, {PHOTOS: f"PHOTOS = {str(photos)!r}", "turns=20": "turns=2"}, folder)
    texts = ("eval mode, same gradient: True", "train mode, same gradient: False", "largest change of a probability")
    return [text for text in texts if text not in shown]


def tuning(source: Path, folder: Path) -> list[str]:
    """With photos whose good parts lie in "good"; what is missing."""
    photos = make_photos(folder / "photos", "good")
    shown = run_lesson(source, {PHOTOS: f"PHOTOS = {str(photos)!r}", "epochs=5": "epochs=1"}, folder)
    texts = ("label smoothing", "where it was chosen", "'learning_rate': 0.01")
    return [text for text in texts if text not in shown]


def deploying(source: Path, folder: Path) -> list[str]:
    """With photos whose good parts lie in "good"; what is missing."""
    photos = make_photos(folder / "photos", "good")
    shown = run_lesson(source, {PHOTOS: f"PHOTOS = {str(photos)!r}", "(1, 4, 16)": "(1, 4)"}, folder)
    texts = ("['good', 'defective']", "PyTorch loaded: False", "no_such_photo.png", "exit status: 1", "1 of 2: ")
    return [text for text in texts if text not in shown]


def good_photos_only(source: Path, folder: Path) -> list[str]:
    """With photos whose good parts lie in "good"; what is missing."""
    photos = make_photos(folder / "photos", "good")
    shown = run_lesson(source, {PHOTOS: f"PHOTOS = {str(photos)!r}"}, folder)
    return [
        text for text in ("'good to judge': 10", "good photos only", "the same distances: True") if text not in shown
    ]


LESSONS = {"09": lesson_9, "10": lesson_10, "plain_pytorch": plain_pytorch, "speed_and_memory": speed_and_memory}
LESSONS |= {"deploying": deploying, "good_photos_only": good_photos_only, "tuning": tuning}


def main(chosen: Sequence[str]) -> int:
    """Run the lessons; print what each lacks. Returns 1 when one lacks something, or stopped."""
    failed = 0
    for source in build.sources(list(LESSONS)):
        if chosen and build.lesson_number(source) not in chosen:
            continue
        with tempfile.TemporaryDirectory(prefix="other-photos-") as folder:
            try:
                missing = LESSONS[build.lesson_number(source)](source, Path(folder))
                found = f"does not show {', '.join(missing)}" if missing else "runs"
            except build.BuildError as error:
                missing, found = [str(error)], str(error)
        print(f"{source.stem} with other photos: {found}", flush=True)
        failed += bool(missing)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
