"""Checks versions against their digests, and their log against itself."""

import os
from collections.abc import Iterator
from pathlib import Path

from sightline.errors import InputError
from sightline.records import FileRecord, Record
from sightline.registry import audit_log, paths
from sightline.registry.version import Version, read_registered, read_version
from sightline.runs.verify import Damage
from sightline.storage import digests, files
from sightline.storage.workspace import Workspace

_UNREGISTERED = (
    "none: what made it was killed before it was done, which `sightline models promote` of its run "
    "completes; or it does not belong there"
)


class Verdict(Record):
    """What was found of one version.

    Attributes:
        version: Its name.
        files: How many files were checked.
        bytes: Their size.
        damages: What is wrong; empty where it is as it was registered.
    """

    version: str
    files: int
    bytes: int
    damages: tuple[Damage, ...]


def verify(workspace: Workspace, name: str) -> Verdict:
    """Read every file of a version and compare digests; look for others; check the audit log.

    Args:
        name: The version's name, such as "mnist-v3".

    Returns:
        What was found.

    Raises:
        InputError: It is no name of a version, or there is nothing of that name.
    """
    parsed = paths.parse(name)
    if parsed is None or name not in names(workspace, parsed[0]):
        raise InputError(
            f"There is no version {name[:60]!r} in {workspace}; see `sightline models list`."
        )
    place = paths.relative(*parsed)
    damages = list(verify_log(workspace, parsed[0]))
    try:
        trail = audit_log.read(workspace, parsed[0])
        if name not in trail.line.registered:
            damages.append(_damage(place, "an event that registers it", _UNREGISTERED))
        expected = read_registered(workspace, trail, name).files
    except InputError as error:
        if not damages:
            damages.append(_damage(f"{place}/{paths.VERSION}", "what was registered", str(error)))
        expected = _without_log(workspace, parsed)
    if expected:  # where nothing is known, everything would be unexpected
        damages += [
            *_changed(workspace, expected),
            *_unexpected(workspace.root / place, place, expected),
        ]
    size = sum(files.size(workspace.root / record.path) for record in expected.values())
    return Verdict(version=name, files=len(expected) + 1, bytes=size, damages=tuple(damages))


def check(workspace: Workspace, version: Version) -> None:
    """Make sure that every file of a version is as it was registered.

    Raises:
        InputError: One is missing or damaged.
    """
    for damage in _changed(workspace, version.files):
        raise InputError(
            f"{workspace.root / damage.path} is damaged: expected {damage.expected}, "
            f"found {damage.found}. Restore it from a copy, or promote another run; "
            f"`sightline models verify {version.name}` says what else is damaged."
        )


def names(workspace: Workspace, dataset: str | None = None) -> list[str]:
    """List the versions that lie in the store or that a log knows, damaged ones too.

    Args:
        dataset: Only versions of this data set; of all unless told.
    """
    found: set[tuple[str, int]] = set()
    for one in paths.datasets(workspace) if dataset is None else [dataset]:
        found.update((one, number) for number in paths.numbers(workspace, one))
        found.update(parsed for name in _known(workspace, one) if (parsed := paths.parse(name)))
    return [paths.name(*one) for one in sorted(found)]


def _known(workspace: Workspace, dataset: str) -> frozenset[str]:
    try:
        return audit_log.read(workspace, dataset).line.registered
    except InputError:
        return frozenset()


def _without_log(workspace: Workspace, parsed: tuple[str, int]) -> dict[str, FileRecord]:
    """Return what a version says of itself where the log cannot vouch for it."""
    try:
        return read_version(workspace, *parsed)[0].files
    except InputError:
        return {}


def verify_log(workspace: Workspace, dataset: str) -> Iterator[Damage]:
    """Check the audit log of a data set, whether it has versions or not.

    Args:
        dataset: The data set's name.

    Yields:
        What is wrong.
    """
    for path in audit_log.strangers(workspace, dataset):
        if not path.name.startswith("."):
            yield _damage(
                path.relative_to(workspace.root).as_posix(), "nothing", "a file that is no event"
            )
    try:
        audit_log.read(workspace, dataset)
    except InputError as error:
        yield _damage(f"models/{dataset}/audit", "a whole log", str(error))


def _changed(workspace: Workspace, expected: dict[str, FileRecord]) -> Iterator[Damage]:
    recorded = {record.path: record.sha256 for record in expected.values()}
    for mismatch in digests.mismatches(workspace.root, recorded):
        yield _damage(mismatch.name, mismatch.expected, mismatch.found)


def _unexpected(folder: Path, place: str, expected: dict[str, FileRecord]) -> Iterator[Damage]:
    """Find what lies in a version's folder besides its files and the folders above them."""
    known = {paths.VERSION, *expected}
    above = {parent.as_posix() for name in expected for parent in Path(name).parents}
    for path, folders, entries in os.walk(folder):
        for entry in sorted((*folders, *entries)):
            name = Path(path, entry).relative_to(folder).as_posix()
            if name not in known and (name not in above or Path(path, entry).is_symlink()):
                yield _damage(f"{place}/{name}", "nothing", "what is not in version.json")


def _damage(path: str, expected: str, found: str) -> Damage:
    return Damage(path=path, expected=expected, found=found)
