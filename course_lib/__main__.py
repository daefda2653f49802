"""The course from a terminal: ``python -m course_lib COMMAND`` (lesson 1).

An installed package has the command ``visual-inspection COMMAND`` as well.
"""

import os
import sys
from importlib import import_module
from io import TextIOWrapper

from course_lib.errors import CourseError

USAGE = """Use: python -m course_lib COMMAND

  install          set the course up in the folder .venv, or go on with a set-up that was stopped
  doctor           is everything here that the lessons need? says how to cure what is wrong
  check FOLDER     find photos that cannot or should not be used (lesson 2)
  train FOLDER     from a folder of your own photos to an inspector (lesson 10)
  predict FILE …   inspect photos with a saved inspector (lesson 10)
  quiz COMMAND     collect, analyse and export quiz answers, for instructors
"""
# Each is a module with a function main; only the one that is asked for is loaded.
COMMANDS = {name: f"commands.{name}" for name in ("install", "doctor", "check", "train", "predict")}
COMMANDS["quiz"] = "quiz.cli"


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command and its words; without them, what was typed in the terminal.

    Returns:
        The exit status: 0 good, 1 something was found, 2 wrong use, 130 interrupted, 141 nobody
        reads on, as in ``predict … | head``.
    """
    _make_streams_safe()
    # A command draws into files: no window, and no backend of the surroundings that this matplotlib may not know.
    os.environ["MPLBACKEND"] = "agg"
    try:
        status = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # What is left is thrown away; else Python would complain when it writes it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status


def _make_streams_safe() -> None:
    """Let nothing that is printed stop a command, whatever it is printed to.

    A Japanese or Western Windows terminal does not know all letters: an unknown one is written as a
    code. A program without a terminal (``pythonw``, a service) has no streams at all.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(arguments: list[str]) -> int:
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command in COMMANDS:
        return import_module(f"course_lib.{COMMANDS[command]}").main(rest)
    print(USAGE, file=sys.stderr)
    return 0 if command in ("-h", "--help") else 2


if __name__ == "__main__":
    sys.exit(main())
