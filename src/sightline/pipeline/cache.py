"""Results of stages, kept by content under `cache/<stage>/<key>/` and checked before use.

An entry is a folder with the stage's files and a `manifest.json` that holds the stage's
record, the run that made it, every file's digest and its own. An entry that does not check out
is made again and takes the place of the old one; one key is made by one process at a time.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from sightline.pipeline.stages import Stage
from sightline.records import ArrayFile, FileRecord, Record, Run
from sightline.storage import digests, files, json_digest, locks
from sightline.storage.npy import ArrayWriter

R = TypeVar("R", bound=Record)

_MANIFEST = "manifest.json"
_log = logging.getLogger(__name__)


class Draft:
    """An entry that is being made: files are written to `path(name)`, then recorded.

    A name may lead into folders, such as "exports/model.onnx".
    """

    def __init__(self, folder: Path, final: str) -> None:
        """Bind the temporary folder to the entry's final path relative to the root."""
        self._folder = folder
        self._final = final

    def path(self, name: str) -> Path:
        """Return where to write the file `name`; its folder is there."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def record(self, name: str) -> FileRecord:
        """Digest the finished file `name` and return its record under its final path."""
        path = self.path(name)
        return FileRecord(
            path=f"{self._final}/{name}", sha256=digests.sha256(path), bytes=path.stat().st_size
        )

    def array_record(self, writer: ArrayWriter) -> ArrayFile:
        """Return the record of an NPY file of this folder that was written to its end."""
        return ArrayFile(
            path=f"{self._final}/{writer.path.name}",
            sha256=writer.sha256,
            bytes=writer.path.stat().st_size,
            shape=writer.shape,
            dtype=str(writer.dtype),
        )


class Entry(Generic[R]):
    """A finished entry: the stage's record, and the token of the run that made it."""

    def __init__(self, record: R, made_by: str) -> None:
        """Hold what the manifest says."""
        self.record = record
        self.made_by = made_by


def find(run: Run, stage: Stage[R], key: str) -> Entry[R] | None:
    """Look an entry up and check every file of it.

    Args:
        run: Gives the artifacts root.
        stage: The stage.
        key: The stage's key.

    Returns:
        The entry; None where there is none or it is damaged.
    """
    folder = run.workspace.root / _relative(stage, key)
    if not folder.exists():
        return None
    try:
        manifest = _read_manifest(folder, stage, key)
        _check_files(folder, manifest["files"])
        record = stage.result.model_validate(manifest["record"])
        return Entry(record, str(manifest["made_by"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        _log.warning(
            "The cached result of %s (%s) is damaged and is made again: %s", stage.name, key, error
        )
        return None


def find_or_make(run: Run, stage: Stage[R], key: str, make: Callable[[Draft], R]) -> R:
    """Return the stored record of a stage, or make it under a lock and store it.

    Args:
        run: Gives the artifacts root, the run's id and whether to start anew.
        stage: The stage.
        key: The stage's key.
        make: Writes the files through the draft and returns the record.

    Returns:
        The stage's record.

    Raises:
        StorageError: The artifacts root is full or cannot be written.
        BusyStorageError: Storage did not answer; another try may work.
    """
    folder = run.workspace.root / _relative(stage, key)
    with files.storage_errors(run.workspace.root), locks.alone(_lock(run, stage, key), stage.name):
        entry = find(run, stage, key)
        if entry is not None and (not run.refresh or entry.made_by == run.token):
            return entry.record
        files.remove_leftovers(folder)
        return _make(run, stage, key, make)


@contextmanager
def idle(run: Run, stage: Stage[Any], key: str) -> Iterator[bool]:
    """Tell whether nobody makes an entry, and let nobody begin meanwhile; never waits.

    Args:
        run: Gives the artifacts root.
        stage: The stage.
        key: The stage's key.
    """
    with locks.alone_if_free(_lock(run, stage, key)) as free:
        yield free


def _make(run: Run, stage: Stage[R], key: str, make: Callable[[Draft], R]) -> R:
    final = _relative(stage, key)
    with files.new_folder(run.workspace.root / final, replace=True) as folder:
        started = time.monotonic()
        record = make(Draft(folder, final))
        manifest = {
            "stage": stage.name,
            "key": key,
            "made_by": run.token,
            "seconds": round(time.monotonic() - started, 3),
            "record": record.model_dump(mode="json"),
            "files": {
                path.relative_to(folder).as_posix(): digests.sha256(path)
                for path in sorted(folder.rglob("*"))
                if not path.is_dir()
            },
        }
        (folder / _MANIFEST).write_bytes(json_digest.dumps(manifest))
    return record


def _lock(run: Run, stage: Stage[Any], key: str) -> Path:
    return run.workspace.root / "cache" / stage.name / f".{key}.lock"


def _relative(stage: Stage[Any], key: str) -> str:
    return f"cache/{stage.name}/{key}"


def _read_manifest(folder: Path, stage: Stage[Any], key: str) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(json_digest.verify((folder / _MANIFEST).read_bytes()))
    except ValueError as error:
        raise ValueError(f"{_MANIFEST}: {error}") from None
    found = (manifest["stage"], manifest["key"])
    if found != (stage.name, key):
        raise ValueError(f"{_MANIFEST}: it is that of {found[0]} ({found[1]})")
    return manifest


def _check_files(folder: Path, expected: dict[str, str]) -> None:
    for mismatch in digests.mismatches(folder, expected):
        raise ValueError(f"{mismatch.name!r}: expected {mismatch.expected}, got {mismatch.found}")
