"""How the champion of each data set is: intact, how old, how good, and what was decided lately."""

from contextlib import suppress
from typing import Any

from sightline.errors import InputError, StorageError
from sightline.records import ScoringStatus
from sightline.records.health import Health
from sightline.registry import audit_log, paths
from sightline.registry.audit_log import EventLog
from sightline.registry.verify import verify
from sightline.registry.version import read_registered
from sightline.storage import sync
from sightline.storage.workspace import Workspace

_SCORES, _LATEST = "scores/", "_latest.json"  # As `prediction.scoring` writes them


def champions(workspace: Workspace, *, check_files: bool = True) -> list[Health]:
    """Examine the champion of each data set that has any model.

    With `check_files`, all files of champions are read and compared with their digests.
    """
    scores = _statuses(workspace)
    return [
        _health(workspace, dataset, scores, check_files=check_files)
        for dataset in paths.datasets(workspace)
    ]


def _health(
    workspace: Workspace, dataset: str, scores: list[ScoringStatus], *, check_files: bool
) -> Health:
    try:
        log = audit_log.read(workspace, dataset)
    except StorageError:  # It is away: nothing is damaged
        raise
    except InputError as error:
        return Health(dataset=dataset, damages=(str(error),))
    last = log.last(lambda event: event.action in {"promote", "refuse"})
    known: dict[str, Any] = {
        "dataset": dataset,
        "champion": log.state.champion,
        "refused": _refused(log),
        "decision": f"{last.version} {last.action}d: {last.reason}" if last else "",
    }
    if log.state.champion is None:
        return Health(**known)
    known["scores"] = tuple(one for one in scores if one.model == log.state.champion)
    try:
        version = read_registered(workspace, log, log.state.champion)
    except StorageError:
        raise
    except InputError as error:
        return Health(**known, damages=(str(error),))
    found = verify(workspace, version.name).damages if check_files else ()
    return Health(
        **known,
        damages=tuple(f"{one.path}: expected {one.expected}, found {one.found}" for one in found),
        registered=version.created,
        recipe=version.recipe,
        accuracy=version.accuracy,
        accuracy_interval=version.accuracy_interval,
    )


def _refused(log: EventLog) -> int:
    """Count the refusals since the champion last changed."""
    count = 0
    for event in reversed(log.events):
        if event.action in {"promote", "rollback"}:
            break
        count += event.action == "refuse"
    return count


def _statuses(workspace: Workspace) -> list[ScoringStatus]:
    """Read the state of all scores; files that cannot be read are left out."""
    sync.pull(workspace, _SCORES, lambda key: key.endswith(f"/{_LATEST}"))
    found = []
    for path in sorted(workspace.path(_SCORES).glob(f"*/{_LATEST}")):
        with suppress(OSError, ValueError):
            found.append(ScoringStatus.model_validate_json(path.read_bytes()))
    return found
