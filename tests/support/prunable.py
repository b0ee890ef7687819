"""A small workspace to clean up; its cache entries are named by the first digit of their keys."""

import os
from datetime import UTC, datetime
from pathlib import Path

import made_runs
import runs_to_promote
from excerpts import with_recipe
from sightline.experiments.prune import prune as pruning
from sightline.experiments.prune.plan import Plan
from sightline.models.build import BUILD
from sightline.pipeline import cache
from sightline.pipeline.cache import Draft
from sightline.records import ModelBlueprint, Run
from sightline.records.manifest import RunManifest
from sightline.registry.retention import registered_models
from sightline.storage.workspace import Workspace


def tree(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return everything that may change below a folder: kind, time, content or link target."""
    found = {}
    for path in root.rglob("*"):
        state, content = path.lstat(), b""
        if path.is_symlink():
            content = os.readlink(path).encode()
        elif path.is_file():
            content = path.read_bytes()
        found[path.relative_to(root).as_posix()] = (state.st_mode, state.st_mtime_ns, content)
    return found


def touch(folder: Path, *names: str) -> None:
    for name in names:
        made_runs.write_file(folder, name, b"")


def key(digit: str) -> str:
    return digit * 40


def entries(workspace: Workspace) -> list[str]:
    """List the cache entries of the build stage."""
    folder = workspace.path("cache/build")
    return sorted(path.name[0] for path in folder.iterdir() if not path.name.startswith("."))


def publish(
    workspace: Workspace, name: str, digit: str = "0", recipe: str = "tutorial"
) -> RunManifest:
    """Publish a run whose build stage created, or found, a cache entry."""

    def build(draft: Draft) -> ModelBlueprint:
        files = {}
        for field in ("architecture", "summary"):
            draft.path(field).write_text(field)
            files[field] = draft.record(field)
        return manifest.records.build.model_copy(update=files)

    manifest = runs_to_promote.publish(workspace.root, name, exports=False)
    built = cache.find_or_make(Run(id=name, workspace=workspace), BUILD, key(digit), build)
    records = manifest.records.model_copy(update={"build": built})
    config = with_recipe(manifest.config, recipe)
    changed = {"config": config, "created": datetime.now(UTC), "records": records}
    manifest = manifest.model_copy(update=changed)
    made_runs.write(workspace.root, manifest)
    return manifest


def prune(workspace: Workspace, keep: int = pruning.KEEP) -> Plan:
    return pruning.prune(workspace, keep, registered_models)


def plan(workspace: Workspace, keep: int = pruning.KEEP) -> Plan:
    return pruning.plan(workspace, keep, registered_models)
