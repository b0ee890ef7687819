"""Reads run folders, `runs/<run ID>/`; `reporting.publish` writes them."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from sightline.errors import InputError
from sightline.records import FileRecord, RunSummary
from sightline.records.manifest import ManifestExcerpt, RunManifest
from sightline.storage import files, json_digest, sync
from sightline.storage.workspace import Workspace

M = TypeVar("M", RunManifest, ManifestExcerpt)

MANIFEST = "manifest.json"
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_MANIFEST_KEY = re.compile(rf"runs/{_RUN_ID.pattern}/{re.escape(MANIFEST)}")
_CHOSEN_ID = re.compile(r"\d{8}T\d{6}Z-.+-([0-9a-f]{6}(-s\d+)?)")  # As `new_run.new_id`, and seeds


def is_id(name: str) -> bool:
    """Return whether a name is a well-formed run ID."""
    return _RUN_ID.fullmatch(name) is not None


def short_id(run_id: str) -> str:
    """Return the last digits of an ID that Sightline chose, with the seed; else the ID."""
    chosen = _CHOSEN_ID.fullmatch(run_id)
    return chosen[1] if chosen else run_id


def is_named(run_id: str, name: str) -> bool:
    """Return whether a name is the first characters of a run's ID or its short ID."""
    return name != "" and (run_id.startswith(name) or short_id(run_id) == name)


def folder(workspace: Workspace, run_id: str) -> Path:
    """Return the path of a run's folder."""
    return workspace.root / "runs" / run_id


def file(workspace: Workspace, manifest: RunManifest, name: str) -> Path:
    """Return the path of a file of a run, which may be missing or damaged."""
    key = f"runs/{manifest.run_id}/{name}"
    if (record := manifest.files.get(name)) is None:
        return workspace.path(key)
    return sync.fetch(workspace, key, record.sha256, stored_key(manifest.run_id, name, record))


def stored_key(run_id: str, name: str, record: FileRecord) -> str:
    """Return the key of a run's file in the object store.

    It has the first digits of the digest, so two machines that publish one run never mix its files.
    """
    return f"runs/{run_id}/{record.sha256[:16]}/{name}"


def exists(workspace: Workspace, run_id: str) -> bool:
    """Return whether a run, or something else of its name, was published."""
    if workspace.store:
        return workspace.store.stat(f"runs/{run_id}/{MANIFEST}") is not None
    return os.path.lexists(folder(workspace, run_id))  # a broken link counts as well


def pull(workspace: Workspace) -> None:
    """Bring the manifests of all runs from the object store, if there is one.

    What the replica has of runs that are gone is removed.
    """
    sync.pull(workspace, "runs/", lambda key: _MANIFEST_KEY.fullmatch(key) is not None)
    if workspace.store:
        for path in visible_folders(workspace):
            # Another process may be about to bring the manifest
            if not (path / MANIFEST).exists() and not exists(workspace, path.name):
                files.set_aside(path)


def visible_folders(workspace: Workspace) -> list[Path]:
    """List the visible folders and links in `runs/`, runs or not, sorted by name."""
    parent = workspace.root / "runs"
    with workspace.storage_errors():
        found = sorted(parent.iterdir()) if parent.exists() else []
        return [
            path
            for path in found
            if not path.name.startswith(".") and (path.is_dir() or path.is_symlink())
        ]


def run_ids(workspace: Workspace) -> list[str]:
    """List the IDs of all published runs, the last published first."""
    pull(workspace)
    published = []
    for path in (workspace.root / "runs").glob(f"*/{MANIFEST}"):
        with suppress(FileNotFoundError):  # removed in the meantime
            published.append((path.stat().st_mtime_ns, path.parent.name))
    return [run_id for _, run_id in sorted(published, reverse=True) if is_id(run_id)]


