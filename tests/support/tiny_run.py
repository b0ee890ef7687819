"""The config of the runs that the tests of the flows share: a tiny network on a tiny data set."""

from pathlib import Path

from sightline.config import RunConfig, loading

TINY = (
    "training.epochs=2",
    "preprocessing.validation_fraction=0.2",
    "model.convolutions=[{filters=16, stride=2}]",
    "model.dense_units=16",
    "evaluation.robustness_images=20",
    "evaluation.saliency_images=2",
    "report.mistakes=4",
)


def tiny(data: Path, *changes: str) -> RunConfig:
    """Return the config, with changes of the form key=value."""
    return loading.load("quickstart", overrides=[*TINY, *changes], dataset=str(data))
