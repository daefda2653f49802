"""A network as an ONNX program, which ONNX Runtime computes without PyTorch (lesson 10)."""

import os
from hashlib import sha256
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from course_lib.errors import CourseError
from course_lib.inspection.file import InspectorSettings, content_of, settings_of
from course_lib.inspection.rows import PhotoInspector
from course_lib.paths import shorten


class NoProgram(CourseError):
    """An inspector is sound, but PyTorch has to compute it."""


class Program(PhotoInspector):
    """The ONNX program of an inspector's file with its settings; it cannot draw heat maps.

    Args:
        settings: what belongs to it.
        program: the bytes of an ONNX file.
    """

    def __init__(self, settings: InspectorSettings, program: bytes) -> None:
        self.settings = settings
        # Threads that wait at full speed would take the processor from those that read the next photos.
        self._session = open_program(program, spinning=False)
        self._names = [output.name for output in self._session.get_outputs()]
        self.measures = self._names[2:]  # after logits and probabilities

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Program":
        """Open the program of an inspector's file.

        Raises:
            NoProgram: there is none, or it is damaged, or ONNX Runtime is missing; the inspector may be sound.
            CourseError: no such file, damaged, or not an inspector of this course.
        """
        header, tensors = content_of(path, names=["program"])
        settings, slower = settings_of(header, path), "PyTorch computes, which takes longer"
        if "program" not in tensors:
            raise NoProgram(f"The inspector {shorten(path)} holds no ONNX program; {slower}.")
        program = tensors["program"].tobytes()
        try:
            if sha256(program).hexdigest() != header.get("program"):
                raise ValueError("other bytes than were saved")
            return cls(settings, program)
        except Exception as error:  # ONNX Runtime has a kind of its own for each sort of damage
            raise NoProgram(f"The ONNX program in {shorten(path)} cannot be used ({error}); {slower}.") from error

    def told(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Logits, probabilities and measures of photos in memory."""
        return dict(zip(self._names, self._session.run(None, {"images": images}), strict=True))


def open_program(program: bytes | str, threads: int | None = None, spinning: bool = True) -> Any:
    """Load an ONNX program into ONNX Runtime.

    Args:
        program: the program or the path of its file.
        threads: how many threads compute; by default one for each core.
        spinning: whether the threads wait for the next call at full speed, which is quicker but takes
            the processor from what runs in between.

    Returns:
        An ``onnxruntime.InferenceSession``; ``run(None, {"images": images})`` gives the outputs.

    Raises:
        CourseError: ONNX Runtime is missing. What is not a sound program raises errors of ONNX Runtime.
    """
    runtime = package("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised as well
    if threads:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return runtime.InferenceSession(program, options, providers=["CPUExecutionProvider"])


def package(name: str) -> ModuleType:
    """Import a package that only ONNX needs.

    Raises:
        CourseError: it is missing, with the command that installs it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise CourseError(f"The package {name} is missing; run: pip install {name}") from error
