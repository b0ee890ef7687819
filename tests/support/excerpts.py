"""Runs as lists see them, made without training."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from sightline.config import RunConfig, loading
from sightline.records.manifest import ManifestExcerpt
from sightline.runs import run_folder
from sightline.storage import json_digest
from sightline.storage.workspace import Workspace

CONFIG = loading.load("tutorial")
IMAGES = 10_000


def excerpt(run_id: str = "run", **changed: Any) -> ManifestExcerpt:
    """Describe a run: seed, accuracy, loss, seconds, dataset, created, config and the like."""
    accuracy = changed.pop("accuracy", 0.99)
    interval = binomtest(round(accuracy * IMAGES), IMAGES).proportion_ci(0.95, method="wilson")
    seed, dataset = changed.pop("seed", None), changed.pop("dataset", "mnist")
    config = changed.pop("config", CONFIG)
    values = {
        "run_id": run_id,
        "created": datetime(2026, 11, 24, tzinfo=UTC),
        "config": config if seed is None else with_training(config, seed=seed),
        "code_sha256": "b" * 64,
        "lock_sha256": None,
        "source_sha256": "c" * 64,
        "weights_sha256": "a" * 64,
        "environment": {},
        "stages": {},
        "records": {
            "ingest": {"dataset": dataset, "source": dataset, "counts": {"test": [1000] * 10}},
            "build": {"parameters": 141_258},
            "evaluate": {
                "accuracy": accuracy,
                "accuracy_interval": (interval.low, interval.high),
                "loss": changed.pop("loss", 0.03),
            },
        },
        "files": {},
        "total_seconds": changed.pop("seconds", 60.0),
    }
    return ManifestExcerpt.model_validate({**values, **changed})


def with_training(config: RunConfig, **values: Any) -> RunConfig:
    """Change the config of the training."""
    return config.model_copy(update={"training": config.training.model_copy(update=values)})


def with_recipe(config: RunConfig, recipe: str) -> RunConfig:
    """Call the config by another name."""
    return config.model_copy(update={"recipe": recipe})


def publish(root: Path, *found: ManifestExcerpt) -> list[ManifestExcerpt]:
    """Write the manifests of runs, the last one last, a day between two."""
    dated = [
        run.model_copy(update={"created": run.created + timedelta(days=number)})
        for number, run in enumerate(found)
    ]
    for run in dated:
        folder = run_folder.folder(Workspace(root), run.run_id)
        folder.mkdir(parents=True)
        (folder / run_folder.MANIFEST).write_bytes(json_digest.dumps(run.model_dump(mode="json")))
    return dated
