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
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager, ExitStack, suppress
from importlib.metadata import version
from math import inf
from pathlib import Path
from typing import NamedTuple

import httpx
from pydantic import TypeAdapter

from sightline.errors import ConfigError, RunError, StorageError
from sightline.storage import files, locks, user_cache

IDLE_MINUTES = "SIGHTLINE_SERVER_IDLE_MINUTES"
_DEFAULT_MINUTES = 10
_PASSWORD = "PREFECT_SERVER_API_AUTH_STRING"  # noqa: S105 - the variable's name
# -P: a file in the user's folder must not stand in for a library
_PROGRAM = (sys.executable, "-P", "-m", "sightline.flows.server.ephemeral")
_SWITCHED_OFF = dict.fromkeys(
    (
        "PREFECT_SERVER_ANALYTICS_ENABLED",
        "PREFECT_SERVER_REGISTER_BLOCKS_ON_START",  # of pages; a run registers those that it uses
        "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED",  # of automations, which need a shared server
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED",  # for pages and automations
    ),
    "false",
)
"""Settings that leave out what a private server is not used for."""
_LOOPBACK = "127.0.0.1"
# A server that creates its database needs more than Prefect's default of 20 seconds
_START_SECONDS = 120
_STOP_SECONDS = 15  # Time to end before it is killed
_POLL_SECONDS = 0.1
_OPTION = "PREFECT_HOME or XDG_CACHE_HOME"  # Selects another folder, for messages
_LOG_TAIL_CHARACTERS = 4000
_DAMAGED = "file is not a database|database disk image is malformed"  # Messages of SQLite
_OLD_SECONDS = 30 * 24 * 3600  # Unused time after which the folder of another release is removed

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
        with files.storage_errors(home, _OPTION):
            _held.enter_context(locks.shared(home / "users.lock", "Waiting for Prefect to stop"))
            os.utime(home / "users.lock")
            with _changing(home):
                self._address = _running(home) or _start(home)
        _use(self._address)

    @property
    def address(self) -> Address:
        """Where it answers."""
        return self._address

    def wait(self) -> None:
        """Wait until the server answers. Raises RunError if it ended, or did not answer in time."""
        if not self._answers():
            written = ""
            with suppress(OSError):
                written = self._address.log.read_text(errors="replace").strip()
            if re.search(_DAMAGED, written):
                raise RunError(
                    f"The database {self._address.home}/prefect.db of the private Prefect server "
                    "is damaged; remove it, which only loses the list of flow runs, and run again."
                )
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
    with files.storage_errors(home, _OPTION), _changing(home):
        return _running(home)


def stop(address: Address) -> None:
    """End a private server, also one that hangs, and wait until it has ended."""
    home = Path(address.home)
    with _changing(home):
        for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, inf)):
            end = time.monotonic() + seconds
            if _running(home) == address:
                os.kill(address.pid, number)
            while _running(home) == address and time.monotonic() < end:
                time.sleep(_POLL_SECONDS)


def folder() -> Path:
    """Return the folder of the server and its database, which no other Prefect server opens.

    There is one for each release of Prefect and each machine, which may share a home. Raises
    StorageError if it cannot be written.
    """
    name = f"prefect/{version('prefect')}-{platform.node()}"
    home = os.environ.get("PREFECT_HOME")
    if home is None:
        return user_cache.folder(name)
    path = Path(home).expanduser().absolute() / "sightline" / name
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"PREFECT_HOME is {home}, where {path} cannot be made ({error.strerror}); set it to a "
            "folder of your own, or unset it."
        ) from None
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


def _changing(home: Path) -> AbstractContextManager[None]:
    """Let one process at a time start the server, end it or look for it."""
    return locks.alone(home / "start.lock", "starting Prefect")


def _running(home: Path) -> Address | None:
    if not _is_alive(home):
        return None
    with suppress(OSError, ValueError):
        found = TypeAdapter(Address).validate_json((home / "server.json").read_bytes())
        if home.samefile(found.home):
            return found
    raise RunError(  # the command that started it was killed, or the file is that of another one
        f"A private Prefect server runs, but {home}/server.json does not say where; wait for "
        f"{idle_minutes():g} minutes, until it ends, or end the process of `{_PROGRAM[-1]}`."
    )


def _is_alive(home: Path) -> bool:
    """Return whether a server runs; wait for one that has removed its address, since it ends.

    Its locks are released one after the other: that of its users may be free before its own.
    """
    end = time.monotonic() + _STOP_SECONDS
    while True:
        with locks.alone_if_free(home / "server.lock") as is_free:
            if is_free:
                return False
        if (home / "server.json").exists() or time.monotonic() > end:
            return True
        time.sleep(_POLL_SECONDS)


def _start(home: Path) -> Address:
    """Start the server: it inherits a socket that listens, and the lock that says that it lives."""
    minutes = idle_minutes()
    password = f"sightline:{secrets.token_urlsafe(32)}"
    # The settings of this command, such as its database, are not those of all
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {
        **kept,
        "PREFECT_HOME": str(home),
        **_SWITCHED_OFF,
        _PASSWORD: password,
    }
    (home / "server.json").unlink(missing_ok=True)
    _remove_old(home)
    with (
        socket.create_server((_LOOPBACK, 0)) as listener,
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
        try:
            with files.new_file(home / "server.json", mode=0o600) as file:
                file.write_text(json.dumps(address._asdict()))
        except BaseException:  # nobody would find it
            process.kill()
            raise
    return address


def _remove_old(home: Path) -> None:
    """Remove the folders that other releases of Prefect have on this machine, if long unused."""
    for path in home.parent.iterdir():
        users = path / "users.lock"
        with suppress(OSError):
            is_old = time.time() - users.stat().st_mtime > _OLD_SECONDS
            if is_old and path != home and path.name.partition("-")[2] == platform.node():
                with locks.alone_if_free(users) as is_free:
                    if is_free:
                        files.set_aside(path)


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
