"""Clean-up of old runs and of the cache entries that only they needed.

What stays: the newest runs, the newest run of every data set and recipe (the next scheduled
run is compared with it), pinned runs, the run of every data set's candidate, which may still be
promoted, every cache entry that a run that stays refers to, and for a week the checkpoints of a
training that was interrupted.
A symbolic link is never followed and never removed: what it points to may serve others.
"""

from pathlib import Path

from sightline.errors import InputError
from sightline.runs import run_folder
from sightline.runs.prune import cache
from sightline.runs.prune import checkpoints as old_checkpoints
from sightline.runs.prune import leftovers as remains
from sightline.runs.prune import runs as old_runs
from sightline.runs.prune.plan import Leftover, OldEntry, OldRun, Plan
from sightline.storage import files
from sightline.storage.workspace import nobody_at_work

KEEP = 20
"""How many of the newest runs stay unless told."""


def plan(root: Path, keep: int = KEEP) -> Plan:
    """Find out what a clean-up would remove; changes nothing.

    While something is at work the answer is rough: what is being made looks left over.

    Args:
        root: The artifacts root.
        keep: How many of the newest runs stay, at least 1; pinned ones do not count.

    Returns:
        What goes and what stays.

    Raises:
        InputError: There is no such folder, or `keep` is too small.
        StorageError: A folder cannot be read.
    """
    _check(root, keep)
    with files.storage_errors(root):
        judged = old_runs.judge(root, keep)
        entries, unknown = cache.judge(root, judged.needed) if judged.all_read else ([], [])
        checkpoints, waiting = old_checkpoints.judge(root)
        leftovers = [*checkpoints, *remains.leftovers(root)]
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


def prune(root: Path, keep: int = KEEP) -> Plan:
    """Remove old runs and what only they needed, while nobody is at work.

    Runs go first, and each folder is renamed before it is deleted: a clean-up that is killed
    leaves nothing half removed in sight, and the next one removes the rest.

    Args:
        root: The artifacts root.
        keep: As for `plan`.

    Returns:
        What was removed and what stays.

    Raises:
        InputError: Something is at work there, or as for `plan`.
        StorageError: Something cannot be removed.
    """
    _check(root, keep)
    with nobody_at_work(root), files.storage_errors(root):
        found = plan(root, keep)
        for old in found.runs:
            files.set_aside(run_folder.folder(root, old.run_id))
        old_checkpoints.remove(root)  # while the entries of finished trainings are there
        for entry in found.entries:
            files.set_aside(root / "cache" / entry.stage / entry.key)
        remains.remove(root)
    return found


def _check(root: Path, keep: int) -> None:
    if keep < 1:
        raise InputError(f"At least the newest run has to stay: expected 1 or more, got {keep}.")
    if not root.is_dir():
        raise InputError(
            f"There is no artifacts folder {root}; give the one that holds runs/ with --artifacts."
        )
