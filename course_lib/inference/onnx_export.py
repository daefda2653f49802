"""The inspector as an ONNX file, for programs that know neither Python nor PyTorch.

Introduced in lesson 10. ONNX is a common file format for networks; ONNX Runtime computes it, on
a processor usually faster than PyTorch does.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.features import program_of
from course_lib.inference.inspector import Inspector
from course_lib.inspection import decide, open_program, photos_at_once
from course_lib.paths import plain, shorten, write_atomically
from course_lib.transforms import to_float

FORMAT = "visual-inspection-course onnx 1"
CLOSE = 5e-4  # how far a logit may lie from PyTorch's; then a probability lies within 0.001


class _WholeInspector(nn.Module):
    """Pixels in, all answers out: the preprocessing is part of the file."""

    def __init__(self, inspector: Inspector):
        super().__init__()
        self.inspector, self.model = inspector, inspector.model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return self.inspector.answers(to_float(images, self.inspector.settings.mean, self.inspector.settings.std))


def export_onnx(inspector: Inspector, path: str | os.PathLike) -> Path:
    """Write an inspector as one ONNX file.

    The file takes ``images``, uint8 (N, channels, size, size), and gives ``logits`` and
    ``probabilities``, float32 (N, classes), and, from an inspector that is familiar with what it was trained on,
    ``unlike``, (N,). Its settings (classes, threshold, …) are kept in the
    file as text under the name ``settings``.

    Returns:
        The file, with the ending ``.onnx``.

    Raises:
        CourseError: a package is missing, ONNX cannot take the network, or the folder cannot be
            written to.
    """
    path = Path(path)
    path = path if path.suffix == ".onnx" else path.with_name(path.name + ".onnx")
    program = _program(inspector)
    with write_atomically(path) as temporary:
        temporary.write_bytes(program)
    return path


def _program(inspector: Inspector) -> bytes:
    settings = inspector.settings
    whole = _WholeInspector(inspector).to("cpu").eval()
    example = torch.zeros(2, settings.channels, settings.size, settings.size, dtype=torch.uint8)
    facts = {"format": FORMAT, "settings": json.dumps(plain(asdict(settings)), ensure_ascii=False)}
    return program_of(whole, example, ["logits", "probabilities", *inspector.measures], facts)


def checked_program(inspector: Inspector, images: np.ndarray) -> bytes:
    """An inspector as an ONNX program that was seen to decide like it: `Inspector.save` takes it.

    Args:
        inspector: with the threshold and the temperature that it keeps.
        images: uint8, (N, channels, size, size), such as all validation photos.

    Raises:
        CourseError: it decides otherwise, a package is missing, or ONNX cannot take the network.
    """
    program = _program(inspector)
    found = compare(inspector, program, images)
    if found["equal decisions"] < found["photos"] or found["largest logit difference"] > CLOSE:
        raise CourseError("The ONNX program decides otherwise than PyTorch; compute with PyTorch.")
    return program


def open_onnx(path: str | os.PathLike, threads: int | None = None, spinning: bool = True) -> Any:
    """Open an exported file with ONNX Runtime.

    Args:
        path: from `export_onnx`.
        threads, spinning: as for `course_lib.inspection.open_program`.

    Returns:
        An ``onnxruntime.InferenceSession``; ``session.run(None, {"images": images})`` gives
        logits and probabilities.

    Raises:
        CourseError: no such file, damaged, or not exported by this course.
    """
    if not Path(path).exists():
        raise CourseError(f"There is no file {shorten(path)}; write it with export_onnx.")
    try:
        session = open_program(os.fspath(path), threads, spinning)
    except CourseError:
        raise
    except Exception as error:  # ONNX Runtime has a kind of its own for each sort of damage
        raise CourseError(f"The file {shorten(path)} is damaged; export it again.") from error
    if session.get_modelmeta().custom_metadata_map.get("format") != FORMAT:
        raise CourseError(f"The file {shorten(path)} was not written by export_onnx; export it anew.")
    return session


def compare(inspector: Inspector, exported: str | os.PathLike | bytes, images: np.ndarray) -> dict[str, float]:
    """Does an exported program decide like the inspector?

    Args:
        inspector: the one that was exported.
        exported: the file of `export_onnx`, or the bytes of a program.
        images: uint8, (N, channels, size, size), such as all test photos.

    Returns:
        ``photos``, ``equal decisions``, ``largest logit difference``.
    """
    session = open_program(exported) if isinstance(exported, bytes) else open_onnx(exported)
    threshold = inspector.settings.threshold
    count = photos_at_once(inspector.settings.size)
    batches = [np.ascontiguousarray(images[start : start + count]) for start in range(0, len(images), count)]
    said = [session.run(None, {"images": batch}) for batch in batches]
    logits, probabilities, *_ = (np.concatenate(parts) for parts in zip(*said, strict=True))
    equal = decide(probabilities, threshold) == decide(inspector.probabilities(images), threshold)
    largest = float(np.abs(logits - inspector.logits(images)).max())
    return {"photos": len(images), "equal decisions": int(equal.sum()), "largest logit difference": largest}


def latency(
    inspector: Inspector, path: str | os.PathLike, images: np.ndarray, threads: int = 1, repeats: int = 50
) -> pd.DataFrame:
    """How long one call takes, in PyTorch and in ONNX Runtime, measured in turn.

    Both compute on the processor, also where there is a GPU.

    Args:
        inspector: the one that was exported.
        path: from `export_onnx`.
        images: uint8, (N, channels, size, size): the photos of one call, usually one photo.
        threads: how many threads each of them may use.
        repeats: how often each is measured.

    Returns:
        One row for each way: ``computed by``, ``threads``, ``photos``, ``median ms``,
        ``95th percentile ms``, ``speed`` (1 for PyTorch).
    """
    # Waiting at full speed its threads would take the processor from PyTorch, whose turn is next.
    session = open_onnx(path, threads, spinning=False)
    images = np.ascontiguousarray(images)
    ways = {
        "PyTorch": lambda: inspector.probabilities(images, len(images), device="cpu"),
        "ONNX Runtime": lambda: session.run(["probabilities"], {"images": images}),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    before, place = torch.get_num_threads(), next(inspector.model.parameters()).device
    torch.set_num_threads(threads)
    try:
        # In turn, so that whatever else the computer does hits both; the first calls warm up.
        for repeat in range(repeats + 3):
            for name, compute in ways.items():
                start = perf_counter()
                compute()
                if repeat >= 3:
                    times[name].append((perf_counter() - start) * 1000)
    finally:
        torch.set_num_threads(before)
        inspector.model.to(place)
    rows = [(name, threads, len(images), np.median(found), np.quantile(found, 0.95)) for name, found in times.items()]
    columns = ["computed by", "threads", "photos", "median ms", "95th percentile ms"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(speed=table["median ms"].iloc[0] / table["median ms"])
