"""The Keras process's own program: reads requests, runs stages, answers.

Started by `sightline.pipeline.process`, never by hand. Each line on standard input is a
request; each line on the given file descriptor is progress, a line of the log, a result or
an error. When standard input closes, the parent is gone: the process asks itself to stop, as
SIGTERM does. A training then writes a checkpoint first, everything else ends at once.
"""

import importlib
import inspect
import json
import logging
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from pydantic import validate_call

from sightline.pipeline.fast_import import quick_import
from sightline.pipeline.process import STOPPING_SECONDS
from sightline.pipeline.progress import Progress, listening
from sightline.records import Record


def main(descriptor: int) -> None:
    """Answer requests until standard input closes.

    Args:
        descriptor: File descriptor to write answers to.
    """
    requests: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    with quick_import():
        import keras  # noqa: F401 - while the parent is busy with something else
    with os.fdopen(descriptor, "wb", buffering=0) as answers:
        logger = logging.getLogger("sightline")
        logger.addHandler(_Forwarder(answers))
        logger.setLevel(logging.INFO)
        for request in _forever(requests):
            _answer(json.loads(request), answers)


class _Forwarder(logging.Handler):
    """Passes Sightline's log on to the parent, which knows who reads it."""

    def __init__(self, answers: BinaryIO) -> None:
        super().__init__()
        self._answers = answers

    def emit(self, record: logging.LogRecord) -> None:
        line = {"logger": record.name, "level": record.levelno, "message": record.getMessage()}
        _write(self._answers, {"log": line})


def _answer(request: dict[str, Any], answers: BinaryIO) -> None:
    def pass_on(progress: Progress) -> None:
        _write(answers, {"progress": progress.model_dump(mode="json")})

    try:
        function = validate_call(_function(request["module"], request["function"]))
        with listening(pass_on):
            result: Record = function(*request["inputs"])
    except Exception as error:
        _write(
            answers,
            {
                "error": {
                    "kind": type(error).__name__,
                    "message": str(error),
                    "traceback": traceback.format_exc(),
                }
            },
        )
    else:
        _write(answers, {"result": result.model_dump(mode="json")})


def _function(module: str, name: str) -> Callable[..., Record]:
    """Import a module and return the function that it defines under a name."""
    found = getattr(importlib.import_module(module), name)
    if not inspect.isfunction(found) or (found.__module__, found.__qualname__) != (module, name):
        raise TypeError(f"{module}.{name} is not a function that {module} defines")
    return found


def _write(answers: BinaryIO, message: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):  # the parent has gone; a checkpoint is written all the same
        answers.write(json.dumps(message).encode() + b"\n")


def _read_requests(requests: "queue.Queue[bytes]") -> None:
    # Not sys.stdin: the interpreter could not close it while this thread reads.
    with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as pipe:
        for line in pipe:
            requests.put(line)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOPPING_SECONDS)
    os._exit(1)  # it did not stop by itself


def _forever(requests: "queue.Queue[bytes]") -> Iterator[bytes]:
    while True:
        yield requests.get()


if __name__ == "__main__":
    main(int(sys.argv[1]))
