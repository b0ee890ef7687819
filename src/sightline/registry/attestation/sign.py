"""Signs statements about promoted versions."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sightline.registry import paths
from sightline.registry.attestation import statement
from sightline.registry.events import Event
from sightline.registry.version import Version
from sightline.storage import files
from sightline.storage.workspace import Workspace

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def path(workspace: Workspace, dataset: str, number: int) -> Path:
    """Return the path of a version's envelope."""
    return paths.home(workspace, dataset) / "attestations" / f"{number}.intoto.json"


def exists(workspace: Workspace, name: str) -> bool:
    """Return whether a version, such as "mnist-v3", has an envelope."""
    parsed = paths.parse(name)
    return parsed is not None and os.path.lexists(path(workspace, *parsed))


def attest(workspace: Workspace, version: Version, event: Event, signer: "CryptoSigner") -> Path:
    """Write the signed statement of a promoted version, replacing an earlier one.

    Args:
        version: The version.
        event: Its promotion.
        signer: From `keys.configured`.

    Returns:
        The path of the envelope.

    Raises:
        InputError: The version's copy of its run's manifest cannot be read.
        StorageError: The artifacts root is full or cannot be written.
    """
    from securesystemslib.dsse import Envelope

    payload = json.dumps(statement.build(workspace, version, event), ensure_ascii=False).encode()
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    target = path(workspace, version.dataset, version.number)
    with files.storage_errors(workspace.root), files.new_file(target) as temporary:
        temporary.write_bytes(to_bytes(envelope))
    return target


def to_bytes(envelope: "Envelope") -> bytes:
    """Return the only text that an envelope is stored as."""
    return json.dumps(envelope.to_dict(), indent=1).encode()
