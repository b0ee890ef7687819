"""Checks run folders against the digests in their manifests."""

from collections.abc import Iterator
from pathlib import Path

from sightline.errors import InputError
from sightline.records import FileRecord, Record
from sightline.records.manifest import RunManifest
from sightline.runs import run_folder
from sightline.storage import digests, files
from sightline.storage.workspace import Workspace


class Damage(Record):
    """One thing that is wrong: POSIX path relative to the root, what was expected and found."""

    path: str
    expected: str
    found: str


class Verdict(Record):
    """What was found in one run folder.

    Attributes:
        run_id: The folder's name.
        files: How many files were checked, the manifest among them.
        bytes: Their size.
        damages: What is wrong; empty where the folder is as it was published.
    """

    run_id: str
    files: int
    bytes: int
    damages: tuple[Damage, ...]


def verify(workspace: Workspace, run: str | None = None) -> list[Verdict]:
    """Read every file of run folders and compare digests.

    Args:
        run: The run's id, the first characters of it, or "latest"; all runs unless told.

    Returns:
        One verdict a folder, by name.

    Raises:
        InputError: No such run, or several that begin so.
    """
    if run is None:
        return [_judge(workspace, name) for name in _folders(workspace)]
    # A folder without a manifest is no run to others; here it is one that is damaged.
    return [
        _judge(workspace, run if run in _folders(workspace) else run_folder.find(workspace, run))
    ]


def whole(workspace: Workspace, manifest: RunManifest, name: str) -> Path:
    """Return a file of a run folder that is as it was published.

    Args:
        manifest: The run's.
        name: The file's name, such as "history.parquet".

    Raises:
        InputError: It is missing or damaged, or the manifest does not name it.
    """
    path = run_folder.folder(workspace, manifest.run_id) / name
    record = manifest.files.get(name)
    if record is None:
        raise InputError(f"The manifest of run {manifest.run_id!r} names no file {name!r}.")
    check(path, record)
    return path


def check(path: Path, record: FileRecord) -> None:
    """Make sure that a file is the one that a record names.

    Raises:
        InputError: It is missing, no plain file, or its content is another one.
    """
    found = digests.difference(path, record.sha256, record.bytes)
    if found is not None:
        raise InputError(
            f"{path} is damaged: expected {record.bytes:,} bytes with SHA-256 {record.sha256}, "
            f"found {found}."
        )


def _folders(workspace: Workspace) -> list[str]:
    folder = workspace.root / "runs"
    if not folder.is_dir():
        return []
    return sorted(
        path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _judge(workspace: Workspace, name: str) -> Verdict:
    folder = run_folder.folder(workspace, name)
    try:
        expected = run_folder.read_folder(folder).files
    except InputError as error:
        found = str(error).removeprefix(f"{folder / run_folder.MANIFEST} ")
        expected, damages = {}, [_damage(name, run_folder.MANIFEST, "a manifest", found)]
    else:
        damages = [*_damaged(name, folder, expected), *_unexpected(name, folder, expected)]
    checked = [folder / run_folder.MANIFEST, *(folder / file for file in expected)]
    size = sum(files.size(path) for path in checked)
    return Verdict(run_id=name, files=len(checked), bytes=size, damages=tuple(damages))


def _damaged(name: str, folder: Path, expected: dict[str, FileRecord]) -> Iterator[Damage]:
    recorded = {file: record.sha256 for file, record in expected.items()}
    for mismatch in digests.mismatches(folder, recorded):
        yield _damage(name, mismatch.name, mismatch.expected, mismatch.found)


def _unexpected(name: str, folder: Path, expected: dict[str, FileRecord]) -> Iterator[Damage]:
    for path in sorted(folder.iterdir()):
        if path.name not in expected and path.name != run_folder.MANIFEST:
            yield _damage(name, path.name, "nothing", "a file that is not in the manifest")


def _damage(name: str, file: str, expected: str, found: str) -> Damage:
    return Damage(path=f"runs/{name}/{file}", expected=expected, found=found)
