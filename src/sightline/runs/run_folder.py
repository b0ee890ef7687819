"""Run folders: what a person or a later step reads; `publishing` writes them."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from sightline.config import RunConfig
from sightline.errors import InputError, RunExistsError
from sightline.pipeline import provenance
from sightline.records import RunSummary, Source
from sightline.records.manifest import ManifestExcerpt, RunManifest
from sightline.storage import files, json_digest, locks
from sightline.storage.workspace import Workspace

M = TypeVar("M", RunManifest, ManifestExcerpt)

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
MANIFEST = "manifest.json"
_RECENT = 20
"""How many of the newest runs are looked through for an equal one."""


def new_id(dataset: str, recipe: str) -> str:
    """Make a run id that sorts by time: `<UTC time>-<dataset>-<recipe>-<6 hex>`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{dataset}-{recipe}-{secrets.token_hex(3)}"


def check_new(workspace: Workspace, run_id: str) -> None:
    """Make sure that a run id is well formed and free.

    Raises:
        InputError: The id is not a plain name.
        RunExistsError: There is such a run already.
    """
    if not is_id(run_id):
        raise InputError(
            f"The run id {run_id[:130]!r} cannot be used; expected a letter or digit, then up to "
            "119 letters, digits, '.', '_' or '-'."
        )
    if os.path.lexists(folder(workspace, run_id)):  # a link that leads nowhere is there as well
        raise taken(workspace, run_id)


def taken(workspace: Workspace, run_id: str) -> RunExistsError:
    """Say that there is a run of this id already."""
    return RunExistsError(
        f"The run {run_id!r} exists already in {workspace}; choose another --run-id."
    )


@contextmanager
def claimed(workspace: Workspace, run_id: str) -> Iterator[None]:
    """Have a new run id alone; the kernel frees it when its holder dies.

    What a killed run of this id left half published is removed.

    Args:
        workspace: Made where it is missing. Be at work there: a clean-up removes
            the locks of runs.
        run_id: The id of the run that begins.

    Raises:
        InputError: The id is not a plain name.
        RunExistsError: There is such a run already, or one is at work.
        StorageError: The artifacts root cannot be written.
    """
    check_new(workspace, run_id)
    lock = folder(workspace, run_id).with_name(f".{run_id}.lock")
    with ExitStack() as held:
        with files.storage_errors(workspace.root):
            alone = held.enter_context(locks.alone_if_free(lock))
        if not alone:
            raise RunExistsError(
                f"A run {run_id!r} is at work in {workspace}; choose another --run-id, "
                "or wait for its end."
            )
        check_new(workspace, run_id)  # it may have been published before the lock was free
        files.remove_leftovers(folder(workspace, run_id))
        try:
            yield
        finally:
            with suppress(OSError):
                lock.unlink()


def is_id(name: str) -> bool:
    """Tell whether a name is a well-formed run id."""
    return _RUN_ID.fullmatch(name) is not None


def folder(workspace: Workspace, run_id: str) -> Path:
    """Return where a run's folder lies."""
    return workspace.root / "runs" / run_id


def summary(workspace: Workspace, manifest: RunManifest | ManifestExcerpt) -> RunSummary:
    """Summarise a run for its caller."""
    tested = manifest.records.ingest.counts["test"]
    return RunSummary(
        run_id=manifest.run_id,
        run_dir=str(folder(workspace, manifest.run_id)),
        dataset=manifest.records.ingest.dataset,
        recipe=manifest.config.recipe,
        parameters=manifest.records.build.parameters,
        test_accuracy=manifest.records.evaluate.accuracy,
        baseline_accuracy=max(tested) / sum(tested),
        test_loss=manifest.records.evaluate.loss,
        stages=manifest.stages,
        total_seconds=manifest.total_seconds,
    )


def read(workspace: Workspace, run: str) -> RunManifest:
    """Read a run's manifest.

    Args:
        run: The run's id, the first characters of it, or "latest".

    Raises:
        InputError: No such run, several that begin so, or a manifest that cannot be read.
    """
    return read_folder(folder(workspace, find(workspace, run)))


