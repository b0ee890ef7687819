"""The settings of a run: immutable, validated and complete.

A recipe is a TOML file with these sections. A config file and `--set key=value` override it, in
that order (see `sightline.config.loading`). Each stage receives only the sections it reads, so
changing one section keeps the cached results of stages that do not depend on it.
"""

from sightline.config.augmentation import Augmentation
from sightline.config.base import Section
from sightline.config.data import DataConfig, PreprocessingConfig, Resize
from sightline.config.data_gate import DataGateConfig, Limit, Loss
from sightline.config.embedding import EmbeddingConfig
from sightline.config.evaluation import EvaluationConfig, ReportConfig
from sightline.config.model import (
    BackboneConfig,
    CnnConfig,
    Convolution,
    CustomConfig,
    ModelConfig,
    ResnetConfig,
    VggConfig,
)
from sightline.config.monitoring import MonitoringConfig
from sightline.config.promotion import ExportConfig, Format, PromotionConfig
from sightline.config.run import RunConfig
from sightline.config.training import TrainingConfig
