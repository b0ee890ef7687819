"""Programs that run in a process of their own: what a runtime does there harms nobody else.

A converter or a runtime may crash or hang, keeps memory, and takes what others did in its process
into account, such as counters that end up in names. Here each begins anew, on the CPU. The process
ends when its parent does.
"""

import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable

from sightline.errors import StageError
from sightline.export import convert, replay
from sightline.pipeline.child import Child, describe_exit, end_with_parent
from sightline.storage.text import printable

PROGRAMS: dict[str, Callable[..., None]] = {"convert": convert.main, "replay": replay.main}

_SECONDS = 900
"""More than any program needs for 100,000 images of MNIST's size on a slow core."""

_LONGEST_REASON = 300
_FAILED = 3
"""Exit code of a program that stopped on an exception, which its last line names."""

_ON_THE_CPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
_OF_THE_TRAINING = "TF_NUM_INTRAOP_THREADS"
"""Fits the Keras process to the ghost_batches of a training; here it would spoil the times."""

_log = logging.getLogger(__name__)


class ProgramError(Exception):
    """What went wrong in a program, in words that go on after its subject."""


def run(program: str, *arguments: str, seconds: float = _SECONDS, **variables: str) -> None:
    """Run a program to its end.

    Args:
        program: Name in `PROGRAMS`.
        arguments: What its function takes.
        seconds: How long it may take.
        variables: Environment variables beside those of this process.

    Raises:
        ProgramError: It stopped on an exception or crashed.
        StageError: It hung or was killed, which may be the machine's fault: nothing is decided.
    """
    with Child(
        "sightline.export", program, *arguments, environment=_environment(variables)
    ) as child:
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise StageError(
                f"The process that does {program} ({', '.join(arguments[:2])}) did not end within "
                f"{seconds:g} seconds and was killed; run again when the machine is less busy."
            ) from None
        if code:
            raise _death(program, code, child.log_tail())


def main(program: str, *arguments: str) -> None:
    """Be such a process; ends with exit code 0, or with a line that names the exception."""
    end_with_parent()
    try:
        PROGRAMS[program](*arguments)
    except Exception as error:
        traceback.print_exc()
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        print(f"{type(error).__name__}: {reason}", file=sys.stderr, flush=True)  # noqa: T201 - for the parent
        os._exit(_FAILED)  # or threads of a library might have the last word


def _environment(variables: dict[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != _OF_THE_TRAINING}
    return {"TF_CPP_MIN_LOG_LEVEL": "1", **inherited, **_ON_THE_CPU, **variables}


def _death(program: str, code: int, tail: str) -> Exception:
    _log.info("The process that did %s wrote:\n%s", program, tail)
    if code == -signal.SIGKILL:
        return StageError(
            f"The process that does {program} was killed, as happens where memory runs out; make "
            "room, and run again."
        )
    if code == _FAILED and tail:
        return ProgramError(printable(tail.splitlines()[-1])[:_LONGEST_REASON].rstrip(". "))
    return ProgramError(f"its process died with {describe_exit(code)}")
