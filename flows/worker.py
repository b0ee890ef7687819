"""What a worker's environment tells a deployed flow: where results and data lie."""

import os
from datetime import datetime
from pathlib import Path

from sightline.errors import ConfigError
from sightline.records import Run
from sightline.storage.workspace import Workspace

_OPTIONAL = "optional"


def run(run_id: str, *, started: datetime | None = None, refresh: bool = False) -> Run:
    """Describe a run with the folders of this worker.

    Args:
        run_id: Id of the run.
        started: When it was asked for; now by default.
        refresh: Whether to make every stage again.

    Raises:
        ConfigError: SIGHTLINE_ARTIFACTS is not an absolute path.
        StorageError: It cannot be written.
    """
    data_dir = os.environ.get("SIGHTLINE_DATA_DIR")
    given = {} if started is None else {"started": started}
    return Run(
        id=run_id,
        workspace=Workspace(artifacts()),
        data_dir=Path(data_dir) if data_dir else None,
        mirror=os.environ.get("SIGHTLINE_MIRROR"),
        refresh=refresh,
        **given,
    )


def artifacts() -> Path:
    """Return the artifacts root of this worker.

    Raises:
        ConfigError: SIGHTLINE_ARTIFACTS is not an absolute path. A worker runs each flow in
            a folder of its own, so a relative one would be lost with it.
        StorageError: It cannot be written.
    """
    found = os.environ.get("SIGHTLINE_ARTIFACTS", "")
    if not Path(found).is_absolute():
        raise ConfigError(
            f"SIGHTLINE_ARTIFACTS is {found!r} in the environment of this worker; expected the "
            "absolute path of the folder for caches and runs, the same storage for all workers."
        )
    Workspace(Path(found)).check_writable()
    return Path(found)


def gpu_is_optional() -> bool:
    """Tell whether a training may go on without a GPU; SIGHTLINE_GPU=optional says so."""
    return os.environ.get("SIGHTLINE_GPU") == _OPTIONAL
