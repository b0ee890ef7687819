"""The manifest of a run: its config, its provenance and its results."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from sightline.config import RunConfig
from sightline.records import (
    FileRecord,
    Interval,
    Record,
    RunComparison,
    Spread,
    StageRecords,
    StageTime,
)


class _Manifest(Record):
    """The fields that manifests and their excerpts share.

    Attributes:
        created: When the run was published, in UTC.
        code_sha256: Digest of Sightline's own source.
        lock_sha256: Digest of `deploy/locks/base.lock`; None outside of a checkout.
        source_sha256: Digest of the data set's source.
        weights_sha256: Digest of the final weights.
        environment: Versions, platform and cores of the pipeline process.
        stages: Stage name to its time in this run.
        total_seconds: Wall time from the start of the run to its publication.
        compared: Comparison with the previous run of this data set.
        seed_noise: Spread of the test accuracy over random seeds, if it was measured.
        flow_run_id: Prefect's id of the flow run, if there was one.
        repeats: Id of the run that this one reproduced. Such a run never counts as the previous
            run of its data set, nor as the latest run.
    """

    schema_version: Literal[1] = 1
    run_id: str
    created: datetime
    config: RunConfig
    code_sha256: str
    lock_sha256: str | None
    source_sha256: str
    weights_sha256: str
    environment: dict[str, Any]
    stages: dict[str, StageTime]
    total_seconds: float
    compared: RunComparison | None = None
    seed_noise: Spread | None = None
    flow_run_id: str | None = None
    repeats: str | None = None


class RunManifest(_Manifest):
    """The content of a run folder's `manifest.json`.

    Attributes:
        records: Outputs of the stages; paths are relative to the artifacts folder.
        files: Name of a file in the run folder to its record; paths are relative to the run
            folder.
    """

    records: StageRecords
    files: dict[str, FileRecord]


class _Part(Record):
    """Part of a record; its other fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Ingested(_Part):
    dataset: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")  # becomes part of a file's name
    source: str
    counts: dict[str, tuple[int, ...]]


class _Built(_Part):
    parameters: int


class _Evaluated(_Part):
    accuracy: float
    accuracy_interval: Interval
    loss: float


class _Records(_Part):
    ingest: _Ingested
    build: _Built
    evaluate: _Evaluated


class ManifestExcerpt(_Manifest):
    """The part of a manifest that lists of runs show; reading it saves time and memory.

    Attributes:
        records: Some fields of `RunManifest.records`, under the same names.
        files: Not parsed.
    """

    records: _Records
    files: object
