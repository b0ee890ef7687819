"""All stages in the order of the pipeline."""

from typing import Any

from sightline.data.ingest import INGEST
from sightline.data.labelled import INGEST_LABELLED
from sightline.data.preprocess import PREPROCESS
from sightline.data.remote.headers import SURVEY
from sightline.data.sharding.partition import PARTITION
from sightline.data.sharding.shard import INGEST_SHARD
from sightline.evaluation.evaluate import EVALUATE, EVALUATE_MODEL
from sightline.evaluation.neighbors import FIND_NEIGHBORS
from sightline.evaluation.reference import FIT_REFERENCE
from sightline.export.export import EXPORT
from sightline.models.build import BUILD
from sightline.pipeline.stages import Stage
from sightline.prediction.shards import PREDICT_SHARD
from sightline.prediction.unlabelled import PREDICT
from sightline.reporting.data_figures import DRAW_DATA
from sightline.reporting.report import REPORT, REPORT_EVALUATION
from sightline.training.embed import EMBED
from sightline.training.embed_shard import EMBED_SHARD
from sightline.training.train import TRAIN

STAGES: tuple[Stage[Any], ...] = (
    SURVEY,
    PARTITION,
    INGEST_SHARD,
    INGEST,
    PREPROCESS,
    BUILD,
    EMBED_SHARD,
    EMBED,
    TRAIN,
    FIND_NEIGHBORS,
    FIT_REFERENCE,
    EVALUATE,
    PREDICT,
    DRAW_DATA,
    REPORT,
    EXPORT,
    PREDICT_SHARD,
    INGEST_LABELLED,
    EVALUATE_MODEL,
    REPORT_EVALUATION,
)
