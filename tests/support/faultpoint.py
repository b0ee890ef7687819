"""Let the Nth file operation of a stage kill the process or fail, whichever library does it.

The fault point is a C library (`faultpoint.c`) loaded with LD_PRELOAD. A process that has imported
everything (`faultpoint_stages.py`) forks for each trial, which takes a second for a Keras stage.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import pytest

_SOURCE = Path(__file__).with_suffix(".c")
_STAGES = Path(__file__).with_name("faultpoint_stages.py")


@dataclass(frozen=True)
class Fault:
    """A fault at the Nth operation below the root, counted from 1; at 0 nothing fails.

    It kills, writes half and kills, fails once with `errno`, or fails from then on. `free` is the
    reported number of free bytes (-1: the real one).
    """

    at: int = 0
    do: Literal["kill", "tear", "once", "on"] = "kill"
    errno: int = 0
    free: int = -1

    def environment(self, library: Path, root: Path) -> dict[str, str]:
        """Return the variables that apply the fault to a process and its children."""
        values = {f"FAULT_{name.upper()}": str(value) for name, value in asdict(self).items()}
        return {"LD_PRELOAD": str(library), "FAULT_ROOT": str(root), **values}


NONE = Fault()


@dataclass(frozen=True)
class Outcome:
    """The outcome of a trial: the step's record as JSON, or the class and message of its error.

    `log` has the warnings, `operations` kind and path of every operation below the root, in order.
    """

    killed: bool
    result: Any = None
    error: tuple[str, str] | None = None
    exit_code: int = 0
    log: str = ""
    operations: tuple[tuple[str, str], ...] = ()


def library() -> Path:
    """Compile the fault point, once a session; skip where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("the fault point needs Linux and a C compiler (Debian: gcc and libc6-dev)")
    name = f"faultpoint-{os.getuid()}-{_SOURCE.stat().st_mtime_ns}.so"
    built = Path(tempfile.gettempdir()) / name
    if not built.exists():
        half = built.with_suffix(f".{os.getpid()}")
        options = ["-O1", "-U_FORTIFY_SOURCE", "-shared", "-fPIC"]
        subprocess.run([compiler, *options, "-o", half, _SOURCE, "-ldl"], check=True)
        half.replace(built)
    return built


class Stages:
    """The process that runs each trial, one step of the pipeline, in a fork."""

    def __init__(self, scratch: Path) -> None:
        """Start it; `scratch` is a folder outside every root."""
        self._scratch = scratch
        self._process = subprocess.Popen(
            [sys.executable, str(_STAGES), str(library())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LD_PRELOAD": str(library()), "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def start(self, step: str, inputs: list[Any], root: Path, fault: Fault = NONE) -> Path:
        """Start a trial and return the folder of its outcome."""
        folder = tempfile.mkdtemp(dir=self._scratch)
        values = [
            item.model_dump(mode="json") if hasattr(item, "model_dump") else item for item in inputs
        ]
        request = {"step": step, "inputs": values, "root": str(root), "folder": folder}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request | asdict(fault)) + "\n")
        self._process.stdin.flush()
        return Path(folder)

    def wait(self, folder: Path) -> Outcome:
        """Wait for a trial; trials end in any order."""
        assert self._process.stdout is not None
        while not (folder / "ended").exists():
            ended = json.loads(self._process.stdout.readline())
            (Path(ended["folder"]) / "ended").write_text(str(ended["status"]))
        killed = os.WIFSIGNALED(int((folder / "ended").read_text()))
        operations = folder / "operations"
        lines = operations.read_text().splitlines() if operations.exists() else []
        pairs = [line.split(" ", 1) for line in lines]
        return Outcome(
            killed=killed,
            operations=tuple((kind, path) for kind, path in pairs),
            **({} if killed else json.loads((folder / "outcome").read_bytes())),
        )

    def run(self, step: str, inputs: list[Any], root: Path, fault: Fault = NONE) -> Outcome:
        """Run one trial."""
        return self.wait(self.start(step, inputs, root, fault))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # it ends when its standard input is closed