def resolve(workspace: Workspace, run: str) -> str:
    """Return the complete ID of a run; raise InputError unless exactly one matches.

    `run` is the ID, its first characters, its short ID, or "latest": the last published run that
    does not reproduce another one.
    """
    if is_id(run):  # a new run that a listing may not name yet
        sync.pull_file(workspace, f"runs/{run}/{MANIFEST}")
    ids = run_ids(workspace)
    if run == "latest":
        found = [name for name in ids if not _is_reproduction(workspace, name)][:1]
    else:
        found = [name for name in ids if name == run]
    found = found or [name for name in ids if is_named(name, run)]
    if not found:
        remedy = "see `sightline runs list`" if ids else "start one with `sightline train`"
        raise InputError(f"There is no run {run!r} in {workspace}; {remedy}.")
    if len(found) > 1:
        raise InputError(
            f"{len(found)} runs in {workspace} match {run!r}; give more of the ID "
            f"(the newest is {found[0]})."
        )
    return found[0]


def _is_reproduction(workspace: Workspace, run_id: str) -> bool:
    """Return whether a run reproduces another one; False if its manifest is damaged."""
    with suppress(InputError):
        return read_excerpt(workspace, run_id).repeats is not None
    return False


def read(workspace: Workspace, run: str) -> RunManifest:
    """Read the manifest of a run, which is named as for `resolve`.

    Raises InputError if no run matches, several do, or the manifest cannot be read or belongs to
    another run.
    """
    run_id = resolve(workspace, run)
    manifest = read_folder(folder(workspace, run_id))
    if manifest.run_id != run_id:  # the manifest's ID becomes part of paths
        raise InputError(
            f"{folder(workspace, run_id) / MANIFEST} belongs to run {manifest.run_id[:130]!r}; "
            "rename the folder to that."
        )
    return manifest


def read_folder(run_folder: Path) -> RunManifest:
    """Read the manifest in a run's folder; raise InputError if it cannot be read."""
    return _read_as(RunManifest, run_folder)


def read_excerpt(workspace: Workspace, run_id: str) -> ManifestExcerpt:
    """Read the part of a manifest that lists show; raise InputError if it cannot be read."""
    return _read_as(ManifestExcerpt, folder(workspace, run_id))


def _read_as(kind: type[M], run_folder: Path) -> M:
    path = run_folder / MANIFEST
    try:
        return kind.model_validate_json(json_digest.verify(path.read_bytes()))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise InputError(
            f"{path} cannot be read as a manifest: {json_digest.reason(error)}; it is damaged or "
            "from another version of Sightline. Restore it from a copy, or train again."
        ) from None


def summary(workspace: Workspace, manifest: RunManifest | ManifestExcerpt) -> RunSummary:
    """Summarize a run."""
    records = manifest.records
    tested, reference = records.ingest.counts["test"], records.evaluate.linear_reference
    return RunSummary(
        run_id=manifest.run_id,
        run_dir=str(folder(workspace, manifest.run_id)),
        dataset=records.ingest.dataset,
        recipe=manifest.config.recipe,
        parameters=records.build.parameters,
        test_accuracy=records.evaluate.accuracy,
        accuracy_interval=records.evaluate.accuracy_interval,
        balanced_accuracy=records.evaluate.balanced_accuracy,
        baseline_accuracy=max(tested) / sum(tested),
        linear_accuracy=reference.accuracy if reference else None,
        test_loss=records.evaluate.loss,
        stages=manifest.stages,
        total_seconds=manifest.total_seconds,
    )


def history(workspace: Workspace, dataset: str) -> Iterator[ManifestExcerpt]:
    """Read the runs of a data set one by one, the last published first.

    Runs that cannot be read or that reproduce another run are skipped.
    """
    for run_id in run_ids(workspace):
        with suppress(InputError):
            run = read_excerpt(workspace, run_id)
            if run.records.ingest.dataset == dataset and run.repeats is None:
                yield run


def last(workspace: Workspace, dataset: str) -> RunManifest | None:
    """Read the newest run in `history`; None if there is none."""
    for run in history(workspace, dataset):
        with suppress(InputError):
            return read_folder(folder(workspace, run.run_id))
    return None
