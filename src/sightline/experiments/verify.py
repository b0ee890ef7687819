"""Checks run folders against the digests in their manifests."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sightline.errors import InputError
from sightline.experiments import run_folder
from sightline.records import FileRecord, Record
from sightline.records.manifest import RunManifest
from sightline.storage import digests, files, sync
from sightline.storage.digests import Mismatch
from sightline.storage.workspace import Workspace


class Damage(Record):
    """A file that differs: POSIX path relative to the root, what was expected and found."""

    path: str
    expected: str
    found: str


class RunCheck(Record):
    """The result of checking a run folder: number and size of its files, manifest included."""

    run_id: str
    files: int
    bytes: int
    damages: tuple[Damage, ...]


def verify(workspace: Workspace, run: str | None = None) -> list[RunCheck]:
    """Compare all files of one run folder, or of all folders sorted by name, with their digests.

    Raises InputError if no run matches, or several do.
    """
    run_folder.pull(workspace)
    names = [path.name for path in run_folder.visible_folders(workspace) if path.is_dir()]
    if run is not None:
        # A folder without a manifest is a damaged run here, although it is not listed elsewhere.
        names = [run if run in names else run_folder.resolve(workspace, run)]
    return [_check(workspace, name) for name in names]


def intact_file(workspace: Workspace, manifest: RunManifest, name: str) -> Path:
    """Return the path of a file in a run folder after checking its digest.

    Raises InputError if the file is missing, damaged or not in the manifest.
    """
    record = manifest.files.get(name)
    if record is None:
        raise InputError(f"The manifest of run {manifest.run_id!r} has no file {name!r}.")
    path = run_folder.file(workspace, manifest, name)
    check_file(path, record)
    return path


def check_file(path: Path, record: FileRecord) -> None:
    """Check a file against its record; raise InputError if it is missing or differs."""
    found = digests.difference(path, record.sha256, record.bytes)
    if found is not None:
        raise InputError(
            f"{path} is damaged: expected {record.bytes:,} bytes with SHA-256 {record.sha256}, "
            f"found {found}."
        )


def damaged_files(workspace: Workspace, manifest: RunManifest) -> list[str]:
    """List the files of a run that are missing or damaged."""
    return [found.name for found in _mismatches(workspace, manifest.run_id, manifest.files)]


def _check(workspace: Workspace, name: str) -> RunCheck:
    folder = run_folder.folder(workspace, name)
    _refresh(workspace, name)
    try:
        expected = run_folder.read_folder(folder).files
    except InputError as error:
        found = str(error).removeprefix(f"{folder / run_folder.MANIFEST} ")
        expected, mismatches = {}, [Mismatch(run_folder.MANIFEST, "a manifest", found)]
    else:
        mismatches = [
            *_mismatches(workspace, name, expected),
            *(
                Mismatch(path.name, "nothing", "a file that is not in the manifest")
                for path in sorted(folder.iterdir())
                if path.name not in expected and path.name != run_folder.MANIFEST
            ),
        ]
    damages = tuple(
        Damage(path=f"runs/{name}/{one.name}", expected=one.expected, found=one.found)
        for one in mismatches
    )
    checked = [folder / run_folder.MANIFEST, *(folder / file for file in expected)]
    size = sum(files.size(path) for path in checked)
    return RunCheck(run_id=name, files=len(checked), bytes=size, damages=damages)


def _refresh(workspace: Workspace, run_id: str) -> None:
    """Bring all files of a run here again: what lies beside its manifest, and what that names."""
    place = f"runs/{run_id}/"
    sync.refresh(workspace, place, lambda key: "/" not in key.removeprefix(place))
    with suppress(InputError):
        manifest = run_folder.read_folder(run_folder.folder(workspace, run_id))
        for name in filter(digests.is_below, manifest.files if workspace.store else ()):
            run_folder.file(workspace, manifest, name)


def _mismatches(
    workspace: Workspace, run_id: str, expected: dict[str, FileRecord]
) -> Iterator[Mismatch]:
    recorded = {name: record.sha256 for name, record in expected.items()}
    return digests.mismatches(run_folder.folder(workspace, run_id), recorded)
