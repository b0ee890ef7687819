"""Lets a deployed run outlive a Prefect server that is away for a while.

Prefect 3.8 has two habits that would lose a night, both without a setting:

- The slot of a deployment's concurrency limit is held by a lease. If the server is away at the
  moment of its renewal, Prefect gives up after three tries and ends a run that is going well.
- A worker that lost its server for half a minute no longer hears of cancelled runs.
"""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.concurrency import _leases
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Cancelled

_RENEWALS = 1_000_000
"""How often a lease's renewal is tried: as long as any training lasts."""

_RENEWAL_SECONDS = 60
_POLL_SECONDS = 5
_GRACE_POLLS = 1
"""How often a cancel may be seen before we act: the worker is asked to do it, and sooner."""

_log = logging.getLogger("sightline.flows")


@contextmanager
def enduring() -> Iterator[None]:
    """Keep this flow run going without the server, and end it when it is cancelled."""
    _leases._RENEWAL_MAX_ATTEMPTS = _RENEWALS
    _leases._RENEWAL_RETRY_MAX_DELAY = _RENEWAL_SECONDS
    done = threading.Event()
    if flow_run.id:
        watch = threading.Thread(target=_watch, args=(UUID(flow_run.id), done), daemon=True)
        watch.start()
    try:
        yield
    finally:
        done.set()


def _watch(flow_run_id: UUID, done: threading.Event) -> None:
    seen = 0
    while not done.wait(_POLL_SECONDS):
        with suppress(httpx.HTTPError, ObjectNotFound), get_client(sync_client=True) as client:
            state = client.read_flow_run(flow_run_id).state
            seen = seen + 1 if state is not None and state.is_cancelling() else 0
            if seen > _GRACE_POLLS:
                _log.warning("This run was cancelled and its worker did not end it: ending")
                client.set_flow_run_state(flow_run_id, Cancelled())
                os.kill(os.getpid(), signal.SIGTERM)  # as the worker does
                return