def find(workspace: Workspace, run: str) -> str:
    """Return the whole id of a run.

    Args:
        run: The run's id, the first characters of it, or "latest": the last published one that
            does not repeat another.

    Raises:
        InputError: No such run, or several that begin so.
    """
    ids = run_ids(workspace)
    if run == "latest":
        found = [name for name in ids if not _is_repetition(workspace, name)][:1]
    else:
        found = [name for name in ids if name == run]
    found = found or [name for name in ids if run and name.startswith(run)]
    if not found:
        raise InputError(f"There is no run {run!r} in {workspace}; see `sightline runs list`.")
    if len(found) > 1:
        raise InputError(
            f"{len(found)} runs in {workspace} begin with {run!r}; give more of the id "
            f"(the newest is {found[0]})."
        )
    return found[0]


def _is_repetition(workspace: Workspace, run_id: str) -> bool:
    """Tell whether a run is known to repeat another one; a damaged manifest tells nothing."""
    with suppress(InputError):
        return read_excerpt(workspace, run_id).repeats is not None
    return False


def read_folder(run_folder: Path) -> RunManifest:
    """Read the manifest in a run's folder.

    Raises:
        InputError: It cannot be read.
    """
    return _read_as(RunManifest, run_folder)


def read_excerpt(workspace: Workspace, run_id: str) -> ManifestExcerpt:
    """Read what lists of runs need of a run's manifest.

    Args:
        run_id: The run's whole id.

    Raises:
        InputError: It cannot be read.
    """
    return _read_as(ManifestExcerpt, folder(workspace, run_id))


def _read_as(kind: type[M], run_folder: Path) -> M:
    path = run_folder / MANIFEST
    try:
        return kind.model_validate_json(json_digest.verify(path.read_bytes()))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(
            f"{path} cannot be read as a run's manifest: {where}: {first['msg']}; it is damaged "
            "or of another version of Sightline."
        ) from None
    except ValueError as error:
        raise InputError(
            f"{path} cannot be read as a run's manifest: {error}; it is damaged: restore it from a "
            "copy, or train again."
        ) from None


def run_ids(workspace: Workspace) -> list[str]:
    """List the ids of all published runs, the last published first."""
    published = []
    for path in (workspace.root / "runs").glob(f"*/{MANIFEST}"):
        with suppress(FileNotFoundError):  # removed meanwhile
            published.append((path.stat().st_mtime_ns, path.parent.name))
    return [run_id for _, run_id in sorted(published, reverse=True) if is_id(run_id)]


def history(workspace: Workspace, dataset: str) -> Iterator[ManifestExcerpt]:
    """Read the runs of a data set one by one, the last published first.

    Args:
        dataset: The data set's name as in a run id.

    Yields:
        Excerpts of manifests; those that cannot be read, or that repeat another run, are left out.
    """
    for run_id in run_ids(workspace):
        with suppress(InputError):
            run = read_excerpt(workspace, run_id)
            if run.records.ingest.dataset == dataset and run.repeats is None:
                yield run


def last(workspace: Workspace, dataset: str) -> RunManifest | None:
    """Read the last run of a data set that `history` has; None where none can be read."""
    for run in history(workspace, dataset):
        with suppress(InputError):
            return read_folder(folder(workspace, run.run_id))
    return None


def has_equal(workspace: Workspace, config: RunConfig, source: Source) -> bool:
    """Tell whether a recent run had the same config, source and code.

    Then every stage is most likely cached. Only an estimate: nothing is checked.
    """
    code = provenance.package_digest()
    for run_id in run_ids(workspace)[:_RECENT]:
        with suppress(InputError):
            earlier = read_excerpt(workspace, run_id)
            same = earlier.code_sha256 == code and earlier.source_sha256 == source.sha256
            if same and earlier.config == config:
                return True
    return False
