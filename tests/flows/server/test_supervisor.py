import re
import signal
import subprocess
import sys
from types import SimpleNamespace
from uuid import uuid4

import anyio
import pytest

from sightline.flows.server import worker_program

PROGRAM = """
import sys
from sightline.flows.server import supervisor
supervisor._FIRST_SECONDS, supervisor._MOST_SECONDS = 0.1, 0.4
supervisor.Supervisor(sys.argv[1:]).run()
"""


def supervised(*command):
    program = [sys.executable, "-c", PROGRAM, *command]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_worker_that_dies_starts_again_after_growing_waits_up_to_a_bound():
    with supervised("sh", "-c", "kill -KILL $$") as process:
        lines = [process.stderr.readline() for _ in range(4)]
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert all("signal 9" in line and "Ctrl-C" in line for line in lines)
    waits = [float(re.search(r"again in (\S+) s", line)[1]) for line in lines]
    assert waits == [0.1, 0.2, 0.4, 0.4]


def test_worker_with_wrong_options_is_not_started_again():
    with supervised("sh", "-c", "echo No such option: --nope >&2; exit 2") as process:
        assert process.wait() == 2
        assert process.stderr.read() == "No such option: --nope\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_the_worker_and_its_supervisor(number):
    waiting = "import signal; print(1, flush=True); signal.pause()"
    with supervised(sys.executable, "-c", waiting) as process:
        assert process.stdout.readline() == "1\n"
        process.send_signal(number)
        assert process.wait() == 0
        assert "died" not in process.stderr.read()


def test_run_whose_process_lives_is_left_for_the_next_poll(monkeypatch):
    submitted = []

    async def submit(worker, found):
        submitted.extend(found)

    monkeypatch.setattr(worker_program, "_submit", submit)

    async def poll():
        limiter = anyio.CapacityLimiter(2)
        resumed, new = (SimpleNamespace(flow_run=SimpleNamespace(id=uuid4())) for _ in range(2))
        limiter.acquire_on_behalf_of_nowait(resumed.flow_run.id)
        await worker_program.submit_ended(SimpleNamespace(_limiter=limiter), [resumed, new])
        return new

    assert submitted == [anyio.run(poll)]
