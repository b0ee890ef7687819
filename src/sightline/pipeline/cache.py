"""Results of stages, kept by content under `cache/<stage>/<key>/` and checked before use.

An entry is a folder with the stage's files and a `manifest.json` that holds the stage's record,
the run that made it, the digest of each file and its own. A damaged entry is rebuilt and replaced;
a lock lets only one process build the entry of a key. On object storage, the stored entry decides:
`entry_store` pulls and pushes.
"""

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from sightline.pipeline import entry_store
from sightline.pipeline.entry_store import MANIFEST
from sightline.pipeline.stages import Stage
from sightline.records import ArrayFile, FileRecord, Record, Run
from sightline.storage import digests, files, json_digest, known_digests, locks, replica
from sightline.storage.npy import ArrayWriter

R = TypeVar("R", bound=Record)

_log = logging.getLogger(__name__)


class Draft:
    """An entry under construction: files are written to `path(name)`, then recorded.

    A name may contain folders, such as "exports/model.onnx".
    """

    def __init__(self, folder: Path, final: str) -> None:
        """Bind the temporary folder to the entry's final path relative to the root."""
        self._folder = folder
        self._final = final
        self._digests: dict[str, str] = {}

    @property
    def entry(self) -> str:
        """Where the entry will be, relative to the root; a record that names it keeps it."""
        return f"{self._final}/"

    def path(self, name: str) -> Path:
        """Return where to write the file `name`; its folder exists."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def record(self, name: str, sha256: str | None = None) -> FileRecord:
        """Return the record of a finished file under its final path; digest it if necessary."""
        path = self.path(name)
        digest = self._digests[name] = sha256 or digests.sha256(path)
        return FileRecord(path=f"{self._final}/{name}", sha256=digest, bytes=path.stat().st_size)

    def array_record(self, writer: ArrayWriter) -> ArrayFile:
        """Return the record of a complete NPY file; its writer has digested it."""
        file = self.record(writer.path.relative_to(self._folder).as_posix(), writer.sha256)
        return ArrayFile(**dict(file), shape=writer.shape, dtype=str(writer.dtype))

    def copy(self, source: Path, record: FileRecord) -> FileRecord:
        """Copy a file of another entry and return its record here."""
        shutil.copyfile(source, self.path(source.name))
        return self.record(source.name, record.sha256)

    def all_digests(self) -> dict[str, str]:
        """Return the digests of all files by name; only those without a record are read."""
        names = sorted(
            path.relative_to(self._folder).as_posix()
            for path in self._folder.rglob("*")
            if not path.is_dir()
        )
        return {name: self._digests.get(name) or digests.sha256(self.path(name)) for name in names}


@dataclass(frozen=True)
class Entry(Generic[R]):
    """A complete entry: the stage's record, and the token of the run that made it."""

    record: R
    made_by: str


def find(run: Run, stage: Stage[R], key: str) -> Entry[R] | None:
    """Find an entry and check each of its files; None if there is none or it is damaged.

    A file that did not change since it was last checked is not read again, see `known_digests`.
    On object storage, an entry that is missing here is pulled, and one that is missing there is
    pushed.
    """
    workspace, place = run.workspace, _relative(stage, key)
    if workspace.store is None:
        return _find_here(run, stage, key)
    replica.keep(workspace.root, place)
    found, stored = _find_here(run, stage, key), entry_store.read_manifest(workspace, place)
    if stored is None:
        if found is not None:
            entry_store.push(workspace, place)
        return found
    if found is not None and (workspace.root / place / MANIFEST).read_bytes() == stored:
        return found
    return _find_here(run, stage, key) if entry_store.pull(workspace, place, stored) else None


