"""The program of a worker: Prefect's own, which leaves a run alone while its process still lives.

Prefect 3.8 keeps a token of `--limit` for each process under the ID of its run. A run that is
resumed, or run again, while its process is still ending asks for a second one; the worker then
dies of "this borrower is already holding one of this CapacityLimiter's tokens", with all its runs.
Such a run now waits for the next poll. The tests fail if Prefect renames what is replaced here.
"""

import sys
from typing import TYPE_CHECKING, Any

from prefect.workers.base import BaseWorker

from sightline.pipeline import child

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import WorkerFlowRunResponse

_SECONDS = 60  # Time that its runs have to write checkpoints when the supervisor has died
_submit = BaseWorker._submit_scheduled_flow_runs


async def submit_ended(
    worker: "BaseWorker[Any, Any, Any]", flow_run_response: list["WorkerFlowRunResponse"]
) -> list["FlowRun"]:
    """Submit the runs that hold no token, as Prefect's method does."""
    held = worker._limiter.statistics().borrowers if worker._limiter else ()
    ended = [found for found in flow_run_response if found.flow_run.id not in held]
    return await _submit(worker, ended)


def main() -> None:
    """Run `prefect` with the arguments of this program, until its parent ends."""
    child.end_with_parent(_SECONDS)
    BaseWorker._submit_scheduled_flow_runs = submit_ended  # type: ignore[method-assign, assignment]
    from prefect.cli import app

    sys.argv[0] = "prefect"
    app()


if __name__ == "__main__":
    main()
