"""Checks the signed statement of a version, and its files against it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sightline.errors import InputError
from sightline.registry import audit_log, documents, paths
from sightline.registry.attestation import keys, library
from sightline.registry.attestation.sign import PAYLOAD_TYPE, path, written
from sightline.runs.verify import Damage
from sightline.storage import digests
from sightline.storage.workspace import Workspace

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

_LARGEST = 64 << 20


class _Part(BaseModel):
    """What is checked of a statement; the rest is signed as well, but for people."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Digest(_Part):
    sha256: str


class _Subject(_Part):
    name: str
    digest: _Digest


class _Promotion(_Part):
    number: int
    version: str


class _Predicate(_Part):
    sightline_promotion: _Promotion


class _Statement(_Part):
    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    predicate_type: Literal["https://slsa.dev/provenance/v1"] = Field(alias="predicateType")
    subject: tuple[_Subject, ...]
    predicate: _Predicate


def verify(workspace: Workspace, name: str, key: Path) -> tuple[Damage, ...]:
    """Check signature, statement and files of a version; any changed byte of them is found.

    So is an audit log that no longer knows of the promotion, unless it is damaged: `store.verify`
    says so.

    Args:
        name: The version's name, such as "mnist-v3".
        key: PEM file of the public key.

    Returns:
        What is wrong; empty where all of it is as it was signed.

    Raises:
        InputError: The public key cannot be used, it is no name of a version, or the extra is
            missing.
    """
    library.require()
    trusted = keys.public(key)
    parsed = paths.parse(name)
    if parsed is None:
        raise InputError(f"{name[:60]!r} is no version; expected a name such as mnist-v3.")
    envelope = path(workspace, *parsed)
    try:
        said = _Statement.model_validate_json(_signed(envelope, trusted))
        if said.predicate.sightline_promotion.version != name:
            raise ValueError(f"it is about {said.predicate.sightline_promotion.version}")
    except ValidationError as error:
        found = f"{error.error_count()} errors in the statement that is signed"
    except FileNotFoundError:
        found = "no statement: it was promoted without a key or not at all, or the file was removed"
    except OSError as error:
        found = str(error.strerror)
    except ValueError as error:
        found = str(error)
    else:
        subjects = {subject.name: subject.digest.sha256 for subject in said.subject}
        signed = said.predicate.sightline_promotion
        return (
            *_differing(workspace, paths.relative(*parsed), subjects),
            *_forgotten(workspace, parsed[0], signed),
        )
    expected = f"what was signed of {name} with the key that belongs to {key}"
    relative = envelope.relative_to(workspace.root).as_posix()
    return (Damage(path=relative, expected=expected, found=found),)


def _signed(envelope_path: Path, key: "SSlibKey") -> bytes:
    """Return the statement in an envelope if a key signed it.

    Raises:
        ValueError: It is damaged, or another key signed it.
        OSError: It cannot be read.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import Error

    text = documents.content(envelope_path, _LARGEST)
    try:
        envelope = Envelope.from_dict(json.loads(text))
        envelope.verify([key], 1)
    except (Error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # The library's own messages name key ids, or nothing that a person could use.
        raise ValueError(
            "no envelope that this key signed; it was changed, or is another's"
        ) from None
    if envelope.payload_type != PAYLOAD_TYPE or written(envelope) != text:
        raise ValueError("an envelope that is written in another way; it was changed")
    payload: bytes = envelope.payload
    return payload


def _differing(workspace: Workspace, place: str, subjects: dict[str, str]) -> Iterator[Damage]:
    there = {
        path.relative_to(workspace.root / place).as_posix(): path
        for path in _files(workspace.root / place)
    }
    for name in sorted({*subjects, *there}):
        if name not in subjects:
            yield Damage(path=f"{place}/{name}", expected="nothing", found="what was not signed")
        elif (found := _found(workspace.root / place / name)) != f"SHA-256 {subjects[name]}":
            expected = f"SHA-256 {subjects[name]}, as signed"
            yield Damage(path=f"{place}/{name}", expected=expected, found=found)


def _forgotten(workspace: Workspace, dataset: str, signed: _Promotion) -> Iterator[Damage]:
    """Look for the event that was signed: who removes all trace of it leaves a whole log."""
    try:
        events = audit_log.read(workspace, dataset).events
    except InputError:
        return
    known = {(event.number, event.version) for event in events if event.action == "promote"}
    if (signed.number, signed.version) not in known:
        expected = f"event {signed.number}, the promotion of {signed.version} that was signed"
        yield Damage(
            path=f"models/{dataset}/audit", expected=expected, found="none, or another event"
        )


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        for name in names:
            yield Path(parent, name)
        yield from (Path(parent, name) for name in folders if Path(parent, name).is_symlink())


def _found(file: Path) -> str:
    if file.is_symlink() or not file.is_file():
        return "a link" if file.is_symlink() else "no plain file"
    try:
        return f"SHA-256 {digests.sha256(file)}"
    except OSError as error:
        return str(error.strerror)
