"""Settings read from the worker's environment."""

import os
from datetime import datetime
from pathlib import Path

from sightline.errors import ConfigError
from sightline.records import Run
from sightline.storage.workspace import Workspace


def run(run_id: str, *, started: datetime | None = None, refresh: bool = False) -> Run:
    """Describe a run, requested now by default, with the directories of this worker.

    Raises ConfigError if SIGHTLINE_ARTIFACTS is not an absolute path.
    """
    data_dir = os.environ.get("SIGHTLINE_DATA_DIR")
    given = {} if started is None else {"started": started}
    return Run(
        id=run_id,
        workspace=workspace(),
        data_dir=Path(data_dir) if data_dir else None,
        mirror=os.environ.get("SIGHTLINE_MIRROR"),
        refresh=refresh,
        **given,
    )


def workspace() -> Workspace:
    """Return the workspace of this worker; raise ConfigError if its path is not absolute.

    A worker runs each flow in its own temporary directory; a relative path would be lost with it.
    """
    found = os.environ.get("SIGHTLINE_ARTIFACTS", "")
    if not Path(found).is_absolute():
        raise ConfigError(
            f"SIGHTLINE_ARTIFACTS is {found!r} in the environment of this worker; expected the "
            "absolute path of the directory for caches and runs, on storage that all workers share."
        )
    return Workspace(Path(found))


def gpu_is_optional() -> bool:
    """Return whether training may run without a GPU, which SIGHTLINE_GPU=optional allows."""
    return os.environ.get("SIGHTLINE_GPU") == "optional"
