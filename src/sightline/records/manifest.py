"""The manifest of a run: its config, its provenance and its results."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict

from sightline.config import RunConfig
from sightline.records.base import DatasetName, FileRecord, Record
from sightline.records.evaluation import Interval, LinearReference
from sightline.records.result import RunComparison, Spread, StageRecords, StageTime


class _Manifest(Record):
    """The fields that manifests and their excerpts share."""

    schema_version: Literal[1] = 1
    run_id: str
    created: datetime  # When the run was published, in UTC
    config: RunConfig
    code_sha256: str  # Digest of Sightline's own source
    lock_sha256: (
        str | None
    )  # Digest of `deploy/locks/base.lock`; None without a checkout: `packages` of the environment
    source_sha256: str  # Digest of the data set's source
    weights_sha256: str  # Digest of the final weights
    environment: dict[str, Any]  # Versions, platform and cores of the pipeline process
    stages: dict[str, StageTime]  # Stage name to its time in this run
    total_seconds: float  # Wall time from the start of the run to its publication
    compared: RunComparison | None = None  # Comparison with the previous run of this data set
    # Comparison with the champion's run, unless that is the previous run or the gate compared them
    champion: RunComparison | None = None
    seed_noise: Spread | None = None  # Spread of the test accuracy over seeds, if measured
    flow_run_id: str | None = None  # Prefect's id of the flow run, if there was one
    # Id of the run that this one reproduced; such a run is never the previous or the latest one
    repeats: str | None = None


class RunManifest(_Manifest):
    """The content of a run folder's `manifest.json`."""

    records: StageRecords  # Outputs of the stages; paths are relative to the artifacts folder
    files: dict[str, FileRecord]  # Names and paths are relative to the run folder


class _Part(Record):
    """Part of a record; its other fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Ingested(_Part):
    dataset: DatasetName
    source: str
    counts: dict[str, tuple[int, ...]]


class _Built(_Part):
    parameters: int


class _Evaluated(_Part):
    accuracy: float
    accuracy_interval: Interval
    balanced_accuracy: float | None = None
    linear_reference: LinearReference | None = None
    loss: float


class _Records(_Part):
    ingest: _Ingested
    build: _Built
    evaluate: _Evaluated


class ManifestExcerpt(_Manifest):
    """The part of a manifest that lists of runs show; reading it saves time and memory."""

    records: _Records  # Some fields of `RunManifest.records`, under the same names
    files: object  # Not parsed
