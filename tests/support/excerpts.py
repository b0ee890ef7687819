"""Runs as lists see them, made without training."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import made_runs
from sightline.config import RunConfig
from sightline.evaluation.intervals import wilson
from sightline.experiments import seed_noise
from sightline.records.manifest import ManifestExcerpt
from sightline.storage.workspace import Workspace

CONFIG: RunConfig = made_runs.PLAIN["config"]
IMAGES = 10_000


def excerpt(run_id: str = "run", **changed: Any) -> ManifestExcerpt:
    """Describe a run: seed, accuracy, loss, seconds, dataset, created, config and the like."""
    accuracy, loss = changed.pop("accuracy", 0.99), changed.pop("loss", 0.03)
    seed, dataset = changed.pop("seed", None), changed.pop("dataset", "mnist")
    config = changed.pop("config", CONFIG)
    interval = wilson(round(accuracy * IMAGES), IMAGES)
    values = {
        "run_id": run_id,
        "config": config if seed is None else with_training(config, seed=seed),
        "weights_sha256": "a" * 64,
        "records": {
            "ingest": {"dataset": dataset, "source": dataset, "counts": {"test": [1000] * 10}},
            "build": {"parameters": 141_258},
            "evaluate": {
                "accuracy": accuracy,
                "accuracy_interval": interval,
                "balanced_accuracy": accuracy / 2,
                "loss": loss,
            },
        },
        "total_seconds": changed.pop("seconds", 60.0),
    }
    return ManifestExcerpt.model_validate(made_runs.PLAIN | values | changed)


def with_training(config: RunConfig, **values: Any) -> RunConfig:
    return config.model_copy(update={"training": config.training.model_copy(update=values)})


def with_recipe(config: RunConfig, recipe: str) -> RunConfig:
    return config.model_copy(update={"recipe": recipe})


def publish(root: Path, *runs: ManifestExcerpt) -> None:
    """Write the manifests of runs in this order, a day apart."""
    for number, run in enumerate(runs):
        dated = run.model_copy(update={"created": run.created + timedelta(days=number)})
        made_runs.write(root, dated)


def measure_noise(
    workspace: Workspace, config: RunConfig, *accuracies: float, dataset: str = "mnist"
) -> None:
    """Write the noise band of runs with these accuracies."""
    runs = [
        excerpt(seed=seed, accuracy=accuracy, config=config, dataset=dataset)
        for seed, accuracy in enumerate(accuracies)
    ]
    seed_noise.write(workspace, seed_noise.measure(runs))
