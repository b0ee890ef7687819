"""Would a run work here? Versions, device, server, storage, disk."""

import importlib.metadata
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement

from sightline.errors import SightlineError
from sightline.pipeline.api_health import check_api
from sightline.storage.workspace import Workspace

_DISTRIBUTION = "sightline"
_MINIMUM_FREE_BYTES = 1 << 30
"""MNIST's caches take about 0.3 GB; below 1 GB a run is not worth starting."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: its name, whether it will do, and what was found."""

    name: str
    passed: bool
    found: str


def check_all(
    workspace: Workspace, api_url: str | None, find_device: Callable[[], str]
) -> list[Check]:
    """Look at everything that a run needs.

    Args:
        api_url: The configured Prefect API, if any.
        find_device: Describes the device that Keras would use.

    Returns:
        The checks, failed ones among them.
    """
    return [
        Check("python", True, platform.python_version()),
        *_check_versions(),
        _guarded("device", find_device),
        _guarded("server", lambda: _find_server(api_url)),
        _guarded("storage", lambda: _find_storage(workspace)),
        _guarded("free disk", lambda: _find_free_disk(workspace)),
    ]


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


def _guarded(name: str, find: Callable[[], str]) -> Check:
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
    return f"{workspace} can be written"


def _find_free_disk(workspace: Workspace) -> str:
    free = shutil.disk_usage(workspace.root).free
    if free < _MINIMUM_FREE_BYTES:
        raise OSError(f"{free / 1e9:.1f} GB free in {workspace}; a run needs at least 1 GB")
    return f"{free / 1e9:.1f} GB"
