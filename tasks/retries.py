"""Which faults are worth another try."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from sightline.errors import KerasProcessError, SightlineError


def is_passing_fault(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Tell whether a failure may go away by itself: busy storage, a dead process.

    The user's mistakes and faults of the code stay, however often they are tried.
    (Prefect 3.8 never retries with a callable object or a method here.)
    """
    error = state.result(raise_on_failure=False)
    if isinstance(error, SightlineError):
        return isinstance(error, KerasProcessError)
    return isinstance(error, OSError)
