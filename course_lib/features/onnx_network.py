"""A network as an ONNX program, which ONNX Runtime computes instead of PyTorch.

Introduced in lesson 10. ONNX Runtime computes a convolution, its normalisation and its activation in one
step, so on a processor it is mostly several times as fast, but it cannot train. `course_lib.features.extraction` uses
it for frozen networks.
"""

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.paths import make_folder, write_atomically

CLOSE = 1e-4  # how far an answer may lie from PyTorch's, as a share of its largest number


class NotInOnnx(CourseError):
    """ONNX cannot take this network; with the same releases of the packages it never will (lesson 10)."""


def program_of(
    network: nn.Module,
    example: Tensor,
    outputs: Sequence[str],
    facts: Mapping[str, str] | None = None,
) -> bytes:
    """Turn a network into an ONNX program that takes any number of photos (lesson 10).

    Args:
        network: in evaluation mode, on the processor; takes one tensor, called ``images``.
        example: two photos as the network takes them.
        outputs: names of what it gives.
        facts: texts that the program carries, by their names.

    Returns:
        The bytes of an ONNX file.

    Raises:
        CourseError: a package is missing, or ONNX cannot take the network (`NotInOnnx`).
    """
    onnx = package("onnx")
    package("onnxscript")
    try:
        with _quiet():
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                input_names=["images"],
                output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("photos")},),
            ).model_proto
        onnx.helper.set_model_props(program, dict(facts or {}))
        return program.SerializeToString()
    except Exception as error:  # the exporter raises many kinds for layers it does not know
        raise NotInOnnx(
            f"This network cannot be written as an ONNX program ({type(error).__name__}); compute it with PyTorch."
        ) from error


def open_program(program: bytes | str, threads: int | None = None, spinning: bool = True):
    """Load an ONNX program into ONNX Runtime (lesson 10).

    Args:
        program: the program or the path of its file.
        threads: how many threads compute; by default one for each core.
        spinning: whether the threads wait for the next call at full speed, which is quicker but takes
            the processor from what runs in between.

    Returns:
        An ``onnxruntime.InferenceSession``; ``run(None, {"images": images})`` gives the outputs.

    Raises:
        CourseError: ONNX Runtime is missing. What is no sound program raises errors of ONNX Runtime.
    """
    runtime = package("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised as well
    if threads:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return runtime.InferenceSession(program, options, providers=["CPUExecutionProvider"])


class FrozenNetwork:
    """A network whose weights stay as they are, computed by ONNX Runtime (lesson 10).

    Args:
        network: in evaluation mode, on the processor.
        example: two photos as the network takes them; the answers to them must agree with PyTorch's.
        file: where the program is kept, because making it takes some seconds. A damaged or strange
            file is replaced.

    Raises:
        CourseError: ONNX Runtime cannot compute this network or gives other answers (`NotInOnnx`), a
            package is missing, or the folder of the file cannot be written to.
    """

    def __init__(self, network: nn.Module, example: Tensor, file: str | os.PathLike):
        self.file = Path(file)
        with torch.no_grad():
            self._expected = network(example)
        if not self._fits(example):
            program = program_of(network, example, ["answers"])
            make_folder(self.file.parent)
            with write_atomically(self.file) as temporary:
                temporary.write_bytes(program)
            if not self._fits(example):
                self.file.unlink(missing_ok=True)
                raise NotInOnnx(
                    "ONNX Runtime gives other answers than PyTorch for this network; compute it with PyTorch."
                )

    def _fits(self, example: Tensor) -> bool:
        """Whether the file is there, sound, and a program of this network."""
        if not self.file.exists():
            return False
        try:
            self._session = open_program(os.fspath(self.file), threads=torch.get_num_threads(), spinning=False)
            found = self(example)
        except CourseError:
            raise
        except Exception:  # ONNX Runtime has a kind of its own for each sort of damage
            return False
        if found.shape != self._expected.shape:
            return False
        largest = float(self._expected.abs().max())
        return float((found - self._expected).abs().max()) <= CLOSE * max(largest, 1e-6)

    def __call__(self, images: Tensor) -> Tensor:
        """Photos (N, C, H, W) to answers (N, D), float32."""
        (answers,) = self._session.run(None, {"images": images.contiguous().numpy()})
        return torch.from_numpy(answers)


def package(name: str) -> ModuleType:
    """Import a package that only ONNX needs.

    Raises:
        CourseError: it is missing, with the command that installs it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise CourseError(f"The package {name} is missing; run: pip install {name}") from error


def versions() -> str:
    """Releases of all packages that decide whether ONNX can take a network (lesson 10).

    Example:
        >>> versions().startswith("torch ")
        True
    """
    found = []
    for name in ("torch", "onnx", "onnxscript", "onnxruntime"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} missing")
    return ", ".join(found)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter talks about its own work; nothing of it needs the learner."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
