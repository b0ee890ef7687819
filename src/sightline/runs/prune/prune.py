"""Clean-up of old runs and of the cache entries that only they needed.

What stays: the newest runs, the newest run of every data set and recipe (the next scheduled
run is compared with it), pinned runs, the run of every data set's candidate, which may still be
promoted, every cache entry that a run that stays refers to, and for a week the checkpoints of a
training that was interrupted.
A symbolic link is never followed and never removed: what it points to may serve others.
"""

from sightline.errors import InputError
from sightline.runs import run_folder
from sightline.runs.prune import cache
from sightline.runs.prune import checkpoints as old_checkpoints
from sightline.runs.prune import leftovers as remains
from sightline.runs.prune import runs as old_runs
from sightline.runs.prune.plan import Leftover, OldEntry, OldRun, Plan
from sightline.storage import files
from sightline.storage.workspace import Workspace

KEEP = 20
"""How many of the newest runs stay unless told."""


def plan(workspace: Workspace, keep: int = KEEP) -> Plan:
    """Find out what a clean-up would remove; changes nothing.

    While something is at work the answer is rough: what is being made looks left over.

    Args:
        keep: How many of the newest runs stay, at least 1; pinned ones do not count.

    Returns:
        What goes and what stays.

    Raises:
        InputError: There is no such folder, or `keep` is too small.
        StorageError: A folder cannot be read.
    """
    _check(workspace, keep)
    with files.storage_errors(workspace.root):
        judged = old_runs.judge(workspace, keep)
        entries, unknown = cache.judge(workspace, judged.needed) if judged.all_read else ([], [])
        checkpoints, waiting = old_checkpoints.judge(workspace)
        leftovers = [*checkpoints, *remains.leftovers(workspace)]
    going: list[OldRun | OldEntry | Leftover] = [*judged.going, *entries, *leftovers]
    return Plan(
        runs=tuple(judged.going),
        entries=tuple(entries),
        leftovers=tuple(leftovers),
        kept=tuple(judged.kept),
        left_alone=(*judged.left_alone, *unknown, *waiting),
        cache_is_judged=judged.all_read,
        bytes=sum(item.bytes for item in going),
    )


def prune(workspace: Workspace, keep: int = KEEP) -> Plan:
    """Remove old runs and what only they needed, while nobody is at work.

    Runs go first, and each folder is renamed before it is deleted: a clean-up that is killed
    leaves nothing half removed in sight, and the next one removes the rest.

    Args:
        keep: As for `plan`.

    Returns:
        What was removed and what stays.

    Raises:
        InputError: Something is at work there, or as for `plan`.
        StorageError: Something cannot be removed.
    """
    _check(workspace, keep)
    with workspace.exclusive(), files.storage_errors(workspace.root):
        found = plan(workspace, keep)
        for old in found.runs:
            files.set_aside(run_folder.folder(workspace, old.run_id))
        old_checkpoints.remove(workspace)  # while the entries of finished trainings are there
        for entry in found.entries:
            files.set_aside(workspace.root / "cache" / entry.stage / entry.key)
        remains.remove(workspace)
    return found


def _check(workspace: Workspace, keep: int) -> None:
    if keep < 1:
        raise InputError(f"At least the newest run has to stay: expected 1 or more, got {keep}.")
    if not workspace.root.is_dir():
        raise InputError(
            f"There is no artifacts folder {workspace}; give the one that holds "
            "runs/ with --artifacts."
        )
