"""The program of a command that Python asked for: runs it, sends its lines and its result.

Started by `sightline.api.command`. Prefect, its private server and its settings stay in here, and
what the command prints on standard error becomes lines for the parent.
"""

import io
import json
import queue
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from sightline.api.command import STOPPING_SECONDS
from sightline.config import RunConfig
from sightline.data import locate, recommend
from sightline.errors import SightlineError
from sightline.experiments import new_run
from sightline.experiments.search import space as search_space
from sightline.flows.cli import console, datasets_inspect, start, start_search
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.cli.signals import graceful_sigterm
from sightline.flows.preflight import preflight
from sightline.flows.trials.asked import prepare
from sightline.flows.trials.runners import RunnerName, opened
from sightline.pipeline import child
from sightline.pipeline.child import Message
from sightline.records import Run
from sightline.storage.workspace import Workspace


def main(descriptor: int) -> None:
    """Run the command that the parent requests; end when the parent ends."""
    requests: queue.Queue[Message] = queue.Queue()
    child.end_with_parent(STOPPING_SECONDS, requests.put)
    with graceful_sigterm(), redirect_stderr(_Lines(descriptor)):
        child.answer(descriptor, _run(**requests.get()))


def _run(command: str, arguments: dict[str, Any], run: dict[str, Any]) -> Message:
    run["workspace"] = Workspace.open(run["workspace"])
    console.show_log(verbose=False)
    try:
        return {"result": _COMMANDS[command](run, **arguments)}
    except Exception as error:
        if not isinstance(error, SightlineError):
            console.note(traceback.format_exc())
        return {"error": {"kind": type(error).__name__, "message": str(error)}}


def _train(
    run: dict[str, Any], dataset: str, recipe: str, overrides: Sequence[str]
) -> dict[str, Any]:
    """Train as `sightline train` does."""
    with progress_display():
        config = recommend.load(recipe, None, overrides, dataset)
        checked = preflight(config, Run(**{**run, "id": run["id"] or _new_id(config)}))
    if hidden := locate.describe_hidden(dataset, checked.run.data_dir):
        console.note(hidden)
    return start.start(checked, verbose=False).model_dump(mode="json")


def _tune(
    run: dict[str, Any],
    dataset: str,
    recipe: str,
    overrides: Sequence[str],
    *,
    space: Sequence[str],
    trials: int,
    parallel: int | None,
    runner: str,
    deployment: str,
    gpus_per_trial: float | None,
    **chosen: Any,
) -> dict[str, Any]:
    """Search as `sightline tune` does."""
    settings = search_space.read(None, [*overrides, *space])
    where = opened(RunnerName(runner), parallel, deployment, gpus_per_trial, verbose=False)
    with progress_display(), run["workspace"].in_use():
        config = recommend.load(recipe, None, settings.fixed, dataset)
        asked = prepare(config, settings, Run(**{**run, "id": "tune"}), **chosen)
        return start_search.start(asked, trials, where).model_dump(mode="json")


def _inspect(
    run: dict[str, Any], dataset: str, recipe: str, overrides: Sequence[str]
) -> dict[str, Any]:
    """Return what `sightline datasets inspect --json` prints."""
    with redirect_stdout(io.StringIO()) as printed:
        datasets_inspect.inspect(
            dataset,
            recipe,
            overrides=list(overrides),
            data_dir=run["data_dir"] and Path(run["data_dir"]),
            mirror=run["mirror"],
            workspace=run["workspace"],
            as_json=True,
        )
    result: dict[str, Any] = json.loads(printed.getvalue())
    return result


_COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "train": _train,
    "tune": _tune,
    "inspect": _inspect,
}


def _new_id(config: RunConfig) -> str:
    return new_run.new_id(locate.slug(config.data.dataset), config.recipe)


class _Lines(io.TextIOBase):
    """Sends each line that is written to the parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            child.answer(self._descriptor, {"line": line})
        return len(text)


if __name__ == "__main__":
    main(int(sys.argv[1]))
