"""Lets a deployed run survive a Prefect server that is away for a while.

Prefect 3.8 has two behaviors that would lose a night's training, and a setting for neither:

- The slot of a deployment's concurrency limit is held by a lease. If the server does not answer
  when the lease is renewed, Prefect gives up after three tries and ends the healthy run.
- A worker that lost its server for half a minute no longer learns of cancelled runs.

For the first, `survive_outages` patches private names of Prefect, at this one place; the tests
fail if a new version of Prefect renames them. For the second, `_watch` polls the server.
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

_RENEWALS = 1_000_000  # Number of tries to renew a lease: more than any training needs
_RENEWAL_SECONDS = 60
_POLL_SECONDS = 5
# Number of polls that may see a cancelled run before we act: the worker reacts sooner
_GRACE_POLLS = 1
_log = logging.getLogger("sightline.flows")


@contextmanager
def survive_outages() -> Iterator[None]:
    """Keep this flow run going without the server, and end it if it is cancelled."""
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
                _log.warning("This run was cancelled but its worker did not end it; ending now")
                client.set_flow_run_state(flow_run_id, Cancelled())
                os.kill(os.getpid(), signal.SIGTERM)  # as the worker does
                return
