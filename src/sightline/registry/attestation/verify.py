"""Checks the signed statement of a version, and its files against it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sightline.errors import InputError
from sightline.experiments.verify import Damage
from sightline.registry import audit_log, documents, paths
from sightline.registry.attestation import keys
from sightline.registry.attestation.sign import PAYLOAD_TYPE, PREDICATE, STATEMENT, path, to_bytes
from sightline.storage import digests
from sightline.storage.workspace import Workspace

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

_MAX_BYTES = 64 << 20


class _Statement(NamedTuple):
    """What a signed statement says: digests of the version's files, and the promotion."""

    subjects: dict[str, str]
    event_number: int
    version: str


def verify(workspace: Workspace, name: str, key: Path) -> tuple[Damage, ...]:
    """Check signature, statement and files of a version with a public key; return all damage.

    Every changed byte is found, and an audit log that no longer contains the promotion, unless the
    log is damaged, which `registry.verify` reports. Raises InputError if the key or the name cannot
    be used, or the extra is missing.
    """
    trusted = keys.read_public(key)
    parsed = paths.parse(name)
    if parsed is None:
        raise InputError(f"{name[:60]!r} is not a version; expected a name such as mnist-v3.")
    envelope = path(workspace, *parsed)
    try:
        statement = _parsed(_payload(envelope, trusted))
        if statement.version != name:
            raise ValueError(f"a statement about {statement.version}")
    except FileNotFoundError:
        found = "no statement: promoted without a key, never promoted, or the file was removed"
    except OSError as error:
        found = str(error.strerror)
    except ValueError as error:
        found = str(error)
    else:
        return (
            *_changed_files(workspace, paths.relative(*parsed), statement.subjects),
            *_missing_event(workspace, parsed[0], statement),
        )
    expected = f"a statement about {name} that is signed with the key of {key}"
    relative = envelope.relative_to(workspace.root).as_posix()
    return (Damage(path=relative, expected=expected, found=found),)


def _payload(envelope_path: Path, key: "SSlibKey") -> bytes:
    """Return the statement in an envelope; raise ValueError unless the key signed it."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import Error

    text = documents.read_bytes(envelope_path, _MAX_BYTES)
    try:
        envelope = Envelope.from_dict(json.loads(text))
        envelope.verify([key], 1)
    except (Error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # The library's own messages name key ids, or nothing that helps a person.
        raise ValueError("an envelope that was changed, or is signed with another key") from None
    if envelope.payload_type != PAYLOAD_TYPE or to_bytes(envelope) != text:
        raise ValueError("an envelope whose formatting was changed")
    payload: bytes = envelope.payload
    return payload


def _parsed(payload: bytes) -> _Statement:
    """Parse a statement; what is not checked here is for people."""
    try:
        content = json.loads(payload)
        if (content["_type"], content["predicateType"]) != (STATEMENT, PREDICATE):
            raise ValueError("a statement of another type")
        promotion = content["predicate"]["sightline_promotion"]
        subjects = {one["name"]: str(one["digest"]["sha256"]) for one in content["subject"]}
        return _Statement(subjects, int(promotion["number"]), str(promotion["version"]))
    except (KeyError, TypeError):
        raise ValueError("a statement of another form") from None


def _changed_files(workspace: Workspace, place: str, signed: dict[str, str]) -> Iterator[Damage]:
    folder = workspace.path(place)
    for mismatch in digests.mismatches(folder, dict(sorted(signed.items()))):
        expected = f"{mismatch.expected}, as signed"
        yield Damage(path=f"{place}/{mismatch.name}", expected=expected, found=mismatch.found)
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if name not in signed and (file.is_symlink() or not file.is_dir()):
            yield Damage(path=f"{place}/{name}", expected="nothing", found="an unsigned file")


def _missing_event(workspace: Workspace, dataset: str, signed: _Statement) -> Iterator[Damage]:
    """Look for the signed event: removing the log's end leaves a consistent log."""
    try:
        events = audit_log.read(workspace, dataset).events
    except InputError:
        return
    known = {(event.number, event.version) for event in events if event.action == "promote"}
    if (signed.event_number, signed.version) not in known:
        expected = f"event {signed.event_number}, the signed promotion of {signed.version}"
        found, place = "none, or another event", f"models/{dataset}/audit"
        yield Damage(path=place, expected=expected, found=found)
