"""Checks versions against their digests, and the audit log against itself."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sightline.errors import InputError
from sightline.experiments.verify import Damage
from sightline.records import FileRecord, Record
from sightline.registry import audit_log, paths
from sightline.registry.version import Version, read_registered, read_version, unknown_version
from sightline.storage import digests, files, sync
from sightline.storage.workspace import Workspace

_UNREGISTERED = (
    "none: its registration was killed, which `sightline models promote` of its run completes; or "
    "it does not belong there"
)


class VersionCheck(Record):
    """The result of checking one version, by name: number and total size of its files, damage."""

    version: str
    files: int
    bytes: int
    damages: tuple[Damage, ...]


def verify(workspace: Workspace, name: str) -> VersionCheck:
    """Check a version's files and its audit log; raise InputError if there is no such version."""
    parsed = paths.parse(name)
    if parsed:
        sync.refresh(workspace, f"{paths.relative(*parsed)}/")
    if parsed is None:
        raise unknown_version(workspace, name)
    if name not in names(workspace, parsed[0]):
        read_registered(workspace, audit_log.read(workspace, parsed[0]), name)  # says if removed
        raise unknown_version(workspace, name)
    place = paths.relative(*parsed)
    damages = list(verify_log(workspace, parsed[0]))
    expected: dict[str, FileRecord] = {}
    try:
        log = audit_log.read(workspace, parsed[0])
        if name not in log.state.registered:
            damages.append(_damage(place, "an event that registers it", _UNREGISTERED))
        expected = read_registered(workspace, log, name).files
    except InputError as error:
        if not damages:
            damages.append(_damage(f"{place}/{paths.VERSION}", "what was registered", str(error)))
        with suppress(InputError):  # without a usable log, the version's own record has to do
            expected = read_version(workspace, *parsed)[0].files
    if expected:  # without a record, every file would be unexpected
        damages += _changed(workspace, expected)
        damages += _unexpected(workspace.path(place), place, expected)
    size = sum(files.size(workspace.path(record.path)) for record in expected.values())
    return VersionCheck(version=name, files=len(expected) + 1, bytes=size, damages=tuple(damages))


def check(workspace: Workspace, version: Version) -> None:
    """Raise InputError unless every file of a version is as registered."""
    for damage in _changed(workspace, version.files):
        raise InputError(
            f"{workspace.path(damage.path)} is damaged: expected {damage.expected}, "
            f"found {damage.found}. Restore it from a copy, or promote another run; "
            f"`sightline models verify {version.name}` lists all damage."
        )


def names(workspace: Workspace, dataset: str | None = None) -> list[str]:
    """List the versions on disk or in an audit log, of one data set or of all; damaged ones too.

    Versions whose files a clean-up has removed are left out.
    """
    found: set[tuple[str, int]] = set()
    for one in paths.datasets(workspace) if dataset is None else [dataset]:
        paths.pull(workspace, one)
        found.update((one, number) for number in paths.numbers(workspace, one))
        with suppress(InputError):
            state = audit_log.read(workspace, one).state
            found.update(parsed for name in state.registered if (parsed := paths.parse(name)))
            found.difference_update(map(paths.parse, state.pruned))
    return [paths.name(*one) for one in sorted(found)]


def verify_log(workspace: Workspace, dataset: str) -> Iterator[Damage]:
    """Check the audit log of a data set, and yield all damage."""
    for path in audit_log.unexpected_files(workspace, dataset):
        if not path.name.startswith("."):
            relative = path.relative_to(workspace.root).as_posix()
            yield _damage(relative, "nothing", "a file that is not an event")
    try:
        audit_log.read(workspace, dataset)
    except InputError as error:
        yield _damage(f"models/{dataset}/audit", "a complete log", str(error))


def _changed(workspace: Workspace, expected: dict[str, FileRecord]) -> Iterator[Damage]:
    for record in expected.values():
        sync.fetch(workspace, record.path, record.sha256)
    recorded = {record.path: record.sha256 for record in expected.values()}
    for mismatch in digests.mismatches(workspace.root, recorded):
        yield _damage(mismatch.name, mismatch.expected, mismatch.found)


def _unexpected(folder: Path, place: str, expected: dict[str, FileRecord]) -> Iterator[Damage]:
    """Yield what is in a version's folder besides its files and the folders above them."""
    known = {paths.VERSION, *expected}
    parents = {parent.as_posix() for name in expected for parent in Path(name).parents}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name not in known and (name not in parents or path.is_symlink()):
            yield _damage(f"{place}/{name}", "nothing", "a file that is not in version.json")


def _damage(path: str, expected: str, found: str) -> Damage:
    return Damage(path=path, expected=expected, found=found)
