"""What all tasks have in common: retries, cache policy, timeouts and results.

Tasks have no tags. For each set of tags, Prefect asks the server for concurrency limits, and
while SQLite is being written to, the server refuses and is asked again two seconds later.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import httpx
from prefect import Task, task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.tasks import exponential_backoff

from sightline.errors import BusyStorageError, HandoverLostError, KerasProcessError, NetworkError
from sightline.pipeline import cache
from sightline.pipeline.provenance import digest_of
from sightline.pipeline.stages import Stage
from sightline.records import Record, Run

_TRANSIENT = (
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
    stage: Stage[R], *, retries: int, timeout_seconds: int, incidental: str = ""
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Return a decorator that turns a function into the cached Prefect task of a stage.

    Transient faults are retried with growing, jittered delays. After `timeout_seconds`, the task
    fails and its Keras process is stopped. The result does not depend on the argument `incidental`.
    """
    return task(
        name=stage.name,
        retries=retries,
        retry_delay_seconds=exponential_backoff(backoff_factor=10),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_transient,
        timeout_seconds=timeout_seconds,
        cache_policy=VerifiedCache(stage=stage, incidental=incidental),
        persist_result=True,
        result_serializer="json",
    )


def uncached_task(
    name: str, *, retries: int = 0, timeout_seconds: int = 600
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Return a decorator for the tasks around the stages, which run every time."""
    return task(
        name=name,
        retries=retries,
        retry_delay_seconds=10,
        retry_condition_fn=is_transient,
        timeout_seconds=timeout_seconds,
        cache_policy=NO_CACHE,
        persist_result=False,
        result_serializer="json",
    )


def is_transient(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Return whether a failure may go away by itself: network, busy storage, a dead process.

    Mistakes of the user, timeouts and bugs are not retried.
    (This is a function since Prefect 3.8 never retries with a callable object or a method.)
    """
    error = state.result(raise_on_failure=False)
    return isinstance(error, _TRANSIENT) or (
        isinstance(error, httpx.HTTPStatusError) and error.response.is_server_error
    )


@dataclass
class VerifiedCache(CachePolicy):
    """Finds a stage's result in Sightline's own cache and verifies every file of it.

    Prefect shows `Cached` only for such results. What Prefect has stored is never trusted: a hit
    is written to its result store from the verified entry right before Prefect reads it back, and
    on a miss nothing is stored. The key there is unique to the run: Prefect writes in place, so
    a shared file could be read half-written, and results under old keys are never read.
    """

    stage: Stage[Any] = field(kw_only=True)
    incidental: str = ""  # Argument of the task that is no input of the stage

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],
        **kwargs: Any,
    ) -> str | None:
        """Return the key of a verified result, or None if the stage has to run."""
        run: Run = inputs["run"]
        if run.refresh:
            return None
        left_out = {"run", self.incidental}
        key = self.stage.key(*(value for name, value in inputs.items() if name not in left_out))
        entry = cache.find(run, self.stage, key)
        if entry is None or entry.made_by == run.token:
            return None
        stored = f"sightline-{self.stage.name}-{key}-{digest_of(run.token)[:16]}"
        task_ctx.result_store.write(key=stored, obj=entry.record)
        return stored
