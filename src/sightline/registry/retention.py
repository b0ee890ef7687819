"""What a cleanup of old runs must keep for the registry."""

from sightline.errors import InputError
from sightline.experiments.prune.plan import RegisteredModels
from sightline.registry import paths
from sightline.registry.aliases import run_of
from sightline.storage.workspace import Workspace


def registered_models(workspace: Workspace) -> RegisteredModels:
    """Find the runs of all candidates, and the folders that hold models."""
    candidates = set[str]()
    unreadable = dict[str, str]()
    datasets = paths.datasets(workspace)
    for dataset in datasets:
        try:
            if run_id := run_of(workspace, dataset, "candidate"):
                candidates.add(run_id)
        except (InputError, OSError) as error:
            unreadable[dataset] = str(error)
    return RegisteredModels(
        candidates=frozenset(candidates),
        unreadable=unreadable,
        folders=tuple(path for name in datasets for path in paths.folders(workspace, name)),
    )
