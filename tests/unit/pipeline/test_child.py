import os
import subprocess
import sys
from pathlib import Path

import pytest

from processes import is_running
from sightline.pipeline.child import Child, describe_exit

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "support")}


@pytest.fixture
def child():
    with Child("echo_child", "a", "b c", environment=ENVIRONMENT) as child:
        yield child


def test_requests_and_answers_of_any_size_arrive_in_order(child):
    assert child.receive() == {"arguments": ["a", "b c"], "pid": child.pid}
    for request in ({"text": "ä\n"}, {"text": "x" * 1_000_000}):
        child.send(request)
        assert child.receive() == request


def test_end_of_a_child_is_noticed_and_explained(child, capfd):
    child.send({"number": 7})
    child.send({"leave": True})
    answers = list(iter(child.receive, None))
    assert answers[1:] == [{"number": 7}, {"last": "words"}]
    assert describe_exit(child.wait()) == "exit code 3"
    assert child.log_tail() == "heard {'number': 7}"
    assert capfd.readouterr() == ("", "")


def test_ended_child_is_gone_and_what_it_said_last_is_kept(child):
    child.receive()
    child.send({"leave": True})
    child.wait()
    assert child.end() == [{"last": "words"}]
    assert describe_exit(-9) == "signal 9"


def test_child_of_a_killed_parent_ends():
    program = (
        "from sightline.pipeline.child import Child\n"
        "child = Child('echo_child')\n"
        "print(child.receive()['pid'], flush=True)\n"
        "child.receive()\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as parent:
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
        parent.wait()
    while is_running(pid):
        os.sched_yield()


def test_file_in_the_users_folder_does_not_stand_in_for_a_library(tmp_path, monkeypatch):
    (tmp_path / "queue.py").write_text("raise SystemExit('planted')")
    monkeypatch.chdir(tmp_path)
    with Child("echo_child", environment=ENVIRONMENT) as child:
        assert child.receive() is not None
