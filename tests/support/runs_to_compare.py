"""Complete run folders, made without training: forty test images, some misclassified."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

import made_runs
from examples import write_npz
from reading import ingest
from sightline.config import loading
from sightline.evaluation.intervals import wilson
from sightline.experiments import run_folder
from sightline.records import (
    Calibration,
    ClassMetrics,
    DatasetFiles,
    Evaluation,
    FileRecord,
    Run,
    StageTime,
)
from sightline.records.manifest import RunManifest
from sightline.storage.workspace import Workspace

HOSTILE = "<script>alert(1)</script> [bold]x[/bold] \x1b[2J"
CLASSES = (HOSTILE, "b", "c", "d")
IMAGES = 40
ENVIRONMENT = {"python": "3.11.7", "cores": 2, "versions": {"keras": "3.15.1"}, "variables": {}}
TRAINING = {"backend": "tensorflow", "threads": "automatic", "deterministic": "true"}


def ingested(root: Path, folder: Path) -> DatasetFiles:
    """Read a small data set into the cache; one of its classes has a hostile name."""
    run = Run(id="ingest", workspace=Workspace(root))
    files = ingest(run, write_npz(folder / "textures.npz"))
    return files.model_copy(update={"class_names": CLASSES})


def publish(
    root: Path,
    run_id: str,
    files: DatasetFiles,
    wrong: Collection[int],
    *,
    environment: dict[str, Any] = ENVIRONMENT,
    overrides: Collection[str] = (),
    weights: str = "a",
) -> RunManifest:
    """Write the folder of a run that gets some rows wrong, later rows with more confidence."""
    folder = run_folder.folder(Workspace(root), run_id)
    predictions = made_runs.write_table(folder / "predictions.parquet", predictions_of(wrong))
    columns = ("accuracy", "loss", "val_accuracy", "val_loss")
    curves = {"epoch": [1, 2]} | {name: [0.5, 0.9] for name in columns}
    history = made_runs.write_table(folder / "history.parquet", curves)
    trained = made_runs.trained(
        weights_sha256=weights * 64, history=history, epochs=2, environment=TRAINING
    )
    manifest = made_runs.manifest(
        run_id,
        made_runs.stages(files, train=trained, evaluate=_evaluation(wrong, predictions)),
        config=loading.load("tutorial", overrides=list(overrides)),
        environment=environment,
        stages={"ingest": StageTime(seconds=1.25, cached=True)},
        files={"predictions.parquet": predictions, "history.parquet": history},
    )
    made_runs.write(root, manifest)
    return manifest


def predictions_of(wrong: Collection[int]) -> dict[str, object]:
    """Return the columns of a predictions table."""
    rows = np.arange(IMAGES)
    labels = rows % len(CLASSES)
    predicted = np.where(np.isin(rows, list(wrong)), (labels + 1) % len(CLASSES), labels)
    probabilities = np.empty((IMAGES, len(CLASSES)), np.float32)
    probabilities[:] = (0.5 - rows[:, np.newaxis] / 100) / (len(CLASSES) - 1)
    probabilities[rows, predicted] = 0.5 + rows / 100
    columns: dict[str, object] = {"index": rows, "label": labels, "predicted": predicted}
    columns["source"] = [f"[b]{row}.png" for row in rows]
    return columns | {f"probability_{n}": probabilities[:, n] for n in range(len(CLASSES))}


def _evaluation(wrong: Collection[int], predictions: FileRecord) -> Evaluation:
    size = IMAGES // len(CLASSES)
    right = [size - sum(row % len(CLASSES) == n for row in wrong) for n in range(len(CLASSES))]
    classes = tuple(
        ClassMetrics(
            class_name=name,
            precision=0.9,
            recall=hits / size,
            f1=hits / size,
            support=size,
            recall_interval=wilson(hits, size),
        )
        for name, hits in zip(CLASSES, right, strict=True)
    )
    return made_runs.evaluated(
        predictions=predictions,
        accuracy=1 - len(wrong) / IMAGES,
        accuracy_interval=wilson(IMAGES - len(wrong), IMAGES),
        balanced_accuracy=sum(right) / IMAGES,
        loss=0.1 + len(wrong) / 100,
        top_k={2: 1.0},
        intervals={"loss": (0.1, 0.2)},
        classes=classes,
        calibration=Calibration(bins=(), error=0.01),
    )
