"""The private Prefect server of a user, where no other is configured.

The first command starts it and those after it use it too. It listens on loopback, takes a password
that only this user can read, and ends when no command has used it for some minutes. Prefect can
start a temporary server itself, but only at the first call, while the caller waits; started here,
it starts up in parallel with other work.

Who uses the server holds a shared lock, `users.lock`, and the server holds `server.lock`, both as
long as they live: the kernel releases them whatever happens.
"""

import json
import logging
import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import httpx

from sightline.errors import ConfigError, RunError
from sightline.storage import files, locks, user_cache

IDLE_MINUTES = "SIGHTLINE_SERVER_IDLE_MINUTES"
_DEFAULT_MINUTES = 10
_PASSWORD = "PREFECT_SERVER_API_AUTH_STRING"  # noqa: S105 - the variable's name
# -P: a file in the user's folder must not stand in for a library
_PROGRAM = (sys.executable, "-P", "-m", "sightline.flows.server.ephemeral")
_LOOPBACK = "127.0.0.1"
# A server that creates its database needs more than Prefect's default of 20 seconds
_START_SECONDS = 120
_LOG_TAIL_CHARACTERS = 4000

_log = logging.getLogger("sightline.server")
_held = ExitStack()  # Until this process ends, after the last events of Prefect


class Address(NamedTuple):
    """Where a private server answers, and what it asks for."""

    port: int
    password: str  # As Prefect has it: user:password
    pid: int
    idle_minutes: float
    home: str  # The folder with its database

    @property
    def log(self) -> Path:
        """The file of its log."""
        return Path(self.home, "server.log")

    @property
    def url(self) -> str:
        """The URL of the API."""
        return f"http://{_LOOPBACK}:{self.port}/api"


class PrivateServer:
    """The server as one command sees it."""

    def __init__(self) -> None:
        """Find or start the server and configure Prefect to use it; `wait` until it answers."""
        home = folder()
        _held.enter_context(locks.shared(home / "users.lock", "Waiting for Prefect to stop"))
        os.utime(home / "users.lock")
        with locks.alone(home / "start.lock", "starting Prefect"):
            self._address = running() or _start(home)
        _use(self._address)

    @property
    def address(self) -> Address:
        """Where it answers."""
        return self._address

    def wait(self) -> None:
        """Wait until the server answers. Raises RunError if it ended, or did not answer in time."""
        if not self._answers():
            with suppress(OSError):
                written = self._address.log.read_text(errors="replace").strip()
                _log.error("Its log ends with:\n%s", written[-_LOG_TAIL_CHARACTERS:])
            raise RunError(
                f"The private Prefect server does not answer, see {self._address.log}; `sightline "
                "ops private --stop` ends it, and the next command starts another."
            )

    def _answers(self) -> bool:
        url, password = f"{self._address.url}/admin/version", self._address.password
        with (
            suppress(httpx.HTTPError),
            httpx.Client(timeout=_START_SECONDS, verify=False, trust_env=False) as client,  # noqa: S501 - no TLS
        ):
            return client.get(url, auth=httpx.BasicAuth(*password.split(":"))).is_success
        return False


def running() -> Address | None:
    """Return the address of this user's private server, if it runs."""
    home = folder()
    with locks.alone_if_free(home / "server.lock") as is_free:
        if is_free:
            return None
    with suppress(OSError, ValueError, TypeError):  # it is just being started
        return Address(**json.loads((home / "server.json").read_text()))
    return None


def stop(address: Address) -> None:
    """End a private server, and wait until it has ended."""
    with suppress(ProcessLookupError):
        os.kill(address.pid, signal.SIGTERM)
    with locks.alone(Path(address.home, "server.lock"), "Waiting for the private server to end"):
        pass


def folder() -> Path:
    """Return the folder of the server and its database, which no other Prefect server opens.

    There is one for each release of Prefect and each machine, which may share a home.
    """
    name = f"prefect/{version('prefect')}-{platform.node()}"
    home = os.environ.get("PREFECT_HOME")
    if home is None:
        return user_cache.folder(name)
    path = Path(home).expanduser().absolute() / "sightline" / name
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def idle_minutes() -> float:
    """Return after how many unused minutes a private server ends."""
    given = os.environ.get(IDLE_MINUTES, str(_DEFAULT_MINUTES))
    with suppress(ValueError):
        if 0 <= (minutes := float(given)) < float("inf"):
            return minutes
    raise ConfigError(
        f"{IDLE_MINUTES} is {given!r}; set it to the minutes after which an unused private Prefect "
        "server ends, 0 or more."
    )


def _start(home: Path) -> Address:
    """Start the server: it inherits a socket that listens, and the lock that says that it lives."""
    minutes = idle_minutes()
    listener = socket.create_server((_LOOPBACK, 0))
    password = f"sightline:{secrets.token_urlsafe(32)}"
    environment = {**os.environ, "PREFECT_HOME": str(home), _PASSWORD: password}
    with (
        locks.inheritable(home / "server.lock") as lock,
        (home / "server.log").open("wb") as log,
    ):
        process = subprocess.Popen(
            [*_PROGRAM, str(listener.fileno()), str(home), str(minutes)],
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[listener.fileno(), lock],
            start_new_session=True,  # it outlives the command, and its Ctrl-C
        )
    address = Address(listener.getsockname()[1], password, process.pid, minutes, str(home))
    with files.new_file(home / "server.json", mode=0o600) as file:
        file.write_text(json.dumps(address._asdict()))
    listener.close()
    return address


def _use(address: Address) -> None:
    os.environ["PREFECT_HOME"] = address.home
    os.environ["PREFECT_API_URL"] = address.url
    os.environ["PREFECT_API_AUTH_STRING"] = address.password
    os.environ["PREFECT_UI_ENABLED"] = "false"  # an ephemeral server has no pages
    for name in ("NO_PROXY", "no_proxy"):  # a proxy cannot reach loopback
        known = os.environ.get(name)
        os.environ[name] = f"{known},{_LOOPBACK}" if known else _LOOPBACK
    if "prefect" in sys.modules:
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()
