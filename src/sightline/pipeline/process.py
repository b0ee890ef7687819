"""The child process in which Keras runs.

TensorFlow runs in a child so that a time-out or a cancel really stops it, its memory is freed,
and its import overlaps with other work. Requests and answers are lines of JSON; see
`sightline.pipeline.worker` for the other end.
"""

import atexit
import functools
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from sightline import errors
from sightline.config import Section
from sightline.errors import (
    InputError,
    KerasProcessError,
    MemoryLimitError,
    SightlineError,
    StageError,
)
from sightline.pipeline.progress import Progress, emit
from sightline.pipeline.stages import result_type
from sightline.records import Record

R = TypeVar("R", bound=Record)
Message = dict[str, Any]

STOPPING_SECONDS = 10
"""How long a training may take to write a checkpoint when it is told to stop."""

_POLL_SECONDS = 0.5
_LOG_TAIL_BYTES = 4000
_SIGNS_OF_FULL_MEMORY = ("OOM when allocating", "bad_alloc", "RESOURCE_EXHAUSTED")
"""What TensorFlow and C++ write before they die of it; oneDNN goes on without the memory."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProcessSettings:
    """How a Keras process is started; the bits of a training depend on it.

    Attributes:
        use_gpu: False hides all GPUs.
        threads: Threads of an operation; None leaves the choice to the backend.
    """

    use_gpu: bool = True
    threads: int | None = None


class KerasProcess:
    """Runs functions of records in a child process, one at a time.

    The child is replaced when it dies and when it was started with other settings.
    """

    def __init__(self) -> None:
        """Start nothing yet."""
        self.verbose = False
        self._settings = self._started_with = ProcessSettings()
        self._child: _Child | None = None
        self._one_at_a_time = threading.Lock()

    def configure(self, settings: ProcessSettings) -> None:
        """Set how the child is started; the next use replaces one that was started otherwise."""
        self._settings = settings

    def start(self) -> None:
        """Start the child, if there is none, and return at once; it imports Keras meanwhile."""
        with self._one_at_a_time:
            self._living_child()

    def run(self, function: Callable[..., R], *inputs: Record | Section) -> R:
        """Run a function in the child.

        Args:
            function: A function at the top of its module. The child imports the module and
                looks the function up by name; no code crosses the pipe.
            inputs: What it takes, in order.

        Returns:
            The record that the function returned.

        Raises:
            SightlineError: As the function raised it.
            StageError: The function stopped on another error.
            KerasProcessError: The child died.
        """
        request = {
            "module": function.__module__,
            "function": function.__qualname__,
            "inputs": [item.model_dump(mode="json") for item in inputs],
        }
        with self._one_at_a_time:
            try:
                answer = self._living_child().ask(function.__name__, request)
            except (InputError, StageError):
                raise
            except BaseException:
                # After a time-out or a cancel the child would compute for nobody.
                self.close()
                raise
        return result_type(function).model_validate(answer)

    def close(self) -> None:
        """End the child, if there is one."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _living_child(self) -> "_Child":
        if (
            self._child is None
            or self._started_with != self._settings
            or not self._child.is_alive()
        ):
            self.close()
            self._child = _Child(self.verbose, _environment(self.verbose, self._settings))
            self._started_with = self._settings
        return self._child


