import signal
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.concurrency import _leases
from prefect.states import Cancelling, Running, State

from flows import endurance


class Client:
    """A client of a server that answers as a test says."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is open."""

    def renew_concurrency_lease(self, lease_id: UUID, lease_duration: float) -> None:
        self.answer()

    def set_flow_run_state(self, flow_run_id: UUID, state: State[Any]) -> None:
        assert state.is_cancelled()

    def read_flow_run(self, flow_run_id: UUID) -> Any:
        class FlowRun:
            state: State[Any] = self.answer()

        return FlowRun


def test_lease_that_cannot_be_renewed_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect gives up after three tries and would end the body."""
    tries: list[int] = []

    def away() -> None:
        tries.append(1)
        raise httpx.ConnectError("the server is away")

    monkeypatch.setattr(_leases, "get_client", lambda **options: Client(away))
    monkeypatch.setattr(_leases, "exponential_backoff_with_jitter", lambda *arguments: 0.01)
    monkeypatch.setattr(_leases, "_RENEWAL_MAX_ATTEMPTS", _leases._RENEWAL_MAX_ATTEMPTS)
    monkeypatch.setattr(_leases, "_RENEWAL_RETRY_MAX_DELAY", _leases._RENEWAL_RETRY_MAX_DELAY)
    reached = False
    with (
        endurance.enduring(),
        _leases.maintain_concurrency_lease(uuid4(), 300, raise_on_lease_renewal_failure=True),
    ):
        while len(tries) < 20:
            time.sleep(0.01)
        reached = True
    assert reached


def watched(monkeypatch: pytest.MonkeyPatch, states: list[Any]) -> list[int]:
    """Watch a run whose state is asked for again and again; return the signals that it got."""
    signals: list[int] = []
    done = threading.Event()

    def next_state() -> State[Any]:
        if not states:
            done.set()
            return Running()
        state = states.pop(0)
        if isinstance(state, Exception):
            raise state
        return state

    monkeypatch.setattr(endurance, "get_client", lambda **options: Client(next_state))
    monkeypatch.setattr(endurance, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(endurance.os, "kill", lambda pid, number: signals.append(number))
    endurance._watch(uuid4(), done)
    return signals


def test_cancel_that_the_worker_missed_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    away = httpx.ConnectError("the server is away")
    states = [Running(), away, Cancelling(), Cancelling(), Cancelling()]
    assert watched(monkeypatch, states) == [signal.SIGTERM]


def test_run_that_goes_on_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    away = httpx.ReadTimeout("busy")
    assert watched(monkeypatch, [Running(), away, away, Running(), Cancelling()]) == []
