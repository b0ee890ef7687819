"""Runs a command of Sightline in a process of its own and returns its result.

Prefect reads its settings from the environment and runs an event loop. In a process of its own it
disturbs neither the caller's environment nor the event loop of a notebook, and an interrupt ends it
as Ctrl-C ends the command: a training first writes a checkpoint.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

from sightline import errors
from sightline.api.settings import overrides
from sightline.errors import RunError, SightlineError
from sightline.pipeline.child import Child, describe_exit
from sightline.storage.workspace import Workspace

STOPPING_SECONDS = 30  # Time for a training to write a checkpoint
_WORKER = "sightline.api.worker"

PathLike = str | os.PathLike[str]


def run_command(
    name: str,
    dataset: PathLike,
    recipe: str,
    settings: Mapping[str, Any],
    *,
    run: Mapping[str, Any],
    progress: bool | None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Run `train`, `tune` or `inspect` on a data set.

    Args:
        run: Fields of a `records.Run`; those of the folders are completed from the environment
            variables that the command line reads.
        progress: Whether to print the lines of the command; None prints them in a notebook.
        more: Arguments of this command alone.

    Raises the SightlineError of the command, RunError if its process died, and KeyboardInterrupt
    after it has stopped.
    """
    given: dict[str, Any] = {
        "dataset": _text(dataset),
        "recipe": recipe,
        "overrides": overrides(settings),
    }
    given |= more or {}
    request = {"command": name, "arguments": given, "run": _complete(run)}
    show = in_notebook() if progress is None else progress
    with Child(_WORKER, environment=_environment()) as child:
        child.send(request)
        try:
            return _result(child, show=show)
        except SightlineError:
            raise
        except BaseException:
            child.end(STOPPING_SECONDS)
            raise


def open_workspace(artifacts: PathLike | None) -> Workspace:
    """Return the workspace of a folder or URL; by default `SIGHTLINE_ARTIFACTS`, or `artifacts`.

    Raises InputError as `Workspace.open` does.
    """
    chosen = os.fspath(artifacts or os.environ.get("SIGHTLINE_ARTIFACTS") or "artifacts")
    return Workspace.open(os.path.expanduser(chosen))


def in_notebook() -> bool:
    """Return whether this code runs in a kernel of Jupyter."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _environment() -> dict[str, str]:
    """Return the environment without what makes a terminal of a kernel: bars and colors."""
    kept = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "120"}


def _text(dataset: PathLike) -> str:
    """Return a data set as the command line takes it; `Path("mnist")` is a path, not the name."""
    if isinstance(dataset, str):
        return dataset
    return os.path.join(os.curdir, Path(dataset).expanduser())


def _complete(run: Mapping[str, Any]) -> dict[str, Any]:
    data_dir = run.get("data_dir") or os.environ.get("SIGHTLINE_DATA_DIR")
    return {
        "id": run.get("id"),
        "workspace": str(open_workspace(run.get("artifacts"))),
        "data_dir": data_dir and str(Path(data_dir).expanduser()),
        "mirror": run.get("mirror") or os.environ.get("SIGHTLINE_MIRROR"),
        "refresh": bool(run.get("refresh")),
    }


def _result(child: Child, *, show: bool) -> dict[str, Any]:
    out = sys.stdout if in_notebook() else sys.stderr
    while (message := child.receive()) is not None:
        if "line" not in message:
            _wait(child)
            if "error" in message:
                raise _as_error(**message["error"])
            result: dict[str, Any] = message["result"]
            return result
        if show:
            out.write(f"{message['line']}\n")
            out.flush()
    code = child.wait()
    raise RunError(
        f"The process of the run died with {describe_exit(code)}; run the same again to continue, "
        f"or `sightline train` to see more.\n{child.log_tail()}".strip()
    )


def _wait(child: Child) -> None:
    """Let a process that is done send its last events."""
    try:
        child.wait(STOPPING_SECONDS)
    except TimeoutExpired:
        child.end()


def _as_error(kind: str, message: str) -> SightlineError:
    return errors.named(kind, message) or RunError(
        f"The run stopped on {kind}: {message}; progress=True shows more."
    )
