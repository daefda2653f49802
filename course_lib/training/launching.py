"""Start the train command in several processes from a notebook.

Introduced in lesson 10. What the processes do together is explained in `course_lib.training.processes`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path

from course_lib.checks import cores
from course_lib.commands.prepare import TrainingOptions
from course_lib.errors import CourseError


def launch(
    folder: str | os.PathLike,
    out: str | os.PathLike,
    options: TrainingOptions | None = None,
    *,
    processes: int = 2,
    replace: bool = False,
) -> None:
    """Train as `course_lib.commands.train.train` does, in several processes (lesson 10).

    It is ``torchrun --nproc-per-node 2 -m course_lib train …`` on this computer, with its output
    below the cell. The processes share the fine-tuning; the first one does the rest. With several
    GPUs each process has one of its own. On a CPU they share its cores; there it serves to try it
    out. The plan counts on those that have a GPU or cores of their own.

    Args:
        folder: photos, one sub-folder for each class. They are only read.
        out: where the inspector goes; load it with `course_lib.inference.Inspector.load`.
        options: see `course_lib.commands.prepare.TrainingOptions`.
        processes: how many, at most one for each GPU.
        replace: the inspector and its report may take the place of earlier ones.

    Raises:
        CourseError: several processes are not possible here, with the reason, or the training ended
            with an error.
        KeyboardInterrupt: you interrupted it; calling again goes on from the last complete epoch.
    """
    reason = why_not(processes)
    if reason is not None:
        raise CourseError(reason)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1",
        f"--nproc-per-node={processes}", "-m", "course_lib", "train",
        str(Path(folder).resolve()), f"--out={Path(out).resolve()}",
        *_as_arguments(options or TrainingOptions()), *["--replace"] * replace,
    ]  # fmt: skip
    with _started(command, processes) as run:
        # A progress bar ends its lines with \r, which a notebook understands; so they stay as they are.
        for line in TextIOWrapper(run.stdout, "utf-8", errors="replace", newline=""):
            print(line, end="", flush=True)
    if run.returncode:
        raise CourseError(
            f"The training in {processes} processes has ended with an error, which stands above; after "
            "curing it, the same call goes on from the last complete epoch."
        )


def why_not(processes: int) -> str | None:
    """Why this computer cannot train in so many processes, or None if it can (lesson 10).

    Example:
        >>> why_not(0)
        '0 processes cannot train; choose 1 or more.'
    """
    if processes < 1:
        return f"{processes} processes cannot train; choose 1 or more."
    if sys.platform not in ("linux", "darwin"):
        return (
            "Several processes are started on Linux and macOS only, because the course has not been "
            "tried with them elsewhere; train in one, with course_lib.commands.train.train."
        )
    import torch
    import torch.distributed

    from course_lib import device

    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        return (
            "This PyTorch was built without the part that lets processes train together "
            "(torch.distributed with Gloo); train in one, with course_lib.commands.train.train."
        )
    chosen, gpus = device.choose(), torch.cuda.device_count()
    if processes > 1 and chosen.type not in ("cpu", "cuda"):
        return f"Several processes cannot compute on '{chosen.type}'; train in one, or set COURSE_DEVICE=cpu."
    if chosen.type == "cuda" and chosen.index is None and processes > gpus:
        return (
            f"There are {gpus} GPUs for {processes} processes; start at most one for each GPU, or set "
            "COURSE_DEVICE=cpu."
        )
    return None


def _as_arguments(options: TrainingOptions) -> list[str]:
    """The options as the train command wants them: ``--minutes=5.0``, ``--upright``."""
    arguments = []
    for name, value in asdict(options).items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            arguments.append(flag)
        elif value is not None and value is not False:
            arguments.append(f"{flag}={value}")
    return arguments


@contextmanager
def _started(command: list[str], processes: int) -> Iterator[subprocess.Popen]:
    """A running command, which ends with the block, whatever ends it."""
    package = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")])),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, cores() // processes))),
    }
    run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield run
        run.wait()
    except KeyboardInterrupt:
        # An interrupted notebook mostly interrupts its children too; then they end by themselves.
        for seconds, stronger in ((5, signal.SIGINT), (40, signal.SIGTERM), (40, signal.SIGKILL)):
            try:
                run.wait(seconds)
            except subprocess.TimeoutExpired:
                run.send_signal(stronger)
        raise
    finally:
        if run.poll() is None:
            run.kill()
        run.stdout.close()
        run.wait()
