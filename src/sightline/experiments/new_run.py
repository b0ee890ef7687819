"""New runs: their IDs, and the lock of an active run."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sightline.errors import InputError, RunExistsError
from sightline.experiments import run_folder
from sightline.storage import claims, files, locks
from sightline.storage.claims import ClaimedError
from sightline.storage.object_store import ObjectStore
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
    if run_folder.exists(workspace, run_id):
        raise already_exists(workspace, run_id)


def already_exists(workspace: Workspace, run_id: str) -> RunExistsError:
    """Return the error for a run that already exists."""
    return RunExistsError(
        f"The run {run_id!r} already exists in {workspace}; choose another --run-id."
    )


@contextmanager
def claim(workspace: Workspace, run_id: str) -> Iterator[None]:
    """Reserve a new run ID; the kernel releases it when the process dies.

    On object storage it is reserved for all machines, until two minutes after the process dies.
    The workspace is created if it is missing; hold `workspace.in_use()`, since a cleanup removes
    the locks of runs. Unpublished files of a killed run with this ID are removed.

    Raises InputError if the ID is malformed, RunExistsError if the run exists or is active, and
    StorageError if the artifacts root cannot be written.
    """
    check_new(workspace, run_id)
    folder, lock = run_folder.folder(workspace, run_id), _lock(workspace, run_id)
    with ExitStack() as held:
        with workspace.storage_errors():
            alone = held.enter_context(locks.alone_if_free(lock))
        if not alone:
            raise RunExistsError(
                f"The run {run_id!r} is active in {workspace}; choose another --run-id, or wait "
                "for it to end."
            )
        if workspace.store:
            held.enter_context(_claim(workspace, workspace.store, run_id))
        check_new(workspace, run_id)  # it may have been published before the lock was free
        files.remove_leftovers(folder)
        try:
            yield
        finally:
            with suppress(OSError):
                lock.unlink()


def check_claim(workspace: Workspace, run_id: str) -> None:
    """Raise RunExistsError if another machine took over the ID, since this one was silent."""
    if (store := workspace.store) is None:
        return
    if claims.is_lost(store, workspace.root, _name(run_id)) or run_folder.exists(workspace, run_id):
        raise already_exists(workspace, run_id)


def expect(workspace: Workspace, run_id: str) -> None:
    """Leave a sign of a run that other processes will claim, for `is_claimed` in a folder.

    Raises StorageError if the artifacts root cannot be written.
    """
    if workspace.store is None:
        lock = _lock(workspace, run_id)
        with workspace.storage_errors():
            files.make_folder(lock.parent)
            lock.touch()


def is_claimed(workspace: Workspace, run_id: str) -> bool:
    """Return whether a run has reserved its ID or, in a folder, is expected to.

    One that was killed may still have it.
    """
    if workspace.store:
        return claims.find(workspace.store, _name(run_id)) is not None
    return run_folder.is_id(run_id) and os.path.lexists(_lock(workspace, run_id))


@contextmanager
def _claim(workspace: Workspace, store: ObjectStore, run_id: str) -> Iterator[None]:
    name = _name(run_id)
    with ExitStack() as held:
        try:
            held.enter_context(claims.held(store, workspace.root, name))
        except ClaimedError as other:
            raise RunExistsError(
                f"The run {run_id!r} is active in {workspace}, reserved by {other.claim.by}; "
                "choose another --run-id, or wait for it to end."
            ) from None
        yield


def _name(run_id: str) -> str:
    """Return the name of the claim."""
    return f"run/{run_id}"


def _lock(workspace: Workspace, run_id: str) -> Path:
    return run_folder.folder(workspace, run_id).with_name(f".{run_id}.lock")
