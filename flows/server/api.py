"""The Prefect API that a run uses: the configured one, or a private one on loopback."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import httpx

from sightline.errors import ServerError
from sightline.flows.server.private import PrivateServer
from sightline.pipeline.doctor import check_api
from sightline.storage.addresses import is_loopback

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

_QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
_SHARED = {
    # Leases in memory are lost in a restart, and their slots stay taken forever.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
    # A run that is lost before it runs must keep its slot until it is ended (see `lost_runs`): the
    # end of a lease would free the slot, and the end of the run would then free it once more.
    "PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION": "2400",
    # Late runs notify people; a run that waits shortly for another is not late.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "600",
}
_PASSWORD = "PREFECT_SERVER_API_AUTH_STRING"  # noqa: S105 - the variable's name
_DATABASE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
_SETTINGS_FILES = (Path("prefect.toml"), Path(".env"))


def configure(*, verbose: bool) -> None:
    """Set the environment variables that Prefect reads when it is imported.

    If `verbose`, Prefect's own log reaches the terminal; it always reaches the API.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "sightline")
    if not verbose:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def reach() -> PrivateServer | None:
    """Check the configured API as `require` does; without one, find or start the private server."""
    if configured_url() is None:
        return PrivateServer()
    require()
    return None


def require() -> None:
    """Check that a Prefect API is configured and answers.

    Raises ServerError if none is configured, it does not answer, or its URL contains a password.
    """
    url = configured_url()
    if url is None:
        raise ServerError(
            "No Prefect server is configured; start one with `sightline ops server`, then set "
            "PREFECT_API_URL=http://127.0.0.1:4200/api."
        )
    check_api(url)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn HTTP errors of the server into a ServerError."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        raise ServerError(
            f"The Prefect server refused the request ({error.response.status_code} "
            f"{error.response.reason_phrase}); check PREFECT_API_AUTH_STRING, and that the server "
            "has the same version."
        ) from None
    except httpx.TransportError as error:
        raise ServerError(
            f"The connection to the Prefect server broke ({error}); try again."
        ) from None


@contextmanager
def connected() -> Iterator["SyncPrefectClient"]:
    """Connect to the configured server, without Prefect's log; raise ServerError as `require`."""
    configure(verbose=False)
    require()
    from prefect.client.orchestration import get_client

    with refusals(), get_client(sync_client=True) as client:
        yield client


def run_prefect(*arguments: str) -> None:
    """Run a command of Prefect in this process: to import Prefect in another one takes seconds."""
    from prefect.cli import app

    own, sys.argv = sys.argv, ["prefect", *arguments]
    try:
        app()
    finally:
        sys.argv = own


def serve(host: str, port: int, database: str | None = None) -> NoReturn:
    """Replace this process by a Prefect server for several machines or deployments.

    `database` is the URL of one of PostgreSQL; by default, Prefect's settings name it: SQLite in
    ~/.prefect. Raises ServerError if the server would listen beyond loopback without a password,
    and as `postgres.checked`.
    """
    user, _, password = os.environ.get(_PASSWORD, "").partition(":")
    if not is_loopback(host) and not (user.strip() and password.strip()):
        raise ServerError(
            f"A server on {host} without a password lets everybody who can reach it run code on "
            f"your workers; set {_PASSWORD}=USER:PASSWORD (and PREFECT_API_AUTH_STRING to the "
            "same value for workers), or listen on 127.0.0.1."
        )
    for name, value in {**_QUIET, **_SHARED}.items():
        os.environ.setdefault(name, value)
    if database is not None:
        from sightline.flows.server import postgres

        os.environ[_DATABASE] = postgres.checked(database)
    # The pages ask this address; Prefect has read its settings when it reads its options.
    os.environ |= {"PREFECT_SERVER_API_HOST": host, "PREFECT_SERVER_API_PORT": str(port)}
    if configured_url() is None:  # else, links in messages follow from that address
        os.environ.setdefault("PREFECT_UI_URL", f"http://{_reachable(host)}:{port}")
    program = [sys.executable, "-P", "-m", "sightline.flows.server.shared"]
    os.execv(sys.executable, [*program, "--host", host, "--port", str(port)])  # noqa: S606 - replaces this process


def _reachable(host: str) -> str:
    """Return a host for links: this machine's name if the server listens on all its addresses."""
    name = socket.gethostname() if host in {"0.0.0.0", "::"} else host  # noqa: S104 - no bind
    return f"[{name}]" if ":" in name else name


def configured_url() -> str | None:
    """Return the URL of the API set in the environment or in Prefect's settings."""
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    profiles = Path(os.environ.get("PREFECT_PROFILES_PATH", home / "profiles.toml"))
    project = Path("pyproject.toml")
    in_project = project.exists() and b"[tool.prefect" in project.read_bytes()
    if not in_project and not any(path.exists() for path in (profiles, *_SETTINGS_FILES)):
        return None  # without importing Prefect, which takes a second
    from prefect.settings import PREFECT_API_URL

    in_profile: str | None = PREFECT_API_URL.value()
    return in_profile
