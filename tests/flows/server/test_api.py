import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
from sightline.flows.server import api as server
server.configure(verbose=False)
print(server.configured_url())
if server.configured_url() is None:
    private = server.PrivateServer(verbose=False)
    private.wait()
    from prefect.settings import PREFECT_API_URL
    assert PREFECT_API_URL.value() == private._url, PREFECT_API_URL.value()
    print(private._url, private._process.pid)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("prefect")


def start(program, home, **changes):
    environment = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    environment |= {"PREFECT_HOME": str(home), **changes}
    command, pipe = [sys.executable, "-c", program], subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def run_program(home, program=PROGRAM, **changes):
    process = start(program, home, **changes)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output.split()


def test_server_of_the_profile_is_used_and_before_it_that_of_the_environment(home):
    other, url = "http://127.0.0.1:1/api", "http://127.0.0.1:2/api"
    profiles = home / "profiles.toml"
    profiles.write_text(f'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "{url}"\n')
    assert run_program(home) == [url]
    assert run_program(home, PREFECT_API_URL=other) == [other]
    profiles.unlink()


@pytest.mark.parametrize("profiles", ["", 'active = "mine"\n[profiles.mine]\n'])
def test_private_server_listens_on_loopback_and_ends_with_its_run(home, profiles):
    if profiles:
        (home / "profiles.toml").write_text(profiles)
    configured, url, pid = run_program(home)
    assert configured == "None"
    assert url.startswith("http://127.0.0.1:")
    assert not Path(f"/proc/{pid}").exists()


START = """
import os, time
from pathlib import Path
from sightline.flows.server import api as server
private = server.PrivateServer(verbose=False)
"""
KILLED = f"""{START}
private.wait()
print(private._process.pid, flush=True)
time.sleep(600)
"""


def test_private_server_of_a_killed_run_ends(home):
    with start(KILLED, home) as parent:
        status = Path(f"/proc/{int(parent.stdout.readline())}/status")
        assert status.exists()
        parent.kill()
    while status.exists() and "State:\tZ" not in status.read_text():
        time.sleep(0.05)


@pytest.mark.campaign
def test_two_first_runs_at_once_both_get_a_server(tmp_path):
    both = [start(PROGRAM, tmp_path) for _ in range(2)]
    errors = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors


UNUSED = f"""{START}
database = Path(os.environ["PREFECT_HOME"], "prefect.db")
while not database.exists():
    time.sleep(0.01)
print(private._process.pid)
"""


def test_killed_start_of_a_server_does_not_break_the_next_one(tmp_path):
    (pid,) = run_program(tmp_path, UNUSED)
    assert not Path(f"/proc/{pid}").exists()
    assert run_program(tmp_path)[0] == "None"
