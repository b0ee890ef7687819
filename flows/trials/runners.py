"""The runners by name, as `--runner` chooses them."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from urllib.parse import urlsplit

from sightline.errors import ServerError
from sightline.flows.server import api
from sightline.flows.trials.trial import Runner
from sightline.pipeline import ray_cluster
from sightline.storage.addresses import is_loopback


class RunnerName(StrEnum):
    """Where trials run."""

    AUTO = "auto"
    LOCAL = "local"
    DEPLOYMENTS = "deployments"
    RAY = "ray"


@contextmanager
def opened(
    name: RunnerName,
    parallel: int | None,
    deployment: str,
    gpus_per_trial: float | None = None,
    *,
    verbose: bool,
) -> Iterator[Runner]:
    """Yield a runner for some trials at a time, and end what it started.

    By default, trials run on a deployment if a Prefect API is configured, else in local processes
    with a private server. Raises ServerError if the API does not answer, or nodes of Ray cannot
    reach it, and ConfigError as `ray_cluster.connect`.
    """
    api.configure(verbose=verbose)
    is_configured = api.configured_url() is not None
    if name == RunnerName.DEPLOYMENTS or (name == RunnerName.AUTO and is_configured):
        api.require()
        from sightline.flows.trials.deployed import DeploymentRunner  # imports Prefect

        with _one_connection():
            yield DeploymentRunner(deployment, parallel or 1)
        return
    share = ray_cluster.connect(gpus_per_trial) if name == RunnerName.RAY else None
    server = api.reach()
    runner: Runner
    if share is not None:
        check_api_is_reachable()
        from sightline.flows.trials.ray_runner import RayRunner  # imports Prefect

        runner = RayRunner(share, parallel)
    else:
        from sightline.flows.trials.local import LocalRunner

        runner = LocalRunner(parallel or 1)
    try:
        if server is not None:
            server.wait()
        with nullcontext() if share is None else _one_connection():
            yield runner
    finally:
        runner.close()


@contextmanager
def _one_connection() -> Iterator[None]:
    """Let all requests to the Prefect API within the block use one client."""
    from prefect.context import SyncClientContext

    with SyncClientContext.get_or_create():
        yield


def check_api_is_reachable() -> None:
    """Raise ServerError if nodes cannot reach the Prefect API, since it listens on loopback."""
    import ray

    url = api.configured_url() or ""
    own = ray.util.get_node_ip_address()
    others = {node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]} - {own}
    if others and is_loopback(urlsplit(url).hostname or ""):
        raise ServerError(
            f"The Ray nodes {', '.join(sorted(others))} cannot reach the Prefect API, which is at "
            f"{url or '127.0.0.1'}; start `sightline ops server` with a --host that they reach, "
            "then set PREFECT_API_URL."
        )
