"""A worker of `make worker` that is killed."""

import os
import signal

from processes import command_line, descendants, is_running, wait_for
from stack import end


def test_killed_worker_starts_again_with_a_message_until_it_is_interrupted(factory):
    factory.client.post("/work_pools/", json={"name": "spare", "type": "process"})
    made = factory.start_worker("spare")

    def workers(*but):
        below = [pid for pid in descendants(made.pid) if pid not in but]
        return [pid for pid in below if "worker_program" in command_line(pid)]

    (killed,) = workers()
    os.kill(killed, signal.SIGKILL)
    (again,) = wait_for("another starts", lambda: workers(killed))
    (log,) = factory.logs.glob("worker-spare-*.log")
    assert "died with signal 9; it starts again in 1 s" in log.read_text()
    wait_for("it works", lambda: log.read_text().count("started!") == 2)
    end(made)
    factory.workers.remove(made)
    assert not is_running(again)
