"""Removes old runs and the cache entries that only they needed.

A cleanup keeps the newest runs, the newest run of each data set and recipe (the next scheduled
run is compared with it), pinned runs, the run of each candidate (it may still be promoted), every
cache entry that a kept run refers to, and the checkpoints of recently interrupted trainings.
It neither follows nor removes symbolic links, because other programs may use their targets.
"""

from collections.abc import Callable

from sightline.errors import InputError
from sightline.experiments import run_folder
from sightline.experiments.prune import cache, leftovers, runs, stored
from sightline.experiments.prune.plan import Leftover, OldEntry, OldRun, Plan, RegisteredModels
from sightline.storage import files
from sightline.storage.workspace import Workspace

KEEP = 20  # How many of the newest runs are kept by default
ModelReader = Callable[[Workspace], RegisteredModels]


def plan(workspace: Workspace, keep: int, read_models: ModelReader) -> Plan:
    """Find out what a cleanup would remove, without changing anything.

    `keep` of the newest runs stay, at least 1, not counting pinned ones; `read_models` reads what
    the model registry still needs. If a run is active, its unfinished files are listed as
    leftovers. Raises InputError if the folder does not exist or `keep` is too small, and
    StorageError if a folder cannot be read.
    """
    _check(workspace, keep)
    with workspace.storage_errors():
        return _plan(workspace, keep, read_models(workspace))


def prune(workspace: Workspace, keep: int, read_models: ModelReader) -> Plan:
    """Remove old runs and what only they needed, while no run is active.

    Runs are removed first, and each folder is renamed before it is deleted: a cleanup that is
    killed never leaves a visible, half-removed folder, and the next cleanup removes the rest. On
    object storage, no run of another machine may be active either.

    The arguments and errors are as in `plan`; `read_models` is called when no other process can
    register a model. Raises InputError also if a run is active.
    """
    _check(workspace, keep)
    with workspace.exclusive() as claim, workspace.storage_errors():
        models = read_models(workspace)
        found = _plan(workspace, keep, models)
        if workspace.store and claim:
            stored.remove(workspace, workspace.store, claim, found)
        for run in found.runs:
            files.set_aside(run_folder.folder(workspace, run.run_id))
        # Before the cache entries: a complete training is recognized by its entry.
        for checkpoints in cache.find_old_checkpoints(workspace)[0]:
            files.set_aside(checkpoints)
        for entry in found.entries:
            files.set_aside(workspace.root / "cache" / entry.stage / entry.key)
        leftovers.remove(workspace, models.folders)
    return found


def _plan(workspace: Workspace, keep: int, models: RegisteredModels) -> Plan:
    selection = runs.select(workspace, keep, models)
    if workspace.store:
        return stored.plan(workspace.store, selection)
    entries, unknown = (
        cache.find_unused(workspace, selection.needed) if selection.all_read else ([], [])
    )
    checkpoints, resumable = cache.find_old_checkpoints(workspace)
    left = [
        Leftover(path=path.relative_to(workspace.root).as_posix(), bytes=files.size(path))
        for path in (*checkpoints, *leftovers.paths(workspace, models.folders))
    ]
    removed: list[OldRun | OldEntry | Leftover] = [*selection.old, *entries, *left]
    return Plan(
        runs=tuple(selection.old),
        entries=tuple(entries),
        leftovers=tuple(left),
        kept=tuple(selection.kept),
        skipped=(*selection.skipped, *unknown, *resumable),
        cache_checked=selection.all_read,
        bytes=sum(item.bytes for item in removed),
    )


def _check(workspace: Workspace, keep: int) -> None:
    if keep < 1:
        raise InputError(f"keep must be at least 1, got {keep}.")
    if workspace.store is None and not workspace.root.is_dir():
        raise InputError(
            f"The artifacts folder {workspace} does not exist; name the folder that contains "
            "runs/ with --artifacts."
        )
