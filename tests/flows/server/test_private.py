import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from cli import refused, sightline
from processes import free_port, is_running, wait_for
from sightline.errors import ConfigError, RunError
from sightline.flows.server import ephemeral, private
from sightline.flows.server.private import Address
from sightline.storage import locks

USE = """
from sightline.flows.server.private import PrivateServer
server = PrivateServer()
server.wait()
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL
assert PREFECT_API_URL.value() == server.address.url
with get_client(sync_client=True) as client:
    assert client.read_flows() == []
print(server.address.url, server.address.pid, server.address.password, flush=True)
"""
WAIT = "import sys; sys.stdin.read()"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's home, whose private servers end with their commands."""
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setenv(private.IDLE_MINUTES, "0")
    return tmp_path


def start(program):
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True)


def answer(process):
    url, pid, password = process.stdout.readline().split()
    return url, int(pid), password


@pytest.mark.server
def test_commands_side_by_side_use_one_server_which_ends_with_the_last(home):
    with start(USE + WAIT) as first, start(USE + WAIT) as second:
        url, pid, password = answer(first)
        assert answer(second) == (url, pid, password)
        assert url.startswith("http://127.0.0.1:")
        first.kill()
        time.sleep(2)
        assert is_running(pid), "the second command uses it"
        flows = f"{url}/flows/filter"
        assert httpx.post(flows, json={}).status_code == 401
        auth = httpx.BasicAuth(*password.split(":"))
        assert httpx.post(flows, json={}, auth=auth).json() == []
        (secret,) = home.rglob("server.json")
        assert secret.stat().st_mode & 0o777 == 0o600
        second.communicate("")
    wait_for("the server ends", lambda: not is_running(pid))
    assert not secret.exists()
    assert private.running() is None


@pytest.mark.campaign
def test_next_command_uses_the_server_of_the_last_one_until_it_is_stopped_even_if_it_hangs(
    home, monkeypatch
):
    monkeypatch.setenv(private.IDLE_MINUTES, "5")
    answers = []
    for _ in range(2):
        with start(USE) as process:
            answers.append(answer(process))
    assert answers[0] == answers[1]
    url, pid, password = answers[0]
    shown = sightline("ops private")
    assert url in shown.output
    assert password not in shown.output
    assert "5 min" in shown.output
    assert str(pid) in sightline("ops private --stop").output
    assert not is_running(pid)
    assert "none" in sightline("ops private").output.lower()
    with start(USE) as process:
        _, other, _ = answer(process)
    assert other != pid
    os.kill(other, signal.SIGSTOP)  # as one that hangs
    monkeypatch.setattr(private, "_STOP_SECONDS", 0.2)
    sightline("ops private --stop")
    assert not is_running(other)


def test_home_that_cannot_be_written_is_refused_with_its_variable(home, monkeypatch):
    (home / "file").touch()
    monkeypatch.setenv("PREFECT_HOME", str(home / "file"))
    assert "PREFECT_HOME" in refused("ops private")


@pytest.mark.server
def test_database_is_not_the_one_of_the_users_own_server(home, monkeypatch):
    url = f"sqlite+aiosqlite:///{home / 'prefect.db'}"
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", url)
    with start(USE) as process:
        answer(process)
    assert not (home / "prefect.db").exists()
    (database,) = home.rglob("prefect.db")
    assert database.is_relative_to(home / "sightline")


@pytest.mark.campaign
def test_killed_start_of_a_server_does_not_break_the_next_one(home):
    with start(USE) as process:
        database = wait_for("a database", lambda: list(home.rglob("prefect.db")))
        address = private.running()
        assert address is not None
        os.kill(address.pid, 9)
        process.wait()
    assert database
    with start(USE) as process:
        assert answer(process)[1] != address.pid


@pytest.mark.parametrize("content", ["", "[]", '{"port": 1}', "foreign"])
def test_address_of_another_server_is_refused_while_one_runs(home, content):
    own = private.folder()
    if content == "foreign":
        content = json.dumps(Address(1, "a:b", 1, 1, str(home))._asdict())
    (own / "server.json").write_text(content)
    assert private.running() is None
    with (
        locks.alone(own / "server.lock", "a server"),
        pytest.raises(RunError, match=rf"{own}/server\.json.*end the process"),
    ):
        private.running()


def test_server_that_ends_is_no_server_even_if_its_lock_is_free_a_moment_later(home):
    lock = private.folder() / "server.lock"
    with locks.inheritable(lock) as descriptor:
        ending = subprocess.Popen(["sleep", "0.5"], pass_fds=[descriptor])
    assert private.running() is None, "not an error: it has removed its address"
    assert ending.wait() == 0


def test_server_that_nobody_uses_removes_its_address_before_it_ends(home, monkeypatch):
    own = private.folder()
    (own / "users.lock").touch()
    (own / "server.json").touch()

    def stop():
        with locks.alone_if_free(own / "users.lock") as is_free:
            raise RuntimeError(f"{is_free} {(own / 'server.json').exists()}")

    monkeypatch.setattr(ephemeral, "_stop", stop)
    with pytest.raises(RuntimeError, match="False False"):
        ephemeral._end_when_unused(own / "users.lock", 0)


def test_damaged_database_is_named_with_what_it_loses(home):
    server = object.__new__(private.PrivateServer)
    server._address = Address(free_port(), "a:b", 1, 1, str(home))
    server.address.log.write_text("sqlite3.DatabaseError: file is not a database\n")
    with pytest.raises(RunError, match=rf"{home}/prefect\.db .* damaged; remove it"):
        server.wait()


def test_folders_of_other_releases_are_removed_when_they_were_not_used_for_long(home):
    own = private.folder()
    places = [own.with_name(f"2.0-{platform.node()}{more}") for more in ("", "-x")]
    for place in (*places, own):
        place.mkdir(exist_ok=True)
        (place / "users.lock").touch()
        os.utime(place / "users.lock", (0, 0))
    private._remove_old(own)
    assert sorted(own.parent.iterdir()) == sorted([own, places[1]])


@pytest.mark.campaign
def test_server_ends_when_its_folder_is_gone(home, tmp_path):
    with start(USE + WAIT) as process:
        _, pid, _ = answer(process)
        (home / "sightline").rename(tmp_path / "elsewhere")
        wait_for("the server ends", lambda: not is_running(pid))
        process.communicate("")


@pytest.mark.parametrize("minutes", ["soon", "-1", "nan", "inf", ""])
def test_malformed_idle_time_is_refused_with_its_variable(home, monkeypatch, minutes):
    monkeypatch.setenv(private.IDLE_MINUTES, minutes)
    with pytest.raises(ConfigError, match=private.IDLE_MINUTES):
        private.idle_minutes()


def test_stopping_without_a_server_says_so(home):
    assert "none" in sightline("ops private --stop").output.lower()
    assert not Path(home, "sightline").exists() or private.running() is None
    assert refused("ops private --halt")
