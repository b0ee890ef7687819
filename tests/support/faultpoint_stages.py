"""The process behind `faultpoint.py`: imports all steps, then forks a trial for each request.

Forking is safe because nothing was computed yet: TensorFlow has started no threads.
"""

import ctypes
import gc
import io
import json
import logging
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from pydantic import validate_call

from sightline.data import ingest, preprocess
from sightline.errors import SightlineError
from sightline.evaluation import evaluate, measures
from sightline.experiments import new_run
from sightline.models import backbone, build, cnn
from sightline.records import Run, RunSummary
from sightline.reporting import publish as publishing
from sightline.reporting import report
from sightline.reporting.figures import canvas
from sightline.training import embed, features, fit
from sightline.training import train as fitting


def publish(run: Run, *rest: Any) -> RunSummary:
    """Publish under the lock of the run's ID, as the flow does."""
    with new_run.claim(run.workspace, run.id):
        return validate_call(publishing.publish)(run, *rest)


KERAS_SIDE = (backbone, cnn, features, fit, measures)
"""Modules that stages import when they are called; imported here before the fork."""

STEPS = {
    "ingest": ingest.ingest,
    "preprocess": preprocess.preprocess,
    "build": build.build,
    "embed": embed.embed,
    "train": fitting.train,
    "evaluate": evaluate.evaluate,
    "report": report.report,
    "publish": publish,
    "publish unclaimed": publishing.publish,
}


def attempt(request: dict[str, Any]) -> dict[str, Any]:
    """Run a step under its fault and describe the outcome."""
    log = io.StringIO()
    logging.basicConfig(stream=log, level=logging.WARNING, format="%(message)s", force=True)
    function = validate_call(STEPS[request["step"]])
    operations = Path(request["folder"]) / "operations"
    _arm(*(request[name] for name in ("root", "at", "do", "errno", "free")), operations)
    outcome: dict[str, Any] = {}
    try:
        outcome["result"] = function(*request["inputs"]).model_dump(mode="json")
    except SightlineError as error:
        outcome.update(error=[type(error).__name__, str(error)], exit_code=error.exit_code)
    except Exception as error:
        outcome.update(error=[type(error).__name__, traceback.format_exc()], exit_code=1)
    _arm("", 0, "kill", 0, -1, None)
    return {**outcome, "log": log.getvalue()}


def _arm(root: str, at: int, do: str, number: int, free: int, log: Path | None) -> None:
    text, integer, long = ctypes.c_char_p, ctypes.c_int, ctypes.c_long
    arm = ctypes.CDLL(sys.argv[1]).faultpoint_arm
    arm.argtypes = [text, long, text, integer, long, text]
    arm(root.encode(), at, do.encode(), number, free, None if log is None else os.fsencode(log))


def main() -> None:
    """Answer requests; several trials may run at once."""
    answers = threading.Lock()
    gc.freeze()  # else each trial would scan all imported modules
    canvas.DOTS_PER_INCH //= 4  # figures are drawn much faster

    def wait(child: int, folder: str) -> None:
        _, status = os.waitpid(child, 0)
        with answers:
            print(json.dumps({"folder": folder, "status": status}), flush=True)  # noqa: T201

    for line in sys.stdin:
        request = json.loads(line)
        with answers:
            child = os.fork()
        if child == 0:
            outcome = attempt(request)
            (Path(request["folder"]) / "outcome").write_text(json.dumps(outcome))
            os._exit(0)
        threading.Thread(target=wait, args=(child, request["folder"])).start()


if __name__ == "__main__":
    main()
