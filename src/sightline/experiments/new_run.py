"""New runs: their IDs, and the lock of an active run."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sightline.errors import InputError, RunExistsError
from sightline.experiments import run_folder
from sightline.storage import files, locks
from sightline.storage.workspace import Workspace


def new_id(dataset: str, recipe: str) -> str:
    """Return a run ID that sorts by time: `<UTC time>-<dataset>-<recipe>-<6 hex digits>`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{dataset}-{recipe}-{secrets.token_hex(3)}"


def check_new(workspace: Workspace, run_id: str) -> None:
    """Check that a run ID is well formed and not in use.

    Raises InputError if it is malformed, and RunExistsError if the run exists.
    """
    if not run_folder.is_id(run_id):
        raise InputError(
            f"The run ID {run_id[:130]!r} is invalid: expected a letter or digit, then up to 119 "
            "letters, digits, '.', '_' or '-'. Choose another --run-id."
        )
    if os.path.lexists(run_folder.folder(workspace, run_id)):  # a broken link counts as well
        raise already_exists(workspace, run_id)


def already_exists(workspace: Workspace, run_id: str) -> RunExistsError:
    """Return the error for a run that already exists."""
    return RunExistsError(
        f"The run {run_id!r} already exists in {workspace}; choose another --run-id."
    )


@contextmanager
def claim(workspace: Workspace, run_id: str) -> Iterator[None]:
    """Reserve a new run ID; the kernel releases it when the process dies.

    The workspace is created if it is missing; hold `workspace.in_use()`, since a cleanup removes
    the locks of runs. Unpublished files of a killed run with this ID are removed.

    Raises InputError if the ID is malformed, RunExistsError if the run exists or is active, and
    StorageError if the artifacts root cannot be written.
    """
    check_new(workspace, run_id)
    folder, lock = run_folder.folder(workspace, run_id), _lock(workspace, run_id)
    with ExitStack() as held:
        with files.storage_errors(workspace.root):
            alone = held.enter_context(locks.alone_if_free(lock))
        if not alone:
            raise RunExistsError(
                f"The run {run_id!r} is active in {workspace}; choose another --run-id, or wait "
                "for it to end."
            )
        check_new(workspace, run_id)  # it may have been published before the lock was free
        files.remove_leftovers(folder)
        try:
            yield
        finally:
            with suppress(OSError):
                lock.unlink()


def is_claimed(workspace: Workspace, run_id: str) -> bool:
    """Return whether a run has reserved its ID here; one that was killed may still have it."""
    return run_folder.is_id(run_id) and os.path.lexists(_lock(workspace, run_id))


def _lock(workspace: Workspace, run_id: str) -> Path:
    return run_folder.folder(workspace, run_id).with_name(f".{run_id}.lock")
