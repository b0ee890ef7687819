"""Records of a published run, made without training; unspecified fields have plain values."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sightline.config import loading
from sightline.experiments import run_folder
from sightline.records import (
    ArraySet,
    DatasetFiles,
    Evaluation,
    FileRecord,
    ModelBlueprint,
    Report,
    StageRecords,
    TrainedModel,
)
from sightline.records.manifest import ManifestExcerpt, RunManifest
from sightline.storage import digests, json_digest
from sightline.storage.workspace import Workspace

ANY_FILE = FileRecord(path="made/file", sha256="e" * 64, bytes=1000)  # is never read

PLAIN: dict[str, Any] = {
    "created": datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC),
    "config": loading.load("tutorial"),
    "code_sha256": "b" * 64,
    "lock_sha256": None,
    "source_sha256": "c" * 64,
    "environment": {"python": "3.11.7", "versions": {"keras": "3.15.1"}},
    "stages": {},
    "files": {},
    "total_seconds": 65.4,
}
"""The fields of a manifest that no test depends on."""


def file_record(path: Path, folder: str = "") -> FileRecord:
    """Describe a file as if it was in a folder of the workspace."""
    size = path.stat().st_size
    return FileRecord(path=f"{folder}{path.name}", sha256=digests.sha256(path), bytes=size)


def write_file(root: Path, path: str, content: bytes = b"content") -> FileRecord:
    """Write a file of the workspace and describe it."""
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return FileRecord(path=path, sha256=digests.sha256(place), bytes=len(content))


def write_table(path: Path, columns: dict[str, Any], folder: str = "") -> FileRecord:
    """Write a Parquet file and describe it as if it was in a folder of the workspace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, write_page_checksum=True)
    return file_record(path, folder)


def trained(**known: Any) -> TrainedModel:
    plain: dict[str, Any] = {
        "model": ANY_FILE,
        "weights_sha256": "a" * 64,
        "history": ANY_FILE,
        "epochs": 1,
        "device": "cpu (2 cores)",
        "images_per_second": 1234.5,
        "peak_memory_bytes": 900 << 20,
        "environment": {"backend": "tensorflow"},
    }
    return TrainedModel(**plain | known)


def evaluated(**known: Any) -> Evaluation:
    plain: dict[str, Any] = {
        "metrics": ANY_FILE,
        "predictions": ANY_FILE,
        "accuracy": 0.5,
        "accuracy_interval": (0.4, 0.6),
        "loss": 1.0,
        "classes": (),
        "confusion": (),
        "serving_difference": 0.0,
    }
    return Evaluation(**plain | known)


def stages(files: DatasetFiles, parameters: int = 141_258, **known: Any) -> StageRecords:
    names, shape = files.class_names, files.image_shape
    plain: dict[str, Any] = {
        "ingest": files,
        "preprocess": ArraySet(class_names=names, image_shape=shape, splits={}),
        "build": ModelBlueprint(
            architecture=ANY_FILE,
            summary=ANY_FILE,
            layers=(),
            parameters=parameters,
            image_shape=shape,
            num_classes=len(names),
        ),
        "train": trained(),
        "evaluate": evaluated(),
        "report": Report(figures={}, thumbnails=(), mistakes=(), mistakes_total=0),
    }
    return StageRecords(**plain | known)


def manifest(run_id: str, records: StageRecords, **known: Any) -> RunManifest:
    own = {"records": records, "weights_sha256": records.train.weights_sha256}
    return RunManifest(run_id=run_id, **PLAIN | own | known)


def write(root: Path, described: RunManifest | ManifestExcerpt) -> Path:
    """Write a run's manifest, which publishes it, and return its folder."""
    folder = run_folder.folder(Workspace(root), described.run_id)
    write_file(folder, run_folder.MANIFEST, json_digest.dumps(described.model_dump(mode="json")))
    return folder
