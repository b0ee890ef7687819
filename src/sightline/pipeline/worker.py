"""The program of the Keras process: reads requests, runs functions, answers.

Started by `sightline.pipeline.process`. Each request names a function of records; each answer is
progress, a log line, a result or an error. A request to stop ends the function at its next progress
with an error. When the parent ends, a training writes a checkpoint before it stops; everything else
stops at once.
"""

import importlib
import inspect
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Callable

from pydantic import validate_call

from sightline.errors import StoppedError
from sightline.pipeline import child
from sightline.pipeline.child import Message
from sightline.pipeline.fast_import import quick_import
from sightline.pipeline.process import NO_KERAS, STOPPING_SECONDS
from sightline.pipeline.progress import Progress, listening
from sightline.records import Record


def main(descriptor: int) -> None:
    """Answer requests until the parent ends."""
    requests: queue.Queue[Message] = queue.Queue()
    stopped = threading.Event()

    def take(message: Message) -> None:
        if "stop" in message:
            stopped.set()
        else:
            stopped.clear()  # it was for the function before
            requests.put(message)

    child.end_with_parent(STOPPING_SECONDS, take)
    if NO_KERAS not in sys.argv:
        with quick_import():
            import keras  # noqa: F401 - while the parent is busy with something else
    logger = logging.getLogger("sightline")
    logger.addHandler(_Forwarder(descriptor))
    logger.setLevel(logging.INFO)
    while True:
        child.answer(descriptor, _run(requests.get(), descriptor, stopped))


class _Forwarder(logging.Handler):
    """Forwards Sightline's log to the parent."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        line = {"logger": record.name, "level": record.levelno, "message": record.getMessage()}
        child.answer(self._descriptor, {"log": line})


def _run(request: Message, descriptor: int, stopped: threading.Event) -> Message:
    """Run what a request asks for and return its result or error."""

    def forward(step: Progress) -> None:
        if stopped.is_set():
            raise StoppedError("The parent stopped it.")
        child.answer(descriptor, {"progress": step.model_dump()})

    try:
        function = validate_call(_function(request["module"], request["function"]))
        with listening(forward):
            return {"result": function(*request["inputs"]).model_dump(mode="json")}
    except Exception as error:
        kind, trace = type(error).__name__, traceback.format_exc()
        return {"error": {"kind": kind, "message": str(error), "traceback": trace}}


def _function(module: str, name: str) -> Callable[..., Record]:
    """Import a module and return the function that it defines under a name."""
    found = getattr(importlib.import_module(module), name)
    if not inspect.isfunction(found) or (found.__module__, found.__qualname__) != (module, name):
        raise TypeError(f"{module}.{name} is not a function that {module} defines")
    return found


if __name__ == "__main__":
    main(int(sys.argv[-1]))
