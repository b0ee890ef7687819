"""The statement about a promoted version: in-toto form with SLSA provenance."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sightline.records.manifest import RunManifest
from sightline.registry import paths
from sightline.registry.events import Event
from sightline.registry.version import Version
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
_BUILD = "https://sightline.example/training/v1"
_BUILDER = "https://sightline.example/pipeline/v1"

Json = dict[str, Any]


def build(workspace: Workspace, version: Version, event: Event) -> Json:
    """Describe a version: its files, what they were built from, and its promotion.

    Args:
        version: The version.
        event: Its promotion.

    Returns:
        A JSON-able statement; equal arguments give equal statements.

    Raises:
        InputError: The version's copy of its run's manifest cannot be read.
    """
    manifest = run_folder.read_folder(workspace.path(version.folder))
    subjects = {name: file.sha256 for name, file in version.files.items()}
    subjects[paths.VERSION] = event.version_sha256
    return {
        "_type": TYPE,
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
    dependencies = [
        _resource("data", manifest.source_sha256),
        _resource("holdout", version.holdout_sha256),
        _resource("code", manifest.code_sha256),
    ]
    if manifest.lock_sha256 is not None:
        dependencies.append(_resource("base.lock", manifest.lock_sha256))
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
        "resolvedDependencies": dependencies,
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
