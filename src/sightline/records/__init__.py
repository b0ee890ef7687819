"""The records that stages pass on: small, frozen, with the paths and digests of files.

A record holds no array and no model. Paths are relative to the artifacts folder, so a record is
the same on every machine that mounts that folder.

RunConfig -> DatasetFiles -> ArraySet -> ModelBlueprint -> TrainedModel -> Evaluation -> Report
"""

from sightline.records.base import ArrayFile, EncodedFile, FileRecord, ImagesFile, Record, Run
from sightline.records.data import (
    ArraySet,
    ArraySplit,
    Check,
    DataGateResult,
    DatasetFacts,
    DatasetFiles,
    Inspection,
    ProfileChange,
    Source,
    SplitProfile,
)
from sightline.records.evaluation import (
    Calibration,
    ClassMetrics,
    CorruptionMetrics,
    CoveragePoint,
    Evaluation,
    Interval,
    LabelErrors,
    LinearReference,
    Metrics,
    NearestClass,
    Neighbors,
    OperatingPoint,
    ReliabilityBin,
    Robustness,
    Saliency,
    SliceMetrics,
    Temperature,
    ThresholdCurves,
)
from sightline.records.model import (
    DeviceReport,
    Gpu,
    Layer,
    ModelBlueprint,
    ModelFile,
    TrainedModel,
)
from sightline.records.model_evaluation import KnownImages, ModelEvaluation, OwnTest
from sightline.records.model_metadata import ModelMetadata
from sightline.records.promotion import Certificate, Criterion, Decision, ExportCheck, Promotion
from sightline.records.result import (
    ClassExample,
    ConfusedClasses,
    Figures,
    Mistake,
    Report,
    RunComparison,
    RunSummary,
    Spread,
    StageRecords,
    StageTime,
)
from sightline.records.scoring import DriftMeasure, LiveAccuracy, ScoringCheck, ScoringStatus
from sightline.records.shards import (
    EmbeddedShard,
    FeatureShard,
    IngestedShard,
    Partition,
    Shard,
    SurveyedFiles,
)
from sightline.records.unlabelled import UnlabelledPredictions
