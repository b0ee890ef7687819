"""A flow run of a deployment that somebody waits for, also while the server is away."""

import logging
import time
from contextlib import suppress
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Cancelling

from sightline.errors import ConfigError, HandoverError, HandoverLostError

RENDEZVOUS_LABEL = "sightline.rendezvous"
"""Label of the flow run of node 0, with the address where the nodes of a training meet."""

# Time that the server may be away: a restart takes seconds, an upgrade minutes
_SILENCE_SECONDS = 600
_log = logging.getLogger("sightline.handover")


def start(
    deployment: str, parameters: dict[str, Any], *, name: str, key: str | None, option: str
) -> FlowRun:
    """Start a deployment and return at once; a second call with the same `key` finds the first.

    Raises ConfigError, which names the option of the deployment, if the server does not know it.
    """
    try:
        flow_run = run_deployment(
            deployment,
            parameters=parameters,
            timeout=0,
            flow_run_name=name,
            idempotency_key=key,
        )
    except ObjectNotFound:
        raise ConfigError(
            f"{option} is {deployment!r}, which this Prefect server does not know; expected "
            "FLOW/DEPLOYMENT as in `prefect deployment ls`, such as fit/fit-gpu; `make deploy` "
            "creates those of prefect.yaml."
        ) from None
    assert isinstance(flow_run, FlowRun)  # noqa: S101 - a coroutine only in async callers
    return flow_run


def check_side_by_side(deployment: str, nodes: int) -> None:
    """Raise ConfigError if the limit of a deployment keeps its nodes waiting for each other."""
    with get_client(sync_client=True) as client:
        limit = client.read_deployment_by_name(deployment).global_concurrency_limit
    if limit is not None and limit.limit < nodes:
        raise ConfigError(
            f"training.nodes is {nodes}, but {deployment} runs {limit.limit} at a time, and nodes "
            'wait for each other; set training.deployment="fit/fit-node", which has no limit.'
        )


class Watched:
    """A flow run that is read again and again."""

    def __init__(self, flow_run_id: UUID) -> None:
        """Read nothing yet."""
        self.id = flow_run_id
        self._heard = time.monotonic()

    def read(self) -> FlowRun | None:
        """Read the flow run; None if the server does not answer.

        Raises HandoverError if it was deleted, and HandoverLostError if the server has not answered
        for ten minutes.
        """
        try:
            with get_client(sync_client=True) as client:
                found = client.read_flow_run(self.id)
        except ObjectNotFound:
            raise HandoverError(
                f"The flow run {self.id} was deleted on the server; run again."
            ) from None
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            if time.monotonic() - self._heard >= _SILENCE_SECONDS:
                raise HandoverLostError(
                    f"The Prefect server did not answer for {_SILENCE_SECONDS} s during the flow "
                    f"run {self.id} on another worker. It continues there; a retry waits for it."
                ) from None
            _log.warning("The Prefect server does not answer (%s); waiting for it", error)
            return None
        self._heard = time.monotonic()
        return found

    def cancel(self) -> None:
        """Cancel the flow run, if the server answers."""
        with suppress(Exception), get_client(sync_client=True) as client:
            client.set_flow_run_state(self.id, Cancelling())
