"""What a run is asked to do: immutable, checked, complete.

A recipe is a TOML file of these sections; a config file and `--set key=value` override
it in that order (see `sightline.recipes`). Every stage receives only the section that
it reads, so that a change elsewhere leaves its cache valid.
"""

from sightline.config.base import Section
from sightline.config.data import DataConfig, PreprocessingConfig
from sightline.config.data_gate import DataGateConfig, Limit
from sightline.config.evaluation import EvaluationConfig, ReportConfig
from sightline.config.model import Convolution, ModelConfig
from sightline.config.promotion import ExportConfig, Format, PromotionConfig
from sightline.config.run import RunConfig
from sightline.config.training import Augmentation, TrainingConfig

__all__ = [
    "Augmentation",
    "Convolution",
    "DataConfig",
    "DataGateConfig",
    "EvaluationConfig",
    "ExportConfig",
    "Format",
    "Limit",
    "ModelConfig",
    "PreprocessingConfig",
    "PromotionConfig",
    "ReportConfig",
    "RunConfig",
    "Section",
    "TrainingConfig",
]
