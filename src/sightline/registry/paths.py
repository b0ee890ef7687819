"""Where the registry keeps its files, and the names of data sets and versions."""

import re
from pathlib import Path

from sightline.errors import InputError
from sightline.storage import sync
from sightline.storage.workspace import Workspace

LAST_EVENT = "last_event.json"
VERSION = "version.json"
MODEL = "model.keras"
MANIFEST = "manifest.json"
CERTIFICATE = "certificate.json"
PROFILE = "profile.parquet"  # Of the test images; versions of earlier runs have none

_DATASET = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
DATASET = f"^{_DATASET.pattern}$"
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_NAME = re.compile(rf"({_DATASET.pattern})-v({_NUMBER.pattern})")


def name(dataset: str, number: int) -> str:
    """Return the name of a version, such as `mnist-v3`."""
    return f"{dataset}-v{number}"


def parse(version: str) -> tuple[str, int] | None:
    """Return the data set and the number in a version's name; None if it is not such a name."""
    found = _NAME.fullmatch(version)
    return (found[1], int(found[2])) if found else None


def datasets(workspace: Workspace) -> list[str]:
    """List the data sets that the registry has anything of, by name."""
    pull(workspace)
    folder = workspace.path("models")
    if not folder.is_dir():
        return []
    return sorted(
        path.name
        for path in folder.iterdir()
        if _DATASET.fullmatch(path.name)
        and any((path / name).exists() for name in ("audit", "versions", LAST_EVENT))
    )


def pull(workspace: Workspace, dataset: str | None = None) -> None:
    """Bring the records of a data set, or of all, from the object store, if there is one."""
    sync.pull(workspace, f"models/{dataset}/" if dataset else "models/", _is_record)


def _is_record(key: str) -> bool:
    """Return whether a file is read as a whole; models and exports are fetched one by one.

    Hidden files are none: locks, and what another process of this machine is writing.
    """
    return "/." not in key and ("/versions/" not in key or key.endswith(f"/{VERSION}"))


def home(workspace: Workspace, dataset: str) -> Path:
    """Return the folder of a data set; raise InputError if it is not a data set's name."""
    if not _DATASET.fullmatch(dataset):
        raise InputError(
            f"{dataset[:60]!r} is not a data set name; expected up to 40 lower-case letters, "
            "digits and hyphens. See `sightline models list`."
        )
    return workspace.path("models") / dataset


def relative(dataset: str, number: int) -> str:
    """Return the folder of a version as POSIX path relative to the artifacts root."""
    return f"models/{dataset}/versions/{number}"


def folders(workspace: Workspace, dataset: str) -> list[Path]:
    """List the folders of a data set that may hold incomplete files; not all of them exist."""
    own = home(workspace, dataset)
    return [own, *(own / name for name in ("versions", "audit", "attestations"))]


def numbers(workspace: Workspace, dataset: str) -> list[int]:
    """List the numbers of the versions on disk, whether registered or not."""
    folder = home(workspace, dataset) / "versions"
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if _NUMBER.fullmatch(path.name))
