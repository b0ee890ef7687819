"""Calls a function of records on the nodes of a Ray cluster, many side by side."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

import ray
from pydantic import validate_call
from ray.exceptions import RayError, RayTaskError

from sightline.errors import BusyStorageError, HandoverLostError, RunError, SightlineError
from sightline.pipeline import ray_cluster
from sightline.pipeline.process import keras_process
from sightline.pipeline.ray_cluster import Share
from sightline.pipeline.stages import result_type
from sightline.records import Record, Run
from sightline.storage.workspace import Workspace

R = TypeVar("R", bound=Record)

_AT_ONCE = 100  # Tasks that are begun and not finished; each waits until a node has room
_RETRIES = 2  # How often a task is begun again whose node or process is lost

Function = Callable[[Run, Any], R]


def each_on_ray(
    function: Function[R], run: Run, items: Sequence[Record], share: Share
) -> Generator[R]:
    """Call a function at the top of its module with each record; yield the results in order.

    The process is connected to the cluster (`ray_cluster.connected`); a task gets a share of one
    node. Raises a SightlineError as the function did, HandoverLostError if the node of a task was
    lost three times, and RunError for other errors; then, and on an interrupt, all tasks are ended.
    """
    options: dict[str, Any] = {
        "num_cpus": share.cpus,
        "num_gpus": share.gpus,
        "scheduling_strategy": "SPREAD",
        "max_retries": _RETRIES,
        "retry_exceptions": [BusyStorageError],
        "runtime_env": {"env_vars": ray_cluster.environment(run)},
    }
    task: Any = ray.remote(**options)(_call)
    given = run.model_dump(mode="json")
    begun: deque[Any] = deque()
    try:
        for item in items:
            begun.append(task.remote(function, given, item.model_dump(mode="json")))
            if len(begun) >= _AT_ONCE:
                yield _first(function, begun)
        while begun:
            yield _first(function, begun)
    finally:
        for one in begun:
            ray.cancel(one, force=True)


def _first(function: Function[R], begun: deque[Any]) -> R:
    """Wait for the first task and remove it; on an interrupt it stays, so that it is ended."""
    result = _result(function, begun[0])
    begun.popleft()
    return result


def _result(function: Function[R], reference: Any) -> R:
    try:
        return result_type(function).model_validate(ray.get(reference))
    except RayTaskError as error:
        cause = error.cause
        if isinstance(cause, SightlineError):
            raise type(cause)(str(cause)) from None
        raise RunError(f"A task of Ray stopped on {type(cause).__name__}: {cause}") from None
    except RayError as error:
        reason = str(error).partition("\n")[0]
        raise HandoverLostError(f"A node of Ray was lost again and again: {reason}") from None


def _call(function: Function[R], run: Any, item: Any) -> Any:
    """Call the function on a node; its local copy of object storage may have another place."""
    there = Run.model_validate(run)
    here = there.model_copy(update={"workspace": Workspace.open(str(there.workspace))})
    ray_cluster.check_workspace(here.workspace)
    ray_cluster.limit_threads()
    try:
        with here.workspace.in_use():
            return validate_call(function)(here, item).model_dump(mode="json")
    finally:
        keras_process().close()  # which frees the memory of the GPU for the next task
