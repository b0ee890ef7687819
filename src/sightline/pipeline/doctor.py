"""Checks before the first run: versions, device, Prefect API, storage, disk."""

import importlib.metadata
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from packaging.requirements import Requirement

from sightline.errors import ServerError, SightlineError
from sightline.storage.workspace import Workspace

_DISTRIBUTION = "sightline"
_ANSWER_SECONDS = 10
_MINIMUM_FREE_BYTES = 1 << 30  # The caches of MNIST take about 0.3 GB


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    passed: bool
    found: str


def check_all(
    workspace: Workspace, api_url: str | None, find_device: Callable[[], str]
) -> list[Check]:
    """Check everything that a run needs; failed checks are in the list as well."""
    return [
        Check("python", True, platform.python_version()),
        *_check_versions(),
        _check("device", find_device),
        _check("server", lambda: _find_server(api_url)),
        _check("storage", lambda: _find_storage(workspace)),
        _check("free disk", lambda: _find_free_disk(workspace)),
    ]


def check_api(url: str) -> str:
    """Return the host of a Prefect API that answers, or raise ServerError.

    That is also raised as by `check_address`.
    """
    address = check_address(url)
    if problem := _find_problem(f"{url.rstrip('/')}/health"):
        raise ServerError(
            f"The Prefect API of PREFECT_API_URL does not answer ({problem}); start it with "
            "`sightline ops server`, correct the address, or unset it to run without a server."
        )
    return address.host


def check_address(url: str) -> httpx.URL:
    """Return the URL of a Prefect API.

    Raises ServerError, which does not show it, if it is malformed or has a password.
    """
    if "@" in url:  # Prefect would show it in its log and its pages
        raise ServerError(
            "PREFECT_API_URL contains a user or a password; remove them and set "
            "PREFECT_API_AUTH_STRING=USER:PASSWORD."
        )
    with suppress(httpx.InvalidURL, ValueError):
        address = httpx.URL(url)
        if urlsplit(url).scheme in {"http", "https"} and address.host:
            return address
    raise ServerError(
        "PREFECT_API_URL is not an http:// or https:// address; set it to that of a Prefect API, "
        "such as http://127.0.0.1:4200/api, or unset it to run without a server."
    )


def _find_problem(health: str) -> str | None:
    try:
        # Without TLS, loading the certificates is wasted; redirects are not followed.
        is_secure = health.startswith("https:")
        answer = httpx.get(health, timeout=_ANSWER_SECONDS, verify=is_secure)
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    return None if answer.is_success else f"it answered {answer.status_code} {answer.reason_phrase}"


def _check_versions() -> Iterator[Check]:
    for line in importlib.metadata.requires(_DISTRIBUTION) or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield Check(requirement.name, False, f"not installed; needs {requirement.specifier}")
            continue
        fits = requirement.specifier.contains(version, prereleases=True)
        wanted = "" if fits else f"; needs {requirement.specifier}"
        yield Check(requirement.name, fits, version + wanted)


def _check(name: str, find: Callable[[], str]) -> Check:
    try:
        return Check(name, True, find())
    except (OSError, SightlineError) as error:
        return Check(name, False, str(error) or type(error).__name__)


def _find_server(api_url: str | None) -> str:
    if api_url is None:
        return "none configured; each run starts a private one"
    return f"{check_api(api_url)} answers"


def _find_storage(workspace: Workspace) -> str:
    workspace.check_writable()
    return f"{workspace} is writable"


def _find_free_disk(workspace: Workspace) -> str:
    free = shutil.disk_usage(workspace.root).free
    if free < _MINIMUM_FREE_BYTES:
        raise OSError(f"{free / 1e9:.1f} GB free in {workspace}; a run needs at least 1 GB")
    return f"{free / 1e9:.1f} GB"
