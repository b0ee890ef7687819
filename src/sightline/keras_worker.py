"""The Keras process's own program: reads requests, runs stages, answers.

Started by `sightline.keras_process`, never by hand. Each line on standard input is a
request; each line on the given file descriptor is progress, a result or an error. When
standard input closes, the parent is gone and the process ends at once.
"""

import importlib
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any, BinaryIO

from pydantic import validate_call

from sightline.progress import Progress, listening
from sightline.records import Record
from sightline.stages import BUILD, EVALUATE, TRAIN


def main(descriptor: int) -> None:
    """Answer requests until standard input closes.

    Args:
        descriptor: File descriptor to write answers to.
    """
    requests: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    for stage in (BUILD, TRAIN, EVALUATE):
        importlib.import_module(stage.module)  # while the parent is busy with something else
    with os.fdopen(descriptor, "wb", buffering=0) as answers:
        for request in _forever(requests):
            _answer(json.loads(request), answers)


def _answer(request: dict[str, Any], answers: BinaryIO) -> None:
    def pass_on(progress: Progress) -> None:
        _write(answers, {"progress": progress.model_dump(mode="json")})

    try:
        module = importlib.import_module(request["module"])
        function = validate_call(getattr(module, request["function"]))
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


def _write(answers: BinaryIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")


def _read_requests(requests: "queue.Queue[bytes]") -> None:
    # Not sys.stdin: the interpreter could not close it while this thread reads.
    with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as pipe:
        for line in pipe:
            requests.put(line)
    os._exit(0)  # the parent has gone; nobody waits for an answer


def _forever(requests: "queue.Queue[bytes]") -> Iterator[bytes]:
    while True:
        yield requests.get()


if __name__ == "__main__":
    main(int(sys.argv[1]))
