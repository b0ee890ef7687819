"""Run converters and runtimes in child processes on the CPU.

A converter or a runtime may crash or hang, keeps memory, and depends on what its process did
before, such as counters in the names of operations. Here each gets a fresh process.
"""

import logging
import os
import signal
import subprocess
import traceback
from collections.abc import Callable

from sightline.errors import StageError
from sightline.export import convert, replay
from sightline.pipeline.child import Child, Message, answer, describe_exit, end_with_parent
from sightline.storage.text import quoted

PROGRAMS: dict[str, Callable[..., Message]] = {"convert": convert.main, "replay": replay.main}

_SECONDS = 900  # More than any program needs for 100,000 images of MNIST's size on a slow core
_LONGEST_REASON = 300

_CPU_ONLY = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
# Set for the ghost batches of a training; it would distort the latencies
_TRAINING_ONLY = "TF_NUM_INTRAOP_THREADS"
_log = logging.getLogger(__name__)


class ProgramError(Exception):
    """A program failed; the message is a reason without a subject."""


def run(program: str, *arguments: str, seconds: float = _SECONDS, **variables: str) -> Message:
    """Run a program in `PROGRAMS` to its end, with more environment variables; return its result.

    Raises ProgramError if it raised an exception or crashed, and StageError if it hung or was
    killed, perhaps by the machine, so nothing is decided.
    """
    subject = f"The {program} process ({', '.join(arguments[:2])})"
    with Child("sightline.export", program, *arguments, environment=_environment(variables)) as it:
        try:
            code = it.wait(seconds)
        except subprocess.TimeoutExpired:
            raise StageError(
                f"{subject} did not end within {seconds:g} seconds and was killed; run again when "
                "the machine is less busy."
            ) from None
        log, answers = it.log_tail(), it.end()
    if code == -signal.SIGKILL:
        raise StageError(f"{subject} was killed, perhaps out of memory; free some and run again.")
    found = answers[0] if answers else {"error": f"its process died with {describe_exit(code)}"}
    if "error" in found:
        _log.info("%s wrote:\n%s", subject, log)
        raise ProgramError(quoted(found["error"], _LONGEST_REASON).rstrip(". "))
    return found


def main(program: str, *arguments: str) -> None:
    """Run a program in this process, a child; the last argument is the descriptor for answers."""
    end_with_parent()
    try:
        result = PROGRAMS[program](*arguments[:-1])
    except Exception as error:
        traceback.print_exc()
        reason = str(error).strip() or "no reason given"
        result = {"error": f"{type(error).__name__}: {reason}"}
    answer(int(arguments[-1]), result)
    os._exit(0)  # a library's threads could crash at a regular exit


def _environment(variables: dict[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != _TRAINING_ONLY}
    return {"TF_CPP_MIN_LOG_LEVEL": "1", **inherited, **_CPU_ONLY, **variables}
