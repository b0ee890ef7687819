"""Lets Suspend in the Prefect UI end a deployed run, whose training writes a checkpoint first.

Prefect 3.8 itself lets a suspended run go on to the end of its present task, hours later. Resume
then starts the flow from the beginning: finished stages are cached, and the training goes on from
its checkpoint.
"""

import atexit
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from uuid import UUID

import httpx
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause

from sightline.flows.server.lost_runs import TAG
from sightline.tasks import events

ENDED = "prefect.flow-run.process-ended"
_SIGNAL = signal.SIGUSR1
_log = logging.getLogger("sightline.flows")


@contextmanager
def suspendable(flow_run_id: UUID) -> Iterator[None]:
    """Let `suspend` end this flow run, from any thread, if it runs in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def pause(number: int, frame: FrameType | None) -> None:
        _log.warning("This run was suspended; it ends now, and Resume goes on from its checkpoint")
        raise Pause

    signal.signal(_SIGNAL, pause)
    try:
        yield
    except Pause:  # between two tasks, Prefect raises it, too
        # Once there are no more heartbeats: after the last one, an event must follow, or
        # `sightline-zombies` takes the run for lost.
        atexit.register(_tell, flow_run_id)
        raise
    finally:
        signal.signal(_SIGNAL, signal.SIG_IGN)  # `suspend` may come a moment too late


def is_suspended(state: State) -> bool:
    """Return whether the state of a run that is at work says that it should end, to be resumed."""
    return state.is_paused() or state.is_scheduled() or state.is_pending()


def suspend() -> None:
    """End this flow run where it is; the Keras process writes a checkpoint first."""
    os.kill(os.getpid(), _SIGNAL)


def _tell(flow_run_id: UUID) -> None:
    with suppress(httpx.HTTPError):
        events.post(ENDED, f"prefect.flow-run.{flow_run_id}", "", {}, tags=(TAG,))
