"""Lets a deployed run survive a Prefect server that is away for a while, and be suspended.

Prefect 3.8 has two behaviors that would lose a night's training, and a setting for neither:

- The slot of a deployment's concurrency limit is held by a lease. If the server does not answer
  when the lease is renewed, Prefect gives up after three tries and ends the healthy run.
- A worker that lost its server for half a minute no longer learns of cancelled runs.

For the first, `survive_outages` patches private names of Prefect, at this one place; the tests
fail if a new version of Prefect renames them. For the second, `_watch` polls the server, which also
tells it that the run was suspended: see `suspend`.
"""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.concurrency import _leases
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Cancelled

from sightline.flows.suspend import is_suspended, suspend, suspendable

_RENEWALS = 1_000_000  # Number of tries to renew a lease: more than any training needs
_RENEWAL_SECONDS = 60
_POLL_SECONDS = 5
# Number of polls that may see a cancelled run before we act: the worker reacts sooner
_GRACE_POLLS = 1
_log = logging.getLogger("sightline.flows")


@contextmanager
def survive_outages() -> Iterator[None]:
    """Keep this flow run going without the server; end it if it is cancelled or suspended."""
    _leases._RENEWAL_MAX_ATTEMPTS = _RENEWALS
    _leases._RENEWAL_RETRY_MAX_DELAY = _RENEWAL_SECONDS
    done = threading.Event()
    this = UUID(flow_run.id) if flow_run.id else None
    with suspendable(this) if this else nullcontext():
        if this:
            threading.Thread(target=_watch, args=(this, done), daemon=True).start()
        try:
            yield
        finally:
            done.set()


def _watch(flow_run_id: UUID, done: threading.Event) -> None:
    seen = 0
    while not done.wait(_POLL_SECONDS):
        with suppress(httpx.HTTPError, ObjectNotFound), get_client(sync_client=True) as client:
            state = client.read_flow_run(flow_run_id).state
            if state is None:
                continue
            if is_suspended(state):
                suspend()
                return
            seen = seen + 1 if state.is_cancelling() else 0
            if seen > _GRACE_POLLS:
                _log.warning("This run was cancelled but its worker did not end it; ending now")
                client.set_flow_run_state(flow_run_id, Cancelled())
                os.kill(os.getpid(), signal.SIGTERM)  # as the worker does
                return
