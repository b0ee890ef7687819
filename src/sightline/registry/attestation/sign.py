"""Signs statements about promoted versions, in in-toto form with SLSA provenance."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sightline.experiments import run_folder
from sightline.records.manifest import RunManifest
from sightline.registry import paths
from sightline.registry.events import Event
from sightline.registry.version import Version
from sightline.storage import files, sync
from sightline.storage.workspace import Workspace

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
_BUILD = "https://sightline.example/training/v1"
_BUILDER = "https://sightline.example/pipeline/v1"

Json = dict[str, Any]


def path(workspace: Workspace, dataset: str, number: int) -> Path:
    """Return the path of a version's envelope."""
    return paths.home(workspace, dataset) / "attestations" / f"{number}.intoto.json"


def exists(workspace: Workspace, name: str) -> bool:
    """Return whether a version, such as "mnist-v3", has an envelope."""
    parsed = paths.parse(name)
    return parsed is not None and os.path.lexists(path(workspace, *parsed))


def attest(workspace: Workspace, version: Version, event: Event, signer: "CryptoSigner") -> None:
    """Write the signed statement of a version that `event` promoted, replacing an earlier one."""
    from securesystemslib.dsse import Envelope

    payload = json.dumps(_statement(workspace, version, event), ensure_ascii=False).encode()
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    target = path(workspace, version.dataset, version.number)
    with workspace.storage_errors(), files.new_file(target) as temporary:
        temporary.write_bytes(to_bytes(envelope))
    sync.push_file(workspace, target.relative_to(workspace.root).as_posix())


def to_bytes(envelope: "Envelope") -> bytes:
    """Return the only text that an envelope is stored as."""
    return json.dumps(envelope.to_dict(), indent=1).encode()


def _statement(workspace: Workspace, version: Version, event: Event) -> Json:
    """Describe a version: its files, what they were built from, and its promotion."""
    own = version.files[paths.MANIFEST]
    manifest = run_folder.read_folder(sync.fetch(workspace, own.path, own.sha256).parent)
    subjects = {name: file.sha256 for name, file in version.files.items()}
    subjects[paths.VERSION] = event.version_sha256
    return {
        "_type": STATEMENT,
        "subject": [_resource(name, subjects[name]) for name in sorted(subjects)],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": _build_definition(version, manifest),
            "runDetails": _run_details(manifest),
            # SLSA asks for a vendor prefix in the names of extension fields
            "sightline_promotion": event.model_dump(
                mode="json", exclude={"schema_version", "previous_sha256"}
            ),
        },
    }


def _build_definition(version: Version, manifest: RunManifest) -> Json:
    dependencies = {
        "data": manifest.source_sha256,
        "holdout": version.holdout_sha256,
        "code": manifest.code_sha256,
        "base.lock": manifest.lock_sha256,
    }
    return {
        "buildType": _BUILD,
        "externalParameters": {
            "dataset": version.dataset,
            "config": manifest.config.model_dump(mode="json"),
        },
        "internalParameters": {
            "seed": manifest.config.training.seed,
            "training": manifest.records.train.environment,
            "machine": manifest.environment,
        },
        "resolvedDependencies": [
            _resource(name, sha256) for name, sha256 in dependencies.items() if sha256 is not None
        ],
    }


def _run_details(manifest: RunManifest) -> Json:
    started = manifest.created - timedelta(seconds=manifest.total_seconds)
    return {
        "builder": {"id": _BUILDER, "version": manifest.environment.get("versions", {})},
        "metadata": {
            "invocationId": manifest.run_id,
            "startedOn": _time(started),
            "finishedOn": _time(manifest.created),
        },
        "byproducts": [_resource("weights", manifest.weights_sha256)],
    }


def _resource(name: str, sha256: str) -> Json:
    return {"name": name, "digest": {"sha256": sha256}}


def _time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
