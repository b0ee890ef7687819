"""The whole."""

from pydantic import Field

from sightline.config.base import Section
from sightline.config.data import DataConfig, PreprocessingConfig
from sightline.config.data_gate import DataGateConfig
from sightline.config.evaluation import EvaluationConfig, ReportConfig
from sightline.config.model import ModelConfig
from sightline.config.promotion import ExportConfig, PromotionConfig
from sightline.config.training import TrainingConfig


class RunConfig(Section):
    """Everything that a run depends on, apart from the data and the machine."""

    recipe: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Name of the recipe, part of the run id."
    )
    description: str = Field(default="", max_length=300, description="One line for people.")
    data: DataConfig = DataConfig()
    data_gate: DataGateConfig = DataGateConfig()
    preprocessing: PreprocessingConfig = PreprocessingConfig()
    model: ModelConfig
    training: TrainingConfig
    evaluation: EvaluationConfig = EvaluationConfig()
    report: ReportConfig = ReportConfig()
    export: ExportConfig = ExportConfig()
    promotion: PromotionConfig = PromotionConfig()
