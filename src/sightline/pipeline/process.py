"""The child process in which Keras runs.

TensorFlow runs in a child so that a time-out or a cancel really stops it, its memory is freed,
and its import overlaps with other work. Requests and answers are lines of JSON; see
`sightline.pipeline.worker` for the other end.
"""

import atexit
import functools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from sightline import errors
from sightline.config import Section
from sightline.errors import InputError, SightlineError, StageError, StoppedError
from sightline.pipeline.child import Child, Message, describe_exit
from sightline.pipeline.process_settings import ProcessSettings
from sightline.pipeline.progress import Progress, emit
from sightline.pipeline.stages import result_type
from sightline.records import Record

R = TypeVar("R", bound=Record)

NO_KERAS = "--no-keras"
STOPPING_SECONDS = 10  # Time for a training to write a checkpoint when it is asked to stop
# Written by TensorFlow and C++ before they die of it; oneDNN continues without the memory
_SIGNS_OF_FULL_MEMORY = ("OOM when allocating", "bad_alloc", "RESOURCE_EXHAUSTED")
# Written by JAX, which ends a process whose training lost another machine
_SIGN_OF_A_LOST_NODE = "JAX distributed service detected fatal errors"
_POLL_SECONDS = 0.02
_log = logging.getLogger(__name__)


class KerasProcess:
    """Runs functions of records in a child process, one at a time.

    The child is replaced when it dies and when it was started with other settings.
    """

    def __init__(self) -> None:
        """Start nothing yet."""
        self.verbose = False
        self.share: int | None = None  # Cores of a training beside others
        self._settings = self._started_with = ProcessSettings()
        self._child: Child | None = None
        self.is_cancelled = False
        self._one_at_a_time = threading.Lock()

    def configure(self, settings: ProcessSettings) -> None:
        """Set how the child is started; the next use replaces one that was started otherwise."""
        self._settings = settings

    def start(self) -> None:
        """Start the child, if there is none, and return at once; it imports Keras meanwhile."""
        with self._one_at_a_time:
            self._living_child()

    def run(self, function: Callable[..., R], *inputs: Record | Section | None) -> R:
        """Run a function at the top of its module in the child, which looks it up by name.

        Raises a SightlineError as the function did, StageError if it stopped on another error, and
        KerasProcessError if the child died.
        """
        request = {
            "module": function.__module__,
            "function": function.__qualname__,
            "inputs": [item and item.model_dump(mode="json") for item in inputs],
        }
        with self._one_at_a_time:
            try:
                answer = _ask(self._living_child(), function.__name__, request)
            except (InputError, StageError):
                raise
            except StoppedError:  # of a listener to progress
                self._stop()
                raise
            except BaseException:
                # After a time-out or a cancel the child would compute for nobody.
                self.close()
                raise
        return result_type(function).model_validate(answer)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the child so far; 0 if there is none, or outside Linux."""
        with suppress(OSError, AttributeError, IndexError):
            stat = Path(f"/proc/{self._child.pid}/stat").read_text()  # type: ignore[union-attr]
            user, system = stat.rpartition(")")[2].split()[11:13]
            return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
        return 0.0

    def cancel(self) -> None:
        """Ask the child to end now, even one that another thread is starting; `run` then raises."""
        self.is_cancelled = True
        if (child := self._child) is not None:
            child.terminate()

    def close(self) -> None:
        """End the child, if there is one; a training writes a checkpoint first."""
        child, self._child = self._child, None
        if child is not None:
            for message in child.end(STOPPING_SECONDS):
                _pass_on(message)

    def _stop(self) -> None:
        """Let the child stop what it computes and keep it; end it if that takes long."""
        child, end = self._child, time.monotonic() + STOPPING_SECONDS
        assert child is not None  # noqa: S101 - it computes
        child.send({"stop": True})
        while time.monotonic() < end:
            if not child.has_answer():
                time.sleep(_POLL_SECONDS)
            elif (message := child.receive()) is None or {"result", "error"} & message.keys():
                return
        self.close()

    def _living_child(self) -> Child:
        is_current = self._started_with == self._settings
        if self._child is None or not is_current or not self._child.is_alive():
            self.close()
            self._child = Child(
                "sightline.pipeline.worker",
                *(() if self._settings.keras else (NO_KERAS,)),
                environment=self._settings.environment(verbose=self.verbose),
                verbose=self.verbose,
            )
            self._started_with = self._settings
            if self.is_cancelled:
                self._child.terminate()
        return self._child


def _ask(child: Child, name: str, request: Message) -> Any:
    """Send a request, pass on progress and log, and return the result."""
    child.send(request)
    while (message := child.receive()) is not None:
        if "error" in message:
            raise _as_error(name, message["error"])
        if "result" in message:
            return message["result"]
        _pass_on(message)
    raise _death(child, name)


@functools.cache
def keras_process() -> KerasProcess:
    """Return this process's Keras process; it is ended when this process ends."""
    process = KerasProcess()
    atexit.register(process.close)
    return process


def _pass_on(message: Message) -> None:
    if "progress" in message:
        emit(Progress.model_validate(message["progress"]))
    elif "log" in message:
        line = message["log"]
        logging.getLogger(line["logger"]).log(line["level"], "%s", line["message"])


def _as_error(name: str, error: dict[str, str]) -> SightlineError:
    if known := errors.named(error["kind"], error["message"]):
        return known
    _log.error("Stage %s stopped:\n%s", name, error["traceback"])
    return StageError(f"Stage {name} stopped on {error['kind']}: {error['message']}")


def _death(child: Child, name: str) -> SightlineError:
    code, tail = child.wait(), child.log_tail()
    if tail:
        _log.error("The Keras process wrote:\n%s", tail)
    if any(sign in tail for sign in _SIGNS_OF_FULL_MEMORY):
        return errors.MemoryLimitError(
            f"Stage {name} ran out of memory and the Keras process died with "
            f"{describe_exit(code)}; lower training.batch_size or use smaller images "
            "(data.image_size)."
        )
    if _SIGN_OF_A_LOST_NODE in tail:
        return errors.NodeLostError(
            f"Another node of the training died in stage {name}; see the logs of the nodes, then "
            "start all of them again: the training resumes from its newest checkpoint."
        )
    hint = " (out of memory? try a smaller training.batch_size)" if code == -signal.SIGKILL else ""
    return errors.KerasProcessError(
        f"The Keras process died in stage {name} with {describe_exit(code)}{hint}; run again with "
        "--verbose to see its full output."
    )