def _find_here(run: Run, stage: Stage[R], key: str) -> Entry[R] | None:
    folder = run.workspace.root / _relative(stage, key)
    if not folder.exists():
        return None
    try:
        manifest = _parse((folder / MANIFEST).read_bytes(), stage, key)
        with known_digests.remembered() as digest_of:
            for wrong in digests.mismatches(folder, manifest["files"], digest_of):
                raise ValueError(f"{wrong.name!r}: expected {wrong.expected}, got {wrong.found}")
        record = stage.result.model_validate(manifest["record"])
        return Entry(record, str(manifest["made_by"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("Rebuilding the damaged cache entry of %s (%s): %s", stage.name, key, error)
        return None


def peek(run: Run, stage: Stage[R], key: str) -> R | None:
    """Return the record of an entry without checking its files; None if there is none."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        if not run.refresh:
            manifest = _read_manifest(run, stage, key)
            return stage.result.model_validate(manifest["record"])
    return None


def made_with(run: Run, stage: Stage[Any], key: str) -> dict[str, Any] | None:
    """Return libraries and modules of an entry as `Stage.made_with`; None if they are unknown."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        manifest = _read_manifest(run, stage, key)
        return dict(manifest["made_with"])
    return None


def find_or_make(run: Run, stage: Stage[R], key: str, make: Callable[[Draft], R]) -> R:
    """Return the stored record of a stage, or make and store it under a lock.

    Raises errors as `files.storage_errors` does.
    """
    place = _relative(stage, key)
    with (
        run.workspace.storage_errors(),
        locks.alone(_lock(run, stage, key), stage.name),
        entry_store.leased(run.workspace, place, stage.name),
    ):
        entry = find(run, stage, key)
        if entry is not None and (not run.refresh or entry.made_by == run.token):
            return entry.record
        record = _make(run, stage, key, make)
        if run.workspace.store is None or entry_store.push(
            run.workspace, place, replace=run.refresh
        ):
            return record
        if first := find(run, stage, key):  # another machine was faster
            return first.record
        entry_store.push(run.workspace, place, replace=True)
        return record


def _make(run: Run, stage: Stage[R], key: str, make: Callable[[Draft], R]) -> R:
    final = _relative(stage, key)
    files.remove_leftovers(run.workspace.root / final)
    with files.new_folder(run.workspace.root / final, replace=True) as folder:
        started, draft = time.monotonic(), Draft(folder, final)
        record = make(draft)
        manifest = {
            "stage": stage.name,
            "key": key,
            "made_by": run.token,
            "made_with": stage.made_with(),
            "seconds": round(time.monotonic() - started, 3),
            "record": record.model_dump(mode="json"),
            "files": draft.all_digests(),
        }
        (folder / MANIFEST).write_bytes(json_digest.dumps(manifest))
    return record


def wait_for(run: Run, stage: Stage[R], key: str) -> Entry[R] | None:
    """Return what `find` does, once no other process is making the entry."""
    with (
        run.workspace.storage_errors(),
        locks.shared(_lock(run, stage, key), f"Waiting for the result of the stage {stage.name}"),
        entry_store.leased(run.workspace, _relative(stage, key), stage.name),
    ):
        return find(run, stage, key)


@contextmanager
def idle(run: Run, stage: Stage[Any], key: str) -> Iterator[bool]:
    """Yield whether no process is making an entry, and let none start meanwhile; never wait."""
    with locks.alone_if_free(_lock(run, stage, key)) as free:
        yield free


def _lock(run: Run, stage: Stage[Any], key: str) -> Path:
    return run.workspace.root / "cache" / stage.name / f".{key}.lock"


def _relative(stage: Stage[Any], key: str) -> str:
    return f"cache/{stage.name}/{key}"


def _read_manifest(run: Run, stage: Stage[Any], key: str) -> dict[str, Any]:
    path = run.workspace.root / _relative(stage, key) / MANIFEST
    stored = (
        None if path.exists() else entry_store.read_manifest(run.workspace, _relative(stage, key))
    )
    return _parse(stored or path.read_bytes(), stage, key)


def _parse(text: bytes, stage: Stage[Any], key: str) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(json_digest.verify(text))
    except ValueError as error:
        raise ValueError(f"{MANIFEST}: {error}") from None
    found = (manifest["stage"], manifest["key"])
    if found != (stage.name, key):
        raise ValueError(f"{MANIFEST}: expected {stage.name} ({key}), got {found[0]} ({found[1]})")
    return manifest
