import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sightline.errors import InputError
from sightline.storage import claims
from sightline.storage.workspace import Workspace


@pytest.fixture
def machines(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "POLL_SECONDS", 0.01)
    return [Workspace(tmp_path / name, f"memory://{tmp_path.name}") for name in ("a", "b")]


def test_clean_up_is_refused_while_another_machine_uses_the_workspace(machines):
    here, there = machines
    with there.in_use(), there.in_use():
        assert here.is_in_use()
        assert len(claims.names(here.store)) == 1
        with pytest.raises(InputError, match="is using memory://"), here.exclusive():
            pass
    assert not here.is_in_use()
    with here.exclusive(), pytest.raises(InputError), there.exclusive():
        pass
    assert claims.names(here.store) == []


def test_run_waits_for_the_clean_up_of_another_machine(machines, monkeypatch, caplog):
    here, there = machines
    clean_up = here.exclusive()
    clean_up.__enter__()
    monkeypatch.setattr(time, "sleep", lambda _: clean_up.__exit__(None, None, None))
    with there.in_use():
        assert caplog.messages == [f"Waiting for the clean-up of {here} to end"]


def test_use_and_clean_up_never_overlap(machines):
    """Of a run and a clean-up that start at the same time, again and again."""

    def use():
        for _ in range(30):
            start.wait()
            with there.in_use():
                assert not cleaning.is_set()

    def clean():
        refused = 0
        for _ in range(30):
            start.wait()
            try:
                with here.exclusive():
                    cleaning.set()
                    time.sleep(0.002)
                    cleaning.clear()
            except InputError:
                refused += 1
        return refused

    (here, there), start, cleaning = machines, threading.Barrier(2, timeout=60), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        used, cleaned = pool.submit(use), pool.submit(clean)
        used.result()
        assert cleaned.result() <= 30
