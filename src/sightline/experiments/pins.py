"""Pinned runs, which are never pruned. A promoted run is pinned.

A pin is a file `pins/<run ID>.json` under the artifacts root, since a run folder never changes.
The file's name alone protects the run, even if its content is damaged.
"""

from datetime import UTC, datetime
from pathlib import Path

from sightline.errors import InputError
from sightline.experiments import run_folder
from sightline.records import Record
from sightline.storage import files, json_digest, sync
from sightline.storage.workspace import Workspace


class Pin(Record):
    """A pinned run: its complete ID, when it was pinned (UTC; None if damaged) and why."""

    run_id: str
    pinned: datetime | None
    reason: str = ""


def pin(workspace: Workspace, run: str, reason: str = "") -> Pin:
    """Pin a run, or update its pin; waits for a running cleanup. `run` is as for `resolve`.

    Raises InputError unless exactly one run matches, and StorageError if the artifacts root is full
    or cannot be written.
    """
    run_id = run_folder.resolve(workspace, run)
    with workspace.in_use():
        run_folder.resolve(workspace, run_id)  # the cleanup may have removed it
        created = Pin(run_id=run_id, pinned=datetime.now(UTC), reason=reason)
        path = _path(workspace, run_id)
        with workspace.storage_errors(), files.new_file(path) as temporary:
            temporary.write_bytes(json_digest.dumps(created.model_dump(mode="json")))
        sync.push_file(workspace, _key(run_id))
    return created


def unpin(workspace: Workspace, run: str) -> str:
    """Remove a run's pin and return its complete ID, by which a run that is gone is named.

    Raises InputError unless exactly one run matches and is pinned, and StorageError if the
    artifacts root cannot be written.
    """
    pinned = pinned_ids(workspace)
    run_id = run if run in pinned else run_folder.resolve(workspace, run)
    if run_id not in pinned:
        raise InputError(
            f"The run {run_id!r} is not pinned in {workspace}; see `sightline runs list`."
        )
    with workspace.storage_errors():
        sync.remove(workspace, _key(run_id))
    return run_id


def pinned_ids(workspace: Workspace) -> frozenset[str]:
    """List the IDs of the pinned runs; raise StorageError if they cannot be listed."""
    sync.pull(workspace, "pins/", lambda key: key.endswith(".json"))
    with workspace.storage_errors():
        try:
            names = [path.name for path in (workspace.root / "pins").iterdir()]
        except FileNotFoundError:
            return frozenset()
    names = [name for name in names if name.endswith(".json") and not name.startswith(".")]
    return frozenset(name.removesuffix(".json") for name in names)


def is_pinned(workspace: Workspace, run_id: str) -> bool:
    """Return whether a run is pinned, even if a listing does not name its pin yet."""
    return sync.pull_file(workspace, _key(run_id))


def read(workspace: Workspace, run_id: str) -> Pin | None:
    """Read a run's pin, without time and reason if its file is damaged; None if not pinned."""
    if run_id not in pinned_ids(workspace):
        return None
    try:
        text = json_digest.verify(_path(workspace, run_id).read_bytes())
        return Pin.model_validate_json(text)
    except (OSError, ValueError):
        return Pin(run_id=run_id, pinned=None)


def _path(workspace: Workspace, run_id: str) -> Path:
    return workspace.path(_key(run_id))


def _key(run_id: str) -> str:
    return f"pins/{run_id}.json"
