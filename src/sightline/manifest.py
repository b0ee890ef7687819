"""The manifest of a run: what was asked, what it was made from, and what came out."""

from datetime import datetime
from typing import Any, Literal

from sightline.config import TrainingConfig
from sightline.records import FileRecord, Record, RunComparison, StageRecords, StageTime


class RunManifest(Record):
    """The content of a run folder's `manifest.json`.

    Attributes:
        created: When the run was published, in UTC.
        config: The complete config.
        code_sha256: Digest of Sightline's own source.
        lock_sha256: Digest of `requirements.lock`; None where the checkout has none.
        source_sha256: Digest of the data set's source.
        weights_sha256: Digest of the final weights.
        environment: Versions, platform and cores of the pipeline process.
        stages: Stage name to its time in this run.
        records: What the stages returned; their paths are relative to the artifacts root.
        files: Name of a file in the run folder to its record; paths relative to the run folder.
        total_seconds: Wall time from the start of the run to its publication.
        compared: The last run of this data set beside this one.
        flow_run_id: Prefect's id of the flow run, where there was one.
    """

    schema_version: Literal[1] = 1
    run_id: str
    created: datetime
    config: TrainingConfig
    code_sha256: str
    lock_sha256: str | None
    source_sha256: str
    weights_sha256: str
    environment: dict[str, Any]
    stages: dict[str, StageTime]
    records: StageRecords
    files: dict[str, FileRecord]
    total_seconds: float
    compared: RunComparison | None = None
    flow_run_id: str | None = None
