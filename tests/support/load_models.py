"""Load model files one by one, each in a forked process with limited memory.

Usage: python load_models.py CANARY PATH [PATH ...]; prints one JSON object, path to outcome.
Forked, so that Keras is imported only once.
"""

import json
import os
import resource
import sys
from pathlib import Path

import keras

from sightline.errors import SightlineError
from sightline.models import keras_files

SPARE_BYTES = 1 << 30
_ALARMING = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect")


def load_in_child(canary: str, path: str) -> dict[str, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, json.dumps(_load(canary, path)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return json.loads(answer) if answer else {"kind": "died", "message": f"exit code {status}"}


def _load(canary: str, path: str) -> dict[str, str]:
    alarms: list[str] = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        reads = event == "open" and str(arguments[0]).startswith(canary)
        if reads or event in _ALARMING:
            alarms.append(f"{event} {arguments[0]}")

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    sys.addaudithook(watch)
    try:
        if "unguarded" in path:  # as if the file was trusted
            keras.saving.load_model(path, compile=False, safe_mode=False)
        else:
            keras_files.read_model(Path(path))
    except SightlineError as error:
        outcome = {"kind": type(error).__name__, "message": str(error)}
    except Exception as error:
        outcome = {"kind": f"foreign {type(error).__name__}", "message": str(error)}
    else:
        outcome = {"kind": "loaded", "message": ""}
    return {**outcome, "alarms": "; ".join(alarms)}


if __name__ == "__main__":
    canary, *paths = sys.argv[1:]
    sys.stdout.write(json.dumps({path: load_in_child(canary, path) for path in paths}))
