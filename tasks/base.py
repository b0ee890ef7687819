"""What all stages have in common as Prefect tasks: retries, cache policy, results.

They have no tags: Prefect asks the server for the concurrency limits of a task's tags, and while
SQLite is being written to, the server refuses and is asked again two seconds later.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import httpx
from prefect import Task, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import exponential_backoff

from sightline.errors import BusyStorageError, HandoverLostError, KerasProcessError, NetworkError
from sightline.pipeline.stages import Stage
from sightline.records import Record
from sightline.tasks.cache_policy import CheckedEntries

_PASSING = (
    BusyStorageError,
    NetworkError,
    KerasProcessError,
    HandoverLostError,
    ConnectionError,
    httpx.TransportError,
)

P = ParamSpec("P")
R = TypeVar("R", bound=Record)


def stage_task(
    stage: Stage[R], *, retries: int, timeout_seconds: int
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a decorator that turns a function into the Prefect task of a stage.

    Args:
        stage: The stage; gives the task's name and its cache.
        retries: How often a fault that may pass is tried again, with growing, jittered delays.
        timeout_seconds: When the task is given up; a Keras process is ended with it.
    """
    return task(
        name=stage.name,
        retries=retries,
        retry_delay_seconds=exponential_backoff(backoff_factor=10),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_passing_fault,
        timeout_seconds=timeout_seconds,
        cache_policy=CheckedEntries(stage=stage),
        persist_result=True,
        result_serializer="json",
    )


def is_passing_fault(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Tell whether a failure may go away by itself: the network, busy storage, a dead process.

    The user's mistakes, time-outs and faults of the code stay, however often they are tried.
    (Prefect 3.8 never retries with a callable object or a method here.)
    """
    error = state.result(raise_on_failure=False)
    return isinstance(error, _PASSING) or (
        isinstance(error, httpx.HTTPStatusError) and error.response.is_server_error
    )
