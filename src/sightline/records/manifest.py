"""The manifest of a run: what was asked, what it was made from, and what came out."""

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
    """What every reader of a `manifest.json` takes from it.

    Attributes:
        created: When the run was published, in UTC.
        config: The complete config.
        code_sha256: Digest of Sightline's own source.
        lock_sha256: Digest of `deploy/locks/base.lock`; None where the checkout has none.
        source_sha256: Digest of the data set's source.
        weights_sha256: Digest of the final weights.
        environment: Versions, platform and cores of the pipeline process.
        stages: Stage name to its time in this run.
        total_seconds: Wall time from the start of the run to its publication.
        compared: The last run of this data set beside this one.
        seed_noise: How far the test accuracies of runs lie apart that differ from this one in
            their seed alone, where that was measured.
        flow_run_id: Prefect's id of the flow run, where there was one.
        repeats: Id of the run that this one made again, where it did. Such a run only tells
            whether that can be done: it is never the last run of its data set, nor the latest.
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
        records: What the stages returned; their paths are relative to the artifacts root.
        files: Name of a file in the run folder to its record; paths relative to the run folder.
    """

    records: StageRecords
    files: dict[str, FileRecord]


class _Part(Record):
    """A part of a record; the rest is passed over while it is read."""

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
    """What lists of runs need of a manifest; read in a fraction of the time and memory.

    Attributes:
        records: The figures of `RunManifest.records` that a list shows, under the same names.
        files: Not looked into.
    """

    records: _Records
    files: object
