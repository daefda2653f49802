"""A network as an ONNX program, which ONNX Runtime computes instead of PyTorch (lesson 10).

ONNX Runtime computes a convolution, its normalisation and its activation in one step, so on a
processor it is usually several times as fast, but it cannot train. `extract` uses it for many photos,
`course_lib.inference` for an exported inspector.
"""

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.inspection import open_program, package

CLOSE = 1e-4  # how far an answer may lie from PyTorch's, as a share of its largest number


def program_of(
    network: nn.Module, example: Tensor, outputs: Sequence[str], facts: Mapping[str, str] | None = None
) -> bytes:
    """Turn a network into an ONNX program that takes any number of photos.

    Args:
        network: in evaluation mode, on the processor; takes one tensor, called ``images``.
        example: two photos as the network takes them.
        outputs: names of what it gives.
        facts: texts that the program carries, by their names.

    Returns:
        The bytes of an ONNX file.

    Raises:
        CourseError: a package is missing, or ONNX cannot take the network.
    """
    onnx = package("onnx")
    package("onnxscript")
    try:
        with _quiet():
            exported: Any = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                input_names=["images"],
                output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("photos")},),
            )
        program = exported.model_proto
        onnx.helper.set_model_props(program, dict(facts or {}))
        return program.SerializeToString()
    except Exception as error:  # the exporter raises many kinds for layers it does not know
        raise CourseError(
            f"This network cannot be written as an ONNX program ({type(error).__name__}); compute it with PyTorch."
        ) from error


_kept: dict[str, Callable[[Tensor], Tensor]] = {}


def quick_network(network: nn.Module, shape: tuple[int, ...], fingerprint: str) -> Callable[[Tensor], Tensor]:
    """A frozen network computed by ONNX Runtime, or the network itself where that cannot be had.

    Args:
        network: in evaluation mode, on the processor.
        shape: of one photo, (C, H, W).
        fingerprint: the same for the same network and shape; the last one made is used again, since making it takes seconds.
    """
    if fingerprint not in _kept:
        _kept.clear()
        _kept[fingerprint] = network
        with suppress(CourseError):  # a package is missing, or ONNX does not know a layer
            _kept[fingerprint] = _in_onnx_runtime(network, shape)
    return _kept[fingerprint]


def _in_onnx_runtime(network: nn.Module, shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    """The network as a program that was seen to give the same answers to two photos."""
    example = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    session = open_program(program_of(network, example, ["answers"]), torch.get_num_threads(), spinning=False)

    def compute(images: Tensor) -> Tensor:
        (answers,) = session.run(None, {"images": images.contiguous().numpy()})
        return torch.from_numpy(answers)

    with torch.no_grad():
        expected = network(example)
    found = compute(example)
    if found.shape != expected.shape or float((found - expected).abs().max()) > CLOSE * float(expected.abs().max()):
        raise CourseError("ONNX Runtime gives other answers than PyTorch for this network; compute it with PyTorch.")
    return compute


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter talks about its own work; nothing of it needs the learner."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
