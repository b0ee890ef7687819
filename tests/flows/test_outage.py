import signal
import threading
import time
from contextlib import nullcontext
from types import SimpleNamespace
from unittest.mock import Mock
from uuid import uuid4

import httpx
import pytest
from prefect.concurrency import _leases
from prefect.exceptions import Pause
from prefect.states import Cancelling, Pending, Running, Scheduled, Suspended

from sightline.flows import outage, suspend


def answering(answer):
    """Stand in for `get_client`: a server that answers as a test says."""
    client = SimpleNamespace(
        renew_concurrency_lease=lambda lease_id, lease_duration: answer(),
        read_flow_run=lambda flow_run_id: SimpleNamespace(state=answer()),
        set_flow_run_state=lambda flow_run_id, state: None,
    )
    return lambda **options: nullcontext(client)


def test_lease_that_cannot_be_renewed_ends_no_run(monkeypatch):
    """Prefect gives up after three tries and would end the body."""
    away = Mock(side_effect=httpx.ConnectError("the server is away"))
    monkeypatch.setattr(_leases, "get_client", answering(away))
    monkeypatch.setattr(_leases, "exponential_backoff_with_jitter", lambda *arguments: 0.01)
    monkeypatch.setattr(_leases, "_RENEWAL_MAX_ATTEMPTS", _leases._RENEWAL_MAX_ATTEMPTS)
    monkeypatch.setattr(_leases, "_RENEWAL_RETRY_MAX_DELAY", _leases._RENEWAL_RETRY_MAX_DELAY)
    reached = False
    with (
        outage.survive_outages(),
        _leases.maintain_concurrency_lease(uuid4(), 300, raise_on_lease_renewal_failure=True),
    ):
        while away.call_count < 20:
            time.sleep(0.01)
        reached = True
    assert reached


def watched(monkeypatch, states):
    """Watch a run whose state is asked for again and again; return the signals that it got."""
    signals: list[int] = []
    done = threading.Event()

    def next_state():
        if not states:
            done.set()
            return Running()
        state = states.pop(0)
        if isinstance(state, Exception):
            raise state
        return state

    monkeypatch.setattr(outage, "get_client", answering(next_state))
    monkeypatch.setattr(outage, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(outage.os, "kill", lambda pid, number: signals.append(number))
    outage._watch(uuid4(), done)
    return signals


def test_only_a_cancel_that_the_worker_missed_ends_the_run(monkeypatch):
    away, busy = httpx.ConnectError("the server is away"), httpx.ReadTimeout("busy")
    states = [Running(), away, Cancelling(), Cancelling(), Cancelling()]
    assert watched(monkeypatch, states) == [signal.SIGTERM]
    assert watched(monkeypatch, [Running(), busy, busy, Running(), Cancelling()]) == []


@pytest.mark.parametrize("state", [Suspended(), Scheduled(name="Resuming"), Pending()], ids=str)
def test_suspended_run_is_paused_in_its_main_thread_even_if_it_was_resumed(state, monkeypatch):
    told = []
    monkeypatch.setattr(suspend.atexit, "register", lambda *called: told.append(called))
    monkeypatch.setattr(outage, "get_client", answering(lambda: state))
    monkeypatch.setattr(outage, "_POLL_SECONDS", 0.01)
    run = uuid4()

    def train():
        with suspend.suspendable(run):
            threading.Thread(target=outage._watch, args=(run, threading.Event())).start()
            time.sleep(60)

    with pytest.raises(Pause):
        train()
    assert told == [(suspend._tell, run)]
    suspend.suspend()  # too late: it changes nothing
