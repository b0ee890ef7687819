"""Pinned runs, which are never pruned; a promoted run is a pinned run.

A pin is a file `pins/<run-id>.json` under the artifacts root, since a run folder never
changes. The file's name alone pins: one that is damaged still protects its run.
"""

from datetime import UTC, datetime
from pathlib import Path

from sightline.errors import InputError
from sightline.records import Record
from sightline.runs import run_folder
from sightline.storage import files, json_digest
from sightline.storage.workspace import Workspace


class Pin(Record):
    """One pinned run.

    Attributes:
        run_id: The run's whole id.
        pinned: When, in UTC; None where the pin's file is damaged.
        reason: Why, in the words of who pinned it; may be empty.
    """

    run_id: str
    pinned: datetime | None
    reason: str = ""


def pin(workspace: Workspace, run: str, reason: str = "") -> Pin:
    """Pin a run, or renew its pin; waits for a clean-up that is going on.

    Args:
        run: The run's id, the first characters of it, or "latest".
        reason: Why, for people.

    Returns:
        The pin.

    Raises:
        InputError: No such run, or several that begin so.
        StorageError: The artifacts root is full or cannot be written.
    """
    run_id = run_folder.find(workspace, run)
    with workspace.in_use():
        run_folder.find(workspace, run_id)  # a clean-up that was waited for may have removed it
        made = Pin(run_id=run_id, pinned=datetime.now(UTC), reason=reason)
        path = _path(workspace, run_id)
        with files.storage_errors(workspace.root), files.new_file(path) as temporary:
            temporary.write_bytes(json_digest.dumps(made.model_dump(mode="json")))
    return made


def unpin(workspace: Workspace, run: str) -> str:
    """Take a run's pin away.

    Args:
        run: As for `pin`; the whole id where the run itself is gone.

    Returns:
        The run's whole id.

    Raises:
        InputError: No such run, several that begin so, or it is not pinned.
        StorageError: The artifacts root cannot be written.
    """
    run_id = run if run in pinned_ids(workspace) else run_folder.find(workspace, run)
    if run_id not in pinned_ids(workspace):
        raise InputError(
            f"The run {run_id!r} is not pinned in {workspace}; see `sightline runs list`."
        )
    with files.storage_errors(workspace.root):
        files.remove(_path(workspace, run_id))
    return run_id


def pinned_ids(workspace: Workspace) -> frozenset[str]:
    """List the ids of the pinned runs.

    Raises:
        StorageError: The pins cannot be listed; better than to take none for pinned.
    """
    with files.storage_errors(workspace.root):
        try:
            names = [path.name for path in (workspace.root / "pins").iterdir()]
        except FileNotFoundError:
            return frozenset()
    return frozenset(
        name.removesuffix(".json")
        for name in names
        if name.endswith(".json") and not name.startswith(".")
    )


def find(workspace: Workspace, run_id: str) -> Pin | None:
    """Read a run's pin.

    Args:
        run_id: The run's whole id.

    Returns:
        The pin, without time and reason where its file is damaged; None where there is none.
    """
    if run_id not in pinned_ids(workspace):
        return None
    try:
        return Pin.model_validate_json(json_digest.verify(_path(workspace, run_id).read_bytes()))
    except (OSError, ValueError):
        return Pin(run_id=run_id, pinned=None)


def _path(workspace: Workspace, run_id: str) -> Path:
    return workspace.root / "pins" / f"{run_id}.json"
