"""What passes between stages: small frozen records that name files and carry their digests.

A record holds no array and no model. Paths are relative to the artifacts root, so that a
record is the same on every machine that mounts that root.

TrainingConfig -> DatasetFiles -> ArraySet -> ModelBlueprint -> TrainedModel -> Evaluation -> Report
"""

from sightline.records.base import ArrayFile, FileRecord, Record, Run
from sightline.records.data import ArraySet, ArraySplit, DatasetFiles, Source
from sightline.records.evaluation import ClassMetrics, Evaluation, Metrics
from sightline.records.model import DeviceReport, Gpu, Layer, ModelBlueprint, TrainedModel
from sightline.records.result import Mistake, Report, RunSummary, StageRecords, StageTime

__all__ = [
    "ArrayFile",
    "ArraySet",
    "ArraySplit",
    "ClassMetrics",
    "DatasetFiles",
    "DeviceReport",
    "Evaluation",
    "FileRecord",
    "Gpu",
    "Layer",
    "Metrics",
    "Mistake",
    "ModelBlueprint",
    "Record",
    "Report",
    "Run",
    "RunSummary",
    "Source",
    "StageRecords",
    "StageTime",
    "TrainedModel",
]