class _Child:
    """One child process with its pipes and its log."""

    def __init__(self, verbose: bool, environment: dict[str, str]) -> None:
        read, write = os.pipe()
        self._log: IO[bytes] | None = None if verbose else tempfile.TemporaryFile()  # noqa: SIM115 - closed in end()
        self._process = subprocess.Popen(
            # -P: a file in the user's folder must not stand in for a library.
            [sys.executable, "-P", "-m", "sightline.pipeline.worker", str(write)],
            stdin=subprocess.PIPE,
            stdout=self._log or sys.stderr,  # standard output belongs to the user
            stderr=self._log or sys.stderr,
            pass_fds=[write],
            start_new_session=True,  # Ctrl-C is for the parent, which then ends this child
            env=environment,
        )
        os.close(write)
        self._messages: queue.Queue[Message | None] = queue.Queue()
        self._listener = threading.Thread(target=_listen, args=(read, self._messages), daemon=True)
        self._listener.start()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, stage: str, request: Message) -> Any:
        self._send(request)
        while (message := self._next_message()) is not None:
            if "progress" in message:
                emit(Progress.model_validate(message["progress"]))
            elif "log" in message:
                _pass_on(message["log"])
            elif "error" in message:
                raise _as_error(stage, message["error"])
            else:
                return message["result"]
        raise self._death(stage)

    def end(self) -> None:
        """Tell the child to stop, which lets a training write a checkpoint, then make sure."""
        try:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOPPING_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._hear_last_words()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        if self._log is not None:
            self._log.close()

    def _hear_last_words(self) -> None:
        self._listener.join(STOPPING_SECONDS)
        with suppress(queue.Empty):
            while (message := self._messages.get_nowait()) is not None:
                if "log" in message:
                    _pass_on(message["log"])

    def _send(self, request: Message) -> None:
        if self._process.stdin is not None:
            # A child that is already dead is noticed at the end of its messages.
            with suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                self._process.stdin.flush()

    def _next_message(self) -> Message | None:
        while True:
            # Short waits, so that a time-out raised in a worker thread is delivered.
            with suppress(queue.Empty):
                return self._messages.get(timeout=_POLL_SECONDS)

    def _death(self, stage: str) -> SightlineError:
        code = self._process.wait()
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        tail = self._log_tail()
        if tail:
            _log.error("The Keras process wrote:\n%s", tail)
        if any(sign in tail for sign in _SIGNS_OF_FULL_MEMORY):
            return MemoryLimitError(
                f"Memory ran out in stage {stage} and the Keras process died with {reason}; "
                "lower training.batch_size, or take smaller images (data.image_size)."
            )
        hint = (
            " (out of memory? a smaller training.batch_size needs less)"
            if code == -signal.SIGKILL
            else ""
        )
        return KerasProcessError(
            f"The Keras process died in stage {stage} with {reason}{hint}; run again with "
            "--verbose to see all that it wrote."
        )

    def _log_tail(self) -> str:
        if self._log is None:
            return ""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LOG_TAIL_BYTES))
        return self._log.read().decode(errors="replace").strip()


@functools.cache
def keras_process() -> KerasProcess:
    """Return this process's Keras process; it is ended when this process ends."""
    process = KerasProcess()
    atexit.register(process.close)
    return process


def _environment(verbose: bool, settings: ProcessSettings) -> dict[str, str]:
    defaults = {
        # Warnings tell why a process died; its log is only shown then.
        "TF_CPP_MIN_LOG_LEVEL": "0" if verbose else "1",
        # Take GPU memory as it is needed: other processes may use the same GPU.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    if settings.threads is not None:
        defaults["TF_NUM_INTRAOP_THREADS"] = str(settings.threads)
    hidden = {} if settings.use_gpu else {"CUDA_VISIBLE_DEVICES": "-1"}
    return {**defaults, **os.environ, **hidden}


def _listen(descriptor: int, messages: queue.Queue[Message | None]) -> None:
    with os.fdopen(descriptor, "rb") as pipe:
        for line in pipe:
            messages.put(json.loads(line))
    messages.put(None)


def _pass_on(line: Message) -> None:
    logging.getLogger(line["logger"]).log(line["level"], "%s", line["message"])


def _as_error(name: str, error: dict[str, str]) -> SightlineError:
    kind = getattr(errors, error["kind"], None)
    if isinstance(kind, type) and issubclass(kind, SightlineError):
        return kind(error["message"])
    _log.error("Stage %s stopped:\n%s", name, error["traceback"])
    return StageError(f"Stage {name} stopped on {error['kind']}: {error['message']}")
