"""The complete config of a run."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from sightline.config.augmentation import Augmentation
from sightline.config.base import Section
from sightline.config.data import DataConfig, PreprocessingConfig
from sightline.config.data_gate import DataGateConfig
from sightline.config.embedding import EmbeddingConfig
from sightline.config.evaluation import EvaluationConfig, ReportConfig
from sightline.config.model import BackboneConfig, ModelConfig
from sightline.config.monitoring import MonitoringConfig
from sightline.config.promotion import ExportConfig, PromotionConfig
from sightline.config.tracking import TrackingConfig
from sightline.config.training import TrainingConfig


class RunConfig(Section):
    """All settings of a run. Results depend on these, the data and the machine."""

    incidental: ClassVar[frozenset[str]] = frozenset({"recipe_sha256", "tracking"})

    recipe: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """Name of the recipe, part of the run id. Unset in a file: the name of the file."""
    description: str = Field(default="", max_length=300)
    """What the recipe is for."""
    choice: str = Field(default="", max_length=1000)
    """Why the recipe `auto` chose this one and its settings; filled in by a run."""
    recipe_sha256: str | None = None
    """SHA-256 of the file that `--recipe` named; filled in by a run."""
    data: DataConfig = DataConfig()
    data_gate: DataGateConfig = DataGateConfig()
    preprocessing: PreprocessingConfig = PreprocessingConfig()
    model: ModelConfig
    embedding: EmbeddingConfig = EmbeddingConfig()
    training: TrainingConfig
    evaluation: EvaluationConfig = EvaluationConfig()
    report: ReportConfig = ReportConfig()
    export: ExportConfig = ExportConfig()
    promotion: PromotionConfig = PromotionConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="after")
    def _frozen_phase_has_a_backbone(self) -> Self:
        finetunes = isinstance(self.model, BackboneConfig) and self.model.finetune != "head"
        if self.training.frozen.epochs and not finetunes:
            raise ValueError(
                "training.frozen.epochs trains the head of a backbone before its other layers; "
                'expected 0 unless model.architecture="backbone" and model.finetune is "tail" or '
                '"full"'
            )
        return self

    @model_validator(mode="after")
    def _features_are_not_images(self) -> Self:
        on_features = isinstance(self.model, BackboneConfig) and self.model.finetune != "full"
        if on_features and self.training.augmentation != Augmentation():
            raise ValueError(
                "training.augmentation changes images, but only the features of embedding.views "
                'are trained on; set embedding.views, or model.finetune="full"'
            )
        if on_features and self.training.flip_averaging:
            raise ValueError(
                "training.flip_averaging needs a network that is trained on images; set it to "
                'false, or model.finetune="full"'
            )
        return self

    @model_validator(mode="after")
    def _momentum_is_of_sgd_or_muon(self) -> Self:
        if self.training.momentum and self.training.optimizer not in {"sgd", "muon"}:
            raise ValueError(
                'training.momentum belongs to the optimizers "sgd" and "muon", not '
                f'"{self.training.optimizer}"; set training.optimizer="sgd" or training.momentum=0'
            )
        return self

    @model_validator(mode="after")
    def _devices_share_batches_equally(self) -> Self:
        devices, batch_size = self.training.devices, self.training.batch_size
        if devices != 1 and self.training.ghost_batches > 1:
            raise ValueError(
                "training.ghost_batches splits each batch for the cores of one CPU, and "
                "training.devices for several devices; set one of them to 1"
            )
        if devices != "all" and batch_size % devices:
            raise ValueError(
                f"training.batch_size is {batch_size}, which {devices} devices cannot share "
                "equally; set it to a multiple of training.devices"
            )
        return self

    @model_validator(mode="after")
    def _classes_are_balanced_once(self) -> Self:
        if self.training.sampling == self.training.class_weight == "balanced":
            raise ValueError(
                'training.sampling="balanced" and training.class_weight="balanced" would favor '
                "small classes twice; set only one of them"
            )
        return self
