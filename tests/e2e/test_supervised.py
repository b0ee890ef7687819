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

    (log,) = factory.logs.glob("worker-spare-*.log")

    def works(times):
        wait_for("the worker says so", lambda: log.read_text().count("started!") == times)

    works(1)  # it is online before
    (killed,) = workers()
    os.kill(killed, signal.SIGKILL)
    (again,) = wait_for("another starts", lambda: workers(killed))
    assert "died with signal 9; it starts again in 1 s" in log.read_text()
    works(2)
    end(made)
    factory.workers.remove(made)
    assert not is_running(again)
