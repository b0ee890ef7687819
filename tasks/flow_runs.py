"""A flow run of a deployment that somebody waits for, also while the server is away."""

import atexit
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

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
_POLL_SECONDS = 2
_log = logging.getLogger("sightline.handover")

T = TypeVar("T")


def start(
    deployment: str, parameters: dict[str, Any], *, name: str, key: str | None, option: str
) -> FlowRun:
    """Start a deployment and return at once; a second call with the same `key` finds the first.

    Raises ConfigError, which names the option of the deployment, if the server does not know it,
    and errors as `ask`.
    """
    begin = partial(
        run_deployment,
        deployment,
        parameters=parameters,
        timeout=0,
        flow_run_name=name,
        idempotency_key=key or str(uuid4()),  # a lost answer must not start a second one
    )
    try:
        flow_run = ask(begin)
    except ObjectNotFound:
        raise ConfigError(
            f"{option} is {deployment!r}, which this Prefect server does not know; expected "
            "FLOW/DEPLOYMENT as in `prefect deployment ls`, such as fit/fit-gpu; `make deploy` "
            "creates those of prefect.yaml."
        ) from None
    assert isinstance(flow_run, FlowRun)  # noqa: S101 - a coroutine only in async callers
    return flow_run


def ask(request: Callable[[], T]) -> T:
    """Return what the server answers to a request, which is repeated while the server is away.

    Raises HandoverLostError if that takes ten minutes, HandoverError if the server refuses it.
    """
    asked = time.monotonic()
    while True:
        try:
            return request()
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            answer = getattr(error, "response", None)
            if answer is not None and answer.is_client_error:
                raise HandoverError(
                    f"The Prefect server refused a request ({answer.status_code} "
                    f"{answer.reason_phrase}); check PREFECT_API_AUTH_STRING, and that `make "
                    "deploy` created the deployments of this version."
                ) from None
            if time.monotonic() - asked >= _SILENCE_SECONDS:
                raise HandoverLostError(
                    f"The Prefect server did not answer for {_SILENCE_SECONDS} s; start it, then "
                    "run the same again."
                ) from None
            _log.warning("The Prefect server does not answer (%s); waiting for it", error)
            time.sleep(_POLL_SECONDS)


def greet() -> None:
    """Ask the server for nothing, to know whether it answers."""
    with get_client(sync_client=True) as client:
        client.hello().raise_for_status()


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
        """Cancel the flow run; while the server is away, ask it in the background.

        This process ends when the server has been asked, or has been away for ten minutes.
        """
        if self._try_to_cancel():
            return
        _log.warning(
            "The Prefect server does not answer; the flow run %s is cancelled when it is back "
            "(Ctrl-C to leave it)",
            self.id,
        )
        later = threading.Thread(target=self._cancel_later, daemon=True)
        later.start()
        atexit.register(_wait_for, later)

    def _cancel_later(self) -> None:
        end = time.monotonic() + _SILENCE_SECONDS
        while time.monotonic() < end and not self._try_to_cancel():
            time.sleep(_POLL_SECONDS)

    def _try_to_cancel(self) -> bool:
        """Return whether the server answered."""
        try:
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(self.id, Cancelling())
        except httpx.TransportError:
            return False
        except PrefectHTTPStatusError as error:
            return not error.response.is_server_error
        except Exception as error:  # such as a run that was deleted
            _log.warning("The flow run %s was not cancelled: %s", self.id, error)
        return True


def _wait_for(thread: threading.Thread) -> None:
    with suppress(KeyboardInterrupt):
        thread.join()
