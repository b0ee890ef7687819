"""The runners by name, as `--runner` chooses them."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from sightline.flows.server import api
from sightline.flows.trials.trial import Runner


class RunnerName(StrEnum):
    """Where trials run."""

    AUTO = "auto"
    LOCAL = "local"
    DEPLOYMENTS = "deployments"


@contextmanager
def opened(name: RunnerName, parallel: int, deployment: str, *, verbose: bool) -> Iterator[Runner]:
    """Yield a runner for some trials at a time, and end what it started.

    By default, trials run on a deployment if a Prefect API is configured, else in local processes
    with a private server. Raises ServerError if the API does not answer.
    """
    api.configure(verbose=verbose)
    is_configured = api.configured_url() is not None
    if name == RunnerName.DEPLOYMENTS or (name == RunnerName.AUTO and is_configured):
        api.require()
        from sightline.flows.trials.deployed import DeploymentRunner  # imports Prefect

        yield DeploymentRunner(deployment)
        return
    from sightline.flows.trials.local import LocalRunner

    server = api.reach(verbose=verbose)
    runner = LocalRunner(parallel)
    try:
        if server is not None:
            server.wait()
        yield runner
    finally:
        runner.close()
