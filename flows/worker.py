"""Settings read from the worker's environment."""

import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field

from sightline.data import locate
from sightline.errors import ArtifactsRootError, ConfigError, InputError
from sightline.experiments import new_run
from sightline.records import Run
from sightline.storage.store_url import is_url
from sightline.storage.workspace import Workspace

Dataset = Annotated[str, Field(min_length=1, json_schema_extra={"pattern": locate.SAME_EVERYWHERE})]
"""The data set of a deployment. The server refuses a relative path when a run is created; where a
run gets one in another way, `locate.check_same_everywhere` ends it with a sentence."""


def run(run_id: str, *, started: datetime | None = None, refresh: bool = False) -> Run:
    """Describe a run, requested now by default, with the directories of this worker.

    Raises ConfigError if SIGHTLINE_ARTIFACTS or SIGHTLINE_DATA_DIR is not an absolute path.
    """
    data_dir = os.environ.get("SIGHTLINE_DATA_DIR")
    given = {} if started is None else {"started": started}
    return Run(
        id=run_id,
        workspace=workspace(),
        data_dir=_directory("SIGHTLINE_DATA_DIR", "local copies of data sets")
        if data_dir
        else None,
        mirror=os.environ.get("SIGHTLINE_MIRROR"),
        refresh=refresh,
        **given,
    )


def workspace() -> Workspace:
    """Return the workspace of this worker.

    Raises ConfigError if it is neither a URL of object storage nor an absolute path.
    """
    found = os.environ.get("SIGHTLINE_ARTIFACTS", "")
    if is_url(found):
        try:
            return Workspace.open(found)
        except InputError as error:
            raise ConfigError(f"SIGHTLINE_ARTIFACTS: {error}") from None
    purpose = "caches and runs, on storage that all workers share"
    return Workspace(_directory("SIGHTLINE_ARTIFACTS", purpose))


def check_shared(run: Run, artifacts: str | None) -> None:
    """Check that this worker has the artifacts root of those who wait for a run.

    It is the same URL, or a folder in which the run was claimed or is expected. Raises
    ArtifactsRootError if not.
    """
    if artifacts != run.workspace.url:
        raise ArtifactsRootError(
            f"The run {run.id}, which this training is for, has its artifacts in "
            f"{artifacts or 'a folder'}, this worker in {run.workspace}; SIGHTLINE_ARTIFACTS of "
            "both must name the same storage."
        )
    if artifacts is None and not new_run.is_claimed(run.workspace, run.id):
        raise ArtifactsRootError(
            f"The run {run.id}, which this training is for, is not active in {run.workspace} of "
            f"the worker on {socket.gethostname()}; SIGHTLINE_ARTIFACTS of both must name the same "
            "storage. If that run has ended in the meantime, start it again."
        )


def _directory(variable: str, purpose: str) -> Path:
    """Read an absolute path from the environment; raise ConfigError if it is another, or a URL.

    A worker runs each flow in its own temporary directory; a relative path would be lost with it.
    """
    found = os.environ.get(variable, "")
    if not Path(found).is_absolute():
        shown = "a URL" if "://" in found else repr(found)  # a URL may contain a password
        raise ConfigError(
            f"{variable} is {shown} in the environment of this worker; expected the absolute path "
            f"of the directory for {purpose}."
        )
    return Path(found)


def gpu_is_optional() -> bool:
    """Return whether training may run without a GPU, which SIGHTLINE_GPU=optional allows."""
    return os.environ.get("SIGHTLINE_GPU") == "optional"
