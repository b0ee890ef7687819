"""What the tests of the flows share: a tiny network on a tiny data set, and what Prefect shows."""

from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

from sightline.config import RunConfig, loading
from sightline.records.manifest import RunManifest

TINY = (
    "training.epochs=2",
    "preprocessing.validation_fraction=0.2",
    "model.convolutions=[{filters=16, stride=2}]",
    "model.dense_units=16",
    "evaluation.robustness_images=20",
    "evaluation.saliency_images=2",
    "report.mistakes=4",
)


def tiny(data: Path, *changes: str) -> RunConfig:
    """Return the config, with changes of the form key=value."""
    return loading.load("quickstart", overrides=[*TINY, *changes], dataset=str(data))


def form(data: Path, **changes: Any) -> dict[str, Any]:
    """Fill in the form of the deployed flow so that it is the config, with changes."""
    same = {"dataset": str(data), "recipe": "quickstart", "epochs": 2, "overrides": list(TINY[1:])}
    return same | changes


def artifacts(run: RunManifest) -> dict[str, Any]:
    """Read the data of the Prefect artifacts of a run, by key without the data set."""
    of_run = ArtifactFilterFlowRunId(any_=[UUID(run.flow_run_id)])
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=of_run))
    suffix = f"-{run.records.ingest.dataset}"
    return {(artifact.key or "").removesuffix(suffix): artifact for artifact in found}
